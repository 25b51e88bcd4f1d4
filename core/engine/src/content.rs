//! The fingerprint of what is asked for under a key, and in what two requests differ.

use domains::{Field, Fields, Intent};

use crate::tx_id::hash;

/// Fingerprint of a request's content: the same key with another content is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content(pub u128);

impl Content {
    /// The fingerprint of the parts of a request, in a fixed order.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        Self(hash(parts))
    }

    /// The fingerprint of an intent: of the name of its recipe, and of the parameters that were given, each behind its name.
    /// It stays as it is for good, as its key does: a parameter that a later release adds is left out where it is not given.
    #[must_use]
    pub fn of_intent(intent: &Intent) -> Self {
        let mut parts = vec![intent.name().as_bytes().to_vec()];
        for (name, field) in intent.fields() {
            parts.push(name.as_bytes().to_vec());
            parts.push(bytes(&field));
        }
        Self::of(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }
}

/// The bytes of a parameter's value, in the only way to write it. The type of a name does not change.
fn bytes(field: &Field) -> Vec<u8> {
    match field {
        Field::Player(player) => player.0.to_be_bytes().into(),
        Field::Currency(currency) => currency.as_str().into(),
        Field::Amount(minor, currency) => [&minor.to_be_bytes()[..], currency.as_str().as_bytes()].concat(),
        Field::Round(round) => round.to_string().into(),
        Field::Hold(hold) => hold.0.to_be_bytes().into(),
        Field::Holds(holds) => holds.iter().flat_map(|hold| hold.0.to_be_bytes()).collect(),
        Field::Time(number) | Field::Number(number) => number.to_be_bytes().into(),
        Field::Flag(flag) => vec![u8::from(*flag)],
        Field::Text(text) => text.as_bytes().into(),
        Field::Bytes(bytes) => bytes.clone(),
        Field::Group(fields) => group(fields),
        Field::List(list) => group_of(list.iter().map(group)),
    }
}

fn group(fields: &Fields) -> Vec<u8> {
    group_of(fields.iter().flat_map(|(name, field)| [name.as_bytes().to_vec(), bytes(field)]))
}

fn group_of(parts: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let parts: Vec<_> = parts.collect();
    hash(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>()).to_be_bytes().into()
}

/// The names of the parameters in which two intents differ, each once; `type` when they are of different recipes.
#[must_use]
pub fn differences(one: &Intent, other: &Intent) -> Vec<&'static str> {
    if one.name() != other.name() {
        return vec!["type"];
    }
    let (ones, others) = (one.fields(), other.fields());
    let value = |fields: &Fields, name| {
        fields.iter().find(|(known, _)| *known == name).map(|(_, field)| field.clone())
    };
    let mut names: Vec<_> = ones.iter().chain(&others).map(|(name, _)| *name).collect();
    names.retain(|name| value(&ones, *name) != value(&others, *name));
    let mut seen = Vec::new();
    names.retain(|name| {
        !seen.contains(name) && {
            seen.push(*name);
            true
        }
    });
    names
}

#[cfg(test)]
mod tests {
    use domains::{
        PaymentCause,
        approval::ProposalId,
        calendar::Period,
        correction::{AdjustmentReason, Correction, CorrectionOf},
        exclusion::ExclusionKind,
        freeze::{Freeze, FreezeReason},
        limits::{LimitId, LimitKind, LimitSetter},
        recipes::{
            AcknowledgeCheck, ApproveAdjustment, CaptureHold, Collect, ConfirmLimit, Credit, Debit,
            ExcludePlayer, FreezePlayer, HoldFunds, PaymentMethod, PlayerWinnings, ProposeAdjustment,
            Reinstate, RejectAdjustment, ReleaseHold, SetPlayerLimit, Unfreeze,
        },
        reversal::Reversal,
    };
    use ledger::{AccountId, AccountKind, Domain, HoldId, Transfer};
    use protocol::{Currency, PlayerId};

    use super::*;

    const PLAYER: PlayerId = PlayerId(7);

    fn usd() -> Currency {
        "USD".parse().expect("a currency")
    }

    fn cause(reason: &str, reference: &str) -> PaymentCause {
        PaymentCause { reason: reason.parse().ok(), reference: reference.parse().ok() }
    }

    fn credit(amount: i128, currency: &str, cause: PaymentCause) -> Intent {
        Credit { player: PLAYER, currency: currency.parse().expect("a currency"), amount, cause }.into()
    }

    fn hold(expires: Option<u64>) -> Intent {
        HoldFunds { player: PLAYER, currency: usd(), amount: 5_000, expires, cause: cause("", "") }.into()
    }

    fn freeze(reason: FreezeReason, until: Option<u64>) -> Intent {
        FreezePlayer { player: PLAYER, freeze: Freeze { reason, until } }.into()
    }

