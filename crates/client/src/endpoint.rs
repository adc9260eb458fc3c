//! Where requests go: scheme, host, port, and whether the bucket stands in the host or the path.

use thiserror::Error;

/// Where a request names its bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Addressing {
    /// Path style for IP addresses and `localhost`, else virtual-host style.
    #[default]
    Auto,
    /// `http://host/bucket/key`.
    Path,
    /// `http://bucket.host/key`.
    VirtualHost,
    /// The host is the bucket's own domain: `http://host/key`.
    Cname,
}

/// A parsed endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// TLS or not.
    pub tls: bool,
    /// Host name or IP address; IPv6 in brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// An endpoint that is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("endpoint {endpoint:?}: {reason}")]
pub struct InvalidEndpoint {
    /// As given.
    pub endpoint: String,
    /// What is wrong, and the mend.
    pub reason: &'static str,
}

impl Endpoint {
    /// Parses `[http://|https://]host[:port][/]`. Without a scheme it is HTTPS, as in the SDKs.
    pub fn parse(text: &str) -> Result<Self, InvalidEndpoint> {
        let fault = |reason| InvalidEndpoint {
            endpoint: text.to_owned(),
            reason,
        };
        let trimmed = text.trim();
        let (tls, rest) = match trimmed.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            Some(_) => return Err(fault("the scheme must be http or https")),
            None => (true, trimmed),
        };
        let authority = rest.trim_end_matches('/');
        if authority.is_empty() {
            return Err(fault(
                "there is no host; write for instance oss-cn-hangzhou.aliyuncs.com",
            ));
        }
        if authority.contains(['/', '?', '#', '@']) {
            return Err(fault(
                "write only scheme, host and port; the bucket is a setting of its own",
            ));
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (
                host,
                Some(
                    port.parse()
                        .map_err(|_| fault("the port must be 1 to 65535"))?,
                ),
            ),
            _ => (authority, None),
        };
        let inner = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let good = match inner {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => {
                !host.is_empty()
                    && host
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
            }
        };
        if !good || port == Some(0) {
            return Err(fault("the host must be a name or an IP address"));
        }
        let port = port.unwrap_or(if tls { 443 } else { 80 });
        Ok(Self {
            tls,
            host: host.to_ascii_lowercase(),
            port,
        })
    }

    /// Whether [`Addressing::Auto`] means path style here.
    pub fn prefers_path_style(&self) -> bool {
        self.host == "localhost"
            || self.host.starts_with('[')
            || self.host.parse::<std::net::Ipv4Addr>().is_ok()
    }

    /// The value of `Host` for a host of this endpoint.
    pub(crate) fn authority(&self, host: &str) -> String {
        let usual = if self.tls { 443 } else { 80 };
        if self.port == usual {
            host.to_owned()
        } else {
            format!("{host}:{}", self.port)
        }
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority(&self.host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write() {
        for (text, tls, host, port, path_style) in [
            (
                "oss-cn-hangzhou.aliyuncs.com",
                true,
                "oss-cn-hangzhou.aliyuncs.com",
                443,
                false,
            ),
            (
                "https://oss-cn-hangzhou.aliyuncs.com/",
                true,
                "oss-cn-hangzhou.aliyuncs.com",
                443,
                false,
            ),
            ("http://127.0.0.1:9000", false, "127.0.0.1", 9000, true),
            ("http://localhost:9000/", false, "localhost", 9000, true),
            ("HTTP://Example.com", false, "example.com", 80, false),
            ("http://[::1]:9000", false, "[::1]", 9000, true),
        ] {
            let endpoint = Endpoint::parse(text).unwrap();
            assert_eq!(
                endpoint,
                Endpoint {
                    tls,
                    host: host.into(),
                    port
                },
                "{text}"
            );
            assert_eq!(endpoint.prefers_path_style(), path_style, "{text}");
        }
    }

    #[test]
    fn junk_names_itself() {
        for text in [
            "",
            "ftp://x",
            "http://",
            "http://a/b",
            "a:b",
            "a:0",
            "http://a b",
            "user@x",
        ] {
            let fault = Endpoint::parse(text).unwrap_err();
            assert!(fault.to_string().contains(&format!("{text:?}")), "{fault}");
        }
    }
}
