//! Questions of requests to the read model, and the wait for a record to be in it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actors::{
    followers::{Progress, read_model::KeptReadModel},
    messages::output::Output,
};
use journal::{Journal, Lsn};
use readmodel::{AsOf, ModelView, NotAnswered, ReadModel};

use super::parameters::Parameters;
use crate::edge::error::{Error, Kind};

/// Longest time for one question.
const WITHIN: Duration = Duration::from_secs(2);
/// Longest wait for a record to be in the read model.
const REACHES_WITHIN: Duration = Duration::from_secs(5);
/// What is wrong about a place in the log.
pub(super) const WRONG_LSN: &str = "the place of a record is a number";
/// How often it is looked whether it is there.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The read model of a running house.
pub(super) struct Reads {
    model: ReadModel,
    committed: Progress,
    journal: Journal<Output>,
}

impl Reads {
    /// The one that a follower keeps, of a log.
    pub fn of(kept: &KeptReadModel, journal: Journal<Output>) -> Self {
        Self { model: kept.read(), committed: kept.progress(), journal }
    }

    /// For how long there have been records that it does not have.
    pub fn behind(&self) -> Duration {
        self.committed.age()
    }

    /// Asks, and waits for the answer. No thread waits meanwhile.
    ///
    /// # Errors
    /// `busy` or `unavailable`.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&ModelView<'_>) -> Result<T, readmodel::Error> + Send + 'static,
    ) -> Result<(AsOf, T), Error> {
        let (sender, answer) = tokio::sync::oneshot::channel();
        self.tell(question, move |told| {
            // Whoever asked may have gone.
            let _ = sender.send(told);
        });
        match answer.await {
            Ok(answer) => answer.map_err(|why| refused(&why)),
            Err(_) => Err(refused(&NotAnswered::Gone)),
        }
    }

    /// Asks, and calls `told` with the answer.
    pub fn tell<T: Send + 'static>(
        &self,
        question: impl FnOnce(&ModelView<'_>) -> Result<T, readmodel::Error> + Send + 'static,
        told: impl FnOnce(Result<(AsOf, T), NotAnswered>) + Send + 'static,
    ) {
        self.model.ask(WITHIN, question, told);
    }

    /// Waits until the tables have the record of the parameter `at_least`, if it is given.
    ///
    /// # Errors
    /// `malformed`, or as [`Reads::reaches`].
    pub async fn has(&self, parameters: &Parameters) -> Result<(), Error> {
        match parameters.parsed("at_least", WRONG_LSN)? {
            Some(lsn) => self.reaches("at_least", lsn).await,
            None => Ok(()),
        }
    }

    /// Waits until a record that a parameter names is in the tables.
    ///
    /// # Errors
    /// `not_recorded` when the log does not have it; `unavailable` when the tables do not have it in time.
    pub async fn reaches(&self, parameter: &'static str, lsn: u64) -> Result<(), Error> {
        is_recorded(&self.journal, parameter, lsn)?;
        let began = Instant::now();
        while self.model.builds() || self.model.lsn() < lsn {
            if began.elapsed() >= REACHES_WITHIN {
                let words = format!("the read model has the log up to record {}", self.model.lsn());
                return Err(Error::new(Kind::Unavailable, words).field(parameter));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

/// Whether a record that a parameter names is on disk.
///
/// # Errors
/// `not_recorded`.
pub(super) fn is_recorded(log: &Journal<Output>, parameter: &'static str, lsn: u64) -> Result<(), Error> {
    let last = log.durable();
    if Lsn(lsn) > last {
        let words = format!("the last record of the log is {}", last.0);
        return Err(Error::new(Kind::NotRecorded, words).field(parameter));
    }
    Ok(())
}

/// The read model, if there is one.
///
/// # Errors
/// `unavailable`.
pub(super) fn kept(reads: &Option<Arc<Reads>>) -> Result<&Arc<Reads>, Error> {
    reads
        .as_ref()
        .ok_or_else(|| Error::new(Kind::Unavailable, "this hub keeps no read model (option read_model.on)"))
}

pub(super) fn refused(why: &NotAnswered) -> Error {
    let kind = match why {
        NotAnswered::Busy => Kind::Busy,
        NotAnswered::Builds { .. } | NotAnswered::TooLong | NotAnswered::Failed(_) | NotAnswered::Gone => {
            Kind::Unavailable
        }
    };
    Error::new(kind, why.to_string())
}
