//! What a record adds to the figures of the business, as plain values. Whoever knows records makes them; days and games are found
//! where they are kept (`business`).

use protocol::Currency;

/// A figure of the business: a number and an amount. Either may be zero for good where a figure has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BusinessFigure {
    /// Rounds that were drawn. No amount.
    Rounds,
    /// Requests whose bets were drawn, and their stakes.
    Bets,
    /// Payouts of drawn rounds, stakes included. No number.
    Payouts,
    /// Payments of players that came in.
    Deposits,
    /// What services gave to players.
    Credits,
    /// What services took from players.
    Debits,
    /// What services took of what they held.
    Captures,
    /// What corrections gave to players, but for chargebacks.
    CorrectionsGiven,
    /// What corrections took from players, but for chargebacks.
    CorrectionsTaken,
    /// What corrections took because a bank took a payment back; less what such corrections gave.
    Chargebacks,
    /// Bonus money that was granted.
    Bonuses,
    /// What games that are played elsewhere paid to players.
    Winnings,
    /// Players whose first account was opened. No amount.
    NewPlayers,
}

impl BusinessFigure {
    /// Every figure, in its order.
    pub const ALL: [Self; 13] = [
        Self::Rounds,
        Self::Bets,
        Self::Payouts,
        Self::Deposits,
        Self::Credits,
        Self::Debits,
        Self::Captures,
        Self::CorrectionsGiven,
        Self::CorrectionsTaken,
        Self::Chargebacks,
        Self::Bonuses,
        Self::Winnings,
        Self::NewPlayers,
    ];

    /// Its name in the tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rounds => "rounds",
            Self::Bets => "bets",
            Self::Payouts => "payouts",
            Self::Deposits => "deposits",
            Self::Credits => "credits",
            Self::Debits => "debits",
            Self::Captures => "captures",
            Self::CorrectionsGiven => "corrections_given",
            Self::CorrectionsTaken => "corrections_taken",
            Self::Chargebacks => "chargebacks",
            Self::Bonuses => "bonuses",
            Self::Winnings => "winnings",
            Self::NewPlayers => "new_players",
        }
    }

    /// The figure with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|figure| figure.name() == name)
    }
}

/// Whose figure it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FigureOf {
    /// No game's.
    NoGame,
    /// The game's of a round: its table and its number.
    Round(String, u64),
    /// The game's of the round that the record at this place has settled, which is taken back. The number of its bets is that of
    /// the round, and is taken back, whatever the figure says.
    TakenBack(u64),
    /// A game's that is played elsewhere: the id of the game among those that own accounts.
    Outside([u8; 16]),
}

/// What a record adds to a figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FigureRow {
    /// The figure.
    pub figure: BusinessFigure,
    /// Its currency.
    pub currency: Currency,
    /// How many; below zero when something is taken back.
    pub number: i64,
    /// How much, minor units; below zero when something is taken back.
    pub amount: i128,
    /// Whose it is.
    pub of: FigureOf,
}

/// Why a player is counted on a day, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CountedFor {
    /// A bet of theirs was drawn.
    Bet,
    /// A payment of theirs came in.
    Deposit,
}

impl CountedFor {
    /// Its name in the tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bet => "bet",
            Self::Deposit => "deposit",
        }
    }
}

/// What a record adds to the figures of the business.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BusinessRows {
    /// Its figures.
    pub figures: Vec<FigureRow>,
    /// The players that it has counted: why, who, and in which currency. Who has bet is counted for the game of the round that the
    /// record settles.
    pub players: Vec<(CountedFor, [u8; 16], Currency)>,
    /// Names of games that are played elsewhere, by the ids under which they own accounts.
    pub outside_games: Vec<([u8; 16], String)>,
    /// The operator's time zone from the next record on: instants, milliseconds since 1970, each with the seconds that are added to
    /// UTC from then on. In order; the first one holds before, too.
    pub zone: Option<Vec<(u64, i32)>>,
}
