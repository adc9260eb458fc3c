//! How far ahead: files that were fetched and not opened yet, by the order they are expected in. Plain data.
//!
//! A window begins small and doubles whenever a reader has to wait for a file that was asked for in time, so after a
//! few round trips it is as deep as the rate of opens times the latency. It does not grow where that would not help:
//! if the files that were opened since it last grew are few for the time that a fetch takes at the least, what is
//! slow is not the distance.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use tokio::sync::Notify;

use crate::clock::Moment;
use crate::types::NodeId;

/// Files that the first round of a window fetches.
pub(super) const FIRST: usize = 8;
/// A window grows up to so many files however near the server is: with fewer, what fetches is woken for every other file.
const FLAT: usize = 64;
/// Files that a window holds at most.
pub(super) const DEEPEST: usize = 1024;
/// A file that is so many places behind the one opened last will not be opened any more.
const SKIPPED: u64 = 1024;
/// Windows at once; the one that was not used for the longest time goes.
const WINDOWS: usize = 64;

/// Names a window. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct WindowId(u64);

/// What a window is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The order of names, from the directory on in which it began.
    Names(NodeId),
    /// The order of numbers in a directory.
    Numbers(NodeId),
    /// The order of an earlier pass.
    Epoch,
    /// A list of this name.
    List(Box<str>),
    /// All of a small directory.
    Few,
}

/// A file in a window.
struct Held {
    place: u64,
    node: NodeId,
    bytes: u64,
}

struct Window {
    purpose: Purpose,
    depth: usize,
    /// The place of the file that is fetched next.
    next: u64,
    /// How far the order was followed, by its own count.
    reach: u64,
    /// One place after the last that was opened: what is fetched from here on is ahead of the reader.
    front: u64,
    /// In order; those that were opened are taken out of `Windows::places` only.
    order: VecDeque<Held>,
    /// Bytes of those that were not.
    bytes: u64,
    /// Where and when the window last grew, and how many of its files were opened since.
    grown: (u64, Moment),
    opened: u64,
    /// From this place on the files are in a directory that nobody went into yet.
    beyond: Option<u64>,
    /// Somebody went into the next directory in order before.
    crosses: bool,
    /// What the page cache should have is fetched too: it was seen to be gone.
    lost: bool,
    used: Moment,
    moved: Arc<Notify>,
}

/// What a window may fetch now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// So many files more.
    pub(super) files: usize,
    /// Also those that the page cache should have.
    pub(super) lost: bool,
    /// How deep the window is.
    pub(super) depth: usize,
}

/// All windows of a mount.
#[derive(Default)]
pub(super) struct Windows {
    all: HashMap<WindowId, Window>,
    places: HashMap<NodeId, (WindowId, u64)>,
    next: u64,
}

impl Windows {
    /// A new window, and what tells that it has changed.
    pub(super) fn add(
        &mut self,
        purpose: Purpose,
        depth: usize,
        now: Moment,
    ) -> (WindowId, Arc<Notify>) {
        while self.all.len() >= WINDOWS {
            let oldest = self.all.iter().min_by_key(|(_, window)| window.used);
            let Some(oldest) = oldest.map(|(id, _)| *id) else {
                break;
            };
            self.close(oldest);
        }
        self.next += 1;
        let id = WindowId(self.next);
        let moved = Arc::new(Notify::new());
        let window = Window {
            purpose,
            depth,
            next: 0,
            reach: 0,
            front: 0,
            order: VecDeque::new(),
            bytes: 0,
            grown: (0, now),
            opened: 0,
            beyond: None,
            crosses: false,
            lost: false,
            used: now,
            moved: Arc::clone(&moved),
        };
        self.all.insert(id, window);
        (id, moved)
    }

    /// The window of this purpose.
    pub(super) fn find(&self, purpose: &Purpose) -> Option<WindowId> {
        let found = self.all.iter().find(|(_, w)| w.purpose == *purpose);
        found.map(|(id, _)| *id)
    }

