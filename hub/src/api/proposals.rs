//! `GET /api/domains/adjustment`: corrections that wait for approval, and where one stands.

use actix_web::{HttpRequest, HttpResponse, web};
use actors::{
    messages::money::{ProposalsFound, WhichProposals},
    ports::service::{
        Correction, CorrectionOf, EndedProposal, Proposal, ProposalEnd, ProposalId, ProposeAdjustment,
        Reference,
    },
};
use engine::{Body, Principal, TxId};
use ledger::Domain;
use protocol::ErrorCode;
use serde_json::{Map, Value, json};

use super::{
    asked::allowed_alone,
    logged::LogEntry,
    openapi::{ApiOperation, schema},
    receipt,
    surface::ApiSurface,
    wanted::{self, Wanted},
};
use crate::{
    auth::{Access, Area, Capability},
    edge::error::{Error, Kind},
    utc::utc,
    verify::signed,
};

const READ: Capability = Capability::Use(Area::Domain(Domain::Adjustment), Access::Read);

/// Where a proposal stands.
pub(super) const STATUSES: [&str; 5] = ["open", "expired", "applied", "rejected", "withdrawn"];
/// How one came to be carried out.
const HOW: [&str; 3] = ["approved", "alone", "break_glass"];

/// The description of the list.
pub(super) fn list_operation() -> ApiOperation {
    let mut line =
        vec![("id", schema::named("TransactionId")), ("status", schema::words(["open", "expired"]))];
    line.extend(sum_fields());
    line.extend(standing_fields());
    let page = [
        ("data", schema::list(&schema::map(&line, &[]))),
        ("more", schema::told(schema::flag(), "Whether more wait than are told.")),
        ("lsn", schema::named("Lsn")),
    ];
    ApiOperation::read(
        "listAdjustments",
        "Corrections that wait for approval, the oldest first; also those whose time is over",
        &READ,
    )
    .answers(200, schema::map(&page, &[]))
    .header(200, &receipt::LSN, true)
}

/// The description of one.
pub(super) fn show_operation() -> ApiOperation {
    let mut fields = vec![
        ("id", schema::named("TransactionId")),
        ("type", schema::words(["adjustment"])),
        ("status", schema::words(STATUSES)),
        ("how", schema::or_null(&schema::words(HOW))),
        (
            "transaction",
            schema::told(schema::or_null(&schema::named("TransactionId")), "What has carried it out."),
        ),
        ("endedBy", schema::or_null(&principal_schema())),
        ("ended", schema::or_null(&schema::named("Time"))),
        ("breakGlass", schema::or_null(&schema::text())),
        ("lsn", schema::named("Lsn")),
    ];
    fields.extend(standing_fields());
    id_in_a_path(ApiOperation::read("showAdjustment", "A correction, and where it stands", &READ))
        .answers(200, schema::map(&fields, &correction_fields()))
        .header(200, &receipt::LSN, true)
        .refuses(&[Kind::Money(ErrorCode::UnknownProposal)])
        .link("approveAdjustment", &[("id", "$response.body#/id")])
        .link("rejectAdjustment", &[("id", "$response.body#/id")])
}

/// The id of a proposal in a path, in a description.
pub(super) fn id_in_a_path(operation: ApiOperation) -> ApiOperation {
    operation.path("id", schema::named("TransactionId"), &receipt::spelled_id(TxId(1)))
}

fn principal_schema() -> Value {
    schema::map(&[("kind", schema::named("PrincipalKind")), ("id", schema::pattern("^[0-9a-f]{32}$"))], &[])
}

