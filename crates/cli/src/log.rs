//! The log of a mount: standard error in the foreground, a file that SIGHUP opens anew, or nothing.

use ossplit_mount::{Plan, options::LogLevel};
use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use tracing_subscriber::filter::LevelFilter;

/// A log file that can be opened anew under the same name, after logrotate moved it.
#[derive(Clone)]
struct LogFile {
    path: PathBuf,
    file: Arc<Mutex<File>>,
}

impl LogFile {
    fn open(path: &Path) -> io::Result<File> {
        OpenOptions::new().create(true).append(true).open(path)
    }

    fn reopen(&self) {
        if let Ok(fresh) = Self::open(&self.path) {
            *self.file.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
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

/// Sets the log up as the plan says; what it returns opens the log file anew.
pub(crate) fn set_up(plan: &Plan) -> Box<dyn Fn() + Send> {
    let level = match plan.log_level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    let builder = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_target(false)
        .with_ansi(false);
    let file = plan
        .log_file
        .as_deref()
        .and_then(|path| match LogFile::open(path) {
            Ok(file) => Some(LogFile {
                path: path.to_owned(),
                file: Arc::new(Mutex::new(file)),
            }),
            Err(error) => {
                crate::printer::error(&format!("logfile {}: {error}", path.display()));
                None
            }
        });
    // A second set-up in one process can only come from a test; the first one stays.
    if let Some(log) = file {
        let writer = log.clone();
        let _ = builder.with_writer(move || writer.clone()).try_init();
        return Box::new(move || log.reopen());
    }
    if plan.foreground {
        let _ = builder.with_writer(io::stderr).try_init();
    }
    Box::new(|| {})
}
