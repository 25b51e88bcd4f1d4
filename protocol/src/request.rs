//! Requests of a client.
//!
//! A frame is one flat map: `t` names the request, `id` is echoed in the reply, the other keys are the request's
//! fields. Decoding goes through [`RawFrame`], which knows every field once, so that a duplicate key, a wrong type, a
//! missing field and one that does not belong there each get their own answer. A request may move money, so no part of
//! it is ignored (ADR-0011).

use serde::Serialize;

use crate::{
    BETS_MAX, Channel, Key, TableId, Text, U53,
    bounded::{Item, List},
    code::ErrorCode,
    error::FrameError,
    fault::quoted,
    fields::map_fields,
    limits::{LimitTo, NamedLimit, SetLimit},
};

pub use crate::lasts::Lasts;

/// Most channels one `hello` may resume.
pub const RESUME_MAX: usize = 32;
/// Longest token, bytes.
pub const TOKEN_BYTES_MAX: usize = 4096;
/// Longest client seed of a player for a round, bytes.
pub const CLIENT_SEED_BYTES_MAX: usize = 64;

/// One request and the id its reply will carry.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientFrame {
    /// Chosen by the client, at most 2^53; replies may overtake each other.
    pub id: U53,
    /// What is asked.
    pub request: Request,
}

/// Every request of a client. Those that move money carry an idempotency key.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// First request of a session: the player's token, and the channels to resume.
    Hello(Hello),
    /// Asks for the server's time and the newest positions of the session's channels.
    Ping,
    /// Subscribes to a channel.
    Subscribe(Subscribe),
    /// Ends the subscription to a channel.
    Unsubscribe {
        /// The channel.
        channel: Channel,
    },
    /// Joins a table, to play or to watch. The reply has the view and the player's own bets.
    JoinTable {
        /// The table.
        table: TableId,
    },
    /// Leaves a table. The player's bets stay in the round.
    LeaveTable {
        /// The table.
        table: TableId,
    },
    /// The tables of this hub.
    ListTables,
    /// Places bets, all or none.
    PlaceBet(PlaceBet),
    /// Takes back all the player's bets of the open round.
    ClearBets {
        /// Idempotency key.
        key: Key,
        /// The table.
        table: TableId,
        /// The round it is for: a late request never touches the next round.
        round: U53,
    },
    /// Excludes the player from play, from now on. It is not taken back.
    Exclude(Exclude),
    /// Comes back after a self-exclusion whose end has passed. Play begins when the time to cool off is over.
    Reinstate {
        /// Idempotency key.
        key: Key,
    },
    /// The player has seen how long they have played and what they have won or lost, and plays on.
    Acknowledge {
        /// Idempotency key.
        key: Key,
    },
    /// Sets a limit of the player. A stricter one is in force at once; a looser one waits until it is confirmed.
    SetLimit(SetLimit),
    /// Confirms a looser limit that has waited.
    ConfirmLimit {
        /// Idempotency key.
        key: Key,
        /// Which limit.
        limit: NamedLimit,
    },
    /// The player's balances, the exclusion that stands, the play session that goes on, and the limits.
    GetBalance,
    /// The last rounds of a table, or the player's own last results when no table is named.
    GetHistory {
        /// The table, or none for the player's own.
        table: Option<TableId>,
    },
    /// What became of a key.
    GetOutcome {
        /// The key asked about.
        key: Key,
    },
}

impl Request {
    /// Every name a request can have in `t`.
    pub const KINDS: &[&str] = &[
        "hello",
        "ping",
        "subscribe",
        "unsubscribe",
        "join_table",
        "leave_table",
        "list_tables",
        "place_bet",
        "clear_bets",
        "exclude",
        "reinstate",
        "acknowledge",
        "set_limit",
        "confirm_limit",
        "get_balance",
        "get_history",
        "get_outcome",
    ];
}

/// Fields of `hello`.
#[derive(Debug, Clone, PartialEq)]
pub struct Hello {
    /// A JSON Web Token of the operator.
    pub token: Text<TOKEN_BYTES_MAX>,
    /// The client program and version, for logs.
    pub client: Option<Text<64>>,
    /// Channels to subscribe to again, with the last position seen.
    pub resume: Vec<Since>,
}