fn sum_fields() -> [(&'static str, Value); 2] {
    let about = "What moves on players' accounts, whichever way: by this the rules ask for approvals.";
    [("amount", schema::told(schema::named("Decimal"), about)), ("currency", schema::named("CurrencyCode"))]
}

fn standing_fields() -> [(&'static str, Value); 5] {
    [
        ("author", principal_schema()),
        ("made", schema::named("Time")),
        ("until", schema::named("Time")),
        ("needed", schema::count()),
        ("approvals", schema::list(&principal_schema())),
    ]
}

/// What a correction says of itself, in a description.
pub(super) fn correction_fields() -> Vec<(&'static str, Value)> {
    let change = schema::map(
        &[("player", schema::named("PlayerId")), ("amount", schema::named("SignedDecimal"))],
        &[],
    );
    let mut fields = vec![
        ("direction", schema::words(["credit", "debit", "reversal"])),
        ("player", schema::told(schema::or_null(&schema::named("PlayerId")), "Of an amount.")),
        ("reverse", schema::told(schema::named("TransactionId"), "What is taken back.")),
        ("record", schema::told(schema::named("Lsn"), "The `lsn` of its record.")),
        ("players", schema::told(schema::list(&change), "What each player has more than before, or less.")),
        ("reason", schema::text()),
        ("reference", schema::text()),
    ];
    fields.extend(sum_fields());
    fields
}

/// What a correction says of itself.
///
/// # Errors
/// When the hub does not have the currency: a fault of ours.
pub(super) fn correction_told(
    api: &ApiSurface,
    correction: &Correction,
) -> Result<Map<String, Value>, Error> {
    let Correction { of, reason, reference } = correction;
    let what = correction.proposed().map_err(|_| Kind::Internal)?;
    let mut told = Map::from_iter([
        ("amount".to_owned(), json!(receipt::spelled(what.amount, what.currency, &api.currencies)?)),
        ("currency".to_owned(), json!(what.currency)),
        ("reason".to_owned(), json!(reason.name())),
        ("reference".to_owned(), json!(reference.as_str())),
    ]);
    match of {
        CorrectionOf::Amount { player, takes, .. } => {
            told.insert("direction".into(), json!(if *takes { "debit" } else { "credit" }));
            told.insert("player".into(), json!(Some(player).filter(|player| player.0 != 0)));
        }
        CorrectionOf::Transaction(reversal) => {
            let scale = api.currencies.spelling(what.currency).ok_or(Kind::Internal)?;
            let change = |(player, amount)| json!({ "player": player, "amount": signed(amount, scale) });
            told.extend([
                ("direction".to_owned(), json!("reversal")),
                ("reverse".to_owned(), json!(receipt::spelled_id(TxId(reversal.of)))),
                ("record".to_owned(), json!(reversal.lsn)),
                ("players".to_owned(), reversal.players().into_iter().map(change).collect()),
            ]);
        }
    }
    Ok(told)
}

/// Where a proposal stands at a time, milliseconds since 1970, for a receipt.
pub(super) fn standing(
    open: Option<&Proposal>,
    ended: Option<&EndedProposal>,
    now: u64,
) -> Map<String, Value> {
    let Some(proposal) = open.or(ended.map(|ended| &ended.proposal)) else { return Map::new() };
    Map::from_iter([
        ("status".to_owned(), json!(status(open, ended, now))),
        ("needed".to_owned(), json!(proposal.needed)),
        ("approvals".to_owned(), json!(proposal.approvals.len())),
        ("until".to_owned(), json!(utc(proposal.until))),
    ])
}

fn status(open: Option<&Proposal>, ended: Option<&EndedProposal>, now: u64) -> &'static str {
    match (open, ended.map(|ended| ended.end)) {
        (Some(proposal), _) if proposal.until <= now => "expired",
        (Some(_), _) | (None, None) => "open",
        (None, Some(end)) if end.is_applied() => "applied",
        (None, Some(ProposalEnd::Withdrawn)) => "withdrawn",
        (None, Some(_)) => "rejected",
    }
}

fn how(end: ProposalEnd) -> Option<&'static str> {
    match end {
        ProposalEnd::Applied => Some("approved"),
        ProposalEnd::Alone => Some("alone"),
        ProposalEnd::BreakGlass => Some("break_glass"),
        ProposalEnd::Rejected | ProposalEnd::Withdrawn => None,
    }
}

fn principal(of: Principal) -> Value {
    json!({ "kind": of.kind().name(), "id": format!("{:032x}", of.id()) })
}

fn people(proposal: &Proposal) -> Map<String, Value> {
    let approvals: Vec<_> = proposal.approvals.iter().copied().map(principal).collect();
    Map::from_iter([
        ("author".to_owned(), principal(proposal.author)),
        ("made".to_owned(), json!(utc(proposal.made))),
        ("until".to_owned(), json!(utc(proposal.until))),
        ("needed".to_owned(), json!(proposal.needed)),
        ("approvals".to_owned(), json!(approvals)),
    ])
}

/// The id of a proposal as text: that of its transaction.
pub(super) fn spelled(id: ProposalId) -> String {
    receipt::spelled_id(TxId(id.0))
}

