//! Directories as a whole: pages of a listing on their way to `readdir`, and answers from the table.

use super::inodes::Flags;
use super::{Namespace, Others, Pages, Seen, Slot, names};
use crate::clock::Moment;
use crate::remote::ListPage;
use crate::types::UnixNanos;

/// One name of a listing.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) name: Box<str>,
    pub(crate) seen: Seen,
}

impl Listed {
    /// Whether it is a directory, or an object with nothing in it.
    fn may_be_dir(&self) -> bool {
        match &self.seen {
            Seen::Dir { .. } => true,
            Seen::File(facts) => facts.size == 0 && !facts.link,
        }
    }

    /// It is a directory: there are keys below it, or an object `dir_$folder$` of this time says so.
    fn is_dir(&mut self, folder: Option<UnixNanos>) {
        let mut others = match &self.seen {
            Seen::Dir { others, .. } => *others,
            Seen::File(_) => Others::OBJECT,
        };
        others.folder |= folder.is_some();
        let mtime = folder;
        self.seen = Seen::Dir { mtime, others };
    }
}

/// A listing under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listing {
    /// When its first request was sent.
    pub(crate) started: Moment,
    dropped: u32,
}

/// The children of a directory at one moment: slots with their generations, 8 bytes each.
pub(crate) type Snapshot = Vec<(Slot, u32)>;

impl Namespace {
    /// All children of a completely known directory, if `readdir` may be answered from memory.
    pub(crate) fn snapshot(&self, dir: Slot, now: Moment) -> Option<Snapshot> {
        if self.rules.always_ask {
            return None;
        }
        let known = self.inodes.get(dir).dir()?;
        if known.gaps || now.since(known.complete?) >= self.rules.expire {
            return None;
        }
        Some(self.with_generations(known.children.iter().copied()))
    }

    /// The children that OSS does not know of yet, or no longer: files being written for the first time, and
    /// directories that this mount keeps up.
    pub(crate) fn local_children(&self, dir: Slot) -> Snapshot {
        let children = self.inodes.get(dir).children().iter().copied();
        self.with_generations(children.filter(|child| {
            let inode = self.inodes.get(*child);
            inode.has(Flags::LOCAL) && inode.tag == super::tag::Tag::None
        }))
    }

    fn with_generations(&self, slots: impl Iterator<Item = Slot>) -> Snapshot {
        slots
            .map(|slot| (slot, self.inodes.get(slot).generation))
            .collect()
    }

    /// The inode of a snapshot's entry, if it is still linked in `dir`.
    pub(crate) fn still_there(&self, dir: Slot, (slot, generation): (Slot, u32)) -> bool {
        let inode = self.inodes.get(slot);
        inode.generation == generation && inode.has(Flags::LINKED) && inode.parent == dir
    }

    /// Tells the present user of a slot from those before.
    pub(crate) fn generation(&self, slot: Slot) -> u32 {
        self.inodes.get(slot).generation
    }

    /// A listing of the whole directory begins now.
    pub(crate) fn begin_listing(&self, dir: Slot, now: Moment) -> Listing {
        Listing {
            started: now,
            dropped: self.inodes.get(dir).dir().map_or(0, |dir| dir.dropped),
        }
    }

    /// A listing of the whole directory ended, and each of its names was learned. What it did not show is gone; what
    /// is left is all there is, unless the cache was too small to hold it.
    pub(crate) fn end_listing(&mut self, dir: Slot, listing: Listing, pages: Pages) {
        if !self.inodes.get(dir).has(Flags::LINKED) {
            return;
        }
        let started = listing.started;
        let known = self.inodes.peek_mut(dir).dir_mut();
        known.listed = Some(pages);
        known.expired = false;
        let gone: Vec<Slot> = self
            .inodes
            .get(dir)
            .children()
            .iter()
            .copied()
            .filter(|child| {
                let inode = self.inodes.get(*child);
                !inode.has(Flags::LOCAL) && inode.proven < started
            })
            .collect();
        for slot in gone {
            self.detach(slot);
        }
        let gaps = self
            .inodes
            .get(dir)
            .children()
            .iter()
            .any(|child| !self.inodes.get(*child).has(Flags::VALID) && !self.is_local(*child));
        let known = self.inodes.peek_mut(dir).dir_mut();
        if known.dropped == listing.dropped {
            known.complete = Some(started);
            known.gaps = gaps;
        }
    }

    /// How many names this mount took away from the directory so far.
    pub(crate) fn removals(&self, dir: Slot) -> u32 {
        self.inodes.get(dir).dir().map_or(0, |dir| dir.removals)
    }

    /// The directory has more than one page; its names are looked up one by one from now on.
    pub(crate) fn is_large(&mut self, dir: Slot) {
        self.inodes.peek_mut(dir).dir_mut().listed = Some(Pages::Many);
    }
}

