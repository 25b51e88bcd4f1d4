//! Authentication: players by JSON Web Token, services and operators by JSON Web Token or by shared token.
//!
//! A token is checked once, at `hello` of a session, or when a page asks for one. It names a person ([`people::Person`]);
//! behind the edge there are only their ids ([`protocol::PlayerId`]). Neither tokens nor subjects are logged or recorded.

mod caller;
mod callers;
mod capability;
mod issuers;
mod jwk;
mod key_source;
mod key_watch;
mod keys;
mod mint;
mod role;
mod service;
#[cfg(test)]
mod test_keys;
mod token;

pub use caller::{Caller, CallerError, is_name};
pub use callers::CallerVerifier;
pub use capability::{
    Access, Approvable, ApprovalStep, Area, CAPABILITIES_MAX, Capabilities, Capability, CapabilityError,
    domain_name,
};
pub use issuers::{Issuers, KeyIssuer, KeyMissing, Refreshed};
pub use jwk::{KeySet, KeySetError, SetKey};
pub use key_source::{KeySource, SourceError};
pub use key_watch::KeyWatch;
pub use keys::{Algorithm, KeyError, TokenKeys};
pub use mint::{MintError, Minter, TokenFor};
pub use role::{NotARoleName, ROLES_MAX, ROLES_OF_TOKEN_MAX, RoleGrant, RoleName, Roles, in_words};
pub use service::{ServiceError, ServiceTokens};
pub use token::{Identity, TOKEN_BYTES_MAX, TokenError, TokenRules, TokenVerifier};
