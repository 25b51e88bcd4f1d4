//! What is said of one method of one path: who may, what is asked with, and every answer.

use std::collections::BTreeMap;

use actix_web::http::header::HeaderName;
use protocol::ErrorCode;
use serde_json::{Map, Value, json};

use super::{
    headers,
    schema::{flag, named, told, words},
};
use crate::{
    api::{asked::KEY_BYTES_MAX, receipt},
    auth::Capability,
    edge::error::{Kind, REPLAYED},
};

/// The media type of problem documents.
const PROBLEM: &str = "application/problem+json";

/// What any request may be refused with.
const ANY: [Kind; 11] = [
    Kind::Malformed,
    Kind::Unauthorized,
    Kind::Forbidden,
    Kind::NotFound,
    Kind::Misdirected,
    Kind::TooFast,
    Kind::Money(ErrorCode::RateLimited),
    Kind::Internal,
    Kind::Busy,
    Kind::Draining,
    Kind::Unavailable,
];
/// What any change may be refused with besides.
const CHANGE: [Kind; 6] = [
    Kind::IdempotencyKeyRequired,
    Kind::TooSlow,
    Kind::TooLarge,
    Kind::UnsupportedMediaType,
    Kind::OutcomeUnknown,
    Kind::Money(ErrorCode::KeyReused),
];
/// What the money refuses of a change of funds.
const FUNDS: [Kind; 10] = [
    Kind::UnknownPlayer,
    Kind::Money(ErrorCode::BelowLimit),
    Kind::Money(ErrorCode::AboveLimit),
    Kind::Money(ErrorCode::WrongCurrency),
    Kind::Money(ErrorCode::InsufficientFunds),
    Kind::Money(ErrorCode::NoAccount),
    Kind::Money(ErrorCode::AccountFrozen),
    Kind::Money(ErrorCode::BalanceTooLow),
    Kind::Money(ErrorCode::BalanceTooHigh),
    Kind::Money(ErrorCode::ChangeTooLarge),
];

/// The description of a method of a path: an operation of OpenAPI.
#[derive(Debug, Clone)]
pub struct ApiOperation {
    /// Its name for programs, unique and never changed.
    id: &'static str,
    summary: &'static str,
    /// Capabilities, of which one is needed.
    needs: Vec<String>,
    parameters: Vec<Value>,
    body: Option<Value>,
    answers: BTreeMap<u16, Reply>,
    refusals: Vec<Kind>,
    links: Map<String, Value>,
}

/// An answer that is no refusal.
#[derive(Debug, Clone, Default)]
struct Reply {
    /// Media types with their schemas.
    content: Vec<(&'static str, Value)>,
    /// Headers that it always has, and those that it may have.
    headers: Vec<(HeaderName, bool)>,
}

impl ApiOperation {
    /// A reading: nothing changes.
    pub fn read(id: &'static str, summary: &'static str, needs: &Capability) -> Self {
        Self {
            id,
            summary,
            needs: vec![needs.to_string()],
            parameters: Vec::new(),
            body: None,
            answers: BTreeMap::new(),
            refusals: ANY.into(),
            links: Map::new(),
        }
    }

    /// A change, carried out once for its key; `body` is what it is asked with, and `examples` are bodies.
    pub fn change(
        id: &'static str,
        summary: &'static str,
        needs: &Capability,
        body: &Value,
        examples: &[(&str, Value)],
    ) -> Self {
        let examples = examples.iter().map(|(name, value)| ((*name).to_owned(), json!({ "value": value })));
        let examples = Map::from_iter(examples);
        let mut change = Self::read(id, summary, needs);
        change.body = Some(json!({
            "required": true,
            "content": { "application/json": { "schema": body, "examples": examples } },
        }));
        change.refusals.extend(CHANGE);
        let key = format!("^(\"[!#-~]{{1,{KEY_BYTES_MAX}}}\"|[!#-~]{{1,{KEY_BYTES_MAX}}})$");
        change.parameters.push(json!({
            "name": "Idempotency-Key",
            "in": "header",
            "required": true,
            "description": "The key of the change: the same request with the same key again is done once, and gets the same answer for good.",
            "schema": { "type": "string", "pattern": key },
        }));
        change.query("dry_run", flag(), "Say what would happen, and do nothing.")
    }

    /// Another capability that is enough by itself.
    pub fn or_needs(mut self, needs: impl ToString) -> Self {
        self.needs.push(needs.to_string());
        self
    }

    /// A part of the path.
    pub fn path(mut self, name: &str, schema: Value, example: &str) -> Self {
        self.parameters.push(
            json!({ "name": name, "in": "path", "required": true, "schema": schema, "example": example }),
        );
        self
    }

    /// A parameter that may be given.
    pub fn query(mut self, name: &str, schema: Value, description: &str) -> Self {
        self.parameters
            .push(json!({ "name": name, "in": "query", "schema": schema, "description": description }));
        self
    }

    /// A parameter that may be given, with an example.
    pub fn query_with_example(self, name: &str, schema: Value, description: &str, example: &str) -> Self {
        let mut operation = self.query(name, schema, description);
        if let Some(parameter) = operation.parameters.last_mut() {
            parameter["example"] = json!(example);
        }
        operation
    }

