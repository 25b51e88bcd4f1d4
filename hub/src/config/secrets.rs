//! Secrets: from variables or files of their own, never from the configuration, never into a log.
//!
//! In development, secrets that are not given are made at random, once for each data directory, so that nothing is
//! guessable and a restart changes nothing. Production makes none and takes none that was made for development.

use std::{
    collections::BTreeMap,
    fmt, fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use engine::SecretName;
use hmac::{Hmac, KeyInit, Mac};
use people::Master;
use sha2::Sha256;

use super::{
    Config, Environment, Mode, SecretPolicy, addresses, development,
    given::{ALERT_WEBHOOK, AUTH, AUTH_PRIVATE, AUTH_PUBLIC, PEOPLE, PEOPLE_OLD, PUBLISH, REDIS, SEED},
    key_sets,
    problem::Problem,
    strength::weakness,
    tree::Node,
    validate::Check,
};
use crate::{
    auth::{Algorithm, Issuers, ServiceTokens, TokenKeys, TokenRules},
    monitoring::webhook_target::WebhookTarget,
};

/// The bytes of a secret. `Debug` does not show them.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Takes the bytes.
    #[must_use]
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes, for the one place that uses them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(redacted)")
    }
}

/// Every secret the hub uses.
#[derive(Debug)]
pub struct Secrets {
    /// Check tokens, and sign where possible. `None`: only issuers that publish their keys are known.
    pub keys: Option<TokenKeys>,
    /// The issuers that publish their keys.
    pub issuers: Arc<Issuers>,
    /// Seals the seeds of rounds not yet revealed. 32 bytes.
    pub seed_key: Secret,
    /// The master key of the people store.
    pub people: Master,
    /// The master key that it replaces, while it is being changed.
    pub old_people: Option<Master>,
    /// Services that may publish over HTTP.
    pub services: ServiceTokens,
    /// The address of Redis with its password; UTF-8. `None`: no Redis.
    pub redis_url: Option<Secret>,
    /// Where alerts are posted to, if anywhere.
    pub webhook: Option<WebhookTarget>,
    /// The check values of the secrets that the log depends on, and where each secret came from. Without secrets that
    /// were made for this process alone.
    pub checks: Vec<SecretCheck>,
    /// Where each came from, for `hub check-config`: name and place.
    pub(super) places: Vec<(&'static str, String)>,
}

/// The check value of a secret: it identifies the secret without showing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretCheck {
    /// The secret.
    pub secret: SecretName,
    /// A keyed hash of a fixed text.
    pub value: u128,
    /// Where the secret came from: a variable or a file.
    pub place: String,
}

impl Secrets {
    /// The address of Redis as text.
    #[must_use]
    pub fn redis_url(&self) -> Option<&str> {
        self.redis_url
            .as_ref()
            .map(|url| std::str::from_utf8(url.expose()).expect("checked when it was read"))
    }
}

impl Config {
    /// The rules for the claims of a token, as configured.
    #[must_use]
    pub fn token_rules(&self) -> TokenRules {
        TokenRules {
            issuer: self.auth.issuer.clone(),
            audience: self.auth.audience.clone(),
            leeway: Duration::from_secs(self.auth.leeway_seconds.into()),
            lifetime_max: Duration::from_secs(self.auth.token_lifetime_max_seconds.into()),
        }
    }
}

/// Finds all secrets; `None` and problems when one is missing or not usable.
pub(super) fn load(
    config: &Config,
    layers: &Node,
    environment: &Environment,
    policy: SecretPolicy,
    problems: &mut Vec<Problem>,
    notes: &mut Vec<String>,
) -> Option<Secrets> {
    let check = Check { layers, problems };
    let made = BTreeMap::new();
    let mut finder = Finder {
        config,
        environment,
        policy,
        check,
        notes,
        made,
        made_up: Vec::new(),
        places: Vec::new(),
        given: Vec::new(),
    };
    let keys = finder.keys();
    let issuers = key_sets::read(config, &mut finder.check);
    let sources =
        issuers.iter().flatten().map(|(issuer, _)| ("keys of an issuer", issuer.source.to_string()));
    finder.places.extend(sources);
    let seed = finder.secret("seed", SEED.variable, SEED.option);
    let people = finder.secret("people", PEOPLE.variable, PEOPLE.option);
    let old_people = finder.old_people();
    let services = finder.services();
    let redis_url = finder.redis_url();
    let webhook = finder.webhook();
    finder.distinct();
    finder.no_development_log();
    let seed_key = seed_key(&seed?);
    let check = finder.check_of("seed", SecretName::Seed, seed_check(&seed_key));
    Some(Secrets {
        checks: check.into_iter().collect(),
        places: finder.places,
        keys: keys?,
        issuers: Arc::new(Issuers::new(issuers?, SystemTime::now())),
        seed_key,
        people: Master::new(&people?),
        old_people: old_people?,
        services: services?,
        redis_url: redis_url?,
        webhook: webhook?,
    })
}

