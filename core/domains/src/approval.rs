//! Approval by others: what is proposed waits until so many operators have approved it, or it is too late (ADR-0047).
//!
//! One component for whatever needs it. It knows nothing of what is proposed but a digest and an amount. A recipe that proposes
//! calls [`propose`], a recipe that approves calls [`approve`]; when one of them says that it [`Applies`](Approved::Applies), the
//! recipe carries out what was proposed in the same record. So nothing is ever approved and not done.
//!
//! There are no edits: whoever wants something else rejects the proposal and makes another one, which needs its approvals anew.
//! When the time of a proposal is over is found by comparison; nothing happens then.

use ledger::{
    Rejection,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::Currency;

use crate::{
    approval_rules::{APPROVALS_MAX, ApprovalRules, ProposalSubject, named},
    cause::Reference,
    decide::{Context, Deciding},
    fields::{Field, Fields},
    principal::{Principal, PrincipalKind},
    rows::{Row, RowImage},
};

/// The id of a proposal: that of the transaction that has made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProposalId(pub u128);

/// What is proposed, as far as approval has to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proposed {
    /// What it is.
    pub subject: ProposalSubject,
    /// SHA-256 of all of it: what is carried out is what was proposed.
    pub digest: [u8; 32],
    /// The currency.
    pub currency: Currency,
    /// How much, by which the rules ask for approvals. Minor units, above zero.
    pub amount: i128,
}

/// A proposal that waits. The row is removed when it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// What is proposed.
    pub what: Proposed,
    /// Who proposes it.
    pub author: Principal,
    /// When it was proposed, milliseconds since 1970.
    pub made: u64,
    /// Until when it can be approved, milliseconds since 1970. From then on it can only be rejected.
    pub until: u64,
    /// How many approvals it needs; the rules that held when it was made say so.
    pub needed: u8,
    /// Who has approved it so far, in order, each once.
    pub approvals: Vec<Principal>,
}

/// How a proposal has ended. The numbers are written into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ProposalEnd {
    /// It was approved and carried out.
    Applied = 1,
    /// Its author has carried it out alone: the rules ask for no approval of so little.
    Alone = 2,
    /// Its author has carried it out alone in an emergency, and said why.
    BreakGlass = 3,
    /// Somebody has rejected it.
    Rejected = 4,
    /// Its author has taken it back.
    Withdrawn = 5,
}

/// A proposal that has ended. The row stays, so that nobody ends it twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedProposal {
    /// The proposal, with the approvals that it had.
    pub proposal: Proposal,
    /// How it has ended.
    pub end: ProposalEnd,
    /// Who has ended it.
    pub by: Principal,
    /// The transaction that has ended it: the one with the moves, if it was carried out.
    pub transaction: u128,
    /// When, milliseconds since 1970.
    pub at: u64,
}

/// What a step of an approval leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approved {
    /// More approvals are needed.
    Waits,
    /// What is proposed is to be carried out, in this record.
    Applies,
}

/// Proposes something. With `break_glass`, the reason of an emergency, the author carries it out alone.
///
/// # Errors
/// The amount is not above zero; or the author may not do it alone who is to.
pub fn propose(
    context: &Context<'_>,
    decision: &mut Deciding<'_>,
    what: Proposed,
    break_glass: Option<&Reference>,
) -> Result<Approved, Rejection> {
    let Proposed { subject, currency, amount, .. } = what;
    if amount <= 0 {
        return Err(Rejection::AmountNotPositive);
    }
    let rules = ApprovalRules::of(context.view.rows(), subject);
    let author = context.principal;
    // A service never acts alone: somebody has to look at what a program asks for.
    let least = u8::from(author.kind() != PrincipalKind::Operator);
    let needed = rules.needed(currency, amount).max(least);
    let until = context.now.saturating_add(rules.stands);
    let proposal = Proposal { what, author, made: context.now, until, needed, approvals: Vec::new() };
    let end = match break_glass {
        Some(_) if !rules.break_glass => return Err(Rejection::NoBreakGlass),
        Some(_) if author.kind() != PrincipalKind::Operator => return Err(Rejection::NotAnApprover),
        Some(_) => ProposalEnd::BreakGlass,
        None if needed == 0 => ProposalEnd::Alone,
        None => {
            decision.put(image(ProposalId(context.id.0), Some(&proposal)));
            return Ok(Approved::Waits);
        }
    };
    if !rules.may(author, currency, amount) {
        return Err(Rejection::AboveApproverLimit);
    }
    finish(context, decision, ProposalId(context.id.0), proposal, end);
    Ok(Approved::Applies)
}

