//! The admin server: health and figures on a port and a thread of their own, so that a hub whose public server is full
//! still answers the operator. It takes no WebSocket.

use std::{io, sync::Arc, time::Duration};

use actix_web::{
    App, HttpServer,
    dev::{Server, ServerHandle},
};

use crate::edge::Surfaces;

/// Most connections at once. Those who ask are few, and each asks now and then.
const CONNECTIONS_MAX: usize = 64;
/// Longest a connection without a request stays open; scrapers ask four times a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// Longest wait for a request.
const REQUEST_WITHIN: Duration = Duration::from_secs(10);

/// The running server.
pub struct Admin(ServerHandle);

impl Admin {
    /// Serves on its own thread from now on.
    ///
    /// # Errors
    /// When the listener cannot be served.
    pub fn serve(listener: std::net::TcpListener, surfaces: Arc<Surfaces>) -> io::Result<Self> {
        let server: Server = HttpServer::new(move || App::new().configure(|service| surfaces.admin(service)))
            .workers(1)
            .max_connections(CONNECTIONS_MAX)
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(REQUEST_WITHIN)
            .disable_signals()
            .server_hostname("hub-admin")
            .listen(listener)?
            .run();
        let handle = server.handle();
        actix::spawn(server);
        Ok(Self(handle))
    }

    /// Closes it at once: nothing it answers needs an end.
    pub async fn stop(self) {
        self.0.stop(false).await;
    }
}
