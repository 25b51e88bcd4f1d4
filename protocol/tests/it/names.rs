//! Ids and channel names: which texts are valid, and that each is read as it was written.

use std::{fmt::Display, str::FromStr};

use protocol::{Channel, Key, PlayerId, RoundId, TableId};

fn check<T: FromStr + Display>(legal: &[&str], illegal: &[&str]) {
    for text in legal {
        assert_eq!(text.parse::<T>().ok().map(|name| name.to_string()).as_deref(), Some(*text));
    }
    for text in illegal {
        assert!(text.parse::<T>().is_err(), "{text:?}");
    }
}

#[test]
fn a_table_and_a_key_are_short_plain_names() {
    let (longest, longer) = ("t".repeat(23), "t".repeat(24));
    check::<TableId>(
        &["r", "roulette-1", "A.b_c-9", &longest],
        &["", &longer, "a b", "a:b", "é", "a\0", "a/b"],
    );
    let (longest, longer) = ("k".repeat(47), "k".repeat(48));
    check::<Key>(
        &["0", "b1a0e2ce-0c2f-4f0a-9a4e-6f2f9a0b6c1d", &longest],
        &["", &longer, "a b", "a:b", "ключ"],
    );
}

#[test]
fn a_round_has_one_spelling() {
    check::<RoundId>(
        &["r:1", "roulette-1:42", "r:18446744073709551615"],
        &[
            "",
            "r",
            ":1",
            "r:",
            "r:0",
            "r:01",
            "r:+1",
            "r:-1",
            "r: 1",
            "r:1 ",
            "r:1:2",
            "r:1e3",
            "r:18446744073709551616",
        ],
    );
}

#[test]
fn a_player_is_128_bits_in_hexadecimal() {
    check::<PlayerId>(
        &["00000000000000000000000000000000", "0123456789abcdef0123456789abcdef"],
        &[
            "",
            "0123456789abcdef0123456789abcde",
            "0123456789abcdef0123456789abcdef0",
            "+123456789abcdef0123456789abcdef",
        ],
    );
}

#[test]
fn a_channel_has_a_namespace_and_perhaps_a_name() {
    let (longest, longer) = ("c".repeat(96), "c".repeat(97));
    check::<Channel>(
        &["lobby", "news:sport", "a:b:c", "table:roulette-1", &longest],
        &["", ":", ":a", "a:", &longer, "a b", "a\"b", "a\\b", "a\nb", "é", "a*"],
    );
    let channel: Channel = "news:sport:live".parse().unwrap();
    assert_eq!((channel.namespace(), channel.name()), ("news", "sport:live"));
    let channel: Channel = "lobby".parse().unwrap();
    assert_eq!((channel.namespace(), channel.name()), ("lobby", ""));
    let table: TableId = "roulette-1".parse().unwrap();
    assert_eq!(Channel::table(table).as_str(), "table:roulette-1");
    assert_eq!(Channel::player(PlayerId(1)).as_str(), "player:00000000000000000000000000000001");
}
