//! A small hub for tests: one table, very short rounds, correct unless told to give wrong answers.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_util::{SinkExt, StreamExt};
use protocol::{
    Amount, Channel, ErrorCode, Key, Payload, PlayerId, Push, Reply, Request, RoundId, TableId,
    codec::{decode_client, encode_push, encode_reply},
    push::{Event, Pub},
    reply::{
        Balance, Failure, KeyOutcome, Phase, PlayerResult, Receipt, ReplyFrame, Subscribed, TableSummary,
        TableView, Welcome,
    },
    request::PlaceBet,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc::{UnboundedSender, unbounded_channel},
};
use tokio_websockets::{Message, ServerBuilder};

const ENCODING: protocol::Encoding = protocol::Encoding::Msgpack;
const BETTING: Duration = Duration::from_millis(150);
/// A round that is longer than the stall and all around it.
const BETTING_LONG: Duration = Duration::from_secs(3);
/// How long a hub that stalls does nothing at all.
pub const STALL: Duration = Duration::from_millis(600);
/// The bet at which it stalls.
const STALLS_AT: u64 = 20;

/// What the hub does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    None,
    KeepsACent,
    ForgetsAStake,
    SettlesTwice,
    SkipsAPublication,
    AnotherReceiptOnRetry,
    OneLsnForAll,
    RefusesAndCarriesOut,
    NeverAnswersOne,
    AnotherHistory,
    GivesLess,
    /// Does nothing for [`STALL`], once, in the middle of the measured time.
    Stalls,
    /// Has no time for every tenth bet.
    Busy,
}

pub struct LittleHub {
    pub url: String,
}

struct World {
    lie: Lie,
    /// The lie that is told once has been told.
    lied: bool,
    lsn: u64,
    bets: u64,
    round: u64,
    open: bool,
    /// When betting ends, milliseconds since 1970.
    deadline: u64,
    players: HashMap<u128, Account>,
}

#[derive(Default)]
struct Account {
    available: i128,
    held: i128,
    offset: u64,
    keys: HashMap<Key, Receipt>,
    results: Vec<PlayerResult>,
    out: Option<UnboundedSender<Vec<u8>>>,
}

type Shared = Arc<Mutex<World>>;

impl LittleHub {
    /// Starts on a thread of its own, which ends with the test.
    pub fn start(lie: Lie) -> Self {
        let (send, receive) = mpsc::channel::<SocketAddr>();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                send.send(listener.local_addr().unwrap()).unwrap();
                let deadline = now_ms() + betting(lie).as_millis() as u64;
                let players = HashMap::new();
                let world =
                    World { lie, lied: false, lsn: 0, bets: 0, round: 1, open: true, deadline, players };
                let world = Arc::new(Mutex::new(world));
                tokio::spawn(rounds(world.clone(), betting(lie)));
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    tokio::spawn(serve(stream, world.clone()));
                }
            });
        });
        Self { url: format!("ws://{}/ws", receive.recv().unwrap()) }
    }
}

fn betting(lie: Lie) -> Duration {
    if lie == Lie::Stalls { BETTING_LONG } else { BETTING }
}

fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn amount(minor: i128) -> Amount {
    Amount::from_minor(minor, 2).unwrap()
}

fn table() -> TableId {
    "little".parse().unwrap()
}

fn currency() -> protocol::Currency {
    "EUR".parse().unwrap()
}

fn publication(channel: Channel, position: Option<u64>, event: &Event) -> Vec<u8> {
    let e = position.map(|_| "e1".to_owned());
    encode_push(ENCODING, &Push::Pub(Pub { ch: channel, e, o: position, d: Payload::of(event) }))
}

/// Opens, locks and settles rounds for ever, in real time: the harness measures it.
async fn rounds(world: Shared, betting: Duration) {
    loop {
        tokio::time::sleep(betting).await;
        let locked = {
            let mut world = world.lock().unwrap();
            world.open = false;
            Event::BetsLocked {
                round: world.round,
                deadline: now_ms() + 10,
                staked: amount(0),
                mix: String::new(),
            }
        };
        tell_all(&world, &locked);
        tokio::time::sleep(Duration::from_millis(10)).await;
        let opened = {
            let mut world = world.lock().unwrap();
            world.settle();
            world.round += 1;
            world.open = true;
            world.deadline = now_ms() + betting.as_millis() as u64;
            Event::RoundOpened { round: world.round, deadline: world.deadline, commit: String::new() }
        };
        tell_all(&world, &opened);
    }
}

