//! `/api/domains/coordinator/coordinate`: one change in which several domains take part, all of them or none.

use actix_web::{HttpRequest, HttpResponse, web};
use actors::ports::service::{OperatorAct, OwnerName, PlayerWinnings, Recipe};
use serde_json::json;

use super::{
    asked::KeyedRequest,
    change::{self, AskedChange},
    fields::JsonFields,
    openapi::{self, ApiOperation, ApiRoute, schema},
    payment::{self, Sum},
    surface::ApiSurface,
};
use crate::{
    auth::{Access, Area, Capability, domain_name},
    edge::error::{Error, Kind},
};

const WRITE: Capability = Capability::Use(Area::Coordinator, Access::Write);

/// Its paths.
pub(super) fn routes() -> Vec<ApiRoute> {
    let of = ChangeType::PlayerWinnings;
    let domains: Vec<_> = of.domains().collect();
    let (least, list) = (domains.len(), schema::list(&schema::words(domains.iter().copied())));
    let mut listed = schema::told(list, "The domains that take part, in any order; it may be left out.");
    listed["uniqueItems"] = json!(true);
    listed["minItems"] = json!(least);
    let payload = schema::body(
        &[
            ("playerId", schema::named("PlayerName")),
            ("gameId", schema::named("OwnerName")),
            ("amount", schema::named("Amount")),
        ],
        &[&[("currency", schema::named("Currency"))][..], &openapi::cause()].concat(),
    );
    let body =
        schema::body(&[("type", schema::words([of.name()])), ("payload", payload)], &[("domains", listed)]);
    let example = json!({
        "type": of.name(),
        "domains": domains,
        "payload": { "playerId": "PLAYER_123", "gameId": "SLOTS_777", "amount": "1000.00", "currency": "USD" },
    });
    let receipt = openapi::receipt(
        of.name(),
        true,
        &[
            &openapi::of_player()[..],
            &[
                ("domains", schema::list(&schema::named("DomainName"))),
                ("gameId", schema::named("OwnerName")),
                ("status", schema::words(["committed", "preview"])),
            ],
            &openapi::of_cause(),
        ]
        .concat(),
        &[],
    );
    let described = |id| {
        ApiOperation::change(
            id,
            "Has several domains make one change, all of them or none",
            &WRITE,
            &body,
            &[("winnings", example.clone())],
        )
        .answers(200, receipt.clone())
        .changes_funds()
        .refuses(&[Kind::ParticipantsDiffer])
    };
    vec![
        ApiRoute::at("/api/domains/coordinator/coordinate").post(coordinate, described("coordinate")),
        ApiRoute::at("/coordinator/coordinate").post(coordinate, described("coordinateByShortPath")),
    ]
}

/// A type of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ChangeType {
    PlayerWinnings,
}

impl ChangeType {
    const ALL: [ChangeType; 1] = [ChangeType::PlayerWinnings];

    fn name(self) -> &'static str {
        match self {
            ChangeType::PlayerWinnings => PlayerWinnings::NAME,
        }
    }

    /// The domains that take part.
    fn domains(self) -> impl Iterator<Item = &'static str> {
        let domains = match self {
            ChangeType::PlayerWinnings => PlayerWinnings::DOMAINS,
        };
        domains.iter().map(|domain| domain_name(*domain))
    }
}

/// `POST /api/domains/coordinator/coordinate`.
async fn coordinate(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    change::answer(
        &api,
        (&request, payload),
        (&[&WRITE], OperatorAct::Coordinate),
        async |asked, mut fields| {
            let name = fields.needed_text("type")?;
            let Some(of) = ChangeType::ALL.into_iter().find(|known| known.name() == name) else {
                let names = ChangeType::ALL.map(ChangeType::name).join(", ");
                return Err(Error::new(Kind::Malformed, format!("the types are: {names}")).field("type"));
            };
            let domains = fields.texts("domains")?;
            let payload = fields.nested("payload")?;
            fields.finish("type, domains and payload")?;
            if let Some(domains) = domains {
                takes_part(of, &domains.iter().map(|domain| &**domain).collect::<Vec<_>>())?;
            }
            match of {
                ChangeType::PlayerWinnings => player_winnings(&api, asked, payload).await,
            }
        },
    )
    .await
}

/// The domains of a request are those that take part, in any order.
fn takes_part(of: ChangeType, given: &[&str]) -> Result<(), Error> {
    let expected: Vec<_> = of.domains().collect();
    let missing: Vec<_> = expected.iter().filter(|name| !given.contains(name)).copied().collect();
    let others: Vec<_> = given.iter().filter(|name| !expected.contains(name)).copied().collect();
    let twice = given.iter().enumerate().any(|(index, name)| given[..index].contains(name));
    if missing.is_empty() && others.is_empty() && !twice {
        return Ok(());
    }
    let mut words = format!("{} is carried out by {}", of.name(), expected.join(", "));
    if !missing.is_empty() {
        words += &format!("; missing: {}", missing.join(", "));
    }
    if !others.is_empty() {
        let shown: Vec<_> = others.iter().take(8).map(|name| super::fields::shown(name)).collect();
        words += &format!("; not taking part: {}", shown.join(", "));
    }
    if twice {
        words += "; each is named once";
    }
    Err(Error::new(Kind::ParticipantsDiffer, words).field("domains"))
}

async fn player_winnings(
    api: &ApiSurface,
    asked: &KeyedRequest<'_>,
    mut fields: JsonFields<'_>,
) -> Result<AskedChange, Error> {
    let name = fields.needed_text("playerId")?;
    let game: OwnerName = fields.needed("gameId")?;
    let sum = Sum::read(api, &mut fields)?;
    let cause = payment::cause(&mut fields)?;
    fields.finish("playerId, gameId, amount, currency, reason and reference")?;
    let amount = sum.minor(api)?;
    let permit = api.admit()?;
    let mut refusal = payment::unknown_reason(api, &cause).or_else(|| sum.refusal(api));
    let player = payment::payee(api, asked, &name, &mut refusal).await?;
    let of = ChangeType::PlayerWinnings;
    let mut told = payment::told(of.name(), &name, player);
    told.extend([
        ("domains".to_owned(), json!(of.domains().collect::<Vec<_>>())),
        ("gameId".to_owned(), json!(game.as_str())),
        ("status".to_owned(), json!(if asked.dry_run { "preview" } else { "committed" })),
    ]);
    told.extend(payment::cause_told(&cause));
    let intent = PlayerWinnings { player, currency: sum.currency, amount, game, cause }.into();
    Ok(AskedChange { permit, intent, refusal, told })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(given: &[&str]) -> String {
        let error = takes_part(ChangeType::PlayerWinnings, given).expect_err("other domains");
        assert_eq!(error.kind(), Kind::ParticipantsDiffer);
        error.to_string()
    }

    #[test]
    fn the_domains_of_a_request_are_those_that_take_part_in_any_order() {
        for given in
            [["collections", "distributions", "balance"], ["balance", "collections", "distributions"]]
        {
            assert!(takes_part(ChangeType::PlayerWinnings, &given).is_ok());
        }
        let all = "PLAYER_WINNINGS is carried out by balance, collections, distributions";
        assert_eq!(refused(&["balance"]), format!("{all}; missing: collections, distributions"));
        assert_eq!(
            refused(&["collections", "distributions", "balance", "free-play"]),
            format!("{all}; not taking part: free-play")
        );
        assert_eq!(
            refused(&["collections", "distributions", "balance", "balance"]),
            format!("{all}; each is named once")
        );
        assert_eq!(refused(&[]), format!("{all}; missing: balance, collections, distributions"));
    }
}
