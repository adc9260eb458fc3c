//! The one answer that a request gets, and what becomes of it.

use std::io::IoSlice;
use std::sync::Arc;

use rustix::io::Errno;

use crate::abi::UNIQUE_RESEND;
use crate::abi::{EntryOut, OpenOut, OutHeader, Wire};
use crate::request::RequestId;
use crate::session::{Device, Slot};

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// The kernel has it.
    Delivered,
    /// Nobody waits for it: the connection has ended, or the request was answered already (a
    /// delivery after RESEND answered twice). What the answer granted, a lookup count or a file
    /// handle, was not granted.
    Gone,
    /// The kernel refused it (the cause is logged); the request was answered with EIO instead.
    Refused,
}

/// Unanswered request: where to answer and under which id.
#[derive(Debug)]
pub(crate) struct Responder {
    unique: u64,
    /// `None` once answered.
    device: Option<Arc<Device>>,
    /// Where the request is kept until then, if it is.
    slot: Option<Arc<Slot>>,
}

/// Most slices that `writev` takes (`UIO_MAXIOV`), less the one of the header.
const MAX_SLICES: usize = 1023;

/// Largest answer of fixed size: CREATE's.
const LARGEST: usize = EntryOut::SIZE + OpenOut::SIZE;

/// Slices that are put together on the stack.
const STACK_SLICES: usize = 16;

impl Responder {
    /// For a request that is kept in `slot`, if at all, until it is answered.
    pub(crate) fn new(unique: u64, device: Arc<Device>, slot: Option<Arc<Slot>>) -> Self {
        Self {
            unique,
            device: Some(device),
            slot,
        }
    }

    pub(crate) fn unique(&self) -> RequestId {
        RequestId(self.unique)
    }

    /// Answers with an error.
    pub(crate) fn error(mut self, errno: Errno) -> Delivery {
        self.send_error(errno)
    }

    /// Answers with up to `LARGEST` bytes, header and body in one contiguous write.
    pub(crate) fn small<const N: usize>(mut self, body: &[u8; N]) -> Delivery {
        const {
            assert!(N <= LARGEST, "no fixed answer is larger");
        }
        let mut message = [0_u8; OutHeader::SIZE + LARGEST];
        let message = &mut message[..OutHeader::SIZE + N];
        self.header(0, N).put(message);
        message[OutHeader::SIZE..].copy_from_slice(body);
        self.send(&[IoSlice::new(message)])
    }

    /// Answers with one slice of data, which is not copied.
    pub(crate) fn data(mut self, data: &[u8]) -> Delivery {
        let header = self.header(0, data.len()).encode();
        self.send(&[IoSlice::new(&header), IoSlice::new(data)])
    }

    /// Answers with the slices one after another, not copied.
    pub(crate) fn slices<T: AsRef<[u8]>>(mut self, slices: &[T]) -> Delivery {
        let len = slices.iter().map(|slice| slice.as_ref().len()).sum();
        let header = self.header(0, len).encode();
        if slices.len() < STACK_SLICES {
            let mut vector = [IoSlice::new(&[]); STACK_SLICES];
            vector[0] = IoSlice::new(&header);
            for (place, slice) in vector[1..].iter_mut().zip(slices) {
                *place = IoSlice::new(slice.as_ref());
            }
            return self.send(&vector[..=slices.len()]);
        }
        let straight = slices.len().min(MAX_SLICES);
        // What `writev` can't take in one call is gathered in the last slice.
        let (straight, rest) = slices.split_at(if slices.len() > straight {
            straight - 1
        } else {
            straight
        });
        let rest: Vec<u8> = rest.iter().flat_map(AsRef::as_ref).copied().collect();
        let mut vector = Vec::with_capacity(straight.len() + 2);
        vector.push(IoSlice::new(&header));
        vector.extend(straight.iter().map(|slice| IoSlice::new(slice.as_ref())));
        if !rest.is_empty() {
            vector.push(IoSlice::new(&rest));
        }
        self.send(&vector)
    }

    fn header(&self, error: i32, body: usize) -> OutHeader {
        // The kernel that sends requests again marks them itself; where we keep them it knows no mark.
        let unique = match self.slot {
            None => self.unique,
            Some(_) => self.unique & !UNIQUE_RESEND,
        };
        OutHeader {
            len: (OutHeader::SIZE + body) as u32,
            error,
            unique,
        }
    }

    fn send_error(&mut self, errno: Errno) -> Delivery {
        let header = self.header(-errno.raw_os_error(), 0).encode();
        self.send(&[IoSlice::new(&header)])
    }

    fn send(&mut self, message: &[IoSlice<'_>]) -> Delivery {
        let Some(device) = self.device.take() else {
            return Delivery::Gone;
        };
        let delivery = match device.write(message) {
            Ok(()) => Delivery::Delivered,
            // A predecessor answered a request that it kept, and died before it could note so: what its answer
            // granted is granted.
            Err(Errno::NOENT) if self.slot.is_some() && self.unique & UNIQUE_RESEND != 0 => {
                Delivery::Delivered
            }
            // ENOENT: no such request here, answered before. ENODEV, ECONNABORTED: unmounted.
            Err(Errno::NOENT | Errno::NODEV | Errno::CONNABORTED) => Delivery::Gone,
            Err(errno) => {
                tracing::error!(unique = self.unique, %errno, "the kernel refused an answer");
                // Its caller must not wait for ever. The kernel may have ended it by itself
                // (ENOENT now), so nothing hangs on this second answer.
                let header = self.header(-Errno::IO.raw_os_error(), 0).encode();
                let _ = device.write(&[IoSlice::new(&header)]);
                Delivery::Refused
            }
        };
        if let Some(slot) = self.slot.take() {
            slot.clear();
        }
        delivery
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if self.device.is_some() {
            tracing::error!(
                unique = self.unique,
                "a request was dropped unanswered: EIO"
            );
            self.send_error(Errno::IO);
        }
    }
}
