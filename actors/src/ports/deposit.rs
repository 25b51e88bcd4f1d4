//! A deposit that a service reports, as an envelope for the money.

use domains::recipes;
use engine::{Content, Envelope, Principal, PrincipalKind, Tx, TxId};
use protocol::{Amount, Currency, ErrorCode, PlayerId};

use crate::currencies::Currencies;

/// A deposit that a service reports. Idempotent by (service, key).
#[derive(Debug, Clone)]
pub struct DepositReport {
    /// Name of the service.
    pub service: &'static str,
    /// Its key.
    pub key: String,
    /// The player.
    pub player: PlayerId,
    /// The currency.
    pub currency: Currency,
    /// How much.
    pub amount: Amount,
}

impl DepositReport {
    /// The service as a principal.
    #[must_use]
    pub fn principal(&self) -> Principal {
        Principal::named(PrincipalKind::Service, "", self.service)
    }

    /// The envelope to submit. In a currency that the operator has no more it is to be refused, unless its key has an
    /// outcome: a retry is told what it was told.
    ///
    /// # Errors
    /// When the hub has never had the currency, or it has fewer decimals than the amount.
    pub fn envelope(&self, currencies: &Currencies) -> Result<Envelope, ErrorCode> {
        let Self { service, key, player, currency, amount } = self;
        let principal = self.principal();
        let scale = currencies.spelling(*currency).ok_or(ErrorCode::WrongCurrency)?;
        let amount = amount.to_minor(scale).map_err(|_| ErrorCode::TooPrecise)?;
        let content = Content::of(&[
            b"deposit",
            &player.0.to_be_bytes(),
            currency.as_str().as_bytes(),
            &amount.to_be_bytes(),
        ]);
        let id = TxId::of_service(service, key);
        if currencies.scale(*currency).is_none() {
            let code = ErrorCode::WrongCurrency;
            return Ok(Envelope::Refuse { id, principal, content, code, request: None });
        }
        let deposit = recipes::Deposit { player: *player, currency: *currency, amount };
        Ok(Envelope::Run(Tx::new(id, principal, Some(content), deposit)))
    }
}
