//! Faults: Redis killed, restarted, frozen or replaced, and a panic in a delivery. No loss is silent, and the link
//! recovers by itself.

use channels::{At, Backplane, Delivery, PublishError, RedisBackplane};

use crate::{
    proxy::Proxy,
    rig::{Ear, Rig, at, channel, eventually, hasty, log, outgoing, run},
    server::Server,
};

#[test]
fn a_killed_and_restarted_server_is_found_again_and_subscribers_are_reset() {
    run(async {
        let mut rig = Rig::redis(hasty()).await;
        let before = rig.subscribe("chat").await;
        rig.subscribe("table:1").await;
        rig.plane.declare(&channel("table:1"), at("L1", 0));
        rig.count("chat", 1, 1).await;
        rig.publish("table:1", "1", log(1)).await;
        rig.heard().await;

        rig.server().kill();
        rig.is_up(false).await;
        eventually(|| rig.recover("chat", before).is_none()).await;
        assert!(rig.plane.health().message.contains("hearing"), "{}", rig.plane.health().message);
        eventually(|| {
            let refused = rig.plane.publish(outgoing("chat", "2", At::Next));
            let refused = futures_util::FutureExt::now_or_never(refused);
            matches!(refused, Some(Err(PublishError::Unavailable { .. })))
        })
        .await;

        // The log is in this process: its events are delivered here, whatever the state of the server.
        assert_eq!(rig.publish("table:1", "2", log(2)).await, Some(at("L1", 2)));
        assert_eq!(rig.top("table:1"), at("L1", 2));

        rig.server().restart();
        rig.is_up(true).await;
        rig.count("chat", 3, 3).await;
        let mut heard = rig.heard().await;
        heard.sort();
        assert_eq!(heard, ["chat 1 3", "chat reset 0", "table:1 2 2"]);
        assert_ne!(rig.top("chat").epoch, before.epoch);
        assert_eq!(rig.top("table:1"), at("L1", 2));
        assert_eq!(rig.recover("table:1", at("L1", 0)).unwrap(), ["table:1 1 1", "table:1 2 2"]);
        assert!(rig.plane.counters().links_lost >= 1);
    });
}

#[test]
fn a_frozen_server_is_noticed_by_the_probes_and_comes_back() {
    run(async {
        let rig = Rig::redis(hasty()).await;
        let server = rig.server.as_ref().unwrap();
        rig.subscribe("chat").await;
        server.freeze();
        eventually(|| rig.plane.health().message.contains("hearing: no answer to 2 probes")).await;
        assert!(!rig.plane.health().up);
        // The kernel still accepts connections to it, which must not count as a link.
        eventually(|| rig.plane.health().since_ms > 1_000).await;
        server.thaw();
        rig.is_up(true).await;
        rig.publish("chat", "1", At::Next).await;
        assert_eq!(rig.heard().await, ["chat reset 0", "chat 1 1"]);
    });
}

#[test]
fn the_own_log_is_heard_at_once_while_the_server_hangs_and_a_subscription_to_it_does_not_wait() {
    run(async {
        let rig = Rig::redis(hasty()).await;
        rig.server.as_ref().unwrap().freeze();
        rig.plane.declare(&channel("player:1"), at("L1", 5));
        let subscribed = futures_util::FutureExt::now_or_never(rig.plane.subscribe(&channel("player:1")));
        assert_eq!(subscribed, Some(Ok(at("L1", 5))));
        let published = rig.plane.publish(outgoing("player:1", "6", log(6)));
        assert_eq!(rig.top("player:1"), at("L1", 6));
        assert_eq!(published.await, Ok(Some(at("L1", 6))));
        rig.server.as_ref().unwrap().thaw();
        rig.is_up(true).await;
        assert_eq!(rig.heard().await, ["player:1 6 6"]);
        assert_eq!(rig.recover("player:1", at("L1", 5)).unwrap(), ["player:1 6 6"]);
    });
}

#[test]
fn a_publication_that_a_frozen_server_swallowed_is_unconfirmed() {
    run(async {
        let rig = Rig::redis(hasty()).await;
        rig.server.as_ref().unwrap().freeze();
        let published = rig.plane.publish(outgoing("chat", "1", At::Next)).await;
        assert_eq!(published, Err(PublishError::Unconfirmed));
    });
}

