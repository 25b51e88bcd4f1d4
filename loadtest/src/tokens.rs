//! Demo players: tokens that the hub hands out, each with a deposit of its own.

use std::{io, thread};

use crate::{http, target::Target};

/// Connections that ask for tokens at the same time. Each answer waits for the disk, so they overlap.
const ASKING: usize = 16;

/// A demo player.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Demo {
    /// Its token.
    pub token: String,
    /// What the hub says it was given. Money of the hub, as text.
    #[serde(default)]
    pub deposited: Option<protocol::Amount>,
}

/// Asks the hub for `count` demo players.
///
/// Fails with the hub's own words when it hands out none, for instance in production.
pub fn demo(target: &Target, count: usize) -> io::Result<Vec<Demo>> {
    let share = count.div_ceil(ASKING).max(1);
    thread::scope(|scope| {
        let starts = (0..count).step_by(share);
        let workers: Vec<_> =
            starts.map(|start| scope.spawn(move || ask(target, start..(start + share).min(count)))).collect();
        let mut tokens = Vec::with_capacity(count);
        for worker in workers {
            tokens.extend(worker.join().map_err(|_| io::Error::other("a thread panicked"))??);
        }
        Ok(tokens)
    })
}

/// The tokens alone.
pub fn tokens(target: &Target, count: usize) -> io::Result<Vec<String>> {
    Ok(demo(target, count)?.into_iter().map(|demo| demo.token).collect())
}

fn ask(target: &Target, numbers: std::ops::Range<usize>) -> io::Result<Vec<Demo>> {
    let mut client = http::Client::connect(target.address, &target.host)?;
    numbers
        .map(|number| {
            let (status, body) = client.post_json("/api/demo", &format!("{{\"name\":\"load {number}\"}}"))?;
            if !(200..300).contains(&status) {
                let body = String::from_utf8_lossy(&body);
                let text = format!("the hub hands out no demo player: status {status}, {body}");
                return Err(io::Error::other(text));
            }
            serde_json::from_slice(&body).map_err(io::Error::other)
        })
        .collect()
}
