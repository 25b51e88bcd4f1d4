//! What clients get wrong, or try on purpose: each gets its clear answer, and no cent moves.

mod bets;
mod bursts;
mod doorstep;
mod floods;
mod frames;
mod tokens;
mod unread;

use serde_json::{Value, json};
use tests::{
    hub::{OPEN, TestHub},
    player::{Account, Session},
    raw::RawSocket,
};

/// A player who behaves correctly, at a table beside clients that do not.
struct Bystander {
    session: Session,
    round: u64,
    bets: i128,
}

impl Bystander {
    async fn sit(hub: &TestHub) -> Self {
        let mut session = Account::sign_in(hub.address(), "bystander").await.connect(hub.address()).await;
        let round = session.open_round(OPEN.id).await;
        Self { session, round, bets: 0 }
    }

    /// Bets as if nothing had happened.
    async fn plays_on(&mut self) {
        let key = self.session.key();
        let receipt = self.session.bet(key, OPEN.id, self.round, "1.00").await;
        self.bets += 1;
        assert_eq!(receipt.expect("a good bet is accepted").held.to_minor(2), Ok(100 * self.bets));
    }
}

/// What a process holds in memory.
fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line of its memory");
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).expect("a number")
}

/// A player in JSON at the open table, and the number of its round.
async fn seated(hub: &TestHub, name: &str) -> (Account, RawSocket, u64) {
    let account = Account::sign_in(hub.address(), name).await;
    let mut session = account.connect(hub.address()).await;
    let round = session.open_round(OPEN.id).await;
    let mut socket = RawSocket::hello(hub.address(), &account.token).await;
    let joined = socket.ask(json!({"t": "join_table", "table": OPEN.id})).await;
    assert_eq!(joined["view"]["round"], round, "{joined}");
    (account, socket, round)
}

/// A good bet of one euro on red.
fn good_bet(key: &str, round: u64) -> Value {
    json!({"t": "place_bet", "key": key, "table": OPEN.id, "round": round, "currency": "EUR",
        "bets": [{"kind": "red", "a": "1.00"}]})
}
