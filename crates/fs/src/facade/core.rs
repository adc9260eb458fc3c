//! Asking OSS about names, and what all parts of the facade share.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::budget::Budget;
use crate::clock::{Clock, Moment};
use crate::config::FsConfig;
use crate::error::{Error, Result};
use crate::hidden::Hidden;
use crate::ledger::{Begun, Ledger};
use crate::moves::Moves;
use crate::namespace::{
    Found, Known, Namespace, Others, POINT_KEYS, Pages, Question, Seen, SharedNamespace, Shown,
    Slot, Ticket, names,
};
use crate::remote::{ListPage, ListRequest, Remote};
use crate::types::NodeId;

/// Most keys that one answer of OSS can hold.
pub(super) const PAGE_KEYS: u32 = 1000;

type PageFlight = Shared<BoxFuture<'static, Result<Arc<Page>>>>;
type WeakFlight = WeakShared<BoxFuture<'static, Result<Arc<Page>>>>;

/// What all parts of the facade share.
pub(super) struct Core {
    pub(super) config: FsConfig,
    pub(super) clock: Clock,
    pub(super) budget: Budget,
    pub(super) remote: Arc<dyn Remote>,
    pub(super) ns: SharedNamespace,
    /// What outlives this process.
    pub(super) ledger: Ledger,
    /// Changes of names that may come again.
    pub(super) begun: Begun,
    /// Renames under way.
    pub(super) moves: Moves,
    /// Objects of files that were removed while they are read.
    pub(super) hidden: Arc<Hidden>,
    /// `multireq_max` permits: metadata requests in flight.
    gate: Semaphore,
    /// First pages being listed, by directory.
    flights: Mutex<HashMap<NodeId, WeakFlight>>,
    /// Details being asked for, by node.
    pub(super) detailing: Mutex<HashMap<NodeId, super::details::WeakAsking>>,
}

/// A page of a directory. Its names were learned.
pub(super) struct Page {
    /// The directory's key when it was asked for.
    pub(super) key: String,
    pub(super) asking: Asking,
    pub(super) shown: Shown,
}

impl Page {
    /// Up to which name it is complete; `None`: to the end.
    pub(super) fn until(&self) -> Option<&str> {
        let until = self.shown.until.as_deref()?;
        Some(until.strip_prefix(&*self.key).unwrap_or(until))
    }

    /// What it says of a name; `None` if it ends before.
    fn answer(self: Arc<Self>, name: &str) -> Option<Answer> {
        let seen = match self.shown.find(&self.key, name) {
            Found::Here(seen) => Some(seen.clone()),
            Found::Absent => None,
            Found::Beyond => return None,
        };
        Some(Answer {
            seen,
            sent: self.asking.sent(),
            _page: Some(self),
        })
    }
}

/// One answer about one name.
struct Answer {
    seen: Option<Seen>,
    /// When the request was sent.
    sent: Moment,
    /// Keeps the page's request under way until the answer is learned.
    _page: Option<Arc<Page>>,
}

/// What is asked next to settle a name.
enum Next {
    /// What it is, in the directory with this key.
    Ask(Question, String),
    /// What only its metadata tell, and those of others.
    Details((NodeId, String), Vec<(NodeId, String)>),
}

impl Next {
    fn details(ns: &mut Namespace, slot: Slot) -> Result<Self> {
        let ahead = ns.details_ahead(slot);
        let key = ns.key(slot).ok_or(Error::NotFound)?;
        Ok(Self::Details((ns.id(slot), key), ahead))
    }
}

/// A request under way, as far as the namespace cares. Dropping it says that the answer was learned or never comes.
pub(super) struct Asking {
    core: Arc<Core>,
    ticket: Ticket,
}

impl Asking {
    /// When the request was sent.
    pub(super) fn sent(&self) -> Moment {
        self.ticket.sent
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.core.ns.lock().end(self.ticket);
    }
}

