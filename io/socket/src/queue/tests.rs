//! The out-queue: order, bounds, replaced states and pongs.

use super::*;

fn limits() -> Limits {
    Limits { queue_bytes_max: 20 + 5 * ENTRY_BYTES, ..Limits::default() }
}

fn push(queue: &mut Queue, text: &'static str, class: Class) -> Pushed {
    queue.push(Bytes::from_static(text.as_bytes()), class, 0, &limits())
}

/// The waiting frames as text; also checks the byte count.
fn waiting(queue: &Queue) -> String {
    let mut slices = [IoSlice::new(&[]); SLICES];
    let n = queue.slices(&mut slices);
    let words: Vec<_> = slices[..n].iter().map(|slice| String::from_utf8_lossy(slice)).collect();
    assert_eq!(words.iter().map(|word| word.len()).sum::<usize>(), queue.bytes());
    words.join(" ")
}

#[test]
fn the_newest_state_waits_behind_the_replies_before_it() {
    let mut queue = Queue::default();
    push(&mut queue, "a1", Class::State(1));
    push(&mut queue, "r1", Class::Reply);
    push(&mut queue, "b1", Class::State(2));
    push(&mut queue, "r2", Class::Reply);
    assert_eq!(push(&mut queue, "a2", Class::State(1)), Pushed::Conflated);
    assert_eq!(waiting(&queue), "r1 b1 r2 a2");
}

#[test]
fn a_full_queue_overflows_and_a_single_frame_to_an_empty_one_does_not() {
    let mut queue = Queue::default();
    let long = Bytes::from(vec![b'x'; limits().queue_bytes_max + 1]);
    assert_eq!(queue.push(long, Class::Reply, 0, &limits()), Pushed::Queued);
    assert_eq!(push(&mut queue, "x", Class::Publication), Pushed::Overflow);
    assert_eq!(push(&mut queue, "x", Class::State(1)), Pushed::Overflow);
}

#[test]
fn small_frames_are_counted_with_their_overhead() {
    let mut queue = Queue::default();
    let taken = (0..1_000).take_while(|_| push(&mut queue, "x", Class::Reply) == Pushed::Queued).count();
    assert_eq!((taken, queue.bytes()), (5, 5));
    assert_eq!(queue.cost_bytes(), 5 + 5 * ENTRY_BYTES);
}

#[test]
fn only_the_newest_ping_is_answered_and_the_replies_around_it_stay() {
    let mut queue = Queue::default();
    let pong =
        |queue: &mut Queue, text: &'static str| queue.push_pong(Bytes::from_static(text.as_bytes()), 0);
    push(&mut queue, "r1", Class::Reply);
    push(&mut queue, "s1", Class::State(1));
    for _ in 0..10_000 {
        pong(&mut queue, "p1");
        pong(&mut queue, "p22");
    }
    push(&mut queue, "r2", Class::Reply);
    assert_eq!((waiting(&queue).as_str(), queue.entries()), ("r1 s1 p22 r2", 4));
    // A pong of which a part was sent is finished; the next ping gets an answer of its own.
    queue.written(5);
    pong(&mut queue, "p3");
    pong(&mut queue, "p4");
    assert_eq!(waiting(&queue), "22 r2 p4");
    queue.written(6);
    pong(&mut queue, "p5");
    assert_eq!(waiting(&queue), "p5");
}

#[test]
fn a_pong_keeps_its_place_when_holes_before_it_are_filled() {
    let mut queue = Queue::default();
    push(&mut queue, "s", Class::State(1));
    queue.push_pong(Bytes::from_static(b"p1"), 0);
    for _ in 0..3 * SLICES {
        push(&mut queue, "s", Class::State(1));
    }
    queue.push_pong(Bytes::from_static(b"p2"), 0);
    assert_eq!(waiting(&queue), "p2 s");
}

#[test]
fn a_frame_under_way_is_finished_before_anything_else() {
    let mut queue = Queue::default();
    push(&mut queue, "state", Class::State(1));
    push(&mut queue, "reply", Class::Reply);
    queue.written(2);
    assert_eq!(push(&mut queue, "newer", Class::State(1)), Pushed::Queued);
    assert_eq!(waiting(&queue), "ate reply newer");
    queue.abandon();
    assert_eq!(waiting(&queue), "ate");
    queue.written(3);
    push(&mut queue, "whole", Class::Reply);
    queue.abandon();
    assert!(queue.is_empty());
}

#[test]
fn a_state_that_was_sent_is_not_replaced() {
    let mut queue = Queue::default();
    push(&mut queue, "s1", Class::State(1));
    push(&mut queue, "s2", Class::State(2));
    push(&mut queue, "s1b", Class::State(1));
    queue.written(2);
    assert_eq!(push(&mut queue, "s2b", Class::State(2)), Pushed::Queued);
    assert_eq!(waiting(&queue), "s1b s2b");
    queue.written(6);
    assert!(queue.is_empty());
    assert_eq!(push(&mut queue, "s1c", Class::State(1)), Pushed::Queued);
}

#[test]
fn a_state_that_is_replaced_again_and_again_does_not_grow_the_queue() {
    let mut queue = Queue::default();
    push(&mut queue, "stuck", Class::Reply);
    for _ in 0..10_000 {
        push(&mut queue, "s", Class::State(1));
        push(&mut queue, "t", Class::State(2));
    }
    assert_eq!(waiting(&queue), "stuck s t");
    assert!(queue.entries() <= 4 * SLICES, "{} entries", queue.entries());
}

#[test]
fn the_age_is_that_of_the_oldest_frame_that_must_be_sent() {
    let mut queue = Queue::default();
    queue.push(Bytes::from_static(b"s"), Class::State(1), 1, &limits());
    assert_eq!(queue.oldest_must_ms(), None);
    queue.push(Bytes::from_static(b"r"), Class::Reply, 3, &limits());
    queue.push(Bytes::from_static(b"r"), Class::Reply, 4, &limits());
    assert_eq!(queue.oldest_must_ms(), Some(3));
}
