//! The process that serves a mount which a keeper holds.

use super::{
    SetUpLog,
    failure::{Cause, Failure},
    fork, holders, mountpoint, read_words,
    serving::{Serving, Trouble},
    worker,
};
use crate::{
    Plan,
    keeper::{
        Client, Files, WORDS, socket,
        worker::{ALIVE_EVERY, Begin, Order, PROTOCOL, Word, exit},
    },
};
use ossplit_fs::{FileSystem, Vault, ledger};
use ossplit_fuse::{Negotiated, Stopper, mount::ConnectionId};
use rustix::{
    fs::{MemfdFlags, memfd_create},
    process::{Pid, Signal},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    ffi::OsString,
    fs::File,
    io::{self, Read as _, Seek as _, Write as _},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::{OsStrExt as _, OsStringExt as _},
    },
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::runtime::Runtime;

/// For tests: what a worker does that it would not do by itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hooks {
    /// What SIGUSR1 brings about.
    pub on_user1: Option<Trouble>,
    /// As if the kernel had no RESEND.
    pub no_resend: bool,
    /// Whoever takes up a request for this name panics.
    pub panics_at: Option<&'static str>,
}

/// What a mount holds at its keeper. Names of the file system's own files begin with [`FS`].
const SESSION: &str = "session";
const FUSE: &str = "fuse/";
const FS: &str = "fs/";
/// The copies of unanswered requests.
pub(super) const REQUESTS: &str = "requests";

/// The version of [`SessionState`].
const VERSION: u32 = 1;

/// The connection to the kernel, as a successor needs it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SessionState {
    version: u32,
    path: Vec<u8>,
    major: u32,
    minor: u32,
    pub(super) helper: bool,
    pub(super) negotiated: Negotiated,
}

impl SessionState {
    pub(super) fn new(path: &Path, id: ConnectionId, helper: bool, negotiated: Negotiated) -> Self {
        Self {
            version: VERSION,
            path: path.as_os_str().as_bytes().to_vec(),
            major: id.major,
            minor: id.minor,
            helper,
            negotiated,
        }
    }

    pub(super) fn path(&self) -> PathBuf {
        OsString::from_vec(self.path.clone()).into()
    }

    pub(super) fn id(&self) -> ConnectionId {
        ConnectionId {
            major: self.major,
            minor: self.minor,
        }
    }

    fn read(file: &OwnedFd) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let unreadable = |e: &dyn std::fmt::Display| Failure::system("read the session's state", e);
        let mut file = File::from(file.try_clone().map_err(|e| unreadable(&e))?);
        let mut text = Vec::new();
        let read = file
            .rewind()
            .and_then(|()| file.read_to_end(&mut text).map(|_| ()));
        read.map_err(|e| unreadable(&e))?;
        let found: Version = serde_json::from_slice(&text).map_err(|e| unreadable(&e))?;
        if found.version != VERSION {
            let text = format!(
                "the session's state has format version {}, this program reads version {VERSION}",
                found.version
            );
            return Err(Failure::new(Cause::System, text));
        }
        serde_json::from_slice(&text).map_err(|e| unreadable(&e))
    }
}

/// The keeper of this worker's mount.
#[derive(Clone)]
pub(super) struct Keeper {
    client: Arc<Client>,
    mount: Arc<str>,
    pub(super) hooks: Hooks,
}

impl Keeper {
    pub(super) fn hold(&self, name: &str, file: BorrowedFd<'_>) -> io::Result<()> {
        self.client.hold(&self.mount, name, file)
    }

    /// Descriptors of the kernel's device, in their order.
    pub(super) fn hold_devices<'a>(
        &self,
        devices: impl Iterator<Item = BorrowedFd<'a>>,
    ) -> io::Result<()> {
        for (number, device) in devices.enumerate() {
            self.hold(&format!("{FUSE}{number:03}"), device)?;
        }
        Ok(())
    }

    /// From here on a successor can go on.
    pub(super) fn hold_session(&self, state: &SessionState) -> io::Result<()> {
        let mut file = File::from(memfd_create("ossplit-session", MemfdFlags::CLOEXEC)?);
        file.write_all(&serde_json::to_vec(state)?)?;
        self.hold(SESSION, file.as_fd())
    }

    /// Says that we serve, and takes what is there.
    fn take_over(&self) -> io::Result<Held> {
        self.client.attach(&self.mount)?;
        self.look()
    }

    fn look(&self) -> io::Result<Held> {
        self.client.fetch(&self.mount).map(Held::sort)
    }
}

