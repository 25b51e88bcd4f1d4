//! Error codes and close codes. The range of a code tells the client what to do next.
//!
//! | range | meaning | what the client does |
//! |---|---|---|
//! | 1000–1999 | the request is malformed | fix the program; the same bytes will fail again |
//! | 2000–2999 | not allowed | get another token, or stop |
//! | 3000–3999 | refused by a rule | tell the player; final for this key where [`ErrorCode::consumes_key`] says so |
//! | 4000–4999 | cannot be served now | retry with the same key after `retry_after_ms` |
//! | 5000–5999 | the hub failed | outcome unknown: ask `get_outcome`, or retry with the same key |
//!
//! Close codes: 4000–4099 reconnect, 4100–4199 do not; the codes of RFC 6455 keep their meaning.

use serde::{Deserialize, Serialize};

/// What a client may do after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// Do not retry: the answer will not change.
    Never,
    /// Send `hello` with another token first.
    Authenticate,
    /// Send the same request with the same key again, not before `retry_after_ms`.
    SameKey,
    /// Unknown outcome: `get_outcome`, or the same request with the same key.
    AskOutcome,
}

macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, since $since:literal, $wire:literal, $text:literal;)*) => {
        /// Why a request was not carried out. Programs act on the number; the name is for people.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum ErrorCode { $($(#[$doc])* $name = $number,)* }

        impl ErrorCode {
            /// Every code, in order.
            pub const ALL: &[ErrorCode] = &[$(ErrorCode::$name,)*];

            /// The code's name on the wire.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(ErrorCode::$name => $wire,)* }
            }

            /// One sentence for people.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(ErrorCode::$name => $text,)* }
            }

            /// The release that introduced it.
            #[must_use]
            pub fn since(self) -> &'static str {
                match self { $(ErrorCode::$name => $since,)* }
            }

            /// The code with this number; `None` when this release has none.
            #[must_use]
            pub fn from_number(number: u16) -> Option<Self> {
                match number { $($number => Some(ErrorCode::$name),)* _ => None }
            }
        }
    };
}

