use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType};

use super::*;
use crate::Errno;
use crate::abi::{OutHeader, Wire};
use crate::attr::{Attr, Entry, FileKind};
use crate::flags::OpenReplyFlags;
use crate::session::Device;

/// A device whose other end shows every message as the kernel would get it.
struct Kernel {
    device: Arc<Device>,
    end: OwnedFd,
}

impl Kernel {
    fn new() -> Self {
        let (ours, end) = rustix::net::socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            None,
        )
        .expect("a socket pair");
        Self {
            device: Arc::new(Device::new(ours)),
            end,
        }
    }

    fn responder(&self) -> Responder {
        Responder::new(99, Arc::clone(&self.device), None)
    }

    /// The next message: error and body. Checks length and id.
    fn answer(&self) -> (i32, Vec<u8>) {
        let mut buffer = vec![0; 64 * 1024];
        let len = rustix::io::read(&self.end, &mut buffer).expect("an answer was sent");
        let header = OutHeader::get(&buffer[..len]).expect("a header");
        assert_eq!((header.len as usize, header.unique), (len, 99));
        (header.error, buffer[OutHeader::SIZE..len].to_vec())
    }

    fn silent(&self) -> bool {
        rustix::io::read(&self.end, &mut [0_u8; 16]) == Err(Errno::AGAIN)
    }
}

#[test]
fn a_dropped_reply_says_eio_and_an_answered_one_nothing_more() {
    let kernel = Kernel::new();
    drop(ReplyEmpty(kernel.responder()));
    assert_eq!(kernel.answer(), (-libc::EIO, vec![]));
    assert_eq!(ReplyEmpty(kernel.responder()).ok(), Delivery::Delivered);
    assert_eq!(kernel.answer(), (0, vec![]));
    assert!(kernel.silent());
}

#[test]
fn a_closed_connection_is_no_panic() {
    let kernel = Kernel::new();
    let reply = ReplyEmpty(kernel.responder());
    let Kernel { end, .. } = kernel;
    drop(end);
    assert_eq!(
        reply.ok(),
        Delivery::Refused,
        "a socket says EPIPE where the device says ENODEV"
    );
}

#[test]
fn data_is_limited_to_what_was_asked_for() {
    let kernel = Kernel::new();
    ReplyData::new(kernel.responder(), 4).data(b"1234");
    assert_eq!(kernel.answer(), (0, b"1234".to_vec()));
    assert_eq!(
        ReplyData::new(kernel.responder(), 4).data(b"12345"),
        Delivery::Refused
    );
    assert_eq!(kernel.answer(), (-libc::EIO, vec![]));
    assert_eq!(
        ReplyData::new(kernel.responder(), 4).slices(&["123", "45"]),
        Delivery::Refused
    );
    assert_eq!(kernel.answer(), (-libc::EIO, vec![]));
    assert!(kernel.silent());
}

#[test]
fn slices_arrive_in_order_however_many() {
    let kernel = Kernel::new();
    for count in [0, 1, 15, 16, 17, 1022, 1023, 1024, 3000] {
        let slices: Vec<Vec<u8>> = (0..count).map(|n: u32| n.to_ne_bytes().to_vec()).collect();
        ReplyData::new(kernel.responder(), 1 << 20).slices(&slices);
        assert_eq!(kernel.answer(), (0, slices.concat()), "{count} slices");
    }
}

#[test]
fn an_xattr_reply_knows_what_is_due() {
    let kernel = Kernel::new();
    ReplyXattr::new(kernel.responder(), 0).value(b"value");
    assert_eq!(kernel.answer(), (0, [5, 0, 0, 0, 0, 0, 0, 0].to_vec()));
    ReplyXattr::new(kernel.responder(), 4).value(b"value");
    assert_eq!(kernel.answer(), (-libc::ERANGE, vec![]));
    ReplyXattr::new(kernel.responder(), 5).value(b"value");
    assert_eq!(kernel.answer(), (0, b"value".to_vec()));
}

#[test]
fn fixed_answers_have_the_kernels_layout() {
    let kernel = Kernel::new();
    let entry = Entry {
        nodeid: 5,
        entry_valid: Duration::from_millis(1500),
        attr: Attr {
            ino: 6,
            size: 7,
            mode: libc::S_IFREG | 0o644,
            ..Attr::default()
        },
        ..Entry::default()
    };
    let flags = OpenReplyFlags::KEEP_CACHE | OpenReplyFlags::NOFLUSH;
    ReplyCreate(kernel.responder()).created(&entry, 11, flags);
    let (error, body) = kernel.answer();
    assert_eq!((error, body.len()), (0, 128 + 16));
    let u64_at = |at: usize| u64::from_ne_bytes(body[at..at + 8].try_into().expect("8 bytes"));
    let u32_at = |at: usize| u32::from_ne_bytes(body[at..at + 4].try_into().expect("4 bytes"));
    assert_eq!(
        (u64_at(0), u64_at(16), u32_at(32)),
        (5, 1, 500_000_000),
        "nodeid, entry_valid"
    );
    assert_eq!(
        (u64_at(40), u64_at(48), u32_at(100)),
        (6, 7, 0o100_644),
        "ino, size, mode"
    );
    assert_eq!(
        (u64_at(128), u32_at(136)),
        (11, (1 << 1) | (1 << 5)),
        "fh, open flags"
    );
}

#[test]
fn a_listing_stops_at_its_room_and_aligns_its_entries() {
    let kernel = Kernel::new();
    let mut reply = ReplyDir::new(kernel.responder(), 64);
    assert!(reply.push(3, 1, FileKind::Regular, OsStr::new("a")));
    assert!(reply.push(4, 2, FileKind::Directory, OsStr::new("12345678")));
    assert!(!reply.push(5, 3, FileKind::Regular, OsStr::new("b")));
    reply.send();
    let (_, body) = kernel.answer();
    assert_eq!(body.len(), 64);
    assert_eq!(
        (body[24], body[32]),
        (b'a', 4),
        "the second entry starts on 8 bytes"
    );

    let mut reply = ReplyDirPlus::new(kernel.responder(), 160);
    assert!(reply.fits(8) && !reply.fits(9));
    assert!(reply.push(&Entry::default(), 1, OsStr::new("12345678")));
    assert!(!reply.push(&Entry::default(), 2, OsStr::new("")));
    reply.send();
    assert_eq!(kernel.answer().1.len(), 160);
}
