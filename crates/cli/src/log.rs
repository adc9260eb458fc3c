//! The log of a mount: the file that was named, which SIGHUP opens anew; else standard error in the
//! foreground, and the system's log (`/dev/log`) otherwise. SIGUSR2 changes how much is logged.

use ossplit_mount::{Plan, options::LogLevel, process};
use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use tracing::{Level, Metadata};
use tracing_subscriber::{
    Layer, Registry,
    filter::LevelFilter,
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
    reload,
    util::SubscriberInitExt as _,
};

/// A log file that can be opened anew under the same name, after logrotate moved it.
#[derive(Clone)]
struct LogFile {
    path: PathBuf,
    file: Arc<Mutex<File>>,
}

impl LogFile {
    fn new(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: Arc::new(Mutex::new(Self::open(path)?)),
        })
    }

    fn open(path: &Path) -> io::Result<File> {
        OpenOptions::new().create(true).append(true).open(path)
    }
}

impl Write for LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The system's log, as syslog(3) sends to it: a datagram a line, which the system stamps with its time.
struct SystemLog {
    socket: UnixDatagram,
}

/// Where the system's log listens.
const SYSTEM_LOG: &str = "/dev/log";
/// Facility "user", as ossfs has.
const FACILITY: u8 = 1;

impl SystemLog {
    /// `None` where there is no system log, as in most containers.
    fn open() -> Option<Self> {
        let socket = UnixDatagram::unbound().ok()?;
        socket.connect(SYSTEM_LOG).ok()?;
        // A log that does not keep up must not stop the mount.
        socket.set_nonblocking(true).ok()?;
        Some(Self { socket })
    }
}

/// One line on its way, with its urgency (RFC 3164).
struct SystemLine<'a> {
    socket: &'a UnixDatagram,
    priority: u8,
}

impl Write for SystemLine<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let message = format!(
            "<{}>ossplit[{}]: {}",
            self.priority,
            std::process::id(),
            text.trim_end()
        );
        // What the log does not take is lost, as with syslog(3).
        let _ = self.socket.send(message.as_bytes());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for SystemLog {
    type Writer = SystemLine<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        self.line(Level::INFO)
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Self::Writer {
        self.line(*metadata.level())
    }
}

impl SystemLog {
    fn line(&self, level: Level) -> SystemLine<'_> {
        let severity = match level {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            Level::DEBUG | Level::TRACE => 7,
        };
        SystemLine {
            socket: &self.socket,
            priority: FACILITY << 3 | severity,
        }
    }
}

/// What a mount does with its log while it serves.
struct Log {
    file: Option<LogFile>,
    level: reload::Handle<LevelFilter, Registry>,
}

impl process::Log for Log {
    fn reopen(&self) {
        let Some(LogFile { path, file }) = &self.file else {
            return;
        };
        match LogFile::open(path) {
            Ok(fresh) => *file.lock().unwrap_or_else(PoisonError::into_inner) = fresh,
            // To the old file, which is still open.
            Err(error) => tracing::error!(%error, "the log file can't be opened anew"),
        }
    }

    fn raise(&self) {
        let mut now = LevelFilter::OFF;
        let _ = self.level.modify(|level| {
            *level = louder(*level);
            now = *level;
        });
        tracing::error!("SIGUSR2: the log's level is {now} now");
    }
}

/// The next level; after the last one the first.
fn louder(level: LevelFilter) -> LevelFilter {
    match level {
        LevelFilter::ERROR => LevelFilter::WARN,
        LevelFilter::WARN => LevelFilter::INFO,
        LevelFilter::INFO => LevelFilter::DEBUG,
        _ => LevelFilter::ERROR,
    }
}

/// Sets the log up as the plan says.
pub(crate) fn set_up(plan: &Plan) -> Result<Box<dyn process::Log>, String> {
    let level = match plan.log_level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    let (level, handle) = reload::Layer::new(level);
    let plain = || fmt::layer().with_target(false).with_ansi(false);
    let (layer, file) = match &plan.log_file {
        Some(path) => {
            let file = LogFile::new(path).map_err(|error| {
                format!(
                    "logfile {}: {error}; make its folder, or name another file",
                    path.display()
                )
            })?;
            let writer = file.clone();
            let layer = plain().with_writer(move || writer.clone()).boxed();
            (Some(layer), Some(file))
        }
        None if plan.foreground => (Some(plain().with_writer(io::stderr).boxed()), None),
        None => {
            let system = SystemLog::open();
            let layer = system.map(|log| plain().without_time().with_writer(log).boxed());
            (layer, None)
        }
    };
    let subscriber =
        tracing_subscriber::registry().with(layer.map(|layer| layer.with_filter(level)));
    // A second set-up in one process can only come from a test; the first one stays.
    let _ = subscriber.try_init();
    Ok(Box::new(Log {
        file,
        level: handle,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_go_round() {
        let mut level = LevelFilter::ERROR;
        for wanted in [
            LevelFilter::WARN,
            LevelFilter::INFO,
            LevelFilter::DEBUG,
            LevelFilter::ERROR,
        ] {
            level = louder(level);
            assert_eq!(level, wanted);
        }
    }

    #[test]
    fn the_system_s_log_gets_urgency_and_name() {
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        let log = SystemLog { socket: ours };
        log.line(Level::WARN).write_all(b"careful\n").unwrap();
        let mut message = [0; 100];
        let length = theirs.recv(&mut message).unwrap();
        let pid = std::process::id();
        assert_eq!(
            String::from_utf8_lossy(&message[..length]),
            format!("<12>ossplit[{pid}]: careful")
        );
    }
}
