//! Limits of players: what they count, what they refuse, and how they are changed.

mod history;

use domains::{
    Context, Domains, Intent, PaymentCause, PlayerSettlement, Principal,
    calendar::{DAY, OffsetChange, Period, Zone},
    decide::{COUNTED_BYTES_MAX, Deciding},
    limit_rules::LimitRules,
    limits::{
        self, Command, LIMITS_MAX, LimitId, LimitKind, LimitSetter, OWN_LIMITS_MAX, PlayerLimit, PlayerLimits,
    },
    recipes::{
        ConfirmLimit, Deposit, HoldFunds, HoldStake, ReleaseHold, ReleaseStakes, RoundVoid, SetLimitRules,
        SetPlayerLimit, SettleRound,
    },
};
use ledger::{Domain, HoldId, Rejection, SUM_MAX};
use protocol::{Currency, PlayerId};

use crate::script::{eur, round};

const PLAYER: PlayerId = PlayerId(7);
const HOUR: u64 = DAY / 24;
/// A Monday that is no first of a month: 2026-01-05.
const MONDAY: u64 = 20_458 * DAY;

/// The domains, and the clock of what is asked of them.
#[derive(Default)]
struct House {
    domains: Domains,
    now: u64,
    holds: u128,
}

impl House {
    fn at(now: u64) -> Self {
        Self { now, ..Self::default() }
    }

    fn context<'a>(&'a self, shares: &'a [PlayerSettlement]) -> Context<'a> {
        let id = HoldId(self.holds);
        Context { now: self.now, id, principal: Principal::HUB, view: &self.domains, shares }
    }

    fn ask(&mut self, intent: impl Into<Intent>, shares: &[PlayerSettlement]) -> Result<HoldId, Rejection> {
        self.holds += 1;
        let (context, id) = (self.context(shares), HoldId(self.holds));
        let effects = intent.into().decide(&context).map_err(|(_, rejection)| rejection)?;
        effects.rows.into_iter().for_each(|row| self.domains.rows.put(row));
        for (domain, leg) in effects.legs {
            self.domains.ledger_mut(domain).apply(&leg.leg).unwrap();
        }
        Ok(id)
    }

    fn set(&mut self, kind: LimitKind, period: Period, to: impl Into<Option<i128>>) -> Result<(), Rejection> {
        let to = to.into();
        self.ask(SetPlayerLimit { player: PLAYER, id: id(kind, period), by: LimitSetter::Player, to }, &[])
            .map(drop)
    }

    fn operator_sets(
        &mut self,
        kind: LimitKind,
        period: Period,
        to: impl Into<Option<i128>>,
    ) -> Result<(), Rejection> {
        let (id, to) = (id(kind, period), to.into());
        self.ask(SetPlayerLimit { player: PLAYER, id, by: LimitSetter::Operator, to }, &[]).map(drop)
    }

    fn confirm(&mut self, kind: LimitKind, period: Period) -> Result<(), Rejection> {
        self.ask(ConfirmLimit { player: PLAYER, id: id(kind, period) }, &[]).map(drop)
    }

    fn deposit(&mut self, amount: i128) -> Result<(), Rejection> {
        self.ask(Deposit { player: PLAYER, currency: eur(), amount }, &[]).map(drop)
    }

    fn stake(&mut self, amount: i128) -> Result<HoldId, Rejection> {
        self.ask(HoldStake { player: PLAYER, round: round(1), currency: eur(), amount }, &[])
    }

    fn release(&mut self, holds: &[HoldId]) {
        let holds = holds.to_vec();
        let release = ReleaseStakes { player: PLAYER, round: round(1), currency: eur(), holds };
        self.ask(release, &[]).unwrap();
    }

    fn share(holds: &[HoldId], staked: i128, returned: i128) -> PlayerSettlement {
        PlayerSettlement { player: PLAYER, holds: holds.to_vec(), staked, returned }
    }

