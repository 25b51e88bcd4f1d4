//! The checks of every request before its page: a known host name, no header twice, no body where none belongs, and
//! the rate of its address.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use actix_http::{Method, RequestHead, StatusCode, header};

use super::{
    addresses::Addresses,
    error::{Error, Kind},
    hosts::Hosts,
    publish,
};
use crate::config::Server;

/// Headers that may stand once only: a program between the client and the hub may have read the other one. The HTTP
/// server itself refuses a second `host` or `content-length`.
const ONCE: [header::HeaderName; 5] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    header::ORIGIN,
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_VERSION,
];

/// What a page costs its address.
const PAGE: u32 = 1;
/// What a wrong service token costs.
const WRONG_TOKEN: u32 = 20;

/// The rules of one hub.
pub struct EdgeRules {
    hosts: Hosts,
    /// `None` when requests are not charged to their address.
    addresses: Option<Arc<Addresses>>,
    /// Refusals since the start.
    pub refused: Arc<Refused>,
}

/// Refusals by reason.
#[derive(Debug, Default)]
pub struct Refused {
    /// No HTTP/1.1: a port scan, TLS on the plain port.
    pub unreadable: AtomicU64,
    /// Another name than ours.
    pub misdirected: AtomicU64,
    /// A header twice, or a body where none belongs.
    pub malformed: AtomicU64,
    /// Too often.
    pub too_fast: AtomicU64,
}

impl EdgeRules {
    /// From the configuration.
    #[must_use]
    pub fn new(server: &Server, addresses: Arc<Addresses>) -> Self {
        Self { hosts: Hosts::new(server), addresses: Some(addresses), refused: Arc::default() }
    }

    /// The same rules without a rate: an operator is answered, however much else comes from the same address.
    #[must_use]
    pub fn of_operator(&self) -> Self {
        Self { hosts: self.hosts.clone(), addresses: None, refused: self.refused.clone() }
    }

    /// Whether the request may go on.
    ///
    /// # Errors
    /// `malformed` or `misdirected`.
    pub fn judge(&self, head: &RequestHead) -> Result<(), Error> {
        if let Some(name) = ONCE.iter().find(|name| head.headers().get_all(*name).nth(1).is_some()) {
            self.refused.malformed.fetch_add(1, Relaxed);
            return Err(Error::new(Kind::Malformed, format!("the header \"{name}\" is given twice")));
        }
        if !self.hosts.allow(head) {
            self.refused.misdirected.fetch_add(1, Relaxed);
            return Err(Kind::Misdirected.into());
        }
        Ok(())
    }

    /// Whether a page may be asked: no body for what is only read, and not too often. A service pays afterwards.
    ///
    /// # Errors
    /// `malformed` or `too_fast`.
    pub fn admit(&self, head: &RequestHead, has_body: bool, now: Instant) -> Result<(), Error> {
        if has_body && [Method::GET, Method::HEAD].contains(&head.method) {
            self.refused.malformed.fetch_add(1, Relaxed);
            return Err(Error::new(Kind::Malformed, "what is only read takes no body"));
        }
        if is_of_services(head) { Ok(()) } else { self.pay(peer(head), PAGE, now) }
    }

    /// Charges an answer to an unknown service: guessing a token is slow, and a service with a known token has no rate.
    ///
    /// # Errors
    /// `too_fast`, in the place of the answer.
    pub fn answered(&self, address: Option<IpAddr>, status: StatusCode, now: Instant) -> Result<(), Error> {
        let unknown = [StatusCode::UNAUTHORIZED, StatusCode::METHOD_NOT_ALLOWED].contains(&status);
        if unknown { self.pay(address, WRONG_TOKEN, now) } else { Ok(()) }
    }

    fn pay(&self, address: Option<IpAddr>, cost: u32, now: Instant) -> Result<(), Error> {
        // A connection without an address is gone.
        let (Some(address), Some(addresses)) = (address, &self.addresses) else { return Ok(()) };
        addresses.ask(address, cost, now).map_err(|_| {
            self.refused.too_fast.fetch_add(1, Relaxed);
            Kind::TooFast.into()
        })
    }
}

/// Whether the path is for services alone.
#[must_use]
pub fn is_of_services(head: &RequestHead) -> bool {
    head.uri.path() == publish::PATH
}

/// The address of the client.
#[must_use]
pub fn peer(head: &RequestHead) -> Option<IpAddr> {
    head.peer_addr.map(|peer| peer.ip())
}

#[cfg(test)]
mod tests {
    use actix_http::test::TestRequest;

    use super::*;
    use crate::config::Rate;

    fn rules() -> EdgeRules {
        let rate =
            Rate { requests_per_second_per_address: 1, requests_burst_per_address: 2, ..Rate::default() };
        EdgeRules::new(&Server::default(), Addresses::new(&rate, 1))
    }

    #[test]
    fn a_second_header_that_decides_is_refused() {
        for name in ONCE {
            let twice =
                TestRequest::with_uri("/ws").append_header((&name, "a")).append_header((&name, "a")).finish();
            let error = rules().judge(twice.head()).expect_err("two are given");
            assert_eq!(error.kind(), Kind::Malformed);
            assert!(error.to_string().contains(name.as_str()), "{error}");
            let once = TestRequest::with_uri("/ws").append_header((&name, "a")).finish();
            assert!(rules().judge(once.head()).is_ok(), "{name}");
        }
        let foreign = TestRequest::with_uri("/ws").insert_header((header::HOST, "evil.example")).finish();
        assert_eq!(rules().judge(foreign.head()).map_err(|error| error.kind()), Err(Kind::Misdirected));
    }

    #[test]
    fn an_address_pays_for_pages_and_for_wrong_tokens_and_services_pay_nothing() {
        let (rules, now) = (rules(), Instant::now());
        let asked = |path| {
            let mut request = TestRequest::with_uri(path).finish();
            request.head_mut().peer_addr = Some(([10, 0, 0, 1], 1).into());
            request
        };
        let (page, service) = (asked("/"), asked(publish::PATH));
        let ask = |head: &RequestHead, now| rules.admit(head, false, now).map_err(|error| error.kind());
        assert_eq!([ask(page.head(), now), ask(page.head(), now)], [Ok(()), Ok(())]);
        assert_eq!(ask(page.head(), now), Err(Kind::TooFast));
        assert_eq!(ask(service.head(), now), Ok(()));
        let answer = |status, now| rules.answered(peer(service.head()), status, now).is_ok();
        assert!(answer(StatusCode::OK, now));
        assert!(!answer(StatusCode::UNAUTHORIZED, now), "it has nothing left");
        let later = now + std::time::Duration::from_secs(2);
        assert!(answer(StatusCode::UNAUTHORIZED, later), "once");
        assert!(
            !answer(StatusCode::UNAUTHORIZED, later + std::time::Duration::from_secs(2)),
            "it has paid for long"
        );
        assert_eq!(rules.refused.too_fast.load(Relaxed), 3);
        assert!(rules.of_operator().admit(page.head(), false, now).is_ok(), "operators pay nothing");
    }

    #[test]
    fn a_get_or_head_request_with_a_body_is_refused() {
        let get = TestRequest::with_uri("/").finish();
        assert_eq!(
            rules().admit(get.head(), true, Instant::now()).map_err(|error| error.kind()),
            Err(Kind::Malformed)
        );
        let post = TestRequest::with_uri("/api/demo").method(Method::POST).finish();
        assert!(rules().admit(post.head(), true, Instant::now()).is_ok());
    }
}
