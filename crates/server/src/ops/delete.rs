//! `DeleteObject`, `DeleteMultipleObjects`.

use super::{meta, parse_version, put::protect, version};
use crate::{
    failure::Failure,
    http::{Reply, Request},
};
use http::{HeaderValue, header};
use ossplit_protocol::{
    code::Code,
    headers, names,
    xml::{self, Delete, DeleteResult, Deleted},
};

/// Keys in one call.
const MAX_KEYS: usize = 1000;

pub(super) async fn one(request: &mut Request) -> Result<Reply, Failure> {
    let version = version(request)?;
    protect(request, request.key()).await?;
    let store = &request.state.store;
    let done = store
        .delete(request.bucket(), request.key(), version)
        .await?;
    let mut reply = Reply::no_content();
    if let Some(version) = done.version {
        reply = reply.with_text(headers::VERSION_ID, &version.to_string());
    }
    if done.marker {
        // Never `false`: oss2 takes any text for true.
        reply = reply.with(headers::DELETE_MARKER, HeaderValue::from_static("true"));
    }
    Ok(reply)
}

fn malformed(ec: &'static str) -> Failure {
    Failure::new(Code::MalformedXML).ec(ec)
}

pub(super) async fn multiple(request: &mut Request) -> Result<Reply, Failure> {
    meta::default_class(request)?;
    // The Java SDK asks for it with a header of that name.
    let encodes = request.encodes_url()? || request.text("encoding-type") == Some("url");
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
    let mut objects = Vec::with_capacity(document.object.len());
    for object in &document.object {
        if object.key.is_empty() {
            return Err(malformed("0016-00000613"));
        }
        if names::check_key(&object.key).is_err() {
            return Err(malformed("0016-00000614"));
        }
        let named = object.version_id.as_deref().filter(|id| !id.is_empty());
        protect(request, &object.key).await?;
        objects.push((object.key.clone(), named.map(parse_version).transpose()?));
    }
    let store = &request.state.store;
    let done = store.delete_many(request.bucket(), objects).await?;
    if document.quiet {
        return Ok(Reply::ok());
    }
    let deleted = document.object.into_iter().zip(done);
    let deleted = deleted.map(|(object, done)| Deleted {
        key: object.key,
        version_id: object.version_id.filter(|id| !id.is_empty()),
        delete_marker: done.marker,
        delete_marker_version_id: done
            .version
            .filter(|_| done.marker)
            .map(|version| version.to_string()),
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
