//! What an open file asks of the kernel.

bitflags::bitflags! {
    /// Answer flags of OPEN, CREATE and OPENDIR (`FOPEN_*`), for that open file alone.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct OpenReplyFlags: u32 {
        /// Bypass the page cache.
        const DIRECT_IO = 1 << 0;
        /// Keep the pages cached by earlier opens; without it they are dropped now.
        const KEEP_CACHE = 1 << 1;
        /// No seeking.
        const NONSEEKABLE = 1 << 2;
        /// Keep the directory's listing in the page cache (OPENDIR only).
        const CACHE_DIR = 1 << 3;
        /// A stream: no file position at all.
        const STREAM = 1 << 4;
        /// No FLUSH at close (Linux 5.16; not honoured with the writeback cache).
        const NOFLUSH = 1 << 5;
        /// Direct writes to one file may run in parallel.
        const PARALLEL_DIRECT_WRITES = 1 << 6;
    }
}
