//! `kill -9` at random moments while approvals are carried out: a proposal is applied with its money, or it stands open and
//! nothing has moved; the same approvals again carry out the rest, and nothing twice.
//!
//! `HUB_CRASH_SEED` repeats the moments of a run.

use std::time::Duration;

use fastrand::Rng;

use super::*;

const ADJUSTMENT: &str = "/api/domains/adjustment";
const RUNS: usize = 4;
/// Corrections of one cent each, a run.
const PROPOSALS: usize = 16;

async fn total(hub: &TestHub, token: &str) -> Value {
    let told = get(hub.address(), token, "/api/domains/balance/PLAYER_123").await.json();
    told["balances"][0]["total"].clone()
}

// clause: gli19.b.2.3.two_people
#[tokio::test]
async fn an_approval_and_its_effect_are_there_together_or_not_at_all() {
    let seed = std::env::var("HUB_CRASH_SEED");
    let seed = seed.map_or_else(|_| fastrand::u64(..), |seed| seed.parse().expect("a whole number"));
    println!("HUB_CRASH_SEED={seed}");
    let mut random = Rng::with_seed(seed);
    let mut hub = Setup::default().start();
    let [anna, ben] =
        ["anna", "ben"].map(|name| token(&hub, &["--operator", name, "--can", "adjustment:*,balance:*"]));
    let cent = json!({
        "playerId": "PLAYER_123", "amount": "0.01", "currency": "USD", "reason": "ERROR", "reference": "ticket 1",
    });
    for run in 0..RUNS {
        let mut proposed = Vec::new();
        for number in 0..PROPOSALS {
            let told = change(hub.address(), &anna, &format!("p{run}-{number}"), ADJUSTMENT, &cent).await;
            proposed.push(told.json()["proposal"].as_str().expect("an id").to_owned());
        }
        let approvals: Vec<_> = proposed.iter().enumerate().collect();
        let asked = approvals.iter().map(|(number, id)| {
            let (key, at) = (format!("a{run}-{number}"), hub.address());
            let headers = [
                ("authorization", format!("Bearer {ben}")),
                ("idempotency-key", key),
                ("content-type", "application/json".to_owned()),
            ];
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let line = format!("POST {ADJUSTMENT}/{id}/approve");
            let request = http::spelled(&line, &at.to_string(), &headers, Some("{}"));
            // Whether it is answered is not known.
            tokio::spawn(async move { http::attempt(at, &request).await.is_ok() })
        });
        let asked: Vec<_> = asked.collect();
        tokio::time::sleep(Duration::from_micros(random.u64(..6_000))).await;
        hub.crash();
        for task in asked {
            task.await.expect("it does not panic");
        }

        let mut applied = 0;
        for id in &proposed {
            let told = get(hub.address(), &anna, &format!("{ADJUSTMENT}/{id}")).await.json();
            match told["status"].as_str() {
                Some("applied") => applied += 1,
                Some("open") => assert_eq!(told["approvals"], json!([]), "{told}"),
                _ => panic!("neither applied nor open: {told}"),
            }
        }
        println!("{applied} of {PROPOSALS} were applied before the crash of run {run}");
        let cents = run * PROPOSALS + applied;
        if cents > 0 {
            let money = format!("{}.{:02}", cents / 100, cents % 100);
            assert_eq!(total(&hub, &anna).await, json!(money), "{applied} were applied in run {run}");
        }
        for (number, id) in approvals {
            let path = format!("{ADJUSTMENT}/{id}/approve");
            let told = change(hub.address(), &ben, &format!("a{run}-{number}"), &path, &json!({})).await;
            assert_eq!((told.status, &told.json()["status"]), (200, &json!("applied")), "{told:?}");
        }
        let cents = (run + 1) * PROPOSALS;
        assert_eq!(total(&hub, &anna).await, json!(format!("0.{cents:02}")), "each once");
    }
    hub.kill();
    hub.verify();
}
