//! Measures a backplane alone, on one thread: publications a second, and the time of a single one.
//!
//! `throughput` measures the backplane in memory, `throughput redis://127.0.0.1:6379` the one over that Redis. Each
//! publication has 64 bytes and is delivered back to this process.

use std::{cell::Cell, error::Error, rc::Rc, time::Instant};

use channels::{At, Backplane, Delivery, Memory, Options, Outgoing, RedisBackplane};
use protocol::{Channel, Payload};
use tokio::sync::Notify;

const PUBLICATIONS: u64 = 500_000;
const IN_FLIGHT: u64 = 512;
const SINGLES: usize = 5_000;

#[derive(Default)]
struct Ear {
    heard: Cell<u64>,
    arrived: Notify,
}

impl Ear {
    async fn wait_for(&self, count: u64) {
        while self.heard.get() < count {
            self.arrived.notified().await;
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, measure(std::env::args().nth(1)))
}

async fn measure(url: Option<String>) -> Result<(), Box<dyn Error>> {
    let ear = Rc::new(Ear::default());
    let deliver: Rc<dyn Fn(Delivery)> = {
        let ear = ear.clone();
        Rc::new(move |_| {
            ear.heard.set(ear.heard.get() + 1);
            ear.arrived.notify_one();
        })
    };
    let plane: Box<dyn Backplane> = match &url {
        Some(url) => Box::new(RedisBackplane::connect(url, Options::default(), deliver)?),
        None => Box::new(Memory::new(Options::default(), deliver)),
    };
    while !plane.health().up {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let channel: Channel = "measure:throughput".parse()?;
    plane.subscribe(&channel).await?;
    let payload = Payload::from_json(format!("\"{}\"", "x".repeat(62)).as_bytes())?;
    let publish =
        || plane.publish(Outgoing { channel: channel.clone(), payload: payload.clone(), at: At::Next });

    let began = Instant::now();
    for sent in 1..=PUBLICATIONS {
        drop(publish());
        ear.wait_for(sent.saturating_sub(IN_FLIGHT)).await;
    }
    ear.wait_for(PUBLICATIONS).await;
    let seconds = began.elapsed().as_secs_f64();
    println!("{IN_FLIGHT} in flight: {:.0} publications/s", PUBLICATIONS as f64 / seconds);

    let mut singles = Vec::with_capacity(SINGLES);
    for sent in 1..=SINGLES as u64 {
        let began = Instant::now();
        drop(publish());
        ear.wait_for(PUBLICATIONS + sent).await;
        singles.push(began.elapsed());
    }
    singles.sort();
    println!("one at a time: median {:?}, p99 {:?}", singles[SINGLES / 2], singles[SINGLES * 99 / 100]);
    Ok(())
}
