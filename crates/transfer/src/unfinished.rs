//! A multipart upload under way.

use crate::{Error, Result};
use ossplit::{
    AbortMultipartUpload, Client, CompleteMultipartUpload, CompletedPart, PutObjectOutput,
};
use std::{collections::BTreeMap, future::Future};
use tokio::{runtime::Handle, task::JoinSet};

/// A multipart upload under way. Dropped before it is complete it is aborted, unless it is to be resumed later.
pub(crate) struct Unfinished {
    client: Client,
    runtime: Handle,
    bucket: String,
    key: String,
    /// `None` once it is complete or aborted.
    id: Option<String>,
    keep: bool,
    done: BTreeMap<u32, CompletedPart>,
    in_flight: JoinSet<Result<CompletedPart>>,
}

impl Unfinished {
    pub(crate) fn new(client: &Client, bucket: &str, key: &str, id: String, keep: bool) -> Self {
        Self {
            client: client.clone(),
            runtime: Handle::current(),
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            id: Some(id),
            keep,
            done: BTreeMap::new(),
            in_flight: JoinSet::new(),
        }
    }

    /// A part that an earlier try brought over.
    pub(crate) fn has(&mut self, part: CompletedPart) {
        self.done.insert(part.part_number, part);
    }

    pub(crate) fn is_done(&self, number: u32) -> bool {
        self.done.contains_key(&number)
    }

    pub(crate) fn begin(
        &mut self,
        part: impl Future<Output = Result<CompletedPart>> + Send + 'static,
    ) {
        self.in_flight.spawn(part);
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// The next part that is done; `None` when none is in flight.
    pub(crate) async fn next(&mut self) -> Result<Option<CompletedPart>> {
        let Some(part) = self.in_flight.join_next().await else {
            return Ok(None);
        };
        let part = part.map_err(|_| Error::Interrupted)??;
        self.done.insert(part.part_number, part.clone());
        Ok(Some(part))
    }

    /// Makes the object of all parts.
    pub(crate) async fn complete(mut self, forbid_overwrite: bool) -> Result<PutObjectOutput> {
        let request = CompleteMultipartUpload {
            bucket: self.bucket.clone(),
            key: self.key.clone(),
            upload_id: self.id(),
            parts: std::mem::take(&mut self.done).into_values().collect(),
            forbid_overwrite,
            resumed: false,
        };
        let output = self.client.complete_multipart_upload(request).await?;
        self.id = None;
        Ok(output)
    }

    /// Its upload id.
    pub(crate) fn id(&self) -> String {
        self.id.clone().unwrap_or_default()
    }

    /// Does not go on, now or later.
    pub(crate) fn give_up(&mut self) {
        self.keep = false;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let Some(id) = self.id.take().filter(|_| !self.keep) else {
            return;
        };
        let request = AbortMultipartUpload::new(&*self.bucket, &*self.key, id);
        let (client, mut in_flight) = (self.client.clone(), std::mem::take(&mut self.in_flight));
        self.runtime.spawn(async move {
            // A part that arrives after the abort would stay: wait for the tasks first.
            in_flight.shutdown().await;
            if let Err(error) = client.abort_multipart_upload(request).await {
                tracing::warn!(%error, "an unfinished upload could not be aborted");
            }
        });
    }
}
