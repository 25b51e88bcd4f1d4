//! The public server: one port for pages and WebSockets, one service a worker.

use std::{
    io,
    sync::{Arc, atomic::AtomicU16, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use actix::Addr;
use actix_rt::net::TcpStream;
use actix_server::Server;
use actix_service::{Service, ServiceFactory, apply_fn_factory, map_config};
use actix_web::{App, dev::AppConfig};
use actors::{pubsub::PubSub, workers::Mailbox};
use parking_lot::Mutex;
use socket::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    config::Loaded,
    door::{self, Waits},
    edge::{
        Surfaces,
        addresses::Addresses,
        error::{Error, Kind},
        upgrade,
    },
    telemetry::{RequestId, events as telemetry},
};

/// What the workers share at the door.
pub struct Public {
    surfaces: Arc<Surfaces>,
    addresses: Arc<Addresses>,
    pubsub: Addr<PubSub>,
    mailboxes: Mutex<Vec<Option<Mailbox>>>,
    next: AtomicU16,
    limits: Limits,
    connections_max: u32,
    waits: Waits,
}

impl Public {
    /// The door of a running house, still closed. There is one mailbox a worker.
    pub fn new(
        loaded: &Loaded,
        surfaces: Arc<Surfaces>,
        addresses: Arc<Addresses>,
        pubsub: Addr<PubSub>,
        mailboxes: Vec<Mailbox>,
    ) -> Arc<Self> {
        let socket = &loaded.config.socket;
        Arc::new(Self {
            surfaces,
            addresses,
            pubsub,
            mailboxes: Mutex::new(mailboxes.into_iter().map(Some).collect()),
            next: AtomicU16::new(0),
            limits: upgrade::limits(socket),
            connections_max: loaded.config.server.connections_max,
            waits: Waits::new(socket),
        })
    }

    /// Opens the door.
    ///
    /// # Errors
    /// When the listener cannot be served.
    pub fn serve(self: Arc<Self>, listener: std::net::TcpListener, workers: u16) -> io::Result<Server> {
        let of_a_worker = (self.connections_max as usize).div_ceil(usize::from(workers));
        let server = Server::build()
            .workers(usize::from(workers))
            .max_concurrent_connections(of_a_worker)
            .disable_signals()
            .shutdown_timeout(2)
            .listen("hub", listener, move || self.worker())?;
        Ok(server.run())
    }

    /// Everything one worker runs: its inbox, its sockets and the HTTP pages.
    fn worker(
        &self,
    ) -> impl ServiceFactory<
        TcpStream,
        Config = (),
        Response = (),
        Error = actix_http::error::DispatchError,
        InitError = (),
    > + use<> {
        let number = self.next.fetch_add(1, Relaxed);
        let worker = socket::Worker::current(&self.limits, upgrade::close_codes());
        let Some(mailbox) = self.mailboxes.lock().get_mut(usize::from(number)).and_then(Option::take) else {
            // The server starts a worker again only after one has died, and then the sessions of that worker are lost.
            telemetry::worker_died();
            std::process::abort();
        };
        actix::spawn(actors::worker::run(mailbox, worker.clone(), self.pubsub.clone()));
        let upgrade = self.surfaces.upgrade.service(worker, number);
        let app = App::new().configure(|service| self.surfaces.public(service));
        let (app, rules) = (map_config(app, |_| AppConfig::default()), self.surfaces.rules.clone());
        counted(self.addresses.clone(), door::http(app, upgrade, rules, self.waits))
    }
}

/// Counts every connection at its address, from the first byte to the last, whatever it speaks.
fn counted<S>(
    addresses: Arc<Addresses>,
    http: S,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = S::Error, InitError = ()> + use<S>
where
    S: ServiceFactory<TcpStream, Config = (), Response = (), InitError = ()>,
    S::Service: 'static,
{
    apply_fn_factory(http, move |io: TcpStream, http: &S::Service| {
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

/// Answers 429, then closes the connection. What the client has sent is read for a moment: closing with unread bytes
/// would reset the connection, and the answer would be lost.
async fn turn_away(mut io: TcpStream) {
    let word = async {
        let refusal = RequestId::next().within(|| Error::from(Kind::TooManyConnections).to_bytes());
        io.write_all(&refusal).await?;
        io.shutdown().await?;
        let mut unread = [0; 512];
        while io.read(&mut unread).await? > 0 {}
        io::Result::Ok(())
    };
    // A client that is gone or does not hang up needs no answer.
    let _ = tokio::time::timeout(Duration::from_millis(250), word).await;
}
