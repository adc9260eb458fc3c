//! Small texts: queries, ranges, dates, names, ETags.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ossplit_protocol::{encode, etag, names, range, time};

fuzz_target!(|input: (&str, u64, bool)| {
    let (text, size, standard) = input;
    if let Some(mut query) = encode::parse_query(text) {
        // `=` alone names nothing, and is not written.
        query.retain(|(name, value)| !(name.is_empty() && value.is_empty()));
        let written = encode::format_query(&query);
        assert_eq!(encode::parse_query(&written), Some(query), "{written}");
    }
    let component = encode::component(text);
    assert_eq!(encode::decode(&component).as_deref(), Some(text));
    let _ = encode::decode(text);
    if let range::Resolved::Partial(part) = range::resolve(text, size, standard) {
        assert!(
            part.start < part.end && part.end <= size,
            "{part:?} of {size}"
        );
    }
    if let Some((part, whole)) = range::parse_content_range(text) {
        assert!(part.start < part.end && part.end <= whole);
    }
    if let Some(part) = range::parse_copy_range(text) {
        assert!(part.start < part.end);
    }
    for date in [
        time::parse_http_date(text),
        time::parse_iso_basic(text),
        time::parse_xml_time(text),
    ] {
        // What is read can be written.
        if let Some(date) = date {
            let _ = (
                time::http_date(date),
                time::iso_basic(date),
                time::xml_time(date),
            );
        }
    }
    let _ = (names::check_bucket(text), names::check_key(text));
    let _ = etag::condition_names(text, "\"A\"");
});
