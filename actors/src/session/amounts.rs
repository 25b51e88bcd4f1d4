//! Amounts in requests of players.

use protocol::{ErrorCode, amount::AmountError, reply::Failure};

/// Why a text is not an amount of its currency.
pub(super) fn unfit(text: &str, error: AmountError) -> Failure {
    let code = match error {
        AmountError::Malformed => ErrorCode::BadAmount,
        AmountError::TooPrecise => ErrorCode::TooPrecise,
        AmountError::TooLarge => ErrorCode::AboveLimit,
    };
    Failure::with(code, format!("\"{text}\": {error}"))
}
