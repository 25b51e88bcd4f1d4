#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use base16ct::lower::decode_vec;
use domains::{
    Funds, Notice, What,
    recipes::{HoldExpire, HoldStake},
};
use engine::{
    Body, Committed, Envelope, Fact, Principal, SecretName, Turn, Tx, TxId, World, table::TableLeg,
};
use journal::{Options, SyncLog, file::Directory};
use ledger::{AccountId, AccountKind, Domain, Hold, HoldId, Leg, Move, Prover, Purpose, Transfer};
use protocol::{PlayerId, RoundId};

use super::*;

/// One record of each kind of the engine's own tests, in the order of one log, which ends before the digest.
const GOLDEN: &str = include_str!("../../../core/engine/tests/it/golden.txt");
const END: &str = "a digest";

/// A log in a directory, with the name of each record.
struct Left {
    directory: tempfile::TempDir,
    names: Vec<String>,
}

impl Left {
    /// The first record with these words in its name.
    fn lsn(&self, name: &str) -> u64 {
        let place = self.names.iter().position(|known| known.contains(name));
        place.unwrap_or_else(|| panic!("no record is {name}")) as u64 + 1
    }

    fn files(&self) -> Files {
        Files::open(self.directory.path()).unwrap()
    }

    fn find(&self, wanted: &str) -> Result<Found, Error> {
        find(&self.files(), None::<&Directory>, wanted.parse().unwrap())
    }

    fn text(&self, wanted: &str) -> String {
        let Found { fields, facts } = self.find(wanted).unwrap_or_else(|error| panic!("{wanted}: {error}"));
        Text::of(&fields, &facts).to_string()
    }

    fn json(&self, wanted: &str) -> serde_json::Value {
        let Found { fields, facts } = self.find(wanted).unwrap();
        serde_json::from_str(&Json::of(&fields, &facts).to_string()).unwrap()
    }
}

/// A log that is being written.
struct Writing {
    log: SyncLog<Directory>,
    world: World,
    names: Vec<String>,
}

impl Writing {
    fn append(&mut self, name: &str, record: &Record) {
        self.world.apply(record).unwrap_or_else(|error| panic!("{name}: {error}"));
        self.log.append(&record.encode());
        self.log.sync().unwrap();
        self.names.push(name.to_owned());
    }
}

/// A log with a record of each recipe.
fn left() -> Left {
    let directory = tempfile::tempdir().unwrap();
    let storage = Directory::create(directory.path()).unwrap();
    let log = SyncLog::open(storage, Options { segment_bytes: 1 << 20, ..Options::default() }).unwrap();
    let mut writing = Writing { log, world: World::default(), names: Vec::new() };
    let currency = "EUR".parse().unwrap();
    let fact = Record { time: 0, body: Body::Fact(Fact::Scale { currency, scale: 2 }) };
    writing.append("a fact", &fact);
    for block in GOLDEN.split("\n\n").skip(1) {
        let (name, hex) = block.split_once('\n').unwrap();
        if name == END {
            break;
        }
        let bytes = decode_vec(hex.split_whitespace().collect::<String>()).unwrap();
        writing.append(name, &Record::decode(&bytes).unwrap());
    }
    let digest = writing.world.books.digest_record(0);
    writing.append("a digest", &digest);
    let time = writing.world.books.time();
    let player = PlayerId(1);
    let transfer = Transfer {
        debit: AccountId::cash(player, currency),
        credit: AccountId::house(AccountKind::Clearing(Domain::Collections), currency),
        amount: 7,
    };
    let hold = Hold {
        expires: Some(time + 5),
        ..Hold::on(Purpose::Service, Prover::Domain(Domain::Balance), transfer)
    };
    let round = RoundId { table: "t".parse().unwrap(), number: 1 };
    let before = writing.world.books.domains().balance.funds(player, currency).unwrap();
    let after = Funds { available: before.available - 7, held: before.held + 7 };
    let held = Committed {
        id: TxId(0xfeed),
        principal: Principal::HUB,
        key: None,
        intent: HoldStake { player, round, currency, amount: 7 }.into(),
        legs: vec![(Domain::Balance, Leg { moves: vec![Move::Hold(HoldId(0xfeed), Arc::new(hold))] })],
        rows: Vec::new(),
        notices: vec![Notice { player, currency, before, after, what: What::Stake }],
        table: None,
    };
    writing.append("a hold with an end", &Record { time, body: Body::Committed(held) });
    let expire =
        Tx::new(TxId::of_expiry(HoldId(0xfeed)), Principal::HUB, None, HoldExpire { hold: HoldId(0xfeed) });
    let Turn::New(decided) = writing.world.books.turn(Envelope::Run(expire), time + 5) else {
        panic!("it is due")
    };
    writing.append("a hold expired", decided.record());
    writing.log.close().unwrap();
    Left { directory, names: writing.names }
}

