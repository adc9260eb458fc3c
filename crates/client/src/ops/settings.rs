//! Settings of buckets. What is put is what is got: the documents are in [`crate::settings`].
//!
//! A setting that was never put is an [`Error`] with the service's code, such as
//! `NoSuchCORSConfiguration`, or a document that says so, as at the service.

use super::{Tags, put::text};
use crate::{Client, Error, Operation, client::Call, settings as documents};
use http::Method;
use ossplit_protocol::xml;

/// The calls of a setting that is one document.
macro_rules! calls {
    ($($what:literal $name:literal $document:ty,
       $put:ident $put_operation:ident $get:ident $get_operation:ident
       $(, $delete:ident $delete_operation:ident)?;)*) => {
        impl Client {$(
            #[doc = concat!("Sets ", $what, " of a bucket.")]
            ///
            /// ```no_run
            /// # async fn example(client: ossplit::Client) -> Result<(), ossplit::Error> {
            #[doc = concat!("client.", stringify!($put), "(\"bucket\", &Default::default()).await?;")]
            /// # Ok(()) }
            /// ```
            pub async fn $put(&self, bucket: &str, document: &$document) -> Result<(), Error> {
                let call = Call::new(Operation::$put_operation, Method::PUT)
                    .bucket(bucket)
                    .query($name, "")
                    .xml(xml::write(document))?;
                self.execute(&call).await.map(drop)
            }

            #[doc = concat!("Asks for ", $what, " of a bucket.")]
            ///
            /// ```no_run
            /// # async fn example(client: ossplit::Client) -> Result<(), ossplit::Error> {
            #[doc = concat!("let document = client.", stringify!($get), "(\"bucket\").await?;")]
            /// # Ok(()) }
            /// ```
            pub async fn $get(&self, bucket: &str) -> Result<$document, Error> {
                let call = Call::new(Operation::$get_operation, Method::GET)
                    .bucket(bucket)
                    .query($name, "");
                Ok(self.document(&call).await?.1)
            }

            $(
            #[doc = concat!("Removes ", $what, " of a bucket; fine if there are none.")]
            ///
            /// ```no_run
            /// # async fn example(client: ossplit::Client) -> Result<(), ossplit::Error> {
            #[doc = concat!("client.", stringify!($delete), "(\"bucket\").await?;")]
            /// # Ok(()) }
            /// ```
            pub async fn $delete(&self, bucket: &str) -> Result<(), Error> {
                let call = Call::new(Operation::$delete_operation, Method::DELETE)
                    .bucket(bucket)
                    .query($name, "");
                self.execute(&call).await.map(drop)
            }
            )?
        )*}
    };
}

