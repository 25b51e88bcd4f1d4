//! The log events of the binary: one function an event. No other place logs.
//!
//! `ERROR`: someone must act now. `WARN`: unexpected, recovered. `INFO`: a change of state. What an operator does about
//! each stands in docs/operating.md.

use std::{
    fmt::{Debug, Display},
    net::SocketAddr,
    path::Path,
    time::Duration,
};

use protocol::PlayerId;

use super::RequestId;
use crate::{
    config::Mode,
    monitoring::{
        alert::{AlertChange, AlertSeverity},
        alert_book::AlertNotice,
    },
    recovery::facts::Stranded,
};

/// Something about the configuration that the operator should have read once.
pub fn note(text: &str) {
    tracing::info!("{text}");
}

/// The start has rebuilt the state: so many records, of which so many since the cursor of the state store.
pub fn replayed(records: u64, replayed: u64, took: Duration, epoch: u32) {
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(records, replayed, took_ms, epoch, "the log is replayed and proven");
}

/// Players have accounts in a currency that is configured no more.
pub fn stranded(left: &Stranded) {
    let Stranded { currency, scale, accounts, available, held } = *left;
    tracing::warn!(
        %currency, scale, accounts, available, held,
        "accounts in a currency that is not configured: nothing can be done with them (minor units)"
    );
}

/// The log says that a player is erased, and the people store still had the person.
pub fn erased_again(player: PlayerId) {
    tracing::warn!(%player, "an erased player was still in the people store, and is erased again");
}

/// The people store has forgotten a person, as the log says: by a command to the hub that serves.
pub fn person_erased(player: PlayerId) {
    tracing::info!(%player, "a player was erased");
}

/// The log says that a player is erased, and the people store of the serving hub could not be changed.
pub fn not_forgotten(player: PlayerId, why: impl Display) {
    tracing::error!(%player, %why, "a player is recorded as erased, and the people store still has the person");
}

/// Nothing says any more who an excluded player was.
pub fn exclusion_lost(player: PlayerId) {
    tracing::error!(%player, "an excluded player who was erased cannot be recognised any more");
}

/// The log was restored from before the erasure of a player.
pub fn erased_has_money(player: PlayerId) {
    tracing::warn!(%player, "the log has a balance, a hold, a freeze or an exclusion of a player who was erased");
}

/// The state store is not whole, not of this log, or of another version.
pub fn store_is_built_again(why: &str) {
    tracing::warn!(why, "the state store cannot be used; it is built again from the log");
}

/// The state store is built with records that the log does not have any more.
pub fn store_is_built_from_the_archive(after: u64, up_to: u64) {
    tracing::info!(
        after,
        up_to,
        "records that the state store lacks were removed from the log; they are read in the archive"
    );
}

/// The state store is being built: it has the records up to one, of about so many.
pub fn store_is_being_built(at: u64, of: u64) {
    tracing::info!(record = at, of, "the state store is being built from the log");
}

/// The system allows fewer open files than the configured connections need.
pub fn few_files(needed: u64, allowed: u64) {
    tracing::warn!(needed, allowed, "fewer files may be open than server.connections_max needs");
}

/// The kernel does not let this process choose its pages.
pub fn page_sizes_stay() {
    tracing::debug!("the kernel keeps to its own choice of page sizes");
}

/// The door is open.
pub fn serving(address: SocketAddr, url: &str, admin: Option<SocketAddr>, mode: Mode, tables: usize) {
    tracing::info!(%address, url, admin = admin.map(tracing::field::display), %mode, tables, "the hub serves");
}

/// Another program, most likely another hub, has the port of the admin server.
pub fn admin_port_taken(listen: SocketAddr) {
    tracing::warn!(%listen, "the port of admin.listen is taken: this hub shows no figures, and its health only to players");
}

/// A connection ended before its last answer, or spoke no HTTP.
pub fn connection_broken(error: &dyn Display) {
    tracing::debug!(%error, "a connection broke off");
}

/// A thread of sessions is gone; the process follows it.
pub fn worker_died() {
    tracing::error!("a worker has died; the hub stops and starts again from its log");
}

/// The hub serves without its control socket.
pub fn no_control_socket(error: &dyn std::error::Error) {
    let why = super::with_causes(error);
    tracing::warn!(why, "the hub has no control socket: no command can be given to it while it serves");
}

/// A command could not be taken from the control socket.
pub fn control_connection_failed(error: &dyn Display) {
    tracing::warn!(%error, "a command could not be taken from the control socket");
}

/// A stop has begun.
pub fn draining(limit: Duration) {
    tracing::info!(seconds = limit.as_secs(), "draining: no new work is taken");
}

/// A second signal cuts the drain short.
pub fn told_twice() {
    tracing::warn!("told twice: not waiting for the clients");
}

/// A further signal ends the process while its log is being closed.
pub fn told_again() {
    tracing::warn!("told again while the log was being closed: ended at once");
}

/// The drain is over; some sessions may have outlasted it.
pub fn drained(all_gone: bool) {
    tracing::info!(all_gone, "drained; open rounds stay in the log");
}

