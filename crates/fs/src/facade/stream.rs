//! A directory read page by page from OSS.
//!
//! The next page is asked for as soon as one is there. A long directory whose names go on as they began (numbers, as most
//! data sets have) is asked for several pages at once: where each will end is guessed (`guess`), and it is asked for
//! what lies after the last guess, up to the next. A guess need not be right: a page gives only names up to its
//! guess, and the next one begins there, or where the page ended. So every name is shown exactly once, and a wrong
//! guess costs a request at most. Where names are spread evenly instead, as hashes are (`spread`), a guess cuts off a part
//! that fits one page: that takes a tenth more requests. Beyond the end of a directory of n names up to an eighth of its pages are asked for in
//! vain, 7 at the most; none where it has less than 16 pages.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::core::{Core, PAGE_KEYS, log_odd};
use super::dirs::{Emitter, Step};
use super::guess;
use super::spread::Spread;
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
    /// The pages that come next, in order.
    ahead: VecDeque<Ahead>,
    /// How many pages in a row ended where it was to be guessed.
    guessed: usize,
    /// How the names of the last full page are spread, and how many pages in a row were as wide.
    spread: Option<Spread>,
    even: usize,
}

/// Pages on their way at most.
const AT_ONCE: usize = 8;
/// Pages that must have ended where it was guessed, for each that is on its way.
const PROVEN: usize = 8;
/// So many pages in a row as wide as the one before show that names are spread evenly.
const EVEN: usize = 4;
/// Names that a part must have which was thought to fill most of a page.
const FULL_PART: usize = 700;

/// What part of a directory a page shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Span {
    from: From,
    /// Up to this key; `None`: as far as a page goes.
    until: Option<String>,
}

/// Where a page begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum From {
    #[default]
    Start,
    /// Where the page ended that this token is of.
    Token(String),
    /// After this key.
    After(String),
}

/// The beginning of a page.
#[derive(Clone, Debug)]
struct Mark {
    /// Entries on the pages before.
    first: u64,
    span: Span,
}

struct Page {
    first: u64,
    shown: Shown,
    /// The inodes of its entries, as far as they were learned.
    known: Snapshot,
    next: Option<Span>,
    /// Its first and last key, if it is full.
    ends: Option<(String, String)>,
    /// Where it ends.
    last: Option<String>,
    /// Removals in the directory when the page was asked for.
    removals: u32,
    lease: Option<Lease>,
}

/// What was asked for one page.
struct Loaded {
    shown: Shown,
    /// Where the next one begins.
    next: Option<Span>,
    ends: Option<(String, String)>,
    last: Option<String>,
    /// How its names are spread, if it is full and was asked for as a whole.
    spread: Option<Spread>,
}

