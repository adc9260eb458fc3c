use super::fake::{FakeOss, Fault, Op};
use super::{Engine, Reader, whole::ENTRY};
use crate::{Context, Error, FsConfig, types::ObjectVersion};
use bytes::Bytes;
use proptest::prelude::*;
use std::{future::Future, sync::Arc};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// Bytes of which no two stretches of a page are alike.
pub(crate) fn pattern(length: u64, seed: u64) -> Bytes {
    let mut page = [0_u8; 4093];
    let mut state = seed;
    for byte in &mut page {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        *byte = (state >> 56) as u8;
    }
    let mut bytes = Vec::with_capacity(length as usize + page.len());
    while (bytes.len() as u64) < length {
        let number = (bytes.len() as u64).to_le_bytes();
        page[..8].copy_from_slice(&number);
        bytes.extend_from_slice(&page);
    }
    bytes.truncate(length as usize);
    bytes.into()
}

pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(test)
}

pub(super) struct Setup {
    pub(super) oss: FakeOss,
    pub(super) context: Arc<Context>,
    pub(super) engine: Engine,
}

impl Setup {
    pub(super) fn new(change: impl FnOnce(&mut FsConfig)) -> Self {
        let oss = FakeOss::default();
        let context = oss.context(change);
        let engine = Engine::new(&context);
        Self {
            oss,
            context,
            engine,
        }
    }

    pub(super) fn used(&self) -> u64 {
        let idle = self.engine.0.buffers.leased();
        self.context.budget.used() - idle
    }

