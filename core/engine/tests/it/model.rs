//! The naive model: the rules of money as the documentation states them, written a second time.
//!
//! It shares no code with the hub: names are text, amounts are `i128`, and there is no index, no digest and no draft. It
//! keeps every transfer that was ever posted, and computes each sum again whenever it is asked. So it is slow and easy to
//! check. `against_model.rs` compares the books with it.

pub mod play;
mod rules;
mod said;

use std::collections::{BTreeMap, BTreeSet};

pub use self::said::{Asked, Outcome, Share, Verdict};

/// Largest amount of a transfer, and largest sum of one side of an account, open holds included. No record holds a
/// larger one.
const SUM_MAX: i128 = 1 << 100;

/// An account: domain, owner or purpose, currency.
pub type Account = (&'static str, String, String);

/// Posted debits and credits, then those of open holds.
pub type Sums = (i128, i128, i128, i128);

/// A freeze: the reason, and the end.
pub type Freeze = (u8, Option<u64>);

/// Who stays away from play, and until when. `strict`: also after that, until the player asks to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away {
    pub strict: bool,
    pub cooling: bool,
    pub until: Option<u64>,
}

/// The longest time-out, the shortest self-exclusion, and how long a player cools off who comes back. Milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protection {
    pub longest: u64,
    pub shortest: u64,
    pub cooling: u64,
}

/// How long a pause ends a play session, how often a player acknowledges how they play, and how long they wait between the
/// beginnings of two rounds. Milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sessions {
    pub pause: u64,
    pub every: u64,
    pub between: u64,
}

/// What a player has done in the order in which they did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Played {
    /// When, in which round, in which currency, by which rules.
    Staked(u64, String, String, Sessions),
    /// When.
    Acknowledged(u64),
    /// The round, the currency, what was staked and what came back.
    Ended(String, String, i128, i128),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Transfer {
    debit: Account,
    credit: Account,
    amount: i128,
}

/// An open hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub player: String,
    pub currency: String,
    pub amount: i128,
    /// The round of the bet; `None` for what a service asked to be held.
    pub round: Option<String>,
    pub expires: Option<u64>,
    /// The domain that gets it when it is posted.
    pub towards: &'static str,
}

/// What a request does when nothing speaks against it.
#[derive(Default)]
struct Effects {
    opened: Option<Account>,
    posted: Vec<Transfer>,
    held: Option<Held>,
    ended: Vec<String>,
    /// Whose freeze begins or ends.
    frozen: Option<(String, Option<Freeze>)>,
    /// Who stays away from now on.
    away: Option<(String, Away)>,
    protection: Option<Protection>,
    sessions: Option<Sessions>,
    /// What players have done.
    played: Vec<(String, Played)>,
    /// The merchant or the game that takes part.
    named: Option<String>,
    /// Whom it tells, in which currency, and the amount on the receipt.
    told: Vec<(String, String, i128)>,
    round: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Model {
    digest_every: u64,
    /// Every player's account that was opened, and every other account that a transfer named.
    accounts: BTreeSet<Account>,
    posted: Vec<Transfer>,
    /// Open holds by name.
    pub holds: BTreeMap<String, Held>,
    /// The row of each frozen player.
    pub freezes: BTreeMap<String, Freeze>,
    /// Everybody who has ever been excluded from play, and how the last time.
    pub away: BTreeMap<String, Away>,
    /// What was recorded of how players are protected.
    pub protection: Option<Protection>,
    pub sessions: Option<Sessions>,
    /// Everything that players have done while play sessions were kept.
    pub played: BTreeMap<String, Vec<Played>>,
    /// Every merchant and game that has taken part.
    pub named: BTreeSet<String>,
    /// Every key with the content that came with it first, and its outcome.
    pub keys: BTreeMap<String, (String, Outcome)>,
    /// Number of notices to each player.
    pub told: BTreeMap<String, u64>,
    /// What all players have together, by currency: the sum of what came in, less what went out.
    pub owed: BTreeMap<String, i128>,
    /// Whether a record says already that money is set aside, which came with a later release than the rest.
    upgraded: bool,
    pub records: u64,
    pub time: u64,
}

fn cash(player: &str, currency: &str) -> Account {
    ("balance", player.into(), currency.into())
}

fn clearing(domain: &'static str, with: &str, currency: &str) -> Account {
    (domain, format!("clearing {with}"), currency.into())
}

fn house(domain: &'static str, purpose: &str, currency: &str) -> Account {
    (domain, purpose.into(), currency.into())
}

/// From one account of a domain over the clearing accounts to one of another domain.
fn across(debit: Account, credit: Account, amount: i128) -> Vec<Transfer> {
    let (out, into) = (clearing(debit.0, credit.0, &debit.2), clearing(credit.0, debit.0, &debit.2));
    vec![Transfer { debit, credit: out, amount }, Transfer { debit: into, credit, amount }]
}

impl Model {
    pub fn new(digest_every: u64) -> Self {
        Self {
            digest_every,
            accounts: BTreeSet::new(),
            posted: Vec::new(),
            holds: BTreeMap::new(),
            freezes: BTreeMap::new(),
            away: BTreeMap::new(),
            protection: None,
            sessions: None,
            played: BTreeMap::new(),
            named: BTreeSet::new(),
            keys: BTreeMap::new(),
            told: BTreeMap::new(),
            owed: BTreeMap::new(),
            upgraded: false,
            records: 0,
            time: 0,
        }
    }

