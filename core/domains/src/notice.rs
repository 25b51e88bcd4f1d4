//! The notice to a player about a transaction: part of the record, with the balance before and after it.

use ledger::{
    Account,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::{Currency, PlayerId, RoundId};

use crate::fields::{Field, Fields};

/// A player's funds in one currency, minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Funds {
    /// What can be staked.
    pub available: i128,
    /// Stakes held in open rounds.
    pub held: i128,
}

impl Funds {
    /// What is available and what is held together.
    #[must_use]
    pub fn total(self) -> i128 {
        self.available.saturating_add(self.held)
    }
}

impl From<&Account> for Funds {
    /// The funds that a cash account shows to its player.
    fn from(account: &Account) -> Self {
        Self { available: account.available(), held: account.debits_pending }
    }
}

/// What one player is told of a transaction. Becomes one event on the player's channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The player.
    pub player: PlayerId,
    /// The currency.
    pub currency: Currency,
    /// Funds before it; zero when the transaction opens the account.
    pub before: Funds,
    /// Funds after it.
    pub after: Funds,
    /// What happened.
    pub what: What,
}

/// What happened to a player's funds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Money came in.
    Deposit,
    /// A stake is held.
    Stake,
    /// Stakes are given back before the lock.
    Release,
    /// A service paid.
    Credit,
    /// A service took.
    Debit,
    /// A hold has ended by itself.
    Expired,
    /// A service holds money.
    Held,
    /// A service took what it held, or a part of it; the rest is available again.
    Captured,
    /// A service gave back what it held.
    Freed,
    /// Winnings of a game that is played elsewhere were paid.
    Winnings,
    /// A round is settled.
    Settled {
        /// The round.
        round: RoundId,
        /// The player's stakes in it, minor units.
        staked: i128,
        /// The payout, stakes included, minor units.
        returned: i128,
        /// The outcome.
        outcome: u32,
    },
    /// A round is void and its stakes are returned.
    Voided {
        /// The round.
        round: RoundId,
        /// The player's stakes in it, minor units.
        staked: i128,
    },
}

/// The end of a round for one player. Amounts in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoundEnd {
    /// The round.
    pub round: RoundId,
    /// The player's stakes in it.
    pub staked: i128,
    /// What came back: the payout with the stakes in it, or the stakes of a void round.
    pub returned: i128,
    /// The outcome; `None` of a void round.
    pub outcome: Option<u32>,
}

impl What {
    /// The name in reports.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            What::Deposit => "deposit",
            What::Stake => "stake",
            What::Release => "release",
            What::Credit => "credit",
            What::Debit => "debit",
            What::Expired => "expired",
            What::Held => "held",
            What::Captured => "captured",
            What::Freed => "freed",
            What::Winnings => "winnings",
            What::Settled { .. } => "settled",
            What::Voided { .. } => "voided",
        }
    }

    /// The end of a round for the player, if it is one. The player can look it up later.
    #[must_use]
    pub fn round_end(&self) -> Option<RoundEnd> {
        match *self {
            What::Settled { round, staked, returned, outcome } => {
                Some(RoundEnd { round, staked, returned, outcome: Some(outcome) })
            }
            What::Voided { round, staked } => {
                Some(RoundEnd { round, staked, returned: staked, outcome: None })
            }
            What::Deposit
            | What::Stake
            | What::Release
            | What::Credit
            | What::Debit
            | What::Expired
            | What::Held
            | What::Captured
            | What::Freed
            | What::Winnings => None,
        }
    }

    /// What is told besides the funds, by name. Amounts are in the notice's currency.
    #[must_use]
    pub fn fields(&self, currency: Currency) -> Fields {
        let Some(RoundEnd { round, staked, returned, outcome }) = self.round_end() else {
            return Fields::new();
        };
        let mut fields = vec![("round", Field::Round(round)), ("staked", Field::Amount(staked, currency))];
        if let Some(outcome) = outcome {
            fields.push(("returned", Field::Amount(returned, currency)));
            fields.push(("outcome", Field::Number(outcome.into())));
        }
        fields
    }
}

impl Notice {
    /// Appends it to a record: the funds after, and how they changed.
    pub fn encode(&self, encoder: &mut Encoder) {
        encoder.player(self.player);
        encoder.currency(self.currency);
        let Self { before, after, .. } = self;
        encoder.money(after.available);
        encoder.money(after.held);
        encoder.money(after.available - before.available);
        encoder.money(after.held - before.held);
        match &self.what {
            What::Deposit => encoder.byte(1),
            What::Stake => encoder.byte(2),
            What::Release => encoder.byte(3),
            What::Settled { round, staked, returned, outcome } => {
                encoder.byte(4);
                encoder.round(*round);
                encoder.money(*staked);
                encoder.money(*returned);
                encoder.uint((*outcome).into());
            }
            What::Voided { round, staked } => {
                encoder.byte(5);
                encoder.round(*round);
                encoder.money(*staked);
            }
            What::Credit => encoder.byte(6),
            What::Debit => encoder.byte(7),
            What::Expired => encoder.byte(8),
            What::Held => encoder.byte(9),
            What::Captured => encoder.byte(10),
            What::Freed => encoder.byte(11),
            What::Winnings => encoder.byte(12),
        }
    }

    /// Reads one from a record.
    ///
    /// # Errors
    /// When the bytes are not a notice.
    pub fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let (player, currency) = (decoder.player()?, decoder.currency()?);
        let after = Funds { available: decoder.money()?, held: decoder.money()? };
        // Two amounts that are in range; their difference cannot overflow.
        let before =
            Funds { available: after.available - decoder.money()?, held: after.held - decoder.money()? };
        let what = match decoder.byte()? {
            1 => What::Deposit,
            2 => What::Stake,
            3 => What::Release,
            4 => What::Settled {
                round: decoder.round()?,
                staked: decoder.money()?,
                returned: decoder.money()?,
                outcome: decoder.u32()?,
            },
            5 => What::Voided { round: decoder.round()?, staked: decoder.money()? },
            6 => What::Credit,
            7 => What::Debit,
            8 => What::Expired,
            9 => What::Held,
            10 => What::Captured,
            11 => What::Freed,
            12 => What::Winnings,
            _ => return Err(DecodeError::Unknown("notice")),
        };
        Ok(Self { player, currency, before, after, what })
    }
}
