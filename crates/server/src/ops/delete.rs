//! `DeleteObject`, `DeleteMultipleObjects`.

use super::{check_version, meta};
use crate::{
    failure::Failure,
    http::{Reply, Request},
};
use http::header;
use ossplit_protocol::{
    code::Code,
    names,
    xml::{self, Delete, DeleteResult, Deleted},
};

/// Keys in one call.
const MAX_KEYS: usize = 1000;

pub(super) async fn one(request: &mut Request) -> Result<Reply, Failure> {
    check_version(request)?;
    let store = &request.state.store;
    store.delete(request.bucket(), request.key()).await?;
    Ok(Reply::no_content())
}

fn malformed(ec: &'static str) -> Failure {
    Failure::new(Code::MalformedXML).ec(ec)
}

pub(super) async fn multiple(request: &mut Request) -> Result<Reply, Failure> {
    meta::default_class(request)?;
    let encodes = request.encodes_url()?;
    if !request.headers.contains_key("content-md5") {
        return Err(Failure::new(Code::MissingArgument)
            .ec("0016-00000606")
            .message("Missing Some Required Arguments.")
            .with(
                "ArgumentName",
                header::HeaderName::from_static("content-md5").as_str(),
            ));
    }
    request.need_length()?;
    let body = request.document().await?;
    let document: Delete = xml::read(&body).map_err(|_| malformed("0016-00000607"))?;
    if !body.windows(7).any(|window| window == b"<Delete") {
        return Err(
            malformed("0016-00000608").with("ErrorDetail", "the root node is not named Delete.")
        );
    }
    if document.object.is_empty() || document.object.len() > MAX_KEYS {
        return Err(malformed("0016-00000615"));
    }
    for object in &document.object {
        if object.key.is_empty() {
            return Err(malformed("0016-00000613"));
        }
        if names::check_key(&object.key).is_err() {
            return Err(malformed("0016-00000614"));
        }
        match object.version_id.as_deref() {
            None | Some("" | "null") => {}
            Some(id) => return Err(Failure::argument("versionId", id).ec("0012-00000202")),
        }
    }
    let keys = document.object.iter().map(|object| object.key.clone());
    let store = &request.state.store;
    store.delete_many(request.bucket(), keys.collect()).await?;
    if document.quiet {
        return Ok(Reply::ok());
    }
    let deleted = document.object.into_iter().map(|object| Deleted {
        key: object.key,
        version_id: object.version_id.filter(|id| !id.is_empty()),
    });
    let result = DeleteResult {
        encoding_type: None,
        deleted: deleted.collect(),
    };
    Ok(Reply::xml(&if encodes {
        result.url_encoded()
    } else {
        result
    }))
}
