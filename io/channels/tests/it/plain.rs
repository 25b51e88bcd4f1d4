//! What other services publish in Redis, and what several hubs say to each other.

use channels::{At, Options};

use crate::rig::{Rig, channel, eventually, hasty, run};

#[test]
fn a_plain_publish_of_json_or_messagepack_is_heard_and_numbered_with_the_hubs_own() {
    run(async {
        let rig = Rig::redis(Options::default()).await;
        let server = rig.server.as_ref().unwrap();
        let top = rig.subscribe("lottery:draws").await;
        assert_eq!(server.publish("hub:lottery:draws", b" {\"n\": [7, 0.5, \"x\"]} "), 1);
        rig.publish("lottery:draws", "\"own\"", At::Next).await;
        assert_eq!(server.publish("hub:lottery:draws", b"\x81\xA1n\x07"), 1);
        let expected =
            ["lottery:draws 1 {\"n\":[7,0.5,\"x\"]}", "lottery:draws 2 \"own\"", "lottery:draws 3 {\"n\":7}"];
        assert_eq!(rig.heard().await, expected);
        assert_eq!(rig.recover("lottery:draws", top).unwrap(), expected);
    });
}

#[test]
fn what_is_neither_json_nor_messagepack_or_too_large_is_dropped_and_counted() {
    run(async {
        let rig = Rig::redis(Options { payload_bytes_max: 64, ..Options::default() }).await;
        let server = rig.server.as_ref().unwrap();
        rig.subscribe("chat").await;
        let invalid: [&[u8]; 6] = [b"", b"hello", b"{\"a\":", b"\xC1\x09\x00\xC0", b"\x93\x01", b"\xFF\xFF"];
        for message in invalid {
            assert_eq!(server.publish("hub:chat", message), 1);
        }
        server.publish("hub:chat", format!("\"{}\"", "x".repeat(64)).as_bytes());
        server.publish("hub:chat", &[&[0xD9, 70][..], &[b'x'; 70]].concat());
        server.publish("hub:chat", b"{\"good\":true}");
        assert_eq!(rig.heard().await, ["chat 1 {\"good\":true}"]);
        let counters = rig.plane.counters();
        assert_eq!((counters.dropped.invalid, counters.dropped.oversized, counters.links_lost), (6, 2, 0));
    });
}

#[test]
fn only_what_is_needed_is_subscribed_in_redis() {
    run(async {
        let rig = Rig::redis(Options { history_age_ms: 30, ..hasty() }).await;
        let server = rig.server.as_ref().unwrap();
        rig.subscribe("chat").await;
        assert_eq!(server.subscribers("hub:chat"), 1);
        rig.plane.unsubscribe(&channel("chat"));
        eventually(|| server.subscribers("hub:chat") == 0).await;
        assert_eq!(rig.plane.top(&channel("chat")), None);
        rig.subscribe("chat").await;
        rig.publish("chat", "1", At::Next).await;
        assert_eq!(rig.heard().await, ["chat 1 1"]);
    });
}

#[test]
fn dropping_the_backplane_ends_its_connections() {
    run(async {
        let mut rig = Rig::redis(Options::default()).await;
        let server = rig.server.take().unwrap();
        assert_eq!(server.connections(), 2);
        drop(rig);
        eventually(|| server.connections() == 0).await;
    });
}
