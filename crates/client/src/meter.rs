//! Counters per operation.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! operations {
    ($($name:ident)*) => {
        /// A call of the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Operation {
            $(#[doc = concat!("`", stringify!($name), "`")] $name,)*
        }

        impl Operation {
            /// Every operation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name in the API.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }
    };
}
operations! {
    ListBuckets PutBucket DeleteBucket GetBucketInfo GetBucketLocation ListObjects ListObjectsV2
    PutObject GetObject HeadObject GetObjectMeta DeleteObject DeleteMultipleObjects CopyObject
    AppendObject InitiateMultipartUpload UploadPart UploadPartCopy CompleteMultipartUpload
    AbortMultipartUpload ListParts ListMultipartUploads
    PutBucketAcl GetBucketAcl PutObjectAcl GetObjectAcl
    PutBucketVersioning GetBucketVersioning ListObjectVersions
    PutObjectTagging GetObjectTagging DeleteObjectTagging PutSymlink GetSymlink
    RestoreObject CleanRestoredObject SealAppendObject
    PutBucketLifecycle GetBucketLifecycle DeleteBucketLifecycle
    PutBucketCors GetBucketCors DeleteBucketCors
    PutBucketWebsite GetBucketWebsite DeleteBucketWebsite
    PutBucketLogging GetBucketLogging DeleteBucketLogging
    PutUserDefinedLogFieldsConfig GetUserDefinedLogFieldsConfig DeleteUserDefinedLogFieldsConfig
    PutBucketReferer GetBucketReferer
    PutBucketEncryption GetBucketEncryption DeleteBucketEncryption
    PutBucketPolicy GetBucketPolicy DeleteBucketPolicy GetBucketPolicyStatus
    PutBucketTags GetBucketTags DeleteBucketTags
    PutBucketRequestPayment GetBucketRequestPayment
    PutBucketTransferAcceleration GetBucketTransferAcceleration
    PutBucketInventory GetBucketInventory DeleteBucketInventory ListBucketInventory
    PutBucketReplication GetBucketReplication DeleteBucketReplication
    GetBucketReplicationProgress
    InitiateBucketWorm AbortBucketWorm CompleteBucketWorm ExtendBucketWorm GetBucketWorm
    PutBucketAccessMonitor GetBucketAccessMonitor
    PutBucketResourceGroup GetBucketResourceGroup
    PutBucketHttpsConfig GetBucketHttpsConfig
    PutBucketArchiveDirectRead GetBucketArchiveDirectRead
    PutBucketPublicAccessBlock GetBucketPublicAccessBlock DeleteBucketPublicAccessBlock
    PutBucketOverwriteConfig GetBucketOverwriteConfig DeleteBucketOverwriteConfig
    PutBucketObjectWormConfiguration GetBucketObjectWormConfiguration
    GetBucketStat DescribeRegions
    Raw
}

/// What one operation cost so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests sent, retries included.
    pub requests: u64,
    /// Requests that failed, retried or not.
    pub errors: u64,
    /// Requests sent again.
    pub retries: u64,
    /// Body bytes sent.
    pub bytes_sent: u64,
    /// Body bytes received.
    pub bytes_received: u64,
}

#[derive(Debug, Default)]
struct Cell {
    requests: AtomicU64,
    errors: AtomicU64,
    retries: AtomicU64,
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
}

/// All counters of a client.
#[derive(Debug)]
pub(crate) struct Meter {
    cells: Vec<Cell>,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self {
            cells: Operation::ALL.iter().map(|_| Cell::default()).collect(),
        }
    }

    fn cell(&self, operation: Operation) -> &Cell {
        &self.cells[operation as usize]
    }

    pub(crate) fn sent(&self, operation: Operation, again: bool, bytes: u64) {
        let cell = self.cell(operation);
        cell.requests.fetch_add(1, Relaxed);
        cell.retries.fetch_add(u64::from(again), Relaxed);
        cell.bytes_sent.fetch_add(bytes, Relaxed);
    }

    pub(crate) fn failed(&self, operation: Operation) {
        self.cell(operation).errors.fetch_add(1, Relaxed);
    }

    pub(crate) fn received(&self, operation: Operation, bytes: u64) {
        self.cell(operation)
            .bytes_received
            .fetch_add(bytes, Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Vec<(Operation, Counts)> {
        let read = |cell: &Cell| Counts {
            requests: cell.requests.load(Relaxed),
            errors: cell.errors.load(Relaxed),
            retries: cell.retries.load(Relaxed),
            bytes_sent: cell.bytes_sent.load(Relaxed),
            bytes_received: cell.bytes_received.load(Relaxed),
        };
        Operation::ALL
            .iter()
            .map(|op| (*op, read(self.cell(*op))))
            .collect()
    }
}
