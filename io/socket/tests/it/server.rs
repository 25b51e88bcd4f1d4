//! A server on the test's own thread, whose sessions run the commands in the client's text messages.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use actix::{Actor, ActorContext, AsyncContext, StreamHandler};
use actix_http::{HttpService, Request, Response, StatusCode};
use actix_service::{Service, ServiceFactory};
use actix_web_actors::ws::{self, CloseReason, Message, ProtocolError, WebsocketContext};
use socket::{Accepted, Class, CloseCodes, Limits, Out, Refusal, Slot, Worker, upgrade_service};
use socket::{binary_frame, subprotocols, text_frame};
use tokio::net::TcpListener;

pub const TOO_SLOW: u16 = 4001;
pub const NO_PONG: u16 = 4002;
pub const FLOODING: u16 = 4103;

pub struct Server {
    pub port: u16,
    pub worker: Worker,
    pub seen: Rc<Seen>,
}

/// What the sessions of a server have recorded.
#[derive(Default)]
pub struct Seen {
    pub stopped: Cell<u32>,
    pub ticks: Cell<u32>,
    pub messages: Cell<u32>,
    /// Codes of the close frames that the actors got.
    pub closes: RefCell<Vec<Option<u16>>>,
    /// Slots of the sessions, in the order of acceptance.
    pub slots: RefCell<Vec<Slot>>,
    /// Handles to the out-queues of the sessions.
    pub outs: RefCell<Vec<Out>>,
    pub vacant: RefCell<Vec<String>>,
}

pub fn limits() -> Limits {
    Limits { tick_ms: 10, ..Limits::default() }
}

pub async fn serve(limits: Limits) -> Server {
    let worker = Worker::new(limits, CloseCodes { too_slow: TOO_SLOW, no_pong: NO_PONG, flooding: FLOODING });
    let seen = Rc::new(Seen::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();

    let vacant = seen.clone();
    worker.on_vacant(move |channel| vacant.vacant.borrow_mut().push(channel.to_owned()));
    let (accept_worker, accept_seen) = (worker.clone(), seen.clone());
    let accept = move |request: &Request| accept(request, accept_worker.clone(), accept_seen.clone());
    let upgrade = upgrade_service(worker.clone(), accept, Refusal::from);
    let http = HttpService::build()
        .upgrade(upgrade)
        .finish(|_: Request| async {
            Ok::<_, std::convert::Infallible>(Response::<actix_http::body::BoxBody>::new(
                StatusCode::NOT_FOUND,
            ))
        })
        .tcp()
        .new_service(())
        .await
        .unwrap();
    tokio::task::spawn_local(async move {
        while let Ok((io, _)) = listener.accept().await {
            tokio::task::spawn_local(http.call(io));
        }
    });
    Server { port, worker, seen }
}

fn accept(request: &Request, worker: Worker, seen: Rc<Seen>) -> Result<Accepted<Session>, Refusal> {
    if request.path() != "/ws" {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "no such path"));
    }
    let subprotocol = subprotocols(request).find_map(|name| match name {
        "v1.text" => Some(("v1.text", 1)),
        "v1.bin" => Some(("v1.bin", 0)),
        _ => None,
    });
    Ok(Accepted {
        subprotocol: subprotocol.map(|(name, _)| name),
        encoding: subprotocol.map_or(0, |(_, encoding)| encoding),
        start: Box::new(move |slot, out| Session { slot, out, worker, seen }),
    })
}

pub struct Session {
    slot: Slot,
    out: Out,
    worker: Worker,
    seen: Rc<Seen>,
}

impl Actor for Session {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.seen.slots.borrow_mut().push(self.slot);
        self.seen.outs.borrow_mut().push(self.out.clone());
        ctx.run_interval(Duration::from_millis(5), |session, _| add(&session.seen.ticks));
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        add(&self.seen.stopped);
    }
}

impl StreamHandler<Result<Message, ProtocolError>> for Session {
    fn handle(&mut self, message: Result<Message, ProtocolError>, ctx: &mut Self::Context) {
        add(&self.seen.messages);
        match message.unwrap() {
            Message::Text(text) => self.obey(&text, ctx),
            Message::Binary(bytes) => {
                self.out.push(binary_frame(&bytes), Class::Reply);
            }
            Message::Close(reason) => {
                self.seen.closes.borrow_mut().push(reason.map(|reason| reason.code.into()));
            }
            other => panic!("the driver keeps {other:?} from the actor"),
        }
    }
}

impl Session {
    fn obey(&mut self, text: &str, ctx: &mut WebsocketContext<Self>) {
        match text.split_once(':').unwrap_or((text, "")) {
            ("context", text) => ctx.text(text.to_owned()),
            ("subscribe", channel) => {
                let first = self.worker.subscribe(self.slot, channel);
                self.reply(&format!("first {first}"));
            }
            ("unsubscribe", channel) => {
                let last = self.worker.unsubscribe(self.slot, channel);
                self.reply(&format!("last {last}"));
            }
            ("flood", count) => {
                for n in 0..count.parse().unwrap() {
                    self.reply(&format!("{n} {}", "x".repeat(1000)));
                }
            }
            ("bye", _) => {
                self.reply("bye");
                self.out.close(4321, "as you wish");
                assert!(!self.out.push(text_frame(b"never sent"), Class::Reply));
            }
            ("context bye", _) => {
                ctx.text("bye");
                ctx.close(Some(CloseReason { code: ws::CloseCode::Other(4322), description: None }));
                ctx.text("never sent");
            }
            ("stop", _) => ctx.stop(),
            ("panic", _) => panic!("as the client asked"),
            _ => self.reply(text),
        }
    }

    fn reply(&self, text: &str) {
        self.out.push(text_frame(text.as_bytes()), Class::Reply);
    }
}

fn add(count: &Cell<u32>) {
    count.set(count.get() + 1);
}

impl Server {
    /// Waits until `done` holds; fails after a time limit.
    pub async fn until(&self, what: &str, done: impl Fn(&Server) -> bool) {
        for _ in 0..4_000 {
            if done(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("never: {what}");
    }

    pub async fn until_empty(&self) {
        self.until("all sessions over", |server| server.worker.sessions() == 0).await;
    }
}
