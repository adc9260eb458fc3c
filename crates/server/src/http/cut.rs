//! A request that gets no answer.

use thiserror::Error;

/// The connection ends instead of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the connection is cut on purpose")]
pub(crate) struct Cut;
