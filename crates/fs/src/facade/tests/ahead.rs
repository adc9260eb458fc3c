//! Which files are fetched before they are opened.

use super::*;

fn keys(dirs: usize, files: usize) -> Vec<String> {
    let names = (0..dirs).flat_map(|dir| (0..files).map(move |file| (dir, file)));
    names
        .map(|(dir, file)| format!("d{dir:02}/f{file:05}"))
        .collect()
}

fn mounted(keys: &[String], change: impl FnOnce(&mut FsConfig)) -> Mount {
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    mount_with(FakeBucket::new(&keys), |config| {
        config.max_stat_cache_size = 100_000;
        change(config);
    })
}

impl Mount {
    /// Opens, reads and closes a file; true if it was fetched ahead.
    async fn take(&self, path: &str) -> bool {
        let node = self.walk(path).await.unwrap().attr.node;
        let here = self.contents.ahead.lock().iter().any(|key| key == path);
        let opened = match self.fs.try_open(node, READ) {
            Some(opened) => opened.unwrap(),
            None => self.fs.open(node, READ).await.unwrap(),
        };
        self.let_run().await;
        self.fs.release(opened.handle).await;
        here
    }

    /// Takes many; how many were not fetched ahead.
    async fn take_all(&self, paths: &[String]) -> usize {
        let mut missed = 0;
        for path in paths {
            missed += usize::from(!self.take(path).await);
        }
        missed
    }

    /// What was fetched ahead since the last call.
    fn fetched(&self) -> Vec<String> {
        std::mem::take(&mut *self.contents.ahead.lock())
    }
}

fn shuffled(keys: &[String], seed: u64) -> Vec<String> {
    let mut order: Vec<(u64, &String)> = (seed..)
        .map(|number| (number * 0x9E37_79B9).wrapping_mul(0xD129_0D3F_6C7A_4D85) >> 16)
        .zip(keys)
        .collect();
    order.sort_unstable();
    order.into_iter().map(|(_, key)| key.clone()).collect()
}

#[tokio::test]
async fn the_order_of_names_is_followed_into_the_next_directories() {
    let keys = keys(4, 300);
    let mount = mounted(&keys, |_| {});
    let missed = mount.take_all(&keys).await;
    assert_eq!(missed, 2, "the first two show the order");
    let fetched = mount.fetched();
    assert_eq!(fetched, keys[2..], "each once, in order");
    assert_eq!(mount.counts().list, 1 + 4, "the root and each directory");
}

#[tokio::test]
async fn another_directory_is_not_fetched_on_suspicion() {
    let keys = keys(2, 300);
    let mount = mounted(&keys, |_| {});
    mount.take_all(&keys[..300]).await;
    let beyond = mount.fetched();
    let beyond = beyond.iter().filter(|key| key.starts_with("d01")).count();
    assert_eq!(beyond, 8);
}

#[tokio::test]
async fn files_out_of_order_are_not_followed() {
    let keys = keys(1, 1000);
    let mount = mounted(&keys, |_| {});
    mount.take_all(&shuffled(&keys, 389)[..200]).await;
    let fetched = mount.fetched().len();
    assert!(fetched < 50, "{fetched}");
}

#[tokio::test]
async fn several_workers_share_a_directory() {
    let keys = keys(1, 900);
    let mount = mounted(&keys, |_| {});
    let mut order = Vec::new();
    for batch in keys.chunks(90) {
        for i in 0..30 {
            for worker in 0..3 {
                order.push(batch[30 * worker + i].clone());
            }
        }
    }
    let missed = mount.take_all(&order).await;
    assert!(missed < 60, "{missed}");
    let mut fetched = mount.fetched();
    let all = fetched.len();
    fetched.sort_unstable();
    fetched.dedup();
    assert_eq!(fetched.len(), all, "each at most once");
}

#[tokio::test]
async fn a_pass_that_repeats_an_earlier_one_is_recognised() {
    let keys = keys(10, 480);
    // No two that are near each other in the order of names.
    let picked: Vec<String> = keys.iter().step_by(16).cloned().collect();
    let order = shuffled(&picked, 277);
    let mount = mounted(&keys, |_| {});
    mount.take_all(&order).await;
    assert_eq!(mount.fetched(), Vec::<String>::new());
    let missed = mount.take_all(&order).await;
    assert_eq!(missed, 4, "which show that it repeats");
    assert_eq!(mount.fetched(), order[4..], "in that order");
}

#[tokio::test]
async fn a_list_is_fetched_in_its_order_just_ahead_of_the_reads() {
    let keys = keys(3, 1500);
    let order = shuffled(&keys, 1999);
    let mount = mounted(&keys, |_| {});
    let list = mount.fs.prefetch_list("test");
    let mut bytes = Vec::new();
    for path in ["absent", "d00", "d00/../x"] {
        bytes.extend_from_slice(path.as_bytes());
        bytes.push(0);
    }
    for path in &order {
        bytes.extend_from_slice(path.as_bytes());
        bytes.push(0);
    }
    list.push(bytes).await.unwrap();
    list.finish();
    mount.let_run().await;
    let first = mount.contents.ahead.lock().len();
    assert!(
        (8..=64).contains(&first),
        "before anything is read: {first}"
    );
    assert_eq!(mount.take_all(&order).await, 0);
    assert_eq!(mount.fetched(), order, "each once, in order");
    // The root's page, the first page of each directory and its two pages.
    assert_eq!(mount.counts().list, 1 + 3 * (1 + 2));
}

