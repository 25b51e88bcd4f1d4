//! Authentication: players by JSON Web Token, services and operators by JSON Web Token or by shared token.
//!
//! A token is checked once, at `hello` of a session, or when a page asks for one. It names a person ([`people::Person`]);
//! behind the edge there are only their ids ([`protocol::PlayerId`]). Neither tokens nor subjects are logged or recorded.

mod caller;
mod callers;
mod capability;
mod keys;
mod service;
mod token;

pub use caller::{Caller, CallerError, is_name};
pub use callers::CallerVerifier;
pub use capability::{
    Access, Approvable, ApprovalStep, Area, CAPABILITIES_MAX, Capabilities, Capability, CapabilityError,
    domain_name,
};
pub use keys::{Algorithm, KeyError, TokenKeys};
pub use service::{ServiceError, ServiceTokens};
pub use token::{
    Identity, MintError, Minter, TOKEN_BYTES_MAX, TokenError, TokenFor, TokenRules, TokenVerifier,
};
