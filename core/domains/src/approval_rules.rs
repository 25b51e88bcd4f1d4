//! Who has to approve what is proposed, as the operator has set it: a row that is recorded when configuration changes it. A
//! decision reads the row, so a record can be decided again whatever the configuration says later.

use ledger::codec::{DecodeError, Decoder, Encoder};
use protocol::Currency;

use crate::{
    calendar::DAY,
    fields::{Field, Fields},
    principal::Principal,
    rows::{Row, RowImage, Rows},
};

/// Most approvals that a proposal needs.
pub const APPROVALS_MAX: u8 = 8;
/// Most bands, and most limits: together they fit into the value of a row.
pub const APPROVAL_PARTS_MAX: usize = 48;

/// What is proposed. Each has rules of its own. The numbers are written into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ProposalSubject {
    /// A correction of players' balances.
    Adjustment = 1,
}

impl ProposalSubject {
    /// Every subject, in the order of their numbers.
    pub const ALL: [ProposalSubject; 1] = [ProposalSubject::Adjustment];

    /// The subject of a number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        ProposalSubject::ALL.into_iter().find(|subject| *subject as u8 == number)
    }

    /// The name in reports, and the key of its rules.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ProposalSubject::Adjustment => "adjustment",
        }
    }
}

/// How many approvals an amount needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApprovalBand {
    /// The currency.
    pub currency: Currency,
    /// The least amount, minor units; from 0.
    pub from: i128,
    /// How many approvals; 0: whoever proposes it acts alone. 0..=[`APPROVALS_MAX`].
    pub needed: u8,
}

/// The largest amount that somebody approves, or does alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApproverLimit {
    /// Who; `None` for everybody who has no limit of their own in the currency.
    pub approver: Option<Principal>,
    /// The currency.
    pub currency: Currency,
    /// The amount, minor units; from 0.
    pub most: i128,
}

/// The rules of approval of one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRules {
    /// How many approvals a proposal needs for which no band says otherwise. 1..=[`APPROVALS_MAX`].
    pub needed: u8,
    /// For how long a proposal can be approved. Milliseconds.
    pub stands: u64,
    /// Whether an operator may act alone in an emergency, and say why.
    pub break_glass: bool,
    /// By currency, the smaller amounts first; at most [`APPROVAL_PARTS_MAX`]. The last one counts that begins at or below an
    /// amount.
    pub bands: Vec<ApprovalBand>,
    /// At most [`APPROVAL_PARTS_MAX`].
    pub limits: Vec<ApproverLimit>,
}

impl ApprovalRules {
    /// What holds while nothing is recorded: one approval, within three days, whatever the amount, and no acting alone. A
    /// decision on a log without a row depends on these numbers: they stay.
    pub const STANDARD: ApprovalRules = ApprovalRules {
        needed: 1,
        stands: 3 * DAY,
        break_glass: false,
        bands: Vec::new(),
        limits: Vec::new(),
    };

    /// What is in force.
    #[must_use]
    pub fn of(rows: &Rows, subject: ProposalSubject) -> Self {
        rows.get(subject.name().as_bytes()).unwrap_or(Self::STANDARD)
    }

    /// The image of the row.
    ///
    /// # Panics
    /// Never: its key is short.
    #[must_use]
    pub fn image(&self, subject: ProposalSubject) -> RowImage {
        RowImage::of(subject.name().as_bytes(), Some(self)).expect("a short key")
    }

    /// How many approvals an amount needs, minor units; 0: none.
    #[must_use]
    pub fn needed(&self, currency: Currency, amount: i128) -> u8 {
        let reached = |band: &&ApprovalBand| band.currency == currency && band.from <= amount;
        self.bands.iter().filter(reached).max_by_key(|band| band.from).map_or(self.needed, |band| band.needed)
    }

    /// Whether somebody may approve an amount, minor units, or do it alone.
    #[must_use]
    pub fn may(&self, approver: Principal, currency: Currency, amount: i128) -> bool {
        let mut limits = self.limits.iter().filter(|limit| limit.currency == currency);
        let own = limits.clone().find(|limit| limit.approver == Some(approver));
        let limit = own.or_else(|| limits.find(|limit| limit.approver.is_none()));
        limit.is_none_or(|limit| amount <= limit.most)
    }
}

impl Row for ApprovalRules {
    const KIND: u16 = 11;
    const NAME: &'static str = "approval_rules";

