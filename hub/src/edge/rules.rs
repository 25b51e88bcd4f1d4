//! The checks of every request before its page: the rate of its address, a known host name, no header twice, and no body
//! where none belongs. A request that is refused has cost its address what the page would have.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use actix_http::{Method, RequestHead, StatusCode, header};
use actix_web::{HttpRequest, dev::ServiceResponse};
use prometheus_client::metrics::{counter::Counter, family::Family};

use super::{
    addresses::Addresses,
    allowance::Stranger,
    error::{Error, Kind},
    hosts::Hosts,
    publish,
};
use crate::{api, config::Server};

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

/// Requests without the capability, by path.
pub type Forbidden = Family<[(&'static str, String); 1], Counter>;

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
    /// Requests of services and operators without a token that is known.
    pub unauthorized: AtomicU64,
    /// Those without the capability, by the pattern of the path.
    pub forbidden: Forbidden,
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

    /// Whether the request may go to its page: the address is within its rate, and the head is in order. A refused request costs
    /// as much as an answered one. A service is charged for its answer, and here only when it is refused.
    ///
    /// # Errors
    /// `too_fast`, `malformed` or `misdirected`.
    pub fn admit(&self, head: &RequestHead, now: Instant) -> Result<(), Error> {
        let service = is_path_of_services(head.uri.path());
        if !service {
            self.pay(peer(head), PAGE, now)?;
        }
        let refused = self.judge(head);
        if service && refused.is_err() {
            self.pay(peer(head), PAGE, now)?;
        }
        refused
    }

    /// Refuses the body of a request that only reads, whatever the page has answered; that the path takes another method is
    /// told first. A service pays for that here: it was not charged before.
    ///
    /// # Errors
    /// `malformed` or `too_fast`, in the place of the answer.
    pub fn judge_body<B>(
        &self,
        answer: &ServiceResponse<B>,
        has_body: bool,
        now: Instant,
    ) -> Result<(), Error> {
        let request = answer.request();
        let reads = [Method::GET, Method::HEAD].contains(request.method());
        if !has_body || !reads || answer.status() == StatusCode::METHOD_NOT_ALLOWED {
            return Ok(());
        }
        if is_path_of_services(request.path()) {
            self.pay(peer(request.head()), PAGE, now)?;
        }
        self.refused.malformed.fetch_add(1, Relaxed);
        Err(Error::new(Kind::Malformed, "what is only read takes no body"))
    }

    /// Charges an answer to an unknown service: guessing a token is slow, and a service with a known token has no rate. Where
    /// no page is for services, it costs what any page does.
    ///
    /// # Errors
    /// `too_fast`, in the place of the answer.
    pub fn answered<B>(&self, answer: &ServiceResponse<B>, now: Instant) -> Result<(), Error> {
        let request = answer.request();
        self.count(answer);
        let unknown = [StatusCode::UNAUTHORIZED, StatusCode::METHOD_NOT_ALLOWED].contains(&answer.status());
        match is_of_services(request) {
            true if unknown => self.pay(peer(request.head()), WRONG_TOKEN, now),
            // Whether the token is wrong is not known yet.
            true if Stranger::is(request) => self.pay(peer(request.head()), PAGE, now),
            // It was not charged before.
            false if is_path_of_services(request.path()) => self.pay(peer(request.head()), PAGE, now),
            _ => Ok(()),
        }
    }

    /// Counts a refused token, and a capability that is missing.
    fn count<B>(&self, answer: &ServiceResponse<B>) {
        let Some(path) = answer.request().match_pattern().filter(|path| is_path_of_services(path)) else {
            return;
        };
        match answer.status() {
            StatusCode::UNAUTHORIZED => drop(self.refused.unauthorized.fetch_add(1, Relaxed)),
            StatusCode::FORBIDDEN => drop(self.refused.forbidden.get_or_create(&[("path", path)]).inc()),
            _ => {}
        }
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

/// Whether a path is for services and operators alone: whoever asks there pays for a wrong token.
fn is_path_of_services(path: &str) -> bool {
    path == publish::PATH || api::PATHS.iter().any(|start| path.starts_with(start))
}

/// The same of the page that was found, however its path was spelled.
fn is_of_services(request: &HttpRequest) -> bool {
    request.match_pattern().is_some_and(|path| is_path_of_services(&path))
}

/// The address of the client.
fn peer(head: &RequestHead) -> Option<IpAddr> {
    head.peer_addr.map(|peer| peer.ip())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_http::test::TestRequest;
    use actix_web::{App, HttpResponse, test as client, web};

    use super::*;
    use crate::config::Rate;

    fn rules() -> EdgeRules {
        let rate =
            Rate { requests_per_second_per_address: 1, requests_burst_per_address: 2, ..Rate::default() };
        EdgeRules::new(&Server::default(), Addresses::new(&rate, 1, Instant::now()))
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
    fn an_address_pays_for_pages_and_for_what_is_refused_and_services_pay_nothing() {
        let (rules, now) = (rules(), Instant::now());
        let asked = |path, host| {
            let mut request = TestRequest::with_uri(path).insert_header((header::HOST, host)).finish();
            request.head_mut().peer_addr = Some(([10, 0, 0, 1], 1).into());
            request
        };
        let ask = |path, host, later| {
            let now = now + Duration::from_secs(later);
            rules.admit(asked(path, host).head(), now).map_err(|error| error.kind())
        };
        let (ours, foreign) = ("localhost", "evil.example");
        assert_eq!([ask("/", ours, 0), ask("/", foreign, 0)], [Ok(()), Err(Kind::Misdirected)]);
        assert_eq!([ask("/", ours, 0), ask("/", foreign, 0)], [Err(Kind::TooFast); 2]);
        assert_eq!(ask(publish::PATH, ours, 0), Ok(()), "it pays when its token is wrong");
        assert_eq!(
            ask(publish::PATH, foreign, 0),
            Err(Kind::TooFast),
            "and here, where it is refused before"
        );
        assert_eq!(rules.refused.too_fast.load(Relaxed), 3);
        assert_eq!(ask(publish::PATH, foreign, 1), Err(Kind::Misdirected));
        assert_eq!(ask("/", ours, 1), Err(Kind::TooFast), "that took what there was");
        let free = rules.of_operator();
        assert!((0..9).all(|_| free.admit(asked("/", ours).head(), now).is_ok()), "operators pay nothing");
    }

    #[actix_rt::test]
    async fn a_service_that_nobody_knows_pays_for_its_answer_and_one_that_is_known_does_not() {
        let (rules, now) = (rules(), Instant::now());
        let answer = async |request: HttpRequest| match *request.method() {
            Method::POST => HttpResponse::Unauthorized(),
            Method::PUT => HttpResponse::MethodNotAllowed(),
            Method::PATCH => {
                Stranger.leave(&request);
                HttpResponse::ServiceUnavailable()
            }
            _ => HttpResponse::Ok(),
        };
        let pages = App::new().service(web::resource(publish::PATH).to(answer));
        let pages = client::init_service(pages.default_service(web::to(answer))).await;
        let answered = async |path, method, later| {
            let request =
                client::TestRequest::with_uri(path).method(method).peer_addr(([10, 0, 0, 1], 1).into());
            let answer = client::call_service(&pages, request.to_request()).await;
            rules.answered(&answer, now + Duration::from_secs(later)).is_ok()
        };
        for _ in 0..9 {
            assert!(answered(publish::PATH, Method::GET, 0).await && answered("/", Method::POST, 0).await);
        }
        assert!(answered("/api/%70ublish", Method::POST, 0).await, "once");
        assert!(!answered(publish::PATH, Method::POST, 2).await, "it has paid for long");
        assert!(answered(publish::PATH, Method::PUT, 20).await);
        assert!(!answered(publish::PATH, Method::PUT, 20).await);
        // Whose token cannot be checked now pays as for a page.
        for free in [true, true, false] {
            assert_eq!(answered(publish::PATH, Method::PATCH, 60).await, free);
        }
        // Where no page is for services, their paths cost what any page does.
        for free in [true, true, false] {
            assert_eq!(answered("/coordinator/health", Method::GET, 100).await, free);
        }
    }

    #[test]
    fn a_get_or_head_request_with_a_body_is_refused_unless_its_path_takes_another_method() {
        let judged = |method, has_body, answered| {
            let request = client::TestRequest::with_uri("/").method(method).to_http_request();
            let answer = ServiceResponse::new(request, HttpResponse::new(answered));
            rules().judge_body(&answer, has_body, Instant::now()).map_err(|error| error.kind())
        };
        assert_eq!(judged(Method::GET, true, StatusCode::OK), Err(Kind::Malformed));
        assert_eq!(judged(Method::HEAD, true, StatusCode::NOT_FOUND), Err(Kind::Malformed));
        assert_eq!(judged(Method::GET, true, StatusCode::METHOD_NOT_ALLOWED), Ok(()));
        assert_eq!(judged(Method::GET, false, StatusCode::OK), Ok(()));
        assert_eq!(judged(Method::POST, true, StatusCode::OK), Ok(()));
    }
}