/// A page on its way. The request ends when this is dropped.
struct Ahead {
    span: Span,
    removals: u32,
    task: JoinHandle<Result<Loaded>>,
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
                span: Span::default(),
            }],
            page: None,
            ahead: VecDeque::new(),
            guessed: 0,
            spread: None,
            even: 0,
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
        let entries = page.shown.entries.iter().enumerate();
        for (at, entry) in entries.skip(skip as usize) {
            let double = local.iter().any(|child| {
                out.ns.still_there(out.dir, *child) && *out.ns.name(child.0) == *entry.name
            });
            if double {
                out.at += 1;
            } else if !out.listed(entry, page.known.get(at), learn) {
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
        // A page that is still wanted, or that begins where the wanted one was cut short; what is before it is not.
        while self.ahead.front().is_some_and(|ahead| {
            ahead.span.from != mark.span.from && !follows(&mark.span, &ahead.span)
        }) {
            self.ahead.pop_front();
        }
        let ahead = match self.ahead.front() {
            Some(ahead) if ahead.span.from == mark.span.from => self.ahead.pop_front(),
            _ => None,
        };
        if let Some(ahead) = &ahead {
            // It may show less than the mark allows.
            self.marks[index].span = ahead.span.clone();
        }
        let removals = {
            let ns = core.ns.lock();
            ns.removals(ns.directory(node)?)
        };
        let (loaded, removals, lease) = if let Some(mut ahead) = ahead {
            let answer = (&mut ahead.task).await.map_err(|_| Error::BadHandle)?;
            (answer?, ahead.removals, ahead.lease.take())
        } else {
            let load = load(Arc::clone(core), self.key.clone(), mark.span.clone());
            (load.await?, removals, None)
        };
        let Loaded {
            shown,
            next,
            ends,
            last,
            spread,
        } = loaded;
        // A server that hands out the same token for ever must not keep a reader for ever.
        let next = next.filter(|next| next.from != mark.span.from);
        self.judge(ends.as_ref());
        self.judge_spread(&self.marks[index].span.clone(), spread, shown.entries.len());
        log_odd(&self.key, &shown);
        let inodes = self.learn(core, node, index, &shown, (removals, next.is_none()))?;
        let after = Mark {
            first: mark.first + shown.entries.len() as u64,
            span: next.clone().unwrap_or_default(),
        };
        let known = self.marks.get(index + 1);
        if known
            .is_none_or(|known| known.first != after.first || known.span.from != after.span.from)
        {
            self.marks.truncate(index + 1);
            if next.is_some() {
                self.marks.push(after);
            }
        }
        if next.is_none() {
            self.ahead.clear();
        }
        let lease = lease.or_else(|| core.budget.try_lease(Priority::Demand, PAGE_BYTES));
        self.page = Some(Page {
            first: mark.first,
            shown,
            known: inodes,
            next,
            ends,
            last,
            removals,
            lease,
        });
        Ok(())
    }

    /// Notes whether a page was as wide as those before.
    fn judge_spread(&mut self, span: &Span, spread: Option<Spread>, names: usize) {
        if span.until.is_none() {
            // Numbers in a row are guessed better.
            let like = self.guessed == 0
                && matches!((&self.spread, &spread), (Some(a), Some(b)) if a.is_like(b));
            self.even = if like { self.even + 1 } else { 0 };
            self.spread = spread;
        } else if matches!(span.from, From::After(_)) && names < FULL_PART {
            self.even = 0;
        }
    }

    /// Notes whether a page ended where the one before let expect it.
    fn judge(&mut self, ends: Option<&(String, String)>) {
        let before = self.page.as_ref().and_then(|page| page.ends.as_ref());
        let expected = before.and_then(|(first, last)| guess::next(first, last, PAGE_KEYS));
        self.guessed = match (expected, ends) {
            (Some(expected), Some((_, last))) if expected == *last => self.guessed + 1,
            _ => 0,
        };
    }

    /// Puts the page with this index into the namespace; gives its inodes, or none.
    fn learn(
        &mut self,
        core: &Core,
        node: NodeId,
        index: usize,
        shown: &Shown,
        (removals, last): (u32, bool),
    ) -> Result<Snapshot> {
        let mut ns = core.ns.lock();
        let dir = ns.directory(node)?;
        if ns.key(dir).as_deref() != Some(&*self.key) {
            // Renamed since: what comes is of another path.
            self.learned = None;
            return Ok(Vec::new());
        }
        let sent = self.listing.started;
        let mut known = Vec::new();
        if ns.removals(dir) == removals {
            let learned = shown.entries.iter().map_while(|entry| {
                let slot = ns.learn(dir, &entry.name, &entry.seen, sent)?;
                Some((slot, ns.generation(slot)))
            });
            known = learned.collect();
            for entry in &shown.entries[known.len()..] {
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
        Ok(known)
    }

    /// After a call: sends for the next page while the reader is busy, and keeps no page that the budget has no room
    /// for.
    pub(super) fn settle_down(&mut self, core: &Arc<Core>, node: NodeId) {
        let Some(page) = &self.page else { return };
        let mut wanted = (self.guessed / PROVEN).clamp(1, AT_ONCE);
        let spread = self.spread.as_ref();
        let spread = spread.filter(|_| self.guessed < PROVEN && self.even >= EVEN);
        if spread.is_some() {
            wanted = AT_ONCE;
        }
        // Where the last page that was asked for ends.
        let mut end = match self.ahead.back() {
            Some(last) => last.span.until.clone(),
            None => match &page.next {
                Some(Span {
                    from: From::After(key),
                    ..
                }) => Some(key.clone()),
                _ => page.last.clone(),
            },
        };
        // Where each page on its way begins; those that follow the page in memory come first.
        let mut next = match self.ahead.back() {
            Some(last) => last.span.until.clone().map(|until| Span {
                from: From::After(until),
                until: None,
            }),
            None => page.next.clone(),
        };
        let mut ends = match (self.ahead.back(), &page.ends) {
            (Some(last), Some((first, end))) => {
                let until = last.span.until.clone();
                until.and_then(|until| guess::shift(first, end, &until))
            }
            (_, ends) => ends.clone(),
        };
        while self.ahead.len() < wanted
            && let Some(mut span) = next.take()
            && let Some(lease) = core.budget.try_lease(Priority::Prefetch, PAGE_BYTES)
        {
            if let Some(spread) = spread {
                if span.until.is_none() {
                    span.until = end.take().and_then(|end| spread.next(&end));
                }
                end.clone_from(&span.until);
            } else if wanted > 1 && span.until.is_none() {
                span.until = ends
                    .as_ref()
                    .and_then(|(first, last)| guess::next(first, last, PAGE_KEYS));
            }
            if let Some(until) = &span.until {
                next = Some(Span {
                    from: From::After(until.clone()),
                    until: None,
                });
                ends = ends.and_then(|(first, last)| guess::shift(&first, &last, until));
            }
            let ns = core.ns.lock();
            let Ok(dir) = ns.directory(node) else { break };
            let load = load(Arc::clone(core), self.key.clone(), span.clone());
            self.ahead.push_back(Ahead {
                span,
                removals: ns.removals(dir),
                task: tokio::spawn(load),
                lease: Some(lease),
            });
        }
        if page.lease.is_none() {
            self.page = None;
        }
    }
}

/// True if a page of `later` can still come after one of `wanted`, of which only the beginning differs.
fn follows(wanted: &Span, later: &Span) -> bool {
    let From::After(from) = &later.from else {
        return false;
    };
    wanted.until.as_ref().is_some_and(|until| until <= from)
}

async fn load(core: Arc<Core>, key: String, span: Span) -> Result<Loaded> {
    let (token, start_after) = match span.from {
        From::Start => (None, None),
        From::Token(token) => (Some(token), None),
        From::After(key) => (None, Some(key)),
    };
    let request = ListRequest {
        prefix: key.clone(),
        delimiter: true,
        max_keys: PAGE_KEYS,
        token,
        start_after,
    };
    let mut page = core.list(request).await?;
    let mut cut = false;
    if let Some(until) = &span.until {
        let all = page.objects.len() + page.prefixes.len();
        page.objects.retain(|(key, _)| key <= until);
        page.prefixes.retain(|prefix| prefix <= until);
        cut = page.objects.len() + page.prefixes.len() < all;
    }
    let last = page.objects.last().map(|(key, _)| key);
    let last = last.max(page.prefixes.last()).cloned();
    let first = page.objects.first().map(|(key, _)| key.clone());
    let full = page.objects.len() == PAGE_KEYS as usize;
    let spread = (full && span.until.is_none())
        .then(|| Spread::of(page.objects.iter().map(|(key, _)| key.as_str())))
        .flatten();
    let next = match (span.until, page.next.clone()) {
        // There is more, though this page does not say so.
        (Some(until), _) if cut || (page.next.is_some() && last.as_ref() == Some(&until)) => {
            Some(Span {
                from: From::After(until),
                until: None,
            })
        }
        // It ended before the guess: what is between comes next.
        (until, Some(token)) => Some(Span {
            from: From::Token(token),
            until,
        }),
        (_, None) => None,
    };
    Ok(Loaded {
        ends: first.zip(last.clone()).filter(|_| full),
        last,
        spread,
        shown: core.later_page(&key, page).await?,
        next,
    })
}