/// A full segment is in the archive, read back and compared.
pub fn segment_archived(segment: &journal::Sealed, sent: &archive::Sent) {
    let (first, last, bytes) = (segment.first.0, segment.end.lsn.0, segment.bytes);
    tracing::info!(
        first,
        last,
        bytes,
        packed = sent.packed,
        was_there = sent.was_there,
        "a segment is archived"
    );
}

/// A copy of the state is in the archive, read back and compared. `packed` is 0 when it was there before.
pub fn anchor_archived(sent: &archive::ArchivedAnchor) {
    let archive::ArchivedAnchor { name, packed } = *sent;
    tracing::info!(record = name.at.lsn.0, bytes = name.bytes, packed, "an anchor is in the archive");
}

/// No anchor was made for whoever asked.
pub fn no_anchor(why: &str) {
    tracing::warn!(why, "no anchor was made");
}

/// Segments were removed from the log, after their archived copies were read back.
pub fn segments_removed(done: &journal::Truncated) {
    let journal::Truncated { first, parts: segments, bytes } = *done;
    tracing::info!(
        first = first.0,
        segments,
        bytes,
        "archived segments are removed; the log begins later now"
    );
}

/// The archive cannot be written or read, or is not what it must be.
pub fn archive_failed(error: &archive::Error) {
    let why = super::with_causes(error);
    if error.tells_of_damage() {
        tracing::error!(why, "what is archived is not what it must be; nothing more is archived or removed");
    } else {
        tracing::warn!(why, "a segment could not be archived; it is tried again");
    }
}

/// The archive takes segments again.
pub fn archive_works_again() {
    tracing::info!("segments are archived again");
}

/// An alert has begun, become worse, was not acknowledged in time, or is over.
pub fn alert(notice: &AlertNotice) {
    let AlertNotice { alert, change, severity, figure, value, escalations, .. } = notice;
    let (change, severity) = (change.name(), severity.name());
    match (notice.change, notice.severity) {
        (AlertChange::Ended, _) => tracing::info!(alert, severity, figure, value, "an alert is over"),
        (_, AlertSeverity::Critical) => {
            tracing::error!(alert, change, figure, value, escalations, "an alert is critical");
        }
        (_, AlertSeverity::Warning) => tracing::warn!(alert, change, figure, value, "an alert warns"),
    }
}

/// An alert could not be posted.
pub fn alert_not_posted(alert: &str, why: &str) {
    tracing::warn!(alert, why, "an alert could not be posted");
}

/// A file of the monitoring could not be written.
pub fn monitoring_not_kept(why: &str) {
    tracing::warn!(why, "a file of the monitoring could not be written; it is tried again");
}

/// A look at the alerts has not ended in time.
pub fn monitoring_look_hangs() {
    tracing::warn!("a look at the alerts did not end in time and is left out");
}

/// A file of the monitoring cannot be read.
pub fn monitoring_not_read(path: &Path, why: &str) {
    tracing::warn!(path = %path.display(), why, "a file of the monitoring cannot be read: what it kept begins anew");
}

/// The keys that an issuer publishes are others now, or were read for the first time.
pub fn keys_changed(issuer: &str, keys: &[&str], ignored: usize) {
    tracing::info!(issuer, ?keys, ignored, "the keys of an issuer have changed");
}

/// The keys that an issuer publishes could not be read.
pub fn keys_not_read(issuer: &str, why: &str) {
    tracing::warn!(issuer, why, "the keys of an issuer could not be read; those that are known stay");
}

/// The keys that an issuer publishes are read again, after a failure.
pub fn keys_read_again(issuer: &str) {
    tracing::info!(issuer, "the keys of an issuer are read again");
}

/// A record that somebody asks for cannot be read.
pub fn record_not_read(lsn: u64, why: &str) {
    tracing::warn!(
        request_id = current(),
        lsn,
        why,
        "a record that a client asks for cannot be read; the client is told to come back"
    );
}

/// The log is closed; the process ends.
pub fn closed() {
    tracing::info!("the log is closed; good bye");
}

/// The system gave no random bytes for a demo player.
pub fn no_random_bytes(error: &dyn Display) {
    tracing::error!(request_id = current(), %error, "no demo player can be made");
}

/// The key did not sign a demo player's token.
pub fn no_demo_token(error: &dyn Display) {
    tracing::error!(request_id = current(), %error, "no demo token can be made");
}

/// A demo player has a token and no money.
pub fn no_demo_deposit(verdict: &dyn Debug) {
    tracing::error!(request_id = current(), ?verdict, "a demo deposit was not made");
}

/// A request over HTTP is answered. `page` is the pattern of its path: ids of players in the path are not logged.
pub fn answered(method: &str, page: &str, status: u16, took: Duration) {
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(request_id = current(), method, page, status, took_ms, "a request is answered");
}

/// Whether the log has a line for each answer.
pub fn tells_of_answers() -> bool {
    tracing::enabled!(tracing::Level::DEBUG)
}

/// A request over HTTP is answered with 500: the hub has a fault.
pub fn answered_with_fault(method: &str, page: &str) {
    tracing::error!(
        request_id = current(),
        method,
        page,
        "a request is answered with an error of the hub itself"
    );
}

/// The id of the request within which an event happens.
fn current() -> Option<tracing::field::DisplayValue<RequestId>> {
    RequestId::current().map(tracing::field::display)
}
