//! Putting what an answer of OSS says into the table.

use std::borrow::Cow;
use std::sync::Arc;

use super::inodes::Flags;
use super::tag::Tag;
use super::{Meta, Namespace, Slot};
use crate::clock::Moment;
use crate::types::UnixNanos;

/// What an answer says of one name.
#[derive(Clone, Debug)]
pub(crate) enum Seen {
    File(Facts),
    /// `mtime` is the marker object's, where the answer showed it.
    Dir {
        mtime: Option<UnixNanos>,
        others: Others,
    },
}

impl Seen {
    /// A directory of which a key below it was seen.
    pub(crate) const PREFIX: Self = Self::Dir {
        mtime: None,
        others: Others::NONE,
    };
}

/// What stands for a directory beside or instead of its marker `dir/`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Others {
    /// An object `dir`, with nothing in it.
    pub(crate) object: bool,
    /// An object `dir_$folder$`.
    pub(crate) folder: bool,
}

impl Others {
    pub(crate) const NONE: Self = Self {
        object: false,
        folder: false,
    };
    pub(crate) const OBJECT: Self = Self {
        object: true,
        ..Self::NONE
    };
    pub(crate) const FOLDER: Self = Self {
        folder: true,
        ..Self::NONE
    };
}

/// What an answer says of an object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) size: u64,
    pub(crate) mtime: UnixNanos,
    pub(crate) tag: Tag,
    /// One of OSS's own symlinks: a listing tells.
    pub(crate) link: bool,
    /// In an archive class: it can be read only while a restored copy is there.
    pub(crate) archived: bool,
    /// An Appendable object.
    pub(crate) appendable: bool,
    /// The rest comes with HEAD, GET and PUT; a listing has none of it.
    pub(crate) details: Option<Box<Details>>,
}

impl Facts {
    /// The directory for which such an object stands.
    pub(crate) fn as_dir(&self) -> Seen {
        Seen::Dir {
            mtime: Some(self.mtime),
            others: Others::OBJECT,
        }
    }

    /// Whether an answer about the object alone says that it stands for a directory.
    pub(crate) fn says_dir(&self) -> bool {
        let others = self
            .details
            .as_ref()
            .and_then(|details| details.meta.others.as_ref());
        let kind = others.and_then(|others| others.content_type.as_deref());
        let kind = kind.map(|kind| kind.split(';').next().unwrap_or(kind).trim());
        self.size == 0 && kind.is_some_and(|kind| DIRECTORY_TYPES.contains(&kind))
    }
}

/// Content types of objects that stand for directories.
const DIRECTORY_TYPES: [&str; 2] = ["application/x-directory", "httpd/unix-directory"];

/// What only an answer about a single object says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Details {
    pub(crate) meta: Meta,
    pub(crate) version_id: Option<Arc<str>>,
    pub(crate) crc64: Option<u64>,
}

impl Namespace {
    /// `name` is in `dir`, says an answer to a request sent at `proof`. Returns the inode that the name leads to now,
    /// or `None` if this mount took the name away after that.
    pub(crate) fn learn(
        &mut self,
        dir: Slot,
        name: &str,
        seen: &Seen,
        proof: Moment,
    ) -> Option<Slot> {
        let seen = self.as_known(dir, name, seen);
        let seen = &*seen;
        if let Some(slot) = self.child(dir, name) {
            let inode = self.inodes.get_mut(slot);
            if inode.has(Flags::LOCAL) {
                if !(inode.is_dir() && matches!(seen, Seen::Dir { .. }) && inode.proven < proof) {
                    return Some(slot);
                }
                // A directory that this mount kept up is in OSS again.
                inode.set(Flags::LOCAL, false);
            } else if inode.has(Flags::VALID) && inode.proven > proof {
                return Some(slot);
            } else if !inode.is_dir() && matches!(seen, Seen::Dir { .. }) && inode.proven >= proof {
                // An earlier page of the same listing showed an object of that name, which hides the prefix.
                return Some(slot);
            }
            if self.update(slot, seen, proof) {
                self.prove(slot, proof);
                self.evict(slot);
                return Some(slot);
            }
            // Another object, or another kind of thing: the old inode lives on without a name.
            self.detach(slot);
        } else if self.tombstones.hides(dir, name, proof) {
            return None;
        }
        self.negatives.remove(dir, name);
        let slot = self
            .inodes
            .alloc(dir, name, matches!(seen, Seen::Dir { .. }));
        self.dentries.link(&mut self.inodes, slot);
        self.update(slot, seen, proof);
        self.prove(slot, proof);
        self.evict(slot);
        Some(slot)
    }

