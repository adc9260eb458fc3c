//! One message in, how many answers out: the file system here writes no method at all, or panics.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use proptest::prelude::*;
use rustix::net::{AddressFamily, SocketFlags, SocketType};

use super::dispatch::{Delivered, serve};
use super::{Buffer, BufferPool, Device};
use crate::abi::{Opcode, OutHeader, Wire};
use crate::handover::Negotiated;
use crate::reply::ReplyEntry;
use crate::request::tests::{body, message};
use crate::{Errno, Filesystem, Header};

struct Nothing;
impl Filesystem for Nothing {}

struct Panics;
impl Filesystem for Panics {
    fn lookup(&self, _header: Header, name: &OsStr, _reply: ReplyEntry) {
        panic!("asked for {}", name.display());
    }

    fn forget(&self, nodeid: u64, _nlookup: u64) {
        panic!("asked to forget {nodeid}");
    }
}

/// Serves one message; the errors of all answers.
fn answers(filesystem: &impl Filesystem, bytes: &[u8]) -> Vec<i32> {
    let (ours, end): (OwnedFd, OwnedFd) = rustix::net::socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        None,
    )
    .expect("a socket pair");
    let device = Arc::new(Device::new(ours));
    let negotiated = Negotiated {
        minor: 45,
        offered: 0,
        flags: 0,
        max_write: 65_536,
        max_readahead: 0,
        max_pages: 16,
        max_background: 1,
    };
    let mut buffer = Buffer::new(&BufferPool::new(65_536, 0));
    buffer.room()[..bytes.len()].copy_from_slice(bytes);
    let delivered = Delivered::ByKernel;
    serve(
        filesystem,
        &device,
        &negotiated,
        &mut buffer,
        bytes.len(),
        delivered,
    );
    let mut errors = Vec::new();
    let mut answer = [0; 4096];
    while let Ok(len) = rustix::io::read(&end, &mut answer) {
        let header = OutHeader::get(&answer[..len]).expect("an answer has a header");
        assert_eq!(header.len as usize, len);
        assert_eq!(
            header.unique, 0x8000_0000_0000_0042,
            "the resend bit goes back too"
        );
        errors.push(header.error);
    }
    errors
}

#[test]
fn every_request_gets_the_answer_that_is_due() {
    for &opcode in Opcode::ALL {
        let expected = match opcode {
            Opcode::Forget | Opcode::BatchForget | Opcode::NotifyReply => vec![],
            Opcode::Init | Opcode::Destroy => vec![0],
            Opcode::Ioctl => vec![-Errno::NOTTY.raw_os_error()],
            _ => vec![-Errno::NOSYS.raw_os_error()],
        };
        let bytes = message(opcode as u32, &[&body(opcode)]);
        assert_eq!(answers(&Nothing, &bytes), expected, "{opcode:?}");
    }
    assert_eq!(answers(&Nothing, &message(9999, &[])), [-libc::ENOSYS]);
}

#[test]
fn a_panic_is_answered_and_goes_no_further() {
    let lookup = message(Opcode::Lookup as u32, &[b"name\0"]);
    assert_eq!(answers(&Panics, &lookup), [-libc::EIO]);
    let forget = message(Opcode::Forget as u32, &[&1_u64.to_ne_bytes()]);
    assert_eq!(answers(&Panics, &forget), [] as [i32; 0]);
}

#[test]
fn malformed_arguments_are_answered_eio_and_broken_headers_not_at_all() {
    assert_eq!(
        answers(&Nothing, &message(Opcode::Read as u32, &[b"short"])),
        [-libc::EIO]
    );
    let mut wrong_length = message(Opcode::Statfs as u32, &[]);
    wrong_length.push(0);
    assert_eq!(answers(&Nothing, &wrong_length), [] as [i32; 0]);
}

proptest! {
    #[test]
    fn no_request_is_answered_twice(
        opcode in 0_u32..60,
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let count = answers(&Nothing, &message(opcode, &[&body])).len();
        prop_assert!(count <= 1, "{} answers", count);
    }
}
