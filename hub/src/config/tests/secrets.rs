//! Secrets, and what production demands.

use super::*;
use crate::auth::TokenFor;

/// A production hub with nothing missing.
fn production(house: &House) -> Vec<(&'static str, &'static str)> {
    house.write("config/production.toml", shipped("production.toml"));
    vec![
        ("HUB__MODE", "production"),
        ("HUB__SERVER__ALLOWED_ORIGINS", "https://play.example"),
        ("HUB_AUTH_SECRET", SECRET_A),
        ("HUB_SEED_SECRET", SECRET_B),
        ("HUB_PEOPLE_KEY", SECRET_C),
    ]
}

fn start(house: &House, variables: &[(&str, &str)]) -> Result<Loaded, Problems> {
    let mut environment = Environment::from([]);
    for variable in variables {
        environment.set(variable.0, variable.1);
    }
    load(&Sources { environment, ..house.sources() }, GAMES, SecretPolicy::Create)
}

/// A production hub in which one variable is different, and the one sentence that answers it.
#[track_caller]
fn check_production(variable: (&'static str, &'static str), sentence: &str) {
    let house = House::new();
    let mut variables = production(&house);
    variables.retain(|(name, _)| *name != variable.0);
    variables.push(variable);
    assert_eq!(house.told(start(&house, &variables)), [sentence]);
}

#[test]
fn production_starts_when_nothing_is_missing_and_writes_no_secrets() {
    let house = House::new();
    let loaded = start(&house, &production(&house)).unwrap();
    assert_eq!(loaded.notes, Vec::<String>::new());
    assert!(!house.path("data").exists());
}

#[test]
fn production_refuses_what_a_stranger_could_guess_or_abuse() {
    let demo = "HUB__DEMO__ENABLED: demo.enabled = \"true\": production hands out no money; set it to false, as \
                production.toml does";
    check_production(("HUB__DEMO__ENABLED", "true"), demo);
    let remedy = "make one with: openssl rand -base64 48";
    check_production(
        ("HUB_AUTH_SECRET", ""),
        &format!("auth.secret_file: missing: set HUB_AUTH_SECRET or name its file; {remedy}"),
    );
    check_production(
        ("HUB_SEED_SECRET", "short but varied"),
        &format!(
            "journal.seed_secret_file: from HUB_SEED_SECRET: it has 16 bytes, and 32 are the least; {remedy}"
        ),
    );
    check_production(
        ("HUB_AUTH_SECRET", "abcabcabcabcabcabcabcabcabcabcabcabc"),
        &format!(
            "auth.secret_file: from HUB_AUTH_SECRET: it is the same few characters again and again; {remedy}"
        ),
    );
    check_production(
        ("HUB_AUTH_SECRET", "development-0123456789abcdef0123456789abcdef"),
        &format!("auth.secret_file: from HUB_AUTH_SECRET: it was made for development; {remedy}"),
    );
    check_production(
        ("HUB_AUTH_SECRET", SECRET_B),
        &format!("the auth secret and the seed secret are the same; {remedy}"),
    );
    let sites = "name the sites that may open a socket, such as [\"https://play.example.com\"], or set \
                 HUB__SERVER__ALLOWED_ORIGINS";
    check_production(
        ("HUB__SERVER__ALLOWED_ORIGINS", "*"),
        &format!(
            "HUB__SERVER__ALLOWED_ORIGINS: server.allowed_origins = \"*\": production does not open to every site: {sites}"
        ),
    );
    check_production(
        ("HUB__SERVER__ALLOWED_ORIGINS", ""),
        &format!(
            "HUB__SERVER__ALLOWED_ORIGINS: server.allowed_origins = \"\": production needs at least one: {sites}"
        ),
    );
}

