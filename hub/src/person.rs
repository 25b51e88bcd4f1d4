//! `hub person`: what the people store has of one person, and its erasure.
//!
//! Finding and exporting read, and may run beside a hub that serves. Erasing is done by the hub that serves, which is asked over
//! its control socket, or under the lock of the log when none does ([`serving`]). Changing the master key takes the
//! lock: no hub may run. An erasure is recorded in the log first, by the random id alone. From then on it is carried out, by
//! the same process or, after a crash or on a restored older store, by the next start (`E8`, ADR-0027).
//!
//! Only `find` and `export` print a name. No error has one.

mod erase;
mod error;
mod find;
mod named;
mod opened;
mod rotate;
mod serving;
mod whom;

use std::io::Write;

pub use self::{error::Error, serving::Erasing, whom::Whom};
use crate::config::Loaded;

/// What is done with a person.
#[derive(Debug, Clone, PartialEq, Eq, clap::Subcommand)]
pub enum PersonTask {
    /// Print the player id and the name of a person
    ///
    /// May run beside a hub that is serving.
    #[command(after_help = "Since 0.2.")]
    Find {
        /// Whom.
        #[command(flatten)]
        whom: Whom,
    },
    /// Print everything that the people store has of a person as JSON, and how many records of the log name the id
    ///
    /// Reads the whole log. May run beside a hub that is serving.
    #[command(after_help = "Since 0.2.")]
    Export {
        /// Whom.
        #[command(flatten)]
        whom: Whom,
    },
    /// Erase a person: destroy the key of the name, remove the row, and record it in the log by the random id
    ///
    /// A hub that serves is asked to do it: it closes the sessions of the player, and play of all others goes on. Without one
    /// it is done under the lock of the log. Refused while the player has a balance, a hold, a freeze or an exclusion from play. What the log has of
    /// the player id stays. On a people store that was restored from before, the next start erases the person again.
    #[command(after_help = "Since 0.2.")]
    Erase {
        /// Whom.
        #[command(flatten)]
        whom: Whom,
        /// Keep the person excluded: who comes back under the same name is refused. Takes the place of a freeze and of an exclusion from play. Since 0.2
        #[arg(long)]
        excluded: bool,
    },
    /// Put the people store under the master key HUB_PEOPLE_KEY instead of HUB_PEOPLE_KEY_OLD
    ///
    /// No hub may run on the directory. If it is interrupted, run it again with the same two keys.
    #[command(after_help = "Since 0.2.")]
    RotateKey,
}

impl PersonTask {
    /// Carries it out; the answer is written to `output`.
    ///
    /// # Errors
    /// Why it was not done.
    pub fn run(&self, loaded: &Loaded, output: &mut impl Write) -> Result<(), Error> {
        match self {
            Self::Find { whom } => find::find(loaded, whom, output),
            Self::Export { whom } => find::export(loaded, whom, output),
            Self::Erase { whom, excluded } => erase::erase(loaded, whom, *excluded, output),
            Self::RotateKey => rotate::rotate(loaded, output),
        }
    }
}
