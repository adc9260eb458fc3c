//! Black-box test helpers: the real binary as a child process, real mounts, real deadlines.
//!
//! Nothing here links the crates under test. Each helper panics with what it waited for when a deadline
//! passes, so that a failing test says what did not happen.

pub mod console;
pub mod csi;
pub mod mounted;
pub mod oss;
pub mod program;
pub mod server;
pub mod wait;

pub use mounted::{Mounted, is_mounted};
pub use program::{Finished, ossplit, run, run_with};
pub use server::{Server, ServerOptions};
pub use wait::{DEADLINE, until, until_some};
