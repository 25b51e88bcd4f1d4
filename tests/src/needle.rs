//! A text that is looked for in everything a hub writes: as it is, in hexadecimal, and in base64.

use std::{fs, path::Path};

/// A text in every spelling.
#[derive(Debug, Clone)]
pub struct Needle(Vec<Vec<u8>>);

impl Needle {
    /// The spellings of a text of at least eight bytes.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let wide: Vec<u8> = bytes.iter().flat_map(|byte| [*byte, 0]).collect();
        let mut spellings = vec![bytes.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes(), wide];
        // Within a longer text it begins at one of three places of a group; the groups at both ends have neighbours.
        for skipped in 0..3 {
            let whole = &bytes[skipped..bytes.len() - (bytes.len() - skipped) % 3];
            for digits in [STANDARD, URL] {
                spellings.push(base64(whole, digits));
            }
        }
        Self(spellings)
    }

    /// Whether bytes have it in any spelling.
    #[must_use]
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        self.0.iter().any(|spelling| bytes.windows(spelling.len()).any(|window| window == spelling))
    }

    /// Every file below a directory that has it.
    ///
    /// # Panics
    /// When a file cannot be read.
    #[must_use]
    pub fn files_with_it(&self, directory: &Path) -> Vec<String> {
        let mut found = Vec::new();
        for entry in fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                found.extend(self.files_with_it(&path));
            } else if path.is_file() && self.is_in(&fs::read(&path).expect("a file")) {
                found.push(path.display().to_string());
            }
        }
        found
    }
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Whole groups of three bytes in base64.
fn base64(bytes: &[u8], digits: &[u8; 64]) -> Vec<u8> {
    let groups = bytes.chunks_exact(3).map(|group| u32::from_be_bytes([0, group[0], group[1], group[2]]));
    groups.flat_map(|bits| [18, 12, 6, 0].map(|shift| digits[(bits >> shift & 63) as usize])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_in_every_spelling_and_at_every_place() {
        let needle = Needle::of("Zyxwvut-7731");
        assert!(!needle.is_in(b"Zyxwvut-773") && !needle.is_in(b""));
        for spelled in [
            "...Zyxwvut-7731...",
            "5a797877767574 2d37373331",
            // {"sub":"Zyxwvut-7731"} with none, one and two bytes before it.
            "eyJzdWIiOiJaeXh3dnV0LTc3MzEifQ==",
            "IHsic3ViIjoiWnl4d3Z1dC03NzMxIn0=",
            "ICB7InN1YiI6Ilp5eHd2dXQtNzczMSJ9",
        ] {
            assert!(needle.is_in(spelled.replace(' ', "").as_bytes()), "{spelled}");
        }
        assert!(needle.is_in(b"5A7978777675742D37373331"));
    }
}