/// 32 bytes for the cipher from a secret of any length.
fn seed_key(secret: &[u8]) -> Secret {
    let mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    Secret::new(&mac.chain_update(b"hub seed key v1").finalize().into_bytes()[..])
}

/// The check value of the seed secret.
fn seed_check(key: &Secret) -> u128 {
    let mac = Hmac::<Sha256>::new_from_slice(key.expose()).expect("HMAC takes keys of any length");
    first_half(mac.chain_update("hub check value of the seed secret v1"))
}

/// The first 128 bits of a code.
fn first_half(mac: Hmac<Sha256>) -> u128 {
    let bytes = mac.finalize().into_bytes();
    let (first, _) = bytes.split_at(16);
    u128::from_be_bytes(first.try_into().expect("sixteen bytes were taken"))
}

struct Finder<'a> {
    config: &'a Config,
    environment: &'a Environment,
    policy: SecretPolicy,
    check: Check<'a>,
    notes: &'a mut Vec<String>,
    /// Development secrets by name, once they were needed.
    made: BTreeMap<String, String>,
    /// Those that were made for this process alone: they have no check value.
    made_up: Vec<&'static str>,
    places: Vec<(&'static str, String)>,
    /// Secrets in use, each with its name in messages, to see whether two are the same.
    given: Vec<(String, Vec<u8>)>,
}

