//! The measurement of old keys against a small hub: one that is honest, and one that answers a retry otherwise.

use std::time::Duration;

use loadtest::old_keys::{OldKeys, Options, old_keys};

use crate::little_hub::{Lie, LittleHub};

fn asked_again(lie: Lie) -> OldKeys {
    let hub = LittleHub::start(lie);
    let options = Options {
        url: hub.url.clone(),
        players: 3,
        keys: 30,
        rest: Duration::from_secs(1), // several of its rounds
        rate: 200.0,
        length: Duration::from_secs(1),
        stake: "0.50".to_owned(),
        seed: Some(7),
    };
    old_keys(&options).expect("it can be asked")
}

#[test]
fn an_honest_hub_answers_each_old_key_with_its_first_receipt() {
    let result = asked_again(Lie::None);
    assert_eq!((result.faults_total, &result.faults[..]), (0, &[][..]));
    assert!(result.keys > 20 && result.asked > 100, "{result}");
    assert_eq!(result.answered.count, result.asked);
}

#[test]
fn another_receipt_for_an_old_key_is_found() {
    let result = asked_again(Lie::AnotherReceiptOnRetry);
    assert!(result.faults_total > 0 && result.faults[0].contains("brings"), "{result}");
}
