//! Transactions by their names in a path: the record that is asked for, and the words that describe it.

use engine::TxId;
use journal::Lsn;
use protocol::ErrorCode;
use serde_json::{Value, json};

use super::{
    logged::{self, LogEntry},
    openapi::{ApiOperation, schema},
    receipt,
    surface::ApiSurface,
};
use crate::{
    auth::{Access, Area, Capability},
    edge::error::{Error, Kind},
};

/// What whoever reads transactions needs.
pub(super) const READ: Capability = Capability::Use(Area::Coordinator, Access::Read);

/// What became of a transaction, in a description.
pub(super) fn outcome_words() -> Value {
    schema::words(["committed", "rejected"])
}

/// Why one was refused, in a description.
pub(super) fn code_words() -> Value {
    schema::words(ErrorCode::ALL.iter().map(|code| code.name()))
}

/// Which transaction a path names.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted {
    /// By its id. What the hub did by itself is not found so: it had no key.
    Id(TxId),
    /// By the place of its record in the log.
    Lsn(u64),
}

/// Which transaction a path names.
///
/// # Errors
/// `malformed`.
pub(super) fn read(text: &str) -> Result<Wanted, Error> {
    let wrong = || {
        let words = "the id of a transaction is tx_ and 32 hexadecimal digits, or the lsn of its record";
        Error::new(Kind::Malformed, words).field("id")
    };
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    match text.parse() {
        Ok(lsn) if is_number => Ok(Wanted::Lsn(lsn)),
        _ => receipt::id_after(receipt::PREFIX, text).map(|id| Wanted::Id(TxId(id))).ok_or_else(wrong),
    }
}

/// The id of a transaction in a path, and nothing else.
///
/// # Errors
/// `malformed`.
pub(super) fn id(text: &str) -> Result<Wanted, Error> {
    let words = "the id of a transaction is tx_ and 32 hexadecimal digits";
    let wrong = || Error::new(Kind::Malformed, words).field("id");
    receipt::id_after(receipt::PREFIX, text).map(|id| Wanted::Id(TxId(id))).ok_or_else(wrong)
}

/// What names a transaction, in a description.
pub(super) fn name_schema() -> Value {
    let lsn = schema::told(schema::pattern("^[1-9][0-9]{0,18}$"), "The `lsn` of its record.");
    json!({ "anyOf": [schema::named("TransactionId"), lsn] })
}

/// A transaction in a path, in a description.
pub(super) fn named_in_a_path(operation: ApiOperation) -> ApiOperation {
    operation.path("id", name_schema(), &receipt::spelled_id(TxId(1))).refuses(&[Kind::UnknownTransaction])
}

/// The record of a transaction by its id, and the id; also of one that the hub has made by itself, such as the end of a round:
/// that is looked for in the read model, where there is one.
///
/// # Errors
/// `unknown_transaction`, `busy` or `unavailable`.
pub(super) async fn find_any(api: &ApiSurface, id: TxId) -> Result<(TxId, LogEntry), Error> {
    match find(api, Wanted::Id(id)).await {
        Err(error) if error.kind() == Kind::UnknownTransaction => {}
        found => return found,
    }
    let reads = api.reads.as_ref().ok_or(Kind::UnknownTransaction)?;
    let (_, lsn) = reads.ask(move |view| view.transaction_at(id.0.to_be_bytes())).await?;
    match lsn {
        Some(lsn) => find(api, Wanted::Lsn(lsn)).await,
        None => Err(Kind::UnknownTransaction.into()),
    }
}

/// The record of a transaction, and its id.
///
/// # Errors
/// `unknown_transaction`, or `unavailable`.
pub(super) async fn find(api: &ApiSurface, wanted: Wanted) -> Result<(TxId, LogEntry), Error> {
    let lsn = match wanted {
        Wanted::Id(id) => {
            let kept = api.money.find(id).await.map_err(|code| Error::from(Kind::Money(code)))?;
            kept.ok_or(Kind::UnknownTransaction)?.1.lsn()
        }
        Wanted::Lsn(lsn) => {
            Some(lsn).filter(|lsn| Lsn(*lsn) <= api.log.durable()).ok_or(Kind::UnknownTransaction)?
        }
    };
    let found = logged::read(api, lsn).await?;
    let id = found.transaction().ok_or(Kind::UnknownTransaction)?;
    Ok((id, found))
}
