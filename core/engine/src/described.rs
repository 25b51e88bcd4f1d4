//! A record's parts by name: the table's leg, a fact, the image of a row. What `hub inspect` shows.
//!
//! Nothing here reveals a secret: of a seed that is not drawn only the commitment is named, of a secret's check value nothing.

use domains::{Field, Fields, KINDS, RowImage, RowKind, rows::RowKey};
use games::{BetCode, Game};
use protocol::{Currency, RoundId, TableId};

use crate::{
    components::{Component, StateDigest},
    facts::{FACTS, Fact, SecretName},
    table::{
        OpenRound, SpotAsked, Stage, TableAsked, TableLeg, TableRequest, TableState,
        live::{BetLimits, TableRules},
    },
};

/// The image of a row by name: its kind, what its key names, and the parts of its value, or that it is removed.
#[must_use]
pub fn row(image: &RowImage) -> Fields {
    let mut fields = row_key(&image.key);
    if kind_of(&image.key).is_some() {
        let change = if image.value.is_some() { "set" } else { "removed" };
        fields.push(("change", Field::Text(change.into())));
        fields.extend(image.value.as_deref().and_then(|value| row_value(&image.key, value)));
    }
    fields
}

/// A row by name: its kind, and what its key names. Of a kind that is not known, the number.
#[must_use]
pub fn row_key(key: &RowKey) -> Fields {
    match kind_of(key) {
        Some(kind) => vec![("kind", Field::Text(kind.name.into())), ("key", kind.key(key))],
        None => vec![("kind", Field::Number(key.kind().into()))],
    }
}

/// The parts of a row's value by name, or why it cannot be read; `None` of a kind that is not known.
#[must_use]
pub fn row_value(key: &RowKey, value: &[u8]) -> Option<(&'static str, Field)> {
    Some(match kind_of(key)?.fields(value) {
        Ok(value) => ("value", Field::Group(value)),
        Err(unread) => ("unreadable", Field::Text(unread.to_string())),
    })
}

fn kind_of(key: &RowKey) -> Option<&'static RowKind> {
    KINDS.iter().find(|kind| kind.number == key.kind())
}

impl StateDigest {
    /// The digest of each component, by name.
    #[must_use]
    pub fn fields(&self) -> Fields {
        let component = |(component, digest): (Component, ledger::Digest)| {
            let name = match component {
                Component::Accounts(domain) => format!("accounts of {}", domain.name()),
                Component::Holds(domain) => format!("holds of {}", domain.name()),
                Component::Players => "players".into(),
                Component::Keys => "keys".into(),
                Component::Facts => "facts".into(),
                Component::Rounds => "open rounds".into(),
                Component::Results => "results".into(),
                Component::PastRounds => "past rounds".into(),
                Component::Rows(kind) => match KINDS.iter().find(|known| known.number == kind) {
                    Some(known) => format!("rows {}", known.name),
                    None => format!("rows of kind {kind}"),
                },
            };
            vec![("component", Field::Text(name)), ("digest", Field::Bytes(digest.to_bytes().to_vec()))]
        };
        vec![("components", Field::List(self.components().map(component).collect()))]
    }
}

impl Fact {
    /// The fact by name. The check value of a secret is left out.
    #[must_use]
    pub fn fields(&self) -> Fields {
        let text = |text: &str| Field::Text(text.into());
        match self {
            Fact::Scale { currency, scale } => vec![
                ("fact", text("scale")),
                ("currency", Field::Currency(*currency)),
                ("decimals", Field::Number((*scale).into())),
            ],
            Fact::Check { secret, .. } => {
                let name = match secret {
                    SecretName::Seed => "seed",
                };
                vec![("fact", text("check")), ("secret", text(name))]
            }
            Fact::People { file } => {
                vec![("fact", text("people")), ("file", Field::Bytes(file.to_be_bytes().to_vec()))]
            }
            Fact::Issuer { name } => vec![("fact", text("issuer")), ("issuer", text(name))],
            Fact::Kept { kind, value } => {
                let fact = match FACTS.iter().find(|known| known.number == *kind) {
                    Some(known) => text(known.name),
                    None => Field::Number((*kind).into()), // not decoded by this release either
                };
                vec![("fact", fact), ("value", Field::Bytes(value.to_vec()))]
            }
            Fact::Clock { doubted } => {
                let clock = if *doubted { "in doubt" } else { "accepted" };
                vec![("fact", text("clock")), ("clock", text(clock))]
            }
            Fact::Erased { player, excluded } => vec![
                ("fact", text("erased")),
                ("player", Field::Player(*player)),
                ("excluded", text(if *excluded { "yes" } else { "no" })),
            ],
            Fact::Upgrade(feature) => {
                vec![("fact", text("upgrade")), ("feature", Field::Text(feature.to_string()))]
            }
        }
    }
}

