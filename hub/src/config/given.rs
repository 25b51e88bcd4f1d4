//! Every secret, and where it may come from.

/// Where a secret may come from: its variable, or the file that its option names.
pub(super) struct Given {
    /// The variable.
    pub variable: &'static str,
    /// The option with the file.
    pub option: &'static str,
    /// What it is.
    pub what: &'static str,
    /// The release that brought it.
    pub since: &'static str,
}

const fn given(variable: &'static str, option: &'static str, what: &'static str) -> Given {
    Given { variable, option, what, since: "0.1" }
}

pub(super) const AUTH: Given =
    given("HUB_AUTH_SECRET", "auth.secret_file", "the secret that signs and checks players' tokens, HS256");
pub(super) const AUTH_PUBLIC: Given =
    given("HUB_AUTH_PUBLIC_KEY", "auth.public_key_file", "the issuer's public key as PEM, EdDSA and RS256");
pub(super) const AUTH_PRIVATE: Given = given(
    "HUB_AUTH_PRIVATE_KEY",
    "auth.private_key_file",
    "the private key as PEM, for `hub token` and demo players",
);
pub(super) const SEED: Given = given(
    "HUB_SEED_SECRET",
    "journal.seed_secret_file",
    "the secret that seals the seeds of open rounds in the log",
);
pub(super) const PEOPLE: Given = Given {
    since: "0.2",
    ..given("HUB_PEOPLE_KEY", "people.key_file", "the master key of the people store")
};
pub(super) const PEOPLE_OLD: Given = Given {
    since: "0.2",
    ..given(
        "HUB_PEOPLE_KEY_OLD",
        "people.old_key_file",
        "the master key that `hub person rotate-key` replaces; for that command only",
    )
};
pub(super) const PUBLISH: Given =
    given("HUB_PUBLISH_TOKENS", "publish.tokens_file", "services that may publish, `name:token` a line");
pub(super) const REDIS: Given =
    given("HUB_REDIS_URL", "redis.url_file", "the address of Redis with its password");

pub(super) const ALERT_WEBHOOK: Given = Given {
    since: "0.2",
    ..given("ALERT_WEBHOOK_URL", "monitoring.webhook_url_file", "the address that alerts are posted to")
};

/// Every secret that can be given.
pub(super) const GIVEN: [Given; 9] =
    [AUTH, AUTH_PUBLIC, AUTH_PRIVATE, SEED, PEOPLE, PEOPLE_OLD, PUBLISH, REDIS, ALERT_WEBHOOK];
