//! Authentication: players by JSON Web Token, services by shared token.
//!
//! A token is checked once, at `hello` of a session, or when a page asks for one. Behind this module there are only
//! pseudonyms ([`protocol::PlayerId`]). Neither tokens nor subjects are logged or recorded.

mod keys;
mod pseudonym;
mod service;
mod token;

pub use keys::{Algorithm, KeyError, TokenKeys};
pub use pseudonym::{Pseudonyms, first_half};
pub use service::{Service, ServiceError, ServiceTokens};
pub use token::{Identity, MintError, Minter, TOKEN_BYTES_MAX, TokenError, TokenRules, TokenVerifier};
