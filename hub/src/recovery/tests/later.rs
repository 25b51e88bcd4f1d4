//! Records of a later release: the start and `hub verify` refuse them, and say what, where, and what to do.

use domains::{
    Context, Fields, Recipe, RowImage,
    decide::{Deciding, RefusedBy},
    freeze::{Freeze, FreezeReason},
    recipe::Known,
    recipes::{Deposit, FreezePlayer},
    rows::RowKey,
};
use engine::{
    Body, Committed, Content, DecodeError, Envelope, Fact, Feature, Formats, NamedFeature, Principal, Record,
    Tx, TxId, World,
};
use journal::{Files, memory::Memory, storage::Storage};
use ledger::{
    Domain,
    codec::{Decoder, Encoder},
};
use protocol::PlayerId;

use super::{Expectations, deposit, open, start, store_of, tail, verify_full, verify_tail};

/// What an operator can do about a record of a later release.
const ADVICE: &str = "a later release wrote it. Go on with that release or a later one, on the same directory \
                      (docs/operating.md, \"Upgrade and rollback\")";

/// `DEPOSIT` in a revision that this release does not have.
#[derive(Debug)]
struct LaterDeposit;

impl Recipe for LaterDeposit {
    const KIND: u16 = domains::recipes::Deposit::KIND;
    const REVISION: u16 = 2;
    const NAME: &'static str = "DEPOSIT";
    const DOMAINS: &'static [Domain] = &[];

    fn encode(&self, _: &mut Encoder) {}

    fn decode(_: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self)
    }

    fn fields(&self) -> Fields {
        Fields::new()
    }

    fn decide(&self, _: &Context<'_>, _: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        Ok(())
    }
}

const LATER_DEPOSIT: Feature = Feature::Recipe { kind: LaterDeposit::KIND, revision: LaterDeposit::REVISION };

/// What a later release reads.
const LATER: Formats = Formats {
    recipes: &[Known::of::<Deposit>(), Known::of::<FreezePlayer>(), Known::of::<LaterDeposit>()],
    ..Formats::STANDARD
};

fn first_use(feature: Feature, name: &str) -> Vec<u8> {
    Record { time: 9, body: Body::Fact(Fact::Upgrade(NamedFeature::new(feature, name))) }.encode()
}

fn freeze() -> FreezePlayer {
    FreezePlayer { player: PlayerId(7), freeze: Freeze { reason: FreezeReason::Operator, until: None } }
}

fn bytes(intent: impl Into<domains::Intent>, rows: Vec<RowImage>) -> Vec<u8> {
    let committed = Committed {
        id: TxId(9),
        principal: Principal::from(PlayerId(7)),
        key: Some(Content(9)),
        intent: intent.into(),
        legs: Vec::new(),
        rows,
        notices: Vec::new(),
        table: None,
    };
    Record { time: 9, body: Body::Committed(committed) }.encode()
}

fn row(kind: u16) -> RowImage {
    RowImage {
        key: RowKey::new(kind, b"somebody").expect("a short key"),
        value: Some([1, 0].as_slice().into()),
    }
}

/// A log of two deposits and these records.
fn log_with(records: &[&[u8]]) -> Memory {
    let memory = Memory::new(3);
    let (mut log, mut world): (_, World) = open(&memory).expect("a new log");
    deposit(&mut log, &mut world, 1);
    deposit(&mut log, &mut world, 2);
    for record in records {
        log.append(record);
    }
    log.sync().expect("a disk");
    log.close().expect("a disk");
    memory
}

/// The refusals of the start and of `hub verify --tail`.
fn refusals(memory: &Memory) -> [String; 2] {
    [start(&memory.copy()), verify_tail(memory)].map(|end| end.expect_err("it is refused"))
}

