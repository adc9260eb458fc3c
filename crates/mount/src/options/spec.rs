//! What an option is.

/// What may be written behind the `=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Flag,
    /// Nothing, `true` or `false`.
    Bool,
    /// Nothing, or anything.
    FlagOrText,
    /// Anything but nothing.
    Text,
    /// A whole number within these bounds.
    Number {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// Bytes, with a suffix such as `K`, `MiB`, `G`; at least this many.
    Size {
        /// The least, in bytes.
        min: u64,
    },
    /// Octal permission bits, such as 022.
    Octal,
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// What an option does here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// What its help says.
    Honoured,
    /// Nothing, for this reason; said in one line at start.
    Accepted(&'static str),
    /// The kernel or `mount(8)` acts on it.
    Kernel,
}

/// One option.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// Its name in ossfs 1, or ours.
    pub name: &'static str,
    /// Other spellings.
    pub aliases: &'static [&'static str],
    /// What may be written behind the `=`.
    pub kind: Kind,
    /// The value when it is not written; empty: none.
    pub default: &'static str,
    /// What it does here.
    pub effect: Effect,
    /// One sentence for people.
    pub help: &'static str,
}

impl Spec {
    /// An option that does what its help says.
    pub(super) const fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self {
            name,
            aliases: &[],
            kind,
            default: "",
            effect: Effect::Honoured,
            help,
        }
    }

    /// An option that means something to ossfs and nothing here.
    pub(super) const fn accepted(
        name: &'static str,
        kind: Kind,
        help: &'static str,
        reason: &'static str,
    ) -> Self {
        Self {
            effect: Effect::Accepted(reason),
            ..Self::new(name, kind, help)
        }
    }

    /// A word for the kernel.
    pub(super) const fn kernel(name: &'static str, help: &'static str) -> Self {
        Self {
            effect: Effect::Kernel,
            ..Self::new(name, Kind::Flag, help)
        }
    }

    pub(super) const fn or(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    pub(super) const fn default(self, default: &'static str) -> Self {
        Self { default, ..self }
    }
}
