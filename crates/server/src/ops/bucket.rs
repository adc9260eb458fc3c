//! The service's list of buckets, and buckets themselves.

use super::{acl, owner, settings};
use crate::{
    failure::Failure,
    http::{Reply, Request},
    store::{BucketRecord, ListQuery, Redundancy, StorageClass, StoreError, Versioning, now_ms},
};
use ossplit_protocol::{
    code::Code,
    time,
    xml::{
        self, AccessControlList, Bucket, BucketInfo, BucketInfoBody, BucketPolicy, BucketStat,
        Buckets, CreateBucketConfiguration, ListAllMyBucketsResult, LocationConstraint,
        ServerSideEncryptionRule,
        settings::{RegionInfo, RegionInfoList},
    },
};
use std::sync::Arc;

fn need(request: &Request) -> Result<Arc<BucketRecord>, Failure> {
    let bucket = request.state.store.bucket(request.bucket());
    Ok(bucket.ok_or(StoreError::NoSuchBucket)?)
}

fn xml_time(ms: i64) -> String {
    time::xml_time(ms.div_euclid(1000))
}

fn location_of(request: &Request) -> String {
    format!("oss-{}", request.state.region)
}

pub(super) fn list(request: &Request) -> Result<Reply, Failure> {
    let text = |name| request.parameter(name).unwrap_or_default().to_owned();
    let limit = request.number("max-keys", 1..=1000, 100, "0017-00000289")?;
    let page = request.state.store.list_buckets(&ListQuery {
        prefix: text("prefix"),
        after: text("marker"),
        limit: limit as usize,
        ..ListQuery::default()
    });
    let asked = ["prefix", "marker", "max-keys"]
        .iter()
        .any(|name| request.parameter(name).is_some());
    let paged = asked || page.truncated;
    let bucket = page.entries.into_iter().map(|(name, record)| Bucket {
        creation_date: xml_time(record.created_ms),
        extranet_endpoint: request.address.endpoint.clone(),
        intranet_endpoint: request.address.endpoint.clone(),
        location: location_of(request),
        name,
        region: request.state.region.clone(),
        storage_class: record.class.name().to_owned(),
    });
    Ok(Reply::xml(&ListAllMyBucketsResult {
        prefix: paged.then(|| text("prefix")),
        marker: paged.then(|| text("marker")),
        max_keys: paged.then_some(limit),
        is_truncated: paged.then_some(page.truncated),
        next_marker: page.truncated.then_some(page.last),
        owner: owner(),
        buckets: Buckets {
            bucket: bucket.collect(),
        },
    }))
}

/// `DescribeRegions`: there is one.
pub(super) fn regions(request: &Request) -> Result<Reply, Failure> {
    let here = location_of(request);
    let asked = request.parameter("regions").unwrap_or_default();
    if !asked.is_empty() && asked != here {
        return Err(Failure::new(Code::NoSuchRegion)
            .message(asked.to_owned())
            .with("Region", asked));
    }
    let endpoint = request.address.endpoint.clone();
    Ok(Reply::xml(&RegionInfoList {
        region_info: vec![RegionInfo {
            region: here,
            internet_endpoint: endpoint.clone(),
            internal_endpoint: endpoint.clone(),
            accelerate_endpoint: endpoint,
        }],
    }))
}

pub(super) async fn put(request: &mut Request) -> Result<Reply, Failure> {
    let acl = acl::of_bucket(request)?;
    let body = request.document().await?;
    let document: CreateBucketConfiguration = if body.trim_ascii().is_empty() {
        CreateBucketConfiguration::default()
    } else {
        xml::read(&body).map_err(|_| Failure::new(Code::MalformedXML))?
    };
    let class = match document.storage_class.as_deref() {
        None | Some("") => StorageClass::Standard,
        Some(word) => {
            StorageClass::from_name(word).ok_or_else(|| Failure::argument("StorageClass", word))?
        }
    };
    if let Some(acl) = acl {
        settings::check_acl(request, acl)?;
    }
    let redundancy = match document.data_redundancy_type.as_deref() {
        None | Some("") => Redundancy::Lrs,
        Some(word) => Redundancy::from_name(word)
            .ok_or_else(|| Failure::argument("DataRedundancyType", word))?,
    };
    let store = &request.state.store;
    let made = store.create_bucket(request.bucket(), class, redundancy, acl);
    made.await?;
    let location = format!("/{}", request.bucket());
    Ok(Reply::ok().with_text("location", &location))
}

