//! Where alerts are posted to, and which addresses of a network that may be.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use url::{Host, Url};

/// An address for alerts that was read. `Debug` does not show its path: that may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookTarget {
    url: Url,
    /// Whether the hub is one of development: then plain HTTP and addresses of this machine and network are allowed.
    development: bool,
}

/// Why alerts cannot be posted to an address. The text does not repeat it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrongTarget {
    /// It is no URL.
    #[error("an address begins with https:// and a host, such as https://alerts.example.com/hub")]
    NoUrl,
    /// It has a name or a password.
    #[error("no name and no password stand before the host")]
    Credentials,
    /// It is not HTTPS.
    #[error("only https:// is used, and http:// in development mode")]
    NotHttps,
    /// It is a literal address of this machine or an inner network.
    #[error("an address of this machine or of a private network is used in development mode only")]
    Private,
}

impl std::fmt::Debug for WebhookTarget {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "WebhookTarget({})", self.host())
    }
}

impl WebhookTarget {
    /// Reads an address.
    ///
    /// # Errors
    /// When alerts cannot be posted there in this mode.
    pub fn parse(text: &str, development: bool) -> Result<Self, WrongTarget> {
        let url = Url::parse(text).map_err(|_| WrongTarget::NoUrl)?;
        match url.scheme() {
            "https" => {}
            "http" if development => {}
            "http" => return Err(WrongTarget::NotHttps),
            _ => return Err(WrongTarget::NoUrl),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(WrongTarget::Credentials);
        }
        let literal = match url.host() {
            Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            Some(Host::Domain(_)) => None,
            None => return Err(WrongTarget::NoUrl),
        };
        let target = Self { url, development };
        if literal.is_some_and(|ip| !target.may_be(ip)) {
            return Err(WrongTarget::Private);
        }
        Ok(target)
    }

    /// The host, for messages.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default().trim_matches(['[', ']'])
    }

    /// The host with its port, as a request names it.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(443)
    }

    /// Path and query of a request.
    #[must_use]
    pub fn path(&self) -> String {
        let query = self.url.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{query}", self.url.path())
    }

    /// Whether it is HTTPS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Those of the addresses that the host was resolved to which may be connected to.
    #[must_use]
    pub fn allowed(&self, resolved: impl IntoIterator<Item = SocketAddr>) -> Vec<SocketAddr> {
        resolved.into_iter().filter(|address| self.may_be(address.ip())).collect()
    }

    fn may_be(&self, ip: IpAddr) -> bool {
        self.development || is_public(ip)
    }
}

/// Whether an address is one of the public internet. One of IPv4 within IPv6 is judged as what it is.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = match a {
        0 | 10 | 127 => true,
        100 => (64..128).contains(&b),
        169 => b == 254,
        172 => (16..32).contains(&b),
        192 => b == 168 || (b == 0 && (c == 0 || c == 2)) || (b == 88 && c == 99),
        198 => b == 18 || b == 19 || (b == 51 && c == 100),
        203 => b == 0 && c == 113,
        _ => a >= 224,
    };
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    if let Some(inner) = ip.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    let [a, b, c, d, e, f, g, h] = ip.segments();
    if (a, b, c, d, e, f) == (0x64, 0xff9b, 0, 0, 0, 0) {
        let [[one, two], [three, four]] = [g.to_be_bytes(), h.to_be_bytes()];
        return is_public_v4(Ipv4Addr::new(one, two, three, four));
    }
    let global = a & 0xe000 == 0x2000;
    let special = (a == 0x2001 && (b < 0x200 || b == 0xdb8)) || a == 0x2002 || (a == 0x3fff && b < 0x1000);
    global && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_go_out_by_https_and_in_development_also_by_http_and_to_this_machine() {
        use WrongTarget::{Credentials, NoUrl, NotHttps, Private};
        for (text, production, development) in [
            ("https://alerts.example.com/hub?x=1", None, None),
            ("https://alerts.example.com:8443", None, None),
            ("https://93.184.216.34/", None, None),
            ("http://alerts.example.com/", Some(NotHttps), None),
            ("https://127.0.0.1:9/", Some(Private), None),
            ("https://0x7f.1/", Some(Private), None),
            ("https://2130706433/", Some(Private), None),
            ("https://[::1]/", Some(Private), None),
            ("https://10.0.0.8/", Some(Private), None),
            ("https://169.254.169.254/latest", Some(Private), None),
            ("https://[::ffff:192.168.0.1]/", Some(Private), None),
            ("https://user:pass@alerts.example.com/", Some(Credentials), Some(Credentials)),
            ("ftp://alerts.example.com/", Some(NoUrl), Some(NoUrl)),
            ("alerts.example.com", Some(NoUrl), Some(NoUrl)),
            ("", Some(NoUrl), Some(NoUrl)),
        ] {
            assert_eq!(WebhookTarget::parse(text, false).err(), production, "{text}");
            assert_eq!(WebhookTarget::parse(text, true).err(), development, "{text} in development");
        }
    }

    #[test]
    fn an_address_that_a_name_resolves_to_is_judged_again() {
        let target = |development| {
            WebhookTarget::parse("https://alerts.example.com:8443/a/b?c=d", development).expect("an address")
        };
        let private = [
            "0.0.0.1",
            "10.1.2.3",
            "100.64.0.1",
            "127.8.8.8",
            "169.254.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.9.9",
            "198.51.100.1",
            "203.0.113.7",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::",
            "3fff::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
        ];
        let public = [
            "8.8.8.8",
            "100.63.0.1",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:2800:220:1::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
        ];
        for ip in private {
            let address = SocketAddr::new(ip.parse().expect("an address"), 8443);
            assert_eq!(target(false).allowed([address]), [], "{ip}");
            assert_eq!(target(true).allowed([address]), [address], "{ip} in development");
        }
        for ip in public {
            let address = SocketAddr::new(ip.parse().expect("an address"), 8443);
            assert_eq!(target(false).allowed([address]), [address], "{ip}");
        }
        let target = target(false);
        assert_eq!((target.host(), target.port()), ("alerts.example.com", 8443));
        assert_eq!(
            (target.authority().as_str(), target.path().as_str()),
            ("alerts.example.com:8443", "/a/b?c=d")
        );
        assert_eq!(format!("{target:?}"), "WebhookTarget(alerts.example.com)", "the path may be a secret");
    }
}
