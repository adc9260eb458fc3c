//! Fetching small files before they are opened: a reader that goes through many never waits for each.
//!
//! Which come next is known from a list that somebody gave (`list`), from an earlier pass whose order repeats
//! (`epochs`), or from the order of names (`runs`) or of numbers (`numbers`); how far to go ahead is up to `windows`. One task a window (`pump`)
//! fetches along its order (`order`), which may also list the directories on the way.

mod epochs;
mod list;
mod numbers;
mod order;
mod runs;
mod windows;

pub use list::PrefetchList;

use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore};

use self::epochs::Epochs;
use self::numbers::{COUNTED, Numbered};
use self::order::{Listed, Order, Step};
use self::runs::{FOLLOWED, Runs};
use self::windows::{FIRST, Purpose, Room, WindowId, Windows};
use super::core::Core;
use crate::clock::Moment;
use crate::contents::{Begin, Contents, Prefetch};
use crate::namespace::Next;
use crate::types::NodeId;

/// Fetches of files that nobody opened yet, at once over the whole mount.
const AT_ONCE: usize = 200;
/// A directory of so few files is fetched as a whole when the first of them is opened.
const SMALL_DIRECTORY: usize = 8;
/// Files that were fetched ahead and not opened take at most this share of the budget, for each window.
const SHARE: u64 = 4;
/// A window that was not used for so long ends.
const IDLE: Duration = Duration::from_mins(10);
/// How soon what found no room in the budget is tried again, if nothing is read meanwhile.
const TRY_AGAIN: Duration = Duration::from_millis(20);

/// Files fetched ahead.
pub(super) struct Ahead {
    pub(super) core: Arc<Core>,
    contents: Arc<dyn Contents>,
    runtime: Handle,
    slots: Arc<Semaphore>,
    latency: Arc<Latency>,
    windows: Mutex<Windows>,
    epochs: Mutex<Epochs>,
    runs: Mutex<Runs>,
    /// As `runs`, of the numbers in names.
    counts: Mutex<Runs>,
    /// When each directory was last listed for its names' sake; held meanwhile.
    listed: Mutex<HashMap<NodeId, Arc<tokio::sync::Mutex<Option<Moment>>>>>,
}

/// An open, as far as it concerns what is fetched ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// Its bytes are wanted now.
    Wanted,
    /// The page cache should have them.
    Kept,
    /// The page cache should have had them, and has not.
    Lost,
}

impl Ahead {
    /// To be made on the runtime that fetches.
    pub(super) fn new(core: &Arc<Core>, contents: &Arc<dyn Contents>) -> Arc<Self> {
        Arc::new(Self {
            core: Arc::clone(core),
            contents: Arc::clone(contents),
            runtime: Handle::current(),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            latency: Arc::default(),
            windows: Mutex::default(),
            epochs: Mutex::new(Epochs::new(&core.budget)),
            runs: Mutex::default(),
            counts: Mutex::default(),
            listed: Mutex::default(),
        })
    }

    /// A list from outside, by whose order files will be read. It replaces the older one of this name.
    pub(super) fn list(self: &Arc<Self>, name: &str) -> PrefetchList {
        PrefetchList::begin(self, name)
    }

    /// Ends all fetching ahead.
    pub(super) fn end(&self) {
        self.windows.lock().close_all();
    }

    /// How many windows there are.
    #[cfg(test)]
    pub(super) fn windows(&self) -> usize {
        self.windows.lock().len()
    }

    /// A file is opened; `here` tells whether its bytes are in memory. No lock may be held.
    pub(super) fn opened(
        self: &Arc<Self>,
        node: NodeId,
        opening: Opening,
        here: impl FnOnce() -> bool,
    ) {
        let now = self.core.clock.now();
        let repeats = match opening {
            // Noted when it was opened.
            Opening::Lost => None,
            _ => self.epochs.lock().note(node),
        };
        let lost = opening == Opening::Lost;
        {
            let mut windows = self.windows.lock();
            let found = windows.opened(node, here, now, self.latency.least());
            if let Some(id) = found {
                if lost {
                    windows.pages_lost(id);
                }
                let waiting = windows.waiting(id);
                drop(windows);
                wake(waiting);
                return;
            }
            if opening == Opening::Kept {
                return;
            }
            let mut waiting = Vec::new();
            for list in windows.lists() {
                windows.missed(list, now, self.latency.least());
                if lost {
                    windows.pages_lost(list);
                }
                waiting.extend(windows.waiting(list));
            }
            drop(windows);
            wake(waiting);
        }
        if let Some((at, until)) = repeats {
            self.follow_epoch(at, until, lost);
        } else {
            self.follow_names(node, lost);
        }
    }

