//! The balance domain: what the operator owes each player, available and held.
//!
//! A stake is held when its bet is taken, posted when its round settles, and voided when the bet is taken back or its
//! round is void. This domain also counts the events of each player's channel and their results, and keeps the results that
//! the state store does not have yet ([`results`](crate::results)).

use std::sync::Arc;

use ledger::{
    AccountId, Digest, Domain, Hold, HoldId, Ledger, Move, Print, Prover, Purpose, Rejection, Shards,
    Transfer,
};
use protocol::{Currency, PlayerId, RoundId};

use crate::{
    StateMachine,
    balance_rule::{RuledChange, within_rule},
    clearing,
    decide::{Context, Part},
    exclusion::{Exclusion, ExclusionKind},
    freeze::Freeze,
    limits::{Counted, count},
    notice::{Funds, Notice},
    open, play_session, post,
    protection::Protection,
    recent::Recent,
    results::{RESULTS_MAX, Settled},
};

/// The first byte of what the digest of players is made of: an event, or that there is a result.
const EVENT: u8 = 1;
const RESULT: u8 = 2;

/// The state machine of players' accounts.
#[derive(Debug, Clone, Default)]
pub struct Balance {
    ledger: Ledger,
    players: Shards<PlayerId, Player>,
    recent: Recent<PlayerId, Settled, RESULTS_MAX>,
    digests: PlayerDigests,
}

/// What the domain keeps of a player besides the accounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Player {
    /// Number of events on the player's channel so far, which is the offset of the newest.
    pub events: u64,
    /// Number of results so far: each round that has ended for the player.
    pub results: u64,
}

/// The digests of what the domain keeps of players besides its ledger and rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlayerDigests {
    /// Of the numbers of events and results of every player.
    pub players: Digest,
    /// Of every result that there ever was, also of those that are not kept any more.
    pub results: Digest,
}

/// The commands of the balance domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Opens a player's account unless it is open.
    Open(PlayerId, Currency),
    /// Reserves a stake under the id of the transaction, to be collected later.
    Hold {
        /// The player.
        player: PlayerId,
        /// The round of the bet.
        round: RoundId,
        /// The currency.
        currency: Currency,
        /// Minor units.
        amount: i128,
    },
    /// Gives a held stake back.
    Release {
        /// The hold.
        hold: HoldId,
        /// The player whose stake it is.
        player: PlayerId,
        /// The round of the bet.
        round: RoundId,
    },
    /// Hands a held stake over to the domain it was held for.
    Post {
        /// The hold.
        hold: HoldId,
        /// The player whose stake it is.
        player: PlayerId,
        /// The round of the bet.
        round: RoundId,
    },
    /// The round of a player has ended: what they had staked is taken, and what it returns is paid out of distributions.
    End {
        /// The player.
        player: PlayerId,
        /// The currency.
        currency: Currency,
        /// What was staked, minor units.
        staked: i128,
        /// The payout, stakes included, minor units; 0 for none.
        returned: i128,
    },
    /// Gives back what a hold reserves whose time is over.
    Expire(HoldId),
    /// Reserves money for a service under the id of the transaction, to be captured into corrections or released later.
    HoldForService {
        /// The player.
        player: PlayerId,
        /// The currency.
        currency: Currency,
        /// Minor units.
        amount: i128,
        /// When it ends by itself, milliseconds since 1970.
        expires: Option<u64>,
    },
    /// Hands so much of a service's hold over to corrections, and gives back the rest.
    Capture {
        /// The hold.
        hold: HoldId,
        /// Minor units.
        amount: i128,
    },
    /// Gives back what a service's hold reserves.
    Free(HoldId),
    /// Pays in what a player deposits, out of collections. The first deposit opens the account.
    Deposit {
        /// The player.
        player: PlayerId,
        /// The currency.
        currency: Currency,
        /// Minor units.
        amount: i128,
    },
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
    /// Freezes a player, instead of the freeze that stands.
    Freeze(PlayerId, Freeze),
    /// Lifts the freeze of a player.
    Unfreeze(PlayerId),
    /// Excludes a player from play, instead of an exclusion that stands and that it replaces.
    Exclude {
        /// The player.
        player: PlayerId,
        /// The kind.
        kind: ExclusionKind,
        /// How long, milliseconds; `None` for good.
        lasts: Option<u64>,
    },
    /// Lets a player come back whose self-exclusion has passed its end, after a time to cool off.
    Reinstate(PlayerId),
    /// Notes that a player has seen how they play.
    AcknowledgeCheck(PlayerId),
    /// Keeps the balance within the operator's rule, after a change that was drafted.
    KeepRule {
        /// The player.
        player: PlayerId,
        /// The currency.
        currency: Currency,
        /// What has changed it.
        change: RuledChange,
    },
}

