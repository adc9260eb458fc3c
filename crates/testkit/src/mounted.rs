//! `ossplit mount` on a temporary folder.

use crate::{Finished, Server, server};
use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

/// A mount in daemon form; unmounted when dropped.
#[derive(Debug)]
pub struct Mounted {
    folder: tempfile::TempDir,
    path: PathBuf,
}

/// Writes a password file for the test servers' key.
pub fn password_file(folder: &Path) -> PathBuf {
    let path = folder.join("passwd");
    std::fs::write(
        &path,
        format!("{}:{}\n", server::KEY_ID, server::KEY_SECRET),
    )
    .expect("a password file can be written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))
        .expect("its mode can be set");
    path
}

/// The command that mounts `what` (`BUCKET[:/PREFIX]`) of `url` on `at`.
pub fn command(url: &str, what: &str, at: &Path, passwords: &Path, options: &str) -> Command {
    let mut command = Command::new(crate::ossplit());
    let options = if options.is_empty() {
        String::new()
    } else {
        format!(",{options}")
    };
    command.args(["mount", what]).arg(at).arg("-o").arg(format!(
        "url={url},passwd_file={}{options}",
        passwords.display()
    ));
    command
}

/// Whether something is mounted exactly on `path`.
pub fn is_mounted(path: &Path) -> bool {
    let table = std::fs::read_to_string("/proc/self/mounts").expect("/proc is there");
    let path = path.to_string_lossy().replace(' ', "\\040");
    table
        .lines()
        .any(|line| line.split(' ').nth(1) == Some(&path))
}

impl Mounted {
    /// Mounts and waits until usable.
    ///
    /// # Panics
    /// When the mount fails.
    pub fn new(server: &Server, what: &str, options: &str) -> Self {
        match Self::try_new(&server.url(), what, options) {
            Ok(mounted) => mounted,
            Err(finished) => panic!("mount {what} -o {options}: {finished:?}"),
        }
    }

    /// As [`Mounted::new`], with what our tests ask of the serving process (`commands/worker` of the cli).
    ///
    /// # Panics
    /// When the mount fails.
    pub fn with_hooks(server: &Server, what: &str, options: &str, hooks: &str) -> Self {
        let prepare = |command: &mut Command| {
            command.env("OSSPLIT_TEST_HOOKS", hooks);
        };
        match Self::try_with(&server.url(), what, options, prepare) {
            Ok(mounted) => mounted,
            Err(finished) => panic!("mount {what} -o {options}: {finished:?}"),
        }
    }

    /// Mounts; on failure gives what the command said, and checks that nothing stays mounted.
    pub fn try_new(url: &str, what: &str, options: &str) -> Result<Self, Finished> {
        Self::try_with(url, what, options, |_| {})
    }

    fn try_with(
        url: &str,
        what: &str,
        options: &str,
        prepare: impl FnOnce(&mut Command),
    ) -> Result<Self, Finished> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("mnt");
        std::fs::create_dir(&path).expect("a mount point");
        let passwords = password_file(folder.path());
        let mut command = command(url, what, &path, &passwords, options);
        prepare(&mut command);
        let finished = crate::run_with(&mut command);
        if finished.status == 0 {
            assert!(
                is_mounted(&path),
                "status 0 means that the mount is usable: {finished:?}"
            );
            Ok(Self { folder, path })
        } else {
            assert!(!is_mounted(&path), "a failed mount leaves nothing mounted");
            Err(finished)
        }
    }

    /// The mount point, or something below it.
    pub fn path(&self, below: &str) -> PathBuf {
        if below.is_empty() {
            self.path.clone()
        } else {
            self.path.join(below)
        }
    }

    /// The ids of the processes that serve this mount.
    pub fn processes(&self) -> Vec<u32> {
        processes_naming(&self.path)
    }

    /// The process that serves at present, if there is one: between two there is none.
    pub fn worker(&self) -> Option<u32> {
        self.process("worker")
    }

    /// The process that holds the mount.
    ///
    /// # Panics
    /// When there is none.
    pub fn keeper(&self) -> u32 {
        self.process("keeper").expect("the mount has a keeper")
    }

    /// Resident memory of the processes that serve this mount, in bytes, each at its highest since the last
    /// [`Mounted::forget_peak`].
    ///
    /// # Panics
    /// When one of them has just ended.
    pub fn peak_memory(&self) -> u64 {
        let peak = |pid: u32| {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
            let status = status.expect("a process that lives");
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok());
            kib.map_or(0, |kib: u64| kib << 10)
        };
        let peaks: Vec<u64> = self.processes().into_iter().map(peak).collect();
        assert!(!peaks.is_empty() && peaks.iter().all(|peak| *peak > 0));
        peaks.into_iter().sum()
    }

    /// Has the peaks begin at what is resident now.
    ///
    /// # Panics
    /// When one of the processes has just ended.
    pub fn forget_peak(&self) {
        for pid in self.processes() {
            // proc(5): 5 resets the peak of the resident set.
            std::fs::write(format!("/proc/{pid}/clear_refs"), "5").expect("a process that lives");
        }
    }

    fn process(&self, verb: &str) -> Option<u32> {
        let is = |pid: &u32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0).nth(1) == Some(verb.as_bytes())
        };
        self.processes().into_iter().find(is)
    }

    /// The mount's minor device number.
    ///
    /// # Panics
    /// When nothing is mounted.
    pub fn minor(&self) -> u32 {
        let table = std::fs::read_to_string("/proc/self/mountinfo").expect("/proc is there");
        let path = self.path.to_string_lossy();
        let line = table
            .lines()
            .find(|line| line.split(' ').nth(4) == Some(&path))
            .expect("it is mounted");
        let device = line
            .split(' ')
            .nth(2)
            .and_then(|word| word.split(':').nth(1));
        device
            .and_then(|minor| minor.parse().ok())
            .expect("a device number")
    }

    /// `ossplit umount`, which must end with 0 and leave no process.
    pub fn unmount(self) {
        let finished = crate::run(&["umount".as_ref(), self.path.as_os_str()]);
        assert_eq!(finished.status, 0, "{finished:?}");
        assert!(!is_mounted(&self.path));
        crate::until("the mount's processes to end", || {
            self.processes().is_empty()
        });
    }
}

/// The processes whose command line names `path`.
pub fn processes_naming(path: &Path) -> Vec<u32> {
    let wanted = path.as_os_str().as_encoded_bytes();
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| *pid != std::process::id())
        .filter(|pid| {
            std::fs::read(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|line| line.split(|b| *b == 0).any(|word| word == wanted))
        })
        .collect()
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if is_mounted(&self.path) {
            let _ = rustix::mount::unmount(&self.path, rustix::mount::UnmountFlags::DETACH);
        }
        let _ = &self.folder;
    }
}
