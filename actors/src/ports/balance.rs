//! What services and operators ask of a player's balance, as an envelope for the money.

use domains::{
    Intent,
    recipes::{Credit, Debit, FreezePlayer, Unfreeze},
};
pub use domains::{
    PaymentCause, ReasonCode, Reference,
    freeze::{Freeze, FreezeReason},
};
use engine::{Content, Envelope, Principal, Tx, TxId};
use protocol::{Currency, ErrorCode, PlayerId};

/// A change of a player's balance or of their freeze. Idempotent by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalanceChange {
    /// The id: of who asks, and of the key.
    pub id: TxId,
    /// Who asks.
    pub principal: Principal,
    /// The player.
    pub player: PlayerId,
    /// What is asked for.
    pub what: Changed,
}

/// What is to become of a balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// The player is paid, out of corrections. The first credit opens the account.
    Credit(Payment),
    /// The player pays, into corrections.
    Debit(Payment),
    /// Nothing more is debited or held until it ends.
    Freeze(Freeze),
    /// The freeze is lifted.
    Unfreeze,
}

/// Money that is paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The currency.
    pub currency: Currency,
    /// Minor units, above zero.
    pub amount: i128,
    /// Why.
    pub cause: PaymentCause,
}

impl BalanceChange {
    /// The envelope that carries it out.
    #[must_use]
    pub fn run(self) -> Envelope {
        let content = self.content();
        let Self { id, principal, player, what } = self;
        let intent: Intent = match what {
            Changed::Credit(Payment { currency, amount, cause }) => {
                Credit { player, currency, amount, cause }.into()
            }
            Changed::Debit(Payment { currency, amount, cause }) => {
                Debit { player, currency, amount, cause }.into()
            }
            Changed::Freeze(freeze) => FreezePlayer { player, freeze }.into(),
            Changed::Unfreeze => Unfreeze { player }.into(),
        };
        Envelope::Run(Tx::new(id, principal, Some(content), intent))
    }

    /// The envelope that refuses it, unless its id has an outcome: a repeated request is told what it was told. Nothing is
    /// recorded.
    #[must_use]
    pub fn refuse(self, code: ErrorCode) -> Envelope {
        let content = self.content();
        Envelope::Refuse { id: self.id, principal: self.principal, content, code, request: None }
    }

    /// The fingerprint of what is asked for. It stays as it is for good, as its key does: a field that a later release adds has
    /// its name before it and is left out where it is not given, so that a request without it has the same fingerprint.
    fn content(&self) -> Content {
        let mut parts = vec![b"balance".to_vec(), self.player.0.to_be_bytes().into()];
        let mut given = |name: &str, value: &[u8]| parts.extend([name.as_bytes().to_vec(), value.to_vec()]);
        match &self.what {
            Changed::Credit(payment) | Changed::Debit(payment) => {
                let is_credit = matches!(self.what, Changed::Credit(_));
                given("type", if is_credit { b"credit" } else { b"debit" });
                given("currency", payment.currency.as_bytes());
                given("amount", &payment.amount.to_be_bytes());
                let PaymentCause { reason, reference } = &payment.cause;
                reason.iter().for_each(|reason| given("reason", reason.as_str().as_bytes()));
                reference.iter().for_each(|reference| given("reference", reference.as_str().as_bytes()));
            }
            Changed::Freeze(Freeze { reason, until }) => {
                given("type", b"freeze");
                given("reason", reason.name().as_bytes());
                until.iter().for_each(|until| given("until", &until.to_be_bytes()));
            }
            Changed::Unfreeze => given("type", b"unfreeze"),
        }
        Content::of(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(what: Changed) -> Content {
        let change = BalanceChange { id: TxId(1), principal: Principal::HUB, player: PlayerId(7), what };
        let Envelope::Run(tx) = change.clone().run() else { panic!("it is run") };
        let Envelope::Refuse { content, request: None, .. } = change.refuse(ErrorCode::Malformed) else {
            panic!("it is refused")
        };
        assert_eq!(tx.key, Some(content), "the refusal finds the outcome of the run");
        content
    }

    #[test]
    fn each_field_of_a_change_is_part_of_its_content() {
        let payment = |currency: &str, amount, reason: &str, reference: &str| Payment {
            currency: currency.parse().expect("a currency"),
            amount,
            cause: PaymentCause { reason: reason.parse().ok(), reference: reference.parse().ok() },
        };
        let freeze = |reason, until| Changed::Freeze(Freeze { reason, until });
        let all = [
            Changed::Credit(payment("EUR", 1, "", "")),
            Changed::Credit(payment("USD", 1, "", "")),
            Changed::Credit(payment("EUR", 2, "", "")),
            Changed::Credit(payment("EUR", 1, "A", "")),
            Changed::Credit(payment("EUR", 1, "", "A")),
            Changed::Debit(payment("EUR", 1, "", "")),
            freeze(FreezeReason::FraudCheck, None),
            freeze(FreezeReason::Operator, None),
            freeze(FreezeReason::FraudCheck, Some(1)),
            Changed::Unfreeze,
        ];
        for (index, one) in all.iter().enumerate() {
            for (other, changed) in all.iter().enumerate() {
                assert_eq!(
                    content(one.clone()) == content(changed.clone()),
                    index == other,
                    "{one:?} {changed:?}"
                );
            }
        }
    }
    /// These numbers are under keys in logs.
    #[test]
    fn a_fingerprint_stays_as_it_is() {
        let currency = "USD".parse().expect("a currency");
        let cause = |reason: &str, reference: &str| PaymentCause {
            reason: reason.parse().ok(),
            reference: reference.parse().ok(),
        };
        let payment = |cause| Payment { currency, amount: 5_000, cause };
        let freeze = |until| Changed::Freeze(Freeze { reason: FreezeReason::FraudCheck, until });
        let all = [
            Changed::Credit(payment(cause("", ""))),
            Changed::Debit(payment(cause("GOODWILL", "INVOICE-7"))),
            freeze(None),
            freeze(Some(1_700_000_000_000)),
            Changed::Unfreeze,
        ];
        let stay = [
            0x8fd7_bab2_bac9_633f_d8c4_435a_84ec_6c9e,
            0x7370_40c0_49a2_2fbd_7b6f_6572_639b_90ff,
            0x0dbf_e90d_ab50_c30c_79c7_9274_9b4a_4d5f,
            0x7ce9_a056_ff5c_cf2d_e9ab_4531_d88e_9e20,
            0xb0bf_aca2_e335_7b7f_5454_7863_0c4e_e9f4,
        ];
        assert_eq!(all.map(content), stay.map(Content));
    }
}
