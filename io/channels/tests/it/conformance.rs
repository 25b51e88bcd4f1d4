//! The conformance suite of both backplanes (C1 to C4 and the rules of [`channels::Backplane`]).

use std::rc::Rc;

use channels::{At, Delivery, Options, PublishError, SubscribeError};

use crate::rig::{Rig, at, channel, log, outgoing, run};

macro_rules! conformance {
    ($($claim:ident)*) => {
        mod memory {
            use super::*;
            $(#[test] fn $claim() { run(async { super::$claim(Rig::memory(options()).await).await }); })*
        }
        mod redis {
            use super::*;
            $(#[test] fn $claim() { run(async { super::$claim(Rig::redis(options()).await).await }); })*
        }
    };
}

conformance! {
    publications_are_heard_in_order_with_contiguous_offsets
    publications_that_do_not_wait_for_each_other_keep_their_order
    channels_do_not_mix
    a_subscription_begins_at_the_top
    the_history_is_limited_and_recovery_is_exact
    a_position_of_another_epoch_or_ahead_is_lost
    a_channel_that_is_not_held_is_lost
    the_logs_positions_are_kept_and_a_resend_is_harmless
    a_jump_of_the_log_shows_and_recovery_is_never_partial
    another_epoch_of_the_log_resets
    the_log_takes_over_a_channel_and_then_alone_numbers_it
    the_log_numbers_no_channel_of_others
    a_declared_position_goes_on
    an_ephemeral_publication_is_heard_and_leaves_no_trace
    unsubscribing_stops_deliveries_but_not_the_history
    a_second_subscription_changes_nothing
    what_a_delivery_publishes_comes_after_it
    what_cannot_be_published_is_refused_and_heard_by_nobody
    there_is_a_limit_of_channels
    players_and_tables_are_never_refused
    a_second_declaration_costs_no_history
}

fn options() -> Options {
    Options { history_size: 4, payload_bytes_max: 100, channels_max: 8, ..Options::default() }
}

async fn publications_are_heard_in_order_with_contiguous_offsets(rig: Rig) {
    let top = rig.subscribe("chat").await;
    assert_eq!(top.offset, 0);
    rig.count("chat", 1, 3).await;
    assert_eq!(rig.heard().await, ["chat 1 1", "chat 2 2", "chat 3 3"]);
    assert_eq!(rig.top("chat"), channels::Position { offset: 3, ..top });
}

async fn publications_that_do_not_wait_for_each_other_keep_their_order(rig: Rig) {
    rig.subscribe("chat").await;
    // Futures are dropped: the order is that of the calls.
    for number in 1..=1_000 {
        drop(rig.plane.publish(outgoing("chat", &number.to_string(), At::Next)));
    }
    let expected: Vec<_> = (1..=1_000).map(|number| format!("chat {number} {number}")).collect();
    assert_eq!(rig.heard().await, expected);
}

async fn channels_do_not_mix(rig: Rig) {
    let one = rig.subscribe("chat:1").await;
    let two = rig.subscribe("chat:2").await;
    assert_ne!(one.epoch, two.epoch);
    for name in ["chat:1", "chat:2", "chat:1", "chat:3"] {
        rig.publish(name, "null", At::Next).await;
    }
    assert_eq!(rig.heard().await, ["chat:1 1 null", "chat:2 1 null", "chat:1 2 null"]);
}

async fn a_subscription_begins_at_the_top(rig: Rig) {
    rig.subscribe("chat").await;
    rig.count("chat", 1, 2).await;
    rig.heard().await;
    let top = rig.subscribe("chat").await;
    assert_eq!(top.offset, 2);
    assert_eq!(rig.recover("chat", top), Some(vec![]));
}

async fn the_history_is_limited_and_recovery_is_exact(rig: Rig) {
    let top = rig.subscribe("chat").await;
    let since = |offset| channels::Position { offset, ..top };
    rig.count("chat", 1, 6).await;
    rig.heard().await;
    assert_eq!(rig.recover("chat", since(1)), None, "four are kept: 2 is gone");
    assert_eq!(rig.recover("chat", since(2)).unwrap(), ["chat 3 3", "chat 4 4", "chat 5 5", "chat 6 6"]);
    assert_eq!(rig.recover("chat", since(5)).unwrap(), ["chat 6 6"]);
    assert_eq!(rig.recover("chat", since(6)), Some(vec![]));
}

async fn a_position_of_another_epoch_or_ahead_is_lost(rig: Rig) {
    let top = rig.subscribe("chat").await;
    rig.count("chat", 1, 2).await;
    rig.heard().await;
    assert_eq!(rig.recover("chat", at("L1", 2)), None);
    assert_eq!(rig.recover("chat", channels::Position { offset: 3, ..top }), None);
    assert_eq!(rig.recover("chat", channels::Position { offset: u64::MAX, ..top }), None);
}

async fn a_channel_that_is_not_held_is_lost(rig: Rig) {
    assert_eq!(rig.plane.top(&channel("nowhere")), None);
    assert_eq!(rig.recover("nowhere", at("L1", 0)), None);
    rig.plane.unsubscribe(&channel("nowhere"));
    assert_eq!(rig.plane.top(&channel("nowhere")), None);
}

async fn the_logs_positions_are_kept_and_a_resend_is_harmless(rig: Rig) {
    rig.subscribe("table:1").await;
    rig.plane.declare(&channel("table:1"), at("L1", 0));
    assert_eq!(rig.heard().await, ["table:1 reset 0"]);
    for offset in [1, 2, 1, 2, 3, 3, 1] {
        let told = rig.publish("table:1", &offset.to_string(), log(offset)).await;
        assert_eq!(told, Some(at("L1", offset)));
    }
    assert_eq!(rig.heard().await, ["table:1 1 1", "table:1 2 2", "table:1 3 3"]);
    assert_eq!(rig.top("table:1"), at("L1", 3));
    assert_eq!(rig.recover("table:1", at("L1", 1)).unwrap(), ["table:1 2 2", "table:1 3 3"]);
    assert_eq!(rig.plane.counters().resent, 4);
}

async fn a_jump_of_the_log_shows_and_recovery_is_never_partial(rig: Rig) {
    rig.plane.declare(&channel("table:1"), at("L1", 6));
    rig.subscribe("table:1").await;
    for offset in [7, 9, 8, 10] {
        rig.publish("table:1", &offset.to_string(), log(offset)).await;
    }
    assert_eq!(rig.heard().await, ["table:1 7 7", "table:1 9 9", "table:1 10 10"]);
    for since in [6, 7] {
        assert_eq!(rig.recover("table:1", at("L1", since)), None);
    }
    assert_eq!(rig.recover("table:1", at("L1", 8)).unwrap(), ["table:1 9 9", "table:1 10 10"]);
    assert_eq!(rig.plane.counters().gaps, 1);
}

async fn another_epoch_of_the_log_resets(rig: Rig) {
    rig.subscribe("table:1").await;
    rig.plane.declare(&channel("table:1"), at("L1", 8));
    rig.publish("table:1", "9", log(9)).await;
    rig.publish("table:1", "5", At::Log(at("L2", 5))).await;
    let heard = rig.heard().await;
    assert_eq!(heard, ["table:1 reset 8", "table:1 9 9", "table:1 reset 4", "table:1 5 5"]);
    assert_eq!(rig.recover("table:1", at("L1", 9)), None);
    assert_eq!(rig.recover("table:1", at("L2", 4)).unwrap(), ["table:1 5 5"]);
}

async fn the_log_takes_over_a_channel_and_then_alone_numbers_it(rig: Rig) {
    let before = rig.subscribe("table:1").await;
    rig.publish("table:1", "\"next\"", At::Next).await;
    assert_eq!(rig.heard().await, ["table:1 1 \"next\""]);
    rig.publish("table:1", "7", log(7)).await;
    assert_eq!(rig.heard().await, ["table:1 reset 6", "table:1 7 7"]);
    let refused = rig.plane.publish(outgoing("table:1", "\"next\"", At::Next)).await;
    assert_eq!(refused, Err(PublishError::LogChannel));
    assert!(rig.heard().await.is_empty());
    assert_eq!(rig.recover("table:1", before), None);
}

async fn the_log_numbers_no_channel_of_others(rig: Rig) {
    let top = rig.subscribe("chat").await;
    let refused = rig.plane.publish(outgoing("chat", "7", log(7))).await;
    assert_eq!(refused, Err(PublishError::NotALogChannel));
    assert_eq!((rig.heard().await, rig.top("chat")), (vec![], top));
}

async fn a_declared_position_goes_on(rig: Rig) {
    rig.subscribe("player:1").await;
    rig.plane.declare(&channel("player:1"), at("L1", 57));
    assert_eq!(rig.recover("player:1", at("L1", 57)), Some(vec![]));
    rig.publish("player:1", "58", log(58)).await;
    rig.plane.declare(&channel("player:1"), at("L1", 57));
    assert_eq!(rig.heard().await, ["player:1 reset 57", "player:1 58 58"]);
    assert_eq!(rig.recover("player:1", at("L1", 57)).unwrap(), ["player:1 58 58"]);
}

async fn an_ephemeral_publication_is_heard_and_leaves_no_trace(rig: Rig) {
    let top = rig.subscribe("table:1").await;
    assert_eq!(rig.publish("table:1", "\"wave\"", At::Ephemeral).await, None);
    rig.publish("table:1", "1", At::Next).await;
    rig.publish("table:1", "\"wave\"", At::Ephemeral).await;
    assert_eq!(rig.heard().await, ["table:1 - \"wave\"", "table:1 1 1", "table:1 - \"wave\""]);
    assert_eq!(rig.recover("table:1", top).unwrap(), ["table:1 1 1"]);
}

async fn unsubscribing_stops_deliveries_but_not_the_history(rig: Rig) {
    rig.subscribe("chat").await;
    rig.count("chat", 1, 1).await;
    rig.heard().await;
    let left = rig.top("chat");
    rig.plane.unsubscribe(&channel("chat"));
    rig.count("chat", 2, 3).await;
    assert_eq!(rig.heard().await, Vec::<String>::new());
    let top = rig.subscribe("chat").await;
    assert_eq!(top.offset, 3);
    assert_eq!(rig.recover("chat", left).unwrap(), ["chat 2 2", "chat 3 3"]);
    rig.count("chat", 4, 4).await;
    assert_eq!(rig.heard().await, ["chat 4 4"]);
}

async fn a_second_subscription_changes_nothing(rig: Rig) {
    let first = rig.subscribe("chat").await;
    assert_eq!(rig.subscribe("chat").await, first);
    rig.count("chat", 1, 1).await;
    assert_eq!(rig.heard().await, ["chat 1 1"], "once, not twice");
    rig.plane.unsubscribe(&channel("chat"));
    rig.count("chat", 2, 2).await;
    assert!(rig.heard().await.is_empty(), "subscriptions are not counted here");
}

async fn what_a_delivery_publishes_comes_after_it(rig: Rig) {
    rig.subscribe("question").await;
    rig.subscribe("answer").await;
    let plane = Rc::downgrade(&rig.plane);
    let react = move |delivery: &Delivery| {
        let Delivery::Publication(publication) = delivery else { return };
        if publication.channel.as_str() == "question"
            && let Some(plane) = plane.upgrade()
        {
            for number in ["1", "2"] {
                drop(plane.publish(outgoing("answer", number, At::Next)));
            }
            // Calls the backplane from inside a delivery: must neither block nor panic.
            assert!(plane.top(&channel("answer")).is_some());
        }
    };
    rig.ear.react.replace(Some(Box::new(react)));
    rig.publish("question", "null", At::Next).await;
    let mut heard = rig.heard().await;
    heard.extend(rig.heard().await);
    assert_eq!(heard, ["question 1 null", "answer 1 1", "answer 2 2"]);
}

async fn what_cannot_be_published_is_refused_and_heard_by_nobody(rig: Rig) {
    rig.subscribe("chat").await;
    let long = format!("\"{}\"", "x".repeat(99));
    let too_large = rig.plane.publish(outgoing("chat", &long, At::Next)).await;
    assert_eq!(too_large, Err(PublishError::TooLarge { bytes: 101, max: 100 }));
    let zero = rig.plane.publish(outgoing("table:1", "0", log(0))).await;
    assert_eq!(zero, Err(PublishError::OffsetZero));
    assert!(rig.heard().await.is_empty());
}

async fn there_is_a_limit_of_channels(rig: Rig) {
    for number in 1..=7 {
        rig.subscribe(&format!("chat:{number}")).await; // the mark is the eighth
    }
    let refused = rig.plane.subscribe(&channel("chat:8")).await;
    assert_eq!(refused, Err(SubscribeError::TooManyChannels { max: 8 }));
    rig.plane.unsubscribe(&channel("chat:1"));
    rig.subscribe("chat:8").await;
    rig.publish("chat:8", "8", At::Next).await;
    assert_eq!(rig.heard().await, ["chat:8 1 8"]);
    assert_eq!(rig.plane.counters().channels, 8);
}

async fn players_and_tables_are_never_refused(rig: Rig) {
    for number in 1..=7 {
        rig.subscribe(&format!("chat:{number}")).await; // the mark is the eighth
    }
    for number in 1..=9 {
        let channel = channel(&format!("player:{number}"));
        rig.plane.declare(&channel, at("L1", 4));
        assert_eq!(rig.plane.subscribe(&channel).await, Ok(at("L1", 4)));
    }
    assert!(rig.plane.subscribe(&channel("chat:8")).await.is_err());
}

async fn a_second_declaration_costs_no_history(rig: Rig) {
    rig.plane.declare(&channel("player:1"), at("L1", 4));
    rig.subscribe("player:1").await;
    // Not awaited: another device subscribes while the event is being published.
    drop(rig.plane.publish(outgoing("player:1", "5", log(5))));
    rig.plane.declare(&channel("player:1"), at("L1", 5));
    assert_eq!(rig.plane.subscribe(&channel("player:1")).await, Ok(at("L1", 5)));
    assert_eq!(rig.recover("player:1", at("L1", 4)).unwrap(), ["player:1 5 5"]);
    assert_eq!(rig.heard().await, ["player:1 5 5"]);
    assert_eq!(rig.plane.counters().resets, 0);
}
