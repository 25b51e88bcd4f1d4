//! How a transaction is decided: what the decision may read, and what it makes.

use std::{collections::HashMap, fmt};

use ledger::{Change, Domain, Draft, Drafted, HoldId, Ledger, Move, Rejection, Transfer};
use protocol::{Currency, PlayerId};

use crate::{
    Funds, Notice, PlayerSettlement, Principal, What,
    rows::{Row, RowImage, RowKey, Rows},
};

/// The state of all domains, as a decision reads it.
pub trait View {
    /// The ledger of a domain.
    fn ledger(&self, domain: Domain) -> &Ledger;

    /// The rows of all domains.
    fn rows(&self) -> &Rows;
}

/// The commands of one domain.
pub trait Command {
    /// The domain that the command is for.
    const DOMAIN: Domain;

    /// Decides on the state before the transaction and on what was drafted so far: adds moves and rows.
    ///
    /// # Errors
    /// The first rule that the command breaks.
    fn decide(&self, context: &Context<'_>, part: &mut Part<'_, '_>) -> Result<(), Rejection>;
}

/// What a decision may read.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The time of the decision, milliseconds since 1970.
    pub now: u64,
    /// The id of the transaction, under which a hold is made.
    pub id: HoldId,
    /// Who asks for the transaction.
    pub principal: Principal,
    /// The state of all domains, before the transaction.
    pub view: &'a dyn View,
    /// What follows from the state of the table that takes part: the shares of a round's players.
    pub shares: &'a [PlayerSettlement],
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { now, id, principal, .. } = self;
        let mut context = formatter.debug_struct("Context");
        context.field("now", now).field("id", id).field("principal", principal).finish_non_exhaustive()
    }
}

/// Why a transaction is refused: the domain that refuses, and the rule.
pub type RefusedBy = (Domain, Rejection);

/// What a transaction does: the legs of the domains with what they change, the rows, and what the players are told.
#[derive(Debug, Default)]
pub struct Effects {
    /// One leg for each domain that takes part, in canonical order.
    pub legs: Vec<(Domain, Drafted)>,
    /// The images of the rows that change, each row once.
    pub rows: Vec<RowImage>,
    /// One notice for each player touched, with the funds before and after that the balance domain has drafted.
    pub notices: Vec<Notice>,
}

/// What a domain's command works on: a draft of the domain's leg, and the rows so far.
#[derive(Debug)]
pub struct Part<'d, 'a> {
    /// Where moves are added.
    pub draft: &'d mut Draft<'a>,
    rows: &'d mut RowDraft,
}

impl Part<'_, '_> {
    /// The value of a row, as what was decided so far leaves it.
    #[must_use]
    pub fn row<R: Row>(&self, context: &Context<'_>, key: &[u8]) -> Option<R> {
        match RowKey::new(R::KIND, key).and_then(|key| self.rows.image(&key)) {
            Some(image) => image.read(),
            None => context.view.rows().get(key),
        }
    }

    /// The bytes of a row's value, as what was decided so far leaves it.
    pub(crate) fn bytes<'c>(&'c self, context: &Context<'c>, key: &RowKey) -> Option<&'c [u8]> {
        match self.rows.image(key) {
            Some(image) => image.value.as_deref(),
            None => context.view.rows().bytes(key),
        }
    }

    /// Changes a row. The last image of a row counts.
    pub fn put(&mut self, image: RowImage) {
        self.rows.put(image);
    }

    /// Changes a row in which the end of a round is counted, within [`COUNTED_BYTES_MAX`].
    pub fn put_counted(&mut self, image: RowImage) {
        self.rows.put_counted(image);
    }
}

/// The images of the rows that change, each row once, in the order in which they were first changed.
#[derive(Debug, Default)]
struct RowDraft {
    images: Vec<RowImage>,
    /// The place of each image, once they are many: a round may change a row of each of its players.
    places: HashMap<RowKey, usize>,
    /// Bytes of those that count the end of a round.
    counted: usize,
}

/// So many images are searched one after the other.
const FEW_ROWS: usize = 8;

/// Most bytes of the rows in which the end of a round is counted for its players. Rows beyond are left as they are: a round ends,
/// and its money moves, however much there is to count.
pub const COUNTED_BYTES_MAX: usize = 6 << 20;
/// Longest encoding of an image besides its value.
const IMAGE_BYTES: usize = 3 + 1 + 37 + 1 + 3;

impl RowDraft {
    fn place(&self, key: &RowKey) -> Option<usize> {
        if self.images.len() <= FEW_ROWS {
            self.images.iter().position(|image| image.key == *key)
        } else {
            self.places.get(key).copied()
        }
    }

    fn image(&self, key: &RowKey) -> Option<&RowImage> {
        self.place(key).map(|place| &self.images[place])
    }

    /// Changes a row in which the end of a round is counted, unless such rows are too long together.
    fn put_counted(&mut self, image: RowImage) {
        if self.place(&image.key).is_none() {
            let bytes = self.counted + IMAGE_BYTES + image.value.as_ref().map_or(0, |value| value.len());
            if bytes > COUNTED_BYTES_MAX {
                return;
            }
            self.counted = bytes;
        }
        self.put(image);
    }

