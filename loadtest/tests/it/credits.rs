//! The measurement of credits against a small server: one that is honest, and some that are not.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use loadtest::credits::{Credits, Options, credits};
use serde_json::{Value, json};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    None,
    /// Carries out what is sent again.
    PaysAgain,
    /// Carries out what is sent again, and says that it does not.
    PaysAgainInSecret,
    /// One credit is answered and not carried out.
    KeepsOne,
    /// Two credits are said to be in one record.
    OneRecordForTwo,
    /// One credit is refused.
    RefusesOne,
}

#[derive(Default)]
struct Books {
    cents: HashMap<String, u64>,
    keys: HashMap<String, u64>,
    last: u64,
}

impl Books {
    fn credit(&mut self, lie: Lie, key: &str, player: &str) -> (u16, Value) {
        if let Some(lsn) = self.keys.get(key).copied().filter(|_| lie != Lie::PaysAgain) {
            if lie == Lie::PaysAgainInSecret {
                *self.cents.entry(player.to_owned()).or_default() += 1;
            }
            return (200, json!({"lsn": lsn, "replayed": true}));
        }
        if lie == Lie::RefusesOne && self.last == 50 {
            self.last += 1;
            return (422, json!({"code": "refused"}));
        }
        self.last += 1;
        if lie != Lie::KeepsOne || self.last != 50 {
            *self.cents.entry(player.to_owned()).or_default() += 1;
        }
        let lsn = if lie == Lie::OneRecordForTwo && self.last == 50 { 49 } else { self.last };
        self.keys.insert(key.to_owned(), lsn);
        (200, json!({"lsn": lsn, "replayed": false}))
    }
}

fn serve(stream: TcpStream, lie: Lie, books: &Mutex<Books>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut writer = stream;
    loop {
        let (mut head, mut length, mut key) = (String::new(), 0, String::new());
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(": ") {
                match name {
                    "content-length" => length = value.trim().parse().ok()?,
                    "idempotency-key" => key = value.trim().to_owned(),
                    _ => {}
                }
            }
            if head.is_empty() {
                head = line;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let path = head.split(' ').nth(1)?;
        let mut books = books.lock().ok()?;
        let (status, answer) = match path.strip_prefix("/api/domains/balance/") {
            Some(player) => {
                let cents = books.cents.get(player).copied().unwrap_or_default();
                (200, json!({"balances": [{"total": format!("{}.{:02}", cents / 100, cents % 100)}]}))
            }
            None => {
                let body: Value = serde_json::from_slice(&body).ok()?;
                books.credit(lie, &key, body["playerId"].as_str()?)
            }
        };
        drop(books);
        let answer = answer.to_string();
        let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n{answer}", answer.len());
        writer.write_all(answer.as_bytes()).ok()?;
    }
}

fn start(lie: Lie) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, books) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Books::default())));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let books = books.clone();
            thread::spawn(move || serve(stream, lie, &books));
        }
    });
    address
}

fn measured(lie: Lie, rate: Option<f64>) -> Credits {
    let options = Options {
        url: format!("ws://{}/ws", start(lie)),
        token: "t".into(),
        clients: 4,
        players: 10,
        rate,
        length: Duration::from_millis(300),
        amount: "0.01".parse().unwrap(),
        seed: Some(7),
    };
    credits(&options).expect("it can be asked")
}

#[test]
fn an_honest_server_has_no_fault_with_and_without_a_rate() {
    for rate in [None, Some(2_000.0)] {
        let found = measured(Lie::None, rate);
        assert_eq!(found.faults.total(), 0, "{found}");
        assert!(found.credits > 60 && found.compared == 10 && found.again > 60, "{found}");
        assert_eq!(found.answered.count, found.credits);
    }
    let found = measured(Lie::None, Some(1_000.0));
    assert!((150..=450).contains(&found.credits), "a rate is kept: {found}");
}

#[test]
fn each_lie_is_found() {
    for (lie, words) in [
        (Lie::PaysAgain, "sent again, is answered with 200"),
        (Lie::PaysAgainInSecret, "instead of"),
        (Lie::KeepsOne, "instead of"),
        (Lie::OneRecordForTwo, "records"),
        (Lie::RefusesOne, "is answered with status 422"),
    ] {
        let found = measured(lie, None).to_string();
        assert!(found.contains("FAULTS") && found.contains(words), "{lie:?}: {found}");
    }
}
