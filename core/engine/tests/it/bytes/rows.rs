//! Rows of every kind, and what they are made of.

use super::*;

pub(super) fn freeze() -> impl Strategy<Value = Freeze> {
    (prop::sample::select(&FreezeReason::ALL[..]), any::<Option<u64>>())
        .prop_map(|(reason, until)| Freeze { reason, until })
}

pub(super) fn exclusion() -> impl Strategy<Value = Exclusion> {
    (prop::sample::select(&ExclusionKind::ALL[..]), any::<Option<u64>>())
        .prop_map(|(kind, until)| Exclusion { kind, until })
}

pub(super) fn protection() -> impl Strategy<Value = Protection> {
    (any::<u64>(), any::<u64>(), any::<u64>()).prop_map(|(time_out_max, self_exclusion_min, cooling_off)| {
        Protection { time_out_max, self_exclusion_min, cooling_off }
    })
}

pub(super) fn play_session() -> impl Strategy<Value = PlaySession> {
    let round = (table(), any::<u64>()).prop_map(|(table, number)| RoundId { table, number });
    let sum = (currency(), money(), money());
    let sum = sum.prop_map(|(currency, staked, returned)| PlaySum { currency, staked, returned });
    let times = (0..u64::MAX / 4, 0..u64::MAX / 4, 0..u64::MAX / 4, prop::option::of(0..u64::MAX / 4));
    (times, prop::collection::vec(round, 0..4), prop::collection::vec(sum, 0..3)).prop_map(
        |((since, played, checked, start), rounds, sums)| PlaySession {
            since,
            last: since + played,
            checked: since + checked,
            start: start.map(|start| start.min(since + played)),
            rounds,
            sums,
        },
    )
}

pub(super) fn session_rules() -> impl Strategy<Value = SessionRules> {
    (any::<u64>(), any::<u64>(), any::<u64>()).prop_map(|(pause_min, check_every, start_min)| SessionRules {
        pause_min,
        check_every,
        start_min,
    })
}

pub(super) fn limit_id() -> impl Strategy<Value = LimitId> {
    let kind = prop::sample::select(&LimitKind::ALL[..]);
    (kind, prop::sample::select(&Period::ALL[..]), currency()).prop_map(|(kind, period, currency)| LimitId {
        kind,
        period,
        currency: kind.is_of_money().then_some(currency),
    })
}

pub(super) fn player_id() -> impl Strategy<Value = PlayerId> {
    any::<u128>().prop_map(PlayerId)
}

pub(super) fn set_limit() -> impl Strategy<Value = SetPlayerLimit> {
    let by = prop_oneof![Just(LimitSetter::Player), Just(LimitSetter::Operator)];
    (player_id(), limit_id(), by, prop::option::of(money())).prop_map(|(player, id, by, to)| SetPlayerLimit {
        player,
        id,
        by,
        to,
    })
}

/// The row that some of these changes leave.
pub(super) fn limits() -> impl Strategy<Value = PlayerLimits> {
    prop::collection::vec((limit_id(), any::<bool>(), 0..SUM_MAX), 1..6).prop_map(|changes| {
        let mut domains = domains::Domains::default();
        for (number, (id, operators, to)) in changes.into_iter().enumerate() {
            let by = if operators { LimitSetter::Operator } else { LimitSetter::Player };
            let set = SetPlayerLimit { player: PlayerId(1), id, by, to: Some(to) };
            let context = domains::Context {
                now: number as u64,
                id: HoldId(0),
                principal: Principal::HUB,
                view: &domains,
                shares: &[],
            };
            // A looser one may wait already.
            let effects = domains::Intent::from(set).decide(&context).unwrap_or_default();
            effects.rows.into_iter().for_each(|row| domains.rows.put(row));
        }
        PlayerLimits::of(&domains.rows, PlayerId(1)).unwrap()
    })
}

pub(super) fn balance_rule() -> impl Strategy<Value = BalanceRule> {
    let bound = || prop::option::of(money());
    (currency(), [(); 8].map(|()| bound())).prop_map(
        |(currency, [least, most, credit_max, debit_max, low, critical_low, high, critical_high])| {
            BalanceRule {
                currency,
                least,
                most,
                credit_max,
                debit_max,
                low,
                critical_low,
                high,
                critical_high,
            }
        },
    )
}

pub(super) fn limit_rules() -> impl Strategy<Value = LimitRules> {
    let changes = prop::collection::btree_map(any::<u64>(), -OFFSET_MAX..=OFFSET_MAX, 1..20);
    let zone = changes.prop_map(|changes| {
        let changes = changes.into_iter().map(|(from, offset)| OffsetChange { from, offset });
        Zone::new(changes.collect()).unwrap()
    });
    (any::<[u64; 3]>(), zone).prop_map(|([loosening_after, confirm_within, play_break], zone)| LimitRules {
        loosening_after,
        confirm_within,
        play_break,
        zone,
    })
}

pub(super) fn cause() -> impl Strategy<Value = PaymentCause> {
    let reason = prop::option::of("[A-Z0-9_]{1,32}".prop_map(|text| text.parse().unwrap()));
    let reference = prop::option::of("[!-~]([ -~]{0,62}[!-~])?".prop_map(|text| text.parse().unwrap()));
    (reason, reference).prop_map(|(reason, reference)| PaymentCause { reason, reference })
}

pub(super) fn rules() -> impl Strategy<Value = RulesRow> {
    prop::collection::vec(any::<u8>(), 1..40).prop_map(|bytes| RulesRow(bytes.into()))
}

pub(super) fn owner_name() -> impl Strategy<Value = OwnerName> {
    "[A-Za-z0-9_.-]{1,64}".prop_map(|text| text.parse().unwrap())
}

