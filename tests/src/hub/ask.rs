//! What a running hub says: where it is, its figures, its log.

use std::net::SocketAddr;

use super::process::TestHub;
use crate::{http, until};

impl TestHub {
    /// Where it serves.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.process.as_ref().and_then(|process| process.address).expect("the hub serves")
    }

    /// Where it answers the operator.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.process.as_ref().and_then(|process| process.admin).expect("the hub has an admin server")
    }

    /// One figure by its whole name, labels included; `None` when it is not there.
    ///
    /// # Panics
    /// When there is no answer in time.
    pub async fn figure(&self, name: &str) -> Option<u64> {
        let metrics = self.figures().await;
        metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }

    /// All figures, as the operator's scraper reads them.
    ///
    /// # Panics
    /// When there is no answer in time.
    pub async fn figures(&self) -> String {
        http::get(self.admin(), "/metrics").await.body
    }

    /// Waits until the read model of a new hub has what the start has recorded. Before that, the hub serves and refuses lists and
    /// reports.
    pub async fn has_its_read_model(&self) {
        self.logged("the read model has the whole log, and is read").await;
    }

    /// The address of its WebSockets.
    #[must_use]
    pub fn url(&self) -> String {
        format!("ws://{}/ws", self.address())
    }

    /// The process id.
    ///
    /// # Panics
    /// When it is not running.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("the hub runs").child.id()
    }

    /// Everything that the hub has logged over all its starts.
    #[must_use]
    pub fn whole_log(&self) -> String {
        self.log.lines().join("\n")
    }

    /// How many lines with this text the hub has logged over all its starts.
    #[must_use]
    pub fn times_logged(&self, text: &str) -> usize {
        self.log.lines().iter().filter(|line| line.contains(text)).count()
    }

    /// Waits until the hub has logged a line with this text.
    pub async fn logged(&self, text: &str) -> String {
        let line = async || self.log.lines().iter().find(|line| line.contains(text)).cloned();
        until(&format!("the log line {text:?}"), line).await
    }
}
