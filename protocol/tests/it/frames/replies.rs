//! One example of every reply.

use super::*;

pub fn replies() -> Vec<(&'static str, ReplyFrame)> {
    let player = "0123456789abcdef0123456789abcdef";
    let followed = Subscribed {
        ch: channel("table:roulette-1"),
        e: "k3v9x0".into(),
        o: 43,
        recovered: true,
        pubs: vec![
            Missed { o: 42, d: Payload::of(&events()[1].1) },
            Missed { o: 43, d: json(r#"{"x":[1,-2,2.5,null,true,"é"]}"#) },
        ],
    };
    let personal = Subscribed {
        ch: channel(&format!("player:{player}")),
        e: "k3v9x0".into(),
        o: 0,
        recovered: true,
        pubs: vec![],
    };
    let lost =
        Subscribed { ch: channel("news:sport"), e: "m2p4q8".into(), o: 7, recovered: false, pubs: vec![] };
    let idle = TableView {
        phase: Phase::Idle.into(),
        round: 0,
        deadline: None,
        commit: None,
        spots: vec![],
        players: 1,
        history: vec![],
        ..view(Phase::Idle)
    };
    let tables = [Phase::Idle, Phase::Betting, Phase::Locked, Phase::Settled, Phase::Closed]
        .into_iter()
        .map(|phase| TableSummary {
            table: table(),
            name: "Salon Rouge".into(),
            game: "roulette".into(),
            currency: euro(),
            min: amount("0.50"),
            max: amount("1000.00"),
            players: 2,
            phase: phase.into(),
        })
        .collect();
    let settled = |outcome| PlayerResult {
        round: "roulette-1:41".parse().unwrap(),
        time: TIME,
        currency: euro(),
        staked: amount("5.00"),
        returned: amount("180.00"),
        outcome,
    };
    let welcome = |resumed| {
        Reply::Welcome(Welcome {
            player: player.parse().unwrap(),
            time: TIME,
            version: "0.1.0".into(),
            ping_every_ms: 15_000,
            personal: personal.clone(),
            resumed,
            play: None,
        })
    };
    let outcome = |outcome| Reply::Outcome { key: key("b-7f3a"), outcome };
    let mut named = vec![
        ("welcome", welcome(vec![])),
        ("welcome_resumed", welcome(vec![followed.clone(), lost.clone()])),
        (
            "pong",
            Reply::Pong {
                time: TIME,
                tops: BTreeMap::from([("table:roulette-1".into(), ("k3v9x0".into(), 43))]),
            },
        ),
        ("subscribed_recovered", Reply::Subscribed(followed)),
        ("subscribed_not_recovered", Reply::Subscribed(lost)),
        ("unsubscribed", Reply::Unsubscribed { ch: channel("news:sport") }),
        ("joined", Reply::Joined { view: view(Phase::Betting), bets: vec![placed()] }),
        ("joined_idle", Reply::Joined { view: idle, bets: vec![] }),
        ("left", Reply::Left { table: table() }),
        ("tables", Reply::Tables { tables }),
        ("bet_accepted", Reply::BetAccepted(receipt())),
        (
            "bets_cleared",
            Reply::BetsCleared(Receipt { key: key("c-0001"), held: amount("0.00"), ..receipt() }),
        ),
        (
            "balances",
            Reply::Balances {
                lsn: 123_456,
                balances: vec![Balance {
                    currency: euro(),
                    available: amount("982.50"),
                    held: amount("17.50"),
                    level: None,
                }],
                exclusion: None,
                play: None,
                limits: vec![],
            },
        ),
        ("table_history", Reply::TableHistory { table: table(), rounds: vec![past_round(), void_round()] }),
        ("player_history", Reply::PlayerHistory { results: vec![settled(Some(17)), settled(None)] }),
        ("outcome_accepted", outcome(KeyOutcome::Accepted { receipt: receipt() })),
        (
            "outcome_refused",
            outcome(KeyOutcome::Refused {
                code: ErrorCode::InsufficientFunds.into(),
                name: ErrorCode::InsufficientFunds.name().into(),
            }),
        ),
        ("outcome_unknown", outcome(KeyOutcome::Unknown)),
        ("error_busy", Reply::Error(Failure::of(ErrorCode::Busy).after_ms(250))),
    ];
    named.extend(
        ErrorCode::ALL
            .iter()
            .filter(|code| **code != ErrorCode::Busy)
            .map(|code| (code.name(), Reply::Error(Failure::of(*code)))),
    );
    // Last, so that the ids of the frames before it stay.
    named.push(("error_not_final", Reply::Error(Failure::of(ErrorCode::NotAtTable).not_final())));
    named.push(("changed", Reply::Changed { key: key("e-0001"), lsn: 123_457 }));
    named.push((
        "balances_excluded",
        Reply::Balances {
            lsn: 123_457,
            balances: vec![],
            exclusion: Some(Excluded { kind: "time_out".into(), until: Some(TIME) }),
            play: None,
            limits: vec![],
        },
    ));
    let money = |text: &str| LimitValue::Money(text.parse().unwrap());
    named.push((
        "balances_limited",
        Reply::Balances {
            lsn: 123_457,
            balances: vec![],
            exclusion: None,
            play: None,
            limits: vec![
                LimitState {
                    kind: "loss".into(),
                    period: "week".into(),
                    currency: "USD".parse().ok(),
                    own: Some(money("100.00")),
                    operators: Some(money("250.00")),
                    used: money("35.50"),
                    left: money("64.50"),
                    frees_at: TIME,
                    loosening: Some(LimitLoosening {
                        to: Some(money("200.00")),
                        from: TIME,
                        until: TIME + 604_800_000,
                    }),
                },
                LimitState {
                    kind: "play_time".into(),
                    period: "day".into(),
                    currency: None,
                    own: Some(LimitValue::Time(7_200_000)),
                    operators: None,
                    used: LimitValue::Time(1_800_000),
                    left: LimitValue::Time(5_400_000),
                    frees_at: TIME,
                    loosening: None,
                },
            ],
        },
    ));
    named.push((
        "limit_reached_told",
        Reply::Error(Failure::of(ErrorCode::LimitReached).reaching(Some(LimitHit {
            kind: "loss".into(),
            period: "week".into(),
            currency: "USD".parse().ok(),
            limit: money("100.00"),
            used: money("95.50"),
            frees_at: TIME,
            clause: "ukgc.rts.12.loss".into(),
        }))),
    ));
    named.push(("outcome_changed", outcome(KeyOutcome::Changed { lsn: 123_457 })));
    named.push((
        "balances_in_play",
        Reply::Balances {
            lsn: 123_460,
            balances: vec![],
            exclusion: None,
            play: Some(play()),
            limits: vec![],
        },
    ));
    named.push((
        "balances_low",
        Reply::Balances {
            lsn: 123_461,
            balances: vec![Balance {
                currency: euro(),
                available: amount("0.50"),
                held: amount("0.00"),
                level: Some(BalanceLevel::CriticalLow.into()),
            }],
            exclusion: None,
            play: None,
            limits: vec![],
        },
    ));
    let due = Failure::of(ErrorCode::RealityCheckDue).not_final();
    named.push(("error_with_play", Reply::Error(Failure { play: Some(Box::new(play())), ..due })));
    let mut frames: Vec<_> = named
        .into_iter()
        .zip(1..)
        .map(|((name, reply), id)| (name, ReplyFrame { id: Some(uint(id)), reply }))
        .collect();
    let unread = Failure::with(ErrorCode::Malformed, "the frame ends in the middle of a value");
    frames.push(("error_without_id", ReplyFrame { id: None, reply: Reply::Error(unread) }));
    frames
}

pub(super) fn play() -> PlayView {
    PlayView {
        since: TIME - 3_725_000,
        ends: TIME + 1_800_000,
        check: Some(TIME - 125_000),
        start: None,
        positions: vec![PlayPosition {
            currency: euro(),
            staked: amount("117.50"),
            returned: amount("92.00"),
            net: "-25.50".into(),
        }],
    }
}
