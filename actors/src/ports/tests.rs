//! The answers that HTTP gets to a command for which it waits.

use engine::{Content, Envelope, Outcome, Principal, PrincipalKind, TxId};
use protocol::{Amount, Currency, ErrorCode, PlayerId};

use super::{
    deposit::DepositReport,
    money::{Executed, Execution, NotExecuted},
    service::{Debit, PaymentCause, ServiceRequest},
};
use crate::rig::{Money, eur, money};

fn service(name: &str) -> Principal {
    Principal::named(PrincipalKind::Service, "", name)
}

/// A refusal that is recorded under its key.
fn recorded(code: ErrorCode, lsn: u64, replayed: bool) -> Execution {
    Execution::Rejected(NotExecuted { code, recorded: Some(lsn), replayed, limit: None })
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
    assert_eq!(
        money.port().execute(service("test"), refused).await,
        recorded(ErrorCode::BetsClosed, 1, false)
    );
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
    let expected: Vec<_> = (1..=4).map(|lsn| recorded(ErrorCode::AboveLimit, lsn, false)).collect();
    assert_eq!(known, expected);
    let limits = |answer: &Execution| {
        matches!(answer, Execution::NotNow { code: ErrorCode::RateLimited, wait_ms: 1.. })
    };
    assert!(limited.iter().all(limits), "{answers:?}");
    assert_eq!(money.books.borrow().keys(), 4);
    let again = port.execute(service("test"), refuse(0)).await;
    assert_eq!(again, recorded(ErrorCode::AboveLimit, 1, true), "what is known is told");
    let other = port.execute(service("other"), refuse(100)).await;
    assert_eq!(other, recorded(ErrorCode::AboveLimit, 5, false), "another service has its own");
    assert!(matches!(
        port.execute(service("test"), envelope(&money, "good", "1.00")).await,
        Execution::Committed(_)
    ));
}

#[actix::test]
async fn a_dry_run_says_what_would_happen_and_leaves_nothing() {
    let log = tempfile::tempdir().expect("a directory");
    let money = money(log.path());
    let port = money.port();
    let change = |key: &str, amount: i128| ServiceRequest {
        id: TxId::of_service("test", key),
        principal: service("test"),
        intent: Debit { player: PlayerId(7), currency: eur(), amount, cause: PaymentCause::default() }.into(),
    };
    let preview = port.preview(envelope(&money, "one", "1.00")).await;
    let Execution::Committed(Executed { done: Some(receipt), replayed: false, .. }) = preview else {
        panic!("{preview:?}")
    };
    assert_eq!((receipt.amount, receipt.available), (100, 100));
    let none = port.preview(change("two", 1).run()).await;
    assert_eq!(none, Execution::Rejected(ErrorCode::NoAccount.into()), "and the key is as it was");
    assert_eq!((money.journal.appended().0, money.books.borrow().keys()), (0, 0));

    let first = port.execute(service("test"), envelope(&money, "one", "1.00")).await;
    let Execution::Committed(done) = first else { panic!("{first:?}") };
    let known = port.preview(envelope(&money, "one", "1.00")).await;
    assert_eq!(known, Execution::Committed(Executed { replayed: true, ..done }), "it was carried out before");
    assert_eq!(
        port.preview(envelope(&money, "one", "2.00")).await,
        Execution::Rejected(ErrorCode::KeyReused.into())
    );
    let most = port.preview(change("two", 100).run()).await;
    let Execution::Committed(Executed { done: Some(receipt), .. }) = most else { panic!("{most:?}") };
    assert_eq!((receipt.amount, receipt.available), (100, 0));
    assert_eq!(
        port.preview(change("two", 101).run()).await,
        Execution::Rejected(ErrorCode::InsufficientFunds.into())
    );
    assert_eq!((money.journal.appended().0, money.books.borrow().keys()), (1, 1));
}

#[actix::test]
async fn the_outcome_under_an_id_is_found_also_a_refusal_with_its_place() {
    let log = tempfile::tempdir().expect("a directory");
    let money = money(log.path());
    let port = money.port();
    let id = TxId::of_service("test", "one");
    assert_eq!(port.find(id).await, Ok(None));
    port.execute(service("test"), envelope(&money, "one", "1.00")).await;
    let too_much = ServiceRequest {
        id: TxId::of_service("test", "two"),
        principal: service("test"),
        intent: Debit { player: PlayerId(7), currency: eur(), amount: 101, cause: PaymentCause::default() }
            .into(),
    };
    let refused = port.execute(service("test"), too_much.run()).await;
    assert_eq!(refused, recorded(ErrorCode::InsufficientFunds, 2, false));
    let found = async |key| {
        port.find(TxId::of_service("test", key)).await.map(|kept| kept.map(|(_, outcome)| outcome))
    };
    assert!(matches!(found("one").await, Ok(Some(Outcome::Done(done))) if done.lsn == 1));
    let refusal = Outcome::Refused { code: ErrorCode::InsufficientFunds, lsn: 2 };
    assert_eq!(found("two").await, Ok(Some(refusal)));
}
