//! A bucket in memory that counts what it is asked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::{ListPage, ListRequest, NewMeta, Remote};
use crate::error::{Error, Result};
use crate::namespace::tag::Tag;
use crate::namespace::{Details, Facts, Meta};
use crate::types::ObjectVersion;

/// Requests so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) list: u32,
    pub(crate) head: u32,
    pub(crate) put: u32,
    pub(crate) delete: u32,
    pub(crate) copy: u32,
}

impl Counts {
    pub(crate) fn all(self) -> u32 {
        self.list + self.head + self.put + self.delete + self.copy
    }
}

#[derive(Clone, Debug)]
struct Object {
    tag: String,
    size: u64,
    /// As written; made up from the tag where nobody cared.
    data: Option<Vec<u8>>,
    mtime: i64,
    meta: Meta,
    /// What stands for the CRC64 of its bytes.
    sum: u64,
    /// The key that one of OSS's own symlinks names.
    link: Option<String>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Object>,
    counts: Counts,
    versions: u32,
    log: Vec<String>,
    refused: Option<String>,
}

/// See the module.
pub(crate) struct FakeBucket {
    state: Arc<Mutex<State>>,
    /// The process that had it was killed: what it asks from now on reaches nobody.
    dead: AtomicBool,
    /// Every answer takes a while.
    slow: bool,
    /// Answers wait for a permit each, once this is set: the answer is made first, so that it can be out of date.
    answers: Mutex<Option<Arc<Semaphore>>>,
    /// Likewise for the making of directories, but it is the request that waits.
    markers: Mutex<Option<Arc<Semaphore>>>,
    page: u32,
}

impl FakeBucket {
    pub(crate) fn new(keys: &[&str]) -> Arc<Self> {
        Self::with_page(keys, 1000)
    }

    /// A bucket whose listings have at most `page` keys.
    pub(crate) fn with_page(keys: &[&str], page: u32) -> Arc<Self> {
        let bucket = Arc::new(Self {
            state: Arc::default(),
            dead: AtomicBool::new(false),
            slow: false,
            answers: Mutex::default(),
            markers: Mutex::default(),
            page,
        });
        for key in keys {
            bucket.write(key, 10);
        }
        bucket
    }

    /// Another client writes an object.
    pub(crate) fn write(&self, key: &str, size: u64) {
        let mut state = self.state.lock();
        state.versions += 1;
        let tag = format!("\"{:032X}\"", state.versions);
        let mtime = i64::from(state.versions) * 1_000_000_000;
        let object = Object {
            tag,
            size,
            data: None,
            mtime,
            meta: Meta::default(),
            sum: u64::from(state.versions),
            link: None,
        };
        state.objects.insert(key.to_owned(), object);
    }

    /// A writer of this mount stores an object.
    pub(crate) fn store(
        &self,
        key: &str,
        data: Vec<u8>,
        metadata: &BTreeMap<String, String>,
    ) -> ObjectVersion {
        self.write(key, data.len() as u64);
        let mut state = self.state.lock();
        state.counts.put += 1;
        let object = state.objects.get_mut(key).expect("just written");
        object.data = Some(data);
        object.meta = super::posix::read(metadata);
        ObjectVersion {
            key: key.into(),
            etag: object.tag.as_str().into(),
            version_id: None,
            size: object.size,
            mtime: object.mtime,
            crc64: Some(1),
            appendable: false,
        }
    }

    /// The bytes of one version.
    pub(crate) fn read(&self, key: &str, tag: &str) -> Result<Vec<u8>> {
        let state = self.state.lock();
        match state.objects.get(key) {
            Some(object) if object.tag == tag => Ok(object
                .data
                .clone()
                .unwrap_or_else(|| tag.bytes().cycle().take(object.size as usize).collect())),
            _ => Err(Error::Stale),
        }
    }

    /// From now on writers fail to store objects whose key begins with this.
    pub(crate) fn refuse(&self, prefix: &str) {
        self.state.lock().refused = Some(prefix.to_owned());
    }

    pub(crate) fn refuses(&self, key: &str) -> bool {
        self.state
            .lock()
            .refused
            .as_ref()
            .is_some_and(|prefix| key.starts_with(prefix))
    }

    pub(crate) fn note(&self, what: String) {
        self.state.lock().log.push(what);
    }

    /// Another client deletes an object.
    pub(crate) fn remove(&self, key: &str) {
        self.state.lock().objects.remove(key);
    }

