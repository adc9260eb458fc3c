//! Who may leave the table, and when.

use super::inodes::{Flags, Inode};
use super::{Namespace, Slot};
use crate::types::NodeId;

impl Namespace {
    /// The kernel forgot `count` lookups of a node.
    pub(crate) fn forget(&mut self, node: NodeId, count: u64) {
        let Some(slot) = self.inodes.resolve(node) else {
            return;
        };
        let inode = self.inodes.peek_mut(slot);
        if inode.lookups != u32::MAX {
            inode.lookups = u64::from(inode.lookups).saturating_sub(count) as u32;
            self.inodes.counted(slot);
            self.drop_if_unused(slot);
        }
    }

    /// Frees an inode that neither the kernel nor a handle nor a child nor the cache needs; then its parent, if it
    /// was the last to need that.
    pub(super) fn drop_if_unused(&mut self, slot: Slot) {
        let mut at = slot;
        while at != Slot::ROOT {
            let inode = self.inodes.get(at);
            let cached = inode.has(Flags::LINKED)
                && (inode.has(Flags::VALID) || inode.has(Flags::LOCAL) || inode.meta().local);
            if is_needed(inode) || cached || !inode.has(Flags::LIVE) {
                return;
            }
            let parent = inode.parent;
            let linked = inode.has(Flags::LINKED);
            if linked {
                self.dentries.unlink(&mut self.inodes, at);
                // The directory is no longer completely known.
                if let Some(extra) = &mut self.inodes.peek_mut(parent).extra {
                    extra.dir.complete = None;
                    extra.dir.dropped = extra.dir.dropped.wrapping_add(1);
                }
            }
            self.set_valid(at, false);
            self.negatives.remove_dir(at);
            self.tombstones.remove_dir(at);
            self.inodes.release(at);
            if !linked {
                // It was not among the parent's children: the parent may be another inode by now.
                return;
            }
            at = parent;
        }
    }

    /// Takes attributes from inodes until `max_stat_cache_size` holds again, but not from `keep`.
    ///
    /// The clock algorithm: the hand passes over what was used since it last came by.
    pub(super) fn evict(&mut self, keep: Slot) {
        // Twice round clears every `RECENT` and comes back.
        let mut steps = 2 * self.inodes.len();
        while self.valid > self.rules.limit && steps > 0 {
            steps -= 1;
            let slot = Slot(self.hand);
            self.hand = (self.hand + 1) % self.inodes.len() as u32;
            let inode = self.inodes.peek_mut(slot);
            if !inode.has(Flags::VALID) || slot == keep {
                continue;
            }
            if inode.has(Flags::RECENT) {
                inode.set(Flags::RECENT, false);
                continue;
            }
            let parent = inode.parent;
            let linked = inode.has(Flags::LINKED);
            self.set_valid(slot, false);
            if linked && let Some(extra) = &mut self.inodes.peek_mut(parent).extra {
                extra.dir.gaps = true;
            }
            self.drop_if_unused(slot);
        }
    }
}

/// True if something outside the cache refers to the inode.
pub(super) fn is_needed(inode: &Inode) -> bool {
    inode.lookups > 0 || inode.holds > 0 || !inode.children().is_empty()
}
