//! The reversal of a transaction: what takes back every move of it, once (ADR-0048).
//!
//! A decision cannot read the log. So a reversal carries what it has to know of the transaction: where its record is, with the
//! record's hash, and the opposite of each of its moves. Whoever asks reads that in the log, and an auditor compares it with
//! the record. The decision asks what it can: whether the recipe is one that is reversed, whether the transaction was reversed
//! before, and every rule of the ledger.

use std::collections::BTreeMap;

use ledger::{
    AccountId, AccountKind, Domain, Leg, Move, OwnerKind, Rejection, Transfer,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::{Currency, PlayerId};
use sha2::{Digest as _, Sha256};

use crate::{
    Recipe, What,
    approval::ProposalId,
    decide::{Context, Deciding, RefusedBy},
    fields::{Field, Fields},
    limits,
    recipes::{CaptureHold, Collect, Credit, Debit, Deposit, PlayerWinnings, SettleRound},
    rows::{Row, RowImage},
};

/// The recipes whose transactions are reversed: those that move money and hold none.
pub const REVERSIBLE: [u16; 7] = [
    Deposit::KIND,
    SettleRound::KIND,
    Credit::KIND,
    Debit::KIND,
    CaptureHold::KIND,
    Collect::KIND,
    PlayerWinnings::KIND,
];

/// What takes back a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reversal {
    /// The transaction that is taken back.
    pub of: u128,
    /// The place of its record in the log.
    pub lsn: u64,
    /// The hash of its record, as the log counts it.
    pub hash: [u8; 32],
    /// The number of its recipe.
    pub recipe: u16,
    /// The opposite of its moves in each domain: transfers between accounts, in the order in which they are posted. What a
    /// player gets comes before what is taken.
    pub posts: Vec<(Domain, Vec<Transfer>)>,
}

impl Reversal {
    /// The currency; `None` when there is none, or more than one.
    #[must_use]
    pub fn currency(&self) -> Option<Currency> {
        let mut transfers = self.transfers();
        let currency = transfers.next()?.debit.currency;
        let same =
            |transfer: &Transfer| (transfer.debit.currency, transfer.credit.currency) == (currency, currency);
        self.transfers().all(same).then_some(currency)
    }

    /// How much is moved on players' accounts, whichever way, minor units: by this the rules ask for approvals.
    #[must_use]
    pub fn amount(&self) -> i128 {
        let of_players = self.transfers().filter(|transfer| {
            [transfer.debit, transfer.credit].iter().any(|account| account.owner.kind() == OwnerKind::Player)
        });
        of_players.fold(0, |sum, transfer| sum.saturating_add(transfer.amount))
    }

