//! The process that serves: its beginning.

use super::{
    SetUpLog,
    failure::{Cause, Failure},
    heap, holders,
    kept::{Held, Keeper, REQUESTS, SessionState},
    mountpoint, preflight,
    ready::Report,
    serving::{Serving, Signals},
};
use crate::{
    Plan,
    bridge::{Bridge, KernelPages},
    prefetch::Listening,
};
use ossplit::{Client, ClientConfig};
use ossplit_fs::{Context, FileSystem};
use ossplit_fuse::{
    CacheInvalidation, Errno, InitOptions, Session,
    mount::{UnmountMode, Unmounter},
};
use rustix::fs::{MemfdFlags, memfd_create};
use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
    path::Path,
    sync::Arc,
};
use tokio::{runtime::Runtime, sync::oneshot};

/// The kernel reads this far ahead of a sequential reader, in bytes.
const READ_AHEAD: u64 = 16 << 20;

/// Serves without a keeper until the mount ends; gives the process's exit status.
pub(super) fn run(plan: &Plan, place: &Path, log: SetUpLog, report: Report) -> i32 {
    let log = match log(plan) {
        Ok(log) => log,
        Err(why) => {
            report.failed(&Failure::new(Cause::Log, why));
            return 1;
        }
    };
    clear(place);
    let started = runtime().and_then(|runtime| {
        let serving = Prepared::new(plan, &runtime)?.start(plan, place, &runtime, None)?;
        Ok((runtime, serving))
    });
    let (runtime, serving) = match started {
        Err(why) => {
            tracing::error!("{why}");
            report.failed(&why);
            return 1;
        }
        Ok(started) => started,
    };
    holders::name_worker(serving.minor);
    report.ready();
    tracing::info!(mountpoint = %place.display(), bucket = plan.fs.bucket, "mounted");
    let status = serving.until_the_end(&runtime, &*log);
    // Not dropped: that would wait for what is still being looked up or asked, for nobody.
    runtime.shutdown_background();
    status
}

/// Takes a dead mount off `place`. To be called before there is a second thread: it forks.
pub(super) fn clear(place: &Path) {
    match mountpoint::detach_if_dead(place) {
        Ok(false) => {}
        Ok(true) => {
            tracing::warn!(mountpoint = %place.display(), "a dead mount was there: detached");
        }
        Err(error) => tracing::warn!(%error, "a dead mount can't be detached"),
    }
}

/// The runtime that serves; from here on memory goes back as `heap` has it.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    heap::give_back_what_is_large();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("ossplit-io")
        .build()
        .map_err(|e| Failure::system("start threads", e))
}

fn fuse(error: &dyn std::fmt::Display) -> Failure {
    Failure::system("serve the mount", error)
}

/// All that a worker can have ready before it serves.
pub(super) struct Prepared {
    signals: Signals,
    config: ClientConfig,
    client: Client,
}

impl Prepared {
    pub(super) fn new(plan: &Plan, runtime: &Runtime) -> Result<Self, Failure> {
        let _in_runtime = runtime.enter();
        // Before anybody can know that we are there: a signal must never find its default action.
        let signals = Signals::new().map_err(|e| Failure::system("listen to signals", e))?;
        let config = preflight::client_config(plan)?;
        let client = Client::new(config.clone())?;
        Ok(Self {
            signals,
            config,
            client,
        })
    }

    /// Mounts, and serves from then on.
    pub(super) fn start(
        self,
        plan: &Plan,
        place: &Path,
        runtime: &Runtime,
        keeper: Option<&Keeper>,
    ) -> Result<Serving, Failure> {
        for note in &plan.notes {
            tracing::info!("{note}");
        }
        let _in_runtime = runtime.enter();
        runtime.block_on(preflight::check(plan, &self.config))?;
        let mounted = ossplit_fuse::mount::mount(place, &plan.kernel)?;
        let unmounter = mounted.unmounter.clone();
        // From here on every early return must take the mount away again.
        self.serve_new(plan, mounted, runtime, keeper)
            .inspect_err(|_| {
                let _ = unmounter.unmount(UnmountMode::Detach);
            })
    }

    fn serve_new(
        self,
        plan: &Plan,
        mounted: ossplit_fuse::mount::Mounted,
        runtime: &Runtime,
        keeper: Option<&Keeper>,
    ) -> Result<Serving, Failure> {
        let unmounter = mounted.unmounter;
        let context = Context::new(self.client, plan.fs.clone());
        runtime.spawn(context.budget.watch_pressure());
        if !plan.fs.read_only {
            runtime.block_on(ossplit_fs::recover(&context));
        }
        let fs = match keeper {
            None => FileSystem::new(&context),
            Some(keeper) => {
                FileSystem::with_vault(&context, Arc::new(keeper.clone())).map_err(|e| fuse(&e))?
            }
        };
        let options = InitOptions {
            // The file system says at open whether the cached pages are still right.
            invalidation: CacheInvalidation::Auto,
            resend: !keeper.is_some_and(|keeper| keeper.hooks.no_resend),
            ..InitOptions::default()
        };
        let mut session = Session::init(mounted.device, &options).map_err(|e| fuse(&e))?;
        let id = unmounter.connection();
        if let Err(error) = ossplit_fuse::mount::set_read_ahead(id, READ_AHEAD) {
            tracing::warn!(%error, "the kernel's readahead stays at its default");
        }
        let threads = std::thread::available_parallelism()
            .map_or(2, usize::from)
            .clamp(2, 16);
        session.add_clones(threads - 1).map_err(|e| fuse(&e))?;
        reserve(&context, &session);
        if let Some(keeper) = keeper {
            let helper = unmounter.uses_helper();
            let negotiated = session.negotiated().clone();
            let state = SessionState::new(unmounter.path(), id, helper, negotiated);
            keeper
                .hold_devices(session.descriptors())
                .and_then(|()| keep_requests(&mut session, keeper, None))
                .and_then(|()| keeper.hold_session(&state))
                .map_err(|e| Failure::system("hand the mount to its keeper", e))?;
        }
        let serving = Start {
            fs: Arc::new(fs),
            session,
            minor: id.minor,
            unmounter: Some(unmounter),
            signals: self.signals,
        };
        serving.start(runtime, keeper)
    }

