//! Full queues: each refuses or resets, and none hides a loss.

use channels::{At, LinkOptions, Options, PublishError};

use crate::rig::{Rig, hasty, outgoing, run};

fn with_link(change: impl Fn(&mut LinkOptions)) -> Options {
    let mut options = hasty();
    change(&mut options.link);
    options
}

#[test]
fn publications_beyond_the_queue_are_refused_as_busy_and_the_others_are_heard() {
    run(async {
        let in_number = with_link(|link| link.publish_queue_max = 3);
        // Each message takes three bytes of envelope and one of payload.
        let in_bytes = with_link(|link| link.publish_queue_bytes_max = 3 * 4);
        for options in [in_number, in_bytes] {
            let rig = Rig::redis(options).await;
            rig.subscribe("chat").await;
            // The publisher does not run between these, so nothing is sent meanwhile.
            let published: Vec<_> = (1..=5)
                .map(|number| rig.plane.publish(outgoing("chat", &number.to_string(), At::Next)))
                .collect();
            let published = futures_util::future::join_all(published).await;
            assert_eq!(published[..3], [Ok(None), Ok(None), Ok(None)]);
            assert!(matches!(
                published[3..],
                [Err(PublishError::Busy { .. }), Err(PublishError::Busy { .. })]
            ));
            assert_eq!(
                rig.heard().await,
                ["chat 1 1", "chat 2 2", "chat 3 3"],
                "and the queue is free again"
            );
            assert_eq!(rig.plane.counters().busy, 2);
        }
    });
}

#[test]
fn messages_beyond_the_queue_cost_the_link_and_show_as_a_reset() {
    run(async {
        // No probe is due within the test: the overflow itself must be noticed.
        let in_number = with_link(|link| (link.receive_queue_max, link.probe_every_ms) = (16, 60_000));
        let in_bytes =
            with_link(|link| (link.receive_queue_bytes_max, link.probe_every_ms) = (2_000, 60_000));
        for options in [in_number, in_bytes] {
            let rig = Rig::redis(options).await;
            rig.subscribe("chat").await;
            let server = rig.server.as_ref().unwrap();
            // This thread does not receive while it publishes, so all messages arrive at once. EVAL publishes them
            // together.
            let flood = b"for n = 1, 500 do redis.call('PUBLISH', 'hub:chat', ' ' .. n) end return 1";
            server.run(&[b"EVAL", flood, b"0"]);
            crate::rig::eventually(|| rig.plane.counters().links_lost > 0).await;
            rig.is_up(true).await;
            rig.publish("chat", "\"after\"", At::Next).await;
            let heard = rig.heard().await;
            let whole = heard.iter().take_while(|heard| !heard.contains("reset")).count();
            assert!(whole < 500, "the queue was not exceeded");
            for (number, heard) in (1..).zip(&heard[..whole]) {
                assert_eq!(*heard, format!("chat {number} {number}"));
            }
            assert_eq!(heard[whole..], ["chat reset 0", "chat 1 \"after\""]);
        }
    });
}