    /// Ends a window; what fetches for it is told.
    pub(super) fn close(&mut self, id: WindowId) {
        if let Some(window) = self.all.remove(&id) {
            for held in &window.order {
                if self.places.get(&held.node) == Some(&(id, held.place)) {
                    self.places.remove(&held.node);
                }
            }
            window.moved.notify_one();
        }
    }

    /// Ends all windows.
    pub(super) fn close_all(&mut self) {
        for (_, window) in self.all.drain() {
            window.moved.notify_one();
        }
        self.places.clear();
    }

    /// What the window may fetch, given that its files may have so many bytes; `None` if it was closed.
    pub(super) fn room(&self, id: WindowId, most: u64) -> Option<Room> {
        let window = self.all.get(&id)?;
        let mut files = window.room();
        if window.bytes >= most {
            files = 0;
        }
        // In gulps: a file at a time would wake the fetcher for each.
        if files < window.gulp() {
            files = 0;
        }
        // Of a directory that may not be wanted a few, which may be less than a gulp.
        if let Some(beyond) = window.beyond {
            files = files.min((beyond + FIRST as u64).saturating_sub(window.next) as usize);
        }
        Some(Room {
            files,
            lost: window.lost,
            depth: window.depth,
        })
    }

    /// A file is about to be fetched for the window.
    pub(super) fn fetching(&mut self, id: WindowId, node: NodeId, bytes: u64) {
        let Some(window) = self.all.get_mut(&id) else {
            return;
        };
        let place = window.next;
        window.next += 1;
        if self.places.contains_key(&node) {
            return;
        }
        self.places.insert(node, (id, place));
        window.bytes += bytes;
        window.order.push_back(Held { place, node, bytes });
    }

    /// It was not, after all.
    pub(super) fn not_fetched(&mut self, id: WindowId, node: NodeId) {
        if let Some((of, place)) = self.places.get(&node).copied()
            && of == id
        {
            self.places.remove(&node);
            if let Some(window) = self.all.get_mut(&id)
                && window.order.back().is_some_and(|held| held.place == place)
                && let Some(held) = window.order.pop_back()
            {
                window.bytes -= held.bytes;
                window.next = place;
            }
        }
    }

    /// From the next file on, the window is in another directory.
    pub(super) fn crossed(&mut self, id: WindowId, dir: NodeId) {
        if let Some(window) = self.all.get_mut(&id) {
            window.purpose = Purpose::Names(dir);
            window.reach = 0;
            if !window.crosses {
                window.beyond = Some(window.next);
            }
        }
    }

    /// The window's order was followed so far.
    pub(super) fn reached(&mut self, id: WindowId, at: u64) {
        if let Some(window) = self.all.get_mut(&id) {
            window.reach = at;
        }
    }

    /// A reader is at this place of the order, and the window did not have it. The depth for a new window from there on;
    /// `None` if this one passed it, or is about to.
    pub(super) fn turn(&self, id: WindowId, at: u64) -> Option<usize> {
        let window = self.all.get(&id)?;
        let depth = window.depth as u64;
        let near = window.reach.saturating_sub(SKIPPED.max(2 * depth))..=window.reach + 2 * depth;
        (!near.contains(&at)).then_some(window.depth)
    }

    /// True if files of the window were not opened yet.
    pub(super) fn is_held(&self, id: WindowId) -> bool {
        self.all
            .get(&id)
            .is_some_and(|window| window.front < window.next)
    }

    /// A file was opened; `here` tells whether its bytes are in memory, `latency` what a fetch takes at the least.
    /// The window that expected it, if one did.
    pub(super) fn opened(
        &mut self,
        node: NodeId,
        here: impl FnOnce() -> bool,
        now: Moment,
        latency: Duration,
    ) -> Option<WindowId> {
        let (id, place) = self.places.remove(&node)?;
        let window = self.all.get_mut(&id)?;
        window.used = now;
        window.opened += 1;
        window.front = window.front.max(place + 1);
        if let Ok(at) = window.order.binary_search_by_key(&place, |held| held.place) {
            window.bytes -= std::mem::take(&mut window.order[at].bytes);
        }
        if window.beyond.is_some_and(|beyond| place >= beyond) {
            window.beyond = None;
            window.crosses = true;
        }
        let skipped = SKIPPED.max(2 * window.depth as u64);
        while let Some(front) = window.order.front() {
            let mine = self.places.get(&front.node) == Some(&(id, front.place));
            if mine && front.place + skipped > place {
                break;
            }
            if mine {
                self.places.remove(&front.node);
                window.bytes -= front.bytes;
            }
            window.order.pop_front();
        }
        if place >= window.grown.0 && !here() {
            window.grow(now, latency);
        }
        Some(id)
    }

