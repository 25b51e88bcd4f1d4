//! The addresses on which the hub listens, bound before anything else happens.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

/// A bound address. No connection is accepted yet.
pub struct Listening {
    /// Where connections wait.
    pub listener: TcpListener,
    /// The address; the port is known also when 0 was asked for.
    pub address: SocketAddr,
}

impl Listening {
    /// Binds an address. `option`: the one that asks for it.
    ///
    /// # Errors
    /// When it cannot be bound.
    pub fn at(option: &'static str, listen: SocketAddr) -> Result<Self, NotHad> {
        let taken = bind(listen).and_then(|listener| Ok(Self { address: listener.local_addr()?, listener }));
        taken.map_err(|source| NotHad { option, listen, source })
    }
}

/// An address that cannot be bound.
#[derive(Debug, thiserror::Error)]
#[error("failed to listen on {listen}, the address in {option}{}", self.hint())]
pub struct NotHad {
    /// The option that asks for it.
    option: &'static str,
    /// The address.
    listen: SocketAddr,
    /// Why.
    source: io::Error,
}

impl NotHad {
    /// Whether another program, or another hub, has it.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.source.kind() == io::ErrorKind::AddrInUse
    }

    /// What to do about it, where that is known.
    fn hint(&self) -> &'static str {
        if self.is_taken() {
            " (another program, perhaps another hub, has it: stop that one, or set another address)"
        } else {
            ""
        }
    }
}

/// A listener of our own, so that the port is known when it is 0.
fn bind(listen: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(listen), socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&listen.into())?;
    socket.listen(4096)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_use_is_reported_with_its_option_and_what_to_do() {
        let listen = |address| Listening::at("server.listen", address);
        let one = listen(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
        assert_ne!(one.address.port(), 0);
        let other = listen(one.address).err().expect("it is taken");
        assert!(other.is_taken(), "{other:?}");
        let said = other.to_string();
        assert!(said.contains("in server.listen (another program"), "{said}");
        // An address of no interface of this machine (RFC 5737).
        let foreign = listen(SocketAddr::from(([192, 0, 2, 1], 0))).err().expect("it cannot be had");
        assert!(foreign.to_string().ends_with("in server.listen"), "{foreign}");
    }
}