/// The id of a proposal in a path.
///
/// # Errors
/// `malformed`.
pub(super) fn id(text: &str) -> Result<ProposalId, Error> {
    match wanted::id(text)? {
        Wanted::Id(id) => Ok(ProposalId(id.0)),
        Wanted::Lsn(_) => Err(Kind::Internal.into()),
    }
}

fn unknown() -> Error {
    Error::from(Kind::Money(ErrorCode::UnknownProposal)).field("id")
}

/// What was proposed under an id, and its record.
///
/// # Errors
/// `unknown_proposal`, or `unavailable`.
pub(super) async fn proposed(
    api: &ApiSurface,
    id: ProposalId,
) -> Result<(ProposeAdjustment, LogEntry), Error> {
    let found = wanted::find(api, Wanted::Id(TxId(id.0))).await;
    let (_, entry) =
        found.map_err(|error| if error.kind() == Kind::UnknownTransaction { unknown() } else { error })?;
    let proposed = match &entry.record.body {
        Body::Committed(committed) => committed.intent.get::<ProposeAdjustment>().cloned(),
        Body::Refused { .. } | Body::Digest(_) | Body::Fact(_) => None,
    };
    Ok((proposed.ok_or_else(unknown)?, entry))
}

/// `GET /api/domains/adjustment/{id}`.
pub(super) async fn show(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Error> {
    allowed_alone(&request, &api.callers, &READ)?;
    let id = id(&path)?;
    let permit = api.admit()?;
    let (ProposeAdjustment { correction, break_glass }, _) = proposed(&api, id).await?;
    let found = api.money.proposals(WhichProposals::One(id)).await.ok_or(Kind::Unavailable)?;
    drop(permit);
    let ProposalsFound { lsn, now, open, ended, .. } = found;
    let (open, ended) = (open.into_iter().next().map(|(_, open)| open), ended.map(|(_, ended)| ended));
    let proposal = open.as_ref().or(ended.as_ref().map(|ended| &ended.proposal)).ok_or_else(unknown)?;
    let carried_out = ended.as_ref().filter(|ended| ended.end.is_applied());
    let mut answer = correction_told(&api, &correction)?;
    answer.extend(people(proposal));
    answer.extend([
        ("id".to_owned(), json!(spelled(id))),
        ("type".to_owned(), json!("adjustment")),
        ("status".to_owned(), json!(status(open.as_ref(), ended.as_ref(), now))),
        ("how".to_owned(), json!(ended.as_ref().and_then(|ended| how(ended.end)))),
        (
            "transaction".to_owned(),
            json!(carried_out.map(|ended| receipt::spelled_id(TxId(ended.transaction)))),
        ),
        ("endedBy".to_owned(), json!(ended.as_ref().map(|ended| principal(ended.by)))),
        ("ended".to_owned(), json!(ended.as_ref().map(|ended| utc(ended.at)))),
        ("breakGlass".to_owned(), json!(break_glass.as_ref().map(Reference::as_str))),
        ("lsn".to_owned(), json!(lsn)),
    ]);
    Ok(HttpResponse::Ok().insert_header((receipt::LSN, lsn)).json(answer))
}

/// `GET /api/domains/adjustment`.
pub(super) async fn list(api: web::Data<ApiSurface>, request: HttpRequest) -> Result<HttpResponse, Error> {
    allowed_alone(&request, &api.callers, &READ)?;
    let permit = api.admit()?;
    let found = api.money.proposals(WhichProposals::Open).await.ok_or(Kind::Unavailable)?;
    drop(permit);
    let ProposalsFound { lsn, now, open, more, .. } = found;
    let line = |(id, proposal): &(ProposalId, Proposal)| {
        let what = &proposal.what;
        let mut line = people(proposal);
        line.extend([
            ("id".to_owned(), json!(spelled(*id))),
            ("status".to_owned(), json!(status(Some(proposal), None, now))),
            ("amount".to_owned(), json!(receipt::spelled(what.amount, what.currency, &api.currencies)?)),
            ("currency".to_owned(), json!(what.currency)),
        ]);
        Ok(Value::Object(line))
    };
    let data = open.iter().map(line).collect::<Result<Vec<_>, Error>>()?;
    let answer = json!({ "data": data, "more": more, "lsn": lsn });
    Ok(HttpResponse::Ok().insert_header((receipt::LSN, lsn)).json(answer))
}
