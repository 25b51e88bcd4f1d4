//! What other services publish in Redis, and what several hubs say to each other.

use channels::{At, Options};

use crate::rig::{Rig, at, channel, eventually, hasty, log, run};

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
        assert_eq!((counters.invalid, counters.oversized, counters.links_lost), (6, 2, 0));
    });
}

#[test]
fn a_plain_publish_on_the_hubs_own_namespaces_is_ignored_and_counted() {
    run(async {
        let rig = Rig::redis(Options::default()).await;
        let server = rig.server.as_ref().unwrap();
        for name in ["table:1", "player:7", "domain:balance", "lobby"] {
            rig.subscribe(name).await;
            assert_eq!(server.publish(&format!("hub:{name}"), b"{\"won\":1000000}"), 1);
            rig.publish(name, "\"hub\"", At::Next).await;
        }
        let heard = rig.heard().await;
        let names: Vec<_> = heard.iter().map(|heard| heard.split(' ').next().unwrap()).collect();
        assert_eq!(names, ["table:1", "player:7", "domain:balance", "lobby"]);
        assert!(heard.iter().all(|heard| heard.ends_with("1 \"hub\"")), "{heard:?}");
        assert_eq!(rig.plane.counters().foreign, 4);
    });
}

#[test]
fn a_plain_publish_on_a_channel_of_the_log_is_dropped_and_counted() {
    run(async {
        let rig = Rig::redis(Options::default()).await;
        rig.subscribe("events").await;
        rig.publish("events", "1", log(1)).await;
        rig.server.as_ref().unwrap().publish("hub:events", b"2");
        rig.publish("events", "2", log(2)).await;
        assert_eq!(rig.heard().await, ["events reset 0", "events 1 1", "events 2 2"]);
        assert_eq!(rig.plane.counters().misnumbered, 1);
    });
}

#[test]
fn two_hubs_hear_each_other_and_agree_on_the_logs_positions() {
    run(async {
        let here = Rig::redis(Options::default()).await;
        let there = Rig::at(&here.server.as_ref().unwrap().url(), Options::default()).await;
        // The log lives here; there it is followed.
        here.plane.declare(&channel("table:1"), at("L1", 4));
        for rig in [&here, &there] {
            rig.subscribe("table:1").await;
            rig.subscribe("chat").await;
            rig.heard().await;
        }
        here.publish("table:1", "5", log(5)).await;
        here.publish("table:1", "5", log(5)).await; // sent again
        there.publish("chat", "\"hi\"", At::Next).await;
        assert_eq!(here.heard().await, ["table:1 5 5", "chat 1 \"hi\""]);
        assert_eq!(there.heard().await, ["table:1 reset 4", "table:1 5 5", "chat 1 \"hi\""]);
        for rig in [&here, &there] {
            assert_eq!(rig.top("table:1"), at("L1", 5));
        }
        assert_ne!(here.top("chat").epoch, there.top("chat").epoch, "each mirror numbers for itself");
    });
}

#[test]
fn two_hubs_with_logs_of_their_own_do_not_mix_tables_and_players_and_it_is_counted() {
    run(async {
        let here = Rig::redis(Options::default()).await;
        let there = Rig::at(&here.server.as_ref().unwrap().url(), Options::default()).await;
        for (rig, epoch) in [(&here, "L1"), (&there, "L2")] {
            rig.plane.declare(&channel("table:1"), at(epoch, 4));
            rig.subscribe("table:1").await;
            rig.heard().await; // the server has confirmed it, so what the other says arrives
        }
        here.publish("table:1", "\"chips here\"", At::Ephemeral).await;
        here.publish("table:1", "\"here\"", At::Log(at("L1", 5))).await;
        there.publish("table:1", "\"there\"", At::Log(at("L2", 5))).await;
        assert_eq!(here.heard().await, ["table:1 - \"chips here\"", "table:1 5 \"here\""]);
        assert_eq!(there.heard().await, ["table:1 5 \"there\""]);
        for (rig, epoch) in [(&here, "L1"), (&there, "L2")] {
            assert_eq!(rig.top("table:1"), at(epoch, 5));
            assert_eq!(rig.plane.counters().foreign_logs, 1);
        }
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
