//! `POST /monitoring/alerts/{name}/acknowledge`: an operator knows of an alert. It is a record of the log: it is told who did
//! it, and a restart does not forget it.

use actix_web::{HttpRequest, HttpResponse, web};
use actors::{
    clock::now_ms,
    ports::service::{AcknowledgeAlert, Acknowledged, AlertName, OperatorAct},
};
use serde_json::{Map, Value, json};

use super::{
    alerts::WRITE,
    change::{self, AskedChange},
    openapi::{self, ApiOperation, ApiRoute, schema},
    surface::ApiSurface,
    times,
};
use crate::{
    edge::error::{Error, Kind},
    monitoring::{alert::AlertSeverity, surface::MonitoringSurface},
    utc::utc,
};

/// Its path.
pub(super) fn route() -> ApiRoute {
    let severity = || schema::words(AlertSeverity::ALL.map(AlertSeverity::name));
    let fields = [("since", schema::named("Time")), ("severity", severity())];
    let told = [("alert", schema::text()), fields[0].clone(), fields[1].clone()];
    let example = json!({ "since": "2026-11-30T17:00:00.000Z", "severity": "critical" });
    let acknowledge = ApiOperation::change(
        "acknowledgeAlert",
        "Says that an operator knows of an alert: it is not told again, unless it becomes worse",
        &WRITE,
        &schema::body(&fields, &[]),
        &[("acknowledge", example)],
    );
    ApiRoute::at("/monitoring/alerts/{name}/acknowledge").post(
        acknowledge_alert,
        acknowledge
            .path("name", schema::pattern("^[a-z0-9_-]{1,32}$"), "log_not_ready")
            .answers(200, openapi::receipt("acknowledge", false, &told, &[]))
            .recorded(),
    )
}

async fn acknowledge_alert(
    api: web::Data<ApiSurface>,
    monitoring: web::Data<MonitoringSurface>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    let mut noted = None;
    let answered = change::answer(
        &api,
        (&request, payload),
        (&[&WRITE], OperatorAct::AcknowledgeAlert),
        async |asked, mut fields| {
            let since = times::read("since", &fields.needed_text("since")?)?;
            let severity = severity(&fields.needed_text("severity")?)?;
            fields.finish("since, severity")?;
            let alert: AlertName =
                path.parse().map_err(|error| Error::new(Kind::NotFound, format!("{error}")))?;
            let permit = api.admit()?;
            let there = monitoring.with_alerts(|alerts| alerts.episode(&path).cloned());
            let refusal = match &there {
                Some(episode) if episode.began_ms == since => (severity > episode.severity)
                    .then(|| Error::new(Kind::Malformed, "the alert is a warning now").field("severity")),
                other => Some(Error::new(
                    Kind::NotFound,
                    not_there(other.as_ref().map(|episode| episode.began_ms)),
                )),
            };
            if refusal.is_none() && !asked.dry_run {
                // At once: whoever asks may be gone when it is on disk. What is refused after all is taken back.
                monitoring.with_alerts(|alerts| alerts.acknowledge(&path, since, severity, now_ms()));
                noted = Some((since, there.and_then(|episode| episode.acknowledged)));
            }
            let known = Acknowledged { began: since, critical: severity == AlertSeverity::Critical };
            let told = Map::from_iter([
                ("type".to_owned(), json!("acknowledge")),
                ("alert".to_owned(), json!(alert.as_str())),
                ("since".to_owned(), json!(utc(since))),
                ("severity".to_owned(), Value::from(severity.name())),
            ]);
            Ok(AskedChange { permit, intent: AcknowledgeAlert { alert, known }.into(), refusal, told })
        },
    )
    .await;
    // Where it is not known whether it was carried out, it counts as known: the same request again tells.
    if let (Err(error), Some((since, before))) = (&answered, noted)
        && error.kind() != Kind::OutcomeUnknown
    {
        monitoring.with_alerts(|alerts| alerts.take_back(&path, since, before));
    }
    answered
}

fn severity(text: &str) -> Result<AlertSeverity, Error> {
    let known = AlertSeverity::ALL.into_iter().find(|severity| severity.name() == text);
    known.ok_or_else(|| Error::new(Kind::Malformed, "severity is warning or critical").field("severity"))
}

fn not_there(there: Option<u64>) -> String {
    there.map_or_else(
        || "there is no such alert now: /monitoring/alerts has them".to_owned(),
        |since| format!("the alert that there is now began at {}", utc(since)),
    )
}
