//! What operators are refused: a record without a key, which changes nothing and is decided again like any other.

use domains::{
    operator_act::{LackedCapability, OperatorAct},
    recipes::OperatorRefused,
};
use engine::{Body, Content, Envelope, LogVerifier, Principal, PrincipalKind, Record, Tx, TxId, Verdict};
use protocol::{ErrorCode, PlayerId};

use crate::rig::Rig;

fn refused(player: Option<PlayerId>) -> OperatorRefused {
    let lacks = LackedCapability::of_text("balance:write").unwrap();
    OperatorRefused { act: OperatorAct::Freeze, lacks, player, code: ErrorCode::Forbidden }
}

fn named(kind: PrincipalKind) -> Principal {
    Principal::named(kind, "", "anna")
}

#[test]
fn what_an_operator_was_refused_is_a_record_without_a_key_that_changes_nothing() {
    let mut rig = Rig::new();
    rig.deposit(1, 100);
    let (before, keys) = (rig.books.digest(), rig.books.keys_in_memory());
    let id = TxId(7);
    let tx = Tx::new(id, named(PrincipalKind::Operator), None, refused(Some(PlayerId(1))));
    assert_eq!(rig.run(&Envelope::Run(tx)), Verdict::Done);
    assert_eq!((rig.books.digest(), rig.books.keys_in_memory()), (before, keys));
    let record = Record::decode(rig.log.last().unwrap()).unwrap();
    let Body::Committed(committed) = record.body else { panic!("a transaction") };
    assert_eq!((committed.id, committed.principal), (id, named(PrincipalKind::Operator)));
    assert_eq!(committed.intent.get::<OperatorRefused>(), Some(&refused(Some(PlayerId(1)))));
    let mut verifier = LogVerifier::default();
    rig.log.iter().for_each(|bytes| drop(verifier.next(bytes).unwrap()));
    verifier.check().unwrap();
    assert_eq!(verifier.world().books.digest(), rig.books.digest());
}

#[test]
fn such_a_record_is_of_an_operator_and_has_no_key() {
    let mut rig = Rig::new();
    rig.deposit(1, 100);
    let records = rig.log.len();
    for (principal, key) in [
        (named(PrincipalKind::Operator), Some(Content(1))),
        (named(PrincipalKind::Service), None),
        (named(PrincipalKind::Provider), None),
        (PlayerId(1).into(), None),
        (Principal::HUB, None),
    ] {
        let verdict = rig.run(&Envelope::Run(Tx::new(TxId(8), principal, key, refused(None))));
        assert_eq!(verdict, Verdict::Impossible(ErrorCode::Internal), "{principal:?} {key:?}");
        assert_eq!(rig.log.len(), records);
    }
}
