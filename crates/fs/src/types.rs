//! The words that every part of this crate shares. A leaf: it imports no other module.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

/// Nanoseconds since 1970-01-01 00:00 UTC; negative before.
pub type UnixNanos = i64;

/// An inode's number within one mount, as the kernel knows it. Never reused.
///
/// The upper 32 bits are the generation of a slot of the inode table, the lower 32 the slot plus one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(NonZeroU64);

impl NodeId {
    /// The mount's root, which is always node 1.
    pub const ROOT: Self = Self(NonZeroU64::MIN);

    /// The node with this number, or `None` for 0, which the kernel uses for "no node".
    pub const fn new(raw: u64) -> Option<Self> {
        match NonZeroU64::new(raw) {
            Some(raw) => Some(Self(raw)),
            None => None,
        }
    }

    /// The number that goes to the kernel.
    pub const fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.get())
    }
}

/// An open file's number within one mount. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileHandle(pub u64);

/// An open directory's number within one mount. Never reused, and distinct from every [`FileHandle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DirHandle(pub u64);

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// An object.
    File,
    /// A key prefix, with or without a marker object of its own.
    Directory,
    /// An object whose metadata say that its bytes are the path it leads to.
    Symlink,
    /// An empty object whose metadata say so.
    Fifo,
    /// An empty object whose metadata say so.
    CharDevice,
    /// An empty object whose metadata say so.
    BlockDevice,
    /// An empty object whose metadata say so.
    Socket,
}

/// What `stat` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attr {
    /// Inode number.
    pub node: NodeId,
    /// File, directory and so on.
    pub kind: FileKind,
    /// The device's number, of device nodes.
    pub rdev: u32,
    /// Bytes; 0 for a directory.
    pub size: u64,
    /// Permission bits (at most `0o7777`), without the file type.
    pub mode: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Always 1: a bucket can't tell how many subdirectories there are, and tools take 1 for "unknown".
    pub nlink: u32,
    /// Last access; as `mtime` unless set.
    pub atime: UnixNanos,
    /// Last change of the data.
    pub mtime: UnixNanos,
    /// Last change of data or attributes.
    pub ctime: UnixNanos,
}

/// [`Attr`] with the time for which the kernel may keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttrReply {
    /// The attributes.
    pub attr: Attr,
    /// How long they may be kept; zero: ask again each time.
    pub ttl: Duration,
}

/// The answer to a lookup; each one adds 1 to the node's lookup count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The node's attributes.
    pub attr: Attr,
    /// How long the attributes may be kept.
    pub attr_ttl: Duration,
    /// How long name → node may be kept.
    pub entry_ttl: Duration,
}

/// One version of one object, pinned. Every range request for it carries `If-Match: etag`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectVersion {
    /// The whole key in the bucket, the mount's prefix included.
    pub key: Arc<str>,
    /// The `ETag` as OSS sent it, quotes and all: what `If-Match` takes.
    pub etag: Arc<str>,
    /// The version id, where the bucket has versions and an answer named it.
    pub version_id: Option<Arc<str>>,
    /// Bytes.
    pub size: u64,
    /// `Last-Modified`.
    pub mtime: UnixNanos,
    /// CRC-64/XZ of the whole object, when an answer (HEAD, GET, PUT, complete) named it. LIST does not.
    pub crc64: Option<u64>,
    /// An Appendable object: bytes can be added at its end.
    pub appendable: bool,
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenFlags {
    /// Reads are wanted (`O_RDONLY` or `O_RDWR`).
    pub read: bool,
    /// Writes are wanted (`O_WRONLY` or `O_RDWR`).
    pub write: bool,
    /// `O_APPEND`: each write goes to the end, whatever its offset says.
    pub append: bool,
    /// `O_TRUNC`: the file is emptied.
    pub truncate: bool,
    /// `O_EXCL`, in `create` only: fail if the name exists.
    pub exclusive: bool,
}

/// The answer to an open or a create.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The new handle.
    pub handle: FileHandle,
    /// True if what the page cache holds of this node is still what the handle will read.
    pub keep_cache: bool,
    /// True if `flush` has nothing to do (a handle without writes): the kernel need not send it.
    pub no_flush: bool,
}

/// What `setattr` changes; `None` leaves a field as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetAttr {
    /// New size.
    pub size: Option<u64>,
    /// New permission bits.
    pub mode: Option<u16>,
    /// New owner.
    pub uid: Option<u32>,
    /// New group.
    pub gid: Option<u32>,
    /// New access time.
    pub atime: Option<UnixNanos>,
    /// New modification time.
    pub mtime: Option<UnixNanos>,
    /// A program chose one of the times; otherwise they are that of the call.
    pub chosen: bool,
}

/// How `rename` treats an existing target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RenameFlags {
    /// `RENAME_NOREPLACE`: fail with `Exists` if there is one.
    pub no_replace: bool,
    /// `RENAME_EXCHANGE`: both names stay, and change what they lead to. Not of directories.
    pub exchange: bool,
}

/// Who makes a new entry, and with which permission bits (the umask of the process already applied).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Creator {
    /// Owner of the new entry.
    pub uid: u32,
    /// Group of the new entry.
    pub gid: u32,
    /// Permission bits.
    pub mode: u16,
}

/// One entry of a directory, lent to the sink of `readdir`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirEntry<'a> {
    /// The name, as in the key.
    pub name: &'a str,
    /// `None` where only the object's metadata would tell, and nobody asked for them.
    pub kind: Option<FileKind>,
    /// An inode number for `d_ino`; 0 if the entry has no node yet.
    pub ino: u64,
    /// The offset at which the next call goes on, after this entry.
    pub next_offset: u64,
    /// With `plus`: the node, looked up once more if the sink takes the entry. `None` for `.` and `..`, and
    /// where nothing may be cached (the kernel then sends a lookup when it needs the node).
    pub entry: Option<Entry>,
}

/// Figures for `statfs`. A bucket has no size: these are large round numbers that `df` can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatFs {
    /// Bytes per block.
    pub block_size: u32,
    /// Blocks in all.
    pub blocks: u64,
    /// Blocks free.
    pub blocks_free: u64,
    /// Inodes in all.
    pub files: u64,
    /// Inodes free.
    pub files_free: u64,
    /// Longest name, in bytes.
    pub name_max: u32,
}