    fn capture(part: Option<(i128, Currency)>) -> Intent {
        CaptureHold { hold: HoldId(9), part, cause: cause("", "") }.into()
    }

    fn corrected(amount: i128) -> Correction {
        let of = CorrectionOf::Amount { player: PLAYER, currency: usd(), amount, takes: false };
        Correction { of, reason: AdjustmentReason::Error, reference: "R".parse().expect("a reference") }
    }

    fn propose(
        amount: i128,
        takes: bool,
        reason: AdjustmentReason,
        break_glass: Option<domains::Reference>,
    ) -> Intent {
        let of = CorrectionOf::Amount { player: PLAYER, currency: usd(), amount, takes };
        ProposeAdjustment { correction: Correction { of, reason, ..corrected(amount) }, break_glass }.into()
    }

    fn reverse(of: u128, amount: i128) -> Intent {
        let (debit, credit) = (AccountId::cash(PLAYER, usd()), AccountId::house(AccountKind::Source, usd()));
        let posts = vec![(Domain::Balance, vec![Transfer { debit, credit, amount }])];
        let reversal = Reversal { of, lsn: 3, hash: [1; 32], recipe: 1, posts };
        let of = CorrectionOf::Transaction(reversal.into());
        ProposeAdjustment { correction: Correction { of, ..corrected(1) }, break_glass: None }.into()
    }

    fn limit_id(currency: Option<Currency>) -> LimitId {
        let kind = if currency.is_some() { LimitKind::Loss } else { LimitKind::PlayTime };
        LimitId { kind, period: Period::Week, currency }
    }

    fn limit(by: LimitSetter, currency: Option<Currency>, to: Option<i128>) -> Intent {
        SetPlayerLimit { player: PLAYER, id: limit_id(currency), by, to }.into()
    }

    /// Requests of services, each another one.
    fn all() -> Vec<Intent> {
        let (merchant, game) = ("M".parse().expect("a name"), "M".parse().expect("a name"));
        vec![
            credit(5_000, "USD", cause("", "")),
            credit(5_000, "EUR", cause("", "")),
            credit(5_001, "USD", cause("", "")),
            credit(5_000, "USD", cause("A", "")),
            credit(5_000, "USD", cause("", "A")),
            Debit { player: PLAYER, currency: usd(), amount: 5_000, cause: cause("GOODWILL", "INVOICE-7") }
                .into(),
            freeze(FreezeReason::FraudCheck, None),
            freeze(FreezeReason::FraudCheck, Some(1_700_000_000_000)),
            freeze(FreezeReason::Operator, None),
            Unfreeze { player: PLAYER }.into(),
            Unfreeze { player: PlayerId(8) }.into(),
            hold(None),
            hold(Some(1_700_000_000_000)),
            capture(None),
            capture(Some((5_000, usd()))),
            ReleaseHold { hold: HoldId(9), cause: cause("", "") }.into(),
            Collect {
                player: PLAYER,
                currency: usd(),
                amount: 5_000,
                merchant,
                method: PaymentMethod::Manual,
                cause: cause("", ""),
            }
            .into(),
            PlayerWinnings { player: PLAYER, currency: usd(), amount: 5_000, game, cause: cause("", "") }
                .into(),
            ExcludePlayer { player: PLAYER, kind: ExclusionKind::TimeOut, lasts: Some(1_000) }.into(),
            ExcludePlayer { player: PLAYER, kind: ExclusionKind::SelfExclusion, lasts: Some(1_000) }.into(),
            ExcludePlayer { player: PLAYER, kind: ExclusionKind::SelfExclusion, lasts: None }.into(),
            Reinstate { player: PLAYER }.into(),
            propose(5_000, false, AdjustmentReason::Error, None),
            propose(5_001, false, AdjustmentReason::Error, None),
            propose(5_000, true, AdjustmentReason::Error, None),
            propose(5_000, false, AdjustmentReason::Dispute, None),
            propose(5_000, false, AdjustmentReason::Error, "alone".parse().ok()),
            reverse(7, 9),
            reverse(8, 9),
            reverse(7, 10),
            ApproveAdjustment { proposal: ProposalId(1), correction: corrected(5_000) }.into(),
            ApproveAdjustment { proposal: ProposalId(2), correction: corrected(5_000) }.into(),
            ApproveAdjustment { proposal: ProposalId(1), correction: corrected(5_001) }.into(),
            RejectAdjustment { proposal: ProposalId(1) }.into(),
            AcknowledgeCheck { player: PLAYER }.into(),
            limit(LimitSetter::Player, Some(usd()), Some(5_000)),
            limit(LimitSetter::Operator, Some(usd()), Some(5_000)),
            limit(LimitSetter::Player, Some(usd()), None),
            limit(LimitSetter::Player, None, Some(5_000)),
            ConfirmLimit { player: PLAYER, id: limit_id(Some(usd())) }.into(),
        ]
    }

