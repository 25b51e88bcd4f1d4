//! A server for measurements and conformance tests: echoes each message, and broadcasts the bodies of POST requests.
//!
//! `echo <port> [workers]`. `/ws` echoes; `/ws?ch=name` also subscribes to a channel. `POST /publish?ch=name`
//! broadcasts its body as a text message; `GET /stats` shows the counters. The limits are high, for conformance suites
//! that send megabytes.
use std::sync::Mutex;
use std::{env, io};

use actix::{Actor, StreamHandler};
use actix_http::ws::{Message, ProtocolError};
use actix_http::{HttpService, Request, StatusCode};
use actix_service::{ServiceFactoryExt as _, map_config};
use actix_web::{App, HttpResponse, dev::AppConfig, web};
use actix_web_actors::ws::WebsocketContext;
use bytes::Bytes;
use socket::{Accepted, Class, CloseCodes, Limits, Out, Refusal, Slot, Worker};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// A publication for each worker: channel and complete frame.
type Publication = (String, Bytes);

/// One sender for each worker.
static WORKERS: Mutex<Vec<UnboundedSender<Publication>>> = Mutex::new(Vec::new());

struct Echo(Out);

impl Actor for Echo {
    type Context = WebsocketContext<Self>;
}

impl StreamHandler<Result<Message, ProtocolError>> for Echo {
    fn handle(&mut self, message: Result<Message, ProtocolError>, _: &mut Self::Context) {
        match message {
            Ok(Message::Text(text)) => self.0.push(socket::text_frame(text.as_bytes()), Class::Reply),
            Ok(Message::Binary(bytes)) => self.0.push(socket::binary_frame(&bytes), Class::Reply),
            _ => false,
        };
    }
}

fn channel(query: Option<&str>) -> Option<&str> {
    query?.split('&').find_map(|pair| pair.strip_prefix("ch="))
}

fn worker() -> Worker {
    let limits = Limits {
        frame_bytes_max: 16 << 20,
        message_bytes_max: 16 << 20,
        queue_bytes_max: 64 << 20,
        read_pause_bytes: 1 << 20,
        // A measuring client counts bytes and does not expect pings.
        ping_every_ms: 600_000,
        ..Limits::default()
    };
    let worker = Worker::current(&limits, CloseCodes { too_slow: 4001, no_pong: 4002, flooding: 4103 });
    let (sender, mut waiting) = unbounded_channel::<Publication>();
    WORKERS.lock().expect("nobody panics with it").push(sender);
    let hub = worker.clone();
    actix_rt::spawn(async move {
        let mut batch = Vec::new();
        while waiting.recv_many(&mut batch, 256).await > 0 {
            // Publications of one channel that wait together are joined, so that each subscriber needs one write.
            for run in batch.chunk_by(|(one, _), (next, _)| one == next) {
                let frames: Vec<Bytes> = run.iter().map(|(_, frame)| frame.clone()).collect();
                let joined = socket::join(&frames);
                hub.broadcast(&run[0].0, Class::Publication, |_| joined.clone());
            }
            batch.clear();
        }
    });
    worker
}

fn accept(request: &Request, worker: &Worker) -> Result<Accepted<Echo>, Refusal> {
    if request.path() != "/ws" {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "try /ws"));
    }
    let listens_to = channel(request.uri().query()).map(str::to_owned);
    let worker = worker.clone();
    Ok(Accepted {
        subprotocol: None,
        encoding: 0,
        start: Box::new(move |slot: Slot, out| {
            if let Some(channel) = listens_to {
                worker.subscribe(slot, &channel);
            }
            Echo(out)
        }),
    })
}

async fn publish(request: actix_web::HttpRequest, body: Bytes) -> HttpResponse {
    let Some(channel) = channel(Some(request.query_string())) else {
        return HttpResponse::BadRequest().body("no channel");
    };
    let frame = socket::text_frame(&body);
    for worker in WORKERS.lock().expect("nobody panics with it").iter() {
        // A worker that has ended has no subscribers.
        let _ = worker.send((channel.to_owned(), frame.clone()));
    }
    HttpResponse::NoContent().finish()
}

#[actix_rt::main]
async fn main() -> io::Result<()> {
    let number = |n, default| env::args().nth(n).map_or(Ok(default), |arg| arg.parse());
    let port = number(1, 9001).map_err(io::Error::other)?;
    let workers = number(2, 1).map_err(io::Error::other)?;
    actix_server::Server::build()
        .workers(usize::from(workers))
        .max_concurrent_connections(200_000)
        .bind("echo", ("0.0.0.0", port), || {
            let worker = worker();
            let stats = worker.clone();
            let app = App::new().route("/publish", web::post().to(publish)).route(
                "/stats",
                web::get().to(move || {
                    let text = format!("{:#?}\n", stats.stats());
                    async move { text }
                }),
            );
            HttpService::build()
                .upgrade(socket::upgrade_service(
                    worker.clone(),
                    move |request: &Request| accept(request, &worker),
                    socket::Refusal::from,
                ))
                .finish(map_config(app, |_| AppConfig::default()))
                .tcp()
                .map_err(|_| ())
        })?
        .run()
        .await
}
