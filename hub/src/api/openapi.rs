//! The API described in OpenAPI 3.1, from the values that register its paths: [`ApiRoute`].
//!
//! Handlers read their requests field by field, in words of their own (`fields`, `parameters`), so there are no types from which
//! a description could be derived: it stands beside each handler, and tests hold each to the other (ADR-0039).

mod components;
mod headers;
mod operation;
mod receipts;
mod route;
pub(super) mod schema;

use serde_json::{Map, Value, json};

pub use self::components::{Vocabulary, balance_fields};
pub(super) use self::{
    operation::ApiOperation,
    receipts::{cause, of_cause, of_player, receipt},
    route::ApiRoute,
};

/// The routes of a part of the API, and what is said of all of them.
pub(super) struct ApiPart {
    /// The name.
    pub tag: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// Its paths.
    pub routes: Vec<ApiRoute>,
}

/// The document of these parts.
pub(super) fn document(parts: &[ApiPart], vocabulary: &Vocabulary) -> Value {
    let (mut paths, mut refusals) = (Map::new(), Map::new());
    for part in parts {
        paths.extend(part.routes.iter().map(|route| route.described(part.tag, &mut refusals)));
    }
    // What is registered last, because its paths take any word, is what readers look for first.
    let tags = parts.iter().rev();
    let tags: Vec<_> = tags.map(|part| json!({ "name": part.tag, "description": part.about })).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Hub",
            "summary": "The API of services and operators.",
            "description": ABOUT,
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": components::schemas(vocabulary),
            "responses": refusals,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token of a service or an operator, as `hub token --service NAME --can CAPABILITIES` prints one. \
                                    Operations name the capability that they need.",
                },
            },
        },
    })
}

/// What is said of the whole API.
const ABOUT: &str = "Money over HTTP, for programs of the operator and for operators themselves. Every change has a key and is carried out \
                     once; an answer is sent once its record is on disk. Paths with GET also take HEAD. Refusals are problem \
                     documents (RFC 9457). A later release may send more fields, codes and headers than are named here; the \
                     names that are here stay.";
