//! INIT: the one place where capabilities are settled.

use std::io::IoSlice;

use rustix::io::Errno;

use super::{Buffer, BufferPool, Device};
use crate::abi::{self, InitIn, InitOut, OutHeader};
use crate::flags::InitFlags;
use crate::handover::Negotiated;
use crate::request::{Operation, Received, RequestId};

/// When the kernel drops a file's cached pages by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CacheInvalidation {
    /// When it learns of a new size or modification time (`AUTO_INVAL_DATA`).
    #[default]
    Auto,
    /// Never: only on [`crate::Notifier::inval_inode`] or an open without `KEEP_CACHE`
    /// (`EXPLICIT_INVAL_DATA`).
    Explicit,
}

/// Whether listings bring attributes along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReaddirPlus {
    /// READDIR only.
    Off,
    /// Always READDIRPLUS: right where attributes cost nothing, as in a LIST.
    #[default]
    Always,
    /// READDIRPLUS at first, then where the program looks names up.
    Auto,
}

/// What the server would like; the kernel's offer limits it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitOptions {
    /// Most bytes in one WRITE and, by `max_pages`, in one READ. Default and usual upper limit:
    /// 1 MiB (`fs.fuse.max_pages_limit` can raise it).
    pub max_write: u32,
    /// Most bytes read ahead. The kernel never goes above its own figure, 128 KiB;
    /// [`crate::mount::set_read_ahead`] does.
    pub max_readahead: u32,
    /// Most background requests (readahead, writeback, asynchronous I/O) in flight. Default 64, so
    /// that a readahead of 16 MiB can be out whole while others read.
    pub max_background: u16,
    /// See [`ReaddirPlus`].
    pub readdirplus: ReaddirPlus,
    /// See [`CacheInvalidation`].
    pub invalidation: CacheInvalidation,
    /// The kernel gathers writes and owns size and mtime. Off: it breaks close-to-open.
    pub writeback_cache: bool,
    /// OPEN truncates. On.
    pub atomic_o_trunc: bool,
    /// The server applies the umask. Off.
    pub dont_mask: bool,
    /// Targets of symbolic links are cached. On.
    pub cache_symlinks: bool,
    /// The server drops setuid and setgid bits, and the kernel need not ask for
    /// `security.capability` before each write. On.
    pub handle_killpriv_v2: bool,
    /// Lookups and listings of one directory run in parallel. On; off only to show the difference.
    pub parallel_dirops: bool,
    /// POSIX locks come to the server. Off: the kernel keeps them, local to the mount.
    pub posix_locks: bool,
    /// `flock` comes to the server. Off: the kernel keeps them, local to the mount.
    pub flock_locks: bool,
    /// Files opened for direct I/O may be mapped. On.
    pub direct_io_allow_mmap: bool,
    /// The kernel delivers unanswered requests again, if it can. On; off only to be as on a kernel that
    /// can't.
    pub resend: bool,
}

impl Default for InitOptions {
    fn default() -> Self {
        Self {
            max_write: 1 << 20,
            max_readahead: 16 << 20,
            max_background: 64,
            readdirplus: ReaddirPlus::default(),
            invalidation: CacheInvalidation::default(),
            writeback_cache: false,
            atomic_o_trunc: true,
            dont_mask: false,
            cache_symlinks: true,
            handle_killpriv_v2: true,
            parallel_dirops: true,
            posix_locks: false,
            flock_locks: false,
            direct_io_allow_mmap: true,
            resend: true,
        }
    }
}