    /// Lets tasks end that nobody waits for.
    pub(super) async fn settle(&self, used: u64) {
        for _ in 0..100_000 {
            if self.used() == used {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("{} bytes stay leased", self.used());
    }
}

pub(super) async fn read(reader: &Arc<Reader>, offset: u64, len: u64) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    match reader.try_read(offset, len as u32, &mut out) {
        Some(result) => result?,
        None => out = reader.read(offset, len as u32).await?,
    }
    Ok(out.concat())
}

pub(super) async fn expect(reader: &Arc<Reader>, data: &Bytes, offset: u64, len: u64) {
    let end = (offset + len).min(data.len() as u64);
    let start = offset.min(end);
    let got = read(reader, offset, len).await.expect("bytes");
    assert!(got == data[start as usize..end as usize], "{offset}+{len}");
}

#[test]
fn a_small_object_is_one_get_however_many_read_it() {
    run(async {
        let setup = Setup::new(|_| {});
        let data = pattern(3 * MIB + 7, 1);
        let version = setup.oss.store("dir/a b+ü", data.clone());
        let reads: Vec<_> = (0..50)
            .map(|i| {
                let reader = setup.engine.open(&version);
                let data = data.clone();
                tokio::spawn(async move { expect(&reader, &data, i * 64 * KIB, 64 * KIB).await })
            })
            .collect();
        for read in reads {
            read.await.expect("a read");
        }
        assert_eq!(setup.oss.asked(Op::Get), 1);
        assert_eq!(setup.used(), version.size + ENTRY, "kept for the next open");
        expect(&setup.engine.open(&version), &data, 0, 4 * MIB).await;
        assert_eq!(setup.oss.asked_at_all(), 1);
    });
}

#[test]
fn a_read_that_hits_allocates_nothing() {
    run(async {
        let setup = Setup::new(|_| {});
        let version = setup.oss.store("k", pattern(MIB, 9));
        let reader = setup.engine.open(&version);
        reader.read(0, 1).await.expect("bytes");
        let mut out = Vec::with_capacity(64);
        let allocated = super::allocations::during(|| {
            for number in 0..1000 {
                let hit = reader.try_read(number % 8 * 128 * KIB, 128 << 10, &mut out);
                assert!(hit.is_some());
                out.clear();
            }
        });
        assert_eq!(allocated, 0);
        assert!(super::allocations::during(|| drop(vec![1_u8; 99])) > 0);
    });
}

#[test]
fn what_comes_damaged_is_never_handed_out() {
    run(async {
        let setup = Setup::new(|_| {});
        let data = pattern(100_000, 2);
        let version = setup.oss.store("k", data.clone());
        setup.oss.fail(Op::Get, Fault::WrongCrc);
        let reader = setup.engine.open(&version);
        match read(&reader, 0, 100_000).await {
            Ok(bytes) => assert!(bytes == data),
            Err(error) => assert!(matches!(error, Error::Corrupt(_)), "{error}"),
        }
        expect(&reader, &data, 0, 100_000).await;
    });
}

#[test]
fn faults_that_pass_are_not_seen() {
    run(async {
        for size in [100_000, 6 * MIB] {
            for fault in [
                Fault::BrokenBefore,
                Fault::BrokenAfter,
                Fault::Busy,
                Fault::Truncated(70_000),
            ] {
                let setup = Setup::new(|_| {});
                let data = pattern(size, 3);
                let version = setup.oss.store("k", data.clone());
                setup.oss.fail(Op::Get, fault);
                setup.oss.fail(Op::Get, fault);
                let reader = setup.engine.open(&version);
                for offset in (0..size).step_by(128 << 10) {
                    expect(&reader, &data, offset, 128 * KIB).await;
                }
            }
        }
    });
}

#[test]
fn a_read_that_failed_can_be_tried_again() {
    run(async {
        for size in [100_000, 6 * MIB] {
            let setup = Setup::new(|_| {});
            let data = pattern(size, 4);
            let version = setup.oss.store("k", data.clone());
            for _ in 0..8 {
                setup.oss.fail(Op::Get, Fault::Refused);
            }
            let reader = setup.engine.open(&version);
            let mut tries = 0;
            while read(&reader, 0, 4096).await.is_err() {
                tries += 1;
                assert!(tries < 20);
            }
            assert!(tries > 0);
            expect(&reader, &data, 0, 4096).await;
        }
    });
}

/// Reads all of `version` in pieces of `piece` bytes, `at_once` of them under way, in shuffled order.
async fn read_through(
    setup: &Setup,
    version: &ObjectVersion,
    data: &Bytes,
    piece: u64,
    at_once: u64,
) {
    let reader = setup.engine.open(version);
    let window = piece * at_once;
    let mut seed = 1_u64;
    for start in (0..version.size).step_by(window as usize) {
        let mut offsets: Vec<u64> = (start..(start + window).min(version.size))
            .step_by(piece as usize)
            .collect();
        for i in (1..offsets.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            offsets.swap(i, (seed >> 33) as usize % (i + 1));
        }
        let reads: Vec<_> = offsets
            .into_iter()
            .map(|offset| {
                let (reader, data) = (Arc::clone(&reader), data.clone());
                tokio::spawn(async move { expect(&reader, &data, offset, piece).await })
            })
            .collect();
        for read in reads {
            read.await.expect("a read");
        }
    }
}

#[test]
fn a_large_object_is_fetched_once_in_large_requests() {
    // As a program reads, and as the kernel's readahead of 16 MiB does.
    for (piece, at_once) in [
        (128 * KIB, 1),
        (MIB, 1),
        (MIB, 16),
        (128 * KIB, 128),
        (300_000, 7),
    ] {
        run(async {
            let setup = Setup::new(|_| {});
            let size = 60 * MIB + 12_345;
            let data = pattern(size, 5);
            let version = setup.oss.store("k", data.clone());
            read_through(&setup, &version, &data, piece, at_once).await;
            let requests = setup.oss.asked(Op::Get) as u64;
            let fetched = setup.oss.fetched();
            let told = format!("{piece}x{at_once}: {requests} requests, {fetched} bytes");
            // Of the first window, read in any order, some is fetched before the stream is seen.
            let start = if at_once > 1 { 6 * MIB } else { 0 };
            assert!(fetched <= size + size / 50 + start, "{told}");
            // The start's own reads are as small as they came.
            let most = size.div_ceil(MIB) + start / piece.min(MIB);
            assert!((size / (8 * MIB)..=most).contains(&requests), "{told}");
            setup.settle(0).await;
        });
    }
}

#[test]
fn two_places_of_one_object_are_read_side_by_side() {
    run(async {
        let setup = Setup::new(|_| {});
        let size = 24 * MIB;
        let data = pattern(size, 6);
        let version = setup.oss.store("k", data.clone());
        let reader = setup.engine.open(&version);
        for offset in (0..size / 2).step_by(256 << 10) {
            expect(&reader, &data, offset, 256 * KIB).await;
            expect(&reader, &data, size / 2 + offset, 256 * KIB).await;
        }
        assert!(
            setup.oss.fetched() <= size + size / 20,
            "{}",
            setup.oss.fetched()
        );
    });
}

#[test]
fn random_reads_fetch_little_more_than_they_ask() {
    run(async {
        let setup = Setup::new(|_| {});
        let size = 64 * MIB;
        let data = pattern(size, 7);
        let version = setup.oss.store("k", data.clone());
        let reader = setup.engine.open(&version);
        let mut seed = 7_u64;
        for _ in 0..100 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            expect(&reader, &data, (seed >> 20) % size, 16 * KIB).await;
        }
        assert!(
            setup.oss.fetched() <= 4 * 100 * 16 * KIB,
            "{}",
            setup.oss.fetched()
        );
    });
}

