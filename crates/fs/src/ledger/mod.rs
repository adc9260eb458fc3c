//! The state that outlives the serving process, in memory files that somebody else holds.

mod request;
mod vault;

pub use request::Request;
pub use vault::{ResumeError, Vault};
