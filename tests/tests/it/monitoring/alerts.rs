//! Alerts: told once, kept over a restart, posted, and acknowledged.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use tests::{
    hub::{Setup, TestHub},
    raw::RawSocket,
    until,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::unified::{ask, operator};

/// A warning while somebody is here. Nobody looks by themselves: the test says when.
pub(super) const SOMEBODY: &str = "\n[monitoring]\ncheck_every_seconds = 300\n\
    [monitoring.alerts.somebody]\nfigure = \"dashboard.sessions\"\nwarning = 0\ncritical = 1\ncool_down_seconds = 0\n";

fn setup() -> Setup {
    Setup::default().extra(SOMEBODY)
}

/// Looks at the alerts, and says what was told of the one about sessions.
async fn check(hub: &TestHub, token: &str) -> Vec<(String, String)> {
    let answer = ask(hub, token, "POST /monitoring/check-alerts").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let told = answer.json()["told"].as_array().expect("a list").clone();
    let text = |notice: &Value, name: &str| notice[name].as_str().expect("a text").to_owned();
    let ours = told.iter().filter(|notice| notice["alert"] == "somebody");
    ours.map(|notice| (text(notice, "change"), text(notice, "severity"))).collect()
}

/// What `/monitoring/alerts` has of the alert about sessions.
pub(super) async fn shown(hub: &TestHub, token: &str) -> Value {
    let alerts = ask(hub, token, "GET /monitoring/alerts").await.json();
    let all = alerts["alerts"].as_array().expect("a list");
    all.iter().find(|alert| alert["name"] == "somebody").expect("it is on").clone()
}

/// A session of a new player, which the figures have.
pub(super) async fn arrives(hub: &TestHub) -> RawSocket {
    let before = hub.figure("hub_sessions").await.unwrap_or_default();
    let name = format!("P{before}");
    let token = hub.done(&["token", "--player", &name]).trim().to_owned();
    let socket = RawSocket::hello(hub.address(), &token).await;
    sessions(hub, before + 1).await;
    socket
}

/// Waits until a metric has this value: an answer is kept for a while.
async fn figure(hub: &TestHub, name: &str, expected: u64) {
    until(name, async || (hub.figure(name).await == Some(expected)).then_some(())).await;
}

/// Waits until the unified metrics have so many sessions.
async fn sessions(hub: &TestHub, expected: u64) {
    let token = operator(hub, "monitoring:read");
    until("the figure", async || {
        let told = ask(hub, &token, "GET /monitoring/unified-metrics").await.json();
        (told["dashboard"]["sessions"] == expected).then_some(())
    })
    .await;
}

fn told(change: &str, severity: &str) -> Vec<(String, String)> {
    vec![(change.to_owned(), severity.to_owned())]
}

#[tokio::test]
async fn an_alert_is_told_when_it_begins_becomes_worse_and_ends() {
    let mut hub = setup().start();
    hub.expect_errors();
    let token = operator(&hub, "monitoring:*");
    assert_eq!(check(&hub, &token).await, []);
    assert_eq!(shown(&hub, &token).await["status"], "clear");
    let one = arrives(&hub).await;
    assert_eq!(check(&hub, &token).await, told("began", "warning"));
    assert_eq!(check(&hub, &token).await, [], "once");
    let two = arrives(&hub).await;
    assert_eq!(check(&hub, &token).await, told("worsened", "critical"));
    let alert = shown(&hub, &token).await;
    assert_eq!((&alert["status"], &alert["value"]), (&json!("critical"), &json!(2)), "{alert}");
    figure(&hub, "hub_alerts_active{severity=\"critical\"}", 1).await;
    let report = ask(&hub, &token, "GET /monitoring/report").await.json();
    assert_eq!(report["active"], json!({ "warning": 0, "critical": 1 }), "{report}");
    assert_eq!(report["alerts"][0]["name"], "somebody", "{report}");
    drop((one, two));
    sessions(&hub, 0).await;
    assert_eq!(check(&hub, &token).await, told("ended", "critical"));
    for words in ["an alert warns", "an alert is critical", "an alert is over"] {
        hub.logged(words).await;
        assert_eq!(hub.times_logged(words), 1, "{words}");
    }
    figure(&hub, "hub_alerts_told_total", 3).await;
    assert_eq!(hub.figure("hub_alerts_not_posted_total").await, Some(0), "there is no webhook");
    let lacks = ask(&hub, &operator(&hub, "monitoring:read"), "POST /monitoring/check-alerts").await;
    assert_eq!(lacks.status, 403, "{lacks:?}");
}

