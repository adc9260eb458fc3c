use super::*;

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("f{number:05}")).collect()
}

fn bucket_of(keys: &[String], page: u32) -> Arc<FakeBucket> {
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    FakeBucket::with_page(&keys, page)
}

#[tokio::test]
async fn a_listing_answers_the_lookups_and_listings_after_it() {
    let mount = mount(&["a", "b/x", "c"]);
    let entries = mount.entries(NodeId::ROOT, true, 2).await;
    let seen: Vec<_> = entries
        .iter()
        .map(|(name, kind, _)| (name.as_str(), *kind))
        .collect();
    let (file, dir) = (FileKind::File, FileKind::Directory);
    assert_eq!(
        seen,
        [
            (".", dir),
            ("..", dir),
            ("a", file),
            ("c", file),
            ("b", dir)
        ]
    );
    assert!(entries[2..].iter().all(|(_, _, node)| node.is_some()));
    assert_eq!(
        mount.counts(),
        Counts {
            list: 1,
            ..Counts::default()
        }
    );
    for (name, _, node) in &entries[2..] {
        assert_eq!(mount.walk(name).await.unwrap().attr.node, node.unwrap());
    }
    assert_eq!(mount.names(NodeId::ROOT).await, ["a", "b", "c"]);
    assert_eq!(mount.kind("zzz").await, None);
    assert_eq!(mount.counts().all(), 0);
}

#[tokio::test]
async fn ten_thousand_entries_take_ten_requests() {
    let keys = numbered(10_000);
    for (limit, second) in [(20_000, 0), (1000, 10)] {
        let mount = mount_with(bucket_of(&keys, 1000), |config| {
            config.max_stat_cache_size = limit;
        });
        assert_eq!(mount.names(NodeId::ROOT).await, keys);
        assert_eq!(mount.counts().list, 10);
        assert_eq!(mount.names(NodeId::ROOT).await, keys);
        assert_eq!(mount.counts().list, second);
    }
}

#[tokio::test]
async fn every_entry_of_a_listing_has_a_node_whatever_the_cache_holds() {
    let keys = numbered(300);
    let mount = mount_with(bucket_of(&keys, 100), |config| {
        config.max_stat_cache_size = 7;
    });
    let entries = mount.entries(NodeId::ROOT, true, 33).await;
    assert_eq!(entries.len(), 302);
    assert!(entries[2..].iter().all(|(_, _, node)| node.is_some()));
    for (_, _, node) in &entries[2..] {
        mount.fs.forget(node.unwrap(), 1);
    }
    assert!(mount.fs.core.ns.lock().live() <= 8);
}

#[tokio::test]
async fn what_the_sink_refuses_is_not_looked_up() {
    let mount = mount(&["a"]);
    let handle = mount.fs.opendir(NodeId::ROOT).unwrap();
    mount
        .fs
        .readdir(handle, 2, true, &mut |_| false)
        .await
        .unwrap();
    let node = mount.walk("a").await.unwrap().attr.node;
    mount.fs.forget(node, 1);
    let ns = mount.fs.core.ns.lock();
    assert_eq!(ns.lookups(ns.resolve(node).unwrap()), 0);
}

