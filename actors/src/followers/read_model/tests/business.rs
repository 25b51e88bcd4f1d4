//! What single records add to the figures of the business.

use domains::{
    What,
    correction::{AdjustmentReason, Correction, CorrectionOf},
    recipes::ProposeAdjustment,
};
use engine::{Committed, reversal_of, table::TableLeg};
use ledger::{Leg, Move};
use readmodel::{BusinessFigure, CountedFor};

use super::*;
use crate::followers::read_model::business::business_of;

/// The reversal of a round in which every player has got back what they had staked: nobody is told of it.
fn taken_back_from_nobody(lsn: u64, settled: &Committed) -> Option<Committed> {
    let reversal = reversal_of(lsn, [0; 32], settled).ok()?;
    let leg = |transfers: &[_]| Leg { moves: transfers.iter().copied().map(Move::Post).collect() };
    let legs = reversal.posts.iter().map(|(domain, transfers)| (*domain, leg(transfers))).collect();
    let of = CorrectionOf::Transaction(reversal.into());
    let reference = "ticket 1".parse().expect("a reference");
    let correction = Correction { of, reason: AdjustmentReason::Error, reference };
    let intent = ProposeAdjustment { correction, break_glass: None }.into();
    Some(Committed { intent, legs, rows: Vec::new(), notices: Vec::new(), table: None, ..settled.clone() })
}

#[test]
fn a_bet_adds_nothing_and_a_round_adds_once_what_its_players_are_told_of_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut played = Played::over(log::reopened(&directory).start(OpenGate));
    played.play(6);
    let (mut bets, mut rounds, mut voids, mut reversed, mut lsn) = (0, 0, 0, 0, 0);
    played.each_record(|record| {
        lsn += 1;
        let business = rows_of(lsn, record).business;
        let Body::Committed(committed) = &record.body else { return assert_eq!(business, None) };
        match &committed.table {
            Some((_, TableLeg::Settled { .. })) => rounds += 1,
            // Most records are bets, and none of them may cost the follower anything here.
            Some((_, leg)) => {
                bets += u64::from(matches!(leg, TableLeg::BetPlaced { .. }));
                voids += u64::from(matches!(leg, TableLeg::Voided { .. }));
                return assert_eq!(business, None, "{leg:?}");
            }
            None => return,
        }
        let business = business.expect("a round is drawn");
        let mut told = (0, 0);
        let mut players = Vec::new();
        for notice in &committed.notices {
            let What::Settled { staked, returned, .. } = notice.what else { panic!("{notice:?}") };
            told = (told.0 + staked, told.1 + returned);
            players.push((CountedFor::Bet, notice.player.0.to_be_bytes(), notice.currency));
        }
        let of = |figure| {
            let rows = business.figures.iter().filter(|row| row.figure == figure);
            rows.fold((0, 0), |sum, row| (sum.0 + row.number, sum.1 + row.amount))
        };
        let posted = committed.legs.iter().flat_map(|(_, leg)| &leg.moves);
        let posted = posted.filter(|made| matches!(made, ledger::Move::PostHold(_))).count();
        assert_eq!(of(BusinessFigure::Rounds), (1, 0));
        assert_eq!(of(BusinessFigure::Bets), (i64::try_from(posted).expect("few"), told.0));
        assert_eq!(of(BusinessFigure::Payouts), (0, told.1));
        assert_eq!(business.players, players);
        assert_eq!(business.figures.len(), if told.1 == 0 { 2 } else { 3 });
        if let Some(reversal) = taken_back_from_nobody(lsn, committed) {
            let taken = business_of(&reversal).expect("the round is taken back");
            let of = |figure| {
                let rows = taken.figures.iter().filter(|row| row.figure == figure);
                rows.fold((0, 0), |sum, row| (sum.0 + row.number, sum.1 + row.amount))
            };
            assert_eq!((of(BusinessFigure::Rounds), of(BusinessFigure::Bets).1), ((-1, 0), -told.0));
            reversed += 1;
        }
    });
    assert!(reversed > 0, "a round had bets");
    assert!(bets >= 20 && rounds == 6 && voids == 1, "{bets} bets, {rounds} rounds, {voids} voids");
    played.journal.stop();
}