calls! {
    "the lifecycle rules" "lifecycle" documents::LifecycleConfiguration,
        put_bucket_lifecycle PutBucketLifecycle get_bucket_lifecycle GetBucketLifecycle,
        delete_bucket_lifecycle DeleteBucketLifecycle;
    "the rules for requests of other origins" "cors" documents::CorsConfiguration,
        put_bucket_cors PutBucketCors get_bucket_cors GetBucketCors,
        delete_bucket_cors DeleteBucketCors;
    "the web site" "website" documents::WebsiteConfiguration,
        put_bucket_website PutBucketWebsite get_bucket_website GetBucketWebsite,
        delete_bucket_website DeleteBucketWebsite;
    "the log" "logging" documents::BucketLoggingStatus,
        put_bucket_logging PutBucketLogging get_bucket_logging GetBucketLogging,
        delete_bucket_logging DeleteBucketLogging;
    "the further fields of the log" "userDefinedLogFieldsConfig"
        documents::UserDefinedLogFieldsConfiguration,
        put_user_defined_log_fields PutUserDefinedLogFieldsConfig
        get_user_defined_log_fields GetUserDefinedLogFieldsConfig,
        delete_user_defined_log_fields DeleteUserDefinedLogFieldsConfig;
    "the referers" "referer" documents::RefererConfiguration,
        put_bucket_referer PutBucketReferer get_bucket_referer GetBucketReferer;
    "the default encryption" "encryption" documents::EncryptionConfiguration,
        put_bucket_encryption PutBucketEncryption get_bucket_encryption GetBucketEncryption,
        delete_bucket_encryption DeleteBucketEncryption;
    "who pays for requests" "requestPayment" documents::RequestPaymentConfiguration,
        put_bucket_request_payment PutBucketRequestPayment
        get_bucket_request_payment GetBucketRequestPayment;
    "the transfer acceleration" "transferAcceleration"
        documents::TransferAccelerationConfiguration,
        put_bucket_transfer_acceleration PutBucketTransferAcceleration
        get_bucket_transfer_acceleration GetBucketTransferAcceleration;
    "the access monitor" "accessmonitor" documents::AccessMonitorConfiguration,
        put_bucket_access_monitor PutBucketAccessMonitor
        get_bucket_access_monitor GetBucketAccessMonitor;
    "the resource group" "resourceGroup" documents::BucketResourceGroupConfiguration,
        put_bucket_resource_group PutBucketResourceGroup
        get_bucket_resource_group GetBucketResourceGroup;
    "which TLS clients must speak" "httpsConfig" documents::HttpsConfiguration,
        put_bucket_https_config PutBucketHttpsConfig
        get_bucket_https_config GetBucketHttpsConfig;
    "whether archived objects can be read" "bucketArchiveDirectRead"
        documents::ArchiveDirectReadConfiguration,
        put_bucket_archive_direct_read PutBucketArchiveDirectRead
        get_bucket_archive_direct_read GetBucketArchiveDirectRead;
    "whether public access is blocked" "publicAccessBlock"
        documents::PublicAccessBlockConfiguration,
        put_bucket_public_access_block PutBucketPublicAccessBlock
        get_bucket_public_access_block GetBucketPublicAccessBlock,
        delete_bucket_public_access_block DeleteBucketPublicAccessBlock;
    "the rules against overwriting" "overwriteConfig" documents::OverwriteConfiguration,
        put_bucket_overwrite_config PutBucketOverwriteConfig
        get_bucket_overwrite_config GetBucketOverwriteConfig,
        delete_bucket_overwrite_config DeleteBucketOverwriteConfig;
    "the retention by object" "objectWorm" documents::ObjectWormConfiguration,
        put_bucket_object_worm PutBucketObjectWormConfiguration
        get_bucket_object_worm GetBucketObjectWormConfiguration;
}

impl Client {
    /// Sets the policy of a bucket: JSON, at most 16 KB.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let policy = r#"{"Version": "1", "Statement": [{"Effect": "Allow", "Action": ["oss:GetObject"],
    ///     "Principal": ["*"], "Resource": ["acs:oss:*:*:bucket/public/*"]}]}"#;
    /// client.put_bucket_policy("bucket", policy).await?;
    /// # Ok(()) });
    /// ```
    pub async fn put_bucket_policy(&self, bucket: &str, policy: &str) -> Result<(), Error> {
        let call = Call::new(Operation::PutBucketPolicy, Method::PUT)
            .bucket(bucket)
            .query("policy", "")
            .header("content-type", "application/json")?
            .body(policy.to_owned().into());
        self.execute(&call).await.map(drop)
    }

    /// The policy of a bucket: JSON as it was put.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let policy = r#"{"Version": "1", "Statement": [{"Effect": "Deny", "Action": ["oss:DeleteObject"],
    ///     "Principal": ["*"], "Resource": ["acs:oss:*:*:bucket/*"]}]}"#;
    /// client.put_bucket_policy("bucket", policy).await?;
    /// assert_eq!(client.get_bucket_policy("bucket").await?, policy);
    /// # Ok(()) });
    /// ```
    pub async fn get_bucket_policy(&self, bucket: &str) -> Result<String, Error> {
        let call = Call::new(Operation::GetBucketPolicy, Method::GET)
            .bucket(bucket)
            .query("policy", "");
        let body = self.bytes(&call).await?;
        String::from_utf8(body).map_err(super::undecodable)
    }

