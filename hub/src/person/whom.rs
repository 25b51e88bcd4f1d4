//! Whom a command is about.

use protocol::PlayerId;

use crate::config::Loaded;

/// Whom a command is about.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct Whom {
    /// The name at the issuer: the subject of the tokens. Since 0.2
    #[arg(long, value_name = "NAME", required_unless_present = "id", conflicts_with = "id")]
    pub(super) subject: Option<String>,
    /// Who issues the tokens, if it is not auth.issuer. Since 0.2
    #[arg(long, value_name = "ISSUER", requires = "subject")]
    pub(super) issuer: Option<String>,
    /// The player id instead of the name: 32 hexadecimal digits. Since 0.2
    #[arg(long, value_name = "ID")]
    pub(super) id: Option<PlayerId>,
}

impl Whom {
    /// Who issues the tokens of the person.
    pub(super) fn issuer<'a>(&'a self, loaded: &'a Loaded) -> &'a str {
        self.issuer.as_deref().unwrap_or(&loaded.config.auth.issuer)
    }
}