    fn encode(&self, encoder: &mut Encoder) {
        let Self { needed, stands, break_glass, bands, limits } = self;
        encoder.byte(*needed);
        encoder.uint((*stands).into());
        encoder.flag(*break_glass);
        encoder.uint(bands.len() as u128);
        for ApprovalBand { currency, from, needed } in bands {
            encoder.currency(*currency);
            encoder.money(*from);
            encoder.byte(*needed);
        }
        encoder.uint(limits.len() as u128);
        for ApproverLimit { approver, currency, most } in limits {
            encoder.flag(approver.is_some());
            if let Some(approver) = approver {
                approver.encode(encoder);
            }
            encoder.currency(*currency);
            encoder.money(*most);
        }
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        fn few<T>(
            decoder: &mut Decoder<'_>,
            one: impl Fn(&mut Decoder<'_>) -> Result<T, DecodeError>,
        ) -> Result<Vec<T>, DecodeError> {
            match decoder.count()? {
                count if count > APPROVAL_PARTS_MAX => Err(DecodeError::OutOfRange("rules of approval")),
                count => (0..count).map(|_| one(decoder)).collect(),
            }
        }
        let (needed, stands, break_glass) = (decoder.byte()?, decoder.u64()?, decoder.flag()?);
        let bands = few(decoder, |decoder| {
            let (currency, from) = (decoder.currency()?, decoder.money()?);
            Ok(ApprovalBand { currency, from, needed: approvals(decoder.byte()?)? })
        })?;
        let limits = few(decoder, |decoder| {
            let approver = decoder.flag()?.then(|| Principal::decode(decoder)).transpose()?;
            Ok(ApproverLimit { approver, currency: decoder.currency()?, most: decoder.money()? })
        })?;
        Ok(Self { needed: approvals(needed)?, stands, break_glass, bands, limits })
    }

    fn key(bytes: &[u8]) -> Field {
        Field::of_text_key(bytes)
    }

    fn fields(&self) -> Fields {
        let Self { needed, stands, break_glass, bands, limits } = self;
        let band = |ApprovalBand { currency, from, needed }: &ApprovalBand| {
            vec![("from", Field::Amount(*from, *currency)), ("needed", Field::Number((*needed).into()))]
        };
        let limit = |ApproverLimit { approver, currency, most }: &ApproverLimit| {
            let who = approver.map_or(Field::Text("everybody else".into()), named);
            vec![("approver", who), ("most", Field::Amount(*most, *currency))]
        };
        vec![
            ("needed", Field::Number((*needed).into())),
            ("stands_ms", Field::Number(*stands)),
            ("break_glass", Field::Flag(*break_glass)),
            ("bands", Field::List(bands.iter().map(band).collect())),
            ("limits", Field::List(limits.iter().map(limit).collect())),
        ]
    }
}

fn approvals(number: u8) -> Result<u8, DecodeError> {
    if number <= APPROVALS_MAX { Ok(number) } else { Err(DecodeError::OutOfRange("a number of approvals")) }
}

/// A principal, as reports show one.
pub(crate) fn named(principal: Principal) -> Field {
    Field::Text(format!("{} {:032x}", principal.kind().name(), principal.id()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PrincipalKind, rows::VALUE_BYTES_MAX};

    fn operator(name: &str) -> Principal {
        Principal::named(PrincipalKind::Operator, "", name)
    }

    fn rules() -> ApprovalRules {
        let [eur, usd]: [Currency; 2] = ["EUR", "USD"].map(|code| code.parse().expect("a currency"));
        let band = |currency, from, needed| ApprovalBand { currency, from, needed };
        let limit = |approver, currency, most| ApproverLimit { approver, currency, most };
        ApprovalRules {
            bands: vec![band(eur, 0, 0), band(eur, 50, 1), band(eur, 1_000, 2), band(usd, 10, 3)],
            limits: vec![limit(None, eur, 500), limit(Some(operator("anna")), eur, 2_000)],
            ..ApprovalRules::STANDARD
        }
    }

    #[test]
    fn the_last_band_that_an_amount_reaches_says_how_many_approve_it() {
        let rules = rules();
        for (currency, amount, needed) in [
            ("EUR", 49, 0),
            ("EUR", 50, 1),
            ("EUR", 999, 1),
            ("EUR", 1_000, 2),
            ("USD", 9, 1),
            ("USD", 10, 3),
            ("JPY", 1, 1),
        ] {
            let currency = currency.parse().expect("a currency");
            assert_eq!(rules.needed(currency, amount), needed, "{amount} {currency}");
        }
    }

    #[test]
    fn a_limit_of_ones_own_comes_before_that_of_everybody() {
        let rules = rules();
        for (name, currency, amount, may) in [
            ("anna", "EUR", 2_000, true),
            ("anna", "EUR", 2_001, false),
            ("ben", "EUR", 500, true),
            ("ben", "EUR", 501, false),
            ("ben", "USD", 1_000_000, true),
        ] {
            let currency = currency.parse().expect("a currency");
            assert_eq!(rules.may(operator(name), currency, amount), may, "{name} {amount} {currency}");
        }
    }

    #[test]
    fn the_largest_rules_fit_into_a_row_and_read_back() {
        let currency = "WWWWWWWW".parse().unwrap_or_else(|_| "EUR".parse().expect("a currency"));
        let bands =
            (0..APPROVAL_PARTS_MAX).map(|_| ApprovalBand { currency, from: ledger::SUM_MAX, needed: 8 });
        let limits = (0..APPROVAL_PARTS_MAX).map(|number| ApproverLimit {
            approver: Some(operator(&number.to_string())),
            currency,
            most: ledger::SUM_MAX,
        });
        let rules = ApprovalRules { bands: bands.collect(), limits: limits.collect(), ..rules() };
        let value = rules.image(ProposalSubject::Adjustment).value.expect("a value");
        assert!(value.len() <= VALUE_BYTES_MAX, "{} bytes", value.len());
        assert_eq!(ApprovalRules::decode(&mut Decoder::new(&value)), Ok(rules));
    }
}