    fn settle(&mut self, holds: &[HoldId], staked: i128, returned: i128) {
        let settle = SettleRound { round: round(1), currency: eur(), outcome: 0 };
        self.ask(settle, &[Self::share(holds, staked, returned)]).unwrap();
    }

    /// The limit as it is now, with what is at stake.
    fn limit(&self, kind: LimitKind, period: Period) -> Option<PlayerLimit> {
        let rules = LimitRules::of(&self.domains.rows);
        let held = |currency| limits::held(self.domains.ledger(Domain::Balance), PLAYER, currency);
        let all = PlayerLimits::of(&self.domains.rows, PLAYER)?.at((&rules, self.now), held);
        all.into_iter().find(|(known, ..)| *known == id(kind, period)).map(|(_, limit, _)| limit)
    }

    fn used(&self, kind: LimitKind, period: Period) -> i128 {
        self.limit(kind, period).unwrap().used
    }
}

fn id(kind: LimitKind, period: Period) -> LimitId {
    LimitId::new(kind, period, kind.is_of_money().then(eur)).unwrap()
}

// clause: ukgc.rts.12b.deposit
#[test]
fn a_deposit_limit_counts_what_comes_in_and_begins_anew_with_its_period() {
    for (period, ends) in [(Period::Day, DAY), (Period::Week, 7 * DAY), (Period::Month, 27 * DAY)] {
        let mut house = House::at(MONDAY);
        house.set(LimitKind::Deposit, period, 100).unwrap();
        house.deposit(60).unwrap();
        assert_eq!(house.deposit(41), Err(Rejection::LimitReached));
        house.deposit(40).unwrap();
        // What is staked and lost, or won, is no deposit.
        let hold = house.stake(50).unwrap();
        house.settle(&[hold], 50, 0);
        house.now = MONDAY + ends - 1;
        assert_eq!(house.deposit(1), Err(Rejection::LimitReached), "{period:?}");
        house.now += 1;
        house.deposit(100).unwrap();
        assert_eq!(house.deposit(1), Err(Rejection::LimitReached), "{period:?}");
        let usd: Currency = "USD".parse().unwrap();
        house.ask(Deposit { player: PLAYER, currency: usd, amount: 900 }, &[]).unwrap();
    }
}

// clause: ukgc.rts.12.loss
// clause: ukgc.rts.12.stake
#[test]
fn a_loss_is_stakes_less_what_rounds_return_and_a_stake_limit_counts_stakes() {
    for (kind, after_win, room) in [(LimitKind::Loss, 20, 80), (LimitKind::Stake, 100, 0)] {
        let mut house = House::at(MONDAY);
        house.deposit(1_000).unwrap();
        house.set(kind, Period::Day, 100).unwrap();
        let holds = [house.stake(60).unwrap(), house.stake(40).unwrap()];
        assert_eq!(house.stake(1), Err(Rejection::LimitReached), "what is at stake counts");
        assert_eq!(house.used(kind, Period::Day), 100);
        house.settle(&holds, 100, 80);
        assert_eq!(house.used(kind, Period::Day), after_win);
        assert_eq!(house.stake(room + 1), Err(Rejection::LimitReached));
        if room > 0 {
            house.stake(room).unwrap();
        }
    }
}

#[test]
fn what_is_taken_back_or_void_leaves_nothing_and_a_round_over_midnight_counts_where_it_ends() {
    for kind in [LimitKind::Loss, LimitKind::Stake] {
        let mut house = House::at(MONDAY + 23 * HOUR);
        house.deposit(1_000).unwrap();
        house.set(kind, Period::Day, 100).unwrap();
        let holds = [house.stake(30).unwrap(), house.stake(30).unwrap()];
        house.release(&holds);
        assert_eq!(house.used(kind, Period::Day), 0);
        let (void, over) = (house.stake(70).unwrap(), house.stake(30).unwrap());
        house.now = MONDAY + DAY + HOUR;
        assert_eq!(house.used(kind, Period::Day), 100, "it is still at stake");
        assert_eq!(house.stake(1), Err(Rejection::LimitReached));
        let shares = [House::share(&[void], 70, 70)];
        house.ask(RoundVoid { round: round(1), currency: eur() }, &shares).unwrap();
        house.settle(&[over], 30, 0);
        assert_eq!(house.used(kind, Period::Day), 30);
        house.stake(70).unwrap();
    }
}

