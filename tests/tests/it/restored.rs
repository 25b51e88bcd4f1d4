//! A restored backup: what came after it is lost, and nobody goes on from there as if it were not.

use std::fs;

use protocol::reply::Subscribed;
use tests::{
    files::put_copy,
    hub::{OPEN, Setup, TestHub, words},
    player::Account,
};

/// What `hub verify` prints behind a word at the beginning of a line.
fn verified(hub: &TestHub, word: &str) -> Vec<String> {
    let output = hub.run(&["verify"]);
    let said = words(&output);
    assert!(output.status.success() && said.contains("Everything agrees"), "{said}");
    said.lines().filter_map(|line| Some(line.strip_prefix(word)?.trim().to_owned())).collect()
}

/// Bets so many times, and returns what the player's own channel has reached.
async fn play(hub: &TestHub, account: &Account, bets: u32) -> Subscribed {
    let mut session = account.connect(hub.address()).await;
    let round = session.open_round(OPEN.id).await;
    for _ in 0..bets {
        session.bet(session.key(), OPEN.id, round, "1.00").await.expect("a good bet");
    }
    account.connect(hub.address()).await.client.welcome().personal.clone()
}

/// The answer to a client that comes back with the position of a subscription.
async fn come_back(hub: &TestHub, account: &Account, at: &Subscribed) -> Subscribed {
    let since = protocol::request::Since {
        ch: at.ch.clone(),
        e: protocol::Text::new(&at.e).expect("the hub's epochs fit"),
        o: protocol::U53::new(at.o).expect("the hub's offsets fit"),
    };
    let session = account.try_connect(hub.address(), vec![since]).await.expect("a session");
    session.client.welcome().personal.clone()
}

#[tokio::test]
async fn a_restored_backup_begins_a_new_lineage_and_refuses_what_is_kept_of_the_lost_future() {
    let mut hub = Setup::default().tables([OPEN]).start();
    let account = Account::sign_in(hub.address(), "keeper").await;
    let before = play(&hub, &account, 2).await;
    hub.kill();
    let (backup, data) = (hub.data().with_file_name("backup"), hub.data());
    let (kept, first) = (verified(&hub, "head").remove(0), verified(&hub, "lineage"));
    put_copy(&data, &backup);

    hub.start();
    let lost = play(&hub, &account, 4).await;
    assert_eq!((&lost.e, lost.o > before.o), (&before.e, true), "a restart is no fork");
    assert!(come_back(&hub, &account, &lost).await.recovered);
    hub.terminate();
    assert!(hub.ended().await.success());
    let (lost_head, lost_note) =
        (verified(&hub, "head").remove(0), fs::read(data.join("head")).expect("it is noted"));
    let lost_store = hub.data().with_file_name("lost-store");
    put_copy(&data.join("store"), &lost_store);

    // Nothing in a whole copy tells that it is one: without the command, a client would go on from another history.
    put_copy(&backup, &data);
    hub.start();
    assert_eq!(play(&hub, &account, 4).await.o, lost.o);
    assert!(come_back(&hub, &account, &lost).await.recovered, "which is wrong");
    hub.kill();

    // A copy that does not fit what is beside it is refused, with what to do.
    for of_store in [false, true] {
        put_copy(&backup, &data);
        match of_store {
            true => put_copy(&lost_store, &data.join("store")),
            false => fs::write(data.join("head"), &lost_note).expect("a disk"),
        }
        for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["verify"], &["verify", "--tail"]] {
            let refused = hub.run(command);
            let said = words(&refused);
            assert_eq!(refused.status.code(), Some(1), "{said}");
            let told = said.contains("looks like a restored backup") && said.contains("`hub restored`");
            assert!(told, "{said}");
        }
    }

    let restored = hub.run(&["restored"]);
    let said = words(&restored);
    assert!(restored.status.success() && said.contains(&format!("at {kept}")), "{said}");
    assert!(said.contains("removed     the state store, which is of the lost future"), "{said}");
    hub.start();
    let locked = hub.run(&["restored"]);
    assert!(words(&locked).contains("is locked by"), "not beside a serving hub: {}", words(&locked));
    let now = play(&hub, &account, 4).await;
    assert_eq!(now.o, lost.o, "the same number of another epoch");
    assert_ne!(now.e, lost.e);
    for at in [&before, &lost] {
        let back = come_back(&hub, &account, at).await;
        assert_eq!(
            (back.recovered, &back.e, back.pubs.len()),
            (false, &now.e, 0),
            "they load the state anew"
        );
    }
    assert!(come_back(&hub, &account, &now).await.recovered);
    hub.terminate();
    assert!(hub.ended().await.success());

    let (lineages, last) = (verified(&hub, "lineage"), verified(&hub, "head").remove(0));
    assert_eq!((lineages.len(), &lineages[0]), (2, &first[0]));
    assert!(lineages[1].ends_with(&format!("that ended with {kept}")), "{lineages:?}");
    let (lsn, _) = kept.split_once(':').expect("a record and its hash");
    for expected in [&kept, &last] {
        assert!(hub.run(&["verify", "--expect", expected]).status.success(), "{expected}");
    }
    for command in [&["verify"][..], &["verify", "--tail"], &["serve", "--listen", "127.0.0.1:0"]] {
        let refused = hub.run(&[command, &["--expect", &lost_head]].concat());
        let said = words(&refused);
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("restored at record {lsn}, where it abandoned lineage")), "{said}");
    }
    fs::write(data.join("head"), &lost_note).expect("a disk");
    let refused = words(&hub.run(&["serve", "--listen", "127.0.0.1:0"]));
    assert!(refused.contains(&format!("which this log abandoned at record {lsn}")), "{refused}");
}

#[tokio::test]
async fn without_a_log_there_is_nothing_that_was_restored() {
    let hub = Setup::default().prepare();
    let refused = hub.run(&["restored"]);
    assert_eq!(refused.status.code(), Some(1), "{}", words(&refused));
    assert!(words(&refused).contains("there is no log in data"), "{}", words(&refused));
    assert!(!hub.data().exists() || hub.segments().is_empty(), "none was begun");
}
