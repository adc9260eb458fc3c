mod ahead;
mod always_ask;
mod attributes;
mod changes;
mod files;
mod handover;
mod listing;
mod lookups;
mod model;
mod page_cache;

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::clock::Moment;
use crate::contents::fake::FakeContents;
use crate::ledger::tests::TestVault;
use crate::remote::fake::{Counts, FakeBucket};
use crate::types::FileKind;

const READ: OpenFlags = OpenFlags {
    read: true,
    write: false,
    append: false,
    truncate: false,
    exclusive: false,
};
const WRITE: OpenFlags = OpenFlags {
    read: false,
    write: true,
    ..READ
};

/// A file system over a bucket in memory, with a clock that tests move.
struct Mount {
    fs: FileSystem,
    bucket: Arc<FakeBucket>,
    contents: Arc<FakeContents>,
    clock: Clock,
    vault: Arc<TestVault>,
}

/// A mount with a TTL.
fn mount(keys: &[&str]) -> Mount {
    mount_with(FakeBucket::new(keys), |_| {})
}

/// A mount that asks for everything.
fn asking(keys: &[&str]) -> Mount {
    mount_with(FakeBucket::new(keys), |config| {
        config.max_stat_cache_size = 0;
    })
}

fn mount_with(bucket: Arc<FakeBucket>, change: impl FnOnce(&mut FsConfig)) -> Mount {
    let mut config = FsConfig::new("bucket", "");
    change(&mut config);
    let clock = Clock::manual();
    clock.advance(Duration::from_secs(1000));
    let contents = FakeContents::new(Arc::clone(&bucket));
    let budget = Budget::new(config.memory);
    let (remote, shared) = (Arc::clone(&bucket), Arc::clone(&contents));
    let vault = Arc::new(TestVault::default());
    let holder: Arc<dyn Vault> = vault.clone();
    let ledger = Ledger::create(holder, budget.clone()).unwrap();
    let (hidden, time) = (hidden(&config), clock.clone());
    let fs = FileSystem::with_parts(config, remote, shared, budget, time, ledger, hidden);
    Mount {
        fs,
        bucket,
        contents,
        clock,
        vault,
    }
}

fn hidden(config: &FsConfig) -> Arc<Hidden> {
    Arc::new(Hidden::new(
        &config.tmpdir,
        "fake".to_owned(),
        &config.prefix,
    ))
}

impl Mount {
    /// The process is killed this very moment, and another one goes on.
    fn killed(self) -> Self {
        let (vault, files) = self.vault.killed();
        let bucket = self.bucket.successor();
        let contents = self.contents.successor(&bucket);
        let config = self.fs.core.config.clone();
        let budget = Budget::new(config.memory);
        let clock = Clock::manual();
        clock.advance(self.clock.now().since(Moment(0)) + Duration::from_secs(5));
        // A killed process drops nothing.
        std::mem::forget(self);
        let (remote, shared) = (Arc::clone(&bucket), Arc::clone(&contents));
        let holder: Arc<dyn Vault> = vault.clone();
        let (ledger, mut left) = Ledger::open(holder, budget.clone(), files).unwrap();
        let (ours, time) = (ledger.clone(), clock.clone());
        let hidden = hidden(&config);
        let fs = FileSystem::with_parts(config, remote, shared, budget, time, ours, hidden);
        fs.take_over(&ledger, &mut left).unwrap();
        Self {
            fs,
            bucket,
            contents,
            clock,
            vault,
        }
    }
}

/// One entry as a test sees it.
type Listed = (String, FileKind, Option<NodeId>);

impl Mount {
    /// A lookup as the bridge does it: from memory if possible.
    async fn step(&self, dir: NodeId, name: &str) -> Result<Entry> {
        match self.fs.try_lookup(dir, name.as_bytes()) {
            Some(answer) => answer,
            None => self.fs.lookup(dir, name.as_bytes()).await,
        }
    }

    /// Walks a path, as the kernel does when it has cached nothing.
    async fn walk(&self, path: &str) -> Result<Entry> {
        let mut node = NodeId::ROOT;
        let mut entry = Err(Error::NotFound);
        for name in path.split('/') {
            let found = self.step(node, name).await?;
            node = found.attr.node;
            entry = Ok(found);
        }
        entry
    }

    async fn kind(&self, path: &str) -> Option<FileKind> {
        match self.walk(path).await {
            Ok(entry) => Some(entry.attr.kind),
            Err(Error::NotFound | Error::NotDirectory) => None,
            Err(error) => panic!("{path}: {error}"),
        }
    }

    /// A walk and the GETATTR that `stat` sends after it.
    async fn stat(&self, path: &str) -> Result<Attr> {
        let node = self.walk(path).await?.attr.node;
        Ok(self.fs.getattr(node, None).await?.attr)
    }

    /// Everything in a directory, read with room for `room` entries a call.
    async fn entries(&self, dir: NodeId, plus: bool, room: usize) -> Vec<Listed> {
        let handle = self.fs.opendir(dir).unwrap();
        let mut all = Vec::new();
        let mut offset = 0;
        loop {
            let (from, before) = (offset, all.len());
            let mut sink = |entry: DirEntry<'_>| {
                if all.len() - before == room {
                    return false;
                }
                offset = entry.next_offset;
                let node = entry.entry.map(|entry| entry.attr.node);
                all.push((
                    entry.name.to_owned(),
                    entry.kind.unwrap_or(FileKind::File),
                    node,
                ));
                true
            };
            match self.fs.try_readdir(handle, from, plus, &mut sink) {
                Some(answer) => answer.unwrap(),
                None => self
                    .fs
                    .readdir(handle, from, plus, &mut sink)
                    .await
                    .unwrap(),
            }
            if all.len() == before {
                break;
            }
        }
        self.fs.releasedir(handle);
        all
    }

    async fn names(&self, dir: NodeId) -> Vec<String> {
        let mut names: Vec<String> = self
            .entries(dir, true, 100)
            .await
            .into_iter()
            .map(|(name, ..)| name)
            .collect();
        assert_eq!(names[..2], [".", ".."]);
        let mut names = names.split_off(2);
        names.sort_unstable();
        names
    }

    /// Lets tasks that have something to do do it.
    async fn let_run(&self) {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }

    fn counts(&self) -> Counts {
        self.bucket.take_counts()
    }
}
