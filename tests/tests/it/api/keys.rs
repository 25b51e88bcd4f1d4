//! Sockets and HTTP have one key space: a key belongs to whoever uses it, is used once whatever it is used for, and never meets that of
//! somebody else, also of another kind with the same name.
//!
//! `HUB_KEYS_SEED` repeats the requests of a run.

use std::collections::{BTreeSet, HashMap};

use fastrand::Rng;
use protocol::{ErrorCode, Key};
use tests::{
    hub::OPEN,
    player::{self, Account, Session, refusal},
};

use super::*;

const STEPS: usize = 300;
const PLAYERS: [&str; 2] = ["ALICE", "BOB"];

/// What somebody asks for under a key. Cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Bet(i64),
    Pay(&'static str, usize, i64),
    Hold(usize, i64),
}

/// Somebody with keys of their own: a player on a socket, or a caller over HTTP.
enum Somebody {
    Player(Session, u64),
    Caller(String),
}

fn money(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

impl Somebody {
    fn asks(&self, random: &mut Rng) -> Asked {
        let (cents, player) = (random.i64(1..4), random.usize(..PLAYERS.len()));
        match (self, random.u8(..3)) {
            (Self::Player(..), _) => Asked::Bet(cents * 100),
            (Self::Caller(_), 0) => Asked::Pay("credit", player, cents),
            (Self::Caller(_), 1) => Asked::Pay("debit", player, cents),
            (Self::Caller(_), _) => Asked::Hold(player, cents),
        }
    }

    /// The record of what was asked, and whether the answer says that it was there before; or the refusal.
    async fn carry_out(
        &self,
        at: SocketAddr,
        key: &str,
        asked: Asked,
    ) -> Result<(u64, Option<bool>), String> {
        match (self, asked) {
            (Self::Player(session, round), Asked::Bet(cents)) => {
                let key: Key = key.parse().expect("a key");
                match session.bet(key, OPEN.id, *round, &money(cents)).await {
                    Ok(receipt) => Ok((receipt.lsn, None)),
                    refused => match refusal(refused) {
                        ErrorCode::KeyReused => Err("key_reused".into()),
                        other => panic!("{other:?}"),
                    },
                }
            }
            (Self::Caller(token), Asked::Pay(kind, player, cents)) => {
                let body = json!({"playerId": PLAYERS[player], "amount": money(cents), "currency": "EUR", "type": kind});
                told(&change(at, token, key, BALANCE, &body).await)
            }
            (Self::Caller(token), Asked::Hold(player, cents)) => {
                let body = json!({"playerId": PLAYERS[player], "amount": money(cents), "currency": "EUR"});
                told(&change(at, token, key, &format!("{BALANCE}/holds"), &body).await)
            }
            (Self::Player(..), _) | (Self::Caller(_), Asked::Bet(_)) => unreachable!("each asks for its own"),
        }
    }
}

fn told(answer: &Answer) -> Result<(u64, Option<bool>), String> {
    let body = answer.json();
    match answer.status {
        200 => Ok((body["lsn"].as_u64().expect("a record"), body["replayed"].as_bool())),
        409 => Err(body["code"].as_str().expect("a code").to_owned()),
        _ => panic!("{answer:?}"),
    }
}

#[tokio::test]
async fn a_key_is_its_owners_alone_and_is_used_once_over_sockets_and_http() {
    let seed = std::env::var("HUB_KEYS_SEED");
    let seed = seed.map_or_else(|_| fastrand::u64(..), |seed| seed.parse().expect("a whole number"));
    println!("HUB_KEYS_SEED={seed}");
    let mut random = Rng::with_seed(seed);
    let mut hub = Setup::default().tables([OPEN]).start();
    let mut at = hub.address();
    let cashier = service(&hub, "cashier", "balance:*");
    let mut somebody = Vec::new();
    for (place, name) in PLAYERS.into_iter().enumerate() {
        let body = json!({"playerId": name, "amount": "1000.00", "currency": "EUR", "type": "credit"});
        let paid = change(at, &cashier, &format!("first-{place}"), BALANCE, &body).await.json();
        let player = paid["player"].as_str().expect("an id").parse().expect("a player id");
        let mut session = Account { token: player::token(name), player, deposited: 0 }.connect(at).await;
        let round = session.open_round(OPEN.id).await;
        somebody.push(Somebody::Player(session, round));
    }
    somebody.push(Somebody::Caller(cashier.clone()));
    somebody.push(Somebody::Caller(service(&hub, "ALICE", "*")));
    somebody.push(Somebody::Caller(token(&hub, &["--operator", "ALICE", "--can", "*"])));

    let mut done: HashMap<(usize, String), (Asked, u64)> = HashMap::new();
    let (mut first, mut again, mut other) = (0, 0, 0);
    for _ in 0..STEPS {
        let (who, key) = (random.usize(..somebody.len()), format!("key-{}", random.u8(..12)));
        let asked = somebody[who].asks(&mut random);
        let outcome = somebody[who].carry_out(at, &key, asked).await;
        match done.get(&(who, key.clone())) {
            None => {
                let (lsn, replayed) = outcome.unwrap_or_else(|code| panic!("{who} {key} {asked:?}: {code}"));
                assert_ne!(replayed, Some(true), "{who} {key} {asked:?}");
                done.insert((who, key), (asked, lsn));
                first += 1;
            }
            Some((before, lsn)) if *before == asked => {
                let (found, replayed) =
                    outcome.unwrap_or_else(|code| panic!("{who} {key} {asked:?}: {code}"));
                assert_eq!((found, replayed.unwrap_or(true)), (*lsn, true), "{who} {key} {asked:?}");
                again += 1;
            }
            Some((before, _)) => {
                assert_eq!(outcome, Err("key_reused".into()), "{who} {key} {asked:?} after {before:?}");
                other += 1;
            }
        }
    }
    assert!(first >= 50 && again >= 20 && other >= 50, "{first} {again} {other}");
    let records: BTreeSet<_> = done.values().map(|(_, lsn)| *lsn).collect();
    assert_eq!(records.len(), done.len(), "each has a record of its own");

    // A caller finds what it did itself under a key, and nothing of others; also after a crash.
    at = hub.crash();
    for (who, somebody) in somebody.iter().enumerate() {
        let Somebody::Caller(token) = somebody else { continue };
        if who == 2 {
            continue; // may not read transactions
        }
        for number in 0..12 {
            let key = format!("key-{number}");
            let path = format!("/api/domains/coordinator/transactions?key={key}");
            let found = get(at, token, &path).await;
            match done.get(&(who, key)) {
                Some((_, lsn)) => assert_eq!((found.status, &found.json()["lsn"]), (200, &json!(lsn))),
                None => drop(refused(&found, 404, "unknown_transaction")),
            }
        }
    }
    let mut expected = [100_000_i64; 2];
    for ((who, _), (asked, _)) in &done {
        match asked {
            Asked::Bet(cents) => expected[*who] -= cents,
            Asked::Pay("credit", player, cents) => expected[*player] += cents,
            Asked::Pay(_, player, cents) | Asked::Hold(player, cents) => expected[*player] -= cents,
        }
    }
    for (name, cents) in PLAYERS.into_iter().zip(expected) {
        let told = get(at, &cashier, &format!("{BALANCE}/{name}")).await.json();
        assert_eq!(told["balances"][0]["available"], json!(money(cents)), "{told}");
    }
    assert_eq!(hub.verify().keys, done.len() as u64 + PLAYERS.len() as u64);
}