error_codes! {
    /// Not a frame of this sub-protocol.
    Malformed = 1000, since "0.1", "malformed", "the frame is not a valid request";
    /// `t` names no request.
    UnknownRequest = 1001, since "0.1", "unknown_request", "there is no such request";
    /// A field the request needs is absent.
    MissingField = 1002, since "0.1", "missing_field", "a field is missing";
    /// Too deep, too long or too many.
    TooLarge = 1003, since "0.1", "too_large", "the request exceeds a limit of the protocol";
    /// `hello` twice, or another request before it.
    OutOfOrder = 1004, since "0.1", "out_of_order", "the request does not fit the state of the session";
    /// An amount that is not a decimal text.
    BadAmount = 1005, since "0.1", "bad_amount", "the amount is not a decimal text";
    /// The name is not a channel name, or there is no such channel.
    UnknownChannel = 1006, since "0.1", "unknown_channel", "there is no such channel";

    /// No `hello` yet.
    NotAuthenticated = 2000, since "0.1", "not_authenticated", "say hello with a token first";
    /// The token has expired.
    TokenExpired = 2001, since "0.1", "token_expired", "the token has expired";
    /// The token is not valid at this hub.
    TokenInvalid = 2002, since "0.1", "token_invalid", "the token is not valid";
    /// The player may not do this.
    Forbidden = 2003, since "0.1", "forbidden", "this is not allowed";

    /// No table of that name.
    UnknownTable = 3000, since "0.1", "unknown_table", "there is no such table";
    /// A bet needs `join_table` first.
    NotAtTable = 3001, since "0.1", "not_at_table", "join the table first";
    /// Bets are locked, or no round is open.
    BetsClosed = 3002, since "0.1", "bets_closed", "bets are closed";
    /// The bet names another round than the open one.
    WrongRound = 3003, since "0.1", "wrong_round", "that round is not open";
    /// No such kind of bet in this game.
    UnknownBet = 3004, since "0.1", "unknown_bet", "the game has no such bet";
    /// The numbers do not form this bet.
    BadSelection = 3005, since "0.1", "bad_selection", "these numbers are not such a bet";
    /// Below the table's minimum.
    BelowLimit = 3006, since "0.1", "below_limit", "the stake is below the table's minimum";
    /// Above the table's maximum, for one spot or for the player's round.
    AboveLimit = 3007, since "0.1", "above_limit", "the stake is above the table's maximum";
    /// More decimals than the currency has.
    TooPrecise = 3008, since "0.1", "too_precise", "the amount has more decimals than its currency";
    /// Another currency than the table's.
    WrongCurrency = 3009, since "0.1", "wrong_currency", "the table plays in another currency";
    /// Available balance too low.
    InsufficientFunds = 3010, since "0.1", "insufficient_funds", "the available balance is too low";
    /// Same key, other content.
    KeyReused = 3011, since "0.1", "key_reused", "the key was used for a different request";
    /// Nothing to clear.
    NoBets = 3012, since "0.1", "no_bets", "there are no bets to clear";
    /// The account does not exist.
    NoAccount = 3013, since "0.1", "no_account", "the player has no account in this currency";
    /// The table is full.
    TableFull = 3014, since "0.1", "table_full", "the table has no free place";
    /// The table is out of play after a fault.
    TableClosed = 3015, since "0.1", "table_closed", "the table is closed; open stakes are returned";
    /// The account is frozen or closed.
    AccountFrozen = 3016, since "0.1", "account_frozen", "the account is frozen";
    /// No freeze stands.
    NotFrozen = 3017, since "0.2", "not_frozen", "the account is not frozen";
    /// The hold was never made, or has ended.
    HoldNotOpen = 3018, since "0.2", "hold_not_open", "there is no such open hold";
    /// More is to be captured than is held.
    AboveHold = 3019, since "0.2", "above_hold", "the amount is above what is held";
    /// The player is in a time-out or a self-exclusion.
    Excluded = 3020, since "0.2", "excluded", "the player is excluded from play";
    /// An exclusion stands that ends later or is stricter, or has not reached its end.
    ExclusionStands = 3021, since "0.2", "exclusion_stands", "an exclusion stands, and this neither ends nor replaces it";
    /// No self-exclusion stands from which the player could come back.
    NotExcluded = 3022, since "0.2", "not_excluded", "the player is not excluded from play";
    /// The operator's rules have another least or longest duration.
    BadDuration = 3023, since "0.2", "bad_duration", "an exclusion of this kind does not last so long or so short";
    /// A limit of the player, or the operator's for the player, is reached.
    LimitReached = 3024, since "0.2", "limit_reached", "a limit of the player is reached";
    /// A looser limit waits already to be confirmed.
    LimitChangeWaits = 3025, since "0.2", "limit_change_waits", "a looser limit waits to be confirmed already";
    /// There is no such limit, or nothing of it to confirm.
    NoLimit = 3026, since "0.2", "no_limit", "there is no such limit, or no change of it to confirm";
    /// The looser limit has not waited long enough.
    LimitChangeEarly = 3027, since "0.2", "limit_change_early", "the looser limit cannot be confirmed yet";
    /// The looser limit was not confirmed in time.
    LimitChangeLate = 3028, since "0.2", "limit_change_late", "the looser limit cannot be confirmed any more; ask for it again";
    /// The player has as many limits as there may be.
    TooManyLimits = 3029, since "0.2", "too_many_limits", "the player has too many limits";
    /// The player has played for as long as the operator's rules allow without an acknowledgement.
    RealityCheckDue = 3030, since "0.2", "reality_check_due", "acknowledge first how long you have played, and what you have won or lost";
    /// No reality check is due.
    NoCheckDue = 3031, since "0.2", "no_check_due", "there is nothing to acknowledge";
    /// The player began with another round less than the least time ago.
    StartTooSoon = 3032, since "0.2", "start_too_soon", "the next round may not be begun yet";
    /// Nothing was ever proposed under this id.
    UnknownProposal = 3035, since "0.2", "unknown_proposal", "there is no such proposal";
    /// It was carried out, rejected or taken back.
    ProposalEnded = 3036, since "0.2", "proposal_ended", "the proposal has ended";
    /// It was not approved in time.
    ProposalExpired = 3037, since "0.2", "proposal_expired", "the time of the proposal is over";
    /// The author cannot approve it.
    OwnProposal = 3038, since "0.2", "own_proposal", "nobody approves what they have proposed";
    /// An operator approves a proposal once.
    ApprovedBefore = 3039, since "0.2", "approved_before", "this operator has approved it before";
    /// Only operators approve.
    NotAnApprover = 3040, since "0.2", "not_an_approver", "only an operator may do this";
    /// The operator's own limit is lower.
    AboveApproverLimit = 3041, since "0.2", "above_approver_limit", "the amount is above this operator's limit";
    /// The rules do not allow anybody to act alone in an emergency.
    NoBreakGlass = 3042, since "0.2", "no_break_glass", "nobody may act alone here";
    /// A transaction is reversed once.
    ReversedBefore = 3043, since "0.2", "reversed_before", "the transaction was reversed before";
    /// It moves no money, holds some, or is a correction itself.
    NotReversible = 3044, since "0.2", "not_reversible", "such a transaction is not reversed";
    /// The operator leaves a player a least balance.
    BalanceTooLow = 3050, since "0.2", "balance_too_low", "the balance would fall below the least the operator allows";
    /// The operator lets a player have no more than a most.
    BalanceTooHigh = 3051, since "0.2", "balance_too_high", "the balance would rise above the most the operator allows";
    /// The operator bounds how much one request of a service changes.
    ChangeTooLarge = 3052, since "0.2", "change_too_large", "the amount is more than the operator lets one request change";

    /// Too many requests are under way.
    Busy = 4000, since "0.1", "busy", "the hub is busy";
    /// More requests than the player's rate allows.
    RateLimited = 4001, since "0.1", "rate_limited", "too many requests";
    /// The hub drains: it finishes what is under way and takes nothing new.
    Draining = 4002, since "0.1", "draining", "the hub is restarting";
    /// A part of the hub that the request needs is not available.
    Unavailable = 4003, since "0.1", "unavailable", "a part of the hub is not available";

    /// A fault of the hub itself.
    Internal = 5000, since "0.1", "internal", "the hub failed";
}

