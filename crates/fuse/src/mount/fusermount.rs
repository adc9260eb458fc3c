//! The setuid helper `fusermount3`, for everybody else.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rustix::net::{AddressFamily, SocketFlags, SocketType};

use super::{MountError, MountOptions, UnmountError};
use crate::handover::recv_descriptors;

const HELPER: &str = "fusermount3";

pub(super) fn mount(path: &Path, options: &MountOptions) -> Result<OwnedFd, MountError> {
    let fail = |source: io::Error| MountError::Io {
        path: path.to_path_buf(),
        source,
    };
    let (ours, theirs) = rustix::net::socketpair(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )
    .map_err(|errno| fail(errno.into()))?;
    // The helper's end is its standard input: descriptor 0 is inherited without any race with
    // other threads that start programs.
    let child = Command::new(HELPER)
        .arg("-o")
        .arg(words(options))
        .arg("--")
        .arg(path)
        .env("_FUSE_COMMFD", "0")
        .stdin(Stdio::from(theirs))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| match source.kind() {
            // "Permission denied" is what a search path with folders of others gives.
            io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => MountError::NoHelper,
            _ => fail(source),
        })?;
    let received = recv_descriptors(ours.as_fd(), &mut [0; 16]);
    let output = child.wait_with_output().map_err(fail)?;
    let device = received.map_err(fail)?.1.into_iter().next();
    match device {
        Some(device) if output.status.success() => Ok(device),
        _ => Err(explain(path, &output)),
    }
}

/// Unmounts; `lazy` detaches what is busy.
pub(super) fn unmount(path: &Path, lazy: bool) -> Result<(), UnmountError> {
    let path_buf = path.to_path_buf();
    let mut command = Command::new(HELPER);
    command.arg("-u");
    if lazy {
        command.arg("-z");
    }
    let output = command
        .arg("--")
        .arg(path)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| UnmountError::Io {
            path: path_buf.clone(),
            source,
        })?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().to_string();
    Err(if message.contains("busy") {
        UnmountError::Busy { path: path_buf }
    } else if message.contains("ermi") {
        UnmountError::Permission { path: path_buf }
    } else {
        UnmountError::Io {
            path: path_buf,
            source: io::Error::other(message),
        }
    })
}

/// The helper's `-o` argument.
fn words(options: &MountOptions) -> String {
    let mut words = vec![
        if options.read_only { "ro" } else { "rw" }.to_string(),
        format!("fsname={}", escape(&options.fsname)),
        format!("subtype={}", escape(&options.subtype)),
    ];
    for (set, word) in [
        (options.allow_other, "allow_other"),
        (options.default_permissions, "default_permissions"),
        (options.nosuid, "nosuid"),
        (options.nodev, "nodev"),
        (options.noexec, "noexec"),
        (options.noatime, "noatime"),
    ] {
        if set {
            words.push(word.to_string());
        }
    }
    if let Some(max_read) = options.max_read {
        words.push(format!("max_read={max_read}"));
    }
    words.join(",")
}

/// The helper splits at commas that have no backslash before them.
fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace(',', "\\,")
}

/// From what the helper wrote to what to do about it. Its messages are not translated.
fn explain(path: &Path, output: &Output) -> MountError {
    let message = String::from_utf8_lossy(&output.stderr).trim().to_string();
    let text = message
        .strip_prefix("fusermount3: ")
        .unwrap_or(&message)
        .to_string();
    if text.contains("user_allow_other") {
        MountError::AllowOtherRefused
    } else if text.contains("/dev/fuse") && text.contains("ermission") {
        MountError::DeviceRefused
    } else if text.contains("fuse device not found") || text.contains("/dev/fuse") {
        MountError::NoDevice {
            source: io::Error::other(text),
        }
    } else if text.contains("ermission") || text.contains("no write access") {
        MountError::Permission {
            path: path.to_path_buf(),
            detail: text,
        }
    } else if text.is_empty() {
        MountError::Helper {
            message: output.status.to_string(),
        }
    } else {
        MountError::Helper { message: text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn a_name_with_commas_stays_one_word() {
        let options = MountOptions {
            fsname: r"a,b\c".into(),
            max_read: Some(4096),
            ..Default::default()
        };
        assert_eq!(
            words(&options),
            r"rw,fsname=a\,b\\c,subtype=ossplit,nosuid,nodev,max_read=4096"
        );
    }

    #[test]
    fn the_helpers_words_become_causes() {
        let say = |text: &str| {
            let output = Output {
                status: std::process::ExitStatus::from_raw(256),
                stdout: Vec::new(),
                stderr: text.as_bytes().to_vec(),
            };
            explain(Path::new("/m"), &output)
        };
        assert!(matches!(
            say(
                "fusermount3: option allow_other only allowed if 'user_allow_other' is set in /etc/fuse.conf"
            ),
            MountError::AllowOtherRefused
        ));
        assert!(matches!(
            say("fusermount3: fuse device not found, try 'modprobe fuse' first"),
            MountError::NoDevice { .. }
        ));
        assert!(matches!(
            say("fusermount3: failed to open /dev/fuse: Permission denied"),
            MountError::DeviceRefused
        ));
        assert!(matches!(
            say("fusermount3: user has no write access to mountpoint /m"),
            MountError::Permission { .. }
        ));
        assert!(
            matches!(say("fusermount3: odd"), MountError::Helper { message } if message == "odd")
        );
        assert!(matches!(say(""), MountError::Helper { message } if message.contains('1')));
    }
}
