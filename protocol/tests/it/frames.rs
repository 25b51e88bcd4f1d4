//! One example of every frame, and of every optional field present and absent.
//!
//! The matches at the end have no `_`: a new request, reply, push or event does not compile until it is named
//! here, and the golden test then asks for its bytes.

mod replies;

use std::collections::BTreeMap;

use protocol::{
    Amount, Channel, ClientFrame, Currency, ErrorCode, Key, Payload, Push, Reply, Request, TableId, Text,
    U53,
    bounded::List,
    level::BalanceLevel,
    limits::{LimitHit, LimitLoosening, LimitState, LimitTo, LimitValue, NamedLimit, SetLimit},
    play::{PlayPosition, PlayView},
    push::{BalanceReason, Event, Pub},
    reply::{
        Balance, Excluded, Failure, KeyOutcome, Missed, PastRound, Phase, PlacedBet, PlayerResult, Receipt,
        ReplyFrame, Subscribed, TableSummary, TableView, Welcome,
    },
    request::{Bet, Exclude, Hello, Lasts, PlaceBet, Since, Subscribe},
};

use self::replies::play;
pub use self::replies::replies;

fn limit(kind: &str, period: &str, currency: Option<&str>) -> NamedLimit {
    NamedLimit { kind: text(kind), period: text(period), currency: currency.map(text) }
}

pub const TIME: u64 = 1_760_000_000_000;
const COMMIT: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const SEED: &str = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b";
const MIX: &str = "d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35";

pub fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

pub fn uint(value: u64) -> U53 {
    U53::new(value).unwrap()
}

pub fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::new(text).unwrap()
}

pub fn key(text: &str) -> Key {
    text.parse().unwrap()
}

fn table() -> TableId {
    "roulette-1".parse().unwrap()
}

fn channel(name: &str) -> Channel {
    name.parse().unwrap()
}

fn euro() -> Currency {
    "EUR".parse().unwrap()
}

fn json(text: &str) -> Payload {
    Payload::from_json(text.as_bytes()).unwrap()
}

pub fn requests() -> Vec<(&'static str, ClientFrame)> {
    let bet = |kind, numbers: &[u8], stake| Bet {
        kind: text(kind),
        n: List::new(numbers.to_vec()).unwrap(),
        a: text(stake),
    };
    let bets =
        vec![bet("straight", &[17], "5.00"), bet("corner", &[1, 2, 4, 5], "2.50"), bet("red", &[], "10")];
    let since = |ch, o| Since { ch: channel(ch), e: text("k3v9x0"), o: uint(o) };
    let named = [
        (
            "hello",
            Request::Hello(Hello {
                token: text("eyJhbGciOiJIUzI1NiJ9.e30.c2ln"),
                client: None,
                resume: vec![],
            }),
        ),
        (
            "hello_resuming",
            Request::Hello(Hello {
                token: text("eyJhbGciOiJIUzI1NiJ9.e30.c2ln"),
                client: Some(text("example 1.0")),
                resume: vec![since("table:roulette-1", 41), since("news:sport", 9_007_199_254_740_992)],
            }),
        ),
        ("ping", Request::Ping),
        ("subscribe", Request::Subscribe(Subscribe { channel: channel("news:sport"), since: None })),
        (
            "subscribe_since",
            Request::Subscribe(Subscribe {
                channel: channel("table:roulette-1"),
                since: Some((text("k3v9x0"), uint(41))),
            }),
        ),
        ("unsubscribe", Request::Unsubscribe { channel: channel("news:sport") }),
        ("join_table", Request::JoinTable { table: table() }),
        ("leave_table", Request::LeaveTable { table: table() }),
        ("list_tables", Request::ListTables),
        (
            "place_bet",
            Request::PlaceBet(PlaceBet {
                key: key("b-7f3a"),
                table: table(),
                round: uint(42),
                bets: List::new(bets[..1].to_vec()).unwrap(),
                currency: text("EUR"),
                seed: None,
            }),
        ),
        (
            "place_bet_several",
            Request::PlaceBet(PlaceBet {
                key: key("b-7f3b"),
                table: table(),
                round: uint(42),
                bets: List::new(bets).unwrap(),
                currency: text("EUR"),
                seed: Some(text("my lucky seed")),
            }),
        ),
        ("clear_bets", Request::ClearBets { key: key("c-0001"), table: table(), round: uint(42) }),
        ("get_balance", Request::GetBalance),
        ("get_history_of_table", Request::GetHistory { table: Some(table()) }),
        ("get_history_of_player", Request::GetHistory { table: None }),
        ("get_outcome", Request::GetOutcome { key: key("b-7f3a") }),
        (
            "exclude",
            Request::Exclude(Exclude {
                key: key("e-0001"),
                kind: text("time_out"),
                lasts: Lasts::Days(uint(7)),
            }),
        ),
        (
            "exclude_for_good",
            Request::Exclude(Exclude {
                key: key("e-0002"),
                kind: text("self_exclusion"),
                lasts: Lasts::ForGood,
            }),
        ),
        ("reinstate", Request::Reinstate { key: key("e-0003") }),
        ("acknowledge", Request::Acknowledge { key: key("p-0001") }),
        (
            "set_limit",
            Request::SetLimit(SetLimit {
                key: key("l-0001"),
                limit: limit("deposit", "month", Some("USD")),
                to: LimitTo::Amount(text("500.00")),
            }),
        ),
        (
            "set_limit_of_time",
            Request::SetLimit(SetLimit {
                key: key("l-0002"),
                limit: limit("play_time", "day", None),
                to: LimitTo::Minutes(uint(120)),
            }),
        ),
        (
            "remove_limit",
            Request::SetLimit(SetLimit {
                key: key("l-0003"),
                limit: limit("loss", "week", Some("USD")),
                to: LimitTo::Removed,
            }),
        ),
        (
            "confirm_limit",
            Request::ConfirmLimit { key: key("l-0004"), limit: limit("loss", "week", Some("USD")) },
        ),
    ];
    named
        .into_iter()
        .zip(1..)
        .map(|((name, request), id)| (name, ClientFrame { id: uint(id), request }))
        .collect()
}

