//! Who serves a volume: the one place that starts and ends a mount's processes.
//!
//! `ossplit mount` of this same program, which returns when the mount is usable or says in one sentence why not.

use crate::place;
use ossplit_mount::{dialect::CommandLine, options::Written, process};
use std::{path::Path, process::Stdio};
use tokio::process::Command;

/// Starts a mount and returns when it is usable.
///
/// # Errors
/// One sentence with cause and mend. Nothing is mounted then.
pub(crate) async fn start(line: &CommandLine) -> Result<(), String> {
    let cannot = |error: std::io::Error| format!("can't start the volume's process: {error}");
    let mut command = Command::new("/proc/self/exe");
    command
        .arg("mount")
        .arg(format!("{}:/{}", line.bucket, line.prefix))
        .arg(&line.mountpoint);
    for option in &line.options {
        command.arg("-o").arg(word(option));
    }
    let output = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .await
        .map_err(cannot)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().last().unwrap_or_default();
    Err(said.strip_prefix("ossplit: ").unwrap_or(said).to_owned())
}

/// Ends a mount in good order: what was written is in OSS when this returns.
///
/// # Errors
/// One sentence; the mount may be there yet.
pub(crate) async fn end(mountpoint: &Path) -> Result<(), String> {
    let path = mountpoint.to_owned();
    let orderly = tokio::task::spawn_blocking(move || process::unmount(&path)).await;
    match orderly {
        Ok(Ok(())) => Ok(()),
        Ok(Err(failure)) => {
            tracing::warn!(%failure, "the mount does not end in good order: it is detached");
            place::clear(mountpoint).map_err(|error| error.to_string())
        }
        Err(error) => Err(error.to_string()),
    }
}

/// An option as it is typed: with commas that are no separators.
fn word(option: &Written) -> String {
    let name = option.spec.name;
    match &option.value {
        Some(value) => format!("{name}={}", value.replace('\\', r"\\").replace(',', r"\,")),
        None => name.to_owned(),
    }
}