#[test]
fn a_secret_comes_from_a_file_that_strangers_can_neither_read_nor_change() {
    let house = House::new();
    let mut variables = production(&house);
    variables.retain(|(name, _)| *name != "HUB_AUTH_SECRET");
    let path = house.write("auth.secret", &format!("{SECRET_A}\n"));
    let text = path.to_str().unwrap().to_owned();
    variables.push(("HUB__AUTH__SECRET_FILE", &*text.leak()));
    let loaded = start(&house, &variables).unwrap();
    assert!(loaded.effective().contains(&format!("# auth: {}", path.display())));
    assert!(!loaded.effective().contains(SECRET_A));

    let with_mode = |mode| {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        start(&house, &variables).map(|_| ()).map_err(|refused| house.told(Err(refused)))
    };
    for mode in [0o600, 0o400, 0o440, 0o640] {
        assert_eq!(with_mode(mode), Ok(()), "{mode:o}");
    }
    for (mode, why) in [
        (0o644, "everyone on this machine can read it (mode 644)"),
        (0o602, "everyone on this machine can change it (mode 602)"),
        (0o620, "its group can change it (mode 620)"),
    ] {
        let told = with_mode(mode).unwrap_err();
        assert!(told.len() == 1 && told[0].contains(why), "{told:?}");
    }
    variables.push(("HUB_AUTH_SECRET", SECRET_A));
    let told = house.told(start(&house, &variables));
    assert!(told.len() == 1 && told[0].ends_with("given twice: HUB_AUTH_SECRET is set as well; keep one"));
}

#[test]
fn a_secret_in_the_place_of_its_files_name_is_not_repeated() {
    let options = [
        "HUB__AUTH__SECRET_FILE",
        "HUB__JOURNAL__SEED_SECRET_FILE",
        "HUB__PEOPLE__KEY_FILE",
        "HUB__PEOPLE__OLD_KEY_FILE",
        "HUB__PUBLISH__TOKENS_FILE",
        "HUB__REDIS__URL_FILE",
    ];
    for option in options {
        let house = House::new();
        let mut variables = production(&house);
        variables.retain(|(name, _)| *name != "HUB_SEED_SECRET" || !option.contains("SEED"));
        // Once as the only one, and once beside the right one.
        for right in [None, Some(("HUB_AUTH_SECRET", SECRET_A))] {
            variables.retain(|(name, _)| *name != "HUB_AUTH_SECRET");
            variables.extend(right);
            variables.retain(|(name, _)| *name != option);
            variables.push((option, "Tr0ub4dor-and-3-horses-in-the-wrong-place"));
            let told = house.told(start(&house, &variables)).join("\n");
            assert!(!told.contains("Tr0ub4dor") && !told.is_empty(), "{option}: {told}");
        }
    }
}

#[test]
fn production_does_not_go_on_with_a_log_of_play_money() {
    let house = House::new();
    start(&house, &[]).unwrap();
    let told = house.told(start(&house, &production(&house)));
    assert!(told.len() == 1 && told[0].contains("journal.directory"), "{told:?}");
    assert!(told[0].contains("holds development.secrets: it was begun in development"), "{told:?}");
}

#[test]
fn a_services_token_is_checked_like_any_secret_in_production() {
    let remedy = "make one with: openssl rand -base64 48";
    let from = "publish.tokens_file: from HUB_PUBLISH_TOKENS: the token of \"scores\":";
    check_production(
        ("HUB_PUBLISH_TOKENS", "scores:development-0123456789abcdef0123456789"),
        &format!("{from} it was made for development; {remedy}"),
    );
    check_production(
        ("HUB_PUBLISH_TOKENS", "scores:abcabcabcabcabcabcabcabcabcabcabcabc"),
        &format!("{from} it is the same few characters again and again; {remedy}"),
    );
    check_production(
        ("HUB_PUBLISH_TOKENS", format!("scores:{SECRET_B}").leak()),
        &format!("the seed secret and the publish token of \"scores\" are the same; {remedy}"),
    );
}

#[test]
fn development_makes_its_secrets_once_and_keeps_them_to_itself() {
    let house = House::new();
    let mint = |loaded: &Loaded| {
        let rules = loaded.config.token_rules();
        let minter = crate::auth::Minter::new(loaded.secrets.keys.clone(), rules).unwrap();
        minter
            .mint(TokenFor::Player("anna"), std::time::UNIX_EPOCH, std::time::Duration::from_secs(1))
            .unwrap()
    };
    let first = start(&house, &[]).unwrap();
    let file = house.path("data").join(DEVELOPMENT_FILE);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(first.notes, [format!("made random development secrets in {}", file.display())]);
    let again = start(&house, &[]).unwrap();
    assert_eq!(again.notes, Vec::<String>::new());
    assert_eq!(mint(&first), mint(&again));
    assert_eq!(first.secrets.seed_key, again.secrets.seed_key);
    assert_eq!(fs::read_dir(house.path("data")).unwrap().count(), 1, "no draft is left behind");

    let elsewhere = House::new();
    assert_ne!(mint(&first), mint(&start(&elsewhere, &[]).unwrap()), "another directory has other secrets");
}

