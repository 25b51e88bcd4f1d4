//! `/api/domains/coordinator/coordinate`: one change in which several domains take part, all of them or none.

use actix_web::{HttpRequest, HttpResponse, web};
use actors::ports::service::{Intent, OwnerName, PlayerWinnings};
use ledger::Domain;
use serde_json::{Map, Value, json};

use super::{
    asked::{KeyedRequest, keyed},
    change::AskedChange,
    fields::JsonFields,
    payment::{self, Sum},
    surface::ApiSurface,
};
use crate::{
    auth::{Access, Area, Capability, domain_name},
    edge::{
        error::{Error, Kind},
        routes,
    },
};

const WRITE: Capability = Capability::Use(Area::Coordinator, Access::Write);

/// Registers its paths.
pub fn routes(service: &mut web::ServiceConfig) {
    service
        .service(routes::action("/api/domains/coordinator/coordinate", coordinate))
        .service(routes::action("/coordinator/coordinate", coordinate));
}

/// A type of change: its name, and the domains that take part in the order of what they do.
struct Type {
    name: &'static str,
    domains: &'static [Domain],
}

const PLAYER_WINNINGS: Type =
    Type { name: "PLAYER_WINNINGS", domains: &[Domain::Collections, Domain::Distributions, Domain::Balance] };

/// Every type of change.
const TYPES: [&Type; 1] = [&PLAYER_WINNINGS];

/// `POST /api/domains/coordinator/coordinate`.
async fn coordinate(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    keyed(async {
        let asked = KeyedRequest::read(&request, payload, &api.callers, &WRITE).await?;
        let mut fields = JsonFields::read(&asked.body)?;
        let name = fields.needed_text("type")?;
        let Some(of) = TYPES.into_iter().find(|known| known.name == name) else {
            let names = TYPES.map(|known| known.name).join(", ");
            return Err(Error::new(Kind::Malformed, format!("the types are: {names}")).field("type"));
        };
        let domains = fields.texts("domains")?;
        let payload = fields.nested("payload")?;
        fields.finish("type, domains and payload")?;
        if let Some(domains) = domains {
            takes_part(of, &domains.iter().map(|domain| &**domain).collect::<Vec<_>>())?;
        }
        // When there is a second type, each has a function for its payload.
        player_winnings(&api, &asked, payload).await
    })
    .await
}

/// The domains of a request are those that take part, in any order.
fn takes_part(of: &Type, given: &[&str]) -> Result<(), Error> {
    let expected: Vec<_> = of.domains.iter().map(|domain| domain_name(*domain)).collect();
    let missing: Vec<_> = expected.iter().filter(|name| !given.contains(name)).copied().collect();
    let others: Vec<_> = given.iter().filter(|name| !expected.contains(name)).copied().collect();
    let twice = given.iter().enumerate().any(|(index, name)| given[..index].contains(name));
    if missing.is_empty() && others.is_empty() && !twice {
        return Ok(());
    }
    let mut words = format!("{} is carried out by {}", of.name, expected.join(", "));
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
) -> Result<HttpResponse, Error> {
    let name = fields.needed_text("playerId")?;
    let game: OwnerName = fields.needed("gameId")?;
    let sum = Sum::read(api, &mut fields)?;
    let cause = payment::cause(&mut fields)?;
    fields.finish("playerId, gameId, amount, currency, reason and reference")?;
    let amount = sum.minor(api)?;
    let permit = api.admit()?;
    let mut refusal = payment::unknown_reason(api, &cause).or_else(|| sum.refusal(api));
    let player = payment::payee(api, asked, &name, &mut refusal).await?;
    let mut told: Map<String, Value> = payment::told(PLAYER_WINNINGS.name, &name, player);
    let domains: Vec<_> = PLAYER_WINNINGS.domains.iter().map(|domain| domain_name(*domain)).collect();
    told.extend([
        ("domains".to_owned(), json!(domains)),
        ("gameId".to_owned(), json!(game.as_str())),
        ("status".to_owned(), json!(if asked.dry_run { "foreseen" } else { "committed" })),
    ]);
    told.extend(payment::cause_told(&cause));
    let intent: Intent = PlayerWinnings { player, currency: sum.currency, amount, game, cause }.into();
    AskedChange { permit, intent, refusal, told }.answer(api, asked).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(given: &[&str]) -> String {
        let error = takes_part(&PLAYER_WINNINGS, given).expect_err("other domains");
        assert_eq!(error.kind(), Kind::ParticipantsDiffer);
        error.to_string()
    }

    #[test]
    fn the_domains_of_a_request_are_those_that_take_part_in_any_order() {
        for given in
            [["collections", "distributions", "balance"], ["balance", "collections", "distributions"]]
        {
            assert!(takes_part(&PLAYER_WINNINGS, &given).is_ok());
        }
        let all = "PLAYER_WINNINGS is carried out by collections, distributions, balance";
        assert_eq!(refused(&["balance"]), format!("{all}; missing: collections, distributions"));
        assert_eq!(
            refused(&["collections", "distributions", "balance", "free-play"]),
            format!("{all}; not taking part: free-play")
        );
        assert_eq!(
            refused(&["collections", "distributions", "balance", "balance"]),
            format!("{all}; each is named once")
        );
        assert_eq!(refused(&[]), format!("{all}; missing: collections, distributions, balance"));
    }

    /// Each type names the domains of its recipe.
    #[test]
    fn the_domains_of_a_type_are_those_of_its_recipe() {
        use actors::ports::service::Recipe;
        let mut domains = PLAYER_WINNINGS.domains.to_vec();
        domains.sort_unstable();
        assert_eq!((PLAYER_WINNINGS.name, &*domains), (PlayerWinnings::NAME, PlayerWinnings::DOMAINS));
    }
}
