//! Amounts as text: which texts are valid, and which do not fit their currency.

use proptest::prelude::*;
use protocol::{
    Amount, Currency,
    amount::{AmountError, MINOR_MAX, SCALE_MAX},
};

/// Parses `text` and turns it into minor units of a currency with `scale` decimals.
fn minor(text: &str, scale: u32) -> Result<i128, AmountError> {
    text.parse::<Amount>()?.to_minor(scale)
}

#[test]
fn a_text_is_an_amount_only_in_its_plain_spelling() {
    use AmountError::{Malformed, TooLarge, TooPrecise};
    let table: &[(&str, u32, Result<i128, AmountError>)] = &[
        ("0", 2, Ok(0)),
        ("0.00", 2, Ok(0)),
        ("12.50", 2, Ok(1250)),
        ("12.5", 2, Ok(1250)),
        ("007", 2, Ok(700)),
        ("1.000", 2, Ok(100)),
        ("5", 0, Ok(5)),
        ("5.0", 0, Ok(5)),
        ("0.00000001", 8, Ok(1)),
        ("10000000000000.00", 2, Ok(MINOR_MAX)),
        ("1000000000000000", 0, Ok(MINOR_MAX)),
        ("", 2, Err(Malformed)),
        (" ", 2, Err(Malformed)),
        (" 1", 2, Err(Malformed)),
        ("1 ", 2, Err(Malformed)),
        ("1e3", 2, Err(Malformed)),
        ("1E3", 2, Err(Malformed)),
        ("1_0", 2, Err(Malformed)),
        ("1,0", 2, Err(Malformed)),
        ("1'000", 2, Err(Malformed)),
        ("+1", 2, Err(Malformed)),
        ("-1", 2, Err(Malformed)),
        ("-0", 2, Err(Malformed)),
        (".5", 2, Err(Malformed)),
        ("1.", 2, Err(Malformed)),
        (".", 2, Err(Malformed)),
        ("1.2.3", 2, Err(Malformed)),
        ("0x10", 2, Err(Malformed)),
        ("NaN", 2, Err(Malformed)),
        ("inf", 2, Err(Malformed)),
        ("١", 2, Err(Malformed)),
        ("１", 2, Err(Malformed)),
        ("1\0", 2, Err(Malformed)),
        ("1000000000000000000000000000001", 2, Err(Malformed)),
        ("1.005", 2, Err(TooPrecise)),
        ("0.5", 0, Err(TooPrecise)),
        ("0.000000001", 8, Err(TooPrecise)),
        ("1.000000000000000000001", 2, Err(TooPrecise)),
        ("10000000000000.01", 2, Err(TooLarge)),
        ("1000000000000001", 0, Err(TooLarge)),
        ("79228162514264337593543950335", 8, Err(TooLarge)),
        ("999999999999999999999999999999", 2, Err(TooLarge)),
        ("9999999999999999999.99999999", 2, Err(TooPrecise)),
    ];
    for (text, scale, expected) in table {
        assert_eq!(minor(text, *scale), *expected, "{text:?} at scale {scale}");
    }
}

#[test]
fn minor_units_beyond_the_bounds_are_no_amount() {
    assert_eq!(Amount::from_minor(-1, 2), Err(AmountError::Malformed));
    assert_eq!(Amount::from_minor(1, SCALE_MAX + 1), Err(AmountError::Malformed));
    assert_eq!(Amount::from_minor(i128::MAX, 2), Err(AmountError::TooLarge));
    assert_eq!(Amount::from_minor(1250, 2).unwrap().to_string(), "12.50");
    assert_eq!(Amount::from_minor(0, 2).unwrap().to_string(), "0.00");
}

#[test]
fn a_currency_is_three_to_eight_upper_case_letters_or_digits() {
    for legal in ["EUR", "USDT", "X00", "ABCDEFGH"] {
        assert_eq!(legal.parse::<Currency>().unwrap().as_str(), legal);
    }
    for illegal in ["", "EU", "eur", "EUr", "1AB", "ABCDEFGHI", "EU R", "EU\0", "ÉUR"] {
        assert!(illegal.parse::<Currency>().is_err(), "{illegal:?}");
    }
}

proptest! {
    #[test]
    fn minor_units_survive_the_text(units in 0..=MINOR_MAX, scale in 0..=SCALE_MAX) {
        let amount = Amount::from_minor(units, scale).unwrap();
        let text = amount.to_string();
        let read: Amount = text.parse().unwrap();
        prop_assert_eq!(read, amount);
        prop_assert_eq!(read.to_string(), text);
        prop_assert_eq!(read.to_minor(scale), Ok(units));
    }

    #[test]
    fn a_finer_scale_never_rounds(units in 0..=MINOR_MAX, scale in 1..=SCALE_MAX) {
        let coarse = Amount::from_minor(units, scale).unwrap().to_minor(scale - 1);
        if units % 10 == 0 {
            prop_assert_eq!(coarse, Ok(units / 10));
        } else {
            prop_assert_eq!(coarse, Err(AmountError::TooPrecise));
        }
    }

    #[test]
    fn any_text_is_an_amount_or_refused(text in "\\PC*|[0-9.eE+_-]{0,40}") {
        if let Ok(amount) = text.parse::<Amount>() {
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
            prop_assert_eq!(amount.to_string().parse(), Ok(amount));
        }
    }
}