#[test]
fn without_a_server_subscriptions_are_answered_and_kept_until_there_is_one() {
    run(async {
        let mut server = Server::start();
        server.kill();
        let ear = std::rc::Rc::new(Ear::default());
        let plane = RedisBackplane::connect(&server.url(), hasty(), ear.deliver()).unwrap();
        plane.subscribe(&channel("chat")).await.unwrap();
        assert!(!plane.health().up);
        server.restart();
        let rig = Rig::over(plane, ear, Some(server)).ready().await;
        rig.publish("chat", "1", At::Next).await;
        assert_eq!(rig.heard().await, ["chat reset 0", "chat 1 1"]);
    });
}

#[test]
fn a_link_that_stays_with_a_deposed_server_is_noticed() {
    run(async {
        let (old, new) = (Server::start(), Server::start());
        let proxy = Proxy::to(old.port()).await;
        let rig = Rig::at(&proxy.url(), hasty()).await;
        rig.subscribe("chat").await;
        // The publishing connection moves to the new server; the receiving one stays at the old server, which answers
        // its probes and sends no publications any more.
        proxy.point_to(new.port());
        old.run(&[b"CLIENT", b"KILL", b"TYPE", b"normal"]);
        eventually(|| new.subscribers("hub:chat") == 1).await;
        rig.is_up(true).await;
        rig.publish("chat", "1", At::Next).await;
        assert_eq!(rig.heard().await, ["chat reset 0", "chat 1 1"]);
    });
}

#[test]
fn thousands_of_channels_are_subscribed_again() {
    run(async {
        let mut rig = Rig::redis(hasty()).await;
        let names: Vec<_> = (0..3_000).map(|number| format!("chat:{number}")).collect();
        let channels: Vec<_> = names.iter().map(|name| channel(name)).collect();
        futures_util::future::join_all(channels.iter().map(|channel| rig.plane.subscribe(channel))).await;
        rig.server().kill();
        rig.is_up(false).await;
        rig.server().restart();
        rig.is_up(true).await;
        for name in &names {
            drop(rig.plane.publish(outgoing(name, "1", At::Next)));
        }
        let heard = rig.heard().await;
        assert_eq!(heard.iter().filter(|heard| heard.ends_with("reset 0")).count(), 3_000);
        assert_eq!(heard.iter().filter(|heard| heard.ends_with("1 1")).count(), 3_000);
    });
}

#[test]
fn after_a_panic_in_a_delivery_messages_are_still_received() {
    run(async {
        let rig = Rig::redis(hasty()).await;
        rig.subscribe("chat").await;
        let react = |delivery: &Delivery| {
            let Delivery::Publication(publication) = delivery else { return };
            assert_ne!(publication.payload.to_json(), "\"poison\"");
        };
        rig.ear.react.replace(Some(Box::new(react)));
        rig.publish("chat", "\"poison\"", At::Next).await;
        eventually(|| !rig.plane.health().up).await;
        rig.ear.forgive();
        rig.is_up(true).await;
        rig.publish("chat", "\"good\"", At::Next).await;
        assert_eq!(rig.heard().await, ["chat 1 \"poison\"", "chat reset 0", "chat 1 \"good\""]);
    });
}

#[test]
fn a_password_is_used_and_never_shown() {
    run(async {
        let server = Server::start_with(Some("s3cret"));
        let url = |password| format!("redis://:{password}@127.0.0.1:{}", server.port());
        let rig = Rig::at(&url("s3cret"), hasty()).await;
        assert_eq!(rig.plane.health().message, format!("connected to 127.0.0.1:{}", server.port()));
        rig.subscribe("chat").await;
        rig.publish("chat", "1", At::Next).await;
        assert_eq!(rig.heard().await, ["chat 1 1"]);

        let ear = std::rc::Rc::new(Ear::default());
        let wrong = RedisBackplane::connect(&url("wr0ng"), hasty(), ear.deliver()).unwrap();
        eventually(|| !wrong.health().message.contains("not connected yet")).await;
        let message = wrong.health().message;
        assert!(!wrong.health().up && !message.contains("wr0ng") && !message.contains("s3cret"), "{message}");
    });
}
