//! How requests are taken and answered: in parallel, late, never, with a panic, interrupted.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use ossplit_fuse::mount::MountOptions;
use ossplit_fuse::{End, Errno, InitOptions, Interrupt, OpenReplyFlags, ReplyData};

use crate::harness::{DEADLINE, Meeting, Mounted, in_thread};
use crate::memfs::{Act, MemFs};

/// Looks `count` names of one directory up at once; how many lookups were in work together?
fn overlapping_lookups(parallel_dirops: bool, count: usize, limit: Duration) -> usize {
    let meeting = Arc::new(Meeting::default());
    let at_lookup = Arc::clone(&meeting);
    let filesystem = Arc::new(MemFs {
        hook: Box::new(move |operation, name, _| {
            if operation == "lookup" && name.to_string_lossy().starts_with("meet") {
                at_lookup.arrive();
                at_lookup.wait_for(count, limit);
                at_lookup.leave();
            }
            Act::Serve
        }),
        ..MemFs::new()
    });
    let init = InitOptions {
        parallel_dirops,
        ..InitOptions::default()
    };
    let mounted = Mounted::with(&filesystem, count, &MountOptions::default(), &init);
    let lookups: Vec<_> = (0..count)
        .map(|index| {
            let path = mounted.path(&format!("meet-{index}"));
            in_thread(move || fs::metadata(path).is_err())
        })
        .collect();
    for lookup in lookups {
        assert!(
            lookup.recv_timeout(DEADLINE).unwrap(),
            "there is no such file"
        );
    }
    meeting.most()
}

/// `FUSE_PARALLEL_DIROPS` holds on the running kernel, not only in the reply's bytes: each lookup
/// waits in the file system until all of them are there.
#[test]
fn lookups_in_one_directory_overlap() {
    assert_eq!(overlapping_lookups(true, 6, DEADLINE / 2), 6);
    // The detector detects: without the flag the kernel sends one at a time.
    assert_eq!(overlapping_lookups(false, 3, Duration::from_millis(50)), 1);
}

#[test]
fn a_dropped_reply_and_a_panic_are_eio_and_the_session_goes_on() {
    let filesystem = Arc::new(MemFs {
        hook: Box::new(|operation, name, _| match (operation, name.to_str()) {
            ("lookup", Some("dropped")) => Act::Drop,
            ("lookup", Some("panic")) => panic!("on purpose"),
            _ => Act::Serve,
        }),
        ..MemFs::new()
    });
    let mounted = Mounted::new(&filesystem, 1);
    for name in ["dropped", "panic", "dropped", "panic"] {
        let error = fs::metadata(mounted.path(name)).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EIO), "{name}");
    }
    fs::write(mounted.path("file"), b"still here").unwrap();
    assert_eq!(fs::read(mounted.path("file")).unwrap(), b"still here");
    assert_eq!(mounted.end(), End::Unmounted);
}

/// A tree with one file `blocked` whose READs are handed out by the channel instead of answered.
fn handing_out_reads() -> (MemFs, mpsc::Receiver<ReplyData>) {
    let (sender, receiver) = mpsc::channel();
    let sender = Mutex::new(sender);
    let filesystem = MemFs {
        on_read: Box::new(move |_, _, reply| {
            sender.lock().unwrap().send(reply).unwrap();
            None
        }),
        ..MemFs::new()
    };
    filesystem
        .tree
        .add(1, OsStr::new("blocked"), libc::S_IFREG | 0o644, &[0; 100])
        .unwrap();
    (filesystem, receiver)
}

#[test]
fn a_reply_can_be_answered_later_elsewhere_and_from_several_slices() {
    let (filesystem, reads) = handing_out_reads();
    let mounted = Mounted::new(&Arc::new(filesystem), 1);
    let path = mounted.path("blocked");
    let content = in_thread(move || fs::read(path).unwrap());
    let reply = reads.recv_timeout(DEADLINE).unwrap();
    // The only session thread is free again.
    assert!(fs::metadata(mounted.path("other")).is_err());
    reply.slices(&[&[1; 50][..], &[2; 25], &[3; 25]]);
    let content = content.recv_timeout(DEADLINE).unwrap();
    assert_eq!(content, [[1; 50].as_slice(), &[2; 25], &[3; 25]].concat());
}

#[test]
fn a_killed_reader_interrupts_its_request() {
    let (mut filesystem, reads) = handing_out_reads();
    filesystem.open_flags = OpenReplyFlags::DIRECT_IO;
    let (sender, interrupts) = mpsc::channel();
    let sender = Mutex::new(sender);
    filesystem.on_interrupt = Box::new(move |target| {
        sender.lock().unwrap().send(target).unwrap();
        Interrupt::Taken
    });
    let mounted = Mounted::new(&Arc::new(filesystem), 2);
    let mut reader = Command::new("cat")
        .arg(mounted.path("blocked"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let reply = reads.recv_timeout(DEADLINE).unwrap();
    reader.kill().unwrap();
    assert_eq!(interrupts.recv_timeout(DEADLINE).unwrap(), reply.unique());
    // It dies only when its request ends.
    reply.error(Errno::INTR);
    assert_eq!(reader.wait().unwrap().signal(), Some(libc::SIGKILL));
}
