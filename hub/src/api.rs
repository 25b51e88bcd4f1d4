//! The API of services and operators: money over HTTP. One file a domain; each handler reads its request, asks who calls and
//! what they may, calls one port and answers.
//!
//! Every change has a key (`Idempotency-Key`) and is carried out once: the same request with the same key gets the same
//! answer for good. Keys are those of the one key space of the hub, by kind of principal, issuer, name and key.

mod acknowledge;
pub mod acts;
mod adjustments;
mod alerts;
pub mod asked;
mod balance;
mod change;
mod collections;
mod coordinate;
mod dashboard;
mod described;
mod domain_figures;
mod exclusions;
mod explain;
mod fields;
mod health;
mod holds;
mod limits;
mod lists;
mod logged;
mod monitoring;
mod noted;
mod openapi;
mod operators;
mod outcomes;
mod parameters;
mod paths;
mod payment;
mod play;
mod players;
mod proposals;
pub mod rates;
mod reached;
mod reads;
mod reality_check;
mod receipt;
mod recorded;
mod reports;
mod stale;
mod surface;
mod times;
mod transactions;
mod wanted;

use actix_web::web;

use self::openapi::{ApiPart, ApiRoute};
use crate::monitoring::surface::MonitoringSurface;

pub use self::{described::ApiDocument, openapi::Vocabulary, paths::PATHS, surface::ApiSurface};

/// Every part. Words in a path come before ids: nobody called `health` hides the health of a domain.
fn parts() -> [ApiPart; 16] {
    let part = |tag, about, routes| ApiPart { tag, about, routes };
    [
        part("monitoring", "How the whole hub does, and what is wrong.", monitoring()),
        part("health", "Whether domains and coordinator answer.", health::routes()),
        part("dashboards", "Figures of domains.", dashboard::routes()),
        part("coordinator", "Changes by several domains.", coordinate::routes()),
        part("reports", "Figures for operators.", reports::routes()),
        part("operators", "What operators have done, and what they were refused.", operators::routes()),
        part("transactions", "What became of transactions.", outcomes::routes()),
        part("collections", "Payments that have come in.", collections::routes()),
        part("holds", "Money that is held for a service.", holds::routes()),
        part("adjustments", "Corrections that others approve, and reversals.", adjustments::routes()),
        part("statements", "What happened to the money of players.", transactions::routes()),
        part("players", "Who has accounts here.", players::routes()),
        part("exclusions", "Players who leave play for a time, and come back.", exclusions::routes()),
        part("play sessions", "How players acknowledge how they play.", reality_check::routes()),
        part("limits", "How much players may deposit, stake, lose and play.", limits::routes()),
        part("balance", "What players have; credits, debits and freezes.", balance::routes()),
    ]
}

fn monitoring() -> Vec<ApiRoute> {
    let mut routes = monitoring::routes();
    routes.extend(alerts::routes());
    routes.push(acknowledge::route());
    routes.extend(noted::routes());
    routes
}

/// Registers its paths.
pub fn routes(
    api: &web::Data<ApiSurface>,
    described: &web::Data<ApiDocument>,
    monitoring: &web::Data<MonitoringSurface>,
    service: &mut web::ServiceConfig,
) {
    service.app_data(api.clone()).app_data(monitoring.clone());
    described::routes(described, service);
    for part in parts() {
        for route in part.routes {
            service.service(route.into_resource());
        }
    }
}

/// The API described in OpenAPI 3.1, as JSON in lines.
///
/// # Panics
/// Never: the document is JSON.
#[must_use]
pub fn document_text(vocabulary: &Vocabulary) -> String {
    let document = openapi::document(&parts(), vocabulary);
    serde_json::to_string_pretty(&document).expect("the document is JSON") + "\n"
}
