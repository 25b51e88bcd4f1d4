//! The HTTP surface: what is refused is refused in one form, with the headers that belong to it.

use serde_json::json;
use tests::{
    http::{self, Answer},
    hub::{Setup, TestHub},
    raw::RawSocket,
};

const SERVICE_TOKEN: &str = "9hGf2kLm5nQr8tUw1xYz4aBc7dEj0pSv";

fn with_a_service() -> TestHub {
    Setup::default().variable("HUB_PUBLISH_TOKENS", format!("scores:{SERVICE_TOKEN}")).start()
}

/// A request without a body.
fn bare(line: &str, headers: &[(&str, &str)]) -> String {
    http::spelled(line, "localhost", headers, Some(""))
}

/// A POST of JSON.
fn post(path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let headers = [headers, &[("content-type", "application/json")]].concat();
    http::spelled(&format!("POST {path}"), "localhost", &headers, Some(body))
}

/// A handshake of a WebSocket with these headers besides.
fn handshake(headers: &str) -> String {
    format!(
        "GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    )
}

/// The answer is a problem document of this kind.
#[track_caller]
fn check(request: &str, answer: &Answer, status: u16, code: &str, header: &str) {
    let line = request.lines().next().unwrap_or_default();
    assert!(
        answer.head.to_lowercase().contains("content-type: application/problem+json"),
        "{line}: {answer:?}"
    );
    let body = answer.json();
    assert_eq!((answer.status, &body["code"]), (status, &json!(code)), "{line}: {answer:?}");
    assert_eq!(body["type"], format!("urn:hub:error:{code}"), "{line}");
    assert_eq!(body["status"], status, "{line}");
    let id = body["request_id"].as_str().unwrap_or_else(|| panic!("{line}: no id in {body}"));
    assert!(answer.head.contains(&format!("x-request-id: {id}\r\n")), "{line}: no {id} in {}", answer.head);
    assert!(body["title"].is_string() && body["hint"].is_string() && body["final"].is_boolean(), "{body}");
    assert!(
        answer.head.to_lowercase().contains(&header.to_lowercase()),
        "{line}: no {header} in {}",
        answer.head
    );
}

#[tokio::test]
async fn every_refusal_over_http_is_a_problem_document_with_the_headers_of_its_kind() {
    let hub = with_a_service();
    let bearer = format!("Bearer {SERVICE_TOKEN}");
    let service = [("authorization", bearer.as_str())];
    let deep = format!("{{\"channel\":\"news:x\",\"data\":{}{}}}", "[".repeat(20), "]".repeat(20));
    let long = format!("{{\"channel\":\"news:x\",\"data\":\"{}\"}}", "x".repeat(100_000));
    let version = "sec-websocket-version: 13\r\n";
    let rows = [
        (bare("GET /nothing", &[]), 404, "not_found", ""),
        (bare("GET /api/nothing", &[]), 404, "not_found", ""),
        (bare("DELETE /", &[]), 405, "method_not_allowed", "allow: GET, HEAD\r\n"),
        (bare("PUT /health/ready", &[]), 405, "method_not_allowed", "allow: GET, HEAD\r\n"),
        (bare("GET /api/publish", &[]), 405, "method_not_allowed", "allow: POST"),
        (bare("GET /ws", &[]), 426, "upgrade_required", "upgrade: websocket"),
        (post("/api/publish", &[], "{}"), 401, "unauthorized", "www-authenticate: Bearer"),
        (post("/api/publish", &service, "{"), 400, "malformed", ""),
        (post("/api/publish", &service, r#"["news:x",1]"#), 400, "malformed", ""),
        (post("/api/demo", &[], r#"["Anna"]"#), 400, "malformed", ""),
        (post("/api/publish", &service, r#"{"channel":"lobby","data":1}"#), 403, "forbidden", ""),
        (post("/api/publish", &service, &deep), 400, "bad_payload", ""),
        (post("/api/publish", &service, &long), 413, "too_large", ""),
        (post("/api/demo", &[], r#"{"name":" "}"#), 400, "bad_name", ""),
        (post("/api/demo", &[], &format!("{{\"name\":\"{}\"}}", "x".repeat(1_100))), 413, "too_large", ""),
        (post("/api/demo", &[("origin", "https://evil.example")], "{}"), 403, "forbidden", ""),
        (bare("POST /api/demo", &[("content-type", "application/jsonx")]), 415, "unsupported_media_type", ""),
        (handshake(""), 426, "upgrade_required", "sec-websocket-version: 13"),
        (handshake(version).replace("GET /ws", "GET /elsewhere"), 404, "not_found", ""),
        (handshake(version).replace("GET", "PUT"), 405, "method_not_allowed", "allow: GET"),
        (handshake(version).replace("sec-websocket-key", "x-key"), 400, "bad_handshake", ""),
        (handshake(&format!("{version}origin: https://evil.example\r\n")), 403, "forbidden", ""),
        (
            handshake(&format!("{version}sec-websocket-protocol: hub.v9.json\r\n")),
            400,
            "unknown_subprotocol",
            "",
        ),
    ];
    for (request, status, code, header) in rows {
        let answer = http::request(hub.address(), &request).await;
        check(&request, &answer, status, code, header);
    }
}

#[tokio::test]
async fn a_body_that_is_announced_too_long_is_refused_before_it_is_sent() {
    let hub = with_a_service();
    let request = "POST /api/demo HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                   content-length: 1099511627776\r\n\r\n";
    let began = std::time::Instant::now();
    let answer = http::request(hub.address(), request).await;
    check(request, &answer, 413, "too_large", "");
    // Well below the ten seconds that a body may take.
    assert!(began.elapsed().as_secs() < 8, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_connection_that_is_not_let_in_hears_why_in_the_same_form() {
    let hub = Setup::default().option("server.connections_per_address_max", 1).start();
    let _one = RawSocket::open(hub.address(), protocol::SUBPROTOCOL_JSON).await.expect("a handshake");
    let request = bare("GET /", &[]);
    let answer = http::request(hub.address(), &request).await;
    check(&request, &answer, 429, "too_many_connections", "retry-after: 2");
    assert_eq!(answer.json()["retry_after_ms"], 2_000);
}
