//! The checks of the hub's parts: each with a deadline of its own, all asked at the same time.
//!
//! What they find is kept for a quarter of a second: however often pages and alerts ask, the money thread is asked at
//! most four times a second.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use actix::Addr;
use actors::{
    admission::Admission,
    followers::Progress,
    house::House,
    messages::{output::Output, pubsub::GetHealth},
    ports::{money::MoneyPort, table::TablePort},
    pubsub::PubSub,
};
use futures_util::future::join_all;
use journal::Journal;
use ledger::Domain;
use people::People;
use protocol::TableId;
use readmodel::ReadModel;

use super::health_status::{CheckRule, CheckedPart, PartState};
use crate::{archive::Figures, edge::cached::Cached};

const JOURNAL: CheckRule = CheckRule::critical("journal", 2_000);
const TABLES: CheckRule = CheckRule::critical("tables", 2_000);
/// Milliseconds in which a domain answers.
const DOMAIN_MS: u64 = 2_000;
// Known players play on while nobody new can be enrolled.
const PEOPLE: CheckRule = CheckRule::useful("people", 1_000);
// Money and tables go on without channels between hubs: a lost Redis degrades, it does not stop.
const CHANNELS: CheckRule = CheckRule::useful("channels", 2_000);
const ADMISSION: CheckRule = CheckRule::critical("admission", 1_000);
const STATE_STORE: CheckRule = CheckRule::useful("state_store", 1_000);
const READ_MODEL: CheckRule = CheckRule::useful("read_model", 1_000);
const ARCHIVE: CheckRule = CheckRule::useful("archive", 1_000);

/// A follower that is further behind than this needs attention.
const BEHIND_MAX: Duration = Duration::from_secs(60);
/// So many full segments may wait for the archive.
const WAITING_MAX: u64 = 2;

type Found = Result<(PartState, String), String>;

/// The parts of a running house, and what was found last.
pub struct HealthChecks {
    money: MoneyPort,
    journal: Journal<Output>,
    tables: TablePort,
    table_threads: Vec<TableId>,
    pubsub: Addr<PubSub>,
    people: People,
    admission: Arc<Admission>,
    stored: Progress,
    /// The read model, and where it stands.
    read_model: Option<(ReadModel, Progress)>,
    /// What the archiver has done, if there is an archive.
    archive: Option<Figures>,
    needed: Cached<Arc<[CheckedPart]>>,
    beside: Cached<Arc<[CheckedPart]>>,
    /// How often all parts were asked, since the start.
    asked: AtomicU64,
}

impl HealthChecks {
    /// The checks of a house that starts now. `archive` is what the archiver has done, where there is one.
    #[must_use]
    pub fn new(
        (house, people): (&House, &People),
        admission: Arc<Admission>,
        archive: Option<Figures>,
    ) -> Self {
        Self {
            money: house.money.clone(),
            journal: house.journal.clone(),
            tables: house.tables.clone(),
            table_threads: house.table_threads.clone(),
            pubsub: house.pubsub.clone(),
            people: people.clone(),
            admission,
            stored: house.state_store.stored(),
            read_model: house.read_model.as_ref().map(|kept| (kept.read(), kept.progress())),
            archive,
            needed: Cached::default(),
            beside: Cached::default(),
            asked: AtomicU64::new(0),
        }
    }

    /// Whether the hub takes work: every part on the path of a request, and those that come with it.
    pub async fn of_work(&self) -> Vec<CheckedPart> {
        let asked = self.needed.get(async || self.ask_needed().await).await;
        asked.iter().cloned().chain([self.admits()]).collect()
    }

    /// Every check there is.
    pub async fn all(&self) -> Vec<CheckedPart> {
        let needed = self.needed.get(async || self.ask_needed().await);
        let beside = self.beside.get(async || self.ask_beside().await);
        let (needed, beside) = futures_util::future::join(needed, beside).await;
        needed.iter().chain(beside.iter()).cloned().chain([self.admits()]).collect()
    }

    /// The same for the hub's own looks, which keep nothing for others.
    pub async fn look(&self) -> Vec<CheckedPart> {
        let needed = self.needed.look(async || self.ask_needed().await);
        let beside = self.beside.look(async || self.ask_beside().await);
        let (needed, beside) = futures_util::future::join(needed, beside).await;
        needed.iter().chain(beside.iter()).cloned().chain([self.admits()]).collect()
    }