/// Fields of `subscribe`.
#[derive(Debug, Clone, PartialEq)]
pub struct Subscribe {
    /// The channel.
    pub channel: Channel,
    /// The last position seen: what was published since then is sent again.
    pub since: Option<(Text<24>, U53)>,
}

/// A channel and the last position seen of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Since {
    /// The channel.
    pub ch: Channel,
    /// Epoch of the position.
    pub e: Text<24>,
    /// Offset of the last publication seen.
    pub o: U53,
}

/// Fields of `exclude`.
#[derive(Debug, Clone, PartialEq)]
pub struct Exclude {
    /// Idempotency key.
    pub key: Key,
    /// `time_out` or `self_exclusion`.
    pub kind: Text<16>,
    /// How long.
    pub lasts: Lasts,
}

/// Fields of `place_bet`.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceBet {
    /// Idempotency key.
    pub key: Key,
    /// The table.
    pub table: TableId,
    /// The round it is for: a late bet never enters the next round.
    pub round: U53,
    /// One to [`BETS_MAX`] bets.
    pub bets: List<Bet, BETS_MAX>,
    /// Currency of the amounts.
    pub currency: Text<8>,
    /// The player's share in the randomness of the round.
    pub seed: Option<Text<CLIENT_SEED_BYTES_MAX>>,
}

/// One bet: its kind, its numbers and its stake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bet {
    /// Kind, as the game names it, such as `straight`.
    pub kind: Text<16>,
    /// Numbers of the selection; empty for a kind without numbers.
    pub n: List<u8, 18>,
    /// Stake, decimal text.
    pub a: Text<30>,
}

/// Every field of every request, as it stands in a frame.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RawFrame {
    /// Name of the request.
    pub t: Option<Text<24>>,
    /// Request id.
    pub id: Option<U53>,
    /// Idempotency key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// Token of `hello`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Text<TOKEN_BYTES_MAX>>,
    /// Client name of `hello`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<Text<64>>,
    /// Channels of `hello` to subscribe to again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume: Option<List<Since, RESUME_MAX>>,
    /// Channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ch: Option<Channel>,
    /// Epoch of the last position seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e: Option<Text<24>>,
    /// Offset of the last position seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub o: Option<U53>,
    /// Table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<TableId>,
    /// Number of the round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round: Option<U53>,
    /// Bets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bets: Option<List<Bet, BETS_MAX>>,
    /// Currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<Text<8>>,
    /// Client seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<Text<CLIENT_SEED_BYTES_MAX>>,
    /// Kind of an exclusion or a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Text<16>>,
    /// Days of an exclusion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<U53>,
    /// Whether an exclusion is for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permanent: Option<bool>,
    /// Period of a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<Text<8>>,
    /// Money that a limit allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Text<30>>,
    /// Time that a limit allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minutes: Option<U53>,
    /// Whether a limit is to be removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remove: Option<bool>,
}

map_fields!(RawFrame, "a request: a map with the keys \"t\" and \"id\"", required [],
    optional [t, id, key, token, client, resume, ch, e, o, table, round, bets, currency, seed, kind, days, permanent, period, amount,
        minutes, remove], others refused);
map_fields!(Since, "a channel position: a map of ch, e and o", required [ch, e, o], optional [], others refused);
map_fields!(Bet, "a bet: a map of kind, n and a", required [kind, a], optional [n], others refused);

impl Item for Since {
    type Read = Self;
}

impl Item for Bet {
    type Read = Self;
}

