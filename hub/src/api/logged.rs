//! One record of the log, read for whoever asks what became of a transaction.

use actix_web::web;
use actors::{currencies::Currencies, ports::service::OperatorRefused};
use engine::{Body, Committed, Fields, Intent, Record, RefusedRequest, TxId};
use journal::Lsn;
use protocol::ErrorCode;
use serde_json::Value;

use super::surface::ApiSurface;
use crate::{
    edge::error::{Error, Kind},
    inspect::{Json, report},
    telemetry::{events, with_causes},
};

/// A record, and what is shown of it.
pub struct LogEntry {
    /// Its place in the log.
    pub lsn: u64,
    /// Its hash, as the log counts it.
    pub hash: [u8; 32],
    /// The record.
    pub record: Record,
    /// What it is and does, by name.
    pub fields: Fields,
}

impl LogEntry {
    /// The id of the transaction, or of the refused request; `None` of what is neither.
    pub fn transaction(&self) -> Option<TxId> {
        match &self.record.body {
            Body::Committed(Committed { id, .. }) | Body::Refused { id, .. } => Some(*id),
            Body::Digest(_) | Body::Fact(_) => None,
        }
    }

    /// What became of it, and why it was refused, if it was; `None` of what is neither a transaction nor a refusal.
    pub fn decided(&self) -> Option<(&'static str, Option<ErrorCode>)> {
        match &self.record.body {
            Body::Committed(Committed { intent, .. }) => Some(match intent.get::<OperatorRefused>() {
                Some(refused) => ("rejected", Some(refused.code)),
                None => ("committed", None),
            }),
            Body::Refused { code, .. } => Some(("rejected", Some(*code))),
            Body::Digest(_) | Body::Fact(_) => None,
        }
    }

    /// What is shown of it, as JSON.
    ///
    /// # Errors
    /// `internal`, never.
    pub fn shown(&self, currencies: &Currencies) -> Result<Value, Error> {
        shown(&self.fields, currencies)
    }

    /// What was asked for; `None` of what is no transaction of a recipe.
    pub fn intent(&self) -> Option<&Intent> {
        match &self.record.body {
            Body::Committed(Committed { intent, .. })
            | Body::Refused { refused: RefusedRequest::ByDomain(intent), .. } => Some(intent),
            Body::Refused { refused: RefusedRequest::ByTable(_), .. } | Body::Digest(_) | Body::Fact(_) => {
                None
            }
        }
    }
}

/// Fields of a report as JSON, with amounts in the decimals of their currencies.
///
/// # Errors
/// `internal`, never.
pub fn shown(fields: &Fields, currencies: &Currencies) -> Result<Value, Error> {
    serde_json::to_value(Json::of(fields, currencies)).map_err(|_| Kind::Internal.into())
}

/// Reads a record that is on disk. It may read as much as a segment, on a thread for that; a few of them at once.
///
/// # Errors
/// `unavailable` when the record is not in this log any more, and cannot be fetched from the archive now.
pub async fn read(api: &ApiSurface, lsn: u64) -> Result<LogEntry, Error> {
    let _turn = api.reading.acquire().await.map_err(|_| Kind::Unavailable)?;
    let log = api.log.clone();
    let read = web::block(move || {
        let mut reader = log.read(Lsn(lsn.saturating_sub(1))).map_err(|error| with_causes(&error))?;
        let entry = reader.next(Lsn(lsn)).map_err(|error| with_causes(&error))?;
        let entry = entry.ok_or_else(|| format!("record {lsn} is not on disk"))?;
        let record = Record::decode(entry.bytes).map_err(|error| with_causes(&error))?;
        let mut fields = report::of(&entry, &record, None);
        fields.extend(report::place(&entry));
        Ok::<_, String>(LogEntry { lsn, hash: entry.hash, record, fields })
    });
    let read = read.await.map_err(|_| Kind::Unavailable)?;
    read.map_err(|why| {
        events::record_not_read(lsn, &why);
        Error::new(Kind::Unavailable, format!("record {lsn} cannot be read now"))
    })
}
