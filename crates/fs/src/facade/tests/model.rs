//! The facade against a naive model: a set of keys, and what this mount alone knows.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use proptest::prelude::*;

use super::*;

const CREATOR: Creator = Creator {
    uid: 0,
    gid: 0,
    mode: 0o644,
};
const WRITE: OpenFlags = OpenFlags {
    read: false,
    write: true,
    append: false,
    truncate: false,
    exclusive: false,
};

#[derive(Clone, Debug)]
enum Step {
    Lookup(String),
    List(String),
    Mkdir(String),
    /// Makes or opens a file, appends so many bytes, and perhaps leaves it open.
    Write(String, usize, bool),
    CloseOldest,
    Unlink(String),
    Rmdir(String),
    Rename(String, String),
    Advance(u64),
    /// Another client.
    Put(String),
    Delete(String),
    Forget,
}

fn path() -> impl Strategy<Value = String> {
    // `-` sorts before `/`: names that stand between an object and the directory of its name.
    proptest::collection::vec(prop_oneof!["a", "b", "a-"], 1..4).prop_map(|names| names.join("/"))
}

fn local() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => path().prop_map(Step::Lookup),
        2 => path().prop_map(Step::List),
        4 => path().prop_map(Step::Mkdir),
        4 => (path(), 0..9usize, any::<bool>()).prop_map(|(p, len, open)| Step::Write(p, len, open)),
        2 => Just(Step::CloseOldest),
        2 => path().prop_map(Step::Unlink),
        2 => path().prop_map(Step::Rmdir),
        3 => (path(), path()).prop_map(|(from, to)| Step::Rename(from, to)),
        1 => (0..2000u64).prop_map(Step::Advance),
        1 => Just(Step::Forget),
    ]
}

fn shared() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => path().prop_map(Step::Lookup),
        2 => path().prop_map(Step::List),
        2 => path().prop_map(Step::Mkdir),
        2 => (path(), 0..9usize).prop_map(|(p, len)| Step::Write(p, len, false)),
        4 => path().prop_map(Step::Put),
        3 => path().prop_map(Step::Delete),
        1 => Just(Step::Forget),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    File(u64),
    Dir,
}

/// What should be.
#[derive(Default)]
struct Model {
    /// Keys in OSS with their sizes; a directory's marker ends in `/`.
    keys: BTreeMap<String, u64>,
    /// Files that are open for writing, by path, with their present size.
    open: BTreeMap<String, u64>,
    /// Directories that lost a name here: they stay without a key.
    kept: BTreeSet<String>,
}

fn rekey<V: Clone>(map: &mut BTreeMap<String, V>, moved: impl Fn(&str) -> Option<String>) {
    let old = std::mem::take(map);
    map.extend(
        old.into_iter()
            .map(|(key, value)| (moved(&key).unwrap_or(key), value)),
    );
}

impl Model {
    fn kind(&self, path: &str) -> Option<Kind> {
        if path.is_empty() {
            return Some(Kind::Dir);
        }
        if let Some(size) = self.open.get(path).or_else(|| self.keys.get(path)) {
            return Some(Kind::File(*size));
        }
        let below = format!("{path}/");
        let dir = self.kept.contains(path)
            || self.keys.keys().any(|key| key.starts_with(&below))
            || self.open.keys().any(|key| key.starts_with(&below))
            || self.kept.iter().any(|key| key.starts_with(&below));
        dir.then_some(Kind::Dir)
    }

    fn names(&self, dir: &str) -> Vec<String> {
        let prefix = if dir.is_empty() {
            String::new()
        } else {
            format!("{dir}/")
        };
        let all = self.keys.keys().chain(self.open.keys()).chain(&self.kept);
        let names = all.filter_map(|key| key.strip_prefix(&prefix)?.split('/').next());
        let names: BTreeSet<&str> = names.filter(|name| !name.is_empty()).collect();
        names.into_iter().map(str::to_owned).collect()
    }

    fn keep_up(&mut self, path: &str) {
        let mut path = path;
        while let Some((dir, _)) = path.rsplit_once('/') {
            self.kept.insert(dir.to_owned());
            path = dir;
        }
    }

