//! Test vectors: those of RFC 4231, and rounds computed by a program that shares no code with this one.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use proptest::prelude::*;

use super::*;
use crate::game::DrawResult;

fn n(value: u32) -> NonZeroU32 {
    NonZeroU32::new(value).unwrap()
}

/// The 32 bytes of a hash or seed in hexadecimal.
fn bytes(digits: &str) -> [u8; 32] {
    base16ct::lower::decode_vec(digits).unwrap().try_into().unwrap()
}

#[test]
fn hmac_agrees_with_rfc_4231() {
    let to_25: Vec<u8> = (1..=25).collect();
    let long_text = "This is a test using a larger than block-size key and a larger than block-size data. The key \
                     needs to be hashed before being used by the HMAC algorithm.";
    let cases: [(&[u8], &[u8], &str); 6] = [
        (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        (&to_25, &[0xcd; 50], "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
        (
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
        (
            &[0xaa; 131],
            long_text.as_bytes(),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
        ),
    ];
    for (key, message, expected) in cases {
        // In two pieces, as the stream does it.
        let (head, tail) = message.split_at(message.len() / 2);
        let mut prefix = Hmac::<Sha256>::new_from_slice(key).unwrap();
        prefix.update(head);
        let whole = prefix.clone().chain_update(tail).finalize().into_bytes();
        assert_eq!(encode_string(&whole), expected);
    }
}

/// A round as `docs/fairness.md` prints it.
struct Vector {
    seed: &'static str,
    commit: &'static str,
    /// Each player with the text and the share that follows.
    shares: &'static [(u128, &'static str, &'static str)],
    mix: &'static str,
    round: &'static str,
    /// The first words, across the end of a block.
    words: [u32; 10],
    /// The first numbers below 37; the first is the outcome.
    below_37: [u32; 10],
    /// The first numbers below 2^31 + 1, for which almost half of the words are skipped.
    below_half: [u32; 6],
}

const VECTORS: [Vector; 3] = [
    Vector {
        seed: "0000000000000000000000000000000000000000000000000000000000000000",
        commit: "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925",
        shares: &[],
        mix: "9b202a4f5f9896e0b5715a0dc51c223de0a3837002f071ca7fb6cd88e8ddf887",
        round: "roulette-1:1",
        words: [
            0x33bd_6d8c,
            0x7f5a_1ef1,
            0x5686_f991,
            0x2553_2a9b,
            0x36a3_ec15,
            0xd7a1_0931,
            0x2378_996c,
            0x2b14_560c,
            0x32ae_f379,
            0x0f23_94e4,
        ],
        below_37: [26, 11, 21, 36, 25, 32, 6, 31, 15, 27],
        below_half: [868_052_364, 2_136_612_593, 1_451_686_289, 626_207_387, 916_712_469, 595_106_156],
    },
    Vector {
        seed: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        commit: "630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd",
        shares: &[(1, "lucky", "fa3453a7293d0ceedf5d952814ba351c577e4bc19f39a09690935e34bd922b03")],
        mix: "cfa39e35c99de31fbe6a221767d52d88a281db75eb9cbcda41b9b69b5b6a5b71",
        round: "roulette-1:42",
        words: [
            0xb073_404d,
            0x9e5d_f8bf,
            0xc6aa_0a0b,
            0xa2d2_b4bd,
            0xdd75_1236,
            0xb93a_1bf7,
            0x1935_190a,
            0x3db8_a6e0,
            0x56b6_43e6,
            0x90a7_aed2,
        ],
        below_37: [16, 14, 13, 14, 7, 22, 33, 31, 11, 4],
        below_half: [422_910_218, 1_035_511_520, 1_454_785_510, 90_025_161, 1_476_078_713, 1_105_237_336],
    },
    Vector {
        seed: "801d8b5450e12d2a81b26bd0bdab479dbac079fa9717d4ba0e2df9bc8d07bb1d",
        commit: "a90d09118cc842f60ffa58c009096e583fcfae9e755e5bd009c8f53e598bb1a3",
        shares: &[
            (u128::MAX, "héllo|1", "9d5ea0687ff4a3407426c941a741a5fa34e0f67fdc262551695e40b010b0bd54"),
            (
                0x0123_4567_89ab_cdef_0123_4567_89ab_cdef,
                "",
                "a76322dcddb91dfad0843f6fcc759ba40c105ab1748f0c8000ea7957e0c876af",
            ),
            (7, "a|b", "82a1e8b061bf56ab68c224352059aedf7071eb399aea33ed26f242f4c63eca93"),
        ],
        mix: "a32feec606de72f1d3addaa5d0367bc0a436c7d7cd4b14f69d2dc0a313c2d3fe",
        round: "table_x.7:9007199254740992",
        words: [
            0x14c9_9036,
            0xe2a7_cc2c,
            0x994f_d040,
            0x446f_f25b,
            0x3f60_453c,
            0x0e6b_b1bf,
            0x4ee1_ee95,
            0x25d3_2bfd,
            0xf7ad_b4c4,
            0x06ad_6534,
        ],
        below_37: [3, 13, 16, 8, 15, 23, 20, 25, 20, 34],
        below_half: [348_753_974, 1_148_187_227, 1_063_273_788, 241_938_879, 1_323_429_525, 634_596_349],
    },
];

impl Vector {
    fn seed(&self) -> Seed {
        Seed(bytes(self.seed))
    }
    fn stream(&self) -> Stream {
        Stream::new(&self.seed(), &bytes(self.mix), self.round)
    }
}

#[test]
fn commitment_mix_words_and_numbers_agree_with_the_published_vectors() {
    for vector in &VECTORS {
        assert_eq!(encode_string(&commit(&vector.seed())), vector.commit);
        let shares = vector.shares.iter().map(|(player, text, _)| Share::of(PlayerId(*player), text));
        assert_eq!(encode_string(&mix(shares)), vector.mix);
        let mut words = vector.stream();
        assert_eq!(vector.words.map(|_| words.next_u32()), vector.words);
        let mut pockets = vector.stream();
        assert_eq!(vector.below_37.map(|_| pockets.below(n(37))), vector.below_37);
        let mut half = vector.stream();
        assert_eq!(vector.below_half.map(|_| half.below(n((1 << 31) + 1))), vector.below_half);
    }
}

#[test]
fn the_published_vectors_stand_in_the_document() {
    let document = include_str!("../../../../docs/fairness.md");
    for vector in &VECTORS {
        let spelled = [vector.seed, vector.commit, vector.mix, vector.round].map(str::to_owned).into_iter();
        let numbers = vector.below_37.map(|number| number.to_string()).join(", ");
        for value in spelled.chain([format!("{:08x}", vector.words[0]), numbers]) {
            assert!(document.contains(&value), "docs/fairness.md lacks {value}");
        }
    }
}

#[test]
fn a_seed_and_a_stream_do_not_print_their_secrets() {
    assert_eq!(format!("{:?}", Seed([0x41; 32])), "Seed(secret)");
    let mut stream = VECTORS[0].stream();
    stream.next_u32();
    assert_eq!(format!("{stream:?}"), "Stream { next_block: 1, .. }");
}

#[test]
fn each_share_agrees_with_the_document() {
    let document = include_str!("../../../../docs/fairness.md");
    for (player, text, share) in VECTORS.iter().flat_map(|vector| vector.shares) {
        assert_eq!(encode_string(&Share::of(PlayerId(*player), text).0), *share);
        assert!(document.contains(share), "docs/fairness.md lacks {share}");
    }
}

#[test]
fn a_request_without_a_text_gives_no_share_and_the_empty_text_is_none() {
    let player = PlayerId(1);
    assert_eq!([None, Some("")].map(|text| Share::given(player, text)), [None; 2]);
    assert_eq!(Share::given(player, Some("lucky")), Some(Share::of(player, "lucky")));
}

#[test]
fn two_players_with_the_same_text_have_different_shares() {
    assert_ne!(Share::of(PlayerId(1), "lucky"), Share::of(PlayerId(2), "lucky"));
}

#[test]
fn a_mix_without_shares_is_the_hash_of_the_tag() {
    assert_eq!(mix([]), <[u8; 32]>::from(Sha256::digest(b"hub-mix-v1")));
}

#[test]
fn shares_that_look_alike_when_joined_have_different_mixes() {
    let (one, two) = (PlayerId(1), PlayerId(2));
    // One text that contains what a second share would look like, against two shares.
    let forged = format!("a|{two}|b");
    let share = Share::of;
    let mixes = [
        mix([share(one, "a"), share(two, "b")]),
        mix([share(one, &forged)]),
        mix([share(one, "b"), share(two, "a")]),
        mix([share(one, "ab"), share(two, "")]),
        mix([share(one, "a")]),
        mix([share(one, "a"), share(one, "a")]),
        mix([share(one, "")]),
        mix([]),
    ];
    for (place, mix) in mixes.iter().enumerate() {
        assert!(!mixes[..place].contains(mix), "mix {place} is one of those before it");
    }
}

/// A player who knows only the shares of the others checks that the own one went in.
#[test]
fn the_mix_can_be_checked_from_the_shares_alone() {
    let others = [
        "9d5ea0687ff4a3407426c941a741a5fa34e0f67fdc262551695e40b010b0bd54",
        "a76322dcddb91dfad0843f6fcc759ba40c105ab1748f0c8000ea7957e0c876af",
    ];
    let others = others.map(|digits| Share(bytes(digits)));
    let own = Share::of(PlayerId(7), "a|b");
    assert_eq!(encode_string(&own.0), "82a1e8b061bf56ab68c224352059aedf7071eb399aea33ed26f242f4c63eca93");
    assert_eq!(encode_string(&mix(others.into_iter().chain([own]))), VECTORS[2].mix);
}

#[test]
fn a_round_that_fits_passes_and_a_changed_part_is_named() {
    let game = crate::game("roulette").unwrap();
    for vector in &VECTORS {
        let (seed, drawn) = (vector.seed(), DrawResult(vector.below_37[0]));
        let (committed, mix) = (bytes(vector.commit), bytes(vector.mix));
        assert_eq!(check(game, vector.round, &seed, &committed, &mix, drawn), Ok(()));

        let recorded = DrawResult((drawn.0 + 1) % 37);
        let wrong_outcome = Err(Mismatch::DrawResult { drawn, recorded });
        assert_eq!(check(game, vector.round, &seed, &committed, &mix, recorded), wrong_outcome);

        let other_seed = Seed([9; 32]);
        let mismatch = Mismatch::Commit { computed: commit(&other_seed), committed };
        assert!(mismatch.to_string().ends_with(&format!("{} was committed to", vector.commit)));
        let wrong_seed = Err(mismatch);
        assert_eq!(check(game, vector.round, &other_seed, &committed, &mix, drawn), wrong_seed);
        assert_eq!(
            check(game, vector.round, &other_seed, &committed, &mix, recorded),
            wrong_seed,
            "comes first"
        );
    }
}

#[test]
fn round_mix_and_seed_each_change_the_stream() {
    let first_words = |seed: u8, mix: u8, round: &str| {
        let mut stream = Stream::new(&Seed([seed; 32]), &[mix; 32], round);
        [stream.next_u32(), stream.next_u32()]
    };
    let streams = [
        first_words(0, 0, "t:1"),
        first_words(1, 0, "t:1"),
        first_words(0, 1, "t:1"),
        first_words(0, 0, "t:2"),
    ];
    for (place, words) in streams.iter().enumerate() {
        assert!(!streams[..place].contains(words), "stream {place} is one of those before it");
    }
}

proptest! {
    #[test]
    fn the_order_of_arrival_does_not_change_the_mix(
        (shares, shuffled) in prop::collection::vec((0_u128..4, ".{0,3}"), 0..8)
            .prop_flat_map(|shares| (Just(shares.clone()), Just(shares).prop_shuffle()))
    ) {
        let mix = |list: &[(u128, String)]| mix(list.iter().map(|(id, text)| Share::of(PlayerId(*id), text)));
        prop_assert_eq!(mix(&shares), mix(&shuffled));
    }

    #[test]
    fn below_stays_below_for_every_bound(seed: [u8; 32], bound in 1..=u32::MAX) {
        let mut stream = Stream::new(&Seed(seed), &[0; 32], "t:1");
        for _ in 0..20 {
            prop_assert!(stream.below(n(bound)) < bound);
        }
    }
}