#[tokio::test]
async fn an_alert_goes_on_after_a_crash_and_is_not_told_again() {
    let mut hub = setup().option("monitoring.check_every_seconds", 1).start();
    let token = operator(&hub, "monitoring:*");
    let one = arrives(&hub).await;
    hub.logged("an alert warns").await;
    let file = hub.data().join("monitoring/alerts.json");
    let kept = || std::fs::read_to_string(&file).unwrap_or_default();
    until("the alert in the file", async || kept().contains("\"severity\":\"warning\"").then_some(())).await;
    let since = shown(&hub, &token).await["since"].clone();
    hub.kill();
    drop(one);
    hub.configure(|setup| {
        setup
            .option("monitoring.check_every_seconds", 300)
            .option("monitoring.alerts.somebody.when", "below")
            .option("monitoring.alerts.somebody.warning", 5)
            .option("monitoring.alerts.somebody.critical", 0)
    });
    hub.start();
    let token = operator(&hub, "monitoring:*");
    // Now nobody is what it warns of: the same alert, by another threshold, goes on.
    assert_eq!(check(&hub, &token).await, []);
    let alert = shown(&hub, &token).await;
    assert_eq!((&alert["status"], &alert["since"]), (&json!("warning"), &since), "{alert}");
    assert_eq!(hub.times_logged("an alert warns"), 1, "in both runs together");
    hub.terminate();
    assert!(hub.ended().await.success());
    // What cannot be read begins anew.
    std::fs::write(&file, "{").expect("a disk");
    hub.start();
    hub.logged("a file of the monitoring cannot be read").await;
}

/// A receiver of alerts that answers each request with these bytes, or never.
async fn receiver(answer: Option<&'static str>) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let requests = Arc::new(Mutex::new(Vec::new()));
    let noted = requests.clone();
    tokio::spawn(async move {
        let mut silent = Vec::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut text = String::new();
            // The body is one JSON document, which ends the request.
            while !text.ends_with('}') {
                let mut piece = [0; 4_096];
                let read = socket.read(&mut piece).await.unwrap_or(0);
                if read == 0 {
                    break;
                }
                text.push_str(&String::from_utf8_lossy(&piece[..read]));
            }
            noted.lock().expect("no panic").push(text);
            match answer {
                Some(answer) => drop(socket.write_all(answer.as_bytes()).await),
                None => silent.push(socket),
            }
        }
    });
    (address, requests)
}

#[tokio::test]
async fn an_alert_is_posted_once_as_json() {
    let (at, requests) = receiver(Some("HTTP/1.1 204 No Content\r\n\r\n")).await;
    let hub = setup().variable("ALERT_WEBHOOK_URL", format!("http://{at}/hook?key=7")).start();
    let token = operator(&hub, "monitoring:*");
    let _one = arrives(&hub).await;
    assert_eq!(check(&hub, &token).await, told("began", "warning"));
    figure(&hub, "hub_alerts_posted_total", 1).await;
    let requests = requests.lock().expect("no panic").clone();
    let [request] = &requests[..] else { panic!("{requests:?}") };
    let (head, body) = request.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("POST /hook?key=7 HTTP/1.1\r\n"), "{head}");
    let body: Value = serde_json::from_str(body).expect("JSON");
    let shown = ["alert", "change", "severity", "value"].map(|name| body[name].clone());
    assert_eq!(shown, [json!("somebody"), json!("began"), json!("warning"), json!(1)], "{body}");
    assert_eq!(hub.figure("hub_alerts_not_posted_total").await, Some(0));
    assert!(!hub.whole_log().contains("key=7"), "the address may be a secret");
}

