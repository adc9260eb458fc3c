use super::Writer;
use crate::types::NodeId;
use crate::{
    Context, Error,
    read::{
        fake::{FakeOss, Fault, Op},
        tests::{pattern, run},
    },
};
use bytes::Bytes;
use ossplit::NewObject;
use proptest::prelude::*;
use std::sync::Arc;

const KIB: u64 = 1 << 10;
/// The smallest part that OSS takes, so that small files have many.
const PART: u64 = 100 * KIB;

fn setup() -> (FakeOss, Arc<Context>) {
    setup_of(false)
}

/// On a mount that keeps new files as Appendable objects, or does not.
fn setup_of(appendable: bool) -> (FakeOss, Arc<Context>) {
    let oss = FakeOss::default();
    let context = oss.context(|config| {
        config.multipart_size = PART;
        config.memory = 4 << 20;
        config.appendable = if appendable { 12 * PART } else { 0 };
    });
    (oss, context)
}

/// A file that is there already, of the kind that such a mount makes.
fn begun(oss: &FakeOss, model: &[u8], appendable: bool) -> crate::ObjectVersion {
    if appendable {
        oss.store_appendable("k", model.to_vec())
    } else {
        oss.store("k", model.to_vec())
    }
}

fn new_file(context: &Arc<Context>) -> Writer {
    Writer::new(
        Arc::clone(context),
        NodeId::ROOT,
        "k".into(),
        None,
        NewObject::default(),
    )
}

