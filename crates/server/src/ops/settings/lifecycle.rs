//! Rules by which objects go with time: what is accepted. [`crate::lifecycle`] carries them out.

use super::{malformed, read as read_document, write};
use crate::{failure::Failure, http::Request, store::StorageClass};
use bytes::Bytes;
use ossplit_protocol::{
    code::Code,
    time,
    xml::settings::{LifecycleConfiguration, LifecycleRule},
};
use std::collections::HashSet;

/// Rules of one bucket.
const MAX_RULES: usize = 1000;

const DAY: i64 = 24 * 60 * 60;

pub(super) fn read(request: &Request, body: &[u8]) -> Result<Bytes, Failure> {
    let mut document: LifecycleConfiguration = read_document(body, "LifecycleConfiguration")?;
    if document.rule.is_empty() {
        return Err(malformed().ec("0014-00000013"));
    }
    if document.rule.len() > MAX_RULES {
        return Err(malformed().ec("0014-00000014"));
    }
    let mut ids = HashSet::new();
    for rule in &mut document.rule {
        let id = rule.id.take().filter(|id| !id.is_empty());
        let id = id.unwrap_or_else(|| format!("{:032x}", fastrand::u128(..)));
        if id.len() > 255 || !ids.insert(id.clone()) {
            return Err(Failure::argument("ID", id).ec("0014-00000020"));
        }
        rule.id = Some(id);
        rule.prefix.get_or_insert_default();
        check(rule)?;
    }
    let overlaps = request.text("x-oss-allow-same-action-overlap") == Some("true");
    if !overlaps {
        check_overlap(&document.rule)?;
    }
    Ok(write(&document))
}

/// A date must be at midnight UTC.
fn check_date(name: &'static str, date: Option<&String>) -> Result<(), Failure> {
    let Some(text) = date else {
        return Ok(());
    };
    match time::parse_xml_time(text) {
        Some(seconds) if seconds % DAY == 0 => Ok(()),
        _ => Err(Failure::argument(name, text.clone()).message("'Date' must be at midnight GMT")),
    }
}

fn check(rule: &LifecycleRule) -> Result<(), Failure> {
    if !["Enabled", "Disabled"].contains(&rule.status.as_str()) {
        return Err(malformed().ec("0014-00000024"));
    }
    let acts = rule.expiration.is_some()
        || !rule.transition.is_empty()
        || rule.abort_multipart_upload.is_some()
        || rule.noncurrent_version_expiration.is_some()
        || !rule.noncurrent_version_transition.is_empty();
    if !acts {
        return Err(malformed());
    }
    if let Some(expiration) = &rule.expiration {
        let ways = [
            expiration.days.is_some(),
            expiration.created_before_date.is_some(),
            expiration.date.is_some(),
            expiration.expired_object_delete_marker.is_some(),
        ];
        if ways.iter().filter(|way| **way).count() != 1 {
            return Err(malformed());
        }
        check_date("CreatedBeforeDate", expiration.created_before_date.as_ref())?;
        check_date("Date", expiration.date.as_ref())?;
        if expiration.days == Some(0) {
            return Err(Failure::argument("Days", "0"));
        }
    }
    if let Some(abort) = &rule.abort_multipart_upload {
        if abort.days.is_some() == abort.created_before_date.is_some() {
            return Err(malformed());
        }
        check_date("CreatedBeforeDate", abort.created_before_date.as_ref())?;
    }
    check_transitions(rule)
}

fn class_of(word: &str) -> Result<StorageClass, Failure> {
    StorageClass::from_name(word)
        .filter(|class| *class != StorageClass::Standard)
        .ok_or_else(|| Failure::argument("StorageClass", word))
}

/// How cold a class is.
fn coldness(class: StorageClass) -> u8 {
    match class {
        StorageClass::Standard => 0,
        StorageClass::Ia => 1,
        StorageClass::Archive => 2,
        StorageClass::ColdArchive => 3,
        StorageClass::DeepColdArchive => 4,
    }
}

