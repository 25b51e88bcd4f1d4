//! A clock that is a year ahead of the log, or a year behind it: nothing is carried out too early, no time goes back, and the
//! start says what to do.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domains::{
    Command, Context, PaymentCause, What,
    acknowledged::Acknowledged,
    decide::{Deciding, Part},
    recipes::{AcknowledgeAlert, Debit, Deposit},
};
use engine::{Asked, Body, Content, Envelope, Principal, PrincipalKind, Record, Turn, Tx, TxId, World};
use journal::{Lsn, Options, Reader, SyncLog, file::Directory};
use ledger::{AccountId, AccountKind, Domain, Hold, HoldId, Move, Prover, Purpose, Rejection, Transfer};
use people::{Contents, Master, People, Person};
use protocol::{Currency, PlayerId, push::Event};
use tests::{
    hub::{PEOPLE_KEY, QUICK, Setup, TestHub},
    player::{Account, token},
};

const YEAR_MS: u64 = 365 * 24 * 60 * 60 * 1_000;
const SUBJECT: &str = "somebody";

fn now_ms() -> u64 {
    let since: Duration = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    since.as_millis() as u64
}

fn eur() -> Currency {
    "EUR".parse().expect("a currency")
}

/// Holds 100 of a player until a time.
struct HoldUntil(PlayerId, u64);

impl Command for HoldUntil {
    const DOMAIN: Domain = Domain::Balance;

    fn decide(&self, context: &Context<'_>, part: &mut Part<'_, '_>) -> Result<(), Rejection> {
        let credit = AccountId::house(AccountKind::Clearing(Domain::Collections), eur());
        let transfer = Transfer { debit: AccountId::cash(self.0, eur()), credit, amount: 100 };
        let hold = Hold::on(Purpose::Service, Prover::Domain(Domain::Balance), transfer);
        part.draft.add(Move::Hold(context.id, Hold { expires: Some(self.1), ..hold }.into()))
    }
}

/// A hub that was stopped at a time: a player has 10.00, and 1.00 of it is held until a second later. An operator has
/// acknowledged an alert, which a start reads before anything runs.
fn stopped_at(time: u64) -> (TestHub, Account) {
    let hub = Setup::default().tables([QUICK]).prepare();
    let storage = Directory::create(&hub.data()).expect("a directory");
    let player = enrolled(&hub);
    let mut log = SyncLog::open(storage, Options { segment_bytes: 1 << 20, nice: 0 }).expect("a log");
    let mut world = World::default();
    let deposit = Deposit { player, currency: eur(), amount: 1_000 };
    let deposit = Tx::new(TxId(1), player.into(), Some(Content(1)), deposit);
    let Turn::New(decided) = world.books.turn(Envelope::Run(deposit), time) else { panic!("a new key") };
    let deposited = decided.into_record();
    world.apply(&deposited).expect("it fits");

    let context = Context {
        now: time,
        id: HoldId(2),
        principal: Principal::HUB,
        view: world.books.domains(),
        shares: &[],
    };
    let mut deciding = Deciding::new(&context);
    deciding.ask(&HoldUntil(player, time + 1_000)).expect("there is enough");
    deciding.tell(player, eur(), What::Stake);
    // No recipe of this release makes such a hold: the start asks only what a record does.
    let intent = Debit { player, currency: eur(), amount: 100, cause: PaymentCause::default() }.into();
    let asked = Asked { id: TxId(2), principal: Principal::HUB, key: None, intent };
    let (held, _) = world.books.commit(asked, deciding.finish(), None).expect("nothing is wrong with it");
    let held = Record { time, body: Body::Committed(held) };
    world.apply(&held).expect("it fits");
    let known = Acknowledged { began: time, critical: false };
    let intent = AcknowledgeAlert { alert: "health".parse().expect("a name"), known };
    let operator = Principal::named(PrincipalKind::Operator, "", "olga");
    let acknowledge = Tx::new(TxId(3), operator, Some(Content(3)), intent);
    let Turn::New(decided) = world.books.turn(Envelope::Run(acknowledge), time) else { panic!("a new key") };
    for record in [deposited, held, decided.into_record()] {
        log.append(&record.encode());
    }
    log.sync().expect("a disk");
    log.close().expect("a disk");
    let account = Account { token: token(SUBJECT), player, deposited: 1_000 };
    (hub, account)
}