pub(super) fn acknowledged() -> impl Strategy<Value = Acknowledged> {
    (any::<u64>(), any::<bool>()).prop_map(|(began, critical)| Acknowledged { began, critical })
}

pub(super) fn approval_rules() -> impl Strategy<Value = ApprovalRules> {
    let band = (currency(), money(), 0..=8_u8).prop_map(|(currency, from, needed)| ApprovalBand {
        currency,
        from,
        needed,
    });
    let limit = (prop::option::of(principal()), currency(), money())
        .prop_map(|(approver, currency, most)| ApproverLimit { approver, currency, most });
    let (bands, limits) = (prop::collection::vec(band, 0..4), prop::collection::vec(limit, 0..4));
    (0..=8_u8, any::<u64>(), any::<bool>(), bands, limits).prop_map(
        |(needed, stands, break_glass, bands, limits)| ApprovalRules {
            needed,
            stands,
            break_glass,
            bands,
            limits,
        },
    )
}

pub(super) fn proposal() -> impl Strategy<Value = Proposal> {
    let what = (any::<[u8; 32]>(), currency(), money()).prop_map(|(digest, currency, amount)| Proposed {
        subject: ProposalSubject::Adjustment,
        digest,
        currency,
        amount,
    });
    let times = (any::<u64>(), any::<u64>());
    (what, principal(), times, 0..=8_u8, prop::collection::vec(principal(), 0..8)).prop_map(
        |(what, author, (made, until), needed, approvals)| Proposal {
            what,
            author,
            made,
            until,
            needed,
            approvals,
        },
    )
}

pub(super) fn ended_proposal() -> impl Strategy<Value = EndedProposal> {
    let end = prop::sample::select(&ProposalEnd::ALL[..]);
    (proposal(), end, principal(), any::<u128>(), any::<u64>())
        .prop_map(|(proposal, end, by, transaction, at)| EndedProposal { proposal, end, by, transaction, at })
}

pub(super) fn correction() -> impl Strategy<Value = Correction> {
    let transfer = (account(), account(), money()).prop_map(|(debit, credit, amount)| Transfer {
        debit,
        credit,
        amount,
    });
    let posts = prop::collection::vec(
        (prop::sample::select(&Domain::ALL[..]), prop::collection::vec(transfer, 0..4)),
        0..4,
    );
    let reversal = (any::<u128>(), any::<u64>(), any::<[u8; 32]>(), any::<u16>(), posts)
        .prop_map(|(of, lsn, hash, recipe, posts)| Reversal { of, lsn, hash, recipe, posts });
    let of = prop_oneof![
        (any::<u128>(), currency(), money(), any::<bool>()).prop_map(|(player, currency, amount, takes)| {
            let player = PlayerId(player);
            CorrectionOf::Amount { player, currency, amount, takes }
        }),
        reversal.prop_map(|reversal| CorrectionOf::Transaction(reversal.into())),
    ];
    (of, prop::sample::select(&AdjustmentReason::ALL[..]), reference())
        .prop_map(|(of, reason, reference)| Correction { of, reason, reference })
}

pub(super) fn reference() -> impl Strategy<Value = Reference> {
    "[!-~]([ -~]{0,62}[!-~])?".prop_map(|text| text.parse().unwrap())
}

pub(super) fn row() -> impl Strategy<Value = RowImage> {
    let key = || prop::collection::vec(any::<u8>(), 0..30);
    prop_oneof![
        (key(), prop::option::of(freeze())).prop_map(|(key, row)| RowImage::of(&key, row.as_ref()).unwrap()),
        (key(), prop::option::of(rules())).prop_map(|(key, row)| RowImage::of(&key, row.as_ref()).unwrap()),
        (key(), prop::option::of(exclusion()))
            .prop_map(|(key, row)| RowImage::of(&key, row.as_ref()).unwrap()),
        (key(), prop::option::of(protection()))
            .prop_map(|(key, row)| RowImage::of(&key, row.as_ref()).unwrap()),
        (key(), prop::option::of(approval_rules()))
            .prop_map(|(key, row)| RowImage::of(&key, row.as_ref()).unwrap()),
        (key(), prop::option::of(proposal()))
            .prop_map(|(key, row)| RowImage::of(&key, row.as_ref()).unwrap()),
        (key(), prop::option::of(ended_proposal()))
            .prop_map(|(key, row)| RowImage::of(&key, row.as_ref()).unwrap()),
        (key(), any::<(u128, u128)>()).prop_map(|(key, (by, proposal))| {
            let reversed = Reversed { by, proposal: ProposalId(proposal) };
            RowImage::of(&key, Some(&reversed)).unwrap()
        }),
        (key(), prop::option::of(play_session()))
            .prop_map(|(key, row)| RowImage::of(&key, row.as_ref()).unwrap()),
        (key(), prop::option::of(session_rules()))
            .prop_map(|(key, row)| RowImage::of(&key, row.as_ref()).unwrap()),
        (key(), prop::option::of(limits())).prop_map(|(key, row)| RowImage::of(&key, row.as_ref()).unwrap()),
        (key(), prop::option::of(balance_rule()))
            .prop_map(|(key, row)| RowImage::of(&key, row.as_ref()).unwrap()),
        (key(), prop::option::of(limit_rules()))
            .prop_map(|(key, row)| RowImage::of(&key, row.as_ref()).unwrap()),
        (key(), prop::option::of(owner_name()))
            .prop_map(|(key, row)| RowImage::of(&key, row.as_ref()).unwrap()),
        (key(), prop::option::of(acknowledged()))
            .prop_map(|(key, row)| RowImage::of(&key, row.as_ref()).unwrap()),
    ]
}
