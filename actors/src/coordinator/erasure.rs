//! The erasure of a player, as the coordinator decides it: in a turn of its own, between two envelopes.
//!
//! What was queued before it is decided before it, and may keep the player. What is queued behind it finds the player erased
//! and leaves no record (`E8`). The people store forgets the person only when the record is on disk: that is for whoever has
//! asked, and for the next start if there is a crash before.

use actix::prelude::*;
use engine::{DIGEST_EVERY, Erasable, Fact, StillOpen};

use super::{Coordinator, PART, abort};
use crate::{
    clock::now_ms,
    messages::{
        money::{ErasePlayer, Erasure},
        output::Output,
    },
    panics::AbortOnPanic,
};

impl Handler<ErasePlayer> for Coordinator {
    type Result = ();

    fn handle(&mut self, asked: ErasePlayer, _: &mut Context<Self>) {
        let _guard = AbortOnPanic(PART);
        let ErasePlayer { player, excluded, record, answer: to } = asked;
        let now = now_ms();
        let erasable = self.books.borrow().erasable(player, excluded, now);
        let erasure = match erasable {
            Erasable::Now if record => {
                let fact = Fact::Erased { player, excluded };
                let recorded = self.books.borrow_mut().record_fact(fact, now, DIGEST_EVERY);
                let mut records = recorded.unwrap_or_else(|misfit| abort(&misfit)).into_iter();
                let erased = records.next().expect("a fact has a record");
                let erasure = Erasure::Recorded(erased.0);
                self.append(erased, Output::Erasure { to, erasure });
                return records.for_each(|digest| self.append(digest, Output::Nothing));
            }
            Erasable::Now => Erasure::Possible,
            Erasable::Before => Erasure::Before,
            Erasable::Not(open) => Erasure::Open { open, scale: self.scale(&open) },
        };
        self.journal.barrier(Output::Erasure { to, erasure });
    }
}

impl Coordinator {
    /// Decimals of the currency of what is open.
    fn scale(&self, open: &StillOpen) -> u32 {
        open.currency().and_then(|currency| self.books.borrow().facts().scale(currency)).unwrap_or_default()
    }
}
