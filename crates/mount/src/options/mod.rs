//! Options, parsed once.
//!
//! An option is one value in a table ([`spec::Spec`], in `table`, a file a category). A dialect turns
//! what was typed into [`Written`] words; [`validate`] is the only place with defaults, bounds and
//! conflicts, and returns all faults at once or a [`Plan`]. Help and `docs/options.md` come from the
//! table.

mod carried;
mod docs;
mod fault;
mod header_rules;
mod hint;
mod objects;
mod plan;
pub mod spec;
mod table;
mod validated;
pub(crate) mod values;
mod written;

pub use carried::Carried;
pub use docs::markdown;
pub use fault::{Fault, Problem};
pub use header_rules::HeaderRules;
pub use objects::NewObjects;
pub use ossplit::{Key, credentials::key_from_environment};
pub use plan::{Credentials, LogLevel, Plan};
pub use spec::{Effect, Kind, Spec};
pub use table::all;
pub use validated::{Surroundings, validate};
pub use written::{Written, look_up};

/// ossfs 2's words.
pub(crate) mod ossfs2 {
    pub(crate) use super::{
        hint::for_ossfs2 as hint,
        table::ossfs2::{Means, SWITCH, WORDS, find},
    };
}

#[cfg(test)]
mod tests;
