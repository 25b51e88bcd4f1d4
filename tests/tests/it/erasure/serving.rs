//! Erasing a person while the hub serves: the sessions are closed, nothing of the player comes behind the record, play of others
//! goes on, and a kill at any step is carried on by the next start.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
};

use hub_client::Error;
use protocol::CloseCode;
use tests::{hub::QUICK, player::Session, soon};
use tokio::task::JoinHandle;

use super::*;

/// Between two bets of one player.
const PACE: Duration = Duration::from_millis(5);

/// Bets and takes back, again and again, until it is told to stop; it counts, and each must be accepted.
struct Play {
    stop: Arc<AtomicBool>,
    bets: Arc<AtomicU32>,
    task: JoinHandle<Session>,
}

impl Play {
    async fn begin(hub: &TestHub) -> Self {
        let account = Account::sign_in(hub.address(), "bert").await;
        let mut session = account.connect(hub.address()).await;
        let round = session.open_round(OPEN.id).await;
        let (stop, bets) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let (told, counted) = (stop.clone(), bets.clone());
        let task = tokio::spawn(async move {
            let table = OPEN.id.parse().expect("a table id");
            while !told.load(Relaxed) {
                let bet = session.bet(session.key(), OPEN.id, round, "1.00").await;
                bet.expect("a good bet");
                let cleared = session.client.clear_bets(session.key(), table, round).await;
                cleared.expect("the bet is taken back");
                counted.fetch_add(1, Relaxed);
                while session.try_push().is_some() {}
                // What is taken back has a budget.
                tokio::time::sleep(PACE).await;
            }
            session
        });
        let play = Self { stop, bets, task };
        play.goes_on("play").await;
        play
    }

    /// Two more bets are accepted: at least one of them was asked for from now on.
    async fn goes_on(&self, what: &str) {
        let before = self.bets.load(Relaxed);
        until(what, async || (self.bets.load(Relaxed) >= before + 2).then_some(())).await;
    }

    async fn end(self) {
        self.stop.store(true, Relaxed);
        soon("the end of play", self.task).await.expect("every bet was accepted");
    }
}

/// What a `hello` is refused with, and how the connection is closed.
async fn refused_hello(hub: &TestHub, token: &str) -> (u64, u16) {
    let mut socket = RawSocket::open(hub.address(), protocol::SUBPROTOCOL_JSON).await.expect("a handshake");
    let refusal = socket.ask(json!({"t": "hello", "token": token})).await;
    assert!(!Needle::of(NAME).is_in(refusal.to_string().as_bytes()), "{refusal}");
    (refusal["code"].as_u64().unwrap_or_else(|| panic!("no refusal: {refusal}")), socket.close_code().await)
}

/// A command about a person that runs beside the test.
async fn done_aside(hub: TestHub, arguments: Vec<String>) -> (TestHub, String) {
    let work = move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let told = hub.done(&arguments);
        (hub, told)
    };
    tokio::task::spawn_blocking(work).await.expect("the command succeeds")
}

/// No line of the hub's log and no file has the name.
fn is_nowhere(hub: &TestHub, what: &str) {
    let needle = Needle::of(NAME);
    let log = hub.whole_log();
    let told: Vec<&str> = log.lines().filter(|line| needle.is_in(line.as_bytes())).collect();
    assert!(told.is_empty(), "{what}: the log has the name: {told:?}");
    let found = needle.files_with_it(&hub.data());
    assert!(found.is_empty(), "{what}: {found:?}");
}

