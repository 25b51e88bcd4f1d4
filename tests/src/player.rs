//! A player of the tests: signs in as anybody would, sits at tables, bets, and hears what the hub says.

use std::{collections::BTreeMap, net::SocketAddr};

use hub_client::{Client, Error, Keys, Options, Pushed, Pushes, one_bet};
use protocol::{
    Channel, ErrorCode, Key, PlayerId, Push, TableId, U53,
    push::{Event, Pub},
    reply::{Balance, Phase, Receipt, Subscribed, TableView},
    request::{PlaceBet, Since},
};
use serde_json::json;

use crate::{
    http,
    hub::AUTH_SECRET,
    soon,
    verify::{Cents, cents},
};

/// Who a player is to the hub.
#[derive(Debug, Clone)]
pub struct Account {
    /// The token of its `hello`.
    pub token: String,
    /// The player's id.
    pub player: PlayerId,
    /// What it was given.
    pub deposited: Cents,
}

/// A token of the issuer for somebody.
///
/// # Panics
/// When the clock is before 1970.
#[must_use]
pub fn token(subject: &str) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let claims = json!({"iss": "hub", "aud": "hub", "sub": subject, "exp": now.as_secs() + 600});
    let key = jsonwebtoken::EncodingKey::from_secret(AUTH_SECRET.as_bytes()).expect("a secret");
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).expect("claims can be signed")
}

impl Account {
    /// Gets a token and play money.
    ///
    /// # Panics
    /// When the hub gives none.
    pub async fn sign_in(hub: SocketAddr, name: &str) -> Self {
        let answer = http::post(hub, "/api/demo", None, &json!({ "name": name })).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let body = answer.json();
        let text =
            |field: &str| body[field].as_str().unwrap_or_else(|| panic!("{field} of {body}")).to_owned();
        Self {
            token: text("token"),
            player: text("player").parse().expect("a player id"),
            deposited: cents(&text("deposited")).expect("an amount"),
        }
    }

    /// Opens a session, following these channels again.
    pub async fn try_connect(&self, hub: SocketAddr, resume: Vec<Since>) -> Result<Session, Error> {
        let options = Options { resume, pushes_max: 100_000, ..Options::default() };
        let (client, pushes) = Client::connect(&format!("ws://{hub}/ws"), &self.token, options).await?;
        Ok(Session {
            client,
            pushes,
            keys: Keys::new()?,
            continuity: Continuity::default(),
            heard: Vec::new(),
            looked_at: 0,
        })
    }

    /// Opens a session.
    ///
    /// # Panics
    /// When the hub refuses it.
    pub async fn connect(&self, hub: SocketAddr) -> Session {
        self.try_connect(hub, Vec::new()).await.unwrap_or_else(|error| panic!("connect: {error:?}"))
    }
}

/// A connected player.
pub struct Session {
    /// The connection.
    pub client: Client,
    pushes: Pushes,
    keys: Keys,
    /// Positions of the channels, checked with every push.
    pub continuity: Continuity,
    /// Every push so far.
    pub heard: Vec<Push>,
    /// Pushes that [`Session::hear`] has looked at.
    looked_at: usize,
}

impl Session {
    /// A fresh key.
    #[must_use]
    pub fn key(&self) -> Key {
        self.keys.make()
    }

    /// Joins a table and follows its channel from where the view stands.
    ///
    /// # Panics
    /// When the hub refuses it.
    pub async fn sit(&mut self, table: &str) -> TableView {
        let table: TableId = table.parse().expect("a table id");
        let (view, _) = self.client.join_table(table).await.expect("the table is joined");
        let followed = self.client.follow(&view).await.expect("the channel is followed");
        self.continuity.set(&followed.ch, &view.e, view.o);
        self.caught_up(followed);
        view
    }

    /// Takes in what a subscription brought along.
    pub fn caught_up(&mut self, followed: Subscribed) {
        let Subscribed { ch, e, o, recovered, pubs } = followed;
        if !recovered {
            self.take(Push::Reset { ch, e, o });
            return;
        }
        for missed in pubs {
            let publication = Pub { ch: ch.clone(), e: Some(e.clone()), o: Some(missed.o), d: missed.d };
            self.take(Push::Pub(publication));
        }
    }

    /// Sits down and waits for a round that takes bets; sits down again when continuity is lost meanwhile.
    pub async fn open_round(&mut self, table: &str) -> u64 {
        loop {
            let view = self.sit(table).await;
            if view.phase == Phase::Betting {
                return view.round;
            }
            let channel = Channel::table(view.table);
            let opened = self.hear_push("a round that opens", |push| match push {
                Push::Pub(publication) if publication.ch == channel => match event(publication)? {
                    Event::RoundOpened { round, .. } => Some(Some(round)),
                    _ => None,
                },
                Push::Reset { ch, .. } if *ch == channel => Some(None),
                Push::Pub(_) | Push::Reset { .. } | Push::Drain { .. } => None,
            });
            if let Some(round) = opened.await {
                return round;
            }
        }
    }

    /// Stakes on red.
    pub async fn bet(&self, key: Key, table: &str, round: u64, stake: &str) -> Result<Receipt, Error> {
        self.client.place_bet(red(key, table, round, stake)).await
    }

    /// The balance in the one currency of the tests: available and held.
    ///
    /// # Panics
    /// When the hub does not answer.
    pub async fn balance(&self) -> (Cents, Cents) {
        let balances = self.client.balances().await.expect("a balance");
        let [Balance { available, held, .. }] = balances.as_slice() else { panic!("{balances:?}") };
        (available.to_minor(2).expect("cents"), held.to_minor(2).expect("cents"))
    }