    /// How often all parts, the money thread among them, were asked since the start.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.asked.load(Relaxed)
    }

    /// Asks every part at the same time, so that one that does not answer takes no time from the others.
    async fn ask_needed(&self) -> Arc<[CheckedPart]> {
        self.asked.fetch_add(1, Relaxed);
        let mut parts: Vec<Pin<Box<dyn Future<Output = CheckedPart> + '_>>> =
            vec![Box::pin(checked(JOURNAL, self.log())), Box::pin(checked(TABLES, self.tables()))];
        for domain in Domain::ALL {
            let rule = CheckRule::critical(domain.name(), DOMAIN_MS);
            parts.push(Box::pin(checked(rule, self.domain(domain))));
        }
        parts.push(Box::pin(checked(PEOPLE, self.enrols())));
        parts.push(Box::pin(checked(CHANNELS, self.channels())));
        join_all(parts).await.into()
    }

    /// Asks what follows the log.
    async fn ask_beside(&self) -> Arc<[CheckedPart]> {
        let mut parts: Vec<Pin<Box<dyn Future<Output = CheckedPart> + '_>>> =
            vec![Box::pin(checked(STATE_STORE, self.state_store()))];
        if let Some((model, committed)) = &self.read_model {
            parts.push(Box::pin(checked(READ_MODEL, self.read_model(model, committed))));
        }
        if let Some(archive) = &self.archive {
            parts.push(Box::pin(checked(ARCHIVE, archived(archive))));
        }
        join_all(parts).await.into()
    }

    /// Whether the hub takes work now. Read at once, not asked: who takes no work says so without delay.
    fn admits(&self) -> CheckedPart {
        let (draining, log) = (self.admission.draining(), self.admission.log());
        let up = !draining && log.is_ready();
        let message = if draining {
            "draining".into()
        } else if up {
            format!("{} requests under way", self.admission.in_flight())
        } else {
            format!("{}: {}", remedy(log.state()), log.why())
        };
        let state = if up { PartState::Works } else { PartState::Fails };
        CheckedPart { rule: ADMISSION, state, message, took: Duration::ZERO }
    }

    /// The log takes a barrier and releases it.
    async fn log(&self) -> Found {
        // An unsound log releases nothing, so the barrier would not come back.
        if self.admission.log().state() == journal::State::Unsound {
            return Err(self.admission.log().why());
        }
        self.money.durable().await?;
        let records = format!("{} records on disk", self.journal.durable().0);
        let disk = self.journal.condition().disk();
        Ok(match disk.free.filter(|_| disk.is_low) {
            Some(free) => {
                let low = format!("{records}; {free} bytes are free, fewer than journal.disk_warn_bytes");
                (PartState::Impaired, low)
            }
            None => (PartState::Works, records),
        })
    }

    /// Every thread of tables answers for one of its tables.
    async fn tables(&self) -> Found {
        let tables = self.table_threads.iter().filter_map(|table| self.tables.get(*table));
        let answers = join_all(tables.map(|table| table.answers())).await;
        let (all, alive) = (answers.len(), answers.iter().filter(|answers| **answers).count());
        let message = format!("{alive} of {all} threads answer");
        if alive == all { works(message) } else { Err(message) }
    }

    /// New people get an id.
    async fn enrols(&self) -> Found {
        match self.people.readiness() {
            people::Readiness::Ready => works(format!("{} people have an id", self.people.stats().people)),
            people::Readiness::NoRoom(why) => {
                Err(format!("free space, and new people are enrolled again: {why}"))
            }
            people::Readiness::InUse(why) => {
                Err(format!("end the other process, and new people are enrolled again: {why}"))
            }
            people::Readiness::Closed(why) => Err(format!("restart the hub to enrol new people: {why}")),
        }
    }

    /// A domain's actor answers.
    async fn domain(&self, domain: Domain) -> Found {
        let report = self.money.report(domain).await.ok_or("the domain's actor is gone")?;
        works(format!("{} accounts, {} holds", report.accounts, report.holds))
    }

    /// The backplane's own report.
    async fn channels(&self) -> Found {
        let (health, _) = self.pubsub.send(GetHealth).await.map_err(|_| "pubsub is gone".to_owned())?;
        if health.up { works(health.message) } else { Err(health.message) }
    }

    /// The state store keeps up.
    async fn state_store(&self) -> Found {
        Ok(behind(self.stored.age(), self.lag(&self.stored)))
    }

    /// The read model answers, and keeps up.
    async fn read_model(&self, model: &ReadModel, committed: &Progress) -> Found {
        if model.builds() {
            let message = format!("it is being built, up to record {}", model.lsn());
            return Ok((PartState::Impaired, message));
        }
        let (sender, answer) = tokio::sync::oneshot::channel();
        model.ask(READ_MODEL.deadline, |_| Ok(()), move |told| drop(sender.send(told.map(drop))));
        match answer.await {
            Ok(Ok(())) => Ok(behind(committed.age(), self.lag(committed))),
            Ok(Err(why)) => Err(why.to_string()),
            Err(_) => Err("its threads are gone".into()),
        }
    }

    /// Durable records that a follower has not taken.
    fn lag(&self, follower: &Progress) -> u64 {
        self.journal.durable().0.saturating_sub(follower.lsn().0)
    }
}

