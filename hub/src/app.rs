//! The composition root: recovers, starts the house bottom up, opens the door last; drains top down.

mod files;
mod memory;
mod options;

pub use options::currencies;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, atomic::AtomicU16, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use actix_rt::net::TcpStream;
use actix_service::{Service, ServiceFactory, apply_fn_factory, map_config};
use actix_web::{App, dev::AppConfig, web};
use actors::{house::House, messages::worker::ToWorker, workers::Mailbox};
use parking_lot::Mutex;
use protocol::CloseCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    config::{Loaded, Mode},
    door,
    edge::{self, Edge, addresses::Addresses},
    recovery::{self, Expectations, Head},
    telemetry::events as telemetry,
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
        listen: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The server.
    #[error("failed to serve")]
    Serve(#[source] io::Error),
}

/// Serves until SIGTERM or Ctrl-C, then drains. The log must have the record `expected`, if there is one.
///
/// # Errors
/// When the hub cannot start: the message says what to do about it.
pub fn run(loaded: Loaded, expected: Option<Head>) -> Result<(), Error> {
    actix::System::new().block_on(serve(Arc::new(loaded), expected))
}

async fn serve(loaded: Arc<Loaded>, expected: Option<Head>) -> Result<(), Error> {
    let config = &loaded.config;
    // Before anything is recovered: a port that is taken is told at once, and nothing has happened yet. Nobody is
    // let in before the house stands.
    let listen = config.server.listen;
    let listener = bind(listen).map_err(|source| Error::Listen { listen, source })?;
    let address = listener.local_addr().map_err(|source| Error::Listen { listen, source })?;
    let directory = PathBuf::from(&config.journal.directory);
    files::allow(u64::from(config.server.connections_max));
    let expectations = Expectations::of(&loaded, expected);
    let recovered = recovery::recover(&directory, config.journal.segment_bytes, &expectations)
        .map_err(|source| Error::Recovery { directory: directory.clone(), source: Box::new(source) })?;
    memory::use_small_pages();
    let setup = options::setup(&loaded, recovered, directory)?;
    let workers = setup.workers;
    let (house, mailboxes) = House::start(setup).await?;
    let edge = Arc::new(Edge::new(loaded.clone(), &house));

    let door = Arc::new(Door {
        mailboxes: Mutex::new(mailboxes.into_iter().map(Some).collect()),
        next: AtomicU16::new(0),
        addresses: edge.addresses.clone(),
    });
    let server = actix_server::Server::build()
        .workers(usize::from(workers))
        .max_concurrent_connections((config.server.connections_max as usize).div_ceil(usize::from(workers)))
        .disable_signals()
        .shutdown_timeout(2)
        .listen("hub", listener, {
            let edge = edge.clone();
            move || worker_service(&edge, &door)
        })
        .map_err(Error::Serve)?
        .run();
    let handle = server.handle();
    let mut serving = actix::spawn(server);
    announce(&loaded, address);
    tokio::select! {
        signal = stop_signal() => signal.map_err(Error::Serve)?,
        ended = &mut serving => {
            let ended = ended.map_err(io::Error::other).and_then(|result| result);
            return Err(Error::Serve(ended.err().unwrap_or_else(|| io::Error::other("the server has ended by itself"))));
        }
    }
    tokio::select! {
        () = drain(&loaded, &house, &edge) => {}
        _ = stop_signal() => telemetry::told_twice(),
    }
    handle.stop(true).await;
    serving.await.map_err(io::Error::other).and_then(|result| result).map_err(Error::Serve)?;
    house.stop().await;
    telemetry::closed();
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
) -> impl ServiceFactory<
    TcpStream,
    Config = (),
    Response = (),
    Error = actix_http::error::DispatchError,
    InitError = (),
> + use<> {
    let number = door.next.fetch_add(1, Relaxed);
    let worker = socket::Worker::current(&edge.limits(), edge::socket::close_codes());
    let Some(mailbox) = door.mailboxes.lock().get_mut(usize::from(number)).and_then(Option::take) else {
        // The server starts a worker anew only after one has died, and the sessions of that one with it.
        telemetry::worker_died();
        std::process::abort();
    };
    actix::spawn(actors::worker::run(mailbox, worker.clone(), edge.pubsub.clone()));
    let upgrade = edge::socket::upgrade(edge, worker, number);
    let app = App::new().app_data(web::Data::from(edge.clone())).configure(edge::routes);
    let http = door::http(map_config(app, |_| AppConfig::default()), upgrade);
    let answers_within = Duration::from_millis(edge.loaded.config.socket.stall_ms_max.into());
    counted(door.addresses.clone(), answers_within, http)
}

