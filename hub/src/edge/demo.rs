//! Play money: a name gets a token and a deposit. Only in development mode, and only while it is switched on.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant, SystemTime},
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use actors::ports::{deposit::Deposit, money::Execution};
use serde::Deserialize;
use serde_json::json;

use super::{Edge, problem, socket::origin_allowed};
use crate::{config::Mode, telemetry::events as telemetry};

/// Longest name, characters.
const NAME_MAX: usize = 24;

/// What a page needs to know before anybody signs in.
pub async fn info(edge: web::Data<Edge>) -> HttpResponse {
    let config = &edge.loaded.config;
    HttpResponse::Ok().json(json!({
        "name": "hub",
        "version": env!("CARGO_PKG_VERSION"),
        "mode": config.mode.to_string(),
        "demo": offers_demo(&edge),
        "path": super::socket::PATH,
        "subprotocols": [protocol::SUBPROTOCOL_MSGPACK, protocol::SUBPROTOCOL_JSON],
    }))
}

/// Who asks for play money.
#[derive(Deserialize)]
pub struct SignIn {
    name: String,
}

/// Makes a player of play money: a token, and a first deposit from the demo purse.
///
/// Takes JSON only, and from pages of our own only: no foreign page can use up the play money unseen.
pub async fn sign_in(edge: web::Data<Edge>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let json = request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if !json {
        let words = "the body is application/json";
        return HttpResponse::UnsupportedMediaType().json(problem("unsupported_media_type", words));
    }
    if !origin_allowed(request.headers(), &edge.loaded.config.server) {
        return HttpResponse::Forbidden().json(problem("forbidden", "pages of this origin may not ask"));
    }
    let Some(minter) = edge.minter.as_ref().filter(|_| offers_demo(&edge)) else {
        return HttpResponse::NotFound().json(problem("no_demo", "this hub gives no play money"));
    };
    let address = request.peer_addr().map(|peer| peer.ip());
    if address.is_some_and(|address| edge.addresses.pay(address, Instant::now()).is_err()) {
        return later(StatusCode::TOO_MANY_REQUESTS, "too_fast", "too many players of one address");
    }
    let body = match super::body(payload).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    let name = match serde_json::from_slice::<SignIn>(&body) {
        Ok(sign_in) => sign_in.name.trim().to_owned(),
        Err(_) => {
            let expected = "the body is JSON with a name, such as {\"name\":\"Anna\"}";
            return HttpResponse::BadRequest().json(problem("malformed", expected));
        }
    };
    if name.is_empty() || name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        let words = format!("a name has 1 to {NAME_MAX} characters");
        return HttpResponse::BadRequest().json(problem("bad_name", words));
    }
    if edge.admission.draining() {
        return later(StatusCode::SERVICE_UNAVAILABLE, "draining", "the hub is restarting");
    }
    // The deposit is a request like any other: it has its place among those under way, and a drain waits for it.
    let Some(_permit) = edge.admission.admit(&Arc::default()) else {
        return later(StatusCode::SERVICE_UNAVAILABLE, "busy", "the hub is busy");
    };
    let demo = &edge.loaded.config.demo;
    if edge.demo_players.fetch_add(1, Relaxed) >= demo.players_max {
        edge.demo_players.fetch_sub(1, Relaxed);
        return HttpResponse::TooManyRequests().json(problem("full", "no more play money is given today"));
    }
    let mut random = [0; 8];
    if let Err(error) = getrandom::fill(&mut random) {
        telemetry::no_random_bytes(&error);
        return HttpResponse::InternalServerError().json(problem("internal", "the hub failed"));
    }
    // Two people of one name are two players, and nobody can guess another's.
    let subject = format!("demo:{:016x}:{name}", u64::from_be_bytes(random));
    let lifetime = Duration::from_secs(demo.token_seconds.into());
    let token = match minter.mint(&subject, SystemTime::now(), lifetime) {
        Ok(token) => token,
        Err(error) => {
            telemetry::no_demo_token(&error);
            return HttpResponse::InternalServerError().json(problem("internal", "the hub failed"));
        }
    };
    let player = edge.loaded.secrets.pseudonyms.player(&edge.loaded.config.auth.issuer, &subject);
    let deposit = Deposit {
        service: "demo",
        key: player.to_string(),
        player,
        currency: demo.currency,
        amount: demo.deposit,
    };
    let made = match deposit.envelope(&edge.currencies) {
        Ok(envelope) => edge.money.execute(envelope).await,
        Err(code) => Execution::Rejected(code),
    };
    match made {
        Execution::Committed(_) => {
            HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(json!({
                "token": token,
                "player": player,
                "currency": demo.currency,
                "deposited": demo.deposit,
            }))
        }
        Execution::Rejected(_) | Execution::Unknown => {
            telemetry::no_demo_deposit(&made);
            HttpResponse::InternalServerError().json(problem("internal", "the deposit was not made"))
        }
    }
}

/// A refusal that holds for a moment only.
fn later(status: StatusCode, name: &str, words: &str) -> HttpResponse {
    HttpResponse::build(status).insert_header((header::RETRY_AFTER, "2")).json(problem(name, words))
}

fn offers_demo(edge: &Edge) -> bool {
    let config = &edge.loaded.config;
    config.demo.enabled && config.mode == Mode::Development && edge.minter.is_some()
}
