//! Keys that an issuer publishes: they change while the hub serves, and tokens follow them.

use std::{fs, net::SocketAddr, path::Path, time::SystemTime};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};
use tests::{
    http::{self, Answer},
    hub::Setup,
    raw::RawSocket,
    until,
};

const ISSUER: &str = "https://login.example";

/// A key of the issuer, and its name.
struct Key {
    kid: &'static str,
    algorithm: Algorithm,
    sign: EncodingKey,
}

impl Key {
    fn ed(kid: &'static str) -> Self {
        let pem = include_bytes!("../../../hub/tests/keys/ed25519.private.pem");
        Self { kid, algorithm: Algorithm::EdDSA, sign: EncodingKey::from_ed_pem(pem).expect("a key") }
    }

    fn ec(kid: &'static str) -> Self {
        let pem = include_bytes!("../../../hub/tests/keys/p256.private.pem");
        Self { kid, algorithm: Algorithm::ES256, sign: EncodingKey::from_ec_pem(pem).expect("a key") }
    }

    /// As it stands in a set.
    fn published(&self) -> Value {
        let key = Jwk::from_encoding_key(&self.sign, self.algorithm).expect("its public half");
        let mut key = serde_json::to_value(key).expect("JSON");
        key["kid"] = json!(self.kid);
        key
    }

    /// A token for somebody, with more claims.
    fn token(&self, subject: &str, more: Value) -> String {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
        let mut claims = json!({"iss": ISSUER, "aud": "hub", "sub": subject, "exp": now + 600});
        claims.as_object_mut().expect("claims").extend(more.as_object().cloned().unwrap_or_default());
        let header = Header { kid: Some(self.kid.into()), ..Header::new(self.algorithm) };
        encode(&header, &claims, &self.sign).expect("claims can be signed")
    }

    fn service(&self) -> String {
        self.token("reports", json!({"hub:kind": "service", "hub:can": ["balance:read"]}))
    }
}

fn set_of(keys: &[&Key]) -> String {
    json!({"keys": keys.iter().map(|key| key.published()).collect::<Vec<_>>()}).to_string()
}

/// Replaces a file as a whole.
fn replace(file: &Path, text: &str) {
    let draft = file.with_extension("draft");
    fs::write(&draft, text).expect("the file can be written");
    fs::rename(draft, file).expect("the file can be replaced");
}

async fn health(hub: SocketAddr, token: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    http::request(hub, &http::spelled("GET /api/domains/balance/health", &hub.to_string(), &headers, None))
        .await
}

/// Waits until a token is answered so.
async fn answered(hub: SocketAddr, token: &str, status: u16) -> Answer {
    let what = format!("the answer {status} to a token");
    until(&what, async || Some(health(hub, token).await).filter(|answer| answer.status == status)).await
}

#[tokio::test]
async fn an_issuer_rotates_its_keys_in_a_file_while_the_hub_serves() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("keys.json");
    let (old, new) = (Key::ed("2026-11"), Key::ec("2026-12"));
    replace(&file, &set_of(&[&old]));
    let hub = Setup::default()
        .extra(&format!(
            "[auth]\njwks = [{{ issuer = \"{ISSUER}\", file = {:?} }}]\n",
            file.display().to_string()
        ))
        .start();
    let at = hub.address();
    assert_eq!(health(at, &old.service()).await.status, 200);
    let mut session = RawSocket::hello(at, &old.token("anna", json!({}))).await;

    let told = health(at, &new.service()).await;
    assert_eq!((told.status, &told.json()["code"]), (401, &json!("unauthorized")), "{told:?}");
    let words = "the token is signed with a key (\"kid\") that its issuer does not publish";
    assert!(told.json()["detail"].as_str().is_some_and(|detail| detail.starts_with(words)), "{told:?}");
    let mut stranger = RawSocket::open(at, protocol::SUBPROTOCOL_JSON).await.expect("a handshake");
    let refused = stranger.ask(json!({"t": "hello", "token": new.token("anna", json!({}))})).await;
    assert_eq!(refused["code"], 2002, "{refused}");

    replace(&file, &set_of(&[&old, &new]));
    answered(at, &new.service(), 200).await;
    assert_eq!(health(at, &old.service()).await.status, 200, "both, while the issuer changes over");
    let logged = hub.logged("the keys of an issuer have changed").await;
    assert!(logged.contains("2026-11") && logged.contains("2026-12"), "{logged}");
    RawSocket::hello(at, &new.token("bela", json!({}))).await;

    replace(&file, &set_of(&[&new]));
    answered(at, &old.service(), 401).await;
    assert_eq!(health(at, &new.service()).await.status, 200);
    let balance = session.ask(json!({"t": "get_balance"})).await;
    assert_eq!(balance["t"], "balances", "a session goes on until its token ends: {balance}");

    replace(&file, "{\"keys\":[");
    until("a failure to read the keys", async || {
        hub.figure("hub_issuer_keys_failures_total").await.filter(|failures| *failures >= 1)
    })
    .await;
    let logged = hub.logged("the keys of an issuer could not be read; those that are known stay").await;
    assert!(logged.contains("it is no JSON at line 1"), "{logged}");
    assert_eq!(health(at, &new.service()).await.status, 200, "the old ones stay");
    assert!(hub.figure("hub_issuer_keys_age_seconds").await.is_some());
}