/// Counts every connection at its address, from the first byte to the last, whatever it speaks.
fn counted<S>(
    addresses: Arc<Addresses>,
    answers_within: Duration,
    http: S,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = S::Error, InitError = ()> + use<S>
where
    S: ServiceFactory<TcpStream, Config = (), Response = (), InitError = ()>,
    S::Service: 'static,
{
    apply_fn_factory(http, move |io: TcpStream, http: &S::Service| {
        patience(&io, answers_within);
        let peer = io.peer_addr().map(|peer| peer.ip());
        let entered = peer.map_err(drop).and_then(|peer| addresses.enter(peer, Instant::now()).map_err(drop));
        let serving = match entered {
            Ok(place) => Ok((place, http.call(io))),
            Err(()) => Err(io),
        };
        async move {
            match serving {
                Ok((_place, serving)) => serving.await,
                Err(io) => {
                    turn_away(io).await;
                    Ok(())
                }
            }
        }
    })
}

/// Most the kernel takes of an answer before the client has room for it, bytes.
#[cfg(target_os = "linux")]
const UNSENT_BYTES_MAX: u32 = 32 * 1024;

/// A client that does not take what it is answered, or is gone without a word, is given up by the kernel after this
/// time: HTTP itself would wait for it for ever. A WebSocket has its own bounds from its handshake on.
fn patience(io: &TcpStream, time: Duration) {
    #[cfg(target_os = "linux")]
    {
        let socket = socket2::SockRef::from(io);
        // A socket that takes no options is not worth a word: it fails at its first read.
        let _ = socket.set_tcp_user_timeout(Some(time));
        let _ = socket.set_tcp_notsent_lowat(UNSENT_BYTES_MAX);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (io, time);
}

/// Says why before the door closes. What the client has sent is read for a moment: closing over it would reset the
/// connection, and the word would be lost.
async fn turn_away(mut io: TcpStream) {
    let word = async {
        io.write_all(TOO_MANY).await?;
        io.shutdown().await?;
        let mut unread = [0; 512];
        while io.read(&mut unread).await? > 0 {}
        io::Result::Ok(())
    };
    // A client that is gone or does not hang up needs no answer.
    let _ = tokio::time::timeout(Duration::from_millis(250), word).await;
}

/// The answer to an address that has too many connections, or makes them too fast.
const TOO_MANY: &[u8] =
    b"HTTP/1.1 429 Too Many Requests\r\nconnection: close\r\ncontent-length: 0\r\nretry-after: 2\r\n\r\n";

fn announce(loaded: &Loaded, address: SocketAddr) {
    let config = &loaded.config;
    let url = page_url(&config.server.public_url, address);
    telemetry::serving(address, &url, config.mode, loaded.tables.len());
    if config.demo.enabled && config.mode == Mode::Development {
        println!(
            "\n  Open {url}/ in two browser windows and sit at the same table.\n  Stop with Ctrl-C: a round goes on where it was when you start again.\n"
        );
    }
}

/// Where a person opens the page: as the operator says, or where the hub listens. One that listens everywhere is found
/// on this machine.
fn page_url(public_url: &str, address: SocketAddr) -> String {
    if !public_url.is_empty() {
        return public_url.to_owned();
    }
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

/// A listener of our own, so that the port is known when it is 0.
fn bind(listen: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(listen), socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&listen.into())?;
    socket.listen(4096)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
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
    telemetry::draining(limit);
    let began = Instant::now();
    edge.admission.drain();
    let spread_ms = (edge.sessions() / 2).clamp(1_000, 60_000);
    house.workers.send_all(|| ToWorker::Drain { spread_ms });
    while edge.admission.in_flight() > 0 && began.elapsed() < limit {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let code = CloseCode::Draining.number();
    let here = Arc::new(());
    let reason = "the hub is restarting";
    house.workers.send_all(|| ToWorker::Close { code, reason, gone: here.clone() });
    while Arc::strong_count(&here) > 1 && began.elapsed() < limit {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let all_gone = Arc::strong_count(&here) == 1;
    telemetry::drained(all_gone);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_that_is_printed_can_be_opened() {
        let url = |public_url, address: &str| page_url(public_url, address.parse().expect("an address"));
        assert_eq!(url("", "127.0.0.1:7700"), "http://127.0.0.1:7700");
        assert_eq!(url("", "0.0.0.0:7701"), "http://127.0.0.1:7701");
        assert_eq!(url("", "[::]:7700"), "http://[::1]:7700");
        assert_eq!(url("", "10.0.0.5:80"), "http://10.0.0.5:80");
        assert_eq!(url("https://play.example.com", "0.0.0.0:7700"), "https://play.example.com");
    }
}