impl TableLeg {
    /// The name in reports.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            TableLeg::Opened { .. } => "opened",
            TableLeg::BetPlaced { .. } => "bet_placed",
            TableLeg::BetsCleared { .. } => "bets_cleared",
            TableLeg::Locked { .. } => "locked",
            TableLeg::Settled { .. } => "settled",
            TableLeg::Voided { .. } => "voided",
            TableLeg::Ruled { .. } => "ruled",
            TableLeg::Quarantined { .. } => "quarantined",
        }
    }

    /// The leg by name. `open`: the open round of the table before it, which says what the codes of bets mean.
    #[must_use]
    pub fn fields(&self, table: TableId, open: Option<&OpenRound>) -> Fields {
        let mut fields =
            vec![("table", Field::Text(table.to_string())), ("leg", Field::Text(self.name().into()))];
        if !matches!(self, TableLeg::Ruled { .. }) {
            fields.push(("round", Field::Round(RoundId { table, number: self.round() })));
        }
        let amount = |minor| minor_units(minor, open.map(|open| open.currency));
        match self {
            TableLeg::Opened { deadline, game, rules, currency, commit, .. } => fields.extend([
                ("deadline", Field::Time(*deadline)),
                ("game", Field::Text(game.to_string())),
                ("rules", Field::Number((*rules).into())),
                ("currency", Field::Currency(*currency)),
                ("commitment", Field::Bytes(commit.to_vec())),
            ]),
            TableLeg::BetPlaced { player, hold, bets, share, .. } => {
                fields.extend([("player", Field::Player(*player)), ("hold", Field::Hold(*hold))]);
                let game = open.and_then(|open| games::rules(&open.game, open.rules));
                let bet = |(code, stake): &(BetCode, i128)| {
                    let mut bet = spot(game, *code);
                    bet.push(("amount", amount(*stake)));
                    bet
                };
                fields.push(("bets", Field::List(bets.iter().map(bet).collect())));
                fields.extend(share.map(|share| ("share", Field::Bytes(share.0.to_vec()))));
            }
            TableLeg::BetsCleared { player, holds, .. } => {
                fields.extend([("player", Field::Player(*player)), ("holds", Field::Holds(holds.clone()))]);
            }
            TableLeg::Locked { deadline, staked, mix, .. } => fields.extend([
                ("deadline", Field::Time(*deadline)),
                ("staked", amount(*staked)),
                ("mix", Field::Bytes(mix.to_vec())),
            ]),
            TableLeg::Settled { deadline, outcome, seed, returned, .. } => fields.extend([
                ("deadline", Field::Time(*deadline)),
                ("outcome", Field::Number((*outcome).into())),
                ("seed", Field::Bytes(seed.to_vec())),
                ("returned", amount(*returned)),
            ]),
            TableLeg::Voided { deadline, reason, .. } => {
                fields.extend([
                    ("deadline", Field::Time(*deadline)),
                    ("reason", Field::Text(reason.text().into())),
                ]);
            }
            TableLeg::Ruled { change, rules } => {
                fields.push(("change", Field::Number(*change)));
                fields.extend(rules.fields());
            }
            TableLeg::Quarantined { state } => {
                let requests = state.open.as_ref().map(|open| open.bets.requests() as u64);
                fields.extend(requests.map(|requests| ("requests", Field::Number(requests))));
            }
        }
        fields
    }
}

