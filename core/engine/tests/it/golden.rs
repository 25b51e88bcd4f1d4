//! Golden bytes of every kind of record: later releases must read the logs of this one.

use domains::{
    Intent, OwnerName, PaymentCause,
    acknowledged::Acknowledged,
    approval::ProposalId,
    approval_rules::{ApprovalBand, ApprovalRules, ApproverLimit, ProposalSubject},
    balance_rule::BalanceRule,
    calendar::{DAY, OffsetChange, Period, Zone},
    correction::{AdjustmentReason, Correction, CorrectionOf},
    exclusion::ExclusionKind,
    freeze::{Freeze, FreezeReason},
    limit_rules::LimitRules,
    limits::{LimitId, LimitKind, LimitSetter},
    operator_act::{LackedCapability, OperatorAct},
    protection::Protection,
    recipes::{
        AcknowledgeAlert, AcknowledgeCheck, ApproveAdjustment, CaptureHold, Collect, ConfirmLimit, Credit,
        Debit, ExcludePlayer, FreezePlayer, HoldFunds, OperatorRefused, PaymentMethod, PlayerWinnings,
        ProposeAdjustment, Reinstate, RejectAdjustment, ReleaseHold, SetApprovalRules, SetBalanceRule,
        SetLimitRules, SetPlayerLimit, SetProtection, SetSessionRules, Unfreeze,
    },
    session_rules::SessionRules,
};
use engine::{
    Body, Component, Content, Envelope, Fact, Feature, NamedFeature, Principal, PrincipalKind, Record,
    SecretName, StateDigest, Tx, TxId, reversal_of, table::live::LiveTable,
};
use games::fair::Share;
use ledger::{Digest, HoldId};
use protocol::{ErrorCode, PlayerId};

use crate::rig::{Rig, refused};

const GOLDEN: &str = include_str!("golden.txt");

