//! What one record of the log becomes, as plain values. Whoever knows records makes them; here is only SQL.

use protocol::Currency;

use crate::BusinessRows;

/// The end of a batch of the log up to which the read model has everything: the cursor that every follower of the log keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ModelCursor {
    /// The lineage of the log at that time.
    pub lineage: [u8; 16],
    /// The last record of the batch; 0 at the beginning of the log.
    pub lsn: u64,
    /// The hash of the batch; zeros at the beginning.
    pub hash: [u8; 32],
}

/// What one record adds to the tables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogRows {
    /// Its place in the log.
    pub lsn: u64,
    /// When it was decided, milliseconds since 1970.
    pub time_ms: u64,
    /// The transaction or the refusal; `None` for a digest or a fact.
    pub transaction: Option<TransactionRow>,
    /// What it moves, in order.
    pub moves: Vec<MoveRow>,
    /// The rows that it changes, each at most once.
    pub images: Vec<ImageRow>,
    /// What it changes at a table.
    pub step: Option<TableStep>,
    /// What an operator was refused, of such a record.
    pub refused_act: Option<RefusedAct>,
    /// Decimals of a currency that it makes known.
    pub scale: Option<(Currency, u32)>,
    /// What it adds to the figures of the business; a bet adds nothing.
    pub business: Option<Box<BusinessRows>>,
}

/// What an operator was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusedAct {
    /// What was asked for.
    pub act: &'static str,
    /// The capability that was missing.
    pub lacks: &'static str,
}

/// A transaction that was carried out or refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionRow {
    /// Its id.
    pub tx: [u8; 16],
    /// The recipe; of a table's refusal, what was asked.
    pub recipe: &'static str,
    /// Revision of the recipe.
    pub revision: u16,
    /// The kind of the principal.
    pub principal_kind: &'static str,
    /// Its id among those of the kind: a player's random id, or the hash of a name.
    pub principal: [u8; 16],
    /// Why it was refused; `None` when it was carried out.
    pub code: Option<&'static str>,
    /// The player whom it is about, if it is one.
    pub player: Option<[u8; 16]>,
    /// The amount that was asked for, minor units.
    pub amount: Option<(i128, Currency)>,
    /// The operator's reason code.
    pub reason: Option<String>,
    /// The operator's reference.
    pub reference: Option<String>,
    /// The table and the number of its round.
    pub round: Option<(String, u64)>,
}

/// An account: unique by all of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountKey {
    /// The domain.
    pub domain: &'static str,
    /// What it is for.
    pub kind: &'static str,
    /// The kind of its owner.
    pub owner_kind: &'static str,
    /// Its owner's id; zeros for the operator.
    pub owner: [u8; 16],
    /// Its currency.
    pub currency: Currency,
}

/// One move of money. Amounts are above zero, minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MoveRow {
    /// An account is opened.
    Open(AccountKey),
    /// Money is posted.
    Post {
        /// The account that pays.
        debit: AccountKey,
        /// The account that receives.
        credit: AccountKey,
        /// How much.
        amount: i128,
    },
    /// Money is set aside.
    Hold(Box<HeldRow>),
    /// What was set aside is given back or posted.
    End {
        /// The domain that has the hold.
        domain: &'static str,
        /// The hold.
        hold: [u8; 16],
        /// How it ends.
        how: Ended,
    },
}

/// How a hold ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The money was moved.
    Posted,
    /// The money was given back.
    Voided,
}

impl Ended {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Posted => "posted",
            Self::Voided => "voided",
        }
    }
}

/// Money that is set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRow {
    /// The hold, unique among the open ones of its domain.
    pub hold: [u8; 16],
    /// The domain.
    pub domain: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    /// Whose state says why it is open: `round`, or the name of a domain.
    pub prover: &'static str,
    /// The table and the round that prove it, if they do.
    pub round: Option<(String, u64)>,
    /// When it ends by itself, milliseconds since 1970.
    pub expires_ms: Option<u64>,
    /// What it draws on, in order, with the amount of each. At least one.
    pub sources: Vec<(AccountKey, i128)>,
    /// The account that is credited when it is posted.
    pub credit: AccountKey,
}

/// A row of the state, such as a freeze, after a record that changes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageRow {
    /// The number of its kind.
    pub kind: u16,
    /// Its key.
    pub key: Vec<u8>,
    /// Its new value; `None` when it is removed.
    pub value: Option<Vec<u8>>,
}

/// The bets of one request: spots by their number in the game, and stakes in minor units.
pub type GivenBets = Vec<(u16, i128)>;

/// What a record changes at a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableStep {
    /// A round takes bets.
    Opened {
        /// The table and the number of the round.
        round: (String, u64),
        /// The game.
        game: String,
        /// Version of the game's rules.
        rules: u16,
        /// The currency of every stake.
        currency: Currency,
        /// SHA-256 of the seed.
        commitment: [u8; 32],
    },
    /// A player's bets are placed.
    Bets {
        /// The table and the number of the round.
        round: (String, u64),
        /// The player.
        player: [u8; 16],
        /// The bets.
        bets: GivenBets,
    },
    /// Bets are closed.
    Locked {
        /// The table and the number of the round.
        round: (String, u64),
        /// Sum of the stakes, minor units.
        staked: i128,
        /// The players' shares in the randomness, mixed.
        mix: [u8; 32],
    },
    /// The round is drawn and paid.
    Settled {
        /// The table and the number of the round.
        round: (String, u64),
        /// The number that was drawn.
        drawn: u32,
        /// The seed.
        seed: [u8; 32],
        /// Sum of the payouts, stakes included, minor units.
        returned: i128,
    },
    /// The round is void.
    Voided {
        /// The table and the number of the round.
        round: (String, u64),
        /// Why.
        reason: &'static str,
    },
}
