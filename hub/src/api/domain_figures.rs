//! The figures of domains that were read last.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use ledger::Domain;
use readmodel::{AsOf, Dashboard};

use super::stale::Stale;

/// The newest figures of each domain.
pub(super) type Dashboards = BTreeMap<Domain, Stale<Arc<DomainFigures>>>;

/// A domain's figures, and when they were read.
#[derive(Debug)]
pub(super) struct DomainFigures {
    pub as_of: AsOf,
    pub dashboard: Dashboard,
    pub read: Instant,
    /// For how long there had been records then that are not in them.
    pub behind: Duration,
}
