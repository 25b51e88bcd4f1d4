//! The test rig: a backplane whose deliveries are recorded.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use channels::{
    At, Backplane, Delivery, LinkOptions, Memory, Options, Outgoing, Position, Publication, Recovery,
    RedisBackplane,
};
use protocol::{Channel, Payload};
use tokio::{sync::Notify, time::timeout};

use crate::server::Server;

/// Longest wait for a condition. Only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Rig {
    pub plane: Rc<dyn Backplane>,
    pub ear: Rc<Ear>,
    pub server: Option<Server>,
    /// A channel whose publications mark the end of everything published before.
    mark: Channel,
}

/// The deliveries that the test has not read yet.
#[derive(Default)]
pub struct Ear {
    heard: RefCell<Vec<Delivery>>,
    arrived: Notify,
    depth: Cell<u32>,
    /// Called inside each delivery.
    pub react: RefCell<Option<Reaction>>,
}

pub type Reaction = Box<dyn Fn(&Delivery)>;

impl Ear {
    /// Clears the state after a reaction that panicked.
    pub fn forgive(&self) {
        self.depth.set(0);
        self.react.replace(None);
    }

    pub fn deliver(self: &Rc<Self>) -> Rc<dyn Fn(Delivery)> {
        let ear = self.clone();
        Rc::new(move |delivery| {
            assert_eq!(ear.depth.replace(1), 0, "a delivery came inside another");
            ear.heard.borrow_mut().push(delivery.clone());
            ear.arrived.notify_one();
            if let Some(react) = &*ear.react.borrow() {
                react(&delivery);
            }
            ear.depth.set(0);
        })
    }
}

impl Rig {
    pub async fn memory(options: Options) -> Self {
        let ear = Rc::new(Ear::default());
        let plane = Memory::new(options, ear.deliver());
        Self::over(plane, ear, None).ready().await
    }

    pub async fn redis(options: Options) -> Self {
        let server = Server::start();
        let url = server.url();
        Self { server: Some(server), ..Self::at(&url, options).await }
    }

    /// A rig over a server that the caller holds.
    pub async fn at(url: &str, options: Options) -> Self {
        let ear = Rc::new(Ear::default());
        let plane = RedisBackplane::connect(url, options, ear.deliver()).unwrap();
        Self::over(plane, ear, None).ready().await
    }

    pub fn over(plane: impl Backplane + 'static, ear: Rc<Ear>, server: Option<Server>) -> Self {
        static RIGS: AtomicU32 = AtomicU32::new(0);
        let mark = channel(&format!("mark:{}", RIGS.fetch_add(1, Ordering::Relaxed)));
        Self { plane: Rc::new(plane), ear, server, mark }
    }

    pub async fn ready(self) -> Self {
        self.is_up(true).await;
        self.plane.subscribe(&self.mark).await.unwrap();
        self
    }

    pub fn server(&mut self) -> &mut Server {
        self.server.as_mut().unwrap()
    }

    pub async fn is_up(&self, up: bool) {
        eventually(|| self.plane.health().up == up).await;
    }

    pub async fn subscribe(&self, name: &str) -> Position {
        self.plane.subscribe(&channel(name)).await.unwrap()
    }

    /// Publishes and waits for the answer.
    pub async fn publish(&self, name: &str, json: &str, at: At) -> Option<Position> {
        self.plane.publish(outgoing(name, json, at)).await.unwrap()
    }

    /// Publishes `first..=last` as numbers.
    pub async fn count(&self, name: &str, first: u64, last: u64) {
        for number in first..=last {
            self.publish(name, &number.to_string(), At::Next).await;
        }
    }

    pub fn top(&self, name: &str) -> Position {
        self.plane.top(&channel(name)).unwrap()
    }

    /// Everything delivered up to now, as text. A mark is published last and waited for, so nothing is still to come.
    pub async fn heard(&self) -> Vec<String> {
        self.publish(self.mark.as_str(), "true", At::Ephemeral).await;
        let is_mark = |delivery: &Delivery| matches!(delivery, Delivery::Publication(Publication { channel, .. }) if *channel == self.mark);
        loop {
            let marked = self.ear.heard.borrow().iter().position(is_mark);
            if let Some(marked) = marked {
                let heard: Vec<_> = self.ear.heard.borrow_mut().drain(..=marked).collect();
                let of_mark = |delivery: &&Delivery| !matches!(delivery, Delivery::Reset { channel, .. } if *channel == self.mark);
                return heard[..marked].iter().filter(of_mark).map(spell).collect();
            }
            timeout(PATIENCE, self.ear.arrived.notified()).await.expect("the mark was not heard");
        }
    }

    /// The result of a recovery, as text; `None` when lost.
    pub fn recover(&self, name: &str, since: Position) -> Option<Vec<String>> {
        match self.plane.recover(&channel(name), &since) {
            Recovery::Recovered { publications, top } => {
                assert_eq!(Some(top), self.plane.top(&channel(name)));
                Some(publications.into_iter().map(Delivery::Publication).map(|it| spell(&it)).collect())
            }
            Recovery::Lost { top } => {
                assert_eq!(top, self.plane.top(&channel(name)));
                None
            }
        }
    }
}

pub fn channel(name: &str) -> Channel {
    name.parse().unwrap()
}

pub fn outgoing(name: &str, json: &str, at: At) -> Outgoing {
    Outgoing { channel: channel(name), payload: Payload::from_json(json.as_bytes()).unwrap(), at }
}

pub fn at(epoch: &str, offset: u64) -> Position {
    Position { epoch: epoch.parse().unwrap(), offset }
}

pub fn log(offset: u64) -> At {
    At::Log(at("L1", offset))
}

fn spell(delivery: &Delivery) -> String {
    match delivery {
        Delivery::Publication(Publication { channel, position, payload }) => {
            let offset = position.map_or("-".into(), |position| position.offset.to_string());
            format!("{channel} {offset} {}", payload.to_json())
        }
        Delivery::Reset { channel, top } => format!("{channel} reset {}", top.offset),
    }
}

/// Waits until a condition holds that no event reports.
pub async fn eventually(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("it did not happen");
}

/// Options with periods so short that a test can wait for several.
pub fn hasty() -> Options {
    let link = LinkOptions {
        probe_every_ms: 100,
        connect_within_ms: 300,
        answer_within_ms: 300,
        backoff_min_ms: 10,
        backoff_max_ms: 100,
        ..LinkOptions::default()
    };
    Options { link, ..Options::default() }
}

/// Runs a test on one thread with local tasks, as an actor's thread does.
pub fn run<F: Future<Output = ()>>(test: F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, test);
}
