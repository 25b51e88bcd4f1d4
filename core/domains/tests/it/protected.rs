//! What the recipes do for players who are frozen, excluded, or have played for long.

use crate::script::check;

#[test]
fn a_frozen_player_is_paid_and_not_debited_and_open_holds_end() {
    check(
        "
        deposit P1 100      => balance.P1 +100  balance.collections -100  collections.balance +100  collections.source -100
        stake H1 P1 10      => balance.P1 held +10
        freeze P1           =>
        stake H2 P1 1       => AccountFrozen
        debit P1 1          => AccountFrozen
        credit P1 5         => balance.P1 +5  balance.adjustment -5  adjustment.balance +5  adjustment.corrections -5
        stake H2 P2 1       => AccountNotFound          # another player's freeze
        release P1 H1       => balance.P1 held -10
        unfreeze P1         =>
        unfreeze P1         => NotFrozen
        stake H3 P1 1       => balance.P1 held +1
        freeze P1 13        =>                          # until line 13, in the clock of these lines
        debit P1 1          => balance.P1 -1  balance.adjustment +1  adjustment.balance -1  adjustment.corrections +1
        unfreeze P1         => NotFrozen
        ",
    );
}

// clause: gli19.a.3.8.enforced
// clause: gli19.a.3.8.payout
/// The clock of these lines is their number.
#[test]
fn an_excluded_player_stakes_and_deposits_nothing_until_the_end_and_is_paid() {
    check(
        "
        deposit P1 100      => balance.P1 +100  balance.collections -100  collections.balance +100  collections.source -100
        stake H1 P1 10      => balance.P1 held +10
        time-out P1 5       =>                          # until line 8
        stake H2 P1 1       => Excluded
        deposit P1 1        => Excluded
        collect M P1 1      => Excluded
        settle 3 P1 H1 10 5 => balance.P1 -5 held -10  balance.collections +10  balance.distributions -5  collections.balance -10  collections.stakes +10  distributions.balance +5  distributions.winnings -5
        deposit P1 1        => balance.P1 +1  balance.collections -1  collections.balance +1  collections.source -1
        time-out P1 9       =>
        credit P1 1         => balance.P1 +1  balance.adjustment -1  adjustment.balance +1  adjustment.corrections -1
        debit P1 1          => balance.P1 -1  balance.adjustment +1  adjustment.balance -1  adjustment.corrections +1
        winnings G P1 2     => balance.P1 +2  balance.distributions -2  collections.distributions +2  collections.results -2  distributions.balance +2  distributions.collections -2
        hold H3 P1 5        => balance.P1 held +5
        capture H3          => balance.P1 -5 held -5  balance.adjustment +5  adjustment.balance -5  adjustment.corrections +5
        deposit P2 1        => balance.P2 +1  balance.collections -1  collections.balance +1  collections.source -1
        ",
    );
}

#[test]
fn an_exclusion_is_made_longer_and_stricter_and_never_shorter() {
    check(
        "
        protection 20 30 4  =>
        time-out P1 0       => DurationUnfit
        time-out P1 21      => DurationUnfit
        time-out P1 ever    => DurationUnfit
        exclude P1 29       => DurationUnfit
        time-out P1 20      =>                          # until line 26
        time-out P1 18      => ExclusionStands
        time-out P1 18      => ExclusionStands          # about as long
        reinstate P1        => ExclusionStands
        exclude P1 30       =>                          # until line 40
        time-out P1 20      => ExclusionStands
        exclude P2          =>
        exclude P2 999      => ExclusionStands
        reinstate P2        => ExclusionStands
        reinstate P3        => NotExcluded
        ",
    );
}

// clause: ukgc.sr.3.5.3.return
#[test]
fn a_player_comes_back_from_a_self_exclusion_after_its_end_and_a_time_to_cool_off() {
    check(
        "
        protection 20 3 4   =>
        exclude P1 3        =>                          # until line 5
        reinstate P1        => ExclusionStands
        deposit P1 1        => Excluded
        deposit P1 1        => Excluded                 # its end has passed, and nobody has asked
        time-out P1 1       => ExclusionStands
        reinstate P1        =>                          # until line 11
        time-out P1 1       => ExclusionStands
        reinstate P1        => ExclusionStands
        deposit P1 1        => Excluded
        deposit P1 1        => balance.P1 +1  balance.collections -1  collections.balance +1  collections.source -1
        reinstate P1        => NotExcluded
        ",
    );
}

/// Money in the hands of players 1 and 2, at line 1 and 2.
const PLAYERS: &str = "
        credit P1 90       => balance.P1 +90  balance.adjustment -90  adjustment.balance +90  adjustment.corrections -90
        credit P2 90       => balance.P2 +90  balance.adjustment -90  adjustment.balance +90  adjustment.corrections -90";

fn check_play(script: &str) {
    check(&format!("{PLAYERS}{script}"));
}

