//! A disk that loses what was not synced, and fails: first that it does so, then the hub on it ([`power`]).
//!
//! The layer of `tests/lossy` needs `LD_PRELOAD` and the C library of GNU: elsewhere these tests are not built.

mod commands;
mod power;

use std::{fs, process::Command};

use fastrand::Rng;
use tests::power::{Dropped, Faults, Loss, LossyDisk};

/// A directory on a disk of its own.
struct World {
    root: tempfile::TempDir,
    disk: LossyDisk,
}

impl World {
    fn new() -> World {
        let root = tempfile::tempdir().expect("a directory");
        fs::create_dir(root.path().join("disk")).expect("it is ours");
        let disk = LossyDisk::under(&root.path().join("disk"));
        World { root, disk }
    }

    /// Runs the tools of the system on it.
    fn run(&self, script: &str, faults: Faults) -> bool {
        self.run_with(script, faults, 7)
    }

    fn run_with(&self, script: &str, faults: Faults, seed: u64) -> bool {
        let mut command = Command::new("sh");
        command.current_dir(self.root.path().join("disk")).args(["-ec", script]);
        self.disk.put_beneath(&mut command, faults, seed);
        command.output().expect("a shell").status.success()
    }

    fn done(&self, script: &str) {
        assert!(self.run(script, Faults::default()), "{script}");
    }

    fn fail(&self) -> Dropped {
        self.disk.fail(Loss::All, &mut Rng::with_seed(7))
    }

    fn text(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.root.path().join("disk").join(name)).ok()
    }
}

#[test]
fn what_was_written_and_not_synced_is_gone_and_what_was_synced_stays() {
    let world = World::new();
    world.done("printf 1234567890 > a; printf old > b; sync a b .");
    world.done("printf XY | dd of=a bs=1 seek=3 conv=notrunc status=none; printf more >> a; printf new > b");
    assert_eq!(world.text("a").as_deref(), Some("123XY67890more"));
    let dropped = world.fail();
    assert_eq!(world.text("a").as_deref(), Some("1234567890"));
    assert_eq!(world.text("b").as_deref(), Some("old"));
    assert_eq!(dropped, Dropped { bytes: 9, lengths: 1, names: 0 });

    world.done("printf more >> a; sync a; printf 3 >> a");
    assert_eq!(world.fail().bytes, 1);
    assert_eq!(world.text("a").as_deref(), Some("1234567890more"));
    // Everything that is left is on the disk now.
    assert_eq!(world.fail(), Dropped::default());
    assert_eq!(world.text("a").as_deref(), Some("1234567890more"));
}

#[test]
fn names_that_were_not_synced_are_as_they_were() {
    let world = World::new();
    world.done("printf a > a; printf b > b; printf c > c; mkdir d; printf e > d/e; sync a b c d/e . d");
    // Replaced, renamed, removed, made; and the content of a file that has another name is synced.
    world.done(
        "mv a b; printf more >> b; sync b; mv c f; rm d/e; mkdir g; printf h > h; sync h; mv h d/h; rm -r g",
    );
    assert_eq!(world.text("b").as_deref(), Some("amore"));
    assert_eq!(world.fail().names, 7);
    let texts = ["a", "b", "c", "d/e", "f", "g", "h", "d/h"].map(|name| world.text(name));
    let expected = [Some("amore"), Some("b"), Some("c"), Some("e"), None, None, None, None];
    assert_eq!(texts, expected.map(|text| text.map(str::to_owned)));

    // The sync of a directory keeps its own names and no others.
    world.done("rm d/e; mv a i; sync .");
    assert_eq!(world.fail().names, 1);
    assert_eq!((world.text("i").as_deref(), world.text("d/e").as_deref()), (Some("amore"), Some("e")));
}

#[test]
fn a_part_of_what_was_not_synced_is_lost_and_names_from_some_point_on() {
    let (mut parts, mut orders) = (0, 0);
    for seed in 0..20 {
        let world = World::new();
        world.done("head -c 4096 /dev/zero > a; sync a .");
        world.done("head -c 4096 /dev/zero | tr '\\0' x | dd of=a conv=notrunc status=none; for n in 1 2 3; do : > $n; done");
        world.disk.fail(Loss::Part, &mut Rng::with_seed(seed));
        let text = world.text("a").expect("its name is synced");
        assert_eq!(text.len(), 4096);
        let sectors: Vec<&str> = (0..8).map(|n| &text[n * 512..(n + 1) * 512]).collect();
        assert!(sectors.iter().all(|sector| sector.bytes().all(|byte| byte == sector.as_bytes()[0])));
        parts += u32::from(text.contains('x') && text.contains('\0'));
        let there = ["1", "2", "3"].map(|name| world.text(name).is_some());
        assert!(there.is_sorted_by(|one, next| one >= next), "the newest are lost first: {there:?}");
        orders += u32::from(there[0] && !there[2]);
    }
    assert!(parts > 10 && orders > 3, "{parts} in parts, {orders} in the middle of the names");
}

#[test]
fn what_a_failed_sync_did_not_write_is_lost_though_the_next_one_succeeds() {
    let world = World::new();
    world.done("printf 12 > a; : > b; sync a b .; printf 34 >> a");
    // By some seed it is opened, and its sync fails; the calls of another file have the same faults.
    let half = Faults { eio: 5_000, ..Faults::default() };
    let fails = |name, seed| {
        let before = world.disk.counts().syncs;
        !world.run_with(&format!("sync {name}"), half, seed) && world.disk.counts().syncs > before
    };
    let seed = (0..100).find(|seed| fails("b", *seed)).expect("a seed");
    assert!(fails("a", seed));
    world.done("sync a; printf 56 >> a; sync a");
    assert_eq!(world.text("a").as_deref(), Some("123456"));
    assert_eq!(world.fail().bytes, 2);
    assert_eq!(world.text("a").as_deref(), Some("12\u{0}\u{0}56"));
}

#[test]
fn errors_are_injected_and_counted() {
    let world = World::new();
    world.done("printf 1234567890 > a; sync a .");
    assert!(!world.run("printf x >> a", Faults { enospc: 10_000, ..Faults::default() }));
    assert!(!world.run("mv a b", Faults { eio: 10_000, ..Faults::default() }));
    // A whole disk is not needed to write in place.
    let full = Faults { enospc: 10_000, ..Faults::default() };
    assert!(world.run("printf X | dd of=a conv=notrunc status=none", full));
    let script = "dd if=/dev/zero of=a bs=5000 count=1 oflag=append conv=notrunc status=none";
    assert!(world.run(script, Faults { short: 10_000, ..Faults::default() }));
    assert_eq!(world.text("a").map(|text| text.len()), Some(5010));
    let counts = world.disk.counts();
    assert!(counts.eio == 1 && counts.enospc == 1 && counts.short > 1 && counts.syncs == 2, "{counts:?}");
}

#[test]
#[should_panic(expected = "the layer does not model what the program does")]
fn a_call_that_the_layer_does_not_model_fails_the_test() {
    let world = World::new();
    assert!(!world.run("ln -s a b", Faults::default()), "it ends the program");
    world.fail();
}
