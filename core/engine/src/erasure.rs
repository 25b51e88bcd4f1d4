//! When a player may be erased (`E8`): while nothing of theirs is open. From then on nothing more is recorded of them.
//!
//! The log names players by random ids only. Who has an id stands in the people store, which forgets the person; the log
//! records that it did, so that a start on an older copy of the store does it again. What the log has of the player stays:
//! it proves the balances of others.

use domains::{
    Notice, Principal, PrincipalKind, Row, RowImage, exclusion::Exclusion, freeze::Freeze,
    limits::PlayerLimits, play_session::PlaySession, rows::RowKey,
};
use ledger::{AccountId, AccountKind, Changes, Domain, OwnerKind};
use protocol::{Currency, PlayerId};

use crate::{books::Books, facts::Fact, invariant::Violation};

/// Whether the erasure of a player may be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erasable {
    /// It may be.
    Now,
    /// The log says so already.
    Before,
    /// Something of the player is open.
    Not(StillOpen),
}

/// What keeps a player from being erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StillOpen {
    /// A balance. Minor units; below zero when the player owes.
    Money {
        /// The domain that keeps it.
        domain: Domain,
        /// Its currency.
        currency: Currency,
        /// What stands on the account.
        posted: i128,
    },
    /// Money that is held, or will come when a hold ends. Minor units.
    Held {
        /// The domain that keeps it.
        domain: Domain,
        /// Its currency.
        currency: Currency,
        /// How much.
        amount: i128,
    },
    /// A freeze: a case that is not closed.
    Frozen {
        /// When it ends by itself, milliseconds since 1970; `None` until it is lifted.
        until: Option<u64>,
    },
    /// An exclusion from play, which would be lost with the person.
    Excluded {
        /// Its end, milliseconds since 1970, beyond which a self-exclusion stands; `None` for good.
        until: Option<u64>,
    },
}

impl StillOpen {
    /// The currency of it, if it is money.
    #[must_use]
    pub fn currency(&self) -> Option<Currency> {
        match self {
            StillOpen::Money { currency, .. } | StillOpen::Held { currency, .. } => Some(*currency),
            StillOpen::Frozen { .. } | StillOpen::Excluded { .. } => None,
        }
    }
}

impl Books {
    /// What keeps a player from being erased at a time, milliseconds since 1970; `None` for nothing. Who is to stay excluded
    /// may be excluded from play, and frozen without an end: that the person is recognised takes the place of both.
    #[must_use]
    pub fn still_open(&self, player: PlayerId, excluded: bool, now: u64) -> Option<StillOpen> {
        for (domain, id) in self.accounts_of(player) {
            let Some(account) = self.domains.ledger(domain).account(&id) else { continue };
            let (posted, currency) = (account.posted(), id.currency);
            if posted != 0 {
                return Some(StillOpen::Money { domain, currency, posted });
            }
            let amount = account.debits_pending + account.credits_pending;
            if amount != 0 {
                return Some(StillOpen::Held { domain, currency, amount });
            }
        }
        let freeze = Freeze::of(&self.domains.rows, player, now);
        if let Some(Freeze { until, .. }) = freeze.filter(|freeze| freeze.until.is_some() || !excluded) {
            return Some(StillOpen::Frozen { until });
        }
        let exclusion = Exclusion::of(&self.domains.rows, player, now).filter(|_| !excluded);
        exclusion.map(|Exclusion { until, .. }| StillOpen::Excluded { until })
    }

    /// Whether the erasure of a player may be recorded at a time, milliseconds since 1970.
    #[must_use]
    pub fn erasable(&self, player: PlayerId, excluded: bool, now: u64) -> Erasable {
        if self.facts.says(&Fact::Erased { player, excluded }) {
            return Erasable::Before;
        }
        self.still_open(player, excluded, now.max(self.time)).map_or(Erasable::Now, Erasable::Not)
    }

    /// Every account that a player may have.
    pub(crate) fn accounts_of(&self, player: PlayerId) -> Vec<(Domain, AccountId)> {
        let mut accounts = Vec::new();
        for domain in Domain::ALL {
            for currency in self.domains.ledger(domain).used().currencies.iter().copied() {
                let kinds = AccountKind::ALL.into_iter();
                let of_players = kinds.filter(|kind| kind.owners().contains(&OwnerKind::Player));
                let owner = player.into();
                accounts.extend(of_players.map(|kind| (domain, AccountId { kind, owner, currency })));
            }
        }
        accounts
    }

    /// `E8`: the record of an erasure comes while nothing of the player is open.
    ///
    /// # Errors
    /// When something is.
    pub(crate) fn erases_nothing_open(&self, fact: &Fact, now: u64) -> Result<(), Violation> {
        let Fact::Erased { player, excluded } = *fact else { return Ok(()) };
        match self.still_open(player, excluded, now) {
            Some(_) if !self.facts.says(fact) => Err(Violation::ErasedTooEarly(player)),
            Some(_) | None => Ok(()),
        }
    }

    /// `E8`: who asks was not erased.
    ///
    /// # Errors
    /// When it is a player who was.
    pub(crate) fn asked_by_nobody_erased(&self, principal: Principal) -> Result<(), Violation> {
        let player = (principal.kind() == PrincipalKind::Player).then(|| PlayerId(principal.id()));
        self.nobody_erased(player)
    }

    /// `E8`: a transaction with these effects touches nobody who was erased. Costs nothing while nobody was.
    ///
    /// # Errors
    /// The first player who was.
    pub(crate) fn touches_nobody_erased<'a>(
        &self,
        legs: impl IntoIterator<Item = &'a Changes>,
        rows: &[RowImage],
        notices: &[Notice],
    ) -> Result<(), Violation> {
        let accounts = legs.into_iter().flat_map(Changes::accounts);
        let owners = accounts.filter_map(|(id, _)| id.owner.player());
        let of_players = rows.iter().filter_map(|row| player_of(&row.key));
        self.nobody_erased(owners.chain(of_players).chain(notices.iter().map(|notice| notice.player)))
    }

    fn nobody_erased(&self, players: impl IntoIterator<Item = PlayerId>) -> Result<(), Violation> {
        if self.facts.erased().next().is_none() {
            return Ok(());
        }
        match players.into_iter().find(|player| self.facts.is_erased(*player)) {
            Some(player) => Err(Violation::OfErased(player)),
            None => Ok(()),
        }
    }
}

/// The kinds of rows that are about one player, whose id is their key.
const OF_PLAYERS: [u16; 4] = [Freeze::KIND, Exclusion::KIND, PlaySession::KIND, PlayerLimits::KIND];

/// The keys of the rows that may be there about a player.
pub(crate) fn rows_of(player: PlayerId) -> impl Iterator<Item = RowKey> {
    OF_PLAYERS.into_iter().filter_map(move |kind| RowKey::new(kind, &player.0.to_be_bytes()))
}

/// The player whom a row is about.
fn player_of(key: &RowKey) -> Option<PlayerId> {
    let id = key.as_bytes().try_into().ok().filter(|_| OF_PLAYERS.contains(&key.kind()))?;
    Some(PlayerId(u128::from_be_bytes(id)))
}
