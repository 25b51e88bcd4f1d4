//! Tokens of issuers that publish their keys.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::*;
use crate::auth::{
    KeyIssuer, KeySource, Minter, TokenFor,
    test_keys::{Pair, keys_of},
};

const NOW: u64 = 1_800_000_000;
const SECRET: &[u8] = b"a secret of at least thirty-two bytes";

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn rules() -> TokenRules {
    TokenRules {
        issuer: "the-issuer".into(),
        audience: "hub".into(),
        leeway: Duration::ZERO,
        lifetime_max: Duration::from_secs(3_600),
    }
}

/// An issuer with all keys, another one with one of them, and one whose keys were not read yet.
fn issuers(first: &str) -> Arc<Issuers> {
    let issuer = |name: &str| KeyIssuer { issuer: name.into(), source: KeySource::File(name.into()) };
    let all = keys_of(&[("ed", Pair::Ed), ("ec", Pair::Ec), ("rsa", Pair::Rsa)]);
    let other = keys_of(&[("ed", Pair::OtherEd)]);
    Arc::new(Issuers::new(
        vec![(issuer(first), Some(all)), (issuer("other"), Some(other)), (issuer("unread"), None)],
        at(NOW),
    ))
}

fn claims(issuer: &str) -> Value {
    json!({ "iss": issuer, "aud": "hub", "sub": "anna", "exp": NOW + 60 })
}

fn verifier(keys: Option<TokenKeys>) -> TokenVerifier {
    TokenVerifier::new(keys, rules()).with_issuers(issuers("login"))
}

fn verdict(token: &str) -> Result<Identity, TokenError> {
    let keys = TokenKeys::shared(SECRET).unwrap();
    verifier(Some(keys)).verify(token, at(NOW))
}

#[test]
fn a_token_is_checked_with_the_key_that_it_names_among_those_of_its_issuer() {
    for (pair, kid) in [(Pair::Ed, "ed"), (Pair::Ec, "ec"), (Pair::Rsa, "rsa")] {
        let identity = verdict(&pair.token(Some(kid), &claims("login"))).unwrap();
        assert_eq!(identity.person, Person::new("login".into(), "anna").unwrap(), "a person of that issuer");
    }
    let ed = |kid, issuer| verdict(&Pair::Ed.token(kid, &claims(issuer)));
    assert_eq!(ed(Some("ed"), "other"), Err(TokenError::Forged), "its key of that name is another one");
    assert_eq!(ed(Some("ec"), "login"), Err(TokenError::WrongAlgorithm));
    assert_eq!(ed(Some("nope"), "login"), Err(TokenError::UnknownKey));
    assert_eq!(ed(None, "login"), Err(TokenError::NoKeyName));
    assert_eq!(ed(Some("ed"), "unread"), Err(TokenError::KeysAwaited));
    assert_eq!(ed(Some("ed"), "nobody"), Err(TokenError::WrongAlgorithm), "the configured key is HS256");
    assert_eq!(ed(Some("ed"), "the-issuer"), Err(TokenError::WrongAlgorithm), "and so is its issuer's");
}

#[test]
fn the_rules_of_claims_hold_for_published_keys_too() {
    let with = |claim: &str, value: Value| {
        let mut claims = claims("login");
        claims[claim] = value;
        verdict(&Pair::Ed.token(Some("ed"), &claims))
    };
    assert_eq!(with("aud", json!("elsewhere")), Err(TokenError::WrongAudience));
    assert_eq!(with("exp", json!(NOW)), Err(TokenError::Expired));
    assert_eq!(with("exp", json!(NOW + 3_601)), Err(TokenError::HoldsTooLong));
    assert_eq!(with("sub", json!("")), Err(TokenError::BadClaim("sub")));
    assert_eq!(with("hub:kind", json!("service")), Err(TokenError::NotAPlayer));
    let mut caller = claims("login");
    caller["hub:kind"] = json!("service");
    caller["hub:can"] = json!(["balance:read"]);
    let token = Pair::Ec.token(Some("ec"), &caller);
    let (caller, _) = verifier(None).verify_caller(&token, at(NOW)).unwrap();
    assert_eq!((&*caller.issuer, &*caller.name), ("login", "anna"));
}

/// The public key is known to everybody: a token whose header says HS256 must not be checked with it as the secret.
#[test]
fn a_public_key_is_no_secret_and_no_token_chooses_its_algorithm() {
    let public: &[u8] = include_bytes!("../../../tests/keys/rsa2048.public.pem");
    let modulus = Pair::Rsa.published("rsa")["n"].as_str().unwrap().to_owned();
    for secret in [public, modulus.as_bytes(), b"rsa"] {
        for kid in ["rsa", "ed"] {
            let header = Header { kid: Some(kid.into()), ..Header::new(Algorithm::HS256) };
            let token =
                encode(&header, &claims("login"), &EncodingKey::from_secret(secret).unwrap()).unwrap();
            assert_eq!(verdict(&token), Err(TokenError::WrongAlgorithm));
        }
    }
    let header = Header { kid: Some("rsa".into()), ..Header::new(Algorithm::RS512) };
    let token = encode(&header, &claims("login"), &Pair::Rsa.sign()).unwrap();
    assert_eq!(verdict(&token), Err(TokenError::WrongAlgorithm));
    let good = Pair::Ed.token(Some("ed"), &claims("login"));
    let [_, body, _] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    // {"alg":"none","kid":"ed"}
    let none = format!("eyJhbGciOiJub25lIiwia2lkIjoiZWQifQ.{body}.");
    for verifier in [verifier(None), verifier(Some(TokenKeys::shared(SECRET).unwrap()))] {
        assert_eq!(verifier.verify(&none, at(NOW)), Err(TokenError::WrongAlgorithm));
    }
}

#[test]
fn an_issuer_may_have_a_configured_key_and_published_ones() {
    let keys = TokenKeys::shared(SECRET).unwrap();
    let minted = Minter::new(keys.clone(), rules())
        .unwrap()
        .mint(TokenFor::Player("anna"), at(NOW), Duration::from_secs(60))
        .unwrap();
    let published = Pair::Ed.token(Some("ed"), &claims("the-issuer"));
    let both = TokenVerifier::new(keys, rules()).with_issuers(issuers("the-issuer"));
    let [one, other] = [&minted, &published].map(|token| both.verify(token, at(NOW)).unwrap().person);
    assert_eq!(one, other);
    let alone = TokenVerifier::new(None, rules()).with_issuers(issuers("the-issuer"));
    assert!(alone.verify(&published, at(NOW)).is_ok());
    assert_eq!(alone.verify(&minted, at(NOW)), Err(TokenError::NoKeyName), "there is no configured key");
    let elsewhere = Pair::Ed.token(Some("ed"), &claims("nobody"));
    assert_eq!(alone.verify(&elsewhere, at(NOW)), Err(TokenError::WrongIssuer));
    assert_eq!(alone.verify("no token", at(NOW)), Err(TokenError::Malformed));
}