#[test]
fn random_reads_beside_a_stream_fetch_little_more_than_they_ask() {
    run(async {
        let setup = Setup::new(|_| {});
        let data = pattern(64 * MIB, 8);
        let version = setup.oss.store("k", data.clone());
        let reader = setup.engine.open(&version);
        expect(&reader, &data, 0, 128 * KIB).await;
        let mut seed = 7_u64;
        for _ in 0..200 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            expect(&reader, &data, (seed >> 20) % (16 * MIB), 4 * KIB).await;
        }
        let (fetched, asked) = (setup.oss.fetched(), 200 * 4 * KIB);
        assert!(fetched <= 4 * asked + 2 * MIB, "{fetched}");
    });
}

#[test]
fn reads_backward_and_by_equal_steps_are_fetched_before_they_come() {
    run(async {
        let setup = Setup::new(|_| {});
        let size = 64 * MIB;
        let data = pattern(size, 17);
        let version = setup.oss.store("k", data.clone());
        // Backward, piece by piece.
        let reader = setup.engine.open(&version);
        for number in (0..512).rev() {
            expect(&reader, &data, 32 * MIB + number * 16 * KIB, 16 * KIB).await;
        }
        let asked = setup.oss.asked(Op::Get);
        assert!(asked < 512 / 8, "{asked} requests for 512 reads");
        drop(reader);
        setup.settle(0).await;
        let fetched = setup.oss.fetched();
        assert!(fetched <= 13 * MIB, "{fetched}, 8 MiB were read");
        // A column, both ways: each read is one request for its bytes, sent before it comes.
        let reader = setup.engine.open(&version);
        let columns = (0..100).chain((0..100).rev());
        for (number, row) in columns.enumerate() {
            let before = setup.oss.asked(Op::Get);
            let offset = row * 600 * KIB + 1234;
            if (4..100).contains(&number) {
                let mut out = Vec::new();
                for _ in 0..1000 {
                    tokio::task::yield_now().await;
                    if reader.try_read(offset, 4096, &mut out).is_some() {
                        break;
                    }
                }
                let wanted = &data[offset as usize..][..4096];
                assert!(out.concat() == wanted, "read {number} is here");
            } else {
                expect(&reader, &data, offset, 4096).await;
            }
            let more = setup.oss.asked(Op::Get) - before;
            assert!(more <= 17, "{more} requests");
        }
        let more = setup.oss.fetched() - fetched;
        assert!(more <= 300 * 4096, "{more}");
        drop(reader);
        setup.settle(0).await;
    });
}