    /// A file was opened that the window should have had.
    pub(super) fn missed(&mut self, id: WindowId, now: Moment, latency: Duration) {
        if let Some(window) = self.all.get_mut(&id) {
            window.used = now;
            window.opened += 1;
            window.grow(now, latency);
        }
    }

    /// What to tell after a file of the window was opened or missed, if its fetcher has something to do. It is to be told
    /// when the lock of this is free: who is woken wants it at once.
    pub(super) fn waiting(&self, id: WindowId) -> Option<Arc<Notify>> {
        let window = self.all.get(&id)?;
        // What fetches looks itself whether there is room enough; what lingers wants to know the end.
        (window.room() >= window.gulp()).then(|| Arc::clone(&window.moved))
    }

    /// The lists that are being read.
    pub(super) fn lists(&self) -> Vec<WindowId> {
        let lists = self.all.iter();
        let lists = lists.filter(|(_, window)| matches!(window.purpose, Purpose::List(_)));
        lists.map(|(id, _)| *id).collect()
    }

    /// The page cache has lost what it had.
    pub(super) fn pages_lost(&mut self, id: WindowId) {
        if let Some(window) = self.all.get_mut(&id) {
            window.lost = true;
        }
    }

    /// When the window was last used.
    pub(super) fn used(&self, id: WindowId) -> Option<Moment> {
        self.all.get(&id).map(|window| window.used)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Nothing is fetched for any window.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

impl Window {
    /// Twice as deep, unless the distance is not what is slow.
    fn grow(&mut self, now: Moment, latency: Duration) {
        let elapsed = now.since(self.grown.1).as_secs_f64();
        // Opens in the time that a fetch takes at the least.
        let opens = self.opened as f64 * latency.as_secs_f64();
        if elapsed > 0.0 && (2 * self.depth) as f64 * elapsed > 4.0 * opens + FLAT as f64 * elapsed
        {
            return;
        }
        self.depth = (2 * self.depth).min(DEEPEST);
        self.grown = (self.next, now);
        self.opened = 0;
    }

    /// So many files are fetched at once.
    fn gulp(&self) -> usize {
        (self.depth / 4).clamp(1, 32)
    }

    fn room(&self) -> usize {
        self.depth.saturating_sub((self.next - self.front) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn node(number: u64) -> NodeId {
        NodeId::new(number + 2).unwrap()
    }

    fn window(windows: &mut Windows) -> WindowId {
        let purpose = Purpose::Names(NodeId::ROOT);
        windows.add(purpose, FIRST, Moment(0)).0
    }

    /// Fetches what there is room for.
    fn fill(windows: &mut Windows, id: WindowId, next: &mut u64) -> usize {
        let room = windows.room(id, u64::MAX).unwrap().files;
        for _ in 0..room {
            windows.fetching(id, node(*next), 10);
            *next += 1;
        }
        room
    }

    /// A reader that takes a file in `each` nanoseconds, and fetches that take 20 ms: how deep it gets.
    fn depth_after(files: u64, each: u64) -> usize {
        let mut windows = Windows::default();
        let id = window(&mut windows);
        let (mut next, mut now) = (0, 0);
        let mut lands: HashMap<u64, u64> = HashMap::new();
        for file in 0..files {
            let before = next;
            fill(&mut windows, id, &mut next);
            for fetched in before..next {
                lands.insert(fetched, now + 20 * MS);
            }
            let landed = lands.get(&file).copied().unwrap_or(now + 20 * MS);
            let here = landed <= now;
            windows.opened(node(file), || here, Moment(now), Duration::from_millis(20));
            now = now.max(landed) + each;
        }
        windows.all[&id].depth
    }

    #[test]
    fn as_deep_as_the_rate_of_opens_times_the_latency() {
        // 10,000 files a second and 20 ms: 200 in between.
        let fast = depth_after(10_000, MS / 10);
        assert!((200..=512).contains(&fast), "{fast}");
        // 100 files a second: two or three.
        let slow = depth_after(1000, 10 * MS);
        assert!(slow <= 2 * FIRST, "{slow}");
    }

    #[test]
    fn it_does_not_grow_where_what_is_slow_is_not_the_distance() {
        let mut windows = Windows::default();
        let id = window(&mut windows);
        let mut next = 0;
        for file in 0..1000 {
            fill(&mut windows, id, &mut next);
            // Never here, but a fetch takes 50 µs only.
            let now = Moment(file * MS / 10);
            windows.opened(node(file), || false, now, Duration::from_micros(50));
        }
        assert!(windows.all[&id].depth <= FLAT, "{}", windows.all[&id].depth);
    }

    #[test]
    fn files_that_are_skipped_do_not_stop_it() {
        let mut windows = Windows::default();
        let id = window(&mut windows);
        let (mut next, mut hits) = (0, 0);
        for file in (0..20_000).step_by(2) {
            fill(&mut windows, id, &mut next);
            let now = Moment(file * MS);
            let hit = windows.opened(node(file), || true, now, Duration::from_millis(20));
            match hit {
                Some(_) => hits += 1,
                None => windows.missed(id, now, Duration::from_millis(20)),
            }
        }
        assert!(hits > 9000, "{hits}");
        assert!(windows.all[&id].order.len() <= 2 * DEEPEST + 2);
    }

    #[test]
    fn another_directory_is_tried_before_it_is_trusted() {
        let mut windows = Windows::default();
        let id = window(&mut windows);
        let mut next = 0;
        fill(&mut windows, id, &mut next);
        windows.crossed(id, node(0));
        let latency = Duration::from_millis(20);
        for file in 0..4 {
            windows.opened(node(file), || false, Moment(file * MS), latency);
        }
        fill(&mut windows, id, &mut next);
        for file in 4..8 {
            windows.opened(node(file), || true, Moment(file * MS), latency);
        }
        fill(&mut windows, id, &mut next);
        assert_eq!(next, 16, "eight of the next one");
        windows.opened(node(8), || true, Moment(9 * MS), latency);
        assert!(fill(&mut windows, id, &mut next) > 0, "now it goes on");
    }

    #[test]
    fn a_deep_window_tries_another_directory_too() {
        for depth in [FIRST, FLAT, DEEPEST] {
            let mut windows = Windows::default();
            let id = window(&mut windows);
            windows.all.get_mut(&id).unwrap().depth = depth;
            let mut next = 0;
            fill(&mut windows, id, &mut next);
            windows.crossed(id, node(0));
            for file in 0..next {
                windows.opened(node(file), || true, Moment(file), Duration::from_millis(20));
            }
            assert_eq!(fill(&mut windows, id, &mut next), FIRST, "{depth}");
            assert_eq!(
                fill(&mut windows, id, &mut next),
                0,
                "no more before it is used"
            );
        }
    }

    #[test]
    fn bytes_bound_it_and_closing_forgets_it() {
        let mut windows = Windows::default();
        let id = window(&mut windows);
        windows.fetching(id, node(1), 100);
        assert_eq!(windows.room(id, 100).unwrap().files, 0);
        assert!(windows.room(id, 101).unwrap().files > 0);
        windows.not_fetched(id, node(1));
        assert!(windows.room(id, 100).unwrap().files > 0);
        assert!(windows.is_empty());
        windows.fetching(id, node(2), 100);
        windows.close(id);
        assert_eq!(windows.room(id, 100), None);
        assert!(windows.is_empty());
    }
}
