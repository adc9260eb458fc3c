//! Names, node ids and attributes, from listings wherever possible. Plain data: nothing here waits or asks.
//!
//! # What answers, and for how long
//! * Attributes come from listings. One lookup in a directory that was never listed lists its first page (up to 1,000
//!   entries), which answers every later lookup of a sibling. In a directory that is completely known, a name that is
//!   not there does not exist, and saying so costs nothing.
//! * An answer holds for `stat_cache_expire`, counted from when its request was *sent*. At most `max_stat_cache_size`
//!   entries are kept; the clock algorithm chooses who goes. Nodes that the kernel holds stay, but lose their
//!   attributes.
//! * What this mount does itself (create, write, rename, delete) is known at once and needs no answer; an answer
//!   whose request was sent before the change is not believed about it.
//! * An object replaced by somebody else while it is open here gets a new node, as a rename over it would give: the
//!   page cache of the old node can never mix the two versions.
//!
//! # `max_stat_cache_size=0`: always ask
//! The kernel keeps nothing (all timeouts zero), and each lookup of a *file* asks OSS: HEAD if the name was an object
//! before, else one LIST. Two things are not asked, because they would not make the answer more truthful:
//! * `fstat` and the like (GETATTR without a lookup) of a node whose lookup was answered within [`GRACE`], which is
//!   the same system call, or which is open: an open file is a pinned version.
//! * A directory whose existence was proven within [`GRACE`], by any answer that showed a key below it. A directory is
//!   nothing but a prefix of keys. Walking `train/data/x.gz` asks about `x.gz`, and that answer proves `train` and
//!   `train/data` anew; if they are gone, so is the file, and the walk ends with the same ENOENT. A `stat` of the
//!   directory itself can be up to [`GRACE`] behind another client's change; changes of this mount show at once.
//!
//! # Names that can't be shown
//! Keys with an empty, `.` or `..` component, one over 255 bytes or with a NUL are skipped, with one log line a
//! listing. An object `a` hides the prefix `a/`, as in ossfs.

mod arena;
mod changes;
mod dentries;
mod details;
mod forget;
pub(crate) mod inodes;
mod learn;
mod list;
mod lookup;
pub(crate) mod names;
mod negative;
mod order;
mod shared;
mod state;
pub(crate) mod tag;
mod tombstones;

use std::time::Duration;

use dentries::Dentries;
use inodes::{Flags, Inodes};
pub(crate) use inodes::{Meta, Pages, Slot};
pub(crate) use learn::{Details, Facts, Others, Seen};
pub(crate) use list::{Found, Listed, Listing, Shown, Snapshot};
pub(crate) use lookup::{Known, POINT_KEYS, Question};
use negative::Negatives;
pub(crate) use order::{Following, Next};
pub(crate) use shared::SharedNamespace;
pub(crate) use state::NodeRecord;
pub(crate) use tombstones::Ticket;
use tombstones::Tombstones;

use crate::clock::Moment;
use crate::config::FsConfig;
use crate::error::{Error, Result};
use crate::ledger::Batch;
use crate::types::{Attr, AttrReply, Entry, FileKind, NodeId, ObjectVersion, UnixNanos};

/// With `max_stat_cache_size=0`: how long a directory's existence, and an attribute between a lookup and the `stat`
/// that caused it, need not be asked again.
pub(crate) const GRACE: Duration = Duration::from_secs(1);

/// With `max_stat_cache_size=0`: entries remembered, not to answer but to know what to ask (HEAD or LIST) and what to
/// fetch ahead.
const HINTS: usize = 4096;

/// The parts of the configuration that decide what an entry looks like and how long it holds.
#[derive(Clone, Debug)]
struct Rules {
    prefix: Box<str>,
    root_mode: u16,
    file_mode: u16,
    dir_mode: u16,
    umask: Option<u16>,
    uid: Option<u32>,
    gid: Option<u32>,
    default_uid: u32,
    default_gid: u32,
    always_ask: bool,
    /// Whether a name that was absent is asked for again at every lookup.
    forgets_absence: bool,
    /// Whether attributes that a listing does not show are asked for.
    details: bool,
    expire: Duration,
    /// How long a name is known to be absent.
    absent: Duration,
    attr_timeout: Duration,
    entry_timeout: Duration,
    limit: usize,
    /// The time of directories that have no object of their own.
    mounted: UnixNanos,
}

