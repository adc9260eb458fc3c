//! Renaming: copies on the server, then deletions.
//!
//! A file is one copy and one deletion. A directory is a copy of each object below it, `multireq_max` at a time, and
//! only when all are there a deletion of each one that was copied; an object that another client wrote meanwhile is
//! found by listing again, and copied before it is deleted. So there is never a moment with neither name; a crash
//! half-way is finished or undone by the next mount ([`crate::moves`]), and a failure is undone at once.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::pin;

use futures_util::{Stream, StreamExt, TryStreamExt, stream};

use super::changes::Target;
use super::core::Core;
use crate::error::{Error, Result};
use crate::moves::{self, Move, Walk};
use crate::namespace::Facts;
use crate::remote::NewMeta;
use crate::types::{FileKind, NodeId, ObjectVersion};

/// Deletions in flight, of 1,000 objects each.
const DELETIONS: usize = 4;

/// Files that are open, by their old keys: their new versions are wanted.
pub(super) type Watch = HashMap<String, NodeId>;

impl Core {
    /// Gives what `from` names another name, in place of whatever it led to (no directory with anything in it). Files
    /// that are being written must have been flushed. `marker`: the new name is an empty directory with an object of its own.
    /// Returns the new versions of the files in `watch`.
    pub(super) async fn rename(
        &self,
        from: &Target,
        (new_parent, new_name): (NodeId, &str),
        marker: bool,
        watch: &Watch,
    ) -> Result<Vec<(NodeId, ObjectVersion)>> {
        let to_key = {
            let ns = self.ns.lock();
            ns.child_key(ns.directory(new_parent)?, new_name)?
        };
        let unsure = |error: Error| {
            let mut ns = self.ns.lock();
            if let Ok(dir) = ns.directory(new_parent) {
                ns.unsure(dir, new_name);
            }
            if let Ok(slot) = ns.resolve(from.node) {
                let (dir, name) = (ns.parent(slot), ns.name(slot).to_owned());
                ns.unsure(dir, &name);
            }
            error
        };
        let versions = if from.kind == FileKind::Directory {
            let to = format!("{to_key}/");
            let moved = self.move_tree(&from.key, &to, marker, watch).await;
            moved.map_err(unsure)?
        } else {
            let types = &self.config.content_types;
            let retyped = types.of(&from.key) != types.of(&to_key);
            let with = self.meta_for_copy(from.node, retyped);
            let moved = self.move_file(from, &to_key, with.clone()).await;
            let version = moved.map_err(unsure)?;
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
        // One of OSS's own symlinks is copied as it is.
        let plain = keeps_time && !retyped || !self.config.details;
        if ns.is_link(slot) || !ns.has_new_meta(slot) && plain {
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
        let what = Move::File {
            from: from.key.clone(),
            to: to.to_owned(),
        };
        let under_way = self.moves.begins(what, self.clock.wall());
        let moved = under_way.alive(async {
            let copied = {
                let _permit = self.permit().await?;
                self.remote.copy(version, to, with).await?
            };
            let _permit = self.permit().await?;
            self.remote.delete(&from.key).await?;
            Ok(copied)
        });
        let moved = moved.await;
        // The caller knows of a failure: nothing is to happen behind its back later.
        under_way.ended();
        moved
    }

    /// Moves every object whose key begins with `from`.
    async fn move_tree(
        &self,
        from: &str,
        to: &str,
        marker: bool,
        watch: &Watch,
    ) -> Result<Vec<(NodeId, ObjectVersion)>> {
        let what = Move::Tree {
            from: from.to_owned(),
            to: to.to_owned(),
            marker,
        };
        let under_way = self.moves.begins(what.clone(), self.clock.wall());
        // As a killed process would be followed up, now that the caller still waits.
        let settle = async |copied, error: &Error| {
            let at_once = self.config.multireq_max;
            let settled = moves::settle(&*self.remote, at_once, &what, copied, &moves::EVER).await;
            settled.inspect_err(|second| {
                tracing::error!(from, to, %error, %second, "a directory's rename failed half-way: it is in both places");
            })
        };
        let moved = under_way.alive(async {
            let (copied, watched) = match self.copy_tree((from, to), watch).await {
                Ok(copies) => copies,
                Err(error) => {
                    let _ = settle(false, &error).await;
                    return Err(error);
                }
            };
            under_way.copied();
            match self.delete_tree((from, to), &copied).await {
                Err(error) if settle(true, &error).await.is_err() => Err(error),
                _ => Ok(watched),
            }
        });
        let moved = moved.await;
        // The caller knows of a failure: nothing is to happen behind its back later.
        under_way.ended();
        moved
    }

    /// Copies everything. Gives what was copied, by key and `ETag` (8 bytes an object), and the new versions of what is
    /// watched.
    async fn copy_tree(
        &self,
        (from, to): (&str, &str),
        watch: &Watch,
    ) -> Result<(HashSet<u64>, Vec<(NodeId, ObjectVersion)>)> {
        let objects = self
            .pages(from)
            .map_ok(|page| stream::iter(page).map(Ok))
            .try_flatten();
        let mut copies = pin!(
            objects
                .map_ok(|object| self.copy_one(object, from, to))
                .try_buffer_unordered(self.config.multireq_max.max(1))
        );
        let (mut copied, mut watched) = (HashSet::new(), Vec::new());
        while let Some(one) = copies.try_next().await? {
            copied.insert(one.mark);
            watched.extend(watch.get(&one.from).map(|node| (*node, one.version)));
        }
        Ok((copied, watched))
    }

    /// Deletes everything that was copied, and what others wrote meanwhile once it is copied too.
    async fn delete_tree(&self, (from, to): (&str, &str), copied: &HashSet<u64>) -> Result<()> {
        let delete = async |page: Vec<(String, Facts)>| {
            let mut keys = Vec::with_capacity(page.len());
            for object in page {
                keys.push(object.0.clone());
                if !copied.contains(&mark(&object)) {
                    self.copy_one(object, from, to).await?;
                }
            }
            if keys.is_empty() {
                return Ok(());
            }
            let _permit = self.permit().await?;
            self.remote.delete_many(keys).await
        };
        let deletions = self.pages(from).map_ok(delete);
        deletions
            .try_buffer_unordered(DELETIONS)
            .try_collect::<()>()
            .await
    }

    /// All objects below a prefix, page by page.
    fn pages<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Stream<Item = Result<Vec<(String, Facts)>>> + 'a {
        stream::try_unfold(Walk::new(&*self.remote, prefix), async |mut walk| {
            let _permit = self.permit().await?;
            Ok(walk.next().await?.map(|page| (page, walk)))
        })
    }

    /// Copies an object from below `from` to below `to`.
    async fn copy_one(&self, object: (String, Facts), from: &str, to: &str) -> Result<Copied> {
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
            appendable: facts.appendable,
        };
        let _permit = self.permit().await?;
        let version = self.remote.copy(&version, &target, None).await?;
        Ok(Copied {
            from: key,
            version,
            mark,
        })
    }

