//! Wrong keys and values, and the sentence each is answered with.

use super::*;

#[test]
fn a_wrong_variable_or_flag_is_named() {
    let house = House::new();
    let told = |name, value| house.told(house.with([(name, value)]));
    assert_eq!(
        told("HUB__SERVER__WORKERS", "many"),
        ["HUB__SERVER__WORKERS: server.workers = \"many\": expected a whole number from 0 to 65535"]
    );
    assert_eq!(
        told("HUB__SERVER__WORKERS", "300"),
        ["HUB__SERVER__WORKERS: server.workers = \"300\": must be from 0 to 256"]
    );
    assert!(told("HUB__SERVER__LISTENN", "x")[0].starts_with(
        "HUB__SERVER__LISTENN: server.listenn: unknown key; did you mean \"listen\"? allowed: listen, public_url,"
    ));
    assert_eq!(
        told("HUB__SERVER____LISTEN", "x"),
        ["HUB__SERVER____LISTEN: not the name of an option; they look like HUB__SERVER__LISTEN"]
    );
    assert_eq!(told("HUB__SERVER", "x"), ["HUB__SERVER: server = \"x\": expected a table"]);
}

#[test]
fn a_wrong_key_or_value_names_its_place_and_what_is_allowed() {
    check(
        "\n[demo]\nenabeld = true\n",
        "config/hub.toml:3: demo.enabeld: unknown key; did you mean \"enabled\"? allowed: enabled, deposit, \
         currency, players_max, token_seconds",
    );
    check(
        "[server]\nlisten = \"localhost\"\n",
        "config/hub.toml:2: server.listen = \"localhost\": expected an address with its port, such as \
         \"127.0.0.1:7700\"",
    );
    check(
        "[server]\nworkers = -1\n",
        "config/hub.toml:2: server.workers = -1: expected a whole number from 0 to 65535",
    );
    check(
        "[server]\nworkers = 1.5\n",
        "config/hub.toml:2: server.workers = 1.5: expected a whole number from 0 to 65535",
    );
    check("[demo]\nenabled = \"yes\"\n", "config/hub.toml:2: demo.enabled = \"yes\": expected true or false");
    check(
        "[archive]\nto = \"ftp://backup/hub\"\n",
        "config/hub.toml:2: archive.to = \"ftp://backup/hub\": expected a directory, file:///directory or \
         s3://bucket/prefix",
    );
    check(
        "[archive]\nto = \"s3://\"\n",
        "config/hub.toml:2: archive.to = \"s3://\": the bucket is missing: expected s3://bucket/prefix",
    );
    check("[auth]\nissuer = 3\n", "config/hub.toml:2: auth.issuer = 3: expected text in quotes");
    check(
        "[auth]\nalgorithm = \"none\"\n",
        "config/hub.toml:2: auth.algorithm = \"none\": unknown; allowed: HS256, EdDSA, RS256",
    );
    check(
        "mode = \"prodution\"\n",
        "config/hub.toml:1: mode = \"prodution\": unknown; did you mean \"production\"? allowed: development, \
         production",
    );
    check(
        "[demo]\ndeposit = 10.0\n",
        "config/hub.toml:2: demo.deposit = 10.0: expected an amount as text, such as \"12.50\"",
    );
    check(
        "[admin]\nlisten = \"0.0.0.0:7701\"\n",
        "config/hub.toml:2: admin.listen = \"0.0.0.0:7701\": other machines would read health and figures without a \
         password: listen on 127.0.0.1, or set admin.remote = true where only your own network reaches the port",
    );
    check(
        "[admin]\nlisten = \"127.0.0.1:7700\"\n",
        "config/hub.toml:2: admin.listen = \"127.0.0.1:7700\": is the address of server.listen; the admin server needs \
         its own port",
    );
    check(
        "[server]\nallowed_origins = [\"https://ok.example\",\n  7]\n",
        "config/hub.toml:3: server.allowed_origins[1] = 7: expected text in quotes",
    );
    check("server = 1\n", "config/hub.toml:1: server = 1: expected a table");
    check("tables = 1\n", "config/hub.toml:1: tables = 1: expected a list such as [\"a\", \"b\"]");
    let broken = House::new().refused("[server]\nworkers = \n");
    assert!(broken.len() == 1 && broken[0].starts_with("config/hub.toml:2: not TOML: "), "{broken:?}");
}

