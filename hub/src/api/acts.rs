//! What operators are refused: a record each, within bounds, before the refusal is answered.
//!
//! What operators do, and what the money refuses them, is a record by itself. What is refused before, because a capability is missing,
//! comes here. A record never changes the answer: where none can be made, the refusal is counted with the reason, and the
//! [security log](crate::monitoring::security) has it. Services are not operators, and a dry run or a reading is no act.

use std::{sync::Arc, time::Duration};

use actors::{
    admission::Admission,
    ports::{
        money::MoneyPort,
        service::{LackedCapability, OperatorAct, OperatorRefused},
    },
};
use engine::{PrincipalKind, Tx, TxId};
use prometheus_client::{
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};
use protocol::{ErrorCode, PlayerId};

use super::rates::CallerRates;
use crate::auth::{Caller, Capability};

/// Longest wait for the record of a refusal. It takes one commit of the log, some milliseconds; a log that takes longer has
/// trouble that the caller need not wait for.
const WITHIN: Duration = Duration::from_secs(2);

/// Why there is no record of a refused act.
const REASONS: [&str; 4] = [TOO_MANY, BUSY, FAILED, LATE];
/// The operator was refused more than is recorded.
const TOO_MANY: &str = "too_many";
/// The hub is busy, or stopping.
const BUSY: &str = "busy";
/// The money did not take it.
const FAILED: &str = "failed";
/// It was not on disk in time; it may be there later.
const LATE: &str = "late";

/// Refused acts of operators without a record, by reason.
pub type Unrecorded = Family<[(&'static str, &'static str); 1], Counter>;

/// What makes records of refused acts.
pub struct RefusedActs {
    money: MoneyPort,
    admission: Arc<Admission>,
    rates: Arc<CallerRates>,
    unrecorded: Unrecorded,
}

/// Registers what is counted here under its name.
pub fn register(unrecorded: &Unrecorded, registry: &mut Registry) {
    let words = "Refused acts of operators without a record, by reason";
    registry.register("hub_operator_refusals_unrecorded", words, unrecorded.clone());
    // Each from the beginning, so that the first one is a rise.
    for reason in REASONS {
        drop(unrecorded.get_or_create(&[("reason", reason)]));
    }
}

impl RefusedActs {
    /// Those of a running hub.
    #[must_use]
    pub fn new(money: MoneyPort, admission: Arc<Admission>, rates: Arc<CallerRates>) -> Self {
        Self { money, admission, rates, unrecorded: Unrecorded::default() }
    }

    /// What is counted here.
    #[must_use]
    pub fn unrecorded(&self) -> &Unrecorded {
        &self.unrecorded
    }

    /// Records that a caller was refused an act for want of a capability, about a player, if one is known. It is on disk when this
    /// returns, or it is counted why not. Of a service nothing is recorded.
    pub async fn note(
        &self,
        caller: &Caller,
        (act, lacks): (OperatorAct, &Capability),
        player: Option<PlayerId>,
    ) {
        if caller.kind != PrincipalKind::Operator {
            return;
        }
        if let Err(reason) = self.made(caller, (act, lacks), player).await {
            self.unrecorded.get_or_create(&[("reason", reason)]).inc();
        }
    }

    async fn made(
        &self,
        caller: &Caller,
        (act, lacks): (OperatorAct, &Capability),
        player: Option<PlayerId>,
    ) -> Result<(), &'static str> {
        let lacks = LackedCapability::of_text(&lacks.to_string()).ok_or(FAILED)?;
        if !self.rates.may_record_refusal(caller) {
            return Err(TOO_MANY);
        }
        if self.admission.draining() {
            return Err(BUSY);
        }
        let permit = self.admission.admit(&Arc::default()).ok_or(BUSY)?;
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|_| FAILED)?;
        let refused = OperatorRefused { act, lacks, player, code: ErrorCode::Forbidden };
        let tx = Tx::new(TxId(u128::from_be_bytes(random)), caller.principal(), None, refused);
        let recorded = tokio::time::timeout(WITHIN, self.money.note(tx)).await;
        drop(permit);
        match recorded {
            Ok(true) => Ok(()),
            Ok(false) => Err(FAILED),
            Err(_) => Err(LATE),
        }
    }
}