#[test]
fn a_limit_that_is_set_within_a_round_counts_what_is_staked_already() {
    let mut house = House::at(MONDAY);
    house.deposit(1_000).unwrap();
    let before = house.stake(100).unwrap();
    house.set(LimitKind::Loss, Period::Day, 100).unwrap();
    assert_eq!(house.stake(1), Err(Rejection::LimitReached));
    house.release(&[before]);
    let hold = house.stake(100).unwrap();
    // Set again while it is at stake, after there was no limit.
    house.set(LimitKind::Loss, Period::Day, None).unwrap();
    house.now += DAY;
    house.confirm(LimitKind::Loss, Period::Day).unwrap();
    house.set(LimitKind::Loss, Period::Day, 100).unwrap();
    assert_eq!(house.stake(1), Err(Rejection::LimitReached));
    house.settle(&[hold], 100, 0);
    assert_eq!(
        (house.used(LimitKind::Loss, Period::Day), house.stake(1)),
        (100, Err(Rejection::LimitReached))
    );
}

#[test]
fn what_a_service_held_when_a_limit_was_set_and_gives_back_is_at_stake_no_more() {
    let mut house = House::at(MONDAY);
    house.deposit(1_000).unwrap();
    let (player, currency, cause) = (PLAYER, eur(), PaymentCause::default());
    let hold = HoldFunds { player, currency, amount: 80, expires: None, cause: cause.clone() };
    let hold = house.ask(hold, &[]).unwrap();
    house.set(LimitKind::Stake, Period::Day, 100).unwrap();
    assert_eq!(house.stake(21), Err(Rejection::LimitReached));
    house.ask(ReleaseHold { hold, cause }, &[]).unwrap();
    let stake = house.stake(50).unwrap();
    assert_eq!(house.stake(51), Err(Rejection::LimitReached));
    house.settle(&[stake], 50, 0);
    // Nor is what the service holds later.
    let hold = HoldFunds { player, currency, amount: 80, expires: None, cause: PaymentCause::default() };
    house.ask(hold, &[]).unwrap();
    house.stake(50).unwrap();
    assert_eq!(house.stake(1), Err(Rejection::LimitReached));
}

#[test]
fn winnings_that_a_correction_takes_back_are_no_gain() {
    let mut house = House::at(MONDAY);
    house.deposit(1_000).unwrap();
    house.set(LimitKind::Loss, Period::Day, 100).unwrap();
    let hold = house.stake(10).unwrap();
    house.settle(&[hold], 10, 310);
    assert_eq!(house.limit(LimitKind::Loss, Period::Day).unwrap().used, -300);
    let mut deciding = Deciding::new(&house.context(&[]));
    deciding.ask(&Command::TakeBack(PLAYER, eur(), 300)).unwrap();
    deciding.finish().rows.into_iter().for_each(|row| house.domains.rows.put(row));
    assert_eq!(house.used(LimitKind::Loss, Period::Day), 0);
}