#[tokio::test]
async fn a_serving_hub_erases_a_player_and_play_of_others_goes_on() {
    let mut hub = Setup::default().option("telemetry.log", "trace").tables([OPEN, QUICK]).start();
    let account = Account::sign_in(hub.address(), NAME).await;
    let by_id = account.player.to_string();
    let erase = ["person", "erase", "--id", &by_id];

    // While anything is open it is refused, and nobody is sent away for it.
    let mut session = account.connect(hub.address()).await;
    let round = session.open_round(OPEN.id).await;
    refused(&hub, &erase, "cannot be erased: there is a balance of ");
    session.bet(session.key(), OPEN.id, round, "1.00").await.expect("a good bet");
    refused(&hub, &erase, "cannot be erased: there is a balance of ");
    let table = OPEN.id.parse().expect("a table id");
    session.client.clear_bets(session.key(), table, round).await.expect("the session is there");
    assert_eq!(recorded(&hub), []);
    drop(session);
    hub.kill();
    paid_out(&hub, account.player);
    hub.start();

    let play = Play::begin(&hub).await;
    let mut seated = account.connect(hub.address()).await;
    let round = seated.open_round(OPEN.id).await;
    let mut second = account.connect(hub.address()).await;
    // Bets that nobody can pay, until the connection ends: some are in the queue when the record comes.
    let asking = tokio::spawn(async move {
        let mut refused = 0;
        loop {
            match second.bet(second.key(), OPEN.id, round, "1.00").await {
                Ok(receipt) => panic!("without any money: {receipt:?}"),
                Err(Error::Refused(_)) => refused += 1,
                Err(_) => return (refused, second.close_code().await),
            }
            while second.try_push().is_some() {}
            tokio::time::sleep(PACE).await;
        }
    });
    let (back, told) = done_aside(hub, erase.map(str::to_owned).into()).await;
    hub = back;
    assert!(told.starts_with("closing the sessions of the player\n"), "{told}");
    assert!(told.contains(&format!("erased      {by_id}   recorded as record ")), "{told}");
    let closed = Some(CloseCode::TokenInvalid.number());
    assert_eq!(seated.close_code().await, closed);
    let (refused_bets, code) = asking.await.expect("no bet was accepted");
    assert!(refused_bets > 0 && code == closed, "{refused_bets} {code:?}");
    play.goes_on("play behind the erasure").await;
    hub.logged("a player was erased").await;
    is_nowhere(&hub, "while it serves");
    assert_eq!(recorded(&hub), [(account.player, false)]);

    // The person comes back with the same token, as somebody new without anything.
    let again = account.connect(hub.address()).await;
    let new = again.client.welcome().player;
    assert_ne!(new, account.player);
    assert!(again.client.balances().await.expect("an answer").is_empty());
    let said = hub.done(&erase);
    assert!(said.contains("before; nothing was left of the person"), "{said}");
    refused(&hub, &["person", "find", "--id", &by_id], "was erased");
    let later = [&erase[..], &["--excluded"]].concat();
    refused(
        &hub,
        &later,
        "was erased before, and without --excluded: nothing says any more who the person was",
    );
    refused(&hub, &["person", "erase", "--subject", "nobody"], "nobody has this name or id here");
    refused(&hub, &["person", "erase", "--id", &"0".repeat(32)], "nobody has this name or id here");
    assert!(again.client.balances().await.expect("the new player's session stays").is_empty());
    play.end().await;
    hub.kill();
    is_forgotten(&hub, account.player, "after the kill");
    hub.start();
    assert_eq!(account.connect(hub.address()).await.client.welcome().player, new);
    hub.kill();
    assert_eq!(recorded(&hub), [(account.player, false)], "it is recorded once");
    assert_eq!(hub.times_logged("is erased again"), 0, "nothing was left to do");
    is_nowhere(&hub, "at the end");
}

#[tokio::test]
async fn who_is_excluded_by_a_serving_hub_is_refused_from_then_on() {
    let mut hub = Setup::default().tables([OPEN]).start();
    let player = id_of(&hub, NAME).await;
    let by_name = ["person", "erase", "--subject", NAME, "--excluded"];
    let told = hub.done(&by_name);
    assert!(told.contains("who comes back under the same name is refused"), "{told}");
    let refusal = (ErrorCode::Forbidden.number().into(), CloseCode::TokenInvalid.number());
    assert_eq!(refused_hello(&hub, &token(NAME)).await, refusal, "at once");
    refused(&hub, &by_name, "the person with this name was excluded and erased");
    let by_id = player.to_string();
    let said = hub.done(&["person", "erase", "--id", &by_id, "--excluded"]);
    assert!(said.contains("before; nothing was left of the person"), "{said}");
    hub.crash();
    assert_eq!(refused_hello(&hub, &token(NAME)).await, refusal, "after a kill");
    id_of(&hub, "carl").await;
    hub.kill();
    assert_eq!(recorded(&hub), [(player, true)]);
    is_forgotten(&hub, player, "after the exclusion");
}