/// The archive keeps up.
async fn archived(archive: &Figures) -> Found {
    let figures = archive.now();
    let state = if figures.waiting > WAITING_MAX { PartState::Impaired } else { PartState::Works };
    Ok((state, format!("up to record {}; {} full segments wait", figures.lsn, figures.waiting)))
}

fn works(message: String) -> Found {
    Ok((PartState::Works, message))
}

/// What it means that a follower is so far behind.
fn behind(age: Duration, records: u64) -> (PartState, String) {
    let state = if age > BEHIND_MAX { PartState::Impaired } else { PartState::Works };
    (state, format!("{records} records behind, for {} ms", age.as_millis()))
}

/// What to do about a log that takes no records.
fn remedy(state: journal::State) -> &'static str {
    match state {
        journal::State::Preparing | journal::State::Ready => "the log is being made ready",
        journal::State::NoRoom => "free space on the disk of the log, and requests are taken again",
        journal::State::NoSegment => "put right what is named, and requests are taken again",
        journal::State::Unsound => {
            "keep the files, stop the hub, run `hub verify`, put right what it names, start again"
        }
    }
}

/// Times one check; no answer within its deadline is silence.
async fn checked(rule: CheckRule, check: impl Future<Output = Found>) -> CheckedPart {
    let began = Instant::now();
    let (state, message) = match tokio::time::timeout(rule.deadline, check).await {
        Ok(Ok(found)) => found,
        Ok(Err(message)) => (PartState::Fails, message),
        Err(_) => (PartState::Silent, "no answer".into()),
    };
    CheckedPart { rule, state, message, took: began.elapsed() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_rt::test]
    async fn a_part_that_does_not_answer_within_its_deadline_is_silent_and_one_that_answers_at_once_is_not() {
        // A deadline of nothing: whoever has to be waited for is too late, however fast the machine is.
        let at_once = CheckRule::useful("x", 0);
        let timely = checked(at_once, async { works("fine".into()) }).await;
        assert_eq!((timely.state, timely.message.as_str()), (PartState::Works, "fine"));
        let failed = checked(at_once, async { Err("torn".into()) }).await;
        assert_eq!((failed.state, failed.message.as_str()), (PartState::Fails, "torn"));
        let late = checked(at_once, std::future::pending::<Found>()).await;
        assert_eq!((late.state, late.message.as_str()), (PartState::Silent, "no answer"));
        // One with an hour left is still waited for then.
        let patient = checked(CheckRule::useful("y", 3_600_000), std::future::pending::<Found>());
        assert!(tokio::time::timeout(Duration::ZERO, patient).await.is_err());
    }

    #[test]
    fn a_follower_needs_attention_once_it_is_a_minute_behind() {
        for (age_s, expected) in [(0, PartState::Works), (60, PartState::Works), (61, PartState::Impaired)] {
            assert_eq!(behind(Duration::from_secs(age_s), 7).0, expected, "{age_s} s");
        }
    }
}
