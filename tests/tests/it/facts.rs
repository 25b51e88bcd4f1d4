//! Facts in a log about its hub: another scale, another secret or another path is refused at the start, by name.

use protocol::{ErrorCode, Key, reply::KeyOutcome};
use tests::{
    hub::{OPEN, Setup, TestHub, words},
    player::Account,
};

const SEED: (&str, &str) = ("HUB_SEED_SECRET", "S8n1Bv6cXz4aSd9fGh2jKl7pOi3uYt5r");

/// The start, `verify` in both scopes and `check-config` refuse the configuration with these words.
fn all_refuse(hub: &TestHub, expected: &[&str]) {
    for arguments in
        [&["serve", "--listen", "127.0.0.1:0"][..], &["verify"], &["verify", "--tail"], &["check-config"]]
    {
        let output = hub.run(arguments);
        let said = words(&output);
        assert!(!output.status.success(), "{arguments:?}: {said}");
        expected.iter().for_each(|word| assert!(said.contains(word), "{arguments:?}: no {word:?} in {said}"));
    }
}

/// A hub with a player who has bet, stopped.
async fn played(setup: Setup) -> (TestHub, Account, Key) {
    let mut hub = setup.tables([OPEN]).start();
    let account = Account::sign_in(hub.address(), "anna").await;
    let mut session = account.connect(hub.address()).await;
    let (round, key) = (session.open_round(OPEN.id).await, session.key());
    session.bet(key, OPEN.id, round, "5.00").await.expect("a good bet");
    hub.kill();
    (hub, account, key)
}

#[tokio::test]
async fn another_scale_of_a_currency_in_use_is_refused_and_both_are_named() {
    let (mut hub, account, _) = played(Setup::default()).await;
    hub.configure(|setup| setup.extra("[[currencies]]\ncode = \"EUR\"\nscale = 3\n"));
    all_refuse(&hub, &["currency EUR has scale 3", "2 in the log", "Set its scale to 2"]);
    hub.configure(|_| Setup::default().tables([OPEN]));
    hub.start();
    assert_eq!(account.connect(hub.address()).await.balance().await, (99_500, 500));
}

#[tokio::test]
async fn accounts_in_a_currency_that_is_not_configured_are_reported_and_receipts_are_shown() {
    let (mut hub, account, key) = played(Setup::default()).await;
    let dollars = "currency = \"USD\"\n[[currencies]]\ncode = \"USD\"\nscale = 0\n";
    hub.configure(|_| {
        Setup::default().tables([]).deposit("10").extra(dollars).extra(
            "\n[[tables]]\nid = \"other\"\nname = \"Other\"\ngame = \"roulette\"\ncurrency = \"USD\"\n\
         player_round_max = \"100\"\n[tables.limits]\nany = { min = \"1\", max = \"50\" }\n",
        )
    });
    hub.start();
    let line = hub.logged("accounts in a currency that is not configured").await;
    assert!(line.contains("\"EUR\"") && line.contains("\"accounts\":1"), "{line}");
    let session = account.connect(hub.address()).await;
    match session.client.outcome(key).await.expect("an outcome") {
        KeyOutcome::Accepted { receipt } => {
            assert_eq!(
                (receipt.amount.to_string(), receipt.available.to_string()),
                ("5.00".into(), "995.00".into())
            );
        }
        other => panic!("no receipt: {other:?}"),
    }
    let again = session.bet(key, OPEN.id, 1, "5.00").await.expect("the receipt of the first time");
    assert_eq!((again.key, again.amount.to_string()), (key, "5.00".into()));
    let other = tests::player::refusal(session.bet(key, OPEN.id, 1, "6.00").await);
    assert_eq!(other, ErrorCode::KeyReused);
    let new = tests::player::refusal(session.bet(session.key(), OPEN.id, 1, "5.00").await);
    assert_eq!(new, ErrorCode::UnknownTable);
    let [balance] = &session.client.balances().await.expect("balances")[..] else {
        panic!("of one currency")
    };
    let found = (balance.currency.to_string(), balance.available.to_string(), balance.held.to_string());
    assert_eq!(found, ("EUR".into(), "1000.00".into(), "0.00".into()), "what is stranded is shown");
    hub.kill();
    let verify = hub.run(&["verify"]);
    let said = words(&verify);
    assert!(verify.status.success(), "{said}");
    assert!(said.contains("STRANDED") && said.contains("account(s) in EUR"), "{said}");
    assert!(words(&hub.run(&["check-config"])).contains("1 account(s) are in EUR, which is not configured"));
}

#[tokio::test]
async fn another_secret_than_the_logs_is_refused_by_its_name() {
    let (name, value) = SEED;
    let given = Setup::default().variable(name, value);
    let (mut hub, _, _) = played(given.clone()).await;
    let other = value.replace('5', "6");
    hub.configure(|_| given.clone().tables([OPEN]).variable(name, other));
    all_refuse(&hub, &["the seed secret from", name, "not the one that this log was written with"]);
    hub.configure(|_| given.clone().tables([OPEN]));
    hub.start();
}

#[tokio::test]
async fn another_issuer_than_the_logs_is_refused_and_both_are_named() {
    let (mut hub, account, _) = played(Setup::default().option("auth.issuer", "https://id.example")).await;
    hub.configure(|setup| setup.option("auth.issuer", "https://id.example/"));
    all_refuse(&hub, &["auth.issuer is \"https://id.example/\"", "and \"https://id.example\" in the log"]);
    hub.configure(|setup| setup.option("auth.issuer", "https://id.example"));
    hub.start();
    assert_eq!(account.connect(hub.address()).await.balance().await, (99_500, 500));
}

#[tokio::test]
async fn lost_development_secrets_are_told_and_a_copy_of_the_log_is_verified_without_them() {
    let (hub, _, _) = played(Setup::default()).await;
    let secrets = hub.data().join("development.secrets");
    let kept = std::fs::read(&secrets).expect("development makes them");
    std::fs::remove_file(&secrets).expect("it is there");
    assert!(hub.run(&["verify"]).status.success(), "nothing is held against secrets that nobody has given");
    let start = hub.run(&["serve", "--listen", "127.0.0.1:0"]);
    let said = words(&start);
    assert!(!start.status.success() && said.contains("the seed secret from"), "{said}");
    assert!(said.contains("development.secrets"), "{said}");
    std::fs::write(&secrets, kept).expect("a disk");
    assert!(hub.run(&["verify"]).status.success());
}

#[tokio::test]
async fn production_begins_no_log_by_itself_and_init_begins_it_once() {
    let mut hub = Setup::default()
        .variable(SEED.0, SEED.1)
        .variable("HUB__MODE", "production")
        .option("demo.enabled", false)
        .extra("[server]\nallowed_origins = [\"https://play.example.com\"]\n")
        .prepare();
    let start = hub.run(&["serve", "--listen", "127.0.0.1:0"]);
    let said = words(&start);
    assert!(!start.status.success(), "{said}");
    assert!(said.contains("there is no log in data") && said.contains("`hub init`"), "{said}");
    assert!(!hub.data().exists(), "refusing leaves nothing behind");

    let init = hub.run(&["init"]);
    assert!(init.status.success(), "{}", words(&init));
    let people = std::fs::read(hub.data().join("people.db")).expect("init makes the people store too");
    let again = hub.run(&["init"]);
    assert!(!again.status.success() && words(&again).contains("there is a log already"), "{}", words(&again));
    hub.start();
    hub.kill();
    assert_eq!(std::fs::read(hub.data().join("people.db")).expect("it stays"), people);
    assert!(hub.run(&["verify"]).status.success());
}
