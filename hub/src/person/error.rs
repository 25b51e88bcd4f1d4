//! Why a command about a person failed. No text names the person.

use std::{io, path::PathBuf};

use engine::StillOpen;
use people::NotErased;
use protocol::PlayerId;

use crate::{
    control::{AskError, SOCKET},
    recovery,
    utc::utc,
    verify::signed,
};

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
        "a hub serves from {directory}, or another command writes there: stop it, and call this again. The master key cannot be \
         changed while a hub serves"
    )]
    Serves {
        /// Where.
        directory: String,
    },
    /// Somebody has the log and cannot be asked.
    #[error(
        "a hub serves from {directory}, or another command writes there, and nobody answers at {SOCKET}. The log messages of its \
         start say why; while it starts or stops, wait"
    )]
    Deaf {
        /// Where.
        directory: String,
    },
    /// The hub that serves could not be asked.
    #[error("failed to ask the hub that serves")]
    Ask(#[from] AskError),
    /// The hub that serves has not erased the person, for this reason.
    #[error("{0}")]
    Refused(String),
    /// The serving hub erases somebody else.
    #[error("another person is being erased: wait for it")]
    Busy,
    /// The log of the serving hub takes no records.
    #[error(
        "the log takes no records now, so nobody can be erased; the hub's log messages say why. Nothing was changed"
    )]
    NoRecords,
    /// A session does not end.
    #[error(
        "a session of player {player} has not ended within {seconds} s. Nothing was changed: call this again"
    )]
    SessionStays {
        /// The player.
        player: PlayerId,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The hub ends.
    #[error(
        "the hub ends, and it is not known whether the erasure is recorded. If it is, the next start carries it out: call this again"
    )]
    Ends,
    /// The people store of the serving hub cannot be asked or written.
    #[error("the people store cannot be used. Nothing was changed")]
    Store(#[source] NotErased),
    /// The record is in the log of the serving hub, and its people store could not be changed.
    #[error(
        "player {player} is recorded as erased and cannot sign in any more, and the people store still has the person: call this \
         again, or start the hub again, which does it"
    )]
    Unforgotten {
        /// The player.
        player: PlayerId,
        /// Why.
        source: NotErased,
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
            Self::Excluded { until } => {
                let until = until.map_or_else(|| "for good".into(), |until| format!("until {}", utc(until)));
                format!(
                    "the player is excluded from play {until}; give --excluded, so that the person stays excluded"
                )
            }
            Self::Frozen { until: Some(until) } => {
                format!(
                    "the player is frozen until {until} (milliseconds since 1970); lift the freeze, or wait"
                )
            }
        }
    }
}
