//! What comes next: the orders in which files are fetched ahead.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use futures_util::{StreamExt as _, future, stream};
use tokio::sync::mpsc;

use super::Ahead;
use super::list::Batch;
use super::numbers::Numbered;
use crate::namespace::{Following, Next};
use crate::types::NodeId;

/// Names looked at under one lock.
const GULP: usize = 64;
/// Paths looked for at once, which may list a directory each.
const FOUND_AT_ONCE: usize = 16;
/// Where one directory ends another follows that lies beside one of so many above it.
const CLIMB: usize = 3;
/// So many absent numbers in a row end their order.
const ABSENT: u32 = 8;
/// Directories that are remembered as listed.
const DIRECTORIES: usize = 4096;
/// A file that was opened so few opens ago will not be opened again in this pass.
const LATELY: u64 = 1024;

/// An order, and how far it has come.
pub(super) enum Order {
    /// The names of a directory from the one after `after` on, then those of the next directory.
    Names {
        dir: NodeId,
        after: Box<str>,
        /// Files were found in this directory.
        any: bool,
        /// What was listed last may have shown more; `None`: to the end, or nothing was listed.
        listed: Listed,
    },
    /// The names of a directory that have this number and those above it; so many in a row were absent.
    Numbers {
        dir: NodeId,
        next: Numbered,
        absent: u32,
    },
    /// An earlier pass from a place on, up to where this one began.
    Epoch { at: u64, until: u64 },
    /// A list of paths.
    List {
        batches: mpsc::Receiver<Batch>,
        batch: Batch,
        began: u64,
    },
    /// These and no others.
    Files(VecDeque<Next>),
}

/// What is known of the names after those that are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Listed {
    /// Nobody asked.
    #[default]
    Not,
    /// They were asked for just now.
    More,
    /// There are none.
    ToTheEnd,
}

/// One step along an order.
pub(super) enum Step {
    /// These files come next (there may be none among the names looked at), and the order was followed so far.
    Files(Vec<Next>, u64),
    /// The files of the next directory come next.
    Crossed(NodeId),
    End,
}