    /// A parameter that must be given.
    pub fn needed_query(mut self, name: &str, schema: Value, description: &str, example: &str) -> Self {
        self.parameters.push(json!({
            "name": name, "in": "query", "required": true, "schema": schema, "description": description, "example": example,
        }));
        self
    }

    /// An answer in JSON.
    pub fn answers(self, status: u16, schema: Value) -> Self {
        self.answers_as(status, "application/json", schema)
    }

    /// An answer of another media type.
    pub fn answers_as(mut self, status: u16, media: &'static str, schema: Value) -> Self {
        self.answers.entry(status).or_default().content.push((media, schema));
        self
    }

    /// A header of an answer: whether the answer always has it.
    pub fn header(mut self, status: u16, name: &HeaderName, always: bool) -> Self {
        self.answers.entry(status).or_default().headers.push((name.clone(), always));
        self
    }

    /// Refusals besides those of any request, or of any change.
    pub fn refuses(mut self, kinds: &[Kind]) -> Self {
        self.refusals.extend(kinds);
        self
    }

    /// A change that is recorded: its answer has the place of the record, and may be that of an earlier request.
    pub fn recorded(self) -> Self {
        let transaction = [("id", "$response.body#/tx")];
        self.header(200, &receipt::LSN, false)
            .header(200, &REPLAYED, false)
            .link("showTransaction", &transaction)
    }

    /// A change that moves money of a player.
    pub fn changes_funds(self) -> Self {
        self.recorded().refuses(&FUNDS)
    }

    /// Where an answer with 200 leads: another operation, and what its parameters are.
    pub fn link(mut self, operation: &str, parameters: &[(&str, &str)]) -> Self {
        let parameters: Map<_, _> =
            parameters.iter().map(|(name, from)| ((*name).to_owned(), json!(from))).collect();
        self.links
            .insert(operation.to_owned(), json!({ "operationId": operation, "parameters": parameters }));
        self
    }

    /// As a document has it. Its refusals go to `refusals`, where each stands once.
    pub(super) fn described(&self, tag: &str, refusals: &mut Map<String, Value>) -> Value {
        let needs = self.needs.iter().map(|needs| format!("`{needs}`")).collect::<Vec<_>>().join(" or ");
        let security: Vec<_> = self.needs.iter().map(|needs| json!({ "bearer": [needs] })).collect();
        let mut operation = json!({
            "operationId": self.id,
            "summary": self.summary,
            "description": format!("Needs {needs}."),
            "tags": [tag],
            "security": security,
            "responses": self.responses(refusals),
        });
        if !self.parameters.is_empty() {
            operation["parameters"] = json!(self.parameters);
        }
        if let Some(body) = &self.body {
            operation["requestBody"] = body.clone();
        }
        operation
    }

    fn responses(&self, refusals: &mut Map<String, Value>) -> Value {
        let mut responses = Map::new();
        for (status, reply) in &self.answers {
            let content = reply
                .content
                .iter()
                .map(|(media, schema)| ((*media).to_owned(), json!({ "schema": schema })));
            let mut response = json!({
                "description": if *status == 200 { "Done." } else { "It does not answer." },
                "content": Map::from_iter(content),
            });
            let headers = reply.headers.iter().map(|(name, always)| (name.as_str(), *always));
            response["headers"] = headers::of_answer(headers);
            if *status == 200 && !self.links.is_empty() {
                response["links"] = json!(self.links);
            }
            responses.insert(status.to_string(), response);
        }
        let mut by_status: BTreeMap<u16, Vec<Kind>> = BTreeMap::new();
        for kind in &self.refusals {
            by_status.entry(kind.status().as_u16()).or_default().push(*kind);
        }
        for (status, kinds) in by_status {
            let (name, refusal) = refusal(status, &kinds);
            match responses.get_mut(&status.to_string()) {
                None => {
                    let named = json!({ "$ref": format!("#/components/responses/{name}") });
                    refusals.insert(name, refusal);
                    responses.insert(status.to_string(), named);
                }
                Some(reply) => {
                    reply["content"][PROBLEM] = refusal["content"][PROBLEM].clone();
                    reply["headers"] = refusal["headers"].clone();
                }
            }
        }
        Value::Object(responses)
    }
}

/// The refusals of one status, and a name for them.
fn refusal(status: u16, kinds: &[Kind]) -> (String, Value) {
    let mut codes: Vec<_> = kinds.iter().map(|kind| kind.code()).collect();
    codes.sort_unstable();
    codes.dedup();
    let mut titles: Vec<String> =
        kinds.iter().map(|kind| format!("`{}`: {}", kind.code(), kind.title())).collect();
    titles.sort();
    titles.dedup();
    let name = format!("{status}-{}", codes.join("-"));
    let mut schema = named("Problem");
    schema["properties"] = json!({ "status": { "const": status }, "code": words(codes) });
    let who = kinds.contains(&Kind::Unauthorized).then_some(("www-authenticate", true));
    let again = kinds.iter().any(|kind| !kind.is_final()).then_some(("retry-after", false));
    let stands = |kind: &Kind| matches!(kind, Kind::Money(code) if code.consumes_key());
    let replayed = kinds.iter().any(stands).then_some(("idempotent-replayed", false));
    let headers = headers::of_answer([who, again, replayed].into_iter().flatten());
    let content = json!({ "content": { PROBLEM: { "schema": schema } }, "headers": headers });
    (name, told(content, &titles.join("; ")))
}
