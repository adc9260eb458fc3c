//! A mounted tree that never outlives its test, and never hangs it either.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use ossplit_fuse::mount::{self, MountOptions, UnmountMode, Unmounter};
use ossplit_fuse::{End, Filesystem, InitOptions, Negotiated, Notifier, Running, Session};
use tempfile::TempDir;

/// After that long a test is stuck: its connection is cut, and what waits for it gets an error.
pub const DEADLINE: Duration = Duration::from_secs(20);

pub struct Mounted {
    pub unmounter: Unmounter,
    pub notifier: Notifier,
    pub negotiated: Negotiated,
    running: Option<Running>,
    /// What a keeper would hold: a duplicate of every descriptor.
    kept: Vec<OwnedFd>,
    _watchdog: Watchdog,
    dir: TempDir,
}

impl Mounted {
    /// Serves `filesystem` with that many threads.
    pub fn new<F: Filesystem>(filesystem: &Arc<F>, threads: usize) -> Self {
        Self::with(
            filesystem,
            threads,
            &MountOptions::default(),
            &InitOptions::default(),
        )
    }

    pub fn with<F: Filesystem>(
        filesystem: &Arc<F>,
        threads: usize,
        options: &MountOptions,
        init: &InitOptions,
    ) -> Self {
        let (session, mut mounted) = Self::not_started(threads, options, init);
        mounted.running = Some(session.start(filesystem).expect("threads start"));
        mounted
    }

    /// A mount whose session is negotiated but not served.
    pub fn not_started(
        threads: usize,
        options: &MountOptions,
        init: &InitOptions,
    ) -> (Session, Self) {
        let dir = tempfile::tempdir().expect("a directory");
        let mount::Mounted { device, unmounter } = mount::mount(dir.path(), options)
            .expect("mounting works: /dev/fuse and root are there");
        let watchdog = Watchdog::new(unmounter.clone());
        let mut session = Session::init(device, init).expect("INIT works");
        session.add_clones(threads - 1).expect("clones work");
        let mounted = Self {
            unmounter,
            notifier: session.notifier(),
            negotiated: session.negotiated().clone(),
            running: None,
            kept: duplicates(&session),
            _watchdog: watchdog,
            dir,
        };
        (session, mounted)
    }

    /// The duplicates, for a successor; nothing is kept any more.
    pub fn take_kept(&mut self) -> Vec<OwnedFd> {
        std::mem::take(&mut self.kept)
    }

    /// Keeps the successor's descriptors.
    pub fn keep(&mut self, session: &Session) {
        self.kept = duplicates(session);
    }

    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn take_running(&mut self) -> Running {
        self.running.take().expect("it runs")
    }

    pub fn put_running(&mut self, running: Running) {
        self.running = Some(running);
    }

    /// Unmounts and waits for the session's end. Detached, as a program that another test starts
    /// at this moment may still hold a copy of a descriptor that was closed here.
    pub fn end(mut self) -> End {
        let running = self.take_running();
        self.kept.clear();
        self.unmounter
            .unmount(UnmountMode::Detach)
            .expect("it is mounted");
        running.join().expect("no thread failed")
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = self.unmounter.unmount(UnmountMode::Detach);
        if let Some(running) = self.running.take() {
            // Somebody may hold a file open; then the connection ends by force.
            let _ = self.unmounter.abort();
            let _ = running.join();
        }
    }
}

fn duplicates(session: &Session) -> Vec<OwnedFd> {
    session
        .descriptors()
        .map(|fd| fd.try_clone_to_owned().expect("a duplicate"))
        .collect()
}

struct Watchdog {
    done: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    fn new(unmounter: Unmounter) -> Self {
        let (done, wait) = mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            if wait.recv_timeout(DEADLINE) == Err(RecvTimeoutError::Timeout) {
                eprintln!("deadline passed: cutting {}", unmounter.path().display());
                let _ = unmounter.abort();
            }
        });
        Self {
            done: Some(done),
            thread: Some(thread),
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.done.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Runs something that may block for ever, in a thread; the answer comes by the channel.
pub fn in_thread<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Receiver<T> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let _ = sender.send(f());
    });
    receiver
}

/// Counts arrivals, and lets those that wait go on when enough are there together.
#[derive(Default)]
pub struct Meeting {
    counts: Mutex<Counts>,
    changed: Condvar,
}

#[derive(Default)]
struct Counts {
    arrived: usize,
    present: usize,
    most: usize,
}

impl Meeting {
    pub fn arrive(&self) {
        let mut counts = self.counts.lock().unwrap();
        counts.arrived += 1;
        counts.present += 1;
        counts.most = counts.most.max(counts.present);
        self.changed.notify_all();
    }

    pub fn leave(&self) {
        self.counts.lock().unwrap().present -= 1;
    }

    /// Waits until `count` have been there together, at most that long.
    pub fn wait_for(&self, count: usize, limit: Duration) {
        let counts = self.counts.lock().unwrap();
        drop(
            self.changed
                .wait_timeout_while(counts, limit, |counts| counts.most < count),
        );
    }

    /// All that ever arrived.
    pub fn count(&self) -> usize {
        self.counts.lock().unwrap().arrived
    }

    /// Most that were there together.
    pub fn most(&self) -> usize {
        self.counts.lock().unwrap().most
    }
}