async fn settle(context: &Context) {
    for _ in 0..100_000 {
        if context.budget.used() == 0 {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{} bytes stay leased", context.budget.used());
}

/// Aborts run by themselves.
async fn all_finished(oss: &FakeOss) {
    for _ in 0..100_000 {
        if oss.unfinished() == 0 {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{} uploads stay", oss.unfinished());
}

#[test]
fn a_small_file_is_one_put_and_a_second_flush_sends_nothing() {
    run(async {
        let (oss, context) = setup();
        let writer = new_file(&context);
        writer.write(0, Bytes::from_static(b"hello")).await.unwrap();
        let version = writer.flush().await.unwrap();
        assert_eq!(&*oss.object("k").unwrap().0, b"hello");
        assert_eq!((version.size, oss.asked_at_all()), (5, 1));
        writer.flush().await.unwrap();
        assert_eq!(oss.asked_at_all(), 1);
        drop(writer);
        settle(&context).await;
    });
}

#[test]
fn an_untouched_new_file_is_an_empty_object() {
    run(async {
        let (oss, context) = setup();
        assert!(new_file(&context).flush().await.unwrap().size == 0);
        assert!(oss.object("k").unwrap().0.is_empty());
    });
}

#[test]
fn a_stream_is_sent_in_parts_while_it_is_written() {
    run(async {
        let (oss, context) = setup();
        let writer = new_file(&context);
        let data = pattern(10 * PART + 7, 1);
        for (i, piece) in data.chunks(30_000).enumerate() {
            writer
                .write(i as u64 * 30_000, data.slice_ref(piece))
                .await
                .unwrap();
        }
        assert!(oss.object("k").is_none(), "whole or not at all");
        writer.flush().await.unwrap();
        assert!(oss.object("k").unwrap().0 == data);
        assert_eq!(oss.asked(Op::Part), 11);
        assert_eq!(oss.unfinished(), 0);
        drop(writer);
        settle(&context).await;
    });
}

#[test]
fn what_is_given_up_leaves_no_upload() {
    run(async {
        let (oss, context) = setup();
        for discard in [true, false] {
            let writer = new_file(&context);
            writer.write(0, pattern(3 * PART, 2)).await.unwrap();
            assert_eq!(oss.unfinished(), 1);
            if discard {
                writer.discard().await.unwrap();
            }
            drop(writer);
            settle(&context).await;
            all_finished(&oss).await;
            assert!(oss.object("k").is_none());
        }
    });
}

#[test]
fn a_part_that_fails_fails_the_flush_for_good() {
    run(async {
        let (oss, context) = setup();
        let writer = new_file(&context);
        for _ in 0..20 {
            oss.fail(Op::Part, Fault::Refused);
        }
        let wrote = writer.write(0, pattern(4 * PART, 3)).await;
        let flushed = writer.flush().await;
        assert!(wrote.is_err() || flushed.is_err());
        assert!(matches!(writer.flush().await, Err(Error::Denied(_))));
        assert!(oss.object("k").is_none());
    });
}

#[test]
fn appending_to_a_large_object_copies_it_inside_oss() {
    run(async {
        let (oss, context) = setup();
        let old = pattern(5 * PART, 4);
        let base = oss.store("k", old.clone());
        let writer = Writer::new(
            context,
            NodeId::ROOT,
            "k".into(),
            Some(base),
            NewObject::default(),
        );
        writer.append(Bytes::from_static(b"tail")).await.unwrap();
        writer.flush().await.unwrap();
        assert!(oss.object("k").unwrap().0 == [&old[..], b"tail"].concat());
        assert_eq!(oss.fetched(), 0, "the old bytes never leave OSS");
    });
}

#[test]
fn an_upload_whose_beginning_was_not_heard_of_is_aborted() {
    run(async {
        let (oss, context) = setup();
        oss.fail(Op::Begin, Fault::BrokenAfter);
        oss.fail(Op::Begin, Fault::BrokenAfter);
        let writer = new_file(&context);
        let data = pattern(2 * PART, 3);
        writer.write(0, data.clone()).await.unwrap();
        writer.flush().await.unwrap();
        assert!(oss.object("k").unwrap().0 == data);
        assert_eq!((oss.unfinished(), oss.asked(Op::Abort)), (0, 2));
    });
}

#[test]
fn of_a_change_in_the_middle_only_what_changed_is_sent() {
    run(async {
        let (oss, context) = setup();
        let mut model = pattern(50 * PART, 4).to_vec();
        let base = oss.store("k", model.clone());
        let writer = Writer::new(
            context,
            NodeId::ROOT,
            "k".into(),
            Some(base),
            NewObject::default(),
        );
        for (at, asked) in [(20 * PART, [1, 2]), (40 * PART + 7, [2, 4])] {
            let data = pattern(4096, at);
            model[at as usize..][..4096].copy_from_slice(&data);
            writer.write(at, data).await.unwrap();
            writer.flush().await.unwrap();
            assert!(oss.object("k").unwrap().0 == model);
            assert_eq!([oss.asked(Op::Part), oss.asked(Op::CopyPart)], asked);
        }
        assert_eq!(oss.fetched(), 2 * (PART - 4096), "what makes a part of it");
        let size = 30 * PART;
        writer.truncate(size).await.unwrap();
        writer.flush().await.unwrap();
        assert!(oss.object("k").unwrap().0 == model[..size as usize]);
        assert_eq!(oss.asked(Op::Part), 2, "a cut is copied whole");
    });
}

/// Writes `data` in pieces of `piece` bytes.
async fn stream(writer: &Writer, data: &Bytes, piece: usize) -> Result<(), Error> {
    let mut offset = 0;
    for chunk in data.chunks(piece) {
        writer.write(offset, data.slice_ref(chunk)).await?;
        offset += chunk.len() as u64;
        tokio::task::yield_now().await;
    }
    Ok(())
}

#[test]
fn streams_wait_for_memory_rather_than_go_elsewhere() {
    run(async {
        let oss = FakeOss::default();
        let context = oss.context(|config| {
            config.multipart_size = 4 * PART;
            config.memory = 16 * PART;
            config.tmpdir = "/nonexistent".into();
        });
        let data = pattern(60 * PART + 5, 5);
        let writers = (0..6).map(|i| {
            let (context, data) = (Arc::clone(&context), data.clone());
            tokio::spawn(async move {
                let key = format!("k{i}");
                let writer = Writer::new(context, NodeId::ROOT, key, None, NewObject::default());
                stream(&writer, &data, 130_000).await.expect("written");
                writer.flush().await.expect("flushed");
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.expect("a writer");
        }
        for i in 0..6 {
            assert!(oss.object(&format!("k{i}")).expect("an object").0 == data);
        }
        assert_eq!(oss.fetched(), 0);
        assert!(oss.asked(Op::Part) <= 6 * 61 * 2, "{}", oss.asked(Op::Part));
        assert!(context.budget.peak() <= 16 * PART);
        settle(&context).await;
    });
}

#[test]
fn files_that_nobody_writes_to_give_their_memory_to_others() {
    run(async {
        let (oss, context) = setup();
        let limit = context.budget.total() / 8 * 7;
        let mut idle = Vec::new();
        while context.budget.used() + PART <= limit {
            let key = format!("idle{}", idle.len());
            let writer = Writer::new(
                Arc::clone(&context),
                NodeId::ROOT,
                key,
                None,
                NewObject::default(),
            );
            writer.write(0, pattern(PART - 1, 6)).await.expect("room");
            idle.push(writer);
        }
        let writer = new_file(&context);
        let data = pattern(50 * PART, 7);
        stream(&writer, &data, 50_000).await.expect("written");
        writer.flush().await.expect("flushed");
        assert!(oss.object("k").expect("an object").0 == data);
        for (i, writer) in idle.iter().enumerate() {
            writer.append(Bytes::from_static(b"!")).await.expect("room");
            writer.flush().await.expect("flushed");
            let stored = oss.object(&format!("idle{i}")).expect("an object").0;
            assert!(stored == [&pattern(PART - 1, 6)[..], b"!"].concat());
        }
        drop((writer, idle));
        settle(&context).await;
        all_finished(&oss).await;
    });
}

#[test]
fn a_read_cache_makes_room_for_writes() {
    run(async {
        let (oss, context) = setup();
        let engine = crate::read::Engine::new(&context);
        for i in 0..20 {
            let version = oss.store(&format!("r{i}"), pattern(4 * PART, i));
            engine.open(&version).read(0, 1).await.expect("a byte");
        }
        let writer = new_file(&context);
        writer.write(0, pattern(PART - 1, 8)).await.expect("room");
        writer.flush().await.expect("flushed");
        assert!(context.budget.used() >= PART - 1, "it stayed in memory");
        drop(writer);
    });
}

#[test]
fn an_upload_dropped_on_a_foreign_thread_is_aborted() {
    run(async {
        let (oss, context) = setup();
        let writer = new_file(&context);
        writer.write(0, pattern(3 * PART, 2)).await.expect("room");
        assert_eq!(oss.unfinished(), 1);
        std::thread::spawn(move || drop(writer))
            .join()
            .expect("a thread");
        all_finished(&oss).await;
        settle(&context).await;
    });
}

#[test]
fn a_base_that_is_gone_is_stale_and_a_read_of_it_spoils_nothing() {
    run(async {
        let (oss, context) = setup();
        for size in [PART / 2, 5 * PART] {
            for gone in [true, false] {
                let base = oss.store("k", pattern(size, 4));
                let new = || {
                    let (context, base) = (Arc::clone(&context), base.clone());
                    Writer::new(
                        context,
                        NodeId::ROOT,
                        "k".into(),
                        Some(base),
                        NewObject::default(),
                    )
                };
                if gone {
                    oss.delete("k");
                } else {
                    oss.store("k", "another");
                }
                let writer = new();
                let read = writer.read(0, 5).await;
                assert!(matches!(read, Err(Error::Stale)), "{read:?}");
                // Emptied, it needs the base no more.
                writer.truncate(0).await.expect("no need of the base");
                for offset in [0, size] {
                    let writer = new();
                    let mut end = writer.write(offset, Bytes::from_static(b"x")).await;
                    if end.is_ok() {
                        end = writer.flush().await.map(drop);
                    }
                    assert!(
                        matches!(end, Err(Error::Stale)),
                        "{size} {gone} {offset} {end:?}"
                    );
                }
            }
        }
        all_finished(&oss).await;
        settle(&context).await;
    });
}

#[test]
fn what_oss_has_otherwise_than_it_was_sent_is_an_error() {
    run(async {
        for (op, size) in [
            (Op::Put, 100),
            (Op::Part, 3 * PART),
            (Op::Complete, 3 * PART),
        ] {
            let (oss, context) = setup();
            for _ in 0..20 {
                oss.fail(op, Fault::WrongCrc);
            }
            let writer = new_file(&context);
            let wrote = writer.write(0, pattern(size, 1)).await;
            let flushed = writer.flush().await;
            assert!(wrote.is_err() || flushed.is_err(), "{op:?}");
            assert!(
                matches!(writer.flush().await, Err(Error::Corrupt(_))),
                "{op:?}"
            );
            drop(writer);
            all_finished(&oss).await;
        }
    });
}

#[derive(Clone, Debug)]
enum Step {
    Write(u64, u64),
    Append(u64),
    Truncate(u64),
    Read(u64, u64),
    Flush,
}

fn step() -> impl Strategy<Value = Step> {
    let place = prop_oneof![0..6 * PART, 0..20 * PART];
    let length = prop_oneof![1..2000_u64, PART - 10..PART + 10, 1..3 * PART];
    prop_oneof![
        3 => (place.clone(), length.clone()).prop_map(|(at, len)| Step::Write(at, len)),
        5 => length.clone().prop_map(Step::Append),
        1 => place.clone().prop_map(Step::Truncate),
        1 => Just(Step::Truncate(0)),
        3 => (place, length).prop_map(|(at, len)| Step::Read(at, len)),
        2 => Just(Step::Flush),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Whatever is done to a file, it holds what a vector of bytes would.
    #[test]
    fn a_writer_is_a_vector_of_bytes(
        begin in prop_oneof![Just(None), (0..4 * PART).prop_map(Some), (0..20 * PART).prop_map(Some)],
        keep in any::<bool>(),
        appendable in any::<bool>(),
        steps in proptest::collection::vec(step(), 1..14),
    ) {
        run(async {
            let (oss, context) = setup_of(appendable);
            let mut model: Vec<u8> = begin.map(|size| pattern(size, 9).to_vec()).unwrap_or_default();
            let base = begin.map(|_| begun(&oss, &model, appendable));
            let writer =
                Writer::new(Arc::clone(&context), NodeId::ROOT, "k".into(), base, NewObject::default());
            if keep {
                writer.keep_for_reading();
            }
            for (i, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Write(at, len) => {
                        let data = pattern(len, i as u64);
                        let end = (at + len) as usize;
                        model.resize(model.len().max(end), 0);
                        model[at as usize..end].copy_from_slice(&data);
                        writer.write(at, data).await.unwrap();
                    }
                    Step::Append(len) => {
                        let data = pattern(len, i as u64);
                        model.extend_from_slice(&data);
                        writer.append(data).await.unwrap();
                    }
                    Step::Truncate(size) => {
                        model.resize(size as usize, 0);
                        writer.truncate(size).await.unwrap();
                    }
                    Step::Read(at, len) => {
                        let got = writer.read(at, len as u32).await.unwrap().concat();
                        let start = (at as usize).min(model.len());
                        let end = ((at + len) as usize).min(model.len());
                        assert!(got == model[start..end], "step {i}");
                    }
                    Step::Flush => {
                        let version = writer.flush().await.unwrap();
                        assert_eq!(version.size, model.len() as u64);
                        assert!(oss.object("k").unwrap().0 == model, "step {i}");
                    }
                }
                assert_eq!(writer.size(), model.len() as u64, "step {i}");
            }
            writer.flush().await.unwrap();
            assert!(oss.object("k").unwrap().0 == model);
            drop(writer);
            settle(&context).await;
            all_finished(&oss).await;
        });
    }
}

fn fault() -> impl Strategy<Value = (Op, Fault)> {
    let ops = [
        Op::Get,
        Op::Put,
        Op::Append,
        Op::Head,
        Op::Begin,
        Op::Part,
        Op::CopyPart,
        Op::Complete,
    ];
    let faults = [
        Fault::BrokenBefore,
        Fault::BrokenAfter,
        Fault::Busy,
        Fault::Refused,
        Fault::WrongCrc,
        Fault::Truncated(5_000),
    ];
    (
        proptest::sample::select(ops.to_vec()),
        proptest::sample::select(faults.to_vec()),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    /// Under faults a file becomes what was written or the program hears of it, and nothing is left.
    #[test]
    fn what_is_flushed_is_right_whatever_fails(
        begin in prop_oneof![Just(None), (0..4 * PART).prop_map(Some)],
        keep in any::<bool>(),
        appendable in any::<bool>(),
        steps in proptest::collection::vec(step(), 1..8),
        faults in proptest::collection::vec(fault(), 1..12),
    ) {
        run(async {
            let (oss, context) = setup_of(appendable);
            let mut model: Vec<u8> = begin.map(|size| pattern(size, 9).to_vec()).unwrap_or_default();
            let base = begin.map(|_| begun(&oss, &model, appendable));
            for (op, fault) in faults {
                oss.fail(op, fault);
            }
            let writer = Writer::new(Arc::clone(&context), NodeId::ROOT, "k".into(), base, NewObject::default());
            if keep {
                writer.keep_for_reading();
            }
            let mut spoilt = false;
            for (i, step) in steps.into_iter().enumerate() {
                let outcome = match step {
                    Step::Write(at, len) => {
                        let data = pattern(len, i as u64);
                        let end = (at + len) as usize;
                        model.resize(model.len().max(end), 0);
                        model[at as usize..end].copy_from_slice(&data);
                        writer.write(at, data).await
                    }
                    Step::Append(len) => {
                        let data = pattern(len, i as u64);
                        model.extend_from_slice(&data);
                        writer.append(data).await.map(drop)
                    }
                    Step::Truncate(size) => {
                        model.resize(size as usize, 0);
                        writer.truncate(size).await
                    }
                    Step::Read(at, len) => {
                        if let Ok(got) = writer.read(at, len as u32).await {
                            let start = (at as usize).min(model.len());
                            let end = ((at + len) as usize).min(model.len());
                            assert!(got.concat() == model[start..end], "step {i}");
                        }
                        Ok(())
                    }
                    Step::Flush => match writer.flush().await {
                        Ok(_) => {
                            assert!(oss.object("k").unwrap().0 == model, "step {i}");
                            Ok(())
                        }
                        Err(error) => Err(error),
                    },
                };
                spoilt |= outcome.is_err();
                if spoilt {
                    break;
                }
            }
            match writer.flush().await {
                Ok(_) => assert!(!spoilt && oss.object("k").unwrap().0 == model),
                Err(error) => {
                    let again = writer.flush().await.unwrap_err();
                    assert_eq!(error.to_string(), again.to_string(), "it stays");
                }
            }
            drop(writer);
            settle(&context).await;
            for _ in 0..100_000 {
                if oss.unfinished_with_parts() == 0 {
                    break;
                }
                tokio::task::yield_now().await;
            }
            assert_eq!(oss.unfinished_with_parts(), 0);
        });
    }
}