/// The rows of a round's players are counted within a bound, and the money of all of them moves.
#[test]
fn a_round_ends_however_much_there_is_to_count() {
    let mut house = House::at(MONDAY);
    for number in 0..OWN_LIMITS_MAX {
        let (kind, period) = (LimitKind::Stake, Period::Month);
        let currency =
            format!("A{}{}", (b'A' + (number / 26) as u8) as char, (b'A' + (number % 26) as u8) as char);
        let id = LimitId { kind, period, currency: currency.parse().ok() };
        let set = SetPlayerLimit { player: PLAYER, id, by: LimitSetter::Player, to: Some(SUM_MAX) };
        house.ask(set, &[]).unwrap();
    }
    house.set(LimitKind::Loss, Period::Day, SUM_MAX).unwrap_err();
    let id = LimitId { kind: LimitKind::Loss, period: Period::Day, currency: Some(eur()) };
    house
        .ask(SetPlayerLimit { player: PLAYER, id, by: LimitSetter::Operator, to: Some(SUM_MAX) }, &[])
        .unwrap();
    let limits = PlayerLimits::of(&house.domains.rows, PLAYER).unwrap();
    let bytes = limits.image(PLAYER).value.unwrap().len();
    let players = COUNTED_BYTES_MAX / bytes + 100;
    let mut shares = Vec::new();
    for number in 0..players as u128 {
        let (player, currency) = (PlayerId(1_000 + number), eur());
        house.ask(Deposit { player, currency, amount: 10 }, &[]).unwrap();
        let hold = house.ask(HoldStake { player, round: round(1), currency, amount: 10 }, &[]).unwrap();
        house.domains.rows.put(limits.image(player));
        shares.push(PlayerSettlement { player, holds: vec![hold], staked: 10, returned: 5 });
    }
    let settle = Intent::from(SettleRound { round: round(1), currency: eur(), outcome: 0 });
    let effects = settle.decide(&house.context(&shares)).unwrap();
    let counted: usize = effects.rows.iter().map(|row| row.value.as_ref().unwrap().len()).sum();
    assert!((COUNTED_BYTES_MAX * 4 / 5..COUNTED_BYTES_MAX).contains(&counted), "{counted}");
    assert!(effects.rows.len() < players && effects.notices.len() == players);
}

// clause: ukgc.rts.13.time
#[test]
fn playing_time_runs_from_bet_to_bet_and_stands_still_over_a_break() {
    let mut house = House::at(MONDAY + 23 * HOUR);
    house.deposit(1_000).unwrap();
    house.set(LimitKind::PlayTime, Period::Day, i128::from(HOUR)).unwrap();
    house.stake(1).unwrap();
    house.now += HOUR / 2;
    house.stake(1).unwrap();
    assert_eq!(house.used(LimitKind::PlayTime, Period::Day), i128::from(HOUR / 2));
    house.now += HOUR / 4;
    let hold = house.stake(1).unwrap();
    // Half an hour later it is the next day: of that a quarter counts there.
    house.now += HOUR / 2;
    house.settle(&[hold], 1, 0);
    assert_eq!(house.used(LimitKind::PlayTime, Period::Day), i128::from(HOUR / 4));
    house.now += HOUR / 2 + 1;
    house.stake(1).unwrap();
    assert_eq!(house.used(LimitKind::PlayTime, Period::Day), i128::from(HOUR / 4), "a break");
    house.now += HOUR / 2;
    house.stake(1).unwrap();
    house.now += HOUR / 4;
    assert_eq!(house.stake(1), Err(Rejection::LimitReached));
    house.now += HOUR / 4;
    assert_eq!(house.stake(1), Err(Rejection::LimitReached));
    // What was held is settled all the same.
    assert_eq!(house.deposit(1), Ok(()));
    house.now = MONDAY + 2 * DAY;
    house.stake(1).unwrap();
}

#[test]
fn a_player_plays_until_the_round_has_ended_however_long_it_takes() {
    let mut house = House::at(MONDAY);
    house.deposit(1_000).unwrap();
    let early = house.stake(1).unwrap();
    house.set(LimitKind::PlayTime, Period::Day, i128::from(2 * HOUR)).unwrap();
    house.now += 5 * HOUR;
    house.settle(&[early], 1, 0);
    assert_eq!(house.used(LimitKind::PlayTime, Period::Day), 0, "nothing was seen before the limit");
    let hold = house.stake(1).unwrap();
    house.now += HOUR;
    house.settle(&[hold], 1, 0);
    assert_eq!(house.used(LimitKind::PlayTime, Period::Day), i128::from(HOUR));
}