const PLAYER: &str = "00000000000000000000000000000001";

#[test]
fn a_record_of_each_recipe_is_shown_in_words() {
    let left = left();
    let rows: &[(&str, &[&str])] = &[
        ("a fact", &["kind fact", "fact scale", "currency EUR", "decimals 2"]),
        (
            "a first deposit, which opens the account",
            &[
                "recipe DEPOSIT",
                "revision 1",
                "amount 100.00 EUR",
                "key yes",
                "balance opened EUR cash of player PLAYER",
                "balance posted 100.00 EUR clearing with collections → cash of player PLAYER",
                "collections posted 100.00 EUR source → clearing with balance",
                "balance cash of player PLAYER EUR available new → 100.00 held new → 0.00",
                "player PLAYER told deposit EUR available 0.00 → 100.00 held 0.00 → 0.00",
                "what done",
            ],
        ),
        ("a refused bet", &["kind refusal", "code bets_closed", "by table", "what refused"]),
        (
            "a round opened",
            &["recipe TABLE", "principal hub", "key no", "leg opened", "game roulette", "commitment "],
        ),
        (
            "a bet on two spots with the player's share",
            &[
                "recipe STAKE",
                "round t1:1",
                "balance held 0.60 EUR cash of player PLAYER → clearing with collections stake proven by round t1:1",
                "available 100.00 → 99.40 held 0.00 → 0.60",
                "leg bet placed",
                "kind straight numbers 17 amount 0.10 EUR",
                "kind red amount 0.50 EUR",
                "share ",
            ],
        ),
        (
            "bets cleared",
            &[
                "recipe RELEASE",
                "balance voided hold 0.60 EUR cash of player PLAYER",
                "told release",
                "leg bets cleared",
            ],
        ),
        ("bets locked", &["leg locked", "staked 1.00 EUR", "mix "]),
        (
            "a round drawn and settled",
            &[
                "recipe SETTLE_ROUND",
                "balance posted hold 1.00 EUR cash of player PLAYER",
                "collections posted 1.00 EUR clearing with balance → stakes",
                "told settled round t1:1 staked 1.00 EUR",
                "leg settled",
                "seed ",
            ],
        ),
        (
            "a round voided",
            &["recipe ROUND_VOID", "told voided round t1:2", "reason the table was taken out of service"],
        ),
        ("a table quarantined", &["recipe TABLE", "leg quarantined", "round t1:3", "requests 1"]),
        ("a transaction that a domain refused", &["recipe STAKE", "code insufficient_funds", "by domain"]),
        (
            "a credit by a service",
            &["recipe CREDIT", "principal service", "corrections → clearing with balance"],
        ),
        ("a debit by a service", &["recipe DEBIT", "clearing with balance → corrections"]),
        (
            "a player frozen",
            &[
                "recipe FREEZE",
                "kind freeze key PLAYER change set reason FRAUD_CHECK, until 2023-11-14T22:13:20.000Z",
            ],
        ),
        ("a freeze lifted", &["recipe UNFREEZE", "kind freeze key PLAYER change removed"]),
        (
            "a time-out",
            &[
                "recipe EXCLUDE",
                "exclusion time_out",
                "lasts_ms 86400000",
                "kind exclusion key PLAYER change set exclusion time_out, until ",
            ],
        ),
        (
            "a self-exclusion",
            &["recipe EXCLUDE", "kind exclusion key PLAYER change set exclusion self_exclusion, until "],
        ),
        (
            "a player who comes back",
            &["recipe REINSTATE", "kind exclusion key PLAYER change set exclusion cooling_off, until "],
        ),
        (
            "what protects players",
            &["recipe PROTECTION", "kind protection key all change set time_out_max_ms 86400000"],
        ),
        ("a limit set", &["recipe LIMIT", "kind limits key PLAYER change set day "]),
        ("a looser limit confirmed", &["recipe LIMIT_CONFIRM", "kind limits key PLAYER change set day "]),
        (
            "the rules of limits",
            &["recipe LIMIT_RULES", "kind limit_rules key all change set loosening_after_ms 86400000"],
        ),
        (
            "an act that an operator was refused",
            &[
                "recipe OPERATOR_REFUSED",
                "act freeze",
                "lacks balance:write",
                "player PLAYER",
                "code forbidden",
            ],
        ),
        (
            "the rule for balances",
            &["recipe BALANCE_RULE", "kind balance_rule key EUR change set", "most 10000.00 EUR"],
        ),
        (
            "the rules of play sessions",
            &["recipe SESSION_RULES", "kind session_rules key all change set pause_min_ms 86400000"],
        ),
        (
            "a bet that begins a play session",
            &["recipe STAKE", "kind play_session key PLAYER change set since "],
        ),
        (
            "a round settled that a play session counts",
            &["recipe SETTLE_ROUND", "kind play_session key PLAYER change set since "],
        ),
        (
            "a reality check acknowledged",
            &["recipe ACKNOWLEDGE_REALITY_CHECK", "kind play_session key PLAYER change set since "],
        ),
        (
            "a hold by a service",
            &[
                "recipe HOLD",
                "expires 2030-03-17T17:46:40.000Z",
                "reason GOODWILL",
                "held 0.30 EUR",
                "service proven by domain balance until ",
                "told held",
            ],
        ),
        (
            "a part of a hold captured",
            &[
                "recipe HOLD_CAPTURE",
                "amount 0.12 EUR",
                "voided hold 0.30 EUR",
                "posted 0.12 EUR cash of player PLAYER → clearing with adjustment",
                "told captured",
            ],
        ),
        ("a hold released", &["recipe HOLD_RELEASE", "voided hold 0.09 EUR", "told freed"]),
        (
            "a payment collected",
            &[
                "recipe COLLECT",
                "merchant MERCHANT_123",
                "method manual",
                "name MERCHANT_123",
                "source of merchant ",
            ],
        ),
        (
            "winnings of a game elsewhere",
            &["game SLOTS_777", "name SLOTS_777", "results of game ", "told winnings"],
        ),
        ("recorded", &["recipe RULES", "kind rules key t"]),
        (
            "an alert acknowledged",
            &["recipe ACKNOWLEDGE", "alert log_not_ready", "kind acknowledged key log_not_ready"],
        ),
        (
            "the rules of approval",
            &["recipe APPROVAL_RULES", "subject adjustment", "kind approval_rules key adjustment change set"],
        ),
        (
            "a correction proposed",
            &[
                "recipe PROPOSE_ADJUSTMENT",
                "direction credit",
                "amount 60.00 EUR",
                "reason DISPUTE",
                "reference ticket 1",
                "kind proposal",
            ],
        ),
        (
            "a correction approved and carried out",
            &[
                "recipe APPROVE_ADJUSTMENT",
                "posted 60.00 EUR corrections → clearing with balance",
                "kind ended_proposal",
                "end applied",
                "told credit",
            ],
        ),
        ("a correction taken back", &["recipe REJECT_ADJUSTMENT", "end withdrawn"]),
        ("winnings reversed", &["recipe PROPOSE_ADJUSTMENT", "break_glass alone", "kind reversed"]),
        (
            "a digest",
            &["kind digest", "component accounts of balance digest ", "component rows rules digest "],
        ),
        (
            "a hold expired",
            &[
                "recipe HOLD_EXPIRE",
                "voided hold 0.07 EUR",
                "service proven by domain balance until ",
                "told expired",
            ],
        ),
    ];
    let mut recipes = std::collections::BTreeSet::new();
    for (name, expected) in rows {
        let lsn = left.lsn(name);
        let text = left.text(&lsn.to_string());
        let words: Vec<_> = text.split_whitespace().collect();
        let words = words.join(" ").replace('_', " ");
        for part in *expected {
            let part = part.replace("PLAYER", PLAYER).replace('_', " ");
            assert!(words.contains(part.trim_end()), "{name} does not say {part:?}:\n{text}");
        }
        assert!(words.starts_with(&format!("lsn {lsn} time ")), "{text}");
        assert!(!text.contains('\u{1b}') && text.lines().all(|line| line.trim_end() == line), "{text}");
        recipes.extend(left.json(&lsn.to_string())["intent"]["recipe"].as_str().map(str::to_owned));
    }
    let known: std::collections::BTreeSet<_> =
        domains::recipes::STANDARD.iter().map(|known| known.name.to_owned()).collect();
    assert_eq!(recipes, known, "every recipe has a row in this table");
}

