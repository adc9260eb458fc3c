//! The bucket behind the client.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::sync::Arc;

use ossplit::{
    Client, CopyObject, DeleteMultipleObjects, DeleteObject, GetObjectTagging, GetSymlink,
    GetSymlinkOutput, HeadObject, ListObjectsV2, NewObject, ObjectMeta, PutObject, PutSymlink,
};

use super::{ListPage, ListRequest, NewMeta, Remote, link, posix};
use crate::content_types::ContentTypes;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::namespace::tag::Tag;
use crate::namespace::{Details, Facts, Meta};
use crate::types::{FileKind, ObjectVersion};
use crate::write::Upload;

/// The type of OSS's own symlinks.
const LINK: &str = "Symlink";
/// The type of objects that bytes can be added to.
const APPENDABLE: &str = "Appendable";

/// Content type of a directory's marker object, as ossfs 1 writes it.
const DIRECTORY: &str = "application/x-directory";

/// One bucket of OSS.
pub(crate) struct Bucket {
    context: Arc<Context>,
    client: Client,
    name: String,
    types: Arc<ContentTypes>,
    /// Nothing is written: what a rewritten object keeps is not asked for.
    read_only: bool,
}

impl Bucket {
    pub(crate) fn new(context: &Arc<Context>) -> Self {
        let config = &context.config;
        Self {
            context: Arc::clone(context),
            client: context.client.clone(),
            name: config.bucket.clone(),
            types: Arc::clone(&config.content_types),
            read_only: config.read_only,
        }
    }

    /// What a copy is written with: what the source has, and our own metadata if they are new. Also whether the source has
    /// tags, which an object that nobody else wrote has not.
    async fn described(
        &self,
        from: &ObjectVersion,
        with: Option<NewMeta>,
    ) -> Result<(NewObject, bool)> {
        if let Some(NewMeta { meta, own: true }) = with {
            return Ok((posix::described(&meta), false));
        }
        let head = self
            .client
            .head_object(HeadObject::new(&self.name, &*from.key))
            .await?;
        if *head.etag != *from.etag {
            return Err(Error::Stale);
        }
        let mut described = head.as_new();
        if let Some(with) = with {
            // What its name said of the source, the new name says of the copy.
            posix::drop_known_type(&mut described, self.types.of(&from.key));
            described.user_metadata = posix::replace(head.user_metadata, &with.meta);
        }
        Ok((described, head.tagging_count > 0))
    }

    /// What one of OSS's own symlinks is.
    fn facts_of_link(&self, key: &str, link: &GetSymlinkOutput) -> Facts {
        let path = link::path_of(key, &link.target, &self.context.config.prefix);
        // It leads nowhere here, and says where that would be.
        let path = path.unwrap_or_else(|| format!("oss://{}/{}", self.name, link.target));
        let meta = Meta {
            special: Some(FileKind::Symlink),
            target: Some(path.as_bytes().into()),
            others: None,
            ..posix::of(&link.meta, None)
        };
        Facts {
            link: true,
            size: path.len() as u64,
            ..facts(&link.meta, meta)
        }
    }

    /// The tags of an object: `CopyObject` takes them along by itself, an upload does not.
    async fn tags(&self, key: &str) -> Result<ossplit::Tags> {
        let ask = GetObjectTagging::new(&*self.name, key);
        Ok(self.client.get_object_tagging(ask).await?)
    }

    async fn copy_in_parts(
        &self,
        from: &ObjectVersion,
        to: &str,
        with: Option<NewMeta>,
    ) -> Result<ObjectVersion> {
        let (mut described, tagged) = self.described(from, with).await?;
        if tagged {
            described.tags = self.tags(&from.key).await?;
        }
        let mut upload = Upload::begin(&self.context, to, &described).await?;
        upload.copy(from, 0..from.size).await?;
        let done = upload.complete().await?;
        Ok(ObjectVersion {
            key: to.into(),
            etag: done.etag.into(),
            version_id: done.version_id.map(Into::into),
            size: from.size,
            mtime: from.mtime,
            crc64: done.crc64,
            appendable: false,
        })
    }
}

/// Which bucket of which endpoint: the same in every process.
pub(crate) fn place(client: &Client, bucket: &str) -> String {
    format!("{}/{bucket}", client.config().endpoint)
}

impl Remote for Bucket {
    fn place(&self) -> String {
        place(&self.client, &self.name)
    }

