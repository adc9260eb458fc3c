//! Renaming: copies on the server, then deletions.
//!
//! A file is one copy and one deletion. A directory is a copy of each object below it, `multireq_max` at a time, and
//! only when all are there a deletion of each one that was copied; an object that another client wrote meanwhile is
//! found by listing again, and copied before it is deleted. A crash half-way leaves both names, never neither.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::changes::Target;
use super::core::{Core, PAGE_KEYS};
use crate::error::{Error, Result};
use crate::namespace::Facts;
use crate::remote::{ListRequest, NewMeta};
use crate::types::{FileKind, NodeId, ObjectVersion};

/// Files that are open, by their old keys: their new versions are wanted.
pub(super) type Watch = HashMap<String, NodeId>;

impl Core {
    /// Gives what `from` names another name, in place of whatever it led to (no directory with anything in it). Files
    /// that are being written must have been flushed.
    /// Returns the new versions of the files in `watch`.
    pub(super) async fn rename(
        &self,
        from: &Target,
        (new_parent, new_name): (NodeId, &str),
        watch: &Watch,
    ) -> Result<Vec<(NodeId, ObjectVersion)>> {
        let to_key = {
            let ns = self.ns.lock();
            ns.child_key(ns.directory(new_parent)?, new_name)?
        };
        let versions = if from.kind == FileKind::Directory {
            let to = format!("{to_key}/");
            self.move_tree(&from.key, &to, watch).await?
        } else {
            let types = &self.config.content_types;
            let retyped = types.of(&from.key) != types.of(&to_key);
            let with = self.meta_for_copy(from.node, retyped);
            let version = self.move_file(from, &to_key, with.clone()).await?;
            if let Some(with) = with {
                let mut ns = self.ns.lock();
                if let Ok(slot) = ns.resolve(from.node) {
                    ns.meta_stored(slot, &with.meta, with.own);
                }
            }
            vec![(from.node, version)]
        };
        let now = self.clock.now();
        let mut ns = self.ns.lock();
        let slot = ns.resolve(from.node)?;
        let new_dir = ns.directory(new_parent)?;
        if from.kind != FileKind::Directory
            && let Some((_, version)) = versions.first()
        {
            ns.published(slot, version, now);
        }
        let (old_dir, wall) = (ns.parent(slot), self.clock.wall());
        ns.moved(slot, new_dir, new_name, now);
        ns.touch(old_dir, wall);
        ns.touch(new_dir, wall);
        ns.renamed(slot, wall);
        Ok(versions)
    }

    /// The metadata that a file's copy needs to be told: those that were set here, and the time of writing where the
    /// object's own is all there is. All of them if the name now tells another content type.
    fn meta_for_copy(&self, node: NodeId, retyped: bool) -> Option<NewMeta> {
        let mut ns = self.ns.lock();
        let slot = ns.resolve(node).ok()?;
        let keeps_time = ns.meta(slot).mtime.is_some();
        if !ns.has_new_meta(slot) && (keeps_time && !retyped || !self.config.details) {
            return None;
        }
        let own = ns.is_own(slot);
        let meta = ns.meta_to_store(slot);
        Some(NewMeta { meta, own })
    }

    async fn move_file(
        &self,
        from: &Target,
        to: &str,
        with: Option<NewMeta>,
    ) -> Result<ObjectVersion> {
        let version = from.version.as_ref().ok_or(Error::NotFound)?;
        let copied = {
            let _permit = self.permit().await?;
            self.remote.copy(version, to, with).await?
        };
        let _permit = self.permit().await?;
        self.remote.delete(&from.key).await?;
        Ok(copied)
    }

    /// Moves every object whose key begins with `from`.
    async fn move_tree(
        &self,
        from: &str,
        to: &str,
        watch: &Watch,
    ) -> Result<Vec<(NodeId, ObjectVersion)>> {
        // What was copied, by key and ETag: 8 bytes an object.
        let mut copied = HashSet::new();
        let mut watched = Vec::new();
        let mut walk = Walk::new(from);
        while let Some(page) = walk.next(self).await? {
            for one in self.copy_all(page, from, to).await? {
                copied.insert(one.mark);
                watched.extend(watch.get(&one.from).map(|node| (*node, one.version)));
            }
        }
        let mut walk = Walk::new(from);
        while let Some(page) = walk.next(self).await? {
            let mut keys = Vec::with_capacity(page.len());
            let mut late = Vec::new();
            for object in page {
                keys.push(object.0.clone());
                if !copied.contains(&mark(&object)) {
                    late.push(object);
                }
            }
            for one in self.copy_all(late, from, to).await? {
                copied.insert(one.mark);
            }
            if !keys.is_empty() {
                let _permit = self.permit().await?;
                self.remote.delete_many(keys).await?;
            }
        }
        Ok(watched)
    }

    /// Copies objects from below `from` to below `to`.
    async fn copy_all(
        &self,
        objects: Vec<(String, Facts)>,
        from: &str,
        to: &str,
    ) -> Result<Vec<Copied>> {
        let copies = objects.into_iter().map(|object| async move {
            let mark = mark(&object);
            let (key, facts) = object;
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
            let version = self.remote.copy(&version, &target, None).await?;
            Ok(Copied {
                from: key,
                version,
                mark,
            })
        });
        stream::iter(copies)
            .buffer_unordered(self.config.multireq_max.max(1))
            .try_collect()
            .await
    }
}

/// One object that was copied.
struct Copied {
    from: String,
    version: ObjectVersion,
    mark: u64,
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