impl Order {
    /// The next few files, no more than `most`. Asks OSS where a listing is missing.
    pub(super) async fn step(&mut self, ahead: &Ahead, most: usize) -> Step {
        let most = most.clamp(1, GULP);
        match self {
            Self::Names {
                dir,
                after,
                any,
                listed,
            } => {
                let Some((following, siblings)) = ahead.following(*dir, after, most).await else {
                    return Step::End;
                };
                let (found, reach) = (following.files, following.reach as u64);
                if let Some(last) = following.last {
                    *after = last;
                    *any |= !found.is_empty();
                    if *listed == Listed::More {
                        *listed = Listed::Not;
                    }
                    return Step::Files(ahead.not_lately(found, LATELY.min(siblings / 2)), reach);
                }
                match listed {
                    // What was shown was not learned: the cache has no room.
                    Listed::More => return Step::End,
                    Listed::Not => {
                        *listed = ahead.list_on(*dir, after).await;
                        return Step::Files(Vec::new(), reach);
                    }
                    Listed::ToTheEnd => {}
                }
                match ahead.next_directory(*dir).await {
                    Some(next) if *any => {
                        *dir = next;
                        *after = Box::default();
                        *any = false;
                        *listed = Listed::Not;
                        Step::Crossed(next)
                    }
                    _ => Step::End,
                }
            }
            Self::Numbers { dir, next, absent } => {
                // What comes next by number may be on any page.
                ahead.list_whole(*dir).await;
                let mut nodes = Vec::new();
                let siblings = {
                    let ns = ahead.core.ns.lock();
                    let Ok(slot) = ns.directory(*dir) else {
                        return Step::End;
                    };
                    while nodes.len() < most && *absent < ABSENT {
                        match ns.child(slot, &next.name()) {
                            Some(file) => {
                                nodes.push(ns.id(file));
                                *absent = 0;
                            }
                            None => *absent += 1,
                        }
                        next.number += 1;
                    }
                    ns.names(slot) as u64
                };
                if nodes.is_empty() {
                    return Step::End;
                }
                let found = ahead.known(nodes).await;
                let found = ahead.not_lately(found, LATELY.min(siblings / 2));
                Step::Files(found, next.number)
            }
            Self::Epoch { at, until } => {
                let mut nodes = Vec::new();
                let lately = {
                    let epochs = ahead.epochs.lock();
                    while nodes.len() < most
                        && *at < *until
                        && let Some((node, next)) = epochs.get(*at)
                    {
                        *at = next;
                        nodes.push(node);
                    }
                    LATELY.min((epochs.now() - *at) / 2)
                };
                if nodes.is_empty() {
                    return Step::End;
                }
                let found = ahead.known(nodes).await;
                Step::Files(ahead.not_lately(found, lately), *at)
            }
            Self::List {
                batches,
                batch,
                began,
            } => {
                let mut paths: Vec<Box<[u8]>> = Vec::new();
                while paths.len() < most {
                    let Some(path) = batch.next() else {
                        if !paths.is_empty() {
                            break;
                        }
                        let Some(next) = batches.recv().await else {
                            return Step::End;
                        };
                        *batch = next;
                        continue;
                    };
                    paths.push(path.into());
                }
                let found = stream::iter(paths)
                    .map(|path| async move { ahead.find(&path).await })
                    .buffered(FOUND_AT_ONCE)
                    .filter_map(future::ready)
                    .collect()
                    .await;
                let since = ahead.epochs.lock().now() - *began;
                Step::Files(ahead.not_lately(found, since.min(4 * LATELY)), 0)
            }
            Self::Files(files) => {
                if files.is_empty() {
                    return Step::End;
                }
                let some = files.drain(..most.min(files.len()));
                Step::Files(some.collect(), 0)
            }
        }
    }
}

impl Ahead {
    /// Without those that were opened at most so many opens ago.
    fn not_lately(&self, mut found: Vec<Next>, opens: u64) -> Vec<Next> {
        if opens > 0 {
            let epochs = self.epochs.lock();
            found.retain(|next| !epochs.lately(next.node, opens));
        }
        found
    }

    /// Lists one more page of a directory, after a name, if it may have one.
    async fn list_on(&self, dir: NodeId, after: &str) -> Listed {
        let key = {
            let ns = self.core.ns.lock();
            let large = ns.directory(dir).ok().filter(|slot| {
                ns.is_known_large(*slot) && !ns.was_listed(*slot, self.core.clock.now())
            });
            large.and_then(|slot| ns.key(slot))
        };
        let Some(key) = key else {
            return Listed::ToTheEnd;
        };
        match self.core.page_after(dir, &key, after).await {
            Ok(page) if page.shown.any && page.until().is_some() => Listed::More,
            _ => Listed::ToTheEnd,
        }
    }

    /// What follows a name, and how many names the directory has. Where what is known has expired, a page proves it anew.
    async fn following(&self, dir: NodeId, after: &str, most: usize) -> Option<(Following, u64)> {
        let look = || {
            let ns = self.core.ns.lock();
            let slot = ns.directory(dir).ok()?;
            let following = ns.following(slot, after, most, self.core.clock.now());
            Some((following, ns.names(slot) as u64, ns.key(slot)?))
        };
        let (following, names, key) = look()?;
        let Some(before) = &following.before_expired else {
            return Some((following, names));
        };
        if let Err(error) = self.core.page_after(dir, &key, before).await {
            tracing::debug!(key, %error, "a page to fetch files of can't be listed");
            return Some((following, names));
        }
        let (following, names, _) = look()?;
        // What was shown was not learned: the cache has no room.
        let learned = !following.files.is_empty() || following.before_expired.is_none();
        learned.then_some((following, names))
    }

