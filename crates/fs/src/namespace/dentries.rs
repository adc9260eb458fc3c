//! Name → inode, for the whole mount in one table of slots (no name is stored twice).

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::inodes::{Flags, Inodes, Slot};

/// The index of linked names.
#[derive(Debug)]
pub(crate) struct Dentries {
    table: HashTable<Slot>,
    hasher: DefaultHashBuilder,
}

impl Dentries {
    pub(crate) fn new() -> Self {
        Self {
            table: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
        }
    }

    /// Bytes of the index.
    #[cfg(test)]
    pub(crate) fn allocated(&self) -> usize {
        self.table.allocation_size()
    }

    /// How many names are linked.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    fn hash(&self, parent: Slot, name: &str) -> u64 {
        self.hasher.hash_one((parent, name))
    }

    pub(crate) fn get(&self, inodes: &Inodes, parent: Slot, name: &str) -> Option<Slot> {
        let hash = self.hash(parent, name);
        self.table
            .find(hash, |slot| {
                inodes.get(*slot).parent == parent && inodes.name(*slot) == name
            })
            .copied()
    }

    /// Makes the parent's name lead to `slot`, which must not be linked, as must no other under that name.
    pub(crate) fn link(&mut self, inodes: &mut Inodes, slot: Slot) {
        let inode = inodes.get(slot);
        let parent = inode.parent;
        debug_assert!(!inode.has(Flags::LINKED), "linked twice");
        debug_assert!(
            self.get(inodes, parent, inodes.name(slot)).is_none(),
            "a name has one inode"
        );
        let hash = self.hash(parent, inodes.name(slot));
        let hasher = &self.hasher;
        self.table.insert_unique(hash, slot, |other| {
            hasher.hash_one((inodes.get(*other).parent, inodes.name(*other)))
        });
        let at = Self::place(inodes, parent, inodes.name(slot)).unwrap_or_else(|at| at);
        inodes.peek_mut(parent).dir_mut().children.insert(at, slot);
        inodes.get_mut(slot).set(Flags::LINKED, true);
    }

    /// Takes the name away; the inode stays.
    pub(crate) fn unlink(&mut self, inodes: &mut Inodes, slot: Slot) {
        let inode = inodes.get(slot);
        let parent = inode.parent;
        let hash = self.hash(parent, inodes.name(slot));
        if let Ok(found) = self.table.find_entry(hash, |other| *other == slot) {
            found.remove();
        }
        if let Ok(at) = Self::place(inodes, parent, inodes.name(slot)) {
            inodes.peek_mut(parent).dir_mut().children.remove(at);
        }
        inodes.get_mut(slot).set(Flags::LINKED, false);
    }

    /// Where `name` is among the children, or where it would be.
    fn place(inodes: &Inodes, parent: Slot, name: &str) -> Result<usize, usize> {
        let children = inodes.get(parent).children();
        // Listings come in order: the end is the place nearly always.
        match children.last() {
            Some(last) if inodes.name(*last) < name => Err(children.len()),
            _ => children.binary_search_by(|child| inodes.name(*child).cmp(name)),
        }
    }

    /// Where the first child is that comes after `name`.
    pub(crate) fn after(inodes: &Inodes, parent: Slot, name: &str) -> usize {
        match Self::place(inodes, parent, name) {
            Ok(at) => at + 1,
            Err(at) => at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_their_inode_and_stay_in_order() {
        let mut inodes = Inodes::new();
        let mut dentries = Dentries::new();
        let mut slots = Vec::new();
        for name in ["m", "a", "z", "b"] {
            let slot = inodes.alloc(Slot::ROOT, name, false);
            dentries.link(&mut inodes, slot);
            slots.push(slot);
        }
        let names = |inodes: &Inodes| -> Vec<String> {
            let children = inodes.get(Slot::ROOT).children();
            children
                .iter()
                .map(|slot| inodes.name(*slot).to_owned())
                .collect()
        };
        assert_eq!(names(&inodes), ["a", "b", "m", "z"]);
        assert_eq!(dentries.get(&inodes, Slot::ROOT, "m"), Some(slots[0]));
        assert_eq!(Dentries::after(&inodes, Slot::ROOT, "b"), 2);
        assert_eq!(Dentries::after(&inodes, Slot::ROOT, "c"), 2);
        dentries.unlink(&mut inodes, slots[0]);
        assert_eq!(dentries.get(&inodes, Slot::ROOT, "m"), None);
        assert_eq!(names(&inodes), ["a", "b", "z"]);
    }
}
