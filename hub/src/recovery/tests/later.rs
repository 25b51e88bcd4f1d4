//! Records of a later release: the start and `hub verify` refuse them, and say what, where, and what to do.

use domains::{
    Context, Fields, Recipe, RowImage,
    decide::{Deciding, RefusedBy},
    freeze::{Freeze, FreezeReason},
    recipes::FreezePlayer,
    rows::RowKey,
};
use engine::{Body, Committed, Content, DecodeError, Principal, Record, TxId, World};
use journal::memory::Memory;
use ledger::{
    Domain,
    codec::{Decoder, Encoder},
};
use protocol::PlayerId;

use super::{deposit, open, start, verify_full, verify_tail};

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

/// A log of two deposits and this record.
fn log_with(record: &[u8]) -> Memory {
    let memory = Memory::new(3);
    let (mut log, mut world): (_, World) = open(&memory).expect("a new log");
    deposit(&mut log, &mut world, 1);
    deposit(&mut log, &mut world, 2);
    log.append(record);
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
    start(&log_with(&sound)).expect("the record is one of this release but for the fault");
    let mut of_version_4 = sound;
    assert_eq!(std::mem::replace(&mut of_version_4[0], 4), 3, "the version of this release");
    // The effects of a recipe that is not known are applied again; `hub verify` says what it could not decide.
    let cases = [
        ("a row of kind 60000 is not known to this release", bytes(freeze(), vec![row(60_000)]), false),
        ("recipe 1 in revision 2 is not known to this release", bytes(LaterDeposit, vec![row(1)]), true),
        ("the record has version 4 and this release reads version 3", of_version_4, false),
    ];
    for (what, record, verifies) in cases {
        let memory = log_with(&record);
        let before = memory.bytes("00000000000000000001.log");
        let full = verify_full(&memory);
        assert_eq!(full.is_ok(), verifies, "{what}: {full:?}");
        for said in refusals(&memory).into_iter().chain(full.err()) {
            assert!(
                said.contains("record 3 in ") && said.contains("00000000000000000001.log at offset "),
                "{said}"
            );
            assert!(said.ends_with(&format!("{what}: {ADVICE}")), "{what}: {said}");
        }
        assert_eq!(memory.bytes("00000000000000000001.log"), before, "nothing is changed");
    }
}
