//! `/api/domains/balance/{player}/reality-check`: a player has acknowledged how long they have played, and what they have won or
//! lost.

use actix_web::{HttpRequest, HttpResponse, web};
use actors::ports::service::{AcknowledgeCheck, OperatorAct};
use protocol::ErrorCode;
use serde_json::json;

use super::{
    balance::WRITE,
    change,
    openapi::{self, ApiOperation, ApiRoute, schema},
    surface::ApiSurface,
};
use crate::edge::error::{Error, Kind};

/// Its path.
pub(super) fn routes() -> Vec<ApiRoute> {
    let acknowledge = ApiOperation::change(
        "acknowledgeRealityCheck",
        "Notes that a player has acknowledged how they play, so that bets are taken again",
        &WRITE,
        &schema::body(&[], &[]),
        &[("reality_check", json!({}))],
    );
    vec![
        ApiRoute::at("/api/domains/balance/{playerId}/reality-check").post(
            reality_check,
            acknowledge
                .path("playerId", schema::named("PlayerName"), "PLAYER_123")
                .answers(200, openapi::receipt("reality_check", false, &openapi::of_player(), &[]))
                .recorded()
                .refuses(&[Kind::UnknownPlayer, Kind::Money(ErrorCode::NoCheckDue)])
                .link("showBalance", &[("playerId", "$response.body#/playerId")]),
        ),
    ]
}

/// `POST /api/domains/balance/{player}/reality-check`.
async fn reality_check(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    change::answer_bare(
        &api,
        (&request, payload),
        (&[&WRITE], OperatorAct::RealityCheck),
        ("reality_check", &path),
        |player| AcknowledgeCheck { player },
    )
    .await
}