// clause: gli19.a.3.7.tightening
// clause: gli19.a.3.7.loosening
#[test]
fn a_stricter_limit_holds_at_once_and_a_looser_one_after_a_day_when_it_is_confirmed_in_time() {
    let (kind, period) = (LimitKind::Deposit, Period::Month);
    let mut house = House::at(MONDAY);
    assert_eq!(house.set(kind, period, None), Err(Rejection::NoLimit));
    assert_eq!(house.confirm(kind, period), Err(Rejection::NoLimit));
    house.set(kind, period, 100).unwrap();
    house.deposit(80).unwrap();
    assert_eq!(house.confirm(kind, period), Err(Rejection::NoLimit), "nothing is loosened");
    // Below what is used: it holds, and nothing more comes in.
    house.set(kind, period, 50).unwrap();
    assert_eq!((house.used(kind, period), house.deposit(1)), (80, Err(Rejection::LimitReached)));

    house.set(kind, period, 200).unwrap();
    assert_eq!(house.set(kind, period, 300), Err(Rejection::LooseningWaits));
    assert_eq!(house.set(kind, period, None), Err(Rejection::LooseningWaits));
    assert_eq!(house.deposit(1), Err(Rejection::LimitReached));
    house.now += DAY - 1;
    assert_eq!(house.confirm(kind, period), Err(Rejection::LooseningEarly));
    house.now += 1;
    assert_eq!(house.deposit(1), Err(Rejection::LimitReached), "nobody has confirmed");
    house.confirm(kind, period).unwrap();
    house.deposit(120).unwrap();
    assert_eq!(house.confirm(kind, period), Err(Rejection::NoLimit), "confirmed twice");

    // Too late, and then asked for again.
    house.set(kind, period, None).unwrap();
    house.now += DAY + 7 * DAY;
    assert_eq!(house.confirm(kind, period), Err(Rejection::LooseningLate));
    house.set(kind, period, None).unwrap();
    house.now += DAY;
    house.confirm(kind, period).unwrap();
    assert_eq!(PlayerLimits::of(&house.domains.rows, PLAYER), None, "no row is left");
}

#[test]
fn whoever_asks_for_a_stricter_or_the_same_limit_gives_up_the_looser_one_that_waits() {
    let (kind, period) = (LimitKind::Stake, Period::Week);
    for again in [100, 99] {
        let mut house = House::at(MONDAY);
        house.set(kind, period, 100).unwrap();
        house.set(kind, period, 500).unwrap();
        house.set(kind, period, again).unwrap();
        house.now += DAY;
        assert_eq!(house.confirm(kind, period), Err(Rejection::NoLimit));
        assert_eq!(house.limit(kind, period).unwrap().in_force(), Some(again));
    }
}

// clause: gli19.a.3.7.stricter
#[test]
fn the_stricter_of_the_players_and_the_operators_limit_holds() {
    let (kind, period) = (LimitKind::Deposit, Period::Day);
    let mut house = House::at(MONDAY);
    assert_eq!(house.operator_sets(kind, period, None), Err(Rejection::NoLimit));
    house.operator_sets(kind, period, 50).unwrap();
    assert_eq!(house.set(kind, period, None), Err(Rejection::NoLimit), "it is not the player's");
    house.set(kind, period, 80).unwrap();
    assert_eq!(house.deposit(51), Err(Rejection::LimitReached));
    house.operator_sets(kind, period, 90).unwrap();
    assert_eq!((house.deposit(81), house.deposit(80)), (Err(Rejection::LimitReached), Ok(())));
    house.operator_sets(kind, period, None).unwrap();
    assert_eq!(house.limit(kind, period).unwrap().in_force(), Some(80));
    assert_eq!(house.set(kind, period, -1), Err(Rejection::AmountNotPositive));
    assert_eq!(house.set(kind, period, SUM_MAX + 1), Err(Rejection::TooLarge));
    house.set(kind, period, 0).unwrap();
    assert_eq!(house.deposit(1), Err(Rejection::LimitReached), "0 allows nothing");
}

