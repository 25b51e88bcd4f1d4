//! Keeping a player out while the person is erased: the sessions are closed, and none begins.

use std::sync::Arc;

use protocol::{CloseCode, PlayerId};
use socket::Slot;

use crate::{
    admission::Admission,
    messages::{reply::SessionRef, worker::ToWorker},
    workers::Workers,
};

/// While this is there, no session of the player begins. Dropped, the player may come back; [`Eviction::for_good`] leaves the
/// player out until the process ends.
#[derive(Debug)]
pub struct Eviction {
    admission: Arc<Admission>,
    player: PlayerId,
    ends: bool,
}

impl Eviction {
    /// Shuts a player out, and closes the sessions that are there. Their clients do not come back by themselves.
    #[must_use]
    pub fn begin(player: PlayerId, admission: &Arc<Admission>, workers: &Workers) -> Self {
        let close = |(worker, slot): (u16, Slot)| {
            let session = SessionRef { worker, slot };
            workers.send(worker, ToWorker::Hangup { session, code: CloseCode::TokenInvalid });
        };
        admission.shut_out(player).into_iter().for_each(close);
        Self { admission: admission.clone(), player, ends: true }
    }

    /// Whether no session of the player is left. Each ends within the time that a client has to answer a close frame.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.admission.sessions(self.player) == 0
    }

    /// The player was erased: nobody comes in under this id any more.
    pub fn for_good(mut self) {
        self.ends = false;
    }
}

impl Drop for Eviction {
    fn drop(&mut self) {
        if self.ends {
            self.admission.let_in(self.player);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{admission::NotArrived, rig};

    #[actix::test]
    async fn a_player_is_out_while_it_lasts_and_only_for_good_when_the_erasure_was_recorded() {
        let admission = rig::admission();
        let (workers, mut mailboxes) = Workers::new(2, 1);
        let (player, session) = (PlayerId(7), (1, Slot { index: 3, generation: 5 }));
        let arrive = || admission.arrive(player, session, 0);
        assert_eq!(arrive(), Ok(()));
        let eviction = Eviction::begin(player, &admission, &workers);
        let told = mailboxes[1].next().await;
        let ToWorker::Hangup { session: closed, code } = told else { panic!("another message: {told:?}") };
        assert_eq!((closed, code), (SessionRef { worker: 1, slot: session.1 }, CloseCode::TokenInvalid));
        assert!(!eviction.is_over() && !CloseCode::reconnect(code.number()));
        admission.leave(player, session);
        assert!(eviction.is_over());
        assert_eq!(arrive(), Err(NotArrived::ShutOut));
        drop(eviction);
        assert_eq!(arrive(), Ok(()), "the erasure was refused");
        admission.leave(player, session);
        Eviction::begin(player, &admission, &workers).for_good();
        assert_eq!(arrive(), Err(NotArrived::ShutOut));
    }
}