    /// SHA-256 of its only encoding.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut encoder = Encoder::plain(256);
        self.encode(&mut encoder);
        Sha256::digest(encoder.as_bytes()).into()
    }

    /// What each player has more than before, minor units; below zero, less.
    #[must_use]
    pub fn players(&self) -> BTreeMap<PlayerId, i128> {
        let mut players = BTreeMap::new();
        for Transfer { debit, credit, amount } in self.transfers() {
            for (account, change) in [(debit, -amount), (credit, *amount)] {
                if let Some(player) = account.owner.player() {
                    let sum: &mut i128 = players.entry(player).or_default();
                    *sum = sum.saturating_add(change);
                }
            }
        }
        players
    }

    fn transfers(&self) -> impl Iterator<Item = &Transfer> {
        self.posts.iter().flat_map(|(_, transfers)| transfers)
    }

    /// Posts it, and notes of the transaction that it is reversed.
    pub(crate) fn decide(
        &self,
        context: &Context<'_>,
        decision: &mut Deciding<'_>,
        proposal: ProposalId,
    ) -> Result<(), RefusedBy> {
        self.check(context).map_err(|rejection| (Domain::Adjustment, rejection))?;
        let currency = self.currency().ok_or((Domain::Adjustment, Rejection::NotReversible))?;
        for (domain, transfers) in &self.posts {
            transfers.iter().try_for_each(|transfer| decision.post(*domain, *transfer))?;
        }
        for (player, change) in self.players() {
            // Winnings that are taken back are no gain any more. What goes back to a player frees no limit before its period ends.
            if change < 0 && self.recipe == SettleRound::KIND {
                decision.ask(&limits::Command::TakeBack(player, currency, -change))?;
            }
            match change {
                0 => {}
                1.. => decision.tell(player, currency, What::Credit),
                _ => decision.tell(player, currency, What::Debit),
            }
        }
        let reversed = Reversed { by: context.id.0, proposal };
        decision.put(image(self.of, &reversed));
        Ok(())
    }

    /// Whether it may be, as far as that follows from what was reversed before.
    pub(crate) fn check(&self, context: &Context<'_>) -> Result<(), Rejection> {
        if context.view.rows().get::<Reversed>(&self.of.to_be_bytes()).is_some() {
            return Err(Rejection::ReversedBefore);
        }
        let cash = |transfer: &Transfer| {
            let players = [transfer.debit, transfer.credit].into_iter();
            players
                .filter(|account| account.owner.player().is_some())
                .all(|account| account.kind == AccountKind::Cash)
        };
        let known = REVERSIBLE.contains(&self.recipe) && self.currency().is_some();
        if known && self.transfers().all(cash) { Ok(()) } else { Err(Rejection::NotReversible) }
    }

    pub(crate) fn encode(&self, encoder: &mut Encoder) {
        let Self { of, lsn, hash, recipe, posts } = self;
        encoder.id(*of);
        encoder.uint((*lsn).into());
        encoder.raw(hash);
        encoder.uint((*recipe).into());
        encoder.uint(posts.len() as u128);
        for (domain, transfers) in posts {
            encoder.byte(*domain as u8);
            encoder.leg(&Leg { moves: transfers.iter().copied().map(Move::Post).collect() });
        }
    }

    pub(crate) fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let (of, lsn, hash, recipe) = (decoder.id()?, decoder.u64()?, decoder.array()?, decoder.u16()?);
        let count = decoder.count()?;
        if count > Domain::ALL.len() {
            return Err(DecodeError::OutOfRange("the domains of a reversal"));
        }
        let posts = (0..count).map(|_| {
            let (domain, leg) = (decoder.domain()?, decoder.leg()?);
            let transfers = leg.moves.into_iter().map(|change| match change {
                Move::Post(transfer) => Ok(transfer),
                _ => Err(DecodeError::Unknown("move of a reversal")),
            });
            Ok((domain, transfers.collect::<Result<_, _>>()?))
        });
        Ok(Self { of, lsn, hash, recipe, posts: posts.collect::<Result<_, _>>()? })
    }

    pub(crate) fn fields(&self) -> Fields {
        let Self { of, lsn, hash, recipe, posts } = self;
        let post = |domain: Domain, Transfer { debit, credit, amount }: &Transfer| {
            vec![
                ("domain", Field::Text(domain.name().into())),
                ("debit", account(debit)),
                ("credit", account(credit)),
                ("amount", Field::Amount(*amount, debit.currency)),
            ]
        };
        let all = posts.iter().flat_map(|(domain, transfers)| transfers.iter().map(|one| post(*domain, one)));
        vec![
            ("reverse", Field::Bytes(of.to_be_bytes().to_vec())),
            ("record", Field::Number(*lsn)),
            ("hash", Field::Bytes(hash.to_vec())),
            ("recipe", Field::Number((*recipe).into())),
            ("posts", Field::List(all.collect())),
        ]
    }
}

/// An account of a reversal, as reports show one.
fn account(id: &AccountId) -> Field {
    let kind = match id.kind {
        AccountKind::Clearing(with) => format!("clearing {}", with.name()),
        kind => format!("{kind:?}").to_lowercase(),
    };
    let owner = match id.owner.kind() {
        OwnerKind::House => String::new(),
        owner => format!(" of {} {:032x}", owner.name(), id.owner.id()),
    };
    Field::Text(kind + &owner)
}

/// A transaction that was reversed. Its row stands for good: it is never reversed twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reversed {
    /// The transaction that has taken it back.
    pub by: u128,
    /// The proposal to do so.
    pub proposal: ProposalId,
}

/// The image of the row of a transaction that is reversed.
fn image(transaction: u128, reversed: &Reversed) -> RowImage {
    RowImage::of(&transaction.to_be_bytes(), Some(reversed)).expect("an id is a short key")
}

impl Row for Reversed {
    const KIND: u16 = 13;
    const NAME: &'static str = "reversed";

    fn encode(&self, encoder: &mut Encoder) {
        encoder.id(self.by);
        encoder.id(self.proposal.0);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self { by: decoder.id()?, proposal: ProposalId(decoder.id()?) })
    }

    fn key(bytes: &[u8]) -> Field {
        Field::Bytes(bytes.to_vec())
    }

    fn fields(&self) -> Fields {
        let id = |id: u128| Field::Bytes(id.to_be_bytes().to_vec());
        vec![("by", id(self.by)), ("proposal", id(self.proposal.0))]
    }
}
