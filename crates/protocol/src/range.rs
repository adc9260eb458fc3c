//! `Range` as OSS reads it: one range a request; by default a range that does not fit gives the
//! whole object with status 200, and only `x-oss-range-behavior: standard` gives RFC 9110's answers.

use std::ops::Range;

/// What a `Range` header asks of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    /// Answer 200 with everything.
    Whole,
    /// Answer 206 with these bytes.
    Partial(Range<u64>),
    /// Answer 416 `InvalidRange`.
    NotSatisfiable,
}

/// Resolves the value of a `Range` header against an object of `size` bytes.
/// `standard` tells whether `x-oss-range-behavior: standard` was sent.
pub fn resolve(value: &str, size: u64, standard: bool) -> Resolved {
    let refused = if standard {
        Resolved::NotSatisfiable
    } else {
        Resolved::Whole
    };
    let Some(spec) = value.trim().strip_prefix("bytes=") else {
        return Resolved::Whole;
    };
    let mut ranges = spec.split(',');
    let first = ranges.next().unwrap_or("").trim();
    if ranges.next().is_some() && standard {
        return Resolved::NotSatisfiable;
    }
    let Some((from, to)) = first.split_once('-') else {
        return Resolved::Whole;
    };
    match (from.trim().parse::<u64>(), to.trim()) {
        (Ok(from), "") if from < size => Resolved::Partial(from..size),
        (Ok(_), "") => refused,
        (Ok(from), to) => match to.parse::<u64>() {
            Ok(to) if to < from => Resolved::Whole,
            Ok(_) if from >= size => refused,
            Ok(to) if to < size => Resolved::Partial(from..to + 1),
            Ok(_) if standard => Resolved::Partial(from..size),
            _ => Resolved::Whole,
        },
        (Err(_), to) if from.trim().is_empty() => match to.parse::<u64>() {
            Ok(0) => refused,
            Ok(_) if size == 0 => refused,
            Ok(n) if n <= size => Resolved::Partial(size - n..size),
            Ok(_) if standard => Resolved::Partial(0..size),
            _ => Resolved::Whole,
        },
        _ => Resolved::Whole,
    }
}

/// The value of a `Range` header that asks for `range`; an end of `u64::MAX` means "to the end".
pub fn header_value(range: &Range<u64>) -> String {
    if range.end == u64::MAX {
        format!("bytes={}-", range.start)
    } else {
        format!("bytes={}-{}", range.start, range.end.saturating_sub(1))
    }
}

/// The value of `Content-Range` for `range` of an object of `size` bytes.
pub fn content_range(range: &Range<u64>, size: u64) -> String {
    format!(
        "bytes {}-{}/{size}",
        range.start,
        range.end.saturating_sub(1)
    )
}

/// Reads a `Content-Range` value: the bytes that follow and the size of the whole object.
pub fn parse_content_range(value: &str) -> Option<(Range<u64>, u64)> {
    let (span, size) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (from, to) = span.split_once('-')?;
    let (from, to, size) = (
        from.parse().ok()?,
        to.parse::<u64>().ok()?,
        size.parse().ok()?,
    );
    (from <= to && to < size).then_some((from..to + 1, size))
}

/// Reads `x-oss-copy-source-range: bytes=a-b` (both ends needed).
pub fn parse_copy_range(value: &str) -> Option<Range<u64>> {
    let (from, to) = value.trim().strip_prefix("bytes=")?.split_once('-')?;
    let (from, to) = (from.parse().ok()?, to.parse::<u64>().ok()?);
    (from <= to).then_some(from..to.checked_add(1)?)
}

#[cfg(test)]
mod tests {
    use super::{Resolved::*, *};

    #[test]
    fn the_table_of_the_api_page() {
        let size = 1000;
        let rows: &[(&str, Resolved, Resolved)] = &[
            ("bytes=0-499", Partial(0..500), Partial(0..500)),
            ("bytes=500-", Partial(500..1000), Partial(500..1000)),
            ("bytes=-500", Partial(500..1000), Partial(500..1000)),
            ("bytes=0-999", Partial(0..1000), Partial(0..1000)),
            ("bytes=0-1000", Whole, Partial(0..1000)),
            ("bytes=500-2000", Whole, Partial(500..1000)),
            ("bytes=1000-", Whole, NotSatisfiable),
            ("bytes=1000-2000", Whole, NotSatisfiable),
            ("bytes=-2000", Whole, Partial(0..1000)),
            ("byte=0-499", Whole, Whole),
            ("bytes=5-1", Whole, Whole),
            ("garbage", Whole, Whole),
            ("bytes=0-4,6-9", Partial(0..5), NotSatisfiable),
        ];
        for (value, default, standard) in rows {
            assert_eq!(&resolve(value, size, false), default, "{value}");
            assert_eq!(&resolve(value, size, true), standard, "{value} standard");
        }
        assert_eq!(resolve("bytes=0-", 0, false), Whole);
        assert_eq!(resolve("bytes=0-", 0, true), NotSatisfiable);
    }

    #[test]
    fn values_round_trip() {
        assert_eq!(header_value(&(3..10)), "bytes=3-9");
        assert_eq!(header_value(&(3..u64::MAX)), "bytes=3-");
        assert_eq!(
            parse_content_range(&content_range(&(3..10), 20)),
            Some((3..10, 20))
        );
        assert_eq!(parse_content_range("bytes 3-30/20"), None);
        assert_eq!(parse_copy_range("bytes=0-9"), Some(0..10));
        assert_eq!(parse_copy_range("bytes=-9"), None);
        assert_eq!(parse_copy_range("bytes=0-18446744073709551615"), None);
    }
}
