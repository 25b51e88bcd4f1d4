//! The operator's rules as the configuration has them, and the records that a start makes when the log says otherwise. What is
//! decided later reads the rows, so a record can be decided again whatever the configuration says then.

use domains::{
    Intent, Principal,
    approval_rules::{APPROVAL_PARTS_MAX, ApprovalRules, ApproverLimit, ProposalSubject},
    balance_rule::BalanceRule,
    limit_rules::LimitRules,
    protection::Protection,
    recipes::{SetApprovalRules, SetBalanceRule, SetLimitRules, SetProtection, SetSessionRules},
    session_rules::SessionRules,
};
use engine::{Books, Envelope, Tx, TxId};
use protocol::Currency;

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
        let approval = limited(approval, books.facts().scales().map(|(currency, _)| currency));
        if ApprovalRules::of(rows, subject) != approval {
            let set = SetApprovalRules { subject, rules: approval };
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

/// The rules of approval, with nothing to approve alone in a currency that the operator has no more: where amounts are limited, one
/// without a limit would be free for all.
fn limited(approval: &ApprovalRules, recorded: impl Iterator<Item = Currency>) -> ApprovalRules {
    let mut rules = approval.clone();
    if rules.limits.is_empty() {
        return rules;
    }
    let mut gone: Vec<_> =
        recorded.filter(|currency| rules.limits.iter().all(|limit| limit.currency != *currency)).collect();
    gone.sort_unstable();
    gone.truncate(APPROVAL_PARTS_MAX.saturating_sub(rules.limits.len()));
    let nothing = |currency| ApproverLimit { approver: None, currency, most: 0 };
    rules.limits.extend(gone.into_iter().map(nothing));
    rules
}

fn envelope(id: TxId, set: impl Into<Intent>) -> Envelope {
    Envelope::Run(Tx::new(id, Principal::HUB, None, set))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_approves_in_a_currency_that_is_not_configured_any_more_where_amounts_are_limited() {
        let [eur, usd]: [Currency; 2] = ["EUR", "USD"].map(|code| code.parse().expect("a currency"));
        let limit = ApproverLimit { approver: None, currency: usd, most: 100 };
        let rules = ApprovalRules { limits: vec![limit], ..ApprovalRules::STANDARD };
        let in_force = limited(&rules, [usd, eur].into_iter());
        let may = |currency, amount| in_force.may(Principal::HUB, currency, amount);
        assert_eq!([may(usd, 100), may(usd, 101), may(eur, 1)], [true, false, false]);
        assert_eq!(
            limited(&ApprovalRules::STANDARD, [eur].into_iter()),
            ApprovalRules::STANDARD,
            "nothing is limited"
        );
    }
}
