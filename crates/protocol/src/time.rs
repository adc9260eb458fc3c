//! The three spellings of a time: RFC 1123 in headers, ISO 8601 with milliseconds in XML, and
//! ISO 8601 basic in V4 signatures. All in UTC.

use ::time::{
    OffsetDateTime, PrimitiveDateTime, UtcOffset,
    format_description::{BorrowedFormatItem, well_known::Rfc2822},
    macros::format_description,
};

const HTTP: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);
const ISO_BASIC: &[BorrowedFormatItem<'_>] =
    format_description!("[year][month][day]T[hour][minute][second]Z");
const XML: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
const XML_WHOLE: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

fn at(unix_seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(unix_seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn written(unix_seconds: i64, format: &[BorrowedFormatItem<'_>]) -> String {
    at(unix_seconds)
        .format(format)
        .expect("these formats have a component for every field")
}

fn read(text: &str, format: &[BorrowedFormatItem<'_>]) -> Option<i64> {
    PrimitiveDateTime::parse(text, format)
        .ok()
        .map(|t| t.assume_utc().unix_timestamp())
}

/// `Wed, 28 Dec 2022 10:27:41 GMT`, the form of `Date` and `Last-Modified`. Seconds since 1970.
pub fn http_date(unix_seconds: i64) -> String {
    written(unix_seconds, HTTP)
}

/// Reads an RFC 1123 (or any RFC 2822) date. Seconds since 1970.
pub fn parse_http_date(text: &str) -> Option<i64> {
    let text = text.trim();
    read(text, HTTP).or_else(|| {
        let parsed = OffsetDateTime::parse(text, &Rfc2822).ok()?;
        Some(parsed.to_offset(UtcOffset::UTC).unix_timestamp())
    })
}

/// `20231216T162057Z`, the form of `x-oss-date` in V4.
pub fn iso_basic(unix_seconds: i64) -> String {
    written(unix_seconds, ISO_BASIC)
}

/// Reads `20231216T162057Z`.
pub fn parse_iso_basic(text: &str) -> Option<i64> {
    read(text.trim(), ISO_BASIC)
}

/// `20231216`, the day in a V4 scope.
pub fn day(unix_seconds: i64) -> String {
    iso_basic(unix_seconds)[..8].to_owned()
}

/// `2026-11-23T10:00:00.000Z`, the form in XML. The fraction is always `.000`: the service has
/// it so, and oss2 takes nothing else.
pub fn xml_time(unix_seconds: i64) -> String {
    written(unix_seconds, XML)
}

/// Reads `2026-11-23T10:00:00.000Z` or, as STS writes it, `2026-11-23T10:00:00Z`. Seconds.
pub fn parse_xml_time(text: &str) -> Option<i64> {
    read(text.trim(), XML).or_else(|| read(text.trim(), XML_WHOLE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_round_trips() {
        let t = 1_702_743_657;
        assert_eq!(http_date(t), "Sat, 16 Dec 2023 16:20:57 GMT");
        assert_eq!(parse_http_date("Sat, 16 Dec 2023 16:20:57 GMT"), Some(t));
        assert_eq!(parse_http_date("Sat, 16 Dec 2023 16:20:57 +0000"), Some(t));
        assert_eq!(iso_basic(t), "20231216T162057Z");
        assert_eq!(parse_iso_basic("20231216T162057Z"), Some(t));
        assert_eq!(day(t), "20231216");
        assert_eq!(xml_time(t), "2023-12-16T16:20:57.000Z");
        assert_eq!(parse_xml_time("2023-12-16T16:20:57.000Z"), Some(t));
        assert_eq!(parse_xml_time("2023-12-16T16:20:57Z"), Some(t));
    }

    #[test]
    fn junk_is_none() {
        for junk in [
            "",
            "now",
            "2023",
            "Sat, 32 Dec 2023 16:20:57 GMT",
            "20231316T162057Z",
        ] {
            assert_eq!(parse_http_date(junk), None, "{junk}");
            assert_eq!(parse_iso_basic(junk), None, "{junk}");
            assert_eq!(parse_xml_time(junk), None, "{junk}");
        }
    }
}