pub fn receipt() -> Receipt {
    Receipt {
        key: key("b-7f3a"),
        lsn: 123_456,
        round: "roulette-1:42".parse().unwrap(),
        amount: amount("17.50"),
        currency: euro(),
        available: amount("982.50"),
        held: amount("17.50"),
    }
}

fn past_round() -> PastRound {
    PastRound {
        round: 41,
        time: TIME,
        outcome: Some(17),
        commit: COMMIT.into(),
        seed: Some(SEED.into()),
        mix: Some(MIX.into()),
    }
}

fn void_round() -> PastRound {
    PastRound { round: 40, time: TIME, outcome: None, commit: COMMIT.into(), seed: None, mix: None }
}

fn placed() -> PlacedBet {
    PlacedBet { kind: "straight".into(), n: vec![17], a: amount("5.00") }
}

fn view(phase: Phase) -> TableView {
    TableView {
        table: table(),
        name: "Salon Rouge".into(),
        game: "roulette".into(),
        currency: euro(),
        scale: 2,
        e: "k3v9x0".into(),
        o: 41,
        phase: phase.into(),
        round: 42,
        deadline: Some(TIME + 20_000),
        commit: Some(COMMIT.into()),
        limits: BTreeMap::from([
            ("red".into(), (amount("1.00"), amount("500.00"))),
            ("straight".into(), (amount("0.50"), amount("50.00"))),
        ]),
        round_max: amount("1000.00"),
        spots: vec![placed()],
        players: 2,
        history: vec![past_round(), void_round()],
    }
}

