//! Runs a ledger from a script: one move a line, with its expected result.
//!
//! ```text
//! account P1 100                 # an open account with this balance, out of the source
//! hold  H1 P1 > CC 60            => P1 40 held 60
//! post  P1 > CC 500              => InsufficientFunds
//! begin ... commit               # the moves between are one leg
//! ```
//!
//! `P…` are players' cash, `B…` bonus money, `CC` is the clearing towards collections, `SRC` the source. A name with
//! `.USD` is in that currency, any other in EUR. The amount `MAX` is the largest the ledger keeps.

use std::sync::Arc;

use ledger::{
    AccountId, AccountKind, Domain, Hold, HoldId, Ledger, Leg, Move, Prover, Purpose, Rejection, SUM_MAX,
    Source, Transfer, invariant,
};
use protocol::PlayerId;

/// Runs the script; panics at the first line whose result is not the expected one.
pub fn check(script: &str) {
    let mut ledger = Ledger::default();
    let mut batch: Option<Vec<(usize, Move)>> = None;
    for (number, line) in script.lines().enumerate() {
        let line = line.split('#').next().unwrap().trim();
        if line.is_empty() {
            continue;
        }
        let (action, expected) = match line.split_once("=>") {
            Some((action, expected)) => (action.trim(), expected.trim()),
            None => (line, ""),
        };
        let words: Vec<&str> = action.split_whitespace().collect();
        let outcome = match words[..] {
            ["account", name, balance] => {
                fund(&mut ledger, account(name), amount(balance));
                Ok(())
            }
            ["begin"] => {
                batch = Some(Vec::new());
                continue;
            }
            ["commit"] => {
                let moves = batch.take().unwrap();
                turn(&mut ledger, moves.into_iter().map(|(_, change)| change))
            }
            _ => match &mut batch {
                Some(moves) => {
                    moves.push((number, read(&words)));
                    continue;
                }
                None => turn(&mut ledger, [read(&words)]),
            },
        };
        invariant::all(&ledger).unwrap_or_else(|broken| panic!("line {number}: {line}: {broken}"));
        assert_eq!(shown(&ledger, &outcome, expected), expected, "line {number}: {line}");
    }
}

/// Decides moves as one leg and applies it; a refusal must leave no trace.
fn turn(ledger: &mut Ledger, moves: impl IntoIterator<Item = Move>) -> Result<(), Rejection> {
    let before = ledger.digests();
    let mut draft = ledger.draft();
    let decided = moves.into_iter().try_for_each(|change| draft.add(change));
    let leg = draft.finish().leg;
    match decided {
        Ok(()) => {
            ledger.apply(&leg).unwrap();
            Ok(())
        }
        Err(rejection) => {
            assert_eq!(ledger.digests(), before, "a refused leg left a trace");
            Err(rejection)
        }
    }
}

fn fund(ledger: &mut Ledger, id: AccountId, balance: i128) {
    let mut moves = Vec::new();
    if id.kind.is_opened() {
        moves.push(Move::Open(id));
    }
    if balance > 0 {
        let debit = AccountId::house(AccountKind::Source, id.currency);
        moves.push(Move::Post(Transfer { debit, credit: id, amount: balance }));
    }
    ledger.apply(&Leg { moves }).unwrap();
}

fn read(words: &[&str]) -> Move {
    let hold = |name: &str| HoldId(name.strip_prefix('H').unwrap().parse().unwrap());
    match *words {
        ["open", name] => Move::Open(account(name)),
        ["post", debit, ">", credit, sum] => Move::Post(transfer(debit, credit, sum)),
        ["hold", name, debit, ">", credit, sum, ref more @ ..] => {
            let prover = Prover::Domain(Domain::Balance);
            let mut made = Hold::on(Purpose::Stake, prover, transfer(debit, credit, sum));
            let sources =
                more.chunks(2).map(|part| Source { account: account(part[0]), amount: amount(part[1]) });
            made.more = sources.collect();
            Move::Hold(hold(name), Arc::new(made))
        }
        ["settle", name] => Move::PostHold(hold(name)),
        ["void", name] => Move::VoidHold(hold(name)),
        _ => panic!("no such move: {words:?}"),
    }
}

fn transfer(debit: &str, credit: &str, sum: &str) -> Transfer {
    Transfer { debit: account(debit), credit: account(credit), amount: amount(sum) }
}

fn amount(text: &str) -> i128 {
    match text {
        "MAX" => SUM_MAX,
        "MAX+1" => SUM_MAX + 1,
        "I128" => i128::MAX,
        "-I128" => i128::MIN,
        text => text.parse().unwrap(),
    }
}

fn account(name: &str) -> AccountId {
    let (name, currency) = name.split_once('.').unwrap_or((name, "EUR"));
    let currency = currency.parse().unwrap();
    match name {
        "CC" => AccountId::house(AccountKind::Clearing(Domain::Collections), currency),
        "SRC" => AccountId::house(AccountKind::Source, currency),
        name => match name.split_at(1) {
            ("P", number) => AccountId::cash(PlayerId(number.parse().unwrap()), currency),
            ("B", number) => AccountId::bonus(PlayerId(number.parse().unwrap()), currency),
            _ => panic!("no such account: {name}"),
        },
    }
}

/// The result in the form of the expectation: a rejection's name, or the accounts that the expectation names.
fn shown(ledger: &Ledger, outcome: &Result<(), Rejection>, expected: &str) -> String {
    if let Err(rejection) = outcome {
        return format!("{rejection:?}");
    }
    let words: Vec<&str> = expected.split_whitespace().collect();
    let mut shown = Vec::new();
    for (place, name) in words.iter().enumerate() {
        let names_account = name.starts_with(|first: char| first.is_ascii_uppercase());
        if !names_account || words.get(place + 1).is_none() {
            continue;
        }
        let found = ledger.account(&account(name)).unwrap_or_default();
        shown.push(format!("{name} {}", found.available()));
        if words.get(place + 2) == Some(&"held") {
            shown.push(format!("held {}", found.debits_pending));
        }
    }
    shown.join(" ")
}
