//! The address of the hub.

use std::{
    io,
    net::{SocketAddr, ToSocketAddrs},
};

/// A hub's address, taken apart.
#[derive(Debug, Clone)]
pub struct Target {
    /// As given, for instance `ws://127.0.0.1:7700/ws`.
    pub url: String,
    /// Host and port, as in the `host` header.
    pub host: String,
    /// Path of the WebSocket.
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
        let rest = url.strip_prefix("ws://").ok_or_else(wrong)?;
        let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let host = if host.rsplit_once(':').is_some() { host.to_owned() } else { format!("{host}:80") };
        let address = host.to_socket_addrs().map_err(|_| wrong())?.next().ok_or_else(wrong)?;
        Ok(Self { url: url.to_owned(), host, path: path.to_owned(), address })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        let target = Target::parse("ws://127.0.0.1:7700/ws").expect("a good address");
        assert_eq!((target.host.as_str(), target.path.as_str()), ("127.0.0.1:7700", "/ws"));
        assert_eq!(target.address.port(), 7_700);
        assert!(Target::parse("http://127.0.0.1:7700/ws").is_err());
        assert!(Target::parse("ws://127.0.0.1:x/ws").is_err());
    }
}
