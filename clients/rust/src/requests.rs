//! The requests by name, each with the reply it expects.

use protocol::{
    Channel, Currency, Key, Reply, Request, TableId, Text, U53,
    bounded::List,
    limits::{LimitState, NamedLimit, SetLimit},
    play::PlayView,
    reply::{
        Balance, Excluded, KeyOutcome, PastRound, PlacedBet, PlayerResult, Receipt, Subscribed, TableSummary,
        TableView,
    },
    request::{Bet, Exclude, PlaceBet, Subscribe},
};

use crate::{Client, Error};

/// Asks and takes the one kind of reply that fits.
macro_rules! ask {
    ($client:expr, $request:expr, $name:literal, $reply:pat => $value:expr) => {
        match $client.request($request).await? {
            $reply => Ok($value),
            _ => Err(Error::Unexpected($name)),
        }
    };
}

impl Client {
    /// The server's time, milliseconds since 1970.
    pub async fn ping(&self) -> Result<u64, Error> {
        ask!(self, Request::Ping, "ping", Reply::Pong { time, .. } => time)
    }

    /// The tables of the hub.
    pub async fn list_tables(&self) -> Result<Vec<TableSummary>, Error> {
        ask!(self, Request::ListTables, "list_tables", Reply::Tables { tables } => tables)
    }

    /// Comes to a table: its view and the player's own bets of this round.
    pub async fn join_table(&self, table: TableId) -> Result<(TableView, Vec<PlacedBet>), Error> {
        ask!(self, Request::JoinTable { table }, "join_table", Reply::Joined { view, bets } => (view, bets))
    }

    /// Leaves a table; bets that stand go on standing.
    pub async fn leave_table(&self, table: TableId) -> Result<(), Error> {
        ask!(self, Request::LeaveTable { table }, "leave_table", Reply::Left { .. } => ())
    }

    /// Follows a channel, from a position seen before or from now on. What was missed stands in the answer.
    pub async fn subscribe(&self, channel: Channel, since: Option<(&str, u64)>) -> Result<Subscribed, Error> {
        let since = match since {
            None => None,
            Some((epoch, offset)) => {
                Some(Text::new(epoch).zip(U53::new(offset)).ok_or(Error::Unexpected("an own position"))?)
            }
        };
        let subscribe = Subscribe { channel, since };
        ask!(self, Request::Subscribe(subscribe), "subscribe", Reply::Subscribed(subscribed) => subscribed)
    }

    /// Follows a table's channel from the position of its view, so that nothing is missed in between.
    pub async fn follow(&self, view: &TableView) -> Result<Subscribed, Error> {
        self.subscribe(Channel::table(view.table), Some((&view.e, view.o))).await
    }

    /// Stops following a channel.
    pub async fn unsubscribe(&self, channel: Channel) -> Result<(), Error> {
        ask!(self, Request::Unsubscribe { channel }, "unsubscribe", Reply::Unsubscribed { .. } => ())
    }

    /// Places bets, all or none. The receipt means that they are on disk.
    pub async fn place_bet(&self, bet: PlaceBet) -> Result<Receipt, Error> {
        ask!(self, Request::PlaceBet(bet), "place_bet", Reply::BetAccepted(receipt) => receipt)
    }

    /// Takes back all the player's bets of an open round.
    pub async fn clear_bets(&self, key: Key, table: TableId, round: u64) -> Result<Receipt, Error> {
        let round = U53::new(round).ok_or(Error::Unexpected("an own round number"))?;
        let request = Request::ClearBets { key, table, round };
        ask!(self, request, "clear_bets", Reply::BetsCleared(receipt) => receipt)
    }

    /// The player's balances, one for each currency.
    pub async fn balances(&self) -> Result<Vec<Balance>, Error> {
        Ok(self.balances_at().await?.1)
    }

