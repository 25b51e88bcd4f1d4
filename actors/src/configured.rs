//! The operator's rules as the configuration has them, and the records that a start makes when the log says otherwise. What is
//! decided later reads the rows, so a record can be decided again whatever the configuration says then.

use domains::{
    Intent, Principal,
    approval_rules::{ApprovalRules, ProposalSubject},
    balance_rule::BalanceRule,
    limit_rules::LimitRules,
    protection::Protection,
    recipes::{SetApprovalRules, SetBalanceRule, SetLimitRules, SetProtection, SetSessionRules},
    session_rules::SessionRules,
};
use engine::{Books, Envelope, Tx, TxId};

/// The rules of the configuration.
#[derive(Debug, Clone)]
pub struct ConfiguredRules {
    /// What protects players.
    pub protection: Protection,
    /// Who has to approve adjustments.
    pub approval: ApprovalRules,
    /// The rules of play sessions.
    pub sessions: SessionRules,
    /// How limits of players are counted and loosened.
    pub limits: LimitRules,
    /// What the balances of players may be; at most one rule a currency.
    pub balances: Vec<BalanceRule>,
}

impl ConfiguredRules {
    /// What is to be recorded before any request.
    #[must_use]
    pub fn changes(&self, books: &Books) -> Vec<Envelope> {
        let Self { protection, approval, sessions, limits, balances } = self;
        let (rows, lsn) = (&books.domains().rows, books.lsn());
        let subject = ProposalSubject::Adjustment;
        let mut changes = Vec::new();
        if Protection::of(rows) != *protection {
            changes.push(envelope(TxId::of_protection(lsn), SetProtection(*protection)));
        }
        if LimitRules::of(rows) != *limits {
            changes.push(envelope(TxId::of_limit_rules(lsn), SetLimitRules(limits.clone())));
        }
        if ApprovalRules::of(rows, subject) != *approval {
            let set = SetApprovalRules { subject, rules: approval.clone() };
            changes.push(envelope(TxId::of_approval_rules(subject, lsn), set));
        }
        if SessionRules::of(rows) != *sessions {
            changes.push(envelope(TxId::of_session_rules(lsn), SetSessionRules(*sessions)));
        }
        // A currency that is not configured has no rule any more.
        let known = rows.of::<BalanceRule>().map(|(_, rule)| rule.currency);
        let gone = known.filter(|currency| balances.iter().all(|rule| rule.currency != *currency));
        let wanted = balances.iter().copied().chain(gone.map(BalanceRule::unbounded));
        for rule in wanted {
            let in_force = BalanceRule::of(rows, rule.currency);
            if in_force.unwrap_or(BalanceRule::unbounded(rule.currency)) != rule {
                changes.push(envelope(TxId::of_balance_rule(rule.currency, lsn), SetBalanceRule(rule)));
            }
        }
        changes
    }
}

fn envelope(id: TxId, set: impl Into<Intent>) -> Envelope {
    Envelope::Run(Tx::new(id, Principal::HUB, None, set))
}
