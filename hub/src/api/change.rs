//! A change, carried out once for the key of its request, or only previewed; and its answer.

use actix_web::{HttpRequest, HttpResponse, web};
use actors::{
    admission::Permit,
    ports::{
        money::{Execution, NotExecuted},
        service::{Intent, ServiceRequest},
    },
};
use engine::{Content, TxId, differences};
use protocol::{ErrorCode, PlayerId};
use serde_json::{Map, Value, json};

use super::{asked::KeyedRequest, fields::JsonFields, logged, payment, receipt, surface::ApiSurface};
use crate::{
    auth::Capability,
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

/// Does not consume a key, and is not told.
const UNTOLD: ErrorCode = ErrorCode::Malformed;

/// Answers a request for a change; `read` says what is asked for. Until then the money was not asked: every refusal leaves the
/// key as it was, and says so.
///
/// # Errors
/// Why nothing was carried out, or that this is not known.
pub async fn answer(
    api: &ApiSurface,
    (request, payload): (&HttpRequest, web::Payload),
    needed: &Capability,
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
    needed: &Capability,
    read: impl AsyncFnOnce(&KeyedRequest<'_>, JsonFields<'_>) -> Result<AskedChange, Error>,
    tell: impl AsyncFnOnce(&Intent, &Execution, &mut Map<String, Value>) -> Result<(), Error>,
) -> Result<HttpResponse, Error> {
    let asked = KeyedRequest::read(request, payload, &api.callers, needed).await;
    let asked = asked.map_err(|error| error.of_key(None, false))?;
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
    needed: &Capability,
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
