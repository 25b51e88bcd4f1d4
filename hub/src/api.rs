//! The API of services and operators: money over HTTP. One file a domain; each handler reads its request, asks who calls and
//! what they may, calls one port and answers.
//!
//! Every change has a key (`Idempotency-Key`) and is carried out once: the same request with the same key gets the same
//! answer for good. Keys are those of the one key space of the hub, by kind of principal, issuer, name and key.

pub mod asked;
mod balance;
mod change;
mod collections;
mod coordinate;
mod dashboard;
mod domain_figures;
mod fields;
mod health;
mod holds;
mod lists;
mod logged;
mod outcomes;
mod parameters;
mod payment;
pub mod rates;
mod reads;
mod receipt;
mod recorded;
mod reports;
mod stale;
mod surface;
mod times;
mod transactions;

use actix_web::web;

pub use self::surface::ApiSurface;

/// What begins the path of everything in the API.
pub const PATHS: [&str; 3] = ["/api/domains/", "/api/reports/", "/coordinator/"];

/// Registers its paths.
pub fn routes(api: &web::Data<ApiSurface>, service: &mut web::ServiceConfig) {
    service.app_data(api.clone());
    // Words in a path come before ids: nobody called `health` hides the health of a domain.
    health::routes(service);
    dashboard::routes(service);
    coordinate::routes(service);
    reports::routes(service);
    outcomes::routes(service);
    collections::routes(service);
    holds::routes(service);
    transactions::routes(service);
    balance::routes(service);
}
