//! Logs that earlier releases have written replay to the state they had, for ever.

use std::{fs, path::Path};

use engine::{Verifier, table::Stage};
use journal::{Lsn, Reader};

#[test]
fn a_log_of_release_0_1_replays_to_its_digest() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/log-0.1");
    // Read where it lies: a reader takes no lock and writes nothing.
    let mut reader = Reader::open(&fixture, Lsn(0)).expect("the fixture is a log");
    let mut verifier = Verifier::default();
    while let Some(entry) = reader.next(Lsn::MAX).expect("the fixture is sound") {
        if let Err(finding) = verifier.next(entry.bytes) {
            panic!("record {}: {}", finding.lsn, finding.what);
        }
    }
    verifier.check().expect("every invariant holds");
    assert_eq!(verifier.closed(), []);
    let world = verifier.world();
    let expected =
        fs::read_to_string(fixture.join("expected.txt")).expect("the fixture says what it stands for");
    let found = format!("records  {}\ndigest   {:032x}\n", world.books.lsn(), world.books.digest().0);
    assert_eq!(found, expected);
    assert_eq!(verifier.rounds(), (2, 1), "one round was drawn and one was void");
    let table = world.tables.get(&"roulette-1".parse().expect("a table id")).expect("it had rounds");
    let open = table.open.as_ref().expect("the third round is open");
    assert_eq!((table.round, open.stage, open.bets.staked()), (3, Stage::Betting, 200));
}