    /// Goes on through what the hub says, from where the last call stopped, to the event that is wanted.
    pub async fn hear<T>(&mut self, what: &str, mut wanted: impl FnMut(&Channel, &Event) -> Option<T>) -> T {
        self.hear_push(what, |push| match push {
            Push::Pub(publication) => wanted(&publication.ch, &event(publication)?),
            Push::Reset { .. } | Push::Drain { .. } => None,
        })
        .await
    }

    /// The same for any push.
    ///
    /// # Panics
    /// When the connection ends before it comes.
    pub async fn hear_push<T>(&mut self, what: &str, mut wanted: impl FnMut(&Push) -> Option<T>) -> T {
        soon(what, async {
            loop {
                while let Some(push) = self.heard.get(self.looked_at) {
                    self.looked_at += 1;
                    if let Some(found) = wanted(push) {
                        return found;
                    }
                }
                let push = self.next_push().await;
                assert!(push.is_some(), "{what}: the connection ended with {:?}", self.client.closed());
            }
        })
        .await
    }

    /// Does some work that asks the hub, and listens meanwhile; fails as soon as the connection ends.
    pub async fn alive<T>(&mut self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                result = &mut work => return result,
                push = self.next_push() => if push.is_none() {
                    let closed = self.client.closed().cloned();
                    return Err(Error::Closed(closed.expect("pushes end with the connection")));
                },
            }
        }
    }

    /// Waits for the next push and notes it; `None` when the connection has ended.
    ///
    /// # Panics
    /// When continuity is lost without notice.
    pub async fn next_push(&mut self) -> Option<Push> {
        let pushed = self.pushes.recv().await?;
        Some(self.pushed(pushed))
    }

    /// Notes a push that waits already.
    pub fn try_push(&mut self) -> Option<Push> {
        let pushed = self.pushes.try_recv()?;
        Some(self.pushed(pushed))
    }

    fn pushed(&mut self, pushed: Pushed) -> Push {
        match pushed {
            Pushed::Push(push) => self.take(push),
            Pushed::Stopped(closed) => panic!("the client stays away: {closed}"),
            Pushed::Missed(count) => panic!("{count} pushes did not fit the client's queue"),
        }
    }

    fn take(&mut self, push: Push) -> Push {
        self.continuity.hear(&push);
        self.heard.push(push.clone());
        push
    }

    /// Waits for the end of the connection; its close code.
    pub async fn close_code(&mut self) -> Option<u16> {
        soon("the end of the connection", async { while self.next_push().await.is_some() {} }).await;
        self.client.closed().and_then(|closed| closed.code)
    }
}

/// The positions of a client's channels. Panics at a gap without notice.
#[derive(Debug, Clone, Default)]
pub struct Continuity {
    positions: BTreeMap<Channel, (String, u64)>,
    /// How often continuity was lost with notice.
    pub resets: u32,
}

impl Continuity {
    /// The state held is as of this position.
    pub fn set(&mut self, channel: &Channel, epoch: &str, offset: u64) {
        self.positions.insert(channel.clone(), (epoch.to_owned(), offset));
    }

    /// Whether a channel is followed.
    #[must_use]
    pub fn knows(&self, channel: &Channel) -> bool {
        self.positions.contains_key(channel)
    }

    /// Notes a push.
    ///
    /// # Panics
    /// When a publication does not follow from the one before.
    pub fn hear(&mut self, push: &Push) {
        match push {
            Push::Pub(Pub { ch, e: Some(epoch), o: Some(offset), .. }) => {
                let known = self.positions.entry(ch.clone()).or_insert((epoch.clone(), *offset - 1));
                assert_eq!(
                    (&known.0, known.1 + 1),
                    (epoch, *offset),
                    "{ch}: a publication that does not follow, and nobody said so"
                );
                known.1 = *offset;
            }
            Push::Reset { ch, e, o } => {
                let before = self.positions.insert(ch.clone(), (e.clone(), *o));
                if let Some((epoch, offset)) = before {
                    assert!(epoch != *e || offset <= *o, "{ch} stepped back from {offset} to {o} in {e}");
                    self.resets += 1;
                }
            }
            Push::Pub(_) | Push::Drain { .. } => {}
        }
    }

    /// For the next `hello`.
    ///
    /// # Panics
    /// Never: the hub's own positions fit its own limits.
    #[must_use]
    pub fn resume(&self) -> Vec<Since> {
        let since = |(channel, (epoch, offset)): (&Channel, &(String, u64))| Since {
            ch: channel.clone(),
            e: protocol::Text::new(epoch).expect("the hub's epochs fit"),
            o: U53::new(*offset).expect("the hub's offsets fit"),
        };
        self.positions.iter().map(since).collect()
    }
}

/// The event in a publication; `None` for data of a service.
#[must_use]
pub fn event(publication: &Pub) -> Option<Event> {
    serde_json::from_str(&publication.d.to_json()).ok()
}

/// A stake on red.
///
/// # Panics
/// When a text is longer than the wire allows.
#[must_use]
pub fn red(key: Key, table: &str, round: u64, stake: &str) -> PlaceBet {
    let (table, currency) = (table.parse().expect("a table id"), "EUR".parse().expect("a currency"));
    one_bet(key, table, round, "red", &[], stake, currency).expect("short texts")
}

/// The code of a refusal.
///
/// # Panics
/// When it was none.
#[track_caller]
pub fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> ErrorCode {
    match result {
        Err(Error::Refused(failure)) => failure.code.known().expect("a code of this hub"),
        other => panic!("a refusal was expected, not {other:?}"),
    }
}
