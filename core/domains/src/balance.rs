//! The balance domain: what the operator owes each player, available and held.
//!
//! A stake is held when its bet is taken, posted when its round settles, and voided when the bet is taken back or its
//! round is void. This domain also keeps each player's last results and counts the events of the player's channel,
//! so that replay restores both.

use std::collections::{VecDeque, hash_map::Entry};

use ledger::{
    AccountId, Digest, Domain, Draft, HoldId, Ledger, Move, Rejection, Transfer, fingerprint, text_word,
};
use protocol::{Currency, PlayerId};
use rustc_hash::FxHashMap;

use crate::{
    StateMachine, clearing,
    notice::{Funds, Notice, What},
    open, post,
};

/// Settled rounds kept for each player.
pub const RESULTS_MAX: usize = 50;

/// The state machine of players' accounts.
#[derive(Debug, Clone, Default)]
pub struct Balance {
    ledger: Ledger,
    players: FxHashMap<PlayerId, Player>,
    digest: Digest,
}

/// What the domain keeps of a player besides the accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Player {
    /// Number of events on the player's channel so far, which is the offset of the newest.
    pub events: u64,
    /// The last settled rounds, newest first, with the time they were settled.
    pub results: VecDeque<(u64, Notice)>,
    /// Fingerprint of the results, updated with each one added or dropped.
    digest: Digest,
}

/// The commands of the balance domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Opens a player's account unless it is open.
    Open(PlayerId, Currency),
    /// Reserves a stake, to be collected later.
    Hold {
        /// The hold's id: that of the transaction.
        hold: HoldId,
        /// The player.
        player: PlayerId,
        /// The currency.
        currency: Currency,
        /// Minor units.
        amount: i128,
    },
    /// Gives a held stake back.
    Release(HoldId),
    /// Hands a held stake over to the domain it was held for.
    Post(HoldId),
    /// Pays a player, out of another domain.
    Credit {
        /// The player.
        player: PlayerId,
        /// The currency.
        currency: Currency,
        /// Minor units.
        amount: i128,
        /// The domain that pays.
        from: Domain,
    },
    /// Takes from a player, into another domain.
    Debit {
        /// The player.
        player: PlayerId,
        /// The currency.
        currency: Currency,
        /// Minor units.
        amount: i128,
        /// The domain that receives.
        to: Domain,
    },
}

impl crate::Command for Command {
    const DOMAIN: Domain = Domain::Balance;

    fn draft(&self, draft: &mut Draft<'_>) -> Result<(), Rejection> {
        match *self {
            Command::Open(player, currency) => open(draft, AccountId::cash(player, currency)),
            Command::Hold { hold, player, currency, amount } => {
                let debit = AccountId::cash(player, currency);
                let credit = clearing(Domain::Collections, currency);
                draft.add(Move::Hold(hold, Transfer { debit, credit, amount }))
            }
            Command::Release(hold) => draft.add(Move::VoidHold(hold)),
            Command::Post(hold) => draft.add(Move::PostHold(hold)),
            Command::Credit { player, currency, amount, from } => {
                post(draft, clearing(from, currency), AccountId::cash(player, currency), amount)
            }
            Command::Debit { player, currency, amount, to } => {
                post(draft, AccountId::cash(player, currency), clearing(to, currency), amount)
            }
        }
    }
}

impl StateMachine for Balance {
    type Command = Command;

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }
}

impl Balance {
    /// The player's funds in a currency, if the account is open.
    #[must_use]
    pub fn funds(&self, player: PlayerId, currency: Currency) -> Option<Funds> {
        self.ledger.account(&AccountId::cash(player, currency)).map(Funds::from)
    }

    /// What else is kept of a player.
    #[must_use]
    pub fn player(&self, player: PlayerId) -> Option<&Player> {
        self.players.get(&player)
    }

    /// Every player with events, in no particular order.
    pub fn players(&self) -> impl Iterator<Item = (PlayerId, &Player)> {
        self.players.iter().map(|(id, player)| (*id, player))
    }

    /// Restores a player from a checkpoint: the number of events so far, and the results, newest first.
    pub fn put_player(&mut self, id: PlayerId, events: u64, results: VecDeque<(u64, Notice)>) {
        let mut digest = Digest::default();
        results.iter().for_each(|(time, notice)| digest.add(result_print(*time, notice)));
        let player = Player { events, results, digest };
        self.digest.add(player_print(id, &player));
        if let Some(before) = self.players.insert(id, player) {
            self.digest.remove(player_print(id, &before));
        }
    }

    /// Counts an event of the player's channel, and keeps it when it is a result. Returns its offset, from 1.
    pub fn note(&mut self, time: u64, notice: &Notice) -> u64 {
        let player = match self.players.entry(notice.player) {
            Entry::Occupied(known) => {
                self.digest.remove(player_print(notice.player, known.get()));
                known.into_mut()
            }
            Entry::Vacant(new) => new.insert(Player::default()),
        };
        player.events += 1;
        match notice.what {
            What::Settled { .. } | What::Voided { .. } => {
                while player.results.len() >= RESULTS_MAX
                    && let Some((time, oldest)) = player.results.pop_back()
                {
                    player.digest.remove(result_print(time, &oldest));
                }
                player.digest.add(result_print(time, notice));
                player.results.push_front((time, notice.clone()));
            }
            What::Deposit | What::Stake | What::Release => {}
        }
        self.digest.add(player_print(notice.player, player));
        player.events
    }

    /// Fingerprint of what this domain keeps besides its ledger.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

fn player_print(id: PlayerId, player: &Player) -> u128 {
    let results = player.digest.0;
    fingerprint(&[
        id.0 as u64,
        (id.0 >> 64) as u64,
        player.events,
        player.results.len() as u64,
        results as u64,
        (results >> 64) as u64,
    ])
}

fn result_print(time: u64, notice: &Notice) -> u128 {
    let (round, staked, returned, outcome) = match notice.what {
        What::Settled { round, staked, returned, outcome } => {
            (round, staked, returned, u64::from(outcome) + 1)
        }
        What::Voided { round, staked } => (round, staked, staked, 0),
        What::Deposit | What::Stake | What::Release => return 0,
    };
    let Notice { player, currency, before, after, .. } = notice;
    fingerprint(&[
        time,
        text_word(round.table.as_bytes()),
        round.number,
        player.0 as u64,
        (player.0 >> 64) as u64,
        text_word(currency.as_bytes()),
        staked as u64,
        returned as u64,
        outcome,
        before.available as u64,
        before.held as u64,
        after.available as u64,
        after.held as u64,
    ])
}
