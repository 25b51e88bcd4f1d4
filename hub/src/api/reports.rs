//! `GET /api/reports/…`: reports for operators, as JSON or CSV, for whoever may read the monitoring.

mod days;
mod games;
mod interrupted;
mod liability;
mod permitted;
mod totals;

use actix_web::web;

/// Registers the paths of all of them.
pub fn routes(service: &mut web::ServiceConfig) {
    totals::routes(service);
    games::routes(service);
    liability::routes(service);
    interrupted::routes(service);
}
