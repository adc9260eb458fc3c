//! Processes that are killed while they write, at whatever await, and their successors.

use super::{LeftWriter, Writer, abort_left_uploads};
use crate::{
    Context, Request, Vault,
    error::{Error, Result},
    ledger::{Ledger, tests::TestVault},
    read::{
        fake::FakeOss,
        tests::{pattern, run},
    },
    types::NodeId,
};
use bytes::Bytes;
use ossplit::NewObject;
use proptest::prelude::*;
use std::{path::Path, sync::Arc};

const KIB: u64 = 1 << 10;
/// The smallest part that OSS takes, so that small files have many.
const PART: u64 = 100 * KIB;

/// What a program does.
#[derive(Clone, Debug)]
enum Call {
    Write(u64, u64),
    Append(u64),
    Truncate(u64),
    Flush,
    Read(u64, u32),
}

/// One call, and how many turns of the runtime its process has to live; `None`: it lives on.
type Step = (Call, Option<u32>);

/// A process that writes one file.
struct Life {
    oss: FakeOss,
    vault: Arc<TestVault>,
    context: Arc<Context>,
    writer: Arc<Writer>,
}

fn context(oss: &FakeOss, folder: &Path, (memory, appendable): (u64, u64)) -> Arc<Context> {
    oss.context(|config| {
        config.appendable = appendable;
        config.multipart_size = PART;
        config.memory = memory;
        config.parallel_count = 3;
        config.tmpdir = folder.to_owned();
    })
}

impl Life {
    fn begin(folder: &Path, limits: (u64, u64), base: Option<Bytes>) -> Self {
        let oss = FakeOss::default();
        let base = base.map(|data| match limits.1 {
            0 => oss.store("k", data),
            _ => oss.store_appendable("k", data),
        });
        let context = context(&oss, folder, limits);
        let vault = Arc::new(TestVault::default());
        let holder: Arc<dyn Vault> = vault.clone();
        let ledger = Ledger::create(holder, context.budget.clone()).unwrap();
        assert!(context.ledger.set(ledger).is_ok());
        let node = NodeId::new(7).unwrap();
        let with = NewObject::default();
        let writer = Writer::new(Arc::clone(&context), node, "k".into(), base, with);
        let writer = Arc::new(writer);
        Self {
            oss,
            vault,
            context,
            writer,
        }
    }

    /// The process is killed, and another one goes on.
    async fn killed(self, base: Option<crate::ObjectVersion>) -> Self {
        let (vault, files) = self.vault.killed();
        let oss = self.oss.successor();
        let folder = self.context.config.tmpdir.clone();
        let config = &self.context.config;
        let context = context(&oss, &folder, (config.memory, config.appendable));
        // A killed process drops nothing but its locks.
        self.context.uploads.unlock();
        std::mem::forget(self);
        let holder: Arc<dyn Vault> = vault.clone();
        let budget = context.budget.clone();
        let (ledger, mut left) = Ledger::open(holder, budget, files).unwrap();
        assert!(context.ledger.set(ledger).is_ok());
        let node = NodeId::new(7).unwrap();
        let mut writers = LeftWriter::all(&context, &mut left).unwrap();
        let with = NewObject::default();
        let writer = match writers.remove(&node) {
            Some(left) => left.resume(&context, with),
            None => Writer::new(Arc::clone(&context), node, "k".into(), base, with),
        };
        abort_left_uploads(&context).await;
        Self {
            oss,
            vault,
            context,
            writer: Arc::new(writer),
        }
    }
}

async fn call(writer: &Writer, call: &Call, data: &Bytes) -> Result<Vec<u8>> {
    match call {
        // As the facade has it: what is a copy into memory needs no task.
        Call::Write(offset, _) if writer.try_write(Some(*offset), data) => {}
        Call::Append(_) if writer.try_write(None, data) => {}
        Call::Write(offset, _) => writer.write(*offset, data.clone()).await?,
        Call::Append(_) => drop(writer.append(data.clone()).await?),
        Call::Truncate(size) => writer.truncate(*size).await?,
        Call::Flush => drop(writer.flush().await?),
        Call::Read(offset, len) => return Ok(writer.read(*offset, *len).await?.concat()),
    }
    Ok(Vec::new())
}

/// What the call does to a file, and what it reads.
fn model(file: &mut Vec<u8>, call: &Call, data: &[u8]) -> Vec<u8> {
    let offset = match call {
        Call::Write(offset, _) => *offset as usize,
        Call::Append(_) => file.len(),
        Call::Truncate(size) => {
            file.resize(*size as usize, 0);
            return Vec::new();
        }
        Call::Flush => return Vec::new(),
        Call::Read(offset, len) => {
            let start = file.len().min(*offset as usize);
            let end = file.len().min(start + *len as usize);
            return file[start..end].to_vec();
        }
    };
    if data.is_empty() {
        return Vec::new();
    }
    let end = offset + data.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[offset..end].copy_from_slice(data);
    Vec::new()
}

