//! Why a command about a person failed. No text names the person.

use std::{io, path::PathBuf};

use engine::StillOpen;
use protocol::PlayerId;

use crate::{recovery, verify::signed};

/// The command about a person failed. No text names the person.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing is there.
    #[error("there is no log in {0}")]
    NoLog(String),
    /// The log or the people store is refused, as a start would.
    #[error("failed to use the log in {directory}")]
    Log {
        /// Where.
        directory: PathBuf,
        /// Why.
        source: Box<recovery::Error>,
    },
    /// Nobody was ever enrolled.
    #[error("there is no people store in {}", .0.display())]
    NoStore(PathBuf),
    /// The name or the id is nobody's.
    #[error("nobody has this name or id here")]
    Nobody,
    /// The name cannot be one.
    #[error("an issuer and a subject have 1 to 256 bytes each")]
    NoName,
    /// Who asks by name was excluded and erased: the id is not known any more.
    #[error("the person with this name was excluded and erased")]
    Excluded,
    /// The player was erased.
    #[error("player {0} was erased")]
    Erased(PlayerId),
    /// Who was erased cannot be excluded later.
    #[error(
        "player {0} was erased before, and without --excluded: nothing says any more who the person was, so nobody can be \
         recognised. Nothing was changed"
    )]
    ErasedBefore(PlayerId),
    /// A hub has the lock.
    #[error(
        "a hub serves from {directory}, or another command writes there: stop it, and call this again. A person cannot be \
         erased, and the master key not be changed, while a hub serves in this release"
    )]
    Serves {
        /// Where.
        directory: String,
    },
    /// Something of the player is open.
    #[error("player {player} cannot be erased: {}", .open.in_words(*.scale))]
    Open {
        /// The player.
        player: PlayerId,
        /// What it is.
        open: StillOpen,
        /// Decimals of the currency.
        scale: u32,
    },
    /// The record is in the log, and the store could not be changed.
    #[error(
        "player {player} is recorded as erased, and the people store could not be changed: the next start does it"
    )]
    Unfinished {
        /// The player.
        player: PlayerId,
        /// Why.
        source: Box<people::Error>,
    },
    /// There is no key to change from.
    #[error(
        "the master key that is replaced is not given: set HUB_PEOPLE_KEY_OLD or people.old_key_file to it, and HUB_PEOPLE_KEY to the new one"
    )]
    NoOldKey,
    /// The people store could not be changed.
    #[error("failed to change the people store")]
    People(#[source] Box<people::Error>),
    /// The answer could not be written.
    #[error("failed to write the answer")]
    Write(#[from] io::Error),
}

impl From<people::Error> for Error {
    fn from(error: people::Error) -> Self {
        Self::People(Box::new(error))
    }
}

/// What keeps a player, for the operator.
trait InWords {
    /// With amounts in this many decimals.
    fn in_words(&self, scale: u32) -> String;
}

impl InWords for StillOpen {
    fn in_words(&self, scale: u32) -> String {
        match *self {
            Self::Money { domain, currency, posted } => {
                format!(
                    "there is a balance of {} {currency} in {}; pay it out first",
                    signed(posted, scale),
                    domain.name()
                )
            }
            Self::Held { domain, currency, amount } => {
                format!(
                    "{} {currency} are held in {}; let the round or payment end first",
                    signed(amount, scale),
                    domain.name()
                )
            }
            Self::Frozen { until: None } => {
                "the player is frozen; lift the freeze, or give --excluded if the person is to stay excluded"
                    .into()
            }
            Self::Frozen { until: Some(until) } => {
                format!(
                    "the player is frozen until {until} (milliseconds since 1970); lift the freeze, or wait"
                )
            }
        }
    }
}