#[tokio::test]
async fn a_webhook_that_redirects_or_hangs_is_counted_and_holds_up_nothing() {
    let moved = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\n\r\n";
    for (answer, why) in [(Some(moved), "the host answered 302"), (None, "no answer within three seconds")] {
        let (at, requests) = receiver(answer).await;
        let hub = setup().option("monitoring.webhook_url", format!("http://{at}/")).start();
        let token = operator(&hub, "monitoring:*");
        let _one = arrives(&hub).await;
        assert_eq!(check(&hub, &token).await, told("began", "warning"));
        until("the request", async || (!requests.lock().expect("no panic").is_empty()).then_some(())).await;
        // It hangs now, and everything is answered.
        assert_eq!(ask(&hub, &token, "GET /monitoring/unified-metrics").await.status, 200);
        assert_eq!(check(&hub, &token).await, []);
        assert!(hub.logged("an alert could not be posted").await.contains(why), "{why}");
        figure(&hub, "hub_alerts_not_posted_total", 1).await;
        assert_eq!(
            requests.lock().expect("no panic").len(),
            1,
            "no redirect is followed, and nothing is sent again"
        );
    }
}

#[tokio::test]
async fn thresholds_figures_and_addresses_that_cannot_be_right_are_refused_with_their_place() {
    let refused = |lines: &str| Setup::default().extra(lines).prepare().refuses(&["check-config"]);
    let alert = |lines: &str| format!("\n[monitoring.alerts.x]\nfigure = \"hub_sessions\"\n{lines}\n");
    for (lines, words) in [
        (
            alert("warning = 10\ncritical = 5"),
            "is less severe than the warning: it must not be below warning, which is 10",
        ),
        (alert("when = \"below\"\nwarning = 10\ncritical = 15"), "it must not be above warning, which is 10"),
        (alert(""), "has no threshold"),
        (alert("warning = 0\nwhen = \"unusual\""), "at least 1"),
        (alert("warning = 1\nfor_seconds = 86_401"), "must be from 0 to 86400"),
        ("\n[monitoring.alerts.x]\nwarning = 1\n".into(), "names no figure"),
        (
            "\n[monitoring.alerts.x]\nfigure = \"hub_sesions\"\nwarning = 1\n".into(),
            "did you mean \"hub_sessions\"?",
        ),
        ("\n[monitoring.alerts.x]\nfigure = \"system.score\"\nwarning = 1\n".into(), "no figure of this hub"),
        ("\n[monitoring.alerts.X]\nfigure = \"hub_sessions\"\nwarning = 1\n".into(), "lower-case letters"),
        ("\n[monitoring]\nwebhook_url = \"ftp://a/\"\n".into(), "an address begins with https://"),
        (
            "\n[monitoring]\nwebhook_url = \"https://a:b@c/\"\n".into(),
            "a password does not stand in the configuration",
        ),
    ] {
        let told = refused(&lines);
        assert!(told.contains(words), "{lines}: {told}");
    }
    for (url, words) in [
        ("http://alerts.example.com/", "only https:// is used"),
        ("https://127.0.0.1/", "a private network is used in development mode only"),
        ("https://[fd00::1]/", "a private network is used in development mode only"),
    ] {
        let production =
            Setup::default().variable("HUB__MODE", "production").variable("ALERT_WEBHOOK_URL", url);
        let told = production.prepare().refuses(&["check-config"]);
        assert!(told.contains("monitoring.webhook_url") && told.contains(words), "{url}: {told}");
        assert!(!told.contains(url), "the address may be a secret: {told}");
    }
}
