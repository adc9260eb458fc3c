//! The structures of `linux/fuse.h` that this crate exchanges. Names and field order are the
//! header's (`fuse_read_in` is [`ReadIn`]); `pad` fields are there because the wire has them.

use super::wire::{Wire, wire_struct};

wire_struct! {
    struct InHeader {
        len: u32, opcode: u32, unique: u64, nodeid: u64, uid: u32, gid: u32, pid: u32,
        total_extlen: u16, pad: u16,
    }
    struct OutHeader { len: u32, error: i32, unique: u64, }
    struct AttrWire {
        ino: u64, size: u64, blocks: u64, atime: u64, mtime: u64, ctime: u64,
        atimensec: u32, mtimensec: u32, ctimensec: u32, mode: u32, nlink: u32,
        uid: u32, gid: u32, rdev: u32, blksize: u32, flags: u32,
    }
    struct EntryOut {
        nodeid: u64, generation: u64, entry_valid: u64, attr_valid: u64,
        entry_valid_nsec: u32, attr_valid_nsec: u32, attr: AttrWire,
    }
    struct AttrOut { attr_valid: u64, attr_valid_nsec: u32, pad: u32, attr: AttrWire, }
    struct Dirent { ino: u64, off: u64, namelen: u32, kind: u32, }

    struct InitIn { major: u32, minor: u32, max_readahead: u32, flags: u32, }
    struct InitOut {
        major: u32, minor: u32, max_readahead: u32, flags: u32, max_background: u16,
        congestion_threshold: u16, max_write: u32, time_gran: u32, max_pages: u16,
        map_alignment: u16, flags2: u32, max_stack_depth: u32, request_timeout: u16,
        unused0: u16, unused: [u32; 5],
    }

    struct ForgetIn { nlookup: u64, }
    struct ForgetOne { nodeid: u64, nlookup: u64, }
    struct BatchForgetIn { count: u32, pad: u32, }
    struct GetattrIn { flags: u32, pad: u32, fh: u64, }
    struct SetattrIn {
        valid: u32, pad: u32, fh: u64, size: u64, lock_owner: u64, atime: u64, mtime: u64,
        ctime: u64, atimensec: u32, mtimensec: u32, ctimensec: u32, mode: u32, unused4: u32,
        uid: u32, gid: u32, unused5: u32,
    }
    struct MknodIn { mode: u32, rdev: u32, umask: u32, pad: u32, }
    struct MkdirIn { mode: u32, umask: u32, }
    struct RenameIn { newdir: u64, }
    struct Rename2In { newdir: u64, flags: u32, pad: u32, }
    struct LinkIn { oldnodeid: u64, }
    struct OpenIn { flags: u32, open_flags: u32, }
    struct CreateIn { flags: u32, mode: u32, umask: u32, open_flags: u32, }
    struct OpenOut { fh: u64, open_flags: u32, backing_id: i32, }
    struct ReadIn {
        fh: u64, offset: u64, size: u32, read_flags: u32, lock_owner: u64, flags: u32, pad: u32,
    }
    struct WriteIn {
        fh: u64, offset: u64, size: u32, write_flags: u32, lock_owner: u64, flags: u32, pad: u32,
    }
    struct WriteOut { size: u32, pad: u32, }
    struct FlushIn { fh: u64, unused: u32, pad: u32, lock_owner: u64, }
    struct ReleaseIn { fh: u64, flags: u32, release_flags: u32, lock_owner: u64, }
    struct FsyncIn { fh: u64, fsync_flags: u32, pad: u32, }
    struct StatfsOut {
        blocks: u64, bfree: u64, bavail: u64, files: u64, ffree: u64, bsize: u32, namelen: u32,
        frsize: u32, pad: u32, spare: [u32; 6],
    }
    struct SetxattrIn { size: u32, flags: u32, }
    struct GetxattrIn { size: u32, pad: u32, }
    struct GetxattrOut { size: u32, pad: u32, }
    struct FileLock { start: u64, end: u64, kind: u32, pid: u32, }
    struct LkIn { fh: u64, owner: u64, lk: FileLock, lk_flags: u32, pad: u32, }
    struct LkOut { lk: FileLock, }
    struct AccessIn { mask: u32, pad: u32, }
    struct InterruptIn { unique: u64, }
    struct FallocateIn { fh: u64, offset: u64, length: u64, mode: u32, pad: u32, }
    struct LseekIn { fh: u64, offset: u64, whence: u32, pad: u32, }
    struct LseekOut { offset: u64, }

    struct NotifyInvalInodeOut { ino: u64, off: i64, len: i64, }
    struct NotifyInvalEntryOut { parent: u64, namelen: u32, flags: u32, }
    struct NotifyDeleteOut { parent: u64, child: u64, namelen: u32, pad: u32, }
    struct NotifyStoreOut { nodeid: u64, offset: u64, size: u32, pad: u32, }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sizes as `sizeof` prints them for the kernel's header.
    #[test]
    fn sizes_are_the_kernels() {
        assert_eq!(InHeader::SIZE, 40);
        assert_eq!(OutHeader::SIZE, 16);
        assert_eq!(AttrWire::SIZE, 88);
        assert_eq!(EntryOut::SIZE, 128);
        assert_eq!(AttrOut::SIZE, 104);
        assert_eq!(Dirent::SIZE, 24);
        assert_eq!(InitOut::SIZE, 64);
        assert_eq!(SetattrIn::SIZE, 88);
        assert_eq!(ReadIn::SIZE, 40);
        assert_eq!(WriteIn::SIZE, 40);
        assert_eq!(StatfsOut::SIZE, 80);
        assert_eq!(LkIn::SIZE, 48);
        assert_eq!(FallocateIn::SIZE, 32);
        assert_eq!(NotifyInvalInodeOut::SIZE, 24);
        assert_eq!(NotifyStoreOut::SIZE, 24);
        assert_eq!(super::super::WRITE_PAYLOAD_OFFSET, 80);
    }

    #[test]
    fn what_is_put_is_got_back() {
        let lock = LkIn {
            fh: 1,
            owner: 2,
            lk: FileLock {
                start: 3,
                end: 4,
                kind: 5,
                pid: 6,
            },
            lk_flags: 7,
            pad: 0,
        };
        assert_eq!(LkIn::get(&lock.encode()), Some(lock));
        assert_eq!(LkIn::get(&lock.encode()[..47]), None);
    }
}
