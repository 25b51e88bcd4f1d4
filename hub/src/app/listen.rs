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
    /// Binds an address.
    ///
    /// # Errors
    /// When it cannot be bound.
    pub fn at(listen: SocketAddr) -> Result<Self, NotHad> {
        let taken = bind(listen).and_then(|listener| Ok(Self { address: listener.local_addr()?, listener }));
        taken.map_err(|source| NotHad { listen, source })
    }
}

/// An address that cannot be bound.
#[derive(Debug, thiserror::Error)]
#[error("failed to listen on {listen}")]
pub struct NotHad {
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
    fn an_address_in_use_is_reported_as_taken() {
        let one = Listening::at(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
        assert_ne!(one.address.port(), 0);
        let other = Listening::at(one.address).err().expect("it is taken");
        assert!(other.is_taken(), "{other:?}");
    }
}
