//! Renaming: copies on the server, then deletions.
//!
//! A file is one copy and one deletion. A directory is a copy of each object below it, `multireq_max` at a time, and
//! only when all are there a deletion of each one that was copied; an object that another client wrote meanwhile is
//! found by listing again, and copied before it is deleted. A crash half-way leaves both names, never neither.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::changes::{Target, check_rename};
use super::core::{Core, PAGE_KEYS};
use crate::error::{Error, Result};
use crate::namespace::Facts;
use crate::remote::ListRequest;
use crate::types::{FileKind, NodeId, ObjectVersion, RenameFlags};

impl Core {
    /// Renames `name` in `parent`. Files that are being written must have been flushed.
    pub(super) async fn rename(
        self: Arc<Self>,
        (parent, name): (NodeId, String),
        (new_parent, new_name): (NodeId, String),
        flags: RenameFlags,
    ) -> Result<()> {
        let from = self.target(parent, &name).await?;
        let to = self.free_or(new_parent, &new_name).await?;
        let to_key = {
            let ns = self.ns.lock();
            ns.child_key(ns.directory(new_parent)?, &new_name)?
        };
        check_rename(&from, to.as_ref(), &to_key, flags)?;
        if to.as_ref().is_some_and(|to| to.node == from.node) {
            return Ok(());
        }
        let version = match from.kind {
            FileKind::File => Some(self.move_file(&from, &to_key).await?),
            FileKind::Directory => {
                if let Some(to) = &to {
                    self.remove_empty(to).await?;
                }
                self.move_tree(&from.key, &format!("{to_key}/")).await?;
                None
            }
        };
        let now = self.clock.now();
        let mut ns = self.ns.lock();
        let slot = ns.resolve(from.node)?;
        let new_dir = ns.directory(new_parent)?;
        if let Some(version) = version {
            ns.published(slot, &version, now);
        }
        ns.moved(slot, new_dir, &new_name, now);
        Ok(())
    }

    async fn move_file(&self, from: &Target, to: &str) -> Result<ObjectVersion> {
        let version = from.version.as_ref().ok_or(Error::NotFound)?;
        let copied = {
            let _permit = self.permit().await?;
            self.remote.copy(version, to).await?
        };
        let _permit = self.permit().await?;
        self.remote.delete(&from.key).await?;
        Ok(copied)
    }

    /// Moves every object whose key begins with `from`.
    async fn move_tree(&self, from: &str, to: &str) -> Result<()> {
        // What was copied, by key and ETag: 8 bytes an object.
        let mut copied = HashSet::new();
        let mut walk = Walk::new(from);
        while let Some(page) = walk.next(self).await? {
            copied.extend(self.copy_all(page, from, to).await?);
        }
        let mut walk = Walk::new(from);
        while let Some(page) = walk.next(self).await? {
            let late = page.iter().filter(|object| !copied.contains(&mark(object)));
            let late = late.cloned().collect();
            copied.extend(self.copy_all(late, from, to).await?);
            let keys: Vec<String> = page.into_iter().map(|(key, _)| key).collect();
            if !keys.is_empty() {
                let _permit = self.permit().await?;
                self.remote.delete_many(keys).await?;
            }
        }
        Ok(())
    }

    /// Copies objects from below `from` to below `to`; returns their marks.
    async fn copy_all(
        &self,
        objects: Vec<(String, Facts)>,
        from: &str,
        to: &str,
    ) -> Result<Vec<u64>> {
        let copies = objects.into_iter().map(|object| async move {
            let (key, facts) = &object;
            let rest = key.strip_prefix(from).ok_or(Error::NotFound)?;
            let target = format!("{to}{rest}");
            crate::namespace::names::check_key(&target)?;
            let version = ObjectVersion {
                key: key.as_str().into(),
                etag: facts.tag.text().into(),
                version_id: None,
                size: facts.size,
                mtime: facts.mtime,
                crc64: None,
            };
            let _permit = self.permit().await?;
            self.remote.copy(&version, &target).await?;
            Ok(mark(&object))
        });
        stream::iter(copies)
            .buffer_unordered(self.config.multireq_max.max(1))
            .try_collect()
            .await
    }
}

/// A walk over everything below a prefix.
struct Walk<'a> {
    prefix: &'a str,
    token: Option<String>,
    ended: bool,
}

impl<'a> Walk<'a> {
    fn new(prefix: &'a str) -> Self {
        Self {
            prefix,
            token: None,
            ended: false,
        }
    }

    /// The next page of it.
    async fn next(&mut self, core: &Core) -> Result<Option<Vec<(String, Facts)>>> {
        if self.ended {
            return Ok(None);
        }
        let request = ListRequest {
            prefix: self.prefix.to_owned(),
            max_keys: PAGE_KEYS,
            token: self.token.clone(),
            ..ListRequest::default()
        };
        let page = core.list(request).await?;
        self.ended = page.next.is_none() || page.next == self.token;
        self.token = page.next;
        Ok(Some(page.objects))
    }
}

fn mark((key, facts): &(String, Facts)) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    facts.tag.text().hash(&mut hasher);
    hasher.finish()
}
