//! The admin server: health and figures on a port and a thread of their own, so that a hub whose public server is full
//! still answers the operator. It takes no WebSocket.

use std::{io, sync::Arc};

use actix_server::ServerHandle;
use actix_service::map_config;
use actix_web::{App, dev::AppConfig};

use crate::{
    door::{self, Waits},
    edge::Surfaces,
};

/// Most connections at once: the clients are a few health checks and scrapers.
const CONNECTIONS_MAX: usize = 64;

/// The running server.
pub struct Admin(ServerHandle);

impl Admin {
    /// Serves on its own thread from now on.
    ///
    /// # Errors
    /// When the listener cannot be served.
    pub fn serve(listener: std::net::TcpListener, surfaces: Arc<Surfaces>, waits: Waits) -> io::Result<Self> {
        let server = actix_server::Server::build()
            .workers(1)
            .max_concurrent_connections(CONNECTIONS_MAX)
            .disable_signals()
            .listen("hub-admin", listener, move || {
                let app = App::new().configure(|service| surfaces.admin(service));
                let app = map_config(app, |_| AppConfig::default());
                door::pages(app, surfaces.admin_rules.clone(), waits)
            })?
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
