//! The hub on a disk that loses what was not synced: killed at random moments, with errors injected, and after most kills
//! the power has failed too. Nothing acknowledged is lost, nothing is done twice.
//!
//! `HUB_LOSSY_RUNS` sets how often (12), `HUB_LOSSY_SEED` repeats the moments, bets, errors and losses of a run.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use fastrand::Rng;
use hub_client::{Client, Error, Options};
use protocol::PlayerId;
use tests::{
    bettor::{Bettor, Stage},
    fate::{Answers, Standing},
    hub::{QUICK, Setup, Table, TestHub},
    player::token,
    power::{Counts, Dropped, Faults, Loss, LossyDisk},
    soon,
};
use tokio::{sync::watch, time::timeout};

const PLAYERS: usize = 4;
const TABLES: [Table; 2] = [QUICK, Table { id: "brisk", betting_ms: 900, locked_ms: 120, pause_ms: 20 }];

/// Longest life of a hub that gets errors: it may refuse everything.
const LIFE: Duration = Duration::from_secs(4);

/// A whole number of the environment.
fn asked(name: &str, default: impl FnOnce() -> u64) -> u64 {
    std::env::var(name).map_or_else(|_| default(), |text| text.parse().expect("a whole number"))
}

/// What was counted over all runs.
#[derive(Debug, Default)]
struct Tally {
    kills: u64,
    power_failures: u64,
    failed_starts: u64,
    ended_by_themselves: u64,
    dropped: Dropped,
    standing: Standing,
}

/// The errors of a run: none, a full disk, or a disk that fails. Most writes are whole, and most calls not interrupted.
fn faults(random: &mut Rng) -> Faults {
    let common = Faults { short: 200, eintr: 200, ..Faults::default() };
    match random.u8(..4) {
        0 => Faults::default(),
        1 => common,
        2 => Faults { enospc: 1_500, ..common },
        _ => Faults { eio: [20, 150][random.usize(..2)], ..common },
    }
}

/// The player id of somebody; `None` when the hub has died, or cannot enrol anybody now.
async fn id_of(address: SocketAddr, name: &str) -> Option<PlayerId> {
    let (url, token) = (format!("ws://{address}/ws"), token(name));
    let (client, _) = timeout(LIFE, Client::connect(&url, &token, Options::default())).await.ok()?.ok()?;
    Some(client.welcome().player)
}

/// A hub on its disk, with what is known of both.
struct Stand {
    hub: TestHub,
    disk: LossyDisk,
    random: Rng,
    tally: Tally,
    /// Answers that were looked at after a start.
    checked: usize,
    /// Who has got a player id, and which.
    people: Vec<(String, PlayerId)>,
}

impl Stand {
    fn new(random: Rng) -> Stand {
        let mut hub = Setup::default().tables(TABLES).deposit("100000.00").prepare();
        // Errors are what it gets; that there is no panic is checked here.
        hub.expect_errors();
        let disk = LossyDisk::under(hub.data().parent().expect("the test's own directory"));
        let (tally, people) = (Tally::default(), Vec::new());
        Stand { hub, disk, random, tally, checked: 0, people }
    }

    /// Starts the process with other errors than before.
    fn spawn(&mut self, faults: Faults) {
        let seed = self.random.u64(..);
        self.hub.configure(|setup| self.disk.beneath(setup, faults, seed));
        self.hub.spawn();
    }

    /// Checks that there was a reason for the end of a process that nobody has killed.
    fn may_have_ended(&self, before: Counts, starting: bool) {
        let now = self.disk.counts();
        let full = now.enospc > before.enospc && starting;
        assert!(now.eio > before.eio || full, "it has ended without a reason: {now:?}\n{}", self.hub.tail());
    }

    /// Kills the hub, and most times lets the power fail.
    fn kill(&mut self) {
        self.hub.kill();
        self.tally.kills += 1;
        let loss = match self.random.u8(..6) {
            0 => return,
            1 | 2 => Loss::All,
            _ => Loss::Part,
        };
        let Dropped { bytes, lengths, names } = self.disk.fail(loss, &mut self.random);
        let dropped = &mut self.tally.dropped;
        (dropped.bytes, dropped.lengths) = (dropped.bytes + bytes, dropped.lengths + lengths);
        dropped.names += names;
        self.tally.power_failures += 1;
    }

    /// Asks a hub that was started for what it has answered before. An error: it has died again.
    async fn check(&mut self, address: SocketAddr, answers: &Answers) -> Result<(), Error> {
        let now = answers.count();
        let asking = answers.still_stand(address, self.checked, &mut self.random);
        let Standing { asked, lost, doubled } = asking.await?;
        let all = &mut self.tally.standing;
        (all.asked, all.lost, all.doubled) = (all.asked + asked, all.lost + lost, all.doubled + doubled);
        assert!(all.lost == 0 && all.doubled == 0, "acknowledged and not there: {:#?}", self.tally);
        self.checked = now;
        for (name, player) in self.people.iter().rev().take(3) {
            if let Some(again) = id_of(address, name).await {
                assert_eq!(again, *player, "{name} was somebody else before");
            }
        }
        Ok(())
    }

