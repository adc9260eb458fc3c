//! What a mount is told. Plain values: whoever parsed the options has checked them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::content_types::ContentTypes;
use crate::error::{Error, Result};

/// The configuration of one mounted file system. Every field is decided: defaults of options live where they
/// are parsed; [`FsConfig::new`] is for tests and tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FsConfig {
    /// The bucket.
    pub bucket: String,
    /// The key prefix that is the root: empty, or without a leading and with a trailing `/`.
    pub prefix: String,
    /// Refuse every change.
    pub read_only: bool,

    /// Owner of entries whose metadata names none: the mounting user.
    pub default_uid: u32,
    /// Group of entries whose metadata names none.
    pub default_gid: u32,
    /// `uid=`: owner of every entry.
    pub uid: Option<u32>,
    /// `gid=`: group of every entry.
    pub gid: Option<u32>,
    /// `umask=`: every entry's mode is `0o777 & !umask`.
    pub umask: Option<u16>,
    /// The root's mode. ossfs 1: `0o777 & !mp_umask` with `allow_other`, else `0o700`.
    pub root_mode: u16,
    /// Mode of a file without `x-oss-meta-mode`: ossfs 1 has `0o640`.
    pub file_mode: u16,
    /// Mode of a directory without `x-oss-meta-mode`: ossfs 1 has `0o750`.
    pub dir_mode: u16,

    /// Whether attributes that a listing does not show (mode, owner, times, symlinks and the like) are asked for, with a
    /// HEAD for each entry; otherwise they have the defaults above.
    pub details: bool,
    /// Keep extended attributes. Wants `details`.
    pub xattrs: bool,

    /// Entries whose attributes are kept. 0: every lookup asks OSS and the kernel keeps nothing.
    pub max_stat_cache_size: usize,
    /// How long attributes, listings and negative answers hold.
    pub stat_cache_expire: Duration,
    /// How long the kernel may keep attributes (at most `stat_cache_expire`; zero if nothing is cached).
    pub attr_timeout: Duration,
    /// How long the kernel may keep name → node.
    pub entry_timeout: Duration,
    /// How long the kernel may keep "no such name".
    pub negative_timeout: Duration,
    /// A name that was found to be absent need not be asked for again, for as long as other answers hold.
    pub remember_absence: bool,
    /// Objects `dir_$folder$`, and objects `dir` with nothing in them beside keys `dir/…`, stand for directories.
    pub compat_dirs: bool,
    /// Keep the page cache over an open if the `ETag` did not change.
    pub kernel_cache: bool,

    /// Names that are no UTF-8 are kept, escaped: by who calls the file system.
    pub wtf8: bool,
    /// How new symlinks are written; all forms are read.
    pub symlinks: SymlinkForm,
    /// Parts in flight for one large object, up or down.
    pub parallel_count: usize,
    /// Metadata requests in flight; at least `parallel_count`.
    pub multireq_max: usize,
    /// Bytes of an upload part, at least 100 KiB (OSS's lower bound).
    pub multipart_size: u64,
    /// Bytes of a part that is copied inside OSS.
    pub multipart_copy_size: u64,
    /// Bytes up to which one request copies an object inside OSS; its bound is 5 GiB, but that can take minutes.
    pub single_copy: u64,
    /// Bytes up to which new files are kept as Appendable objects (OSS's bound is 5 GiB); 0: none are.
    pub appendable: u64,
    /// Bytes of a small object: fetched whole at open, and written with one PUT.
    pub small_object_size: u64,
    /// Largest readahead of one stream, in bytes.
    pub max_readahead: u64,
    /// The budget for every buffer, in bytes.
    pub memory: u64,
    /// Where data goes that is neither in memory nor in OSS yet.
    pub tmpdir: PathBuf,
    /// What stays free on its disk.
    pub keep_free: KeepFree,
    /// `close` returns before OSS has the bytes; `fsync` still waits.
    pub close_early: bool,
    /// Each open asks OSS whether the file changed, whatever is remembered.
    pub close_to_open: bool,
    /// Content types by suffix: the client gives them to new objects, and a file that is renamed gets that of its new name.
    pub content_types: Arc<ContentTypes>,
}

impl FsConfig {
    /// The page's defaults over `bucket` and `prefix` (a missing trailing `/` is added).
    pub fn new(bucket: impl Into<String>, prefix: &str) -> Self {
        let mut prefix = prefix.trim_start_matches('/').to_owned();
        if !prefix.is_empty() && !prefix.ends_with('/') {
            prefix.push('/');
        }
        Self {
            bucket: bucket.into(),
            prefix,
            read_only: false,
            default_uid: 0,
            default_gid: 0,
            uid: None,
            gid: None,
            umask: None,
            root_mode: 0o700,
            file_mode: 0o640,
            dir_mode: 0o750,
            details: false,
            xattrs: false,
            max_stat_cache_size: 1000,
            stat_cache_expire: Duration::from_mins(15),
            attr_timeout: Duration::from_mins(1),
            entry_timeout: Duration::from_mins(1),
            negative_timeout: Duration::ZERO,
            remember_absence: true,
            compat_dirs: true,
            kernel_cache: false,
            wtf8: false,
            symlinks: SymlinkForm::Body,
            parallel_count: 20,
            multireq_max: 20,
            multipart_size: 10 << 20,
            multipart_copy_size: 512 << 20,
            single_copy: 1 << 30,
            appendable: 0,
            small_object_size: 4 << 20,
            max_readahead: 64 << 20,
            memory: 256 << 20,
            tmpdir: PathBuf::from("/tmp"),
            keep_free: KeepFree::default(),
            close_early: false,
            close_to_open: false,
            content_types: Arc::default(),
        }
    }

    /// Fails if `more` bytes in [`FsConfig::tmpdir`] are more than may be taken.
    pub(crate) fn check_room(&self, more: u64) -> Result<()> {
        self.keep_free.check(&self.tmpdir, more)
    }

    /// True if nothing may be remembered between calls.
    pub fn always_ask(&self) -> bool {
        self.max_stat_cache_size == 0
    }
}

/// What stays free on a disk for others. The larger of the two counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepFree {
    /// Bytes.
    pub bytes: u64,
    /// Percent of the disk, 0 to 100.
    pub percent: u8,
}

impl KeepFree {
    /// Fails with [`Error::NoSpace`] if `more` bytes in a folder would leave less free. A full disk fails by itself.
    pub(crate) fn check(self, folder: &std::path::Path, more: u64) -> Result<()> {
        if self == Self::default() {
            return Ok(());
        }
        // What can't be told stops nothing.
        let Ok(disk) = rustix::fs::statvfs(folder) else {
            return Ok(());
        };
        let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
        let share = bytes(disk.f_blocks) / 100 * u64::from(self.percent);
        let kept = self.bytes.max(share);
        if bytes(disk.f_bavail).saturating_sub(more) < kept {
            return Err(Error::NoSpace);
        }
        Ok(())
    }
}

/// How a symlink is kept in OSS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SymlinkForm {
    /// An object whose bytes are the path that it leads to, as ossfs 1 writes it.
    #[default]
    Body,
    /// An empty object whose metadata have the path, as ossfs 1 writes it with `symlink_in_meta`.
    Metadata,
    /// An object of OSS's own type, as ossfs 2 writes it; a path that leads out of the mount goes into the bytes.
    Native,
}
