#![expect(clippy::unwrap_used, reason = "a test may panic")]

use jsonwebtoken::{Algorithm as Jwt, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::*;
use crate::auth::{Algorithm, KeyError, MintError, Minter, TokenFor};

const SECRET: &[u8] = b"a secret of at least thirty-two bytes";
const ED_PUBLIC: &[u8] = include_bytes!("../../../tests/keys/ed25519.public.pem");
const ED_PRIVATE: &[u8] = include_bytes!("../../../tests/keys/ed25519.private.pem");
const ED_OTHER: &[u8] = include_bytes!("../../../tests/keys/other-ed25519.private.pem");
const RSA_PUBLIC: &[u8] = include_bytes!("../../../tests/keys/rsa2048.public.pem");
const RSA_PRIVATE: &[u8] = include_bytes!("../../../tests/keys/rsa2048.private.pem");
const RSA_SHORT: &[u8] = include_bytes!("../../../tests/keys/rsa1024.public.pem");

const NOW: u64 = 1_800_000_000;
const LEEWAY: u64 = 5;
const LIFETIME_MAX: u64 = 3_600;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn rules() -> TokenRules {
    TokenRules {
        issuer: "the-issuer".into(),
        audience: "hub".into(),
        leeway: Duration::from_secs(LEEWAY),
        lifetime_max: Duration::from_secs(LIFETIME_MAX),
    }
}

fn shared() -> TokenKeys {
    TokenKeys::shared(SECRET).unwrap()
}

fn verifier(keys: TokenKeys) -> TokenVerifier {
    TokenVerifier::new(keys, rules())
}

fn claims() -> Value {
    json!({ "iss": "the-issuer", "aud": "hub", "sub": "anna", "exp": NOW + 60 })
}

fn with(claim: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[claim] = value;
    claims
}

fn without(claim: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(claim);
    claims
}

fn signed(claims: &Value) -> String {
    encode(&Header::new(Jwt::HS256), claims, &EncodingKey::from_secret(SECRET).unwrap()).unwrap()
}

/// The verdict on HS256 claims, now.
fn verdict(claims: &Value) -> Result<Identity, TokenError> {
    verifier(shared()).verify(&signed(claims), at(NOW))
}

/// base64url without padding, by hand: the tests forge tokens the library would not write.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..=chunk.len() {
            text.push(char::from(DIGITS[(word >> (18 - 6 * digit)) as usize & 63]));
        }
    }
    text
}

#[test]
fn a_good_token_names_the_same_person_under_every_algorithm() {
    let expected = Person::new("the-issuer".into(), "anna").unwrap();
    let all = [
        shared(),
        TokenKeys::ed_dsa(ED_PUBLIC, Some(ED_PRIVATE)).unwrap(),
        TokenKeys::rs256(RSA_PUBLIC, Some(RSA_PRIVATE)).unwrap(),
    ];
    for keys in all {
        let minter = Minter::new(keys.clone(), rules()).unwrap();
        let token = minter.mint(TokenFor::Player("anna"), at(NOW), Duration::from_secs(60)).unwrap();
        let identity = verifier(keys).verify(&token, at(NOW)).unwrap();
        assert_eq!(identity, Identity { person: expected.clone(), until: at(NOW + 60 + LEEWAY) });
    }
}

#[test]
fn a_hub_without_a_private_key_checks_tokens_and_makes_none() {
    let keys = TokenKeys::ed_dsa(ED_PUBLIC, None).unwrap();
    assert!(Minter::new(keys.clone(), rules()).is_none());
    let token =
        encode(&Header::new(Jwt::EdDSA), &claims(), &EncodingKey::from_ed_pem(ED_PRIVATE).unwrap()).unwrap();
    assert!(verifier(keys).verify(&token, at(NOW)).is_ok());
}