impl Vault for Keeper {
    fn hold(&self, name: &str, file: &OwnedFd) -> io::Result<()> {
        Keeper::hold(self, &format!("{FS}{name}"), file.as_fd())
    }

    fn let_go(&self, name: &str) {
        if let Err(error) = self.client.let_go(&self.mount, &format!("{FS}{name}")) {
            tracing::error!(%error, name, "the keeper goes on holding a memory file");
        }
    }
}

/// What a keeper holds for a mount, sorted.
#[derive(Default)]
pub(super) struct Held {
    words: Option<OwnedFd>,
    session: Option<OwnedFd>,
    pub(super) requests: Option<OwnedFd>,
    pub(super) devices: Vec<OwnedFd>,
    pub(super) files: HashMap<String, OwnedFd>,
}

impl Held {
    /// `files` come in the order of their names.
    fn sort(files: Files) -> Self {
        let mut held = Self::default();
        for (name, file) in files {
            if let Some(name) = name.strip_prefix(FS) {
                held.files.insert(name.to_owned(), file);
            } else if name.starts_with(FUSE) {
                held.devices.push(file);
            } else {
                match &*name {
                    WORDS => held.words = Some(file),
                    SESSION => held.session = Some(file),
                    REQUESTS => held.requests = Some(file),
                    // Of a version that holds more than we know of.
                    _ => {}
                }
            }
        }
        held
    }

    fn plan(&mut self) -> Result<Plan, Failure> {
        let words = self.words.take();
        let words = words.ok_or_else(|| Failure::new(Cause::System, "no command line is held"))?;
        let words = read_words(words).map_err(|e| Failure::system("read the command line", e))?;
        words.plan().map_err(|faults| {
            let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
            Failure::new(Cause::System, faults.join("; "))
        })
    }

    /// What a predecessor left of its session; `None` if there was none.
    fn session(&self) -> Result<Option<SessionState>, Failure> {
        self.session.as_ref().map(SessionState::read).transpose()
    }
}

/// The end of the control connection at which whoever started us listens.
#[derive(Clone)]
struct Control(Arc<OwnedFd>);

impl Control {
    fn say(&self, word: &Word) {
        // Who does not listen any more has ended, and we are about to.
        let _ = socket::send(self.0.as_fd(), word, &[]);
    }

    fn hear(&self) -> io::Result<Option<(Order, Vec<OwnedFd>)>> {
        socket::receive(self.0.as_fd())
    }

    /// Waits for the word to go.
    fn wait_to_go(&self) -> bool {
        matches!(self.hear(), Ok(Some((Order::Go, _))))
    }

    /// Does what is asked for while we serve.
    fn obey(&self, stopper: &Stopper, fs: &FileSystem) {
        while let Ok(Some((order, _))) = self.hear() {
            if order == Order::Stop {
                // While reads are answered: what is on its way may wait for one.
                fs.stop_pushing();
                stopper.stop();
            }
        }
    }

    /// Says again and again that we live, if we do: a file system that nobody can look into is dead.
    async fn live(self, fs: Arc<FileSystem>) {
        let mut every = tokio::time::interval(ALIVE_EVERY);
        loop {
            every.tick().await;
            let _ = fs.root();
            self.say(&Word::Alive);
        }
    }
}

/// `ossplit worker`: serves the mount that is named on the socket which is our standard input; gives the
/// exit status.
pub fn serve_kept(log: SetUpLog, hooks: Hooks) -> i32 {
    match begin() {
        Ok((control, begin, client)) => match run(&control, &begin, client, log, hooks) {
            Ok(status) => status,
            Err(why) => {
                tracing::error!("{why}");
                control.say(&Word::Failed {
                    cause: why.cause.number(),
                    text: why.text,
                });
                exit::NOT_STARTED
            }
        },
        // Nobody is there to be told.
        Err(_) => exit::NOT_STARTED,
    }
}

