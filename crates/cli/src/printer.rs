//! All that goes to standard output and standard error.

use std::io::Write as _;

/// A line for the user or a script, on standard output, at once.
pub(crate) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    // A closed pipe is no failure of ours.
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// A sentence about what went wrong, on standard error.
pub(crate) fn error(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "ossplit: {text}");
}

/// What clap has to say.
pub(crate) fn clap(error: &clap::Error) {
    let _ = error.print();
}
