//! What a record becomes in the read model. It knows the parts of a record, and no recipe: legs, images of rows, the table's leg,
//! and the parameters of the intent by name.

use super::business::business_of;
use domains::{Field, Fields, RowImage, recipes::OperatorRefused};
use engine::{
    Body, Committed, Fact, Intent, Principal, PrincipalKind, Record, RefusedRequest, TxId,
    table::{TableLeg, TableRequest},
};
use ledger::{AccountId, AccountKind, Domain, Hold, HoldId, Move, Prover};
use protocol::{ErrorCode, TableId};
use readmodel::{
    AccountKey, Ended, HeldRow, ImageRow, LogRows, MoveRow, RefusedAct, TableStep, TransactionRow,
};

/// The rows of a record at its place in the log.
#[must_use]
pub fn rows_of(lsn: u64, record: &Record) -> LogRows {
    let mut rows = LogRows { lsn, time_ms: record.time, ..LogRows::default() };
    match &record.body {
        Body::Committed(committed) => {
            rows.transaction = Some(carried_out(committed));
            rows.refused_act = committed.intent.get().map(|OperatorRefused { act, lacks, .. }| RefusedAct {
                act: act.name(),
                lacks: lacks.name(),
            });
            for (domain, leg) in &committed.legs {
                rows.moves.extend(leg.moves.iter().map(|made| moved(*domain, made)));
            }
            rows.images = committed.rows.iter().map(image).collect();
            rows.business = business_of(committed);
            rows.step = committed.table.as_ref().and_then(|(table, leg)| step(*table, leg));
        }
        Body::Refused { id, principal, content: _, code, refused } => {
            let mut row = match refused {
                RefusedRequest::ByDomain(intent) => asked(*id, *principal, intent),
                RefusedRequest::ByTable(request) => asked_of_table(*id, *principal, request),
            };
            row.code = Some(code.name());
            rows.transaction = Some(row);
        }
        Body::Digest(_) => {}
        Body::Fact(fact) => {
            if let Fact::Scale { currency, scale } = fact {
                rows.scale = Some((*currency, *scale));
            }
        }
    }
    rows
}

fn carried_out(committed: &Committed) -> TransactionRow {
    let mut row = asked(committed.id, committed.principal, &committed.intent);
    // Of a settlement the intent has neither players nor amounts; of the others the notice says what the intent does not.
    if let ([notice], None) = (&committed.notices[..], row.player) {
        row.player = Some(notice.player.0.to_be_bytes());
    }
    if let Some((table, leg)) = &committed.table {
        row.round = Some((table.to_string(), leg.round()));
    }
    row
}

/// A transaction, as far as its intent says.
fn asked(id: TxId, principal: Principal, intent: &Intent) -> TransactionRow {
    let fields = intent.fields();
    let (mut player, mut amount, mut round) = (None, None, None);
    let (mut reason, mut reference, mut code) = (None, None, None);
    read(&fields, &mut |name, field| match (name, field) {
        ("player", Field::Player(id)) => player = player.or(Some(id.0.to_be_bytes())),
        ("amount", Field::Amount(minor, currency)) => amount = amount.or(Some((*minor, *currency))),
        ("round", Field::Round(id)) => round = Some((id.table.to_string(), id.number)),
        ("reason", Field::Text(text)) => reason = Some(text.clone()),
        ("reference", Field::Text(text)) => reference = Some(text.clone()),
        // What an operator was refused is a record of its own, and has no other place for this.
        ("code", Field::Text(text)) => {
            code = ErrorCode::ALL.iter().map(|code| code.name()).find(|known| known == text)
        }
        _ => {}
    });
    TransactionRow {
        tx: id.0.to_be_bytes(),
        recipe: intent.name(),
        revision: intent.known().revision,
        principal_kind: principal.kind().name(),
        principal: principal.id().to_be_bytes(),
        code,
        player: player.or_else(|| player_of(principal)),
        amount,
        reason,
        reference,
        round,
    }
}

/// The player who asks, if it is one.
fn player_of(principal: Principal) -> Option<[u8; 16]> {
    (principal.kind() == PrincipalKind::Player).then(|| principal.id().to_be_bytes())
}

