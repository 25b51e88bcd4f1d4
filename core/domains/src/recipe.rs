//! What a recipe is: the parameters of a business event and how it is decided; and the intent to carry one out.

use std::{any::Any, fmt, sync::Arc};

use ledger::{
    Domain,
    codec::{DecodeError, Decoder, Encoder, Feature, NamedFeature},
};

use crate::{
    decide::{Context, Deciding, Effects, RefusedBy},
    fields::{Field, Fields},
    rows::RowKind,
};

/// The parameters of a business event, and how it is decided.
pub trait Recipe: Any + fmt::Debug + Send + Sync {
    /// Its number in the log.
    const KIND: u16;
    /// Its revision: a higher one for each change of what the parameters mean.
    const REVISION: u16 = 1;
    /// Its name in reports.
    const NAME: &'static str;
    /// The domains that may take part.
    const DOMAINS: &'static [Domain];
    /// The kinds of rows that may change.
    const ROWS: &'static [RowKind] = &[];

    /// Appends the parameters.
    fn encode(&self, encoder: &mut Encoder);

    /// Reads the parameters.
    ///
    /// # Errors
    /// When the bytes are not parameters of this recipe.
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError>
    where
        Self: Sized;

    /// The parameters by name, as a report shows them.
    fn fields(&self) -> Fields;

    /// Decides on the state before the transaction. Nothing changes.
    ///
    /// # Errors
    /// The first domain that refuses, and why.
    fn decide(&self, context: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy>;
}

/// What this release knows of a recipe.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// Its number in the log.
    pub kind: u16,
    /// Its revision.
    pub revision: u16,
    /// Its name in reports.
    pub name: &'static str,
    /// The domains that may take part.
    pub domains: &'static [Domain],
    /// The kinds of rows that may change.
    pub rows: &'static [RowKind],
    decode: fn(&mut Decoder<'_>) -> Result<Intent, DecodeError>,
}

impl Known {
    /// What is known of a type.
    #[must_use]
    pub const fn of<R: Recipe>() -> Self {
        Self {
            kind: R::KIND,
            revision: R::REVISION,
            name: R::NAME,
            domains: R::DOMAINS,
            rows: R::ROWS,
            decode: |decoder| R::decode(decoder).map(Intent::new),
        }
    }

    /// What a log uses with it: the recipe in this revision.
    #[must_use]
    pub fn feature(&self) -> Feature {
        Feature::Recipe { kind: self.kind, revision: self.revision }
    }

    /// The same by name, or of a kind of row that may change. `None` of any other.
    #[must_use]
    pub fn named(&self, feature: Feature) -> Option<NamedFeature> {
        let name = match feature {
            Feature::Recipe { .. } => (feature == self.feature()).then_some(self.name),
            Feature::Row { kind } => self.rows.iter().find(|row| row.number == kind).map(|row| row.name),
        };
        name.map(|name| NamedFeature::new(feature, name))
    }
}

/// What a transaction is to do: a recipe with its parameters.
#[derive(Clone)]
pub struct Intent {
    known: Known,
    recipe: Arc<dyn Asked>,
}

/// A recipe, whatever its type.
trait Asked: fmt::Debug + Send + Sync {
    fn encode(&self, encoder: &mut Encoder);
    fn fields(&self) -> Fields;
    fn decide(&self, context: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy>;
    fn any(&self) -> &dyn Any;
}

impl<R: Recipe> Asked for R {
    fn encode(&self, encoder: &mut Encoder) {
        Recipe::encode(self, encoder);
    }

    fn fields(&self) -> Fields {
        Recipe::fields(self)
    }

    fn decide(&self, context: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        Recipe::decide(self, context, decision)
    }

    fn any(&self) -> &dyn Any {
        self
    }
}

impl Intent {
    /// The intent to carry out a recipe.
    #[must_use]
    pub fn new<R: Recipe>(recipe: R) -> Self {
        Self { known: Known::of::<R>(), recipe: Arc::new(recipe) }
    }

    /// What is known of its recipe.
    #[must_use]
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// The name of its recipe.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.known.name
    }

    /// The parameters by name, as a report shows them.
    #[must_use]
    pub fn fields(&self) -> Fields {
        self.recipe.fields()
    }

