//! The table's leg: the part of a record that belongs to a table.

use base16ct::lower::encode_string;
use games::{BetCode, fair::Share};
use ledger::HoldId;
use protocol::{Amount, Currency, PlayerId, RoundId, TableId, push::Event};

use super::{
    TableState,
    bets::{decode_bets, decode_share, encode_bets, encode_share},
    rules::TableRules,
};
use crate::tx_id::TxId;
use ledger::codec::{DecodeError, Decoder, Encoder};

/// What a record changes at its table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableLeg {
    /// A round is opened and takes bets.
    Opened {
        /// Its number, one more than the last.
        round: u64,
        /// When betting closes, milliseconds since 1970.
        deadline: u64,
        /// The game, as the registry names it.
        game: Box<str>,
        /// Version of the game's rules.
        rules: u16,
        /// The currency of every stake.
        currency: Currency,
        /// SHA-256 of the seed.
        commit: [u8; 32],
        /// The seed, encrypted: only the hub that holds the key can draw.
        sealed: Box<[u8]>,
    },
    /// A player's bets are placed; the same record holds their stake.
    BetPlaced {
        /// The round.
        round: u64,
        /// The player.
        player: PlayerId,
        /// The hold.
        hold: HoldId,
        /// The bets and their stakes, minor units.
        bets: Vec<(BetCode, i128)>,
        /// The player's share in the randomness, when the request gave one.
        share: Option<Share>,
    },
    /// A player's bets are taken back.
    BetsCleared {
        /// The round.
        round: u64,
        /// The player.
        player: PlayerId,
        /// The holds released.
        holds: Vec<HoldId>,
    },
    /// Bets are closed. From here on the outcome is fixed, because seed and mix are.
    Locked {
        /// The round.
        round: u64,
        /// When the result is shown, milliseconds since 1970.
        deadline: u64,
        /// Sum of the stakes.
        staked: i128,
        /// The players' shares, mixed.
        mix: [u8; 32],
    },
    /// The round is drawn and settled.
    Settled {
        /// The round.
        round: u64,
        /// When the next round may open, milliseconds since 1970.
        deadline: u64,
        /// The outcome.
        outcome: u32,
        /// The seed, revealed.
        seed: [u8; 32],
        /// Sum of the payouts, stakes included, minor units.
        returned: i128,
    },
    /// The round is void.
    Voided {
        /// The round.
        round: u64,
        /// When the next round may open, milliseconds since 1970.
        deadline: u64,
        /// Why.
        reason: VoidReason,
    },
    /// The table's rules change; the same record changes the row of them. No round is open.
    Ruled {
        /// Number of the change, one more than the last.
        change: u64,
        /// The rules from here on.
        rules: Box<TableRules>,
    },
    /// The table has failed: it takes no more bets, and the stakes of its open round are returned. The recorded state
    /// replaces the table's state, so that all releases agree from this record on, whatever they made of earlier ones.
    Quarantined {
        /// The new state of the table: quarantined, with the bets whose stakes are still held.
        state: Box<TableState>,
    },
}

/// Why a round is voided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VoidReason {
    /// The sealed seed cannot be opened, or is not the committed one: the hub has another seed secret.
    SeedLost,
    /// The table is not in the configuration any more, or plays another game or in another currency.
    TableGone,
    /// The table's state failed.
    Fault,
    /// The round was opened under a version of the game's rules that this hub does not know.
    RulesUnknown,
}

impl VoidReason {
    /// The reason in words, on the wire and in reports.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            VoidReason::SeedLost => "the sealed seed cannot be opened",
            VoidReason::TableGone => "the table was taken out of service",
            VoidReason::Fault => "the table failed",
            VoidReason::RulesUnknown => "the round's version of the rules is not known to this hub",
        }
    }

    fn number(self) -> u8 {
        match self {
            VoidReason::SeedLost => 1,
            VoidReason::TableGone => 2,
            VoidReason::Fault => 3,
            VoidReason::RulesUnknown => 4,
        }
    }
}

impl TableLeg {
    /// Number of the round it belongs to; 0 for a change of rules, which belongs to none.
    #[must_use]
    pub fn round(&self) -> u64 {
        match self {
            TableLeg::Opened { round, .. }
            | TableLeg::BetPlaced { round, .. }
            | TableLeg::BetsCleared { round, .. }
            | TableLeg::Locked { round, .. }
            | TableLeg::Settled { round, .. }
            | TableLeg::Voided { round, .. } => *round,
            TableLeg::Ruled { .. } => 0,
            TableLeg::Quarantined { state } => state.round,
        }
    }

