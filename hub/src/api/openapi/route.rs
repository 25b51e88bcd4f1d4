//! A path of the API with its methods: what it does and what is said of it, in one value. So nothing is served that is not
//! described, and nothing is described that is not served.

use actix_web::{FromRequest, Handler, Resource, Responder, web};
use serde_json::{Map, Value};

use super::operation::ApiOperation;
use crate::edge::routes;

/// A path, its handlers, and their descriptions. GET answers HEAD as well; any other method is refused with the list of those
/// that it takes (`Allow`).
pub struct ApiRoute {
    path: &'static str,
    resource: Resource,
    /// By the names of methods in a document.
    operations: Vec<(&'static str, ApiOperation)>,
}

impl ApiRoute {
    /// A path without methods. Parts in braces are given to the handlers.
    pub fn at(path: &'static str) -> Self {
        Self { path, resource: web::resource(path), operations: Vec::new() }
    }

    /// Data of this path, which handlers find as `app_data`.
    pub fn data<T: 'static>(mut self, data: T) -> Self {
        self.resource = self.resource.app_data(data);
        self
    }

    /// What is answered to GET and HEAD.
    pub fn get<F, Args>(mut self, handler: F, operation: ApiOperation) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let (get, head) = (web::get().to(handler.clone()), web::head().to(handler));
        self.resource = self.resource.route(get).route(head);
        self.operations.push(("get", operation));
        self
    }

    /// What is done by POST.
    pub fn post<F, Args>(mut self, handler: F, operation: ApiOperation) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.resource = self.resource.route(web::post().to(handler));
        self.operations.push(("post", operation));
        self
    }

    /// The resource to register.
    pub fn into_resource(self) -> Resource {
        let takes = |method| self.operations.iter().any(|(known, _)| *known == method);
        let allowed = match (takes("get"), takes("post")) {
            (true, true) => "GET, HEAD, POST",
            (true, false) => "GET, HEAD",
            (false, _) => "POST",
        };
        self.resource.default_service(web::to(async move || routes::refused(allowed)))
    }

    /// The path, and the item that a document has for it.
    pub(super) fn described(&self, tag: &str, refusals: &mut Map<String, Value>) -> (String, Value) {
        let described = |(method, operation): &(&'static str, ApiOperation)| {
            ((*method).to_owned(), operation.described(tag, refusals))
        };
        let operations = self.operations.iter().map(described);
        (self.path.to_owned(), Value::Object(operations.collect::<Map<_, _>>()))
    }
}