pub fn pushes() -> Vec<(&'static str, Push)> {
    let event = |index: usize| Payload::of(&events()[index].1);
    let publication = |ch: &str, position: Option<u64>, d: Payload| {
        let e = position.map(|_| "k3v9x0".to_owned());
        Push::Pub(Pub { ch: channel(ch), e, o: position, d })
    };
    vec![
        ("pub_of_table", publication("table:roulette-1", Some(44), event(0))),
        ("pub_of_player", publication("player:0123456789abcdef0123456789abcdef", Some(9), event(6))),
        ("pub_of_service", publication("news:sport", Some(8), json(r#"{"title":"Kick-off","at":1.5}"#))),
        ("pub_ephemeral", publication("table:roulette-1", None, event(4))),
        ("reset", Push::Reset { ch: channel("news:sport"), e: "m2p4q8".into(), o: 7 }),
        ("drain", Push::Drain { reconnect_after_ms: 1_250 }),
    ]
}

pub fn events() -> Vec<(&'static str, Event)> {
    let balance = |reason: BalanceReason| Event::Balance {
        lsn: 123_456,
        currency: euro(),
        available: amount("982.50"),
        held: amount("17.50"),
        play: (reason == BalanceReason::Stake).then(play),
        reason: reason.into(),
        level: None,
    };
    let settled = |outcome, returned| Event::BetSettled {
        lsn: 123_460,
        round: "roulette-1:42".parse().unwrap(),
        staked: amount("17.50"),
        returned: amount(returned),
        outcome,
        currency: euro(),
        available: amount("1162.50"),
        held: amount("0.00"),
        // A void round changes no play session.
        play: outcome.map(|_| play()),
        level: None,
    };
    let crossed = Event::Balance {
        lsn: 123_461,
        currency: euro(),
        available: amount("4.50"),
        held: amount("0.00"),
        play: None,
        reason: BalanceReason::Debit.into(),
        level: Some(BalanceLevel::Low.into()),
    };
    vec![
        ("round_opened", Event::RoundOpened { round: 42, deadline: TIME + 20_000, commit: COMMIT.into() }),
        (
            "bets_locked",
            Event::BetsLocked {
                round: 42,
                deadline: TIME + 24_000,
                staked: amount("17.50"),
                mix: MIX.into(),
            },
        ),
        (
            "round_result",
            Event::RoundResult {
                round: 42,
                deadline: TIME + 30_000,
                outcome: 17,
                commit: COMMIT.into(),
                seed: SEED.into(),
                mix: MIX.into(),
                staked: amount("17.50"),
                returned: amount("180.00"),
            },
        ),
        ("round_voided", Event::RoundVoided { round: 42, reason: "the table is out of play".into() }),
        ("chips", Event::Chips { round: 42, spots: vec![placed()], players: 2 }),
        ("balance_deposit", balance(BalanceReason::Deposit)),
        ("balance_stake", balance(BalanceReason::Stake)),
        ("balance_release", balance(BalanceReason::Release)),
        ("balance_low", crossed),
        ("bet_settled", settled(Some(17), "180.00")),
        ("bet_settled_void", settled(None, "17.50")),
    ]
}

/// Name of the request on the wire.
pub fn request_kind(request: &Request) -> &'static str {
    match request {
        Request::Hello(_) => "hello",
        Request::Ping => "ping",
        Request::Subscribe(_) => "subscribe",
        Request::Unsubscribe { .. } => "unsubscribe",
        Request::JoinTable { .. } => "join_table",
        Request::LeaveTable { .. } => "leave_table",
        Request::ListTables => "list_tables",
        Request::PlaceBet(_) => "place_bet",
        Request::ClearBets { .. } => "clear_bets",
        Request::Exclude(_) => "exclude",
        Request::Reinstate { .. } => "reinstate",
        Request::Acknowledge { .. } => "acknowledge",
        Request::SetLimit(_) => "set_limit",
        Request::ConfirmLimit { .. } => "confirm_limit",
        Request::GetBalance => "get_balance",
        Request::GetHistory { .. } => "get_history",
        Request::GetOutcome { .. } => "get_outcome",
    }
}

/// Name of the reply on the wire.
pub fn reply_kind(reply: &Reply) -> &'static str {
    match reply {
        Reply::Welcome(_) => "welcome",
        Reply::Pong { .. } => "pong",
        Reply::Subscribed(_) => "subscribed",
        Reply::Unsubscribed { .. } => "unsubscribed",
        Reply::Joined { .. } => "joined",
        Reply::Left { .. } => "left",
        Reply::Tables { .. } => "tables",
        Reply::BetAccepted(_) => "bet_accepted",
        Reply::BetsCleared(_) => "bets_cleared",
        Reply::Changed { .. } => "changed",
        Reply::Balances { .. } => "balances",
        Reply::TableHistory { .. } => "table_history",
        Reply::PlayerHistory { .. } => "player_history",
        Reply::Outcome { .. } => "outcome",
        Reply::Error(_) => "error",
    }
}

/// Name of the push on the wire.
pub fn push_kind(push: &Push) -> &'static str {
    match push {
        Push::Pub(_) => "pub",
        Push::Reset { .. } => "reset",
        Push::Drain { .. } => "drain",
    }
}

/// Name of the event on the wire.
pub fn event_kind(event: &Event) -> &'static str {
    match event {
        Event::RoundOpened { .. } => "round_opened",
        Event::BetsLocked { .. } => "bets_locked",
        Event::RoundResult { .. } => "round_result",
        Event::RoundVoided { .. } => "round_voided",
        Event::Chips { .. } => "chips",
        Event::Balance { .. } => "balance",
        Event::BetSettled { .. } => "bet_settled",
    }
}
