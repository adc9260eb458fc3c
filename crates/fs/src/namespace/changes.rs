//! What this mount itself did. Known at once, and better than any answer to a request that was sent before.

use std::sync::Arc;

use super::inodes::Flags;
use super::tag::Tag;
use super::{Meta, Namespace, Slot};
use crate::clock::Moment;
use crate::types::{ObjectVersion, SetAttr, UnixNanos};

impl Namespace {
    /// A new file or directory under a name that leads nowhere. A file is local until it is published.
    pub(crate) fn created(
        &mut self,
        dir: Slot,
        name: &str,
        is_dir: bool,
        meta: Meta,
        (now, wall): (Moment, UnixNanos),
    ) -> Slot {
        self.negatives.remove(dir, name);
        let slot = self.inodes.alloc(dir, name, is_dir);
        self.dentries.link(&mut self.inodes, slot);
        self.touch(dir, wall);
        let inode = self.inodes.get_mut(slot);
        inode.mtime = wall;
        inode.proven = now;
        if meta != Meta::default() {
            inode.extra_mut().meta = meta;
        }
        inode.set(Flags::DETAILED, true);
        inode.set(Flags::OWN, true);
        if is_dir {
            self.set_valid(slot, true);
            self.evict(slot);
        } else {
            inode.set(Flags::LOCAL, true);
            // The page cache of a new node is empty: it holds nothing but what is written here.
            inode.set(Flags::CACHED, true);
        }
        slot
    }

    /// Names in a directory changed here: its times follow, for as long as this mount remembers them.
    pub(crate) fn touch(&mut self, dir: Slot, wall: UnixNanos) {
        let inode = self.inodes.get_mut(dir);
        inode.mtime = wall;
        if let Some(extra) = &mut inode.extra {
            extra.meta.mtime = extra.meta.mtime.map(|_| wall);
            extra.meta.ctime = extra.meta.ctime.map(|_| wall);
        }
    }

    /// The name of an inode changed here, which counts as a change of its attributes.
    pub(crate) fn renamed(&mut self, slot: Slot, wall: UnixNanos) {
        self.inodes.get_mut(slot).extra_mut().meta.ctime = Some(wall);
    }

    /// A file is being written here: until it is published, the table knows its size best.
    pub(crate) fn writing(&mut self, slot: Slot) {
        self.set_valid(slot, false);
        self.inodes.get_mut(slot).set(Flags::LOCAL, true);
    }

    /// A writer's file has this size now.
    pub(crate) fn wrote(&mut self, slot: Slot, size: u64, wall: UnixNanos) {
        let inode = self.inodes.get_mut(slot);
        inode.size = size;
        inode.mtime = wall;
        if let Some(extra) = &mut inode.extra {
            // An earlier utimens does not outlive a write.
            extra.meta.mtime = None;
            extra.meta.ctime = None;
        }
    }

    /// What was written is in OSS as `version`. The page cache went through the same writes and stays good.
    pub(crate) fn published(&mut self, slot: Slot, version: &ObjectVersion, now: Moment) {
        let inode = self.inodes.get_mut(slot);
        inode.tag = Tag::new(&version.etag);
        inode.size = version.size;
        inode.mtime = version.mtime;
        inode.proven = now;
        inode.set(Flags::DETAILED, true);
        inode.set(Flags::APPENDABLE, version.appendable);
        if version.crc64.is_some() || version.version_id.is_some() || inode.extra.is_some() {
            let extra = inode.extra_mut();
            extra.crc64 = version.crc64;
            extra.version_id.clone_from(&version.version_id);
        }
    }

    /// The objects that stand for a directory beside its marker.
    pub(crate) fn other_markers(&self, dir: Slot) -> Vec<String> {
        let inode = self.inodes.get(dir);
        let Some(key) = self.key(dir) else {
            return Vec::new();
        };
        let bare = key.trim_end_matches('/');
        let mut keys = Vec::new();
        if inode.has(Flags::OBJECT) {
            keys.push(bare.to_owned());
        }
        if inode.has(Flags::FOLDER) {
            keys.push(super::names::folder_marker(bare));
        }
        keys
    }

    /// They are gone.
    pub(crate) fn no_other_markers(&mut self, dir: Slot) {
        let inode = self.inodes.get_mut(dir);
        inode.set(Flags::OBJECT, false);
        inode.set(Flags::FOLDER, false);
    }

