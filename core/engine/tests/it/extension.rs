//! What a later release can add: a recipe, a revision of a recipe, a kind of row, a kind of fact. A log of this release
//! replays and verifies beside them. A recipe or row is one type and one line of a list; a fact that is only kept is one line.

use domains::{
    Context, Field, Fields, Intent, KINDS, Recipe, RowImage, RowKind,
    decide::{Deciding, RefusedBy},
    recipe::Known,
    recipes::{self, Deposit},
    rows::Row,
};
use engine::{
    ApplyError, Body, Component, Content, DecodeError, FACTS, Fact, FactKind, Feature, Formats,
    KEPT_BYTES_MAX, Level, LogVerifier, NamedFeature, Occurrences, Outcome, Principal, Record, Tx, TxId,
    Undecided, Verdict, World,
    due::{Scheduled, Scheduler},
    invariant::Violation,
};
use ledger::{
    Domain, Hold, HoldId, Move, Prover, Purpose, Transfer,
    codec::{Decoder, Encoder},
};
use protocol::{Currency, PlayerId};

use crate::{
    rig::{Rig, done, eur, stored, stored_with},
    upgrade::SHAPES,
};

/// A row that this release does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mood(pub u8);

impl Row for Mood {
    const KIND: u16 = 60_000;
    const NAME: &'static str = "mood";

    fn encode(&self, encoder: &mut Encoder) {
        encoder.byte(self.0);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self(decoder.byte()?))
    }

    fn key(bytes: &[u8]) -> Field {
        Field::Bytes(bytes.to_vec())
    }

    fn fields(&self) -> Fields {
        vec![("mood", Field::Number(self.0.into()))]
    }
}

/// `DEPOSIT` in a later revision: with a parameter more, and a row.
#[derive(Debug, Clone)]
pub struct CheerfulDeposit {
    pub deposit: Deposit,
    pub mood: Mood,
}

impl Recipe for CheerfulDeposit {
    const KIND: u16 = Deposit::KIND;
    const REVISION: u16 = 2;
    const NAME: &'static str = "DEPOSIT";
    const DOMAINS: &'static [Domain] = Deposit::DOMAINS;
    const ROWS: &'static [RowKind] = &[RowKind::of::<Mood>()];

    fn encode(&self, encoder: &mut Encoder) {
        Recipe::encode(&self.deposit, encoder);
        Row::encode(&self.mood, encoder);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self { deposit: Recipe::decode(decoder)?, mood: Row::decode(decoder)? })
    }

    fn fields(&self) -> Fields {
        [Recipe::fields(&self.deposit), Row::fields(&self.mood)].concat()
    }

    fn decide(&self, context: &Context<'_>, deciding: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        let player = self.deposit.player.0.to_be_bytes();
        deciding.put(RowImage::of(&player, Some(&self.mood)).unwrap());
        self.deposit.decide(context, deciding)
    }
}

/// A hold that a service asks for, with an end.
#[derive(Debug, Clone)]
pub struct SetAside {
    pub player: PlayerId,
    pub currency: Currency,
    pub amount: i128,
    pub expires: u64,
}

impl Recipe for SetAside {
    const KIND: u16 = 60_000;
    const NAME: &'static str = "SET_ASIDE";
    const DOMAINS: &'static [Domain] = &[Domain::Balance];

    fn encode(&self, encoder: &mut Encoder) {
        encoder.player(self.player);
        encoder.currency(self.currency);
        encoder.money(self.amount);
        encoder.uint(self.expires.into());
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let (player, currency) = (decoder.player()?, decoder.currency()?);
        Ok(Self { player, currency, amount: decoder.money()?, expires: decoder.u64()? })
    }

    fn fields(&self) -> Fields {
        vec![
            ("player", Field::Player(self.player)),
            ("currency", Field::Currency(self.currency)),
            ("amount", Field::Amount(self.amount, self.currency)),
            ("expires", Field::Time(self.expires)),
        ]
    }

    fn decide(&self, _: &Context<'_>, deciding: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        deciding.ask(self)?;
        deciding.tell(self.player, self.currency, domains::What::Stake);
        Ok(())
    }
}

impl domains::Command for SetAside {
    const DOMAIN: Domain = Domain::Balance;

    fn decide(
        &self,
        context: &Context<'_>,
        part: &mut domains::decide::Part<'_, '_>,
    ) -> Result<(), ledger::Rejection> {
        let debit = ledger::AccountId::cash(self.player, self.currency);
        let clearing = ledger::AccountKind::Clearing(Domain::Collections);
        let credit = ledger::AccountId::house(clearing, self.currency);
        let transfer = Transfer { debit, credit, amount: self.amount };
        let hold = Hold::on(Purpose::Service, Prover::Domain(Domain::Balance), transfer);
        part.draft.add(Move::Hold(context.id, Hold { expires: Some(self.expires), ..hold }.into()))
    }
}

