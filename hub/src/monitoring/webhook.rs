//! Posts alerts to the operator's address: one HTTPS request each, within three seconds, that follows no redirect.
//!
//! It resolves the name itself and connects to what it has judged: an address of this machine or of a private network is
//! not connected to, whatever the name says a moment later.

use std::{sync::Arc, time::Duration};

use rustls::{RootCertStore, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, lookup_host},
};
use tokio_rustls::TlsConnector;

use super::webhook_target::WebhookTarget;

/// Longest time for one post, from the name to the status.
const WITHIN: Duration = Duration::from_secs(3);
/// The longest wait for one address of the host, so that the next one has its turn.
const CONNECT_WITHIN: Duration = Duration::from_millis(800);
/// Longest head of an answer, bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Most headers of an answer.
const HEADERS_MAX: usize = 64;

/// Why an alert was not taken. The text names no path.
#[derive(Debug, thiserror::Error)]
pub enum NotPosted {
    /// Nobody knows the name.
    #[error("failed to find the host")]
    Host(#[source] std::io::Error),
    /// The name leads to this machine or to a private network.
    #[error("the host is on this machine or in a private network")]
    Private,
    /// No connection, or one that broke.
    #[error("failed to talk to the host")]
    Connection(#[source] std::io::Error),
    /// The certificate is not one of the host.
    #[error("failed to make sure that it is the host")]
    Tls(#[source] std::io::Error),
    /// What came back is no answer of HTTP.
    #[error("the host does not speak HTTP")]
    NoHttp,
    /// The answer says no.
    #[error("the host answered {0}")]
    Status(u16),
    /// Three seconds are over.
    #[error("no answer within three seconds")]
    Late,
}

/// The way to the operator's address.
pub struct Webhook {
    target: WebhookTarget,
    tls: TlsConnector,
}

impl Webhook {
    /// The way to this address, with the certificates that the machine trusts.
    #[must_use]
    pub fn new(target: WebhookTarget) -> Self {
        let mut trusted = RootCertStore::empty();
        // What cannot be read trusts nobody, and the first post says so.
        trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Self::trusting(target, trusted)
    }

    fn trusting(target: WebhookTarget, trusted: RootCertStore) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has the versions of TLS that are safe")
            .with_root_certificates(trusted)
            .with_no_client_auth();
        Self { target, tls: TlsConnector::from(Arc::new(config)) }
    }

    /// Posts a JSON document.
    ///
    /// # Errors
    /// When no status of success came back in time.
    pub async fn post(&self, body: &str) -> Result<(), NotPosted> {
        tokio::time::timeout(WITHIN, self.posted(body)).await.unwrap_or(Err(NotPosted::Late))
    }

    async fn posted(&self, body: &str) -> Result<(), NotPosted> {
        let connection = self.connected().await?;
        let request = self.request(body);
        let status = if self.target.is_https() {
            let name = ServerName::try_from(self.target.host().to_owned());
            let name = name.map_err(|error| NotPosted::Tls(std::io::Error::other(error)))?;
            let secured = self.tls.connect(name, connection).await.map_err(NotPosted::Tls)?;
            asked(secured, &request).await?
        } else {
            asked(connection, &request).await?
        };
        if (200..300).contains(&status) { Ok(()) } else { Err(NotPosted::Status(status)) }
    }

    /// A connection to the first address of the host that takes one.
    async fn connected(&self) -> Result<TcpStream, NotPosted> {
        let resolved =
            lookup_host((self.target.host(), self.target.port())).await.map_err(NotPosted::Host)?;
        let mut failed = NotPosted::Private;
        for address in self.target.allowed(resolved) {
            match tokio::time::timeout(CONNECT_WITHIN, TcpStream::connect(address)).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(error)) => failed = NotPosted::Connection(error),
                Err(elapsed) => failed = NotPosted::Connection(elapsed.into()),
            }
        }
        Err(failed)
    }

    fn request(&self, body: &str) -> String {
        format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\nuser-agent: hub/{}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            self.target.path(),
            self.target.authority(),
            env!("CARGO_PKG_VERSION"),
            body.len(),
        )
    }
}

/// Sends a request, and reads the status of its answer. What comes behind the head is not read.
async fn asked(mut io: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> Result<u16, NotPosted> {
    io.write_all(request.as_bytes()).await.map_err(NotPosted::Connection)?;
    io.flush().await.map_err(NotPosted::Connection)?;
    let mut head = Vec::new();
    while head.len() < HEAD_BYTES_MAX {
        let mut piece = [0; 1024];
        let read = io.read(&mut piece).await.map_err(NotPosted::Connection)?;
        head.extend_from_slice(&piece[..read]);
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut answer = httparse::Response::new(&mut headers);
        let whole = answer.parse(&head).map_err(|_| NotPosted::NoHttp)?.is_complete();
        match answer.code {
            Some(code) if whole => return Ok(code),
            _ if read == 0 => break,
            _ => {}
        }
    }
    Err(NotPosted::NoHttp)
}

#[cfg(test)]
mod tests;