/// Approves a proposal of what has this digest.
///
/// # Errors
/// In this order: it is not there, has ended, or is another one; whoever asks approves nothing, is its author or has approved it
/// before; it is too late; or the amount is above the approver's limit.
pub fn approve(
    context: &Context<'_>,
    decision: &mut Deciding<'_>,
    id: ProposalId,
    (subject, digest): (ProposalSubject, [u8; 32]),
) -> Result<Approved, Rejection> {
    let mut proposal = open(context, id)?;
    let approver = context.principal;
    if (proposal.what.subject, proposal.what.digest) != (subject, digest) {
        return Err(Rejection::ProposalDiffers);
    }
    if approver.kind() != PrincipalKind::Operator {
        return Err(Rejection::NotAnApprover);
    }
    // clause: gli19.b.2.3.two_people
    if approver == proposal.author {
        return Err(Rejection::OwnProposal);
    }
    if proposal.approvals.contains(&approver) {
        return Err(Rejection::ApprovedBefore);
    }
    if proposal.until <= context.now {
        return Err(Rejection::ProposalExpired);
    }
    let rules = ApprovalRules::of(context.view.rows(), subject);
    if !rules.may(approver, proposal.what.currency, proposal.what.amount) {
        return Err(Rejection::AboveApproverLimit);
    }
    proposal.approvals.push(approver);
    if proposal.approvals.len() < usize::from(proposal.needed) {
        decision.put(image(id, Some(&proposal)));
        return Ok(Approved::Waits);
    }
    finish(context, decision, id, proposal, ProposalEnd::Applied);
    Ok(Approved::Applies)
}

/// Rejects a proposal, also one whose time is over; its author takes it back so.
///
/// # Errors
/// It is not there, has ended or is of another subject; or whoever asks is neither an operator nor its author.
pub fn reject(
    context: &Context<'_>,
    decision: &mut Deciding<'_>,
    id: ProposalId,
    subject: ProposalSubject,
) -> Result<(), Rejection> {
    let proposal = open(context, id)?;
    let end = match context.principal {
        _ if proposal.what.subject != subject => return Err(Rejection::ProposalDiffers),
        author if author == proposal.author => ProposalEnd::Withdrawn,
        other if other.kind() == PrincipalKind::Operator => ProposalEnd::Rejected,
        _ => return Err(Rejection::NotAnApprover),
    };
    finish(context, decision, id, proposal, end);
    Ok(())
}

fn open(context: &Context<'_>, id: ProposalId) -> Result<Proposal, Rejection> {
    let (rows, key) = (context.view.rows(), id.0.to_be_bytes());
    if let Some(proposal) = rows.get(&key) {
        return Ok(proposal);
    }
    match rows.get::<EndedProposal>(&key) {
        Some(_) => Err(Rejection::ProposalEnded),
        None => Err(Rejection::ProposalUnknown),
    }
}

fn finish(
    context: &Context<'_>,
    decision: &mut Deciding<'_>,
    id: ProposalId,
    proposal: Proposal,
    end: ProposalEnd,
) {
    let Context { now: at, principal: by, .. } = *context;
    // Of what is carried out at once there never was a row that waits.
    if context.id.0 != id.0 {
        decision.put(image::<Proposal>(id, None));
    }
    let ended = EndedProposal { proposal, end, by, transaction: context.id.0, at };
    decision.put(image(id, Some(&ended)));
}

/// The image of the row of a proposal.
fn image<R: Row>(id: ProposalId, row: Option<&R>) -> RowImage {
    RowImage::of(&id.0.to_be_bytes(), row).expect("an id is a short key")
}

impl Proposed {
    fn encode(&self, encoder: &mut Encoder) {
        encoder.byte(self.subject as u8);
        encoder.raw(&self.digest);
        encoder.currency(self.currency);
        encoder.money(self.amount);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let subject = ProposalSubject::from_number(decoder.byte()?);
        let subject = subject.ok_or(DecodeError::Unknown("what is proposed"))?;
        let digest = decoder.array()?;
        Ok(Self { subject, digest, currency: decoder.currency()?, amount: decoder.money()? })
    }
}

