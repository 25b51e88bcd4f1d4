//! `GET /api/info`: what a page needs to know before anybody signs in.

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use super::routes;
use crate::config::Mode;

/// The answer; it does not change while the hub runs.
pub struct Info(Value);

impl Info {
    /// A hub in this mode, which offers play money or does not.
    #[must_use]
    pub fn new(mode: Mode, demo: bool) -> Self {
        Self(json!({
            "name": "hub",
            "version": env!("CARGO_PKG_VERSION"),
            "mode": mode.to_string(),
            "demo": demo,
            "path": super::upgrade::PATH,
            "subprotocols": [protocol::SUBPROTOCOL_MSGPACK, protocol::SUBPROTOCOL_JSON],
        }))
    }
}

/// Registers its path.
pub fn routes(info: &web::Data<Info>, service: &mut web::ServiceConfig) {
    service.app_data(info.clone()).service(routes::page("/api/info", show));
}

async fn show(info: web::Data<Info>) -> HttpResponse {
    HttpResponse::Ok().json(&info.0)
}
