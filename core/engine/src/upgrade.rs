//! Upgrades: the versions of records and of the state store, the old shapes of records, and the first use of what a
//! later release has added.
//!
//! Every record and the head of the state store begin with their version, and reading begins here. A shape that is not
//! written any more has one function in [`SHAPES`], which makes a record of today of it; nothing else in the engine
//! knows that there were others. So far there is one version. The parameters of a recipe have no shape here: each of
//! their revisions is a type beside the newest one (`core/domains/src/recipes.rs`).
//!
//! A recipe in a new revision and a new kind of row are *features*. A release that does not have a feature must not go
//! on with a state that was made by it. So the record of the fact [`Fact::Upgrade`] comes before the first record that
//! uses one (`E7`), in the same turn, and the state and its store keep it. Until that record an older release can go on
//! with the log; from then on it refuses the log and the store, and names the feature. A start records nothing, and
//! what every release has that reads version 3 needs no such record (ADR-0025).

use domains::{KINDS, RowImage, recipes};
use ledger::codec::{DecodeError, Decoder, Encoder, Feature, NamedFeature};

use crate::{
    books::Books,
    facts::{FACTS, Fact},
    invariant::Violation,
    record::{Body, Formats, Record, RefusedRequest, Shape, Unknown, VERSION},
};

/// Version of the state store that this release writes, and the only one that it reads: a store of another version is
/// built again from the log.
const STORE: u8 = 8;

/// Every version of records that this release reads.
const SHAPES: &[Shape] = &[Shape { version: VERSION, read: Record::read_newest }];

impl Formats {
    /// Those of this release.
    pub const STANDARD: Formats =
        Formats { shapes: SHAPES, recipes: recipes::STANDARD, rows: KINDS, facts: FACTS };
}

impl Default for Formats {
    fn default() -> Self {
        Self::STANDARD
    }
}

impl Record {
    /// Reads a record.
    ///
    /// # Errors
    /// When the bytes are not a whole record of a known version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::decode_with(bytes, &Formats::STANDARD)
    }

    /// As [`Record::decode`], with these recipes and kinds of rows and facts.
    ///
    /// # Errors
    /// As [`Record::decode`].
    pub fn decode_with(bytes: &[u8], formats: &Formats) -> Result<Self, DecodeError> {
        Self::read(bytes, formats, Unknown::Refused)
    }

    /// As [`Record::decode_with`], for a record that is only to be applied: its recipe, its revision and its kinds of
    /// rows need not be known. What is decided by it must be known: a hub never starts on such a record.
    ///
    /// # Errors
    /// As [`Record::decode`].
    pub fn decode_effects(bytes: &[u8], formats: &Formats) -> Result<Self, DecodeError> {
        Self::read(bytes, formats, Unknown::Kept)
    }

    fn read(bytes: &[u8], formats: &Formats, unknown: Unknown) -> Result<Self, DecodeError> {
        let mut decoder = Decoder::new(bytes);
        let shape = shape(decoder.byte()?, formats)?;
        let record = (shape.read)(&mut decoder, formats, unknown)?;
        decoder.finish()?;
        Ok(record)
    }
}

/// Begins the head of a state store: its version, and that of the records that may be behind it.
pub(crate) fn begin_head(encoder: &mut Encoder) {
    encoder.byte(STORE);
    encoder.byte(VERSION);
}

/// Reads what [`begin_head`] has written.
///
/// # Errors
/// When the store is of another version, or records of a version that these formats do not have may be behind it.
pub(crate) fn head(decoder: &mut Decoder<'_>, formats: &Formats) -> Result<(), DecodeError> {
    if decoder.byte()? != STORE {
        return Err(DecodeError::Unknown("version of the state store"));
    }
    shape(decoder.byte()?, formats).map(drop)
}

/// How records of a version are read.
///
/// # Errors
/// When these formats do not have the version.
fn shape(version: u8, formats: &Formats) -> Result<&Shape, DecodeError> {
    let shape = formats.shapes.iter().find(|shape| shape.version == version);
    shape.ok_or(DecodeError::Version { found: version, read: VERSION })
}

/// Whether every release has the feature that reads version 3 of records: those of 0.2.0. Nothing is added here once that is released.
fn is_of_version_3(feature: Feature) -> bool {
    matches!(
        feature,
        Feature::Recipe { kind: 1..=24 | 26..=27 | 30..=34 | 36, revision: 1 }
            | Feature::Row { kind: 1..=13 | 15 | 17 }
    )
}

