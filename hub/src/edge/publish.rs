//! `POST /api/publish`: a service publishes to a channel over HTTP, with its token.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use actors::messages::pubsub::Publish;
use channels::PublishError;
use prometheus_client::{
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};
use protocol::{Channel, Payload};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use super::{Edge, problem};
use crate::config::Publisher;

/// What a service publishes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publication<'a> {
    channel: Channel,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// Longest wait for Redis to take a publication. Longer than it takes to notice a dead link.
const PUBLISH_WITHIN: Duration = Duration::from_secs(5);

/// Publications by service and outcome. Only configured services have a row.
#[derive(Debug, Clone, Default)]
pub struct Publications(Family<Vec<(&'static str, String)>, Counter>);

impl Publications {
    /// Registers the figure.
    pub fn register(&self, registry: &mut Registry) {
        let words = "Publications of services over HTTP, by service and HTTP status";
        registry.register("hub_publications", words, self.0.clone());
    }

    fn count(&self, service: &str, status: StatusCode) {
        let labels = vec![("service", service.to_owned()), ("status", status.as_str().to_owned())];
        self.0.get_or_create(&labels).inc();
    }
}

/// Publishes, and answers where the publication stands.
pub async fn publish(edge: web::Data<Edge>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let token = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = token.and_then(|value| value.strip_prefix("Bearer "));
    let Some(service) = token.and_then(|token| edge.loaded.secrets.services.identify(token.trim())) else {
        let words = "publishing needs the header \"Authorization: Bearer <service token>\"";
        return HttpResponse::Unauthorized()
            .insert_header((header::WWW_AUTHENTICATE, "Bearer"))
            .json(problem("unauthorized", words));
    };
    let response = publish_for_service(&edge, payload).await;
    edge.publications.count(&service.name, response.status());
    response
}

async fn publish_for_service(edge: &Edge, payload: web::Payload) -> HttpResponse {
    if edge.admission.draining() {
        return HttpResponse::ServiceUnavailable()
            .insert_header((header::RETRY_AFTER, "2"))
            .json(problem("draining", "the hub is restarting"));
    }
    let body = match super::body(payload).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    let publication: Publication<'_> = match serde_json::from_slice(&body) {
        Ok(publication) => publication,
        Err(error) => {
            let words =
                format!("the body is JSON such as {{\"channel\":\"news:sport\",\"data\":…}}: {error}");
            return HttpResponse::BadRequest().json(problem("malformed", words));
        }
    };
    let channel = publication.channel;
    let namespace = edge.loaded.config.channels.namespaces.get(channel.namespace());
    if !namespace.is_some_and(|namespace| namespace.publish == Publisher::Service) {
        let words = format!("services may not publish to \"{}\"", channel.namespace());
        return HttpResponse::Forbidden().json(problem("forbidden", words));
    }
    let payload = match Payload::from_json(publication.data.get().as_bytes()) {
        Ok(payload) => payload,
        Err(error) => return HttpResponse::BadRequest().json(problem("bad_payload", error.to_string())),
    };
    let publishing = edge.pubsub.send(Publish { channel, payload });
    let Ok(published) = tokio::time::timeout(PUBLISH_WITHIN, publishing).await else {
        return refusal(&PublishError::Unconfirmed);
    };
    match published {
        Ok(Ok(Some(position))) => {
            HttpResponse::Ok().json(json!({ "epoch": position.epoch.as_str(), "offset": position.offset }))
        }
        // Through Redis each hub gives the position when it hears the publication.
        Ok(Ok(None)) => HttpResponse::Accepted().json(json!({ "epoch": null, "offset": null })),
        Ok(Err(error)) => refusal(&error),
        Err(_) => HttpResponse::ServiceUnavailable().json(problem("unavailable", "the hub is stopping")),
    }
}

fn refusal(error: &PublishError) -> HttpResponse {
    let (status, name) = match error {
        PublishError::Busy { .. } => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
        PublishError::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        PublishError::Unconfirmed => (StatusCode::GATEWAY_TIMEOUT, "unconfirmed"),
        PublishError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
        PublishError::LogChannel | PublishError::NotALogChannel | PublishError::OffsetZero => {
            (StatusCode::FORBIDDEN, "forbidden")
        }
        PublishError::Refused(_) => (StatusCode::BAD_GATEWAY, "refused"),
    };
    let mut response = HttpResponse::build(status);
    if let PublishError::Busy { retry_after_ms } | PublishError::Unavailable { retry_after_ms } = error {
        response.insert_header((header::RETRY_AFTER, retry_after_ms.div_ceil(1000).to_string()));
    }
    response.json(problem(name, error.to_string()))
}
