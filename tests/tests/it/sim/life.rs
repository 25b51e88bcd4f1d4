//! One life of the world: a scheduler that draws who acts next, and ends processes at bad moments.

use fastrand::Rng;
use journal::{
    memory::{Crash, Memory},
    storage::Storage,
};

use super::{
    auditor::Auditor,
    hub::{Dead, Hub, RULES, Reply, STORE, Setup, TABLES},
    players::Request,
    story::Seen,
};

/// Milliseconds.
pub const DAY: u64 = 24 * 60 * 60 * 1_000;

/// The plan of a life.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub seed: u64,
    /// How many times somebody acts before everything is brought to an end.
    pub steps: u64,
    /// A crash once in so many steps; 0 for none.
    pub crash_one_in: u64,
    /// The power fails at this disk operation, and this is left.
    pub power_off: Option<(u64, Crash)>,
    /// Seeds are lost, tables fail, and a start may miss a table in its configuration.
    pub disorder: bool,
}

pub struct Life {
    plan: Plan,
    random: Rng,
    now: u64,
    memory: Memory,
    hub: Hub,
    requests: Vec<Request>,
    pub auditor: Auditor,
    pub crashes: u64,
    /// Starts without a table that had an open round.
    pub orphans: u64,
    /// Starts with other rules in the configuration than those of an open round.
    pub mid_round: u64,
    /// Starts with a clock that was doubted.
    pub doubted: u64,
    /// Starts with a clock behind the log.
    pub behind: u64,
    /// Changes of rules in mid-round that were refused.
    pub refused_rules: u64,
    /// Look-ups of old keys in the state store.
    pub looked_up: u64,
    /// Starts without the state store that was there.
    pub stores_lost: u64,
    /// Disk operations from the first step to the last.
    pub operations: u64,
    /// What has happened by the log.
    pub seen: Seen,
}

impl Life {
    /// Runs a plan to its end, and lets the auditor check the result.
    pub fn lived(plan: Plan) -> Self {
        let memory = Memory::new(plan.seed);
        let setup = Setup { disorder: plan.disorder, ..Setup::default() };
        let hub = Hub::start(&memory, setup, 0).expect("an empty disk starts");
        let mut life = Self {
            plan,
            random: Rng::with_seed(plan.seed),
            now: 1_000_000,
            memory,
            hub,
            requests: Vec::new(),
            auditor: Auditor::default(),
            crashes: 0,
            orphans: 0,
            mid_round: 0,
            doubted: 0,
            behind: 0,
            refused_rules: 0,
            looked_up: 0,
            stores_lost: 0,
            operations: 0,
            seen: Seen::default(),
        };
        let before = life.memory.operations();
        if let Some((at, _)) = plan.power_off {
            life.memory.power_off_after(at);
        }
        for _ in 0..plan.steps {
            life.step();
        }
        life.operations = life.memory.operations() - before;
        life.end();
        life
    }

    /// How many records the log has in the end.
    pub fn records(&self) -> u64 {
        self.hub.durable()
    }

    /// How many tables are out of play in the end.
    pub fn quarantined(&self) -> u64 {
        self.hub.tables.iter().filter(|live| live.state().quarantined).count() as u64
    }

    fn step(&mut self) {
        if self.plan.crash_one_in != 0 && self.random.u64(..self.plan.crash_one_in) == 0 {
            return self.crash_at_a_random_moment();
        }
        match self.random.u64(..20) {
            0..8 => {
                let number = self.requests.len();
                let request = Request::random(number, &self.hub, self.now, &mut self.random);
                self.requests.push(request);
                self.send(number, false);
            }
            8..11 if !self.requests.is_empty() => {
                // Retries of anything: under way, answered, or from before a crash.
                let number = self.random.usize(..self.requests.len());
                let forged = self.auditor.outcome(number).is_some() && self.random.u64(..3) == 0;
                self.send(number, forged);
            }
            8..15 => self.tick(true),
            15..19 => self.sync(),
            _ => self.commit(),
        }
    }

    fn send(&mut self, number: usize, forged: bool) {
        let request = if forged { self.requests[number].forged() } else { self.requests[number].clone() };
        request.send(number, forged, &mut self.hub, self.now);
    }

    /// Time passes, what is due is carried out, and every table does its next step. Sometimes the clock goes back, as a
    /// wall clock may.
    fn tick(&mut self, wanted: bool) {
        self.now += self.random.u64(..25);
        if self.random.u64(..50) == 0 {
            self.now -= 5;
        }
        self.hub.run_asides(self.now);
        self.hub.run_due(self.now);
        for table in 0..TABLES {
            self.hub.proceed(table, wanted, self.now, &mut self.random);
            if self.random.u64(..4) == 0 {
                self.refused_rules += u64::from(self.hub.refuses_rules(table, self.now));
            }
        }
    }

    fn sync(&mut self) {
        match self.hub.sync(self.now) {
            Ok(replies) => {
                for Reply { request, forged, verdict } in replies {
                    let what = &self.requests[request].what;
                    self.auditor.told((request, what), verdict, forged);
                }
                self.auditor.look(&self.hub);
            }
            Err(Dead) => self.restart(),
        }
    }

