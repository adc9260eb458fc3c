//! Settings of a bucket: what is put is what is got. One file a document; the API page of each is
//! `Put…`/`Get…` of its name.
//!
//! Elements that are not there are absent, not empty, both ways.

mod access;
mod cname;
mod cors;
mod inventory;
mod lifecycle;
mod logging;
mod referer;
mod replication;
mod switches;
mod website;
mod worm;

pub use access::{
    OverwriteConfiguration, OverwriteRule, PolicyStatus, Principals, PublicAccessBlockConfiguration,
};
pub use cname::{
    BucketCnameConfiguration, Certificate, CertificateConfiguration, Cname, CnameToken,
    ListCnameResult,
};
pub use cors::{CorsConfiguration, CorsRule};
pub use inventory::{
    Inventories, InventoryConfiguration, InventoryDestination, InventoryEncryption,
    InventoryFilter, InventoryKms, InventoryOssDestination, InventorySchedule, OptionalFields,
};
pub use lifecycle::{
    AbortMultipartUploadRule, Expiration, LifecycleConfiguration, LifecycleFilter, LifecycleNot,
    LifecycleRule, NoncurrentVersionExpiration, NoncurrentVersionTransition, Transition,
};
pub use logging::{
    BucketLoggingStatus, HeaderSet, LoggingEnabled, ParamSet, UserDefinedLogFieldsConfiguration,
};
pub use referer::{RefererConfiguration, RefererList};
pub use replication::{
    PrefixSet, ReplicationConfiguration, ReplicationDestination, ReplicationEncryption,
    ReplicationLocation, ReplicationProgress, ReplicationProgressRule, ReplicationRule,
    ReplicationRules, ReplicationTimeControl, SourceSelection, SseKmsEncryptedObjects,
};
pub use switches::{
    AccessMonitorConfiguration, ApplyServerSideEncryptionByDefault, ArchiveDirectReadConfiguration,
    BucketResourceGroupConfiguration, CipherSuite, EncryptionConfiguration, HttpsConfiguration,
    RegionInfo, RegionInfoList, RequestPaymentConfiguration, Style, StyleList, TlsVersions,
    TransferAccelerationConfiguration,
};
pub use website::{
    ErrorDocument as WebsiteErrorDocument, IndexDocument, MirrorHeaderSet, MirrorHeaders, Redirect,
    RoutingCondition, RoutingHeader, RoutingRule, RoutingRules, WebsiteConfiguration,
};
pub use worm::{
    DefaultRetention, ExtendWormConfiguration, InitiateWormConfiguration, ObjectWormConfiguration,
    ObjectWormRule, WormConfiguration,
};

#[cfg(test)]
mod tests;