#[test]
fn values_that_types_allow_are_still_checked() {
    check(
        "[socket]\nhello_within_ms = 1\n",
        "config/hub.toml:2: socket.hello_within_ms = 1: must be from 100 to 60000",
    );
    check(
        "[socket]\nqueue_soft_bytes = 300_000\n",
        "config/hub.toml:2: socket.queue_soft_bytes = 300000: must not be above socket.queue_bytes_max, which is \
         262144",
    );
    check(
        "[admin]\nlisten = \"0.0.0.0:7701\"\n",
        "config/hub.toml:2: admin.listen = \"0.0.0.0:7701\": other machines would read health and figures without a \
         password: listen on 127.0.0.1, or set admin.remote = true where only your own network reaches the port",
    );
    check(
        "[admin]\nlisten = \"127.0.0.1:7700\"\n",
        "config/hub.toml:2: admin.listen = \"127.0.0.1:7700\": is the address of server.listen; the admin server needs \
         its own port",
    );
    check(
        "[server]\nallowed_origins = [\"https://a.example/\"]\n",
        "config/hub.toml:2: server.allowed_origins[0] = \"https://a.example/\": must be a scheme and a host, \
         lower-case and without a path, such as \"https://play.example.com\"",
    );
    check(
        "[channels.namespaces.table]\npublish = \"service\"\n",
        "config/hub.toml:2: channels.namespaces.table.publish = \"service\": only the hub publishes here; \
         allowed: hub",
    );
    check(
        "[channels.namespaces.News]\n",
        "config/hub.toml:1: channels.namespaces.News = {  }: a namespace is 1 to 32 lower-case letters, digits, \
         '_' or '-'",
    );
    check(
        "[auth]\nissuer = \"a\\u0000b\"\n",
        "config/hub.toml:2: auth.issuer = \"a\\u0000b\": must have 1 to 256 bytes and no control characters",
    );
    check(
        "[demo]\ndeposit = \"1.005\"\n",
        "config/hub.toml:2: demo.deposit = \"1.005\": the amount has more decimals than its currency",
    );
    check(
        "[demo]\ncurrency = \"GBP\"\n",
        "config/hub.toml:2: demo.currency = \"GBP\": not one of the currencies; allowed: EUR, USD",
    );
    let told = House::new().refused("[telemetry]\nlog = \"hub=loud\"\n");
    assert!(
        told[0]
            .starts_with("config/hub.toml:2: telemetry.log = \"hub=loud\": not a log filter; allowed: off,")
    );
}

#[test]
fn all_problems_come_at_once() {
    let told =
        House::new().refused("[server]\nworkers = \"x\"\nlsiten = 1\n[demo]\ntoken_seconds = 1\nwhat = 1\n");
    let lines: Vec<_> =
        told.iter().map(|told| told.split(": ").take(2).collect::<Vec<_>>().join(": ")).collect();
    assert_eq!(
        lines,
        [
            "config/hub.toml:6: demo.what",
            "config/hub.toml:3: server.lsiten",
            "config/hub.toml:2: server.workers = \"x\"",
            "config/hub.toml:5: demo.token_seconds = 1",
        ]
    );
}

const TABLE: &str = "[[tables]]\nid = \"t\"\nname = \"T\"\ngame = \"roulette\"\ncurrency = \"EUR\"\n\
                     player_round_max = \"100\"\nlimits.any = { min = \"1\", max = \"10.50\" }\n";

#[test]
fn a_table_is_counted_in_minor_units_with_limits_in_the_games_order() {
    let house = House::new();
    house.write("config/hub.toml", &format!("{TABLE}limits.split = {{ min = \"2\", max = \"5\" }}\n"));
    let tables = house.load().unwrap().tables;
    assert_eq!(tables.len(), 1, "a list replaces the one below it");
    let limit = |kind, min, max| KindLimit { kind, min, max };
    assert_eq!(
        *tables[0].limits,
        [limit("straight", 100, 1050), limit("split", 200, 500), limit("red", 100, 1050)]
    );
    assert_eq!(tables[0].player_round_max, 10_000);
    assert_eq!((tables[0].game, tables[0].scale, tables[0].betting_ms), ("roulette", 2, 20_000));
}

#[test]
fn copies_are_numbered_and_share_their_limits() {
    let house = House::new();
    house.write("config/hub.toml", &format!("{TABLE}copies = 3\n"));
    let tables = house.load().unwrap().tables;
    let ids: Vec<_> = tables.iter().map(|table| format!("{} {}", table.id, table.name)).collect();
    assert_eq!(ids, ["t-1 T 1", "t-2 T 2", "t-3 T 3"]);
    assert!(std::sync::Arc::ptr_eq(&tables[0].limits, &tables[2].limits));
}

