//! The process that serves: its signals and its end.

use super::{Log, holders};
use crate::{keeper::worker::exit, prefetch::Listening};
use ossplit_fs::FileSystem;
use ossplit_fuse::{
    End, Stopper,
    mount::{UnmountError, UnmountMode, Unmounter},
};
use std::{io, sync::Arc, thread::JoinHandle, time::Duration};
use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
    task::AbortHandle,
};

/// The signals that a mount knows, as ossfs does.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    user1: Signal,
    user2: Signal,
}

/// What a signal asks for.
enum Wish {
    /// SIGTERM, SIGINT.
    End,
    /// SIGHUP.
    ReopenLog,
    /// SIGUSR2.
    RaiseLog,
    /// SIGUSR1: for tests; ossfs checks its disk cache then, and there is none to check.
    Test,
}

/// What a test can bring about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// A task panics.
    Panic,
    /// It does not say any more that it lives.
    Silence,
}

impl Signals {
    /// From here on none of them has its default action. To be called in the runtime.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            user1: signal(SignalKind::user_defined1())?,
            user2: signal(SignalKind::user_defined2())?,
        })
    }

    async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.terminate.recv() => Wish::End,
            _ = self.interrupt.recv() => Wish::End,
            _ = self.hang_up.recv() => Wish::ReopenLog,
            _ = self.user2.recv() => Wish::RaiseLog,
            _ = self.user1.recv() => Wish::Test,
        }
    }
}

/// A mount that is being served.
pub(super) struct Serving {
    /// Takes lists of files to prefetch.
    pub(super) _prefetch: Option<Listening>,
    pub(super) fs: Arc<FileSystem>,
    /// The mount's minor device number.
    pub(super) minor: u32,
    /// `None` when the mount left the tree before we took it over.
    pub(super) unmounter: Option<Unmounter>,
    pub(super) session: JoinHandle<()>,
    pub(super) stopper: Stopper,
    /// How the session ended; `None` for an error.
    pub(super) ended: oneshot::Receiver<Option<End>>,
    pub(super) signals: Signals,
    /// Says that we live.
    pub(super) alive: Option<AbortHandle>,
    pub(super) on_user1: Option<Trouble>,
}

/// How long the kernel may take to close the connection of what was unmounted: it answers a few last
/// requests of its own first.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How the mount left the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// The kernel has closed the connection.
    Ended,
    /// Unmounted; nobody has anything open.
    InOrder,
    /// Detached: somebody has something open yet.
    Busy,
    /// The mount goes on: a successor serves it.
    HandedOver,
}

impl Serving {
    /// Serves until the mount ends; gives the process's exit status.
    pub(super) fn until_the_end(mut self, runtime: &Runtime, log: &dyn Log) -> i32 {
        let mut failed = None;
        let left = runtime.block_on(async {
            loop {
                tokio::select! {
                    end = &mut self.ended => {
                        return match end {
                            Ok(Some(End::Stopped)) => Left::HandedOver,
                            _ => Left::Ended,
                        };
                    }
                    wish = self.signals.next() => match wish {
                        Wish::ReopenLog => log.reopen(),
                        Wish::RaiseLog => log.raise(),
                        Wish::End => {
                            // What is written so far; what is written meanwhile comes after.
                            failed = self.fs.sync_all().await.err();
                            let left = self.unmounter.as_ref().map_or(Some(Left::Busy), leave);
                            if let Some(left) = left {
                                return left;
                            }
                        }
                        Wish::Test => self.bring_about(runtime),
                    }
                }
            }
        });
        if left == Left::HandedOver {
            // What is not in OSS is the successor's, with the requests that were not answered.
            return exit::STOPPED;
        }
        let failed = runtime.block_on(self.fs.sync_all()).err().or(failed);
        let ended = match left {
            Left::Ended | Left::HandedOver => true,
            Left::InOrder => runtime.block_on(async {
                tokio::time::timeout(LAST_WORDS, &mut self.ended)
                    .await
                    .is_ok()
            }),
            Left::Busy => false,
        };
        // Otherwise somebody holds on to the connection: an open file, or a copy of the mount in another
        // namespace. It ends with this process, whose descriptors are the last: who is still there gets
        // errors now, rather than answers from nobody.
        if ended && self.session.join().is_err() {
            tracing::error!("the session's thread panicked");
        }
        match failed {
            None => 0,
            Some(error) => {
                tracing::error!(%error, "not everything that was written could be sent");
                exit::UNSENT
            }
        }
    }

    fn bring_about(&self, runtime: &Runtime) {
        match self.on_user1 {
            None => {}
            Some(Trouble::Panic) => {
                runtime.spawn(async { panic!("a test asked for it") });
            }
            Some(Trouble::Silence) => {
                if let Some(alive) = &self.alive {
                    alive.abort();
                }
            }
        }
    }
}

/// Unmounts; `None` when the mount stays.
fn leave(unmounter: &Unmounter) -> Option<Left> {
    match unmounter.unmount(UnmountMode::Normal) {
        Ok(_) => Some(Left::InOrder),
        Err(UnmountError::Busy { path }) => {
            let holders = holders::of(&path).join(", ");
            tracing::warn!(%holders, "the mount is busy: it is detached, and ends with what was written");
            match unmounter.unmount(UnmountMode::Detach) {
                Ok(_) => Some(Left::Busy),
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
