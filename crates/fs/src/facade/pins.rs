//! The versions that open files read.

use std::sync::Arc;

use super::ahead::Opening;
use super::files::{Files, OpenFile};
use crate::contents::ReadObject;
use crate::types::{FileHandle, NodeId, ObjectVersion};

/// What a handle reads.
pub(super) struct Pinned {
    pub(super) version: ObjectVersion,
    /// Made when it is first needed: a handle whose reads the page cache answers needs none.
    pub(super) object: Option<Arc<dyn ReadObject>>,
}

impl Files {
    /// What a handle reads, with its version; made now if nobody needed it before, which is told to what fetches ahead.
    pub(super) fn object(
        &self,
        file: &OpenFile,
        opening: Opening,
    ) -> Option<(Arc<dyn ReadObject>, ObjectVersion)> {
        let (version, object) = {
            let pinned = file.pinned.lock();
            let pinned = pinned.as_ref()?;
            (pinned.version.clone(), pinned.object.clone())
        };
        if let Some(object) = object {
            return Some((object, version));
        }
        self.ahead
            .opened(file.node, opening, || self.contents.has(&version));
        let object = self.contents.open(&version);
        if let Some(pages) = self.pages(file.node, &version) {
            object.offer(pages);
        }
        if let Some(pinned) = file.pinned.lock().as_mut()
            && pinned.version == version
        {
            pinned.object = Some(Arc::clone(&object));
        }
        Some((object, version))
    }

    /// A read found that the version is gone: lookups ask again.
    pub(super) fn distrust(&self, node: NodeId, version: &ObjectVersion) {
        let mut ns = self.core.ns.lock();
        if let Ok(slot) = ns.resolve(node)
            && ns
                .version(slot)
                .is_some_and(|known| known.etag == version.etag)
        {
            ns.distrust(slot);
        }
    }

    /// A node's contents are in OSS as `version` now, by this mount's doing.
    pub(super) fn publish(&self, node: NodeId, version: &ObjectVersion) {
        {
            let mut ns = self.core.ns.lock();
            if let Ok(slot) = ns.resolve(node) {
                ns.published(slot, version, self.core.clock.now());
            }
        }
        self.pin(node, version, |_| true);
    }

    /// Has those handles that read a node, and are pinned to what `wants` says, read this version from now on.
    pub(super) fn pin(
        &self,
        node: NodeId,
        version: &ObjectVersion,
        wants: impl Fn(Option<&ObjectVersion>) -> bool,
    ) {
        let mut batch = self.core.ledger.batch();
        let open = self.open.read();
        for (handle, file) in open
            .iter()
            .filter(|(_, file)| file.node == node && file.flags.read)
        {
            {
                let mut pinned = file.pinned.lock();
                if !wants(pinned.as_ref().map(|pinned| &pinned.version)) {
                    continue;
                }
                *pinned = Some(Pinned {
                    version: version.clone(),
                    object: None,
                });
            }
            Self::record(&mut batch, FileHandle(*handle), file);
        }
        self.core.ledger.commit(&mut batch);
    }
}