pub const LATER: Formats = Formats {
    shapes: SHAPES,
    recipes: &{
        let mut all = [Known::of::<SetAside>(); recipes::STANDARD.len() + 2];
        let mut place = 0;
        while place < recipes::STANDARD.len() {
            all[place] = recipes::STANDARD[place];
            place += 1;
        }
        all[place] = Known::of::<CheerfulDeposit>();
        all
    },
    rows: &{
        let mut all = [RowKind::of::<Mood>(); KINDS.len() + 1];
        let mut place = 0;
        while place < KINDS.len() {
            all[place] = KINDS[place];
            place += 1;
        }
        all
    },
    facts: &{
        let mut all = [BIRTHPLACE; FACTS.len() + 1];
        let mut place = 0;
        while place < FACTS.len() {
            all[place] = FACTS[place];
            place += 1;
        }
        all
    },
};

/// The recipe and the row as features.
pub const CHEERFUL: Feature = Feature::Recipe { kind: Deposit::KIND, revision: 2 };
pub const MOOD: Feature = Feature::Row { kind: Mood::KIND };

/// A fact that this release does not have.
const BIRTHPLACE: FactKind = FactKind::kept(250, "birthplace");

fn birthplace(value: &str) -> Fact {
    Fact::Kept { kind: BIRTHPLACE.number, value: value.as_bytes().into() }
}

pub fn tx(number: u128, player: PlayerId, intent: impl Into<Intent>) -> engine::Envelope {
    engine::Envelope::Run(Tx::new(TxId(number), player.into(), Some(Content(number)), intent))
}

#[test]
fn a_revision_and_a_kind_of_row_can_be_added_and_the_log_before_them_replays_and_verifies() {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.open();
    done(rig.bet("a", 1, &[("red", &[], 50)]));
    let before = rig.books.digest_record(rig.now);
    rig.append(&before);
    let Body::Digest(old) = &before.body else { panic!("a digest") };
    let old = old.clone();
    let player = PlayerId(1);
    let deposit = Deposit { player, currency: eur(), amount: 5 };
    let verdict = rig.submit(&tx(7, player, CheerfulDeposit { deposit, mood: Mood(3) }));
    assert!(matches!(verdict, Verdict::Recorded(Outcome::Done(_))), "{verdict:?}");
    let after = rig.books.digest_record(rig.now);
    rig.append(&after);

    let world = replayed(&rig);
    let mood: Mood = world.books.domains().rows.get(&player.0.to_be_bytes()).unwrap();
    assert_eq!(mood, Mood(3));
    let rows = Component::Rows(Mood::KIND);
    assert_eq!(old.of(rows), Default::default(), "the digest before does not name the component");
    assert_ne!(world.books.digest().of(rows), Default::default());

    // This release does not have them, and says so, also of a record whose first use is not recorded.
    let of_later = rig.log.iter().filter(|bytes| Record::decode(bytes).is_err());
    let later: Vec<_> = of_later.map(|bytes| Record::decode(bytes).unwrap_err()).collect();
    let (recipe, row) = (NamedFeature::new(CHEERFUL, "DEPOSIT"), NamedFeature::new(MOOD, "mood"));
    let upgrades = [DecodeError::Upgrade(recipe), DecodeError::Upgrade(row)];
    assert_eq!(later, [&upgrades[..], &[DecodeError::RowKind(Mood::KIND)]].concat());
    let kinds = Formats { rows: LATER.rows, ..Formats::STANDARD };
    let with_kinds = |bytes: &Vec<u8>| Record::decode_with(bytes, &kinds).err();
    let later = rig.log.iter().filter_map(with_kinds).next_back().unwrap();
    assert_eq!(later, DecodeError::Recipe { kind: Deposit::KIND, revision: 2 });
    assert_eq!(
        later.to_string(),
        "recipe 1 in revision 2 is not known to this release: a later release wrote it. Go on with that release or a later \
         one, on the same directory (docs/operating.md, \"Upgrade and rollback\")"
    );
}

/// The log of a rig, read with the later formats: verified, and replayed to the same digest.
fn replayed(rig: &Rig) -> World {
    let (mut world, mut verifier) = (World::default(), LogVerifier::default().reading(LATER));
    for bytes in &rig.log {
        let record = Record::decode_with(bytes, &LATER).unwrap();
        assert_eq!(record.encode(), *bytes);
        world.apply(&record).unwrap();
        verifier.next(bytes).unwrap();
    }
    assert_eq!(world.books.digest(), rig.books.digest());
    world
}

