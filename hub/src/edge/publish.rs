//! `POST /api/publish`: a service publishes to a channel over HTTP, with its token.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use actix::Addr;
use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use actors::{admission::Admission, house::House, messages, ports::service::OperatorAct, pubsub::PubSub};
use channels::PublishError;
use prometheus_client::{
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};
use protocol::{Channel, Payload, payload::PayloadError};
use serde::{Deserialize, Deserializer};
use serde_json::{json, value::RawValue};

use super::{
    body,
    error::{Error, Kind},
    routes,
};
use crate::{
    api::{
        acts::RefusedActs,
        asked,
        rates::{CallerRates, RouteRate},
    },
    auth::{Caller, CallerVerifier, Capability},
    config::{Loaded, Publisher},
};

/// Its path.
pub const PATH: &str = "/api/publish";

/// Longest body, bytes.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// Longest wait for Redis to take a publication. Longer than it takes to notice a dead link.
const WITHIN: Duration = Duration::from_secs(5);

/// Takes the publications of services.
pub struct PublishSurface {
    callers: Arc<CallerVerifier>,
    /// How much each caller may publish.
    rates: Arc<CallerRates>,
    refused_acts: Arc<RefusedActs>,
    /// The namespaces services may publish into.
    namespaces: BTreeSet<String>,
    pubsub: Addr<PubSub>,
    admission: Arc<Admission>,
    counted: Publications,
}

/// Publications by service and outcome. Only configured services have a row.
pub type Publications = Family<Vec<(&'static str, String)>, Counter>;

impl PublishSurface {
    /// The surface of a running house; nothing is published yet.
    #[must_use]
    pub fn new(
        loaded: &Loaded,
        house: &House,
        admission: Arc<Admission>,
        callers: Arc<CallerVerifier>,
        (rates, refused_acts): (Arc<CallerRates>, Arc<RefusedActs>),
    ) -> Self {
        let namespaces = loaded.config.channels.namespaces.iter();
        let of_services = namespaces.filter(|(_, namespace)| namespace.publish == Publisher::Service);
        Self {
            callers,
            rates,
            refused_acts,
            namespaces: of_services.map(|(name, _)| name.clone()).collect(),
            pubsub: house.pubsub.clone(),
            admission,
            counted: Publications::default(),
        }
    }

    /// What is counted here.
    #[must_use]
    pub fn counted(&self) -> &Publications {
        &self.counted
    }

    fn count(&self, caller: &Caller, status: StatusCode) {
        // Only the services with a shared token are bounded in number.
        let name = if caller.issuer.is_empty() { &caller.name } else { "by token" };
        let labels = vec![("service", name.to_owned()), ("status", status.as_str().to_owned())];
        self.counted.get_or_create(&labels).inc();
    }
}

/// Registers publications under their name.
pub fn register(publications: &Publications, registry: &mut Registry) {
    let words = "Publications of services over HTTP, by service and HTTP status";
    registry.register("hub_publications", words, publications.clone());
}

/// Registers its path.
pub fn routes(publish: &web::Data<PublishSurface>, service: &mut web::ServiceConfig) {
    service.app_data(publish.clone()).service(routes::action(PATH, take).app_data(RouteRate::PUBLICATION));
}

/// What a service publishes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Publication<'a> {
    #[serde(borrow, default, deserialize_with = "given")]
    channel: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "given")]
    data: Option<&'a RawValue>,
}

/// A field that is present, also with null: null is data like any other.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

impl<'a> Publication<'a> {
    /// The channel and its data as they stand in a body.
    fn read(body: &'a [u8]) -> Result<(Channel, &'a RawValue), Error> {
        let Self { channel, data } = body::map(body).map_err(|error| {
            let words = if error.is_data() {
                "the body is a map of \"channel\" and \"data\", each once, and nothing else".to_owned()
            } else {
                format!("the body is no JSON at line {}, column {}", error.line(), error.column())
            };
            Error::new(Kind::Malformed, words)
        })?;
        let absent = |name| Error::new(Kind::Malformed, "it is missing").field(name);
        let channel = channel.ok_or_else(|| absent("channel"))?;
        let data = data.ok_or_else(|| absent("data"))?;
        let channel = serde_json::from_str(channel.get()).map_err(|_| {
            Error::new(Kind::Malformed, "a channel is a text such as \"news:sport\"").field("channel")
        })?;
        Ok((channel, data))
    }
}

/// Publishes, and answers with the position of the publication.
async fn take(
    publish: web::Data<PublishSurface>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    let caller = asked::identified(&request, &publish.callers)?;
    let result = take_from_service(&publish, &caller, &request, payload).await;
    let status = result.as_ref().map_or_else(|error| error.kind().status(), HttpResponse::status);
    publish.count(&caller, status);
    result
}