impl InitOptions {
    fn wanted(&self) -> InitFlags {
        // ASYNC_READ and PARALLEL_DIROPS are worth factors, see docs/adr/0001. EXPORT_SUPPORT, DAX,
        // ACLs and io_uring are never asked for.
        let mut wanted = InitFlags::ASYNC_READ
            | InitFlags::BIG_WRITES
            | InitFlags::ASYNC_DIO
            | InitFlags::ABORT_ERROR
            | InitFlags::MAX_PAGES
            | InitFlags::INIT_EXT
            | InitFlags::HAS_EXPIRE_ONLY;
        wanted.set(InitFlags::HAS_RESEND, self.resend);
        wanted |= match self.readdirplus {
            ReaddirPlus::Off => InitFlags::empty(),
            ReaddirPlus::Always => InitFlags::DO_READDIRPLUS,
            ReaddirPlus::Auto => InitFlags::DO_READDIRPLUS | InitFlags::READDIRPLUS_AUTO,
        };
        wanted |= match self.invalidation {
            CacheInvalidation::Auto => InitFlags::AUTO_INVAL_DATA,
            CacheInvalidation::Explicit => InitFlags::EXPLICIT_INVAL_DATA,
        };
        wanted.set(InitFlags::WRITEBACK_CACHE, self.writeback_cache);
        wanted.set(InitFlags::ATOMIC_O_TRUNC, self.atomic_o_trunc);
        wanted.set(InitFlags::DONT_MASK, self.dont_mask);
        wanted.set(InitFlags::CACHE_SYMLINKS, self.cache_symlinks);
        wanted.set(InitFlags::HANDLE_KILLPRIV_V2, self.handle_killpriv_v2);
        wanted.set(InitFlags::PARALLEL_DIROPS, self.parallel_dirops);
        wanted.set(InitFlags::POSIX_LOCKS, self.posix_locks);
        wanted.set(InitFlags::FLOCK_LOCKS, self.flock_locks);
        wanted.set(InitFlags::DIRECT_IO_ALLOW_MMAP, self.direct_io_allow_mmap);
        wanted
    }
}

/// Why INIT failed.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The kernel's protocol is older than 7.23.
    #[error("the kernel's FUSE protocol {major}.{minor} is too old; Linux 3.15 or newer is needed")]
    TooOld {
        /// Major version.
        major: u32,
        /// Minor version.
        minor: u32,
    },
    /// Something other than INIT came first.
    #[error("the kernel sent opcode {0} before INIT: the descriptor belongs to a running mount")]
    NotInit(u32),
    /// A message that can't be read.
    #[error("unreadable INIT from the kernel: {0}")]
    Malformed(String),
    /// The device can't be read or written; ENODEV when it was unmounted in the meantime.
    #[error("can't speak to /dev/fuse: {0}")]
    Io(#[from] std::io::Error),
}

/// Reads INIT and answers it.
pub(super) fn negotiate(device: &Device, options: &InitOptions) -> Result<Negotiated, InitError> {
    let mut buffer = Buffer::new(&BufferPool::new(0, 0));
    loop {
        let len = match device.read(buffer.room()) {
            Ok(len) => len,
            Err(Errno::INTR | Errno::NOENT) => continue,
            Err(Errno::AGAIN) => {
                device.wait_readable().map_err(std::io::Error::from)?;
                continue;
            }
            Err(errno) => return Err(InitError::Io(errno.into())),
        };
        let malformed = |error: crate::request::Malformed| InitError::Malformed(error.to_string());
        let received = Received::parse(buffer.filled(len)).map_err(malformed)?;
        let unique = received.header.unique;
        let Operation::Init(init, flags2) = received.operation().map_err(malformed)? else {
            return Err(InitError::NotInit(received.opcode));
        };
        if init.major > abi::MAJOR {
            // The kernel answers a lower major version with a second INIT in that version.
            let out = InitOut {
                major: abi::MAJOR,
                minor: abi::MINOR,
                ..InitOut::default()
            };
            send(device, unique, &out)?;
            continue;
        }
        let Some((negotiated, out)) = settle(&init, flags2, options) else {
            let header = OutHeader {
                len: OutHeader::SIZE as u32,
                error: -Errno::PROTO.raw_os_error(),
                unique: unique.0,
            };
            device
                .write(&[IoSlice::new(&header.encode())])
                .map_err(std::io::Error::from)?;
            return Err(InitError::TooOld {
                major: init.major,
                minor: init.minor,
            });
        };
        send(device, unique, &out)?;
        tracing::debug!(?negotiated, "FUSE session negotiated");
        return Ok(negotiated);
    }
}

/// Answers an INIT that comes again as it was answered before.
pub(super) fn answer_again(device: &Device, unique: RequestId, negotiated: &Negotiated) {
    if let Err(error) = send(device, unique, &reply(negotiated)) {
        tracing::error!(%error, "can't answer a repeated INIT");
    }
}

