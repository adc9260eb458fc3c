//! The second reference: a file system in memory behind the same FUSE transport, in a process of its
//! own. What it reaches, no mount on this transport can pass.

#[allow(dead_code, unreachable_pub, reason = "not all of it is needed here")]
#[path = "../../crates/fuse/tests/mounted/memfs.rs"]
mod memfs;

use crate::tree;
use memfs::MemFs;
use ossplit_fuse::{
    InitOptions, OpenReplyFlags, Session,
    mount::{MountOptions, mount, set_read_ahead},
};
use std::{
    collections::{BTreeMap, HashMap},
    ffi::OsStr,
    path::Path,
    sync::Arc,
    time::Duration,
};

/// As a mount of ossplit sets it, in bytes.
const READ_AHEAD: u64 = 16 << 20;

/// Mounts on `point` and serves `objects` until unmounted; says `ready` when it can be used.
pub(crate) fn serve(point: &Path, objects: BTreeMap<String, u64>) {
    let mut files = MemFs::new();
    files.ttl = Duration::from_hours(1);
    files.open_flags = OpenReplyFlags::KEEP_CACHE | OpenReplyFlags::NOFLUSH;
    // Large files have a size and no bytes: all that is read of them is one buffer.
    let mut large = HashMap::new();
    for (key, size) in objects {
        let id = add(&files, &key, size);
        if size > 1 << 20 {
            large.insert(id, size);
        }
    }
    let buffer = vec![7; 1 << 20];
    files.on_read = Box::new(move |header, args, reply| {
        let Some(size) = large.get(&header.nodeid) else {
            return Some(reply);
        };
        let length = size.saturating_sub(args.offset).min(u64::from(args.size));
        reply.data(&buffer[..length as usize]);
        None
    });
    let mounted = mount(point, &MountOptions::default()).unwrap();
    let mut session = Session::init(mounted.device, &InitOptions::default()).unwrap();
    set_read_ahead(mounted.unmounter.connection(), READ_AHEAD).unwrap();
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    session.add_clones(threads.clamp(2, 16) - 1).unwrap();
    let running = session.start(&Arc::new(files)).unwrap();
    println!("ready");
    running.join().unwrap();
}

/// Makes a file with the directories above it.
fn add(files: &MemFs, key: &str, size: u64) -> u64 {
    let mut parent = tree::ROOT;
    let (folders, name) = key.rsplit_once('/').unwrap_or(("", key));
    for folder in folders.split('/').filter(|folder| !folder.is_empty()) {
        let folder = OsStr::new(folder);
        let mode = rustix::fs::FileType::Directory.as_raw_mode() | 0o755;
        parent = files.tree.child(parent, folder).unwrap_or_else(|_| {
            let made = files.tree.add(parent, folder, mode, &[]);
            made.unwrap()
        });
    }
    let mode = rustix::fs::FileType::RegularFile.as_raw_mode() | 0o644;
    let id = files.tree.add(parent, OsStr::new(name), mode, &[]).unwrap();
    // Zeros that nobody touches take no memory.
    let zeros = |node: &mut tree::Node| node.data = vec![0; size as usize];
    files.tree.change(id, zeros).unwrap();
    id
}
