//! The frame decoder: every split of the bytes, every violation of the protocol, and the memory that is kept.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::*;

/// Makes a masked client frame with the shortest header.
fn client(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = [0x11, 0xA5, 0x00, 0xFE];
    let mut out = vec![first];
    match payload.len() {
        len @ 0..=125 => out.push(0x80 | len as u8),
        len @ 126..=0xFFFF => {
            out.push(0x80 | 126);
            out.extend((len as u16).to_be_bytes());
        }
        len => {
            out.push(0x80 | 127);
            out.extend((len as u64).to_be_bytes());
        }
    }
    out.extend(key);
    out.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    out
}

/// The events of `bytes`, decoded in pieces of `step` bytes, as one line of text.
fn outcome(bytes: &[u8], step: usize) -> String {
    let mut decoder = FrameDecoder::new(200, 300);
    let mut events = VecDeque::new();
    for piece in bytes.chunks(step) {
        decoder.decode(piece, &mut events);
    }
    let words: Vec<String> = events.into_iter().map(word).collect();
    words.join(" ")
}

fn word(event: Decoded) -> String {
    match event {
        Decoded::Message(Message::Text(text)) => format!("text:{text}"),
        Decoded::Message(Message::Binary(bytes)) => format!("binary:{}", bytes.len()),
        Decoded::Message(other) => panic!("not a whole message: {other:?}"),
        Decoded::Ping(payload) => format!("ping:{}", payload.len()),
        Decoded::Close(None) => "close".to_owned(),
        Decoded::Close(Some(reason)) => format!("close:{}", u16::from(reason.code)),
        Decoded::Fault(fault) => format!("fault:{}", fault.code),
        Decoded::Eof => "eof".to_owned(),
    }
}

/// Every split of the stream must give the same outcome.
fn check(frames: &[Vec<u8>], expected: &str) {
    let bytes = frames.concat();
    for step in [1, 2, 3, 5, 7, 13, 64, bytes.len().max(1)] {
        assert_eq!(outcome(&bytes, step), expected, "in pieces of {step}");
    }
}

#[test]
fn messages_are_whole_however_the_bytes_are_split() {
    check(&[client(0x81, b"hello"), client(0x82, &[9; 150])], "text:hello binary:150");
    check(&[client(0x81, b""), client(0x82, b"")], "text: binary:0");
    check(&[client(0x01, b"a"), client(0x00, b""), client(0x80, "ä".as_bytes())], "text:aä");
    check(&[client(0x01, &[0xC3]), client(0x80, &[0xA4])], "text:ä");
    check(
        &[client(0x02, b"ab"), client(0x89, b"p"), client(0x8A, b"q"), client(0x80, b"c")],
        "ping:1 binary:3",
    );
}

#[test]
fn a_violation_of_the_protocol_is_a_fault_and_nothing_follows_it() {
    let good = client(0x81, b"ok");
    for (bad, fault) in [
        (vec![0x81, 0x02, b'h', b'i'], "fault:1002"),         // not masked
        (client(0xC1, b"x"), "fault:1002"),                   // reserved bit
        (client(0x83, b"x"), "fault:1002"),                   // reserved opcode
        (client(0x8B, b"x"), "fault:1002"),                   // reserved control opcode
        (client(0x80, b"x"), "fault:1002"),                   // continuation of nothing
        (client(0x09, b"x"), "fault:1002"),                   // fragmented ping
        (client(0x89, &[0; 126]), "fault:1002"),              // long ping
        (client(0x88, b"x"), "fault:1002"),                   // half a close code
        (client(0x88, &1005u16.to_be_bytes()), "fault:1002"), // a code that is never sent
        (client(0x88, &[0x03, 0xE8, 0xFF]), "fault:1007"),    // close reason not utf-8
        (client(0x81, &[0xFF]), "fault:1007"),                // text not utf-8
        (client(0x81, &[b'a', 0xC3]), "fault:1007"),          // text cut within a character
        (client(0x82, &[0; 201]), "fault:1009"),              // over the frame's limit
        (vec![0x82, 0xFE, 0, 5, 0, 0, 0, 0], "fault:1002"),   // longer header than needed
        (vec![0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4], "fault:1002"), // negative length
    ] {
        check(&[good.clone(), bad, good.clone()], &format!("text:ok {fault}"));
    }
    check(&[client(0x01, b"a"), client(0x81, b"b")], "fault:1002");
}

#[test]
fn fragments_together_may_not_exceed_the_message_limit() {
    check(&[client(0x02, &[0; 200]), client(0x80, &[0; 100])], "binary:300");
    check(&[client(0x02, &[0; 200]), client(0x80, &[0; 101])], "fault:1009");
}

#[test]
fn a_close_frame_ends_the_stream() {
    check(&[client(0x88, b""), client(0x81, b"late")], "close");
    check(&[client(0x88, &4001u16.to_be_bytes()), client(0x81, b"late")], "close:4001");
}

#[test]
fn an_oversized_frame_is_refused_at_its_header_and_keeps_no_memory() {
    let mut decoder = FrameDecoder::new(1 << 16, 1 << 16);
    let mut events = VecDeque::new();
    let mut header = vec![0x82, 0x80 | 127];
    header.extend((1u64 << 40).to_be_bytes());
    header.extend([1, 2, 3, 4]);
    decoder.decode(&header, &mut events);
    assert_eq!(word(events.pop_front().unwrap()), "fault:1009");
    decoder.decode(&[0; 4096], &mut events);
    assert!(events.is_empty() && decoder.is_over());
    assert_eq!(decoder.held_bytes(), 0);
}

#[test]
fn a_header_alone_reserves_no_memory_for_the_declared_length() {
    let mut decoder = FrameDecoder::new(1 << 20, 1 << 20);
    let mut bytes = client(0x82, &vec![0; 1 << 20]);
    bytes.truncate(14 + 100);
    decoder.decode(&bytes, &mut VecDeque::new());
    assert!(decoder.held_bytes() < 1024, "{} bytes held", decoder.held_bytes());
}

#[test]
fn bad_text_is_refused_before_the_message_ends() {
    let mut decoder = FrameDecoder::new(200, 300);
    let mut events = VecDeque::new();
    decoder.decode(&client(0x01, &[b'a', 0xF4, 0x90]), &mut events);
    assert_eq!(word(events.pop_front().unwrap()), "fault:1007");
}

#[test]
fn events_are_made_a_few_at_a_time_and_none_is_lost() {
    let mut decoder = FrameDecoder::new(200, 300);
    let bytes = client(0x82, b"").repeat(1_000);
    let (mut rest, mut messages) = (&bytes[..], 0);
    while !rest.is_empty() {
        let mut events = VecDeque::new();
        let taken = decoder.decode(rest, &mut events);
        assert!((1..=EVENTS_MAX).contains(&events.len()), "{} events", events.len());
        messages += events.len();
        rest = &rest[taken..];
    }
    assert_eq!(messages, 1_000);
}

#[test]
fn control_frames_and_empty_fragments_are_counted() {
    let mut decoder = FrameDecoder::new(200, 300);
    let frames = [
        client(0x89, b"ping"),
        client(0x8A, b"pong"),
        client(0x01, b""),
        client(0x00, b""),
        client(0x00, b"x"),
        client(0x80, b""),
    ];
    decoder.decode(&frames.concat(), &mut VecDeque::new());
    assert_eq!((decoder.take_idle_frames(), decoder.take_idle_frames()), (4, 0));
}
