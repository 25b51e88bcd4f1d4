//! Proposals that wait for approval, and how they have ended: read for whoever asks.

use domains::{
    approval::{EndedProposal, Proposal, ProposalId},
    reversal::Reversed,
    rows::Rows,
};

use super::*;
use crate::messages::money::{GetProposals, PROPOSALS_MAX, ProposalsFound, WhichProposals};

impl Handler<GetProposals> for Coordinator {
    type Result = ();

    fn handle(&mut self, GetProposals { which, answer }: GetProposals, _: &mut Context<Self>) {
        let _guard = AbortOnPanic(PART);
        let books = self.books.borrow();
        let (lsn, now) = (books.lsn(), now_ms().max(books.time()));
        let rows = &books.domains().rows;
        let (open, ended, more) = match which {
            WhichProposals::Open => {
                let (open, more) = waiting(rows, now);
                (open, None, more)
            }
            WhichProposals::One(id) => one(rows, id),
            WhichProposals::ReversalOf(id) => match rows.get(&id.0.to_be_bytes()) {
                Some(Reversed { proposal, .. }) => one(rows, proposal),
                None => (Vec::new(), None, false),
            },
        };
        let found = ProposalsFound { lsn, now, open, ended, more };
        self.journal.barrier(Output::Proposals(answer, Box::new(found)));
    }
}

/// Those that wait, the one that has ended, and whether there are more.
type Answered = (Vec<(ProposalId, Proposal)>, Option<(ProposalId, EndedProposal)>, bool);

fn one(rows: &Rows, id: ProposalId) -> Answered {
    let key = id.0.to_be_bytes();
    let open = rows.get(&key).map(|proposal| (id, proposal));
    (open.into_iter().collect(), rows.get(&key).map(|ended| (id, ended)), false)
}

/// Those that wait, the oldest first; behind them those whose time is over; and whether there are more.
fn waiting(rows: &Rows, now: u64) -> (Vec<(ProposalId, Proposal)>, bool) {
    let id = |bytes: &[u8]| bytes.try_into().ok().map(|id| ProposalId(u128::from_be_bytes(id)));
    let mut open: Vec<_> =
        rows.of::<Proposal>().filter_map(|(key, proposal)| Some((id(key.as_bytes())?, proposal))).collect();
    open.sort_by_key(|(id, proposal)| (proposal.until <= now, proposal.made, *id));
    let more = open.len() > PROPOSALS_MAX;
    open.truncate(PROPOSALS_MAX);
    (open, more)
}
