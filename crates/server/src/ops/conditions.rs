//! Conditions on an object: its `ETag` and its time, seconds apart.

use crate::{failure::Failure, http::Request, store::ObjectRecord};
use http::HeaderValue;
use ossplit_protocol::{code::Code, etag, headers as names, time};

/// The four headers of a read, or those of a copy's source.
pub(super) struct Conditions {
    tag_is: &'static str,
    tag_is_not: &'static str,
    changed_since: &'static str,
    unchanged_since: &'static str,
}

/// On GET and HEAD.
pub(super) const OF_READ: Conditions = Conditions {
    tag_is: "if-match",
    tag_is_not: "if-none-match",
    changed_since: "if-modified-since",
    unchanged_since: "if-unmodified-since",
};

/// On copies.
pub(super) const OF_SOURCE: Conditions = Conditions {
    tag_is: names::COPY_SOURCE_IF_MATCH,
    tag_is_not: names::COPY_SOURCE_IF_NONE_MATCH,
    changed_since: names::COPY_SOURCE_IF_MODIFIED_SINCE,
    unchanged_since: names::COPY_SOURCE_IF_UNMODIFIED_SINCE,
};

impl Conditions {
    /// Refuses with 412 or 304. An `ETag` beats the time that goes with it (RFC 9110 section
    /// 13.2.2); a date that can't be read counts as absent, one in the future does not.
    pub(super) fn check(&self, request: &Request, record: &ObjectRecord) -> Result<(), Failure> {
        let modified = record.modified_ms.div_euclid(1000);
        let date = |name| request.text(name).and_then(time::parse_http_date);
        let failed = |name| Failure::new(Code::PreconditionFailed).with("Condition", name);
        if let Some(tags) = request.text(self.tag_is) {
            if !etag::condition_names(tags, &record.etag) {
                return Err(failed("If-Match"));
            }
        } else if date(self.unchanged_since).is_some_and(|date| modified > date) {
            return Err(failed("If-Unmodified-Since"));
        }
        let not_modified = match request.text(self.tag_is_not) {
            Some(tags) => etag::condition_names(tags, &record.etag),
            None => date(self.changed_since).is_some_and(|date| modified <= date),
        };
        if not_modified {
            let mut failure = Failure::new(Code::NotModified);
            for (name, text) in [
                ("etag", record.etag.clone()),
                ("last-modified", time::http_date(modified)),
            ] {
                if let Ok(value) = HeaderValue::try_from(text) {
                    failure = failure.header(name, value);
                }
            }
            return Err(failure);
        }
        Ok(())
    }
}