/// A person whom the hub knows.
pub fn enrolled(hub: &TestHub) -> PlayerId {
    let [player] = enrolled_as(hub, [SUBJECT]);
    player
}

/// People whom the hub knows by these subjects.
pub fn enrolled_as<const N: usize>(hub: &TestHub, subjects: [&str; N]) -> [PlayerId; N] {
    let made = Contents::create(&hub.data(), &Master::new(PEOPLE_KEY.as_bytes())).expect("a disk");
    let people = People::open(made).expect("a disk");
    subjects.map(|subject| {
        let (sender, player) = std::sync::mpsc::channel();
        let person = Person::new("hub".into(), subject).expect("a short name");
        people.enrol(person, move |player| sender.send(player).expect("the test waits"));
        player.recv().expect("an answer").expect("a disk")
    })
}

/// Plays a round with a bet, which is longer than several looks for what is due.
async fn play(hub: &TestHub, account: &Account) -> (i128, i128) {
    let mut session = account.connect(hub.address()).await;
    let round = session.open_round(QUICK.id).await;
    session.bet(session.key(), QUICK.id, round, "1.00").await.expect("a good bet");
    let settled = session.hear("the end of the round", |_, event| match event {
        Event::RoundResult { round: ended, .. } if *ended == round => Some(()),
        _ => None,
    });
    settled.await;
    session.balance().await
}

/// The times of the log's records.
fn times(hub: &TestHub) -> Vec<u64> {
    let mut reader = Reader::open(&hub.data(), Lsn(0)).expect("a log");
    let mut times = Vec::new();
    while let Some(entry) = reader.next(Lsn::MAX).expect("a sound log") {
        times.push(Record::decode(entry.bytes).expect("a record").time);
    }
    times
}

#[tokio::test]
async fn a_clock_a_year_ahead_carries_nothing_out_before_it_is_accepted_also_after_a_crash() {
    let (mut hub, account) = stopped_at(now_ms() - YEAR_MS);
    hub.start();
    let line = hub.logged("the clock is more than a day ahead of the log's last record").await;
    assert!(line.contains("hub serve --accept-clock") && line.contains("last_record_ms"), "{line}");
    assert_eq!(play(&hub, &account).await.1, 100, "what is due is not carried out, and bets are");

    hub.crash();
    let line = hub.logged("an earlier start doubted the clock").await;
    assert!(line.contains("hub serve --accept-clock"), "{line}");
    assert_eq!(play(&hub, &account).await.1, 100, "the log now has the time of that clock");

    hub.kill();
    hub.serve_with(&["--accept-clock"]);
    hub.start();
    let session = account.connect(hub.address()).await;
    let returned = async || (session.balance().await.1 == 0).then_some(());
    tests::until("the end of the hold", returned).await;

    hub.kill();
    hub.serve_with(&[]);
    hub.start();
    hub.kill();
    let doubts = hub.times_logged("what is due is not carried out");
    assert_eq!(doubts, 2, "a clock that was accepted is not doubted again");
}

#[tokio::test]
async fn a_clock_a_year_behind_goes_on_from_the_logs_time_and_says_so() {
    let last = now_ms() + YEAR_MS;
    let (mut hub, account) = stopped_at(last);
    hub.expect_errors();
    hub.start();
    let line = hub.logged("the log's last record is far in the future").await;
    assert!(line.contains("the hub goes on from the time of that record, not of the clock"), "{line}");
    assert!(line.contains("set the clock"), "{line}");
    play(&hub, &account).await;
    hub.kill();
    let times = times(&hub);
    assert!(times.len() > 4 && times.is_sorted(), "{times:?}");
    assert!(times[2..].iter().all(|time| (last..last + 60_000).contains(time)), "{times:?}");
    assert!(times.last() > Some(&last), "the time goes on from there: {times:?}");
}
