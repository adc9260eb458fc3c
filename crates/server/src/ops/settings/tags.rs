//! Tags of a bucket.

use super::{kept, malformed, read as read_document, set, write};
use crate::{
    failure::Failure,
    http::{Reply, Request},
};
use bytes::Bytes;
use ossplit_protocol::{
    code::Code,
    xml::{self, Tagging},
};
use std::collections::HashSet;

/// Tags of one bucket.
const MAX_TAGS: usize = 20;

/// What no key may begin with, in any case of letters.
const RESERVED: [&str; 4] = ["aliyun", "http://", "https://", "acs:"];

pub(super) fn read(_: &Request, body: &[u8]) -> Result<Bytes, Failure> {
    let document: Tagging = read_document(body, "Tagging")?;
    let tags = &document.tag_set.tag;
    if tags.len() > MAX_TAGS {
        return Err(malformed());
    }
    let mut keys = HashSet::new();
    for tag in tags {
        let refuse = |ec| {
            Failure::new(Code::InvalidTag)
                .ec(ec)
                .with("ArgumentName", "Key")
                .with("ArgumentValue", tag.key.clone())
        };
        let low = tag.key.to_lowercase();
        if RESERVED.iter().any(|start| low.starts_with(start)) {
            return Err(refuse("0010-00000207"));
        }
        if tag.key.is_empty() || tag.key.len() > 64 || tag.value.len() > 128 {
            return Err(refuse("0010-00000209"));
        }
        if !keys.insert(tag.key.as_str()) {
            return Err(refuse("0010-00000205"));
        }
    }
    Ok(write(&document))
}

pub(super) fn none() -> Bytes {
    write(&Tagging::default())
}

/// `DeleteBucketTags`: all, or the keys that the parameter names.
pub(super) async fn delete(request: &Request) -> Result<Reply, Failure> {
    let named = request.parameter("tagging").unwrap_or_default();
    let mut document = None;
    if !named.is_empty()
        && let Some(old) = kept(request, "tagging")?
        && let Ok(mut tagging) = xml::read::<Tagging>(&old)
    {
        let goes = |key: &str| named.split(',').any(|name| name == key);
        tagging.tag_set.tag.retain(|tag| !goes(&tag.key));
        document = Some(tagging)
            .filter(|tagging| !tagging.tag_set.tag.is_empty())
            .map(|tagging| write(&tagging));
    }
    set(request, "tagging", document).await?;
    Ok(Reply::no_content())
}