/// What a page shows of a directory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    /// Files and directories, in the order of the page, each name once.
    pub(crate) entries: Vec<Listed>,
    /// The time of the directory's own object, if the page shows it.
    pub(crate) marker: Option<UnixNanos>,
    /// The page had a key or prefix at all, so the directory exists.
    pub(crate) any: bool,
    /// Names that no file system can show, and one of them.
    pub(crate) odd: usize,
    pub(crate) odd_key: Option<String>,
    /// Up to which key the page is complete; `None`: to the end.
    pub(crate) until: Option<String>,
}

impl Shown {
    /// Takes a page of the listing of `prefix` (a directory's key) apart. With `compat`, other objects than `dir/` stand
    /// for directories too.
    pub(crate) fn new(prefix: &str, page: ListPage, compat: bool) -> Self {
        let last_object = page.objects.last().map(|(key, _)| key.as_str());
        let last_prefix = page.prefixes.last().map(String::as_str);
        let until = page
            .next
            .as_ref()
            .map(|_| last_object.max(last_prefix).unwrap_or_default().to_owned());
        let mut shown = Self {
            any: !page.objects.is_empty() || !page.prefixes.is_empty(),
            until,
            ..Self::default()
        };
        shown
            .entries
            .reserve_exact(page.objects.len() + page.prefixes.len());
        let mut folders = Vec::new();
        for (key, facts) in page.objects {
            if key == prefix {
                shown.marker = Some(facts.mtime);
                continue;
            }
            let folder = key.strip_prefix(prefix).and_then(names::folder_of);
            if compat && let Some(folder) = folder {
                folders.push((folder.to_owned(), facts.mtime));
                continue;
            }
            shown.push(prefix, &key, "", Seen::File(facts));
        }
        let files = shown.entries.len();
        for key in page.prefixes {
            // A prefix and an object of one name: the object hides the prefix. Both lists are sorted by key, and
            // cutting the same end off keeps the order of the names.
            let name = key
                .strip_prefix(prefix)
                .map(|rest| rest.trim_end_matches('/'));
            let same = name.and_then(|name| {
                let entries = &shown.entries[..files];
                let found = entries.binary_search_by(|entry| (*entry.name).cmp(name));
                found.ok()
            });
            match same {
                Some(at) if compat && shown.entries[at].may_be_dir() => {
                    shown.entries[at].is_dir(None);
                }
                Some(_) => shown.skip(&key),
                None => shown.push(prefix, &key, "/", Seen::PREFIX),
            }
        }
        for (folder, mtime) in folders {
            let same = shown
                .entries
                .iter()
                .position(|entry| *entry.name == *folder);
            match same {
                Some(at) if shown.entries[at].may_be_dir() => {
                    shown.entries[at].is_dir(Some(mtime));
                }
                // A file of that name hides the directory.
                Some(_) => {}
                None => {
                    let seen = Seen::Dir {
                        mtime: Some(mtime),
                        others: Others::FOLDER,
                    };
                    shown.push(prefix, &format!("{prefix}{folder}"), "", seen);
                }
            }
        }
        shown
    }

    /// Directories for which an object stands here, of which keys could lie before this one, where the page begins.
    pub(crate) fn folders_before(&self, prefix: &str, begins: &str) -> Vec<Box<str>> {
        let before = |entry: &&Listed| {
            let folder = matches!(&entry.seen, Seen::Dir { others, .. } if others.folder);
            folder && format!("{prefix}{}/", entry.name).as_str() < begins
        };
        let before = self.entries.iter().filter(before);
        before.map(|entry| entry.name.clone()).collect()
    }

    fn push(&mut self, prefix: &str, key: &str, suffix: &str, seen: Seen) {
        let name = key
            .strip_prefix(prefix)
            .and_then(|rest| rest.strip_suffix(suffix));
        match name {
            Some(name) if names::can_show(name) => {
                self.entries.push(Listed {
                    name: name.into(),
                    seen,
                });
            }
            Some(name) if names::is_hidden(name) => {}
            _ => self.skip(key),
        }
    }

    fn skip(&mut self, key: &str) {
        self.odd += 1;
        self.odd_key.get_or_insert_with(|| key.to_owned());
    }

    /// What the page says of a name.
    pub(crate) fn find(&self, prefix: &str, name: &str) -> Found<'_> {
        let found = self.entries.iter().find(|entry| &*entry.name == name);
        if let Some(entry) = found {
            return Found::Here(&entry.seen);
        }
        match &self.until {
            // This is the last key that the name could have.
            Some(until) if names::folder_marker(&format!("{prefix}{name}")) > *until => {
                Found::Beyond
            }
            _ => Found::Absent,
        }
    }
}

/// Where a name is with regard to a page.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'a> {
    Here(&'a Seen),
    Absent,
    /// The page ends before it.
    Beyond,
}