#[tokio::test]
async fn a_reader_can_go_back_to_any_offset() {
    let keys = numbered(25);
    let mount = mount_with(bucket_of(&keys, 10), |config| {
        config.max_stat_cache_size = 0;
    });
    let handle = mount.fs.opendir(NodeId::ROOT).unwrap();
    let mut offsets = Vec::new();
    let mut offset = 0;
    loop {
        let before = offsets.len();
        let mut sink = |entry: DirEntry<'_>| {
            offsets.push((entry.name.to_owned(), entry.next_offset));
            true
        };
        mount
            .fs
            .readdir(handle, offset, false, &mut sink)
            .await
            .unwrap();
        if offsets.len() == before {
            break;
        }
        offset = offsets.last().unwrap().1;
    }
    assert_eq!(offsets.len(), 27);
    for place in [20, 3, 26, 12, 11, 13, 2] {
        let mut next = None;
        let mut sink = |entry: DirEntry<'_>| {
            next.get_or_insert_with(|| entry.name.to_owned());
            true
        };
        mount
            .fs
            .readdir(handle, offsets[place].1, false, &mut sink)
            .await
            .unwrap();
        assert_eq!(
            next,
            offsets.get(place + 1).map(|(name, _)| name.clone()),
            "after {place}"
        );
    }
    mount.fs.releasedir(handle);
    assert!(
        mount
            .fs
            .readdir(handle, 0, false, &mut |_| true)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn an_expired_listing_is_read_again() {
    let mount = mount(&["a", "b"]);
    assert_eq!(mount.names(NodeId::ROOT).await, ["a", "b"]);
    mount.bucket.write("c", 1);
    mount.bucket.remove("a");
    assert_eq!(mount.names(NodeId::ROOT).await, ["a", "b"]);
    mount.clock.advance(Duration::from_secs(901));
    assert_eq!(mount.names(NodeId::ROOT).await, ["b", "c"]);
    assert_eq!(mount.kind("a").await, None);
    assert_eq!(mount.counts().list, 2);
}

#[tokio::test]
async fn removing_while_reading_leaves_nothing_behind() {
    let keys = numbered(30);
    let mount = mount_with(bucket_of(&keys, 10), |_| {});
    let handle = mount.fs.opendir(NodeId::ROOT).unwrap();
    let mut offset = 0;
    loop {
        let from = offset;
        let mut names = Vec::new();
        let mut sink = |entry: DirEntry<'_>| {
            if names.len() == 4 {
                return false;
            }
            offset = entry.next_offset;
            names.push(entry.name.to_owned());
            true
        };
        mount
            .fs
            .readdir(handle, from, false, &mut sink)
            .await
            .unwrap();
        if names.is_empty() {
            break;
        }
        for name in names.iter().filter(|name| !name.starts_with('.')) {
            mount
                .fs
                .unlink(NodeId::ROOT, name.as_bytes())
                .await
                .unwrap();
        }
    }
    mount.fs.releasedir(handle);
    assert!(mount.bucket.keys().is_empty());
    assert!(mount.names(NodeId::ROOT).await.is_empty());
}

#[tokio::test]
async fn pages_stay_within_the_budget() {
    let keys = numbered(50);
    let mount = mount_with(bucket_of(&keys, 10), |config| config.memory = 1000);
    assert_eq!(mount.names(NodeId::ROOT).await, keys);
    assert_eq!(mount.fs.core.budget.peak(), 0, "no page fits: none is kept");
    let mount = mount_with(bucket_of(&keys, 10), |config| config.memory = 4 << 20);
    let before = mount.fs.core.budget.used();
    let handle = mount.fs.opendir(NodeId::ROOT).unwrap();
    let mut room = 5;
    let mut sink = |_: DirEntry<'_>| {
        room -= 1;
        room > 0
    };
    mount.fs.readdir(handle, 0, true, &mut sink).await.unwrap();
    assert!(mount.fs.core.budget.used() > before);
    mount.fs.releasedir(handle);
    tokio::task::yield_now().await;
    assert_eq!(mount.fs.core.budget.used(), before);
}

/// A directory that this mount keeps up comes first; where a page shows it too, that entry is passed over. It may be
/// all that is left of the page.
#[tokio::test]
async fn a_page_that_ends_with_what_was_shown_already_is_left_behind() {
    let bucket = FakeBucket::with_page(&["a", "b/x", "c", "d"], 2);
    let mount = mount_with(bucket, |config| config.max_stat_cache_size = 0);
    let b = mount.walk("b").await.unwrap().attr.node;
    mount.fs.unlink(b, b"x").await.unwrap();
    let handle = mount.fs.opendir(NodeId::ROOT).unwrap();
    mount.bucket.write("b/y", 1);
    let mut names = Vec::new();
    let mut offset = 0;
    // One entry a call, so that some call begins at each entry.
    loop {
        let (from, before) = (offset, names.len());
        let mut sink = |entry: DirEntry<'_>| {
            if names.len() > before {
                return false;
            }
            offset = entry.next_offset;
            names.push(entry.name.to_owned());
            true
        };
        mount
            .fs
            .readdir(handle, from, false, &mut sink)
            .await
            .unwrap();
        if names.len() == before {
            break;
        }
    }
    names.sort_unstable();
    assert_eq!(names, [".", "..", "a", "b", "c", "d"]);
    assert!(
        mount.counts().list < 12,
        "no page is asked for again and again"
    );
}

