//! `/monitoring/alerts`, `/monitoring/check-alerts` and `/monitoring/report`: what is wrong now.

use actix_web::{HttpRequest, HttpResponse, web};
use actors::{clock::now_ms, ports::service::OperatorAct};
use serde_json::{Map, Value, json};

use super::{
    asked::allowed_alone,
    change,
    monitoring::{READ, status},
    openapi::{ApiOperation, ApiRoute, schema},
    parameters::Parameters,
    rates::RouteRate,
    surface::ApiSurface,
};
use crate::{
    auth::{Access, Area, Capability},
    config::AlertWhen,
    edge::error::Error,
    monitoring::{
        alert::{AlertChange, AlertSeverity},
        surface::MonitoringSurface,
        told::{shown, spelled, when},
    },
    utc::utc,
};

pub(super) const WRITE: Capability = Capability::Use(Area::Monitoring, Access::Write);

/// Their paths.
pub(super) fn routes() -> Vec<ApiRoute> {
    let alerts = || ("alerts", schema::list(&alert_schema()));
    let checked = [("told", schema::list(&notice_schema())), alerts()];
    vec![
        ApiRoute::at("/monitoring/alerts").get(
            list,
            ApiOperation::read("listAlerts", "Every alert that is on, and where it stands", &READ)
                .answers(200, schema::map(&[alerts()], &[])),
        ),
        ApiRoute::at("/monitoring/check-alerts").post(
            check,
            ApiOperation::read("checkAlerts", "Looks at the figure of every alert now", &WRITE)
                .answers(200, schema::map(&checked, &[])),
        ),
        ApiRoute::at("/monitoring/report").data(RouteRate::LIST).get(
            report,
            ApiOperation::read("showMonitoringReport", "What is wrong now, in one document", &READ)
                .answers(200, report_schema()),
        ),
    ]
}

fn severity() -> Value {
    schema::words(AlertSeverity::ALL.map(AlertSeverity::name))
}

fn number() -> Value {
    json!({ "type": "number" })
}

fn alert_schema() -> Value {
    let threshold = || schema::or_null(&json!({ "type": "integer" }));
    let acknowledged = schema::map(&[("severity", severity()), ("time", schema::named("Time"))], &[]);
    let time = || schema::or_null(&schema::named("Time"));
    let ways = [AlertWhen::Above, AlertWhen::Below, AlertWhen::Unusual].map(when);
    let about = "The severity of the alert while there is one; unknown: its figure is not known now.";
    schema::map(
        &[
            ("name", schema::text()),
            ("figure", schema::text()),
            ("when", schema::words(ways)),
            ("warning", threshold()),
            ("critical", threshold()),
            ("status", schema::told(schema::words(["clear", "warning", "critical", "unknown"]), about)),
            (
                "value",
                schema::told(schema::or_null(&number()), "What was compared with the thresholds last."),
            ),
            ("since", time()),
            ("escalations", schema::count()),
            ("acknowledged", schema::or_null(&acknowledged)),
            ("told", schema::told(time(), "When operators were told of it last.")),
        ],
        &[],
    )
}

fn notice_schema() -> Value {
    schema::map(
        &[
            ("source", schema::text()),
            ("alert", schema::text()),
            ("change", schema::words(AlertChange::ALL.map(AlertChange::name))),
            ("severity", severity()),
            ("figure", schema::text()),
            ("value", number()),
            ("since", schema::named("Time")),
            ("escalations", schema::count()),
            ("time", schema::named("Time")),
        ],
        &[],
    )
}

fn report_schema() -> Value {
    let system = schema::map(&[("overallStatus", status()), ("healthScore", schema::count())], &[]);
    let check = schema::map(
        &[
            ("name", schema::text()),
            ("status", status()),
            ("critical", schema::flag()),
            ("message", schema::text()),
        ],
        &[],
    );
    schema::map(
        &[
            ("time", schema::named("Time")),
            ("system", system),
            ("checks", schema::told(schema::list(&check), "Those that are not healthy.")),
            ("active", schema::map(&[("warning", schema::count()), ("critical", schema::count())], &[])),
            ("alerts", schema::told(schema::list(&alert_schema()), "Those that there are now.")),
        ],
        &[],
    )
}

async fn list(
    api: web::Data<ApiSurface>,
    monitoring: web::Data<MonitoringSurface>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    allowed_alone(&request, &api.callers, &READ)?;
    Ok(HttpResponse::Ok().json(json!({ "alerts": all(&monitoring) })))
}

async fn check(
    api: web::Data<ApiSurface>,
    monitoring: web::Data<MonitoringSurface>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    change::permitted(&api, &request, (&[&WRITE], OperatorAct::CheckAlerts)).await?;
    Parameters::read(&request, &[])?;
    let told: Vec<_> = monitoring.check().await.iter().map(spelled).collect();
    Ok(HttpResponse::Ok().json(json!({ "told": told, "alerts": all(&monitoring) })))
}

async fn report(
    api: web::Data<ApiSurface>,
    monitoring: web::Data<MonitoringSurface>,
    request: HttpRequest,
) -> Result<HttpResponse, Error> {
    allowed_alone(&request, &api.callers, &READ)?;
    let (parts, unified) = (monitoring.parts().await, monitoring.unified().await);
    let checks =
        parts.iter().filter(|part| part.status() != crate::monitoring::health_status::HealthStatus::Healthy);
    let told = checks.map(|part| {
        json!({
            "name": part.rule.name,
            "status": part.status().name(),
            "critical": part.rule.critical,
            "message": part.message,
        })
    });
    let mut report = Map::new();
    report.insert("time".into(), json!(utc(now_ms())));
    report.insert("system".into(), unified.told["system"].clone());
    report.insert("checks".into(), told.collect());
    monitoring.with_alerts(|alerts| {
        let active =
            AlertSeverity::ALL.map(|severity| (severity.name().to_owned(), json!(alerts.active(severity))));
        report.insert("active".into(), Value::Object(active.into_iter().collect()));
        let there = alerts.alerts().filter(|(_, alert)| alert.state.episode.is_some());
        report.insert("alerts".into(), there.map(|(name, alert)| shown(name, alert)).collect());
    });
    Ok(HttpResponse::Ok().json(report))
}

fn all(monitoring: &MonitoringSurface) -> Vec<Value> {
    monitoring.with_alerts(|alerts| alerts.alerts().map(|(name, alert)| shown(name, alert)).collect())
}