    fn list(&self, request: ListRequest) -> BoxFuture<'_, Result<ListPage>> {
        async move {
            let page = self
                .client
                .list_objects_v2(ListObjectsV2 {
                    bucket: self.name.clone(),
                    prefix: request.prefix,
                    delimiter: request.delimiter.then(|| "/".to_owned()),
                    start_after: request.start_after,
                    max_keys: Some(request.max_keys),
                    continuation_token: request.token,
                })
                .await?;
            let objects = page.objects.into_iter().map(|object| {
                let facts = Facts {
                    size: object.size,
                    mtime: nanos(object.last_modified),
                    tag: Tag::new(&object.etag),
                    link: object.object_type == LINK,
                    archived: is_archive(&object.storage_class),
                    appendable: object.object_type == APPENDABLE,
                    details: None,
                };
                (object.key, facts)
            });
            Ok(ListPage {
                objects: objects.collect(),
                prefixes: page.common_prefixes,
                next: page.next,
            })
        }
        .boxed()
    }

    fn head<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Facts>>> {
        async move {
            let ask = HeadObject::new(&self.name, key);
            match self.client.head_object(ask).await {
                // What it says is the target's.
                Ok(head) if head.object_type == LINK => self.link(key).await,
                Ok(head) => {
                    let mut meta = posix::of(&head, self.types.of(key));
                    if head.tagging_count > 0 && !self.read_only {
                        match self.tags(key).await {
                            Ok(tags) => meta.keep_tags(tags),
                            Err(Error::Denied(cause)) => {
                                tracing::warn!(key, %cause, "tags will be lost if the file is rewritten");
                            }
                            Err(error) => return Err(error),
                        }
                    }
                    Ok(Some(facts(&head, meta)))
                }
                Err(error) if error.kind() == ossplit::ErrorKind::NoSuchKey => Ok(None),
                Err(error) => Err(error.into()),
            }
        }
        .boxed()
    }

    fn link<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Facts>>> {
        async move {
            let ask = GetSymlink::new(&self.name, key);
            match self.client.get_symlink(ask).await {
                Ok(link) => Ok(Some(self.facts_of_link(key, &link))),
                Err(error) if error.kind() == ossplit::ErrorKind::NoSuchKey => Ok(None),
                // Another object came in its place.
                Err(error) if error.code() == "NotSymlink" => self.head(key).await,
                Err(error) => Err(error.into()),
            }
        }
        .boxed()
    }

    fn put_link<'a>(
        &'a self,
        key: &'a str,
        target: &'a str,
        meta: Meta,
    ) -> BoxFuture<'a, Result<Facts>> {
        let mut put = PutSymlink::new(&self.name, key, target);
        put.with = posix::described(&Meta {
            target: None,
            ..meta
        });
        async move {
            self.client.put_symlink(put).await?;
            // The answer does not name the ETag.
            self.link(key).await?.ok_or(Error::NotFound)
        }
        .boxed()
    }

    fn put_marker<'a>(&'a self, key: &'a str, meta: Meta) -> BoxFuture<'a, Result<()>> {
        let with = NewObject {
            content_type: Some(DIRECTORY.to_owned()),
            user_metadata: posix::write(&meta, true),
            ..NewObject::default()
        };
        let request = PutObject::new(&self.name, key, bytes::Bytes::new()).with(with);
        async move { Ok(self.client.put_object(request).await.map(drop)?) }.boxed()
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        body: Bytes,
        meta: Meta,
    ) -> BoxFuture<'a, Result<ObjectVersion>> {
        let with = posix::described(&meta);
        let size = body.len() as u64;
        let request = PutObject::new(&self.name, key, body).with(with);
        async move {
            let done = self.client.put_object(request).await?;
            Ok(ObjectVersion {
                key: key.into(),
                etag: done.etag.into(),
                version_id: done.version_id.map(Into::into),
                size,
                mtime: meta.mtime.unwrap_or(0),
                crc64: done.crc64,
                appendable: false,
            })
        }
        .boxed()
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<()>> {
        let request = DeleteObject::new(&self.name, key);
        async move { Ok(self.client.delete_object(request).await.map(drop)?) }.boxed()
    }

    fn erase<'a>(&'a self, key: &'a str, version_id: Option<&'a str>) -> BoxFuture<'a, Result<()>> {
        let request = DeleteObject {
            version_id: version_id.map(str::to_owned),
            ..DeleteObject::new(&self.name, key)
        };
        async move { Ok(self.client.delete_object(request).await.map(drop)?) }.boxed()
    }

    fn delete_many(&self, keys: Vec<String>) -> BoxFuture<'_, Result<()>> {
        async move {
            let wanted = keys.len();
            let request = DeleteMultipleObjects::new(&self.name, keys);
            let gone = self.client.delete_multiple_objects(request).await?;
            if gone.len() < wanted {
                let left = wanted - gone.len();
                let message = format!("{left} of {wanted} objects were not deleted");
                return Err(ossplit::Error::new(ossplit::ErrorKind::AccessDenied, message).into());
            }
            Ok(())
        }
        .boxed()
    }

    fn copy<'a>(
        &'a self,
        from: &'a ObjectVersion,
        to: &'a str,
        with: Option<NewMeta>,
    ) -> BoxFuture<'a, Result<ObjectVersion>> {
        async move {
            // Onto itself nothing is copied but the metadata, whatever the size.
            if from.size > self.context.config.single_copy && *from.key != *to {
                return self.copy_in_parts(from, to, with).await;
            }
            let mut request =
                CopyObject::new(&self.name, &*from.key, to).source_if_match(&*from.etag);
            if with.is_some() {
                request = request.replace_metadata(self.described(from, with).await?.0);
            }
            let copy = self.client.copy_object(request).await.map_err(|error| {
                // The source went away: what was opened or listed is not there any more.
                match Error::from(error) {
                    Error::NotFound => Error::Stale,
                    other => other,
                }
            })?;
            Ok(ObjectVersion {
                key: to.into(),
                etag: copy.etag.into(),
                version_id: copy.version_id.map(Into::into),
                size: from.size,
                mtime: nanos(copy.last_modified),
                crc64: copy.crc64.or(from.crc64),
                // Copies are Normal, and what can't be told of one onto itself is taken for that.
                appendable: false,
            })
        }
        .boxed()
    }
}

/// What an answer about a single object says.
fn facts(head: &ObjectMeta, meta: Meta) -> Facts {
    let details = Details {
        meta,
        version_id: head.version_id.as_deref().map(Into::into),
        crc64: head.crc64,
    };
    Facts {
        size: head.size,
        mtime: nanos(head.last_modified),
        tag: Tag::new(&head.etag),
        link: false,
        archived: is_archive(&head.storage_class),
        appendable: head.object_type == APPENDABLE,
        details: Some(Box::new(details)),
    }
}

/// A class whose objects must be restored before they can be read.
fn is_archive(class: &str) -> bool {
    matches!(class, "Archive" | "ColdArchive" | "DeepColdArchive")
}

fn nanos(seconds: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000)
}
