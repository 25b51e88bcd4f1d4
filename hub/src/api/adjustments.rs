//! `/api/domains/adjustment`: corrections are proposed, and others approve or reject them. What they are is read in the log: a
//! decision reads nothing there, so it is asked with all of it.

use actix_web::{HttpRequest, HttpResponse, web};
use actors::{
    messages::money::WhichProposals,
    ports::{
        money::{Executed, Execution, NotExecuted},
        service::{
            AdjustmentReason, ApproveAdjustment, Correction, CorrectionOf, EndedProposal, Intent,
            OperatorAct, Proposal, ProposalId, ProposeAdjustment, Reference, RejectAdjustment, Reversal,
        },
    },
};
use engine::{Body, RowImage, reversal_of};
use protocol::ErrorCode;
use serde_json::{Map, Value, json};

use super::{
    asked::KeyedRequest,
    change::{self, AskedChange},
    fields::{JsonFields, shown},
    logged,
    openapi::{
        self, ApiOperation, ApiRoute,
        schema::{self, Way},
    },
    payment::{self, Sum},
    proposals::{self, id_in_a_path},
    receipt,
    surface::ApiSurface,
    wanted::{self, Wanted},
};
use crate::{
    auth::{Approvable, ApprovalStep, Capability},
    edge::error::{Error, Kind},
};

const PROPOSE: Capability = Capability::Approval(Approvable::Adjustment, ApprovalStep::Propose);
const APPROVE: Capability = Capability::Approval(Approvable::Adjustment, ApprovalStep::Approve);

/// Those of an amount. With `reverse`, all of the transaction is taken back.
const OF_AN_AMOUNT: [&str; 4] = ["direction", "playerId", "amount", "currency"];

/// The fields of a proposal.
const FIELDS: &str = "reverse, direction, playerId, amount, currency, reason, reference and breakGlass";

/// Most players whom a refusal names.
const NAMED_MAX: usize = 10;

/// Its paths.
pub(super) fn routes() -> Vec<ApiRoute> {
    let refusals = [
        Kind::Money(ErrorCode::InsufficientFunds),
        Kind::Money(ErrorCode::NoAccount),
        Kind::Money(ErrorCode::AboveLimit),
        Kind::Money(ErrorCode::AboveApproverLimit),
        Kind::Money(ErrorCode::NotAnApprover),
        Kind::Money(ErrorCode::ReversedBefore),
        Kind::Money(ErrorCode::Forbidden),
    ];
    let of_proposal = [
        Kind::Money(ErrorCode::UnknownProposal),
        Kind::Money(ErrorCode::ProposalEnded),
        Kind::Money(ErrorCode::NotAnApprover),
    ];
    let receipt = || openapi::receipt("adjustment", false, &[], &told_fields());
    let link = |operation: ApiOperation| {
        operation
            .answers(200, receipt())
            .recorded()
            .link("showAdjustment", &[("id", "$response.body#/proposal")])
    };
    vec![
        ApiRoute::at("/api/domains/adjustment").get(proposals::list, proposals::list_operation()).post(
            propose,
            link(
                ApiOperation::change(
                    "proposeAdjustment",
                    "Proposes a correction: an amount for a player, or the reversal of a whole transaction",
                    &PROPOSE,
                    &body(),
                    &[
                        (
                            "amount",
                            json!({
                                "playerId": "PLAYER_123", "amount": "10.00", "currency": "USD", "direction": "credit",
                                "reason": "GOODWILL", "reference": "ticket 1",
                            }),
                        ),
                        (
                            "reversal",
                            json!({
                                "reverse": "tx_00000000000000000000000000000001", "reason": "ERROR",
                                "reference": "ticket 1",
                            }),
                        ),
                    ],
                )
                .refuses(&refusals)
                .refuses(&[
                    Kind::UnknownPlayer,
                    Kind::UnknownTransaction,
                    Kind::Money(ErrorCode::NotReversible),
                    Kind::Money(ErrorCode::NoBreakGlass),
                ]),
            ),
        ),
        ApiRoute::at("/api/domains/adjustment/{id}/approve").post(
            approve,
            link(id_in_a_path(
                ApiOperation::change(
                    "approveAdjustment",
                    "Approves a correction that somebody else has proposed; the last approval carries it out",
                    &APPROVE,
                    &schema::body(&[], &[]),
                    &[("approve", json!({}))],
                )
                .refuses(&refusals)
                .refuses(&of_proposal)
                .refuses(&[
                    Kind::Money(ErrorCode::OwnProposal),
                    Kind::Money(ErrorCode::ApprovedBefore),
                    Kind::Money(ErrorCode::ProposalExpired),
                ]),
            )),
        ),
        ApiRoute::at("/api/domains/adjustment/{id}/reject").post(
            reject,
            link(id_in_a_path(
                ApiOperation::change(
                    "rejectAdjustment",
                    "Rejects a correction; its author takes it back so, and needs no more than to propose",
                    &APPROVE,
                    &schema::body(&[], &[]),
                    &[("reject", json!({}))],
                )
                .or_needs(&PROPOSE)
                .refuses(&of_proposal),
            )),
        ),
        ApiRoute::at("/api/domains/adjustment/{id}").get(proposals::show, proposals::show_operation()),
    ]
}

