//! Recipes: the business events that move money, each one transaction over the domains it touches.
//!
//! | recipe | balance | collections | distributions |
//! |---|---|---|---|
//! | `DEPOSIT` | clearing → cash | source → clearing | |
//! | `STAKE` | cash ⇢ clearing (held) | | |
//! | `RELEASE` | held stakes voided | | |
//! | `SETTLE_ROUND` | held stakes posted | clearing → stakes | |
//! | `PLAYER_WINNINGS` | clearing → cash | | winnings → clearing |
//! | `ROUND_VOID` | held stakes voided | | |
//!
//! `SETTLE_ROUND` carries the `PLAYER_WINNINGS` of every winner in the same record: a stake is never taken without
//! its winnings being paid (ADR-0005).

use ledger::{AccountId, Change, Domain, Drafted, HoldId, Ledger, Rejection};
use protocol::{Currency, PlayerId, RoundId};

use crate::{
    Domains, StateMachine, adjustment,
    balance::{self, Balance},
    collections, distributions, free_play,
    notice::{Funds, Notice, What},
};

/// One business event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipe {
    /// A player's money comes in from a source; the first deposit opens the account.
    Deposit {
        /// The player.
        player: PlayerId,
        /// The currency.
        currency: Currency,
        /// Minor units.
        amount: i128,
    },
    /// A bet's stake is held.
    Stake {
        /// The hold's id: that of the transaction.
        hold: HoldId,
        /// The player.
        player: PlayerId,
        /// The currency.
        currency: Currency,
        /// Minor units.
        amount: i128,
    },
    /// A player takes bets back before the round is locked.
    Release {
        /// The player.
        player: PlayerId,
        /// The currency.
        currency: Currency,
        /// The holds of the bets.
        holds: Vec<HoldId>,
    },
    /// A round is drawn: every stake is taken, every winner is paid.
    SettleRound {
        /// The round.
        round: RoundId,
        /// The currency.
        currency: Currency,
        /// The outcome.
        outcome: u32,
        /// The players with bets, each once, in the order of their ids.
        players: Vec<PlayerSettlement>,
    },
    /// A round cannot be drawn: every stake is returned.
    RoundVoid {
        /// The round.
        round: RoundId,
        /// The currency.
        currency: Currency,
        /// The players with bets; what they are returned is what they staked.
        players: Vec<PlayerSettlement>,
    },
    /// Only a table's state changes: no money moves.
    TableOnly,
}

/// One player's share in a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlayerSettlement {
    /// The player.
    pub player: PlayerId,
    /// The holds of the player's bets.
    pub holds: Vec<HoldId>,
    /// Sum of the stakes, minor units.
    pub staked: i128,
    /// The payout, stakes included, minor units.
    pub returned: i128,
}

/// What each domain decided: the legs of one transaction with what they change, and what the players are told.
#[derive(Debug, Default)]
pub struct Effects {
    /// One leg for each domain that takes part, in canonical order.
    pub legs: Vec<(Domain, Drafted)>,
    /// One notice for each player touched, with the funds before and after that the balance domain has drafted.
    pub notices: Vec<Notice>,
}

/// The commands of one transaction, by domain.
#[derive(Debug, Default)]
struct Commands {
    balance: Vec<balance::Command>,
    collections: Vec<collections::Command>,
    distributions: Vec<distributions::Command>,
    free_play: Vec<free_play::Command>,
    adjustment: Vec<adjustment::Command>,
}

