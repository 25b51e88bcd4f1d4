//! The address of the hub.

use std::{io, net::SocketAddr};

use url::{Position, Url};

/// A hub's address, taken apart.
#[derive(Debug, Clone)]
pub struct Target {
    /// As given, for instance `ws://127.0.0.1:7700/ws`.
    pub url: String,
    /// Host and port, as in the `host` header: without a port that is 80.
    pub host: String,
    /// Path and query of the WebSocket.
    pub path: String,
    /// Resolved once, so that the name service is not part of what is measured.
    pub address: SocketAddr,
}

impl Target {
    /// Takes `ws://host:port/path` apart and resolves the host.
    pub fn parse(url: &str) -> io::Result<Self> {
        let wrong = || {
            let text = format!("\"{url}\" is not an address such as ws://127.0.0.1:7700/ws");
            io::Error::new(io::ErrorKind::InvalidInput, text)
        };
        let parsed = Url::parse(url).map_err(|_| wrong())?;
        if parsed.scheme() != "ws" || !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(wrong());
        }
        let addresses = parsed.socket_addrs(|| None).map_err(|_| wrong())?;
        Ok(Self {
            url: url.to_owned(),
            host: parsed[Position::BeforeHost..Position::AfterPort].to_owned(),
            path: parsed[Position::BeforePath..Position::AfterQuery].to_owned(),
            address: *addresses.first().ok_or_else(wrong)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        for (url, host, path, address) in [
            ("ws://127.0.0.1:7700/ws", "127.0.0.1:7700", "/ws", "127.0.0.1:7700"),
            ("ws://127.0.0.1/ws?kind=a:b", "127.0.0.1", "/ws?kind=a:b", "127.0.0.1:80"),
            ("ws://[::1]:7700", "[::1]:7700", "/", "[::1]:7700"),
        ] {
            let target = Target::parse(url).expect("a good address");
            assert_eq!((target.host.as_str(), target.path.as_str()), (host, path), "{url}");
            assert_eq!(target.address.to_string(), address, "{url}");
        }
        for url in
            ["http://127.0.0.1:7700/ws", "ws://127.0.0.1:x/ws", "ws://u@127.0.0.1/ws", "127.0.0.1:7700"]
        {
            assert!(Target::parse(url).is_err(), "{url}");
        }
    }
}