fn body() -> Value {
    let reverse = schema::told(
        wanted::name_schema(),
        "A transaction, by its id or the `lsn` of its record: all of it is taken back.",
    );
    let given = || json!({ "type": "string" });
    let amount = json!({ "type": ["string", "number"] });
    let body = schema::body(
        &[
            ("reason", schema::words(AdjustmentReason::ALL.map(AdjustmentReason::name))),
            ("reference", schema::told(schema::named("Reference"), "Where the evidence is.")),
        ],
        &[
            ("reverse", reverse),
            ("direction", schema::words(["credit", "debit"])),
            ("playerId", schema::named("PlayerName")),
            ("amount", schema::named("Amount")),
            ("currency", schema::named("Currency")),
            (
                "breakGlass",
                schema::told(schema::named("Reference"), "Why it is done alone, in an emergency."),
            ),
        ],
    );
    schema::in_one_way(
        body,
        &[
            Way { with: &[("reverse", given())], without: &OF_AN_AMOUNT },
            Way { with: &[("playerId", given()), ("amount", amount)], without: &["reverse"] },
        ],
    )
}

/// What a receipt may have besides.
fn told_fields() -> Vec<(&'static str, Value)> {
    let mut fields = proposals::correction_fields();
    fields.extend([
        ("playerId", schema::named("PlayerName")),
        ("balance", schema::named("Balance")),
        ("proposal", schema::or_null(&schema::named("TransactionId"))),
        ("status", schema::told(schema::words(proposals::STATUSES), "After this step.")),
        ("needed", schema::count()),
        ("approvals", schema::count()),
        ("until", schema::named("Time")),
    ]);
    fields
}

/// `POST /api/domains/adjustment`.
async fn propose(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    let read = async |asked: &KeyedRequest<'_>, mut fields: JsonFields<'_>| {
        let reverse = fields.text("reverse")?;
        let amount = if reverse.is_some() {
            fields.without(&OF_AN_AMOUNT, "reverse")?;
            None
        } else {
            Some(Amount::read(&api, &mut fields)?)
        };
        let reason = reason(&fields.needed_text("reason")?)?;
        let reference: Reference = fields.needed("reference")?;
        let break_glass: Option<Reference> = fields.parsed("breakGlass")?;
        fields.finish(FIELDS)?;
        if break_glass.is_some() {
            let about = amount.as_ref().map(|amount| amount.name.as_str());
            needs_approve(&api, asked, OperatorAct::BreakGlass, about).await?;
        }
        let permit = api.admit()?;
        let mut refusal = None;
        let mut told = Map::new();
        let of = match (reverse, amount) {
            (Some(text), _) => CorrectionOf::Transaction(reversal(&api, &text).await?.into()),
            (None, Some(amount)) => {
                refusal = amount.sum.refusal(&api);
                told.insert("playerId".into(), json!(amount.name));
                amount.of(&api, asked, &mut refusal).await?
            }
            (None, None) => return Err(Kind::Internal.into()),
        };
        let correction = Correction { of, reason, reference };
        told.extend(proposals::correction_told(&api, &correction)?);
        told.insert("type".into(), json!("adjustment"));
        told.insert("proposal".into(), json!((!asked.dry_run).then(|| receipt::spelled_id(asked.tx_id()))));
        Ok(AskedChange {
            permit,
            intent: ProposeAdjustment { correction, break_glass }.into(),
            refusal,
            told,
        })
    };
    let tell = async |intent: &Intent, execution: &Execution, told: &mut Map<String, Value>| {
        tell(&api, intent, execution, told).await
    };
    change::answer_told(&api, (&request, payload), (&[&PROPOSE], OperatorAct::ProposeAdjustment), read, tell)
        .await
}