impl RawFrame {
    /// The first field that is given but does not belong to the request.
    fn left_over(&self) -> Option<&'static str> {
        let Self {
            t: _,
            id: _,
            key,
            token,
            client,
            resume,
            ch,
            e,
            o,
            table,
            round,
            bets,
            currency,
            seed,
            kind,
            days,
            permanent,
            period,
            amount,
            minutes,
            remove,
        } = self;
        let given = [
            ("key", key.is_some()),
            ("token", token.is_some()),
            ("client", client.is_some()),
            ("resume", resume.is_some()),
            ("ch", ch.is_some()),
            ("e", e.is_some()),
            ("o", o.is_some()),
            ("table", table.is_some()),
            ("round", round.is_some()),
            ("bets", bets.is_some()),
            ("currency", currency.is_some()),
            ("seed", seed.is_some()),
            ("kind", kind.is_some()),
            ("days", days.is_some()),
            ("permanent", permanent.is_some()),
            ("period", period.is_some()),
            ("amount", amount.is_some()),
            ("minutes", minutes.is_some()),
            ("remove", remove.is_some()),
        ];
        given.iter().find(|(_, given)| *given).map(|(name, _)| *name)
    }
}

/// The answer to a `t` that names no request.
pub(crate) fn unknown_request(verb: &str, id: Option<U53>) -> FrameError {
    let detail = format!("there is no request {}", quoted(verb));
    FrameError { id, code: ErrorCode::UnknownRequest, detail }
}

fn need<T>(field: Option<T>, request: &str, name: &str, id: Option<U53>) -> Result<T, FrameError> {
    field.ok_or_else(|| FrameError {
        id,
        code: ErrorCode::MissingField,
        detail: format!("{request} needs the field \"{name}\""),
    })
}

fn named_limit(raw: &mut RawFrame, verb: &str, id: Option<U53>) -> Result<NamedLimit, FrameError> {
    Ok(NamedLimit {
        kind: need(raw.kind.take(), verb, "kind", id)?,
        period: need(raw.period.take(), verb, "period", id)?,
        currency: raw.currency.take(),
    })
}

impl TryFrom<RawFrame> for ClientFrame {
    type Error = FrameError;

    fn try_from(mut raw: RawFrame) -> Result<Self, FrameError> {
        let verb = need(raw.t.take(), "a request", "t", raw.id)?;
        let id = need(raw.id, &verb, "id", None)?;
        let some_id = Some(id);
        let request = match &*verb {
            "hello" => Request::Hello(Hello {
                token: need(raw.token.take(), &verb, "token", some_id)?,
                client: raw.client.take(),
                resume: raw.resume.take().map(List::into_vec).unwrap_or_default(),
            }),
            "ping" => Request::Ping,
            "subscribe" => Request::Subscribe(Subscribe {
                channel: need(raw.ch.take(), &verb, "ch", some_id)?,
                since: match (raw.e.take(), raw.o.take()) {
                    (None, None) => None,
                    (epoch, offset) => {
                        Some((need(epoch, &verb, "e", some_id)?, need(offset, &verb, "o", some_id)?))
                    }
                },
            }),
            "unsubscribe" => Request::Unsubscribe { channel: need(raw.ch.take(), &verb, "ch", some_id)? },
            "join_table" => Request::JoinTable { table: need(raw.table.take(), &verb, "table", some_id)? },
            "leave_table" => Request::LeaveTable { table: need(raw.table.take(), &verb, "table", some_id)? },
            "list_tables" => Request::ListTables,
            "place_bet" => Request::PlaceBet(PlaceBet {
                key: need(raw.key.take(), &verb, "key", some_id)?,
                table: need(raw.table.take(), &verb, "table", some_id)?,
                round: need(raw.round.take(), &verb, "round", some_id)?,
                bets: need(raw.bets.take().filter(|bets| !bets.is_empty()), &verb, "bets", some_id)?,
                currency: need(raw.currency.take(), &verb, "currency", some_id)?,
                seed: raw.seed.take(),
            }),
            "clear_bets" => Request::ClearBets {
                key: need(raw.key.take(), &verb, "key", some_id)?,
                table: need(raw.table.take(), &verb, "table", some_id)?,
                round: need(raw.round.take(), &verb, "round", some_id)?,
            },
            "exclude" => Request::Exclude(Exclude {
                key: need(raw.key.take(), &verb, "key", some_id)?,
                kind: need(raw.kind.take(), &verb, "kind", some_id)?,
                lasts: Lasts::given(raw.days.take(), raw.permanent.take(), id)?,
            }),
            "reinstate" => Request::Reinstate { key: need(raw.key.take(), &verb, "key", some_id)? },
            "acknowledge" => Request::Acknowledge { key: need(raw.key.take(), &verb, "key", some_id)? },
            "set_limit" => Request::SetLimit(SetLimit {
                key: need(raw.key.take(), &verb, "key", some_id)?,
                limit: named_limit(&mut raw, &verb, some_id)?,
                to: LimitTo::given(raw.amount.take(), raw.minutes.take(), raw.remove.take(), id)?,
            }),
            "confirm_limit" => Request::ConfirmLimit {
                key: need(raw.key.take(), &verb, "key", some_id)?,
                limit: named_limit(&mut raw, &verb, some_id)?,
            },
            "get_balance" => Request::GetBalance,
            "get_history" => Request::GetHistory { table: raw.table.take() },
            "get_outcome" => Request::GetOutcome { key: need(raw.key.take(), &verb, "key", some_id)? },
            unknown => return Err(unknown_request(unknown, some_id)),
        };
        match raw.left_over() {
            None => Ok(Self { id, request }),
            Some(field) => Err(FrameError {
                id: some_id,
                code: ErrorCode::Malformed,
                detail: format!("{} has no field \"{field}\"", &*verb),
            }),
        }
    }
}