    /// Another client copies an object, as it is.
    pub(crate) fn duplicate(&self, from: &str, to: &str) {
        let mut state = self.state.lock();
        let object = state.objects[from].clone();
        state.objects.insert(to.to_owned(), object);
    }

    /// An object gets the bytes of another; its time and `ETag` stay.
    pub(crate) fn duplicate_bytes(&self, from: &str, to: &str) {
        let mut state = self.state.lock();
        let sum = state.objects[from].sum;
        state.objects.get_mut(to).expect("it is there").sum = sum;
    }

    /// The `ETag` of an object.
    pub(crate) fn tag(&self, key: &str) -> String {
        self.state.lock().objects[key].tag.clone()
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.state.lock().objects.keys().cloned().collect()
    }

    /// Requests since the last call.
    pub(crate) fn take_counts(&self) -> Counts {
        let mut state = self.state.lock();
        state.log.clear();
        std::mem::take(&mut state.counts)
    }

    /// The requests counted, in words.
    pub(crate) fn log(&self) -> Vec<String> {
        self.state.lock().log.clone()
    }

    /// The bucket for a successor. Whoever has this one is dead, and their requests come to nothing.
    pub(crate) fn successor(&self) -> Arc<Self> {
        self.dead.store(true, Ordering::Relaxed);
        Arc::new(Self {
            state: Arc::clone(&self.state),
            dead: AtomicBool::new(false),
            slow: true,
            answers: Mutex::default(),
            markers: Mutex::default(),
            page: self.page,
        })
    }

    fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// Never returns to a process that is dead.
    pub(crate) async fn alive(&self) {
        if self.is_dead() {
            std::future::pending::<()>().await;
        }
    }

    /// From now on each answer waits for a permit of this semaphore.
    pub(crate) fn hold_answers(&self) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        *self.answers.lock() = Some(Arc::clone(&gate));
        gate
    }

    /// From now on each request for a directory's marker takes effect when it has a permit of this semaphore.
    pub(crate) fn hold_markers(&self) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        *self.markers.lock() = Some(Arc::clone(&gate));
        gate
    }

    fn answer<T: Send + 'static>(&self, answer: Result<T>) -> BoxFuture<'_, Result<T>> {
        let gate = self.answers.lock().clone();
        async move {
            if let Some(gate) = gate {
                gate.acquire().await.expect("never closed").forget();
            }
            if self.slow {
                tokio::task::yield_now().await;
            }
            self.alive().await;
            answer
        }
        .boxed()
    }
}

impl Remote for FakeBucket {
    fn place(&self) -> String {
        "fake".to_owned()
    }

