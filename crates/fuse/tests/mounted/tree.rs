//! An in-memory tree that knows nothing of FUSE: the benchmarks put two transports before it.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::sync::{PoisonError, RwLock};

pub const ROOT: u64 = 1;

#[derive(Debug, Clone, Default)]
pub struct Node {
    pub mode: u32,
    pub mtime_ns: i128,
    pub data: Vec<u8>,
    pub children: BTreeMap<OsString, u64>,
    pub xattrs: BTreeMap<OsString, Vec<u8>>,
}

#[derive(Debug)]
pub struct Tree(RwLock<State>);

#[derive(Debug)]
struct State {
    nodes: HashMap<u64, Node>,
    next: u64,
}

/// An errno.
pub type Result<T> = std::result::Result<T, i32>;

impl Tree {
    pub fn new() -> Self {
        let root = Node {
            mode: libc::S_IFDIR | 0o755,
            ..Node::default()
        };
        Self(RwLock::new(State {
            nodes: HashMap::from([(ROOT, root)]),
            next: ROOT + 1,
        }))
    }

    pub fn with<T>(&self, id: u64, f: impl FnOnce(&Node) -> T) -> Result<T> {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        state.nodes.get(&id).map(f).ok_or(libc::ENOENT)
    }

    pub fn change<T>(&self, id: u64, f: impl FnOnce(&mut Node) -> T) -> Result<T> {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        state.nodes.get_mut(&id).map(f).ok_or(libc::ENOENT)
    }

    pub fn child(&self, parent: u64, name: &OsStr) -> Result<u64> {
        self.with(parent, |node| node.children.get(name).copied())?
            .ok_or(libc::ENOENT)
    }

    pub fn add(&self, parent: u64, name: &OsStr, mode: u32, data: &[u8]) -> Result<u64> {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let id = state.next;
        let dir = state.nodes.get_mut(&parent).ok_or(libc::ENOENT)?;
        if dir.children.contains_key(name) {
            return Err(libc::EEXIST);
        }
        dir.children.insert(name.to_os_string(), id);
        state.next += 1;
        state.nodes.insert(
            id,
            Node {
                mode,
                data: data.to_vec(),
                ..Node::default()
            },
        );
        Ok(id)
    }

    /// Nodes stay, as somebody may have them open.
    pub fn remove(&self, parent: u64, name: &OsStr) -> Result<u64> {
        self.change(parent, |node| node.children.remove(name))?
            .ok_or(libc::ENOENT)
    }

    pub fn rename(&self, from: u64, name: &OsStr, to: u64, newname: &OsStr) -> Result<()> {
        let id = self.remove(from, name)?;
        self.change(to, |node| node.children.insert(newname.to_os_string(), id))?;
        Ok(())
    }

    pub fn write(&self, id: u64, offset: u64, data: &[u8]) -> Result<u32> {
        self.change(id, |node| {
            let end = offset as usize + data.len();
            if node.data.len() < end {
                node.data.resize(end, 0);
            }
            node.data[offset as usize..end].copy_from_slice(data);
            data.len() as u32
        })
    }

    /// Names after the first `offset`, with `.` and `..` left out.
    pub fn list<T>(
        &self,
        id: u64,
        offset: u64,
        mut each: impl FnMut(u64, &OsStr, u64, &Node) -> Option<T>,
    ) -> Result<()> {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let dir = state.nodes.get(&id).ok_or(libc::ENOENT)?;
        for (index, (name, child)) in dir.children.iter().enumerate().skip(offset as usize) {
            let node = &state.nodes[child];
            if each(index as u64 + 1, name, *child, node).is_none() {
                break;
            }
        }
        Ok(())
    }
}