    fn close(&mut self, path: &str) {
        if let Some(size) = self.open.remove(path) {
            self.keys.insert(path.to_owned(), size);
        }
    }

    fn rename(&mut self, from: &str, to: &str) -> bool {
        let Some(kind) = self.kind(from) else {
            return false;
        };
        if self.kind(parent(to)) != Some(Kind::Dir) || to.starts_with(&format!("{from}/")) {
            return false;
        }
        let fine = match (kind, self.kind(to)) {
            (_, None) | (Kind::File(_), Some(Kind::File(_))) => true,
            (Kind::Dir, Some(Kind::Dir)) => from == to || self.names(to).is_empty(),
            _ => false,
        };
        if !fine || from == to {
            return fine;
        }
        self.keys.remove(to);
        self.open.remove(to);
        self.kept.remove(to);
        let moved = |path: &str| {
            let rest = path.strip_prefix(from)?;
            (rest.is_empty() || rest.starts_with('/')).then(|| format!("{to}{rest}"))
        };
        // Open files are flushed on the way, and stay open.
        let flushed: Vec<_> = self
            .open
            .iter()
            .filter(|(path, _)| moved(path).is_some())
            .collect();
        let flushed: Vec<_> = flushed
            .into_iter()
            .map(|(p, size)| (p.clone(), *size))
            .collect();
        self.keys.extend(flushed);
        rekey(&mut self.keys, moved);
        rekey(&mut self.open, moved);
        let kept = std::mem::take(&mut self.kept);
        self.kept
            .extend(kept.into_iter().map(|path| moved(&path).unwrap_or(path)));
        self.keep_up(from);
        true
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

fn name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// The mount and the model, side by side.
struct Pair {
    mount: Mount,
    model: Model,
    /// Open handles with the nodes they are on.
    handles: Vec<(FileHandle, NodeId)>,
    /// Where the nodes of open handles are now.
    paths: BTreeMap<NodeId, String>,
    /// Lookups that the kernel would have to forget.
    lookups: Vec<NodeId>,
    /// Nodes that are gone for good.
    dead: HashSet<NodeId>,
    ask: bool,
}

impl Pair {
    fn new(limit: usize, page: u32) -> Self {
        let bucket = FakeBucket::with_page(&[], page);
        let mount = mount_with(bucket, |config| config.max_stat_cache_size = limit);
        Self {
            mount,
            model: Model::default(),
            handles: Vec::new(),
            paths: BTreeMap::new(),
            lookups: Vec::new(),
            dead: HashSet::new(),
            ask: limit == 0,
        }
    }

    async fn find(&mut self, path: &str) -> Option<Attr> {
        if self.ask {
            // Past the grace of directories.
            self.mount.clock.advance(Duration::from_secs(2));
        }
        let mut node = NodeId::ROOT;
        let mut attr = self.mount.fs.root();
        for name in path.split('/').filter(|name| !name.is_empty()) {
            match self.mount.step(node, name).await {
                Ok(entry) => {
                    attr = entry.attr;
                    node = attr.node;
                    assert!(!self.dead.contains(&node), "{node:?} came back");
                    self.lookups.push(node);
                }
                Err(Error::NotFound | Error::NotDirectory) => return None,
                Err(error) => panic!("{path}: {error}"),
            }
        }
        let again = self.mount.fs.getattr(node, None).await;
        assert_eq!(again.map(|reply| reply.attr).ok(), Some(attr), "{path}");
        Some(attr)
    }

    async fn check(&mut self, path: &str) {
        let found = self.find(path).await.map(|attr| match attr.kind {
            FileKind::File => Kind::File(attr.size),
            FileKind::Directory => Kind::Dir,
            other => panic!("{path} is a {other:?}"),
        });
        let mut wanted = self.model.kind(path);
        if let Some((dir, _)) = path.rsplit_once('/')
            && let Some(Kind::File(_)) = self.model.kind(dir)
        {
            wanted = None;
        }
        assert_eq!(found, wanted, "{path}");
    }

    async fn list(&mut self, path: &str) {
        let Some(attr) = self.find(path).await else {
            return;
        };
        if attr.kind == FileKind::Directory {
            let entries = self.mount.entries(attr.node, true, 3).await;
            let mut names: Vec<String> = Vec::new();
            for (name, _, node) in entries {
                self.lookups.extend(node);
                if !name.starts_with('.') {
                    names.push(name);
                }
            }
            names.sort_unstable();
            assert_eq!(names, self.model.names(path), "{path}");
        }
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Lookup(path) => self.check(path).await,
            Step::List(path) => self.list(path).await,
            Step::Mkdir(path) => {
                let Some(dir) = self.find(parent(path)).await else {
                    return;
                };
                let made = self
                    .mount
                    .fs
                    .mkdir(dir.node, name(path).as_bytes(), CREATOR)
                    .await;
                self.lookups
                    .extend(made.as_ref().ok().map(|entry| entry.attr.node));
                let free = self.model.kind(path).is_none();
                assert_eq!(
                    made.is_ok(),
                    free && dir.kind == FileKind::Directory,
                    "{made:?}"
                );
                if made.is_ok() {
                    self.model.keys.insert(format!("{path}/"), 0);
                }
            }
            Step::Write(path, len, open) => self.write(path, *len, *open).await,
            Step::CloseOldest => self.close_oldest().await,
            Step::Unlink(path) => {
                let Some(dir) = self.find(parent(path)).await else {
                    return;
                };
                let gone = self.mount.fs.unlink(dir.node, name(path).as_bytes()).await;
                let file = matches!(self.model.kind(path), Some(Kind::File(_)));
                assert_eq!(
                    gone.is_ok(),
                    file && dir.kind == FileKind::Directory,
                    "{gone:?}"
                );
                if gone.is_ok() {
                    self.model.keys.remove(path);
                    self.model.open.remove(path);
                    self.model.keep_up(path);
                    self.paths.retain(|_, at| at != path);
                }
            }
            Step::Rmdir(path) => {
                let Some(dir) = self.find(parent(path)).await else {
                    return;
                };
                let gone = self.mount.fs.rmdir(dir.node, name(path).as_bytes()).await;
                let empty =
                    self.model.kind(path) == Some(Kind::Dir) && self.model.names(path).is_empty();
                assert_eq!(gone.is_ok(), empty, "{gone:?}");
                if empty {
                    self.model.keys.remove(&format!("{path}/"));
                    self.model.kept.remove(path);
                    self.model.keep_up(path);
                }
            }
            Step::Rename(from, to) => self.rename(from, to).await,
            Step::Advance(seconds) => self.mount.clock.advance(Duration::from_secs(*seconds)),
            Step::Put(path) => {
                let free = matches!(self.model.kind(path), None | Some(Kind::File(_)));
                let above = path
                    .match_indices('/')
                    .all(|(at, _)| !matches!(self.model.kind(&path[..at]), Some(Kind::File(_))));
                if free && above {
                    let size = self.model.keys.len() as u64;
                    self.mount.bucket.write(path, size);
                    self.model.keys.insert(path.clone(), size);
                }
            }
            Step::Delete(path) => {
                for key in [path.clone(), format!("{path}/")] {
                    self.mount.bucket.remove(&key);
                    self.model.keys.remove(&key);
                }
            }
            Step::Forget => self.forget(),
        }
    }

    async fn write(&mut self, path: &str, len: usize, leave_open: bool) {
        let Some(dir) = self.find(parent(path)).await else {
            return;
        };
        let fs = &self.mount.fs;
        let made = fs
            .create(dir.node, name(path).as_bytes(), CREATOR, WRITE)
            .await;
        let fine = dir.kind == FileKind::Directory && self.model.kind(path) != Some(Kind::Dir);
        assert_eq!(made.is_ok(), fine, "{made:?}");
        let Ok((entry, opened)) = made else { return };
        let node = entry.attr.node;
        self.lookups.push(node);
        let old = match self.model.kind(path) {
            Some(Kind::File(size)) => size,
            _ => 0,
        };
        assert_eq!(entry.attr.size, old);
        fs.write(opened.handle, old, vec![7; len].into())
            .await
            .unwrap();
        self.model.open.insert(path.to_owned(), old + len as u64);
        self.paths.insert(node, path.to_owned());
        self.handles.push((opened.handle, node));
        if !leave_open {
            self.handles.rotate_right(1);
            self.close_oldest().await;
        }
    }

    async fn close_oldest(&mut self) {
        if self.handles.is_empty() {
            return;
        }
        let (handle, node) = self.handles.remove(0);
        self.mount.fs.flush(handle).await.unwrap();
        self.mount.fs.release(handle).await;
        if let Some(path) = self.paths.get(&node) {
            let size = self.model.open.get(path).copied();
            self.model.close(path);
            if self.handles.iter().any(|(_, other)| *other == node) {
                self.model
                    .open
                    .extend(size.map(|size| (path.clone(), size)));
            }
        }
    }

    async fn rename(&mut self, from: &str, to: &str) {
        let Some(from_dir) = self.find(parent(from)).await else {
            return;
        };
        let Some(to_dir) = self.find(parent(to)).await else {
            return;
        };
        let (old, new) = (name(from).as_bytes(), name(to).as_bytes());
        let flags = RenameFlags::default();
        let done = self
            .mount
            .fs
            .rename(from_dir.node, old, to_dir.node, new, flags)
            .await;
        assert_eq!(
            done.is_ok(),
            self.model.rename(from, to),
            "{from} to {to}: {done:?}"
        );
        if done.is_ok() && from != to {
            self.paths.retain(|_, path| path != to);
            for path in self.paths.values_mut() {
                if let Some(rest) = path.strip_prefix(from)
                    && (rest.is_empty() || rest.starts_with('/'))
                {
                    *path = format!("{to}{rest}");
                }
            }
        }
    }

    /// The kernel forgets everything.
    fn forget(&mut self) {
        for node in self.lookups.drain(..) {
            self.mount.fs.forget(node, 1);
            if self.mount.fs.core.ns.lock().resolve(node).is_err() {
                self.dead.insert(node);
            }
        }
    }

    fn compare_all(&self) {
        let keys: Vec<String> = self.model.keys.keys().cloned().collect();
        assert_eq!(self.mount.bucket.keys(), keys);
        self.mount.fs.core.ns.lock().check();
    }

    async fn end(mut self, limit: usize) {
        while !self.handles.is_empty() {
            self.close_oldest().await;
        }
        self.compare_all();
        for path in ["", "a", "b", "a-", "a/a", "a/b", "b/a", "a/a/a"] {
            self.check(path).await;
            self.list(path).await;
        }
        self.forget();
        let ns = self.mount.fs.core.ns.lock();
        ns.check();
        assert!(
            // What is cached, with the directories above it.
            ns.live() <= 1 + 3 * (limit + self.model.kept.len()),
            "{} inodes",
            ns.live()
        );
    }
}

fn run(steps: &[Step], limit: usize, page: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut pair = Pair::new(limit, page);
        for step in steps {
            pair.step(step).await;
            pair.compare_all();
        }
        pair.end(if limit == 0 { 4096 } else { limit }).await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Alone on the bucket, whatever is cached or evicted: every answer is exact at once.
    #[test]
    fn alone_with_a_ttl(
        steps in proptest::collection::vec(local(), 1..40),
        limit in 1..12usize,
        page in 2..9u32,
    ) {
        run(&steps, limit, page);
    }

    #[test]
    fn alone_and_always_asking(
        steps in proptest::collection::vec(local(), 1..40),
        page in 2..9u32,
    ) {
        run(&steps, 0, page);
    }

    /// With other clients and `max_stat_cache_size=0`: every answer is exact a second later.
    #[test]
    fn shared_and_always_asking(
        steps in proptest::collection::vec(shared(), 1..40),
        page in 2..9u32,
    ) {
        run(&steps, 0, page);
    }
}
