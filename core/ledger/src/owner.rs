//! Who an account belongs to.

use protocol::PlayerId;
use sha2::{Digest as _, Sha256};

/// What kind of party an owner is. The numbers are written into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum OwnerKind {
    /// The operator itself (the house, in the terms of the trade).
    House = 0,
    /// A player.
    Player = 1,
    /// An agent, who brings players and earns commissions.
    Agent = 2,
    /// A merchant, in whose name payments come in.
    Merchant = 3,
    /// A payment gateway or a bank.
    Gateway = 4,
    /// A provider of games or services.
    Provider = 5,
    /// A game that is played elsewhere, and whose results are reported.
    Game = 6,
}

impl OwnerKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [OwnerKind; 7] = [
        OwnerKind::House,
        OwnerKind::Player,
        OwnerKind::Agent,
        OwnerKind::Merchant,
        OwnerKind::Gateway,
        OwnerKind::Provider,
        OwnerKind::Game,
    ];

    /// The kind of a number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        OwnerKind::ALL.get(usize::from(number)).copied()
    }

    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            OwnerKind::House => "house",
            OwnerKind::Player => "player",
            OwnerKind::Agent => "agent",
            OwnerKind::Merchant => "merchant",
            OwnerKind::Gateway => "gateway",
            OwnerKind::Provider => "provider",
            OwnerKind::Game => "game",
        }
    }
}

/// The owner of an account: its kind, and its id among the owners of that kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    kind: OwnerKind,
    /// Big-endian, so that owners sort by their ids; as bytes, so that an owner has no padding.
    id: [u8; 16],
}

impl Owner {
    /// The operator. There is one, with id 0.
    pub const HOUSE: Owner = Owner { kind: OwnerKind::House, id: [0; 16] };

    /// The owner of a kind with this id. The operator has id 0, whatever is given.
    #[must_use]
    pub fn new(kind: OwnerKind, id: u128) -> Self {
        match kind {
            OwnerKind::House => Self::HOUSE,
            _ => Self { kind, id: id.to_be_bytes() },
        }
    }

    /// The owner of a kind that is known by a name outside, such as a merchant: its id is a hash of kind and name.
    #[must_use]
    pub fn named(kind: OwnerKind, name: &str) -> Self {
        let mut sha = Sha256::new();
        sha.update(b"hub-owner-v1");
        sha.update([kind as u8]);
        sha.update(name.as_bytes());
        let hash: [u8; 32] = sha.finalize().into();
        let (id, _) = hash.split_first_chunk().unwrap_or((&[0; 16], &[]));
        Self::new(kind, u128::from_be_bytes(*id))
    }

    /// What kind of party it is.
    #[must_use]
    pub fn kind(self) -> OwnerKind {
        self.kind
    }

    /// Its id; 0 for the operator.
    #[must_use]
    pub fn id(self) -> u128 {
        u128::from_be_bytes(self.id)
    }

    /// The player, if it is one.
    #[must_use]
    pub fn player(self) -> Option<PlayerId> {
        (self.kind == OwnerKind::Player).then(|| PlayerId(self.id()))
    }
}

impl From<PlayerId> for Owner {
    fn from(player: PlayerId) -> Self {
        Self::new(OwnerKind::Player, player.0)
    }
}
