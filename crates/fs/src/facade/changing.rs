//! Names that are being taken away or changed. Who opens such a file, or makes one in such a directory, waits until that
//! is done and sees what became of it: otherwise the close of a file that is opened for writing just now would make an
//! object under the name that went. What is being made at once (a directory, a link) is waited for in turn by the rename of
//! a directory above it, which would leave it behind.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::watch;

use super::files::Files;
use crate::namespace::{Namespace, Slot};
use crate::types::NodeId;

/// What a change is about.
#[derive(Debug)]
pub(super) enum Scope {
    /// One file.
    Node(NodeId),
    /// Everything whose key begins so.
    Below(String),
    /// Something is being made in the directory with this key. Nobody waits for that but who renames the directory.
    Making(String),
}

/// The changes under way.
#[derive(Default)]
pub(super) struct Changing {
    under_way: Mutex<Vec<UnderWay>>,
    /// How many there are, so that opening a file need not lock to know that there are none.
    count: AtomicUsize,
    next: AtomicU64,
}

struct UnderWay {
    id: u64,
    scopes: Vec<Scope>,
    over: watch::Receiver<()>,
}

/// One change, for as long as it is under way.
pub(super) struct Change<'a> {
    all: &'a Changing,
    id: u64,
    _ends: watch::Sender<()>,
}

impl Changing {
    /// A change begins. As the table is locked, whoever opens one of these files has done so, or will wait.
    pub(super) fn begin(&self, _: &Namespace, scopes: Vec<Scope>) -> Change<'_> {
        let (ends, over) = watch::channel(());
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut under_way = self.under_way.lock();
        under_way.push(UnderWay { id, scopes, over });
        self.count.store(under_way.len(), Ordering::Release);
        Change {
            all: self,
            id,
            _ends: ends,
        }
    }

    /// The end of a change of this inode's name, if there is one.
    pub(super) fn of(&self, ns: &Namespace, slot: Slot) -> Option<watch::Receiver<()>> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let (node, key) = (ns.id(slot), ns.key(slot));
        let concerns = |scope: &Scope| match scope {
            Scope::Node(changing) => *changing == node,
            Scope::Below(prefix) => key.as_ref().is_some_and(|key| key.starts_with(prefix)),
            Scope::Making(_) => false,
        };
        self.find(concerns)
    }

    /// The end of something that is being made in this directory or below it.
    fn making_below(&self, prefix: &str) -> Option<watch::Receiver<()>> {
        self.find(|scope| matches!(scope, Scope::Making(key) if key.starts_with(prefix)))
    }

    fn find(&self, concerns: impl Fn(&Scope) -> bool) -> Option<watch::Receiver<()>> {
        let under_way = self.under_way.lock();
        let change = under_way
            .iter()
            .find(|change| change.scopes.iter().any(&concerns))?;
        Some(change.over.clone())
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        let mut under_way = self.all.under_way.lock();
        under_way.retain(|change| change.id != self.id);
        self.all.count.store(under_way.len(), Ordering::Release);
    }
}

impl Files {
    /// Waits until nobody changes the name of this node any more.
    pub(super) async fn unchanging(&self, node: NodeId) {
        loop {
            let over = {
                let ns = self.core.ns.lock();
                let slot = ns.resolve(node);
                slot.ok().and_then(|slot| self.changing.of(&ns, slot))
            };
            let Some(over) = over else { return };
            ended(over).await;
        }
    }

    /// Something will be made in this directory, until what this gives is dropped: not before its name stays what it is.
    /// `None` if there is no such directory.
    pub(super) async fn making(&self, parent: NodeId) -> Option<Change<'_>> {
        loop {
            let over = {
                let ns = self.core.ns.lock();
                let dir = ns.resolve(parent).ok()?;
                let Some(over) = self.changing.of(&ns, dir) else {
                    let scope = Scope::Making(ns.key(dir)?);
                    return Some(self.changing.begin(&ns, vec![scope]));
                };
                over
            };
            ended(over).await;
        }
    }

    /// Waits for what was being made in this directory and below it when the change of its name began.
    pub(super) async fn all_made(&self, prefix: &str) {
        while let Some(over) = self.changing.making_below(prefix) {
            ended(over).await;
        }
    }
}

/// Waits for the end of a change.
async fn ended(mut over: watch::Receiver<()>) {
    // An error says that it ended.
    while over.changed().await.is_ok() {}
}
