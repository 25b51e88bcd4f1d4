//! `/api/domains/collections`: payments of players that have come in.

use actix_web::{HttpRequest, HttpResponse, web};
use actors::ports::service::{Collect, OperatorAct, OwnerName, PaymentMethod};
use engine::{Body, TxId};
use ledger::Domain;
use protocol::ErrorCode;
use serde_json::json;

use super::{
    asked::allowed_alone,
    change::{self, AskedChange},
    openapi::{self, ApiOperation, ApiRoute, schema},
    payment::{self, Sum},
    receipt,
    surface::ApiSurface,
    wanted,
};
use crate::{
    auth::{Access, Area, Capability},
    edge::error::{Error, Kind},
    utc::utc,
};

const READ: Capability = Capability::Use(Area::Domain(Domain::Collections), Access::Read);
const WRITE: Capability = Capability::Use(Area::Domain(Domain::Collections), Access::Write);

/// Its paths.
pub(super) fn routes() -> Vec<ApiRoute> {
    let methods = || schema::words(PaymentMethod::ALL.map(PaymentMethod::name));
    let body = schema::body(
        &[
            ("merchantId", schema::named("OwnerName")),
            ("playerId", schema::named("PlayerName")),
            ("amount", schema::named("Amount")),
            ("paymentMethod", methods()),
        ],
        &[&[("currency", schema::named("Currency"))][..], &openapi::cause()].concat(),
    );
    let example = json!({
        "merchantId": "MERCHANT_123", "playerId": "PLAYER_123", "amount": "100.00", "currency": "USD", "paymentMethod": "manual",
        "reference": "RECEIPT-1",
    });
    let payment = || {
        [
            ("merchantId", schema::named("OwnerName")),
            ("paymentMethod", methods()),
            ("status", schema::words(["settled"])),
        ]
    };
    let receipt = openapi::receipt(
        "collection",
        true,
        &[&openapi::of_player()[..], &payment(), &openapi::of_cause()].concat(),
        &[],
    );
    let shown = [
        ("id", schema::named("TransactionId")),
        ("tx", schema::named("TransactionId")),
        ("lsn", schema::named("Lsn")),
        ("type", schema::words(["collection"])),
        ("player", schema::named("PlayerId")),
        ("amount", schema::named("Decimal")),
        ("currency", schema::named("CurrencyCode")),
        ("time", schema::named("Time")),
    ];
    vec![
        ApiRoute::at("/api/domains/collections").post(
            collect,
            ApiOperation::change(
                "collectPayment",
                "Records a payment that has come in",
                &WRITE,
                &body,
                &[("payment", example)],
            )
            .answers(200, receipt)
            .changes_funds()
            .refuses(&[Kind::Money(ErrorCode::Excluded), Kind::Money(ErrorCode::LimitReached)])
            .link("showPayment", &[("id", "$response.body#/id")]),
        ),
        ApiRoute::at("/api/domains/collections/{id}").get(
            show,
            ApiOperation::read("showPayment", "A payment that has come in", &READ)
                .path("id", schema::named("TransactionId"), &receipt::spelled_id(TxId(1)))
                .answers(200, schema::map(&[&shown[..], &payment(), &openapi::of_cause()].concat(), &[]))
                .header(200, &receipt::LSN, true)
                .refuses(&[Kind::UnknownTransaction]),
        ),
    ]
}

/// `POST /api/domains/collections`: a payment has come in.
async fn collect(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    change::answer(&api, (&request, payload), (&[&WRITE], OperatorAct::Collect), async |asked, mut fields| {
        let merchant: OwnerName = fields.needed("merchantId")?;
        let name = fields.needed_text("playerId")?;
        let sum = Sum::read(&api, &mut fields)?;
        let method = method(&fields.needed_text("paymentMethod")?)?;
        let cause = payment::cause(&mut fields)?;
        fields.finish("merchantId, playerId, amount, currency, paymentMethod, reason and reference")?;
        let amount = sum.minor(&api)?;
        let permit = api.admit()?;
        let mut refusal = payment::unknown_reason(&api, &cause).or_else(|| sum.refusal(&api));
        let player = payment::payee(&api, asked, &name, &mut refusal).await?;
        let mut told = payment::told("collection", &name, player);
        told.extend([
            ("merchantId".to_owned(), json!(merchant.as_str())),
            ("paymentMethod".to_owned(), json!(method.name())),
            ("status".to_owned(), json!("settled")),
        ]);
        told.extend(payment::cause_told(&cause));
        let intent = Collect { player, currency: sum.currency, amount, merchant, method, cause }.into();
        Ok(AskedChange { permit, intent, refusal, told })
    })
    .await
}

fn method(name: &str) -> Result<PaymentMethod, Error> {
    PaymentMethod::ALL.into_iter().find(|known| known.name() == name).ok_or_else(|| {
        let names = PaymentMethod::ALL.map(PaymentMethod::name).join(", ");
        Error::new(Kind::Malformed, format!("the payment methods are: {names}")).field("paymentMethod")
    })
}

/// `GET /api/domains/collections/{id}`: a payment that has come in.
async fn show(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Error> {
    allowed_alone(&request, &api.callers, &READ)?;
    let permit = api.admit()?;
    let (id, found) = wanted::find(&api, wanted::id(&path)?).await?;
    drop(permit);
    let committed = match &found.record.body {
        Body::Committed(committed) => Some(committed),
        Body::Refused { .. } | Body::Digest(_) | Body::Fact(_) => None,
    };
    let collected = committed.and_then(|committed| committed.intent.get::<Collect>());
    let Some(Collect { player, currency, amount, merchant, method, cause }) = collected else {
        return Err(Error::new(Kind::UnknownTransaction, "there is no such collection"));
    };
    let id = receipt::spelled_id(id);
    let mut answer = payment::cause_told(cause);
    answer.extend([
        ("id".to_owned(), json!(id)),
        ("tx".to_owned(), json!(id)),
        ("lsn".to_owned(), json!(found.lsn)),
        ("type".to_owned(), json!("collection")),
        ("status".to_owned(), json!("settled")),
        ("merchantId".to_owned(), json!(merchant.as_str())),
        ("player".to_owned(), json!(player)),
        ("amount".to_owned(), json!(receipt::spelled(*amount, *currency, &api.currencies)?)),
        ("currency".to_owned(), json!(currency)),
        ("paymentMethod".to_owned(), json!(method.name())),
        ("time".to_owned(), json!(utc(found.record.time))),
    ]);
    Ok(HttpResponse::Ok().insert_header((receipt::LSN, found.lsn)).json(answer))
}