    /// Those of these nodes that can be fetched. Where what is known of one has expired, its directory is listed first.
    async fn known(&self, nodes: Vec<NodeId>) -> Vec<Next> {
        let dirs: BTreeSet<NodeId> = {
            let ns = self.core.ns.lock();
            let now = self.core.clock.now();
            let slots = nodes.iter().filter_map(|node| ns.resolve(*node).ok());
            let expired = slots.filter(|slot| ns.is_linked(*slot) && ns.has_expired(*slot, now));
            expired.map(|slot| ns.id(ns.parent(slot))).collect()
        };
        let lists = stream::iter(dirs).map(|dir| self.list_whole(dir));
        lists.buffer_unordered(FOUND_AT_ONCE).collect::<()>().await;
        let ns = self.core.ns.lock();
        let now = self.core.clock.now();
        let slots = nodes.into_iter().filter_map(|node| ns.resolve(node).ok());
        slots.filter_map(|slot| ns.next(slot, now)).collect()
    }

    /// The directory after this one, listed. Where this was the last of those beside it: the first as deep below the
    /// next of those above.
    async fn next_directory(&self, dir: NodeId) -> Option<NodeId> {
        let (mut next, mut down) = {
            let ns = self.core.ns.lock();
            let (next, up) = ns.next_directory(ns.directory(dir).ok()?, CLIMB)?;
            (ns.id(next), up)
        };
        loop {
            let key = {
                let ns = self.core.ns.lock();
                let slot = ns.directory(next).ok()?;
                let listed = ns.was_listed(slot, self.core.clock.now());
                ns.key(slot).filter(|_| !listed)
            };
            if let Some(key) = key {
                self.core.first_page(next, &key).await.ok()?;
            }
            if down == 0 {
                return Some(next);
            }
            down -= 1;
            let ns = self.core.ns.lock();
            match ns.first_directory(ns.directory(next).ok()?) {
                Some(below) => next = ns.id(below),
                None => return Some(next),
            }
        }
    }

    /// The file with this path from the root.
    async fn find(&self, path: &[u8]) -> Option<Next> {
        let path = std::str::from_utf8(path).ok()?;
        let mut names = path
            .split('/')
            .filter(|name| !name.is_empty() && *name != ".");
        let mut node = NodeId::ROOT;
        let mut name = names.next()?;
        for below in names {
            node = self
                .core
                .settle(node, name, |ns, slot| ns.id(slot))
                .await
                .ok()?;
            name = below;
        }
        self.list_whole(node).await;
        let now = self.core.clock.now();
        self.core
            .settle(node, name, |ns, slot| ns.next(slot, now))
            .await
            .ok()?
    }

    /// Lists a directory to its end before its files are looked for: asking for their names one by one would cost a
    /// request each.
    async fn list_whole(&self, dir: NodeId) {
        if self.core.config.always_ask() {
            return;
        }
        let listed = {
            let mut listed = self.listed.lock();
            if listed.len() >= DIRECTORIES {
                listed.clear();
            }
            Arc::clone(listed.entry(dir).or_default())
        };
        let mut listed = listed.lock().await;
        let now = self.core.clock.now();
        let wanted = |large: bool| {
            let ns = self.core.ns.lock();
            let slot = ns.directory(dir).ok()?;
            let wanted = !ns.was_listed(slot, now) && ns.is_known_large(slot) == large;
            ns.key(slot).filter(|_| wanted)
        };
        if listed.is_some_and(|then| now.since(then) < self.core.config.stat_cache_expire) {
            // The cache may be too small to remember it.
            return;
        }
        let mut outcome = Ok(());
        if let Some(key) = wanted(false) {
            outcome = self.core.first_page(dir, &key).await.map(drop);
        }
        if wanted(true).is_some() {
            outcome = outcome.and(self.core.list_whole(dir).await);
        }
        if let Err(error) = outcome {
            tracing::debug!(?dir, %error, "a directory of a list can't be listed");
        }
        *listed = Some(now);
    }
}
