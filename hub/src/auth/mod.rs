//! Authentication: players by JSON Web Token, services by shared token.
//!
//! A token is checked once, at `hello` of a session, or when a page asks for one. It names a person ([`people::Person`]);
//! behind the edge there are only their ids ([`protocol::PlayerId`]). Neither tokens nor subjects are logged or recorded.

mod keys;
mod service;
mod token;

pub use keys::{Algorithm, KeyError, TokenKeys};
pub use service::{Service, ServiceError, ServiceTokens};
pub use token::{Identity, MintError, Minter, TOKEN_BYTES_MAX, TokenError, TokenRules, TokenVerifier};
