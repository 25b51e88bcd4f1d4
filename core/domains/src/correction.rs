//! What an adjustment does: an amount for or from a player, or the reversal of a transaction; with the reason and the evidence.
//!
//! Both are also done to a player who is frozen or excluded: a case is settled so.

use ledger::{
    AccountId, AccountKind, Domain, Rejection, Transfer,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::{Currency, PlayerId};
use sha2::{Digest as _, Sha256};

use crate::{
    What, adjustment,
    approval::{ProposalId, Proposed},
    approval_rules::ProposalSubject,
    balance,
    cause::Reference,
    decide::{Context, Deciding, RefusedBy},
    fields::{Field, Fields},
    reversal::Reversal,
};

/// Why something is corrected. The numbers are written into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum AdjustmentReason {
    /// Something was done that should not have been.
    Error = 1,
    /// The operator is generous.
    Goodwill = 2,
    /// A dispute was decided.
    Dispute = 3,
    /// Somebody has cheated.
    Fraud = 4,
    /// A payment was taken back by the player's bank.
    Chargeback = 5,
    /// An authority or a law asks for it.
    Legal = 6,
}

impl AdjustmentReason {
    /// Every reason, in the order of their numbers.
    pub const ALL: [AdjustmentReason; 6] = [
        AdjustmentReason::Error,
        AdjustmentReason::Goodwill,
        AdjustmentReason::Dispute,
        AdjustmentReason::Fraud,
        AdjustmentReason::Chargeback,
        AdjustmentReason::Legal,
    ];

    /// The reason of a number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        AdjustmentReason::ALL.into_iter().find(|reason| *reason as u8 == number)
    }

    /// The code in requests and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            AdjustmentReason::Error => "ERROR",
            AdjustmentReason::Goodwill => "GOODWILL",
            AdjustmentReason::Dispute => "DISPUTE",
            AdjustmentReason::Fraud => "FRAUD",
            AdjustmentReason::Chargeback => "CHARGEBACK",
            AdjustmentReason::Legal => "LEGAL",
        }
    }
}

/// What is corrected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CorrectionOf {
    /// A player gets an amount, or it is taken; the first one opens the account.
    Amount {
        /// The player.
        player: PlayerId,
        /// The currency.
        currency: Currency,
        /// Minor units, above zero.
        amount: i128,
        /// Whether it is taken.
        takes: bool,
    },
    /// A transaction is taken back.
    Transaction(Box<Reversal>),
}

/// A correction, with the reason and the evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// What is corrected.
    pub of: CorrectionOf,
    /// Why.
    pub reason: AdjustmentReason,
    /// Where the evidence is.
    pub reference: Reference,
}

impl Correction {
    /// What is proposed with it.
    ///
    /// # Errors
    /// A reversal of no currency, or of more than one.
    pub fn proposed(&self) -> Result<Proposed, Rejection> {
        let (currency, amount) = match &self.of {
            CorrectionOf::Amount { currency, amount, .. } => (*currency, *amount),
            CorrectionOf::Transaction(reversal) => {
                (reversal.currency().ok_or(Rejection::NotReversible)?, reversal.amount())
            }
        };
        Ok(Proposed { subject: ProposalSubject::Adjustment, digest: self.digest(), currency, amount })
    }

    /// SHA-256 of its only encoding.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut encoder = Encoder::plain(256);
        self.encode(&mut encoder);
        Sha256::digest(encoder.as_bytes()).into()
    }

    /// Whether it may be proposed, as far as that is known before it is carried out.
    pub(crate) fn check(&self, context: &Context<'_>) -> Result<(), Rejection> {
        match &self.of {
            CorrectionOf::Amount { .. } => Ok(()),
            CorrectionOf::Transaction(reversal) => reversal.check(context),
        }
    }

    /// Carries it out.
    pub(crate) fn decide(
        &self,
        context: &Context<'_>,
        decision: &mut Deciding<'_>,
        proposal: ProposalId,
    ) -> Result<(), RefusedBy> {
        match &self.of {
            CorrectionOf::Transaction(reversal) => reversal.decide(context, decision, proposal),
            CorrectionOf::Amount { player, currency, amount, takes: false } => {
                let (player, currency, amount) = (*player, *currency, *amount);
                decision.ask(&balance::Command::Open(player, currency))?;
                let from = Domain::Adjustment;
                decision.ask(&balance::Command::Credit { player, currency, amount, from })?;
                decision.ask(&adjustment::Command::Give { currency, amount })?;
                decision.tell(player, currency, What::Credit);
                Ok(())
            }
            CorrectionOf::Amount { player, currency, amount, takes: true } => {
                let (player, currency, amount) = (*player, *currency, *amount);
                let debit = AccountId::cash(player, currency);
                let credit = AccountId::house(AccountKind::Clearing(Domain::Adjustment), currency);
                decision.post(Domain::Balance, Transfer { debit, credit, amount })?;
                decision.ask(&adjustment::Command::Take { currency, amount })?;
                decision.tell(player, currency, What::Debit);
                Ok(())
            }
        }
    }

    pub(crate) fn encode(&self, encoder: &mut Encoder) {
        let Self { of, reason, reference } = self;
        match of {
            CorrectionOf::Amount { player, currency, amount, takes } => {
                encoder.byte(1);
                encoder.player(*player);
                encoder.currency(*currency);
                encoder.money(*amount);
                encoder.flag(*takes);
            }
            CorrectionOf::Transaction(reversal) => {
                encoder.byte(2);
                reversal.encode(encoder);
            }
        }
        encoder.byte(*reason as u8);
        encoder.bytes(reference.as_str().as_bytes());
    }

    pub(crate) fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let of = match decoder.byte()? {
            1 => CorrectionOf::Amount {
                player: decoder.player()?,
                currency: decoder.currency()?,
                amount: decoder.money()?,
                takes: decoder.flag()?,
            },
            2 => CorrectionOf::Transaction(Box::new(Reversal::decode(decoder)?)),
            _ => return Err(DecodeError::Unknown("correction")),
        };
        let reason = AdjustmentReason::from_number(decoder.byte()?);
        let reason = reason.ok_or(DecodeError::Unknown("reason of an adjustment"))?;
        let reference = decoder.text()?.parse().map_err(|_| DecodeError::OutOfRange("a reference"))?;
        Ok(Self { of, reason, reference })
    }

    pub(crate) fn fields(&self) -> Fields {
        let Self { of, reason, reference } = self;
        let own = match of {
            CorrectionOf::Amount { player, currency, amount, takes } => vec![
                ("direction", Field::Text(if *takes { "debit" } else { "credit" }.into())),
                ("player", Field::Player(*player)),
                ("currency", Field::Currency(*currency)),
                ("amount", Field::Amount(*amount, *currency)),
            ],
            CorrectionOf::Transaction(reversal) => reversal.fields(),
        };
        let why = [
            ("reason", Field::Text(reason.name().into())),
            ("reference", Field::Text(reference.to_string())),
        ];
        own.into_iter().chain(why).collect()
    }
}
