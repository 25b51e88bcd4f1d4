//! `/monitoring/…`: how the whole hub does.

use actix_web::{HttpRequest, HttpResponse, web};
use ledger::Domain;
use serde_json::Value;

use super::{
    asked::allowed_alone,
    openapi::{ApiOperation, ApiRoute, schema},
    surface::ApiSurface,
};
use crate::{
    auth::{Access, Area, Capability, domain_name},
    edge::error::Error,
    monitoring::{health_status::HealthStatus, surface::MonitoringSurface},
};

pub(super) const READ: Capability = Capability::Use(Area::Monitoring, Access::Read);

/// Its paths.
pub(super) fn routes() -> Vec<ApiRoute> {
    vec![
        ApiRoute::at("/monitoring/unified-metrics").get(
            unified,
            ApiOperation::read(
                "showUnifiedMetrics",
                "How the domains, the coordinator and the hub do",
                &READ,
            )
            .answers(200, unified_schema()),
        ),
    ]
}

pub(super) fn status() -> Value {
    schema::words(HealthStatus::ALL.map(HealthStatus::name))
}

fn unified_schema() -> Value {
    let known = |about| schema::told(schema::or_null(&schema::count()), about);
    let dashboard = [
        ("time", schema::named("Time")),
        ("uptimeSeconds", schema::count()),
        ("sessions", known("Open sessions.")),
        ("people", known("People with a player id.")),
        ("records", known("The last record on disk.")),
        ("roundsSettled", known("Since the start.")),
        ("roundsVoided", known("Since the start.")),
        ("requestsBusy", known("Requests answered busy since the start.")),
        ("readModelAgeMs", known("For how long there have been records that the read model does not have.")),
    ];
    let metrics =
        ["accounts", "holds", "accepted", "refused"].map(|name| (name, schema::or_null(&schema::count())));
    let domain = schema::map(&[("metrics", schema::map(&metrics, &[])), ("status", status())], &[]);
    let domains = Domain::ALL.map(|one| (domain_name(one), domain.clone()));
    let score = serde_json::json!({ "type": "integer", "minimum": 0, "maximum": 100 });
    schema::map(
        &[
            ("dashboard", schema::map(&dashboard, &[])),
            ("domains", schema::map(&domains, &[])),
            (
                "coordinator",
                schema::map(&[("status", status()), ("activeTransactions", schema::count())], &[]),
            ),
            (
                "system",
                schema::map(
                    &[
                        ("overallStatus", status()),
                        (
                            "healthScore",
                            schema::told(score, "The checks by their weights; 100: nothing is wrong."),
                        ),
                    ],
                    &[],
                ),
            ),
        ],
        &[],
    )
}

async fn unified(
    api: web::Data<ApiSurface>,
    monitoring: web::Data<MonitoringSurface>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    allowed_alone(&request, &api.callers, &READ)?;
    Ok(HttpResponse::Ok().json(&monitoring.unified().await.told))
}
