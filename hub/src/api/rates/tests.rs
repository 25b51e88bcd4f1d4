#![expect(clippy::unwrap_used, reason = "a test may panic")]
use actix_web::{http::header, test::TestRequest};
use engine::PrincipalKind;
use governor::clock::FakeRelativeClock;
use serde_json::{Value, json};

use super::*;
use crate::auth::Capabilities;

fn caller(name: &str) -> Caller {
    let (kind, issuer) = (PrincipalKind::Service, "the-issuer".into());
    Caller { kind, issuer, name: name.into(), may: Capabilities::default(), unconfigured: Box::default() }
}

fn get() -> HttpRequest {
    TestRequest::get().to_http_request()
}

fn on(rate: RouteRate) -> HttpRequest {
    TestRequest::get().app_data(rate).to_http_request()
}

/// Ten dashboards at once and sixty a minute, twenty reads at once and ten a second.
fn limits() -> (CallerRates<FakeRelativeClock>, FakeRelativeClock) {
    let rate = Rate {
        dashboards_per_minute_per_caller: 60,
        dashboards_burst_per_caller: 10,
        reads_per_second_per_caller: 10,
        reads_burst_per_caller: 20,
        ..Rate::default()
    };
    let clock = FakeRelativeClock::default();
    (CallerRates::by_clock(&rate, clock.clone()), clock)
}

/// Charges for a request: what is left, and the time to wait when it is refused.
fn charge(
    rates: &CallerRates<FakeRelativeClock>,
    who: &str,
    request: &HttpRequest,
) -> (u32, u64, Option<u64>) {
    let charged = rates.charge(&caller(who), request);
    let Allowance { remaining, whole_in_ms, .. } = Allowance::of(request).unwrap();
    let wait = charged.err().map(|error| {
        let told: Value = serde_json::from_str(&error.body()).unwrap();
        assert_eq!(
            (&told["code"], &told["status"], &told["final"]),
            (&json!("rate_limited"), &json!(429), &json!(false))
        );
        told["retry_after_ms"].as_u64().unwrap()
    });
    (remaining, whole_in_ms, wait)
}

#[test]
fn a_caller_uses_up_what_is_saved_and_then_waits_for_what_comes_back() {
    let (rates, clock) = limits();
    for left in (0..10).rev() {
        assert_eq!(
            charge(&rates, "a", &on(RouteRate::DASHBOARD)),
            (left, u64::from(10 - left) * 1_000, None)
        );
    }
    assert_eq!(charge(&rates, "a", &on(RouteRate::DASHBOARD)), (0, 10_000, Some(1_000)));
    clock.advance(Duration::from_millis(999));
    assert_eq!(
        charge(&rates, "a", &on(RouteRate::DASHBOARD)),
        (0, 9_001, Some(1)),
        "a refusal costs nothing"
    );
    assert_eq!(
        charge(&rates, "b", &on(RouteRate::DASHBOARD)),
        (9, 1_000, None),
        "another caller has their own"
    );
    assert_eq!(charge(&rates, "a", &get()).2, None, "and reads are another limit");
    clock.advance(Duration::from_millis(1));
    assert_eq!(charge(&rates, "a", &on(RouteRate::DASHBOARD)), (0, 10_000, None));
    clock.advance(Duration::from_secs(3_600));
    assert_eq!(charge(&rates, "a", &on(RouteRate::DASHBOARD)).0, 9, "no more is saved up than the burst");
    assert_eq!(rates.refused(), [("changes", 0), ("reads", 0), ("dashboards", 2), ("publications", 0)]);
}

#[test]
fn a_page_of_a_list_counts_as_ten_reads() {
    let (rates, clock) = limits();
    assert_eq!(charge(&rates, "a", &on(RouteRate::LIST)), (10, 1_000, None));
    assert_eq!(charge(&rates, "a", &get()), (9, 1_100, None));
    let refused = (9, 1_100, Some(100));
    assert_eq!(charge(&rates, "a", &on(RouteRate::LIST)), refused, "9 are left, and one read has room");
    assert_eq!(charge(&rates, "a", &get()), (8, 1_200, None));
    clock.advance(Duration::from_millis(200));
    assert_eq!(charge(&rates, "a", &on(RouteRate::LIST)), (0, 2_000, None));
}