impl crate::decide::Command for Command {
    const DOMAIN: Domain = Domain::Balance;

    fn decide(&self, context: &Context<'_>, part: &mut Part<'_, '_>) -> Result<(), Rejection> {
        match *self {
            Command::Open(player, currency) => open(part.draft, AccountId::cash(player, currency)),
            Command::Hold { player, round, currency, amount } => {
                not_frozen(context, player)?;
                not_excluded(context, player)?;
                play_session::stake(context.view.rows(), player, (round, currency), context.now)?
                    .into_iter()
                    .for_each(|image| part.put(image));
                let debit = AccountId::cash(player, currency);
                let transfer = Transfer { debit, credit: clearing(Domain::Collections, currency), amount };
                let hold = Hold::on(Purpose::Stake, Prover::Round(round), transfer);
                count(context, part, (player, currency), Counted::Stake(amount))?;
                part.draft.add(Move::Hold(context.id, Arc::new(hold)))
            }
            Command::Release { hold, player, round } => {
                let stake = is_stake(context, hold, player, round)?;
                let (currency, amount) = (stake.first.account.currency, stake.amount());
                count(context, part, (player, currency), Counted::GivenBack(amount))?;
                part.draft.add(Move::VoidHold(hold))
            }
            Command::Post { hold, player, round } => {
                is_stake(context, hold, player, round)?;
                part.draft.add(Move::PostHold(hold))
            }
            Command::End { player, currency, staked, returned } => {
                count(context, part, (player, currency), Counted::Ended { staked, returned })?;
                // A sum below zero is passed on, so that the ledger refuses it. If it were skipped, the notice would show it.
                if returned == 0 {
                    return Ok(());
                }
                let distributions = clearing(Domain::Distributions, currency);
                post(part.draft, distributions, AccountId::cash(player, currency), returned)
            }
            Command::Expire(hold) => {
                let open = context.view.ledger(Domain::Balance).hold(hold).ok_or(Rejection::HoldNotOpen)?;
                match open.expires {
                    Some(expires) if expires <= context.now => part.draft.add(Move::VoidHold(hold)),
                    Some(_) | None => Err(Rejection::NotDue),
                }
            }
            Command::HoldForService { player, currency, amount, expires } => {
                not_frozen(context, player)?;
                let debit = AccountId::cash(player, currency);
                let transfer = Transfer { debit, credit: clearing(Domain::Adjustment, currency), amount };
                let hold = Hold::on(Purpose::Service, Prover::Domain(Domain::Balance), transfer);
                part.draft.add(Move::Hold(context.id, Arc::new(Hold { expires, ..hold })))
            }
            Command::Capture { hold: id, amount } => {
                let hold = service_hold(context, id)?;
                let held = hold.amount();
                if amount == held {
                    return part.draft.add(Move::PostHold(id));
                }
                if amount > held {
                    return Err(Rejection::AboveHold);
                }
                part.draft.add(Move::VoidHold(id))?;
                post(part.draft, hold.first.account, hold.credit, amount)
            }
            Command::Free(hold) => {
                service_hold(context, hold)?;
                part.draft.add(Move::VoidHold(hold))
            }
            Command::Deposit { player, currency, amount } => {
                not_excluded(context, player)?;
                count(context, part, (player, currency), Counted::Deposit(amount))?;
                let cash = AccountId::cash(player, currency);
                open(part.draft, cash)?;
                post(part.draft, clearing(Domain::Collections, currency), cash, amount)
            }
            // Also to a player who is excluded. clause: gli19.a.3.8.payout
            Command::Credit { player, currency, amount, from } => {
                post(part.draft, clearing(from, currency), AccountId::cash(player, currency), amount)
            }
            Command::Debit { player, currency, amount, to } => {
                not_frozen(context, player)?;
                post(part.draft, AccountId::cash(player, currency), clearing(to, currency), amount)
            }
            Command::Freeze(player, freeze) => {
                part.put(Freeze::image(player, Some(&freeze)));
                Ok(())
            }
            Command::Unfreeze(player) => {
                Freeze::of(context.view.rows(), player, context.now).ok_or(Rejection::NotFrozen)?;
                part.put(Freeze::image(player, None));
                Ok(())
            }
            Command::Exclude { player, kind, lasts } => {
                let exclusion = excluded(context, kind, lasts)?;
                match Exclusion::of(context.view.rows(), player, context.now) {
                    Some(standing) if !exclusion.replaces(&standing) => Err(Rejection::ExclusionStands),
                    Some(_) | None => {
                        part.put(exclusion.image(player));
                        Ok(())
                    }
                }
            }
            Command::Reinstate(player) => {
                let standing = Exclusion::of(context.view.rows(), player, context.now);
                let until = match standing.ok_or(Rejection::NotExcluded)? {
                    Exclusion { kind: ExclusionKind::SelfExclusion, until } => until,
                    Exclusion { kind: ExclusionKind::TimeOut | ExclusionKind::CoolingOff, .. } => {
                        return Err(Rejection::ExclusionStands);
                    }
                };
                // clause: ukgc.sr.3.5.3.return
                until.filter(|until| *until <= context.now).ok_or(Rejection::ExclusionStands)?;
                let Protection { cooling_off, .. } = Protection::of(context.view.rows());
                let until = Some(context.now.saturating_add(cooling_off));
                part.put(Exclusion { kind: ExclusionKind::CoolingOff, until }.image(player));
                Ok(())
            }
            Command::AcknowledgeCheck(player) => {
                part.put(play_session::acknowledge(context.view.rows(), player, context.now)?);
                Ok(())
            }
            Command::KeepRule { player, currency, change } => {
                within_rule(context, part, (player, currency), change)
            }
        }
    }
}

