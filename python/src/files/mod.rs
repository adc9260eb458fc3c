//! What stands behind file objects: reading with readahead, writing in parts.

mod reader;
mod writer;

pub(crate) use reader::Reader;
pub(crate) use writer::Writer;

use pyo3::{exceptions::PyRuntimeError, prelude::*};

/// Refuses a file of the process that forked: its connections and tasks stayed there.
fn check_owner(owner: u32) -> PyResult<()> {
    if owner == std::process::id() {
        return Ok(());
    }
    Err(PyRuntimeError::new_err(
        "this file was opened before the fork: open it again in the child",
    ))
}
