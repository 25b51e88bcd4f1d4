//! What the state store has said beside the turn, and what became of a key: a player's, for a session, and any, for whoever
//! has its id.

use engine::KeptKey;

use super::*;

impl Handler<LookedUp> for Coordinator {
    type Result = ();

    fn handle(&mut self, LookedUp { question, found }: LookedUp, _: &mut Context<Self>) {
        let _guard = AbortOnPanic(PART);
        match (question, found) {
            (AsideQuestion::Submit(submit), found) => {
                let Submit { envelope, origin } = *submit;
                let id = envelope.id();
                self.came_back(id);
                match found {
                    Ok(found) => self.turn(envelope, origin, Some(&found)),
                    Err(unreadable) => {
                        let wait_ms = self.asides.failed(&unreadable, self.journal.condition());
                        self.not_now(id, origin, wait_ms);
                    }
                }
            }
            (AsideQuestion::Find(ask), Ok(found)) => self.find_key(ask, Some(&found)),
            (AsideQuestion::Find(_), Err(unreadable)) => {
                let _ = self.asides.failed(&unreadable, self.journal.condition());
            }
            (AsideQuestion::Outcome(ask), Ok(found)) => self.answer_outcome(ask, Some(&found)),
            (AsideQuestion::Outcome(GetOutcome { to, .. }), Err(unreadable)) => {
                let failure = self.asides.failure(&unreadable, self.journal.condition());
                self.journal.barrier(Output::Reply(to, Box::new(Reply::Error(failure))));
            }
        }
    }
}

/// Whether an id has an outcome, only the state store can tell; or an envelope with it is still to have its turn, and a look-up
/// behind its own waits for that.
struct NotKnownYet;

impl Coordinator {
    /// The outcome under an id, if it has one; `found` is what was looked up for it.
    fn known(&self, id: TxId, found: Option<&Found>) -> Result<Option<KeptKey>, NotKnownYet> {
        match self.books.borrow().key_state(id, found) {
            KeyState::Known(kept) => Ok(Some(kept)),
            KeyState::New if !self.looking_up.contains_key(&id) => Ok(None),
            KeyState::New | KeyState::Older(_) => Err(NotKnownYet),
        }
    }

    /// Answers what became of a key, or looks it up first.
    fn answer_outcome(&self, ask: GetOutcome, found: Option<&Found>) {
        let id = TxId::of_key(ask.player, &ask.key);
        let Ok(kept) = self.known(id, found) else {
            return self.look_up(id, AsideQuestion::Outcome(ask));
        };
        let GetOutcome { key, to, .. } = ask;
        let outcome = match kept.map(|(_, outcome)| outcome) {
            None => KeyOutcome::Unknown,
            Some(Outcome::Refused { code, .. }) => {
                KeyOutcome::Refused { code: code.into(), name: code.name().into() }
            }
            Some(Outcome::Done(done)) => match receipt(key, &done, &self.currencies) {
                Some(receipt) => KeyOutcome::Accepted { receipt },
                None => return self.no_receipt(to),
            },
            Some(Outcome::Changed { lsn }) => KeyOutcome::Changed { lsn },
        };
        self.journal.barrier(Output::Reply(to, Box::new(Reply::Outcome { key, outcome })));
    }

    /// Answers what became of an id, or looks it up first.
    fn find_key(&self, ask: FindKey, found: Option<&Found>) {
        match self.known(ask.id, found) {
            Ok(kept) => self.journal.barrier(Output::Outcome(ask.answer, kept)),
            Err(NotKnownYet) => self.look_up(ask.id, AsideQuestion::Find(ask)),
        }
    }

    /// The outcome stands and must be told, but it is not a bet's and has no receipt to show.
    fn no_receipt(&self, to: ReplyTo) {
        let failure = Failure::with(ErrorCode::Internal, "the receipt cannot be shown");
        self.journal.barrier(Output::Reply(to, Box::new(Reply::Error(failure))));
    }
}

impl Handler<GetOutcome> for Coordinator {
    type Result = ();

    fn handle(&mut self, ask: GetOutcome, _: &mut Context<Self>) {
        let _guard = AbortOnPanic(PART);
        self.answer_outcome(ask, None);
    }
}

impl Handler<FindKey> for Coordinator {
    type Result = ();

    fn handle(&mut self, ask: FindKey, _: &mut Context<Self>) {
        let _guard = AbortOnPanic(PART);
        self.find_key(ask, None);
    }
}
