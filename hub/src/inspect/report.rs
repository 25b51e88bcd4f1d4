//! What is in a record, by name and type. The names are stable: programs read them in the output of `--json`.

use engine::{
    Body, Committed, Field, Fields, Outcome, Principal, PrincipalKind, Record, RefusedRequest, TxId, World,
    row,
};
use journal::Entry;
use ledger::{AccountId, AccountKind, Domain, Hold, HoldId, Move, OwnerKind, Prover, Transfer};

/// What the record is and does. With the state before it, also the balances that it changes, and what its holds reserve.
pub(crate) fn of(entry: &Entry<'_>, record: &Record, before: Option<&World>) -> Fields {
    let mut fields = vec![("lsn", Field::Number(entry.lsn.0)), ("time", Field::Time(record.time))];
    match &record.body {
        Body::Committed(committed) => {
            fields.push(("kind", text("transaction")));
            fields.extend(asked(committed.id, committed.principal));
            fields.push(("key", Field::Flag(committed.key.is_some())));
            fields.extend(committed.key.map(|content| ("content", hex(content.0))));
            fields.push(("intent", intent(&committed.intent)));
            effects(committed, before, &mut fields);
        }
        Body::Refused { id, principal, content, code, refused } => {
            fields.push(("kind", text("refusal")));
            fields.extend(asked(*id, *principal));
            fields.extend([("key", Field::Flag(true)), ("content", hex(content.0))]);
            fields.push(("code", text(code.name())));
            match refused {
                RefusedRequest::ByDomain(refused) => {
                    fields.extend([("by", text("domain")), ("intent", intent(refused))]);
                }
                RefusedRequest::ByTable(request) => {
                    let state = before.and_then(|before| before.tables.get(&request.table));
                    fields.extend([("by", text("table")), ("asked", Field::Group(request.fields(state)))]);
                }
            }
        }
        Body::Digest(digest) => {
            fields.push(("kind", text("digest")));
            fields.extend(digest.fields());
        }
        Body::Fact(fact) => {
            fields.push(("kind", text("fact")));
            fields.extend(fact.fields());
        }
    }
    fields
}

/// Where the record stands: its length, its hash and its batch.
pub(crate) fn place(entry: &Entry<'_>) -> Fields {
    let batch = vec![
        ("first", Field::Number(entry.batch.first.0)),
        ("count", Field::Number(entry.batch.count.into())),
        ("hash", Field::Bytes(entry.batch.hash.to_vec())),
    ];
    vec![
        ("bytes", Field::Number(entry.bytes.len() as u64)),
        ("hash", Field::Bytes(entry.hash.to_vec())),
        ("batch", Field::Group(batch)),
    ]
}

/// A record beside the one that is shown: what it is, and its ids.
pub(super) fn neighbour(lsn: u64, record: &Record) -> Field {
    let mut fields = vec![("lsn", Field::Number(lsn)), ("time", Field::Time(record.time))];
    match &record.body {
        Body::Committed(committed) => {
            fields.push(("recipe", text(committed.intent.name())));
            fields.extend(committed.table.iter().map(|(table, leg)| {
                ("table", Field::Text(format!("{table}:{} {}", leg.round(), leg.name().replace('_', " "))))
            }));
            fields.extend(asked(committed.id, committed.principal));
        }
        Body::Refused { id, principal, code, .. } => {
            fields.push(("refusal", text(code.name())));
            fields.extend(asked(*id, *principal));
        }
        Body::Digest(_) => fields.push(("kind", text("digest"))),
        Body::Fact(fact) => fields.extend(fact.fields()),
    }
    Field::Group(fields)
}

/// What became of the record's key.
pub(super) fn key_outcome(outcome: &Outcome) -> Field {
    Field::Group(match outcome {
        Outcome::Refused { code, lsn } => {
            vec![("what", text("refused")), ("lsn", Field::Number(*lsn)), ("code", text(code.name()))]
        }
        Outcome::Changed { lsn } => vec![("what", text("done")), ("lsn", Field::Number(*lsn))],
        Outcome::Done(done) => {
            let mut fields = vec![("what", text("done")), ("lsn", Field::Number(done.lsn))];
            fields.extend(done.round.map(|round| ("round", Field::Round(round))));
            fields.extend([
                ("currency", Field::Currency(done.currency)),
                ("amount", Field::Amount(done.amount, done.currency)),
                ("available", Field::Amount(done.available, done.currency)),
                ("held", Field::Amount(done.held, done.currency)),
            ]);
            fields
        }
    })
}

fn asked(id: TxId, principal: Principal) -> Fields {
    let mut fields = vec![("transaction", hex(id.0)), ("principal", text(principal.kind().name()))];
    if principal.kind() != PrincipalKind::Hub {
        fields.push(("principal_id", hex(principal.id())));
    }
    fields
}

fn intent(intent: &engine::Intent) -> Field {
    Field::Group(vec![
        ("recipe", text(intent.name())),
        ("revision", Field::Number(intent.known().revision.into())),
        ("parameters", Field::Group(intent.fields())),
    ])
}

