//! The fullest round that a table takes: its end is one record, and one more bet is refused.
//!
//! `core/engine/src/table/bounds.rs` computes from the longest encodings that such a record is short enough. These tests
//! play the round, with amounts near the largest that the ledger keeps.

use domains::recipes::Deposit;
use engine::{
    Books, Content, Envelope, Turn, Tx, TxId, Verdict,
    table::{
        VoidReason,
        live::{BetLimits, BetRequest, ClearRequest, Due, REQUESTS_MAX, SEATS_MAX, SETTLEMENT_BYTES_MAX},
    },
};
use games::fair::{Seed, commit};
use protocol::{ErrorCode, PlayerId};

use crate::rig::{BETTING_MS, LOCKED_MS, Rig, config, done, eur, refused, tx_id};

/// Each stake: so large that all deposits together are near [`ledger::SUM_MAX`], and each amount has a long encoding.
const STAKE: i128 = 1 << 80;

/// A player of the round. The ids differ in every byte, as random ones do.
fn player(number: usize) -> PlayerId {
    PlayerId((number as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_0c81_5ab4_1d2b))
}

/// Runs an envelope, and hands its result to the table. The state is not checked after each: there are a hundred thousand.
fn run(rig: &mut Rig, envelope: Envelope) -> Verdict {
    let result = rig.books.run(envelope, rig.now, u64::MAX).unwrap().result;
    rig.live.apply(result.id, result.leg.as_ref(), result.time);
    crate::rig::without_place(result.verdict)
}

/// A bet of a player on red, black and zero: one of them wins, whatever is drawn.
fn bet(rig: &mut Rig, number: usize, key: &str) -> Verdict {
    let player = player(number);
    let bets = [("red", vec![]), ("black", vec![]), ("straight", vec![0])];
    let request = BetRequest {
        id: tx_id(player.0, key),
        content: Content(1),
        player,
        round: rig.live.state().round,
        bets: bets.into_iter().map(|(kind, numbers)| (kind.into(), numbers, STAKE)).collect(),
        share: None,
    };
    let envelope = rig.live.place_bet(request, rig.now).now().expect("nothing is under way");
    run(rig, envelope)
}

/// A table with an open round in which each of [`REQUESTS_MAX`] players has one bet.
fn fullest() -> Rig {
    assert_eq!(REQUESTS_MAX, 50_000, "docs/architecture.md names the bound");
    let mut config = config();
    config.rules.seats_max = SEATS_MAX;
    config.rules.round_max = 1 << 90;
    config.rules.limits.fill(BetLimits { stake_min: 1, spot_max: 1 << 90 });
    let mut rig = Rig::with(config);
    for number in 0..=REQUESTS_MAX {
        let (player, id) = (player(number), TxId::of_service("test", &number.to_string()));
        let deposit = Deposit { player, currency: eur(), amount: 1 << 83 };
        run(&mut rig, Envelope::Run(Tx::new(id, player.into(), Some(Content(1)), deposit)));
    }
    let rules = rig.live.record_rules();
    run(&mut rig, rules);
    let secret = [7; 32];
    let opened = rig.live.open_round(commit(&Seed(secret)), secret.into(), rig.now);
    run(&mut rig, opened);
    for number in 0..REQUESTS_MAX {
        done(bet(&mut rig, number, "a"));
    }
    rig
}

/// The length of the record that an envelope makes. Bytes.
fn bytes_of(books: &Books, envelope: Envelope, now: u64) -> usize {
    let Turn::New(decided) = books.turn(envelope, now) else { panic!("it is recorded") };
    decided.record().encode().len()
}

#[test]
fn the_settlement_of_fifty_thousand_bets_is_one_record_and_the_next_bet_is_refused() {
    let mut rig = fullest();
    let open = rig.live.state().open.as_ref().unwrap();
    assert_eq!((open.bets.requests(), open.bets.players().len()), (REQUESTS_MAX, REQUESTS_MAX));

    // A player with a seat is refused because of the number of requests alone, and the refusal is for good.
    let full = refused(ErrorCode::TableFull);
    assert_eq!(bet(&mut rig, 0, "b"), full);
    assert_eq!(bet(&mut rig, REQUESTS_MAX, "a"), full);
    // What one player takes back is room for one request of another, not for two.
    let (id, content) = (tx_id(player(0).0, "c"), Content(1));
    let cleared = rig.live.clear_bets(ClearRequest { id, content, player: player(0), round: 1 }, rig.now);
    done(run(&mut rig, cleared.now().unwrap()));
    done(bet(&mut rig, REQUESTS_MAX, "b"));
    assert_eq!(bet(&mut rig, 0, "d"), full);

    rig.now += BETTING_MS;
    let lock = rig.live.lock(rig.now);
    run(&mut rig, lock);
    rig.now += LOCKED_MS;
    assert_eq!(rig.live.due(rig.now, true), Due::Settle);
    let settle = rig.live.settle(Some([7; 32]), rig.now);
    let bytes = bytes_of(&rig.books, settle.clone(), rig.now);
    assert!((SETTLEMENT_BYTES_MAX / 2..SETTLEMENT_BYTES_MAX).contains(&bytes), "{bytes}");
    let void = rig.live.void(VoidReason::Fault, rig.now);
    let voided = bytes_of(&rig.books, void, rig.now);
    assert!((SETTLEMENT_BYTES_MAX / 2..bytes).contains(&voided), "{voided}");

    assert_eq!(run(&mut rig, settle), Verdict::Done);
    assert!(rig.live.state().open.is_none(), "the round is settled");
    rig.books.check().unwrap();
}