    /// Lets somebody new come.
    async fn meet(&mut self, address: SocketAddr) {
        let name = format!("newcomer{}", self.random.u64(..));
        self.people.extend(id_of(address, &name).await.map(|player| (name, player)));
    }

    /// Proves the log of a stopped hub, without the layer.
    fn verify(&mut self) -> tests::verify::Totals {
        self.hub.configure(|setup| setup.variable("LD_PRELOAD", ""));
        self.hub.verify()
    }
}

#[tokio::test]
async fn a_hub_on_a_disk_that_loses_what_was_not_synced_and_fails_loses_no_bet_and_doubles_none() {
    let (runs, seed) = (asked("HUB_LOSSY_RUNS", || 12), asked("HUB_LOSSY_SEED", || fastrand::u64(..)));
    println!("HUB_LOSSY_SEED={seed} HUB_LOSSY_RUNS={runs}");
    let mut random = Rng::with_seed(seed);
    let mut stand = Stand::new(random.fork());
    stand.spawn(Faults::default());
    let address = stand.hub.serving();
    let mut players = Vec::new();
    for number in 0..PLAYERS {
        let (name, tables) = (format!("bettor{number}"), TABLES.map(|table| table.id));
        players.push(Bettor::sign_in(address, &name, &tables, random.fork()).await);
    }
    let (place, over) = (watch::Sender::new(Some(address)), watch::Sender::new(false));
    let answers = Answers::default();
    let mut accepted = answers.accepted();
    let stage = || Stage { hub: place.subscribe(), over: over.subscribe(), answers: answers.clone() };
    let playing: Vec<_> = players.into_iter().map(|player| tokio::spawn(player.play(stage()))).collect();

    for run in 1..=runs {
        let before = stand.disk.counts();
        if run > 1 {
            let faults = faults(&mut random);
            stand.spawn(faults);
        }
        if run > 1 && random.u64(..5) == 0 {
            // In the middle of a start: recovery must survive its own crash.
            tokio::time::sleep(Duration::from_micros(random.u64(..150_000))).await;
        } else if let Ok(address) = stand.hub.serving_or_ended() {
            if stand.check(address, &answers).await.is_ok() {
                place.send_replace(Some(address));
                stand.meet(address).await;
                // Some live long enough for commits of the state store and new segments.
                let many = run > 1 && random.u64(..6) == 0;
                let goal = *accepted.borrow() + if many { 2_000 } else { 1 + random.u64(..200) };
                let reached = accepted.wait_for(|count| *count >= goal);
                if run == 1 {
                    soon("bets of the first life, which has no errors", reached).await.expect("we hold it");
                } else {
                    // What it gets may keep it from taking any.
                    let _ = timeout(LIFE, reached).await;
                }
                let later = if random.u64(..3) == 0 { 600_000 } else { 5_000 };
                tokio::time::sleep(Duration::from_micros(random.u64(..later))).await;
            }
            if stand.hub.has_ended().is_some() {
                stand.may_have_ended(before, false);
                stand.tally.ended_by_themselves += 1;
            }
        } else {
            stand.may_have_ended(before, true);
            stand.tally.failed_starts += 1;
        }
        place.send_replace(None);
        stand.kill();
        if run <= 30 || run % 10 == 0 {
            let totals = stand.verify();
            assert!(totals.records >= answers.last(), "run {run}: the log has lost records: {totals:?}");
        }
    }

    stand.spawn(Faults::default());
    let address = stand.hub.serving();
    stand.check(address, &answers).await.expect("it serves");
    over.send_replace(true);
    place.send_replace(Some(address));
    let (mut lsns, mut count, mut refused, mut money) = (BTreeSet::new(), 0, 0, 0);
    for player in playing {
        let mut player = player.await.expect("the player did not fail");
        let audit = player.audit(address).await;
        (count, refused) = (count + audit.accepted, refused + audit.refused);
        money += audit.available;
        lsns.extend(player.lsns());
    }
    assert_eq!(lsns.len() as u64, count, "each receipt has a place in the log of its own");
    stand.hub.kill();
    let totals = stand.verify();
    let people = stand.people.len();
    let cash = totals.of("balance", "cash");
    assert_eq!((cash.posted, cash.held), (money, 0), "hub verify and the players count the same money");
    assert_eq!(totals.keys, count + refused + PLAYERS as u64, "one key for each change and each deposit");
    assert_eq!(stand.hub.times_logged("panicked at"), 0, "an error of the disk is no panic");
    let (counts, tally) = (stand.disk.counts(), &stand.tally);
    let proves = counts.syncs > 0 && tally.power_failures > 0 && tally.dropped.bytes > 0;
    assert!(proves || runs < 10, "nothing was lost that could have been: {counts:?} {tally:?}");
    println!(
        "{} kills, {} power failures, {} starts that failed, {} processes that ended by themselves\n\
         {counts:?}\n{:?}\n{people} people enrolled, {count} bets acknowledged, {refused} refused; {} answers looked at after a start: lost {}, doubled {}",
        tally.kills,
        tally.power_failures,
        tally.failed_starts,
        tally.ended_by_themselves,
        tally.dropped,
        tally.standing.asked,
        tally.standing.lost,
        tally.standing.doubled,
    );
}