impl ErrorCode {
    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> u16 {
        self as u16
    }

    /// What the client may do next; follows from the range.
    #[must_use]
    pub fn retry(self) -> Retry {
        Code::from(self).retry()
    }

    /// Whether a refusal with this code is recorded under the request's key, for good: it was decided by the state of
    /// accounts and tables. A refusal with any other code is only answered; the same request with the same key is
    /// decided anew.
    #[must_use]
    pub fn consumes_key(self) -> bool {
        match self {
            ErrorCode::BetsClosed
            | ErrorCode::WrongRound
            | ErrorCode::BelowLimit
            | ErrorCode::AboveLimit
            | ErrorCode::InsufficientFunds
            | ErrorCode::NoBets
            | ErrorCode::NoAccount
            | ErrorCode::TableFull
            | ErrorCode::TableClosed
            | ErrorCode::AccountFrozen
            | ErrorCode::NotFrozen
            | ErrorCode::HoldNotOpen
            | ErrorCode::AboveHold
            | ErrorCode::Excluded
            | ErrorCode::ExclusionStands
            | ErrorCode::NotExcluded
            | ErrorCode::BadDuration
            | ErrorCode::UnknownProposal
            | ErrorCode::ProposalEnded
            | ErrorCode::ProposalExpired
            | ErrorCode::OwnProposal
            | ErrorCode::ApprovedBefore
            | ErrorCode::NotAnApprover
            | ErrorCode::AboveApproverLimit
            | ErrorCode::NoBreakGlass
            | ErrorCode::ReversedBefore
            | ErrorCode::NotReversible
            | ErrorCode::LimitReached
            | ErrorCode::LimitChangeWaits
            | ErrorCode::NoLimit
            | ErrorCode::LimitChangeEarly
            | ErrorCode::LimitChangeLate
            | ErrorCode::TooManyLimits
            | ErrorCode::BalanceTooLow
            | ErrorCode::BalanceTooHigh
            | ErrorCode::ChangeTooLarge => true,
            ErrorCode::Malformed
            | ErrorCode::UnknownRequest
            | ErrorCode::MissingField
            | ErrorCode::TooLarge
            | ErrorCode::OutOfOrder
            | ErrorCode::BadAmount
            | ErrorCode::UnknownChannel
            | ErrorCode::NotAuthenticated
            | ErrorCode::TokenExpired
            | ErrorCode::TokenInvalid
            | ErrorCode::Forbidden
            | ErrorCode::UnknownTable
            | ErrorCode::NotAtTable
            | ErrorCode::UnknownBet
            | ErrorCode::BadSelection
            | ErrorCode::TooPrecise
            | ErrorCode::WrongCurrency
            | ErrorCode::KeyReused
            // What an acknowledgement or a little time changes: the same bet is taken then.
            | ErrorCode::RealityCheckDue
            | ErrorCode::NoCheckDue
            | ErrorCode::StartTooSoon
            | ErrorCode::Busy
            | ErrorCode::RateLimited
            | ErrorCode::Draining
            | ErrorCode::Unavailable
            | ErrorCode::Internal => false,
        }
    }
}

