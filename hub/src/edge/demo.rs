//! `POST /api/demo`, play money: a name gets a token and a deposit. Only in development mode, and only while it is
//! switched on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::{Duration, Instant, SystemTime},
};

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use actors::{
    admission::Admission,
    currencies::Currencies,
    house::House,
    ports::{
        deposit::DepositReport,
        money::{Execution, MoneyPort},
    },
};
use people::{People, Person};
use protocol::{ErrorCode, PlayerId};
use serde::Deserialize;
use serde_json::json;

use super::{
    addresses::Addresses,
    body,
    error::{Error, Kind},
    origins::Origins,
    routes,
};
use crate::{
    auth::{Minter, TokenFor},
    config::{self, Loaded, Mode},
    people::enrol,
    telemetry::events as telemetry,
};

/// Longest name, characters.
const NAME_MAX: usize = 24;
/// Longest body, bytes: a name, however it is escaped. A stranger's.
const BODY_BYTES_MAX: usize = 1024;

/// Play money, where this hub offers it.
pub struct Demo {
    /// `None` when this hub offers none.
    offer: Option<Offer>,
    origins: Origins,
    addresses: Arc<Addresses>,
    admission: Arc<Admission>,
}

/// What play money is made with.
struct Offer {
    terms: config::Demo,
    issuer: Arc<str>,
    minter: Minter,
    people: People,
    money: MoneyPort,
    currencies: Currencies,
    /// Players made since the start.
    players: AtomicU32,
}

impl Demo {
    /// As configured; nothing is offered without a key to sign tokens with.
    #[must_use]
    pub fn new(
        loaded: &Loaded,
        (house, people): (&House, &People),
        currencies: &Currencies,
        minter: Option<Minter>,
        admission: Arc<Admission>,
        addresses: Arc<Addresses>,
    ) -> Self {
        let config::Config { demo, auth, server, mode, .. } = &loaded.config;
        let minter = minter.filter(|_| demo.enabled && *mode == Mode::Development);
        let offer = minter.map(|minter| Offer {
            terms: demo.clone(),
            issuer: auth.issuer.as_str().into(),
            minter,
            people: people.clone(),
            money: house.money.clone(),
            currencies: currencies.clone(),
            players: AtomicU32::new(0),
        });
        Self { offer, origins: Origins::new(server), addresses, admission }
    }

    /// Whether play money is given.
    #[must_use]
    pub fn is_offered(&self) -> bool {
        self.offer.is_some()
    }
}

/// Registers its path.
pub fn routes(demo: &web::Data<Demo>, service: &mut web::ServiceConfig) {
    service.app_data(demo.clone()).service(routes::action("/api/demo", sign_in));
}

/// The body of a request for play money.
#[derive(Deserialize)]
struct SignIn {
    name: String,
}

/// Makes a player of play money: a token, and a first deposit from the source of demo money.
///
/// Takes JSON only, and from pages of our own only: no foreign page can use up the play money unseen.
async fn sign_in(
    demo: web::Data<Demo>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    if !body::is_json(&request) {
        return Err(Error::new(Kind::UnsupportedMediaType, "the body is application/json"));
    }
    if !demo.origins.allow(request.headers()) {
        return Err(Error::new(Kind::Forbidden, "pages of this origin may not ask"));
    }
    let offer = demo.offer.as_ref().ok_or(Kind::NoDemo)?;
    // The body first: a refusal that leaves it unread ends the connection.
    let body = body::read(&request, payload, BODY_BYTES_MAX).await?;
    let address = request.peer_addr().map(|peer| peer.ip());
    if address.is_some_and(|address| demo.addresses.pay(address, Instant::now()).is_err()) {
        return Err(Error::new(Kind::TooFast, "too many players of one address"));
    }
    let name = name(&body)?;
    if demo.admission.draining() {
        return Err(Kind::Draining.into());
    }
    // The deposit is a request like any other: it has its place among those under way, and a drain waits for it.
    let _permit = demo.admission.admit(&Arc::default()).ok_or(Kind::Busy)?;
    if offer.players.fetch_add(1, Relaxed) >= offer.terms.players_max {
        offer.players.fetch_sub(1, Relaxed);
        return Err(Kind::Full.into());
    }
    let (token, player) = offer.player(&name).await?;
    offer.deposit(player).await?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(json!({
        "token": token,
        "player": player,
        "currency": offer.terms.currency,
        "deposited": offer.terms.deposit,
    })))
}