    /// Runs a request of this name. `content` is given for a request with a client's key.
    pub fn run(&mut self, name: &str, content: Option<&str>, asked: &Asked, clock: u64) -> Verdict {
        if let (Some(content), Some((first, outcome))) = (content, self.keys.get(name)) {
            return if first == content { Verdict::Recorded(outcome.clone()) } else { Verdict::KeyReused };
        }
        let now = clock.max(self.time);
        let effects = match self.decide(asked, now) {
            Ok(effects) => effects,
            Err(code) => return self.refuse(name, content, asked, code, now),
        };
        let place = self.record(asked, now);
        let round = effects.round.clone();
        let told = self.carry_out(name, effects, now);
        let Some(content) = content else { return Verdict::Done };
        let outcome = match told {
            None => Outcome::Changed { place },
            Some((player, currency, amount)) => {
                let (available, held) = self.funds(&player, &currency);
                Outcome::Done { place, round, currency, amount, available, held }
            }
        };
        self.keys.insert(name.into(), (content.into(), outcome.clone()));
        Verdict::Recorded(outcome)
    }

    /// A refusal is recorded when the state of the money or of the table did not allow the request. An amount that no
    /// record can hold is refused whatever the state.
    fn refuse(
        &mut self,
        name: &str,
        content: Option<&str>,
        asked: &Asked,
        code: &'static str,
        now: u64,
    ) -> Verdict {
        let recorded = [
            "bets_closed",
            "wrong_round",
            "below_limit",
            "above_limit",
            "insufficient_funds",
            "no_bets",
            "no_account",
            "table_full",
            "table_closed",
            "account_frozen",
            "not_frozen",
            "excluded",
            "exclusion_stands",
            "not_excluded",
            "bad_duration",
            "unknown_proposal",
            "proposal_ended",
            "proposal_expired",
            "own_proposal",
            "approved_before",
            "not_an_approver",
            "above_approver_limit",
            "no_break_glass",
            "reversed_before",
            "not_reversible",
            "limit_reached",
            "limit_change_waits",
            "no_limit",
            "limit_change_early",
            "limit_change_late",
            "too_many_limits",
            "balance_too_low",
            "balance_too_high",
            "change_too_large",
            "hold_not_open",
            "above_hold",
        ];
        let Some(content) = content else { return Verdict::Impossible(code) };
        if !recorded.contains(&code) || asked.amount().unsigned_abs() > SUM_MAX.unsigned_abs() {
            return Verdict::Answered(code);
        }
        let place = self.record(asked, now);
        let outcome = Outcome::Refused { code, place };
        self.keys.insert(name.into(), (content.into(), outcome.clone()));
        Verdict::Recorded(outcome)
    }