#[test]
fn a_wrong_configuration_leaves_no_secrets_behind() {
    let house = House::new();
    assert!(start(&house, &[("HUB__SERVER__WORKERS", "999")]).is_err());
    assert!(!house.path("data").exists());
}

#[test]
fn a_development_file_without_a_secret_says_which() {
    let house = House::new();
    fs::create_dir(house.path("data")).unwrap();
    house.write("data/development.secrets", "auth = development-1\n");
    let told = house.told(house.load());
    assert_eq!(
        told,
        [
            "journal.seed_secret_file: data/development.secrets holds no \"seed\"",
            "people.key_file: data/development.secrets holds no \"people\""
        ]
    );
}

#[test]
fn a_password_of_redis_stands_in_a_variable_and_nowhere_else() {
    let house = House::new();
    let url = "redis://:hunter2@10.0.0.5:6379/0";
    let loaded = house.with([("HUB_REDIS_URL", url)]).unwrap();
    assert_eq!(loaded.secrets.redis_url(), Some(url));
    assert!(!format!("{loaded:?}{}", loaded.effective()).contains("hunter2"));
    assert_eq!(
        house.refused(&format!("[redis]\nurl = \"{url}\"\n")),
        [
            "config/hub.toml:2: redis.url: a password does not stand in the configuration: set HUB_REDIS_URL or \
          redis.url_file"
        ]
    );
    house.write("config/hub.toml", "[redis]\nurl = \"redis://10.0.0.5:6379\"\n");
    assert_eq!(house.load().unwrap().secrets.redis_url(), Some("redis://10.0.0.5:6379"));
    assert!(house.told(house.with([("HUB_REDIS_URL", url)]))[0].contains("given twice"));
    house.write("config/hub.toml", "");
    assert!(house.told(house.with([("HUB_REDIS_URL", "http://x")]))[0].contains("begins with redis://"));
}

#[test]
fn the_address_of_a_webhook_is_not_shown_when_it_is_refused() {
    let house = House::new();
    let url = "https://hooks.example/T/hunter2";
    house.write("config/hub.toml", &format!("[monitoring]\nwebhook_url = \"{url}\"\n"));
    let told = house.told(house.with([("ALERT_WEBHOOK_URL", url)]));
    assert!(told[0].contains("given twice") && !told[0].contains("hunter2"), "{told:?}");
}

#[test]
fn secrets_in_the_configuration_are_refused_unseen() {
    let told = House::new().refused("[auth]\nsecret = \"hunter2\"\n");
    assert!(
        told[0].starts_with("config/hub.toml:2: auth.secret: unknown key, and secrets never stand in"),
        "{told:?}"
    );
    assert!(!told[0].contains("hunter2"));
    let told = House::new().refused("[redis]\npasword = \"hunter2\"\n");
    assert!(!told[0].contains("hunter2"), "{told:?}");
}

#[test]
fn public_keys_are_checked_before_the_hub_starts() {
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys");
    let house = House::new();
    let key = |name: &str| keys.join(name).to_str().unwrap().to_owned();
    let with = |file: String| {
        house.write(
            "config/hub.toml",
            &format!("[auth]\nalgorithm = \"EdDSA\"\npublic_key_file = \"{file}\"\n"),
        );
        house.with([("HUB__DEMO__ENABLED", "false")])
    };
    let loaded = with(key("ed25519.public.pem")).unwrap();
    assert_eq!(loaded.secrets.keys.as_ref().unwrap().algorithm(), crate::auth::Algorithm::EdDsa);
    assert!(house.told(with(key("rsa2048.public.pem")))[0].contains("not a PEM public key"));
    assert!(
        house.told(with(key("ed25519.private.pem")))[0]
            .contains("a private key where the public key belongs")
    );
    assert!(
        house.told(with(String::new()))[0].contains("missing: name the PEM file of the issuer's public key")
    );
    with(key("ed25519.public.pem")).unwrap();
    assert!(house.told(house.load())[0].contains("the demo needs a key that signs"));
}

#[test]
fn services_tokens_are_checked_before_the_hub_starts() {
    let house = House::new();
    let loaded = house.with([("HUB_PUBLISH_TOKENS", &format!("scores:{SECRET_A}"))]).unwrap();
    assert_eq!(&*loaded.secrets.services.identify(SECRET_A).unwrap().name, "scores");
    let told = house.told(house.with([("HUB_PUBLISH_TOKENS", "scores:hunter2")]));
    assert_eq!(
        told,
        ["publish.tokens_file: from HUB_PUBLISH_TOKENS: the token of \"scores\" has less than 32 bytes"]
    );
}