/// The name in a body.
fn name(body: &[u8]) -> Result<String, Error> {
    let expected = "the body is JSON with a name, such as {\"name\":\"Anna\"}";
    let sign_in: SignIn = body::map(body).map_err(|_| Error::new(Kind::Malformed, expected).field("name"))?;
    let name = sign_in.name.trim();
    if name.is_empty() || name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        let words = format!("a name has 1 to {NAME_MAX} characters");
        return Err(Error::new(Kind::BadName, words).field("name"));
    }
    Ok(name.to_owned())
}

impl Offer {
    /// A token for a new player, whose id is on disk. Two people of one name are two players, and nobody can guess another's.
    async fn player(&self, name: &str) -> Result<(String, PlayerId), Error> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| failed(|| telemetry::no_random_bytes(&error)))?;
        let subject = format!("demo:{:016x}:{name}", u64::from_be_bytes(random));
        let lifetime = Duration::from_secs(self.terms.token_seconds.into());
        let token = self.minter.mint(TokenFor::Player(&subject), SystemTime::now(), lifetime);
        let token = token.map_err(|error| failed(|| telemetry::no_demo_token(&error)))?;
        let person =
            Person::new(self.issuer.clone(), &subject).expect("a short name at the configured issuer");
        let enrolled = enrol(self.people.clone(), person).await;
        let player = enrolled.map_err(|error| Error::new(Kind::Unavailable, error.to_string()))?;
        Ok((token, player))
    }

    /// Makes the deposit and waits until it is on disk.
    async fn deposit(&self, player: PlayerId) -> Result<(), Error> {
        let deposit = DepositReport {
            service: "demo",
            key: player.to_string(),
            player,
            currency: self.terms.currency,
            amount: self.terms.deposit,
        };
        let made = match deposit.envelope(&self.currencies) {
            Ok(envelope) => self.money.execute(deposit.principal(), envelope).await,
            Err(code) => Execution::Rejected(code.into()),
        };
        answer(made)
    }
}

/// What the client is told of its deposit.
fn answer(made: Execution) -> Result<(), Error> {
    match made {
        Execution::Committed(_) => Ok(()),
        Execution::NotNow { code, wait_ms } => {
            let kind = if code == ErrorCode::Busy { Kind::Busy } else { Kind::Unavailable };
            Err(Error::from(kind).retry_after_ms(wait_ms))
        }
        Execution::Rejected(_) | Execution::Unknown => Err(failed(|| telemetry::no_demo_deposit(&made))),
    }
}

/// A failure of the hub, logged under the id that the client is told.
fn failed(log: impl FnOnce()) -> Error {
    log();
    Kind::Internal.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_text_of_1_to_24_characters_in_a_map() {
        let told = |body: &str| name(body.as_bytes()).map_err(|error| error.kind());
        assert_eq!(told("{\"name\":\" Anna \"}"), Ok("Anna".into()));
        for body in
            ["", "{}", "7", "\"Anna\"", "{\"name\":7}", "[\"Anna\"]", "\t[\"Anna\"]", "[{\"name\":\"Anna\"}]"]
        {
            assert_eq!(told(body), Err(Kind::Malformed), "{body}");
        }
        let long = format!("{{\"name\":\"{}\"}}", "x".repeat(25));
        for body in ["{\"name\":\"\"}", "{\"name\":\"a\\u0000\"}", &long] {
            assert_eq!(told(body), Err(Kind::BadName), "{body}");
        }
    }

    #[test]
    fn a_deposit_that_is_not_decided_now_is_told_as_such_with_the_time_to_wait() {
        for (code, kind) in [(ErrorCode::Busy, Kind::Busy), (ErrorCode::Unavailable, Kind::Unavailable)] {
            let error = answer(Execution::NotNow { code, wait_ms: 1_500 }).expect_err("no deposit was made");
            assert_eq!((error.kind(), error.kind().status().as_u16()), (kind, 503));
            let retry = error.headers().find(|(name, _)| *name == header::RETRY_AFTER);
            assert_eq!(retry.expect("a time to wait").1, "2", "seconds, never too few");
        }
        let failed = answer(Execution::Unknown).expect_err("it is not known");
        assert_eq!(failed.kind(), Kind::Internal);
    }
}
