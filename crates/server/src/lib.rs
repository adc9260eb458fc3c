//! An embedded OSS-compatible server for trying, developing and testing.
//!
//! [`Server`] listens and answers; [`store`] keeps. A request goes through `http` (its head and its
//! body), [`route`] (which call it is), `auth` and `access` (whose it is and what that may do) and
//! one file of `ops`. Signatures, documents and codes come from `ossplit-protocol`, which the
//! client uses as well; nothing else is shared with it.

mod access;
mod auth;
mod console;
pub mod counters;
mod failure;
mod faults;
mod glob;
mod http;
mod keyfile;
pub mod lifecycle;
mod ops;
mod policy;
pub mod route;
mod server;
pub mod store;
mod sts;
#[cfg(test)]
mod tests;

pub use auth::{InvalidKeys, KeyRing};
pub use faults::{FaultPlan, InvalidFaults};
pub use keyfile::{DEFAULT_KEY_ID, load_or_make};
pub use ossplit_protocol::{
    names::{InvalidBucketName, check_bucket},
    sign::Key,
};
pub use server::{Config, Limits, Server, StartError, Tls};
