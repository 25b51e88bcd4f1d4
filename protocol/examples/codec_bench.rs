//! Measures the time to encode and to decode a frame, in nanoseconds on one core.
//!
//! `cargo run --release -p protocol --example codec_bench`

use std::{hint::black_box, time::Instant};

use protocol::{
    ClientFrame, Encoding, Payload, Reply, Request, Text, U53,
    bounded::List,
    codec::{decode_client, decode_server, encode_client, encode_publication, encode_reply},
    push::Event,
    reply::{Receipt, ReplyFrame},
    request::{Bet, PlaceBet},
};

/// Frames of one measurement. The fastest of [`REPEATS`] measurements is printed: it was disturbed least.
const FRAMES: u32 = 200_000;
const REPEATS: usize = 5;

fn measure<T>(name: &str, encoding: Encoding, mut work: impl FnMut() -> T) {
    let best = (0..REPEATS)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..FRAMES {
                black_box(work());
            }
            start.elapsed().as_nanos() / u128::from(FRAMES)
        })
        .min()
        .unwrap_or_default();
    println!("{name:<28} {:<16} {best:>6} ns", encoding.subprotocol());
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bet = Bet { kind: short("straight"), n: List::new(vec![17]).unwrap_or_default(), a: short("5.00") };
    let request = ClientFrame {
        id: U53::from(7_u32),
        request: Request::PlaceBet(PlaceBet {
            key: "0d9f7a5e-1".parse()?,
            table: "roulette-1".parse()?,
            round: U53::from(42_u32),
            bets: List::new(vec![bet]).unwrap_or_default(),
            currency: short("EUR"),
            seed: None,
        }),
    };
    let reply = ReplyFrame {
        id: Some(U53::from(7_u32)),
        reply: Reply::BetAccepted(Receipt {
            key: "0d9f7a5e-1".parse()?,
            lsn: 123_456,
            round: "roulette-1:42".parse()?,
            amount: "5.00".parse()?,
            currency: "EUR".parse()?,
            available: "995.00".parse()?,
            held: "5.00".parse()?,
        }),
    };
    let payload = Payload::of(&Event::RoundOpened { round: 42, deadline: 1, commit: "ab".repeat(32) });
    for encoding in [Encoding::Msgpack, Encoding::Json] {
        let request_bytes = encode_client(encoding, request.clone());
        let reply_bytes = encode_reply(encoding, &reply);
        measure("encode place_bet", encoding, || encode_client(encoding, request.clone()));
        measure("decode place_bet", encoding, || decode_client(encoding, black_box(&request_bytes)));
        measure("encode bet_accepted", encoding, || encode_reply(encoding, black_box(&reply)));
        measure("decode bet_accepted", encoding, || decode_server(encoding, black_box(&reply_bytes)));
        measure("encode publication", encoding, || {
            encode_publication(encoding, "table:roulette-1", Some(("k3v9x0", 44)), black_box(&payload))
        });
    }
    Ok(())
}

fn short<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::new(text).expect("the examples are short")
}
