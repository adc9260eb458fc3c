//! Mounting a bucket: options in every dialect, the bridge between kernel and file system, the
//! mount's processes.
//!
//! [`dialect`] reads a command line into [`options::Written`] words, [`options::validate`] turns them
//! into a [`Plan`] or says everything that is wrong with them, and [`process::mount`] carries the plan
//! out. What needs no mount (unfinished uploads) is in [`utility`].

mod bridge;
pub mod dialect;
pub mod keeper;
pub mod options;
pub mod prefetch;
pub mod process;
pub mod utility;

pub use options::{Fault, Plan};
pub use ossplit_fuse::mount::{Found, find};