/// `POST /api/domains/adjustment/{id}/approve`.
async fn approve(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    let read = async |_: &KeyedRequest<'_>, fields: JsonFields<'_>| {
        fields.finish("none")?;
        let proposal = proposals::id(&path)?;
        let permit = api.admit()?;
        let ProposeAdjustment { correction, .. } = proposals::proposed(&api, proposal).await?.0;
        let mut told = proposals::correction_told(&api, &correction)?;
        told.insert("type".into(), json!("adjustment"));
        told.insert("proposal".into(), json!(proposals::spelled(proposal)));
        let intent = ApproveAdjustment { proposal, correction }.into();
        Ok(AskedChange { permit, intent, refusal: None, told })
    };
    let tell = async |intent: &Intent, execution: &Execution, told: &mut Map<String, Value>| {
        tell(&api, intent, execution, told).await
    };
    change::answer_told(&api, (&request, payload), (&[&APPROVE], OperatorAct::ApproveAdjustment), read, tell)
        .await
}

/// `POST /api/domains/adjustment/{id}/reject`.
async fn reject(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    let read = async |asked: &KeyedRequest<'_>, fields: JsonFields<'_>| {
        fields.finish("none")?;
        let proposal = proposals::id(&path)?;
        let permit = api.admit()?;
        // Whoever may only propose takes back what they have proposed.
        if !asked.caller.may.allow(&APPROVE) && !is_own(&api, asked, proposal).await? {
            needs_approve(&api, asked, OperatorAct::RejectAdjustment, None).await?;
        }
        let told = Map::from_iter([
            ("type".to_owned(), json!("adjustment")),
            ("proposal".to_owned(), json!(proposals::spelled(proposal))),
        ]);
        Ok(AskedChange { permit, intent: RejectAdjustment { proposal }.into(), refusal: None, told })
    };
    let tell = async |intent: &Intent, execution: &Execution, told: &mut Map<String, Value>| {
        tell(&api, intent, execution, told).await
    };
    change::answer_told(
        &api,
        (&request, payload),
        (&[&APPROVE, &PROPOSE], OperatorAct::RejectAdjustment),
        read,
        tell,
    )
    .await
}

/// That a caller may approve, who has asked for something that only approvers may. That an operator may not is a record.
async fn needs_approve(
    api: &ApiSurface,
    asked: &KeyedRequest<'_>,
    act: OperatorAct,
    about: Option<&str>,
) -> Result<(), Error> {
    let KeyedRequest { caller, dry_run, .. } = asked;
    let Err(lacks) = caller.has(&APPROVE) else { return Ok(()) };
    if !dry_run {
        let person = about.and_then(|name| api.person(caller, name).ok());
        let player = person.and_then(|person| api.people.get(&person));
        api.refused_acts.note(caller, (act, &APPROVE), player).await;
    }
    Err(Error::new(Kind::Forbidden, lacks.to_string()))
}

/// Whether a caller has made a proposal, or there is none.
async fn is_own(api: &ApiSurface, asked: &KeyedRequest<'_>, proposal: ProposalId) -> Result<bool, Error> {
    let found = api.money.proposals(WhichProposals::One(proposal)).await.ok_or(Kind::Unavailable)?;
    let open = found.open.iter().map(|(_, proposal)| proposal);
    let mut all = open.chain(found.ended.iter().map(|(_, ended)| &ended.proposal));
    Ok(all.all(|proposal| proposal.author == asked.caller.principal()))
}

/// An amount for a player or from one, as it is asked for.
struct Amount {
    name: String,
    sum: Sum,
    takes: bool,
}

impl Amount {
    fn read(api: &ApiSurface, fields: &mut JsonFields<'_>) -> Result<Self, Error> {
        let name = fields.needed_text("playerId")?.into_owned();
        let takes = match fields.text("direction")?.as_deref() {
            None | Some("credit") => false,
            Some("debit") => true,
            Some(_) => {
                let words = "the direction is credit or debit";
                return Err(Error::new(Kind::Malformed, words).field("direction"));
            }
        };
        Ok(Self { name, sum: Sum::read(api, fields)?, takes })
    }

    async fn of(
        &self,
        api: &ApiSurface,
        asked: &KeyedRequest<'_>,
        refusal: &mut Option<Error>,
    ) -> Result<CorrectionOf, Error> {
        let (amount, takes) = (self.sum.minor(api)?, self.takes);
        let player = if takes {
            payment::known(api, asked, &self.name)?
        } else {
            payment::payee(api, asked, &self.name, refusal).await?
        };
        Ok(CorrectionOf::Amount { player, currency: self.sum.currency, amount, takes })
    }
}