/// The command, and its words so far once it has said one with this text.
async fn begun(hub: &TestHub, arguments: &[&str], says: &'static str) -> Child {
    let mut command = hub.command(arguments);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a process");
    let mut words = BufReader::new(child.stdout.take().expect("it is piped"));
    let heard = move || {
        let mut line = String::new();
        while words.read_line(&mut line).expect("a pipe") > 0 {
            if line.contains(says) {
                return true;
            }
            line.clear();
        }
        false
    };
    let heard = tokio::task::spawn_blocking(heard);
    assert!(soon(says, heard).await.expect("no panic"), "the command has ended without {says:?}");
    child
}

#[tokio::test]
async fn a_hub_that_is_killed_at_each_step_of_an_erasure_has_not_begun_it_or_finishes_it_at_its_next_start() {
    let mut hub = Setup::default().tables([OPEN]).start();
    let kills = [
        ("before the record", Held::Unread, false, (false, false, false)),
        ("behind the record", Held::KeyFile, false, (true, false, false)),
        ("behind the new key file", Held::Commit, false, (true, true, false)),
        ("behind the record, before the exclusion", Held::Commit, true, (true, false, false)),
        ("behind the exclusion", Held::KeyFile, true, (true, false, false)),
    ];
    for (what, held, excluded, expected) in kills {
        let name = format!("{NAME} {what}");
        let player = id_of(&hub, &name).await;
        let play = Play::begin(&hub).await;
        let id = player.to_string();
        let keys = fs::read(hub.data().join("people.keys")).expect("a file");
        let obstacle = held.put(&hub);
        let flags: &[&str] = if excluded { &["--excluded"] } else { &[] };
        let arguments = [&["person", "erase", "--id", &id][..], flags].concat();
        // The steps before the record are known by what the command says, the others by the files.
        let says = if expected.0 { "closing the sessions" } else { "is in use by another process" };
        let mut command = begun(&hub, &arguments, says).await;
        if expected.0 {
            let is_there = async || {
                let is_recorded = || recorded(&hub).iter().any(|(erased, _)| *erased == player);
                let has_new_keys = || fs::read(hub.data().join("people.keys")).expect("a file") != keys;
                (is_recorded() && (!expected.1 || has_new_keys())).then_some(())
            };
            until(what, is_there).await;
            let closed = refused_hello(&hub, &token(&name)).await;
            assert_eq!(
                closed,
                (ErrorCode::Busy.number().into(), CloseCode::Busy.number()),
                "{what}: shut out"
            );
        }
        play.goes_on("play beside the erasure").await;
        play.end().await;
        let ended = command.try_wait().expect("a child of ours");
        assert_eq!(ended, None, "{what}: it waits behind this step");
        hub.kill();
        let ended = command.wait().expect("a child of ours");
        assert!(!ended.success(), "{what}: the hub gave no answer");
        drop(obstacle);
        held.crashed(&hub);
        assert_eq!(done_so_far(&hub, player, &keys), expected, "{what}");

        is_finished(&mut hub, player, &name, (expected.0, excluded), what);
        if expected.0 {
            is_nowhere(&hub, what);
        }
        if excluded {
            let words = "the person with this name was excluded and erased";
            refused(&hub, &["person", "erase", "--subject", &name], words);
        }
        hub.start();
    }
}

#[tokio::test]
async fn a_people_store_that_fails_behind_the_record_is_told_and_the_next_start_finishes() {
    let mut hub = Setup::default().tables([OPEN]).start();
    hub.expect_errors();
    let player = id_of(&hub, NAME).await;
    let by_id = player.to_string();
    let erase = ["person", "erase", "--id", &by_id];
    // No new key file can be made.
    let partial = hub.data().join("people.keys.partial");
    fs::create_dir(&partial).expect("a disk");
    refused(
        &hub,
        &erase,
        "is recorded as erased and cannot sign in any more, and the people store still has the person",
    );
    hub.logged("a player is recorded as erased, and the people store still has the person").await;
    assert_eq!(recorded(&hub), [(player, false)]);
    let busy = (ErrorCode::Busy.number().into(), CloseCode::Busy.number());
    assert_eq!(refused_hello(&hub, &token(NAME)).await, busy, "nobody comes in under this id");
    refused(&hub, &erase, "the people store cannot be used");
    fs::remove_dir(&partial).expect("a disk");
    hub.crash();
    assert_ne!(id_of(&hub, NAME).await, player);
    hub.kill();
    assert_eq!(recorded(&hub), [(player, false)], "it is recorded once");
    is_forgotten(&hub, player, "after the next start");
}
