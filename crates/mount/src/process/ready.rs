//! The pipe on which a worker says that the mount is usable, or why it is not.

use super::failure::{Cause, Failure};
use rustix::pipe::{PipeFlags, pipe_with};
use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    os::fd::OwnedFd,
};

/// The end on which it is said.
pub struct Report(File);

/// The command's end.
pub(crate) struct Listen(File);

const READY: u8 = b'+';
const FAILED: u8 = b'-';

pub(crate) fn pipe() -> io::Result<(Listen, Report)> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
    Ok((Listen(read.into()), Report(write.into())))
}

impl From<OwnedFd> for Report {
    /// From the descriptor of such an end, which another process made.
    fn from(fd: OwnedFd) -> Self {
        Self(fd.into())
    }
}

impl From<Report> for OwnedFd {
    fn from(report: Report) -> Self {
        report.0.into()
    }
}

impl Report {
    /// The mount is usable.
    pub(crate) fn ready(mut self) {
        // Whoever started us may be gone; the mount is usable all the same.
        let _ = self.0.write_all(&[READY]);
    }

    /// It is not, and won't be.
    pub(crate) fn failed(mut self, why: &Failure) {
        let mut message = vec![FAILED, why.cause.number()];
        message.extend(why.text.as_bytes());
        let _ = self.0.write_all(&message);
    }
}

impl Listen {
    /// Waits for the worker's word.
    pub(crate) fn wait(mut self) -> Result<(), Failure> {
        let mut message = Vec::new();
        let mut first = [0];
        if matches!(self.0.read_exact(&mut first), Ok(()) if first[0] == READY) {
            return Ok(());
        }
        let _ = self.0.read_to_end(&mut message);
        Err(match (first[0], message.split_first()) {
            (FAILED, Some((number, text))) => {
                Failure::new(Cause::of_number(*number), String::from_utf8_lossy(text))
            }
            _ => Failure::new(
                Cause::Died,
                "the serving process died before the mount was usable; mount with -f to see why",
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_arrives() {
        let (listen, report) = pipe().unwrap();
        report.ready();
        assert_eq!(listen.wait(), Ok(()));
        let (listen, report) = pipe().unwrap();
        let why = Failure::new(Cause::Bucket, "no such bucket; make it");
        report.failed(&why);
        assert_eq!(listen.wait(), Err(why));
        let (listen, report) = pipe().unwrap();
        drop(report);
        assert_eq!(listen.wait().unwrap_err().cause, Cause::Died);
    }
}
