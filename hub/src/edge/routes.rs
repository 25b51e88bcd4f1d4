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

/// A path that is read, and to which something is added: GET, HEAD and POST.
pub fn page_and_action<F, Args, G, Brgs>(path: &str, page: F, action: G) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
    G: Handler<Brgs>,
    Brgs: FromRequest + 'static,
    G::Output: Responder + 'static,
{
    web::resource(path)
        .route(web::get().to(page.clone()))
        .route(web::head().to(page))
        .route(web::post().to(action))
        .default_service(web::to(async || refused("GET, HEAD, POST")))
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

fn refused(allowed: &'static str) -> Result<&'static str, Error> {
    Err(Error::method_not_allowed(allowed))
}