/// A frozen player is not debited, and nothing more of theirs is held.
fn not_frozen(context: &Context<'_>, player: PlayerId) -> Result<(), Rejection> {
    match Freeze::of(context.view.rows(), player, context.now) {
        Some(_) => Err(Rejection::AccountFrozen),
        None => Ok(()),
    }
}

/// An excluded player stakes nothing and deposits nothing.
// clause: gli19.a.3.8.enforced
fn not_excluded(context: &Context<'_>, player: PlayerId) -> Result<(), Rejection> {
    match Exclusion::of(context.view.rows(), player, context.now) {
        Some(_) => Err(Rejection::Excluded),
        None => Ok(()),
    }
}

/// An exclusion that begins now. The operator says how long one of its kind lasts at most or at least.
fn excluded(context: &Context<'_>, kind: ExclusionKind, lasts: Option<u64>) -> Result<Exclusion, Rejection> {
    let Protection { time_out_max, self_exclusion_min, .. } = Protection::of(context.view.rows());
    let fits = match kind {
        ExclusionKind::TimeOut => lasts.is_some_and(|lasts| (1..=time_out_max).contains(&lasts)),
        ExclusionKind::SelfExclusion => lasts.is_none_or(|lasts| lasts >= self_exclusion_min.max(1)),
        ExclusionKind::CoolingOff => false,
    };
    if !fits {
        return Err(Rejection::DurationUnfit);
    }
    Ok(Exclusion { kind, until: lasts.map(|lasts| context.now.saturating_add(lasts)) })
}

/// An open hold that a service asked for, whose time is not over. It draws on one account, and is held for corrections:
/// otherwise two domains would move different amounts.
pub(crate) fn service_hold<'a>(context: &Context<'a>, hold: HoldId) -> Result<&'a Hold, Rejection> {
    let open = context.view.ledger(Domain::Balance).hold(hold).ok_or(Rejection::HoldEnded)?;
    let is_over = open.expires.is_some_and(|expires| expires <= context.now);
    let account = open.first.account;
    let towards = open.credit == clearing(Domain::Adjustment, account.currency);
    if open.purpose == Purpose::Service && towards && open.more.is_empty() && !is_over {
        Ok(open)
    } else {
        Err(Rejection::HoldEnded)
    }
}

