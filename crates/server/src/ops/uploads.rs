//! `ListMultipartUploads` and `ListParts`.

use super::{list::text, multipart::upload_id};
use crate::{
    failure::Failure,
    http::{Reply, Request},
    store::{ListQuery, UploadId},
};
use ossplit_protocol::{
    time,
    xml::{CommonPrefix, ListMultipartUploadsResult, ListPartsResult, ListedPart, Upload},
};

fn xml_time(ms: i64) -> String {
    time::xml_time(ms.div_euclid(1000))
}

pub(super) async fn list(request: &mut Request) -> Result<Reply, Failure> {
    let encodes = request.encodes_url()?;
    let key_marker = text(request, "key-marker")?.to_owned();
    let id_marker = text(request, "upload-id-marker")?.to_owned();
    let query = ListQuery {
        prefix: text(request, "prefix")?.to_owned(),
        delimiter: text(request, "delimiter")?.to_owned(),
        after: key_marker.clone(),
        limit: request.number("max-uploads", 1..=1000, 1000, "0042-00000401")? as usize,
    };
    let after_id = UploadId::parse(&id_marker).filter(|_| !key_marker.is_empty());
    let store = &request.state.store;
    let page = store
        .list_uploads(request.bucket(), query.clone(), after_id)
        .await?;
    let last = page.entries.last().filter(|last| last.key == page.last);
    let last_id = last.map(|last| last.id.as_str().to_owned());
    let upload = |listed: crate::store::ListedUpload| Upload {
        key: listed.key,
        upload_id: listed.id.as_str().to_owned(),
        initiated: xml_time(listed.record.initiated_ms),
        storage_class: listed.record.meta.class.name().to_owned(),
    };
    let result = ListMultipartUploadsResult {
        encoding_type: None,
        bucket: request.bucket().to_owned(),
        key_marker,
        upload_id_marker: id_marker,
        next_key_marker: if page.truncated {
            page.last
        } else {
            String::new()
        },
        next_upload_id_marker: last_id.filter(|_| page.truncated).unwrap_or_default(),
        delimiter: query.delimiter,
        prefix: query.prefix,
        max_uploads: query.limit as u32,
        is_truncated: page.truncated,
        upload: page.entries.into_iter().map(upload).collect(),
        common_prefixes: page
            .common_prefixes
            .into_iter()
            .map(|prefix| CommonPrefix { prefix })
            .collect(),
    };
    Ok(Reply::xml(&if encodes {
        result.url_encoded()
    } else {
        result
    }))
}

pub(super) async fn parts(request: &mut Request) -> Result<Reply, Failure> {
    let encodes = request.encodes_url()?;
    let limit = request.number("max-parts", 1..=1000, 1000, "0042-00000402")?;
    let marker = request.number("part-number-marker", 0..=10_000, 0, "0042-00000403")?;
    let id = upload_id(request)?;
    let (bucket, key) = (request.bucket(), request.key());
    let store = &request.state.store;
    let page = store
        .list_parts(bucket, key, id, marker as u16, limit as usize)
        .await?;
    let last = page
        .parts
        .last()
        .map_or(marker, |(number, _)| u32::from(*number));
    let part = |(number, part): (u16, crate::store::PartRecord)| ListedPart {
        part_number: u32::from(number),
        last_modified: xml_time(part.modified_ms),
        etag: part.etag,
        crc64: Some(part.crc64),
        size: part.size,
    };
    let result = ListPartsResult {
        encoding_type: None,
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        upload_id: id.as_str().to_owned(),
        storage_class: page.upload.meta.class.name().to_owned(),
        part_number_marker: marker,
        next_part_number_marker: last,
        max_parts: limit,
        is_truncated: page.truncated,
        part: page.parts.into_iter().map(part).collect(),
    };
    Ok(Reply::xml(&if encodes {
        result.url_encoded()
    } else {
        result
    }))
}
