//! `ListObjects` and `ListObjectsV2`.

use super::{owner, restore};
use crate::{
    failure::Failure,
    http::{Reply, Request},
    store::{ListQuery, ListedObject, Page},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ossplit_protocol::{
    crc64, time,
    xml::{CommonPrefix, Contents, ListBucketResult, ListBucketResultV2},
};

/// Prefixes, markers and delimiters have fewer bytes than this.
const MAX_TEXT: usize = 1024;

/// A text parameter of a listing; empty when absent.
pub(super) fn text<'a>(request: &'a Request, name: &'static str) -> Result<&'a str, Failure> {
    let text = request.parameter(name).unwrap_or_default();
    if text.len() > MAX_TEXT {
        return Err(Failure::argument(name, text));
    }
    Ok(text)
}

async fn page(request: &Request, after: &str) -> Result<(Page<ListedObject>, ListQuery), Failure> {
    let query = ListQuery {
        prefix: text(request, "prefix")?.to_owned(),
        delimiter: text(request, "delimiter")?.to_owned(),
        after: after.to_owned(),
        limit: request.number("max-keys", 1..=1000, 100, "0015-00000402")? as usize,
    };
    let list = request.state.store.list(request.bucket(), query.clone());
    Ok((list.await?, query))
}

fn contents(objects: Vec<ListedObject>, with_owner: bool) -> Vec<Contents> {
    let one = |(key, record): ListedObject| Contents {
        key,
        last_modified: time::xml_time(record.modified_ms.div_euclid(1000)),
        restore_info: restore::info(&record),
        etag: record.etag,
        object_type: record.kind.name().to_owned(),
        size: record.size,
        storage_class: record.meta.class.name().to_owned(),
        owner: with_owner.then(owner),
    };
    objects.into_iter().map(one).collect()
}

pub(super) fn groups(prefixes: Vec<String>) -> Vec<CommonPrefix> {
    let one = |prefix| CommonPrefix { prefix };
    prefixes.into_iter().map(one).collect()
}

pub(super) async fn v1(request: &mut Request) -> Result<Reply, Failure> {
    let encodes = request.encodes_url()?;
    let marker = text(request, "marker")?;
    let (page, query) = page(request, marker).await?;
    let result = ListBucketResult {
        name: request.bucket().to_owned(),
        prefix: query.prefix,
        marker: query.after,
        max_keys: query.limit as u32,
        delimiter: query.delimiter,
        encoding_type: None,
        is_truncated: page.truncated,
        next_marker: page.truncated.then_some(page.last),
        contents: contents(page.entries, true),
        common_prefixes: groups(page.common_prefixes),
    };
    Ok(Reply::xml(&if encodes {
        result.url_encoded()
    } else {
        result
    }))
}

/// A continuation token: the last name and a sum of it, so that one that was not given out is
/// known. Its letters survive a percent-decoding, which some clients do once too often.
fn token_of(last: &str) -> String {
    let mut bytes = token_sum(last).to_vec();
    bytes.extend_from_slice(last.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn token_sum(last: &str) -> [u8; 4] {
    let sum = crc64::checksum(format!("continue {last}").as_bytes());
    (sum as u32).to_be_bytes()
}

fn last_of(token: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (sum, last) = bytes.split_first_chunk::<4>()?;
    let last = std::str::from_utf8(last).ok()?;
    (token_sum(last) == *sum).then(|| last.to_owned())
}

pub(super) async fn v2(request: &mut Request) -> Result<Reply, Failure> {
    let encodes = request.encodes_url()?;
    let start_after = text(request, "start-after")?;
    let token = request.parameter("continuation-token");
    let after = match token {
        None | Some("") => start_after.to_owned(),
        Some(token) => last_of(token).ok_or_else(|| {
            Failure::argument("continuation-token", token)
                .message("The continuation token provided is incorrect.")
        })?,
    };
    let (page, query) = page(request, &after).await?;
    let with_owner = request.parameter("fetch-owner") == Some("true");
    let result = ListBucketResultV2 {
        name: request.bucket().to_owned(),
        prefix: query.prefix,
        start_after: request.parameter("start-after").map(str::to_owned),
        continuation_token: token.map(str::to_owned),
        max_keys: query.limit as u32,
        delimiter: query.delimiter,
        encoding_type: None,
        is_truncated: page.truncated,
        next_continuation_token: page.truncated.then(|| token_of(&page.last)),
        key_count: (page.entries.len() + page.common_prefixes.len()) as u32,
        contents: contents(page.entries, with_owner),
        common_prefixes: groups(page.common_prefixes),
    };
    Ok(Reply::xml(&if encodes {
        result.url_encoded()
    } else {
        result
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_again_and_others_are_not() {
        for last in ["", "a/b", "中文", "\u{1}"] {
            let token = token_of(last);
            assert!(!token.contains('%'));
            assert_eq!(last_of(&token).as_deref(), Some(last));
        }
        for bad in ["", "CgJiYw--", "abc", "YWJjZGVm", "%"] {
            assert_eq!(last_of(bad), None, "{bad}");
        }
    }
}