/// One record of each kind, with a name that says what it shows.
fn records() -> Vec<(String, Vec<u8>)> {
    let mut rig = Rig::new();
    let mut names = Vec::new();
    let mut step = |rig: &Rig, name: &'static str| {
        assert_eq!(rig.log.len(), names.len() + 1, "{name} is one record");
        names.push(name);
    };
    rig.deposit(1, 10_000);
    step(&rig, "a first deposit, which opens the account");
    assert_eq!(rig.bet("early", 1, &[("red", &[], 50)]), refused(ErrorCode::BetsClosed));
    step(&rig, "a refused bet");
    rig.rule();
    step(&rig, "the rules of a table recorded");
    rig.open();
    step(&rig, "a round opened");
    let mut request = rig.request("a", 1, &[("straight", &[17], 10), ("red", &[], 50)]);
    request.share = Some(Share::of(request.player, "clover"));
    rig.place(request);
    step(&rig, "a bet on two spots with the player's share");
    rig.clear("b", 1);
    step(&rig, "bets cleared");
    rig.bet("c", 1, &[("red", &[], 100)]);
    step(&rig, "a bet without a share");
    rig.wait(crate::rig::BETTING_MS);
    step(&rig, "bets locked");
    rig.now += crate::rig::LOCKED_MS;
    let envelope = rig.due().unwrap();
    rig.run(&envelope);
    step(&rig, "a round drawn and settled");
    rig.open();
    step(&rig, "the next round opened");
    rig.bet("d", 1, &[("black", &[], 100)]);
    step(&rig, "a bet in it");
    let envelope = rig.live.void(engine::table::VoidReason::TableGone, rig.now);
    rig.run(&envelope);
    step(&rig, "a round voided");
    rig.open();
    step(&rig, "a round opened for the last time");
    rig.bet("e", 1, &[("black", &[], 100)]);
    step(&rig, "the last bet");
    let envelope = rig.live.quarantine();
    rig.run(&envelope);
    step(&rig, "a table quarantined");
    let (player, currency) = (PlayerId(1), "EUR".parse().unwrap());
    assert_eq!(rig.stake_too_much("f"), refused(ErrorCode::InsufficientFunds));
    step(&rig, "a transaction that a domain refused");
    let mut run = |rig: &mut Rig, name: &'static str, intent: Intent| {
        let service = Principal::named(PrincipalKind::Service, "", "cashier");
        let id = TxId::of_service("cashier", name);
        rig.run(&Envelope::Run(Tx::new(id, service, Some(Content(2)), intent)));
        step(rig, name);
    };
    let (reason, reference) = ("GOODWILL".parse().unwrap(), "INVOICE-7".parse().unwrap());
    let cause = PaymentCause { reason: Some(reason), reference: Some(reference) };
    run(
        &mut rig,
        "a credit by a service",
        Credit { player, currency, amount: 50, cause: cause.clone() }.into(),
    );
    run(
        &mut rig,
        "a debit by a service",
        Debit { player, currency, amount: 20, cause: PaymentCause::default() }.into(),
    );
    let hold = |name| HoldId(TxId::of_service("cashier", name).0);
    let expires = Some(1_900_000_000_000);
    let holding =
        |amount, expires| HoldFunds { player, currency, amount, expires, cause: cause.clone() }.into();
    run(&mut rig, "a hold by a service", holding(30, expires));
    let part = Some((12, currency));
    let capture = CaptureHold { hold: hold("a hold by a service"), part, cause: cause.clone() };
    run(&mut rig, "a part of a hold captured", capture.into());
    run(&mut rig, "another hold by a service", holding(8, None));
    let capture = CaptureHold { hold: hold("another hold by a service"), part: None, cause: cause.clone() };
    run(&mut rig, "a hold captured", capture.into());
    run(&mut rig, "a third hold by a service", holding(9, None));
    let release = ReleaseHold { hold: hold("a third hold by a service"), cause: cause.clone() };
    run(&mut rig, "a hold released", release.into());
    let merchant: OwnerName = "MERCHANT_123".parse().unwrap();
    let method = PaymentMethod::Manual;
    let collect = Collect {
        player,
        currency,
        amount: 10_000,
        merchant: merchant.clone(),
        method,
        cause: cause.clone(),
    };
    run(&mut rig, "a payment collected", collect.into());
    let game = "SLOTS_777".parse().unwrap();
    let winnings = PlayerWinnings { player, currency, amount: 100_000, game, cause: cause.clone() };
    run(&mut rig, "winnings of a game elsewhere", winnings.into());
    let freeze = Freeze { reason: FreezeReason::FraudCheck, until: Some(1_700_000_000_000) };
    run(&mut rig, "a player frozen", FreezePlayer { player, freeze }.into());
    run(&mut rig, "a freeze lifted", Unfreeze { player }.into());
    let known = Acknowledged { began: 1_700_000_000_000, critical: true };
    let alert = "log_not_ready".parse().unwrap();
    run(&mut rig, "an alert acknowledged", AcknowledgeAlert { alert, known }.into());
    let exclude = |kind, lasts| ExcludePlayer { player, kind, lasts }.into();
    run(&mut rig, "a time-out", exclude(ExclusionKind::TimeOut, Some(DAY)));
    run(&mut rig, "a self-exclusion", exclude(ExclusionKind::SelfExclusion, Some(184 * DAY)));
    rig.now += 184 * DAY;
    run(&mut rig, "a player who comes back", Reinstate { player }.into());
    let protection = Protection { time_out_max: DAY, self_exclusion_min: 2 * DAY, cooling_off: 0 };
    run(&mut rig, "what protects players", SetProtection(protection).into());
    let band = |from, needed| ApprovalBand { currency, from, needed };
    let operator = |name| Principal::named(PrincipalKind::Operator, "", name);
    let rules = ApprovalRules {
        needed: 1,
        stands: DAY,
        break_glass: true,
        bands: vec![band(0, 0), band(5_000, 2)],
        limits: vec![ApproverLimit { approver: Some(operator("ben")), currency, most: 1_000_000 }],
    };
    let subject = ProposalSubject::Adjustment;
    run(&mut rig, "the rules of approval", SetApprovalRules { subject, rules }.into());
    let (reason, reference) = (AdjustmentReason::Dispute, "ticket 1".parse().unwrap());
    let of = CorrectionOf::Amount { player, currency, amount: 6_000, takes: false };
    let correction = Correction { of, reason, reference };
    let propose = |break_glass| ProposeAdjustment { correction: correction.clone(), break_glass };
    run(&mut rig, "a correction proposed", propose(None).into());
    let proposal = |name| ProposalId(TxId::of_service("cashier", name).0);
    let approve = |rig: &mut Rig, name: &'static str, by| {
        let approval =
            ApproveAdjustment { proposal: proposal("a correction proposed"), correction: correction.clone() };
        let id = TxId::of(PrincipalKind::Operator, "", name.as_bytes(), b"1");
        rig.run(&Envelope::Run(Tx::new(id, by, Some(Content(3)), approval)));
    };
    approve(&mut rig, "first", operator("ben"));
    step(&rig, "a correction approved once of two");
    approve(&mut rig, "second", operator("anna"));
    step(&rig, "a correction approved and carried out");
    let mut run = |rig: &mut Rig, name: &'static str, intent: Intent| {
        let id = TxId::of_service("cashier", name);
        let content = Some(Content(4));
        rig.run(&Envelope::Run(Tx::new(id, operator("carl"), content, intent)));
        step(rig, name);
    };
    run(&mut rig, "a correction in an emergency", propose("alone".parse().ok()).into());
    run(&mut rig, "another correction proposed", propose(None).into());
    let reject = RejectAdjustment { proposal: proposal("another correction proposed") };
    run(&mut rig, "a correction taken back", reject.into());
    let winnings = |bytes: &Vec<u8>| match Record::decode(bytes).unwrap().body {
        Body::Committed(committed) => committed.intent.name() == "PLAYER_WINNINGS",
        _ => false,
    };
    let place = rig.log.iter().position(winnings).unwrap();
    let Body::Committed(winnings) = Record::decode(&rig.log[place]).unwrap().body else { unreachable!() };
    let reversal = reversal_of(place as u64 + 1, [7; 32], &winnings).unwrap();
    let of = CorrectionOf::Transaction(reversal.into());
    let (reason, reference) = (AdjustmentReason::Error, "ticket 2".parse().unwrap());
    let reverse = Correction { of, reason, reference };
    let reverse = ProposeAdjustment { correction: reverse, break_glass: "alone".parse().ok() };
    run(&mut rig, "winnings reversed", reverse.into());
    let rules = SessionRules { pause_min: DAY, check_every: 1_000, start_min: 5_000 };
    run(&mut rig, "the rules of play sessions", SetSessionRules(rules).into());
    rig.now += 2 * DAY;
    let (config, game) = (rig.live.config().clone(), rig.live.game());
    rig.live = LiveTable::new("t2".parse().unwrap(), config, game, Default::default());
    rig.rule();
    step(&rig, "the rules of another table recorded");
    rig.open();
    step(&rig, "a round of it opened");
    rig.bet("g", 1, &[("red", &[], 100)]);
    step(&rig, "a bet that begins a play session");
    rig.wait(crate::rig::BETTING_MS);
    step(&rig, "bets locked in a play session");
    rig.now += crate::rig::LOCKED_MS;
    let envelope = rig.due().unwrap();
    rig.run(&envelope);
    step(&rig, "a round settled that a play session counts");
    let acknowledge = Tx::new(TxId(1), player.into(), Some(Content(3)), AcknowledgeCheck { player });
    rig.run(&Envelope::Run(acknowledge));
    step(&rig, "a reality check acknowledged");
    let mut run = |rig: &mut Rig, name: &'static str, intent: Intent| {
        let id = TxId::of_service("cashier", name);
        rig.run(&Envelope::Run(Tx::new(id, operator("carl"), Some(Content(5)), intent)));
        step(rig, name);
    };
    let id = LimitId::new(LimitKind::Deposit, Period::Week, Some(currency)).unwrap();
    let limit = |by, to| SetPlayerLimit { player, id, by, to }.into();
    run(&mut rig, "a limit set", limit(LimitSetter::Player, Some(100_000)));
    run(&mut rig, "a looser limit asked for", limit(LimitSetter::Player, None));
    run(&mut rig, "a limit of the operator", limit(LimitSetter::Operator, Some(200_000)));
    rig.now += DAY;
    run(&mut rig, "a looser limit confirmed", ConfirmLimit { player, id }.into());
    let time = LimitId::new(LimitKind::PlayTime, Period::Day, None).unwrap();
    let by = LimitSetter::Player;
    let of_time = SetPlayerLimit { player, id: time, by, to: Some(3_600_000) };
    run(&mut rig, "a limit of time", of_time.into());
    let collect = Collect { player, currency, amount: 500, merchant, method, cause };
    run(&mut rig, "a payment counted against a limit", collect.into());
    let change = |from, offset| OffsetChange { from, offset };
    let zone = Zone::new(vec![change(0, 0), change(1_774_746_000_000, 3_600)]).unwrap();
    let rules = LimitRules { zone, ..LimitRules::standard() };
    run(&mut rig, "the rules of limits", SetLimitRules(rules).into());
    let rule = BalanceRule {
        least: Some(0),
        most: Some(1_000_000),
        low: Some(500),
        ..BalanceRule::unbounded(currency)
    };
    run(&mut rig, "the rule for balances", SetBalanceRule(rule).into());
    let lacks = LackedCapability::of_text("balance:write").unwrap();
    let refused =
        OperatorRefused { act: OperatorAct::Freeze, lacks, player: Some(player), code: ErrorCode::Forbidden };
    rig.run(&Envelope::Run(Tx::new(TxId(2), operator("carl"), None, refused)));
    step(&rig, "an act that an operator was refused");
    let mut records: Vec<_> = names.into_iter().map(str::to_owned).zip(rig.log).collect();
    let digest = StateDigest::new([
        (Component::Players, Digest::from_bytes([7; 32])),
        (Component::Rows(1), Digest::from_bytes([9; 32])),
    ]);
    let digest = Record { time: 1_700_000_000_000, body: Body::Digest(digest) };
    records.push(("a digest".into(), digest.encode()));
    let fact = |fact| Record { time: 1_700_000_000_000, body: Body::Fact(fact) }.encode();
    let scale = Fact::Scale { currency: "EUR".parse().unwrap(), scale: 2 };
    records.push(("the scale of a currency".into(), fact(scale)));
    let people = Fact::People { file: 0x0123_4567_89ab_cdef };
    records.push(("the people file".into(), fact(people)));
    let check = Fact::Check { secret: SecretName::Seed, value: 0x0123_4567_89ab_cdef };
    records.push(("the check value of the seed secret".into(), fact(check)));
    let issuer = Fact::Issuer { name: "https://id.example".into() };
    records.push(("the issuer of the players' tokens".into(), fact(issuer)));
    records.push(("a clock in doubt".into(), fact(Fact::Clock { doubted: true })));
    let erased = Fact::Erased { player: PlayerId(0x0123_4567_89ab_cdef), excluded: true };
    records.push(("a player who was erased".into(), fact(erased)));
    let upgrade = |feature, name| fact(Fact::Upgrade(NamedFeature::new(feature, name)));
    let (recipe, row) = (Feature::Recipe { kind: 1, revision: 1 }, Feature::Row { kind: 2 });
    records.push(("the first use of a recipe".into(), upgrade(recipe, "DEPOSIT")));
    records.push(("the first use of a kind of row".into(), upgrade(row, "rules")));
    records
}

fn spelled() -> String {
    let mut text = String::from(
        "# One record of each kind: its name, its bytes. A line that changes is a log that is not readable any more.\n",
    );
    for (name, bytes) in records() {
        text += &format!("\n{name}\n");
        for line in bytes.chunks(40) {
            text += &format!("  {}\n", base16ct::lower::encode_string(line));
        }
    }
    text
}

#[test]
fn every_kind_of_record_has_its_golden_bytes() {
    let spelled = spelled();
    assert!(spelled == GOLDEN, "core/engine/tests/it/golden.txt should be:\n{spelled}");
}

#[test]
fn the_golden_bytes_of_this_release_can_be_read() {
    let mut read = 0;
    for block in GOLDEN.split("\n\n").skip(1) {
        let (_, hex) = block.split_once('\n').unwrap();
        let digits: String = hex.split_whitespace().collect();
        let bytes = base16ct::lower::decode_vec(digits).unwrap();
        assert_eq!(Record::decode(&bytes).unwrap().encode(), bytes);
        read += 1;
    }
    assert_eq!(read, records().len());
}
