#![expect(clippy::unwrap_used, reason = "a test may panic")]
use serde_json::json;

use super::*;
use crate::auth::test_keys::{Pair, set_of};

fn parse(keys: &[Value]) -> Result<KeySet, KeySetError> {
    KeySet::parse(set_of(keys).as_bytes())
}

fn with(pair: Pair, member: &str, value: Value) -> Value {
    let mut key = pair.published("a");
    key[member] = value;
    key
}

#[test]
fn keys_of_three_algorithms_are_known_by_name() {
    let set =
        parse(&[Pair::Ed.published("ed"), Pair::Ec.published("ec"), Pair::Rsa.published("rsa")]).unwrap();
    assert_eq!((set.names().collect::<Vec<_>>(), set.ignored()), (vec!["ec", "ed", "rsa"], 0));
    assert_eq!(set.get("rsa").unwrap().algorithm, Algorithm::RS256);
    assert!(set.get("RSA").is_none() && set.get("").is_none());
}

#[test]
fn what_the_hub_cannot_or_must_not_use_is_ignored() {
    let good = Pair::Ed.published("good");
    let secret = json!({"kty": "oct", "kid": "a", "k": "c2VjcmV0", "alg": "HS256"});
    let mut nameless = Pair::Ed.published("a");
    nameless.as_object_mut().unwrap().remove("kid");
    for other in [
        secret,
        nameless,
        json!("no object"),
        with(Pair::Ed, "kid", json!("")),
        with(Pair::Ed, "kid", json!("x".repeat(257))),
        with(Pair::Ed, "kid", json!(7)),
        with(Pair::Ed, "use", json!("enc")),
        with(Pair::Ed, "key_ops", json!(["sign"])),
        with(Pair::Ed, "crv", json!("X25519")),
        with(Pair::Ed, "x", json!("AAAA")),
        with(Pair::Ed, "alg", json!("HS256")),
        with(Pair::Ed, "kty", json!("RSA")),
        with(Pair::Ec, "crv", json!("P-384")),
        with(Pair::Ec, "alg", json!("ES384")),
        with(Pair::Ec, "y", json!("not base64url!".repeat(4))),
        with(Pair::Rsa, "alg", json!("PS256")),
        with(Pair::Rsa, "alg", json!("RS512")),
        with(Pair::Rsa, "n", json!("x".repeat(172))),
        with(Pair::Rsa, "n", json!("A".repeat(200) + &"x".repeat(172))),
        with(Pair::Rsa, "n", json!("x".repeat(1_400))),
    ] {
        let set = parse(&[other.clone(), good.clone()]).unwrap();
        assert_eq!((set.names().collect::<Vec<_>>(), set.ignored()), (vec!["good"], 1), "{other}");
        let alone = parse(std::slice::from_ref(&other)).unwrap_err();
        assert_eq!(alone, KeySetError::NoneUsable(1), "{other}");
    }
    for fine in [
        with(Pair::Ed, "use", json!("sig")),
        with(Pair::Ed, "key_ops", json!(["verify"])),
        with(Pair::Ed, "alg", json!("EdDSA")),
        with(Pair::Rsa, "x5c", json!(["anything"])),
    ] {
        assert!(parse(std::slice::from_ref(&fine)).is_ok(), "{fine}");
    }
}

#[test]
fn a_set_that_is_dangerous_or_none_is_refused_as_a_whole() {
    let good = Pair::Ed.published("good");
    let refused = |text: &str| KeySet::parse(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(refused(""), "it is no JSON at line 1, column 0");
    assert_eq!(refused("<html>"), "it is no JSON at line 1, column 1");
    for text in ["{}", "[]", r#"{"keys":{}}"#] {
        assert_eq!(refused(text), "it is no JSON Web Key Set: an object with a list \"keys\"");
    }
    assert!(refused(r#"{"keys":[]}"#).starts_with("none of its 0 keys can be used"));
    assert_eq!(refused(&" ".repeat(SET_BYTES_MAX + 1)), "it is longer than 262144 bytes");
    assert_eq!(parse(&vec![json!({}); KEYS_MAX + 1]), Err(KeySetError::TooMany));
    for part in ["d", "p", "qi"] {
        let private = with(Pair::Rsa, part, json!("AQAB"));
        assert_eq!(parse(&[good.clone(), private]), Err(KeySetError::Private("a".into())), "{part}");
    }
    let twice = [Pair::Ed.published("a"), Pair::Ec.published("a")];
    assert_eq!(parse(&twice), Err(KeySetError::Twice("a".into())));
    assert_eq!(parse(&twice).unwrap_err().to_string(), "it has two keys of one name (\"kid\" \"a\")");
}

#[test]
fn two_sets_are_equal_when_each_name_has_the_same_key() {
    let set = |kid: &str, pair: Pair| parse(&[pair.published(kid)]).unwrap();
    assert_eq!(set("a", Pair::Ed), set("a", Pair::Ed));
    assert_ne!(set("a", Pair::Ed), set("a", Pair::OtherEd), "another key under the same name");
    assert_ne!(set("a", Pair::Ed), set("b", Pair::Ed));
}
