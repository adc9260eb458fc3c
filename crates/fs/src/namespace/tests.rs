//! The table's own rules, checked after every step of the tests of the facade.

use std::collections::HashSet;

use super::inodes::Flags;
use super::{Namespace, Slot};

impl Namespace {
    /// Panics if the table contradicts itself.
    pub(crate) fn check(&self) {
        let mut linked = 0;
        let mut valid = 0;
        for (slot, inode) in self.inodes.iter() {
            let name = &inode.name;
            valid += usize::from(inode.has(Flags::VALID));
            if slot == Slot::ROOT {
                assert!(inode.is_dir() && inode.has(Flags::LINKED));
            } else if inode.has(Flags::LINKED) {
                linked += 1;
                assert_eq!(self.child(inode.parent, name), Some(slot), "{name}");
                let parent = self.inodes.get(inode.parent);
                assert!(
                    parent.has(Flags::LIVE) && parent.is_dir(),
                    "{name} has no parent"
                );
                assert!(parent.children().contains(&slot), "{name} is no child");
            } else {
                assert!(
                    !inode.has(Flags::VALID) && !inode.has(Flags::LOCAL),
                    "{name}"
                );
            }
            let cached = inode.has(Flags::VALID) || inode.has(Flags::LOCAL) || inode.meta().local;
            let needed = inode.lookups > 0 || inode.holds > 0 || !inode.children().is_empty();
            assert!(
                cached || needed || slot == Slot::ROOT,
                "{name} should have gone"
            );
            assert!(inode.is_dir() || inode.children().is_empty());
            let names: Vec<_> = inode
                .children()
                .iter()
                .map(|child| &self.inodes.get(*child).name)
                .collect();
            assert!(names.is_sorted(), "{names:?}");
            let once: HashSet<_> = names.iter().collect();
            assert_eq!(once.len(), names.len());
            for child in inode.children() {
                assert_eq!(self.inodes.get(*child).parent, slot);
            }
        }
        assert_eq!(valid, self.valid);
        assert_eq!(linked, self.dentries.len());
    }
}
