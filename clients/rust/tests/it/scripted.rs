//! A server by script: a test reads requests and answers them, one by one.

use futures_util::{SinkExt, StreamExt};
use protocol::{
    Channel, ClientFrame, Encoding, Payload, PlayerId, Push, Reply, Request, U53,
    codec::{decode_client, encode_push, encode_reply},
    push::Pub,
    reply::{Phase, Receipt, ReplyFrame, Subscribed, TableView, Welcome},
    request::Hello,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_websockets::{CloseCode, Message, ServerBuilder, WebSocketStream};

pub const ENCODING: Encoding = Encoding::Msgpack;
pub const BEAT_MS: u64 = 1_000;

pub struct Scripted<S> {
    socket: WebSocketStream<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Scripted<S> {
    pub async fn accept(stream: S) -> Self {
        let name = "sec-websocket-protocol".parse().unwrap();
        let server = ServerBuilder::new().add_header(name, ENCODING.subprotocol().parse().unwrap()).unwrap();
        Self { socket: server.accept(stream).await.unwrap().1 }
    }

    /// Accepts, and answers `hello`.
    pub async fn welcoming(stream: S) -> Self {
        let mut server = Self::accept(stream).await;
        let (id, hello) = server.asked().await;
        assert!(matches!(hello, Request::Hello(_)), "{hello:?}");
        server.reply(id, welcome(subscribed(&personal(), 0, &[]))).await;
        server
    }

    /// Accepts, and answers `hello`, which it returns, with what has been missed of the personal channel since.
    pub async fn resuming(stream: S, offset: u64, missed: &[u64], resumed: Vec<Subscribed>) -> (Self, Hello) {
        let mut server = Self::accept(stream).await;
        let (id, request) = server.asked().await;
        let Request::Hello(hello) = request else { panic!("{request:?}") };
        let mut reply = welcome(subscribed(&personal(), offset, missed));
        if let Reply::Welcome(welcome) = &mut reply {
            welcome.resumed = resumed;
        }
        server.reply(id, reply).await;
        (server, hello)
    }

    /// Serves heartbeats until the client goes, and expects nothing else.
    pub async fn idle(&mut self) {
        while let Some(ClientFrame { id, request }) = self.frame().await {
            assert_eq!(request, Request::Ping);
            self.reply(id, Reply::Pong { time: 1, tops: std::collections::BTreeMap::new() }).await;
        }
    }

    /// Sends bytes as they are, in one message.
    pub async fn raw(&mut self, bytes: Vec<u8>) {
        self.socket.send(Message::binary(bytes)).await.unwrap();
    }

    /// The next request that is not a heartbeat; heartbeats are answered.
    pub async fn asked(&mut self) -> (U53, Request) {
        loop {
            let ClientFrame { id, request } = self.frame().await.expect("the client goes on");
            if request != Request::Ping {
                return (id, request);
            }
            self.reply(id, Reply::Pong { time: 1, tops: std::collections::BTreeMap::new() }).await;
        }
    }

    /// The next request, whatever it is; `None` when the client has gone.
    pub async fn frame(&mut self) -> Option<ClientFrame> {
        let message = self.socket.next().await?.ok()?;
        message.is_binary().then(|| decode_client(ENCODING, message.as_payload()).unwrap())
    }

    pub async fn reply(&mut self, id: U53, reply: Reply) {
        let bytes = encode_reply(ENCODING, &ReplyFrame { id: Some(id), reply });
        self.socket.send(Message::binary(bytes)).await.unwrap();
    }

    pub async fn push(&mut self, push: &Push) {
        self.socket.send(Message::binary(encode_push(ENCODING, push))).await.unwrap();
    }

    pub async fn close(mut self, code: u16, reason: &str) {
        let code = CloseCode::try_from(code).unwrap();
        self.socket.send(Message::close(Some(code), reason)).await.unwrap();
        while self.socket.next().await.is_some() {}
    }
}

pub fn personal() -> Channel {
    Channel::player(PlayerId(7))
}

pub fn subscribed(channel: &Channel, offset: u64, missed: &[u64]) -> Subscribed {
    let pubs = missed.iter().map(|o| protocol::reply::Missed { o: *o, d: data(*o) }).collect();
    Subscribed { ch: channel.clone(), e: "e1".into(), o: offset, recovered: true, pubs }
}

pub fn welcome(personal: Subscribed) -> Reply {
    Reply::Welcome(Welcome {
        player: PlayerId(7),
        time: 1,
        version: "0".into(),
        ping_every_ms: BEAT_MS,
        personal,
        resumed: Vec::new(),
        play: None,
    })
}

pub fn publication(channel: &Channel, offset: u64) -> Push {
    Push::Pub(Pub { ch: channel.clone(), e: Some("e1".into()), o: Some(offset), d: data(offset) })
}

pub fn receipt(key: &str) -> Receipt {
    Receipt {
        key: key.parse().unwrap(),
        lsn: 9,
        round: "roulette-1:4".parse().unwrap(),
        amount: "1.00".parse().unwrap(),
        currency: "EUR".parse().unwrap(),
        available: "9.00".parse().unwrap(),
        held: "1.00".parse().unwrap(),
    }
}

fn data(number: u64) -> Payload {
    Payload::from_json(number.to_string().as_bytes()).unwrap()
}

pub fn joined(table: protocol::TableId) -> Reply {
    let view = TableView {
        table,
        name: "Roulette".into(),
        game: "roulette".into(),
        currency: "EUR".parse().unwrap(),
        scale: 2,
        e: "e1".into(),
        o: 0,
        phase: Phase::Idle.into(),
        round: 0,
        deadline: None,
        commit: None,
        limits: std::collections::BTreeMap::new(),
        round_max: "100.00".parse().unwrap(),
        spots: Vec::new(),
        players: 1,
        history: Vec::new(),
    };
    Reply::Joined { view, bets: Vec::new() }
}