#[tokio::test]
async fn a_new_list_replaces_the_old_one_and_half_a_list_ends() {
    let keys = keys(1, 500);
    let mount = mounted(&keys, |_| {});
    let old = mount.fs.prefetch_list("epoch");
    old.push(b"d00/f00001\0".to_vec()).await.unwrap();
    mount.let_run().await;
    let new = mount.fs.prefetch_list("epoch");
    mount.let_run().await;
    assert!(matches!(
        old.push(b"d00/f00002\0".to_vec()).await,
        Err(Error::Stale)
    ));
    new.push(b"d00/f00003\0".to_vec()).await.unwrap();
    mount.let_run().await;
    assert!(mount.fetched().contains(&"d00/f00003".to_owned()));
    let half = mount.fs.prefetch_list("half");
    half.push(b"d00/f00004\0".to_vec()).await.unwrap();
    drop(half);
    mount.let_run().await;
    assert_eq!(mount.fs.files.ahead.windows(), 1, "the finished one");
}

#[tokio::test]
async fn what_the_page_cache_has_is_not_fetched_until_it_is_seen_to_be_lost() {
    let keys = keys(1, 300);
    let mount = mounted(&keys, |config| config.kernel_cache = true);
    mount.take_all(&keys).await;
    mount.fetched();
    for key in &keys {
        mount.take(key).await;
    }
    assert_eq!(mount.fetched(), Vec::<String>::new());
    // The kernel asks for bytes that it should have.
    for key in &keys[..4] {
        let node = mount.walk(key).await.unwrap().attr.node;
        let opened = mount.fs.open(node, READ).await.unwrap();
        assert!(opened.keep_cache);
        mount.fs.read(opened.handle, 0, 100).await.unwrap();
        mount.let_run().await;
        mount.fs.release(opened.handle).await;
    }
    assert!(mount.fetched().contains(&keys[5]));
}

#[tokio::test]
async fn what_has_expired_is_proven_by_the_page_and_fetched_ahead_again() {
    let keys = keys(1, 3000);
    for order in [keys.clone(), shuffled(&keys, 5)] {
        let mount = mounted(&keys, |_| {});
        mount.take_all(&order).await;
        mount.fetched();
        mount.counts();
        mount.clock.advance(Duration::from_secs(901));
        let missed = mount.take_all(&order).await;
        assert!(missed <= 4, "{missed}");
        let counts = mount.counts();
        assert!(counts.head <= 1 && counts.list <= 6, "{counts:?}");
    }
}

#[tokio::test]
async fn files_without_an_order_are_proven_a_thousand_at_a_time() {
    let keys = keys(1, 3000);
    let mount = mounted(&keys, |_| {});
    for key in &keys {
        mount.walk(key).await.unwrap();
    }
    mount.counts();
    mount.clock.advance(Duration::from_secs(901));
    for key in &shuffled(&keys, 3) {
        mount.walk(key).await.unwrap();
    }
    let counts = mount.counts();
    assert!(counts.head <= 1 && counts.list <= 1 + 4, "{counts:?}");
}

#[tokio::test]
async fn the_order_of_names_goes_on_in_a_directory_beside_the_one_above() {
    let mut keys: Vec<String> = (0..5)
        .flat_map(|dir| (0..100).map(move |file| format!("c{dir:02}/images/f{file:03}")))
        .collect();
    let files = keys.clone();
    keys.extend((0..5).map(|dir| format!("c{dir:02}/boxes.txt")));
    // Files beside the directories, and between them.
    keys.extend(["c00.txt", "c02.txt", "c05.txt"].map(str::to_owned));
    let mount = mounted(&keys, |_| {});
    let missed = mount.take_all(&files).await;
    assert!(missed <= 4, "{missed}");
    assert_eq!(mount.fetched(), files[missed..], "each once, in order");
}

#[tokio::test]
async fn the_directories_of_a_list_are_listed_side_by_side() {
    let keys = keys(32, 40);
    let order = shuffled(&keys, 7);
    let mount = mounted(&keys, |_| {});
    mount.walk("d00").await.unwrap();
    mount.counts();
    let gate = mount.bucket.hold_answers();
    let list = mount.fs.prefetch_list("test");
    let bytes = order
        .iter()
        .flat_map(|path| [path.as_bytes(), b"\0"].concat());
    list.push(bytes.collect()).await.unwrap();
    list.finish();
    mount.let_run().await;
    let waiting = mount.counts().list;
    assert!((8..=16).contains(&waiting), "{waiting}");
    gate.add_permits(1000);
    mount.let_run().await;
    assert_eq!(mount.take_all(&order).await, 0);
    assert_eq!(mount.fetched(), order, "each once, in order");
    assert_eq!(waiting + mount.counts().list, 32, "each directory once");
}

#[tokio::test]
async fn files_that_are_counted_are_followed_by_number() {
    let keys: Vec<String> = (1..=3000).map(|n| format!("d/{n}.jpg")).collect();
    let mount = mounted(&keys, |_| {});
    let missed = mount.take_all(&keys).await;
    assert!(missed <= 4, "{missed}");
    assert_eq!(mount.fetched(), keys[missed..], "each once, in order");
}
