//! Forged messages in Redis, on the hub's own channels or as events of a log: they are dropped and counted, and have no
//! other effect.

use channels::{At, Dropped, Namespace, Options};

use crate::{
    rig::{Rig, at, channel, eventually, hasty, log, run},
    server::Server,
};

/// An envelope of the old kind that carried an event of a log with its position.
fn of_a_log(epoch: &str, offset: u64, payload: &[u8]) -> Vec<u8> {
    let offset = offset.to_be_bytes();
    [b"\xC1\x01\x01", &offset[..], &[epoch.len() as u8], epoch.as_bytes(), payload].concat()
}

/// Forged positions: in the hub's own epoch and in another, at, below and far above the top.
fn forged(payload: &[u8]) -> Vec<Vec<u8>> {
    let offsets = [0, 1, 2, 5, 6, 7, (1 << 53) - 1, 1 << 53, u64::MAX];
    let positions = offsets.iter().flat_map(|offset| [("L1", *offset), ("L2", *offset), ("mX", *offset)]);
    positions.map(|(epoch, offset)| of_a_log(epoch, offset, payload)).collect()
}

#[test]
fn no_message_silences_a_services_channel_or_moves_its_positions() {
    run(async {
        let rig = Rig::redis(Options::default()).await;
        let server = rig.server.as_ref().unwrap();
        let start = rig.subscribe("news:sport").await;
        rig.publish("news:sport", "\"first\"", At::Next).await;
        for message in forged(b"\xA6forged") {
            assert_eq!(server.publish("hub:news:sport", &message), 1);
        }
        // In the channel's own epoch, which every subscriber knows.
        let own = rig.top("news:sport").epoch;
        for offset in [0, 1, 2, 1 << 52, u64::MAX] {
            server.publish("hub:news:sport", &of_a_log(own.as_str(), offset, b"\xA6forged"));
        }
        server.publish("hub:news:sport", b"\"plain\"");
        rig.publish("news:sport", "\"last\"", At::Next).await;
        let expected = ["news:sport 1 \"first\"", "news:sport 2 \"plain\"", "news:sport 3 \"last\""];
        assert_eq!(rig.heard().await, expected);
        assert_eq!(rig.recover("news:sport", start).unwrap(), expected);
        assert_eq!(rig.top("news:sport"), channels::Position { offset: 3, ..start });
        let dropped = rig.plane.counters().dropped;
        assert_eq!(dropped, Dropped { log: 27 + 5, ..Dropped::default() });
    });
}

#[test]
fn no_message_reaches_the_hubs_own_channels_however_it_is_made() {
    run(async {
        let rig = Rig::redis(hasty()).await;
        let server = rig.server.as_ref().unwrap();
        let logged = ["player:7", "table:1"];
        for name in logged {
            rig.plane.declare(&channel(name), at("L1", 5));
        }
        for name in logged.into_iter().chain(["table:2", "domain:balance", "lobby", "lobby:a"]) {
            rig.subscribe(name).await;
            let before = rig.top(name);
            let mut messages = forged(b"\xA6forged");
            messages.extend(
                [
                    &b"{\"won\":1000000}"[..],
                    b"\xA6forged",
                    b"\xC1\x01\x00\xA6forged",
                    b"\xC1\x01\x02\xA6forged",
                ]
                .map(<[u8]>::to_vec),
            );
            for message in messages {
                server.publish(&format!("hub:{name}"), &message);
            }
            assert_eq!(rig.heard().await, Vec::<String>::new(), "{name}");
            assert_eq!(rig.top(name), before, "{name}");
        }
        eventually(|| rig.plane.counters().dropped == Dropped { owned: 6 * 31, ..Dropped::default() }).await;
        for name in logged {
            rig.publish(name, "\"true\"", log(6)).await;
        }
        assert_eq!(rig.heard().await, ["player:7 6 \"true\"", "table:1 6 \"true\""]);
    });
}