#[test]
fn a_player_has_a_bounded_number_of_limits_whose_row_fits() {
    let mut house = House::at(MONDAY);
    let most = SUM_MAX - 1;
    let ids = ('A'..='Z').flat_map(|first| {
        let currency = format!("{first}AA").parse().unwrap();
        let kinds = [LimitKind::Deposit, LimitKind::Loss, LimitKind::Stake];
        let ids = Period::ALL.into_iter().flat_map(move |period| kinds.map(|kind| (kind, period)));
        ids.map(move |(kind, period)| LimitId { kind, period, currency: Some(currency) })
    });
    let ids: Vec<_> = ids.take(LIMITS_MAX + 1).collect();
    let limit = |id, by, to| SetPlayerLimit { player: PLAYER, id, by, to: Some(to) };
    let (player, operator) = (LimitSetter::Player, LimitSetter::Operator);
    let within = |place: usize, most| if place < most { Ok(()) } else { Err(Rejection::LimitsFull) };
    // Those of the operator take none of the player's.
    for (place, id) in ids.iter().enumerate() {
        assert_eq!(
            house.ask(limit(*id, operator, most), &[]).map(drop),
            within(place, LIMITS_MAX),
            "{place}"
        );
    }
    for (place, id) in ids.iter().take(LIMITS_MAX).rev().enumerate() {
        let own = house.ask(limit(*id, player, most), &[]).map(drop);
        assert_eq!(own, within(place, OWN_LIMITS_MAX), "{place}");
        if own.is_ok() {
            house.ask(limit(*id, player, most + 1), &[]).unwrap();
        }
    }
    let row = PlayerLimits::of(&house.domains.rows, PLAYER).unwrap().image(PLAYER);
    assert!(row.value.unwrap().len() <= domains::rows::VALUE_BYTES_MAX);
}

#[test]
fn a_day_of_the_operators_zone_has_23_or_25_hours_when_the_clock_changes() {
    let changes = [(0, 0), (1_774_746_000_000, 3_600), (1_792_890_000_000, 0)];
    let zone = Zone::new(changes.map(|(from, offset)| OffsetChange { from, offset }).into()).unwrap();
    let rules = LimitRules { zone, ..LimitRules::standard() };
    // 29 March and 25 October 2026, midnight in London.
    for (begins, hours) in [(1_774_742_400_000, 23), (1_792_882_800_000, 25)] {
        let mut house = House::at(begins);
        house.ask(SetLimitRules(rules.clone()), &[]).unwrap();
        house.set(LimitKind::Deposit, Period::Day, 10).unwrap();
        house.deposit(10).unwrap();
        house.now = begins + hours * HOUR - 1;
        assert_eq!(house.deposit(1), Err(Rejection::LimitReached));
        let at = PlayerLimits::of(&house.domains.rows, PLAYER).unwrap().at((&rules, house.now), |_| 0);
        assert_eq!(at[0].2, begins + hours * HOUR, "when it frees");
        house.now += 1;
        house.deposit(10).unwrap();
    }
}

#[test]
fn a_clock_that_is_set_back_begins_no_period_anew() {
    let mut house = House::at(MONDAY);
    house.set(LimitKind::Deposit, Period::Day, 10).unwrap();
    house.deposit(10).unwrap();
    house.now -= HOUR;
    assert_eq!(house.deposit(1), Err(Rejection::LimitReached));
}