    #[test]
    fn each_parameter_is_part_of_the_fingerprint() {
        let all = all();
        for (index, one) in all.iter().enumerate() {
            for (place, other) in all.iter().enumerate() {
                let same = Content::of_intent(one) == Content::of_intent(other);
                assert_eq!(same, index == place, "{one:?} {other:?}");
                assert_eq!(differences(one, other).is_empty(), index == place, "{one:?} {other:?}");
            }
        }
    }

    /// These numbers are under keys in logs.
    #[test]
    fn a_fingerprint_stays_as_it_is() {
        let stay: [u128; 40] = [
            0xfae6_9e47_e6ea_9478_de76_c068_465a_98b7,
            0x864e_5d25_2d2b_da9c_d81e_f90a_c32c_9629,
            0x5556_b550_18e9_cc66_4073_d534_7db3_be86,
            0x3e5c_fe6b_191b_af65_b555_cab6_9d16_79d0,
            0xce76_1294_d8b7_cf13_2faf_b99a_4600_8fc6,
            0x25cf_2a3a_99a9_2faa_8dbc_4a7d_2b37_060d,
            0xc3e5_0353_9214_8ae2_b1ae_6f14_0166_0c85,
            0xa9f4_136a_8b39_8a74_7886_1e01_69c6_b8f5,
            0x7b47_b736_a218_f00f_f830_9abe_f51e_8741,
            0xcb9e_c4e6_ba02_0399_5e14_209f_3967_60af,
            0x304a_8c3c_6ed9_cc03_6aa1_f82e_5e1a_19dc,
            0x44f9_3f8e_a120_3a96_465c_57cd_1d3f_7d7d,
            0x79cf_cef6_c15d_acca_448c_9efd_82cf_7fb5,
            0x914c_d7ba_82ec_5b22_5d57_fd0a_cf2e_8c57,
            0x5d29_459c_988d_2a5d_0b05_727d_2b23_b1ac,
            0x5d5a_dee8_599a_6b94_03ba_fbf9_5eed_13c3,
            0x59ab_d92d_defc_e823_a668_5750_c5ac_5be1,
            0xb740_fe17_2d6c_8a8d_f124_7c2b_2bf2_b256,
            0x1bd6_e07f_748b_dca6_2218_5262_639a_8940,
            0x4d8b_0eb6_9226_3ee1_8477_28e0_5728_9383,
            0x1974_e4c2_9e51_b6e0_3d6e_1b93_13b7_4174,
            0x3c76_a0d7_ea11_eb58_cfad_8ddc_f139_1321,
            0x1bd7_40a2_0ca0_ce92_0c4f_0fec_3925_4788,
            0x7958_7d04_e728_2344_5b96_94d2_b442_5f0f,
            0xff3e_c14e_6503_07d3_a6af_c809_0442_591f,
            0x5358_12f4_4ae6_478d_a052_4aa9_ae09_9163,
            0x1985_6dd2_7db9_f864_d6cd_88eb_c302_d799,
            0x1daf_f57d_160b_1198_2db4_0502_2480_4c84,
            0x709f_ac32_fa9e_8770_138f_64f4_3e31_c420,
            0x5d1e_a05f_2300_e6ee_6237_2814_f018_48b3,
            0x9f76_3b2c_f8fd_79db_84bb_7171_bfaf_cdc4,
            0x7b57_9ff1_4792_1309_5d6b_a0f6_9f50_8ff8,
            0xf28d_6d88_528b_053e_4861_aa97_073c_5681,
            0xb03f_3b21_5a7d_156a_caa2_0387_3c81_12e9,
            0x9a23_5b6e_2d0a_d6d7_5d62_de2e_6183_d10c,
            0xbb9c_62ac_ab51_e078_f0d4_ade5_8c21_77d8,
            0xf773_2f7d_40b1_c234_fca1_913d_520b_4f42,
            0xd51e_f1ad_5edb_d565_e544_7805_4c23_7676,
            0x1de7_c99b_6284_0d50_4940_cfbd_ad54_0ab4,
            0xf181_18ef_7fc5_0988_9f4b_f15d_5972_ac33,
        ];
        let found: Vec<_> = all().iter().map(|intent| Content::of_intent(intent).0).collect();
        assert_eq!(found, stay, "{found:#034x?}");
    }

    #[test]
    fn two_requests_differ_in_these_parameters() {
        let one = credit(5_000, "USD", cause("A", ""));
        assert_eq!(differences(&one, &credit(5_001, "USD", cause("A", ""))), ["amount"]);
        assert_eq!(differences(&one, &credit(5_000, "EUR", cause("A", ""))), ["currency", "amount"]);
        assert_eq!(differences(&one, &credit(5_000, "USD", cause("", "B"))), ["reason", "reference"]);
        assert_eq!(differences(&one, &hold(None)), ["type"]);
    }
}
