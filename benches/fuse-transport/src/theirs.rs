//! The tree behind fuser, set to the same capabilities.

use std::ffi::OsStr;
use std::path::Path;
use std::time::UNIX_EPOCH;

use fuser::{
    Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo,
    InitFlags, KernelConfig, LockOwner, MountOption, OpenFlags, ReplyAttr, ReplyData, ReplyEntry,
    ReplyOpen, Request, Session,
};

use crate::tree::{Node, Tree};
use crate::{LARGE_ID, THREADS, TTL, size, tree};

struct Bench {
    tree: Tree,
    large: Vec<u8>,
}

fn attr(id: u64, node: &Node) -> FileAttr {
    FileAttr {
        ino: INodeNo(id),
        size: size(id, node),
        blocks: 0,
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind: if node.mode & libc::S_IFMT == libc::S_IFDIR {
            FileType::Directory
        } else {
            FileType::RegularFile
        },
        perm: (node.mode & 0o7777) as u16,
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

impl Filesystem for Bench {
    fn init(&mut self, _req: &Request, config: &mut KernelConfig) -> std::io::Result<()> {
        let wanted = InitFlags::FUSE_PARALLEL_DIROPS
            | InitFlags::FUSE_ASYNC_READ
            | InitFlags::FUSE_BIG_WRITES
            | InitFlags::FUSE_MAX_PAGES
            | InitFlags::FUSE_AUTO_INVAL_DATA
            | InitFlags::FUSE_ATOMIC_O_TRUNC
            | InitFlags::FUSE_CACHE_SYMLINKS
            | InitFlags::FUSE_HANDLE_KILLPRIV_V2;
        let _ = config.add_capabilities(wanted);
        let _ = config.set_max_write(1 << 20);
        let _ = config.set_max_background(64);
        Ok(())
    }

    fn lookup(&self, _req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = self.tree.child(parent.0, name);
        match found.and_then(|id| self.tree.with(id, |node| attr(id, node))) {
            Ok(attr) => reply.entry(&TTL, &attr, Generation(0)),
            Err(_) => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _req: &Request, ino: INodeNo, _fh: Option<FileHandle>, reply: ReplyAttr) {
        match self.tree.with(ino.0, |node| attr(ino.0, node)) {
            Ok(attr) => reply.attr(&TTL, &attr),
            Err(_) => reply.error(Errno::ENOENT),
        }
    }

    fn open(&self, _req: &Request, _ino: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        reply.opened(
            FileHandle(1),
            FopenFlags::FOPEN_KEEP_CACHE | FopenFlags::FOPEN_NOFLUSH,
        );
    }

    fn read(
        &self,
        _req: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        if ino.0 == LARGE_ID {
            reply.data(&self.large[..size as usize]);
            return;
        }
        let _ = self.tree.with(ino.0, |node| {
            let start = (offset as usize).min(node.data.len());
            let end = (start + size as usize).min(node.data.len());
            reply.data(&node.data[start..end]);
        });
    }
}

pub fn serve(path: &Path) {
    let mut config = Config::default();
    config.mount_options = vec![MountOption::NoSuid, MountOption::NoDev];
    config.n_threads = Some(THREADS);
    config.clone_fd = true;
    let bench = Bench {
        tree: tree(),
        large: vec![b'y'; 1 << 20],
    };
    let session = Session::new(bench, path, &config).expect("root and /dev/fuse");
    println!("ready");
    session.run().expect("an orderly end");
}
