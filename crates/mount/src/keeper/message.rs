//! The words on a keeper's socket: JSON, one message a packet, descriptors beside it.

use serde::{Deserialize, Serialize};

/// Most bytes of one message.
pub(super) const LONGEST: usize = 64 << 10;

/// Most descriptors in one message of [`Answer::Files`].
pub(super) const FILES_AT_ONCE: usize = 64;

/// What is asked of a keeper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Request {
    /// Holds a mount from now on.
    Register { mount: String, note: String },
    /// Closes everything that belongs to a mount.
    Release { mount: String },
    /// Which mounts are held: an [`Answer::Mount`] each, then [`Answer::Done`].
    List,
    /// Everything that is held for a mount: [`Answer::Files`], then [`Answer::Done`].
    Fetch { mount: String },
    /// Whoever holds this connection serves the mount, until it is closed.
    Attach { mount: String },
    /// Nobody serves it through this connection any more.
    Detach,
    /// Holds the one descriptor that comes along under this name; an earlier one is closed.
    Hold { mount: String, name: String },
    /// Closes what is held under this name.
    LetGo { mount: String, name: String },
    /// Has the program whose descriptor comes along take over.
    Upgrade,
}

/// What a keeper says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Done,
    /// A sentence.
    Failed {
        why: String,
    },
    Mount(HeldMount),
    /// As many descriptors come along, in this order.
    Files {
        names: Vec<String>,
    },
    Upgraded {
        /// From the last request that the old process took to the first that the new one could.
        pause_micros: u64,
    },
}

/// A mount that a keeper holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldMount {
    /// Its name.
    pub mount: String,
    /// What whoever registered it noted.
    pub note: String,
    /// The process that serves it at present.
    pub served_by: Option<u32>,
    /// How many descriptors are held for it.
    pub files: usize,
}
