//! Types of the file system into types of the kernel's protocol, and back.

use ossplit_fs as fs;
use ossplit_fuse as fuse;
use std::time::{SystemTime, UNIX_EPOCH};

fn file_type(kind: fs::FileKind) -> u32 {
    match kind {
        fs::FileKind::File => libc::S_IFREG,
        fs::FileKind::Directory => libc::S_IFDIR,
        fs::FileKind::Symlink => libc::S_IFLNK,
        fs::FileKind::Fifo => libc::S_IFIFO,
        fs::FileKind::CharDevice => libc::S_IFCHR,
        fs::FileKind::BlockDevice => libc::S_IFBLK,
        fs::FileKind::Socket => libc::S_IFSOCK,
    }
}

/// The flags of setxattr(2).
pub(super) fn xattr_mode(flags: u32) -> fs::XattrMode {
    match flags.cast_signed() {
        libc::XATTR_CREATE => fs::XattrMode::Create,
        libc::XATTR_REPLACE => fs::XattrMode::Replace,
        _ => fs::XattrMode::Any,
    }
}

/// What mknod(2) is to make.
pub(super) fn node_kind(mode: u32) -> Option<fs::FileKind> {
    match mode & libc::S_IFMT {
        0 | libc::S_IFREG => Some(fs::FileKind::File),
        libc::S_IFIFO => Some(fs::FileKind::Fifo),
        libc::S_IFCHR => Some(fs::FileKind::CharDevice),
        libc::S_IFBLK => Some(fs::FileKind::BlockDevice),
        libc::S_IFSOCK => Some(fs::FileKind::Socket),
        _ => None,
    }
}

pub(super) fn kind(kind: Option<fs::FileKind>) -> fuse::FileKind {
    match kind {
        None => fuse::FileKind::Unknown,
        Some(fs::FileKind::File) => fuse::FileKind::Regular,
        Some(fs::FileKind::Directory) => fuse::FileKind::Directory,
        Some(fs::FileKind::Symlink) => fuse::FileKind::Symlink,
        Some(fs::FileKind::Fifo) => fuse::FileKind::Fifo,
        Some(fs::FileKind::CharDevice) => fuse::FileKind::CharDevice,
        Some(fs::FileKind::BlockDevice) => fuse::FileKind::BlockDevice,
        Some(fs::FileKind::Socket) => fuse::FileKind::Socket,
    }
}

pub(super) fn attr(attr: &fs::Attr) -> fuse::Attr {
    let time = |nanos: i64| fuse::Timestamp::from_unix_nanos(i128::from(nanos));
    fuse::Attr {
        ino: attr.node.get(),
        size: attr.size,
        blocks: attr.size.div_ceil(512),
        atime: time(attr.atime),
        mtime: time(attr.mtime),
        ctime: time(attr.ctime),
        mode: file_type(attr.kind) | u32::from(attr.mode),
        nlink: attr.nlink,
        uid: attr.uid,
        gid: attr.gid,
        rdev: attr.rdev,
        blksize: 4096,
    }
}

pub(super) fn entry(entry: &fs::Entry) -> fuse::Entry {
    fuse::Entry {
        nodeid: entry.attr.node.get(),
        // Node ids are never used twice.
        generation: 0,
        entry_valid: entry.entry_ttl,
        attr_valid: entry.attr_ttl,
        attr: attr(&entry.attr),
    }
}

/// An entry of a listing whose node the kernel will look up when it needs it.
pub(super) fn unknown_entry(ino: u64, kind: Option<fs::FileKind>) -> fuse::Entry {
    fuse::Entry {
        attr: fuse::Attr {
            ino,
            mode: kind.map_or(0, file_type),
            ..Default::default()
        },
        ..Default::default()
    }
}

/// Up to where a file is to have bytes. What is in OSS costs by what is there, so there is nothing to reserve; holes can't
/// be made where bytes are.
pub(super) fn allocated_end(args: &fuse::request::Fallocate) -> Result<u64, fuse::Errno> {
    match args.mode {
        0 => args
            .offset
            .checked_add(args.length)
            .ok_or(fuse::Errno::FBIG),
        libc::FALLOC_FL_KEEP_SIZE => Ok(0),
        _ => Err(fuse::Errno::OPNOTSUPP),
    }
}

pub(super) fn open_flags(flags: i32) -> fs::OpenFlags {
    let access = flags & libc::O_ACCMODE;
    fs::OpenFlags {
        read: access != libc::O_WRONLY,
        write: access != libc::O_RDONLY,
        append: flags & libc::O_APPEND != 0,
        truncate: flags & libc::O_TRUNC != 0,
        exclusive: flags & libc::O_EXCL != 0,
    }
}

pub(super) fn open_reply(opened: &fs::Opened) -> fuse::OpenReplyFlags {
    let mut flags = fuse::OpenReplyFlags::empty();
    flags.set(fuse::OpenReplyFlags::KEEP_CACHE, opened.keep_cache);
    flags.set(fuse::OpenReplyFlags::NOFLUSH, opened.no_flush);
    flags
}

pub(super) fn creator(header: &fuse::Header, mode: u32) -> fs::Creator {
    fs::Creator {
        uid: header.uid,
        gid: header.gid,
        mode: (mode & 0o7777) as u16,
    }
}

pub(super) fn set_attr(args: &fuse::request::SetAttr) -> fs::SetAttr {
    let now = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| {
            i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
        })
    };
    let time = |time: fuse::request::SetTime| match time {
        fuse::request::SetTime::Now => now(),
        fuse::request::SetTime::At(at) => i64::try_from(at.unix_nanos()).unwrap_or(i64::MAX),
    };
    fs::SetAttr {
        size: args.size,
        mode: args.mode.map(|mode| (mode & 0o7777) as u16),
        uid: args.uid,
        gid: args.gid,
        atime: args.atime.map(time),
        mtime: args.mtime.map(time),
        chosen: [args.atime, args.mtime]
            .iter()
            .any(|time| matches!(time, Some(fuse::request::SetTime::At(_)))),
    }
}

pub(super) fn statfs(figures: &fs::StatFs) -> fuse::Statfs {
    fuse::Statfs {
        blocks: figures.blocks,
        bfree: figures.blocks_free,
        bavail: figures.blocks_free,
        files: figures.files,
        ffree: figures.files_free,
        bsize: figures.block_size,
        namelen: figures.name_max,
        frsize: figures.block_size,
    }
}