fn tell_all(world: &Shared, event: &Event) {
    let frame = publication(Channel::table(table()), None, event);
    for account in world.lock().unwrap().players.values() {
        if let Some(out) = &account.out {
            let _ = out.send(frame.clone());
        }
    }
}

impl World {
    fn settle(&mut self) {
        let (round, lie) = (RoundId { table: table(), number: self.round }, self.lie);
        for (player, account) in &mut self.players {
            let mut staked = std::mem::take(&mut account.held);
            if staked == 0 {
                continue;
            }
            if lie == Lie::ForgetsAStake {
                staked -= 100;
            }
            let returned = if round.number % 2 == 0 { staked * 2 } else { 0 };
            account.available += returned - i128::from(lie == Lie::KeepsACent);
            let told = if lie == Lie::AnotherHistory { returned + 1 } else { returned };
            let (staked, returned, told) = (amount(staked), amount(returned), amount(told));
            self.lsn += 1;
            let result = PlayerResult {
                round,
                time: now_ms(),
                currency: currency(),
                staked,
                returned: told,
                outcome: Some(1),
            };
            account.results.insert(0, result);
            let event = Event::BetSettled {
                lsn: self.lsn,
                round,
                staked,
                returned,
                outcome: Some(1),
                currency: currency(),
                available: amount(account.available),
                held: amount(0),
                play: None,
                level: None,
            };
            for _ in 0..if lie == Lie::SettlesTwice { 2 } else { 1 } {
                account.offset += if lie == Lie::SkipsAPublication { 2 } else { 1 };
                let frame = publication(Channel::player(PlayerId(*player)), Some(account.offset), &event);
                if let Some(out) = &account.out {
                    let _ = out.send(frame);
                }
            }
        }
    }

    fn bet(&mut self, player: u128, bet: &PlaceBet) -> Option<Reply> {
        let refusal = |code| Some(Reply::Error(Failure::of(code)));
        let (open, round, lie) = (self.open, self.round, self.lie);
        let account = self.players.get_mut(&player).unwrap();
        if let Some(receipt) = account.keys.get(&bet.key) {
            let another = u64::from(lie == Lie::AnotherReceiptOnRetry);
            return Some(Reply::BetAccepted(Receipt { lsn: receipt.lsn + another, ..receipt.clone() }));
        }
        if !open || bet.round.get() != round {
            return refusal(ErrorCode::BetsClosed);
        }
        let stake = bet.bets[0].a.parse::<Amount>().unwrap().to_minor(2).unwrap();
        // Settlements count as well: the first bet from there on, whichever it is.
        if lie == Lie::NeverAnswersOne && self.lsn >= 5 && !std::mem::replace(&mut self.lied, true) {
            self.lsn += 1;
            return None;
        }
        if lie == Lie::Stalls && self.lsn >= STALLS_AT && !std::mem::replace(&mut self.lied, true) {
            // This hub has one thread: nothing is read or answered meanwhile.
            thread::sleep(STALL);
        }
        self.bets += 1;
        if lie == Lie::Busy && self.bets.is_multiple_of(10) {
            return refusal(ErrorCode::Busy);
        }
        account.available -= stake;
        account.held += stake;
        self.lsn += 1;
        let receipt = Receipt {
            key: bet.key,
            lsn: if lie == Lie::OneLsnForAll { 1 } else { self.lsn },
            round: RoundId { table: table(), number: round },
            amount: amount(stake),
            currency: currency(),
            available: amount(account.available),
            held: amount(account.held),
        };
        account.keys.insert(bet.key, receipt.clone());
        match lie {
            Lie::RefusesAndCarriesOut => refusal(ErrorCode::BetsClosed),
            _ => Some(Reply::BetAccepted(receipt)),
        }
    }