    /// Swaps what two names lead to. Files that are being written must have been flushed.
    pub(super) async fn exchange(
        &self,
        one: &Target,
        other: &Target,
    ) -> Result<Vec<(NodeId, ObjectVersion)>> {
        let (Some(first), Some(second)) = (&one.version, &other.version) else {
            return Err(Error::InvalidArgument("RENAME_EXCHANGE of a directory"));
        };
        let wall = self.clock.wall();
        let via = moves::via(&self.config.prefix, wall);
        let with = [one, other].map(|target| self.meta_for_copy(target.node, false));
        let [with_one, with_other] = with.clone();
        let what = Move::Exchange {
            one: one.key.clone(),
            other: other.key.clone(),
            via: via.clone(),
        };
        let under_way = self.moves.begins(what.clone(), wall);
        let swapped = under_way.alive(async {
            let _permit = self.permit().await?;
            let kept = self.remote.copy(first, &via, None).await?;
            under_way.copied();
            let second = self.remote.copy(second, &one.key, with_other).await?;
            let first = self.remote.copy(&kept, &other.key, with_one).await?;
            self.remote.delete(&via).await?;
            Ok((first, second))
        });
        let swapped: Result<_> = swapped.await;
        if let Err(error) = &swapped {
            let settled = moves::settle(&*self.remote, 1, &what, true, &moves::EVER).await;
            let mut ns = self.ns.lock();
            for target in [one, other] {
                if let Ok(slot) = ns.resolve(target.node) {
                    let (dir, name) = (ns.parent(slot), ns.name(slot).to_owned());
                    ns.unsure(dir, &name);
                }
            }
            if let Err(second) = settled {
                // Left in the record: the next mount tries again, so that `via` does not stay.
                tracing::error!(one = one.key, other = other.key, via, %error, %second, "an exchange failed half-way");
                return Err(error.clone());
            }
        }
        under_way.ended();
        let (first, second) = swapped?;
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let mut ns = self.ns.lock();
        let (a, b) = (ns.resolve(one.node)?, ns.resolve(other.node)?);
        for ((slot, version), with) in [(a, &first), (b, &second)].into_iter().zip(with) {
            ns.published(slot, version, now);
            if let Some(with) = with {
                ns.meta_stored(slot, &with.meta, with.own);
            }
        }
        ns.exchanged(a, b, now);
        for slot in [a, b] {
            let dir = ns.parent(slot);
            ns.touch(dir, wall);
            ns.renamed(slot, wall);
        }
        Ok(vec![(one.node, first), (other.node, second)])
    }
}

/// One object that was copied.
struct Copied {
    from: String,
    version: ObjectVersion,
    mark: u64,
}

fn mark((key, facts): &(String, Facts)) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    facts.tag.text().hash(&mut hasher);
    hasher.finish()
}
