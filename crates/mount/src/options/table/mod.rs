//! The table of options, a file a category. The order here is the order of `docs/options.md`.

mod credentials;
mod endpoint;
mod kernel;
mod local;
mod logging;
mod metadata;
pub(crate) mod ossfs2;
mod ours;
mod reading;
mod writing;

use super::spec::{Kind, Spec};

const COUNT: Kind = Kind::Number {
    min: 1,
    max: 100_000,
};
const SECONDS: Kind = Kind::Number {
    min: 0,
    max: 1_000_000_000,
};
const ANY_NUMBER: Kind = Kind::Number {
    min: 0,
    max: u64::MAX,
};

/// Every option, by category.
pub fn all() -> [(&'static str, &'static [Spec]); 9] {
    [
        ("Endpoint and requests", endpoint::OPTIONS),
        ("Credentials", credentials::OPTIONS),
        ("Names, attributes and their caches", metadata::OPTIONS),
        ("Reading", reading::OPTIONS),
        ("Writing", writing::OPTIONS),
        ("Local disk", local::OPTIONS),
        ("Kernel and mount", kernel::OPTIONS),
        ("Logs", logging::OPTIONS),
        ("ossplit's own", ours::OPTIONS),
    ]
}
