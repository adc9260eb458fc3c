//! Open directories.
//!
//! A directory that is completely known is read from the namespace: a snapshot of slots. Any other is read page by
//! page from OSS (`stream`), one page ahead of the reader, and never held as a whole. An offset is the number of
//! entries before it, `.` and `..` included.

use std::sync::Arc;

use super::core::Core;
use super::given::Given;
use super::stream::Stream;
use crate::error::Result;
use crate::namespace::{Namespace, Seen, Slot, Snapshot};
use crate::types::{DirEntry, FileKind, NodeId};

/// Takes an entry, or returns false if there is no room for it.
pub(super) type Sink<'a> = dyn FnMut(DirEntry<'_>) -> bool + Send + 'a;

/// One open directory.
pub(super) struct OpenDir {
    node: NodeId,
    core: Arc<Core>,
    source: Source,
    /// Entries that OSS does not show; they come first.
    local: Snapshot,
    handle: u64,
    given: Given,
}

enum Source {
    /// Nothing was read yet.
    Closed,
    /// Everything is in the namespace.
    Known(Snapshot),
    Pages(Box<Stream>),
}

/// What one step of reading came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The sink is full, or the directory ends here.
    Done,
    /// The next entry has to be fetched.
    Miss,
}

impl OpenDir {
    /// One of which its reader was given entries by a former process, perhaps.
    pub(super) fn new(core: &Arc<Core>, node: NodeId, handle: u64, given: Given) -> Self {
        Self {
            handle,
            given,
            node,
            core: Arc::clone(core),
            source: Source::Closed,
            local: Vec::new(),
        }
    }

    /// Reads from memory; false if the first entry wanted is not there.
    pub(super) fn try_read(
        &mut self,
        offset: u64,
        plus: bool,
        sink: &mut Sink<'_>,
    ) -> Result<bool> {
        let offset = self.place(offset);
        if !self.prepare(offset)? {
            return Ok(false);
        }
        let (step, taken, _) = self.emit(offset, plus, sink)?;
        Ok(step == Step::Done || taken)
    }

    /// Reads, fetching if need be.
    pub(super) async fn read(
        &mut self,
        offset: u64,
        plus: bool,
        sink: &mut Sink<'_>,
    ) -> Result<()> {
        let offset = self.place(offset);
        if !self.prepare(offset)? {
            self.fetch(offset).await?;
        }
        let mut at = offset;
        loop {
            let (step, taken, reached) = self.emit(at, plus, sink)?;
            if step == Step::Done || taken {
                break;
            }
            // Not where this began: what a page had from there on may all have been shown already.
            at = reached;
            self.fetch(at).await?;
        }
        if let Source::Pages(stream) = &mut self.source {
            stream.settle_down(&self.core, self.node);
        }
        Ok(())
    }

    /// Where the reader's offset is in the source.
    fn place(&mut self, offset: u64) -> u64 {
        let (place, begins) = self.given.place(offset);
        if begins {
            self.source = Source::Closed;
        }
        place
    }

    /// Opens the source, anew if the reader goes back to the start. False if that needs a request.
    fn prepare(&mut self, offset: u64) -> Result<bool> {
        if offset > 0 && !matches!(self.source, Source::Closed) {
            return Ok(true);
        }
        let ns = self.core.ns.lock();
        let dir = ns.resolve(self.node)?;
        self.local = Vec::new();
        self.source = Source::Closed;
        if !ns.is_linked(dir) {
            self.source = Source::Known(Vec::new());
        } else if let Some(known) = ns.snapshot(dir, self.core.clock.now()) {
            self.source = Source::Known(known);
        } else {
            self.local = ns.local_children(dir);
        }
        Ok(!matches!(self.source, Source::Closed))
    }

