//! The answers that HTTP gets to a command for which it waits.

use engine::{Content, Envelope, Principal, PrincipalKind, TxId};
use protocol::{Amount, Currency, ErrorCode, PlayerId};

use super::{
    deposit::DepositReport,
    money::{Executed, Execution, NotExecuted},
};
use crate::rig::{Money, eur, money};

fn service(name: &str) -> Principal {
    Principal::named(PrincipalKind::Service, "", name)
}

/// A refusal that is recorded under its key.
fn recorded(code: ErrorCode, replayed: bool) -> Execution {
    Execution::Rejected(NotExecuted { code, key_consumed: true, replayed })
}

fn deposit(key: &str, amount: &str) -> DepositReport {
    let amount: Amount = amount.parse().expect("an amount");
    DepositReport { service: "test", key: key.into(), player: PlayerId(7), currency: eur(), amount }
}

fn envelope(money: &Money, key: &str, amount: &str) -> Envelope {
    deposit(key, amount).envelope(&money.currencies).expect("a good deposit")
}

#[actix::test]
async fn a_command_that_is_waited_for_is_committed_once_and_told_the_same_again() {
    let log = tempfile::tempdir().expect("a directory");
    let money = money(log.path());
    let port = money.port();
    let first = port.execute(service("test"), envelope(&money, "one", "1.00")).await;
    let Execution::Committed(done @ Executed { lsn: 1, done: Some(receipt), replayed: false }) = first else {
        panic!("{first:?}")
    };
    assert_eq!(receipt.amount, 100);
    let again = port.execute(service("test"), envelope(&money, "one", "1.00")).await;
    assert_eq!(again, Execution::Committed(Executed { replayed: true, ..done }), "the same receipt");
    let other = port.execute(service("test"), envelope(&money, "one", "2.00")).await;
    assert_eq!(other, Execution::Rejected(ErrorCode::KeyReused.into()));
    assert_eq!(money.journal.durable().0, 1, "what is answered is on disk, once");
}

#[actix::test]
async fn a_command_that_the_log_refuses_is_rejected_with_its_code() {
    let log = tempfile::tempdir().expect("a directory");
    let money = money(log.path());
    let (id, content) = (TxId::of_service("test", "refused"), Content::of(&[b"refused"]));
    let (principal, code, request) = (engine::Principal::HUB, ErrorCode::BetsClosed, crate::rig::refused());
    let refused = Envelope::Refuse { id, principal, content, code, request };
    assert_eq!(money.port().execute(service("test"), refused).await, recorded(ErrorCode::BetsClosed, false));
}

#[actix::test]
#[expect(clippy::await_holding_refcell_ref, reason = "held on purpose: whoever looks at the books panics")]
async fn without_an_answer_of_the_coordinator_the_outcome_is_unknown_and_the_same_key_finds_out() {
    let log = tempfile::tempdir().expect("a directory");
    let money = money(log.path());
    let port = money.port();
    let held = money.books.borrow_mut();
    assert_eq!(port.execute(service("test"), envelope(&money, "one", "1.00")).await, Execution::Unknown);
    drop(held);
    assert!(matches!(
        port.execute(service("test"), envelope(&money, "one", "1.00")).await,
        Execution::Committed(_)
    ));
}

#[test]
fn a_deposit_is_in_a_currency_of_the_operators_and_no_finer_than_it() {
    let currencies = crate::currencies::Currencies::new([(eur(), 2)]);
    let refused = |deposit: DepositReport| deposit.envelope(&currencies).expect_err("no envelope");
    assert_eq!(refused(deposit("one", "1.001")), ErrorCode::TooPrecise);
    let currency: Currency = "USD".parse().expect("a currency");
    assert_eq!(refused(DepositReport { currency, ..deposit("one", "1.00") }), ErrorCode::WrongCurrency);
}

#[actix::test]
async fn a_deposit_again_is_committed_after_its_currency_has_gone_and_a_new_one_is_refused() {
    let log = tempfile::tempdir().expect("a directory");
    let money = money(log.path());
    let port = money.port();
    let first = port.execute(service("test"), envelope(&money, "one", "1.00")).await;
    let gone = crate::currencies::Currencies::new([]).with_recorded([(eur(), 2)]);
    let again = deposit("one", "1.00").envelope(&gone).expect("its amount can be read");
    let Execution::Committed(done) = first else { panic!("{first:?}") };
    let replayed = Execution::Committed(Executed { replayed: true, ..done });
    assert_eq!(port.execute(service("test"), again).await, replayed, "the same receipt");
    let before = money.books.borrow().keys();
    let new = deposit("two", "1.00").envelope(&gone).expect("its amount can be read");
    assert_eq!(
        port.execute(service("test"), new).await,
        Execution::Rejected(ErrorCode::WrongCurrency.into())
    );
    assert_eq!(money.books.borrow().keys(), before, "and nothing is recorded");
}

#[actix::test]
async fn refusals_of_a_service_are_recorded_within_a_budget_of_its_own_and_then_not_now() {
    let log = tempfile::tempdir().expect("a directory");
    let money = money(log.path());
    let port = money.port();
    let refuse = |number: u64| Envelope::Refuse {
        principal: engine::Principal::HUB,
        id: TxId::of_service("test", &number.to_string()),
        content: Content(1),
        code: ErrorCode::AboveLimit,
        request: crate::rig::refused(),
    };
    let mut answers = Vec::new();
    for number in 0..10 {
        answers.push(port.execute(service("test"), refuse(number)).await);
    }
    let (known, limited) = answers.split_at(4);
    assert!(known.iter().all(|answer| *answer == recorded(ErrorCode::AboveLimit, false)));
    let limits = |answer: &Execution| {
        matches!(answer, Execution::NotNow { code: ErrorCode::RateLimited, wait_ms: 1.. })
    };
    assert!(limited.iter().all(limits), "{answers:?}");
    assert_eq!(money.books.borrow().keys(), 4);
    let again = port.execute(service("test"), refuse(0)).await;
    assert_eq!(again, recorded(ErrorCode::AboveLimit, true), "what is known is told");
    assert_eq!(port.execute(service("other"), refuse(100)).await, answers[0], "another service has its own");
    assert!(matches!(
        port.execute(service("test"), envelope(&money, "good", "1.00")).await,
        Execution::Committed(_)
    ));
}
