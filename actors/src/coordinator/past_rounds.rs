//! The last rounds of a table: those that are in memory, and before them those of the state store, which are read beside the
//! turn. The answer waits in the journal's queue behind the records that it shows.

use actix::prelude::*;
use engine::last_rounds;

use super::{Coordinator, PART};
use crate::{
    messages::{money::GetPastRounds, output::Output},
    panics::AbortOnPanic,
};

impl Handler<GetPastRounds> for Coordinator {
    type Result = ();

    fn handle(&mut self, GetPastRounds { table, newest, gaps }: GetPastRounds, _: &mut Context<Self>) {
        let _guard = AbortOnPanic(PART);
        let books = self.books.borrow();
        let recent: Vec<_> = books.recent_rounds(table).copied().collect();
        let (store, journal, asides) = (books.store(), self.journal.clone(), self.asides.clone());
        self.asides.run(move || {
            let rounds = last_rounds(&*store, table, newest, &recent, gaps);
            let rounds = rounds.map_err(|unreadable| asides.failure(&unreadable, journal.condition()));
            journal.barrier(Output::PastRounds { table, rounds });
        });
    }
}