impl Row for Proposal {
    const KIND: u16 = 10;
    const NAME: &'static str = "proposal";

    fn encode(&self, encoder: &mut Encoder) {
        let Self { what, author, made, until, needed, approvals } = self;
        what.encode(encoder);
        author.encode(encoder);
        encoder.uint((*made).into());
        encoder.uint((*until).into());
        encoder.byte(*needed);
        encoder.uint(approvals.len() as u128);
        approvals.iter().for_each(|approver| approver.encode(encoder));
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let (what, author) = (Proposed::decode(decoder)?, Principal::decode(decoder)?);
        let (made, until, needed) = (decoder.u64()?, decoder.u64()?, decoder.byte()?);
        let count = decoder.count()?;
        if count > APPROVALS_MAX.into() {
            return Err(DecodeError::OutOfRange("a number of approvals"));
        }
        let approvals = (0..count).map(|_| Principal::decode(decoder)).collect::<Result<_, _>>()?;
        Ok(Self { what, author, made, until, needed, approvals })
    }

    fn key(bytes: &[u8]) -> Field {
        Field::Bytes(bytes.to_vec())
    }

    fn fields(&self) -> Fields {
        let Self { what: Proposed { subject, digest, currency, amount }, author, .. } = self;
        let approvals = self.approvals.iter().map(|approver| vec![("by", named(*approver))]);
        vec![
            ("subject", Field::Text(subject.name().into())),
            ("digest", Field::Bytes(digest.to_vec())),
            ("amount", Field::Amount(*amount, *currency)),
            ("author", named(*author)),
            ("made", Field::Time(self.made)),
            ("until", Field::Time(self.until)),
            ("needed", Field::Number(self.needed.into())),
            ("approvals", Field::List(approvals.collect())),
        ]
    }
}

impl ProposalEnd {
    /// Every end, in the order of their numbers.
    pub const ALL: [ProposalEnd; 5] = [
        ProposalEnd::Applied,
        ProposalEnd::Alone,
        ProposalEnd::BreakGlass,
        ProposalEnd::Rejected,
        ProposalEnd::Withdrawn,
    ];

    /// The end of a number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        ProposalEnd::ALL.into_iter().find(|end| *end as u8 == number)
    }

    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ProposalEnd::Applied => "applied",
            ProposalEnd::Alone => "alone",
            ProposalEnd::BreakGlass => "break_glass",
            ProposalEnd::Rejected => "rejected",
            ProposalEnd::Withdrawn => "withdrawn",
        }
    }

    /// Whether what was proposed was carried out.
    #[must_use]
    pub fn is_applied(self) -> bool {
        match self {
            ProposalEnd::Applied | ProposalEnd::Alone | ProposalEnd::BreakGlass => true,
            ProposalEnd::Rejected | ProposalEnd::Withdrawn => false,
        }
    }
}

impl Row for EndedProposal {
    const KIND: u16 = 12;
    const NAME: &'static str = "ended_proposal";

    fn encode(&self, encoder: &mut Encoder) {
        let Self { proposal, end, by, transaction, at } = self;
        proposal.encode(encoder);
        encoder.byte(*end as u8);
        by.encode(encoder);
        encoder.id(*transaction);
        encoder.uint((*at).into());
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let proposal = Proposal::decode(decoder)?;
        let end = ProposalEnd::from_number(decoder.byte()?);
        let end = end.ok_or(DecodeError::Unknown("end of a proposal"))?;
        let by = Principal::decode(decoder)?;
        Ok(Self { proposal, end, by, transaction: decoder.id()?, at: decoder.u64()? })
    }

    fn key(bytes: &[u8]) -> Field {
        Field::Bytes(bytes.to_vec())
    }

    fn fields(&self) -> Fields {
        let Self { proposal, end, by, transaction, at } = self;
        let own = [
            ("end", Field::Text(end.name().into())),
            ("by", named(*by)),
            ("transaction", Field::Bytes(transaction.to_be_bytes().to_vec())),
            ("at", Field::Time(*at)),
        ];
        proposal.fields().into_iter().chain(own).collect()
    }
}