    /// The player's balances and their place in the log: an event or a receipt with a higher one is newer.
    pub async fn balances_at(&self) -> Result<(u64, Vec<Balance>), Error> {
        ask!(self, Request::GetBalance, "get_balance", Reply::Balances { lsn, balances, .. } => (lsn, balances))
    }

    /// The exclusion from play that stands; `None` when the player may play.
    pub async fn exclusion(&self) -> Result<Option<Excluded>, Error> {
        ask!(self, Request::GetBalance, "get_balance", Reply::Balances { exclusion, .. } => exclusion)
    }

    /// Excludes the player from play, from now on; without days for good. Returns its place in the log. It cannot be taken
    /// back.
    pub async fn exclude(&self, exclude: Exclude) -> Result<u64, Error> {
        ask!(self, Request::Exclude(exclude), "exclude", Reply::Changed { lsn, .. } => lsn)
    }

    /// The limits of the player, and what is used of each.
    pub async fn limits(&self) -> Result<Vec<LimitState>, Error> {
        ask!(self, Request::GetBalance, "get_balance", Reply::Balances { limits, .. } => limits)
    }

    /// Sets a limit of the player: a stricter one at once, a looser one once it is confirmed. Returns its place in the log.
    pub async fn set_limit(&self, limit: SetLimit) -> Result<u64, Error> {
        ask!(self, Request::SetLimit(limit), "set_limit", Reply::Changed { lsn, .. } => lsn)
    }

    /// Confirms a looser limit that has waited. Returns its place in the log.
    pub async fn confirm_limit(&self, key: Key, limit: NamedLimit) -> Result<u64, Error> {
        let request = Request::ConfirmLimit { key, limit };
        ask!(self, request, "confirm_limit", Reply::Changed { lsn, .. } => lsn)
    }

    /// Comes back after a self-exclusion whose end has passed. Returns its place in the log.
    pub async fn reinstate(&self, key: Key) -> Result<u64, Error> {
        ask!(self, Request::Reinstate { key }, "reinstate", Reply::Changed { lsn, .. } => lsn)
    }

    /// The play session that goes on; `None` when none does, or when none are kept.
    pub async fn play(&self) -> Result<Option<PlayView>, Error> {
        ask!(self, Request::GetBalance, "get_balance", Reply::Balances { play, .. } => play)
    }

    /// The player has seen how long they have played and what they have won or lost. Returns its place in the log.
    pub async fn acknowledge(&self, key: Key) -> Result<u64, Error> {
        ask!(self, Request::Acknowledge { key }, "acknowledge", Reply::Changed { lsn, .. } => lsn)
    }

    /// The last rounds of a table, newest first.
    pub async fn table_history(&self, table: TableId) -> Result<Vec<PastRound>, Error> {
        let request = Request::GetHistory { table: Some(table) };
        ask!(self, request, "get_history", Reply::TableHistory { rounds, .. } => rounds)
    }

    /// The player's own last results, newest first.
    pub async fn own_history(&self) -> Result<Vec<PlayerResult>, Error> {
        let request = Request::GetHistory { table: None };
        ask!(self, request, "get_history", Reply::PlayerHistory { results } => results)
    }

    /// What became of a key.
    pub async fn outcome(&self, key: Key) -> Result<KeyOutcome, Error> {
        ask!(self, Request::GetOutcome { key }, "get_outcome", Reply::Outcome { outcome, .. } => outcome)
    }
}

/// A `place_bet` of one bet. `None` when a text or a list is longer than the wire allows.
#[must_use]
pub fn one_bet(
    key: Key,
    table: TableId,
    round: u64,
    kind: &str,
    numbers: &[u8],
    stake: &str,
    currency: Currency,
) -> Option<PlaceBet> {
    let bet = Bet { kind: Text::new(kind)?, n: List::new(numbers.to_vec()).ok()?, a: Text::new(stake)? };
    Some(PlaceBet {
        key,
        table,
        round: U53::new(round)?,
        bets: List::new(vec![bet]).ok()?,
        currency: Text::new(currency.as_str())?,
        seed: None,
    })
}
