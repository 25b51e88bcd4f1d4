//! The origins of pages that may connect to the hub from a browser.

use actix_http::header::{self, HeaderMap};

use crate::config::Server;

/// The origins that are let in: the hub's own, and those the operator allows.
#[derive(Debug, Clone)]
pub struct Origins {
    public_url: String,
    allowed: Vec<String>,
}

impl Origins {
    /// From the configuration.
    #[must_use]
    pub fn new(server: &Server) -> Self {
        Self { public_url: server.public_url.clone(), allowed: server.allowed_origins.clone() }
    }

    /// A browser names the page it runs: it must be ours, or one the operator allows. Other programs name none.
    #[must_use]
    pub fn allow(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else { return true };
        let Ok(origin) = origin.to_str() else { return false };
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let own = host.is_some_and(|host| origin.split_once("://").is_some_and(|(_, origin)| origin == host));
        let public = !origin.is_empty() && origin == self.public_url;
        own || public || self.allowed.iter().any(|known| known == origin || known == "*")
    }
}

#[cfg(test)]
mod tests {
    use actix_http::header::HeaderValue;

    use super::*;

    /// Whether a page of `origin` may come in at a hub called `host`, which allows `allowed`.
    #[track_caller]
    fn check(origin: &'static str, host: &'static str, allowed: &[&str], expected: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        headers.insert(header::HOST, HeaderValue::from_static(host));
        let allowed_origins = allowed.iter().map(|&origin| origin.to_owned()).collect();
        let origins = Origins::new(&Server { allowed_origins, ..Server::default() });
        assert_eq!(origins.allow(&headers), expected, "{origin} at {host} with {allowed:?}");
    }

    #[test]
    fn pages_of_the_hub_and_of_allowed_sites_may_come_in_and_no_others() {
        check("http://127.0.0.1:7700", "127.0.0.1:7700", &[], true);
        check("https://play.example.com", "play.example.com", &[], true);
        for foreign in [
            "https://evil.example",
            "https://play.example.com.evil.example",
            "https://evil.example/play.example.com",
            "https://play.example.com:8443",
            "https://xplay.example.com",
            "https://user@play.example.com",
            "play.example.com",
            "null",
            "",
        ] {
            check(foreign, "play.example.com", &["https://www.example.com"], false);
        }
        check("https://www.example.com", "play.example.com", &["https://www.example.com"], true);
        check("http://www.example.com", "play.example.com", &["https://www.example.com"], false);
        check("https://anything.example", "play.example.com", &["*"], true);
    }

    #[test]
    fn pages_under_the_public_url_are_the_hubs_own_whatever_name_the_proxy_uses() {
        let origins =
            Origins::new(&Server { public_url: "https://play.example.com".into(), ..Server::default() });
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("hub-7.internal:7700"));
        headers.insert(header::ORIGIN, HeaderValue::from_static("https://play.example.com"));
        assert!(origins.allow(&headers));
        headers.insert(header::ORIGIN, HeaderValue::from_static("https://evil.example"));
        assert!(!origins.allow(&headers));
    }

    #[test]
    fn programs_that_name_no_origin_may_come_in() {
        assert!(Origins::new(&Server::default()).allow(&HeaderMap::new()));
    }
}
