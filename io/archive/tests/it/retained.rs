//! How far a log may be shortened: each of the reasons to keep a segment holds alone.

use archive::{Kept, Retention};
use journal::Lsn;

use crate::{files, filled};

#[test]
fn a_segment_goes_only_when_it_is_archived_anchored_read_by_all_and_not_recent() {
    let memory = filled(60);
    let files = files(&memory);
    let sealed: Vec<_> = files.sealed().collect();
    let last = sealed.last().unwrap().end.lsn;
    let all = [Lsn(60), Lsn(61)];
    let free = Retention { archived_before: last.next(), state: Some(last), cursors: &all, keep_bytes: 0 };
    assert_eq!(free.bound(&files), (last.next(), None), "only the last segment is left");
    let (third, bytes) = (sealed[2], sealed[2].bytes);
    let table = [
        (Retention { archived_before: third.first, ..free.clone() }, third.first, Kept::NotArchived),
        (Retention { state: Some(Lsn(third.first.0 - 1)), ..free.clone() }, third.first, Kept::NoState),
        (Retention { state: None, ..free.clone() }, Lsn(0), Kept::NoState),
        (
            Retention { cursors: &[Lsn(60), Lsn(third.first.0 + 1)], ..free.clone() },
            Lsn(third.first.0 + 2),
            Kept::Needed,
        ),
        (Retention { cursors: &[Lsn(0)], ..free.clone() }, Lsn(1), Kept::Needed),
        (
            Retention { keep_bytes: bytes * (sealed.len() as u64 - 2), ..free.clone() },
            third.first,
            Kept::Recent,
        ),
        (Retention { keep_bytes: u64::MAX, ..free.clone() }, sealed[0].first, Kept::Recent),
    ];
    for (retention, bound, why) in table {
        assert_eq!(retention.bound(&files), (bound, Some(why)), "{retention:?}");
    }
}