    /// The recipe with its parameters, when it is of this type.
    #[must_use]
    pub fn get<R: Recipe>(&self) -> Option<&R> {
        self.recipe.any().downcast_ref()
    }

    /// Decides on the state before the transaction. Nothing changes.
    ///
    /// # Errors
    /// The first domain that refuses, and why.
    pub fn decide(&self, context: &Context<'_>) -> Result<Effects, RefusedBy> {
        let mut decision = Deciding::new(context);
        self.recipe.decide(context, &mut decision)?;
        Ok(decision.finish())
    }

    /// Appends kind, revision and parameters to a record.
    pub fn encode(&self, encoder: &mut Encoder) {
        encoder.uint(self.known.kind.into());
        encoder.uint(self.known.revision.into());
        self.recipe.encode(encoder);
    }

    /// Whether a record of it could be read again: whether its parameters are in the range that records have. A caller
    /// inside the hub may ask for any amount.
    #[must_use]
    pub fn reads_back(&self) -> bool {
        let mut encoder = Encoder::default();
        self.encode(&mut encoder);
        let mut decoder = Decoder::new(encoder.as_bytes());
        Self::decode(&mut decoder, &[self.known]).and_then(|_| decoder.finish()).is_ok()
    }

    /// Reads an intent of one of these recipes. It is the last value of its record.
    ///
    /// # Errors
    /// When the recipe, or its revision, is none of them, or its parameters cannot be read.
    pub fn decode(decoder: &mut Decoder<'_>, recipes: &[Known]) -> Result<Self, DecodeError> {
        let (kind, revision) = (decoder.u16()?, decoder.u16()?);
        let known = recipes.iter().find(|known| (known.kind, known.revision) == (kind, revision));
        (known.ok_or(DecodeError::Recipe { kind, revision })?.decode)(decoder)
    }

    /// As [`Intent::decode`], and of a recipe or revision that is none of them only the number is read: its effects can be
    /// applied, and it cannot be decided.
    ///
    /// # Errors
    /// When the parameters of a known recipe cannot be read.
    pub fn decode_any(decoder: &mut Decoder<'_>, recipes: &[Known]) -> Result<Self, DecodeError> {
        let rest = decoder.rest();
        match Self::decode(decoder, recipes) {
            Err(DecodeError::Recipe { kind, revision }) => {
                let mut unread = Decoder::new(rest);
                let (_, _, parameters) = (unread.u16()?, unread.u16()?, unread.rest());
                decoder.raw(decoder.rest().len())?;
                let known = Known { kind, revision, ..Known::of::<Unread>() };
                Ok(Self { known, recipe: Arc::new(Unread(parameters.into())) })
            }
            read => read,
        }
    }

    /// Whether this release has the recipe in this revision; if not, the intent cannot be decided.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.get::<Unread>().is_none()
    }
}

/// The parameters of a recipe, or of a revision, that this release does not have.
#[derive(Debug, Clone)]
struct Unread(Box<[u8]>);

impl Recipe for Unread {
    const KIND: u16 = 0;
    const NAME: &'static str = "an unknown recipe";
    const DOMAINS: &'static [Domain] = &Domain::ALL;

    fn encode(&self, encoder: &mut Encoder) {
        encoder.raw(&self.0);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Err(DecodeError::Recipe { kind: decoder.u16()?, revision: decoder.u16()? })
    }

    fn fields(&self) -> Fields {
        vec![("bytes", Field::Bytes(self.0.to_vec()))]
    }

    /// Decides nothing: whoever decides asks [`Intent::is_read`] first.
    fn decide(&self, _: &Context<'_>, _: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        Ok(())
    }
}

impl<R: Recipe> From<R> for Intent {
    fn from(recipe: R) -> Self {
        Self::new(recipe)
    }
}

impl fmt::Debug for Intent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.recipe.fmt(formatter)
    }
}

/// Two intents are the same when their records would be.
impl PartialEq for Intent {
    fn eq(&self, other: &Self) -> bool {
        let spelled = |intent: &Self| {
            let mut encoder = Encoder::default();
            intent.encode(&mut encoder);
            encoder.into_bytes()
        };
        spelled(self) == spelled(other)
    }
}

impl Eq for Intent {}
