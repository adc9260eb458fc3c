//! Tags of objects: the header, and the calls that read and change them.

use super::{version, with_version};
use crate::{
    failure::Failure,
    http::{Reply, Request},
};
use ossplit_protocol::{
    code::Code,
    encode, headers as names,
    xml::{self, Tag, TagSet, Tagging},
};

/// Tags of one object.
const MAX_TAGS: usize = 10;

/// Characters of a tag's key.
const MAX_KEY: usize = 128;

/// Characters of a tag's value.
const MAX_VALUE: usize = 256;

type Tags = Vec<(String, String)>;

fn refuse(ec: &'static str, argument: &str) -> Failure {
    Failure::new(Code::InvalidTag)
        .ec(ec)
        .with("ArgumentName", "x-oss-tagging")
        .with("ArgumentValue", argument)
}

fn is_plain(text: &str) -> bool {
    let good = |b: u8| b.is_ascii_alphanumeric() || b" +-=._:/".contains(&b);
    text.bytes().all(good)
}

/// Refuses tags that an object can't have.
fn check(tags: Tags) -> Result<Tags, Failure> {
    if tags.len() > MAX_TAGS {
        return Err(refuse("0010-00000203", &tags.len().to_string())
            .message("Object tags cannot be greater than 10."));
    }
    for (at, (key, value)) in tags.iter().enumerate() {
        if key.is_empty() || key.len() > MAX_KEY {
            return Err(refuse("0010-00000209", key)
                .message("A tag's key must have between 1 and 128 characters."));
        }
        if value.len() > MAX_VALUE {
            return Err(refuse("0010-00000216", value)
                .message("A tag's value may have at most 256 characters."));
        }
        if let Some(odd) = [key, value].into_iter().find(|text| !is_plain(text)) {
            return Err(refuse("0010-00000217", odd).message(
                "A tag may hold only letters, digits, spaces and the characters + - = . _ : /",
            ));
        }
        if tags[..at].iter().any(|(earlier, _)| earlier == key) {
            return Err(refuse("0010-00000205", key).message("A tag's key is there twice."));
        }
    }
    Ok(tags)
}

/// `x-oss-tagging`: `key=value` pairs joined by `&`, percent-encoded.
pub(super) fn of_header(request: &Request) -> Result<Tags, Failure> {
    match request.text(names::TAGGING) {
        None | Some("") => Ok(Vec::new()),
        Some(sent) => parse(sent),
    }
}

/// The tags of a text such as the header's.
pub(super) fn parse(sent: &str) -> Result<Tags, Failure> {
    let odd = || refuse("0010-00000219", sent).message("The tagging is not key=value&key=value.");
    let mut tags = Vec::new();
    for pair in sent.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        // Clients write them as forms do.
        let plain = |text: &str| {
            let text = text.replace('+', " ");
            encode::decode(&text).map(std::borrow::Cow::into_owned)
        };
        let (Some(key), Some(value)) = (plain(key), plain(value)) else {
            return Err(odd());
        };
        tags.push((key, value));
    }
    check(tags)
}

pub(super) async fn put(request: &mut Request) -> Result<Reply, Failure> {
    let version = version(request)?;
    let body = request.document().await?;
    let document: Tagging = xml::read(&body).map_err(|_| Failure::new(Code::MalformedXML))?;
    let tags = document.tag_set.tag.into_iter();
    let tags = check(tags.map(|tag| (tag.key, tag.value)).collect())?;
    set(request, version, tags, Reply::ok()).await
}

pub(super) async fn delete(request: &mut Request) -> Result<Reply, Failure> {
    let version = version(request)?;
    set(request, version, Vec::new(), Reply::no_content()).await
}

async fn set(
    request: &Request,
    version: Option<crate::store::VersionId>,
    tags: Tags,
    reply: Reply,
) -> Result<Reply, Failure> {
    let store = &request.state.store;
    let changed = store.change(request.bucket(), request.key(), version, move |record| {
        record.meta.tags = tags;
        Ok::<(), Failure>(())
    });
    let record = changed.await??;
    Ok(with_version(reply, request, record.version))
}

pub(super) async fn get(request: &Request) -> Result<Reply, Failure> {
    let store = &request.state.store;
    let (bucket, key) = (request.bucket(), request.key());
    let record = store.head(bucket, key, version(request)?).await?;
    let tags = record.meta.tags.into_iter();
    let document = Tagging {
        tag_set: TagSet {
            tag: tags.map(|(key, value)| Tag { key, value }).collect(),
        },
    };
    Ok(with_version(Reply::xml(&document), request, record.version))
}
