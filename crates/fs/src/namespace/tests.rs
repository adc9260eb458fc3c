//! The table's own rules, checked after every step of the tests of the facade.

use std::collections::HashSet;

use super::inodes::{Flags, Inode};
use super::tag::Tag;
use super::{Facts, Namespace, Seen, Slot};
use crate::clock::Moment;
use crate::config::FsConfig;

impl Namespace {
    /// Panics if the table contradicts itself.
    pub(crate) fn check(&self) {
        let mut linked = 0;
        let mut valid = 0;
        for (slot, inode) in self.inodes.iter() {
            let name = self.inodes.name(slot);
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
                .map(|child| self.inodes.name(*child))
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

/// What an entry costs, all that is allocated for it counted: the slot, the name, the index, and its place among the
/// children. The stated figure is in `docs/performance.md`.
#[test]
fn an_entry_with_its_name_takes_no_more_than_is_leased() {
    let mut config = FsConfig::new("bucket", "");
    config.max_stat_cache_size = 1 << 20;
    let mut ns = Namespace::new(&config, 0);
    let count = 200_000;
    let names = (0..count).map(|number| format!("img_{number:08}.jpeg"));
    let mut bytes = 0;
    for name in names {
        let seen = Seen::File(Facts {
            size: 1000,
            mtime: 1,
            tag: Tag::new("\"5EB63BBBE01EEED093CB22BB8F5ACDC3\""),
            ..Facts::default()
        });
        let slot = ns.learn(Slot::ROOT, &name, &seen, Moment(1)).unwrap();
        assert_eq!(ns.name(slot), name);
        bytes += size_of::<Inode>() + size_of::<Slot>();
    }
    bytes += ns.dentries.allocated() + ns.inodes.names_allocated();
    let each = bytes.div_ceil(count);
    assert!(each <= super::shared::ENTRY as usize, "{each} bytes");
}
