//! The socket options of a session's connection.

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::Limits;

/// Sets the socket options of the limits, and `TCP_NODELAY`: without it Nagle's algorithm delays small frames by 40 ms.
/// The HTTP server's own setting has no effect on a connection that it did not accept.
pub(crate) fn tune(io: &TcpStream, limits: &Limits) -> io::Result<()> {
    io.set_nodelay(true)?;
    let socket = socket2::SockRef::from(io);
    if limits.send_buffer_bytes > 0 {
        socket.set_send_buffer_size(limits.send_buffer_bytes)?;
    }
    #[cfg(target_os = "linux")]
    {
        if limits.unsent_bytes_max > 0 {
            socket.set_tcp_notsent_lowat(limits.unsent_bytes_max)?;
        }
        if limits.unacknowledged_ms_max > 0 {
            let timeout = Duration::from_millis(u64::from(limits.unacknowledged_ms_max));
            socket.set_tcp_user_timeout(Some(timeout))?;
        }
    }
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn the_options_are_on_the_socket() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (io, _) = listener.accept().await.unwrap();
        io.set_nodelay(false).unwrap();
        tune(&io, &Limits { unsent_bytes_max: 12_345, ..Limits::default() }).unwrap();

        let socket = socket2::SockRef::from(&io);
        assert!(socket.tcp_nodelay().unwrap());
        assert_eq!(socket.tcp_notsent_lowat().unwrap(), 12_345);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_millis(25_000)));
        // The kernel doubles the size to account for its own bookkeeping.
        assert_eq!(socket.send_buffer_size().unwrap(), 128 * 1024);
    }
}
