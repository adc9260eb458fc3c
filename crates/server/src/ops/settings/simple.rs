//! Settings of a few words.

use super::{malformed, of_bucket, one_of, read, write};
use crate::{failure::Failure, http::Request};
use bytes::Bytes;
use ossplit_protocol::{
    code::Code,
    xml::settings::{
        AccessMonitorConfiguration, ArchiveDirectReadConfiguration, BucketLoggingStatus,
        BucketResourceGroupConfiguration, EncryptionConfiguration, HttpsConfiguration,
        ObjectWormConfiguration, OverwriteConfiguration, PublicAccessBlockConfiguration,
        RefererConfiguration, RefererList, RequestPaymentConfiguration, TlsVersions,
        TransferAccelerationConfiguration, UserDefinedLogFieldsConfiguration,
    },
};

/// The resource group of buckets that were never put into one.
pub(super) const DEFAULT_GROUP: &str = "rg-default";

pub(super) fn logging(_: &Request, body: &[u8]) -> Result<Bytes, Failure> {
    let document: BucketLoggingStatus = read(body, "BucketLoggingStatus")?;
    if let Some(on) = &document.logging_enabled
        && on.target_bucket.is_empty()
    {
        return Err(malformed());
    }
    Ok(write(&document))
}

pub(super) fn no_logging() -> Bytes {
    write(&BucketLoggingStatus::default())
}

pub(super) fn log_fields(_: &Request, body: &[u8]) -> Result<Bytes, Failure> {
    let document: UserDefinedLogFieldsConfiguration =
        read(body, "UserDefinedLogFieldsConfiguration")?;
    Ok(write(&document))
}

pub(super) fn referer(_: &Request, body: &[u8]) -> Result<Bytes, Failure> {
    let mut document: RefererConfiguration = read(body, "RefererConfiguration")?;
    if document.allow_empty_referer.is_none() {
        return Err(malformed());
    }
    document.allow_truncate_query_string.get_or_insert(true);
    document.truncate_path.get_or_insert(false);
    document.referer_list.get_or_insert_default();
    let empty = |list: &mut RefererList| list.referer.retain(|referer| !referer.is_empty());
    document.referer_list.iter_mut().for_each(empty);
    document.referer_blacklist.iter_mut().for_each(empty);
    if document
        .referer_blacklist
        .as_ref()
        .is_some_and(|list| list.referer.is_empty())
    {
        document.referer_blacklist = None;
    }
    Ok(write(&document))
}

pub(super) fn no_referer() -> Bytes {
    write(&RefererConfiguration {
        allow_empty_referer: Some(true),
        allow_truncate_query_string: Some(true),
        truncate_path: Some(false),
        referer_list: Some(RefererList::default()),
        referer_blacklist: None,
    })
}

pub(super) fn encryption(_: &Request, body: &[u8]) -> Result<Bytes, Failure> {
    let mut document: EncryptionConfiguration = read(body, "ServerSideEncryptionRule")?;
    let rule = &mut document.apply_server_side_encryption_by_default;
    let word = rule.sse_algorithm.as_str();
    if !["AES256", "KMS", "SM4"].contains(&word) {
        return Err(Failure::new(Code::InvalidEncryptionAlgorithmError)
            .with("ArgumentName", "SSEAlgorithm")
            .with("ArgumentValue", word));
    }
    rule.kms_master_key_id = rule.kms_master_key_id.take().filter(|id| !id.is_empty());
    if word != "KMS" {
        if let Some(id) = &rule.kms_master_key_id {
            return Err(Failure::argument("KMSMasterKeyID", id.clone()));
        }
        rule.kms_data_encryption = None;
    }
    if let Some(data) = rule.kms_data_encryption.as_deref()
        && data != "SM4"
    {
        return Err(Failure::argument("KMSDataEncryption", data));
    }
    Ok(write(&document))
}

pub(super) fn payment(_: &Request, body: &[u8]) -> Result<Bytes, Failure> {
    let document: RequestPaymentConfiguration = read(body, "RequestPaymentConfiguration")?;
    one_of("Payer", &document.payer, &["BucketOwner", "Requester"])?;
    Ok(write(&document))
}

pub(super) fn owner_pays() -> Bytes {
    write(&RequestPaymentConfiguration {
        payer: "BucketOwner".to_owned(),
    })
}

