//! A player sets, loosens or confirms a limit.

use domains::{
    calendar::Period,
    limits::{LimitId, LimitKind, LimitSetter},
    recipes::{ConfirmLimit, SetPlayerLimit},
};
use protocol::{
    Amount, ErrorCode, Key, PlayerId, Reply,
    limits::{LimitTo, NamedLimit, SetLimit as Asked},
    reply::Failure,
};

use super::{amounts, exclusion::change};
use crate::{
    currencies::Currencies, limits::minutes_ms, messages::reply::ReplyTo, ports::money::MoneyPort,
    workers::Workers,
};

/// The ways that a limit goes: to the money, and back to the session.
type Ways<'a> = (&'a MoneyPort, &'a Workers, &'a Currencies);

/// Sets a limit of a player. What is wrong with the request alone leaves its key as it was.
pub(super) fn set((money, workers, currencies): Ways<'_>, to: ReplyTo, player: PlayerId, asked: Asked) {
    let Asked { key, limit, to: value } = asked;
    let intent = read(&limit, currencies).and_then(|(id, scale)| {
        let to = match (&value, scale) {
            (LimitTo::Removed, _) => None,
            (LimitTo::Amount(text), Some(scale)) => Some(minor(text, scale)?),
            (LimitTo::Minutes(minutes), None) => {
                Some(minutes_ms(minutes.get()).map_err(|wrong| malformed(wrong.to_string()))?)
            }
            (LimitTo::Minutes(_), Some(_)) => return Err(malformed("a limit of money has an \"amount\"")),
            (LimitTo::Amount(_), None) => return Err(malformed("a limit of time has \"minutes\"")),
        };
        Ok(SetPlayerLimit { player, id, by: LimitSetter::Player, to })
    });
    match intent {
        Ok(intent) => change(money, to, player, key, intent.into()),
        Err(failure) => workers.reply(to, Reply::Error(failure.not_final())),
    }
}

/// Confirms a looser limit.
pub(super) fn confirm(
    (money, workers, currencies): Ways<'_>,
    to: ReplyTo,
    player: PlayerId,
    (key, limit): (Key, NamedLimit),
) {
    match read(&limit, currencies) {
        Ok((id, _)) => change(money, to, player, key, ConfirmLimit { player, id }.into()),
        Err(failure) => workers.reply(to, Reply::Error(failure.not_final())),
    }
}

/// Which limit is meant, and the decimals of its currency.
fn read(limit: &NamedLimit, currencies: &Currencies) -> Result<(LimitId, Option<u32>), Failure> {
    let kind = LimitKind::named(&limit.kind).ok_or_else(|| {
        malformed("the kind of a limit is \"deposit\", \"loss\", \"stake\" or \"play_time\"")
    })?;
    let period = Period::named(&limit.period)
        .ok_or_else(|| malformed("the period of a limit is \"day\", \"week\" or \"month\""))?;
    let (currency, scale) = match (&limit.currency, kind.is_of_money()) {
        (Some(name), true) => {
            let known = name.parse().ok().and_then(|name| Some((name, currencies.scale(name)?)));
            let (currency, scale) = known
                .ok_or_else(|| Failure::with(ErrorCode::WrongCurrency, "the hub has no such currency"))?;
            (Some(currency), Some(scale))
        }
        (None, true) => {
            return Err(Failure::with(ErrorCode::MissingField, "a limit of money needs a \"currency\""));
        }
        (Some(_), false) => return Err(malformed("a limit of time has no \"currency\"")),
        (None, false) => (None, None),
    };
    Ok((LimitId { kind, period, currency }, scale))
}

fn minor(text: &str, scale: u32) -> Result<i128, Failure> {
    let amount = text.parse().and_then(|amount: Amount| amount.to_minor(scale));
    match amount.map_err(|error| amounts::unfit(text, error))? {
        0 => Err(malformed("a limit is above zero; a time-out or an exclusion stops play")),
        minor => Ok(minor),
    }
}

fn malformed(words: impl Into<String>) -> Failure {
    Failure::with(ErrorCode::Malformed, words)
}