    /// Goes on with a mount whose worker is dead, or has stopped.
    pub(super) fn resume(
        self,
        plan: &Plan,
        runtime: &Runtime,
        keeper: &Keeper,
        state: &SessionState,
        held: Held,
    ) -> Result<Serving, Failure> {
        let _in_runtime = runtime.enter();
        let context = Context::new(self.client, plan.fs.clone());
        runtime.spawn(context.budget.watch_pressure());
        let fs = FileSystem::resume(&context, Arc::new(keeper.clone()), held.files)
            .map_err(|e| fuse(&e))?;
        if !plan.fs.read_only {
            // What the dead worker was about and this one does not go on with.
            runtime.block_on(ossplit_fs::recover(&context));
        }
        let mut devices = held.devices.into_iter();
        let first = devices.next();
        let first = first.ok_or_else(|| Failure::new(Cause::System, "no device is held"))?;
        let mut session = Session::resume(first, devices, state.negotiated.clone());
        reserve(&context, &session);
        keep_requests(&mut session, keeper, held.requests)
            .map_err(|e| Failure::system("take over the requests", e))?;
        if session.resends() {
            // Before the first request is taken: what this process has in hand must not come to it once more.
            match session.notifier().resend() {
                Ok(()) | Err(Errno::NODEV | Errno::NOTCONN) => {}
                Err(error) => tracing::warn!(%error, "requests are not delivered again"),
            }
        }
        let unmounter = Unmounter::resume(state.path(), state.id(), state.helper)
            .map_err(|e| Failure::system("read the table of mounts", e))?;
        let serving = Start {
            fs: Arc::new(fs),
            session,
            minor: state.id().minor,
            unmounter,
            signals: self.signals,
        };
        serving.start(runtime, Some(keeper))
    }
}

/// Leases the receive buffers: one a thread, and one more where the data of writes leave with theirs.
fn reserve(context: &Context, session: &Session) {
    let each = if context.config.read_only { 1 } else { 2 };
    let size = u64::from(session.negotiated().max_write);
    context.reserve(session.descriptors().count() as u64 * each * size);
}

/// Where the kernel does not send requests again, they are kept: in the predecessor's file, or a new one.
fn keep_requests(session: &mut Session, keeper: &Keeper, file: Option<OwnedFd>) -> io::Result<()> {
    session.survive();
    if session.resends() {
        return Ok(());
    }
    let file = if let Some(file) = file {
        file
    } else {
        let file = memfd_create("ossplit-requests", MemfdFlags::CLOEXEC)?;
        keeper.hold(REQUESTS, file.as_fd())?;
        file
    };
    session.keep_requests(file)
}

/// All that serves, not started yet.
struct Start {
    fs: Arc<FileSystem>,
    session: Session,
    minor: u32,
    unmounter: Option<Unmounter>,
    signals: Signals,
}

impl Start {
    fn start(self, runtime: &Runtime, keeper: Option<&Keeper>) -> Result<Serving, Failure> {
        let mut bridge = Bridge::new(Arc::clone(&self.fs), runtime.handle().clone());
        bridge.panics_at = keeper.and_then(|keeper| keeper.hooks.panics_at);
        let bridge = Arc::new(bridge);
        // A process that is killed while the kernel takes pages stays until another one answers the reads of them.
        if keeper.is_some() {
            let pages = KernelPages::new(self.session.notifier());
            self.fs.push_pages_to(Arc::new(pages));
        }
        let running = self.session.start(&bridge).map_err(|e| fuse(&e))?;
        let stopper = running.stopper();
        let (tell, ended) = oneshot::channel();
        let session = std::thread::spawn(move || {
            let end = running.join();
            match &end {
                Ok(end) => tracing::info!(?end, "the connection ended"),
                Err(error) => tracing::error!(%error, "the connection ended"),
            }
            let _ = tell.send(end.ok());
        });
        let prefetch = Listening::start(&self.fs, self.minor)
            .inspect_err(|error| {
                tracing::warn!(%error, "no lists of files to prefetch can be taken");
            })
            .ok();
        Ok(Serving {
            _prefetch: prefetch,
            fs: self.fs,
            minor: self.minor,
            unmounter: self.unmounter,
            session,
            stopper,
            ended,
            signals: self.signals,
            alive: None,
            on_user1: keeper.and_then(|keeper| keeper.hooks.on_user1),
        })
    }
}
