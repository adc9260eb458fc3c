//! Bytes between Python and Rust without a copy.
//!
//! The buffer protocol is in the stable ABI from `CPython` 3.11 on, but its functions and its struct have been exported
//! unchanged since 3.0 (PEP 3118, Include/cpython/object.h), so they are declared here for 3.9 and 3.10 as well.

use bytes::Bytes;
use pyo3::{
    exceptions::{PyBufferError, PyTypeError},
    ffi,
    prelude::*,
    types::{PyBytes, PyString},
};
use std::ffi::{c_char, c_int, c_void};

#[repr(C)]
struct View {
    buf: *mut c_void,
    obj: *mut ffi::PyObject,
    len: ffi::Py_ssize_t,
    itemsize: ffi::Py_ssize_t,
    readonly: c_int,
    ndim: c_int,
    format: *mut c_char,
    shape: *mut ffi::Py_ssize_t,
    strides: *mut ffi::Py_ssize_t,
    suboffsets: *mut ffi::Py_ssize_t,
    internal: *mut c_void,
}

const SIMPLE: c_int = 0;
const WRITABLE: c_int = 1;

unsafe extern "C" {
    fn PyObject_GetBuffer(object: *mut ffi::PyObject, view: *mut View, flags: c_int) -> c_int;
    fn PyBuffer_Release(view: *mut View);
    fn PyMemoryView_FromObject(object: *mut ffi::PyObject) -> *mut ffi::PyObject;
}

/// Memory that a Python object keeps where it is.
struct Held {
    start: *mut u8,
    length: usize,
    /// A `memoryview` that nobody else has: while it lives, its object can neither move nor shrink. Dropped without the GIL
    /// it is released when somebody next has it.
    _view: Py<PyAny>,
}

// SAFETY: the memory stays where it is whatever thread looks at it.
unsafe impl Send for Held {}
// SAFETY: as above.
unsafe impl Sync for Held {}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: `_view` holds `length` bytes at `start`. A program that writes to them while they are sent gets a CRC64
        // error or sends the one or the other; both are bytes.
        unsafe { std::slice::from_raw_parts(self.start, self.length) }
    }
}

impl Held {
    fn new(object: &Bound<'_, PyAny>, flags: c_int) -> PyResult<Self> {
        let py = object.py();
        // SAFETY: a new reference or an error.
        let view =
            unsafe { Bound::from_owned_ptr_or_err(py, PyMemoryView_FromObject(object.as_ptr())) };
        let view = view.map_err(|_| {
            let kind = object.get_type();
            PyTypeError::new_err(format!(
                "a bytes-like object is needed, not {kind}; give bytes, bytearray, memoryview or an array"
            ))
        })?;
        let mut raw = std::mem::MaybeUninit::<View>::uninit();
        // SAFETY: fills `raw` or sets an error; wants contiguous bytes.
        if unsafe { PyObject_GetBuffer(view.as_ptr(), raw.as_mut_ptr(), flags) } != 0 {
            let why = PyErr::fetch(py);
            return Err(PyBufferError::new_err(format!(
                "the buffer can't be used: {}; it must be contiguous{}",
                why.value(py),
                if flags == WRITABLE {
                    " and writable"
                } else {
                    ""
                }
            )));
        }
        // SAFETY: it was filled. Releasing it leaves `view`'s own hold on the memory.
        let (start, length) = unsafe {
            let view = raw.assume_init_mut();
            let found = (view.buf.cast::<u8>(), view.len as usize);
            PyBuffer_Release(view);
            found
        };
        Ok(Self {
            start: if length == 0 {
                std::ptr::NonNull::dangling().as_ptr()
            } else {
                start
            },
            length,
            _view: view.unbind(),
        })
    }
}

/// The bytes of a Python object, not copied; a string's in UTF-8.
pub(crate) fn bytes_of(object: &Bound<'_, PyAny>) -> PyResult<Bytes> {
    if let Ok(text) = object.cast::<PyString>() {
        return Ok(Bytes::copy_from_slice(text.to_cow()?.as_bytes()));
    }
    Ok(Bytes::from_owner(Held::new(object, SIMPLE)?))
}

/// Memory of Python's to be filled.
pub(crate) struct Target {
    held: Held,
    filled: usize,
}

impl Target {
    /// The memory of an object that can be written to.
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        Held::new(object, WRITABLE).map(|held| Self { held, filled: 0 })
    }

    /// How many bytes there is room for yet.
    pub(crate) fn room(&self) -> usize {
        self.held.length - self.filled
    }

    pub(crate) fn filled(&self) -> usize {
        self.filled
    }

    /// Copies what fits; gives how much that was.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> usize {
        let n = bytes.len().min(self.room());
        // SAFETY: within the memory that is held, which no Rust reference points to.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.held.start.add(self.filled), n);
        }
        self.filled += n;
        n
    }
}

/// A Python `bytes` that is being filled. Nobody else has it before it is finished.
pub(crate) struct NewBytes {
    object: Py<PyBytes>,
    start: *mut u8,
    length: usize,
    filled: usize,
}

// SAFETY: the memory belongs to the object, which stays where it is.
unsafe impl Send for NewBytes {}

impl NewBytes {
    pub(crate) fn new(py: Python<'_>, length: usize) -> PyResult<Self> {
        // SAFETY: a new object whose bytes are not set yet, or an error.
        let object = unsafe {
            let raw = ffi::PyBytes_FromStringAndSize(std::ptr::null(), length as ffi::Py_ssize_t);
            Bound::from_owned_ptr_or_err(py, raw)?.cast_into_unchecked::<PyBytes>()
        };
        // SAFETY: the object is `bytes`.
        let start = unsafe { ffi::PyBytes_AsString(object.as_ptr()) }.cast::<u8>();
        Ok(Self {
            object: object.unbind(),
            start,
            length,
            filled: 0,
        })
    }

    /// Copies what fits; gives how much that was.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> usize {
        let n = bytes.len().min(self.length - self.filled);
        // SAFETY: within the object's memory, which nobody else knows.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.start.add(self.filled), n) };
        self.filled += n;
        n
    }

    /// The object, cut to what was filled.
    pub(crate) fn finish(self, py: Python<'_>) -> Bound<'_, PyBytes> {
        let object = self.object.into_bound(py);
        if self.filled == self.length {
            object
        } else {
            // SAFETY: these bytes were set.
            let set = unsafe { std::slice::from_raw_parts(self.start, self.filled) };
            PyBytes::new(py, set)
        }
    }
}
