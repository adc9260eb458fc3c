//! Objects to objects, inside the service.

use crate::{
    Error, ProgressFn, Result, Settings, plan::Plan, progress::Counter, unfinished::Unfinished,
};
use ossplit::{
    Client, CopyObject, ErrorKind, GetObjectTagging, HeadObject, InitiateMultipartUpload,
    NewObject, ObjectMeta, UploadPartCopy, crc64,
};

/// Copies objects.
#[derive(Debug, Clone)]
pub struct Copier {
    client: Client,
    settings: Settings,
}

/// One object to copy.
#[derive(Clone, Default)]
pub struct CopyRequest {
    /// Bucket of the source.
    pub source_bucket: String,
    /// Key of the source.
    pub source_key: String,
    /// This version of the source.
    pub source_version_id: Option<String>,
    /// Bucket of the copy; in the same region.
    pub bucket: String,
    /// Key of the copy.
    pub key: String,
    /// Metadata that replace the source's; otherwise the source's metadata and tags come along.
    pub replace: Option<NewObject>,
    /// Fail rather than replace an object.
    pub forbid_overwrite: bool,
    /// Is told how far it is.
    pub progress: Option<ProgressFn>,
}

impl CopyRequest {
    /// Copies `source_key` to `key` within a bucket.
    pub fn new(
        bucket: impl Into<String>,
        source_key: impl Into<String>,
        key: impl Into<String>,
    ) -> Self {
        let bucket = bucket.into();
        Self {
            source_bucket: bucket.clone(),
            bucket,
            source_key: source_key.into(),
            key: key.into(),
            ..Self::default()
        }
    }
}

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The copy's, quoted.
    pub etag: String,
    /// The copy's, equal to the source's where the source has one.
    pub crc64: Option<u64>,
    /// Only in buckets with versioning.
    pub version_id: Option<String>,
    /// Bytes.
    pub size: u64,
}

impl Copier {
    /// Copies with `client`, as `settings` say.
    pub fn new(client: Client, settings: Settings) -> Self {
        Self { client, settings }
    }

    /// Copies an object, in parts if it is large. The copy is of one version of the source, whatever happens to it meanwhile.
    ///
    /// # Errors
    /// [`Error::ObjectChanged`] if the source is replaced meanwhile; then nothing is stored. [`Error::Oss`].
    pub async fn copy(&self, request: CopyRequest) -> Result<Copied> {
        let head = HeadObject {
            version_id: request.source_version_id.clone(),
            ..HeadObject::new(&*request.source_bucket, &*request.source_key)
        };
        let source = self.client.head_object(head).await?;
        let counter = Counter::new(source.size, request.progress.clone());
        let copied = if source.size <= self.settings.copy_threshold {
            let copied = self.whole(&request, &source).await;
            counter.add(source.size);
            copied
        } else {
            self.parts(&request, &source, &counter).await
        };
        let copied = copied.map_err(|error| explain(error, &request))?;
        match (source.crc64, copied.crc64) {
            (Some(expected), Some(actual)) if expected != actual => Err(Error::Corrupt {
                bucket: request.bucket,
                key: request.key,
                expected,
                actual,
            }),
            _ => Ok(copied),
        }
    }

    async fn whole(&self, request: &CopyRequest, source: &ObjectMeta) -> Result<Copied> {
        let copy = CopyObject {
            bucket: request.bucket.clone(),
            key: request.key.clone(),
            source_bucket: request.source_bucket.clone(),
            source_key: request.source_key.clone(),
            source_version_id: request.source_version_id.clone(),
            source_if_match: Some(source.etag.clone()),
            replace: request.replace.clone(),
            forbid_overwrite: request.forbid_overwrite,
            ..CopyObject::default()
        };
        let done = self.client.copy_object(copy).await?;
        Ok(Copied {
            etag: done.etag,
            crc64: done.crc64,
            version_id: done.version_id,
            size: source.size,
        })
    }

    async fn parts(
        &self,
        request: &CopyRequest,
        source: &ObjectMeta,
        counter: &Counter,
    ) -> Result<Copied> {
        // Nothing of a part travels through here, so parts are as large as makes them few.
        let plan = Plan::new(source.size, self.settings.copy_threshold / 8);
        let mut initiate = InitiateMultipartUpload::new(&*request.bucket, &*request.key);
        initiate.with = match &request.replace {
            Some(with) => with.clone(),
            None => self.metadata(request, source).await?,
        };
        let id = self.client.initiate_multipart_upload(initiate).await?;
        let mut upload = Unfinished::new(
            &self.client,
            &request.bucket,
            &request.key,
            id.clone(),
            false,
        );
        let mut numbers = 1..=plan.parts();
        let mut sums = vec![None; plan.parts() as usize];
        loop {
            while upload.in_flight() < self.settings.parallel.max(1)
                && let Some(part_number) = numbers.next()
            {
                let client = self.client.clone();
                let part = UploadPartCopy {
                    bucket: request.bucket.clone(),
                    key: request.key.clone(),
                    upload_id: id.clone(),
                    part_number,
                    source_bucket: request.source_bucket.clone(),
                    source_key: request.source_key.clone(),
                    source_version_id: request.source_version_id.clone(),
                    source_range: Some(plan.range(part_number)),
                    source_if_match: Some(source.etag.clone()),
                };
                upload.begin(async move { Ok(client.upload_part_copy(part).await?) });
            }
            let Some(part) = upload.next().await? else {
                break;
            };
            let length = plan.length(part.part_number);
            sums[part.part_number as usize - 1] = part.crc64.map(|crc| (crc, length));
            counter.add(length);
        }
        // Before the copy is there: a wrong one must not replace what is at the key.
        let whole = sums.into_iter().try_fold(0, |sum, part| {
            let (crc, length) = part?;
            Some(crc64::combine(sum, crc, length))
        });
        if let (Some(expected), Some(actual)) = (source.crc64, whole)
            && expected != actual
        {
            return Err(Error::Corrupt {
                bucket: request.bucket.clone(),
                key: request.key.clone(),
                expected,
                actual,
            });
        }
        let done = upload.complete(request.forbid_overwrite).await?;
        Ok(Copied {
            etag: done.etag,
            crc64: done.crc64,
            version_id: done.version_id,
            size: source.size,
        })
    }

    /// What `CopyObject` takes along by itself, and a multipart upload does not.
    async fn metadata(&self, request: &CopyRequest, source: &ObjectMeta) -> Result<NewObject> {
        let mut with = source.as_new();
        if source.tagging_count > 0 {
            let ask = GetObjectTagging {
                version_id: request.source_version_id.clone(),
                ..GetObjectTagging::new(&*request.source_bucket, &*request.source_key)
            };
            with.tags = self.client.get_object_tagging(ask).await?;
        }
        Ok(with)
    }
}

fn explain(error: Error, request: &CopyRequest) -> Error {
    if error.kind() == Some(ErrorKind::Precondition) {
        return Error::ObjectChanged {
            bucket: request.source_bucket.clone(),
            key: request.source_key.clone(),
        };
    }
    error
}
