//! The page and the browser client, from the binary itself, under a strict policy.

use std::borrow::Cow;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use bytes::Bytes;
use rust_embed::{Embed, EmbeddedFile};

use super::{
    error::{Error, Kind},
    routes,
};

/// The page.
#[derive(Embed)]
#[folder = "assets"]
struct Page;

/// The client for browsers.
#[derive(Embed)]
#[folder = "../clients/js"]
struct Client;

/// Only what we serve ourselves: no inline code, no foreign host, no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Every path that no other surface has taken.
pub fn routes(service: &mut web::ServiceConfig) {
    service.service(routes::page("/{path:.*}", serve));
}

/// Serves a file of the page, or of the client below `/client/`.
async fn serve(request: HttpRequest) -> Result<HttpResponse, Error> {
    let path = request.match_info().query("path");
    let (name, file) = match path.strip_prefix("client/") {
        // The client's tests and package file lie in the same folder and are not served.
        Some(name) if name.contains('/') || !name.ends_with(".js") => (name, None),
        Some(name) => (name, Client::get(name)),
        None if path.is_empty() => ("index.html", Page::get("index.html")),
        None => (path, Page::get(path)),
    };
    Ok(answer(&request, name, file.ok_or(Kind::NotFound)?, Packing::None))
}

/// How the bytes of a file are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// They are as they are used.
    None,
    /// By gzip, which every browser unpacks.
    Gzip,
}

/// The answer with a file, under the policy of pages. `name` says its type.
pub fn answer(request: &HttpRequest, name: &str, file: EmbeddedFile, packing: Packing) -> HttpResponse {
    let digits = base16ct::lower::encode_string(&file.metadata.sha256_hash()[..12]);
    let tag = format!("\"{digits}\"");
    let same = request.headers().get(header::IF_NONE_MATCH).is_some_and(|known| known == tag.as_str());
    let mut response = if same { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((header::CONTENT_TYPE, content_type(name)))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::ETAG, tag));
    if packing == Packing::Gzip {
        response.insert_header((header::CONTENT_ENCODING, "gzip"));
    }
    if same { response.finish() } else { response.body(bytes(file.data)) }
}

/// The bytes of a file, copied only where they are not in the binary.
fn bytes(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => data.into(),
    }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("txt") => "text/plain; charset=utf-8",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}