impl From<ClientFrame> for RawFrame {
    fn from(frame: ClientFrame) -> Self {
        let raw = |verb: &str| RawFrame { t: Text::new(verb), id: Some(frame.id), ..RawFrame::default() };
        match frame.request {
            Request::Hello(hello) => RawFrame {
                token: Some(hello.token),
                client: hello.client,
                resume: (!hello.resume.is_empty()).then(|| List::new(hello.resume).ok()).flatten(),
                ..raw("hello")
            },
            Request::Ping => raw("ping"),
            Request::Subscribe(subscribe) => {
                let (e, o) = subscribe.since.unzip();
                RawFrame { ch: Some(subscribe.channel), e, o, ..raw("subscribe") }
            }
            Request::Unsubscribe { channel } => RawFrame { ch: Some(channel), ..raw("unsubscribe") },
            Request::JoinTable { table } => RawFrame { table: Some(table), ..raw("join_table") },
            Request::LeaveTable { table } => RawFrame { table: Some(table), ..raw("leave_table") },
            Request::ListTables => raw("list_tables"),
            Request::PlaceBet(bet) => RawFrame {
                key: Some(bet.key),
                table: Some(bet.table),
                round: Some(bet.round),
                bets: Some(bet.bets),
                currency: Some(bet.currency),
                seed: bet.seed,
                ..raw("place_bet")
            },
            Request::ClearBets { key, table, round } => {
                RawFrame { key: Some(key), table: Some(table), round: Some(round), ..raw("clear_bets") }
            }
            Request::Exclude(Exclude { key, kind, lasts }) => {
                let (days, permanent) = match lasts {
                    Lasts::Days(days) => (Some(days), None),
                    Lasts::ForGood => (None, Some(true)),
                };
                RawFrame { key: Some(key), kind: Some(kind), days, permanent, ..raw("exclude") }
            }
            Request::Reinstate { key } => RawFrame { key: Some(key), ..raw("reinstate") },
            Request::Acknowledge { key } => RawFrame { key: Some(key), ..raw("acknowledge") },
            Request::SetLimit(SetLimit { key, limit: NamedLimit { kind, period, currency }, to }) => {
                let (amount, minutes, remove) = to.fields();
                let (key, kind, period) = (Some(key), Some(kind), Some(period));
                RawFrame { key, kind, period, currency, amount, minutes, remove, ..raw("set_limit") }
            }
            Request::ConfirmLimit { key, limit: NamedLimit { kind, period, currency } } => {
                let (key, kind, period) = (Some(key), Some(kind), Some(period));
                RawFrame { key, kind, period, currency, ..raw("confirm_limit") }
            }
            Request::GetBalance => raw("get_balance"),
            Request::GetHistory { table } => RawFrame { table, ..raw("get_history") },
            Request::GetOutcome { key } => RawFrame { key: Some(key), ..raw("get_outcome") },
        }
    }
}