#[tokio::test]
async fn numbered_names_are_listed_several_pages_at_once_each_exactly_once() {
    let count = 60_500;
    // A few are missing late, where pages are guessed already; and one name is no number.
    let mut keys: Vec<String> = (0..count)
        .filter(|number| ![40_123, 40_124, 51_999].contains(number))
        .map(|number| format!("d/f{number:06}"))
        .collect();
    keys.push("d/f030000x".to_owned());
    keys.sort_unstable();
    let mount = mount_with(bucket_of(&keys, 1000), |config| {
        config.max_stat_cache_size = 100_000;
    });
    let dir = mount.walk("d").await.unwrap().attr.node;
    mount.counts();
    let listed: Vec<String> = mount
        .entries(dir, true, 150)
        .await
        .into_iter()
        .map(|e| e.0)
        .collect();
    let names: Vec<&str> = keys.iter().map(|key| &key[2..]).collect();
    assert_eq!(listed[2..], names, "each once, in order");
    let lists = mount.counts().list as usize;
    assert!((61..=61 + 12).contains(&lists), "{lists}");
    // All is known now.
    assert_eq!(mount.kind("d/absent").await, None);
    assert_eq!(mount.counts().list, 0);
}

#[tokio::test]
async fn pages_that_go_as_guessed_cost_no_request_more_but_a_few_at_the_end() {
    for (count, most) in [(10_000, 10), (15_999, 16), (100_000, 107)] {
        let keys: Vec<String> = (0..count).map(|number| format!("d/f{number:06}")).collect();
        let mount = mount_with(bucket_of(&keys, 1000), |config| {
            config.max_stat_cache_size = 200_000;
        });
        let dir = mount.walk("d").await.unwrap().attr.node;
        mount.counts();
        assert_eq!(mount.entries(dir, true, 1000).await.len(), count + 2);
        let lists = mount.counts().list as usize;
        assert!(
            (count.div_ceil(1000)..=most).contains(&lists),
            "{count}: {lists}"
        );
    }
}

#[tokio::test]
async fn hashes_are_listed_several_pages_at_once_each_exactly_once() {
    let hash = |number: u64| {
        let hash = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (hash ^ hash >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9)
    };
    let mut keys: Vec<String> = (0..60_000)
        .map(|number| format!("d/{:016x}.jpg", hash(number)))
        .collect();
    keys.sort_unstable();
    let mount = mount_with(bucket_of(&keys, 1000), |config| {
        config.max_stat_cache_size = 100_000;
    });
    let dir = mount.walk("d").await.unwrap().attr.node;
    mount.counts();
    let handle = mount.fs.opendir(dir).unwrap();
    let (mut listed, mut offset, mut sent) = (Vec::new(), 0, None);
    loop {
        let (from, before) = (offset, listed.len());
        let mut sink = |entry: DirEntry<'_>| {
            if listed.len() - before == 1000 {
                return false;
            }
            offset = entry.next_offset;
            listed.push(entry.name.to_owned());
            true
        };
        mount
            .fs
            .readdir(handle, from, true, &mut sink)
            .await
            .unwrap();
        if listed.len() == before {
            break;
        }
        if listed.len() >= 20_000 && sent.is_none() {
            mount.let_run().await;
            sent = Some(mount.counts().list as usize);
        }
    }
    mount.fs.releasedir(handle);
    let names: Vec<&str> = keys.iter().map(|key| &key[2..]).collect();
    assert_eq!(listed[2..], names, "each once, in order");
    let sent = sent.unwrap();
    assert!(sent >= 20 + 4, "{sent} pages for the first 20,000 names");
    let lists = sent + mount.counts().list as usize;
    assert!((60..=60 + 20).contains(&lists), "{lists}");
    assert_eq!(mount.kind("d/absent").await, None);
    assert_eq!(mount.counts().list, 0, "all is known");
}

/// A generator of numbers, the same each time.
fn numbers(mut seed: u64) -> impl FnMut(u64) -> u64 {
    move |below| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % below
    }
}

/// Names as people and programs give them, `count` of each kind: words, times, classes with numbers that have gaps, and
/// names of several alphabets, some of them directories.
fn any_names(kind: usize, count: usize) -> Vec<String> {
    let mut next = numbers(kind as u64);
    let mut names = std::collections::BTreeSet::new();
    let mut minute = 0;
    while names.len() < count {
        let name = match kind {
            0 => {
                let letters = b"eeeeetttaaaoooiinnsshhrrdlcumwfgypbvk";
                let length = 5 + next(7);
                let letter = |_| char::from(letters[next(37) as usize]);
                (0..length).map(letter).collect()
            }
            1 => {
                minute += 1 + next(3);
                let (day, minute) = (minute / 1440, minute % 1440);
                let (month, day) = (day / 28 + 1, day % 28 + 1);
                let (hour, minute) = (minute / 60, minute % 60);
                format!("2024-{month:02}-{day:02}T{hour:02}:{minute:02}.log")
            }
            2 => {
                let class = next(14) * next(14) * 79_191 + 1_440_000;
                format!("n{class:08}_{}.JPEG", next(30_000))
            }
            _ => {
                let first = [
                    "John",
                    "anna",
                    "\u{738b}",
                    "IMG",
                    "scan",
                    "\u{e9}t\u{e9}",
                    "x",
                ];
                let slash = if next(50) == 0 { "/f" } else { "" };
                format!("{}-{}{slash}", first[next(7) as usize], next(10_000_000))
            }
        };
        names.insert(format!("d/{name}"));
    }
    names.into_iter().collect()
}

