//! Error and close codes: their ranges say what to do next.

use std::collections::BTreeSet;

use protocol::{CloseCode, ErrorCode, Retry};

#[test]
fn the_range_of_an_error_code_says_what_to_do() {
    for code in ErrorCode::ALL {
        let expected = match code.number() {
            2003 => Retry::Never,
            1000..2000 | 3000..4000 => Retry::Never,
            2000..3000 => Retry::Authenticate,
            4000..5000 => Retry::SameKey,
            5000..6000 => Retry::AskOutcome,
            outside => panic!("{outside} is in no range"),
        };
        assert_eq!(code.retry(), expected, "{code:?}");
    }
}

#[test]
fn error_codes_are_in_order_and_have_one_name_each() {
    assert!(ErrorCode::ALL.is_sorted());
    let names: BTreeSet<_> = ErrorCode::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(names.len(), ErrorCode::ALL.len());
    for code in ErrorCode::ALL {
        assert_eq!(ErrorCode::from_number(code.number()), Some(*code));
        assert!(!code.text().is_empty() && !code.text().ends_with('.'), "{code:?}");
    }
    assert_eq!(ErrorCode::from_number(999), None);
}

#[test]
fn the_range_of_a_close_code_says_whether_to_reconnect() {
    for code in CloseCode::ALL {
        assert_eq!(CloseCode::reconnect(code.number()), (4000..4100).contains(&code.number()), "{code:?}");
    }
    // A later hub's codes are known by their range.
    assert!(CloseCode::reconnect(4099) && !CloseCode::reconnect(4199));
    for lost in [1001, 1006, 1011, 1012, 1013] {
        assert!(CloseCode::reconnect(lost), "{lost}");
    }
}