    /// A listing does not tell that an object with nothing in it is known to stand for a directory.
    fn as_known<'a>(&self, dir: Slot, name: &str, seen: &'a Seen) -> Cow<'a, Seen> {
        let Seen::File(facts) = seen else {
            return Cow::Borrowed(seen);
        };
        let child = self.child(dir, name).map(|slot| self.inodes.get(slot));
        if facts.size == 0 && child.is_some_and(|inode| inode.is_dir() && inode.has(Flags::OBJECT))
        {
            Cow::Owned(facts.as_dir())
        } else {
            Cow::Borrowed(seen)
        }
    }

    /// Takes over what was seen; false if the inode must not become that.
    fn update(&mut self, slot: Slot, seen: &Seen, proof: Moment) -> bool {
        let inode = self.inodes.get_mut(slot);
        match seen {
            Seen::Dir { .. } if !inode.is_dir() => return false,
            Seen::Dir { mtime, others } => {
                inode.mtime = mtime.unwrap_or(inode.mtime);
                // Not every answer shows them.
                if others.object {
                    inode.set(Flags::OBJECT, true);
                }
                if others.folder {
                    inode.set(Flags::FOLDER, true);
                }
            }
            Seen::File(_) if inode.is_dir() => return false,
            Seen::File(facts) => {
                let changed = inode.tag != facts.tag;
                // Changed metadata leave the `ETag` as it was.
                let later = (facts.mtime - inode.mtime).abs() >= super::details::SAME_TIME;
                if changed && inode.tag != Tag::None && inode.holds > 0 {
                    return false;
                }
                inode.size = facts.size;
                inode.mtime = facts.mtime;
                inode.set(Flags::LINK, facts.link);
                inode.set(Flags::ARCHIVED, facts.archived);
                inode.set(Flags::APPENDABLE, facts.appendable);
                if changed || later {
                    inode.set(Flags::DETAILED, false);
                    inode.set(Flags::OWN, false);
                }
                if changed {
                    inode.tag = facts.tag.clone();
                    inode.set(Flags::CACHED, false);
                    if let Some(extra) = &mut inode.extra {
                        extra.meta = Meta::default();
                        extra.version_id = None;
                        extra.crc64 = None;
                    }
                }
                if let Some(details) = &facts.details {
                    take_details(inode, details);
                    inode.set(Flags::DETAILED, true);
                }
            }
        }
        inode.proven = proof;
        self.set_valid(slot, true);
        true
    }

    /// A key below these directories was seen, so they exist.
    fn prove(&mut self, slot: Slot, proof: Moment) {
        let mut at = self.inodes.get(slot).parent;
        while at != Slot::ROOT && self.inodes.get(at).has(Flags::LINKED) {
            let inode = self.inodes.peek_mut(at);
            if inode.proven < proof {
                inode.proven = proof;
            }
            let parent = inode.parent;
            if !inode.has(Flags::LOCAL) {
                self.set_valid(at, true);
            }
            at = parent;
        }
    }

    /// A listing of the directory's own prefix came back with something in it (`marker`: its own object's time).
    pub(crate) fn learn_dir(&mut self, dir: Slot, marker: Option<UnixNanos>, proof: Moment) {
        if dir == Slot::ROOT || !self.inodes.get(dir).has(Flags::LINKED) {
            return;
        }
        let inode = self.inodes.get_mut(dir);
        inode.mtime = marker.unwrap_or(inode.mtime);
        if inode.proven < proof {
            inode.proven = proof;
            inode.set(Flags::LOCAL, false);
        }
        if !inode.has(Flags::LOCAL) {
            self.set_valid(dir, true);
        }
        self.prove(dir, proof);
        self.evict(dir);
    }

    /// `name` is not in `dir`, says an answer to a request sent at `proof`. False if this mount knows better.
    pub(crate) fn learn_absent(&mut self, dir: Slot, name: &str, proof: Moment) -> bool {
        if let Some(slot) = self.child(dir, name) {
            let inode = self.inodes.get(slot);
            if inode.has(Flags::LOCAL) || (inode.has(Flags::VALID) && inode.proven > proof) {
                return false;
            }
            self.detach(slot);
        }
        self.negatives.insert(dir, name, proof);
        true
    }

    /// The object itself is known to be gone or changed (a read got 404 or 412): the next lookup asks.
    pub(crate) fn distrust(&mut self, slot: Slot) {
        if !self.inodes.get(slot).has(Flags::LOCAL) {
            self.set_valid(slot, false);
        }
        let parent = self.inodes.get(slot).parent;
        if self.inodes.get(slot).has(Flags::LINKED)
            && let Some(extra) = &mut self.inodes.peek_mut(parent).extra
        {
            extra.dir.complete = None;
        }
        self.drop_if_unused(slot);
    }

    /// Takes the name from an inode, which goes at once if nothing holds it.
    pub(super) fn detach(&mut self, slot: Slot) {
        self.set_valid(slot, false);
        let inode = self.inodes.get_mut(slot);
        inode.set(Flags::LOCAL, false);
        if inode.has(Flags::LINKED) {
            self.dentries.unlink(&mut self.inodes, slot);
        }
        self.drop_if_unused(slot);
    }
}

/// Takes over what only a single object's answer says. What a program set on this mount goes before what the object
/// says.
pub(super) fn take_details(inode: &mut super::inodes::Inode, details: &Details) {
    let old = inode.meta();
    let meta = if old.local {
        Meta {
            target: details.meta.target.clone(),
            ..old.clone()
        }
    } else {
        details.meta.clone()
    };
    if meta != old || details.version_id.is_some() || details.crc64.is_some() {
        let extra = inode.extra_mut();
        extra.meta = meta;
        extra.version_id.clone_from(&details.version_id);
        extra.crc64 = details.crc64;
    }
}
