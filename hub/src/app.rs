//! The composition root: recovers, starts the house bottom up, opens the door last; drains top down.

mod options;

pub use options::currencies;

use std::{
    io,
    path::PathBuf,
    sync::{Arc, atomic::AtomicU16, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use actix_http::HttpService;
use actix_service::map_config;
use actix_web::{App, dev::AppConfig, web};
use actors::{
    house::House,
    worker::{Mailbox, ToWorker},
};
use parking_lot::Mutex;
use protocol::CloseCode;

use crate::{
    config::{Loaded, Mode},
    edge::{self, Edge, addresses::Addresses},
    recovery,
};

/// The hub could not start, or ended badly.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log.
    #[error("failed to recover from {directory}")]
    Recovery {
        /// Where it is.
        directory: PathBuf,
        /// Why.
        source: Box<recovery::Error>,
    },
    /// The actors.
    #[error("failed to start the actors")]
    House(#[from] actors::house::Error),
    /// The address of Redis.
    #[error("failed to use redis.url")]
    Redis(#[source] channels::ConnectError),
    /// The port.
    #[error("failed to listen on {listen}")]
    Listen {
        /// The address.
        listen: std::net::SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The server.
    #[error("failed to serve")]
    Serve(#[source] io::Error),
}

/// Serves until SIGTERM or Ctrl-C, then drains.
///
/// # Errors
/// When the hub cannot start: the message says what to do about it.
pub fn run(loaded: Loaded) -> Result<(), Error> {
    actix::System::new().block_on(serve(Arc::new(loaded)))
}

async fn serve(loaded: Arc<Loaded>) -> Result<(), Error> {
    let config = &loaded.config;
    let directory = PathBuf::from(&config.journal.directory);
    let recovered = recovery::recover(&directory, config.journal.segment_bytes)
        .map_err(|source| Error::Recovery { directory: directory.clone(), source: Box::new(source) })?;
    let plan = options::plan(&loaded, recovered, directory)?;
    let workers = plan.workers;
    let (house, mailboxes) = House::start(plan).await?;
    let edge = Arc::new(Edge::new(loaded.clone(), &house));
    // A listener of our own, so that a taken port is told before anything is printed, and port 0 is known.
    let listen = config.server.listen;
    let bind = || -> io::Result<std::net::TcpListener> {
        let listener = std::net::TcpListener::bind(listen)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    let listener = bind().map_err(|source| Error::Listen { listen, source })?;
    let address = listener.local_addr().map_err(|source| Error::Listen { listen, source })?;

    let door = Arc::new(Door {
        mailboxes: Mutex::new(mailboxes.into_iter().map(Some).collect()),
        next: AtomicU16::new(0),
        addresses: Addresses::new(&config.rate, config.server.connections_per_address_max),
    });
    let server = actix_server::Server::build()
        .workers(usize::from(workers))
        .max_concurrent_connections(config.server.connections_max as usize)
        .backlog(4096)
        .disable_signals()
        .shutdown_timeout(2)
        .listen("hub", listener, {
            let edge = edge.clone();
            move || worker_service(&edge, &door)
        })
        .map_err(Error::Serve)?
        .run();
    let handle = server.handle();
    let serving = actix::spawn(server);
    announce(&loaded, address);
    stop_signal().await.map_err(Error::Serve)?;

    drain(&loaded, &house, &edge).await;
    handle.stop(true).await;
    serving.await.map_err(io::Error::other).and_then(|result| result).map_err(Error::Serve)?;
    house.stop().await;
    tracing::info!("the log is closed; good bye");
    Ok(())
}

/// What the workers share at the door.
struct Door {
    mailboxes: Mutex<Vec<Option<Mailbox>>>,
    next: AtomicU16,
    addresses: Arc<Addresses>,
}

/// Everything one worker runs: its inbox, its sockets and the HTTP pages, all on one port.
fn worker_service(
    edge: &Arc<Edge>,
    door: &Arc<Door>,
) -> impl actix_service::ServiceFactory<
    actix_rt::net::TcpStream,
    Config = (),
    Response = (),
    Error = actix_http::error::DispatchError,
    InitError = (),
> + use<> {
    let number = door.next.fetch_add(1, Relaxed);
    let worker = socket::Worker::current(&edge.limits(), edge::socket::close_codes());
    if let Some(mailbox) = door.mailboxes.lock().get_mut(usize::from(number)).and_then(Option::take) {
        actix::spawn(actors::worker::run(mailbox, worker.clone(), edge.pubsub.clone()));
    }
    let upgrade = edge::socket::upgrade(edge, &door.addresses, worker, number);
    let edge = edge.clone();
    let app = App::new().app_data(web::Data::from(edge)).configure(edge::routes);
    HttpService::build()
        .keep_alive(Duration::from_secs(60))
        .client_request_timeout(Duration::from_secs(10))
        .h1_allow_half_closed(false)
        .upgrade(upgrade)
        .finish(map_config(app, |_| AppConfig::default()))
        .tcp()
}

fn announce(loaded: &Loaded, address: std::net::SocketAddr) {
    let config = &loaded.config;
    let tables = loaded.tables.len();
    tracing::info!(%address, mode = %config.mode, tables, "the hub serves");
    if config.demo.enabled && config.mode == Mode::Development {
        println!(
            "\n  Open http://{address}/ in two browser windows and sit at the same table.\n  Stop with Ctrl-C: a round goes on where it was when you start again.\n"
        );
    }
}

async fn stop_signal() -> io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}

/// Takes no new work, tells every client when to come back, lets what is under way end, closes the sessions.
async fn drain(loaded: &Loaded, house: &House, edge: &Edge) {
    let limit = Duration::from_secs(loaded.config.server.drain_seconds.into());
    tracing::info!(seconds = limit.as_secs(), "draining: no new work is taken");
    let began = Instant::now();
    edge.admission.drain();
    let spread_ms = (edge.sessions() / 2).clamp(1_000, 60_000);
    house.workers.send_all(|| ToWorker::Drain { spread_ms });
    while edge.admission.in_flight() > 0 && began.elapsed() < limit {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let code = CloseCode::Draining.number();
    house.workers.send_all(|| ToWorker::Close { code, reason: "the hub is restarting" });
    while edge.sessions() > 0 && began.elapsed() < limit {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tracing::info!(left = edge.sessions(), "drained; open rounds stay in the log");
}