    /// No writer is left. What the table knows of the file counts as an answer of OSS from now on, unless something was
    /// `lost`; a file that never came there is gone.
    pub(crate) fn written(&mut self, slot: Slot, lost: bool, now: Moment) {
        let inode = self.inodes.get_mut(slot);
        inode.set(Flags::LOCAL, false);
        if inode.tag == Tag::None {
            self.detach(slot);
        } else if inode.has(Flags::LINKED) {
            inode.proven = now;
            if lost {
                // The page cache holds what was lost.
                inode.set(Flags::CACHED, false);
            }
            self.set_valid(slot, !lost);
            self.evict(slot);
        }
    }

    /// The name was deleted here.
    pub(crate) fn removed(&mut self, dir: Slot, name: &str, now: Moment) {
        if let Some(slot) = self.child(dir, name) {
            self.detach(slot);
        }
        self.negatives.insert(dir, name, now);
        self.tombstones.removed(dir, name, now);
        self.keep_up(dir, now);
    }

    /// A name left `dir`. If it was the last key, the prefix is gone from OSS, and so may be those above it, but a
    /// directory does not vanish with its last file: this mount keeps it up until it is removed or seen again.
    fn keep_up(&mut self, dir: Slot, now: Moment) {
        let inode = self.inodes.peek_mut(dir);
        let removals = &mut inode.dir_mut().removals;
        *removals = removals.wrapping_add(1);
        let mut at = dir;
        while at != Slot::ROOT && self.inodes.get(at).has(Flags::LINKED) {
            let inode = self.inodes.get_mut(at);
            inode.proven = now;
            inode.set(Flags::LOCAL, true);
            let parent = inode.parent;
            self.set_valid(at, false);
            at = parent;
        }
    }

    /// The inode was renamed here, over whatever the new name led to.
    pub(crate) fn moved(&mut self, slot: Slot, new_dir: Slot, new_name: &str, now: Moment) {
        let old_dir = self.inodes.get(slot).parent;
        let old_name = self.inodes.name(slot).to_owned();
        match self.child(new_dir, new_name) {
            Some(target) if target == slot => return,
            Some(target) => self.detach(target),
            None => self.negatives.remove(new_dir, new_name),
        }
        if self.inodes.get(slot).has(Flags::LINKED) {
            self.dentries.unlink(&mut self.inodes, slot);
        }
        self.inodes.set_name(slot, new_name);
        let inode = self.inodes.get_mut(slot);
        inode.parent = new_dir;
        inode.proven = now;
        self.dentries.link(&mut self.inodes, slot);
        self.negatives.insert(old_dir, &old_name, now);
        self.tombstones.removed(old_dir, &old_name, now);
        self.keep_up(old_dir, now);
        self.moved_link(slot);
        self.moved_below(slot, now);
        self.drop_if_unused(old_dir);
    }

    /// Two files of these inodes changed places here.
    pub(crate) fn exchanged(&mut self, one: Slot, other: Slot, now: Moment) {
        self.dentries.unlink(&mut self.inodes, one);
        self.dentries.unlink(&mut self.inodes, other);
        let place = |slot: Slot| {
            let name = self.inodes.name(slot).to_owned();
            (self.inodes.get(slot).parent, name)
        };
        let places = (place(one), place(other));
        for (slot, (dir, name)) in [(one, places.1), (other, places.0)] {
            self.inodes.set_name(slot, &name);
            let inode = self.inodes.get_mut(slot);
            (inode.parent, inode.proven) = (dir, now);
            self.moved_link(slot);
            self.dentries.link(&mut self.inodes, slot);
        }
    }

    /// A change of this name failed: nobody knows what it leads to now, so the next lookup asks.
    pub(crate) fn unsure(&mut self, dir: Slot, name: &str) {
        self.negatives.remove(dir, name);
        self.inodes.get_mut(dir).dir_mut().complete = None;
        let Some(slot) = self.child(dir, name) else {
            return;
        };
        let inode = self.inodes.get(slot);
        let (is_dir, proven) = (inode.is_dir(), inode.proven);
        if is_dir {
            self.moved_below(slot, proven);
        }
        if !self.is_local(slot) {
            self.set_valid(slot, false);
            self.drop_if_unused(slot);
        }
    }

    /// One of OSS's own symlinks names a key, so the path to it is another from its new place.
    fn moved_link(&mut self, slot: Slot) {
        let inode = self.inodes.get_mut(slot);
        if inode.has(Flags::LINK)
            && let Some(extra) = &mut inode.extra
        {
            extra.meta.target = None;
            inode.set(Flags::DETAILED, false);
        }
    }

