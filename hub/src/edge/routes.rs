//! A path and the methods it takes; any other method is refused with the list of them (`Allow`).

use actix_web::{FromRequest, Handler, Resource, Responder, web};

use super::error::Error;

/// A path that only reads: GET and HEAD.
pub fn page<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(path)
        .route(web::get().to(handler.clone()))
        .route(web::head().to(handler))
        .default_service(web::to(async || refused("GET, HEAD")))
}

/// A path that changes something: POST.
pub fn action<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(path).route(web::post().to(handler)).default_service(web::to(async || refused("POST")))
}

/// The refusal of a method: the path takes only these.
///
/// # Errors
/// Always.
pub fn refused(allowed: &'static str) -> Result<&'static str, Error> {
    Err(Error::method_not_allowed(allowed))
}