/// Everything the mount knows about names.
pub(crate) struct Namespace {
    rules: Rules,
    inodes: Inodes,
    dentries: Dentries,
    negatives: Negatives,
    tombstones: Tombstones,
    /// How many inodes have `Flags::VALID`.
    valid: usize,
    /// The clock's hand: the slot that is looked at next.
    hand: u32,
    /// What is written to the ledger when the table is unlocked, beside the inodes that changed; and whether others put
    /// something in.
    news: (Batch, bool),
}

impl Namespace {
    /// An empty namespace of a mount made at `mounted`.
    pub(crate) fn new(config: &FsConfig, mounted: UnixNanos) -> Self {
        let always_ask = config.always_ask();
        let limit = if always_ask {
            HINTS
        } else {
            config.max_stat_cache_size
        };
        let expire = if always_ask {
            GRACE
        } else {
            config.stat_cache_expire
        };
        let rules = Rules {
            prefix: config.prefix.as_str().into(),
            root_mode: config.root_mode,
            file_mode: config.file_mode,
            dir_mode: config.dir_mode,
            umask: config.umask,
            uid: config.uid,
            gid: config.gid,
            default_uid: config.default_uid,
            default_gid: config.default_gid,
            always_ask,
            forgets_absence: always_ask || !config.remember_absence,
            details: config.details,
            expire,
            absent: if config.remember_absence {
                expire
            } else {
                expire.min(GRACE)
            },
            attr_timeout: if always_ask {
                Duration::ZERO
            } else {
                config.attr_timeout
            },
            entry_timeout: if always_ask {
                Duration::ZERO
            } else {
                config.entry_timeout
            },
            limit,
            mounted,
        };
        Self {
            negatives: Negatives::new(limit),
            rules,
            inodes: Inodes::new(),
            dentries: Dentries::new(),
            tombstones: Tombstones::default(),
            valid: 0,
            hand: 0,
            news: Default::default(),
        }
    }

    /// The slot of a node that lives.
    pub(crate) fn resolve(&self, node: NodeId) -> Result<Slot> {
        self.inodes.resolve(node).ok_or(Error::BadHandle)
    }

    pub(crate) fn id(&self, slot: Slot) -> NodeId {
        self.inodes.id(slot)
    }

    /// The slot of a directory that lives and still has its name.
    pub(crate) fn directory(&self, node: NodeId) -> Result<Slot> {
        let slot = self.resolve(node)?;
        let inode = self.inodes.get(slot);
        if !inode.is_dir() {
            return Err(Error::NotDirectory);
        }
        if !inode.has(Flags::LINKED) {
            return Err(Error::NotFound);
        }
        Ok(slot)
    }

    pub(crate) fn is_dir(&self, slot: Slot) -> bool {
        self.inodes.get(slot).is_dir()
    }

    pub(crate) fn is_linked(&self, slot: Slot) -> bool {
        self.inodes.get(slot).has(Flags::LINKED)
    }

    pub(crate) fn is_local(&self, slot: Slot) -> bool {
        self.inodes.get(slot).has(Flags::LOCAL)
    }

    pub(crate) fn parent(&self, slot: Slot) -> Slot {
        self.inodes.get(slot).parent
    }

    pub(crate) fn name(&self, slot: Slot) -> &str {
        self.inodes.name(slot)
    }

    /// The linked child of that name.
    pub(crate) fn child(&self, dir: Slot, name: &str) -> Option<Slot> {
        self.dentries.get(&self.inodes, dir, name)
    }

    /// The key of an inode, with a trailing `/` for a directory and empty for the root of a whole bucket.
    /// `None` if it has no name any more.
    pub(crate) fn key(&self, slot: Slot) -> Option<String> {
        let mut path = Vec::new();
        let mut at = slot;
        while at != Slot::ROOT {
            let inode = self.inodes.get(at);
            if !inode.has(Flags::LINKED) {
                return None;
            }
            path.push(at);
            at = inode.parent;
        }
        let mut key = String::from(&*self.rules.prefix);
        for step in path.into_iter().rev() {
            let inode = self.inodes.get(step);
            key.push_str(self.inodes.name(step));
            if inode.is_dir() {
                key.push('/');
            }
        }
        Some(key)
    }

    /// The key that a file called `name` in `dir` has.
    pub(crate) fn child_key(&self, dir: Slot, name: &str) -> Result<String> {
        let mut key = self.key(dir).ok_or(Error::NotFound)?;
        key.push_str(name);
        names::check_key(&key)?;
        Ok(key)
    }