async fn check(steps: Vec<Step>, base: Option<u64>, limits: (u64, u64), keep: bool) {
    let folder = tempfile::tempdir().unwrap();
    let base = base.map(|size| pattern(size, 99));
    let mut file = base.as_deref().unwrap_or_default().to_vec();
    let mut life = Life::begin(folder.path(), limits, base.clone());
    let version = base.map(|data| crate::ObjectVersion {
        key: "k".into(),
        etag: life.oss.object("k").unwrap().1.into(),
        version_id: None,
        size: data.len() as u64,
        mtime: 0,
        crc64: None,
        appendable: limits.1 > 0,
    });
    for (number, (step, dies)) in steps.iter().enumerate() {
        if keep {
            life.writer.keep_for_reading();
        }
        let data = match step {
            Call::Write(_, len) | Call::Append(len) => pattern(*len, number as u64),
            _ => Bytes::new(),
        };
        let mut request = Request {
            number: number as u64 + 1,
            resent: false,
        };
        let mut dies = *dies;
        let read = loop {
            let (writer, step, data) = (Arc::clone(&life.writer), step.clone(), data.clone());
            let work = async move { call(&writer, &step, &data).await };
            // In a task of its own, as the facade has it.
            let mut task = tokio::spawn(request.run(work));
            let Some(turns) = dies.take() else {
                break task.await.unwrap();
            };
            let death = async {
                for _ in 0..turns {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                biased;
                done = &mut task => break done.unwrap(),
                () = death => {}
            }
            life = life.killed(version.clone()).await;
            if keep {
                life.writer.keep_for_reading();
            }
            request.resent = true;
        };
        let wanted = model(&mut file, step, &data);
        let read = read.unwrap_or_else(|error| panic!("{number}: {step:?}: {error}"));
        assert!(read == wanted, "{number}: {step:?}");
        assert_eq!(life.writer.size(), file.len() as u64, "{number}: {step:?}");
        if matches!(step, Call::Flush) {
            assert!(*life.oss.object("k").unwrap().0 == *file, "{number}");
        }
    }
    life.writer.flush().await.unwrap();
    assert!(*life.oss.object("k").unwrap().0 == *file);
    // Nothing of it is left, in OSS or in the ledger.
    let Life {
        oss,
        vault,
        context,
        writer,
    } = life;
    drop(writer);
    for _ in 0..100_000 {
        if oss.unfinished() == 0 {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(oss.unfinished(), 0, "uploads stay");
    let (next, files) = vault.killed();
    let (_, left) = Ledger::open(next, context.budget.clone(), files).unwrap();
    assert!(left.values.is_empty(), "{:?}", left.values.keys());
    assert!(left.files.is_empty(), "{:?}", left.files.keys());
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let size = || 0..4 * PART;
    let call = prop_oneof![
        4 => (size(), 0..2 * PART).prop_map(|(offset, len)| Call::Write(offset, len)),
        6 => (0..2 * PART).prop_map(Call::Append),
        2 => size().prop_map(Call::Truncate),
        1 => Just(Call::Truncate(0)),
        3 => Just(Call::Flush),
        2 => (size(), 0..300_000_u32).prop_map(|(offset, len)| Call::Read(offset, len)),
    ];
    let dies = prop_oneof![2 => Just(None), 3 => (0..40_u32).prop_map(Some)];
    proptest::collection::vec((call, dies), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    /// Whatever a program does to a file, and whenever the process that serves it is killed, no byte is lost, wrong or
    /// there twice.
    #[test]
    fn killed_at_any_await_nothing_is_lost_or_done_twice(
        steps in steps(),
        base in prop_oneof![Just(None), (0..5 * PART).prop_map(Some)],
        memory in prop_oneof![Just(16 << 20), Just(700 * KIB)],
        keep in any::<bool>(),
        appendable in prop_oneof![Just(0), Just(7 * PART)],
    ) {
        run(check(steps, base, (memory, appendable), keep));
    }
}

#[test]
fn a_stream_goes_on_with_the_parts_that_oss_has() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let mut life = Life::begin(folder.path(), (16 << 20, 0), None);
        let data = pattern(20 * PART + 7, 1);
        let begins = |oss: &FakeOss| oss.asked(crate::read::fake::Op::Begin);
        let parts = |oss: &FakeOss| oss.asked(crate::read::fake::Op::Part);
        life.writer
            .write(0, data.slice(..10 * 102_400))
            .await
            .unwrap();
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        assert_eq!((begins(&life.oss), parts(&life.oss)), (1, 10));
        life = life.killed(None).await;
        life.writer
            .write(10 * PART, data.slice(10 * 102_400..))
            .await
            .unwrap();
        life.writer.flush().await.unwrap();
        assert!(life.oss.object("k").unwrap().0 == data);
        assert_eq!(begins(&life.oss), 1, "one upload");
        assert_eq!(parts(&life.oss), 21, "no part twice");
    });
}

#[test]
fn a_file_without_a_name_never_becomes_an_object_again() {
    run(async {
        for kill in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let mut life = Life::begin(folder.path(), (16 << 20, 0), None);
            let data = pattern(3 * PART + 7, 1);
            life.writer.write(0, data.clone()).await.unwrap();
            life.writer.set_linked(false).await;
            if kill {
                life = life.killed(None).await;
            }
            let writer = &life.writer;
            writer.write(5, Bytes::from_static(b"new")).await.unwrap();
            writer.append(Bytes::from_static(b"end")).await.unwrap();
            assert_eq!(writer.read(5, 3).await.unwrap().concat(), b"new");
            let end = [&data[3 * PART as usize..], b"end"].concat();
            assert_eq!(writer.read(3 * PART, 99).await.unwrap().concat(), end);
            let sent = writer.read(0, 10).await;
            assert!(matches!(sent, Err(Error::Stale)), "{sent:?}");
            let more = pattern(3 * PART, 2);
            writer.append(more.clone()).await.unwrap();
            let at = 3 * PART + 10;
            assert_eq!(
                writer.read(at, 3 * PART as u32).await.unwrap().concat(),
                more
            );
            writer.discard().await.unwrap();
            let oss = life.oss.clone();
            drop(life);
            assert!(oss.object("k").is_none());
            for _ in 0..100_000 {
                tokio::task::yield_now().await;
            }
            assert_eq!(oss.unfinished(), 0);
        }
    });
}
