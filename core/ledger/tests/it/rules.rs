//! Every rule of the ledger, one row each.

use crate::script::check;

#[test]
fn money_moves_as_told_and_held_money_is_not_available() {
    check(
        "
        account P1 100
        account P2 0
        post P1 > P2 30                 => P1 70 P2 30
        hold H1 P1 > CC 60              => P1 10 held 60 CC 0
        hold H2 P1 > CC 10              => P1 0 held 70
        settle H1                       => P1 0 held 10 CC 60
        void H2                         => P1 10 held 0 CC 60
        post CC > P2 60                 => CC 0 P2 90
        post SRC > CC 5                 => SRC -105 CC 5        # the house's accounts may go below zero
        ",
    );
}

#[test]
fn each_rejection_comes_for_its_reason() {
    check(
        "
        account P1 100
        account P3 0
        post P1 > CC 0                  => AmountNotPositive
        post P1 > CC -1                 => AmountNotPositive
        hold H1 P1 > CC -I128           => AmountNotPositive
        post P1 > P1 5                  => SameAccount
        post P1 > CC.USD 5              => CurrencyDiffers
        hold H1 P1 > CC 10              => P1 90 held 10
        hold H1 P1 > CC 10              => HoldExists
        settle H9                       => HoldNotOpen
        void H9                         => HoldNotOpen
        open P1                         => AccountExists
        post P9 > CC 5                  => AccountNotFound
        post CC > P9 5                  => AccountNotFound
        hold H2 P9 > CC 5               => AccountNotFound
        hold H2 CC > P9 5               => AccountNotFound
        post P1 > CC 91                 => InsufficientFunds
        hold H2 P1 > CC 91              => InsufficientFunds
        post P3 > CC 1                  => InsufficientFunds
        post SRC > CC MAX               => TooLarge             # the source has given already
        post SRC > CC MAX+1             => TooLarge
        post SRC > CC I128              => TooLarge
        ",
    );
}

#[test]
fn of_two_reasons_the_first_in_order_is_given() {
    check(
        "
        account P1 10
        account P2 10
        hold H1 P2 > CC 5               => P2 5 held 5
        post P1 > P1 0                  => AmountNotPositive    # before SameAccount
        post P9 > P9 5                  => SameAccount          # before AccountNotFound
        hold H1 P9 > CC.USD 5           => CurrencyDiffers      # before HoldExists
        hold H1 P9 > CC 5               => HoldExists           # before AccountNotFound
        post P2 > P9 99                 => AccountNotFound      # before InsufficientFunds
        post P2 > CC I128               => InsufficientFunds    # before TooLarge
        ",
    );
}

#[test]
fn a_hold_ends_once() {
    check(
        "
        account P1 10
        hold H1 P1 > CC 5
        hold H2 P1 > CC 5
        settle H1                       => P1 0 held 5 CC 5
        settle H1                       => HoldNotOpen
        void H1                         => HoldNotOpen
        void H2                         => P1 5 held 0
        void H2                         => HoldNotOpen
        settle H2                       => HoldNotOpen
        ",
    );
}

#[test]
fn within_a_leg_later_moves_see_the_earlier_ones() {
    check(
        "
        begin
        open P1
        post SRC > P1 10
        hold H1 P1 > CC 10
        settle H1
        commit                          => P1 0 held 0 CC 10
        begin
        post CC > P1 10
        hold H2 P1 > CC 4
        hold H2 P1 > CC 4
        commit                          => HoldExists
        begin
        open P2
        open P2
        commit                          => AccountExists
        begin
        post CC > P1 10
        hold H3 P1 > CC 10
        void H3
        void H3
        commit                          => HoldNotOpen
        post P1 > CC 1                  => InsufficientFunds    # nothing of the refused legs was done
        post SRC > P2 1                 => AccountNotFound
        ",
    );
}

#[test]
fn a_hold_draws_on_several_accounts_all_or_none() {
    check(
        "
        account P1 20
        account B1 7
        hold H1 P1 > CC 20 B1 5         => P1 0 held 20 B1 2 held 5
        hold H2 B1 > CC 2 P1 1          => InsufficientFunds    # and nothing of it is held
        hold H2 B1 > CC 1 B1 1          => SourcesUnfit
        hold H2 B1 > CC 1 P1 0          => AmountNotPositive
        hold H2 B1 > CC 1 P9 1          => AccountNotFound
        void H1                         => P1 20 held 0 B1 7 held 0
        hold H3 B1 > CC 7 P1 3          => B1 0 held 7 P1 17 held 3
        settle H3                       => B1 0 held 0 P1 17 held 0 CC 10
        void H3                         => HoldNotOpen
        ",
    );
}

#[test]
fn a_hold_that_was_made_can_always_be_posted() {
    check(
        "
        account P1 0
        account P2 0
        post SRC > P1 10
        hold H1 SRC.USD > CC.USD MAX    => SRC.USD -1267650600228229401496703205376 held 1267650600228229401496703205376
        hold H2 SRC.USD > CC.USD 1      => TooLarge
        post SRC.USD > CC.USD 1         => TooLarge
        settle H1                       => SRC.USD -1267650600228229401496703205376 held 0
        ",
    );
}

#[test]
fn balances_of_two_currencies_are_separate() {
    check(
        "
        account P1 10
        account P1.USD 3
        post P1.USD > CC.USD 3          => P1 10 P1.USD 0 CC 0 CC.USD 3
        post P1.USD > CC.USD 1          => InsufficientFunds
        ",
    );
}