#[test]
fn development_mode_on_a_public_address_is_noted() {
    let house = House::new();
    let loaded = house.with([("HUB__SERVER__LISTEN", "0.0.0.0:7700")]).unwrap();
    assert_eq!(
        loaded.notes,
        [
            "development mode listens on 0.0.0.0:7700: anyone who reaches this machine can play with demo money"
        ]
    );
}

/// The public key of a test as a set of one, with more members.
fn set_of_one(more: &str) -> String {
    // RFC 8037, appendix A.2.
    format!(
        r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"a"{more}}}]}}"#
    )
}

fn with_issuers(house: &House, issuers: &str) {
    house.write("config/hub.toml", &format!("[auth]\njwks = [{issuers}]\n"));
}

#[test]
fn production_needs_no_key_of_its_own_when_an_issuer_publishes_keys() {
    let house = House::new();
    house.write("keys.json", &set_of_one(""));
    let file = house.path("keys.json");
    let mut variables = production(&house);
    variables.retain(|(name, _)| *name != "HUB_AUTH_SECRET");
    assert!(house.told(start(&house, &variables))[0].contains("missing: set HUB_AUTH_SECRET"));
    with_issuers(&house, &format!("{{ issuer = \"login\", file = {file:?} }}"));
    let loaded = start(&house, &variables).unwrap();
    assert!(loaded.secrets.keys.is_none() && loaded.secrets.issuers.place("login").is_some());
    assert!(
        loaded.effective().contains(&format!("# keys of an issuer: {}", file.display())),
        "{}",
        loaded.effective()
    );
    // One that is given is checked as ever.
    variables.push(("HUB_AUTH_SECRET", "short"));
    assert!(house.told(start(&house, &variables))[0].contains("it has 5 bytes, and 32 are the least"));
    *variables.last_mut().unwrap() = ("HUB_AUTH_SECRET", SECRET_A);
    assert!(start(&house, &variables).unwrap().secrets.keys.is_some());
    let dev = House::new();
    dev.write("keys.json", &set_of_one(""));
    with_issuers(&dev, &format!("{{ issuer = \"login\", file = {:?} }}", dev.path("keys.json")));
    assert!(dev.load().unwrap().secrets.keys.is_some(), "development has one all the same");
}

#[test]
fn issuers_and_their_keys_are_checked_before_the_hub_starts() {
    let house = House::new();
    house.write("good.json", &set_of_one(""));
    house.write("private.json", &set_of_one(r#","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A""#));
    house.write("no.json", "keys");
    let issuer = |name: &str, file: &str| {
        let file = if file.is_empty() { file.into() } else { house.path(file).display().to_string() };
        format!("{{ issuer = {name:?}, file = {file:?} }}")
    };
    let told = |issuers: &[String]| {
        with_issuers(&house, &issuers.join(", "));
        house.told(house.load())
    };
    assert!(house.load().is_ok());
    let at = "config/hub.toml:2: auth.jwks";
    for (listed, expected) in [
        (
            vec![issuer("", "good.json")],
            format!("{at}[0].issuer = \"\": must have 1 to 256 bytes and no control characters"),
        ),
        (
            vec![issuer("a", "")],
            format!("{at}[0].file: must name the file with the issuer's JSON Web Key Set"),
        ),
        (
            vec![issuer("a", "good.json"), issuer("a", "good.json")],
            format!("{at}[1].issuer = \"a\": this issuer is listed twice"),
        ),
    ] {
        assert_eq!(told(&listed), [expected]);
    }
    for (file, words) in [
        ("absent.json", "No such file"),
        ("no.json", "cannot be used: it is no JSON at line 1, column 1"),
        (
            "private.json",
            "it has a private key (\"kid\" \"a\"): publish the public one, and replace it at once",
        ),
        ("config", "it is no file"),
    ] {
        let problems = told(&[issuer("a", "good.json"), issuer("b", file)]);
        assert!(problems.len() == 1 && problems[0].starts_with(&format!("{at}[1].file: ")), "{problems:?}");
        assert!(problems[0].contains(words), "{problems:?}");
    }
    assert!(told(&["{ isuer = \"a\" }".into()])[0].contains("unknown key"));
    with_issuers(&house, &issuer("a", "good.json"));
    assert!(
        house.told(house.with([("HUB__AUTH__JWKS_REFRESH_SECONDS", "9")]))[0]
            .contains("must be from 10 to 86400")
    );
}
