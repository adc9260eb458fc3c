//! The process that serves.

use super::{SetUpLog, holders, preflight, ready::Report};
use crate::{Plan, bridge::Bridge};
use ossplit::Client;
use ossplit_fs::{Context, FileSystem};
use ossplit_fuse::{
    CacheInvalidation, InitOptions, Session,
    mount::{UnmountError, UnmountMode, Unmounter},
};
use std::{ffi::CString, sync::Arc, thread::JoinHandle};
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

/// The kernel reads this far ahead of a sequential reader, in bytes.
const READ_AHEAD: u64 = 16 << 20;

/// Serves until the mount ends; gives the process's exit status.
pub(super) fn run(plan: &Plan, log: SetUpLog, report: Report) -> i32 {
    let reopen_log = log(plan);
    for note in &plan.notes {
        tracing::info!("{note}");
    }
    match start(plan) {
        Err(why) => {
            tracing::error!("{why}");
            report.failed(&why);
            1
        }
        Ok(serving) => {
            let name = holders::worker_name(serving.unmounter.connection().minor);
            if let Ok(name) = CString::new(name) {
                let _ = rustix::thread::set_name(&name);
            }
            report.ready();
            tracing::info!(mountpoint = %plan.mountpoint.display(), bucket = plan.fs.bucket, "mounted");
            serving.until_the_end(&*reopen_log)
        }
    }
}

/// A mount that is being served.
struct Serving {
    runtime: Runtime,
    fs: Arc<FileSystem>,
    unmounter: Unmounter,
    session: JoinHandle<()>,
    ended: oneshot::Receiver<()>,
}

fn start(plan: &Plan) -> Result<Serving, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("ossplit-io")
        .build()
        .map_err(|e| format!("can't start threads: {e}"))?;
    let config = preflight::client_config(plan).map_err(|e| e.to_string())?;
    runtime.block_on(preflight::check(plan, &config))?;
    let client = Client::new(config).map_err(|e| e.to_string())?;

    let mounted =
        ossplit_fuse::mount::mount(&plan.mountpoint, &plan.kernel).map_err(|e| e.to_string())?;
    let unmounter = mounted.unmounter.clone();
    // From here on every early return must take the mount away again.
    let serve = || -> Result<Serving, String> {
        let fs = {
            let _in_runtime = runtime.enter();
            Arc::new(FileSystem::new(&Context::new(client, plan.fs.clone())))
        };
        let options = InitOptions {
            // The file system says at open whether the cached pages are still right.
            invalidation: CacheInvalidation::Auto,
            ..InitOptions::default()
        };
        let mut session =
            Session::init(mounted.device, &options).map_err(|e| format!("FUSE: {e}"))?;
        if let Err(error) = ossplit_fuse::mount::set_read_ahead(unmounter.connection(), READ_AHEAD)
        {
            tracing::warn!(%error, "the kernel's readahead stays at its default");
        }
        let threads = std::thread::available_parallelism()
            .map_or(2, usize::from)
            .clamp(2, 16);
        session
            .add_clones(threads - 1)
            .map_err(|e| format!("FUSE: {e}"))?;
        let bridge = Arc::new(Bridge::new(Arc::clone(&fs), runtime.handle().clone()));
        let running = session.start(&bridge).map_err(|e| format!("FUSE: {e}"))?;
        let (tell, ended) = oneshot::channel();
        let session = std::thread::spawn(move || {
            match running.join() {
                Ok(end) => tracing::info!(?end, "the connection ended"),
                Err(error) => tracing::error!(%error, "the connection ended"),
            }
            let _ = tell.send(());
        });
        Ok(Serving {
            runtime,
            fs,
            unmounter: unmounter.clone(),
            session,
            ended,
        })
    };
    serve().inspect_err(|_| {
        let _ = unmounter.unmount(UnmountMode::Detach);
    })
}

impl Serving {
    fn until_the_end(self, reopen_log: &dyn Fn()) -> i32 {
        let Self {
            runtime,
            fs,
            unmounter,
            session,
            mut ended,
        } = self;
        let detached = runtime.block_on(async {
            let listen = |kind| signal(kind);
            let signals = (
                listen(SignalKind::terminate()),
                listen(SignalKind::interrupt()),
                listen(SignalKind::hangup()),
            );
            let (Ok(mut term), Ok(mut int), Ok(mut hup)) = signals else {
                tracing::error!("signals can't be listened to; the mount ends with umount only");
                let _ = (&mut ended).await;
                return false;
            };
            loop {
                tokio::select! {
                    _ = &mut ended => return false,
                    _ = hup.recv() => reopen_log(),
                    _ = term.recv() => if let Some(done) = leave(&unmounter) { return done },
                    _ = int.recv() => if let Some(done) = leave(&unmounter) { return done },
                }
            }
        });
        let flushed = runtime.block_on(fs.sync_all());
        if detached {
            // Who still has files open gets errors now rather than wait for nobody.
            let _ = unmounter.abort();
        }
        if session.join().is_err() {
            tracing::error!("the session's thread panicked");
        }
        match flushed {
            Ok(()) => 0,
            Err(error) => {
                tracing::error!(%error, "not everything that was written could be sent");
                1
            }
        }
    }
}

/// Unmounts; `Some(true)` when it had to detach a busy mount, `None` when the mount stays.
fn leave(unmounter: &Unmounter) -> Option<bool> {
    match unmounter.unmount(UnmountMode::Normal) {
        Ok(_) => Some(false),
        Err(UnmountError::Busy { path }) => {
            let holders = holders::of(&path).join(", ");
            tracing::warn!(%holders, "the mount is busy: it is detached, and ends with what was written");
            match unmounter.unmount(UnmountMode::Detach) {
                Ok(_) => Some(true),
                Err(error) => {
                    tracing::error!(%error, "the mount stays");
                    None
                }
            }
        }
        Err(error) => {
            tracing::error!(%error, "the mount stays");
            None
        }
    }
}