impl Finder<'_> {
    /// `None` after a problem, `Some(None)` where none is given and others publish theirs.
    fn keys(&mut self) -> Option<Option<TokenKeys>> {
        const PUBLIC: (&str, &str) = (AUTH_PUBLIC.variable, AUTH_PUBLIC.option);
        const PRIVATE: (&str, &str) = (AUTH_PRIVATE.variable, AUTH_PRIVATE.option);
        let make = match self.config.auth.algorithm {
            Algorithm::Hs256 => {
                const OPTION: &str = AUTH.option;
                if self.others_sign() && !self.is_given(AUTH.variable, OPTION) {
                    return Some(None);
                }
                let secret = self.secret("auth", AUTH.variable, OPTION)?;
                let keys = TokenKeys::shared(&secret);
                let place = self.place_of("auth").to_owned();
                return keys
                    .map_err(|error| self.check.refuse_unseen(OPTION, format!("from {place}: {error}")))
                    .map(Some)
                    .ok();
            }
            Algorithm::EdDsa => TokenKeys::ed_dsa,
            Algorithm::Rs256 => TokenKeys::rs256,
        };
        let public = self.given("public key", PUBLIC.0, PUBLIC.1, Kind::Public)?;
        let private = self.given("private key", PRIVATE.0, PRIVATE.1, Kind::Secret)?;
        let Some(public) = public else {
            if self.others_sign() {
                return Some(None);
            }
            let what = format!("missing: name the PEM file of the issuer's public key, or set {}", PUBLIC.0);
            self.check.refuse_unseen(PUBLIC.1, what);
            return None;
        };
        match make(&public, private.as_deref()) {
            Ok(keys) => {
                if self.config.demo.enabled && !keys.can_sign() {
                    let what = format!(
                        "the demo needs a key that signs: name {} as well, or set it to false",
                        PRIVATE.1
                    );
                    self.check.refuse("demo.enabled", what);
                }
                Some(Some(keys))
            }
            Err(error) => {
                self.check.refuse_unseen(PUBLIC.1, format!("from {}: {error}", self.place_of("public key")));
                None
            }
        }
    }

    /// Whether production needs no key for tokens: issuers publish theirs.
    fn others_sign(&self) -> bool {
        self.config.mode == Mode::Production && !self.config.auth.jwks.is_empty()
    }

    fn is_given(&self, variable: &str, option: &str) -> bool {
        let file = self.check.layers.find(option).map(Node::text).unwrap_or_default();
        self.environment.get(variable).is_some() || !file.is_empty()
    }

    /// A secret that must be there; in development it is made when it was not given.
    fn secret(&mut self, name: &'static str, variable: &str, option: &str) -> Option<Vec<u8>> {
        let given = self.given(name, variable, option, Kind::Secret)?;
        let secret = match (given, self.config.mode) {
            (Some(secret), Mode::Development) => secret,
            (Some(secret), Mode::Production) => {
                if let Some(what) = weakness(&secret) {
                    self.check
                        .refuse_unseen(option, format!("from {}: {what}; {REMEDY}", self.place_of(name)));
                    return None;
                }
                secret
            }
            (None, Mode::Development) => self.made(name, option)?.into_bytes(),
            (None, Mode::Production) => {
                self.check
                    .refuse_unseen(option, format!("missing: set {variable} or name its file; {REMEDY}"));
                return None;
            }
        };
        self.given.push((format!("{name} secret"), secret.clone()));
        Some(secret)
    }

    /// `None` after a problem, `Some(None)` when the master key of the people store is not being changed.
    fn old_people(&mut self) -> Option<Option<Master>> {
        let given = self.given("old people key", PEOPLE_OLD.variable, PEOPLE_OLD.option, Kind::Secret)?;
        Some(given.map(|old| {
            let master = Master::new(&old);
            self.given.push(("old people secret".into(), old));
            master
        }))
    }

    fn check_of(&self, name: &str, secret: SecretName, value: u128) -> Option<SecretCheck> {
        let real = !self.made_up.contains(&name);
        real.then(|| SecretCheck { secret, value, place: self.place_of(name).to_owned() })
    }

    fn place_of(&self, name: &str) -> &str {
        self.places.iter().find(|(known, _)| *known == name).map_or("", |(_, place)| place)
    }

    /// What a variable or a file gives; `None` after a problem, `Some(None)` when neither is set.
    fn given(
        &mut self,
        name: &'static str,
        variable: &str,
        option: &str,
        kind: Kind,
    ) -> Option<Option<Vec<u8>>> {
        let file = self.check.layers.find(option).map(Node::text).unwrap_or_default();
        match (self.environment.get(variable), file.as_str()) {
            (None, "") => Some(None),
            (Some(_), file) if !file.is_empty() => {
                // What stands there may be the secret itself, pasted into the wrong place.
                let what = format!("given twice: {variable} is set as well; keep one");
                self.check.refuse_unseen(option, what);
                None
            }
            (Some(text), _) => {
                self.places.push((name, variable.to_owned()));
                Some(Some(text.as_bytes().to_vec()))
            }
            (None, file) => {
                let bytes = self.read(option, Path::new(file), kind)?;
                self.places.push((name, file.to_owned()));
                Some(Some(bytes))
            }
        }
    }

    /// The bytes of a file without the line end that editors add.
    fn read(&mut self, option: &str, path: &Path, kind: Kind) -> Option<Vec<u8>> {
        let read = fs::read(path).and_then(|bytes| Ok((bytes, fs::metadata(path)?.permissions().mode())));
        let (mut bytes, mode) = match read {
            Ok(read) => read,
            Err(error) => {
                // No file: perhaps the secret itself, pasted into the wrong place. It is not repeated.
                self.check.refuse_unseen(option, format!("failed to read the file it names: {error}"));
                return None;
            }
        };
        // Its group may read: that is how an orchestrator mounts a secret for a process that is not root.
        if kind == Kind::Secret && mode & 0o026 != 0 {
            let others = if mode & 0o006 != 0 { "everyone on this machine" } else { "its group" };
            let verb = if mode & 0o004 != 0 { "read" } else { "change" };
            let what = format!("{others} can {verb} it (mode {:o})", mode & 0o777);
            match self.config.mode {
                Mode::Production => {
                    self.check.refuse(option, format!("{what}; chmod 600, or 0440 where it is mounted"));
                    return None;
                }
                Mode::Development => self.notes.push(format!("{}: {what}", path.display())),
            }
        }
        while bytes.last().is_some_and(|byte| *byte == b'\n' || *byte == b'\r') {
            bytes.pop();
        }
        if bytes.is_empty() {
            self.check.refuse(option, "the file is empty");
            return None;
        }
        Some(bytes)
    }

    fn services(&mut self) -> Option<ServiceTokens> {
        let option = PUBLISH.option;
        let Some(bytes) = self.given("publish tokens", PUBLISH.variable, option, Kind::Secret)? else {
            return Some(ServiceTokens::default());
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        match ServiceTokens::parse(&text) {
            Ok(services) => {
                self.judge_services(&text, option)?;
                Some(services)
            }
            Err(error) => {
                self.check
                    .refuse_unseen(option, format!("from {}: {error}", self.place_of("publish tokens")));
                None
            }
        }
    }

    /// Checks services' tokens like any other secret: production takes no weak one, and none that is used elsewhere.
    fn judge_services(&mut self, text: &str, option: &str) -> Option<()> {
        for (name, token) in ServiceTokens::entries(text).flatten() {
            if self.config.mode == Mode::Production
                && let Some(what) = weakness(token.as_bytes())
            {
                let place = self.place_of("publish tokens");
                let what = format!("from {place}: the token of \"{name}\": {what}; {REMEDY}");
                self.check.refuse_unseen(option, what);
                return None;
            }
            self.given.push((format!("publish token of \"{name}\""), token.as_bytes().to_vec()));
        }
        Some(())
    }

    /// Refuses a log of play money in production: its players have balances that they never paid for.
    fn no_development_log(&mut self) {
        let path = Path::new(&self.config.journal.directory).join(development::FILE);
        if self.config.mode == Mode::Production && path.exists() {
            let what = format!(
                "holds {}: it was begun in development, with play money; production needs a directory of its own",
                development::FILE
            );
            self.check.refuse("journal.directory", what);
        }
    }

    /// `None` after a problem, `Some(None)` without Redis.
    fn redis_url(&mut self) -> Option<Option<Secret>> {
        let given = self.given("redis address", REDIS.variable, REDIS.option, Kind::Secret)?;
        let plain = ("redis.url", self.config.redis.url.as_str());
        let Some(found) = addresses::chosen(given, &REDIS, plain, &mut self.check)? else {
            return Some(None);
        };
        let (key, url) = (found.key, found.bytes);
        let known = |url: &str| url.starts_with("redis://") || url.starts_with("redis+unix://");
        if !std::str::from_utf8(&url).is_ok_and(known) {
            let what = "an address begins with redis:// or redis+unix://, such as redis://10.0.0.5:6379/0";
            self.check.refuse_unseen(key, what);
            return None;
        }
        Some(Some(Secret::new(url)))
    }

    /// `None` after a problem, `Some(None)` when alerts are not posted.
    fn webhook(&mut self) -> Option<Option<WebhookTarget>> {
        let given = self.given("webhook", ALERT_WEBHOOK.variable, ALERT_WEBHOOK.option, Kind::Secret)?;
        let plain = ("monitoring.webhook_url", self.config.monitoring.webhook_url.as_str());
        let Some(found) = addresses::chosen(given, &ALERT_WEBHOOK, plain, &mut self.check)? else {
            return Some(None);
        };
        let target = WebhookTarget::parse(
            &String::from_utf8_lossy(&found.bytes),
            self.config.mode == Mode::Development,
        );
        // Its path may be the secret.
        target.map_err(|error| self.check.refuse_unseen(found.key, error.to_string())).map(Some).ok()
    }

    /// Refuses one secret for two purposes: a leak of one would be a leak of both.
    fn distinct(&mut self) {
        for (index, (name, secret)) in self.given.iter().enumerate() {
            if let Some((first, _)) = self.given[..index].iter().find(|(_, other)| other == secret) {
                let what = format!("the {first} and the {name} are the same; {REMEDY}");
                self.check.problems.push(Problem::general("", what));
            }
        }
    }

    /// A secret of this data directory, made on first need.
    fn made(&mut self, name: &'static str, option: &str) -> Option<String> {
        let path = Path::new(&self.config.journal.directory).join(development::FILE);
        if self.policy == SecretPolicy::Peek && !path.exists() {
            self.made_up.push(name);
        }
        if self.made.is_empty() {
            match development::secrets(&path, self.policy) {
                Ok((made, new)) => {
                    self.made = made;
                    if new {
                        self.notes.push(format!("made random development secrets in {}", path.display()));
                    }
                }
                Err(error) => {
                    let what = format!("failed to make or read {}: {error}", path.display());
                    self.check.refuse_unseen(option, what);
                    return None;
                }
            }
        }
        let found = self.made.get(name).cloned();
        if found.is_none() {
            self.check.refuse_unseen(option, format!("{} holds no \"{name}\"", path.display()));
        }
        self.places.push((name, path.display().to_string()));
        found
    }
}

const REMEDY: &str = "make one with: openssl rand -base64 48";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Secret,
    Public,
}