// clause: ukgc.rts.2e
// clause: ukgc.rts.13c
#[test]
fn a_play_session_counts_what_rounds_return_until_a_pause_and_the_next_stake_begins_another() {
    check_play(
        "
        stake H1 P1 1      => balance.P1 held +1                             # none are kept
        session-rules 10 0 0 =>
        at 10
        stake H2 P1 2      => balance.P1 held +2  play.P1 10..10 checked 10 -0+0
        release P1 H2      => balance.P1 held -2                             # it was not played
        stake H3 P1 3      => balance.P1 held +3  play.P1 10..12 checked 10 -0+0
        settle 3 P1 H1 H3 4 9 => balance.P1 +5 held -4  balance.collections +4  balance.distributions -9  collections.balance -4  collections.stakes +4  distributions.balance +9  distributions.winnings -9  play.P1 10..12 checked 10 -4+9
        at 21
        stake H4 P1 5      => balance.P1 held +5  play.P1 10..21 checked 10 -4+9
        at 31
        stake H5 P1 6      => balance.P1 held +6  play.P1 31..31 checked 31 -0+0
        void P1 H5 6 6     => balance.P1 held -6
        settle 3 P1 H4 5 0 + P2 0 1 => balance.P1 -5 held -5  balance.P2 +1  balance.collections +5  balance.distributions -1  collections.balance -5  collections.stakes +5  distributions.balance +1  distributions.winnings -1  play.P1 31..31 checked 31 -5+0
        session-rules 0 0 0 =>
        stake H6 P1 1      => balance.P1 held +1
        settle 3 P1 H6 1 2 => balance.P1 +1 held -1  balance.collections +1  balance.distributions -2  collections.balance -1  collections.stakes +1  distributions.balance +2  distributions.winnings -2
        ",
    );
}

// clause: ukgc.rts.13b
#[test]
fn after_a_time_of_play_no_stake_is_taken_until_the_player_acknowledges_it() {
    check_play(
        "
        acknowledge P1     => NoCheckDue
        session-rules 100 10 0 =>
        acknowledge P1     => NoCheckDue
        at 10
        stake H1 P1 1      => balance.P1 held +1  play.P1 10..10 checked 10 -0+0
        at 18
        acknowledge P1     => NoCheckDue
        stake H2 P1 1      => balance.P1 held +1  play.P1 10..19 checked 10 -0+0
        stake H3 P1 1      => RealityCheckDue
        stake H3 P1 1000   => RealityCheckDue                                # before the funds are looked at
        stake H3 P2 1      => balance.P2 held +1  play.P2 22..22 checked 22 -0+0
        release P1 H1      => balance.P1 held -1
        acknowledge P2     => NoCheckDue
        acknowledge P1     => play.P1 10..19 checked 25 -0+0
        acknowledge P1     => NoCheckDue
        at 34
        stake H4 P1 1      => balance.P1 held +1  play.P1 10..34 checked 25 -0+0
        stake H5 P1 1      => RealityCheckDue
        at 133
        acknowledge P1     => play.P1 10..34 checked 133 -0+0
        acknowledge P1     => NoCheckDue                                     # a pause has ended it
        stake H7 P1 1      => balance.P1 held +1  play.P1 135..135 checked 135 -0+0
        session-rules 100 0 0 =>
        at 200
        stake H8 P1 1      => balance.P1 held +1  play.P1 135..200 checked 135 -0+0
        session-rules 100 10 0 =>
        stake H9 P1 1      => RealityCheckDue                                # also where play goes on already
        ",
    );
}

// clause: ukgc.rts.14g
#[test]
fn a_player_begins_with_the_next_round_no_sooner_than_a_while_after_the_one_before() {
    check_play(
        "
        session-rules 100 0 5 =>
        stake H1 P1 1 1    => balance.P1 held +1  play.P1 4..4 checked 4 -0+0
        stake H2 P1 1 1    => balance.P1 held +1  play.P1 4..5 checked 4 -0+0     # the same round
        stake H3 P1 1 2    => StartTooSoon
        stake H3 P2 1 2    => balance.P2 held +1  play.P2 7..7 checked 7 -0+0
        stake H4 P1 1 2    => StartTooSoon                                   # 4 after it
        stake H4 P1 1 2    => balance.P1 held +1  play.P1 4..9 checked 4 -0+0     # a refusal is no beginning
        stake H5 P1 1 1    => balance.P1 held +1  play.P1 4..10 checked 4 -0+0    # a round that was begun before
        release P1 H1      => balance.P1 held -1
        stake H6 P1 1 3    => StartTooSoon
        settle 3 P1 H2 H5 2 0 => balance.P1 -2 held -2  balance.collections +2  collections.balance -2  collections.stakes +2  play.P1 4..10 checked 4 -2+0
        stake H6 P1 1 1    => balance.P1 held +1  play.P1 4..14 checked 4 -2+0   # round 1 again, 5 after the last beginning
        ",
    );
}