    /// Removes the policy of a bucket; fine if there is none.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// client.delete_bucket_policy("bucket").await?;
    /// # Ok(()) });
    /// ```
    pub async fn delete_bucket_policy(&self, bucket: &str) -> Result<(), Error> {
        let call = Call::new(Operation::DeleteBucketPolicy, Method::DELETE)
            .bucket(bucket)
            .query("policy", "");
        self.execute(&call).await.map(drop)
    }

    /// Whether the policy of a bucket lets everybody in.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// assert!(!client.is_bucket_policy_public("bucket").await?);
    /// # Ok(()) });
    /// ```
    pub async fn is_bucket_policy_public(&self, bucket: &str) -> Result<bool, Error> {
        let call = Call::new(Operation::GetBucketPolicyStatus, Method::GET)
            .bucket(bucket)
            .query("policyStatus", "");
        let (_, status): (_, documents::PolicyStatus) = self.document(&call).await?;
        Ok(status.is_public)
    }

    /// Replaces the tags of a bucket: at most 20.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// client.put_bucket_tags("bucket", &vec![("team".into(), "vision".into())]).await?;
    /// # Ok(()) });
    /// ```
    pub async fn put_bucket_tags(&self, bucket: &str, tags: &Tags) -> Result<(), Error> {
        let call = Call::new(Operation::PutBucketTags, Method::PUT)
            .bucket(bucket)
            .query("tagging", "")
            .xml(super::tagging::document(tags.clone()))?;
        self.execute(&call).await.map(drop)
    }

    /// The tags of a bucket; none is no error.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// assert!(client.get_bucket_tags("bucket").await?.is_empty());
    /// # Ok(()) });
    /// ```
    pub async fn get_bucket_tags(&self, bucket: &str) -> Result<Tags, Error> {
        let call = Call::new(Operation::GetBucketTags, Method::GET)
            .bucket(bucket)
            .query("tagging", "");
        let (_, tagging): (_, xml::Tagging) = self.document(&call).await?;
        let tags = tagging.tag_set.tag.into_iter();
        Ok(tags.map(|tag| (tag.key, tag.value)).collect())
    }

    /// Takes all tags off a bucket.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// client.delete_bucket_tags("bucket").await?;
    /// # Ok(()) });
    /// ```
    pub async fn delete_bucket_tags(&self, bucket: &str) -> Result<(), Error> {
        let call = Call::new(Operation::DeleteBucketTags, Method::DELETE)
            .bucket(bucket)
            .query("tagging", "");
        self.execute(&call).await.map(drop)
    }

    /// Sets an inventory of a bucket.
    ///
    /// ```no_run
    /// # async fn example(client: ossplit::Client) -> Result<(), ossplit::Error> {
    /// let inventory = ossplit::settings::InventoryConfiguration {
    ///     id: "weekly".into(),
    ///     is_enabled: true,
    ///     ..Default::default()
    /// };
    /// client.put_bucket_inventory("bucket", &inventory).await?;
    /// # Ok(()) }
    /// ```
    pub async fn put_bucket_inventory(
        &self,
        bucket: &str,
        inventory: &documents::InventoryConfiguration,
    ) -> Result<(), Error> {
        let call = Call::new(Operation::PutBucketInventory, Method::PUT)
            .bucket(bucket)
            .query("inventory", "")
            .query("inventoryId", inventory.id.clone())
            .xml(xml::write(inventory))?;
        self.execute(&call).await.map(drop)
    }

    /// An inventory of a bucket.
    ///
    /// ```no_run
    /// # async fn example(client: ossplit::Client) -> Result<(), ossplit::Error> {
    /// let inventory = client.get_bucket_inventory("bucket", "weekly").await?;
    /// # Ok(()) }
    /// ```
    pub async fn get_bucket_inventory(
        &self,
        bucket: &str,
        id: &str,
    ) -> Result<documents::InventoryConfiguration, Error> {
        let call = Call::new(Operation::GetBucketInventory, Method::GET)
            .bucket(bucket)
            .query("inventory", "")
            .query("inventoryId", id);
        Ok(self.document(&call).await?.1)
    }