#[test]
fn a_kind_of_fact_can_be_added_and_the_log_before_it_replays_and_verifies() {
    let mut rig = Rig::new();
    let scale = rig.books.fact_record(Fact::Scale { currency: eur(), scale: 2 }, rig.now);
    rig.append(&scale);
    rig.deposit(1, 1_000);
    let before = rig.books.digest_record(rig.now);
    rig.append(&before);
    let old = rig.log.len();
    let known = rig.books.fact_record(birthplace("Valletta"), rig.now);
    rig.append(&known);
    let after = rig.books.digest_record(rig.now);
    rig.append(&after);
    assert_ne!(before.body, after.body, "it is part of the digest");

    let mut world = replayed(&rig);
    assert_eq!(world.books.facts().kept(BIRTHPLACE.number), Some(b"Valletta".as_slice()));

    // It stands for good, and may be recorded again.
    let put = |world: &mut World, fact: Fact| {
        let record = world.books.fact_record(fact, 0);
        world.apply(&record).map(drop)
    };
    let fact = birthplace("Sliema");
    let changed = Violation::FactChanged { fact: fact.clone() };
    assert_eq!(put(&mut world, fact), Err(ApplyError::Invariant(changed)));
    put(&mut world, birthplace("Valletta")).unwrap();

    // This release reads the log up to it, and says what it does not have.
    let mut this = LogVerifier::default();
    rig.log[..old].iter().for_each(|bytes| drop(this.next(bytes).unwrap()));
    let found = this.next(&rig.log[old]).unwrap_err();
    assert_eq!(found.lsn, old as u64 + 1);
    assert!(found.what.starts_with("a fact of kind 250 is not known to this release: "), "{found:?}");
}

#[test]
fn a_fact_that_is_too_long_is_refused() {
    let read = |length: usize| {
        let value = vec![b'x'; length].into();
        let body = Body::Fact(Fact::Kept { kind: BIRTHPLACE.number, value });
        Record::decode_with(&Record { time: 0, body }.encode(), &LATER).map(drop)
    };
    assert_eq!(read(KEPT_BYTES_MAX), Ok(()));
    assert_eq!(read(KEPT_BYTES_MAX + 1), Err(DecodeError::OutOfRange("the value of a fact")));
}

#[test]
fn what_this_release_does_not_have_is_applied_again_and_named_as_not_decided_again() {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    let player = PlayerId(1);
    let deposit = Deposit { player, currency: eur(), amount: 5 };
    for number in [7, 8] {
        rig.submit(&tx(number, player, CheerfulDeposit { deposit, mood: Mood(3) }));
    }
    let too_much = SetAside { player, currency: eur(), amount: 2_000, expires: 1 };
    let refused = rig.submit(&tx(9, player, too_much));
    assert_eq!(refused, crate::rig::refused(protocol::ErrorCode::InsufficientFunds));
    let digest = rig.books.digest_record(rig.now);
    rig.append(&digest);
    for level in [Level::ReApply, Level::ReDecide] {
        let mut verifier = LogVerifier::default().at(level);
        for bytes in &rig.log {
            assert_eq!(verifier.next(bytes).unwrap().encode(), *bytes);
        }
        verifier.check().unwrap();
        assert_eq!(verifier.world().books.digest(), rig.books.digest());
        let tally = verifier.tally();
        assert_eq!((tally.transactions, tally.refusals, tally.digests, tally.facts), (3, 1, 1, 3));
        let unknown = |kind, revision, count, first| {
            (Undecided::Recipe { kind, revision }, Occurrences { count, first })
        };
        let (decided, undecided) = match level {
            Level::ReApply => (0, Vec::new()),
            Level::ReDecide => (1, vec![unknown(1, 2, 2, 4), unknown(SetAside::KIND, 1, 1, 7)]),
        };
        assert_eq!(tally.re_decided(), decided);
        assert_eq!(tally.undecided, undecided.into_iter().collect());
        assert_eq!(tally.lacks(), level == Level::ReDecide);
    }
}