impl TableRules {
    /// The rules by name.
    #[must_use]
    pub fn fields(&self) -> Fields {
        let limits = |limits: &BetLimits| {
            vec![
                ("stake_min", Field::Amount(limits.stake_min, self.currency)),
                ("spot_max", Field::Amount(limits.spot_max, self.currency)),
            ]
        };
        vec![
            ("game", Field::Text(self.game.to_string())),
            ("rules", Field::Number(self.rules_version.into())),
            ("currency", Field::Currency(self.currency)),
            ("decimals", Field::Number(self.scale.into())),
            ("seats_max", Field::Number(self.seats_max.into())),
            ("betting_ms", Field::Number(self.betting_ms)),
            ("locked_ms", Field::Number(self.locked_ms)),
            ("pause_ms", Field::Number(self.pause_ms)),
            ("round_max", Field::Amount(self.round_max, self.currency)),
            ("limits", Field::List(self.limits.iter().map(limits).collect())),
        ]
    }
}

impl TableState {
    /// What a decision reads of a table, by name: the stage of its round with what is staked, and its rules.
    #[must_use]
    pub fn fields(&self, table: TableId) -> Fields {
        let text = |text: &str| Field::Text(text.into());
        let mut fields = vec![("round", Field::Round(RoundId { table, number: self.round }))];
        match &self.open {
            None => fields.push(("stage", text("closed"))),
            Some(open) => fields.extend([
                ("stage", text(if open.stage == Stage::Betting { "betting" } else { "locked" })),
                ("deadline", Field::Time(open.deadline)),
                ("requests", Field::Number(open.bets.requests() as u64)),
                ("players", Field::Number(open.bets.players().len() as u64)),
                ("staked", Field::Amount(open.bets.staked(), open.currency)),
            ]),
        }
        if self.failed() {
            fields.push(("failed", Field::Flag(true)));
        }
        fields.extend(self.rules.as_ref().map(|rules| ("table_rules", Field::Group(rules.fields()))));
        fields
    }
}

impl TableRequest {
    /// The request by name. `state`: its table's before the record, which says what the codes of bets mean.
    #[must_use]
    pub fn fields(&self, state: Option<&TableState>) -> Fields {
        let Self { table, round, arrived, asked, grounds } = self;
        let rules = state.and_then(|state| state.rules.as_deref());
        let text = |text: &str| Field::Text(text.into());
        let mut fields = vec![
            ("request", text(self.name())),
            ("revision", Field::Number(self.revision().into())),
            ("round", Field::Round(RoundId { table: *table, number: *round })),
            ("arrived", Field::Time(*arrived)),
            ("grounds", text(grounds.name())),
        ];
        if let TableAsked::Bets(spots) = asked {
            let game = rules.and_then(|rules| games::rules(&rules.game, rules.rules_version));
            let amount = |minor| minor_units(minor, rules.map(|rules| rules.currency));
            let asked = |asked: &SpotAsked| {
                let mut bet = spot(game, asked.code);
                bet.push(("amount", amount(asked.stake)));
                if asked.smallest != asked.stake {
                    bet.push(("smallest", amount(asked.smallest)));
                }
                bet
            };
            fields.push(("bets", Field::List(spots.iter().map(asked).collect())));
        }
        fields
    }
}

/// What a bet is on: its kind and numbers, or its code when its game is not known.
fn spot(game: Option<&dyn Game>, code: BetCode) -> Fields {
    let Some(described) = game.and_then(|game| game.describe(code)) else {
        return vec![("code", Field::Number(code.0.into()))];
    };
    let mut fields = vec![("kind", Field::Text(described.kind.into()))];
    if !described.numbers.is_empty() {
        let numbers: Vec<_> = described.numbers.iter().map(u8::to_string).collect();
        fields.push(("numbers", Field::Text(numbers.join(" "))));
    }
    fields
}

fn minor_units(minor: i128, currency: Option<Currency>) -> Field {
    match currency {
        Some(currency) => Field::Amount(minor, currency),
        None => Field::Text(format!("{minor} minor units")),
    }
}