    /// The inventories of a bucket, a page of 100; `token` is what the page before gave.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// // Without any inventory the service answers `NoSuchInventory`.
    /// let inventories = client.list_bucket_inventory("bucket", None).await;
    /// assert_eq!(inventories.unwrap_err().code(), "NoSuchInventory");
    /// # Ok(()) });
    /// ```
    pub async fn list_bucket_inventory(
        &self,
        bucket: &str,
        token: Option<&str>,
    ) -> Result<documents::Inventories, Error> {
        let call = Call::new(Operation::ListBucketInventory, Method::GET)
            .bucket(bucket)
            .query("inventory", "")
            .query_some("continuation-token", token);
        Ok(self.document(&call).await?.1)
    }

    /// Removes an inventory of a bucket; fine if there is none.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// client.delete_bucket_inventory("bucket", "weekly").await?;
    /// # Ok(()) });
    /// ```
    pub async fn delete_bucket_inventory(&self, bucket: &str, id: &str) -> Result<(), Error> {
        let call = Call::new(Operation::DeleteBucketInventory, Method::DELETE)
            .bucket(bucket)
            .query("inventory", "")
            .query("inventoryId", id);
        self.execute(&call).await.map(drop)
    }

    /// Adds a rule by which objects are copied to another bucket, and gives its id.
    ///
    /// ```no_run
    /// # async fn example(client: ossplit::Client) -> Result<(), ossplit::Error> {
    /// let rule = ossplit::settings::ReplicationRule::default();
    /// let id = client.put_bucket_replication("bucket", rule).await?;
    /// # Ok(()) }
    /// ```
    pub async fn put_bucket_replication(
        &self,
        bucket: &str,
        rule: documents::ReplicationRule,
    ) -> Result<String, Error> {
        let document = documents::ReplicationConfiguration { rule: vec![rule] };
        let call = Call::new(Operation::PutBucketReplication, Method::POST)
            .bucket(bucket)
            .query("replication", "")
            .query("comp", "add")
            .xml(xml::write(&document))?;
        let reply = self.execute(&call).await?;
        Ok(text(reply.response.headers(), "x-oss-replication-rule-id").unwrap_or_default())
    }

    /// The rules by which objects are copied to other buckets.
    ///
    /// ```no_run
    /// # async fn example(client: ossplit::Client) -> Result<(), ossplit::Error> {
    /// let rules = client.get_bucket_replication("bucket").await?;
    /// # Ok(()) }
    /// ```
    pub async fn get_bucket_replication(
        &self,
        bucket: &str,
    ) -> Result<documents::ReplicationConfiguration, Error> {
        let call = Call::new(Operation::GetBucketReplication, Method::GET)
            .bucket(bucket)
            .query("replication", "");
        Ok(self.document(&call).await?.1)
    }

    /// How far a rule of copying is.
    ///
    /// ```no_run
    /// # async fn example(client: ossplit::Client) -> Result<(), ossplit::Error> {
    /// let progress = client.get_bucket_replication_progress("bucket", "rule-id").await?;
    /// # Ok(()) }
    /// ```
    pub async fn get_bucket_replication_progress(
        &self,
        bucket: &str,
        id: &str,
    ) -> Result<documents::ReplicationProgress, Error> {
        let call = Call::new(Operation::GetBucketReplicationProgress, Method::GET)
            .bucket(bucket)
            .query("replicationProgress", "")
            .query("rule-id", id);
        Ok(self.document(&call).await?.1)
    }

    /// Removes a rule of copying.
    ///
    /// ```no_run
    /// # async fn example(client: ossplit::Client) -> Result<(), ossplit::Error> {
    /// client.delete_bucket_replication("bucket", "rule-id").await?;
    /// # Ok(()) }
    /// ```
    pub async fn delete_bucket_replication(&self, bucket: &str, id: &str) -> Result<(), Error> {
        let document = documents::ReplicationRules {
            id: vec![id.to_owned()],
        };
        let call = Call::new(Operation::DeleteBucketReplication, Method::POST)
            .bucket(bucket)
            .query("replication", "")
            .query("comp", "delete")
            .xml(xml::write(&document))?;
        self.execute(&call).await.map(drop)
    }

