//! `kill -9` at random moments while services move money, also between the effect and the answer: whoever sends the same request
//! again gets what was done the first time, and nothing is done twice.
//!
//! `HUB_CRASH_RUNS` sets how often (10, and never fewer), `HUB_CRASH_SEED` repeats the moments and requests of a run.

use std::time::Duration;

use fastrand::Rng;
use tests::soon;
use tokio::sync::watch;

use super::*;

const SERVICES: usize = 6;
/// Changes that are answered before each crash, at the most.
const CHANGES: u64 = 60;

/// A service with a player of its own, and what the player must have. Cents.
struct Service {
    number: usize,
    token: String,
    random: Rng,
    asked: u64,
    available: i64,
    /// The holds that stand, each with its amount.
    holds: Vec<(String, i64)>,
    frozen: bool,
}

/// A change, and what it does if it is carried out.
struct Change {
    path: String,
    body: Value,
    available: i64,
    /// Whether a freeze forbids it.
    debits: bool,
    does: Does,
}

enum Does {
    Pay,
    Hold(i64),
    /// Ends the last hold.
    End,
    Freeze(bool),
}

fn money(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

impl Service {
    fn player(&self) -> String {
        format!("PLAYER_{}", self.number)
    }

    fn next(&mut self) -> Change {
        let (player, cents) = (self.player(), self.random.i64(1..5_000));
        let payment = |kind: &str| {
            let body = json!({"playerId": player, "amount": money(cents), "currency": "USD", "type": kind});
            (BALANCE.to_owned(), body)
        };
        let change = |(path, body): (String, Value), available, debits, does| Change {
            path,
            body,
            available,
            debits,
            does,
        };
        if self.asked == 0 {
            return change(payment("credit"), cents, false, Does::Pay);
        }
        match self.random.u32(..9) {
            0 | 1 => change(payment("credit"), cents, false, Does::Pay),
            2 => change(payment("debit"), -cents, true, Does::Pay),
            3 => {
                let body = json!({"merchantId": "MERCHANT_1", "amount": money(cents), "currency": "USD",
                    "paymentMethod": "manual", "playerId": player});
                change(("/api/domains/collections".into(), body), cents, false, Does::Pay)
            }
            4 => {
                let body = json!({"type": "PLAYER_WINNINGS", "payload":
                    {"playerId": player, "amount": money(cents), "currency": "USD", "gameId": "SLOTS_1"}});
                let path = "/api/domains/coordinator/coordinate".to_owned();
                change((path, body), cents, false, Does::Pay)
            }
            5 => {
                let frozen = !self.frozen;
                let (word, body) = if frozen {
                    ("freeze", json!({"reason": "FRAUD_CHECK"}))
                } else {
                    ("unfreeze", json!({}))
                };
                change((format!("{BALANCE}/{player}/{word}"), body), 0, false, Does::Freeze(frozen))
            }
            part @ (6 | 7) if !self.holds.is_empty() => {
                let (hold, held) = self.holds.last().expect("there is one").clone();
                let taken = self.random.i64(1..=held);
                if part == 6 {
                    let body = json!({"amount": money(taken), "currency": "USD"});
                    change((format!("{BALANCE}/holds/{hold}/capture"), body), held - taken, false, Does::End)
                } else {
                    change((format!("{BALANCE}/holds/{hold}/release"), json!({})), held, false, Does::End)
                }
            }
            _ => {
                let body = json!({"playerId": player, "amount": money(cents), "currency": "USD"});
                change((format!("{BALANCE}/holds"), body), -cents, true, Does::Hold(cents))
            }
        }
    }

    fn held(&self) -> i64 {
        self.holds.iter().map(|(_, held)| held).sum()
    }

    /// Sends a change until it is answered, and holds the answer against what must come of it.
    async fn carry_out(&mut self, hub: &mut watch::Receiver<Option<SocketAddr>>) -> bool {
        let change = self.next();
        let key = format!("key-{}-{}", self.number, self.asked);
        let bearer = format!("Bearer {}", self.token);
        let mut again = false;
        let answer = loop {
            let at = *hub.wait_for(Option::is_some).await.expect("the test goes on");
            let at = at.expect("it was waited for");
            let headers = [
                ("authorization", bearer.as_str()),
                ("content-type", "application/json"),
                ("idempotency-key", key.as_str()),
            ];
            let line = format!("POST {}", change.path);
            let request = http::spelled(&line, &at.to_string(), &headers, Some(&change.body.to_string()));
            match http::attempt(at, &request).await {
                Ok(answer) if !matches!(answer.status, 503 | 504) => break answer,
                // Killed before, in the middle of or after what was asked: it is not known.
                _ => again = true,
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        };
        let body = answer.json();
        let context = format!("{key}: {} {} answered {body}", change.path, change.body);
        let refusal = match () {
            () if change.debits && self.frozen => Some("account_frozen"),
            () if self.available + change.available < 0 => Some("insufficient_funds"),
            () => None,
        };
        self.asked += 1;
        if let Some(code) = refusal {
            assert_eq!((answer.status, body["code"].as_str()), (422, Some(code)), "{context}");
            return again && body["replayed"] == true;
        }
        assert_eq!(answer.status, 200, "{context}");
        self.available += change.available;
        match change.does {
            Does::Pay => {}
            Does::Hold(held) => {
                self.holds.push((body["hold"].as_str().expect("the id of a hold").to_owned(), held));
            }
            Does::End => drop(self.holds.pop()),
            Does::Freeze(frozen) => self.frozen = frozen,
        }
        // The answer of what was done the first time has the balance of that time: nothing else moves this player's money.
        if body["balance"].is_object() {
            let told = (&body["balance"]["available"], &body["balance"]["held"]);
            assert_eq!(told, (&json!(money(self.available)), &json!(money(self.held()))), "{context}");
        }
        again && body["replayed"] == true
    }
}

#[tokio::test]
async fn a_hub_killed_while_services_move_money_does_each_request_once() {
    let runs = std::env::var("HUB_CRASH_RUNS").map_or(10, |runs| runs.parse().expect("a number of crashes"));
    // With fewer, none may come between an effect and its answer.
    let runs = runs.max(10);
    let seed = std::env::var("HUB_CRASH_SEED");
    let seed = seed.map_or_else(|_| fastrand::u64(..), |seed| seed.parse().expect("a whole number"));
    println!("HUB_CRASH_SEED={seed} HUB_CRASH_RUNS={runs}");
    let mut random = Rng::with_seed(seed);
    let mut hub = Setup::default().start();
    let (place, over) = (watch::Sender::new(Some(hub.address())), watch::Sender::new(false));
    let answered = watch::Sender::new(0_u64);
    let mut working = Vec::new();
    for number in 0..SERVICES {
        let mut service = Service {
            number,
            token: service(&hub, &format!("service-{number}"), "*"),
            random: random.fork(),
            asked: 0,
            available: 0,
            holds: Vec::new(),
            frozen: false,
        };
        let (mut hub, over, answered) = (place.subscribe(), over.subscribe(), answered.clone());
        working.push(tokio::spawn(async move {
            let mut replayed = 0;
            while !*over.borrow() {
                replayed += u64::from(service.carry_out(&mut hub).await);
                answered.send_modify(|count| *count += 1);
            }
            (service, replayed)
        }));
    }
    let mut count = answered.subscribe();
    for run in 0..runs {
        let goal = *count.borrow() + 1 + random.u64(..CHANGES);
        let what = format!("changes answered in run {run}");
        soon(&what, count.wait_for(|count| *count >= goal)).await.expect("we hold it");
        // Anywhere within a batch and its answers.
        tokio::time::sleep(Duration::from_micros(random.u64(..3_000))).await;
        hub.kill();
        place.send_replace(None);
        place.send_replace(Some(hub.start()));
    }
    let goal = *count.borrow() + SERVICES as u64 * 2;
    soon("the last changes", count.wait_for(|count| *count >= goal)).await.expect("we hold it");
    over.send_replace(true);

    let (mut asked, mut replayed) = (0, 0);
    let (mut available, mut held) = (0, 0);
    for working in working {
        let (service, again) = soon("the end of a service", working).await.expect("it has found no fault");
        let told =
            get(hub.address(), &service.token, &format!("{BALANCE}/{}", service.player())).await.json();
        let expected = json!([{"currency": "USD", "available": money(service.available),
            "held": money(service.held()), "total": money(service.available + service.held()), "level": "normal"}]);
        assert_eq!(told["balances"], expected, "{told}");
        assert_eq!(told["status"], json!(if service.frozen { "frozen" } else { "active" }), "{told}");
        (asked, replayed) = (asked + service.asked, replayed + again);
        (available, held) = (available + service.available, held + service.held());
    }
    let totals = hub.verify();
    let cash = totals.of("balance", "cash");
    assert_eq!((cash.posted, cash.held), (i128::from(available + held), i128::from(held)));
    assert_eq!(totals.keys, asked, "one key for each change");
    assert!(replayed > 0, "no crash came between an effect and its answer, so nothing is shown");
    println!("{runs} crashes: {asked} changes, {replayed} answered the second time alone");
}
