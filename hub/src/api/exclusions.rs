//! `/api/domains/balance/{player}/timeout`, `/exclusion` and `/reinstate`: players who leave play for a time, and come back.

use actix_web::{HttpRequest, HttpResponse, web};
use actors::ports::service::{
    DAY, DAYS_MAX, ExcludePlayer, ExclusionKind, OperatorAct, Protection, Reinstate, lasting,
};
use protocol::ErrorCode;
use serde_json::json;

use super::{
    balance::WRITE,
    change::{self, AskedChange},
    fields::JsonFields,
    openapi::{
        self, ApiOperation, ApiRoute,
        schema::{self, Way},
    },
    payment,
    surface::ApiSurface,
};
use crate::edge::error::{Error, Kind};

/// Its paths.
pub(super) fn routes() -> Vec<ApiRoute> {
    let days = || json!({ "type": "integer", "minimum": 1, "maximum": DAYS_MAX });
    let for_good = json!({ "const": true, "description": "For good, instead of `days`." });
    let exclusion = schema::in_one_way(
        schema::body(&[], &[("days", days()), ("permanent", for_good)]),
        &[
            Way { with: &[("days", json!({ "type": "integer" }))], without: &["permanent"] },
            Way { with: &[("permanent", json!({ "const": true }))], without: &["days"] },
        ],
    );
    let told_days = || ("days", schema::or_null(&schema::count()));
    let change = |id, summary, body: &serde_json::Value, (name, example), receipt: serde_json::Value| {
        ApiOperation::change(id, summary, &WRITE, body, &[(name, example)])
            .path("playerId", schema::named("PlayerName"), "PLAYER_123")
            .answers(200, receipt)
            .recorded()
            .link("showBalance", &[("playerId", "$response.body#/playerId")])
    };
    let excluded =
        |kind| openapi::receipt(kind, false, &[&openapi::of_player()[..], &[told_days()]].concat(), &[]);
    let refusals =
        [Kind::UnknownPlayer, Kind::Money(ErrorCode::ExclusionStands), Kind::Money(ErrorCode::BadDuration)];
    vec![
        ApiRoute::at("/api/domains/balance/{playerId}/timeout").post(
            time_out,
            change(
                "timeOutPlayer",
                "Excludes a player from play for some days; it ends by itself",
                &schema::body(&[("days", days())], &[]),
                ("timeout", json!({ "days": 7 })),
                excluded("timeout"),
            )
            .refuses(&refusals),
        ),
        ApiRoute::at("/api/domains/balance/{playerId}/exclusion").post(
            exclude,
            change(
                "excludePlayer",
                "Excludes a player from play, until the player comes back after its end, or for good",
                &exclusion,
                ("exclusion", json!({ "days": 365 })),
                excluded("exclusion"),
            )
            .refuses(&refusals),
        ),
        ApiRoute::at("/api/domains/balance/{playerId}/reinstate").post(
            reinstate,
            change(
                "reinstatePlayer",
                "Lets a player come back whose self-exclusion has reached its end, after a time to cool off",
                &schema::body(&[], &[]),
                ("reinstate", json!({})),
                openapi::receipt("reinstate", false, &openapi::of_player(), &[]),
            )
            .refuses(&[
                Kind::UnknownPlayer,
                Kind::Money(ErrorCode::ExclusionStands),
                Kind::Money(ErrorCode::NotExcluded),
            ]),
        ),
    ]
}

/// `POST /api/domains/balance/{player}/timeout`.
async fn time_out(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    change::answer(&api, (&request, payload), (&[&WRITE], OperatorAct::Exclude), async |asked, mut fields| {
        let days = fields.whole("days")?.ok_or_else(|| wrong("a time-out needs \"days\""))?;
        fields.finish("days")?;
        let player = payment::known(&api, asked, &path)?;
        excluding(&api, ("timeout", ExclusionKind::TimeOut), (player, &path), Some(days))
    })
    .await
}

/// `POST /api/domains/balance/{player}/exclusion`.
async fn exclude(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    change::answer(&api, (&request, payload), (&[&WRITE], OperatorAct::Exclude), async |asked, mut fields| {
        let days = exclusion_days(&mut fields)?;
        fields.finish("days and permanent")?;
        let player = payment::known(&api, asked, &path)?;
        excluding(&api, ("exclusion", ExclusionKind::SelfExclusion), (player, &path), days)
    })
    .await
}

/// `POST /api/domains/balance/{player}/reinstate`.
async fn reinstate(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    change::answer_bare(
        &api,
        (&request, payload),
        (&[&WRITE], OperatorAct::Reinstate),
        ("reinstate", &path),
        |player| Reinstate { player },
    )
    .await
}

/// How many days; `None` for good, which has to be said: it is not taken back.
fn exclusion_days(fields: &mut JsonFields<'_>) -> Result<Option<u64>, Error> {
    match (fields.whole("days")?, fields.flag("permanent")?) {
        (Some(days), None) => Ok(Some(days)),
        (None, Some(true)) => Ok(None),
        (Some(_), Some(_)) => Err(wrong("an exclusion has \"days\" or is \"permanent\", and not both")),
        (None, Some(false) | None) => Err(wrong("an exclusion needs \"days\", or \"permanent\": true")),
    }
}

fn excluding(
    api: &ApiSurface,
    (name, kind): (&str, ExclusionKind),
    (player, called): (protocol::PlayerId, &str),
    days: Option<u64>,
) -> Result<AskedChange, Error> {
    let lasts = lasting(days).map_err(|error| wrong(error.to_string()))?;
    let permit = api.admit()?;
    let mut told = payment::told(name, called, player);
    told.insert("days".into(), json!(days));
    let refusal = unfit(&api.protection, kind, lasts);
    let refusal = refusal.map(|words| Error::new(Kind::Money(ErrorCode::BadDuration), words).field("days"));
    Ok(AskedChange { permit, intent: ExcludePlayer { player, kind, lasts }.into(), refusal, told })
}

/// Why an exclusion does not last so long, in words; the money would refuse it without them.
fn unfit(protection: &Protection, kind: ExclusionKind, lasts: Option<u64>) -> Option<String> {
    let (longest, shortest) = (protection.time_out_max, protection.self_exclusion_min);
    match (kind, lasts?) {
        (ExclusionKind::TimeOut, lasts) if lasts > longest => Some(format!(
            "a time-out lasts at most {} days (option protection.time_out_days_max); an exclusion lasts longer",
            longest / DAY
        )),
        (ExclusionKind::SelfExclusion, lasts) if lasts < shortest => Some(format!(
            "an exclusion lasts at least {} days (option protection.self_exclusion_days_min); a time-out is shorter",
            shortest / DAY
        )),
        _ => None,
    }
}

fn wrong(words: impl Into<String>) -> Error {
    Error::new(Kind::Malformed, words.into()).field("days")
}