    /// The version that the attributes describe; `None` for a directory, a deleted file, and one not in OSS yet.
    pub(crate) fn version(&self, slot: Slot) -> Option<ObjectVersion> {
        let inode = self.inodes.get(slot);
        if inode.is_dir() || inode.tag == tag::Tag::None {
            return None;
        }
        let extra = inode.extra.as_deref();
        Some(ObjectVersion {
            key: self.key(slot)?.into(),
            etag: inode.tag.text().into(),
            version_id: extra.and_then(|extra| extra.version_id.clone()),
            size: inode.size,
            mtime: inode.mtime,
            crc64: extra.and_then(|extra| extra.crc64),
            appendable: inode.has(Flags::APPENDABLE),
        })
    }

    /// Whether a file's version is the one with this `ETag`, and nobody here is changing it.
    pub(crate) fn has_etag(&self, slot: Slot, etag: &str) -> bool {
        let inode = self.inodes.get(slot);
        !inode.is_dir() && !inode.has(Flags::LOCAL) && inode.tag == tag::Tag::new(etag)
    }

    /// What an inode stands for; `None` where only metadata that nobody asked for would tell.
    pub(crate) fn kind(&self, slot: Slot) -> Option<FileKind> {
        let inode = self.inodes.get(slot);
        let known = inode.is_dir()
            || inode.has(Flags::DETAILED)
            || inode.has(Flags::LOCAL)
            || inode.has(Flags::LINK);
        if known || !self.rules.details {
            return Some(self.attr(slot).kind);
        }
        None
    }

    /// What an object of a listing stands for, as far as a listing tells.
    pub(crate) fn kind_of_listed(&self, facts: &Facts) -> Option<FileKind> {
        if facts.link {
            return Some(FileKind::Symlink);
        }
        (!self.rules.details).then_some(FileKind::File)
    }

    /// The key of a file that is one of OSS's own symlinks, if nobody asked yet where it leads.
    pub(crate) fn unread_link(&self, slot: Slot) -> Option<String> {
        let inode = self.inodes.get(slot);
        let unread = inode.has(Flags::LINK) && inode.meta().target.is_none();
        unread.then(|| self.key(slot)).flatten()
    }

    /// Whether a file is one of OSS's own symlinks.
    pub(crate) fn is_link(&self, slot: Slot) -> bool {
        self.inodes.get(slot).has(Flags::LINK)
    }

    /// What `stat` shows.
    pub(crate) fn attr(&self, slot: Slot) -> Attr {
        let rules = &self.rules;
        let inode = self.inodes.get(slot);
        let meta = inode.meta();
        let dir = inode.is_dir();
        let special = if inode.has(Flags::LINK) {
            Some(FileKind::Symlink)
        } else {
            meta.special
        };
        let mode = if slot == Slot::ROOT {
            meta.mode.unwrap_or(rules.root_mode)
        } else if special == Some(FileKind::Symlink) {
            // As everywhere: nobody asks a link's mode.
            0o777
        } else if let Some(umask) = rules.umask {
            0o777 & !umask
        } else {
            meta.mode
                .unwrap_or(if dir { rules.dir_mode } else { rules.file_mode })
        };
        let written = if inode.mtime == 0 {
            rules.mounted
        } else {
            inode.mtime
        };
        let mtime = meta.mtime.unwrap_or(written);
        Attr {
            node: self.inodes.id(slot),
            kind: if dir {
                FileKind::Directory
            } else {
                special.unwrap_or(FileKind::File)
            },
            rdev: meta.rdev,
            size: match &meta.target {
                Some(target) => target.len() as u64,
                None if dir => 0,
                None => inode.size,
            },
            mode,
            uid: rules.uid.or(meta.uid).unwrap_or(rules.default_uid),
            gid: rules.gid.or(meta.gid).unwrap_or(rules.default_gid),
            nlink: u32::from(inode.has(Flags::LINKED)),
            atime: meta.atime.unwrap_or(mtime),
            mtime,
            ctime: meta.ctime.unwrap_or(mtime),
        }
    }

    /// How much longer what is known of an inode holds.
    fn holds_for(&self, slot: Slot, now: Moment) -> Duration {
        let inode = self.inodes.get(slot);
        if slot == Slot::ROOT || inode.has(Flags::LOCAL) {
            return self.rules.expire;
        }
        if !inode.has(Flags::VALID) {
            return Duration::ZERO;
        }
        self.rules.expire.saturating_sub(now.since(inode.proven))
    }

