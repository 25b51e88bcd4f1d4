//! One WebSocket with the hub's frames. It does not match replies, sends no heartbeat and keeps no state.

use std::{io, pin::Pin, time::Duration};

use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use protocol::{
    ClientFrame, Encoding, ErrorCode,
    codec::{ServerFrame, decode_server, encode_client},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_websockets::{ClientBuilder, Limits, Message, WebSocketStream};
use url::Url;

use crate::{Closed, Error};

/// Largest frame accepted from the hub, bytes. A `welcome` that resumes 32 channels with full histories may take
/// megabytes.
const FRAME_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Longest wait for TCP and for the WebSocket handshake each.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Opens the byte stream of a connection: for TLS, a proxy, or a test. An error counts as a refused connection.
pub type Connect =
    dyn Fn() -> Pin<Box<dyn Future<Output = io::Result<Box<dyn Transport>>> + Send>> + Send + Sync;

/// A byte stream a connection can run over: TCP, or TLS of your choice.
pub trait Transport: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Transport for T {}

type Socket = WebSocketStream<Box<dyn Transport>>;

/// One open WebSocket in one of the two encodings.
pub struct Connection {
    socket: Socket,
    encoding: Encoding,
}

/// The half that sends.
pub struct Sender {
    sink: SplitSink<Socket, Message>,
    encoding: Encoding,
}

/// The half that receives. Poll it, or pings stay unanswered.
pub struct Receiver {
    stream: SplitStream<Socket>,
    encoding: Encoding,
}

impl Connection {
    /// Opens `ws://host[:port][/path]`, with Nagle's delay off.
    pub async fn open(url: &str, encoding: Encoding) -> Result<Self, Error> {
        let address = address(url)?;
        let connect = TcpStream::connect(&address);
        let failed = |source| Error::Connect { address: address.clone(), source };
        let stream = timed(connect).await?.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        Self::over(stream, url, encoding).await
    }

    /// Opens a stream by `connect` and shakes hands on it.
    pub(crate) async fn by(connect: &Connect, url: &str, encoding: Encoding) -> Result<Self, Error> {
        let stream = timed(connect()).await?;
        let stream = stream.map_err(|source| Error::Connect { address: url.to_owned(), source })?;
        Self::over(stream, url, encoding).await
    }

    /// Shakes hands on a stream that is connected already. `url` gives host and path of the request.
    pub async fn over(
        stream: impl Transport + 'static,
        url: &str,
        encoding: Encoding,
    ) -> Result<Self, Error> {
        let wrong_url = || Error::Url { url: url.to_owned() };
        let name = "sec-websocket-protocol".parse().map_err(|_| wrong_url())?;
        let value = encoding.subprotocol().parse().map_err(|_| wrong_url())?;
        let builder = ClientBuilder::new()
            .uri(url)
            .map_err(|_| wrong_url())?
            .limits(Limits::default().max_payload_len(Some(FRAME_BYTES_MAX)))
            .add_header(name, value)
            .map_err(Error::Handshake)?;
        let stream: Box<dyn Transport> = Box::new(stream);
        let (socket, response) = timed(builder.connect_on(stream)).await?.map_err(Error::Handshake)?;
        let chosen = response.headers().get("sec-websocket-protocol").and_then(|value| value.to_str().ok());
        if chosen != Some(encoding.subprotocol()) {
            return Err(Error::Subprotocol(chosen.unwrap_or_default().to_owned()));
        }
        Ok(Self { socket, encoding })
    }

    /// Sends one frame and flushes.
    pub async fn send(&mut self, frame: ClientFrame) -> Result<(), Error> {
        self.socket.send(message(self.encoding, frame)).await.map_err(|error| Error::Closed(broken(&error)))
    }

    /// The next frame. Pushes of a kind this release does not know are skipped. A frame that cannot be read is
    /// [`Error::Frame`], with the id of the request it answers if it has one; the connection goes on after it.
    pub async fn recv(&mut self) -> Result<ServerFrame, Error> {
        receive(&mut self.socket, self.encoding).await
    }

    /// Two halves for two tasks.
    #[must_use]
    pub fn split(self) -> (Sender, Receiver) {
        let (sink, stream) = self.socket.split();
        (Sender { sink, encoding: self.encoding }, Receiver { stream, encoding: self.encoding })
    }
}

impl Sender {
    /// Queues a frame; it leaves with the next [`Sender::flush`], or earlier when much is queued.
    pub async fn feed(&mut self, frame: ClientFrame) -> Result<(), Error> {
        self.sink.feed(message(self.encoding, frame)).await.map_err(|error| Error::Closed(broken(&error)))
    }

    /// Writes everything queued.
    pub async fn flush(&mut self) -> Result<(), Error> {
        self.sink.flush().await.map_err(|error| Error::Closed(broken(&error)))
    }

    /// Sends one frame and flushes.
    pub async fn send(&mut self, frame: ClientFrame) -> Result<(), Error> {
        self.feed(frame).await?;
        self.flush().await
    }

    /// Sends the close frame; the receiving half then sees the server's answer and the end.
    pub async fn close(&mut self) -> Result<(), Error> {
        self.sink.close().await.map_err(|error| Error::Closed(broken(&error)))
    }
}

impl Receiver {
    /// The next frame, like [`Connection::recv`].
    pub async fn recv(&mut self) -> Result<ServerFrame, Error> {
        receive(&mut self.stream, self.encoding).await
    }
}

fn message(encoding: Encoding, frame: ClientFrame) -> Message {
    let bytes = encode_client(encoding, frame);
    match encoding {
        Encoding::Msgpack => Message::binary(bytes),
        Encoding::Json => Message::text(bytes),
    }
}

async fn receive<S>(stream: &mut S, encoding: Encoding) -> Result<ServerFrame, Error>
where
    S: StreamExt<Item = Result<Message, tokio_websockets::Error>> + Unpin,
{
    loop {
        let message = match stream.next().await {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Err(Error::Closed(broken(&error))),
            None => return Err(Error::Closed(Closed::broken("the server hung up"))),
        };
        if let Some((code, reason)) = message.as_close() {
            return Err(Error::Closed(Closed { code: Some(code.into()), reason: reason.to_owned() }));
        }
        if message.is_ping() || message.is_pong() {
            continue;
        }
        match decode_server(encoding, message.as_payload()) {
            Err(error) if error.code == ErrorCode::UnknownRequest && error.id.is_none() => {
                tracing::debug!(%error, "skipped a push of a later release");
            }
            decoded => return Ok(decoded?),
        }
    }
}

fn broken(error: &tokio_websockets::Error) -> Closed {
    Closed::broken(error.to_string())
}

async fn timed<T>(work: impl Future<Output = T>) -> Result<T, Error> {
    tokio::time::timeout(CONNECT_MAX, work).await.map_err(|_| Error::Timeout(CONNECT_MAX))
}

/// Host and port of a `ws://` address; the port is 80 when none is given.
fn address(url: &str) -> Result<String, Error> {
    let wrong = || Error::Url { url: url.to_owned() };
    let parsed = Url::parse(url).map_err(|_| wrong())?;
    let is_plain = parsed.scheme() == "ws" && parsed.username().is_empty() && parsed.password().is_none();
    match (parsed.host(), parsed.port_or_known_default()) {
        (Some(host), Some(port)) if is_plain => Ok(format!("{host}:{port}")),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port_or_80() {
        let good = [
            ("ws://127.0.0.1:7700/ws", "127.0.0.1:7700"),
            ("ws://hub.example/ws?x=a:b", "hub.example:80"),
            ("ws://[::1]:7700/ws", "[::1]:7700"),
            ("ws://[::1]/ws", "[::1]:80"),
        ];
        for (url, expected) in good {
            assert_eq!(address(url).ok().as_deref(), Some(expected), "{url}");
        }
        for url in
            ["wss://hub.example/ws", "http://a", "ws://", "ws://:80", "ws://a:b", "ws://u@a:1", "ws://:p@a:1"]
        {
            assert!(address(url).is_err(), "{url}");
        }
    }
}