fn reason(name: &str) -> Result<AdjustmentReason, Error> {
    AdjustmentReason::ALL.into_iter().find(|known| known.name() == name).ok_or_else(|| {
        let names = AdjustmentReason::ALL.map(AdjustmentReason::name).join(", ");
        Error::new(Kind::Malformed, format!("the reasons of an adjustment are {names}")).field("reason")
    })
}

/// What takes back a transaction, by its id or the place of its record.
async fn reversal(api: &ApiSurface, text: &str) -> Result<Reversal, Error> {
    let (_, found) = match wanted::read(text).map_err(|error| error.field("reverse"))? {
        Wanted::Lsn(lsn) => wanted::find(api, Wanted::Lsn(lsn)).await,
        Wanted::Id(id) => wanted::find_any(api, id).await,
    }
    .map_err(|error| error.field("reverse"))?;
    let refused = |words: String| Error::new(Kind::Money(ErrorCode::NotReversible), words).field("reverse");
    match &found.record.body {
        Body::Committed(committed) => reversal_of(found.lsn, found.hash, committed)
            .map_err(|why| refused(format!("{} {}: {why}", committed.intent.name(), shown(text)))),
        Body::Refused { .. } | Body::Digest(_) | Body::Fact(_) => {
            Err(refused(format!("{} was refused: it moves no money", shown(text))))
        }
    }
}

/// What became of a step: where the proposal stands after it, as its record says; or who has spent what is to be taken back.
async fn tell(
    api: &ApiSurface,
    intent: &Intent,
    execution: &Execution,
    told: &mut Map<String, Value>,
) -> Result<(), Error> {
    match execution {
        Execution::Committed(Executed { lsn, replayed, .. }) => {
            // Of a dry run there is no record.
            if told.contains_key("dry_run") && !replayed {
                return Ok(());
            }
            let found = logged::read(api, *lsn).await?;
            let Body::Committed(committed) = &found.record.body else { return Err(Kind::Internal.into()) };
            let waits = committed.rows.iter().find_map(RowImage::get::<Proposal>);
            let ended = committed.rows.iter().find_map(RowImage::get::<EndedProposal>);
            told.extend(proposals::standing(waits.as_ref(), ended.as_ref(), found.record.time));
            Ok(())
        }
        Execution::Rejected(NotExecuted {
            code: code @ ErrorCode::InsufficientFunds,
            recorded,
            replayed,
            limit: _,
        }) => match reversal_in(intent) {
            Some(reversal) => {
                let words = who_lacks(api, reversal).await?;
                Err(Error::new(Kind::Money(*code), words).of_key(*recorded, *replayed))
            }
            None => Ok(()),
        },
        Execution::Rejected(_) | Execution::NotNow { .. } | Execution::Unknown => Ok(()),
    }
}

fn reversal_in(intent: &Intent) -> Option<&Reversal> {
    let proposed = intent.get().map(|ProposeAdjustment { correction, .. }| correction);
    let approved = || intent.get().map(|ApproveAdjustment { correction, .. }| correction);
    match &proposed.or_else(approved)?.of {
        CorrectionOf::Transaction(reversal) => Some(reversal),
        CorrectionOf::Amount { .. } => None,
    }
}

/// Who has spent what is to be taken back, in words.
async fn who_lacks(api: &ApiSurface, reversal: &Reversal) -> Result<String, Error> {
    let currency = reversal.currency().ok_or(Kind::Internal)?;
    let (mut lacking, mut more) = (Vec::new(), 0);
    for (player, change) in reversal.players().into_iter().filter(|(_, change)| *change < 0) {
        let funds = api.money.funds(player).await.ok_or(Kind::Unavailable)?;
        let available = funds.accounts.iter().find(|(known, ..)| *known == currency);
        let available = available.map_or(0, |(_, funds, _)| funds.available);
        if available + change >= 0 {
            continue;
        }
        if lacking.len() == NAMED_MAX {
            more += 1;
            continue;
        }
        let (has, needs) = (
            receipt::spelled(available.max(0), currency, &api.currencies)?,
            receipt::spelled(-change, currency, &api.currencies)?,
        );
        lacking.push(format!("player {player} has {has} {currency} available and {needs} is taken back"));
    }
    match (lacking.is_empty(), more) {
        (true, _) => Ok("a player had spent what is taken back".to_owned()),
        (false, 0) => Ok(lacking.join("; ")),
        (false, more) => Ok(format!("{}; and {more} more", lacking.join("; "))),
    }
}