    /// Hands entries to the sink; tells whether it took any, and the offset it came to.
    fn emit(&mut self, offset: u64, plus: bool, sink: &mut Sink<'_>) -> Result<(Step, bool, u64)> {
        let mut taken = false;
        let mut passed = Vec::new();
        let given = &mut self.given;
        let mut sink = |entry: DirEntry<'_>| {
            if given.has(entry.name) {
                passed.extend(entry.entry.map(|entry| entry.attr.node));
                return true;
            }
            let (name, place) = (entry.name, entry.next_offset);
            let next_offset = given.offset(place);
            let took = sink(DirEntry {
                next_offset,
                ..entry
            });
            if took {
                given.took(name, (next_offset, place));
            }
            taken |= took;
            took
        };
        let mut ns = self.core.ns.lock();
        let dir = ns.resolve(self.node)?;
        let mut out = Emitter {
            core: &self.core,
            ns: &mut ns,
            dir,
            at: offset,
            plus,
            sink: &mut sink,
        };
        let step = match &mut self.source {
            Source::Closed => Step::Miss,
            Source::Known(known) => {
                let _full = !(out.dots() && out.children(known));
                Step::Done
            }
            Source::Pages(stream) => {
                let full = !(out.dots() && out.children(&self.local));
                if full {
                    Step::Done
                } else {
                    stream.emit(&mut out, &self.local)
                }
            }
        };
        let reached = out.at;
        // Nobody looked these up.
        for node in passed {
            ns.forget(node, 1);
        }
        self.given.record(self.handle, ns.batch());
        Ok((step, taken, reached))
    }

    /// Fetches the page with the entry at `offset`.
    async fn fetch(&mut self, offset: u64) -> Result<()> {
        if let Source::Closed = self.source {
            self.source = Source::Pages(Box::new(Stream::new(&self.core, self.node)?));
        }
        let lead = 2 + self.local.len() as u64;
        match &mut self.source {
            Source::Pages(stream) => {
                stream
                    .fetch(&self.core, self.node, offset.saturating_sub(lead))
                    .await
            }
            Source::Closed | Source::Known(_) => Ok(()),
        }
    }
}

/// Where entries go, and at which place of the directory the next one is.
pub(super) struct Emitter<'a, 'b> {
    core: &'a Core,
    pub(super) ns: &'a mut Namespace,
    pub(super) dir: Slot,
    pub(super) at: u64,
    plus: bool,
    sink: &'a mut Sink<'b>,
}

impl Emitter<'_, '_> {
    /// `.` and `..`, as far as they are still to come; false if the sink is full.
    fn dots(&mut self) -> bool {
        for (place, name) in [".", ".."].into_iter().enumerate() {
            let place = place as u64;
            if self.at != place {
                continue;
            }
            let slot = if place == 0 {
                self.dir
            } else {
                self.ns.parent(self.dir)
            };
            let entry = DirEntry {
                name,
                kind: Some(FileKind::Directory),
                ino: self.ns.id(slot).get(),
                next_offset: place + 1,
                entry: None,
            };
            if !(self.sink)(entry) {
                return false;
            }
            self.at += 1;
        }
        true
    }

    /// Entries of a snapshot, which begins after the dots; false if the sink is full.
    fn children(&mut self, known: &Snapshot) -> bool {
        while let Some(child) = known.get((self.at - 2) as usize) {
            if self.ns.still_there(self.dir, *child) && !self.child(child.0) {
                return false;
            }
            self.at += 1;
        }
        true
    }

    /// An entry that has an inode.
    fn child(&mut self, slot: Slot) -> bool {
        let now = self.core.clock.now();
        let plus = self.plus && !self.core.config.always_ask() && !self.ns.lacks_details(slot);
        let attr = self.ns.attr(slot);
        // Looked up in advance; taken back if the sink does not take the entry.
        let entry = plus.then(|| self.ns.entry(slot, now));
        let took = (self.sink)(DirEntry {
            name: self.ns.name(slot),
            kind: self.ns.kind(slot),
            ino: attr.node.get(),
            next_offset: self.at + 1,
            entry,
        });
        if !took && entry.is_some() {
            self.ns.forget(attr.node, 1);
        }
        took
    }

    /// An entry of a page, with the inode that it had when the page came. `learn`: since when what it says is known,
    /// unless that is no longer sure.
    pub(super) fn listed(
        &mut self,
        entry: &crate::namespace::Listed,
        known: Option<&(Slot, u32)>,
        learn: Option<crate::clock::Moment>,
    ) -> bool {
        let known = known.filter(|known| {
            self.ns.still_there(self.dir, **known) && self.ns.name(known.0) == &*entry.name
        });
        let slot = match (known, learn) {
            (Some(known), _) => Some(known.0),
            (None, Some(sent)) => self.ns.learn(self.dir, &entry.name, &entry.seen, sent),
            (None, None) => self.ns.child(self.dir, &entry.name),
        };
        if let Some(slot) = slot {
            let took = self.child(slot);
            self.at += u64::from(took);
            return took;
        }
        let took = (self.sink)(DirEntry {
            name: &entry.name,
            kind: match entry.seen {
                Seen::File(ref facts) => self.ns.kind_of_listed(facts),
                Seen::Dir { .. } => Some(FileKind::Directory),
            },
            // No node, and programs skip entries with inode number 0.
            ino: u64::MAX,
            next_offset: self.at + 1,
            entry: None,
        });
        self.at += u64::from(took);
        took
    }
}
