//! Errors as Python sees them: `ossplit.errors` has the classes, and one function there makes the right one.

use ossplit::ErrorKind;
use pyo3::{
    exceptions::{PyOSError, PyRuntimeError, PyValueError},
    prelude::*,
    sync::PyOnceLock,
    types::PyBytes,
};
use std::path::Path;

/// Why a call failed.
pub(crate) enum Failure {
    Oss(ossplit::Error),
    Transfer(ossplit_transfer::Error),
    Python(PyErr),
}

impl From<ossplit::Error> for Failure {
    fn from(error: ossplit::Error) -> Self {
        Self::Oss(error)
    }
}

impl From<ossplit_transfer::Error> for Failure {
    fn from(error: ossplit_transfer::Error) -> Self {
        Self::Transfer(error)
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

/// The name of the Python class of a kind.
fn class(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NoSuchKey => "NoSuchKey",
        ErrorKind::NoSuchBucket => "NoSuchBucket",
        ErrorKind::NoSuchUpload => "NoSuchUpload",
        ErrorKind::BucketNotEmpty => "BucketNotEmpty",
        ErrorKind::Unauthenticated => "AuthenticationError",
        ErrorKind::AccessDenied => "AccessDenied",
        ErrorKind::Precondition => "PreconditionFailed",
        ErrorKind::NotModified => "NotModified",
        ErrorKind::AlreadyExists => "AlreadyExists",
        ErrorKind::InvalidRange => "InvalidRange",
        ErrorKind::AppendConflict => "AppendConflict",
        ErrorKind::Archived => "Archived",
        ErrorKind::Throttled => "Throttled",
        ErrorKind::Timeout => "RequestTimeout",
        ErrorKind::Dns | ErrorKind::Connection | ErrorKind::Tls => "ConnectionFailed",
        ErrorKind::Clock => "ClockSkew",
        ErrorKind::Corrupt => "ChecksumMismatch",
        ErrorKind::InvalidInput => "InvalidInput",
        ErrorKind::Refused => "RequestRefused",
        ErrorKind::Server => "ServiceError",
    }
}

impl Failure {
    pub(crate) fn into_py(self, py: Python<'_>) -> PyErr {
        let made = match self {
            Self::Python(error) => return error,
            Self::Oss(error) => of_oss(py, &error),
            Self::Transfer(error) => of_transfer(py, &error),
        };
        made.unwrap_or_else(|failed| failed)
    }
}

fn make<'py>(py: Python<'py>, class: &str) -> PyResult<Bound<'py, PyAny>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = MODULE.get_or_try_init(py, || py.import("ossplit.errors").map(Bound::unbind))?;
    module.bind(py).getattr(class)
}

fn of_oss(py: Python<'_>, error: &ossplit::Error) -> PyResult<PyErr> {
    let answer = error.answer();
    let headers: Option<Vec<(String, String)>> = answer.map(|a| crate::answer::pairs(&a.headers));
    let document = answer.map(|a| PyBytes::new(py, &a.document));
    let fields = (
        error.to_string(),
        error.operation().map(ossplit::Operation::name),
        error.bucket(),
        error.key(),
        error.status(),
        error.code(),
        error.ec(),
        error.request_id(),
        error.tries(),
        error.next_append_position(),
        headers,
        document,
    );
    let made = make(py, class(error.kind()))?.call1(fields)?;
    Ok(PyErr::from_value(made))
}

fn of_transfer(py: Python<'_>, error: &ossplit_transfer::Error) -> PyResult<PyErr> {
    use ossplit_transfer::Error;
    let class = match error {
        Error::Oss(error) => return of_oss(py, error),
        Error::File { path, source, .. } => return Ok(of_io(path, source)),
        Error::FileChanged(_) => "FileChanged",
        Error::ObjectChanged { .. } => "PreconditionFailed",
        Error::Corrupt { .. } => "ChecksumMismatch",
        Error::Busy(_) => "Busy",
        Error::Interrupted => return Ok(PyRuntimeError::new_err(error.to_string())),
    };
    let made = make(py, class)?.call1((error.to_string(),))?;
    Ok(PyErr::from_value(made))
}

/// Of checkpoints.
pub(crate) fn checkpoint_error(py: Python<'_>, error: &ossplit_checkpoint::Error) -> PyErr {
    of_checkpoint(py, error).unwrap_or_else(|failed| failed)
}

fn of_checkpoint(py: Python<'_>, error: &ossplit_checkpoint::Error) -> PyResult<PyErr> {
    use ossplit_checkpoint::Error;
    let class = match error {
        Error::Oss(error) => return of_oss(py, error),
        Error::Transfer(error) => return of_transfer(py, error),
        Error::File { path, source, .. } => return Ok(of_io(path, source)),
        Error::DiskFull { .. } | Error::MemoryLimit { .. } => "StagingError",
        Error::FileChanged(_) => "FileChanged",
        Error::Address(_) | Error::Name { .. } | Error::Empty(_) | Error::Setting { .. } => {
            return Ok(PyValueError::new_err(error.to_string()));
        }
        Error::NoStep { .. } => "NoSuchCheckpoint",
        Error::Corrupt { .. } => "CheckpointCorrupt",
        Error::MissingRanks { missing, .. } => {
            let made = make(py, "MissingRanks")?.call1((error.to_string(), missing.clone()))?;
            return Ok(PyErr::from_value(made));
        }
        Error::NoCommit { .. } => "MissingRanks",
        Error::Skipped(_) => "CheckpointSkipped",
        Error::Format { .. } | Error::Ranks { .. } | Error::Superseded(_) | Error::Lost(_) => {
            "CheckpointError"
        }
        Error::Interrupted => return Ok(PyRuntimeError::new_err(error.to_string())),
    };
    let made = make(py, class)?.call1((error.to_string(),))?;
    Ok(PyErr::from_value(made))
}

/// `OSError` with number, text and name: Python picks `FileNotFoundError` and the like by itself.
fn of_io(path: &Path, error: &std::io::Error) -> PyErr {
    match error.raw_os_error() {
        Some(number) => {
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or("").to_owned();
            PyOSError::new_err((number, text, path.to_string_lossy().into_owned()))
        }
        None => PyOSError::new_err(format!("{}: {error}", path.display())),
    }
}
