//! `GET /api/reports/…`: reports for operators, as JSON or CSV, for whoever may read the monitoring.

mod business;
mod days;
mod games;
mod interrupted;
mod liability;
mod permitted;
mod totals;

use super::openapi::ApiRoute;

/// The paths of all of them.
pub(super) fn routes() -> Vec<ApiRoute> {
    let reports =
        [totals::routes(), games::routes(), liability::routes(), interrupted::routes(), business::routes()];
    reports.into_iter().flatten().collect()
}
