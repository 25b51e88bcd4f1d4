//! Who a transaction is carried out for.

use ledger::codec::{DecodeError, Decoder, Encoder};
use protocol::PlayerId;
use sha2::{Digest as _, Sha256};

/// The kind of a principal. The numbers are written into the log, and are part of every key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum PrincipalKind {
    /// The hub itself: steps of rounds, what is due.
    Hub = 0,
    /// A player.
    Player = 1,
    /// A service of the operator.
    Service = 2,
    /// A person who works for the operator.
    Operator = 3,
    /// A provider of games or services.
    Provider = 4,
}

impl PrincipalKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [PrincipalKind; 5] = [
        PrincipalKind::Hub,
        PrincipalKind::Player,
        PrincipalKind::Service,
        PrincipalKind::Operator,
        PrincipalKind::Provider,
    ];

    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            PrincipalKind::Hub => "hub",
            PrincipalKind::Player => "player",
            PrincipalKind::Service => "service",
            PrincipalKind::Operator => "operator",
            PrincipalKind::Provider => "provider",
        }
    }
}

/// A principal: its kind, and its id among those of the kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Principal {
    kind: PrincipalKind,
    id: u128,
}

impl Principal {
    /// The hub itself. There is one, with id 0.
    pub const HUB: Principal = Principal { kind: PrincipalKind::Hub, id: 0 };

    /// A principal that is known by a name, such as a service: its id is a hash of the name.
    #[must_use]
    pub fn named(kind: PrincipalKind, issuer: &str, name: &str) -> Self {
        let mut sha = Sha256::new();
        for part in [b"hub-principal-v1".as_slice(), &[kind as u8], issuer.as_bytes(), name.as_bytes()] {
            sha.update((part.len() as u64).to_be_bytes());
            sha.update(part);
        }
        let hash: [u8; 32] = sha.finalize().into();
        let (id, _) = hash.as_chunks::<16>();
        match kind {
            PrincipalKind::Hub => Self::HUB,
            _ => Self { kind, id: u128::from_be_bytes(id[0]) },
        }
    }

    /// Its kind.
    #[must_use]
    pub fn kind(self) -> PrincipalKind {
        self.kind
    }

    /// Its id; 0 for the hub.
    #[must_use]
    pub fn id(self) -> u128 {
        self.id
    }

    /// Appends it to a record.
    pub fn encode(self, encoder: &mut Encoder) {
        encoder.byte(self.kind as u8);
        if self.kind != PrincipalKind::Hub {
            encoder.id(self.id);
        }
    }

    /// Reads one from a record.
    ///
    /// # Errors
    /// When the bytes are no principal.
    pub fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let number = decoder.byte()?;
        let kind = PrincipalKind::ALL.into_iter().find(|kind| *kind as u8 == number);
        match kind.ok_or(DecodeError::Unknown("principal"))? {
            PrincipalKind::Hub => Ok(Self::HUB),
            kind => Ok(Self { kind, id: decoder.id()? }),
        }
    }
}

impl From<PlayerId> for Principal {
    fn from(player: PlayerId) -> Self {
        Self { kind: PrincipalKind::Player, id: player.0 }
    }
}
