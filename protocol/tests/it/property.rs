//! Property tests: what holds for every frame and for every input.

use proptest::{collection::vec, option, prelude::*};
use protocol::{
    Amount, Channel, ClientFrame, Encoding, ErrorCode, Key, Payload, Push, Reply, Request, RoundId, TableId,
    Text, U53,
    bounded::List,
    codec::{
        ServerFrame, decode_client, decode_server, encode_client, encode_publication, encode_push,
        encode_reply,
    },
    limits::{LimitLoosening, LimitState, LimitTo, LimitValue, NamedLimit, SetLimit},
    push::Pub,
    reply::{
        Balance, Excluded, Failure, KeyOutcome, Missed, PastRound, PlayerResult, Receipt, ReplyFrame,
        Subscribed,
    },
    request::{Bet, Exclude, Hello, Lasts, PlaceBet, Since, Subscribe},
};
use serde_json::{Map, Value};

const BOTH: [Encoding; 2] = [Encoding::Json, Encoding::Msgpack];

fn parsed<T: std::str::FromStr + std::fmt::Debug>(pattern: &'static str) -> impl Strategy<Value = T> {
    pattern.prop_filter_map("not of the type", |text| text.parse().ok())
}

fn table() -> impl Strategy<Value = TableId> {
    parsed("[a-zA-Z0-9_.-]{1,23}")
}

fn key() -> impl Strategy<Value = Key> {
    parsed("[a-zA-Z0-9_.-]{1,47}")
}

fn channel() -> impl Strategy<Value = Channel> {
    parsed("[a-z0-9_-]{1,10}(:[a-zA-Z0-9_.-]{1,40})?")
}

fn uint() -> impl Strategy<Value = U53> {
    prop_oneof![0..300_u64, 0..=U53::MAX].prop_filter_map("too large", U53::new)
}

/// Any text of at most `MAX` bytes, control characters and emoji too.
fn text<const MAX: usize>() -> impl Strategy<Value = Text<MAX>> {
    any::<String>().prop_filter_map("too long", |text| Text::new(&text))
}

fn amount() -> impl Strategy<Value = Amount> {
    (0..=protocol::amount::MINOR_MAX, 0..=8_u32)
        .prop_filter_map("too large", |(minor, scale)| Amount::from_minor(minor, scale).ok())
}

fn bet() -> impl Strategy<Value = Bet> {
    (text(), vec(any::<u8>(), 0..=18), text())
        .prop_filter_map("too long", |(kind, n, a)| Some(Bet { kind, n: List::new(n).ok()?, a }))
}

fn position() -> impl Strategy<Value = (Text<24>, U53)> {
    (text(), uint())
}

fn place_bet() -> impl Strategy<Value = Request> {
    (key(), table(), uint(), vec(bet(), 1..8), text(), option::of(text())).prop_filter_map(
        "too many",
        |(key, table, round, bets, currency, seed)| {
            let bets = List::new(bets).ok()?;
            Some(Request::PlaceBet(PlaceBet { key, table, round, bets, currency, seed }))
        },
    )
}

fn request() -> impl Strategy<Value = Request> {
    let since = (channel(), position()).prop_map(|(ch, (e, o))| Since { ch, e, o });
    prop_oneof![
        (text(), option::of(text()), vec(since, 0..4))
            .prop_map(|(token, client, resume)| Request::Hello(Hello { token, client, resume })),
        Just(Request::Ping),
        (channel(), option::of(position()))
            .prop_map(|(channel, since)| Request::Subscribe(Subscribe { channel, since })),
        channel().prop_map(|channel| Request::Unsubscribe { channel }),
        table().prop_map(|table| Request::JoinTable { table }),
        table().prop_map(|table| Request::LeaveTable { table }),
        Just(Request::ListTables),
        place_bet(),
        (key(), table(), uint()).prop_map(|(key, table, round)| Request::ClearBets { key, table, round }),
        (key(), text(), prop_oneof![uint().prop_map(Lasts::Days), Just(Lasts::ForGood)])
            .prop_map(|(key, kind, lasts)| Request::Exclude(Exclude { key, kind, lasts })),
        key().prop_map(|key| Request::Reinstate { key }),
        key().prop_map(|key| Request::Acknowledge { key }),
        (key(), named_limit(), limit_to()).prop_map(|(key, limit, to)| Request::SetLimit(SetLimit {
            key,
            limit,
            to
        })),
        (key(), named_limit()).prop_map(|(key, limit)| Request::ConfirmLimit { key, limit }),
        Just(Request::GetBalance),
        option::of(table()).prop_map(|table| Request::GetHistory { table }),
        key().prop_map(|key| Request::GetOutcome { key }),
    ]
}

