//! Receipts and verdicts, as replies of the wire.

use domains::{limits::LimitReached, play_session::PlayFacts};
use engine::{Done, Outcome, TxResult, Verdict};
use protocol::{
    Amount, ErrorCode, Key, Reply,
    reply::{Failure, Receipt},
};

use crate::{clock::now_ms, currencies::Currencies, limits, play::play_view};

/// What became of an envelope, for the reply to its request.
#[derive(Debug)]
pub struct Said {
    /// The verdict.
    pub verdict: Verdict,
    /// The play session that a refusal is about.
    pub play: Option<Box<PlayFacts>>,
    /// The limit that refuses.
    pub limit: Option<Box<LimitReached>>,
}

impl From<TxResult> for Said {
    fn from(TxResult { verdict, play, limit, .. }: TxResult) -> Self {
        Self { verdict, play, limit }
    }
}

/// The reply to a request with a key; `refusal` makes the failure for a code.
#[must_use]
pub fn bet_reply(
    key: Key,
    clears: bool,
    Said { verdict, play, limit }: Said,
    currencies: &Currencies,
    refusal: impl FnOnce(ErrorCode) -> Failure,
) -> Reply {
    match verdict {
        Verdict::Recorded(Outcome::Done(done)) => match receipt(key, &done, currencies) {
            Some(receipt) if clears => Reply::BetsCleared(receipt),
            Some(receipt) => Reply::BetAccepted(receipt),
            None => Reply::Error(Failure::of(ErrorCode::Internal)),
        },
        Verdict::Recorded(Outcome::Changed { lsn }) => Reply::Changed { key, lsn },
        Verdict::Recorded(Outcome::Refused { code, .. }) | Verdict::Impossible(code) => {
            let reached = limit.and_then(|reached| limits::hit(&reached, currencies));
            Reply::Error(refusal(code).reaching(reached))
        }
        Verdict::TooManyRefused(wait_ms) => {
            let words = "the player has had too many requests refused";
            Reply::Error(Failure::with(ErrorCode::RateLimited, words).after_ms(wait_ms))
        }
        Verdict::TooManyCleared(wait_ms) => {
            let words = "the player has taken too many bets back";
            Reply::Error(Failure::with(ErrorCode::RateLimited, words).after_ms(wait_ms))
        }
        Verdict::NotNow(code, wait_ms) => Reply::Error(not_now(code, wait_ms)),
        Verdict::Answered(code) => {
            let failure = refusal(code).not_final();
            Reply::Error(match play {
                Some(play) => in_play(failure, &play, currencies),
                None => failure,
            })
        }
        Verdict::KeyReused => Reply::Error(Failure::of(ErrorCode::KeyReused)),
        Verdict::Done => Reply::Error(Failure::of(ErrorCode::Internal)),
    }
}

/// Adds the play session that a refusal is about, and how long to wait where waiting helps.
fn in_play(failure: Failure, play: &PlayFacts, currencies: &Currencies) -> Failure {
    let failure = match play.start {
        Some(start) if failure.code == ErrorCode::StartTooSoon => {
            failure.after_ms(start.saturating_sub(now_ms()).max(1))
        }
        Some(_) | None => failure,
    };
    Failure { play: Some(Box::new(play_view(play, currencies))), ..failure }
}

/// The failure of a request that is not decided now. `wait_ms`: until the client tries again, milliseconds.
#[must_use]
pub fn not_now(code: ErrorCode, wait_ms: u64) -> Failure {
    let words = match code {
        ErrorCode::Busy => "the hub takes no new keys until the state store has those that it has taken",
        ErrorCode::Unavailable => "the state store could not be read",
        other => other.text(),
    };
    Failure::with(code, words).not_final().after_ms(wait_ms)
}

/// A receipt as the wire writes it; `None` for an outcome that is not a bet's, or whose amounts cannot be written.
#[must_use]
pub fn receipt(key: Key, done: &Done, currencies: &Currencies) -> Option<Receipt> {
    let scale = currencies.spelling(done.currency)?;
    let amount = |minor| Amount::from_minor(minor, scale).ok();
    Some(Receipt {
        key,
        lsn: done.lsn,
        round: done.round?,
        amount: amount(done.amount)?,
        currency: done.currency,
        available: amount(done.available)?,
        held: amount(done.held)?,
    })
}
