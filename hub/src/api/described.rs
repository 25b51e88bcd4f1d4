//! `GET /api/openapi.json`: the API described in OpenAPI 3.1. It is public where the API is: it says nothing of players or money.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use base16ct::lower::encode_string;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::parameters::Parameters;
use crate::edge::{error::Error, routes};

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

/// Registers its path.
pub(super) fn routes(described: &web::Data<ApiDocument>, service: &mut web::ServiceConfig) {
    service.app_data(described.clone()).service(routes::page("/api/openapi.json", show));
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