#[test]
fn a_table_that_could_not_be_played_is_refused() {
    let with = |from: &str, to: &str| {
        assert!(TABLE.contains(from));
        TABLE.replace(from, to)
    };
    check(
        &with("\"roulette\"", "\"roulete\""),
        "config/hub.toml:4: tables[0].game = \"roulete\": no such game; did you mean \"roulette\"? allowed: roulette",
    );
    check(
        &with("\"EUR\"", "\"GBP\""),
        "config/hub.toml:5: tables[0].currency = \"GBP\": not one of the currencies; allowed: EUR, USD",
    );
    check(&with("currency = \"EUR\"\n", ""), "config/hub.toml:1: tables[0]: the key \"currency\" is missing");
    check(
        &with("\"t\"", "\"a table\""),
        "config/hub.toml:2: tables[0].id = \"a table\": expected a table id of at most 23 letters, digits, '_', \
         '-' or '.'",
    );
    check(
        &with("\"10.50\"", "\"0.50\""),
        "config/hub.toml:7: tables[0].limits.any.min = \"1\": must not be above max, which is 0.50",
    );
    check(
        &with("\"10.50\"", "\"10.505\""),
        "config/hub.toml:7: tables[0].limits.any.max = \"10.505\": the amount has more decimals than its currency",
    );
    check(
        &with("min = \"1\"", "min = \"0\""),
        "config/hub.toml:7: tables[0].limits.any.min = \"0\": must be above zero",
    );
    check(
        &with("\"100\"", "\"0.99\""),
        "config/hub.toml:7: tables[0].limits.any.min = \"1\": above player_round_max: nobody could place this bet",
    );
    check(
        &with("limits.any", "limits.straigth"),
        "config/hub.toml:7: tables[0].limits.straigth = { max = \"10.50\", min = \"1\" }: roulette has no such bet \
         kind; did you mean \"straight\"? allowed: straight, split, red, any",
    );
    check(
        &with("limits.any", "limits.red"),
        "config/hub.toml:7: tables[0].limits = { red = { max = \"10.50\", min = \"1\" } }: no limits for straight, \
         split; add them, or \"any\" for all",
    );
    check(
        &format!("{TABLE}{TABLE}"),
        "config/hub.toml:9: tables[1].id = \"t\": there is another table \"t\"",
    );
    let long = with("\"t\"", "\"twenty-two-letters-long\"");
    check(
        &format!("{long}copies = 10\n"),
        "config/hub.toml:2: tables[0].id = \"twenty-two-letters-long\": too long for the number each copy adds; at most 23 bytes with it",
    );
}

// clause: ukgc.rts.14g
#[test]
fn no_table_is_faster_than_players_may_begin_with_rounds_and_rules_need_play_sessions() {
    check(
        "[play_sessions]\nround_start_ms_min = 5_000\n[[tables]]\nid = \"fast\"\nname = \"Fast\"\ngame = \"roulette\"\n\
         currency = \"EUR\"\nlocked_ms = 3_000\npause_ms = 1_999\nplayer_round_max = \"10.00\"\n\
         limits = { any = { min = \"1.00\", max = \"5.00\" } }\n",
        "config/hub.toml:9: tables[0].pause_ms = 1999: with locked_ms it is 4999 ms from the last bet of a round to the first of \
         the next, and play_sessions.round_start_ms_min is 5000",
    );
    check(
        "[play_sessions]\npause_seconds = 0\n",
        "play_sessions.reality_check_seconds = 3600: must be 0 while no play sessions are kept (play_sessions.pause_seconds is 0)",
    );
    check(
        "[play_sessions]\nreality_check_seconds = 86_401\n",
        "config/hub.toml:2: play_sessions.reality_check_seconds = 86401: must be from 0 to 86400",
    );
}

#[test]
fn production_takes_no_rule_of_play_sessions_that_is_for_tests() {
    let house = House::new();
    house.write("config/hub.toml", "[play_sessions]\npause_seconds = 59\nreality_check_seconds = 1\n");
    house.load().unwrap();
    let told = house
        .refused("mode = \"production\"\n[play_sessions]\npause_seconds = 59\nreality_check_seconds = 1\n");
    for key in ["pause_seconds = 59", "reality_check_seconds = 1"] {
        let wanted = format!("play_sessions.{key}: must be 0 or at least 60 in production");
        assert!(told.iter().any(|problem| problem.ends_with(&wanted)), "{told:?}");
    }
}