    /// Every known inode below moved too. A copy can have another ETag than its source, so files have to be asked for.
    fn moved_below(&mut self, slot: Slot, now: Moment) {
        let mut files = Vec::new();
        let mut dirs = vec![slot];
        while let Some(dir) = dirs.pop() {
            for child in self.inodes.get(dir).children().to_vec() {
                if self.inodes.get(child).is_dir() {
                    self.inodes.peek_mut(child).proven = now;
                    dirs.push(child);
                } else if !self.is_local(child) {
                    files.push(child);
                }
            }
            if let Some(extra) = &mut self.inodes.peek_mut(dir).extra {
                extra.dir.gaps = true;
            }
        }
        for file in files {
            self.moved_link(file);
            self.set_valid(file, false);
            self.drop_if_unused(file);
        }
    }

    /// Changes attributes other than the size. They have to be [`Namespace::meta_stored`] some time.
    pub(crate) fn set_meta(&mut self, slot: Slot, change: &SetAttr, wall: UnixNanos) {
        let meta = self.change_meta(slot, wall);
        meta.mode = change.mode.or(meta.mode);
        meta.uid = change.uid.or(meta.uid);
        meta.gid = change.gid.or(meta.gid);
        meta.atime = change.atime.or(meta.atime);
        meta.mtime = change.mtime.or(meta.mtime);
    }

    /// A program gave a node these extended attributes in all.
    pub(crate) fn set_xattrs(&mut self, slot: Slot, xattrs: Option<Arc<str>>, wall: UnixNanos) {
        self.change_meta(slot, wall).xattrs = xattrs;
    }

    /// The attributes of a node of which a program changes some.
    fn change_meta(&mut self, slot: Slot, wall: UnixNanos) -> &mut Meta {
        let inode = self.inodes.get_mut(slot);
        // A copy onto itself gives the object another time.
        let written = inode.mtime;
        let meta = &mut inode.extra_mut().meta;
        if written != 0 {
            meta.mtime.get_or_insert(written);
        }
        meta.ctime = Some(wall);
        meta.local = true;
        meta
    }

    /// The object has these metadata now, and `own` tells whether it has no others. Attributes that were set meanwhile
    /// still have to be stored.
    pub(crate) fn meta_stored(&mut self, slot: Slot, stored: &Meta, own: bool) {
        let inode = self.inodes.get_mut(slot);
        inode.set(Flags::DETAILED, true);
        inode.set(Flags::OWN, own);
        if let Some(extra) = &mut inode.extra
            && extra.meta == *stored
        {
            extra.meta.local = false;
        }
    }

    /// Whether attributes that were set here are not in OSS yet.
    pub(crate) fn has_new_meta(&self, slot: Slot) -> bool {
        self.inodes.get(slot).meta().local
    }

    /// Whether the object's metadata are those that this mount wrote, and no others.
    pub(crate) fn is_own(&self, slot: Slot) -> bool {
        self.inodes.get(slot).has(Flags::OWN)
    }

    /// The metadata that the object is to have: its time of writing among them, so that it outlives copies.
    pub(crate) fn meta_to_store(&mut self, slot: Slot) -> Meta {
        let inode = self.inodes.get_mut(slot);
        let written = inode.mtime;
        let meta = &mut inode.extra_mut().meta;
        if written != 0 {
            meta.mtime.get_or_insert(written);
        }
        meta.clone()
    }

    /// Bytes were added to an object, whose metadata tell no times: those of OSS count.
    pub(crate) fn appended(&mut self, slot: Slot) {
        let inode = self.inodes.get_mut(slot);
        if let Some(extra) = &mut inode.extra
            && !extra.meta.local
        {
            (extra.meta.atime, extra.meta.mtime, extra.meta.ctime) = (None, None, None);
        }
    }

    /// What is known beyond a listing of a file about to be uploaded or copied.
    pub(crate) fn meta(&self, slot: Slot) -> Meta {
        self.inodes.get(slot).meta()
    }

    /// The page cache will hold the present version, and whether it held that and no other before.
    pub(crate) fn note_cached(&mut self, slot: Slot) -> bool {
        let before = self.inodes.get(slot).has(Flags::CACHED);
        if !before {
            self.inodes.get_mut(slot).set(Flags::CACHED, true);
        }
        before
    }
}