    /// Counts a record, the one before it that says what is used for the first time, and that of the digest which follows
    /// each so many records. Returns the place of the record itself.
    fn record(&mut self, asked: &Asked, now: u64) -> u64 {
        let before = self.records;
        let upgrades = matches!(asked, Asked::SetAside { .. }) && !self.upgraded;
        self.upgraded |= upgrades;
        let place = before + u64::from(upgrades) + 1;
        let digest = (before + 1..=place).any(|place| place.is_multiple_of(self.digest_every));
        (self.records, self.time) = (place + u64::from(digest), now);
        place
    }

    fn carry_out(&mut self, name: &str, effects: Effects, now: u64) -> Option<(String, String, i128)> {
        let Effects {
            opened,
            posted,
            held,
            ended,
            frozen,
            away,
            protection,
            sessions,
            played,
            named,
            told,
            ..
        } = effects;
        self.named.extend(named);
        self.away.extend(away);
        self.protection = protection.or(self.protection);
        self.sessions = sessions.or(self.sessions);
        played.into_iter().for_each(|(player, what)| self.played.entry(player).or_default().push(what));
        self.time = now;
        self.accounts.extend(opened);
        for transfer in &posted {
            for (account, change) in
                [(&transfer.debit, -transfer.amount), (&transfer.credit, transfer.amount)]
            {
                self.accounts.insert(account.clone());
                if is_cash(account) {
                    *self.owed.entry(account.2.clone()).or_default() += change;
                }
            }
        }
        self.posted.extend(posted);
        ended.iter().for_each(|hold| drop(self.holds.remove(hold)));
        if let Some(held) = held {
            self.accounts.insert(clearing("balance", held.towards, &held.currency));
            self.holds.insert(name.into(), held);
        }
        if let Some((player, freeze)) = frozen {
            match freeze {
                Some(freeze) => drop(self.freezes.insert(player, freeze)),
                None => drop(self.freezes.remove(&player)),
            }
        }
        told.iter().for_each(|(player, ..)| *self.told.entry(player.clone()).or_default() += 1);
        told.into_iter().next()
    }

    /// What is available to a player in a currency, and what is held.
    pub fn funds(&self, player: &str, currency: &str) -> (i128, i128) {
        let (debits, credits, held, _) = self.sums(&cash(player, currency));
        (credits - debits - held, held)
    }

    /// Every account with its four sums.
    pub fn accounts(&self) -> BTreeMap<Account, Sums> {
        self.accounts.iter().map(|account| (account.clone(), self.sums(account))).collect()
    }

    /// The earliest end of a hold.
    pub fn due(&self) -> Option<u64> {
        self.holds.values().filter_map(|held| held.expires).min()
    }

    pub fn is_frozen(&self, player: &str, now: u64) -> bool {
        match self.freezes.get(player) {
            None => false,
            Some((_, None)) => true,
            Some((_, Some(until))) => now < *until,
        }
    }

    pub fn is_away(&self, player: &str, now: u64) -> bool {
        let ends = |away: &Away| away.until.is_some_and(|until| until <= now);
        self.away.get(player).is_some_and(|away| away.strict || !ends(away))
    }

    fn sums(&self, account: &Account) -> Sums {
        self.sums_with(account, &[], &[])
    }

    /// The sums with transfers that are not posted yet, and with holds that have ended.
    fn sums_with(&self, account: &Account, more: &[Transfer], ended: &[String]) -> Sums {
        let mut sums = (0, 0, 0, 0);
        for transfer in self.posted.iter().chain(more) {
            sums.0 += if transfer.debit == *account { transfer.amount } else { 0 };
            sums.1 += if transfer.credit == *account { transfer.amount } else { 0 };
        }
        let (domain, owner, currency) = account;
        let open = self.holds.iter().filter(|(name, _)| !ended.contains(name)).map(|(_, held)| held);
        for held in open.filter(|held| *domain == "balance" && held.currency == *currency) {
            sums.2 += if held.player == *owner { held.amount } else { 0 };
            sums.3 += if *owner == format!("clearing {}", held.towards) { held.amount } else { 0 };
        }
        sums
    }
}

/// Whether an account is a player's: the others have no number in their names.
fn is_cash((domain, owner, _): &Account) -> bool {
    *domain == "balance" && !owner.starts_with("clearing")
}