#[test]
fn publications_have_a_limit_of_their_own() {
    let rate =
        Rate { publications_burst_per_caller: 2, publications_per_second_per_caller: 1, ..Rate::default() };
    let clock = FakeRelativeClock::default();
    let rates = CallerRates::by_clock(&rate, clock.clone());
    let publish = || TestRequest::post().app_data(RouteRate::PUBLICATION).to_http_request();
    assert_eq!(charge(&rates, "a", &publish()), (1, 1_000, None));
    assert_eq!(charge(&rates, "a", &publish()), (0, 2_000, None));
    assert_eq!(charge(&rates, "a", &publish()), (0, 2_000, Some(1_000)));
    assert_eq!(charge(&rates, "b", &publish()).2, None, "another caller has their own");
    assert_eq!(charge(&rates, "a", &TestRequest::post().to_http_request()).2, None, "it is no change");
    clock.advance(Duration::from_secs(1));
    assert_eq!(charge(&rates, "a", &publish()).2, None);
    assert_eq!(rates.refused()[3], ("publications", 1));
}

#[test]
fn any_method_but_get_and_head_is_a_change() {
    let rate = Rate { changes_burst_per_caller: 1, changes_per_second_per_caller: 1, ..Rate::default() };
    let rates = CallerRates::by_clock(&rate, FakeRelativeClock::default());
    let change = |method| {
        let request = TestRequest::default().method(method).to_http_request();
        rates.charge(&caller("a"), &request)
    };
    assert!(change(Method::POST).is_ok() && change(Method::GET).is_ok() && change(Method::HEAD).is_ok());
    let refused = change(Method::DELETE).unwrap_err();
    let told = refused.to_string();
    assert_eq!(
        told,
        "the limit of the service \"a\" for changes is 1 at once and 1 a second (rate.changes_burst_per_caller, \
         rate.changes_per_second_per_caller)"
    );
    let headers: HashMap<_, _> = refused.headers().collect();
    assert_eq!(headers[&header::RETRY_AFTER], "1");
}

#[test]
fn the_default_limits_take_twenty_thousand_changes_a_second_and_a_hundred_dashboards_a_minute() {
    let clock = FakeRelativeClock::default();
    let rates = CallerRates::by_clock(&Rate::default(), clock.clone());
    let post = || TestRequest::post().to_http_request();
    // At an even rate nothing is ever refused.
    for _ in 0..40_000 {
        assert_eq!(charge(&rates, "a", &post()), (19_999, 1, None));
        clock.advance(Duration::from_micros(50));
    }
    for _ in 0..100 {
        assert_eq!(charge(&rates, "a", &on(RouteRate::DASHBOARD)).2, None);
    }
    assert_eq!(charge(&rates, "a", &on(RouteRate::DASHBOARD)), (0, 60_000, Some(600)));
}

#[test]
fn those_who_are_remembered_are_bounded_and_the_rest_share_one_allowance() {
    let (rates, clock) = limits();
    let dashboard = || on(RouteRate::DASHBOARD);
    for number in 0..KEPT_MAX {
        assert_eq!(charge(&rates, &format!("c{number}"), &dashboard()).0, 9);
    }
    assert_eq!(charge(&rates, "x", &dashboard()).0, 9);
    assert_eq!(charge(&rates, "y", &dashboard()).0, 8, "it shares the allowance of x");
    assert_eq!(charge(&rates, "c7", &dashboard()).0, 8, "who is remembered has their own");
    let kept = || rates.limits[RateClass::Dashboards as usize].limiter.len();
    assert_eq!(kept(), KEPT_MAX);
    clock.advance(Duration::from_secs(2));
    assert_eq!(charge(&rates, "y", &dashboard()).0, 9);
    assert_eq!(kept(), 2, "c7 has not got all back when the others had, and y is new");
}