impl Recipe {
    /// The name in reports.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Recipe::Deposit { .. } => "DEPOSIT",
            Recipe::Stake { .. } => "STAKE",
            Recipe::Release { .. } => "RELEASE",
            Recipe::SettleRound { .. } => "SETTLE_ROUND",
            Recipe::RoundVoid { .. } => "ROUND_VOID",
            Recipe::TableOnly => "TABLE",
        }
    }

    /// Decides in every domain that takes part, on the applied state.
    ///
    /// # Errors
    /// The first domain that refuses, in canonical order, and why; then no domain changes. A hold that does not fit is
    /// refused for the balance domain.
    pub fn decide(&self, domains: &Domains) -> Result<Effects, (Domain, Rejection)> {
        let of_balance = |rejection| (Domain::Balance, rejection);
        self.check_holds(domains.balance.ledger()).map_err(of_balance)?;
        let commands = self.commands();
        let mut effects = Effects::default();
        decide(&domains.balance, &commands.balance, &mut effects.legs)?;
        decide(&domains.collections, &commands.collections, &mut effects.legs)?;
        decide(&domains.distributions, &commands.distributions, &mut effects.legs)?;
        decide(&domains.free_play, &commands.free_play, &mut effects.legs)?;
        decide(&domains.adjustment, &commands.adjustment, &mut effects.legs)?;
        effects.notices = self.notices(&domains.balance, &effects.legs);
        Ok(effects)
    }

    /// Checks that the holds a recipe ends have the players and sums that it names. Otherwise two domains would move
    /// different amounts.
    fn check_holds(&self, ledger: &Ledger) -> Result<(), Rejection> {
        let held = |player: PlayerId, currency: Currency, holds: &[HoldId]| {
            let cash = AccountId::cash(player, currency);
            holds.iter().try_fold(0_i128, |sum, hold| match ledger.hold(*hold) {
                Some(hold) if hold.transfer.debit == cash => Ok(sum.saturating_add(hold.transfer.amount)),
                Some(_) | None => Err(Rejection::HoldNotOpen),
            })
        };
        match self {
            Recipe::Release { player, currency, holds } => held(*player, *currency, holds).map(|_| ()),
            Recipe::SettleRound { currency, players, .. } | Recipe::RoundVoid { currency, players, .. } => {
                players.iter().try_for_each(|share| {
                    let held = held(share.player, *currency, &share.holds)?;
                    if held == share.staked { Ok(()) } else { Err(Rejection::HoldNotOpen) }
                })
            }
            Recipe::Deposit { .. } | Recipe::Stake { .. } | Recipe::TableOnly => Ok(()),
        }
    }

    fn commands(&self) -> Commands {
        let mut commands = Commands::default();
        match self {
            Recipe::Deposit { player, currency, amount } => {
                let (player, currency, amount) = (*player, *currency, *amount);
                commands.collections.push(collections::Command::Capture { currency, amount });
                commands.balance.push(balance::Command::Open(player, currency));
                let from = Domain::Collections;
                commands.balance.push(balance::Command::Credit { player, currency, amount, from });
            }
            Recipe::Stake { hold, player, currency, amount } => {
                let (hold, player, currency, amount) = (*hold, *player, *currency, *amount);
                commands.balance.push(balance::Command::Hold { hold, player, currency, amount });
            }
            Recipe::Release { holds, .. } => release(holds, &mut commands),
            Recipe::SettleRound { currency, players, .. } => {
                settle_round(*currency, players, &mut commands);
                players.iter().for_each(|player| player_winnings(*currency, player, &mut commands));
            }
            Recipe::RoundVoid { players, .. } => {
                players.iter().for_each(|player| release(&player.holds, &mut commands));
            }
            Recipe::TableOnly => {}
        }
        commands
    }

    /// What each player is told, with the funds that the balance domain has drafted.
    fn notices(&self, balance: &Balance, legs: &[(Domain, Drafted)]) -> Vec<Notice> {
        let changes = legs.iter().find(|(domain, _)| *domain == Domain::Balance).map(|(_, leg)| &leg.changes);
        let notice = |player: PlayerId, currency: Currency, what: What| {
            let change = changes.and_then(|changes| changes.account(&AccountId::cash(player, currency)));
            let (before, after) = match change {
                Some(Change { before, after }) => {
                    (before.as_ref().map(Funds::from).unwrap_or_default(), Funds::from(after))
                }
                None => {
                    let untouched = balance.funds(player, currency).unwrap_or_default();
                    (untouched, untouched)
                }
            };
            Notice { player, currency, before, after, what }
        };
        match self {
            Recipe::Deposit { player, currency, .. } => vec![notice(*player, *currency, What::Deposit)],
            Recipe::Stake { player, currency, .. } => vec![notice(*player, *currency, What::Stake)],
            Recipe::Release { player, currency, .. } => vec![notice(*player, *currency, What::Release)],
            Recipe::SettleRound { round, currency, outcome, players } => {
                let settled = |share: &PlayerSettlement| {
                    let PlayerSettlement { player, staked, returned, .. } = *share;
                    let what = What::Settled { round: *round, staked, returned, outcome: *outcome };
                    notice(player, *currency, what)
                };
                players.iter().map(settled).collect()
            }
            Recipe::RoundVoid { round, currency, players } => {
                let voided = |share: &PlayerSettlement| {
                    notice(share.player, *currency, What::Voided { round: *round, staked: share.staked })
                };
                players.iter().map(voided).collect()
            }
            Recipe::TableOnly => Vec::new(),
        }
    }
}

/// `SETTLE_ROUND`: the held stakes go from the players to the operator.
fn settle_round(currency: Currency, players: &[PlayerSettlement], commands: &mut Commands) {
    let holds = players.iter().flat_map(|player| &player.holds);
    commands.balance.extend(holds.map(|hold| balance::Command::Post(*hold)));
    let amount = players.iter().map(|player| player.staked).sum();
    if amount != 0 {
        commands.collections.push(collections::Command::CollectStakes { currency, amount });
    }
}

/// `PLAYER_WINNINGS`: what a player won, stakes included, goes from distributions to the player.
fn player_winnings(currency: Currency, share: &PlayerSettlement, commands: &mut Commands) {
    let PlayerSettlement { player, returned: amount, .. } = *share;
    // A sum below zero is passed on, so that the ledger refuses it. If it were skipped, the notice would still show it.
    if amount != 0 {
        commands.distributions.push(distributions::Command::PayWinnings { currency, amount });
        let from = Domain::Distributions;
        commands.balance.push(balance::Command::Credit { player, currency, amount, from });
    }
}

fn release(holds: &[HoldId], commands: &mut Commands) {
    commands.balance.extend(holds.iter().map(|hold| balance::Command::Release(*hold)));
}

fn decide<M: StateMachine>(
    machine: &M,
    commands: &[M::Command],
    legs: &mut Vec<(Domain, Drafted)>,
) -> Result<(), (Domain, Rejection)> {
    if !commands.is_empty() {
        legs.push((M::DOMAIN, machine.decide(commands).map_err(|rejection| (M::DOMAIN, rejection))?));
    }
    Ok(())
}
