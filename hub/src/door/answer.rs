//! The body of an answer, handed to the HTTP server in small pieces.
//!
//! The server copies whatever it is given into its write buffer before it looks how full that is. With pieces, one
//! connection holds the buffer and a piece, and never a whole page or a whole scrape.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;

use super::pipe::Answering;

/// Longest piece, bytes.
const PIECE_BYTES_MAX: usize = 8 * 1024;

/// A body; while it lives, its request is under way.
#[derive(Debug)]
pub struct Answer {
    body: BoxBody,
    rest: Bytes,
    _answering: Answering,
}

impl Answer {
    /// The answer to the request that is under way.
    #[must_use]
    pub fn new(body: BoxBody, answering: Answering) -> Self {
        Self { body, rest: Bytes::new(), _answering: answering }
    }
}

impl MessageBody for Answer {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        while this.rest.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_next(cx)) {
                Some(Ok(bytes)) => this.rest = bytes,
                end => return Poll::Ready(end),
            }
        }
        let piece = this.rest.len().min(PIECE_BYTES_MAX);
        Poll::Ready(Some(Ok(this.rest.split_to(piece))))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use std::{future::poll_fn, rc::Rc};

    use super::*;
    use crate::door::{framing::BodyLeft, pipe::Exchange};

    #[actix_rt::test]
    async fn a_long_body_comes_in_small_pieces_and_whole() {
        let text = vec![b'x'; 20_000];
        let exchange = Rc::new(Exchange::default());
        let mut answer = Answer::new(BoxBody::new(text.clone()), exchange.begin(BodyLeft::Ended));
        assert_eq!(answer.size(), BodySize::Sized(20_000));
        let mut pieces = Vec::new();
        while let Some(piece) = poll_fn(|cx| Pin::new(&mut answer).poll_next(cx)).await {
            pieces.push(piece.unwrap());
        }
        assert!(pieces.iter().all(|piece| piece.len() <= PIECE_BYTES_MAX), "{pieces:?}");
        assert_eq!(pieces.concat(), text);
    }
}
