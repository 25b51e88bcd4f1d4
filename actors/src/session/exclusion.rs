//! A player leaves play for a time, comes back, or acknowledges how they play.

use domains::exclusion::ExclusionKind;
use engine::{Principal, TxId};
use protocol::{
    ErrorCode, Key, PlayerId, Reply,
    reply::Failure,
    request::{self, Lasts},
};

use crate::{
    messages::{
        money::Origin,
        reply::{BetContext, ReplyTo},
    },
    ports::{
        money::MoneyPort,
        service::{AcknowledgeCheck, ExcludePlayer, Intent, Reinstate, ServiceRequest, lasting},
    },
    workers::Workers,
};

/// Excludes a player from play. What is wrong with the request alone leaves its key as it was.
pub fn exclude(
    (money, workers): (&MoneyPort, &Workers),
    to: ReplyTo,
    player: PlayerId,
    asked: request::Exclude,
) {
    let request::Exclude { key, kind, lasts } = asked;
    let kind = match &*kind {
        "time_out" => Ok(ExclusionKind::TimeOut),
        "self_exclusion" => Ok(ExclusionKind::SelfExclusion),
        _ => Err("the kind of an exclusion is \"time_out\" or \"self_exclusion\"".to_owned()),
    };
    let days = match lasts {
        Lasts::Days(days) => Some(days.get()),
        Lasts::ForGood => None,
    };
    let lasts = lasting(days).map_err(|wrong| wrong.to_string());
    match kind.and_then(|kind| Ok((kind, lasts?))) {
        Ok((kind, lasts)) => change(money, to, player, key, ExcludePlayer { player, kind, lasts }.into()),
        Err(words) => {
            let failure = Failure::with(ErrorCode::Malformed, words).not_final();
            workers.reply(to, Reply::Error(failure));
        }
    }
}

/// Lets a player come back after a self-exclusion.
pub fn reinstate(money: &MoneyPort, to: ReplyTo, player: PlayerId, key: Key) {
    change(money, to, player, key, Reinstate { player }.into());
}

/// Notes that a player has seen how long they have played, and what they have won or lost.
pub fn acknowledge(money: &MoneyPort, to: ReplyTo, player: PlayerId, key: Key) {
    change(money, to, player, key, AcknowledgeCheck { player }.into());
}

/// Submits what a player asks of the money under a key.
pub(super) fn change(money: &MoneyPort, to: ReplyTo, player: PlayerId, key: Key, intent: Intent) {
    let (id, principal) = (TxId::of_key(player, &key), Principal::from(player));
    let envelope = ServiceRequest { id, principal, intent }.run();
    let context = BetContext { to, player, key, clears: false };
    money.submit(envelope, Origin::Session(context));
}
