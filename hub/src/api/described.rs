//! `GET /api/openapi.json` and `GET /api/docs`: the API described in OpenAPI 3.1, and the page that shows it. Both are public where
//! the API is: they say nothing of players or money.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use base16ct::lower::encode_string;
use bytes::Bytes;
use rust_embed::Embed;
use sha2::{Digest as _, Sha256};

use super::parameters::Parameters;
use crate::edge::{
    assets::{self, Packing},
    error::{Error, Kind},
    routes,
};

/// The page, with the viewer that it is made of.
#[derive(Embed)]
#[folder = "api-docs"]
struct ApiPage;

/// The document as it is sent.
pub struct ApiDocument {
    text: Bytes,
    /// Its entity tag.
    tag: String,
}

impl ApiDocument {
    /// This document.
    #[must_use]
    pub fn new(text: String) -> Self {
        let tag = format!("\"{}\"", encode_string(&Sha256::digest(&text)[..12]));
        Self { text: text.into(), tag }
    }
}

/// Registers their paths.
pub(super) fn routes(described: &web::Data<ApiDocument>, service: &mut web::ServiceConfig) {
    service
        .app_data(described.clone())
        .service(routes::page("/api/openapi.json", show))
        .service(routes::page("/api/docs", page))
        .service(routes::page("/api/docs/{file}", file));
}

async fn page(request: HttpRequest) -> Result<HttpResponse, Error> {
    part(&request, "index.html")
}

async fn file(request: HttpRequest, name: web::Path<String>) -> Result<HttpResponse, Error> {
    part(&request, &name)
}

/// A file of the page. The large ones are in the binary as gzip alone.
fn part(request: &HttpRequest, name: &str) -> Result<HttpResponse, Error> {
    let served = [".html", ".js", ".css", ".txt"].iter().any(|ending| name.ends_with(ending));
    let plain = ApiPage::get(name).filter(|_| served).map(|file| (file, Packing::None));
    let packed = || ApiPage::get(&format!("{name}.gz")).map(|file| (file, Packing::Gzip));
    let (file, packing) = plain.or_else(packed).ok_or(Kind::NotFound)?;
    Ok(assets::answer(request, name, file, packing))
}

async fn show(described: web::Data<ApiDocument>, request: HttpRequest) -> Result<HttpResponse, Error> {
    Parameters::read(&request, &[])?;
    let ApiDocument { text, tag } = &**described;
    let known = request.headers().get(header::IF_NONE_MATCH).is_some_and(|known| known == tag.as_str());
    let mut answer = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::ETAG, tag.clone()));
    Ok(if known { answer.finish() } else { answer.body(text.clone()) })
}
