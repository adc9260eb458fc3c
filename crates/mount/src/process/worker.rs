//! The process that serves: its beginning.

use super::{
    SetUpLog,
    failure::{Cause, Failure},
    holders, mountpoint, preflight,
    ready::Report,
    serving::{Serving, Signals},
};
use crate::{Plan, bridge::Bridge};
use ossplit::Client;
use ossplit_fs::{Context, FileSystem};
use ossplit_fuse::{CacheInvalidation, InitOptions, Session, mount::UnmountMode};
use std::{ffi::CString, path::Path, sync::Arc};
use tokio::{runtime::Runtime, sync::oneshot};

/// The kernel reads this far ahead of a sequential reader, in bytes.
const READ_AHEAD: u64 = 16 << 20;

/// Serves until the mount ends; gives the process's exit status.
pub(super) fn run(plan: &Plan, place: &Path, log: SetUpLog, report: Report) -> i32 {
    let log = match log(plan) {
        Ok(log) => log,
        Err(why) => {
            report.failed(&Failure::new(Cause::Log, why));
            return 1;
        }
    };
    for note in &plan.notes {
        tracing::info!("{note}");
    }
    // Before there is a second thread: it forks.
    match mountpoint::detach_if_dead(place) {
        Ok(false) => {}
        Ok(true) => {
            tracing::warn!(mountpoint = %place.display(), "a dead mount was there: detached");
        }
        Err(error) => tracing::warn!(%error, "a dead mount can't be detached"),
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("ossplit-io")
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            report.failed(&Failure::system("start threads", error));
            return 1;
        }
    };
    let status = match start(plan, place, &runtime) {
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
            tracing::info!(mountpoint = %place.display(), bucket = plan.fs.bucket, "mounted");
            serving.until_the_end(&runtime, &*log)
        }
    };
    // Not dropped: that would wait for what is still being looked up or asked, for nobody.
    runtime.shutdown_background();
    status
}

fn start(plan: &Plan, place: &Path, runtime: &Runtime) -> Result<Serving, Failure> {
    let _in_runtime = runtime.enter();
    // Before anybody can know that we are there: a signal must never find its default action.
    let signals = Signals::new().map_err(|e| Failure::system("listen to signals", e))?;
    let config = preflight::client_config(plan)?;
    runtime.block_on(preflight::check(plan, &config))?;
    let client = Client::new(config)?;
    let mounted = ossplit_fuse::mount::mount(place, &plan.kernel)?;
    let unmounter = mounted.unmounter.clone();
    // From here on every early return must take the mount away again.
    let serve = || {
        let fuse = |e: &dyn std::fmt::Display| Failure::system("serve the mount", e);
        let context = Context::new(client, plan.fs.clone());
        if !plan.fs.read_only {
            runtime.block_on(ossplit_fs::recover(&context));
        }
        let fs = Arc::new(FileSystem::new(&context));
        let options = InitOptions {
            // The file system says at open whether the cached pages are still right.
            invalidation: CacheInvalidation::Auto,
            ..InitOptions::default()
        };
        let mut session = Session::init(mounted.device, &options).map_err(|e| fuse(&e))?;
        if let Err(error) = ossplit_fuse::mount::set_read_ahead(unmounter.connection(), READ_AHEAD)
        {
            tracing::warn!(%error, "the kernel's readahead stays at its default");
        }
        let threads = std::thread::available_parallelism()
            .map_or(2, usize::from)
            .clamp(2, 16);
        session.add_clones(threads - 1).map_err(|e| fuse(&e))?;
        let bridge = Arc::new(Bridge::new(Arc::clone(&fs), runtime.handle().clone()));
        let running = session.start(&bridge).map_err(|e| fuse(&e))?;
        let (tell, ended) = oneshot::channel();
        let session = std::thread::spawn(move || {
            match running.join() {
                Ok(end) => tracing::info!(?end, "the connection ended"),
                Err(error) => tracing::error!(%error, "the connection ended"),
            }
            let _ = tell.send(());
        });
        Ok(Serving {
            fs,
            unmounter: unmounter.clone(),
            session,
            ended,
            signals,
        })
    };
    serve().inspect_err(|_| {
        let _ = unmounter.unmount(UnmountMode::Detach);
    })
}