fn named_limit() -> impl Strategy<Value = NamedLimit> {
    (text(), text(), option::of(text())).prop_map(|(kind, period, currency)| NamedLimit {
        kind,
        period,
        currency,
    })
}

fn limit_to() -> impl Strategy<Value = LimitTo> {
    prop_oneof![text().prop_map(LimitTo::Amount), uint().prop_map(LimitTo::Minutes), Just(LimitTo::Removed),]
}

fn limit_value() -> impl Strategy<Value = LimitValue> {
    prop_oneof![any::<u64>().prop_map(LimitValue::Time), amount().prop_map(LimitValue::Money)]
}

fn limit_state() -> impl Strategy<Value = LimitState> {
    let loosening = (option::of(limit_value()), any::<u64>(), any::<u64>())
        .prop_map(|(to, from, until)| LimitLoosening { to, from, until });
    let names = (any::<String>(), any::<String>(), option::of(parsed("[A-Z][A-Z0-9]{2,7}")));
    let set = (option::of(limit_value()), option::of(limit_value()), option::of(loosening));
    (names, set, limit_value(), limit_value(), any::<u64>()).prop_map(
        |((kind, period, currency), (own, operators, loosening), used, left, frees_at)| LimitState {
            kind,
            period,
            currency,
            own,
            operators,
            used,
            left,
            frees_at,
            loosening,
        },
    )
}

/// Any JSON within a payload's bounds.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-(1_i64 << 53)..=1 << 53).prop_map(Value::from),
        (-200..200_i64).prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON has no such number", |number| number.is_finite())
            .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 8, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..8).prop_map(Value::from),
            vec((any::<String>(), inner), 0..8).prop_map(|entries| Value::from(Map::from_iter(entries))),
        ]
    })
}

fn payload() -> impl Strategy<Value = Payload> {
    json().prop_map(|value| Payload::from_json(value.to_string().as_bytes()).unwrap())
}

fn receipt() -> impl Strategy<Value = Receipt> {
    (key(), any::<u64>(), table(), 1..u64::MAX, amount(), parsed("[A-Z][A-Z0-9]{2,7}"), amount(), amount())
        .prop_map(|(key, lsn, table, number, amount, currency, available, held)| Receipt {
            key,
            lsn,
            round: RoundId { table, number },
            amount,
            currency,
            available,
            held,
        })
}

fn subscribed() -> impl Strategy<Value = Subscribed> {
    let missed = (any::<u64>(), payload()).prop_map(|(o, d)| Missed { o, d });
    (channel(), any::<String>(), any::<u64>(), any::<bool>(), vec(missed, 0..3))
        .prop_map(|(ch, e, o, recovered, pubs)| Subscribed { ch, e, o, recovered, pubs })
}

fn reply() -> impl Strategy<Value = Reply> {
    let code = (0..ErrorCode::ALL.len()).prop_map(|index| ErrorCode::ALL[index]).boxed();
    let failure = (code.clone(), any::<String>(), option::of(any::<u64>()))
        .prop_map(|(code, message, after)| Failure { retry_after_ms: after, ..Failure::with(code, message) });
    let past =
        (any::<u64>(), any::<u64>(), option::of(any::<u32>()), any::<String>(), option::of(any::<String>()))
            .prop_map(|(round, time, outcome, commit, seed)| PastRound {
                round,
                time,
                outcome,
                commit,
                mix: seed.clone(),
                seed,
            });
    let result = (receipt(), option::of(any::<u32>())).prop_map(|(receipt, outcome)| PlayerResult {
        round: receipt.round,
        time: receipt.lsn,
        currency: receipt.currency,
        staked: receipt.amount,
        returned: receipt.available,
        outcome,
    });
    let outcome = prop_oneof![
        receipt().prop_map(|receipt| KeyOutcome::Accepted { receipt }),
        code.prop_map(|code| KeyOutcome::Refused { code: code.into(), name: code.name().into() }),
        any::<u64>().prop_map(|lsn| KeyOutcome::Changed { lsn }),
        Just(KeyOutcome::Unknown),
    ];
    let exclusion = option::of(
        (any::<String>(), option::of(any::<u64>())).prop_map(|(kind, until)| Excluded { kind, until }),
    );
    let tops = proptest::collection::btree_map(any::<String>(), (any::<String>(), any::<u64>()), 0..4);
    prop_oneof![
        (any::<u64>(), tops).prop_map(|(time, tops)| Reply::Pong { time, tops }),
        subscribed().prop_map(Reply::Subscribed),
        channel().prop_map(|ch| Reply::Unsubscribed { ch }),
        table().prop_map(|table| Reply::Left { table }),
        receipt().prop_map(Reply::BetAccepted),
        receipt().prop_map(Reply::BetsCleared),
        (key(), any::<u64>()).prop_map(|(key, lsn)| Reply::Changed { key, lsn }),
        (any::<u64>(), vec(receipt(), 0..3), exclusion, vec(limit_state(), 0..3)).prop_map(
            |(lsn, receipts, exclusion, limits)| {
                Reply::Balances {
                    lsn,
                    exclusion,
                    limits,
                    play: None,
                    balances: receipts
                        .into_iter()
                        .map(|receipt| Balance {
                            currency: receipt.currency,
                            available: receipt.available,
                            held: receipt.held,
                            level: None,
                        })
                        .collect(),
                }
            }
        ),
        (table(), vec(past, 0..3)).prop_map(|(table, rounds)| Reply::TableHistory { table, rounds }),
        vec(result, 0..3).prop_map(|results| Reply::PlayerHistory { results }),
        (key(), outcome).prop_map(|(key, outcome)| Reply::Outcome { key, outcome }),
        failure.prop_map(Reply::Error),
    ]
}