    fn commit(&mut self) {
        if let Err(Dead) = self.hub.commit() {
            self.restart();
        }
    }

    /// The power fails now, or in the middle of the next write, sync or commit of the store.
    fn crash_at_a_random_moment(&mut self) {
        if self.random.u64(..4) == 0 {
            return self.restart();
        }
        self.memory.power_off_after(self.random.u64(..4));
        if self.random.u64(..4) == 0 {
            self.commit();
        } else {
            self.sync();
        }
    }

    /// This process is over: a crash, and the start path, which may be cut off as well.
    fn restart(&mut self) {
        let planned = self.plan.power_off.map(|(_, crash)| crash);
        loop {
            self.crashes += 1;
            let crash = planned.unwrap_or_else(|| self.random_crash());
            self.memory.crash(crash);
            if self.random.u64(..8) == 0 {
                self.stores_lost += 1;
                self.lose_store();
            }
            let cut_off = planned.is_none() && self.random.u64(..5) == 0;
            if cut_off {
                self.memory.power_off_after(self.random.u64(..8));
            }
            let absent =
                (self.plan.disorder && self.random.u64(..3) == 0).then(|| self.random.usize(..TABLES));
            let rules = self.random.u64(..RULES);
            let accept_clock = self.random.u64(..2) == 0;
            let setup = Setup { disorder: self.plan.disorder, absent, rules, accept_clock };
            self.wall_clock();
            match Hub::start(&self.memory, setup, self.now) {
                Ok(hub) => {
                    self.start(hub);
                    break;
                }
                Err(error) => assert!(cut_off, "the hub refuses to start: {error}"),
            }
        }
    }

    /// Somebody has removed the state store, or a part of it.
    fn lose_store(&mut self) {
        let (store, all) = (self.memory.part(STORE), self.random.u64(..2) == 0);
        for name in store.list().expect("the disk works") {
            if all || name == "manifest" {
                store.remove(&name).expect("the disk works");
            }
        }
        store.sync_names().expect("the disk works");
    }

    /// The hub was off for days, or somebody has set its clock; mostly not.
    fn wall_clock(&mut self) {
        self.now = match self.random.u64(..10) {
            0 => self.now + DAY + self.random.u64(..DAY),
            1 => self.now.saturating_sub(365 * DAY),
            _ => self.now,
        };
    }

    /// The start has recovered a state: it is checked before the hub does anything by itself.
    fn start(&mut self, hub: Hub) {
        self.looked_up += self.hub.looked_up;
        self.hub = hub;
        // As the binary's clock: it starts no earlier than the log's last record.
        self.behind += u64::from(self.now < self.hub.books.time());
        self.now = self.now.max(self.hub.books.time());
        self.doubted += u64::from(self.hub.doubts_clock);
        self.mid_round += self.hub.mid_round();
        if self.hub.accepts_clock() {
            self.auditor.accepted_clocks.push(self.now);
        }
        self.auditor.restarted(&self.requests, &self.hub, self.now);
        self.orphans += u64::from(self.hub.begin(self.now));
        self.auditor.look(&self.hub);
    }

    fn random_crash(&mut self) -> Crash {
        match self.random.u64(..5) {
            0 => Crash::Lose,
            1 => Crash::Keep,
            2 => Crash::Torn(self.random.u64(..=self.memory.unsynced())),
            _ => Crash::Random(self.random.u64(..)),
        }
    }

    /// Everything is brought to an end: every request is asked again until it is answered, every round runs out.
    fn end(&mut self) {
        if self.plan.power_off.is_some() && self.crashes == 0 {
            self.sync();
        }
        self.come_back();
        for number in 0..self.requests.len() {
            while !self.auditor.answered(number) {
                self.send(number, false);
                self.sync();
                self.tick(false);
            }
        }
        let busy = |hub: &Hub| {
            let open = hub.tables.iter().any(|live| live.state().open.is_some());
            !hub.at_rest() || open || hub.books.next_due().is_some()
        };
        while busy(&self.hub) {
            self.tick(false);
            self.sync();
        }
        for number in 0..self.requests.len() {
            self.send(number, false);
        }
        while !self.hub.at_rest() {
            self.tick(false);
            self.sync();
        }
        self.commit();
        self.seen = self.auditor.close(&self.requests, &self.hub, self.now);
        // And once more from the disk alone.
        self.come_back();
        self.auditor.close(&self.requests, &self.hub, self.now);
    }

    /// In a world with disorder, or at the very end: the hub ends as it does when it drains, and starts with every
    /// table and a clock that the operator has looked at.
    fn come_back(&mut self) {
        self.memory.crash(Crash::Lose);
        let setup = Setup { disorder: self.plan.disorder, accept_clock: true, ..Setup::default() };
        let hub = Hub::start(&self.memory, setup, self.now).expect("a synced log starts");
        self.start(hub);
    }
}