pub(super) async fn delete(request: &mut Request) -> Result<Reply, Failure> {
    request.state.store.delete_bucket(request.bucket()).await?;
    Ok(Reply::no_content())
}

pub(super) fn info(request: &Request) -> Result<Reply, Failure> {
    let record = need(request)?;
    let settings = settings::summary(request);
    let on = |yes| if yes { "Enabled" } else { "Disabled" }.to_owned();
    Ok(Reply::xml(&BucketInfo {
        bucket: BucketInfoBody {
            access_monitor: settings.access_monitor,
            block_public_access: settings.block_public_access,
            comment: String::new(),
            creation_date: xml_time(record.created_ms),
            cross_region_replication: on(settings.replication),
            data_redundancy_type: record.redundancy.name().to_owned(),
            extranet_endpoint: request.address.endpoint.clone(),
            intranet_endpoint: request.address.endpoint.clone(),
            location: location_of(request),
            name: request.bucket().to_owned(),
            resource_group_id: settings.resource_group,
            storage_class: record.class.name().to_owned(),
            transfer_acceleration: on(settings.acceleration),
            owner: owner(),
            access_control_list: AccessControlList {
                grant: record.acl.name().to_owned(),
            },
            server_side_encryption_rule: settings.encryption.map_or_else(
                ServerSideEncryptionRule::default,
                |rule| ServerSideEncryptionRule {
                    sse_algorithm: rule.sse_algorithm,
                    kms_master_key_id: rule.kms_master_key_id,
                    kms_data_encryption: rule.kms_data_encryption,
                },
            ),
            bucket_policy: settings
                .logging
                .map_or_else(BucketPolicy::default, |logging| BucketPolicy {
                    log_bucket: logging.target_bucket,
                    log_prefix: logging.target_prefix.unwrap_or_default(),
                }),
            versioning: match record.versioning {
                Versioning::Off => None,
                set => Some(set.name().to_owned()),
            },
        },
    }))
}

pub(super) fn location(request: &Request) -> Result<Reply, Failure> {
    need(request)?;
    Ok(Reply::xml(&LocationConstraint {
        location: location_of(request),
    }))
}

pub(super) async fn stat(request: &mut Request) -> Result<Reply, Failure> {
    let (totals, uploads, parts) = request.state.store.totals(request.bucket()).await?;
    let [standard, ia, archive, cold, deep] = totals.classes;
    Ok(Reply::xml(&BucketStat {
        storage: totals.bytes(),
        object_count: totals.objects(),
        multipart_upload_count: uploads,
        live_channel_count: 0,
        last_modified_time: now_ms() / 1000,
        standard_storage: standard.bytes,
        standard_object_count: standard.objects,
        infrequent_access_storage: ia.bytes,
        infrequent_access_real_storage: ia.bytes,
        infrequent_access_object_count: ia.objects,
        archive_storage: archive.bytes,
        archive_real_storage: archive.bytes,
        archive_object_count: archive.objects,
        cold_archive_storage: cold.bytes,
        cold_archive_real_storage: cold.bytes,
        cold_archive_object_count: cold.objects,
        reserved_capacity_storage: 0,
        reserved_capacity_object_count: 0,
        deep_cold_archive_storage: deep.bytes,
        deep_cold_archive_real_storage: deep.bytes,
        deep_cold_archive_object_count: deep.objects,
        multipart_part_count: parts,
        delete_marker_count: totals.markers,
    }))
}
