#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::time::SystemTime;

use clap::CommandFactory;

use super::token::{self, Whose, token};
use super::*;
use crate::{auth::TokenVerifier, config::load};

fn parse(line: &str) -> (Subcommand, Sources) {
    Cli::try_parse_from(line.split(' ')).unwrap().into_parts(Environment::default())
}

#[test]
fn the_definition_of_the_command_line_holds_together() {
    Cli::command().debug_assert();
}

#[test]
fn without_a_command_the_hub_serves() {
    assert_eq!(parse("hub").0, Subcommand::Serve { expect: None, accept_clock: false });
    assert_eq!(parse("hub serve --accept-clock").0, Subcommand::Serve { expect: None, accept_clock: true });
    assert_eq!(parse("hub --listen 127.0.0.1:1").1.listen, "127.0.0.1:1".parse().ok());
}

#[test]
fn options_stand_before_or_after_the_command() {
    for line in ["hub --data d --mode production verify", "hub verify --data d --mode production"] {
        let (command, sources) = parse(line);
        assert_eq!(
            command,
            Subcommand::Verify {
                tail: false,
                level: VerifyLevel::ReDecide,
                expect: None,
                archive: false,
                read_model: false
            }
        );
        assert_eq!((sources.data, sources.mode), (Some("d".into()), Some(Mode::Production)));
    }
    let (command, sources) = parse("hub verify-round roulette-1:42 --config c.toml --config-dir conf");
    assert_eq!(command, Subcommand::VerifyRound { round: "roulette-1:42".parse().unwrap() });
    assert_eq!((sources.config_file, sources.config_dir), (Some("c.toml".into()), Some("conf".into())));
}

#[test]
fn inspect_takes_a_record_and_prints_text_unless_asked_for_json() {
    for (line, json) in [("hub inspect 17", false), ("hub inspect --json 17", true)] {
        assert_eq!(parse(line).0, Subcommand::Inspect { record: "17".parse().unwrap(), json });
    }
}

#[test]
fn a_malformed_round_or_time_is_refused_with_what_is_expected() {
    let refused = |line: &str| Cli::try_parse_from(line.split(' ')).unwrap_err().to_string();
    assert!(refused("hub verify-round roulette-1").contains("expected a round id such as"));
    for time in ["", "5", "h", "0s", "-1s", "1y", "366d", "99999999999999999999s", "1\u{e9}"] {
        assert!(parse_time(time).is_err(), "{time:?}");
    }
    assert!(refused("hub token --player a --ttl 1y").contains("expected a time such as 90s, 30m, 8h or 7d"));
    let times = ["90s", "30m", "8h", "7d"].map(|time| parse_time(time).unwrap().as_secs());
    assert_eq!(times, [90, 1_800, 28_800, 604_800]);
}

#[test]
fn a_printed_token_is_accepted_by_the_same_hub() {
    let root = tempfile::tempdir().unwrap();
    let sources = Sources { data: Some(root.path().into()), ..Sources::default() };
    let load = || load(&sources, &[("roulette", 1, &["straight"])], SecretPolicy::Create).unwrap();
    let (loaded, now) = (load(), SystemTime::now());
    let mut output = Vec::new();
    token(&loaded, &Whose::player("anna"), Duration::from_secs(60), now, &mut output).unwrap();

    let serving = load();
    let rules = serving.config.token_rules();
    let verifier = TokenVerifier::new(serving.secrets.keys, rules);
    let text = String::from_utf8(output).unwrap();
    let identity = verifier.verify(text.trim_end(), now).unwrap();
    assert_eq!(identity.person, people::Person::new("hub".into(), "anna").unwrap());
}

#[test]
fn a_hub_that_only_checks_tokens_says_that_it_makes_none() {
    let key = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys/ed25519.public.pem");
    let root = tempfile::tempdir().unwrap();
    let environment = [
        ("HUB__AUTH__ALGORITHM", "EdDSA"),
        ("HUB__AUTH__PUBLIC_KEY_FILE", key.to_str().unwrap()),
        ("HUB__DEMO__ENABLED", "false"),
    ];
    let sources =
        Sources { data: Some(root.path().into()), environment: environment.into(), ..Sources::default() };
    let loaded = load(&sources, &[("roulette", 1, &["straight"])], SecretPolicy::Peek).unwrap();
    let refused =
        token(&loaded, &Whose::player("anna"), Duration::from_secs(60), SystemTime::now(), &mut Vec::new());
    assert!(matches!(refused, Err(token::Error::NoSigningKey)));
}