impl Core {
    pub(super) fn new(
        config: FsConfig,
        remote: Arc<dyn Remote>,
        budget: Budget,
        clock: Clock,
        (ledger, hidden): (Ledger, Arc<Hidden>),
    ) -> Arc<Self> {
        let mut ns = Namespace::new(&config, clock.wall());
        ns.keep(&ledger);
        Arc::new(Self {
            ns: SharedNamespace::new(ns, &budget),
            ledger,
            begun: Begun::default(),
            gate: Semaphore::new(config.multireq_max.max(1)),
            moves: Moves::new(&config.tmpdir, remote.place()),
            hidden,
            config,
            clock,
            budget,
            remote,
            flights: Mutex::default(),
            detailing: Mutex::default(),
        })
    }

    /// Marks that a request is about to be sent. To be dropped while the namespace is not locked.
    pub(super) fn begin(self: &Arc<Self>) -> Asking {
        let ticket = self.ns.lock().begin(self.clock.now());
        Asking {
            core: Arc::clone(self),
            ticket,
        }
    }

    /// One page of a listing.
    pub(super) async fn list(&self, request: ListRequest) -> Result<ListPage> {
        let _permit = self.permit().await?;
        self.remote.list(request).await
    }

    /// Leave to send a metadata request.
    pub(super) async fn permit(&self) -> Result<tokio::sync::SemaphorePermit<'_>> {
        // The semaphore lives as long as `self` and is never closed.
        self.gate.acquire().await.map_err(|_| Error::BadHandle)
    }

    /// Runs `then` on the inode of a name, under the namespace's lock. Asks OSS if need be.
    pub(super) async fn settle<R>(
        self: &Arc<Self>,
        parent: NodeId,
        name: &str,
        then: impl FnOnce(&mut Namespace, Slot) -> R,
    ) -> Result<R> {
        let mut then = Some(then);
        let mut finish = |ns: &mut Namespace, slot| match then.take() {
            Some(then) => Ok(then(ns, slot)),
            None => Err(Error::BadHandle),
        };
        if self.stands_for_a_directory(name) {
            return Err(Error::NotFound);
        }
        loop {
            let next = {
                let mut ns = self.ns.lock();
                let dir = ns.directory(parent)?;
                match ns.known(dir, name, self.clock.now()) {
                    Known::Here(slot) if ns.lacks_details(slot) => Next::details(&mut ns, slot)?,
                    Known::Here(slot) => return finish(&mut ns, slot),
                    Known::Absent => return Err(Error::NotFound),
                    Known::Unknown => {
                        ns.child_key(dir, name)?;
                        let key = ns.key(dir).ok_or(Error::NotFound)?;
                        Next::Ask(ns.question(dir, name), key)
                    }
                }
            };
            let (question, key) = match next {
                Next::Details(wanted, ahead) => {
                    self.details(wanted, ahead).await?;
                    continue;
                }
                Next::Ask(question, key) => (question, key),
            };
            let asking = self.begin();
            let answer = self
                .ask(parent, &key, name, question, asking.sent())
                .await?;
            let next = {
                let mut ns = self.ns.lock();
                let dir = ns.directory(parent)?;
                if ns.key(dir).as_deref() != Some(&*key) {
                    // The directory was renamed meanwhile: the answer is about another path.
                    continue;
                }
                let slot = match &answer.seen {
                    Some(seen) => ns.learn(dir, name, seen, answer.sent),
                    None if ns.learn_absent(dir, name, answer.sent) => None,
                    None => ns.child(dir, name),
                };
                let slot = slot.ok_or(Error::NotFound)?;
                if !ns.lacks_details(slot) {
                    return finish(&mut ns, slot);
                }
                Next::details(&mut ns, slot)?
            };
            if let Next::Details(wanted, ahead) = next {
                self.details(wanted, ahead).await?;
            }
            if self.config.always_ask() {
                // Both answers count: asking again would not be more truthful.
                let mut ns = self.ns.lock();
                let dir = ns.directory(parent)?;
                let slot = ns.child(dir, name).ok_or(Error::NotFound)?;
                return finish(&mut ns, slot);
            }
        }
    }

    /// Whether an object of this name is there for a directory of another one.
    pub(super) fn stands_for_a_directory(&self, name: &str) -> bool {
        self.config.compat_dirs && names::folder_of(name).is_some()
    }

    /// Asks one question, and those that follow from its answer.
    async fn ask(
        self: &Arc<Self>,
        parent: NodeId,
        key: &str,
        name: &str,
        question: Question,
        sent: Moment,
    ) -> Result<Answer> {
        let full = format!("{key}{name}");
        match question {
            Question::Page => {
                let page = self.first_page(parent, key).await?;
                if page.key == key {
                    let answer = page.answer(name);
                    return match answer {
                        Some(answer) => Ok(answer),
                        None => self.point_answer(&full, sent).await,
                    };
                }
            }
            Question::Around => {
                let before = {
                    let ns = self.ns.lock();
                    ns.before_page(ns.directory(parent)?, name)
                };
                let page = match self.page_after(parent, key, &before).await {
                    // No room for a page: there is for one name.
                    Err(Error::OverBudget) => None,
                    page => Some(Arc::new(page?)),
                };
                if let Some(answer) = page.and_then(|page| page.answer(name)) {
                    return Ok(answer);
                }
            }
            Question::Head => {
                let facts = {
                    let _permit = self.permit().await?;
                    self.remote.head(&full).await?
                };
                if let Some(facts) = facts {
                    let is_dir = self.config.compat_dirs && facts.says_dir();
                    let seen = if is_dir {
                        facts.as_dir()
                    } else {
                        Seen::File(facts)
                    };
                    return Ok(Answer {
                        seen: Some(seen),
                        sent,
                        _page: None,
                    });
                }
            }
            Question::Prefix => {
                if let Some(seen) = self.prefix(&full).await? {
                    return Ok(Answer {
                        seen: Some(seen),
                        sent,
                        _page: None,
                    });
                }
            }
            Question::Point => {}
        }
        self.point_answer(&full, sent).await
    }

    async fn point_answer(&self, full: &str, sent: Moment) -> Result<Answer> {
        Ok(Answer {
            seen: self.point(full).await?,
            sent,
            _page: None,
        })
    }

    /// What `full` is: an object, a prefix, or nothing.
    async fn point(&self, full: &str) -> Result<Option<Seen>> {
        let request = ListRequest {
            prefix: full.to_owned(),
            delimiter: true,
            max_keys: POINT_KEYS,
            ..ListRequest::default()
        };
        let page = self.list(request).await?;
        let compat = self.config.compat_dirs;
        let more = page.next.is_some();
        let at = full.rfind('/').map_or(0, |at| at + 1);
        let shown = Shown::new(&full[..at], page, compat);
        match shown.find(&full[..at], &full[at..]) {
            // What is below an object with nothing in it may come later.
            Found::Here(Seen::File(facts)) if compat && more && facts.size == 0 && !facts.link => {
                let dir = self.prefix(full).await?;
                Ok(Some(dir.map_or_else(
                    || Seen::File(facts.clone()),
                    |_| facts.as_dir(),
                )))
            }
            Found::Here(seen) => Ok(Some(seen.clone())),
            Found::Absent | Found::Beyond if more => match self.prefix(full).await? {
                None if compat => self.folder(full).await,
                seen => Ok(seen),
            },
            Found::Absent | Found::Beyond => Ok(None),
        }
    }

    /// Whether there is an object that stands for the directory `full`.
    async fn folder(&self, full: &str) -> Result<Option<Seen>> {
        let request = ListRequest {
            prefix: names::folder_marker(full),
            max_keys: 1,
            ..ListRequest::default()
        };
        let marker = request.prefix.clone();
        let page = self.list(request).await?;
        let found = page.objects.into_iter().find(|(key, _)| *key == marker);
        Ok(found.map(|(_, facts)| Seen::Dir {
            mtime: Some(facts.mtime),
            others: Others::FOLDER,
        }))
    }

    /// Whether there is any key below `full/`.
    pub(super) async fn prefix(&self, full: &str) -> Result<Option<Seen>> {
        let prefix = format!("{full}/");
        let request = ListRequest {
            prefix: prefix.clone(),
            max_keys: 1,
            ..ListRequest::default()
        };
        let page = self.list(request).await?;
        Ok(page.objects.first().map(|(key, facts)| Seen::Dir {
            mtime: (*key == prefix).then_some(facts.mtime),
            others: Others::NONE,
        }))
    }

    /// The first page of a directory; callers at the same time share one request, unless every call has to ask.
    pub(super) async fn first_page(self: &Arc<Self>, dir: NodeId, key: &str) -> Result<Arc<Page>> {
        if self.config.always_ask() {
            return self.load_first_page(dir, key.to_owned()).await;
        }
        let flight: PageFlight = {
            let mut flights = self.flights.lock();
            if let Some(flight) = flights.get(&dir).and_then(WeakShared::upgrade) {
                flight
            } else {
                let core = Arc::clone(self);
                let key = key.to_owned();
                let flight = async move { core.load_first_page(dir, key).await }
                    .boxed()
                    .shared();
                if let Some(weak) = flight.downgrade() {
                    flights.insert(dir, weak);
                }
                flight
            }
        };
        let page = flight.await;
        self.flights
            .lock()
            .retain(|_, flight| flight.upgrade().is_some_and(|f| f.peek().is_none()));
        page
    }

    async fn load_first_page(self: &Arc<Self>, node: NodeId, key: String) -> Result<Arc<Page>> {
        let asking = self.begin();
        let listing = {
            let ns = self.ns.lock();
            let dir = ns.directory(node)?;
            ns.begin_listing(dir, asking.sent())
        };
        let request = ListRequest {
            prefix: key.clone(),
            delimiter: true,
            max_keys: PAGE_KEYS,
            ..ListRequest::default()
        };
        let shown = Shown::new(&key, self.list(request).await?, self.config.compat_dirs);
        log_odd(&key, &shown);
        let mut ns = self.ns.lock();
        let dir = ns.directory(node)?;
        if ns.key(dir).as_deref() == Some(&*key) {
            for entry in &shown.entries {
                ns.learn(dir, &entry.name, &entry.seen, asking.sent());
            }
            if shown.any {
                ns.learn_dir(dir, shown.marker, asking.sent());
            }
            if shown.until.is_none() {
                ns.end_listing(dir, listing, Pages::One);
            } else {
                ns.is_large(dir);
            }
        }
        drop(ns);
        Ok(Arc::new(Page { key, asking, shown }))
    }

    /// Settles an existing node's attributes again: its name must still lead to it.
    pub(super) async fn refresh(self: &Arc<Self>, node: NodeId) -> Result<()> {
        let (parent, name) = {
            let ns = self.ns.lock();
            let slot = ns.resolve(node)?;
            if slot == Slot::ROOT || !ns.is_linked(slot) {
                return Ok(());
            }
            (ns.id(ns.parent(slot)), ns.name(slot).to_owned())
        };
        let found = self.settle(parent, &name, |ns, slot| ns.id(slot)).await;
        match found {
            Ok(found) if found == node => Ok(()),
            // The kernel walks the path again.
            Ok(_) | Err(Error::NotFound) => Err(Error::Stale),
            Err(error) => Err(error),
        }
    }
}

/// One line for all names of a page that can't be shown.
pub(super) fn log_odd(key: &str, shown: &Shown) {
    if let Some(example) = &shown.odd_key {
        tracing::warn!(
            directory = key,
            skipped = shown.odd,
            example = example.as_str(),
            "keys without a path in a file system are not shown"
        );
    }
}