    fn put(&mut self, image: RowImage) {
        if let Some(place) = self.place(&image.key) {
            self.images[place] = image;
            return;
        }
        self.images.push(image);
        let from = match self.images.len() {
            ..=FEW_ROWS => return,
            _ if self.places.is_empty() => 0,
            many => many - 1,
        };
        let new = self.images[from..].iter().zip(from..);
        self.places.extend(new.map(|(image, place)| (image.key, place)));
    }
}

/// A decision in the making. Commands see what earlier ones have drafted.
#[derive(Debug)]
pub struct Deciding<'a> {
    context: Context<'a>,
    drafts: [Option<Draft<'a>>; 5],
    rows: RowDraft,
    told: Vec<(PlayerId, Currency, What)>,
}

/// The draft of a domain's leg.
fn draft<'d, 'a>(
    drafts: &'d mut [Option<Draft<'a>>; 5],
    Context { view, shares, .. }: &Context<'a>,
    domain: Domain,
) -> &'d mut Draft<'a> {
    // Only the balance domain has an account for each player.
    let accounts = if domain == Domain::Balance { shares.len() } else { 0 };
    drafts[domain as usize].get_or_insert_with(|| view.ledger(domain).draft_with_room(accounts))
}

impl<'a> Deciding<'a> {
    /// A decision that has changed nothing yet.
    #[must_use]
    pub fn new(context: &Context<'a>) -> Self {
        let told = Vec::with_capacity(context.shares.len());
        Self { context: *context, drafts: [const { None }; 5], rows: RowDraft::default(), told }
    }

    /// Lets a domain decide one of its commands.
    ///
    /// # Errors
    /// The first rule that the command breaks.
    pub fn ask<C: Command>(&mut self, command: &C) -> Result<(), RefusedBy> {
        let draft = draft(&mut self.drafts, &self.context, C::DOMAIN);
        let mut part = Part { draft, rows: &mut self.rows };
        command.decide(&self.context, &mut part).map_err(|rejection| (C::DOMAIN, rejection))
    }

    /// Posts a transfer in a domain, whatever the commands of the domain are. Only the rules of the ledger are asked: whoever
    /// takes back what a command did before has asked what else there is to ask.
    ///
    /// # Errors
    /// The first rule of the ledger that it breaks.
    pub(crate) fn post(&mut self, domain: Domain, transfer: Transfer) -> Result<(), RefusedBy> {
        let draft = draft(&mut self.drafts, &self.context, domain);
        draft.add(Move::Post(transfer)).map_err(|rejection| (domain, rejection))
    }

    /// Changes a row. The last image of a row counts.
    pub fn put(&mut self, image: RowImage) {
        self.rows.put(image);
    }

    /// Changes a row in which the end of a round is counted, within [`COUNTED_BYTES_MAX`].
    pub fn put_counted(&mut self, image: RowImage) {
        self.rows.put_counted(image);
    }

    /// Tells a player what happened; each player once, with the funds before and after everything.
    pub fn tell(&mut self, player: PlayerId, currency: Currency, what: What) {
        self.told.push((player, currency, what));
    }

    /// What was decided. A domain whose commands changed nothing takes no part.
    #[must_use]
    pub fn finish(self) -> Effects {
        let Self { context, drafts, rows, told } = self;
        let legs: Vec<(Domain, Drafted)> = Domain::ALL
            .into_iter()
            .zip(drafts)
            .filter_map(|(domain, draft)| Some((domain, draft?.finish())))
            .filter(|(_, drafted)| !drafted.leg.moves.is_empty())
            .collect();
        let changes = legs.iter().find(|(domain, _)| *domain == Domain::Balance).map(|(_, leg)| &leg.changes);
        let notice = |(player, currency, what): (PlayerId, Currency, What)| {
            let cash = ledger::AccountId::cash(player, currency);
            let (before, after) = match changes.and_then(|changes| changes.account(&cash)) {
                Some(Change { before, after }) => {
                    (before.as_ref().map(Funds::from).unwrap_or_default(), Funds::from(after))
                }
                None => {
                    let account = context.view.ledger(Domain::Balance).account(&cash);
                    let untouched = account.as_ref().map(Funds::from).unwrap_or_default();
                    (untouched, untouched)
                }
            };
            Notice { player, currency, before, after, what }
        };
        let notices = told.into_iter().map(notice).collect();
        Effects { legs, rows: rows.images, notices }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::freeze::{Freeze, FreezeReason};

    #[test]
    fn the_last_image_of_a_row_counts_however_many_rows_change() {
        let image = |player, until| {
            let freeze = Freeze { reason: FreezeReason::Operator, until: Some(until) };
            Freeze::image(PlayerId(player), Some(&freeze))
        };
        for rows in [1, FEW_ROWS, FEW_ROWS + 1, 100] {
            let mut draft = RowDraft::default();
            for until in [1, 2] {
                (0..rows as u128).for_each(|player| draft.put(image(player, until)));
            }
            let expected: Vec<_> = (0..rows as u128).map(|player| image(player, 2)).collect();
            assert_eq!(draft.images, expected, "{rows}");
            assert!(expected.iter().all(|image| draft.image(&image.key) == Some(image)), "{rows}");
        }
    }
}
