//! Versions of rules: a round is played, settled and verified by the version it was opened under.

use engine::{
    LogVerifier, Occurrences, Undecided,
    table::{
        VoidReason,
        live::{Due, LiveTable},
    },
};
use games::{BetCode, BetRefused, Described, DrawResult, Face, Game, fair};

use crate::rig::{BETTING_MS, LOCKED_MS, Rig, config, done, table_id};

/// Roulette in two versions for this test: the second returns the stake of every bet, whatever the outcome.
#[derive(Debug)]
struct Rules(u16);

static FIRST: Rules = Rules(7);
static SECOND: Rules = Rules(8);

fn roulette() -> &'static dyn Game {
    games::game("roulette").unwrap()
}

impl Game for Rules {
    fn name(&self) -> &'static str {
        roulette().name()
    }
    fn rules_version(&self) -> u16 {
        self.0
    }
    fn earlier(&self) -> &'static [&'static dyn Game] {
        static EARLIER: [&dyn Game; 1] = [&FIRST];
        if self.0 == SECOND.0 { &EARLIER } else { &[] }
    }
    fn kinds(&self) -> &'static [&'static str] {
        roulette().kinds()
    }
    fn bets(&self) -> u16 {
        roulette().bets()
    }
    fn results(&self) -> u32 {
        roulette().results()
    }
    fn bet(&self, kind: &str, numbers: &[u8]) -> Result<BetCode, BetRefused> {
        roulette().bet(kind, numbers)
    }
    fn describe(&self, code: BetCode) -> Option<Described> {
        roulette().describe(code)
    }
    fn draw(&self, stream: &mut fair::Stream) -> DrawResult {
        roulette().draw(stream)
    }
    fn payout(&self, code: BetCode, stake: i128, result: DrawResult) -> Option<i128> {
        if self.0 == SECOND.0 { Some(stake) } else { roulette().payout(code, stake, result) }
    }
    fn face(&self, result: DrawResult) -> Option<Face> {
        roulette().face(result)
    }
}

fn known(name: &str, version: u16) -> Option<&'static dyn Game> {
    (name == "roulette").then(|| games::version(&SECOND, version)).flatten()
}

/// The table after a restart with other rules.
fn restarted_with(rig: &mut Rig, game: &'static dyn Game) {
    let (mut config, state) = (config(), rig.live.state().clone());
    config.rules.rules_version = game.rules_version();
    rig.live = LiveTable::new(table_id(), config.into(), game, state);
}

fn audited(rig: &Rig) -> LogVerifier {
    let mut verifier = LogVerifier::with(known);
    for bytes in &rig.log {
        verifier.next(bytes).unwrap();
    }
    verifier
}

#[test]
fn a_round_ends_by_the_rules_it_was_opened_under_whatever_the_newest_are() {
    let play = |bumped_at: u64| {
        let mut rig = Rig::with(config());
        restarted_with(&mut rig, if bumped_at == 0 { &SECOND } else { &FIRST });
        rig.deposit(1, 1_000);
        rig.open();
        done(rig.bet("a", 1, &[("red", &[], 50)]));
        let bump = |rig: &mut Rig, now| {
            if now == bumped_at {
                restarted_with(rig, &SECOND)
            }
        };
        bump(&mut rig, 1);
        done(rig.bet("b", 1, &[("dozen", &[2], 20)]));
        rig.wait(BETTING_MS);
        bump(&mut rig, 2);
        rig.wait(LOCKED_MS);
        assert!(rig.live.state().last.unwrap().drawn.is_some(), "it is drawn, not voided");
        assert_eq!(audited(&rig).rounds(), (1, 1));
        rig.funds(1).0
    };
    let by_the_first = play(u64::MAX);
    assert_eq!(play(0), 1_000, "the second version pays every stake back");
    assert_ne!(by_the_first, 1_000);
    assert_eq!([play(1), play(2)], [by_the_first; 2], "a bump while bets are taken, and after the lock");
}

#[test]
fn a_round_of_rules_that_are_not_known_is_voided_for_that_reason() {
    for locked in [false, true] {
        let mut rig = Rig::with(config());
        restarted_with(&mut rig, &SECOND);
        rig.deposit(1, 1_000);
        rig.open();
        done(rig.bet("a", 1, &[("red", &[], 50)]));
        if locked {
            rig.wait(BETTING_MS);
        }
        restarted_with(&mut rig, &FIRST);
        assert_eq!(rig.live.due(rig.now, true), Due::Void(VoidReason::RulesUnknown));
        rig.proceed();
        assert_eq!(rig.funds(1), (1_000, 0));
        rig.open();
        let opened = rig.live.state().open.as_ref().map(|open| open.rules);
        assert_eq!(opened, Some(7), "the next round is opened under the rules there are");
    }
}

#[test]
fn a_round_is_opened_under_the_version_that_the_tables_rules_name() {
    for named in [&FIRST, &SECOND] {
        let mut rig = Rig::new();
        let mut config = config();
        config.rules.rules_version = named.rules_version();
        rig.live = LiveTable::new(table_id(), config.into(), &SECOND, Default::default());
        rig.open();
        let opened = rig.live.state().open.as_ref().map(|open| open.rules);
        assert_eq!(opened, Some(named.rules_version()));
    }
}

#[test]
#[should_panic(expected = "table t1: version 9 of its game is not known")]
fn a_table_does_not_start_with_rules_that_are_not_known() {
    let mut config = config();
    config.rules.rules_version = 9;
    let _ = LiveTable::new(table_id(), config.into(), &SECOND, Default::default());
}

#[test]
fn an_auditor_without_the_rules_of_a_round_names_them() {
    let mut rig = Rig::with(config());
    restarted_with(&mut rig, &SECOND);
    rig.deposit(1, 1_000);
    rig.open();
    rig.finish();
    let mut verifier = LogVerifier::default();
    rig.log.iter().for_each(|bytes| drop(verifier.next(bytes).unwrap()));
    let undecided: Vec<_> = verifier.tally().undecided.iter().collect();
    let unknown = Undecided::Rules { game: "roulette".into(), version: 8 };
    assert_eq!(unknown.to_string(), "version 8 of the rules of roulette is not known to this release");
    let settled = rig.log.len() as u64;
    assert_eq!(undecided, [(&unknown, &Occurrences { count: 1, first: settled })]);
    assert!(verifier.tally().lacks(), "another release can prove more");
}