#[test]
fn a_record_is_found_by_its_lsn_its_transaction_and_the_key_of_its_principal() {
    let left = left();
    let credit = left.lsn("a credit by a service").to_string();
    let id = left.json(&credit)["transaction"].as_str().unwrap().to_owned();
    for wanted in
        [id.clone(), id.to_uppercase(), format!("tx:{id}"), "service:cashier/a credit by a service".into()]
    {
        assert_eq!(left.text(&wanted), left.text(&credit), "{wanted}");
    }
    let bet = left.lsn("a bet without a share").to_string();
    assert_eq!(left.text(&format!("player:{PLAYER}/c")), left.text(&bet));
}

#[test]
fn hashes_and_neighbours_are_those_of_the_log() {
    let left = left();
    let last = left.names.len() as u64;
    for lsn in 1..=last {
        let shown = left.json(&lsn.to_string());
        let proof = left.files().proof(Lsn(lsn)).unwrap().unwrap();
        let hex = |hash: &[u8; 32]| base16ct::lower::encode_string(hash);
        assert_eq!(shown["hash"], hex(proof.hash().unwrap()));
        assert_eq!(shown["batch"]["hash"], hex(&proof.batch));
        assert_eq!(shown["batch"]["first"], proof.first.0);
        assert_eq!(shown["batch"]["count"], proof.records.len());
        assert_eq!(shown["before"]["lsn"].as_u64(), (lsn > 1).then(|| lsn - 1));
        assert_eq!(shown["after"]["lsn"].as_u64(), (lsn < last).then(|| lsn + 1));
    }
}