async fn take_from_service(
    publish: &PublishSurface,
    caller: &Caller,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    publish.rates.charge(caller, request)?;
    if publish.admission.draining() {
        return Err(Kind::Draining.into());
    }
    let body = body::read(request, payload, BODY_BYTES_MAX).await?;
    let (channel, data) = Publication::read(&body)?;
    if !publish.namespaces.contains(channel.namespace()) {
        let words = format!("services may not publish to \"{}\"", channel.namespace());
        return Err(Error::new(Kind::Forbidden, words).field("channel"));
    }
    let needed = Capability::Publish(channel.namespace().into());
    if !caller.may.allow(&needed) {
        publish.refused_acts.note(caller, (OperatorAct::Publish, &needed), None).await;
        return Err(Error::new(Kind::Forbidden, caller.lacks(needed).to_string()).field("channel"));
    }
    let payload = Payload::from_json(data.get().as_bytes()).map_err(unfit)?;
    let publishing = publish.pubsub.send(messages::pubsub::Publish { channel, payload });
    let Ok(published) = tokio::time::timeout(WITHIN, publishing).await else {
        return Err(refusal(&PublishError::Unconfirmed));
    };
    match published {
        Ok(Ok(Some(position))) => {
            Ok(HttpResponse::Ok()
                .json(json!({ "epoch": position.epoch.as_str(), "offset": position.offset })))
        }
        // Through Redis each hub gives the position when it hears the publication.
        Ok(Ok(None)) => Ok(HttpResponse::Accepted().json(json!({ "epoch": null, "offset": null }))),
        Ok(Err(error)) => Err(refusal(&error)),
        Err(_) => Err(Error::new(Kind::Unavailable, "the hub is stopping")),
    }
}

/// The error for data that no publication can carry.
fn unfit(error: PayloadError) -> Error {
    let kind = match error {
        PayloadError::TooLarge => Kind::TooLarge,
        PayloadError::TooDeep
        | PayloadError::Truncated
        | PayloadError::TrailingBytes
        | PayloadError::NotAllowed(_)
        | PayloadError::IntegerTooLarge
        | PayloadError::Json(_) => Kind::BadPayload,
    };
    Error::new(kind, error.to_string()).field("data")
}

/// The error for a publication that pubsub did not take.
fn refusal(error: &PublishError) -> Error {
    let kind = match error {
        PublishError::Busy { .. } => Kind::Busy,
        PublishError::Unavailable { .. } => Kind::Unavailable,
        PublishError::Unconfirmed => Kind::Unconfirmed,
        PublishError::TooLarge { .. } => Kind::TooLarge,
        PublishError::LogChannel | PublishError::NotALogChannel | PublishError::OffsetZero => Kind::Forbidden,
        PublishError::Refused(_) => Kind::Refused,
    };
    let refusal = Error::new(kind, error.to_string());
    match error {
        PublishError::Busy { retry_after_ms } | PublishError::Unavailable { retry_after_ms } => {
            refusal.retry_after_ms(*retry_after_ms)
        }
        PublishError::TooLarge { .. } => refusal.field("data"),
        PublishError::Unconfirmed
        | PublishError::LogChannel
        | PublishError::NotALogChannel
        | PublishError::OffsetZero
        | PublishError::Refused(_) => refusal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_no_publication_is_told_what_is_wrong_in_our_words() {
        let told = |body: &str| {
            let error = Publication::read(body.as_bytes()).expect_err("no publication");
            assert_eq!(error.kind(), Kind::Malformed, "{body}");
            error.body()
        };
        for (body, field, words) in [
            ("{\"channel\":5,\"data\":1}", Some("channel"), "a channel is a text"),
            ("{\"channel\":\"a b\",\"data\":1}", Some("channel"), "a channel is a text"),
            ("{\"data\":1}", Some("channel"), "missing"),
            ("{\"channel\":\"news:a\"}", Some("data"), "missing"),
            ("{\"channel\":\"news:a\",\"data\":1,\"data\":2}", None, "each once"),
            ("{\"channel\":\"news:a\",\"data\":1,\"x\":2}", None, "nothing else"),
            ("7", None, "a map of"),
            ("[\"news:a\",1]", None, "a map of"),
            (" \n[{\"channel\":\"news:a\",\"data\":1}]", None, "a map of"),
            ("{\"channel\":", None, "line 1, column 11"),
        ] {
            let answer: serde_json::Value = serde_json::from_str(&told(body)).expect("JSON");
            assert_eq!(answer["field"].as_str(), field, "{body}: {answer}");
            assert!(
                answer["detail"].as_str().is_some_and(|detail| detail.contains(words)),
                "{body}: {answer}"
            );
        }
        let good = Publication::read(b"{\"channel\":\"news:a\",\"data\":null}").map(|(_, data)| data.get());
        assert_eq!(good.map_err(|error| error.kind()), Ok("null"));
    }

    /// Whatever bound the data exceeds, the operator's or the protocol's, the answer is the documented one.
    #[test]
    fn data_over_any_bound_is_answered_413() {
        let over_protocol = unfit(PayloadError::TooLarge);
        let over_option = refusal(&PublishError::TooLarge { bytes: 2, max: 1 });
        for error in [over_protocol, over_option] {
            assert_eq!((error.kind(), error.kind().status().as_u16()), (Kind::TooLarge, 413));
        }
        assert_eq!(unfit(PayloadError::TooDeep).kind(), Kind::BadPayload);
    }
}
