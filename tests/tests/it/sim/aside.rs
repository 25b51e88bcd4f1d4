//! A recipe of the simulation alone: money is set aside until a time, and returned by itself. No recipe of this release makes
//! such a hold yet, and the code that ends it is the hub's.

use domains::{
    Command, Context, Field, Fields, Recipe, What,
    decide::{Deciding, Part, RefusedBy},
    freeze::Freeze,
    recipe::Known,
    recipes,
};
use engine::{DecodeError, Formats};
use ledger::{
    AccountId, AccountKind, Domain, Hold, Move, Prover, Purpose, Rejection, Transfer,
    codec::{Decoder, Encoder},
};
use protocol::{Currency, PlayerId};

/// What the records of the simulation name: the recipes of this release, and [`SetAside`].
pub const FORMATS: Formats = Formats {
    recipes: &{
        let mut all = [Known::of::<SetAside>(); recipes::STANDARD.len() + 1];
        let mut place = 0;
        while place < recipes::STANDARD.len() {
            all[place] = recipes::STANDARD[place];
            place += 1;
        }
        all
    },
    ..Formats::STANDARD
};

/// Money of a player is held until a time.
#[derive(Debug, Clone)]
pub struct SetAside {
    pub player: PlayerId,
    pub currency: Currency,
    /// Minor units.
    pub amount: i128,
    /// When it is returned, milliseconds.
    pub until: u64,
}

impl Recipe for SetAside {
    const KIND: u16 = 60_000;
    const NAME: &'static str = "SET_ASIDE";
    const DOMAINS: &'static [Domain] = &[Domain::Balance];

    fn encode(&self, encoder: &mut Encoder) {
        encoder.player(self.player);
        encoder.currency(self.currency);
        encoder.money(self.amount);
        encoder.uint(self.until.into());
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let (player, currency) = (decoder.player()?, decoder.currency()?);
        Ok(Self { player, currency, amount: decoder.money()?, until: decoder.u64()? })
    }

    fn fields(&self) -> Fields {
        vec![("player", Field::Player(self.player)), ("until", Field::Time(self.until))]
    }

    fn decide(&self, _: &Context<'_>, deciding: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        deciding.ask(self)?;
        deciding.tell(self.player, self.currency, What::Stake);
        Ok(())
    }
}

impl Command for SetAside {
    const DOMAIN: Domain = Domain::Balance;

    fn decide(&self, context: &Context<'_>, part: &mut Part<'_, '_>) -> Result<(), Rejection> {
        if Freeze::of(context.view.rows(), self.player, context.now).is_some() {
            return Err(Rejection::AccountFrozen);
        }
        let debit = AccountId::cash(self.player, self.currency);
        let credit = AccountId::house(AccountKind::Clearing(Domain::Collections), self.currency);
        let transfer = Transfer { debit, credit, amount: self.amount };
        let hold = Hold::on(Purpose::Service, Prover::Domain(Domain::Balance), transfer);
        part.draft.add(Move::Hold(context.id, Hold { expires: Some(self.until), ..hold }.into()))
    }
}