    fn list(&self, request: ListRequest) -> BoxFuture<'_, Result<ListPage>> {
        if self.is_dead() {
            return std::future::pending().boxed();
        }
        let mut state = self.state.lock();
        state.counts.list += 1;
        state
            .log
            .push(format!("LIST {} {}", request.prefix, request.max_keys));
        let mut page = ListPage::default();
        let max = request.max_keys.min(self.page) as usize;
        let mut last = None;
        for (key, object) in &state.objects {
            let Some(rest) = key.strip_prefix(&request.prefix) else {
                continue;
            };
            let rolled = match rest.find('/') {
                Some(at) if request.delimiter => {
                    Some(key[..=(request.prefix.len() + at)].to_owned())
                }
                _ => None,
            };
            let shown = rolled.clone().unwrap_or_else(|| key.clone());
            let after = request.start_after.as_ref();
            if request.token.as_ref().is_some_and(|token| shown <= *token)
                || after.is_some_and(|after| key <= after)
                || page.prefixes.last() == Some(&shown)
            {
                continue;
            }
            if page.objects.len() + page.prefixes.len() == max {
                page.next = last;
                break;
            }
            last = Some(shown.clone());
            match rolled {
                Some(prefix) => page.prefixes.push(prefix),
                None => page.objects.push((key.clone(), facts(key, object, false))),
            }
        }
        drop(state);
        self.answer(Ok(page))
    }

    fn head<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Facts>>> {
        if self.is_dead() {
            return std::future::pending().boxed();
        }
        let mut state = self.state.lock();
        state.counts.head += 1;
        state.log.push(format!("HEAD {key}"));
        let found = state
            .objects
            .get(key)
            .map(|object| facts(key, object, true));
        drop(state);
        self.answer(Ok(found))
    }

    fn link<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Facts>>> {
        self.head(key)
    }

    fn put_link<'a>(
        &'a self,
        key: &'a str,
        target: &'a str,
        meta: Meta,
    ) -> BoxFuture<'a, Result<Facts>> {
        self.write(key, 0);
        let mut state = self.state.lock();
        state.counts.put += 1;
        state.log.push(format!("LINK {key} {target}"));
        let object = state.objects.get_mut(key).expect("just written");
        object.meta = meta;
        object.link = Some(target.to_owned());
        let facts = facts(key, object, true);
        drop(state);
        self.answer(Ok(facts))
    }

    fn put_marker<'a>(&'a self, key: &'a str, meta: Meta) -> BoxFuture<'a, Result<()>> {
        if self.is_dead() {
            return std::future::pending().boxed();
        }
        let gate = self.markers.lock().clone();
        async move {
            if let Some(gate) = gate {
                gate.acquire().await.expect("never closed").forget();
            }
            self.write(key, 0);
            {
                let mut state = self.state.lock();
                state.counts.put += 1;
                state.log.push(format!("PUT {key}"));
                state.objects.get_mut(key).expect("just written").meta = meta;
            }
            self.answer(Ok(())).await
        }
        .boxed()
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        body: Bytes,
        meta: Meta,
    ) -> BoxFuture<'a, Result<ObjectVersion>> {
        if self.is_dead() {
            return std::future::pending().boxed();
        }
        let version = self.store(key, body.to_vec(), &super::posix::write(&meta, false));
        self.note(format!("PUT {key}"));
        self.answer(Ok(version))
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<()>> {
        if self.is_dead() {
            return std::future::pending().boxed();
        }
        let mut state = self.state.lock();
        state.counts.delete += 1;
        state.log.push(format!("DELETE {key}"));
        state.objects.remove(key);
        drop(state);
        self.answer(Ok(()))
    }

    fn erase<'a>(
        &'a self,
        key: &'a str,
        _version_id: Option<&'a str>,
    ) -> BoxFuture<'a, Result<()>> {
        self.delete(key)
    }

    fn delete_many(&self, keys: Vec<String>) -> BoxFuture<'_, Result<()>> {
        if self.is_dead() {
            return std::future::pending().boxed();
        }
        let mut state = self.state.lock();
        state.counts.delete += 1;
        state.log.push(format!("DELETE {} keys", keys.len()));
        for key in &keys {
            state.objects.remove(key);
        }
        drop(state);
        self.answer(Ok(()))
    }

    fn copy<'a>(
        &'a self,
        from: &'a ObjectVersion,
        to: &'a str,
        with: Option<NewMeta>,
    ) -> BoxFuture<'a, Result<ObjectVersion>> {
        if self.is_dead() {
            return std::future::pending().boxed();
        }
        let mut state = self.state.lock();
        state.counts.copy += 1;
        state.log.push(format!("COPY {} {to}", from.key));
        let source = state
            .objects
            .get(&*from.key)
            .filter(|object| *object.tag == *from.etag);
        let refused = state
            .refused
            .as_ref()
            .is_some_and(|refused| to.starts_with(&**refused));
        let answer = match source.cloned() {
            _ if refused => Err(Error::Remote(Arc::new(std::io::Error::other("refused")))),
            None => Err(Error::Stale),
            Some(mut object) => {
                if let Some(with) = with {
                    object.meta = Meta {
                        local: false,
                        ..with.meta
                    };
                }
                let version = ObjectVersion {
                    key: to.into(),
                    ..from.clone()
                };
                state.objects.insert(to.to_owned(), object);
                Ok(version)
            }
        };
        drop(state);
        self.answer(answer)
    }
}

fn facts(key: &str, object: &Object, single: bool) -> Facts {
    let path = |target: &String| super::link::path_of(key, target, "");
    let path = object.link.as_ref().and_then(path);
    let details = Details {
        meta: Meta {
            target: path
                .map(|path| path.as_bytes().into())
                .or_else(|| object.meta.target.clone()),
            ..object.meta.clone()
        },
        version_id: None,
        crc64: Some(object.sum),
    };
    Facts {
        size: object.size,
        mtime: object.mtime,
        tag: Tag::new(&object.tag),
        link: object.link.is_some(),
        archived: false,
        appendable: false,
        details: single.then(|| Box::new(details)),
    }
}
