//! The refusals of the money over HTTP: the codes of the wire, with a status and with words that fit there.

use actix_web::http::StatusCode;
use protocol::{ErrorCode, Retry};

use super::row::KindRow;

/// The codes that an answer over HTTP may have.
pub const CODES: [ErrorCode; 37] = [
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
    ErrorCode::UnknownProposal,
    ErrorCode::ProposalEnded,
    ErrorCode::ProposalExpired,
    ErrorCode::OwnProposal,
    ErrorCode::ApprovedBefore,
    ErrorCode::NotAnApprover,
    ErrorCode::AboveApproverLimit,
    ErrorCode::NoBreakGlass,
    ErrorCode::ReversedBefore,
    ErrorCode::NotReversible,
    ErrorCode::NoCheckDue,
    ErrorCode::LimitReached,
    ErrorCode::LimitChangeWaits,
    ErrorCode::NoLimit,
    ErrorCode::LimitChangeEarly,
    ErrorCode::LimitChangeLate,
    ErrorCode::TooManyLimits,
    ErrorCode::BalanceTooLow,
    ErrorCode::BalanceTooHigh,
    ErrorCode::ChangeTooLarge,
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
        ErrorCode::UnknownProposal => {
            (StatusCode::NOT_FOUND, code.text(), "the answer to the proposal has its id")
        }
        ErrorCode::ProposalEnded => (
            StatusCode::CONFLICT,
            code.text(),
            "it shows what has ended it; another correction is another proposal",
        ),
        ErrorCode::ProposalExpired => {
            (StatusCode::CONFLICT, code.text(), "reject it, and propose the same again under a new key")
        }
        ErrorCode::OwnProposal => (StatusCode::FORBIDDEN, code.text(), "ask another operator to approve it"),
        ErrorCode::ApprovedBefore => {
            (StatusCode::CONFLICT, code.text(), "it counts once; other operators have to approve it as well")
        }
        ErrorCode::NotAnApprover => {
            (StatusCode::FORBIDDEN, code.text(), "use the token of an operator, not of a service")
        }
        ErrorCode::AboveApproverLimit => (
            StatusCode::FORBIDDEN,
            code.text(),
            "ask an operator with a higher limit (option adjustment.limits)",
        ),
        ErrorCode::NoBreakGlass => (
            StatusCode::FORBIDDEN,
            code.text(),
            "propose it without breakGlass, or set the option adjustment.break_glass",
        ),
        ErrorCode::ReversedBefore => (
            StatusCode::CONFLICT,
            code.text(),
            "it is reversed once; what is wrong with that, correct by an amount",
        ),
        ErrorCode::NotReversible => {
            (StatusCode::UNPROCESSABLE_ENTITY, code.text(), "correct it by an amount, or end what it holds")
        }
        ErrorCode::NoCheckDue => (
            StatusCode::CONFLICT,
            code.text(),
            "no bet of the player is refused for it; the balance of the player shows when one will be",
        ),
        ErrorCode::LimitReached => (
            StatusCode::UNPROCESSABLE_ENTITY,
            code.text(),
            "\"reached\" says which and when more is allowed; the refusal stands for this key",
        ),
        ErrorCode::LimitChangeWaits => (
            StatusCode::CONFLICT,
            code.text(),
            "it can be confirmed when it has waited; a stricter limit is set at once and takes its place",
        ),
        ErrorCode::NoLimit => {
            (StatusCode::CONFLICT, code.text(), "the limits of the player say what there is")
        }
        ErrorCode::LimitChangeEarly => (
            StatusCode::CONFLICT,
            code.text(),
            "the limits of the player say from when; confirm under a new key",
        ),
        ErrorCode::LimitChangeLate => {
            (StatusCode::CONFLICT, code.text(), "ask for the looser limit again, and confirm that one")
        }
        ErrorCode::TooManyLimits => {
            (StatusCode::CONFLICT, code.text(), "remove a limit first; under a new key")
        }
        ErrorCode::BalanceTooLow => (
            StatusCode::UNPROCESSABLE_ENTITY,
            code.text(),
            "the option balance.rules says how much stays; the refusal stands for this key",
        ),
        ErrorCode::BalanceTooHigh => (
            StatusCode::UNPROCESSABLE_ENTITY,
            code.text(),
            "the option balance.rules says how much there may be; the refusal stands for this key",
        ),
        ErrorCode::ChangeTooLarge => (
            StatusCode::UNPROCESSABLE_ENTITY,
            code.text(),
            "the option balance.rules says how much; the refusal stands for this key",
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
