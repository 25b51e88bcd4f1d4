//! `place_bet` frames, encoded once and patched for each bet.

use protocol::{
    Currency, Key, TableId, U53,
    request::{Bet, PlaceBet},
};

/// Digits of the number in a key.
const KEY_DIGITS: usize = 12;

/// A kind of bet with its numbers, such as a straight on 17.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// Kind, as the game names it.
    pub kind: String,
    /// Numbers of the selection.
    pub numbers: Vec<u8>,
}

impl Spot {
    /// Reads `red`, `straight:17` or `split:17,20`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (kind, numbers) = text.split_once(':').unwrap_or((text, ""));
        let numbers: Result<Vec<u8>, _> =
            numbers.split(',').filter(|number| !number.is_empty()).map(str::parse).collect();
        match numbers {
            Ok(numbers) if !kind.is_empty() && kind.len() <= 16 && numbers.len() <= 18 => {
                Ok(Self { kind: kind.to_owned(), numbers })
            }
            _ => Err(format!("\"{text}\" is not a bet such as \"red\" or \"split:17,20\"")),
        }
    }
}

/// The keys of one run of the generator: its random stem and the number of the bet.
#[derive(Debug, Clone)]
pub struct KeyStem(String);

impl KeyStem {
    /// Keys that start with these random bits.
    #[must_use]
    pub fn new(random: u64) -> Self {
        Self(format!("lt{random:016x}-"))
    }

    /// The key of a bet.
    ///
    /// # Panics
    /// Never: the text is short and of legal characters.
    #[must_use]
    pub fn key(&self, number: u64) -> Key {
        format!("{}{number:0KEY_DIGITS$x}", self.0)
            .parse()
            .expect("31 hexadecimal digits, letters and a dash")
    }

    /// Whether `key` is the one of this bet.
    #[must_use]
    pub fn matches(&self, key: &[u8], number: u64) -> bool {
        let mut digits = [0; KEY_DIGITS];
        put_digits(number, &mut digits);
        key.strip_prefix(self.0.as_bytes()) == Some(&digits[..])
    }
}

/// The frame of a bet on one spot at one table with one stake; its number and round are filled in for each bet.
#[derive(Debug, Clone)]
pub struct Template {
    bytes: Vec<u8>,
    id_at: usize,
    key_at: usize,
    round_at: usize,
    bet: PlaceBet,
}

impl Template {
    /// Encodes the frame. `None` when the stake is longer than the wire allows.
    #[must_use]
    pub fn new(stem: &KeyStem, table: TableId, spot: &Spot, stake: &str, currency: Currency) -> Option<Self> {
        let bet = hub_client::one_bet(stem.key(0), table, 0, &spot.kind, &spot.numbers, stake, currency)?;
        let mut bytes = vec![0x87];
        put_text(&mut bytes, "t");
        put_text(&mut bytes, "place_bet");
        let id_at = put_number(&mut bytes, "id");
        put_text(&mut bytes, "key");
        put_text(&mut bytes, bet.key.as_str());
        let key_at = bytes.len() - KEY_DIGITS;
        put_text(&mut bytes, "table");
        put_text(&mut bytes, table.as_str());
        let round_at = put_number(&mut bytes, "round");
        put_text(&mut bytes, "currency");
        put_text(&mut bytes, currency.as_str());
        put_text(&mut bytes, "bets");
        let bets: &[Bet] = &bet.bets;
        bytes.extend(rmp_serde::to_vec_named(bets).ok()?);
        Some(Self { bytes, id_at, key_at, round_at, bet })
    }

    /// The frame of a bet: its number is the request's id and the end of its key.
    pub fn fill(&self, frame: &mut Vec<u8>, number: u64, round: u64) {
        frame.clear();
        frame.extend_from_slice(&self.bytes);
        frame[self.id_at..self.id_at + 8].copy_from_slice(&number.to_be_bytes());
        frame[self.round_at..self.round_at + 8].copy_from_slice(&round.to_be_bytes());
        put_digits(number, &mut frame[self.key_at..self.key_at + KEY_DIGITS]);
    }

    /// The same bet as a request. `None` above 2^53.
    #[must_use]
    pub fn request(&self, stem: &KeyStem, number: u64, round: u64) -> Option<PlaceBet> {
        Some(PlaceBet { key: stem.key(number), round: U53::new(round)?, ..self.bet.clone() })
    }
}

/// Writes a short text.
fn put_text(bytes: &mut Vec<u8>, text: &str) {
    rmp::encode::write_str(bytes, text).expect("writing to memory does not fail");
}

/// Writes a key and a number of fixed width, and says where the number stands.
fn put_number(bytes: &mut Vec<u8>, name: &str) -> usize {
    put_text(bytes, name);
    bytes.push(0xCF);
    bytes.extend([0; 8]);
    bytes.len() - 8
}

/// Writes the lower digits of a number.
fn put_digits(number: u64, digits: &mut [u8]) {
    let bytes = number.to_be_bytes();
    base16ct::lower::encode(&bytes[bytes.len() - KEY_DIGITS / 2..], digits).expect("room for a key's digits");
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use protocol::{Encoding, Request, codec::decode_client};

    use super::*;

    #[test]
    fn a_patched_frame_is_the_request_it_stands_for() {
        let stem = KeyStem::new(0xFEED);
        let spot = Spot::parse("split:17,20").unwrap();
        let table = "roulette-1".parse().unwrap();
        let template = Template::new(&stem, table, &spot, "0.50", "EUR".parse().unwrap()).unwrap();
        let mut frame = Vec::new();
        for (number, round) in [(0, 1), (77, 42), (0xABC_DEF0_1234, 1 << 40)] {
            template.fill(&mut frame, number, round);
            let decoded = decode_client(Encoding::Msgpack, &frame).unwrap();
            assert_eq!(decoded.id.get(), number);
            assert_eq!(decoded.request, Request::PlaceBet(template.request(&stem, number, round).unwrap()));
            let Request::PlaceBet(bet) = decoded.request else { panic!("a bet") };
            assert!(stem.matches(bet.key.as_str().as_bytes(), number));
            assert!(!stem.matches(bet.key.as_str().as_bytes(), number + 1));
            assert_eq!(&*bet.bets[0].n, [17, 20]);
        }
    }

    #[test]
    fn a_spot_is_a_kind_with_or_without_numbers() {
        assert_eq!(Spot::parse("red").unwrap(), Spot { kind: "red".into(), numbers: vec![] });
        assert_eq!(Spot::parse("straight:0").unwrap().numbers, [0]);
        for wrong in ["", ":1", "split:1,x", "straight:256"] {
            assert!(Spot::parse(wrong).is_err(), "{wrong}");
        }
    }
}
