//! Mounting with all its errors, and every way to end.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ossplit_fuse::mount::{MountError, MountOptions, UnmountError, UnmountMode, Unmounted, mount};
use ossplit_fuse::{End, InitOptions};

use crate::harness::Mounted;
use crate::memfs::MemFs;

fn counting_destroy() -> (Arc<MemFs>, Arc<AtomicUsize>) {
    let destroyed = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&destroyed);
    let filesystem = MemFs {
        on_destroy: Box::new(move || {
            counter.fetch_add(1, Ordering::SeqCst);
        }),
        ..MemFs::new()
    };
    (Arc::new(filesystem), destroyed)
}

#[test]
fn an_unmount_ends_all_threads_and_destroys_once() {
    let (filesystem, destroyed) = counting_destroy();
    let mut mounted = Mounted::new(&filesystem, 4);
    let unmounter = mounted.unmounter.clone();
    assert!(unmounter.is_mounted().unwrap());
    assert_eq!(
        unmounter.unmount(UnmountMode::Normal).unwrap(),
        Unmounted::Done
    );
    mounted.take_kept();
    assert_eq!(mounted.take_running().join().unwrap(), End::Unmounted);
    assert_eq!(destroyed.load(Ordering::SeqCst), 1);
    assert_eq!(
        unmounter.unmount(UnmountMode::Normal).unwrap(),
        Unmounted::AlreadyGone
    );
}

#[test]
fn a_busy_mount_says_so_and_can_be_detached() {
    let (filesystem, destroyed) = counting_destroy();
    let mut mounted = Mounted::new(&filesystem, 2);
    let open = fs::File::create(mounted.path("open")).unwrap();
    let busy = mounted.unmounter.unmount(UnmountMode::Normal);
    assert!(matches!(busy, Err(UnmountError::Busy { .. })), "{busy:?}");
    assert_eq!(
        mounted.unmounter.unmount(UnmountMode::Detach).unwrap(),
        Unmounted::Done
    );
    assert_eq!(
        destroyed.load(Ordering::SeqCst),
        0,
        "still served to who has it open"
    );
    drop(open);
    assert_eq!(mounted.take_running().join().unwrap(), End::Unmounted);
    assert_eq!(destroyed.load(Ordering::SeqCst), 1);
}

#[test]
fn an_abort_ends_all_threads_while_files_are_open() {
    let (filesystem, destroyed) = counting_destroy();
    let mut mounted = Mounted::new(&filesystem, 2);
    let open = fs::File::create(mounted.path("open")).unwrap();
    mounted.unmounter.abort().unwrap();
    let end = mounted.take_running().join().unwrap();
    // Without fusectl a forced unmount aborts, which the device reports like any unmount.
    assert!(matches!(end, End::Aborted | End::Unmounted));
    assert_eq!(destroyed.load(Ordering::SeqCst), 1);
    let gone = fs::metadata(mounted.root()).unwrap_err();
    assert_eq!(gone.raw_os_error(), Some(libc::ENOTCONN));
    drop(open);
    let again = mount(mounted.root(), &MountOptions::default()).unwrap_err();
    assert!(
        matches!(again, MountError::AlreadyMounted { .. }),
        "{again}"
    );
}

#[test]
fn bad_mount_points_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let options = MountOptions::default();
    let fail = |path: &std::path::Path| mount(path, &options).unwrap_err();
    let missing = fail(&dir.path().join("missing"));
    assert!(matches!(missing, MountError::Missing { .. }), "{missing}");
    let file = dir.path().join("file");
    fs::write(&file, b"").unwrap();
    let not_dir = fail(&file);
    assert!(
        matches!(not_dir, MountError::NotADirectory { .. }),
        "{not_dir}"
    );
    let below_file = fail(&file.join("below"));
    assert!(
        matches!(below_file, MountError::NotADirectory { .. }),
        "{below_file}"
    );
    let full = fail(dir.path());
    assert!(matches!(full, MountError::NotEmpty { .. }), "{full}");

    let mounted = Mounted::new(&Arc::new(MemFs::new()), 1);
    let twice = fail(mounted.root());
    assert!(
        matches!(twice, MountError::AlreadyMounted { .. }),
        "{twice}"
    );
    assert_eq!(mounted.end(), End::Unmounted);
}

#[test]
fn a_read_only_mount_refuses_writes_in_the_kernel() {
    let options = MountOptions {
        read_only: true,
        ..MountOptions::default()
    };
    let mounted = Mounted::with(
        &Arc::new(MemFs::new()),
        1,
        &options,
        &InitOptions::default(),
    );
    let error = fs::write(mounted.path("file"), b"").unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EROFS));
}

#[test]
fn the_helper_mounts_and_unmounts() {
    let options = MountOptions {
        force_helper: true,
        fsname: "bucket,with comma".into(),
        default_permissions: true,
        ..MountOptions::default()
    };
    let mounted = Mounted::with(
        &Arc::new(MemFs::new()),
        2,
        &options,
        &InitOptions::default(),
    );
    fs::write(mounted.path("file"), b"through the helper").unwrap();
    assert_eq!(
        fs::read(mounted.path("file")).unwrap(),
        b"through the helper"
    );
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let line = table
        .lines()
        .find(|line| line.contains(mounted.root().to_str().unwrap()));
    assert!(
        line.unwrap().contains("fuse.ossplit bucket,with\\040comma"),
        "{line:?}"
    );
    let open = fs::File::open(mounted.path("file")).unwrap();
    let busy = mounted.unmounter.unmount(UnmountMode::Normal);
    assert!(matches!(busy, Err(UnmountError::Busy { .. })), "{busy:?}");
    drop(open);
    assert_eq!(mounted.end(), End::Unmounted);
}

#[test]
fn the_mount_belongs_to_its_user_unless_others_are_allowed() {
    for allow_other in [false, true] {
        let options = MountOptions {
            allow_other,
            ..MountOptions::default()
        };
        let mounted = Mounted::with(
            &Arc::new(MemFs::new()),
            1,
            &options,
            &InitOptions::default(),
        );
        fs::write(mounted.path("file"), b"").unwrap();
        fs::set_permissions(mounted.path("file"), fs::Permissions::from_mode(0o644)).unwrap();
        let others = std::process::Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups", "ls"])
            .arg(mounted.path(""))
            .output()
            .unwrap();
        // The directory above is the tempdir itself, so its own mode does not matter here.
        assert_eq!(others.status.success(), allow_other, "{others:?}");
    }
}
