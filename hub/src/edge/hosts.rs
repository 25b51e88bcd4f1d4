//! The host names to which the hub answers.
//!
//! The name of a foreign page can point at this machine (DNS rebinding). Then the browser treats the hub as part of
//! that page, and the origin looks like the hub's own. Only the name in `Host` shows the difference. A numeric address
//! cannot be pointed elsewhere, and nobody can register `localhost`, so both are always answered; health checks and
//! developers use them.

use std::{collections::BTreeSet, net::IpAddr};

use actix_http::RequestHead;
use actix_web::http::{Uri, header, uri::Authority};

use crate::config::Server;

/// The names that are answered, lower-case.
#[derive(Debug, Clone)]
pub struct Hosts {
    names: BTreeSet<String>,
    any: bool,
}

impl Hosts {
    /// From the configuration: `allowed_hosts`, and the hosts of `public_url` and `allowed_origins`.
    #[must_use]
    pub fn new(server: &Server) -> Self {
        let urls = server.allowed_origins.iter().chain([&server.public_url]);
        let of_urls = urls.filter_map(|url| url.parse::<Uri>().ok()?.host().map(plain));
        let names = server.allowed_hosts.iter().map(|name| plain(name));
        Self {
            names: of_urls.chain(names).collect(),
            any: server.allowed_hosts.iter().any(|name| name == "*"),
        }
    }

    /// Whether the request is meant for us. One that names no host comes from no browser.
    #[must_use]
    pub fn allow(&self, head: &RequestHead) -> bool {
        if self.any {
            return true;
        }
        // The target may name the host as well; a request that names two is for neither.
        let target = head.uri.authority();
        let named =
            head.headers().get_all(header::HOST).map(|host| Authority::try_from(host.as_bytes()).ok());
        named
            .chain(target.map(|authority| Some(authority.clone())))
            .all(|host| host.is_some_and(|host| self.knows(&host)))
    }

    fn knows(&self, authority: &Authority) -> bool {
        if authority.as_str().contains('@') {
            return false;
        }
        let host = plain(authority.host());
        let digits = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || host.ends_with(".localhost")
            || digits.parse::<IpAddr>().is_ok()
            || self.names.contains(&host)
    }
}

/// One spelling for each name: lower-case, without the dot that ends it in the DNS.
fn plain(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use actix_http::test::TestRequest;

    use super::*;

    fn server() -> Server {
        Server {
            public_url: "https://play.example.com:8443".into(),
            allowed_origins: vec!["https://www.example.com".into()],
            allowed_hosts: vec!["hub.internal".into()],
            ..Server::default()
        }
    }

    /// Whether a request with this `Host` is answered.
    #[track_caller]
    fn check(host: &str, expected: bool) {
        let request = TestRequest::with_uri("/").insert_header(("host", host)).finish();
        assert_eq!(Hosts::new(&server()).allow(request.head()), expected, "{host}");
    }

    #[test]
    fn configured_names_addresses_and_localhost_are_answered_and_no_others() {
        let ours = [
            "play.example.com",
            "PLAY.example.com:7700",
            "play.example.com.",
            "www.example.com",
            "hub.internal:80",
        ];
        let local = [
            "localhost:7700",
            "LocalHost",
            "app.localhost",
            "127.0.0.1:7700",
            "[::1]:7700",
            "10.0.0.7",
            "[2001:db8::1]",
        ];
        for host in ours.into_iter().chain(local) {
            check(host, true);
        }
        for host in [
            "evil.example",
            "play.example.com.evil.example",
            "xplay.example.com",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "evil-localhost",
            "2130706433",
            "0x7f.1",
            "play.example.com@evil.example",
            "evil.example@play.example.com",
            "play.example.com, evil.example",
            "",
        ] {
            check(host, false);
        }
    }

    #[test]
    fn a_request_without_a_name_is_answered_and_a_foreign_target_is_not() {
        let hosts = Hosts::new(&Server::default());
        assert!(hosts.allow(TestRequest::with_uri("/").finish().head()));
        let target =
            TestRequest::with_uri("http://evil.example/").insert_header(("host", "localhost")).finish();
        assert!(!hosts.allow(target.head()));
        let any = Hosts::new(&Server { allowed_hosts: vec!["*".into()], ..Server::default() });
        assert!(any.allow(target.head()));
    }
}