#[test]
fn reads_among_neighbours_are_few_requests() {
    run(async {
        let setup = Setup::new(|_| {});
        let size = 64 * MIB;
        let data = pattern(size, 18);
        let version = setup.oss.store("k", data.clone());
        let reader = setup.engine.open(&version);
        let mut seed = 7_u64;
        let mut pages: Vec<u64> = (0..MIB / 4096).collect();
        for i in (1..pages.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            pages.swap(i, (seed >> 33) as usize % (i + 1));
        }
        for page in pages {
            expect(&reader, &data, 20 * MIB + page * 4096, 4096).await;
        }
        let asked = setup.oss.asked(Op::Get);
        assert!(asked < 40, "{asked} requests for 256 pages");
        drop(reader);
        setup.settle(0).await;
    });
}

#[test]
fn versions_are_never_mixed() {
    run(async {
        for size in [MIB, 16 * MIB] {
            let setup = Setup::new(|_| {});
            let old = pattern(size, 8);
            let version = setup.oss.store("k", old.clone());
            let reader = setup.engine.open(&version);
            expect(&reader, &old, 0, 64 * KIB).await;
            let next = setup.oss.store("k", pattern(size, 9));
            let mut stale = false;
            for offset in (0..size).step_by(64 << 10) {
                match read(&reader, offset, 64 * KIB).await {
                    Ok(bytes) => assert!(bytes == old[offset as usize..][..64 << 10]),
                    Err(error) => {
                        assert!(matches!(error, Error::Stale), "{error}");
                        stale = true;
                    }
                }
            }
            assert_eq!(stale, size > MIB, "a small object is in memory already");
            expect(&setup.engine.open(&next), &pattern(size, 9), MIB / 2, MIB).await;
            setup.oss.delete("k");
            let gone = ObjectVersion {
                etag: "\"gone\"".into(),
                ..next
            };
            let error = read(&setup.engine.open(&gone), 5, 5).await;
            assert!(matches!(error, Err(Error::Stale)), "{error:?}");
        }
    });
}

#[test]
fn a_read_that_is_given_up_leaves_no_lease() {
    run(async {
        let setup = Setup::new(|_| {});
        let data = pattern(64 * MIB, 10);
        let version = setup.oss.store("k", data.clone());
        for polls in 1..12 {
            let reader = setup.engine.open(&version);
            for offset in [0, 30 * MIB, 5 * MIB] {
                let read = reader.read(offset, 1 << 20);
                tokio::pin!(read);
                for _ in 0..polls {
                    tokio::select! { biased;
                        _ = &mut read => break,
                        () = tokio::task::yield_now() => {}
                    }
                }
            }
        }
        setup.settle(0).await;
    });
}

#[test]
fn a_small_budget_is_enough() {
    for memory in [2 * MIB, 4 * MIB, 16 * MIB] {
        run(async {
            let setup = Setup::new(|config| {
                config.memory = memory;
                config.small_object_size = MIB / 2;
            });
            let size = 20 * MIB + 5;
            let data = pattern(size, 11);
            let version = setup.oss.store("k", data.clone());
            read_through(&setup, &version, &data, 128 * KIB, 16).await;
            for i in 0..30 {
                let small = pattern(MIB / 2, i);
                let version = setup.oss.store(&format!("s{i}"), small.clone());
                expect(&setup.engine.open(&version), &small, 0, MIB).await;
            }
            assert!(setup.context.budget.peak() <= memory);
        });
    }
}

