//! What a successor process needs to go on with a mount: [`Negotiated`] and the descriptors.
//!
//! A connection lives as long as somebody holds its descriptors. The successor takes them with
//! [`crate::Session::resume`], calls [`crate::Notifier::resend`], and starts: every request that
//! was read but not answered comes again, with [`crate::request::RequestId::is_resent`] set. What
//! the kernel can name (node ids, lookup counts, handles) is the file system's to restore.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use serde::{Deserialize, Serialize};

use crate::flags::InitFlags;

/// The outcome of INIT, plain data. It holds for the connection's whole life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Negotiated {
    /// Minor protocol version in use; the major one is 7.
    pub minor: u32,
    /// Capabilities that the kernel offered, as bits of [`InitFlags`]. Some need no agreement, such
    /// as `NO_OPEN_SUPPORT` and `PASSTHROUGH`'s presence.
    pub offered: u64,
    /// Capabilities in force, as bits of [`InitFlags`].
    pub flags: u64,
    /// Most bytes in one WRITE.
    pub max_write: u32,
    /// Most bytes read ahead, as far as INIT goes.
    pub max_readahead: u32,
    /// Most 4 KiB pages in one request.
    pub max_pages: u16,
    /// Most background requests in flight.
    pub max_background: u16,
}

impl Negotiated {
    /// Capabilities in force.
    pub fn flags(&self) -> InitFlags {
        InitFlags::from_bits_retain(self.flags)
    }

    /// Capabilities that the kernel offered.
    pub fn offered(&self) -> InitFlags {
        InitFlags::from_bits_retain(self.offered)
    }
}

/// Most descriptors in one message (`SCM_MAX_FD`).
pub const MAX_DESCRIPTORS: usize = 253;

/// Sends descriptors with a message over a Unix socket. The message must not be empty.
pub fn send_descriptors(
    socket: BorrowedFd<'_>,
    message: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let mut space = vec![MaybeUninit::uninit(); ancillary_space()];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "more than 253 descriptors",
        ));
    }
    let sent = rustix::io::retry_on_intr(|| {
        rustix::net::sendmsg(
            socket,
            &[IoSlice::new(message)],
            &mut control,
            SendFlags::NOSIGNAL,
        )
    })?;
    if sent == message.len() {
        Ok(())
    } else {
        Err(io::Error::new(
            io::ErrorKind::WriteZero,
            "the socket took part of a message only",
        ))
    }
}

/// Receives a message of at most `buffer.len()` bytes and the descriptors that came with it, which
/// are closed on exec. A length of 0 means that the other end is closed.
///
/// # Errors
/// Of the socket; `InvalidData` for a longer message; EMFILE when this process may not have as many
/// descriptors (what came is closed again).
pub fn recv_descriptors<S: AsFd>(
    socket: S,
    buffer: &mut [u8],
) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = vec![MaybeUninit::uninit(); ancillary_space()];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = rustix::io::retry_on_intr(|| {
        let mut slices = [IoSliceMut::new(buffer)];
        rustix::net::recvmsg(&socket, &mut slices, &mut control, RecvFlags::CMSG_CLOEXEC)
    })?;
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = message {
            descriptors.extend(fds);
        }
    }
    if received.flags.contains(ReturnFlags::CTRUNC) {
        return Err(Errno::MFILE.into());
    }
    if received.flags.contains(ReturnFlags::TRUNC) {
        let text = format!("a message of more than {} bytes", buffer.len());
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    Ok((received.bytes, descriptors))
}

fn ancillary_space() -> usize {
    rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Seek, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn descriptors_travel_with_their_message() {
        let (ours, theirs) = UnixStream::pair().expect("a socket pair");
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(b"content").expect("room");
        file.rewind().expect("a file can");
        let fds = [file.as_fd(), ours.as_fd()];
        send_descriptors(ours.as_fd(), b"hello", &fds).expect("it is sent");
        let mut buffer = [0; 16];
        let (len, mut received) = recv_descriptors(&theirs, &mut buffer).expect("it arrives");
        assert_eq!((&buffer[..len], received.len()), (&b"hello"[..], 2));
        let mut content = String::new();
        File::from(received.remove(0))
            .read_to_string(&mut content)
            .expect("it is open");
        assert_eq!(content, "content");

        drop((ours, received));
        let (len, received) = recv_descriptors(&theirs, &mut buffer).expect("an end");
        assert_eq!((len, received.len()), (0, 0));
    }

    #[test]
    fn what_was_negotiated_survives_as_text() {
        let negotiated = Negotiated {
            minor: 45,
            offered: u64::MAX,
            flags: InitFlags::PARALLEL_DIROPS.bits(),
            max_write: 1 << 20,
            max_readahead: 131_072,
            max_pages: 256,
            max_background: 64,
        };
        let text = serde_json::to_string(&negotiated).expect("plain data");
        assert_eq!(
            serde_json::from_str::<Negotiated>(&text).ok(),
            Some(negotiated)
        );
    }
}
