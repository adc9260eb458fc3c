//! Capabilities exchanged by INIT.

bitflags::bitflags! {
    /// Capabilities that the kernel offers in INIT and the server takes in its answer. The upper
    /// half travels as `flags2` and counts only beside [`InitFlags::INIT_EXT`].
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct InitFlags: u64 {
        /// Several reads of one file may be outstanding.
        const ASYNC_READ = 1 << 0;
        /// POSIX locks are sent to the server rather than kept by the kernel.
        const POSIX_LOCKS = 1 << 1;
        /// The server truncates at OPEN with `O_TRUNC`; without it a SETATTR comes as well.
        const ATOMIC_O_TRUNC = 1 << 3;
        /// The server answers lookups of `.` and `..` (NFS export).
        const EXPORT_SUPPORT = 1 << 4;
        /// Writes larger than 4 KiB.
        const BIG_WRITES = 1 << 5;
        /// The server applies the umask.
        const DONT_MASK = 1 << 6;
        /// BSD locks (`flock`) are sent to the server.
        const FLOCK_LOCKS = 1 << 10;
        /// The kernel drops a file's pages when its size or mtime changed.
        const AUTO_INVAL_DATA = 1 << 12;
        /// READDIRPLUS: attributes together with the names.
        const DO_READDIRPLUS = 1 << 13;
        /// READDIRPLUS only where the program also asks for attributes.
        const READDIRPLUS_AUTO = 1 << 14;
        /// Direct I/O requests in flight together.
        const ASYNC_DIO = 1 << 15;
        /// The kernel gathers writes in the page cache.
        const WRITEBACK_CACHE = 1 << 16;
        /// ENOSYS to OPEN means: never ask again, opens cost nothing.
        const NO_OPEN_SUPPORT = 1 << 17;
        /// Lookups and listings of one directory run in parallel.
        const PARALLEL_DIROPS = 1 << 18;
        /// The server drops setuid, setgid and capabilities on write (first form).
        const HANDLE_KILLPRIV = 1 << 19;
        /// The kernel checks POSIX ACLs kept in xattrs.
        const POSIX_ACL = 1 << 20;
        /// Reads of the device after an abort give ECONNABORTED rather than ENODEV.
        const ABORT_ERROR = 1 << 21;
        /// `max_pages` is given: requests up to 1 MiB (more where the sysctl allows).
        const MAX_PAGES = 1 << 22;
        /// Targets of symbolic links are cached.
        const CACHE_SYMLINKS = 1 << 23;
        /// ENOSYS to OPENDIR means: never ask again.
        const NO_OPENDIR_SUPPORT = 1 << 24;
        /// Pages are dropped only on the server's word.
        const EXPLICIT_INVAL_DATA = 1 << 25;
        /// The server drops setuid and setgid on write, truncate and chown (second form).
        const HANDLE_KILLPRIV_V2 = 1 << 28;
        /// SETXATTR carries its extended structure.
        const SETXATTR_EXT = 1 << 29;
        /// `flags2` is valid.
        const INIT_EXT = 1 << 30;
        /// Files mapped from a DAX window, per inode.
        const HAS_INODE_DAX = 1 << 33;
        /// CREATE and its like carry a supplementary group.
        const CREATE_SUPP_GROUP = 1 << 34;
        /// INVAL_ENTRY can expire an entry in place of dropping it.
        const HAS_EXPIRE_ONLY = 1 << 35;
        /// Files opened for direct I/O may be mapped.
        const DIRECT_IO_ALLOW_MMAP = 1 << 36;
        /// Reads and writes of an open file can be served by the kernel from a backing file.
        const PASSTHROUGH = 1 << 37;
        /// The server wants file handles refused.
        const NO_EXPORT_SUPPORT = 1 << 38;
        /// FUSE_NOTIFY_RESEND: unanswered requests can be delivered again (Linux 6.9).
        const HAS_RESEND = 1 << 39;
        /// Requests over io_uring.
        const OVER_IO_URING = 1 << 41;

        /// Bits that are newer than this crate.
        const _ = !0;
    }
}

impl InitFlags {
    /// From the two words of the wire; the second counts only when the first says so.
    pub(crate) fn from_words(flags: u32, flags2: u32) -> Self {
        let low = Self::from_bits_retain(u64::from(flags));
        if low.contains(Self::INIT_EXT) {
            low | Self::from_bits_retain(u64::from(flags2) << 32)
        } else {
            low
        }
    }

    /// The two words of the wire.
    pub(crate) fn words(self) -> (u32, u32) {
        (self.bits() as u32, (self.bits() >> 32) as u32)
    }
}