    /// Begins a retention policy, and gives its id. It lapses after 24 hours unless it is locked.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let id = client.initiate_bucket_worm("bucket", 30).await?;
    /// # Ok(()) });
    /// ```
    pub async fn initiate_bucket_worm(&self, bucket: &str, days: u32) -> Result<String, Error> {
        let document = documents::InitiateWormConfiguration {
            retention_period_in_days: days.into(),
        };
        let call = Call::new(Operation::InitiateBucketWorm, Method::POST)
            .bucket(bucket)
            .query("worm", "")
            .xml(xml::write(&document))?;
        let reply = self.execute(&call).await?;
        Ok(text(reply.response.headers(), "x-oss-worm-id").unwrap_or_default())
    }

    /// Gives a retention policy up that is not locked.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// client.initiate_bucket_worm("bucket", 30).await?;
    /// client.abort_bucket_worm("bucket").await?;
    /// # Ok(()) });
    /// ```
    pub async fn abort_bucket_worm(&self, bucket: &str) -> Result<(), Error> {
        let call = Call::new(Operation::AbortBucketWorm, Method::DELETE)
            .bucket(bucket)
            .query("worm", "");
        self.execute(&call).await.map(drop)
    }

    /// Locks a retention policy, for ever.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let id = client.initiate_bucket_worm("bucket", 30).await?;
    /// client.complete_bucket_worm("bucket", &id).await?;
    /// # Ok(()) });
    /// ```
    pub async fn complete_bucket_worm(&self, bucket: &str, id: &str) -> Result<(), Error> {
        let call = Call::new(Operation::CompleteBucketWorm, Method::POST)
            .bucket(bucket)
            .query("wormId", id);
        self.execute(&call).await.map(drop)
    }

    /// Prolongs a locked retention policy.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let id = client.initiate_bucket_worm("bucket", 30).await?;
    /// client.complete_bucket_worm("bucket", &id).await?;
    /// client.extend_bucket_worm("bucket", &id, 60).await?;
    /// # Ok(()) });
    /// ```
    pub async fn extend_bucket_worm(&self, bucket: &str, id: &str, days: u32) -> Result<(), Error> {
        let document = documents::ExtendWormConfiguration {
            retention_period_in_days: days.into(),
        };
        let call = Call::new(Operation::ExtendBucketWorm, Method::POST)
            .bucket(bucket)
            .query("wormExtend", "")
            .query("wormId", id)
            .xml(xml::write(&document))?;
        self.execute(&call).await.map(drop)
    }

    /// The retention policy of a bucket.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// client.initiate_bucket_worm("bucket", 30).await?;
    /// let worm = client.get_bucket_worm("bucket").await?;
    /// # Ok(()) });
    /// ```
    pub async fn get_bucket_worm(
        &self,
        bucket: &str,
    ) -> Result<documents::WormConfiguration, Error> {
        let call = Call::new(Operation::GetBucketWorm, Method::GET)
            .bucket(bucket)
            .query("worm", "");
        Ok(self.document(&call).await?.1)
    }

    /// How many objects and bytes a bucket has, by storage class. The service counts hourly.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let stat = client.get_bucket_stat("bucket").await?;
    /// # Ok(()) });
    /// ```
    pub async fn get_bucket_stat(&self, bucket: &str) -> Result<xml::BucketStat, Error> {
        let call = Call::new(Operation::GetBucketStat, Method::GET)
            .bucket(bucket)
            .query("stat", "");
        Ok(self.document(&call).await?.1)
    }

    /// The regions of the service, or the one of this name (`oss-cn-hangzhou`).
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// let regions = client.describe_regions(None).await?;
    /// # Ok(()) });
    /// ```
    pub async fn describe_regions(
        &self,
        region: Option<&str>,
    ) -> Result<documents::RegionInfoList, Error> {
        let call = Call::new(Operation::DescribeRegions, Method::GET)
            .query("regions", region.unwrap_or_default());
        Ok(self.document(&call).await?.1)
    }
}
