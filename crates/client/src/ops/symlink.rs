//! Symlinks: objects that name another object of their bucket.

use super::{NewObject, ObjectMeta, put::text};
use crate::{Client, Error, ErrorKind, Operation, client::Call};
use http::Method;
use ossplit_protocol::{encode, headers as names};

/// `PutSymlink`. The target need not be there.
#[derive(Debug, Clone, Default)]
pub struct PutSymlink {
    /// The bucket.
    pub bucket: String,
    /// The link's key.
    pub key: String,
    /// The key that it names.
    pub target: String,
    /// What the link says of itself.
    pub with: NewObject,
}

impl PutSymlink {
    /// Makes `key` name `target`.
    pub fn new(
        bucket: impl Into<String>,
        key: impl Into<String>,
        target: impl Into<String>,
    ) -> Self {
        Self {
            bucket: bucket.into(),
            key: key.into(),
            target: target.into(),
            with: NewObject::default(),
        }
    }
}

/// `GetSymlink`.
#[derive(Debug, Clone, Default)]
pub struct GetSymlink {
    /// The bucket.
    pub bucket: String,
    /// The link's key.
    pub key: String,
    /// This version.
    pub version_id: Option<String>,
}

impl GetSymlink {
    /// Asks what a link names.
    pub fn new(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            key: key.into(),
            version_id: None,
        }
    }
}

/// What `GetSymlink` answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetSymlinkOutput {
    /// The key that the link names.
    pub target: String,
    /// What the service says of the link itself.
    pub meta: ObjectMeta,
}

impl Client {
    /// Makes a symlink and gives its version, in buckets that keep versions.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// client.put_symlink(ossplit::PutSymlink::new("bucket", "link", "key")).await?;
    /// # Ok(()) });
    /// ```
    pub async fn put_symlink(&self, request: PutSymlink) -> Result<Option<String>, Error> {
        let call = Call::new(Operation::PutSymlink, Method::PUT)
            .object(&request.bucket, &request.key)
            .query("symlink", "")
            .header(names::SYMLINK_TARGET, &encode::component(&request.target))?;
        let call = request.with.headers(call, &self.config().object_defaults)?;
        let reply = self.execute(&call).await?;
        Ok(text(reply.response.headers(), names::VERSION_ID))
    }

    /// What a symlink names.
    ///
    /// ```
    /// # mod service { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/service.rs")); }
    /// # service::example(async |client| {
    /// client.put_symlink(ossplit::PutSymlink::new("bucket", "link", "key")).await?;
    /// let link = client.get_symlink(ossplit::GetSymlink::new("bucket", "link")).await?;
    /// assert_eq!(link.target, "key");
    /// # Ok(()) });
    /// ```
    pub async fn get_symlink(&self, request: GetSymlink) -> Result<GetSymlinkOutput, Error> {
        let call = Call::new(Operation::GetSymlink, Method::GET)
            .object(&request.bucket, &request.key)
            .query("symlink", "")
            .query_some("versionId", request.version_id);
        let reply = self.execute(&call).await?;
        let headers = reply.response.headers();
        let sent = text(headers, names::SYMLINK_TARGET).unwrap_or_default();
        let target = encode::decode(&sent).filter(|target| !target.is_empty());
        let target = target.ok_or_else(|| {
            let message = format!("{} is {sent:?}", names::SYMLINK_TARGET);
            Error::new(ErrorKind::Server, message)
        })?;
        Ok(GetSymlinkOutput {
            target: target.into_owned(),
            meta: ObjectMeta::of(headers),
        })
    }
}
