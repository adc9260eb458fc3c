//! The pipe on which a worker says that the mount is usable, or why it is not.

use rustix::pipe::{PipeFlags, pipe_with};
use std::{
    fs::File,
    io::{self, Read as _, Write as _},
};

/// The worker's end.
pub(super) struct Report(File);

/// The command's end.
pub(super) struct Listen(File);

const READY: u8 = b'+';
const FAILED: u8 = b'-';

pub(super) fn pipe() -> io::Result<(Listen, Report)> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
    Ok((Listen(read.into()), Report(write.into())))
}

impl Report {
    /// The mount is usable.
    pub(super) fn ready(mut self) {
        let _ = self.0.write_all(&[READY]);
    }

    /// It is not, and won't be.
    pub(super) fn failed(mut self, why: &str) {
        let _ = self
            .0
            .write_all(&[FAILED])
            .and_then(|()| self.0.write_all(why.as_bytes()));
    }
}

impl Listen {
    /// Waits for the worker's word.
    pub(super) fn wait(mut self) -> Result<(), String> {
        let mut first = [0];
        let read = self.0.read(&mut first).map_err(|e| e.to_string())?;
        if read == 1 && first[0] == READY {
            return Ok(());
        }
        let mut why = String::new();
        let _ = self.0.read_to_string(&mut why);
        if why.is_empty() {
            why = "the serving process died before the mount was usable; mount with -f to see why"
                .into();
        }
        Err(why)
    }
}
