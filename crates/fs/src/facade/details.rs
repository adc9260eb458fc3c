//! Asking for what a listing does not show: one HEAD an entry, shared by all who want it at once.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};

use super::core::Core;
use crate::error::{Error, Result};
use crate::namespace::Seen;
use crate::types::NodeId;

type Asking = Shared<BoxFuture<'static, Result<()>>>;
pub(super) type WeakAsking = WeakShared<BoxFuture<'static, Result<()>>>;

impl Core {
    /// Learns the details of a node whose key is known, and begins to ask for those of others.
    pub(super) async fn details(
        self: &Arc<Self>,
        (node, key): (NodeId, String),
        ahead: Vec<(NodeId, String)>,
    ) -> Result<()> {
        let wanted = self.asking(node, key);
        for (node, key) in ahead {
            // A lookup that comes for it waits for this; an error is told to nobody, and the lookup asks again.
            tokio::spawn(self.asking(node, key).map(drop));
        }
        wanted.await
    }

    fn asking(self: &Arc<Self>, node: NodeId, key: String) -> Asking {
        let mut detailing = self.detailing.lock();
        if let Some(asking) = detailing.get(&node).and_then(WeakShared::upgrade) {
            return asking;
        }
        let core = Arc::clone(self);
        let asking = async move {
            let answer = core.ask_details(node, &key).await;
            core.detailing.lock().remove(&node);
            answer
        };
        let asking = asking.boxed().shared();
        if let Some(weak) = asking.downgrade() {
            detailing.insert(node, weak);
        }
        asking
    }

    /// Whether an open of this file has to ask whether it changed (close-to-open).
    pub(super) fn asks_at_open(&self, node: NodeId) -> bool {
        if !self.config.close_to_open || self.config.always_ask() {
            return false;
        }
        let ns = self.ns.lock();
        ns.resolve(node)
            .is_ok_and(|slot| ns.is_linked(slot) && !ns.is_dir(slot) && !ns.is_local(slot))
    }

    /// Asks what a file is now. [`Error::Stale`] if it changed: the kernel then looks it up again, and learns its size too.
    pub(super) async fn ask_at_open(self: &Arc<Self>, node: NodeId) -> Result<()> {
        let seen = || {
            let ns = self.ns.lock();
            let version = ns.version(ns.resolve(node)?).ok_or(Error::Stale)?;
            Ok::<_, Error>((version.key, version.etag))
        };
        let before = seen()?;
        self.ask_details(node, &before.0).await?;
        if seen()? == before {
            Ok(())
        } else {
            Err(Error::Stale)
        }
    }

    async fn ask_details(self: &Arc<Self>, node: NodeId, key: &str) -> Result<()> {
        let passing = {
            let ns = self.ns.lock();
            let slot = ns.resolve(node)?;
            ns.is_passed_through(slot)
        };
        if passing {
            // What the path goes on with is asked for along with the marker, which most directories lack.
            let page = self.first_page(node, key).await?;
            if page.shown.marker.is_none() {
                let mut ns = self.ns.lock();
                if let Ok(slot) = ns.resolve(node)
                    && ns.key(slot).as_deref() == Some(key)
                {
                    ns.learn_marker(slot, None);
                }
                return Ok(());
            }
        }
        let is_link = {
            let ns = self.ns.lock();
            ns.resolve(node).is_ok_and(|slot| ns.is_link(slot))
        };
        let asking = self.begin();
        let facts = {
            let _permit = self.permit().await?;
            if is_link {
                self.remote.link(key).await?
            } else {
                self.remote.head(key).await?
            }
        };
        let mut ns = self.ns.lock();
        let Ok(slot) = ns.resolve(node) else {
            return Ok(());
        };
        if ns.key(slot).as_deref() != Some(key) {
            // Renamed or deleted meanwhile: the answer is about another path.
            return Ok(());
        }
        if ns.is_dir(slot) {
            ns.learn_marker(slot, facts.as_ref());
            return Ok(());
        }
        let (dir, name) = (ns.parent(slot), ns.name(slot).to_owned());
        match facts {
            Some(facts) if self.config.compat_dirs && facts.says_dir() => {
                if let Some(slot) = ns.learn(dir, &name, &facts.as_dir(), asking.sent())
                    && ns.is_dir(slot)
                {
                    ns.learn_marker(slot, Some(&facts));
                }
            }
            Some(facts) => {
                ns.learn(dir, &name, &Seen::File(facts), asking.sent());
            }
            None => {
                ns.learn_absent(dir, &name, asking.sent());
            }
        }
        Ok(())
    }
}