#[test]
fn no_sealed_seed_and_no_check_value_is_shown() {
    let left = left();
    let mut reader = left.files().reader(Lsn(0)).unwrap().unwrap();
    let mut sealed = 0;
    while let Some(entry) = reader.next(Lsn::MAX).unwrap() {
        let record = Record::decode(entry.bytes).unwrap();
        let secret: &[u8] = match record.leg() {
            Some(TableLeg::Opened { sealed, .. }) => sealed,
            Some(TableLeg::Quarantined { state }) => &state.open.as_ref().unwrap().sealed,
            _ => continue,
        };
        sealed += 1;
        let hex = base16ct::lower::encode_string(secret);
        assert!(!left.text(&entry.lsn.0.to_string()).contains(&hex));
        assert!(!left.json(&entry.lsn.0.to_string()).to_string().contains(&hex));
    }
    assert_eq!(sealed, 5);
    let check = Fact::Check { secret: SecretName::Seed, value: 0x0123_4567 };
    assert!(!format!("{:?}", check.fields()).contains("4567"), "{:?}", check.fields());
}

#[test]
fn what_the_log_does_not_have_is_refused_with_its_last_record() {
    let left = left();
    let last = left.names.len();
    let refused = |wanted: &str| left.find(wanted).err().unwrap().to_string();
    for lsn in [last + 1, last + 1_000_000] {
        let said = refused(&lsn.to_string());
        assert_eq!(said, format!("there is no record {lsn} in this log, whose last record is {last}"));
    }
    let id = "0".repeat(32);
    assert_eq!(
        refused(&id),
        format!("there is no transaction {id} in this log, whose last record is {last}")
    );
    assert!(refused("service:cashier/never").starts_with("there is no transaction "));
}

#[test]
fn a_malformed_argument_is_refused_with_the_forms_there_are() {
    let short = format!("player:{}/k", &PLAYER[1..]);
    let long = format!("tx:{PLAYER}0");
    for wanted in [
        "",
        "0",
        "-1",
        "+1",
        "1.5",
        "99999999999999999999",
        "tx:",
        "tx:12",
        &long,
        "player:1/k",
        &short,
        "player:k",
        "service:/k",
        "service:cashier",
        "service:cashier/",
        "round:1",
    ] {
        let refused = wanted.parse::<Lookup>().unwrap_err();
        for form in ["17", "tx:", "player:ID/KEY", "service:NAME/KEY"] {
            assert!(refused.contains(form), "{wanted}: {refused}");
        }
    }
    assert_eq!("17".parse(), Ok(Lookup::Lsn(17)));
    assert_eq!(
        "1".repeat(32).parse(),
        Ok(Lookup::Transaction(TxId(0x1111_1111_1111_1111_1111_1111_1111_1111)))
    );
}

#[test]
fn a_damaged_log_is_refused_in_the_words_of_verify() {
    let left = left();
    let (segment, damaged) =
        (left.directory.path().join("00000000000000000001.log"), "DAMAGED: failed to read the log");
    let mut bytes = std::fs::read(&segment).unwrap();
    let at = bytes.windows(6).position(|part| part == b"roulet").unwrap();
    bytes[at] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    for wanted in ["1000", "service:cashier/never", "20"] {
        let said = left.find(wanted).err().unwrap().to_string();
        assert!(said.starts_with(damaged), "{wanted}: {said}");
    }
}