/// Calls `each` with every value of the first level, and those of its groups.
fn read(fields: &Fields, each: &mut impl FnMut(&'static str, &Field)) {
    for (name, field) in fields {
        each(name, field);
        if let Field::Group(group) = field {
            read(group, each);
        }
    }
}

/// A request that a table has refused.
fn asked_of_table(id: TxId, principal: Principal, request: &TableRequest) -> TransactionRow {
    TransactionRow {
        tx: id.0.to_be_bytes(),
        recipe: request.name(),
        revision: request.revision(),
        principal_kind: principal.kind().name(),
        principal: principal.id().to_be_bytes(),
        code: None,
        player: player_of(principal),
        amount: None,
        reason: None,
        reference: None,
        round: Some((request.table.to_string(), request.round)),
    }
}

fn moved(domain: Domain, made: &Move) -> MoveRow {
    let key = |id: &AccountId| key_of(domain, id);
    match made {
        Move::Open(account) => MoveRow::Open(key(account)),
        Move::Post(transfer) => MoveRow::Post {
            debit: key(&transfer.debit),
            credit: key(&transfer.credit),
            amount: transfer.amount,
        },
        Move::Hold(id, hold) => MoveRow::Hold(Box::new(held(domain, *id, hold))),
        Move::PostHold(id) => ended(domain, *id, Ended::Posted),
        Move::VoidHold(id) => ended(domain, *id, Ended::Voided),
    }
}

fn ended(domain: Domain, id: HoldId, how: Ended) -> MoveRow {
    MoveRow::End { domain: domain.name(), hold: id.0.to_be_bytes(), how }
}

fn held(domain: Domain, id: HoldId, hold: &Hold) -> HeldRow {
    let (prover, round) = match hold.prover {
        Prover::Round(round) => ("round", Some((round.table.to_string(), round.number))),
        Prover::Domain(domain) => (domain.name(), None),
    };
    HeldRow {
        hold: id.0.to_be_bytes(),
        domain: domain.name(),
        purpose: hold.purpose.name(),
        prover,
        round,
        expires_ms: hold.expires,
        sources: hold.sources().map(|source| (key_of(domain, &source.account), source.amount)).collect(),
        credit: key_of(domain, &hold.credit),
    }
}

/// An account of a domain, as the read model names it.
#[must_use]
pub fn key_of(domain: Domain, id: &AccountId) -> AccountKey {
    AccountKey {
        domain: domain.name(),
        kind: kind_name(id.kind),
        owner_kind: id.owner.kind().name(),
        owner: id.owner.id().to_be_bytes(),
        currency: id.currency,
    }
}

/// The name of a kind of account. A clearing account is named after the domain on its other side.
fn kind_name(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::Cash => "cash",
        AccountKind::Source => "source",
        AccountKind::Stakes => "stakes",
        AccountKind::Winnings => "winnings",
        AccountKind::Grants => "grants",
        AccountKind::Bonus => "bonus",
        AccountKind::Corrections => "corrections",
        AccountKind::Results => "results",
        AccountKind::Clearing(Domain::Balance) => "clearing_balance",
        AccountKind::Clearing(Domain::Collections) => "clearing_collections",
        AccountKind::Clearing(Domain::Distributions) => "clearing_distributions",
        AccountKind::Clearing(Domain::FreePlay) => "clearing_free_play",
        AccountKind::Clearing(Domain::Adjustment) => "clearing_adjustment",
    }
}

fn image(row: &RowImage) -> ImageRow {
    ImageRow {
        kind: row.key.kind(),
        key: row.key.as_bytes().to_vec(),
        value: row.value.as_deref().map(<[u8]>::to_vec),
    }
}

fn step(table: TableId, leg: &TableLeg) -> Option<TableStep> {
    let round = |number: &u64| (table.to_string(), *number);
    Some(match leg {
        TableLeg::Opened { round: number, game, rules, currency, commit, .. } => TableStep::Opened {
            round: round(number),
            game: game.to_string(),
            rules: *rules,
            currency: *currency,
            commitment: *commit,
        },
        TableLeg::BetPlaced { round: number, player, bets, .. } => TableStep::Bets {
            round: round(number),
            player: player.0.to_be_bytes(),
            bets: bets.iter().map(|(spot, stake)| (spot.0, *stake)).collect(),
        },
        TableLeg::Locked { round: number, staked, mix, .. } => {
            TableStep::Locked { round: round(number), staked: *staked, mix: *mix }
        }
        TableLeg::Settled { round: number, outcome, seed, returned, .. } => {
            TableStep::Settled { round: round(number), drawn: *outcome, seed: *seed, returned: *returned }
        }
        TableLeg::Voided { round: number, reason, .. } => {
            TableStep::Voided { round: round(number), reason: reason.text() }
        }
        // Bets that are taken back end their holds. A quarantine changes what the table may do, not its open round: the void of
        // that follows.
        TableLeg::BetsCleared { .. } | TableLeg::Ruled { .. } | TableLeg::Quarantined { .. } => return None,
    })
}
