//! Logs that were written before: each replays to the state it had, or is refused with words that say what to do.

use std::{
    fs,
    path::{Path, PathBuf},
};

use engine::{LogVerifier, table::Stage};
use journal::{Lsn, Reader};
use tests::hub::Setup;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

#[test]
fn a_log_of_version_3_replays_to_its_digest() {
    let fixture = fixture("log-version-3");
    // Read where it lies: a reader takes no lock and writes nothing.
    let mut reader = Reader::open(&fixture, Lsn(0)).expect("the fixture is a log");
    let mut verifier = LogVerifier::default();
    while let Some(entry) = reader.next(Lsn::MAX).expect("the fixture is sound") {
        if let Err(finding) = verifier.next(entry.bytes) {
            panic!("record {}: {}", finding.lsn, finding.what);
        }
    }
    verifier.check().expect("every invariant holds");
    let world = verifier.world();
    let expected =
        fs::read_to_string(fixture.join("expected.txt")).expect("the fixture says what it stands for");
    let found = format!("records  {}\ndigest   {}\n", world.books.lsn(), world.books.digest().total());
    assert_eq!(found, expected);
    assert_eq!(verifier.rounds(), (2, 1), "one round was drawn and one was void");
    let id = "roulette-1".parse().expect("a table id");
    assert_eq!(verifier.closed(), [(id, world.books.lsn())], "its last record takes the table out of play");
    let table = world.tables.get(&id).expect("it had rounds");
    let open = table.open.as_ref().expect("the third round is open");
    assert_eq!((table.round, open.stage, open.bets.staked()), (3, Stage::Betting, 200));
}

#[test]
fn a_log_of_an_earlier_version_is_refused_with_its_version_and_what_to_do() {
    for (name, found, read) in [
        ("log-version-1", "format version 1", "reads version 2"), // of segments
        ("log-version-2", "the record has version 2", "reads version 3"),
    ] {
        let hub = Setup::default().prepare();
        fs::create_dir_all(hub.data()).expect("a directory");
        for file in fs::read_dir(fixture(name)).expect("the fixture").flatten() {
            fs::copy(file.path(), hub.data().join(file.file_name())).expect("a copy");
        }
        let start = hub.run(&["serve", "--listen", "127.0.0.1:0"]);
        let said = String::from_utf8_lossy(&start.stderr);
        assert_eq!(start.status.code(), Some(1), "{said}");
        for word in [found, read, "begin a new log", "docs/operating.md"] {
            assert!(said.contains(word), "{word}: {said}");
        }
        let verify = hub.run(&["verify"]);
        let said = String::from_utf8_lossy(&verify.stdout);
        assert!(!verify.status.success() && said.contains(found), "{said}");
    }
}
