//! The play session of a player, as the balance of the player tells it.

use actors::{
    currencies::Currencies,
    ports::service::{PlayFacts, PlaySum},
};
use protocol::play::PlayPosition;
use serde_json::{Value, json};

use super::openapi::schema;
use crate::{
    edge::error::{Error, Kind},
    utc::utc,
};

/// What is told of a play session.
pub(super) fn play_schema() -> Value {
    let time = || schema::named("Time");
    let position = schema::map(
        &[
            ("currency", schema::named("Currency")),
            ("staked", schema::named("Decimal")),
            ("returned", schema::named("Decimal")),
            (
                "net",
                schema::told(
                    json!({ "type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?$" }),
                    "`returned` less `staked`.",
                ),
            ),
        ],
        &[],
    );
    schema::map(
        &[
            ("since", schema::told(time(), "The first stake.")),
            ("elapsed_ms", schema::told(schema::number(), "From the first stake until this answer.")),
            ("ends", schema::told(time(), "When it is over, unless there is a stake before.")),
            (
                "check",
                schema::told(
                    schema::or_null(&time()),
                    "From when on no bet is taken until the player has acknowledged how they play. `null`: never.",
                ),
            ),
            (
                "start",
                schema::told(
                    schema::or_null(&time()),
                    "From when on the player may begin with another round. `null`: at any time.",
                ),
            ),
            (
                "positions",
                schema::told(schema::list(&position), "What came of the rounds that have ended since then."),
            ),
        ],
        &[],
    )
}

/// A play session at a time, milliseconds since 1970.
///
/// # Errors
/// When an amount cannot be written.
pub(super) fn play(facts: &PlayFacts, now: u64, currencies: &Currencies) -> Result<Value, Error> {
    let position = |sum: &PlaySum| {
        let scale = currencies.spelling(sum.currency)?;
        PlayPosition::from_minor(sum.currency, sum.staked, sum.returned, scale)
    };
    let positions: Option<Vec<_>> = facts.sums.iter().map(position).collect();
    Ok(json!({
        "since": utc(facts.since),
        "elapsed_ms": now.saturating_sub(facts.since),
        "ends": utc(facts.ends),
        "check": facts.check.map(utc),
        "start": facts.start.map(utc),
        "positions": positions.ok_or(Kind::Internal)?,
    }))
}