pub(super) fn acceleration(_: &Request, body: &[u8]) -> Result<Bytes, Failure> {
    let document: TransferAccelerationConfiguration =
        read(body, "TransferAccelerationConfiguration")?;
    Ok(write(&document))
}

pub(super) fn access_monitor(_: &Request, body: &[u8]) -> Result<Bytes, Failure> {
    let document: AccessMonitorConfiguration = read(body, "AccessMonitorConfiguration")?;
    one_of("Status", &document.status, &["Enabled", "Disabled"])?;
    Ok(write(&document))
}

pub(super) fn no_access_monitor() -> Bytes {
    write(&AccessMonitorConfiguration {
        status: "Disabled".to_owned(),
    })
}

pub(super) fn resource_group(_: &Request, body: &[u8]) -> Result<Bytes, Failure> {
    let mut document: BucketResourceGroupConfiguration =
        read(body, "BucketResourceGroupConfiguration")?;
    let id = &mut document.resource_group_id;
    if id.is_empty() {
        DEFAULT_GROUP.clone_into(id);
    }
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if !id.starts_with("rg-") || !id.bytes().all(good) {
        return Err(
            Failure::new(Code::ResourceGroupIdPreCheckError).with("ResourceGroupId", id.clone())
        );
    }
    Ok(write(&document))
}

pub(super) fn default_group() -> Bytes {
    write(&BucketResourceGroupConfiguration {
        resource_group_id: DEFAULT_GROUP.to_owned(),
    })
}

pub(super) fn https(_: &Request, body: &[u8]) -> Result<Bytes, Failure> {
    let document: HttpsConfiguration = read(body, "HttpsConfiguration")?;
    let versions = ["TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
    for version in document.tls.iter().flat_map(|tls| &tls.tls_version) {
        one_of("TLSVersion", version, &versions)?;
    }
    Ok(write(&document))
}

pub(super) fn any_tls() -> Bytes {
    write(&HttpsConfiguration {
        tls: Some(TlsVersions::default()),
        cipher_suite: None,
    })
}

pub(super) fn direct_read(_: &Request, body: &[u8]) -> Result<Bytes, Failure> {
    let document: ArchiveDirectReadConfiguration = read(body, "ArchiveDirectReadConfiguration")?;
    Ok(write(&document))
}

pub(super) fn no_direct_read() -> Bytes {
    write(&ArchiveDirectReadConfiguration::default())
}

pub(super) fn public_access(_: &Request, body: &[u8]) -> Result<Bytes, Failure> {
    let document: PublicAccessBlockConfiguration = read(body, "PublicAccessBlockConfiguration")?;
    Ok(write(&document))
}

pub(super) fn no_block() -> Bytes {
    write(&PublicAccessBlockConfiguration::default())
}

/// Whether public ACLs of a bucket and its objects count for nothing.
pub(crate) fn blocks_public_access(request: &Request) -> bool {
    let block: Option<PublicAccessBlockConfiguration> = of_bucket(request, "publicAccessBlock");
    block.is_some_and(|block| block.block_public_access)
}

pub(super) fn overwrite(_: &Request, body: &[u8]) -> Result<Bytes, Failure> {
    let mut document: OverwriteConfiguration = read(body, "OverwriteConfiguration")?;
    if document.rule.is_empty() {
        return Err(malformed());
    }
    for (n, rule) in document.rule.iter_mut().enumerate() {
        one_of("Action", &rule.action, &["forbid"])?;
        rule.id.get_or_insert_with(|| format!("rule-{}", n + 1));
    }
    Ok(write(&document))
}

pub(super) fn object_worm(_: &Request, body: &[u8]) -> Result<Bytes, Failure> {
    let document: ObjectWormConfiguration = read(body, "ObjectWormConfiguration")?;
    one_of(
        "ObjectWormEnabled",
        &document.object_worm_enabled,
        &["Enabled"],
    )?;
    if let Some(rule) = &document.rule {
        let default = &rule.default_retention;
        one_of("Mode", &default.mode, &["GOVERNANCE", "COMPLIANCE"])?;
        if default.days.is_some() == default.years.is_some() {
            return Err(malformed());
        }
    }
    Ok(write(&document))
}
