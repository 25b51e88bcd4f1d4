//! Features: what a later release may add and a log begins to use at some record, a recipe in a revision or a kind of row.

use std::fmt;

/// A recipe in one revision, or a kind of row, by its number in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// A recipe in one revision.
    Recipe {
        /// Its number.
        kind: u16,
        /// Its revision.
        revision: u16,
    },
    /// A kind of row.
    Row {
        /// Its number.
        kind: u16,
    },
}

/// Longest name of a feature, bytes.
pub const FEATURE_NAME_BYTES_MAX: usize = 23;

/// A feature with its name, so that a release that does not have it can name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedFeature {
    /// The feature.
    pub feature: Feature,
    length: u8,
    name: [u8; FEATURE_NAME_BYTES_MAX],
}

impl NamedFeature {
    /// A feature of this name. Of a longer name than [`FEATURE_NAME_BYTES_MAX`] only the beginning is kept, and a character
    /// that is not printable ASCII becomes `_`.
    #[must_use]
    pub fn new(feature: Feature, name: &str) -> Self {
        let mut bytes = [0; FEATURE_NAME_BYTES_MAX];
        let mut length = 0;
        for (place, character) in bytes.iter_mut().zip(name.chars()) {
            *place = if character.is_ascii_graphic() { character as u8 } else { b'_' };
            length += 1;
        }
        Self { feature, length, name: bytes }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        std::str::from_utf8(&self.name[..usize::from(self.length)]).unwrap_or_default()
    }
}

impl fmt::Display for NamedFeature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        match self.feature {
            Feature::Recipe { kind, revision } => write!(f, "recipe {name} ({kind}) in revision {revision}"),
            Feature::Row { kind } => write!(f, "row {name} ({kind})"),
        }
    }
}