/// The hold is the stake of a bet of this player in this round. Otherwise two domains would move different amounts.
fn is_stake<'a>(
    context: &Context<'a>,
    hold: HoldId,
    player: PlayerId,
    round: RoundId,
) -> Result<&'a Hold, Rejection> {
    let open = context.view.ledger(Domain::Balance).hold(hold).ok_or(Rejection::HoldNotOpen)?;
    let stake = (open.purpose, open.prover) == (Purpose::Stake, Prover::Round(round));
    let theirs = open.sources().all(|source| source.account.owner == player.into());
    if stake && theirs { Ok(open) } else { Err(Rejection::HoldNotOpen) }
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
        self.ledger.account(&AccountId::cash(player, currency)).as_ref().map(Funds::from)
    }

    /// What else is kept of a player.
    #[must_use]
    pub fn player(&self, player: PlayerId) -> Option<&Player> {
        self.players.get(&player)
    }

    /// Every player with events, in no particular order.
    pub fn players(&self) -> impl Iterator<Item = (PlayerId, Player)> {
        self.players.iter().map(|(id, player)| (*id, *player))
    }

    /// Restores a player from the state store, who is not here yet.
    pub fn put_player(&mut self, id: PlayerId, player: Player) {
        self.digests.players.add_times(event_print(id), player.events);
        self.digests.players.add_times(counted_print(id), player.results);
        self.players.insert_new(id, player);
    }

    /// Makes a player present whom the digest contains already.
    pub fn page_in(&mut self, id: PlayerId, player: Player) {
        self.players.insert(id, player);
    }

    /// Makes a player absent. The digest still contains them.
    pub fn page_out(&mut self, id: PlayerId) {
        self.players.remove(&id);
    }

    /// Sets the digests to those of all players and all results.
    pub fn restore(&mut self, digests: PlayerDigests) {
        self.digests = digests;
    }

    /// Counts the event of a notice that is recorded at `lsn`, and keeps it when it is a result. Returns its offset on the
    /// player's channel, from 1.
    pub fn note(&mut self, lsn: u64, time: u64, notice: &Notice) -> u64 {
        let player = self.players.get_or_default(notice.player);
        player.events += 1;
        self.digests.players.add(event_print(notice.player));
        if notice.what.round_end().is_some() {
            player.results += 1;
            let settled = Settled { number: player.results, time, notice: notice.clone() };
            self.digests.players.add(counted_print(notice.player));
            self.digests.results.add(settled.print());
            self.recent.push(lsn, notice.player, settled);
        }
        player.events
    }

    /// The results of a player that the state store does not have yet, newest first.
    pub fn recent(&self, player: PlayerId) -> impl Iterator<Item = &Settled> {
        self.recent.of(player)
    }

    /// The results of all players that the state store does not have yet, in no particular order.
    pub fn all_recent(&self) -> impl Iterator<Item = &Settled> {
        self.recent.all().map(|(_, settled)| settled)
    }

    /// Number of the results that the state store does not have yet.
    #[must_use]
    pub fn results_in_memory(&self) -> usize {
        self.recent.count()
    }

    /// The state store has every result that is recorded up to `lsn`: they are dropped here, but no more than `most`.
    /// Returns whether all of them are.
    pub fn forget_results(&mut self, lsn: u64, most: usize) -> bool {
        self.recent.forget(lsn, most)
    }

    /// The digests of what this domain keeps of players besides its ledger and rows.
    #[must_use]
    pub fn digests(&self) -> PlayerDigests {
        self.digests
    }
}

/// The print of an event of a player's channel. It is in the digest as often as there were events, so that it is the
/// number of the events that counts.
fn event_print(player: PlayerId) -> Print {
    print(EVENT, player)
}

/// The print that is in the digest as often as the player has results.
fn counted_print(player: PlayerId) -> Print {
    print(RESULT, player)
}

fn print(what: u8, player: PlayerId) -> Print {
    let mut bytes = [what; 17];
    bytes[1..].copy_from_slice(&player.0.to_le_bytes());
    Print::of(&bytes)
}
