//! `PutBucketVersioning`, `GetBucketVersioning`, `ListObjectVersions`.

use super::{
    list::{groups, text},
    owner, parse_version, restore,
};
use crate::{
    failure::Failure,
    http::{Reply, Request},
    store::{ListedVersion, ObjectKind, StoreError, Versioning, VersionsQuery},
};
use ossplit_protocol::{
    code::Code,
    time,
    xml::{self, ListVersionsResult, ListedVersion as Listed, VersioningConfiguration},
};

pub(super) async fn put(request: &mut Request) -> Result<Reply, Failure> {
    let body = request.document().await?;
    let malformed = || Failure::new(Code::MalformedXML);
    let document: VersioningConfiguration = xml::read(&body).map_err(|_| malformed())?;
    let word = document.status.ok_or_else(malformed)?;
    let state = Versioning::from_name(&word).filter(|state| *state != Versioning::Off);
    let state = state.ok_or_else(malformed)?;
    let store = &request.state.store;
    store.set_versioning(request.bucket(), state).await?;
    Ok(Reply::ok())
}

pub(super) fn get(request: &Request) -> Result<Reply, Failure> {
    let bucket = request.state.store.bucket(request.bucket());
    let state = bucket.ok_or(StoreError::NoSuchBucket)?.versioning;
    Ok(Reply::xml(&VersioningConfiguration {
        status: (state != Versioning::Off).then(|| state.name().to_owned()),
    }))
}

fn listed(version: ListedVersion) -> Listed {
    let ListedVersion {
        key,
        is_latest,
        record,
    } = version;
    let marker = record.kind == ObjectKind::DeleteMarker;
    let restore_info = restore::info(&record);
    let entry = xml::Version {
        key,
        version_id: record.version.to_string(),
        is_latest,
        last_modified: time::xml_time(record.modified_ms.div_euclid(1000)),
        etag: (!marker).then_some(record.etag),
        object_type: (!marker).then(|| record.kind.name().to_owned()),
        size: (!marker).then_some(record.size),
        storage_class: (!marker).then(|| record.meta.class.name().to_owned()),
        restore_info,
        owner: owner(),
    };
    if marker {
        Listed::DeleteMarker(entry)
    } else {
        Listed::Version(entry)
    }
}

pub(super) async fn list(request: &mut Request) -> Result<Reply, Failure> {
    let encodes = request.encodes_url()?;
    let key_marker = text(request, "key-marker")?.to_owned();
    let version_marker = text(request, "version-id-marker")?.to_owned();
    if key_marker.is_empty() && !version_marker.is_empty() {
        return Err(Failure::argument("version-id-marker", version_marker)
            .ec("0012-00000106")
            .message("A version-id marker cannot be specified without a key marker."));
    }
    let named = Some(version_marker.as_str()).filter(|marker| !marker.is_empty());
    let query = VersionsQuery {
        prefix: text(request, "prefix")?.to_owned(),
        delimiter: text(request, "delimiter")?.to_owned(),
        key_marker: key_marker.clone(),
        version_marker: named.map(parse_version).transpose()?,
        limit: request.number("max-keys", 1..=1000, 100, "0012-00000102")? as usize,
    };
    let store = &request.state.store;
    let page = store.list_versions(request.bucket(), query.clone()).await?;
    let next_version = page.last_version.map(|version| version.to_string());
    let result = ListVersionsResult {
        name: request.bucket().to_owned(),
        prefix: query.prefix,
        key_marker,
        version_id_marker: version_marker,
        max_keys: query.limit as u32,
        delimiter: query.delimiter,
        encoding_type: None,
        is_truncated: page.truncated,
        next_key_marker: page.truncated.then_some(page.last_key),
        next_version_id_marker: page.truncated.then(|| next_version.unwrap_or_default()),
        versions: page.versions.into_iter().map(listed).collect(),
        common_prefixes: groups(page.common_prefixes),
    };
    Ok(Reply::xml(&if encodes {
        result.url_encoded()
    } else {
        result
    }))
}