/// The kernel's offer and our wishes; `None` when its protocol is too old.
fn settle(init: &InitIn, flags2: u32, options: &InitOptions) -> Option<(Negotiated, InitOut)> {
    if init.major < abi::MAJOR || init.minor < abi::MINOR_MIN {
        return None;
    }
    let offered = InitFlags::from_words(init.flags, flags2);
    let flags = offered & options.wanted();
    let max_write = options.max_write.max(abi::PAGE_SIZE as u32);
    // Without MAX_PAGES the kernel's limit is 32 pages.
    let max_pages = if flags.contains(InitFlags::MAX_PAGES) {
        u16::try_from(max_write.div_ceil(abi::PAGE_SIZE as u32)).unwrap_or(u16::MAX)
    } else {
        32
    };
    let negotiated = Negotiated {
        minor: init.minor.min(abi::MINOR),
        offered: offered.bits(),
        flags: flags.bits(),
        max_write: max_write.min(u32::from(max_pages) * abi::PAGE_SIZE as u32),
        max_readahead: options.max_readahead.min(init.max_readahead),
        max_pages,
        max_background: options.max_background.max(1),
    };
    let out = reply(&negotiated);
    Some((negotiated, out))
}

fn reply(negotiated: &Negotiated) -> InitOut {
    let (flags, flags2) = negotiated.flags().words();
    InitOut {
        major: abi::MAJOR,
        minor: negotiated.minor,
        max_readahead: negotiated.max_readahead,
        flags,
        max_background: negotiated.max_background,
        // The kernel's own default ratio; above it the device counts as congested.
        congestion_threshold: (u32::from(negotiated.max_background) * 3 / 4).max(1) as u16,
        max_write: negotiated.max_write,
        time_gran: 1,
        max_pages: negotiated.max_pages,
        flags2,
        ..InitOut::default()
    }
}

fn send(device: &Device, unique: RequestId, out: &InitOut) -> std::io::Result<()> {
    let header = OutHeader {
        len: (OutHeader::SIZE + InitOut::SIZE) as u32,
        error: 0,
        unique: unique.0,
    };
    device.write(&[IoSlice::new(&header.encode()), IoSlice::new(&out.encode())])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(flags: u64) -> (InitIn, u32) {
        let (low, high) = InitFlags::from_bits_retain(flags).words();
        (
            InitIn {
                major: 7,
                minor: 45,
                max_readahead: 131_072,
                flags: low,
            },
            high,
        )
    }

    /// What counts is the answer on the wire, at the header's offsets, not what the code believes:
    /// ossfs 2 asks for `PARALLEL_DIROPS` and the bit is not in its reply.
    #[test]
    fn the_reply_on_the_wire_holds_the_capabilities() {
        let (init, flags2) = offer(!0);
        let (negotiated, out) =
            settle(&init, flags2, &InitOptions::default()).expect("7.45 is served");
        let bytes = out.encode();
        let word = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
        let low = word(12);
        for bit in [0, 3, 5, 12, 13, 15, 18, 22, 23, 28, 30] {
            assert_ne!(low & (1 << bit), 0, "bit {bit}");
        }
        for bit in [1, 4, 10, 14, 16, 20, 25, 29, 31] {
            assert_eq!(low & (1 << bit), 0, "bit {bit}");
        }
        let high = word(32);
        assert_ne!(high & (1 << (39 - 32)), 0, "HAS_RESEND");
        assert_ne!(high & (1 << (35 - 32)), 0, "HAS_EXPIRE_ONLY");
        assert_eq!(high & (1 << (33 - 32)), 0, "HAS_INODE_DAX");
        assert_eq!(high & (1 << (41 - 32)), 0, "OVER_IO_URING");
        assert_eq!(word(20), 1 << 20, "max_write");
        assert_eq!(u16::from_ne_bytes([bytes[28], bytes[29]]), 256, "max_pages");
        assert!(negotiated.offered().contains(InitFlags::PASSTHROUGH));
    }

    #[test]
    fn what_is_not_offered_is_not_taken() {
        let (init, flags2) = offer(InitFlags::BIG_WRITES.bits());
        let (negotiated, _) = settle(&init, flags2, &InitOptions::default()).expect("served");
        assert_eq!(negotiated.flags(), InitFlags::BIG_WRITES);
        assert_eq!((negotiated.max_pages, negotiated.max_write), (32, 131_072));
    }

    #[test]
    fn an_old_kernel_is_refused() {
        let (mut init, flags2) = offer(!0);
        init.minor = 22;
        assert!(settle(&init, flags2, &InitOptions::default()).is_none());
    }
}