impl Body {
    /// The features that it uses, by name: what decided it, and the rows that it changes.
    fn features(&self) -> impl Iterator<Item = NamedFeature> {
        let (intent, rows): (_, &[RowImage]) = match self {
            Body::Committed(committed) => (Some(&committed.intent), &committed.rows),
            Body::Refused { refused: RefusedRequest::ByDomain(intent), .. } => (Some(intent), &[]),
            Body::Refused { refused: RefusedRequest::ByTable(_), .. } | Body::Digest(_) | Body::Fact(_) => {
                (None, &[])
            }
        };
        let known = intent.map(|intent| intent.known());
        let recipe = known.map(|known| known.feature());
        let rows = rows.iter().map(|row| Feature::Row { kind: row.key.kind() });
        // Nearly every record uses what is of version 3 alone.
        let later = recipe.into_iter().chain(rows).filter(|feature| !is_of_version_3(*feature));
        later.map(move |feature| {
            let named = known.and_then(|known| known.named(feature));
            named.unwrap_or_else(|| NamedFeature::new(feature, "unknown"))
        })
    }
}

impl Books {
    /// The facts to record before a record: the features that it is the first to use. Nothing is allocated for none.
    pub(crate) fn upgrades(&self, body: &Body) -> Vec<Fact> {
        let mut upgrades: Vec<Fact> = Vec::new();
        for feature in body.features().filter(|named| !self.facts.in_use(named.feature)) {
            let fact = Fact::Upgrade(feature);
            if !upgrades.contains(&fact) {
                upgrades.push(fact);
            }
        }
        upgrades
    }

    /// `E7`: what a record uses is of version 3, or its first use was recorded before.
    ///
    /// # Errors
    /// The first feature of which that is not so.
    pub(crate) fn upgrades_are_recorded(&self, body: &Body) -> Result<(), Violation> {
        let unrecorded = body.features().find(|named| !self.facts.in_use(named.feature));
        unrecorded.map_or(Ok(()), |feature| Err(Violation::NotInUse(feature)))
    }
}

#[cfg(test)]
mod tests {
    use domains::{Principal, recipes::Deposit, rows::RowKey};
    use protocol::PlayerId;

    use super::*;
    use crate::{record::Committed, tx_id::TxId};

    /// A second fact of the same feature would not apply, and the hub would stop.
    #[test]
    fn a_feature_that_a_record_uses_twice_is_recorded_once() {
        let row = |key: &[u8]| RowImage {
            key: RowKey::new(60_000, key).expect("a short key"),
            value: Some([1].into()),
        };
        let currency = "EUR".parse().expect("a currency");
        let body = Body::Committed(Committed {
            id: TxId(1),
            principal: Principal::HUB,
            key: None,
            intent: Deposit { player: PlayerId(1), currency, amount: 1 }.into(),
            legs: Vec::new(),
            rows: vec![row(b"one"), row(b"other")],
            notices: Vec::new(),
            table: None,
        });
        let feature = NamedFeature::new(Feature::Row { kind: 60_000 }, "unknown");
        assert_eq!(Books::default().upgrades(&body), [Fact::Upgrade(feature)]);
    }

    #[test]
    fn every_feature_of_version_3_is_one_of_this_release() {
        let recipes =
            (0..=u16::MAX).flat_map(|kind| (0..4).map(move |revision| Feature::Recipe { kind, revision }));
        let rows = (0..=u16::MAX).map(|kind| Feature::Row { kind });
        let of_version_3: Vec<_> = recipes.chain(rows).filter(|feature| is_of_version_3(*feature)).collect();
        assert_eq!(of_version_3.len(), 47);
        for feature in of_version_3 {
            assert!(Formats::STANDARD.have(feature), "{feature:?}");
        }
    }

    #[test]
    fn a_store_behind_which_records_of_a_later_version_may_be_is_refused() {
        let mut encoder = Encoder::plain(2);
        begin_head(&mut encoder);
        let mut bytes = encoder.into_bytes();
        let read = |bytes: &[u8]| head(&mut Decoder::plain(bytes), &Formats::STANDARD);
        assert_eq!(read(&bytes), Ok(()));
        bytes[1] += 1;
        let later = DecodeError::Version { found: VERSION + 1, read: VERSION };
        assert_eq!(read(&bytes), Err(later));
        assert!(later.is_later());
    }
}
