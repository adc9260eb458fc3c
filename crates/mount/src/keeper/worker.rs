//! One worker process, seen from whoever started it.

use super::socket;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitOptions, WaitStatus, pidfd_open,
    pidfd_send_signal, waitid, waitpid,
};
use serde::{Deserialize, Serialize};
use std::{
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::process::CommandExt as _,
    },
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// The version of the words between a worker and whoever started it.
pub(crate) const PROTOCOL: u32 = 1;

/// A worker says that it lives so often.
pub(crate) const ALIVE_EVERY: Duration = Duration::from_secs(1);

/// How often we look.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(250);

/// One that said nothing for so long hangs.
const SILENCE: Duration = Duration::from_secs(5);

/// Exit statuses of a worker beside 0, the mount has ended in good order.
pub(crate) mod exit {
    /// The mount has ended, but not everything that was written came to OSS.
    pub(crate) const UNSENT: i32 = 1;
    /// It stopped for a successor; the mount goes on.
    pub(crate) const STOPPED: i32 = 10;
    /// It could not start.
    pub(crate) const NOT_STARTED: i32 = 11;
    /// It panicked.
    pub(crate) const PANICKED: i32 = 101;
}

/// To a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// Comes first, with a connection to who holds the mount.
    Begin(Begin),
    /// To one that is prepared: serve.
    Go,
    /// Stop serving, for a successor.
    Stop,
}

/// How a worker is to begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Begin {
    /// [`PROTOCOL`].
    pub(crate) protocol: u32,
    /// The mount's name at its holder.
    pub(crate) mount: String,
    /// Who sends this.
    pub(crate) parent: u32,
    /// The mount is not to outlive the sender; otherwise the worker alone goes with it.
    pub(crate) bound: bool,
    /// Prepare, say so, and wait for [`Order::Go`].
    pub(crate) standby: bool,
    /// A panic costs the request, not the process.
    pub(crate) careful: bool,
    /// Why there is a new worker.
    pub(crate) because: Option<String>,
}

/// From a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Word {
    /// It could take over.
    Prepared,
    /// It serves.
    Ready {
        /// The minor device number of the mount.
        minor: u32,
    },
    /// It can't: the number of the cause, and a sentence.
    Failed { cause: u8, text: String },
    /// It lives.
    Alive,
}

/// A worker process.
pub(super) struct Worker {
    pub(super) pid: Pid,
    process: OwnedFd,
    control: OwnedFd,
    /// When it was started or told to go.
    pub(super) since: Instant,
    /// It said that it serves.
    pub(super) ready: bool,
    /// What it said in the end.
    pub(super) failed: Option<(u8, String)>,
    reaped: bool,
    looked: Instant,
    heard: bool,
    silent: Duration,
    /// How often it was seen with its first thread ended.
    zombie: u8,
    /// It was killed, and does nothing any more, but can't end: a thread of it waits in the kernel, perhaps for an answer
    /// that only a successor can give.
    pub(super) lingers: bool,
}

impl Worker {
    /// Starts `program` (this process's own without one) as a worker of the mount on `place`.
    pub(super) fn spawn(program: Option<BorrowedFd<'_>>, place: &Path) -> io::Result<Self> {
        use std::os::fd::AsRawFd as _;
        let (control, theirs) = socket::pair()?;
        let path = program.map_or_else(
            || "/proc/self/exe".to_owned(),
            |program| format!("/proc/self/fd/{}", program.as_raw_fd()),
        );
        let child = Command::new(path)
            .arg0("ossplit")
            .args(["worker", "--socket-fd", "0"])
            .arg(place)
            .stdin(Stdio::from(theirs))
            // Ctrl-C reaches the command alone, which passes it on: once, not twice.
            .process_group(0)
            .spawn()?;
        let pid = Pid::from_child(&child);
        let process = pidfd_open(pid, PidfdFlags::empty())?;
        let now = Instant::now();
        Ok(Self {
            pid,
            process,
            control,
            since: now,
            ready: false,
            failed: None,
            reaped: false,
            looked: now,
            heard: false,
            silent: Duration::ZERO,
            zombie: 0,
            lingers: false,
        })
    }

    /// Readable when it has ended.
    pub(super) fn process(&self) -> BorrowedFd<'_> {
        self.process.as_fd()
    }

    /// Readable when it said something.
    pub(super) fn control(&self) -> BorrowedFd<'_> {
        self.control.as_fd()
    }

    pub(super) fn tell(&self, order: &Order, with: &[BorrowedFd<'_>]) -> io::Result<()> {
        socket::send(self.control.as_fd(), order, with)
    }

    /// Its next word; `None` at the end.
    pub(super) fn hear(&mut self) -> Option<Word> {
        let (word, _) = socket::receive(self.control.as_fd()).ok()??;
        self.heard = true;
        if let Word::Failed { cause, text } = &word {
            self.failed = Some((*cause, text.clone()));
        }
        Some(word)
    }

    pub(super) fn signal(&self, signal: Signal) {
        // One that has ended gets none.
        let _ = pidfd_send_signal(&self.process, signal);
    }

    /// Its end, once it has ended.
    pub(super) fn ended(&mut self) -> Option<WaitStatus> {
        let (_, status) = waitpid(Some(self.pid), WaitOptions::NOHANG).ok()??;
        self.reaped = true;
        Some(status)
    }

    /// Looks whether it still does something; says what is wrong with it.
    ///
    /// Time in which we did not run ourselves counts little: whoever stopped us (a machine that slept,
    /// a frozen cgroup) stopped it too.
    pub(super) fn look(&mut self, now: Instant) -> Option<&'static str> {
        let step = now.saturating_duration_since(self.looked);
        if step < LOOK_EVERY {
            return None;
        }
        self.looked = now;
        // One that was stopped (SIGSTOP) and not continued since; there is no doubt about that one.
        let stopped = WaitIdOptions::NOHANG | WaitIdOptions::STOPPED;
        if matches!(waitid(WaitId::Pid(self.pid), stopped), Ok(Some(_))) {
            return Some("it was stopped by a signal");
        }
        if is_zombie(self.pid) {
            // The first time it may just be ending. The second time it is killed, if it was not, so that from then on
            // none of its threads does anything any more.
            self.zombie += 1;
            self.lingers = self.zombie > 2;
            return (self.zombie > 1).then_some("it was killed and can't end");
        }
        let step = step.min(LOOK_EVERY * 2);
        if std::mem::take(&mut self.heard) || !self.ready {
            self.silent = Duration::ZERO;
        } else {
            self.silent += step;
        }
        (self.silent >= SILENCE && !self.is_traced()).then_some("it did nothing for five seconds")
    }

    /// Somebody looks at it with a debugger.
    fn is_traced(&self) -> bool {
        let status = format!("/proc/{}/status", self.pid.as_raw_nonzero());
        std::fs::read_to_string(status).is_ok_and(|status| {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix("TracerPid:"));
            line.is_some_and(|tracer| tracer.trim() != "0")
        })
    }
}

/// The first thread of a process has ended, and nobody was told that all of it did.
fn is_zombie(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    // `PID (NAME) STATE …`; a name can have anything in it.
    stat.is_ok_and(|stat| {
        stat.rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with('Z'))
    })
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The number of one that was reaped may be another's by now.
        if !self.reaped {
            self.signal(Signal::KILL);
            let how = if self.lingers {
                WaitOptions::NOHANG
            } else {
                WaitOptions::empty()
            };
            let _ = waitpid(Some(self.pid), how);
        }
    }
}