#[test]
fn what_is_due_is_carried_out_once_in_order_and_not_before_its_time() {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    let (player, currency) = (PlayerId(1), eur());
    assert_eq!(rig.books.next_due(), None);
    for (number, after) in [(7, 500), (8, 300), (9, 900)] {
        let set_aside = SetAside { player, currency, amount: 10, expires: rig.now + after };
        rig.submit(&tx(number, player, set_aside));
    }
    let held = |rig: &Rig| rig.books.domains().balance.funds(player, currency).unwrap().held;
    assert_eq!((held(&rig), rig.books.next_due()), (30, Some(rig.now + 300)));
    assert_eq!(rig.books.due(rig.now + 299), None);
    // Too early: the intent is refused whoever sends it.
    let early = engine::Envelope::Run(Tx::new(
        TxId::of_expiry(HoldId(8)),
        Principal::HUB,
        None,
        domains::recipes::HoldExpire { hold: HoldId(8) },
    ));
    assert!(matches!(rig.submit(&early), Verdict::Impossible(_)));

    rig.now += 500;
    let mut done = Vec::new();
    while let Some(envelope) = rig.books.due(rig.now) {
        assert!(done.len() < 2, "the third is not due");
        done.push(envelope.id());
        assert_eq!(rig.submit(&envelope), Verdict::Done);
        assert_ne!(rig.books.due(rig.now), Some(envelope), "it is done once");
    }
    assert_eq!(done, [TxId::of_expiry(HoldId(8)), TxId::of_expiry(HoldId(7))]);
    assert_eq!((held(&rig), rig.books.next_due()), (10, Some(rig.now + 400)));

    // After a crash the same is due: the heap is made of the holds.
    let mut world = World::default();
    for bytes in &rig.log {
        world.apply(&Record::decode_with(bytes, &LATER).unwrap()).unwrap();
    }
    assert_eq!(world.books.next_due(), rig.books.next_due());
    let restored = stored_with(&world, LATER).unwrap();
    assert_eq!(restored.books.next_due(), rig.books.next_due());
    assert_eq!(world.check(), Ok(()));
}

#[test]
fn what_cannot_be_done_is_not_handed_out_again_and_nothing_after_it() {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    for number in [7, 8] {
        let expires = rig.now + u64::try_from(number).unwrap();
        rig.submit(&tx(
            number,
            PlayerId(1),
            SetAside { player: PlayerId(1), currency: eur(), amount: 10, expires },
        ));
    }
    let (now, first) = (rig.now + 8, TxId::of_expiry(HoldId(7)));
    let mut scheduler = Scheduler::new(true);
    assert_eq!(scheduler.next(&rig.books, rig.now), Scheduled::Nothing, "it is too early");
    let Scheduled::Submit(envelope) = scheduler.next(&rig.books, now) else { panic!("it is due") };
    assert_eq!(envelope.id(), first);
    // It was not carried out.
    assert_eq!(scheduler.next(&rig.books, now), Scheduled::Failed(first));
    assert_eq!(scheduler.next(&rig.books, now), Scheduled::Nothing);
    let mut doubting = Scheduler::new(false);
    assert_eq!(doubting.next(&rig.books, now), Scheduled::Nothing);
}

#[test]
fn a_clock_a_day_ahead_of_the_log_is_doubted_and_an_empty_log_doubts_none() {
    let mut rig = Rig::new();
    assert!(!rig.books.doubts_clock(u64::MAX, false));
    rig.deposit(1, 1_000);
    let (last, day) = (rig.books.time(), engine::due::CLOCK_AHEAD_MAX);
    assert_eq!(day, 86_400_000);
    assert!(!rig.books.doubts_clock(last + day, false));
    assert!(rig.books.doubts_clock(last + day + 1, false));
    assert!(!rig.books.doubts_clock(last + day + 1, true), "an operator says that it is right");
    assert!(!rig.books.doubts_clock(0, false), "a clock that is behind carries nothing out too early");
}

#[test]
fn a_clock_that_was_doubted_is_doubted_at_every_later_start_until_it_is_accepted() {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    let restarted = |rig: &Rig| {
        let world = rig.replay();
        stored(&world).books
    };
    assert_eq!(rig.books.clock_fact(false), None, "a clock that nobody doubts is not recorded");
    rig.now += engine::due::CLOCK_AHEAD_MAX + 1;
    let doubt = rig.books.clock_fact(true).expect("the log does not say so yet");
    let doubt = rig.books.fact_record(doubt, rig.now);
    rig.append(&doubt);
    // The log goes on in the time of that clock.
    rig.deposit(1, 1_000);
    for _ in 0..2 {
        let books = restarted(&rig);
        assert!(!books.clock_far_ahead(rig.now) && books.doubts_clock(rig.now, false));
        assert_eq!(books.clock_fact(true), None, "it is recorded once");
    }
    let accepted = rig.books.clock_fact(rig.books.doubts_clock(rig.now, true)).expect("the doubt is over");
    let accepted = rig.books.fact_record(accepted, rig.now);
    rig.append(&accepted);
    assert!(!restarted(&rig).doubts_clock(rig.now, false));
}