#[test]
fn a_token_signed_with_another_key_is_forged() {
    let hmac =
        encode(&Header::new(Jwt::HS256), &claims(), &EncodingKey::from_secret(b"another secret").unwrap())
            .unwrap();
    assert_eq!(verifier(shared()).verify(&hmac, at(NOW)), Err(TokenError::Forged));
    let ed =
        encode(&Header::new(Jwt::EdDSA), &claims(), &EncodingKey::from_ed_pem(ED_OTHER).unwrap()).unwrap();
    let keys = TokenKeys::ed_dsa(ED_PUBLIC, None).unwrap();
    assert_eq!(verifier(keys).verify(&ed, at(NOW)), Err(TokenError::Forged));
}

#[test]
fn altering_any_character_of_a_token_makes_it_worthless() {
    let verifier = verifier(shared());
    let token = signed(&claims());
    assert!(verifier.verify(&token, at(NOW)).is_ok());
    for index in 0..token.len() {
        let mut altered = token.clone().into_bytes();
        altered[index] = if altered[index] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(altered).unwrap();
        assert!(verifier.verify(&altered, at(NOW)).is_err(), "character {index}");
    }
}

#[test]
fn claims_put_under_another_tokens_signature_are_forged() {
    let token = signed(&claims());
    let [header, _, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let swapped =
        format!("{header}.{}.{signature}", base64(with("sub", json!("bela")).to_string().as_bytes()));
    assert_eq!(verifier(shared()).verify(&swapped, at(NOW)), Err(TokenError::Forged));
}

#[test]
fn a_token_without_a_signature_is_refused_however_none_is_spelled() {
    let body = base64(claims().to_string().as_bytes());
    for none in ["none", "None", "NONE", ""] {
        let header = base64(json!({ "alg": none, "typ": "JWT" }).to_string().as_bytes());
        let token = format!("{header}.{body}.");
        let refused = verifier(shared()).verify(&token, at(NOW));
        assert_eq!(refused, Err(TokenError::WrongAlgorithm), "{none:?}");
    }
    let header = base64(json!({ "alg": "HS256" }).to_string().as_bytes());
    let stripped = format!("{header}.{body}.");
    assert_eq!(verifier(shared()).verify(&stripped, at(NOW)), Err(TokenError::Forged));
}

#[test]
fn a_public_key_used_as_a_shared_secret_signs_nothing() {
    for (public, keys) in [
        (RSA_PUBLIC, TokenKeys::rs256(RSA_PUBLIC, None).unwrap()),
        (ED_PUBLIC, TokenKeys::ed_dsa(ED_PUBLIC, None).unwrap()),
    ] {
        let trick =
            encode(&Header::new(Jwt::HS256), &claims(), &EncodingKey::from_secret(public).unwrap()).unwrap();
        assert_eq!(verifier(keys).verify(&trick, at(NOW)), Err(TokenError::WrongAlgorithm));
    }
}

#[test]
fn the_algorithm_is_pinned_even_within_its_family() {
    let key = EncodingKey::from_secret(SECRET).unwrap();
    let longer = encode(&Header::new(Jwt::HS512), &claims(), &key).unwrap();
    assert_eq!(verifier(shared()).verify(&longer, at(NOW)), Err(TokenError::WrongAlgorithm));
    let pss = encode(&Header::new(Jwt::PS256), &claims(), &EncodingKey::from_rsa_pem(RSA_PRIVATE).unwrap())
        .unwrap();
    let keys = TokenKeys::rs256(RSA_PUBLIC, None).unwrap();
    assert_eq!(verifier(keys).verify(&pss, at(NOW)), Err(TokenError::WrongAlgorithm));
}

#[test]
fn a_token_holds_until_its_expiry_and_the_leeway_after_it() {
    let verifier = verifier(shared());
    let token = signed(&claims());
    assert!(verifier.verify(&token, at(NOW + 60 + LEEWAY - 1)).is_ok());
    assert_eq!(verifier.verify(&token, at(NOW + 60 + LEEWAY)), Err(TokenError::Expired));
}

#[test]
fn a_token_is_not_valid_before_its_time_less_the_leeway() {
    let verifier = verifier(shared());
    let token = signed(&with("nbf", json!(NOW + 30)));
    assert_eq!(verifier.verify(&token, at(NOW + 30 - LEEWAY - 1)), Err(TokenError::NotYetValid("nbf")));
    assert!(verifier.verify(&token, at(NOW + 30 - LEEWAY)).is_ok());
}

#[test]
fn each_claim_is_required_and_of_its_type() {
    for claim in ["iss", "sub", "aud", "exp"] {
        assert_eq!(verdict(&without(claim)), Err(TokenError::BadClaim(claim)), "without {claim}");
        // The library reads the claims as well and stumbles over an object: a refusal, in other words.
        assert!(verdict(&with(claim, json!({}))).is_err(), "{claim} as an object");
        for wrong in [json!(null), json!(true), json!(-1)] {
            assert_eq!(
                verdict(&with(claim, wrong)),
                Err(TokenError::BadClaim(claim)),
                "{claim} of a wrong type"
            );
        }
    }
    assert_eq!(verdict(&with("exp", json!("soon"))), Err(TokenError::BadClaim("exp")));
    assert_eq!(verdict(&with("nbf", json!("soon"))), Err(TokenError::BadClaim("nbf")));
    assert_eq!(verdict(&with("iss", json!(["the-issuer"]))), Err(TokenError::BadClaim("iss")));
    assert_eq!(verdict(&with("sub", json!(""))), Err(TokenError::BadClaim("sub")));
    assert_eq!(verdict(&with("sub", json!("x".repeat(257)))), Err(TokenError::BadClaim("sub")));
    assert_eq!(verdict(&json!([])), Err(TokenError::Malformed));
}

#[test]
fn issuer_and_audience_must_be_the_configured_ones() {
    assert_eq!(verdict(&with("iss", json!("the-issuer2"))), Err(TokenError::WrongIssuer));
    assert_eq!(verdict(&with("aud", json!("shop"))), Err(TokenError::WrongAudience));
    assert_eq!(verdict(&with("aud", json!(["shop", "hubs"]))), Err(TokenError::WrongAudience));
    assert_eq!(verdict(&with("aud", json!([]))), Err(TokenError::WrongAudience));
    assert!(verdict(&with("aud", json!(["shop", "hub"]))).is_ok());
}

#[test]
fn times_may_have_fractions() {
    assert!(verdict(&with("exp", json!(NOW as f64 + 0.5))).is_ok());
    assert_eq!(verdict(&with("exp", json!(NOW as f64 - 5.5))), Err(TokenError::Expired));
    assert_eq!(verdict(&with("exp", json!(0))), Err(TokenError::Expired));
}

#[test]
fn a_time_in_milliseconds_or_less_is_told_and_makes_no_eternal_token() {
    for claim in ["exp", "nbf", "iat"] {
        let huge = [
            json!((NOW + 60) * 1_000),
            json!((NOW + 60) as f64 * 1e3),
            json!((NOW - 60) * 1_000_000),
            json!((NOW - 60) * 1_000_000_000),
            json!(u64::MAX),
            json!(1e300),
        ];
        for time in huge {
            assert_eq!(verdict(&with(claim, time)), Err(TokenError::NotSeconds(claim)), "{claim}");
        }
        for wrong in
            [json!(-1), json!(-0.5), json!(i64::MIN), json!((NOW + 60).to_string()), json!([NOW + 60])]
        {
            assert!(
                matches!(verdict(&with(claim, wrong)), Err(TokenError::BadClaim(_) | TokenError::Malformed)),
                "{claim}"
            );
        }
    }
    let words = TokenError::NotSeconds("exp").to_string();
    assert!(words.contains("\"exp\"") && words.contains("milliseconds"), "{words}");
}

#[test]
fn a_token_may_hold_for_the_longest_lifetime_and_no_longer() {
    assert!(verdict(&with("exp", json!(NOW + LIFETIME_MAX + LEEWAY))).is_ok());
    let longer = with("exp", json!(NOW + LIFETIME_MAX + LEEWAY + 1));
    assert_eq!(verdict(&longer), Err(TokenError::HoldsTooLong));
    let token = signed(&longer);
    assert!(verifier(shared()).verify(&token, at(NOW + 1)).is_ok(), "its last hour is good");
    assert_eq!(verdict(&with("exp", json!(99_999_999_999_u64))), Err(TokenError::HoldsTooLong));
}

#[test]
fn a_token_from_the_future_waits_for_its_time() {
    assert!(verdict(&with("iat", json!(NOW + LEEWAY))).is_ok());
    assert_eq!(verdict(&with("iat", json!(NOW + LEEWAY + 1))), Err(TokenError::NotYetValid("iat")));
}

#[test]
fn the_hub_makes_no_token_it_would_not_accept() {
    let minter = Minter::new(shared(), rules()).unwrap();
    let mint = |seconds| minter.mint(TokenFor::Player("anna"), at(NOW), Duration::from_secs(seconds));
    assert!(verifier(shared()).verify(&mint(LIFETIME_MAX).unwrap(), at(NOW)).is_ok());
    assert_eq!(mint(LIFETIME_MAX + 1), Err(MintError::HoldsTooLong(LIFETIME_MAX)));
}

#[test]
fn a_header_neither_chooses_its_key_nor_demands_extensions() {
    let key = EncodingKey::from_secret(SECRET).unwrap();
    let mut header = Header::new(Jwt::HS256);
    header.kid = Some("../../etc/passwd".into());
    header.jku = Some("https://elsewhere.example/keys".into());
    let token = encode(&header, &claims(), &key).unwrap();
    assert!(verifier(shared()).verify(&token, at(NOW)).is_ok());
    header.crit = Some(vec!["b64".into()]);
    let token = encode(&header, &claims(), &key).unwrap();
    assert_eq!(verifier(shared()).verify(&token, at(NOW)), Err(TokenError::UnknownExtension));
}

#[test]
fn a_text_that_is_not_a_token_is_malformed() {
    let verifier = verifier(shared());
    for text in ["", ".", "..", "a.b", "a.b.c", "a.b.c.d", "\u{1f600}.\u{1f600}.\u{1f600}", "Bearer x", "{}"]
    {
        assert_eq!(verifier.verify(text, at(NOW)), Err(TokenError::Malformed), "{text:?}");
    }
    assert_eq!(verifier.verify(&"a".repeat(TOKEN_BYTES_MAX), at(NOW)), Err(TokenError::Malformed));
    assert_eq!(verifier.verify(&"a".repeat(TOKEN_BYTES_MAX + 1), at(NOW)), Err(TokenError::TooLong));
}

#[test]
fn keys_in_the_wrong_place_are_noticed_at_the_start() {
    let refused = |keys: Result<TokenKeys, KeyError>| keys.map(|keys| keys.algorithm()).unwrap_err();
    assert_eq!(refused(TokenKeys::ed_dsa(RSA_PUBLIC, None)), KeyError::NotPublic);
    assert_eq!(refused(TokenKeys::rs256(ED_PUBLIC, None)), KeyError::NotPublic);
    assert_eq!(refused(TokenKeys::ed_dsa(b"nonsense", None)), KeyError::NotPublic);
    assert_eq!(refused(TokenKeys::ed_dsa(ED_PRIVATE, None)), KeyError::PrivateForPublic);
    assert_eq!(refused(TokenKeys::rs256(RSA_PRIVATE, None)), KeyError::PrivateForPublic);
    assert_eq!(refused(TokenKeys::rs256(RSA_SHORT, None)), KeyError::TooShort);
    assert_eq!(refused(TokenKeys::ed_dsa(ED_PUBLIC, Some(RSA_PRIVATE))), KeyError::NotPrivate);
    assert_eq!(refused(TokenKeys::ed_dsa(ED_PUBLIC, Some(ED_OTHER))), KeyError::NotAPair);
    assert_eq!(refused(TokenKeys::shared(b"")), KeyError::NoSecret);
    assert_eq!(shared().algorithm(), Algorithm::Hs256);
}

#[test]
fn a_players_name_has_1_to_256_bytes() {
    let minter = Minter::new(shared(), rules()).unwrap();
    let mint = |name: &str| minter.mint(TokenFor::Player(name), at(NOW), Duration::from_secs(1));
    assert_eq!(mint(""), Err(MintError::BadSubject));
    assert_eq!(mint(&"x".repeat(257)), Err(MintError::BadSubject));
    assert!(mint(&"x".repeat(256)).is_ok());
}

#[test]
fn the_token_of_a_caller_is_no_players_and_a_players_no_callers() {
    let (verifier, minter) = (verifier(shared()), Minter::new(shared(), rules()).unwrap());
    let may = Capabilities::parse(["balance:*", "publish:news"]).unwrap();
    for kind in [PrincipalKind::Service, PrincipalKind::Operator] {
        let token =
            minter.mint(TokenFor::Caller(kind, "olga", &may), at(NOW), Duration::from_secs(60)).unwrap();
        let (caller, until) = verifier.verify_caller(&token, at(NOW)).unwrap();
        let (issuer, name) = ("the-issuer".into(), "olga".into());
        let expected = Caller { kind, issuer, name, may: may.clone(), unconfigured: Box::default() };
        assert_eq!((caller, until), (expected, at(NOW + 60 + LEEWAY)));
        assert_eq!(verifier.verify(&token, at(NOW)), Err(TokenError::NotAPlayer));
        assert_eq!(verifier.verify_caller(&token, at(NOW + 60 + LEEWAY)), Err(TokenError::Expired));
    }
    let players = signed(&claims());
    assert_eq!(verifier.verify_caller(&players, at(NOW)), Err(TokenError::NotACaller));
    // Half of what makes a caller is no player either.
    assert_eq!(verdict(&with("hub:can", json!([]))), Err(TokenError::NotAPlayer));
}

#[test]
fn each_claim_of_a_caller_is_checked() {
    let check = |kind: Value, can: Value, sub: &str| {
        let mut claims = with("sub", json!(sub));
        (claims["hub:kind"], claims["hub:can"]) = (kind, can);
        verifier(shared()).verify_caller(&signed(&claims), at(NOW)).map(|(caller, _)| caller.may.texts())
    };
    let can = || json!(["balance:read"]);
    assert_eq!(check(json!("service"), can(), "cashier"), Ok(vec!["balance:read".to_owned()]));
    for kind in [json!("player"), json!("hub"), json!("Service"), json!(2), json!(null)] {
        assert_eq!(check(kind.clone(), can(), "x"), Err(TokenError::BadClaim("hub:kind")), "{kind}");
    }
    for can in [json!(null), json!("balance:read"), json!([1]), json!({})] {
        assert_eq!(check(json!("service"), can.clone(), "x"), Err(TokenError::BadClaim("hub:can")), "{can}");
    }
    for can in [json!(["money:read"]), json!([""]), json!(vec!["*"; 65])] {
        assert_eq!(check(json!("service"), can.clone(), "x"), Err(TokenError::BadCapabilities), "{can}");
    }
    for name in ["a b", "a:b", "\u{e4}", &"x".repeat(65)] {
        assert_eq!(check(json!("service"), can(), name), Err(TokenError::BadClaim("sub")), "{name}");
    }
}

#[test]
fn the_roles_of_an_operator_allow_what_the_configuration_says_now() {
    let may = |texts: &[&str]| Capabilities::parse(texts.iter().copied()).unwrap();
    let with_role =
        |texts: &[&str]| verifier(shared()).with_roles(Roles::new([(&"support".to_owned(), &may(texts))]));
    let minter = Minter::new(shared(), rules()).unwrap();
    let mint = |names: &[&str], may| {
        let names: Vec<_> = names.iter().map(|name| name.parse().unwrap()).collect();
        minter.mint(TokenFor::Operator("olga", &names, &may), at(NOW), Duration::from_secs(60))
    };
    let checked = |verifier: &TokenVerifier, token: &str| {
        let caller = verifier.verify_caller(token, at(NOW)).unwrap().0;
        let unconfigured: Vec<_> = caller.unconfigured.iter().map(|role| role.as_str().to_owned()).collect();
        (caller.may.texts(), unconfigured)
    };
    let token = mint(&["support"], Capabilities::default()).unwrap();
    let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    // The same token, before and after a change of the configuration.
    for now in [&["balance:read"][..], &["balance:*", "adjustment:propose"]] {
        assert_eq!(checked(&with_role(now), &token), (texts(now), Vec::new()));
    }
    assert_eq!(checked(&verifier(shared()), &token), (Vec::new(), texts(&["support"])));
    let token = mint(&["support", "gone"], may(&["monitoring:read"])).unwrap();
    let both = texts(&["balance:read", "monitoring:read"]);
    assert_eq!(checked(&with_role(&["balance:read"]), &token), (both, texts(&["gone"])));
    assert_eq!(mint(&[], Capabilities::default()), Err(MintError::NoCapability));
    assert_eq!(verifier(shared()).verify(&token, at(NOW)), Err(TokenError::NotAPlayer));
}

#[test]
fn roles_are_names_of_an_operator_alone() {
    let check = |kind: &str, roles: Value| {
        let mut claims = with("sub", json!("olga"));
        (claims["hub:kind"], claims["hub:roles"]) = (json!(kind), roles);
        verifier(shared()).verify_caller(&signed(&claims), at(NOW)).map(drop)
    };
    assert_eq!(check("operator", json!([])), Ok(()));
    assert_eq!(check("operator", json!(vec!["a"; 16])), Ok(()));
    assert_eq!(check("service", json!(["support"])), Err(TokenError::RolesOfAService));
    for roles in [json!(null), json!("support"), json!([1]), json!({})] {
        assert_eq!(check("operator", roles.clone()), Err(TokenError::BadClaim("hub:roles")), "{roles}");
    }
    for roles in [json!(["A"]), json!([""]), json!(["a b"]), json!(vec!["a"; 17])] {
        assert_eq!(check("operator", roles.clone()), Err(TokenError::BadRoles), "{roles}");
    }
    // Half of what makes a caller is no player.
    assert_eq!(verdict(&with("hub:roles", json!([]))), Err(TokenError::NotAPlayer));
}

#[test]
fn no_token_is_made_for_a_caller_without_a_name_or_a_capability() {
    let minter = Minter::new(shared(), rules()).unwrap();
    let mint = |name: &str, may: &Capabilities| {
        let whom = TokenFor::Caller(PrincipalKind::Service, name, may);
        minter.mint(whom, at(NOW), Duration::from_secs(1)).map(drop)
    };
    let some = Capabilities::parse(["*"]).unwrap();
    assert_eq!(mint("cashier", &some), Ok(()));
    assert_eq!(mint("a b", &some), Err(MintError::BadName));
    assert_eq!(mint("cashier", &Capabilities::default()), Err(MintError::NoCapability));
}

#[test]
fn nothing_printed_for_debugging_holds_a_key() {
    let secret = std::str::from_utf8(SECRET).unwrap();
    let verifier = verifier(shared());
    let minter = Minter::new(shared(), rules()).unwrap();
    for text in [format!("{verifier:?}"), format!("{minter:?}")] {
        assert!(text.contains("redacted") && !text.contains(secret), "{text}");
    }
}
