//! Plain messages of other services in Redis, and messages between several hubs.

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
        rig.subscribe("table:1").await;
        assert_eq!((server.subscribers("hub:chat"), server.subscribers("hub:table:1")), (1, 0));
        rig.publish("chat", "1", At::Next).await;
        rig.heard().await;
        let left = rig.top("chat");
        rig.plane.unsubscribe(&channel("chat"));
        eventually(|| rig.plane.counters().quiet == 1).await;
        assert_eq!(server.subscribers("hub:chat"), 1, "silence is the proof that nothing was missed");
        assert_eq!(rig.subscribe("chat").await, left);
        assert_eq!(rig.recover("chat", left), Some(vec![]));

        rig.plane.unsubscribe(&channel("chat"));
        eventually(|| rig.plane.counters().quiet == 1).await;
        server.publish("hub:chat", b"[2]");
        eventually(|| server.subscribers("hub:chat") == 0).await;
        assert_eq!(rig.plane.top(&channel("chat")), None);
        rig.subscribe("chat").await;
        rig.publish("chat", "1", At::Next).await;
        assert_eq!(rig.heard().await, ["chat 1 1"]);
        assert_eq!(rig.recover("chat", left), None);
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

#[test]
fn a_message_that_json_and_messagepack_read_differently_is_refused_and_counted() {
    run(async {
        let rig = Rig::redis(Options::default()).await;
        let server = rig.server.as_ref().unwrap();
        rig.subscribe("chat").await;
        for byte in [0, 5, 47, b'0', b'5', b'9', 58, 127] {
            assert_eq!(server.publish("hub:chat", &[byte]), 1);
        }
        for message in [&b"55"[..], b" 5", b"\xCC\x80", b"\xE0", b"\x91\x35", b"[5]"] {
            server.publish("hub:chat", message);
        }
        let expected = ["chat 1 55", "chat 2 5", "chat 3 128", "chat 4 -32", "chat 5 [53]", "chat 6 [5]"];
        assert_eq!(rig.heard().await, expected);
        assert_eq!(rig.plane.counters().dropped.ambiguous, 8);
    });
}

#[test]
fn an_integer_that_a_browser_would_round_is_refused_in_either_encoding_and_counted() {
    run(async {
        let rig = Rig::redis(Options::default()).await;
        let server = rig.server.as_ref().unwrap();
        rig.subscribe("chat").await;
        let beyond: [&[u8]; 5] = [
            b"9007199254740993",
            b"{\"id\":18446744073709551616}",
            b"[-123456789012345678901234567890]",
            b"\xCF\x00\x20\x00\x00\x00\x00\x00\x01",
            b"\xD3\x80\x00\x00\x00\x00\x00\x00\x00",
        ];
        for message in beyond {
            server.publish("hub:chat", message);
        }
        server.publish("hub:chat", b"[9007199254740992,-9007199254740992]");
        assert_eq!(rig.heard().await, ["chat 1 [9007199254740992,-9007199254740992]"]);
        assert_eq!(rig.plane.counters().dropped.invalid, 5);
    });
}