#[test]
fn prefetched_objects_are_there_when_they_are_opened() {
    run(async {
        let setup = Setup::new(|_| {});
        let objects: Vec<_> = (0..20)
            .map(|i| {
                let data = pattern(50_000, i);
                (setup.oss.store(&format!("k{i}"), data.clone()), data)
            })
            .collect();
        for (version, _) in &objects {
            let begun = setup.engine.prefetch(version, Box::new(|| Box::new(())));
            assert_eq!(begun, crate::read::Prefetch::Begun);
        }
        let again = setup
            .engine
            .prefetch(&objects[0].0, Box::new(|| Box::new(())));
        assert_eq!(again, crate::read::Prefetch::Needless);
        for (version, data) in &objects {
            expect(&setup.engine.open(version), data, 0, 50_000).await;
        }
        assert_eq!(setup.oss.asked(Op::Get), 20);
    });
}

#[test]
fn who_asks_for_the_same_bytes_at_once_shares_one_request() {
    run(async {
        let setup = Setup::new(|_| {});
        let data = pattern(64 * MIB, 12);
        let version = setup.oss.store("k", data.clone());
        let reader = setup.engine.open(&version);
        for offset in [40 * MIB + 5, 0] {
            let reads: Vec<_> = (0..8)
                .map(|i| {
                    let (reader, data) = (Arc::clone(&reader), data.clone());
                    tokio::spawn(async move {
                        expect(&reader, &data, offset + i, 256 * KIB - 2 * i).await;
                    })
                })
                .collect();
            for read in reads {
                read.await.expect("a read");
            }
        }
        let random = setup.oss.spans().into_iter();
        assert_eq!(random.filter(|span| span.start > 32 * MIB).count(), 1);
        let first = setup.oss.spans().into_iter();
        assert_eq!(first.filter(|span| span.start == 0).count(), 1);
        drop(reader);
        setup.settle(0).await;
    });
}

#[test]
fn a_large_object_whose_sum_is_wrong_ends_in_an_error() {
    run(async {
        let setup = Setup::new(|_| {});
        let size = 20 * MIB + 7;
        let data = pattern(size, 13);
        let version = setup.oss.store("k", data.clone());
        // Every answer names it, but only that of the block that comes first counts: one of the first few.
        for _ in 0..3 {
            setup.oss.fail(Op::Get, Fault::WrongCrc);
        }
        let reader = setup.engine.open(&version);
        let mut failed = None;
        for offset in (0..size).step_by(1 << 20) {
            if let Err(error) = read(&reader, offset, MIB).await {
                failed = Some(error);
                break;
            }
        }
        assert!(matches!(failed, Some(Error::Corrupt(_))), "{failed:?}");
        let again = read(&reader, size - 1, 1).await;
        assert!(matches!(again, Err(Error::Corrupt(_))), "{again:?}");
        drop(reader);
        // Who opens it anew reads it anew.
        let reader = setup.engine.open(&version);
        for offset in (0..size).step_by(1 << 20) {
            expect(&reader, &data, offset, MIB).await;
        }
    });
}

#[test]
fn a_range_that_stands_still_is_asked_for_once_more() {
    run(async {
        for fault in [Fault::Silent, Fault::Stalled(0), Fault::Stalled(1 << 19)] {
            let setup = Setup::new(|_| {});
            let size = 20 * MIB + 7;
            let data = pattern(size, 15);
            let version = setup.oss.store("k", data.clone());
            setup.oss.fail(Op::Get, fault);
            let reader = setup.engine.open(&version);
            let began = std::time::Instant::now();
            for offset in (0..size).step_by(1 << 20) {
                expect(&reader, &data, offset, MIB).await;
            }
            // Once, and not for the read time-out of 20 s.
            let took = began.elapsed();
            assert!((1..5).contains(&took.as_secs()), "{fault:?}: {took:?}");
            drop(reader);
            setup.settle(0).await;
        }
    });
}

#[test]
fn nothing_is_fetched_for_a_file_that_was_closed() {
    run(async {
        let setup = Setup::new(|_| {});
        let data = pattern(200 * MIB, 14);
        let version = setup.oss.store("k", data.clone());
        let reader = setup.engine.open(&version);
        for offset in 0..20 {
            expect(&reader, &data, offset * MIB, MIB).await;
        }
        assert!(setup.used() > 0, "it reads ahead");
        drop(reader);
        // The tasks see it when they are next polled.
        setup.settle(0).await;
    });
}