#[tokio::test]
async fn any_names_are_listed_in_several_places_at_once_each_exactly_once() {
    for kind in 0..4 {
        for count in [15_500, 40_300] {
            let keys = any_names(kind, count);
            let mount = mount_with(bucket_of(&keys, 1000), |config| {
                config.max_stat_cache_size = 100_000;
            });
            let dir = mount.walk("d").await.unwrap().attr.node;
            mount.counts();
            let handle = mount.fs.opendir(dir).unwrap();
            let (mut listed, mut offset) = (Vec::new(), 0);
            let (mut sent, mut back) = (None, None);
            loop {
                let (from, before) = (offset, listed.len());
                let mut sink = |entry: DirEntry<'_>| {
                    offset = entry.next_offset;
                    listed.push(entry.name.to_owned());
                    true
                };
                let read = mount.fs.readdir(handle, from, true, &mut sink);
                read.await.unwrap();
                // All that was asked for comes at once, as from far away.
                mount.let_run().await;
                if listed.len() == before {
                    break;
                }
                if listed.len() > 30_000 && before <= 30_000 {
                    back = Some((from, before));
                }
                if listed.len() >= 24_000 && sent.is_none() {
                    sent = Some(mount.counts().list as usize);
                }
            }
            let lists = sent.unwrap_or(0) + mount.counts().list as usize;
            // Whoever goes back finds the same names there.
            let half = (offset / 2, listed.len() / 2);
            for (from, before) in back.into_iter().chain([half]) {
                let mut again: Vec<String> = Vec::new();
                let mut sink = |entry: DirEntry<'_>| {
                    again.push(entry.name.to_owned());
                    again.len() < 1500
                };
                let read = mount.fs.readdir(handle, from, false, &mut sink);
                read.await.unwrap();
                assert!(!again.is_empty());
                again.truncate(1499);
                assert_eq!(
                    again[..],
                    listed[before..before + again.len()],
                    "{kind}: {from}"
                );
            }
            mount.fs.releasedir(handle);
            let mut listed = listed.split_off(2);
            let names = keys.iter().map(|key| key[2..].trim_end_matches("/f"));
            let mut names: Vec<&str> = names.collect();
            names.sort_unstable();
            listed.sort_unstable();
            assert_eq!(listed, names, "kind {kind}: each once");
            let pages = count.div_ceil(1000);
            mount.counts();
            let most = if pages <= 16 { 0 } else { pages / 8 };
            let seen = format!("kind {kind}: {lists} LISTs of {pages} pages, {sent:?} by the 24th");
            assert!((pages..=pages + most).contains(&lists), "{seen}");
            assert_eq!(mount.kind("d/absent").await, None);
            assert_eq!(mount.counts().list, 0, "kind {kind}: all is known");
        }
    }
}

#[tokio::test]
async fn a_directory_that_an_object_of_another_page_stands_for_is_listed_once() {
    let keys = [
        "a/1",
        "a_$folder$",
        "b/",
        "b_$folder$",
        "c_$folder$",
        "d",
        "d_$folder$",
    ];
    for page in 1..8 {
        let mount = mount_with(FakeBucket::with_page(&keys, page), |config| {
            config.max_stat_cache_size = 0;
        });
        let mut names = mount.entries(NodeId::ROOT, false, 100).await.split_off(2);
        names.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        let dir = |name: &str| (name.to_owned(), FileKind::Directory, None);
        let file = ("d".to_owned(), FileKind::File, None);
        assert_eq!(names, [dir("a"), dir("b"), dir("c"), file], "{page}");
        for (name, kind) in [("a", true), ("b", true), ("c", true), ("d", false)] {
            let wanted = if kind {
                FileKind::Directory
            } else {
                FileKind::File
            };
            assert_eq!(mount.kind(name).await, Some(wanted), "{name} {page}");
        }
        assert_eq!(mount.kind("c_$folder$").await, None);
        assert_eq!(mount.kind("e").await, None);
    }
}