/// Transitions go from class to class in time, and come before the end.
fn check_transitions(rule: &LifecycleRule) -> Result<(), Failure> {
    let mut steps = Vec::new();
    for transition in &rule.transition {
        let class = class_of(&transition.storage_class)?;
        if transition.days.is_some() == transition.created_before_date.is_some() {
            return Err(malformed());
        }
        check_date("CreatedBeforeDate", transition.created_before_date.as_ref())?;
        steps.extend(transition.days.map(|days| (coldness(class), days)));
    }
    for transition in &rule.noncurrent_version_transition {
        class_of(&transition.storage_class)?;
    }
    let expires = rule.expiration.as_ref();
    let by_days = !steps.is_empty() || expires.is_some_and(|e| e.days.is_some());
    let by_date = rule.transition.len() != steps.len()
        || expires.is_some_and(|e| e.created_before_date.is_some());
    if by_days && by_date && !rule.transition.is_empty() {
        return Err(Failure::new(Code::InvalidRequest)
            .ec("0014-00000080")
            .message(
                "Found mixed CreatedBeforeDate and Days based Expiration and Transition actions",
            ));
    }
    steps.sort_unstable();
    let late = steps.windows(2).find(|pair| pair[0].1 >= pair[1].1);
    let last = steps.last().map_or(0, |(_, days)| *days);
    let end = expires.and_then(|expiration| expiration.days);
    if late.is_some() || end.is_some_and(|end| last >= end) {
        return Err(Failure::argument("Days", last.to_string()).message(
            "Days of transitions must grow with the class and be fewer than those of the expiration.",
        ));
    }
    Ok(())
}

/// Two rules must not do the same to one object.
fn check_overlap(rules: &[LifecycleRule]) -> Result<(), Failure> {
    for (n, rule) in rules.iter().enumerate() {
        for other in &rules[..n] {
            let (a, b) = (rule.prefix.as_deref(), other.prefix.as_deref());
            let (a, b) = (a.unwrap_or_default(), b.unwrap_or_default());
            let meet = (a.starts_with(b) || b.starts_with(a)) && rule.tag == other.tag;
            let same = [
                (
                    "Expiration",
                    rule.expiration.is_some() && other.expiration.is_some(),
                ),
                (
                    "Transition",
                    !rule.transition.is_empty() && !other.transition.is_empty(),
                ),
            ];
            if let Some((action, _)) = same.iter().find(|(_, both)| meet && *both) {
                return Err(Failure::argument("Prefix", a)
                    .message(format!("Overlap for same action type {action}")));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ossplit_protocol::xml;

    fn rule(inner: &str) -> Result<(), Code> {
        let text = format!("<Rule><Status>Enabled</Status>{inner}</Rule>");
        let rule: LifecycleRule = xml::read(text.as_bytes()).unwrap();
        check(&rule).map_err(|failure| failure.code())
    }

    #[test]
    fn rules_that_make_no_sense_are_refused() {
        for good in [
            "<Expiration><Days>1</Days></Expiration>",
            "<Expiration><CreatedBeforeDate>2026-01-01T00:00:00.000Z</CreatedBeforeDate></Expiration>",
            "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>",
            "<AbortMultipartUpload><Days>1</Days></AbortMultipartUpload>",
            "<Transition><Days>1</Days><StorageClass>IA</StorageClass></Transition>\
             <Transition><Days>2</Days><StorageClass>Archive</StorageClass></Transition>\
             <Expiration><Days>3</Days></Expiration>",
        ] {
            assert_eq!(rule(good), Ok(()), "{good}");
        }
        for (bad, code) in [
            ("", Code::MalformedXML),
            ("<Expiration/>", Code::MalformedXML),
            (
                "<Expiration><Days>1</Days><Date>2026-01-01T00:00:00.000Z</Date></Expiration>",
                Code::MalformedXML,
            ),
            (
                "<Expiration><Date>2026-01-01T01:00:00.000Z</Date></Expiration>",
                Code::InvalidArgument,
            ),
            (
                "<Expiration><Days>0</Days></Expiration>",
                Code::InvalidArgument,
            ),
            (
                "<Transition><Days>1</Days><StorageClass>Standard</StorageClass></Transition>",
                Code::InvalidArgument,
            ),
            (
                "<Transition><Days>2</Days><StorageClass>IA</StorageClass></Transition>\
                 <Transition><Days>1</Days><StorageClass>Archive</StorageClass></Transition>",
                Code::InvalidArgument,
            ),
            (
                "<Transition><Days>5</Days><StorageClass>IA</StorageClass></Transition>\
                 <Expiration><Days>5</Days></Expiration>",
                Code::InvalidArgument,
            ),
            (
                "<Transition><Days>1</Days><StorageClass>IA</StorageClass></Transition>\
                 <Expiration><CreatedBeforeDate>2026-01-01T00:00:00.000Z</CreatedBeforeDate></Expiration>",
                Code::InvalidRequest,
            ),
        ] {
            assert_eq!(rule(bad), Err(code), "{bad}");
        }
    }
}
