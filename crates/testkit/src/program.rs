//! Running the built binary to its end.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// The built `ossplit`, next to the running test's own binary.
///
/// # Panics
/// When it is not built.
pub fn ossplit() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    test.ancestors()
        .map(|folder| folder.join("ossplit"))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("build it first, near {}: cargo build", test.display()))
}

/// How a program ended.
#[derive(Debug)]
pub struct Finished {
    /// Exit status; -1 when a signal ended it.
    pub status: i32,
    /// Everything on standard output.
    pub stdout: String,
    /// Everything on standard error.
    pub stderr: String,
    /// Wall time.
    pub took: Duration,
}

/// Runs `ossplit ARGS` to its end.
pub fn run<S: AsRef<std::ffi::OsStr>>(args: &[S]) -> Finished {
    let mut command = Command::new(ossplit());
    command.args(args);
    run_with(&mut command)
}

/// Runs a prepared command to its end, killing it after the deadline.
///
/// Output goes to files, not pipes: a daemon that is left behind would hold a pipe open.
///
/// # Panics
/// When it does not end within [`crate::DEADLINE`].
pub fn run_with(command: &mut Command) -> Finished {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (out, err) = (folder.path().join("out"), folder.path().join("err"));
    let create = |path| std::fs::File::create(path).expect("an output file");
    let start = Instant::now();
    let mut child = command
        .env_remove("OSS_ACCESS_KEY_ID")
        .env_remove("OSS_ACCESS_KEY_SECRET")
        .stdin(Stdio::null())
        .stdout(create(&out))
        .stderr(create(&err))
        .spawn()
        .unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let end = start + crate::DEADLINE;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            break status;
        }
        if Instant::now() > end {
            let _ = child.kill();
            let said = std::fs::read_to_string(&err).unwrap_or_default();
            panic!(
                "{command:?} did not end within {:?}; it said: {said}",
                crate::DEADLINE
            );
        }
        #[allow(clippy::disallowed_methods, reason = "polls a child, with a deadline")]
        std::thread::sleep(Duration::from_millis(2));
    };
    let read = |path| {
        String::from_utf8_lossy(&std::fs::read(path).expect("what was written")).into_owned()
    };
    Finished {
        status: status.code().unwrap_or(-1),
        stdout: read(&out),
        stderr: read(&err),
        took: start.elapsed(),
    }
}