    /// The name of what the table does by itself, which is part of its transaction's id; `None` for bets and clearings.
    #[must_use]
    pub fn step(&self) -> Option<&'static str> {
        match self {
            TableLeg::Opened { .. } => Some("open"),
            TableLeg::Locked { .. } => Some("lock"),
            TableLeg::Settled { .. } => Some("settle"),
            TableLeg::Voided { .. } => Some("void"),
            TableLeg::Ruled { .. } => Some("rules"),
            TableLeg::Quarantined { .. } => Some("quarantine"),
            TableLeg::BetPlaced { .. } | TableLeg::BetsCleared { .. } => None,
        }
    }

    /// The id of the transaction of a step of this table; `None` for bets and clearings, whose ids come from the client's
    /// key.
    #[must_use]
    pub fn step_id(&self, table: TableId) -> Option<TxId> {
        if let TableLeg::Ruled { change, .. } = self {
            return Some(TxId::of_rules(table, *change));
        }
        let round = RoundId { table, number: self.round() };
        self.step().map(|step| TxId::of_round(round, step))
    }

    pub(crate) fn encode(&self, encoder: &mut Encoder) {
        match self {
            TableLeg::Opened { round, deadline, game, rules, currency, commit, sealed } => {
                encoder.byte(1);
                encoder.uint((*round).into());
                encoder.uint((*deadline).into());
                encoder.bytes(game.as_bytes());
                encoder.uint((*rules).into());
                encoder.currency(*currency);
                encoder.raw(commit);
                encoder.bytes(sealed);
            }
            TableLeg::BetPlaced { round, player, hold, bets, share } => {
                encoder.byte(2);
                encoder.uint((*round).into());
                encoder.player(*player);
                encode_bets(encoder, *hold, bets);
                encode_share(encoder, *share);
            }
            TableLeg::BetsCleared { round, player, holds } => {
                encoder.byte(3);
                encoder.uint((*round).into());
                encoder.player(*player);
                encoder.uint(holds.len() as u128);
                holds.iter().for_each(|hold| encoder.id(hold.0));
            }
            TableLeg::Locked { round, deadline, staked, mix } => {
                encoder.byte(4);
                encoder.uint((*round).into());
                encoder.uint((*deadline).into());
                encoder.money(*staked);
                encoder.raw(mix);
            }
            TableLeg::Settled { round, deadline, outcome, seed, returned } => {
                encoder.byte(5);
                encoder.uint((*round).into());
                encoder.uint((*deadline).into());
                encoder.uint((*outcome).into());
                encoder.raw(seed);
                encoder.money(*returned);
            }
            TableLeg::Voided { round, deadline, reason } => {
                encoder.byte(6);
                encoder.uint((*round).into());
                encoder.uint((*deadline).into());
                encoder.byte(reason.number());
            }
            TableLeg::Quarantined { state } => {
                encoder.byte(7);
                state.encode(encoder);
            }
            TableLeg::Ruled { change, rules } => {
                encoder.byte(8);
                encoder.uint((*change).into());
                rules.encode(encoder);
            }
        }
    }

    pub(crate) fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let tag = decoder.byte()?;
        if tag == 7 {
            let state = Box::new(TableState::decode(decoder)?);
            return match (state.quarantined, state.unfit) {
                (true, false) => Ok(TableLeg::Quarantined { state }),
                _ => Err(DecodeError::OutOfRange("a quarantined table")),
            };
        }
        if tag == 8 {
            let change = decoder.u64()?;
            return Ok(TableLeg::Ruled { change, rules: Box::new(TableRules::decode(decoder)?) });
        }
        let round = decoder.u64()?;
        Ok(match tag {
            1 => TableLeg::Opened {
                round,
                deadline: decoder.u64()?,
                game: decoder.text()?.into(),
                rules: decoder.u16()?,
                currency: decoder.currency()?,
                commit: decoder.array()?,
                sealed: decoder.bytes()?.into(),
            },
            2 => {
                let player = decoder.player()?;
                let (hold, bets) = decode_bets(decoder)?;
                TableLeg::BetPlaced { round, player, hold, bets, share: decode_share(decoder)? }
            }
            3 => {
                let player = decoder.player()?;
                let count = decoder.count()?;
                let holds = (0..count).map(|_| decoder.id().map(HoldId)).collect::<Result<_, _>>()?;
                TableLeg::BetsCleared { round, player, holds }
            }
            4 => TableLeg::Locked {
                round,
                deadline: decoder.u64()?,
                staked: decoder.money()?,
                mix: decoder.array()?,
            },
            5 => TableLeg::Settled {
                round,
                deadline: decoder.u64()?,
                outcome: decoder.u32()?,
                seed: decoder.array()?,
                returned: decoder.money()?,
            },
            6 => TableLeg::Voided {
                round,
                deadline: decoder.u64()?,
                reason: match decoder.byte()? {
                    1 => VoidReason::SeedLost,
                    2 => VoidReason::TableGone,
                    3 => VoidReason::Fault,
                    4 => VoidReason::RulesUnknown,
                    _ => return Err(DecodeError::Unknown("void reason")),
                },
            },
            _ => return Err(DecodeError::Unknown("table leg")),
        })
    }

    /// The event of this leg on the table's channel, with amounts in `scale` decimals. `state` is the table after the
    /// leg. `None` for bets and clearings, which are not public, and for a change of rules and a quarantine.
    #[must_use]
    pub fn event(&self, state: &TableState, scale: u32) -> Option<Event> {
        let amount = |minor: i128| Amount::from_minor(minor.max(0), scale).ok();
        let past = state.last.as_ref();
        Some(match self {
            TableLeg::BetPlaced { .. }
            | TableLeg::BetsCleared { .. }
            | TableLeg::Ruled { .. }
            | TableLeg::Quarantined { .. } => return None,
            TableLeg::Opened { round, deadline, commit, .. } => {
                Event::RoundOpened { round: *round, deadline: *deadline, commit: encode_string(commit) }
            }
            TableLeg::Locked { round, deadline, staked, mix } => Event::BetsLocked {
                round: *round,
                deadline: *deadline,
                staked: amount(*staked)?,
                mix: encode_string(mix),
            },
            TableLeg::Settled { round, deadline, outcome, seed, returned } => Event::RoundResult {
                round: *round,
                deadline: *deadline,
                outcome: *outcome,
                commit: encode_string(&past?.commit),
                seed: encode_string(seed),
                mix: encode_string(&past?.drawn?.mix),
                staked: amount(past?.staked)?,
                returned: amount(*returned)?,
            },
            TableLeg::Voided { round, reason, .. } => {
                Event::RoundVoided { round: *round, reason: reason.text().into() }
            }
        })
    }
}