fn push() -> impl Strategy<Value = Push> {
    let publication =
        (channel(), option::of(("[a-z0-9]{1,24}", any::<u64>())), payload()).prop_map(|(ch, at, d)| {
            let (e, o) = at.unzip();
            Push::Pub(Pub { ch, e, o, d })
        });
    prop_oneof![
        publication,
        (channel(), any::<String>(), any::<u64>()).prop_map(|(ch, e, o)| Push::Reset { ch, e, o }),
        any::<u64>().prop_map(|reconnect_after_ms| Push::Drain { reconnect_after_ms }),
    ]
}

proptest! {
    #[test]
    fn a_request_is_read_as_it_was_written(id in uint(), request in request()) {
        let frame = ClientFrame { id, request };
        for encoding in BOTH {
            let bytes = encode_client(encoding, frame.clone());
            prop_assert_eq!(decode_client(encoding, &bytes), Ok(frame.clone()));
        }
    }

    #[test]
    fn a_reply_is_read_as_it_was_written(id in option::of(uint()), reply in reply()) {
        let frame = ReplyFrame { id, reply };
        for encoding in BOTH {
            let bytes = encode_reply(encoding, &frame);
            prop_assert_eq!(decode_server(encoding, &bytes), Ok(ServerFrame::Reply(frame.clone())));
        }
    }

    #[test]
    fn a_push_is_read_as_it_was_written_and_splicing_changes_no_byte(push in push()) {
        for encoding in BOTH {
            let bytes = encode_push(encoding, &push);
            prop_assert_eq!(decode_server(encoding, &bytes), Ok(ServerFrame::Push(push.clone())));
            if let Push::Pub(Pub { ch, e, o, d }) = &push {
                let position = e.as_deref().zip(*o);
                prop_assert_eq!(encode_publication(encoding, ch.as_str(), position, d), bytes);
            }
        }
    }

    #[test]
    fn any_json_survives_being_a_payload(value in json()) {
        let payload = Payload::from_json(value.to_string().as_bytes()).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Value>(&payload.to_json()).unwrap(), &value);
        prop_assert_eq!(Payload::from_msgpack(payload.bytes().clone()), Ok(payload.clone()));
        prop_assert_eq!(rmp_serde::from_slice::<Value>(payload.bytes()).unwrap(), value);
    }

    #[test]
    fn arbitrary_bytes_get_an_answer(bytes in vec(any::<u8>(), 0..300)) {
        for encoding in BOTH {
            let _ = decode_client(encoding, &bytes);
            let _ = decode_server(encoding, &bytes);
        }
        let _ = Payload::from_json(&bytes);
        if let Ok(payload) = Payload::from_msgpack(bytes.into()) {
            // A payload that was accepted can be written in both encodings.
            prop_assert!(serde_json::from_str::<Value>(&payload.to_json()).is_ok());
        }
    }

    #[test]
    fn a_damaged_frame_gets_an_answer(
        id in uint(),
        request in request(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let frame = ClientFrame { id, request };
        for encoding in BOTH {
            let mut bytes = encode_client(encoding, frame.clone());
            for (index, byte) in &damage {
                let at = index.index(bytes.len());
                bytes[at] = *byte;
            }
            if let Err(error) = decode_client(encoding, &bytes) {
                prop_assert!(!error.detail.is_empty() && error.code.number() < 2000, "{error:?}");
            }
        }
    }
}
