//! The refusals of the money over HTTP: the codes of the wire, with a status and with words that fit there.

use actix_web::http::StatusCode;
use protocol::{ErrorCode, Retry};

use super::row::KindRow;

/// The codes that an answer over HTTP may have.
pub const CODES: [ErrorCode; 17] = [
    ErrorCode::KeyReused,
    ErrorCode::NotFrozen,
    ErrorCode::HoldNotOpen,
    ErrorCode::AboveHold,
    ErrorCode::BelowLimit,
    ErrorCode::AboveLimit,
    ErrorCode::WrongCurrency,
    ErrorCode::InsufficientFunds,
    ErrorCode::NoAccount,
    ErrorCode::AccountFrozen,
    ErrorCode::Excluded,
    ErrorCode::ExclusionStands,
    ErrorCode::NotExcluded,
    ErrorCode::BadDuration,
    ErrorCode::RateLimited,
    ErrorCode::Internal,
    ErrorCode::Unavailable,
];

/// What is fixed for a code.
pub fn row(code: ErrorCode) -> KindRow {
    let (status, title, hint) = match code {
        ErrorCode::KeyReused => (
            StatusCode::CONFLICT,
            code.text(),
            "a new change needs a new key; the one under this key is as it was",
        ),
        ErrorCode::NotFrozen => (StatusCode::CONFLICT, code.text(), "there is nothing to lift"),
        ErrorCode::Excluded => (
            StatusCode::UNPROCESSABLE_ENTITY,
            code.text(),
            "nothing is deposited or staked until the exclusion ends; the balance of the player shows it",
        ),
        ErrorCode::ExclusionStands => (
            StatusCode::CONFLICT,
            code.text(),
            "it is made longer or stricter, never shorter; the balance of the player shows it",
        ),
        ErrorCode::NotExcluded => (StatusCode::CONFLICT, code.text(), "the player may play"),
        ErrorCode::BadDuration => (
            StatusCode::UNPROCESSABLE_ENTITY,
            code.text(),
            "the options of [protection] say how long; ask again under a new key",
        ),
        ErrorCode::HoldNotOpen => (
            StatusCode::CONFLICT,
            code.text(),
            "it was captured or released, or has expired; a new hold has another id",
        ),
        ErrorCode::AboveHold => {
            (StatusCode::UNPROCESSABLE_ENTITY, code.text(), "capture less, under a new key; the hold stands")
        }
        ErrorCode::BelowLimit => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "the amount is too small",
            "send a larger amount under a new key",
        ),
        ErrorCode::AboveLimit => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "the amount is larger than an account can hold",
            "send a smaller amount under a new key",
        ),
        ErrorCode::WrongCurrency => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "this currency cannot be used here",
            "use the currency of the hold or the account, or one of the hub's",
        ),
        ErrorCode::InsufficientFunds | ErrorCode::NoAccount | ErrorCode::AccountFrozen => (
            StatusCode::UNPROCESSABLE_ENTITY,
            code.text(),
            "the refusal stands for this key; try again under a new one when the account allows it",
        ),
        ErrorCode::Forbidden => (
            StatusCode::FORBIDDEN,
            "this player was erased",
            "nothing is done for them any more; whoever comes back has another player id",
        ),
        ErrorCode::RateLimited => {
            (StatusCode::TOO_MANY_REQUESTS, code.text(), "same request later; a change with the same key")
        }
        ErrorCode::Internal => (
            StatusCode::INTERNAL_SERVER_ERROR,
            code.text(),
            "same request with the same key; tell the operator if it stays so",
        ),
        _ => (StatusCode::SERVICE_UNAVAILABLE, code.text(), "same request with the same key, later"),
    };
    let last = code.retry() == Retry::Never;
    KindRow { status, code: code.name(), title, hint, last, retry_after_ms: None }
}
