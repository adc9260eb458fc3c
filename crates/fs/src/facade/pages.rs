//! Pages of a listing that no program reads: for lookups to come.

use std::sync::Arc;

use super::core::{Core, PAGE_KEYS, Page, log_odd};
use super::stream::PAGE_BYTES;
use crate::budget::Priority;
use crate::error::{Error, Result};
use crate::namespace::{Pages, Shown};
use crate::remote::{ListPage, ListRequest};
use crate::types::NodeId;

impl Core {
    /// What a page shows of a directory that pages before it did not show.
    pub(super) async fn later_page(&self, key: &str, page: ListPage) -> Result<Shown> {
        let object = page.objects.first().map(|(key, _)| key.clone());
        let begins = object
            .into_iter()
            .chain(page.prefixes.first().cloned())
            .min();
        let mut shown = Shown::new(key, page, self.config.compat_dirs);
        // A file of that name, and the keys below the directory, come before the object that stands for it.
        let folders = begins.map(|begins| shown.folders_before(key, &begins));
        for name in folders.into_iter().flatten() {
            let full = format!("{key}{name}");
            let file = {
                let _permit = self.permit().await?;
                self.remote.head(&full).await?.is_some()
            };
            if file || self.prefix(&full).await?.is_some() {
                shown.entries.retain(|entry| entry.name != name);
            }
        }
        Ok(shown)
    }

    /// Asks for the page of a directory that begins after a name, and learns it. The name of a directory may end in `/`.
    pub(super) async fn page_after(
        self: &Arc<Self>,
        node: NodeId,
        key: &str,
        after: &str,
    ) -> Result<Page> {
        let lease = self.budget.try_lease(Priority::Prefetch, PAGE_BYTES);
        let _lease = lease.ok_or(Error::OverBudget)?;
        let asking = self.begin();
        let request = ListRequest {
            prefix: key.to_owned(),
            delimiter: true,
            max_keys: PAGE_KEYS,
            start_after: (!after.is_empty()).then(|| beyond(key, after)),
            ..ListRequest::default()
        };
        let shown = Shown::new(key, self.list(request).await?, self.config.compat_dirs);
        log_odd(key, &shown);
        {
            let mut ns = self.ns.lock();
            let dir = ns.directory(node)?;
            if ns.key(dir).as_deref() != Some(key) {
                // Renamed since: what came is of another path.
                return Err(Error::NotFound);
            }
            for entry in &shown.entries {
                ns.learn(dir, &entry.name, &entry.seen, asking.sent());
            }
        }
        Ok(Page {
            key: key.to_owned(),
            asking,
            shown,
        })
    }

    /// Learns all of a directory, page by page, so that its names need not be asked for one by one.
    pub(super) async fn list_whole(self: &Arc<Self>, node: NodeId) -> Result<()> {
        let (key, listing) = {
            let ns = self.ns.lock();
            let dir = ns.directory(node)?;
            let key = ns.key(dir).ok_or(Error::NotFound)?;
            (key, ns.begin_listing(dir, self.clock.now()))
        };
        let mut after = Box::<str>::default();
        loop {
            let page = self.page_after(node, &key, &after).await?;
            match page.until() {
                None => break,
                // A server that goes in circles must not keep anybody for ever.
                Some(until) if *until <= *after => return Ok(()),
                Some(until) => after = until.into(),
            }
        }
        let mut ns = self.ns.lock();
        let dir = ns.directory(node)?;
        if ns.key(dir).as_deref() == Some(&*key) {
            ns.end_listing(dir, listing, Pages::Many);
        }
        Ok(())
    }
}

/// The key after which a page begins that follows this name. Where that is a directory, none of its keys is asked for
/// again: whether a service shows a group whose name is not after the key, but whose keys are, is its own affair.
fn beyond(key: &str, after: &str) -> String {
    let last = if after.ends_with('/') {
        "\u{10FFFF}"
    } else {
        ""
    };
    format!("{key}{after}{last}")
}
