//! `GET /api/domains/balance/players?contains=`: players by a part of the id that the operator's issuer gives them.

use actix_web::{HttpRequest, HttpResponse, web};
use ledger::Domain;
use people::{NotSearched, SUBJECT_BYTES_MAX};
use protocol::PlayerId;
use serde_json::json;

use super::{
    asked::allowed,
    openapi::{ApiOperation, ApiRoute, schema},
    parameters::Parameters,
    rates::RouteRate,
    surface::ApiSurface,
};
use crate::{
    auth::{Access, Area, Capability},
    edge::error::{Error, Kind},
};

const READ: Capability = Capability::Use(Area::Domain(Domain::Balance), Access::Read);

/// Players of a page, when no number is asked for; and the most.
const LIMIT: (usize, usize) = (50, 200);
const WRONG_LIMIT: &str = "the limit is a number from 1 to 200";

/// Its path.
pub(super) fn routes() -> Vec<ApiRoute> {
    let mut limit = schema::count();
    limit["minimum"] = json!(1);
    limit["maximum"] = json!(LIMIT.1);
    limit["default"] = json!(LIMIT.0);
    let mut part = schema::text();
    part["minLength"] = json!(1);
    part["maxLength"] = json!(SUBJECT_BYTES_MAX);
    let line =
        schema::map(&[("playerId", schema::named("PlayerName")), ("player", schema::named("PlayerId"))], &[]);
    let page = schema::map(&[("data", schema::list(&line)), ("next", schema::or_null(&schema::text()))], &[]);
    let find = ApiOperation::read("findPlayers", "Players by a part of their id, by pages", &READ)
        .needed_query("contains", part, "A part of `playerId`; upper and lower case differ.", "PLAYER_1")
        .query("limit", limit, "Players of a page.")
        .query(
            "cursor",
            schema::named("PlayerId"),
            "The `next` of the page before, with the same `contains`.",
        )
        .answers(200, page)
        .link("findPlayers", &[("contains", "$request.query.contains"), ("cursor", "$response.body#/next")]);
    vec![ApiRoute::at("/api/domains/balance/players").data(RouteRate::LIST).get(show, find)]
}

async fn show(api: web::Data<ApiSurface>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let caller = allowed(&request, &api.callers, &READ)?;
    let parameters = Parameters::read(&request, &["contains", "limit", "cursor"])?;
    let limit = parameters.parsed("limit", WRONG_LIMIT)?.unwrap_or(LIMIT.0);
    if !(1..=LIMIT.1).contains(&limit) {
        return Err(Error::new(Kind::Malformed, WRONG_LIMIT).field("limit"));
    }
    let after: Option<PlayerId> = parameters.parsed("cursor", "the cursor is the `next` of a page")?;
    let missing = || Error::new(Kind::Malformed, "the parameter contains is missing").field("contains");
    let part = parameters.text("contains").ok_or_else(missing)?.to_owned();
    let permit = api.admit()?;
    let (people, issuer) = (api.people.clone(), api.issuer_of(&caller).clone());
    let found = web::block(move || people.search(&issuer, &part, after, limit)).await;
    drop(permit);
    let page = found.map_err(|_| Kind::Unavailable)?.map_err(|why| not_searched(&why))?;
    let next = page.found.last().filter(|_| page.more).map(|(_, player)| *player);
    let line = |(name, player): &(String, PlayerId)| json!({ "playerId": name, "player": player });
    let data: Vec<_> = page.found.iter().map(line).collect();
    Ok(HttpResponse::Ok().json(json!({ "data": data, "next": next })))
}

fn not_searched(why: &NotSearched) -> Error {
    match why {
        NotSearched::Reads { .. } => Error::new(Kind::Unavailable, why.to_string()),
        NotSearched::OutOfBounds => Error::new(Kind::Malformed, why.to_string()).field("contains"),
        NotSearched::Nobody => Error::new(Kind::Malformed, why.to_string()).field("cursor"),
    }
}
