//! What services and operators ask of a player's balance, as an envelope for the money.

use domains::{
    Intent, Recipe,
    recipes::{Credit, Debit, FreezePlayer, Unfreeze},
};
pub use domains::{
    PaymentCause, ReasonCode, Reference,
    freeze::{Freeze, FreezeReason},
};
use engine::{Content, Envelope, Principal, Tx, TxId};
use ledger::codec::Encoder;
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
        let Self { id, principal, player, what } = self;
        let (content, intent) = asked(player, what);
        Envelope::Run(Tx::new(id, principal, Some(content), intent))
    }

    /// The envelope that refuses it, unless its id has an outcome: a repeated request is told what it was told. Nothing is
    /// recorded.
    #[must_use]
    pub fn refuse(self, code: ErrorCode) -> Envelope {
        let Self { id, principal, player, what } = self;
        let (content, _) = asked(player, what);
        Envelope::Refuse { id, principal, content, code, request: None }
    }
}

/// The intent, and its fingerprint: that of the parameters as they are recorded.
fn asked(player: PlayerId, what: Changed) -> (Content, Intent) {
    match what {
        Changed::Credit(Payment { currency, amount, cause }) => {
            printed(Credit { player, currency, amount, cause })
        }
        Changed::Debit(Payment { currency, amount, cause }) => {
            printed(Debit { player, currency, amount, cause })
        }
        Changed::Freeze(freeze) => printed(FreezePlayer { player, freeze }),
        Changed::Unfreeze => printed(Unfreeze { player }),
    }
}

fn printed<R: Recipe>(recipe: R) -> (Content, Intent) {
    let mut encoder = Encoder::plain(128);
    recipe.encode(&mut encoder);
    (Content::of(&[b"recipe", R::NAME.as_bytes(), encoder.as_bytes()]), recipe.into())
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
}