/// Takes our orders.
fn begin() -> io::Result<(Control, Begin, Client)> {
    let control = std::io::stdin().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    fork::unblock_all_signals();
    let control = Control(Arc::new(control));
    let Some((Order::Begin(begin), mut store)) = control.hear()? else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let store = store.pop().ok_or(io::ErrorKind::InvalidData)?;
    let parent = Pid::from_raw(begin.parent.cast_signed()).ok_or(io::ErrorKind::InvalidData)?;
    let signal = if begin.bound {
        Signal::TERM
    } else {
        Signal::KILL
    };
    if !fork::end_with_parent(parent, signal) {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    Ok((control, begin, Client::new(store)))
}

fn run(
    control: &Control,
    begin: &Begin,
    client: Client,
    log: SetUpLog,
    hooks: Hooks,
) -> Result<i32, Failure> {
    if begin.protocol != PROTOCOL {
        let text = format!(
            "the keeper speaks version {} of its protocol, this program version {PROTOCOL}: unmount \
             and mount again",
            begin.protocol
        );
        return Err(Failure::new(Cause::System, text));
    }
    let keeper = Keeper {
        client: Arc::new(client),
        mount: begin.mount.as_str().into(),
        hooks,
    };
    let asked = |e| Failure::system("ask the keeper", e);
    let mut held = if begin.standby {
        keeper.look()
    } else {
        keeper.take_over()
    }
    .map_err(asked)?;
    let plan = held.plan()?;
    let log = log(&plan).map_err(|why| Failure::new(Cause::Log, why))?;
    if !begin.careful {
        end_at_panic();
    }
    if let Some(because) = &begin.because {
        tracing::warn!(because, "another process serves the mount from here on");
    }
    let mut session = held.session()?;
    let place = mountpoint::resolve(&plan.mountpoint);
    if session.is_none() {
        worker::clear(&place);
    }
    let runtime = worker::runtime()?;
    let ready = worker::Prepared::new(&plan, &runtime)?;
    if begin.standby {
        ledger::check(&held.files).map_err(|e| Failure::new(Cause::System, e.to_string()))?;
        control.say(&Word::Prepared);
        if !control.wait_to_go() {
            return Ok(exit::NOT_STARTED);
        }
        // The other one went on after we looked.
        held = keeper.take_over().map_err(asked)?;
        session = held.session()?;
    }
    let serving = match session {
        None => ready.start(&plan, &place, &runtime, Some(&keeper))?,
        Some(session) => ready.resume(&plan, &runtime, &keeper, &session, held)?,
    };
    serve(control, serving, &runtime, &*log)
}

fn serve(
    control: &Control,
    mut serving: Serving,
    runtime: &Runtime,
    log: &dyn super::Log,
) -> Result<i32, Failure> {
    holders::name_worker(serving.minor);
    let alive = runtime.spawn(control.clone().live(Arc::clone(&serving.fs)));
    serving.alive = Some(alive.abort_handle());
    let (listener, stopper) = (control.clone(), serving.stopper.clone());
    let fs = Arc::clone(&serving.fs);
    std::thread::Builder::new()
        .name("ossplit-control".to_owned())
        .spawn(move || listener.obey(&stopper, &fs))
        .map_err(|e| Failure::system("start threads", e))?;
    control.say(&Word::Ready {
        minor: serving.minor,
    });
    tracing::info!("mounted");
    let status = serving.until_the_end(runtime, log);
    // Nothing is dropped: a request that is dropped unanswered says EIO, and the successor is to answer it.
    fork::exit_at_once(status)
}

/// A panic leaves what others rely on in an unknown state: the process ends, and its successor goes on
/// from what is certain. The request in hand is answered by that one.
fn end_at_panic() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tracing::error!(%panic, "the serving process panicked");
        usual(panic);
        fork::exit_at_once(exit::PANICKED)
    }));
}