/// An error code as it stands on the wire: a later hub may know more of them than [`ErrorCode`] does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Code(u16);

impl Code {
    /// The code with this number, known or not.
    #[must_use]
    pub fn new(number: u16) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> u16 {
        self.0
    }

    /// The code, when this release knows it.
    #[must_use]
    pub fn known(self) -> Option<ErrorCode> {
        ErrorCode::from_number(self.0)
    }

    /// What the client may do next. Follows from the range, except that [`ErrorCode::Forbidden`] is never retried.
    /// For a number outside all ranges the outcome counts as unknown.
    #[must_use]
    pub fn retry(self) -> Retry {
        match self.0 {
            number if number == ErrorCode::Forbidden.number() => Retry::Never,
            1000..=1999 | 3000..=3999 => Retry::Never,
            2000..=2999 => Retry::Authenticate,
            4000..=4999 => Retry::SameKey,
            _ => Retry::AskOutcome,
        }
    }
}

impl From<ErrorCode> for Code {
    fn from(code: ErrorCode) -> Self {
        Self(code.number())
    }
}

impl PartialEq<ErrorCode> for Code {
    fn eq(&self, other: &ErrorCode) -> bool {
        self.0 == other.number()
    }
}

macro_rules! close_codes {
    ($($name:ident = $number:literal, since $since:literal, $text:literal;)*) => {
        /// Why the hub closes a connection.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u16)]
        pub enum CloseCode { $(#[doc = $text] $name = $number,)* }

        impl CloseCode {
            /// Every code, in order.
            pub const ALL: &[CloseCode] = &[$(CloseCode::$name,)*];

            /// One sentence for people.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(CloseCode::$name => $text,)* }
            }

            /// The release that introduced it.
            #[must_use]
            pub fn since(self) -> &'static str {
                match self { $(CloseCode::$name => $since,)* }
            }
        }
    };
}

close_codes! {
    Draining = 4000, since "0.1", "the hub is restarting: come back after the announced time";
    TooSlow = 4001, since "0.1", "the client does not read fast enough: reconnect and resume";
    NoPong = 4002, since "0.1", "the client did not answer a ping: reconnect";
    Internal = 4003, since "0.1", "the session failed inside the hub: reconnect";
    TokenExpired = 4004, since "0.1", "the token has expired: reconnect with a new one";
    TooManySessions = 4005, since "0.1", "the player has too many sessions: close one, and reconnect";
    Busy = 4006, since "0.2", "the hub cannot take a session now: come back with the same token, after the time its answer gave";
    NoHello = 4100, since "0.1", "no valid hello in time";
    TokenInvalid = 4101, since "0.1", "the token was refused";
    TooManyErrors = 4102, since "0.1", "too many malformed frames";
    Flooding = 4103, since "0.1", "far too many requests, control frames or empty fragments";
}

impl CloseCode {
    /// The number in the close frame.
    #[must_use]
    pub fn number(self) -> u16 {
        self as u16
    }

    /// Whether a client should reconnect by itself.
    #[must_use]
    pub fn reconnect(number: u16) -> bool {
        !matches!(number, 1002 | 1003 | 1007 | 1008 | 1009 | 1010 | 4100..=4199)
    }
}
