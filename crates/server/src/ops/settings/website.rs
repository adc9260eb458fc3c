//! A bucket as a web site: what is accepted.

use super::{malformed, one_of, read as read_document, write};
use crate::{failure::Failure, http::Request};
use bytes::Bytes;
use ossplit_protocol::xml::settings::{RoutingRule, WebsiteConfiguration};
use std::collections::HashSet;

/// Routing rules of one bucket.
const MAX_RULES: usize = 20;

pub(super) fn read(_: &Request, body: &[u8]) -> Result<Bytes, Failure> {
    let mut document: WebsiteConfiguration = read_document(body, "WebsiteConfiguration")?;
    if let Some(index) = &mut document.index_document {
        if index.suffix.is_empty() || index.suffix.contains('/') {
            return Err(Failure::argument("Suffix", index.suffix.clone()));
        }
        index.support_sub_dir.get_or_insert(false);
        if *index.kind.get_or_insert(0) > 2 {
            return Err(Failure::argument(
                "Type",
                index.kind.unwrap_or(0).to_string(),
            ));
        }
    }
    if let Some(error) = &document.error_document {
        if error.key.is_empty() {
            return Err(malformed());
        }
        if let Some(status) = error.http_status {
            one_of("HttpStatus", &status.to_string(), &["200", "404"])?;
        }
    }
    if let Some(rules) = &document.routing_rules {
        check(&rules.routing_rule)?;
    }
    let empty = document.index_document.is_none()
        && document.error_document.is_none()
        && document.routing_rules.is_none();
    if empty {
        return Err(malformed());
    }
    Ok(write(&document))
}

fn check(rules: &[RoutingRule]) -> Result<(), Failure> {
    if rules.len() > MAX_RULES {
        return Err(malformed());
    }
    let mut numbers = HashSet::new();
    for rule in rules {
        let number = rule.rule_number.ok_or_else(malformed)?;
        if number < 1 || !numbers.insert(number) {
            return Err(Failure::argument("RuleNumber", number.to_string()));
        }
        let redirect = rule.redirect.as_ref().ok_or_else(malformed)?;
        one_of(
            "RedirectType",
            &redirect.redirect_type,
            &["Mirror", "External", "AliCDN", "Internal"],
        )?;
        let on = rule
            .condition
            .as_ref()
            .and_then(|condition| condition.http_error_code_returned_equals);
        if redirect.redirect_type == "Mirror" && on != Some(404) {
            return Err(Failure::argument(
                "HttpErrorCodeReturnedEquals",
                on.map(|on| on.to_string()).unwrap_or_default(),
            ));
        }
    }
    Ok(())
}
