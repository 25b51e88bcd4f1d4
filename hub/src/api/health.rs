//! `GET /api/domains/{domain}/health` and `GET /coordinator/health`: whether a domain, and the log behind all of them,
//! answers.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use ledger::Domain;
use serde_json::json;

use super::{
    asked::caller,
    openapi::{ApiOperation, ApiRoute, schema},
    parameters::Parameters,
    surface::ApiSurface,
};
use crate::{
    auth::{Access, Area, Caller, Capability, domain_name},
    edge::error::{Error, Kind},
};

/// Longest wait for an answer.
const WITHIN: Duration = Duration::from_secs(2);

/// Its paths.
pub(super) fn routes() -> Vec<ApiRoute> {
    let status = || schema::words(["up", "down"]);
    let of_domain = schema::map(
        &[
            ("domain", schema::named("DomainName")),
            ("status", status()),
            ("accounts", schema::or_null(&schema::count())),
            ("holds", schema::or_null(&schema::count())),
        ],
        &[],
    );
    let of_coordinator = schema::map(
        &[
            ("status", status()),
            ("answers", schema::flag()),
            ("takes_work", schema::flag()),
            ("in_flight", schema::count()),
        ],
        &[],
    );
    let coordinator_read = Capability::Use(Area::Coordinator, Access::Read);
    vec![
        ApiRoute::at("/api/domains/{domain}/health").get(
            domain,
            of_any_domain("showDomainHealth", "Whether a domain answers")
                .answers(200, of_domain.clone())
                .answers(503, of_domain),
        ),
        ApiRoute::at("/coordinator/health").get(
            coordinator,
            ApiOperation::read(
                "showCoordinatorHealth",
                "Whether the coordinator and the log answer and take work",
                &coordinator_read,
            )
            .or_needs(&MONITORING_READ)
            .answers(200, of_coordinator.clone())
            .answers(503, of_coordinator),
        ),
    ]
}

const MONITORING_READ: Capability = Capability::Use(Area::Monitoring, Access::Read);

/// The description of a reading of the domain in its path.
pub(super) fn of_any_domain(id: &'static str, summary: &'static str) -> ApiOperation {
    ApiOperation::read(id, summary, &MONITORING_READ).or_needs("{domain}:read").path(
        "domain",
        schema::named("DomainName"),
        domain_name(Domain::Balance),
    )
}

/// Whoever may read an area or the monitoring may ask for its health.
pub(super) fn may_read(caller: &Caller, area: Area) -> Result<(), Error> {
    let needed = Capability::Use(area, Access::Read);
    if caller.may.allow(&needed) || caller.may.allow(&MONITORING_READ) {
        return Ok(());
    }
    Err(Error::new(Kind::Forbidden, caller.lacks(needed).to_string()))
}

/// The domain of this name.
pub(super) fn domain_named(name: &str) -> Result<Domain, Error> {
    Domain::ALL.into_iter().find(|domain| domain_name(*domain) == name).ok_or_else(|| {
        let names = Domain::ALL.map(domain_name).join(", ");
        Error::new(Kind::NotFound, format!("the domains are {names}"))
    })
}

async fn domain(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Error> {
    // A stranger is not told what there is.
    let caller = caller(&request, &api.callers)?;
    let domain = domain_named(&path)?;
    may_read(&caller, Area::Domain(domain))?;
    Parameters::read(&request, &[])?;
    let report = tokio::time::timeout(WITHIN, api.money.report(domain)).await.ok().flatten();
    let (name, up) = (domain_name(domain), report.is_some());
    let body = json!({
        "domain": name,
        "status": if up { "up" } else { "down" },
        "accounts": report.map(|report| report.accounts),
        "holds": report.map(|report| report.holds),
    });
    Ok(if up { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() }.json(body))
}

async fn coordinator(api: web::Data<ApiSurface>, request: HttpRequest) -> Result<HttpResponse, Error> {
    may_read(&*caller(&request, &api.callers)?, Area::Coordinator)?;
    Parameters::read(&request, &[])?;
    let log = api.admission.log();
    let durable = async { log.state() != journal::State::Unsound && api.money.durable().await.is_ok() };
    let answers = tokio::time::timeout(WITHIN, durable).await.unwrap_or(false);
    let up = answers && log.is_ready() && !api.admission.draining();
    let body = json!({
        "status": if up { "up" } else { "down" },
        "answers": answers,
        "takes_work": log.is_ready() && !api.admission.draining(),
        "in_flight": api.admission.in_flight(),
    });
    Ok(if up { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() }.json(body))
}
