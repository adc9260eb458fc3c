//! Request in, response out.

use super::{RequestBody, ResponseBody};
use futures_util::future::BoxFuture;
use http::{Request, Response};
use thiserror::Error;

/// All that the client needs of a network.
pub trait Transport: Send + Sync {
    /// Sends one request and gives the head of its response; the body follows by itself.
    ///
    /// The URI holds path and query only; the host to connect to is the `Host` header. A
    /// [`FreshConnection`] among the request's extensions asks for a connection of its own.
    /// Dropping the future cancels the request. The transport bounds its waits itself, those of
    /// the response's body too.
    fn send(
        &self,
        request: Request<RequestBody>,
    ) -> BoxFuture<'_, Result<Response<ResponseBody>, TransportError>>;
}

/// Marks a request that must not go out on a connection that served others: the one before broke,
/// and its neighbours in the pool may be as stale.
#[derive(Debug, Clone, Copy)]
pub struct FreshConnection;

/// What failed below HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportErrorKind {
    /// The host's name has no address.
    Dns,
    /// No connection could be made.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// Nothing moved for too long.
    Timeout,
    /// The connection broke.
    Broken,
}

/// A failure below HTTP.
#[derive(Debug, Clone, Error)]
#[error("{message}")]
pub struct TransportError {
    /// What failed.
    pub kind: TransportErrorKind,
    /// One sentence; names the host.
    pub message: String,
    /// Whether the server may have seen (and carried out) the request.
    pub sent: bool,
    /// Whether the connection had served other requests: the server may just have closed it.
    pub kept: bool,
}

impl TransportError {
    /// A failure before anything was sent.
    pub fn before(kind: TransportErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            sent: false,
            kept: false,
        }
    }

    /// A failure after the request may have reached the server.
    pub fn after(kind: TransportErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            sent: true,
            kept: false,
        }
    }
}
