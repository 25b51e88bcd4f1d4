//! A change, carried out once for the key of its request, or only previewed; and its answer.

use std::sync::Arc;

use actix_web::{FromRequest as _, HttpRequest, HttpResponse, web};
use actors::{
    admission::Permit,
    ports::{
        money::{Execution, NotExecuted},
        service::{Intent, OperatorAct, ServiceRequest},
    },
};
use engine::{Content, TxId, differences};
use protocol::{ErrorCode, PlayerId};
use serde_json::{Map, Value, json};

use super::{
    asked::{self, KeyedRequest},
    fields::JsonFields,
    logged,
    parameters::Parameters,
    payment, receipt,
    surface::ApiSurface,
};
use crate::{
    auth::{Caller, Capability},
    edge::error::{Error, Kind},
};

/// What is to be changed, and what its answer repeats of the request.
pub struct AskedChange {
    /// A place among the requests under way.
    pub permit: Permit,
    /// What is asked for.
    pub intent: Intent,
    /// Why it is refused unless its key has an outcome: a repeated request is told what it was told.
    pub refusal: Option<Error>,
    /// The fields of the request that the answer repeats.
    pub told: Map<String, Value>,
}

/// An act, and the capabilities of which one is needed for it. What is told to be missing is the first.
pub type NeededFor<'a> = (&'a [&'a Capability], OperatorAct);

/// Does not consume a key, and is not told.
const UNTOLD: ErrorCode = ErrorCode::Malformed;

/// The caller of a request for an act, who may do it. That an operator may not is a record; a dry run is no act.
///
/// # Errors
/// `unauthorized`, `rate_limited`, or `forbidden` with the name of what is missing.
pub async fn permitted(
    api: &ApiSurface,
    request: &HttpRequest,
    (needed, act): NeededFor<'_>,
) -> Result<Arc<Caller>, Error> {
    let caller = asked::caller(request, &api.callers)?;
    if needed.iter().any(|needed| caller.may.allow(needed)) {
        return Ok(caller);
    }
    let lacks = needed.first().ok_or(Kind::Internal)?;
    let dry_run = Parameters::read(request, &["dry_run"]).and_then(|given| given.flag("dry_run"));
    if !dry_run.unwrap_or(false) {
        let player = player_in_path(api, request, &caller).await;
        api.refused_acts.note(&caller, (act, lacks), player).await;
    }
    Err(Error::new(Kind::Forbidden, caller.lacks((*lacks).clone()).to_string()))
}

/// The player whom the path of a request names, if there is one.
async fn player_in_path(api: &ApiSurface, request: &HttpRequest, caller: &Caller) -> Option<PlayerId> {
    request.match_info().get("playerId")?;
    let name = web::Path::<String>::extract(request).await.ok()?;
    api.people.get(&api.person(caller, &name).ok()?)
}

/// Answers a request for a change; `read` says what is asked for. Until then the money was not asked: every refusal leaves the
/// key as it was, and says so.
///
/// # Errors
/// Why nothing was carried out, or that this is not known.
pub async fn answer(
    api: &ApiSurface,
    (request, payload): (&HttpRequest, web::Payload),
    needed: NeededFor<'_>,
    read: impl AsyncFnOnce(&KeyedRequest<'_>, JsonFields<'_>) -> Result<AskedChange, Error>,
) -> Result<HttpResponse, Error> {
    answer_told(api, (request, payload), needed, read, async |_, _, _| Ok(())).await
}

/// The same; `tell` sees what became of it, and says more of it than other changes have to say.
///
/// # Errors
/// As [`answer`], and those of `tell`.
pub async fn answer_told(
    api: &ApiSurface,
    (request, payload): (&HttpRequest, web::Payload),
    needed: NeededFor<'_>,
    read: impl AsyncFnOnce(&KeyedRequest<'_>, JsonFields<'_>) -> Result<AskedChange, Error>,
    tell: impl AsyncFnOnce(&Intent, &Execution, &mut Map<String, Value>) -> Result<(), Error>,
) -> Result<HttpResponse, Error> {
    let asked = async { KeyedRequest::read(request, payload, permitted(api, request, needed).await?).await };
    let asked = asked.await.map_err(|error| error.of_key(None, false))?;
    let change = async { read(&asked, JsonFields::read(&asked.body)?).await };
    match change.await {
        Ok(change) => change.carry_out(api, &asked, tell).await,
        // A repeat may fail here after the first one was carried out: then nobody is told that the key is as it was.
        Err(error) => match api.money.find(asked.tx_id()).await {
            Ok(None) => Err(error.of_key(None, false)),
            Ok(Some(_)) | Err(_) => Err(error),
        },
    }
}

/// Answers a request for a change of a player that says nothing more than whom it is about; `name` is its type in the answer.
///
/// # Errors
/// As [`answer`], or `unknown_player`.
pub async fn answer_bare<I: Into<Intent>>(
    api: &ApiSurface,
    asked: (&HttpRequest, web::Payload),
    needed: NeededFor<'_>,
    (name, called): (&str, &str),
    intent: impl FnOnce(PlayerId) -> I,
) -> Result<HttpResponse, Error> {
    answer(api, asked, needed, async |asked, fields| {
        fields.finish("none")?;
        let player = payment::known(api, asked, called)?;
        let permit = api.admit()?;
        let told = payment::told(name, called, player);
        Ok(AskedChange { permit, intent: intent(player).into(), refusal: None, told })
    })
    .await
}

impl AskedChange {
    /// Carries it out once for the key of its request, or says what would happen.
    ///
    /// # Errors
    /// Why nothing was carried out, or that this is not known.
    async fn carry_out(
        self,
        api: &ApiSurface,
        asked: &KeyedRequest<'_>,
        tell: impl AsyncFnOnce(&Intent, &Execution, &mut Map<String, Value>) -> Result<(), Error>,
    ) -> Result<HttpResponse, Error> {
        let Self { permit, intent, refusal, mut told } = self;
        let (id, principal) = (asked.tx_id(), asked.caller.principal());
        let request = ServiceRequest { id, principal, intent: intent.clone() };
        let envelope = if refusal.is_some() { request.refuse(UNTOLD) } else { request.run() };
        let execution = if asked.dry_run {
            told.insert("dry_run".into(), json!(true));
            api.money.preview(envelope).await
        } else {
            api.money.execute(principal, envelope).await
        };
        drop(permit);
        match (refusal, execution) {
            (Some(refusal), Execution::Rejected(NotExecuted { code: UNTOLD, .. })) => {
                Err(refusal.of_key(None, false))
            }
            (_, Execution::Rejected(NotExecuted { code: ErrorCode::KeyReused, .. })) => {
                let differs = in_what(api, id, &intent).await;
                Err(Error::from(Kind::Money(ErrorCode::KeyReused)).of_key(None, false).differs_in(differs))
            }
            (_, execution) => {
                tell(&intent, &execution, &mut told).await?;
                receipt::answer(id, execution, told, asked.dry_run, &api.currencies)
            }
        }
    }
}

/// The fields in which a request differs from the one that its key was used for; none when that cannot be read here.
async fn in_what(api: &ApiSurface, id: TxId, intent: &Intent) -> Vec<&'static str> {
    let Ok(Some((content, outcome))) = api.money.find(id).await else { return Vec::new() };
    match logged::read(api, outcome.lsn()).await {
        Ok(found) => match found.intent() {
            // A request of another sort, such as a bet, has no content of this form.
            Some(first) if Content::of_intent(first) == content => {
                differences(first, intent).into_iter().map(field_of).collect()
            }
            Some(_) | None => vec!["type"],
        },
        Err(_) => Vec::new(),
    }
}

/// The field of a request that gives a parameter.
fn field_of(parameter: &'static str) -> &'static str {
    match parameter {
        "player" => "playerId",
        "merchant" => "merchantId",
        "game" => "gameId",
        "method" => "paymentMethod",
        "lasts_ms" => "days",
        other => other,
    }
}
