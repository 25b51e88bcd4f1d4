//! `/monitoring/errors` and `/monitoring/security`: what went wrong in the last thirty days, and what concerns security.
//! Neither names anybody.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::{
    asked::allowed_alone,
    monitoring::READ,
    openapi::{ApiOperation, ApiRoute, schema},
    rates::RouteRate,
    surface::ApiSurface,
};
use crate::{
    edge::error::Error,
    monitoring::{error_book::BookedError, security, security::SecurityEvent, surface::MonitoringSurface},
    utc::utc,
};

/// Most lines of the security log in an answer.
const EVENTS_MAX: usize = 1_000;

/// Their paths.
pub(super) fn routes() -> Vec<ApiRoute> {
    let seen =
        || [("first", schema::named("Time")), ("last", schema::named("Time")), ("count", schema::count())];
    let error = [
        ("kind", schema::words(["error", "panic"])),
        ("message", schema::text()),
        ("place", schema::told(schema::text(), "The part of the code that said it.")),
        ("sample", schema::told(schema::text(), "The fields of the last one. They name nobody.")),
    ];
    let event = [
        ("kind", schema::words(security::KINDS)),
        ("counter", schema::told(schema::text(), "The metric that has risen.")),
    ];
    let list = |name, fields: &[(&str, Value)]| {
        schema::map(&[(name, schema::list(&schema::map(&[fields, &seen()].concat(), &[])))], &[])
    };
    vec![
        ApiRoute::at("/monitoring/errors").data(RouteRate::LIST).get(
            errors,
            ApiOperation::read(
                "listErrors",
                "Errors and panics of thirty days, each once, the last one first",
                &READ,
            )
            .answers(200, list("errors", &error)),
        ),
        ApiRoute::at("/monitoring/security").data(RouteRate::LIST).get(
            security_log,
            ApiOperation::read("listSecurityEvents", "The newest lines of the security log", &READ)
                .answers(200, list("events", &event)),
        ),
    ]
}

async fn errors(
    api: web::Data<ApiSurface>,
    monitoring: web::Data<MonitoringSurface>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    allowed_alone(&request, &api.callers, &READ)?;
    let told = |error: &BookedError| {
        json!({
            "kind": if error.panic { "panic" } else { "error" },
            "message": error.message,
            "place": error.place,
            "sample": error.sample,
            "first": utc(error.first_ms),
            "last": utc(error.last_ms),
            "count": error.count,
        })
    };
    let errors = monitoring.with_notes(|errors, _| errors.errors().into_iter().map(told).collect::<Vec<_>>());
    Ok(HttpResponse::Ok().json(json!({ "errors": errors.await })))
}

async fn security_log(
    api: web::Data<ApiSurface>,
    monitoring: web::Data<MonitoringSurface>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    allowed_alone(&request, &api.callers, &READ)?;
    let told = |event: &SecurityEvent| {
        json!({
            "kind": event.kind,
            "counter": event.counter,
            "first": utc(event.first_ms),
            "last": utc(event.last_ms),
            "count": event.count,
        })
    };
    let events = monitoring.with_notes(|_, log| log.events().take(EVENTS_MAX).map(told).collect::<Vec<_>>());
    Ok(HttpResponse::Ok().json(json!({ "events": events.await })))
}
