//! How long it takes to find a player by a part of the name among many, and what the names take in memory.
//!
//! ```text
//! cargo run --release -p people --example names_bench -- [PEOPLE]
//! ```
//! The names are random hexadecimal text of 16 characters behind `PLAYER_`. Beside each search, the floor: one pass over as many
//! bytes with the same substring search. `PEOPLE` are enrolled first, which takes some minutes for a million.

use std::{
    fs,
    hint::black_box,
    sync::mpsc,
    time::{Duration, Instant},
};

use memchr::memmem;
use people::{Contents, Master, NotSearched, People, Person};

const ISSUER: &str = "https://id.example";
const SEARCHES: usize = 200;

fn main() {
    let wanted = std::env::args().nth(1).map_or(1_000_000, |text| text.parse().expect("a number of people"));
    let directory = tempfile::tempdir().expect("a directory");
    let master = Master::new(b"the master key of this benchmark, long enough");
    let contents = Contents::create(directory.path(), &master).expect("a disk");
    let people = People::open(contents).expect("a disk");
    let began = Instant::now();
    let names: Vec<String> = (0..wanted).map(name).collect();
    for names in names.chunks(4_096) {
        let (sender, answers) = mpsc::channel();
        for name in names {
            let (person, sender) = (Person::new(ISSUER.into(), name).expect("a name"), sender.clone());
            people.enrol(person, move |enrolled| sender.send(enrolled.is_ok()).expect("we wait"));
        }
        drop(sender);
        assert!(answers.iter().all(|enrolled| enrolled), "everybody is enrolled");
    }
    println!("{wanted} people enrolled in {:.1} s", began.elapsed().as_secs_f64());

    let (before, began) = (resident(), Instant::now());
    while let Err(NotSearched::Reads { .. }) = people.search(ISSUER, "nobody", None, 1) {
        std::thread::sleep(Duration::from_millis(1));
    }
    let read = began.elapsed().as_secs_f64();
    let bytes = resident().saturating_sub(before) / wanted as usize;
    println!(
        "names read in {read:.1} s; memory {bytes} bytes a person more than before, what the reading left included"
    );

    let text = names.join("|");
    for (what, part) in [
        ("the last one", names[names.len() - 1].clone()),
        ("nobody", "PLAYER_nobody".to_owned()),
        ("8 characters of one in the middle", names[names.len() / 2][9..17].to_owned()),
    ] {
        let floor = times(|| {
            black_box(memmem::find(text.as_bytes(), black_box(part.as_bytes())));
        });
        let search = times(|| {
            black_box(people.search(ISSUER, black_box(&part), None, 50)).ok();
        });
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        println!(
            "{what}: p50 {:.2} ms, p99 {:.2} ms; one pass over the text p50 {:.2} ms",
            ms(search[SEARCHES / 2]),
            ms(search[SEARCHES * 99 / 100]),
            ms(floor[SEARCHES / 2]),
        );
    }
}

/// The name of a number: the same in every run.
fn name(number: u64) -> String {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    format!("PLAYER_{:016x}", mixed ^ (mixed >> 31))
}

/// How long each of some calls took, the shortest first.
fn times(mut call: impl FnMut()) -> Vec<Duration> {
    let mut times: Vec<_> = (0..SEARCHES)
        .map(|_| {
            let began = Instant::now();
            call();
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    times
}

/// What the process has in memory. Bytes.
fn resident() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: usize = statm.split(' ').nth(1).expect("a number").parse().expect("a number");
    pages * 4_096
}