#[test]
fn the_hubs_own_channels_are_not_sent_through_the_server() {
    run(async {
        let here = Rig::redis(Options::default()).await;
        let there = Rig::at(&here.server.as_ref().unwrap().url(), Options::default()).await;
        for (rig, epoch) in [(&here, "L1"), (&there, "L2")] {
            rig.plane.declare(&channel("table:1"), at(epoch, 4));
            rig.subscribe("table:1").await;
            rig.subscribe("chat").await;
        }
        here.publish("table:1", "\"chips\"", At::Ephemeral).await;
        here.publish("table:1", "5", log(5)).await;
        here.publish("lobby", "\"hub\"", At::Next).await;
        here.publish("chat", "\"hi\"", At::Next).await;
        assert_eq!(here.heard().await, ["table:1 - \"chips\"", "table:1 5 5", "chat 1 \"hi\""]);
        assert_eq!(there.heard().await, ["chat 1 \"hi\""], "two hubs share only what services publish");
        assert_eq!((here.top("table:1"), there.top("table:1")), (at("L1", 5), at("L2", 4)));
        for rig in [&here, &there] {
            assert_eq!(rig.plane.counters().dropped, Dropped::default());
        }
    });
}

#[test]
fn a_flood_on_the_hubs_own_channels_does_not_cost_the_link() {
    run(async {
        let mut options = hasty();
        (options.link.receive_queue_max, options.link.receive_queue_bytes_max) = (16, 2_000);
        let rig = Rig::redis(options).await;
        rig.subscribe("chat").await;
        // This thread does not receive while it publishes, so all messages arrive at once. EVAL publishes them
        // together.
        let flood = b"for n = 1, 5000 do redis.call('PUBLISH', 'hub:player:7', tostring(n)) end return 1";
        rig.server.as_ref().unwrap().run(&[b"EVAL", flood, b"0"]);
        eventually(|| rig.plane.counters().dropped.owned == 5_000).await;
        rig.publish("chat", "1", At::Next).await;
        assert_eq!(rig.heard().await, ["chat 1 1"]);
        assert_eq!(rig.plane.counters().links_lost, 0);
    });
}

#[test]
fn one_message_larger_than_the_whole_queue_is_dropped_and_does_not_cost_the_link() {
    run(async {
        let mut options = hasty();
        options.link.receive_queue_bytes_max = 200_000;
        let rig = Rig::redis(options).await;
        rig.subscribe("chat").await;
        rig.server.as_ref().unwrap().publish("hub:chat", &vec![b' '; 1_000_000]);
        rig.publish("chat", "1", At::Next).await;
        assert_eq!(rig.heard().await, ["chat 1 1"]);
        let counters = rig.plane.counters();
        assert_eq!((counters.dropped.oversized, counters.links_lost), (1, 0));
    });
}

#[test]
fn services_are_received_even_if_an_access_rule_forbids_to_watch_the_hubs_own_channels() {
    run(async {
        let server = Server::start();
        let rules: [&[u8]; 5] =
            [b"resetchannels", b"&hub:chat", b"&hub:mark:*", b"&hub::probe:*", b"&hub:player:*"];
        server.run(&[&[&b"ACL"[..], b"SETUSER", b"default"], &rules[..]].concat());
        let rig = Rig::at(&server.url(), hasty()).await;
        rig.subscribe("chat").await;
        rig.publish("chat", "1", At::Next).await;
        assert_eq!(rig.heard().await, ["chat 1 1"]);
        assert_eq!(server.publish("hub:player:7", b"{}"), 0, "nobody listens there");
        assert_eq!((rig.plane.counters().dropped, rig.plane.counters().links_lost), (Dropped::default(), 0));
    });
}

#[test]
fn a_namespace_on_which_only_the_hub_may_publish_is_closed_to_others_whatever_its_name() {
    run(async {
        let promo = Namespace { history_size: 4, history_age_ms: 60_000, local: true };
        let rig = Rig::redis(Options { namespaces: [("promo".into(), promo)].into(), ..hasty() }).await;
        let server = rig.server.as_ref().unwrap();
        rig.subscribe("promo:today").await;
        for message in [&b"{\"free\":true}"[..], b"\xC1\x01\x00\xA6forged"] {
            server.publish("hub:promo:today", message);
        }
        eventually(|| rig.plane.counters().dropped.owned == 2).await;
        rig.publish("promo:today", "\"hub\"", At::Next).await;
        assert_eq!(rig.heard().await, ["promo:today 1 \"hub\""]);
    });
}