#[test]
fn a_record_that_this_release_cannot_read_is_refused_with_its_place_and_what_to_do() {
    let sound = bytes(freeze(), vec![row(1)]);
    start(&log_with(&[&sound])).expect("the record is one of this release but for the fault");
    let mut of_version_4 = sound;
    assert_eq!(std::mem::replace(&mut of_version_4[0], 4), 3, "the version of this release");
    // A release that records no first use of what it adds, and one that does: the effects of a recipe that is not known are
    // applied again, and `hub verify` says what it could not decide.
    let (row_of_later, later) = (bytes(freeze(), vec![row(60_000)]), bytes(LaterDeposit, vec![row(1)]));
    let upgrade = first_use(LATER_DEPOSIT, "DEPOSIT");
    let cases: [(_, &[&[u8]], _); 4] = [
        ("a row of kind 60000 is not known to this release", &[&row_of_later], true),
        ("recipe 1 in revision 2 is not known to this release", &[&later], true),
        ("the record has version 4 and this release reads version 3", &[&of_version_4], false),
        (
            "recipe DEPOSIT (1) in revision 2 is used from here on and is not known to this release",
            &[&upgrade, &later],
            false,
        ),
    ];
    for (what, records, unrecorded) in cases {
        let memory = log_with(records);
        let before = memory.bytes("00000000000000000001.log");
        let full = verify_full(&memory);
        assert_eq!(full.is_ok(), records.len() == 2, "{what}: {full:?}");
        let full = full.err().filter(|said| {
            let of_e7 = said.ends_with("is used, and the log does not say so before");
            assert_eq!(of_e7 || said.contains("of kind 60000"), unrecorded, "{said}");
            !of_e7
        });
        for said in refusals(&memory).into_iter().chain(full) {
            assert!(
                said.contains("record 3 in ") && said.contains("00000000000000000001.log at offset "),
                "{said}"
            );
            assert!(said.ends_with(&format!("{what}: {ADVICE}")), "{what}: {said}");
        }
        assert_eq!(memory.bytes("00000000000000000001.log"), before, "nothing is changed");
    }
}

/// A log of two deposits by a later release, then a record in its new revision when `used`; with a state store that stands
/// for these records, if there is a number of them.
fn log_of_later_release(used: bool, stored: u64) -> Memory {
    let memory = Memory::new(3);
    let (mut log, mut world): (_, World) = open(&memory).expect("a new log");
    let keep = |log: &mut journal::SyncLog<Memory>, world: &World| {
        log.sync().expect("a disk");
        if stored == world.books.lsn() {
            actors::stored::replace(store_of(&memory), world, log.log().end()).expect("a disk");
        }
    };
    for number in [1, 2] {
        deposit(&mut log, &mut world, number);
        keep(&mut log, &world);
    }
    if used {
        let later = Envelope::Run(Tx::new(TxId(9), Principal::HUB, None, LaterDeposit));
        let concluded = world.books.run(later, 0, engine::DIGEST_EVERY).expect("it applies");
        for (_, bytes) in concluded.records() {
            log.append(bytes);
        }
        keep(&mut log, &world);
    }
    log.close().expect("a disk");
    memory
}

#[test]
fn a_rollback_works_until_the_first_use_and_is_refused_by_name_from_then_on_with_and_without_a_store() {
    let later = Expectations { formats: LATER, ..Expectations::default() };
    let goes_on = |memory: &Memory| {
        let files = Files::over(memory.clone()).expect("a log");
        tail(&files, None, Some(&store_of(memory)), &later)
            .map(|proven| (proven.world.books.lsn(), proven.cursor))
            .expect("the later release starts")
    };
    for stored in [0, 2] {
        let memory = log_of_later_release(false, stored);
        assert_eq!(goes_on(&memory), (2, stored));
        start(&memory.copy()).expect("nothing new is used");
        verify_full(&memory).expect("nothing new is used");
    }
    let in_the_log = "failed to read record 3 in ";
    let behind_it = "failed to go on from the state store: ";
    let cases = [
        (0, in_the_log, "is used from here on"),
        (2, in_the_log, "is used from here on"),
        (4, behind_it, "is used since record 3"),
    ];
    for (stored, place, how) in cases {
        let memory = log_of_later_release(true, stored);
        assert_eq!(goes_on(&memory), (4, stored));
        let names = memory.list().expect("a disk");
        for said in refusals(&memory) {
            assert!(said.starts_with(place), "{said}");
            let feature = "recipe DEPOSIT (1) in revision 2";
            assert!(
                said.ends_with(&format!("{feature} {how} and is not known to this release: {ADVICE}")),
                "{said}"
            );
        }
        assert_eq!(memory.list().expect("a disk"), names, "nothing is changed");
        // The auditor of the older release goes on, and compares the store too.
        verify_full(&memory).expect("it is sound");
    }
}