fn effects(committed: &Committed, before: Option<&World>, fields: &mut Fields) {
    let (mut moves, mut balances) = (Vec::new(), Vec::new());
    for (domain, leg) in &committed.legs {
        let ledger = before.map(|before| before.books.domains().ledger(*domain));
        let known = |id: HoldId| ledger?.hold(id).map(|hold| &**hold);
        moves.extend(leg.moves.iter().flat_map(|change| movement(*domain, change, known)));
        // A leg that does not fit is told by the replay, right after this.
        let changes = ledger.and_then(|ledger| ledger.changes_of(leg).ok()).unwrap_or_default();
        balances.extend(changes.accounts().map(|(id, change)| balance(*domain, id, change)));
    }
    let rows: Vec<_> = committed.rows.iter().map(row).collect();
    let notices: Vec<_> = committed
        .notices
        .iter()
        .map(|notice| {
            let currency = notice.currency;
            let mut told = vec![
                ("player", Field::Player(notice.player)),
                ("told", text(notice.what.name())),
                ("currency", Field::Currency(currency)),
            ];
            told.extend(notice.what.fields(currency));
            told.extend([
                ("available_before", Field::Amount(notice.before.available, currency)),
                ("available_after", Field::Amount(notice.after.available, currency)),
                ("held_before", Field::Amount(notice.before.held, currency)),
                ("held_after", Field::Amount(notice.after.held, currency)),
            ]);
            told
        })
        .collect();
    for (name, list) in [("moves", moves), ("balances", balances), ("rows", rows), ("notices", notices)] {
        if !list.is_empty() {
            fields.push((name, Field::List(list)));
        }
    }
    if let Some((table, leg)) = &committed.table {
        let open = before.and_then(|before| before.tables.get(table)?.open.as_deref());
        fields.push(("table", Field::Group(leg.fields(*table, open))));
    }
}

/// A move: one entry for each pair of accounts.
fn movement<'a>(domain: Domain, change: &Move, known: impl Fn(HoldId) -> Option<&'a Hold>) -> Vec<Fields> {
    let of = |what: &'static str| vec![("domain", text(domain.name())), ("what", text(what))];
    let ended = |what, id: HoldId| match known(id) {
        Some(hold) => held(&of(what), id, hold),
        None => vec![[of(what), vec![("hold", Field::Hold(id))]].concat()],
    };
    match change {
        Move::Open(id) => {
            let opened = [("account", account(id)), ("currency", Field::Currency(id.currency))];
            vec![[of("open"), opened.to_vec()].concat()]
        }
        Move::Post(transfer) => vec![[of("post"), moved(transfer)].concat()],
        Move::Hold(id, hold) => held(&of("hold"), *id, hold),
        Move::PostHold(id) => ended("post_hold", *id),
        Move::VoidHold(id) => ended("void_hold", *id),
    }
}

/// The transfers of a hold, each with what the hold is for and who proves it.
fn held(of: &Fields, id: HoldId, hold: &Hold) -> Vec<Fields> {
    let mut about =
        vec![("hold", Field::Hold(id)), ("purpose", text(hold.purpose.name())), ("prover", prover(hold))];
    about.extend(hold.expires.map(|expires| ("expires", Field::Time(expires))));
    hold.transfers().map(|transfer| [of.clone(), moved(&transfer), about.clone()].concat()).collect()
}

/// Who proves a hold.
pub(super) fn prover(hold: &Hold) -> Field {
    Field::Text(match hold.prover {
        Prover::Round(round) => format!("round {round}"),
        Prover::Domain(domain) => format!("domain {}", domain.name()),
    })
}

fn moved(transfer: &Transfer) -> Fields {
    let currency = transfer.debit.currency;
    vec![
        ("debit", account(&transfer.debit)),
        ("credit", account(&transfer.credit)),
        ("currency", Field::Currency(currency)),
        ("amount", Field::Amount(transfer.amount, currency)),
    ]
}

/// An account before the record and after it; nothing before when the record opens it or is the first to use it.
fn balance(domain: Domain, id: &AccountId, change: &ledger::Change) -> Fields {
    let amount = |minor| Field::Amount(minor, id.currency);
    let mut fields = vec![
        ("domain", text(domain.name())),
        ("account", account(id)),
        ("currency", Field::Currency(id.currency)),
    ];
    let before = change.before.map(|before| {
        [("available_before", amount(before.available())), ("held_before", amount(before.debits_pending))]
    });
    fields.extend(before.into_iter().flatten());
    fields.extend([
        ("available_after", amount(change.after.available())),
        ("held_after", amount(change.after.debits_pending)),
    ]);
    fields
}

/// An account in words: what it is for, and whose it is.
pub(super) fn account(id: &AccountId) -> Field {
    let kind = match id.kind {
        AccountKind::Cash => "cash",
        AccountKind::Source => "source",
        AccountKind::Stakes => "stakes",
        AccountKind::Winnings => "winnings",
        AccountKind::Grants => "grants",
        AccountKind::Bonus => "bonus",
        AccountKind::Corrections => "corrections",
        AccountKind::Results => "results",
        AccountKind::Clearing(with) => return Field::Text(format!("clearing with {}", with.name())),
    };
    Field::Text(match id.owner.kind() {
        OwnerKind::House => kind.into(),
        owner => format!("{kind} of {} {:032x}", owner.name(), id.owner.id()),
    })
}

pub(super) fn text(text: &str) -> Field {
    Field::Text(text.into())
}

fn hex(id: u128) -> Field {
    Field::Bytes(id.to_be_bytes().to_vec())
}