    /// An earlier pass repeats, which ended at `until`.
    fn follow_epoch(self: &Arc<Self>, at: u64, until: u64, lost: bool) {
        if let Some(depth) = self.turn(&Purpose::Epoch, at, lost) {
            let order = Order::Epoch { at, until };
            self.begin(Purpose::Epoch, depth, at, lost, order);
        }
    }

    /// A file was opened that the window of this purpose does not have, `at` in its order. The depth of a new window
    /// from there on; `None` if the old one is about to come there.
    fn turn(&self, purpose: &Purpose, at: u64, lost: bool) -> Option<usize> {
        let mut windows = self.windows.lock();
        let Some(old) = windows.find(purpose) else {
            return Some(FIRST);
        };
        windows.missed(old, self.core.clock.now(), self.latency.least());
        if lost {
            windows.pages_lost(old);
        }
        let turn = windows.turn(old, at);
        let waiting = windows.waiting(old);
        drop(windows);
        wake(waiting);
        turn
    }

    /// The order of names may repeat.
    fn follow_names(self: &Arc<Self>, node: NodeId, lost: bool) {
        let now = self.core.clock.now();
        let (dir, index, few, after) = {
            let ns = self.core.ns.lock();
            let Ok(slot) = ns.resolve(node) else { return };
            let Some((dir, index, siblings)) = ns.place(slot) else {
                return;
            };
            let few =
                (siblings <= SMALL_DIRECTORY).then(|| ns.following(dir, "", siblings, now).files);
            (ns.id(dir), index, few, Box::from(ns.name(slot)))
        };
        let score = self.runs.lock().note(dir, index);
        if let Some(mut few) = few {
            few.retain(|next| next.node != node);
            if !few.is_empty() {
                let order = Order::Files(few.into());
                self.begin(Purpose::Few, SMALL_DIRECTORY, 0, lost, order);
            }
        } else if let Some(mut next) = Numbered::parse(&after)
            && self.counts.lock().note(dir, next.number as usize) >= COUNTED
        {
            next.number += 1;
            let (purpose, at) = (Purpose::Numbers(dir), next.number);
            if let Some(depth) = self.turn(&purpose, at, lost) {
                let order = Order::Numbers {
                    dir,
                    next,
                    absent: 0,
                };
                self.begin(purpose, depth, at, lost, order);
            }
        } else if score >= FOLLOWED {
            let (purpose, at) = (Purpose::Names(dir), index as u64 + 1);
            if let Some(depth) = self.turn(&purpose, at, lost) {
                let order = Order::Names {
                    dir,
                    after,
                    any: true,
                    listed: Listed::Not,
                };
                self.begin(purpose, depth, at, lost, order);
            }
        }
    }

    /// Begins to fetch along an order from `at` on, in place of an older one for the same purpose.
    fn begin(
        self: &Arc<Self>,
        purpose: Purpose,
        depth: usize,
        at: u64,
        lost: bool,
        order: Order,
    ) -> WindowId {
        let (id, moved) = {
            let mut windows = self.windows.lock();
            if purpose != Purpose::Few
                && let Some(old) = windows.find(&purpose)
            {
                windows.close(old);
            }
            let (id, moved) = windows.add(purpose, depth, self.core.clock.now());
            windows.reached(id, at);
            if lost {
                windows.pages_lost(id);
            }
            (id, moved)
        };
        let ahead = Arc::clone(self);
        self.runtime.spawn(async move {
            ahead.pump(id, order, &moved).await;
            ahead.linger(id, &moved).await;
        });
        id
    }