    /// The attributes with the time for which the kernel may keep them.
    pub(crate) fn attr_reply(&self, slot: Slot, now: Moment) -> AttrReply {
        AttrReply {
            attr: self.attr(slot),
            ttl: self.attr_ttl(slot, now),
        }
    }

    fn attr_ttl(&self, slot: Slot, now: Moment) -> Duration {
        let inode = self.inodes.get(slot);
        if inode.has(Flags::LOCAL) && !inode.is_dir() {
            // Its size changes with each write on another handle.
            return Duration::ZERO;
        }
        self.rules.attr_timeout.min(self.holds_for(slot, now))
    }

    /// The answer to a lookup: counts as one.
    pub(crate) fn entry(&mut self, slot: Slot, now: Moment) -> Entry {
        let inode = self.inodes.peek_mut(slot);
        inode.lookups = inode.lookups.saturating_add(1);
        inode.set(Flags::RECENT, true);
        self.inodes.counted(slot);
        Entry {
            attr: self.attr(slot),
            attr_ttl: self.attr_ttl(slot, now),
            entry_ttl: self.rules.entry_timeout.min(self.holds_for(slot, now)),
        }
    }

    /// The answer to a create. The kernel may keep the attributes of this file: each write and truncation goes through it,
    /// after which it asks again. If it had to ask at once, as for other files that are being written, every create would be
    /// followed by a GETATTR.
    pub(crate) fn new_entry(&mut self, slot: Slot, now: Moment) -> Entry {
        let entry = self.entry(slot, now);
        Entry {
            attr_ttl: self.rules.attr_timeout.min(entry.entry_ttl),
            ..entry
        }
    }

    /// True if `stat` of this node needs no request. See the module's page for what that means with
    /// `max_stat_cache_size=0`.
    pub(crate) fn attr_is_fresh(&self, slot: Slot, now: Moment) -> bool {
        let inode = self.inodes.get(slot);
        if !inode.has(Flags::LINKED) || (inode.holds > 0 && !inode.is_dir()) {
            // Deleted, or a pinned version: the bucket has nothing to add.
            return true;
        }
        !self.holds_for(slot, now).is_zero()
    }

    /// True if an open may pin what is known of this file. With `max_stat_cache_size=0` the lookup just before asked.
    pub(crate) fn version_is_fresh(&self, slot: Slot, now: Moment) -> bool {
        !self.holds_for(slot, now).is_zero()
    }

    /// The version of an object in an archive class of which nobody knows whether it can be read.
    pub(crate) fn archived(&self, slot: Slot) -> Option<ObjectVersion> {
        let archived = self.inodes.get(slot).has(Flags::ARCHIVED);
        self.version(slot).filter(|_| archived)
    }

    /// There is a restored copy of this version.
    pub(crate) fn restored(&mut self, slot: Slot, version: &ObjectVersion) {
        let same = self
            .version(slot)
            .is_some_and(|known| known.etag == version.etag);
        if same {
            self.inodes.peek_mut(slot).set(Flags::ARCHIVED, false);
        }
    }

    /// A request is about to be sent whose answer will be learned.
    pub(crate) fn begin(&mut self, now: Moment) -> Ticket {
        self.tombstones.begin(now)
    }

    /// It was, or never will be.
    pub(crate) fn end(&mut self, ticket: Ticket) {
        self.tombstones.end(ticket);
    }

    /// Keeps the slot for an open handle.
    pub(crate) fn hold(&mut self, slot: Slot) {
        self.inodes.peek_mut(slot).holds += 1;
        self.inodes.counted(slot);
    }

    /// Ends one [`Namespace::hold`].
    pub(crate) fn unhold(&mut self, slot: Slot) {
        let inode = self.inodes.peek_mut(slot);
        inode.holds = inode.holds.saturating_sub(1);
        self.drop_if_unused(slot);
    }

    /// How many entries the table has room for. It never shrinks.
    fn slots(&self) -> usize {
        self.inodes.len()
    }

    /// How many inodes live.
    #[cfg(test)]
    pub(crate) fn live(&self) -> usize {
        self.inodes.live()
    }

    /// A node's lookup count.
    #[cfg(test)]
    pub(crate) fn lookups(&self, slot: Slot) -> u32 {
        self.inodes.get(slot).lookups
    }

    fn set_valid(&mut self, slot: Slot, on: bool) {
        let inode = self.inodes.peek_mut(slot);
        if slot != Slot::ROOT && inode.has(Flags::VALID) != on {
            inode.set(Flags::VALID, on);
            if on {
                self.valid += 1;
            } else {
                self.valid -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests;
