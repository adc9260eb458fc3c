//! The network: one small trait, and the implementation that real clients use.
//!
//! [`Transport`] is the narrow waist: a request goes in, a response comes out. The client above it
//! signs, retries and reads documents; [`Network`] below it keeps connections. Tests put their own
//! transport in between, or in place.

mod body;
mod kept;
mod pool;
mod tls;
mod transport;
mod wire;

pub(crate) use body::collect_limited;
pub use body::{RequestBody, ResponseBody};
pub use pool::Network;
pub use transport::{FreshConnection, Transport, TransportError, TransportErrorKind};

#[cfg(test)]
mod tests;
