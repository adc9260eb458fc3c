//! `ossplit._ossplit`, the native module of the Python package `ossplit`. Its names are the package's own business: programs use
//! what `ossplit` shows.
#![allow(unsafe_code, reason = "Python's buffers and fork")]

mod answer;
mod buffer;
mod checkpoint;
mod client;
mod convert;
mod credentials;
mod errors;
mod files;
mod run;
mod runtime;
mod source;
mod transfers;

use pyo3::prelude::*;

/// The native module.
#[pymodule]
mod _ossplit {
    use crate::buffer::bytes_of;
    #[pymodule_export]
    use crate::{
        answer::Answer,
        checkpoint::{Checkpoints, Save},
        client::Client,
        files::{Reader, Writer},
        transfers::Transfers,
    };
    use ossplit::crc64;
    use pyo3::prelude::*;

    /// CRC64 of ECMA-182, as OSS has it, of bytes that come after others whose CRC64 is `before`.
    #[pyfunction]
    #[pyo3(signature = (data, before=0))]
    fn crc64_of(data: &Bound<'_, PyAny>, before: u64) -> PyResult<u64> {
        let data = bytes_of(data)?;
        let own = crc64::checksum(&data);
        Ok(match before {
            0 => own,
            before => crc64::combine(before, own, data.len() as u64),
        })
    }

    /// CRC64 of two pieces, from those of each and the length of the second in bytes.
    #[pyfunction]
    fn crc64_combine(first: u64, second: u64, second_length: u64) -> u64 {
        crc64::combine(first, second, second_length)
    }

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::runtime::end_calls_at_exit(module.py())?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