    fn answer(&mut self, player: u128, request: Request) -> Option<Reply> {
        let account = self.players.entry(player).or_default();
        Some(match request {
            Request::GetBalance => Reply::Balances {
                lsn: 0,
                balances: vec![Balance {
                    currency: currency(),
                    available: amount(account.available),
                    held: amount(account.held),
                    level: None,
                }],
                exclusion: None,
                play: None,
                limits: vec![],
            },
            Request::GetHistory { .. } => Reply::PlayerHistory { results: account.results.clone() },
            Request::GetOutcome { key } => {
                let receipt = account.keys.get(&key).cloned();
                let outcome = receipt.map_or(KeyOutcome::Unknown, |receipt| KeyOutcome::Accepted { receipt });
                Reply::Outcome { key, outcome }
            }
            Request::Subscribe(subscribe) => Reply::Subscribed(follows(subscribe.channel, 0)),
            Request::ListTables => Reply::Tables { tables: vec![self.summary()] },
            Request::JoinTable { .. } => Reply::Joined { view: self.view(), bets: Vec::new() },
            Request::LeaveTable { table } => Reply::Left { table },
            Request::PlaceBet(bet) => return self.bet(player, &bet),
            Request::Hello(_)
            | Request::Ping
            | Request::Unsubscribe { .. }
            | Request::ClearBets { .. }
            | Request::Exclude(_)
            | Request::SetLimit(_)
            | Request::ConfirmLimit { .. }
            | Request::Reinstate { .. }
            | Request::Acknowledge { .. } => Reply::Error(Failure::of(ErrorCode::UnknownRequest)),
        })
    }

    fn summary(&self) -> TableSummary {
        TableSummary {
            table: table(),
            name: "Little".into(),
            game: "roulette".into(),
            currency: currency(),
            min: amount(1),
            max: amount(100_000),
            players: 0,
            phase: Phase::Betting.into(),
        }
    }

    fn view(&self) -> TableView {
        TableView {
            table: table(),
            name: "Little".into(),
            game: "roulette".into(),
            currency: currency(),
            scale: 2,
            e: "e1".into(),
            o: 0,
            phase: if self.open { Phase::Betting } else { Phase::Locked }.into(),
            round: self.round,
            deadline: self.open.then_some(self.deadline),
            commit: None,
            limits: std::collections::BTreeMap::new(),
            round_max: amount(100_000),
            spots: Vec::new(),
            players: 0,
            history: Vec::new(),
        }
    }
}

fn follows(channel: Channel, offset: u64) -> Subscribed {
    Subscribed { ch: channel, e: "e1".into(), o: offset, recovered: true, pubs: Vec::new() }
}

async fn serve(mut stream: TcpStream, world: Shared) {
    let mut first = [0; 4];
    while stream.peek(&mut first).await.unwrap_or(4) < 4 {}
    if &first == b"POST" { demo(&mut stream, &world).await } else { session(stream, world).await }
}

/// Hands out tokens, which are the players' numbers.
async fn demo(stream: &mut TcpStream, world: &Shared) {
    let mut buffer = [0; 2_048];
    while let Ok(1..) = stream.read(&mut buffer).await {
        let token = {
            let mut world = world.lock().unwrap();
            let player = world.players.len() as u128 + 1;
            world.players.insert(player, Account { available: 100_000, ..Account::default() });
            player
        };
        let deposited = if world.lock().unwrap().lie == Lie::GivesLess { "1000.01" } else { "1000.00" };
        let body = format!("{{\"token\":\"{token}\",\"deposited\":\"{deposited}\"}}");
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

async fn session(stream: TcpStream, world: Shared) {
    let name = "sec-websocket-protocol".parse().unwrap();
    let server = ServerBuilder::new().add_header(name, ENCODING.subprotocol().parse().unwrap()).unwrap();
    let Ok((_, socket)) = server.accept(stream).await else { return };
    let (mut sink, mut stream) = socket.split();
    let (out, mut queue) = unbounded_channel::<Vec<u8>>();
    tokio::spawn(async move {
        while let Some(frame) = queue.recv().await {
            if sink.send(Message::binary(frame)).await.is_err() {
                return;
            }
        }
    });
    let mut player = 0;
    while let Some(Ok(message)) = stream.next().await {
        if !message.is_binary() {
            continue;
        }
        let frame = decode_client(ENCODING, message.as_payload()).unwrap();
        let mut world = world.lock().unwrap();
        let reply = if let Request::Hello(hello) = frame.request {
            player = hello.token.parse().unwrap();
            let account = world.players.get_mut(&player).unwrap();
            account.out = Some(out.clone());
            let personal = follows(Channel::player(PlayerId(player)), account.offset);
            Some(Reply::Welcome(Welcome {
                player: PlayerId(player),
                time: now_ms(),
                version: "0".into(),
                ping_every_ms: 20_000,
                personal,
                resumed: Vec::new(),
                play: None,
            }))
        } else {
            world.answer(player, frame.request)
        };
        if let Some(reply) = reply {
            let _ = out.send(encode_reply(ENCODING, &ReplyFrame { id: Some(frame.id), reply }));
        }
    }
}
