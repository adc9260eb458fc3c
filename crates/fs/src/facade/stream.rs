//! A directory read page by page from OSS.

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::core::{Core, PAGE_KEYS, log_odd};
use super::dirs::{Emitter, Step};
use crate::budget::{Lease, Priority};
use crate::error::{Error, Result};
use crate::namespace::{Listing, Pages, Shown, Snapshot};
use crate::remote::ListRequest;
use crate::types::NodeId;

/// What a page takes in memory, roughly: a thousand names with their attributes.
pub(super) const PAGE_BYTES: u64 = 192 << 10;

/// A listing under way, of which one page is in memory and the next on its way. For each page that was read, its place
/// and its token are kept, so that a reader can go back.
pub(super) struct Stream {
    /// The directory's key when the listing began.
    key: String,
    listing: Listing,
    /// How many pages were learned in a row, the first included; `None` once one was missed.
    learned: Option<usize>,
    marks: Vec<Mark>,
    page: Option<Page>,
    ahead: Option<Ahead>,
}

/// The beginning of a page.
#[derive(Clone, Debug)]
struct Mark {
    /// Entries on the pages before.
    first: u64,
    /// Brings the page; the first page needs none.
    token: Option<String>,
}

struct Page {
    first: u64,
    shown: Shown,
    next: Option<String>,
    /// Removals in the directory when the page was asked for.
    removals: u32,
    lease: Option<Lease>,
}

/// The next page on its way. The request ends when this is dropped.
struct Ahead {
    token: String,
    removals: u32,
    task: JoinHandle<Result<(Shown, Option<String>)>>,
    lease: Option<Lease>,
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Stream {
    pub(super) fn new(core: &Core, node: NodeId) -> Result<Self> {
        let ns = core.ns.lock();
        let dir = ns.directory(node)?;
        Ok(Self {
            key: ns.key(dir).ok_or(Error::NotFound)?,
            listing: ns.begin_listing(dir, core.clock.now()),
            learned: Some(0),
            marks: vec![Mark {
                first: 0,
                token: None,
            }],
            page: None,
            ahead: None,
        })
    }

    /// Hands out what the page in memory has from the emitter's place on.
    pub(super) fn emit(&mut self, out: &mut Emitter<'_, '_>, local: &Snapshot) -> Step {
        let lead = 2 + local.len() as u64;
        let Some(page) = &self.page else {
            return Step::Miss;
        };
        let Some(skip) = (out.at - lead).checked_sub(page.first) else {
            return Step::Miss;
        };
        // Until this mount takes a name away, an entry that is not known can only have been evicted.
        let learn = (out.ns.removals(out.dir) == page.removals).then_some(self.listing.started);
        for entry in page.shown.entries.iter().skip(skip as usize) {
            let double = local.iter().any(|child| {
                out.ns.still_there(out.dir, *child) && *out.ns.name(child.0) == *entry.name
            });
            if double {
                out.at += 1;
            } else if !out.listed(entry, learn) {
                return Step::Done;
            }
        }
        if page.next.is_some() {
            Step::Miss
        } else {
            Step::Done
        }
    }

    /// Fetches the page that holds the entry with `wanted` entries before it.
    pub(super) async fn fetch(
        &mut self,
        core: &Arc<Core>,
        node: NodeId,
        wanted: u64,
    ) -> Result<()> {
        let index = self
            .marks
            .partition_point(|mark| mark.first <= wanted)
            .saturating_sub(1);
        let mark = self.marks[index].clone();
        let ahead = self
            .ahead
            .take()
            .filter(|ahead| Some(&ahead.token) == mark.token.as_ref());
        let removals = {
            let ns = core.ns.lock();
            ns.removals(ns.directory(node)?)
        };
        let (shown, next, removals, lease) = if let Some(mut ahead) = ahead {
            let answer = (&mut ahead.task).await.map_err(|_| Error::BadHandle)?;
            let (shown, next) = answer?;
            (shown, next, ahead.removals, ahead.lease.take())
        } else {
            let (shown, next) =
                load(Arc::clone(core), self.key.clone(), mark.token.clone()).await?;
            (shown, next, removals, None)
        };
        // A server that hands out the same token for ever must not keep a reader for ever.
        let next = next.filter(|next| Some(next) != mark.token.as_ref());
        log_odd(&self.key, &shown);
        self.learn(core, node, index, &shown, (removals, next.is_none()))?;
        let after = Mark {
            first: mark.first + shown.entries.len() as u64,
            token: next.clone(),
        };
        let known = self.marks.get(index + 1);
        if known.is_none_or(|known| known.first != after.first || known.token != after.token) {
            self.marks.truncate(index + 1);
            if after.token.is_some() {
                self.marks.push(after);
            }
        }
        let lease = lease.or_else(|| core.budget.try_lease(Priority::Demand, PAGE_BYTES));
        self.page = Some(Page {
            first: mark.first,
            shown,
            next,
            removals,
            lease,
        });
        Ok(())
    }

    /// Puts the page with this index into the namespace.
    fn learn(
        &mut self,
        core: &Core,
        node: NodeId,
        index: usize,
        shown: &Shown,
        (removals, last): (u32, bool),
    ) -> Result<()> {
        let mut ns = core.ns.lock();
        let dir = ns.directory(node)?;
        if ns.key(dir).as_deref() != Some(&*self.key) {
            // Renamed since: what comes is of another path.
            self.learned = None;
            return Ok(());
        }
        let sent = self.listing.started;
        if ns.removals(dir) == removals {
            for entry in &shown.entries {
                ns.learn(dir, &entry.name, &entry.seen, sent);
            }
        } else {
            // What is not known may be what was just removed.
            self.learned = None;
        }
        if shown.any {
            ns.learn_dir(dir, shown.marker, sent);
        }
        match self.learned {
            Some(pages) if pages == index => self.learned = Some(pages + 1),
            Some(pages) if pages < index => self.learned = None,
            _ => {}
        }
        let pages = if index == 0 && last {
            Pages::One
        } else {
            Pages::Many
        };
        if last && self.learned == Some(index + 1) {
            ns.end_listing(dir, self.listing, pages);
        } else if pages == Pages::Many {
            ns.is_large(dir);
        }
        Ok(())
    }

    /// After a call: sends for the next page while the reader is busy, and keeps no page that the budget has no room
    /// for.
    pub(super) fn settle_down(&mut self, core: &Arc<Core>, node: NodeId) {
        let Some(page) = &self.page else { return };
        if let Some(token) = &page.next
            && self.ahead.is_none()
            && let Some(lease) = core.budget.try_lease(Priority::Prefetch, PAGE_BYTES)
        {
            let ns = core.ns.lock();
            if let Ok(dir) = ns.directory(node) {
                let load = load(Arc::clone(core), self.key.clone(), Some(token.clone()));
                self.ahead = Some(Ahead {
                    token: token.clone(),
                    removals: ns.removals(dir),
                    task: tokio::spawn(load),
                    lease: Some(lease),
                });
            }
        }
        if page.lease.is_none() {
            self.page = None;
        }
    }
}

async fn load(
    core: Arc<Core>,
    key: String,
    token: Option<String>,
) -> Result<(Shown, Option<String>)> {
    let request = ListRequest {
        prefix: key.clone(),
        delimiter: true,
        max_keys: PAGE_KEYS,
        token,
        ..ListRequest::default()
    };
    let page = core.list(request).await?;
    let next = page.next.clone();
    Ok((Shown::new(&key, page), next))
}
