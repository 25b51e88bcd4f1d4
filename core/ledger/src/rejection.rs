//! The reasons for which a ledger refuses a move.

/// Why a domain refused a command, or its ledger a move. When several reasons hold, the first in this order is returned:
/// what a domain asks, it asks before its ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Rejection {
    /// A frozen account takes no new debits or holds. The domain says so, not the ledger.
    #[error("the account is frozen")]
    AccountFrozen,
    /// Only a freeze that stands can be lifted.
    #[error("the player is not frozen")]
    NotFrozen,
    /// A player who is excluded from play stakes nothing and deposits nothing. The domain says so.
    #[error("the player is excluded from play")]
    Excluded,
    /// An exclusion is made longer or stricter only, and lifted only by a player who comes back after its end. The domain
    /// says so.
    #[error("an exclusion stands, and this neither ends nor replaces it")]
    ExclusionStands,
    /// Only who is excluded comes back. The domain says so.
    #[error("the player is not excluded from play")]
    NotExcluded,
    /// An exclusion lasts as long as the operator's rules allow. The domain says so.
    #[error("an exclusion of this kind does not last so long or so short")]
    DurationUnfit,
    /// A player who has played for a while acknowledges how long, and what they have won or lost. The domain says so.
    #[error("the player has to acknowledge first how long they have played")]
    RealityCheckDue,
    /// A player begins with a round some time after they began with the one before. The domain says so.
    #[error("the player began with another round a moment ago")]
    StartTooSoon,
    /// Nobody acknowledges what was not shown. The domain says so.
    #[error("the player has nothing to acknowledge")]
    NoCheckDue,
    /// A limit of the player does not allow it. The domain says so.
    #[error("a limit of the player is reached")]
    LimitReached,
    /// The player has no such limit, or none that waits to be confirmed. The domain says so.
    #[error("there is no such limit, or no change of it to confirm")]
    NoLimit,
    /// One looser limit waits at a time. The domain says so.
    #[error("a looser limit waits to be confirmed")]
    LooseningWaits,
    /// A looser limit is confirmed when it has waited. The domain says so.
    #[error("the looser limit cannot be confirmed yet")]
    LooseningEarly,
    /// A looser limit is confirmed within a time. The domain says so.
    #[error("the looser limit cannot be confirmed any more")]
    LooseningLate,
    /// A player has few limits. The domain says so.
    #[error("the player has as many limits as there may be")]
    LimitsFull,
    /// The operator leaves a player a least balance.
    #[error("the balance would fall below the operator's least")]
    BalanceTooLow,
    /// The operator lets a player have no more than a most.
    #[error("the balance would rise above the operator's most")]
    BalanceTooHigh,
    /// The operator bounds how much one request of a service changes.
    #[error("the change is larger than the operator allows")]
    ChangeTooLarge,
    /// A hold that a service asked for ends once: it is captured, released, or expires. The domain says so.
    #[error("there is no such open hold")]
    HoldEnded,
    /// No more is captured than is held. The domain says so.
    #[error("the amount is above what is held")]
    AboveHold,
    /// Nothing was ever proposed under this id.
    #[error("there is no such proposal")]
    ProposalUnknown,
    /// A proposal ends once: it is carried out, rejected or taken back.
    #[error("the proposal has ended")]
    ProposalEnded,
    /// What is approved is what was proposed.
    #[error("this is not what was proposed")]
    ProposalDiffers,
    /// Only operators approve, reject what others propose, and act alone in an emergency.
    #[error("only an operator may")]
    NotAnApprover,
    /// Nobody approves what they have proposed themselves.
    #[error("nobody approves what they have proposed")]
    OwnProposal,
    /// An operator approves a proposal once.
    #[error("this operator has approved it before")]
    ApprovedBefore,
    /// A proposal is approved in time.
    #[error("the time of the proposal is over")]
    ProposalExpired,
    /// An operator approves, or does alone, no more than the limit of their own.
    #[error("the amount is above the operator's limit")]
    AboveApproverLimit,
    /// The operator's rules do not allow anybody to act alone in an emergency.
    #[error("nobody may act alone here")]
    NoBreakGlass,
    /// A transaction is reversed once.
    #[error("the transaction was reversed before")]
    ReversedBefore,
    /// Only what moves money and holds none is reversed.
    #[error("such a transaction is not reversed")]
    NotReversible,
    /// What is to happen at a time does not happen before it.
    #[error("its time has not come")]
    NotDue,
    /// The key of a row is short.
    #[error("the key of a row is too long")]
    KeyTooLong,
    /// A transfer moves an amount above zero.
    #[error("the amount is not above zero")]
    AmountNotPositive,
    /// A transfer has two different accounts.
    #[error("debit and credit are the same account")]
    SameAccount,
    /// A transfer has one currency.
    #[error("the accounts have different currencies")]
    CurrencyDiffers,
    /// An account has an owner of a kind that such accounts have.
    #[error("an account of this kind has no such owner")]
    OwnerUnfit,
    /// A hold draws on few accounts, on each once.
    #[error("a hold draws on one account twice, or on too many")]
    SourcesUnfit,
    /// A hold is made only once.
    #[error("the hold exists already")]
    HoldExists,
    /// The hold was never made, or has ended (`L3`).
    #[error("the hold is not open")]
    HoldNotOpen,
    /// An account is opened only once.
    #[error("the account is open already")]
    AccountExists,
    /// A player's account must be opened first.
    #[error("the account does not exist")]
    AccountNotFound,
    /// `L2`: the account would fall below its floor.
    #[error("the available balance is below the amount")]
    InsufficientFunds,
    /// A sum would exceed [`SUM_MAX`](crate::SUM_MAX).
    #[error("the balance would be too large")]
    TooLarge,
}
