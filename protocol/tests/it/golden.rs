//! Golden bytes: the encoding of every frame is compared with checked-in files, so that a change of the protocol shows.
//!
//! `UPDATE_GOLDEN=1 cargo test -p protocol` rewrites them.

use std::{collections::BTreeSet, fmt::Write, path::PathBuf};

use protocol::{
    Encoding, Payload, Push, Reply,
    codec::{
        ServerFrame, decode_client, decode_server, encode_client, encode_publication, encode_push,
        encode_reply,
    },
    push::Event,
};

use crate::frames;

/// One frame in both encodings.
pub struct Golden {
    pub name: &'static str,
    pub json: Vec<u8>,
    pub msgpack: Vec<u8>,
}

pub fn requests() -> Vec<Golden> {
    spell(frames::requests(), |encoding, frame| encode_client(encoding, frame.clone()))
}

pub fn replies() -> Vec<Golden> {
    spell(frames::replies(), encode_reply)
}

pub fn pushes() -> Vec<Golden> {
    spell(frames::pushes(), encode_push)
}

pub fn events() -> Vec<Golden> {
    spell(frames::events(), |encoding, event| match encoding {
        Encoding::Msgpack => Payload::of(event).bytes().to_vec(),
        Encoding::Json => Payload::of(event).to_json().into_bytes(),
    })
}

fn spell<T>(frames: Vec<(&'static str, T)>, encode: impl Fn(Encoding, &T) -> Vec<u8>) -> Vec<Golden> {
    let both = |(name, frame)| Golden {
        name,
        json: encode(Encoding::Json, &frame),
        msgpack: encode(Encoding::Msgpack, &frame),
    };
    frames.into_iter().map(both).collect()
}

/// Compares `text` with a checked-in file of the crate or the docs, or rewrites the file.
pub fn same_as_file(path: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    for (number, (expected, found)) in written.lines().zip(text.lines()).enumerate() {
        assert_eq!(expected, found, "{}:{}: UPDATE_GOLDEN=1 rewrites it", path.display(), number + 1);
    }
    assert!(written == text, "{} has another length: UPDATE_GOLDEN=1 rewrites it", path.display());
}

fn check(file: &str, what: &str, frames: &[Golden]) {
    let mut text = format!("# {what}: name, JSON, MessagePack in hexadecimal.\n");
    for frame in frames {
        let json = std::str::from_utf8(&frame.json).unwrap();
        let hex = base16ct::lower::encode_string(&frame.msgpack);
        write!(text, "\n{}\n  {json}\n  {hex}\n", frame.name).unwrap();
    }
    same_as_file(&format!("tests/golden/{file}.txt"), &text);
}

#[test]
fn requests_have_these_bytes() {
    check("requests", "Requests", &requests());
}

#[test]
fn replies_have_these_bytes() {
    check("replies", "Replies", &replies());
}

#[test]
fn pushes_have_these_bytes() {
    check("pushes", "Pushes", &pushes());
}

#[test]
fn events_have_these_bytes() {
    check("events", "Events, the data of publications", &events());
}

#[test]
fn each_kind_of_frame_has_an_example() {
    let kinds = |kinds: Vec<&'static str>| kinds.into_iter().collect::<BTreeSet<_>>().len();
    // The numbers count the variants in `frames`' matches.
    assert_eq!(
        kinds(frames::requests().iter().map(|(_, frame)| frames::request_kind(&frame.request)).collect()),
        17
    );
    assert_eq!(
        kinds(frames::replies().iter().map(|(_, frame)| frames::reply_kind(&frame.reply)).collect()),
        15
    );
    assert_eq!(kinds(frames::pushes().iter().map(|(_, push)| frames::push_kind(push)).collect()), 3);
    assert_eq!(kinds(frames::events().iter().map(|(_, event)| frames::event_kind(event)).collect()), 7);
}

#[test]
fn the_list_of_reply_names_is_complete() {
    let named: BTreeSet<_> =
        frames::replies().iter().map(|(_, frame)| frames::reply_kind(&frame.reply)).collect();
    assert_eq!(named, Reply::KINDS.iter().copied().collect());
}

#[test]
fn t_holds_the_name_of_the_frame() {
    let t = |json: &[u8]| serde_json::from_slice::<serde_json::Value>(json).unwrap()["t"].clone();
    for (golden, (_, frame)) in requests().iter().zip(frames::requests()) {
        assert_eq!(t(&golden.json), frames::request_kind(&frame.request));
    }
    for (golden, (_, frame)) in replies().iter().zip(frames::replies()) {
        assert_eq!(t(&golden.json), frames::reply_kind(&frame.reply));
    }
    for (golden, (_, push)) in pushes().iter().zip(frames::pushes()) {
        assert_eq!(t(&golden.json), frames::push_kind(&push));
    }
}

#[test]
fn each_frame_is_read_back_from_both_encodings() {
    for (golden, (name, frame)) in requests().iter().zip(frames::requests()) {
        assert_eq!(decode_client(Encoding::Json, &golden.json).as_ref(), Ok(&frame), "{name}");
        assert_eq!(decode_client(Encoding::Msgpack, &golden.msgpack).as_ref(), Ok(&frame), "{name}");
    }
    for (golden, (name, frame)) in replies().iter().zip(frames::replies()) {
        let frame = ServerFrame::Reply(frame);
        assert_eq!(decode_server(Encoding::Json, &golden.json).as_ref(), Ok(&frame), "{name}");
        assert_eq!(decode_server(Encoding::Msgpack, &golden.msgpack).as_ref(), Ok(&frame), "{name}");
    }
    for (golden, (name, push)) in pushes().iter().zip(frames::pushes()) {
        let frame = ServerFrame::Push(push);
        assert_eq!(decode_server(Encoding::Json, &golden.json).as_ref(), Ok(&frame), "{name}");
        assert_eq!(decode_server(Encoding::Msgpack, &golden.msgpack).as_ref(), Ok(&frame), "{name}");
    }
    for (golden, (name, event)) in events().iter().zip(frames::events()) {
        assert_eq!(serde_json::from_slice::<Event>(&golden.json).unwrap(), event, "{name}");
        assert_eq!(rmp_serde::from_slice::<Event>(&golden.msgpack).unwrap(), event, "{name}");
    }
}

#[test]
fn a_spliced_publication_has_the_bytes_of_an_encoded_one() {
    for (name, push) in frames::pushes() {
        let Push::Pub(publication) = &push else { continue };
        let position = publication.e.as_deref().zip(publication.o);
        for encoding in [Encoding::Json, Encoding::Msgpack] {
            let spliced = encode_publication(encoding, publication.ch.as_str(), position, &publication.d);
            assert_eq!(spliced, encode_push(encoding, &push), "{name}");
        }
    }
}