    /// Fetches along an order, as far ahead of the reader as the window says.
    async fn pump(&self, id: WindowId, mut order: Order, moved: &Notify) {
        let most = self.core.budget.total() / SHARE;
        loop {
            let Some(room) = self.windows.lock().room(id, most) else {
                return;
            };
            if room.files == 0 {
                if !self.moved(id, moved).await {
                    return;
                }
                continue;
            }
            let files = match order.step(self, room.files).await {
                Step::Files(files, at) => {
                    self.windows.lock().reached(id, at);
                    files
                }
                Step::Crossed(dir) => {
                    self.windows.lock().crossed(id, dir);
                    continue;
                }
                Step::End => return,
            };
            for next in files {
                if !self.fetch(id, next, room, moved).await {
                    return;
                }
            }
        }
    }

    /// Begins to fetch a file; false if the window was closed.
    async fn fetch(&self, id: WindowId, next: Next, room: Room, moved: &Notify) -> bool {
        if next.cached && self.core.config.kernel_cache && !room.lost {
            return true;
        }
        loop {
            // The semaphore is never closed.
            let Ok(permit) = Arc::clone(&self.slots).acquire_owned().await else {
                return false;
            };
            let latency = Arc::clone(&self.latency);
            let begin: Begin = Box::new(|| Box::new((permit, Timed::begin(latency))));
            let bytes = next.version.size;
            self.windows.lock().fetching(id, next.node, bytes);
            match self.contents.prefetch(&next.version, begin) {
                Prefetch::Begun => return true,
                Prefetch::Needless => {
                    self.windows.lock().not_fetched(id, next.node);
                    return true;
                }
                Prefetch::NoRoom => {
                    self.windows.lock().not_fetched(id, next.node);
                    // What is read makes room.
                    let _ = tokio::time::timeout(TRY_AGAIN, moved.notified()).await;
                    if self.windows.lock().used(id).is_none() {
                        return false;
                    }
                }
            }
        }
    }

    /// Waits until the window has moved; false if it was closed, or not used for a long time.
    async fn moved(&self, id: WindowId, moved: &Notify) -> bool {
        let before = self.windows.lock().used(id);
        let waited = tokio::time::timeout(IDLE, moved.notified()).await;
        let mut windows = self.windows.lock();
        let used = windows.used(id);
        if used.is_none() {
            return false;
        }
        if waited.is_err() && used == before {
            windows.close(id);
            return false;
        }
        true
    }

    /// Keeps a window whose files are all asked for until they are opened or not wanted any more.
    async fn linger(&self, id: WindowId, moved: &Notify) {
        while self.windows.lock().is_held(id) {
            if !self.moved(id, moved).await {
                return;
            }
        }
        self.windows.lock().close(id);
    }
}

/// Has those fetch on who wait.
fn wake(waiting: impl IntoIterator<Item = Arc<Notify>>) {
    for fetcher in waiting {
        fetcher.notify_one();
    }
}

impl std::fmt::Debug for Ahead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ahead").finish_non_exhaustive()
    }
}

/// What a fetch takes at the least, lately.
#[derive(Default)]
struct Latency(Mutex<Least>);

#[derive(Default)]
struct Least {
    /// The least of the last full round, and of the round under way, which has so many.
    before: Option<Duration>,
    now: Option<Duration>,
    count: u32,
}

/// Fetches in a round.
const ROUND: u32 = 64;

impl Latency {
    fn least(&self) -> Duration {
        let least = self.0.lock();
        let known = least.before.into_iter().chain(least.now).min();
        // Before the first one is there, nothing speaks against going further.
        known.unwrap_or(Duration::from_secs(1))
    }
}

/// Times a fetch, which ends when this is dropped.
struct Timed {
    latency: Arc<Latency>,
    began: tokio::time::Instant,
}

impl Timed {
    fn begin(latency: Arc<Latency>) -> Self {
        let began = tokio::time::Instant::now();
        Self { latency, began }
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        let mut least = self.latency.0.lock();
        least.now = Some(least.now.map_or(took, |now| now.min(took)));
        least.count += 1;
        if least.count == ROUND {
            least.before = least.now.take();
            least.count = 0;
        }
    }
}
