//! Property test of recovery: random appends, syncs and spares, with crashes in the middle of any
//! step.

use journal::memory::{Crash, Memory};
use journal::{Error, SyncLog};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::{SMALL, open, read_all, replayed};

#[derive(Debug, Clone)]
enum Step {
    Append(usize),
    Sync,
    Spare,
    Close,
    Crash(Crash),
    /// The power fails in the middle of the next steps.
    PowerOffAfter(u64),
}

fn crash() -> impl Strategy<Value = Crash> {
    prop_oneof![
        Just(Crash::Lose),
        Just(Crash::Keep),
        (0u64..5000).prop_map(Crash::Torn),
        any::<u64>().prop_map(Crash::Random),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0usize..1500).prop_map(Step::Append),
        4 => Just(Step::Sync),
        1 => Just(Step::Spare),
        1 => Just(Step::Close),
        1 => crash().prop_map(Step::Crash),
        1 => (0u64..12).prop_map(Step::PowerOffAfter),
    ]
}

/// One log through many crashes, with the list of appended records and the number of confirmed ones.
struct Life {
    memory: Memory,
    log: Option<SyncLog<Memory>>,
    appended: Vec<Vec<u8>>,
    synced: usize,
    epoch: u32,
}

impl Life {
    fn new(seed: u64) -> Life {
        let memory = Memory::new(seed);
        Life { log: Some(open(&memory)), memory, appended: Vec::new(), synced: 0, epoch: 1 }
    }

    fn run(&mut self, step: Step) -> Result<(), TestCaseError> {
        let Some(log) = &mut self.log else { unreachable!("every life begins with a log") };
        let ended: Result<(), Error> = match step {
            Step::Append(len) => {
                self.appended.push(vec![self.appended.len() as u8 + 1; len]);
                log.append(self.appended.last().unwrap());
                Ok(())
            }
            Step::Sync => log.sync().map(|lsn| self.synced = lsn.0 as usize),
            Step::Spare => log.prepare_spare(),
            Step::PowerOffAfter(steps) => {
                self.memory.power_off_after(steps);
                Ok(())
            }
            Step::Close => {
                let closed = self.log.take().unwrap().close();
                if closed.is_ok() {
                    self.synced = self.appended.len();
                }
                return self.reborn(Crash::Keep);
            }
            Step::Crash(crash) => return self.reborn(crash),
        };
        match ended {
            Ok(()) => Ok(()),
            Err(_) => self.reborn(Crash::Random(self.appended.len() as u64)),
        }
    }

    fn reborn(&mut self, crash: Crash) -> Result<(), TestCaseError> {
        self.memory.crash(crash);
        self.log = None;
        // Some openings are interrupted too.
        self.memory.power_off_after(self.appended.len() as u64 % 9);
        drop(SyncLog::open(self.memory.clone(), SMALL));
        self.memory.crash(crash);
        let log = open(&self.memory);
        let found = replayed(log.log());
        prop_assert!(found.len() >= self.synced, "a synced record is gone");
        prop_assert!(found.len() <= self.appended.len(), "a record came from nowhere");
        prop_assert_eq!(&found[..], &self.appended[..found.len()]);
        prop_assert_eq!(&read_all(&self.memory).unwrap(), &found);
        prop_assert!(log.log().epoch() > self.epoch);
        self.epoch = log.log().epoch();
        self.synced = found.len();
        self.appended = found;
        self.log = Some(log);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_recovery_finds_a_prefix_that_holds_every_synced_record(seed: u64, steps in vec(step(), 1..60), last in crash()) {
        let mut life = Life::new(seed);
        for step in steps {
            life.run(step)?;
        }
        life.reborn(last)?;
    }
}
