//! Requests from pages of other sites: the rules, the preflight, and what ordinary answers say.

use super::{malformed, of_bucket, read as read_document, write};
use crate::{
    failure::Failure,
    http::{Reply, Request},
    store::StoreError,
};
use bytes::Bytes;
use http::{HeaderValue, header};
use ossplit_protocol::{
    code::Code,
    xml::settings::{CorsConfiguration, CorsRule},
};

/// Rules of one bucket.
const MAX_RULES: usize = 20;

const METHODS: [&str; 5] = ["GET", "PUT", "DELETE", "POST", "HEAD"];

pub(super) fn read(_: &Request, body: &[u8]) -> Result<Bytes, Failure> {
    let mut document: CorsConfiguration = read_document(body, "CORSConfiguration")?;
    if document.cors_rule.is_empty() || document.cors_rule.len() > MAX_RULES {
        return Err(malformed());
    }
    for rule in &document.cors_rule {
        check(rule)?;
    }
    document.response_vary.get_or_insert(false);
    Ok(write(&document))
}

fn check(rule: &CorsRule) -> Result<(), Failure> {
    if rule.allowed_origin.is_empty() || rule.allowed_method.is_empty() {
        return Err(malformed());
    }
    for method in &rule.allowed_method {
        super::one_of("AllowedMethod", method, &METHODS)?;
    }
    let many = |text: &&String| text.matches('*').count() > 1;
    for (name, texts) in [
        ("AllowedOrigin", &rule.allowed_origin),
        ("AllowedHeader", &rule.allowed_header),
    ] {
        if let Some(bad) = texts.iter().find(many) {
            return Err(Failure::argument(name, bad.clone()));
        }
    }
    if let Some(bad) = rule.expose_header.iter().find(|text| text.contains('*')) {
        return Err(Failure::argument("ExposeHeader", bad.clone()));
    }
    match rule.max_age_seconds {
        Some(age) if age < 0 => Err(Failure::argument("MaxAgeSeconds", age.to_string())),
        _ => Ok(()),
    }
}

/// Whether a pattern with at most one `*` fits.
fn fits(pattern: &str, text: &str, any_case: bool) -> bool {
    let (pattern, text) = if any_case {
        (pattern.to_ascii_lowercase(), text.to_ascii_lowercase())
    } else {
        (pattern.to_owned(), text.to_owned())
    };
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, end)) => {
            text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end)
        }
    }
}

fn applies(rule: &CorsRule, origin: &str, method: &str, headers: &[&str]) -> bool {
    let has = |header: &&str| {
        let patterns = &rule.allowed_header;
        patterns.iter().any(|pattern| fits(pattern, header, true))
    };
    rule.allowed_origin
        .iter()
        .any(|pattern| fits(pattern, origin, false))
        && rule.allowed_method.iter().any(|allowed| allowed == method)
        && headers.iter().all(has)
}

fn allow(mut reply: Reply, rule: &CorsRule, origin: &str) -> Reply {
    let any = rule.allowed_origin.iter().any(|pattern| pattern == "*");
    let list = |texts: &[String]| texts.join(", ");
    reply = reply
        .with_text(
            "access-control-allow-origin",
            if any { "*" } else { origin },
        )
        .with_text("access-control-allow-methods", &list(&rule.allowed_method));
    if !rule.allowed_header.is_empty() {
        reply = reply.with_text("access-control-allow-headers", &list(&rule.allowed_header));
    }
    if !rule.expose_header.is_empty() {
        reply = reply.with_text("access-control-expose-headers", &list(&rule.expose_header));
    }
    if let Some(age) = rule.max_age_seconds {
        reply = reply.with_text("access-control-max-age", &age.to_string());
    }
    reply
}

/// `OptionObject`: may a page send that request?
pub(in crate::ops) fn preflight(request: &Request) -> Result<Reply, Failure> {
    let bad = |what: &'static str| Failure::new(Code::BadRequest).message(what);
    let origin = request
        .text(header::ORIGIN)
        .ok_or_else(|| bad("Insufficient information. Origin request header needed."))?;
    let method = request
        .text(header::ACCESS_CONTROL_REQUEST_METHOD)
        .ok_or_else(|| bad("Invalid Access-Control-Request-Method: null"))?;
    if request.state.store.bucket(request.bucket()).is_none() {
        return Err(StoreError::NoSuchBucket.into());
    }
    let forbidden = |message: &'static str| {
        Failure::new(Code::AccessForbidden)
            .message(message)
            .with("Method", method)
            .with("ResourceType", "OBJECT")
            .with("Origin", origin)
    };
    let asked = request
        .text(header::ACCESS_CONTROL_REQUEST_HEADERS)
        .unwrap_or_default();
    let headers: Vec<&str> = asked
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    let rules: CorsConfiguration = of_bucket(request, "cors")
        .ok_or_else(|| forbidden("CORSResponse: CORS is not enabled for this bucket."))?;
    let rule = rules
        .cors_rule
        .iter()
        .find(|rule| applies(rule, origin, method, &headers));
    let rule = rule.ok_or_else(|| {
        forbidden(
            "CORSResponse: This CORS request is not allowed. This is usually because the \
             evaluation of Origin, request method / Access-Control-Request-Method or \
             Access-Control-Requet-Headers are not whitelisted by the resource's CORS spec.",
        )
    })?;
    Ok(allow(Reply::ok(), rule, origin))
}

/// Says on an ordinary answer to a page of which site it may be given.
pub(in crate::ops) fn decorate(request: &Request, reply: Reply) -> Reply {
    let Some(origin) = request.text(header::ORIGIN) else {
        return reply;
    };
    let Some(rules) = of_bucket::<CorsConfiguration>(request, "cors") else {
        return reply;
    };
    let method = request.method.as_str();
    let rule = rules
        .cors_rule
        .iter()
        .find(|rule| applies(rule, origin, method, &[]));
    let varies = rules.response_vary == Some(true);
    let mut reply = match rule {
        Some(rule) => {
            let any = rule.allowed_origin.iter().any(|pattern| pattern == "*");
            let reply = allow(reply, rule, origin);
            if any || varies {
                reply
            } else {
                reply.with("vary", HeaderValue::from_static("Origin"))
            }
        }
        None => reply,
    };
    if varies {
        reply = reply.with("vary", HeaderValue::from_static("Origin"));
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_star_stands_for_anything() {
        for (pattern, text, yes) in [
            ("*", "http://a", true),
            ("http://*.a.com", "http://b.a.com", true),
            ("http://*.a.com", "http://a.com", false),
            ("http://a", "HTTP://A", false),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(fits(pattern, text, false), yes, "{pattern} {text}");
        }
        assert!(fits("X-Oss-*", "x-oss-meta-a", true));
    }
}
