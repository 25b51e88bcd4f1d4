//! Who may read reports, and from where.

use actix_web::HttpRequest;

use crate::{
    api::{
        asked::allowed,
        reads::{Reads, kept},
        surface::ApiSurface,
    },
    auth::{Access, Area, Capability},
    edge::error::Error,
};

/// What reports need.
pub(super) const READ: Capability = Capability::Use(Area::Monitoring, Access::Read);

/// The read model, for a caller who may read reports.
///
/// # Errors
/// `unauthorized`, `forbidden` or `unavailable`.
pub fn reads<'a>(api: &'a ApiSurface, request: &HttpRequest) -> Result<&'a Reads, Error> {
    allowed(request, &api.callers, &READ)?;
    kept(&api.reads).map(AsRef::as_ref)
}
