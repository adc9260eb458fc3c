//! Handing the kernel-facing part of the table to a successor process.

use serde::{Deserialize, Serialize};

use super::inodes::{Flags, Inodes};
use super::tag::Tag;
use super::{Meta, Namespace, Slot};
use crate::types::{NodeId, UnixNanos};

/// Every node that the kernel can name, and the generations from which new ids are made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceState {
    /// Nodes, each after its parent.
    pub nodes: Vec<NodeState>,
    /// Of every slot of the inode table.
    pub generations: Vec<u32>,
}

/// One node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeState {
    /// Its id.
    pub id: u64,
    /// The directory it is in, or 0 if it has no name any more.
    pub parent: u64,
    /// Its name there.
    pub name: String,
    /// A directory; otherwise a file.
    pub dir: bool,
    /// Lookups that the kernel has not forgotten.
    pub lookups: u32,
    /// Bytes.
    pub size: u64,
    /// Last change in OSS.
    pub mtime: UnixNanos,
    /// Of the known version; empty if there is none.
    pub etag: String,
    /// Of the known version.
    pub crc64: Option<u64>,
    /// Of the known version.
    pub version_id: Option<String>,
    /// The page cache holds this version.
    pub cached: bool,
    /// This mount knows better than OSS: a file being written, or a directory kept up.
    pub local: bool,
    /// Attributes set on this mount or read from the object: mode, uid, gid, atime, mtime, ctime.
    pub mode: Option<u16>,
    /// See `mode`.
    pub uid: Option<u32>,
    /// See `mode`.
    pub gid: Option<u32>,
    /// See `mode`.
    pub atime: Option<UnixNanos>,
    /// See `mode`.
    pub set_mtime: Option<UnixNanos>,
    /// See `mode`.
    pub ctime: Option<UnixNanos>,
    /// They were set on this mount.
    pub set_here: bool,
    /// Type bits of `st_mode`, of what is neither a plain file nor a directory; otherwise 0.
    pub special: u32,
    /// The device's number.
    pub rdev: u32,
    /// Extended attributes as the object's metadata hold them.
    #[serde(default)]
    pub xattrs: Option<String>,
}

impl Namespace {
    /// The nodes that the kernel knows, with those above them.
    pub(crate) fn export(&self) -> NamespaceState {
        let mut nodes = Vec::new();
        // Linked inodes from the root down, then what lost its name, with what is below that.
        let mut queue: Vec<Slot> = self.inodes.get(Slot::ROOT).children().to_vec();
        let nameless = self
            .inodes
            .iter()
            .filter(|(slot, inode)| *slot != Slot::ROOT && !inode.has(Flags::LINKED))
            .map(|(slot, _)| slot);
        queue.extend(nameless);
        let mut at = 0;
        while at < queue.len() {
            let slot = queue[at];
            at += 1;
            let inode = self.inodes.get(slot);
            queue.extend_from_slice(inode.children());
            if inode.lookups > 0 || inode.holds > 0 || !inode.children().is_empty() {
                nodes.push(self.export_node(slot));
            }
        }
        NamespaceState {
            nodes,
            generations: self.inodes.generations(),
        }
    }

    fn export_node(&self, slot: Slot) -> NodeState {
        let inode = self.inodes.get(slot);
        let meta = inode.meta();
        let linked = inode.has(Flags::LINKED);
        let extra = inode.extra.as_deref();
        NodeState {
            id: self.inodes.id(slot).get(),
            parent: if linked {
                self.inodes.id(inode.parent).get()
            } else {
                0
            },
            name: inode.name.to_string(),
            dir: inode.is_dir(),
            lookups: inode.lookups,
            size: inode.size,
            mtime: inode.mtime,
            etag: inode.tag.text(),
            crc64: extra.and_then(|extra| extra.crc64),
            version_id: extra.and_then(|extra| extra.version_id.as_deref().map(str::to_owned)),
            cached: inode.has(Flags::CACHED),
            local: inode.has(Flags::LOCAL),
            mode: meta.mode,
            uid: meta.uid,
            gid: meta.gid,
            atime: meta.atime,
            set_mtime: meta.mtime,
            ctime: meta.ctime,
            set_here: meta.local,
            special: crate::remote::posix::bits(meta.special),
            rdev: meta.rdev,
            xattrs: meta.xattrs.as_deref().map(str::to_owned),
        }
    }

    /// Brings back what [`Namespace::export`] gave. Attributes count as expired. Nodes that don't fit in (a damaged
    /// state) are left out: the kernel gets errors for them.
    pub(crate) fn import(&mut self, state: &NamespaceState) {
        self.inodes = Inodes::with_generations(&state.generations);
        for node in &state.nodes {
            let Some(id) = NodeId::new(node.id) else {
                continue;
            };
            let parent = NodeId::new(node.parent).and_then(|parent| self.inodes.resolve(parent));
            let linked = parent.is_some();
            let parent = parent.unwrap_or(Slot::ROOT);
            if linked && (!self.is_dir(parent) || self.child(parent, &node.name).is_some()) {
                continue;
            }
            let Some(slot) = self.inodes.put(id, parent, &node.name, node.dir) else {
                continue;
            };
            if linked {
                self.dentries.link(&mut self.inodes, slot);
            }
            self.import_node(slot, node);
        }
    }

    fn import_node(&mut self, slot: Slot, node: &NodeState) {
        let inode = self.inodes.get_mut(slot);
        inode.lookups = node.lookups;
        inode.size = node.size;
        inode.mtime = node.mtime;
        inode.tag = Tag::new(&node.etag);
        inode.set(Flags::CACHED, node.cached);
        inode.set(Flags::LOCAL, node.local);
        let meta = Meta {
            special: crate::remote::posix::kind(node.special),
            target: None,
            rdev: node.rdev,
            mode: node.mode,
            uid: node.uid,
            gid: node.gid,
            atime: node.atime,
            mtime: node.set_mtime,
            ctime: node.ctime,
            xattrs: node.xattrs.as_deref().map(Into::into),
            others: None,
            local: node.set_here,
        };
        if meta != Meta::default() || node.crc64.is_some() || node.version_id.is_some() {
            let extra = inode.extra_mut();
            extra.meta = meta;
            extra.crc64 = node.crc64;
            extra.version_id = node.version_id.as_deref().map(Into::into);
        }
    }
}