#[test]
fn what_was_read_is_not_kept_beside_the_page_cache_for_long() {
    run(async {
        let setup = Setup::new(|config| config.memory = 64 * MIB);
        for i in 0..200 {
            let data = pattern(MIB / 4, i);
            let version = setup.oss.store(&format!("k{i}"), data.clone());
            setup.engine.prefetch(&version, Box::new(|| Box::new(())));
            expect(&setup.engine.open(&version), &data, 0, MIB).await;
        }
        let peak = setup.context.budget.peak();
        // An eighth, and what was on its way.
        assert!(peak <= 10 * MIB, "{peak}");
        assert_eq!(setup.oss.asked(Op::Get), 200);
    });
}

#[test]
fn objects_that_were_read_make_room_for_those_that_will_be() {
    run(async {
        let setup = Setup::new(|config| config.memory = 8 * MIB);
        let objects: Vec<_> = (0..40)
            .map(|i| {
                let data = pattern(MIB / 2, i);
                (setup.oss.store(&format!("k{i}"), data.clone()), data)
            })
            .collect();
        for (i, pair) in objects.chunks(2).enumerate() {
            for (version, _) in pair {
                setup.engine.prefetch(version, Box::new(|| Box::new(())));
            }
            // Each is asked for before it is opened.
            let asked = 2 * (i + 1);
            for _ in 0..100_000 {
                tokio::task::yield_now().await;
                if setup.oss.asked(Op::Get) == asked {
                    break;
                }
            }
            assert_eq!(setup.oss.asked(Op::Get), asked);
            for (version, data) in pair {
                expect(&setup.engine.open(version), data, 0, MIB).await;
            }
            assert_eq!(setup.oss.asked(Op::Get), asked);
        }
        assert_eq!(setup.oss.asked(Op::Get), 40);
        assert!(setup.context.budget.peak() <= 8 * MIB);
    });
}

#[test]
fn an_object_larger_than_its_share_of_the_budget_is_read_all_the_same() {
    run(async {
        for (memory, size) in [(4 * MIB, 3 * MIB), (2 * MIB, 4 * MIB), (2 * MIB, 9 * MIB)] {
            let setup = Setup::new(|config| config.memory = memory);
            let data = pattern(size, 15);
            let version = setup.oss.store("k", data.clone());
            let reader = setup.engine.open(&version);
            // More at once than there is memory for.
            expect(&reader, &data, 3, size).await;
            assert!(setup.context.budget.peak() <= memory);
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_read_gives_the_object_s_bytes(
        size in prop_oneof![0_u64..10_000, MIB..12 * MIB],
        small in prop_oneof![Just(0_u64), Just(4 * MIB)],
        memory in prop_oneof![Just(8 * MIB), Just(64 * MIB)],
        reads in proptest::collection::vec((0_u64..1000, 0_u64..MIB + 5), 1..40),
    ) {
        run(async {
            let setup = Setup::new(|config| {
                config.small_object_size = small;
                config.memory = memory;
            });
            let data = pattern(size, size);
            let version = setup.oss.store("k", data.clone());
            let reader = setup.engine.open(&version);
            let tasks: Vec<_> = reads.into_iter().map(|(place, len)| {
                let offset = (size + 1000) * place / 1000;
                let (reader, data) = (Arc::clone(&reader), data.clone());
                tokio::spawn(async move { expect(&reader, &data, offset, len).await })
            }).collect();
            for task in tasks {
                task.await.expect("a read");
            }
            drop(reader);
            let kept = if (1..=small.min(memory / 8)).contains(&size) { size + ENTRY } else { 0 };
            setup.settle(kept).await;
        });
    }
}
