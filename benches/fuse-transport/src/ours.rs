//! The tree behind ossplit-fuse.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use ossplit_fuse::mount::{MountOptions, mount};
use ossplit_fuse::request::{Header, Open, Read, Release};
use ossplit_fuse::{
    Attr, Entry, Errno, Filesystem, InitOptions, OpenReplyFlags, ReplyAttr, ReplyData, ReplyEmpty,
    ReplyEntry, ReplyOpen, Session,
};

use crate::tree::{Node, Tree};
use crate::{LARGE_ID, THREADS, TTL, size, tree};

struct Bench {
    tree: Tree,
    large: Vec<u8>,
}

fn attr(id: u64, node: &Node) -> Attr {
    Attr {
        ino: id,
        size: size(id, node),
        mode: node.mode,
        nlink: 1,
        blksize: 4096,
        ..Attr::default()
    }
}

impl Filesystem for Bench {
    fn lookup(&self, header: Header, name: &OsStr, reply: ReplyEntry) {
        let found = self.tree.child(header.nodeid, name);
        let Ok(attr) = found.and_then(|id| self.tree.with(id, |node| attr(id, node))) else {
            reply.error(Errno::NOENT);
            return;
        };
        let entry = Entry {
            nodeid: attr.ino,
            generation: 0,
            entry_valid: TTL,
            attr_valid: TTL,
            attr,
        };
        reply.entry(&entry);
    }

    fn getattr(&self, header: Header, _fh: Option<u64>, reply: ReplyAttr) {
        match self
            .tree
            .with(header.nodeid, |node| attr(header.nodeid, node))
        {
            Ok(attr) => reply.attr(&attr, TTL),
            Err(_) => reply.error(Errno::NOENT),
        };
    }

    fn open(&self, _header: Header, _args: Open, reply: ReplyOpen) {
        reply.opened(1, OpenReplyFlags::KEEP_CACHE | OpenReplyFlags::NOFLUSH);
    }

    fn read(&self, header: Header, args: Read, reply: ReplyData) {
        if header.nodeid == LARGE_ID {
            reply.data(&self.large[..args.size as usize]);
            return;
        }
        let _ = self.tree.with(header.nodeid, |node| {
            let start = (args.offset as usize).min(node.data.len());
            let end = (start + args.size as usize).min(node.data.len());
            reply.data(&node.data[start..end])
        });
    }

    fn release(&self, _header: Header, _args: Release, reply: ReplyEmpty) {
        reply.ok();
    }
}

pub fn serve(path: &Path) {
    let mounted = mount(path, &MountOptions::default()).expect("root and /dev/fuse");
    let mut session = Session::init(mounted.device, &InitOptions::default()).expect("INIT");
    session.add_clones(THREADS - 1).expect("clones");
    let bench = Bench {
        tree: tree(),
        large: vec![b'y'; 1 << 20],
    };
    let running = session.start(&Arc::new(bench)).expect("threads");
    println!("ready");
    running.join().expect("an orderly end");
}
