//! Packets between processes of one user.

use super::{message::LONGEST, peer};
use ossplit_fuse::handover::{recv_descriptors, send_descriptors};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, connect, listen,
    socket_with, socketpair, sockopt,
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
    time::Duration,
};

/// How long the other end may leave a packet lying, and how long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Two ends of a connection.
pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (one, other) = socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?;
    Ok((one, other))
}

/// Where a keeper listens.
pub(super) enum Address<'a> {
    Path(&'a Path),
    /// In the abstract namespace: nothing of it stays when the keeper ends.
    Abstract(&'a str),
}

impl Address<'_> {
    fn wire(&self) -> io::Result<SocketAddrUnix> {
        Ok(match self {
            Self::Path(path) => SocketAddrUnix::new(*path)?,
            Self::Abstract(name) => SocketAddrUnix::new_abstract_name(name.as_bytes())?,
        })
    }

    fn socket() -> io::Result<OwnedFd> {
        Ok(socket_with(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )?)
    }

    pub(super) fn listen(&self) -> io::Result<OwnedFd> {
        let socket = Self::socket()?;
        bind(&socket, &self.wire()?)?;
        listen(&socket, 64)?;
        Ok(socket)
    }

    /// Connects to a keeper of this user.
    pub(super) fn connect(&self) -> io::Result<OwnedFd> {
        let socket = Self::socket()?;
        connect(&socket, &self.wire()?)?;
        same_user(socket.as_fd())?;
        limit(socket.as_fd())?;
        Ok(socket)
    }
}

/// Takes the next connection, if it is from a process of this user. Gives its process id too.
pub(super) fn accept(listener: BorrowedFd<'_>) -> io::Result<(OwnedFd, u32)> {
    let socket = accept_with(listener, SocketFlags::CLOEXEC)?;
    let pid = same_user(socket.as_fd())?;
    limit(socket.as_fd())?;
    Ok((socket, pid))
}

/// The process at the other end, 0 if it is in another container; an error if it belongs to another user.
fn same_user(socket: BorrowedFd<'_>) -> io::Result<u32> {
    let peer = peer::of(socket)?;
    let (theirs, ours) = (peer.uid, rustix::process::geteuid().as_raw());
    if theirs == ours {
        return Ok(peer.pid.cast_unsigned());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("the other end belongs to user {theirs}, not {ours}"),
    ))
}

/// Nobody waits for ever for a process that does not read or answer.
pub(super) fn limit(socket: BorrowedFd<'_>) -> io::Result<()> {
    use sockopt::Timeout::{Recv, Send};
    for which in [Recv, Send] {
        sockopt::set_socket_timeout(socket, which, Some(PATIENCE))?;
    }
    Ok(())
}

/// Sends one message.
pub(crate) fn send<M: Serialize>(
    socket: BorrowedFd<'_>,
    message: &M,
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let bytes = serde_json::to_vec(message)?;
    if bytes.len() > LONGEST {
        let text = format!("a message of {} bytes; {LONGEST} at most", bytes.len());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    send_descriptors(socket, &bytes, descriptors)
}

/// Receives one message and what came with it; `None` at the end of the connection.
pub(crate) fn receive<M: DeserializeOwned>(
    socket: BorrowedFd<'_>,
) -> io::Result<Option<(M, Vec<OwnedFd>)>> {
    let mut buffer = vec![0; LONGEST];
    let (len, descriptors) = recv_descriptors(socket, &mut buffer)?;
    if len == 0 {
        return Ok(None);
    }
    match serde_json::from_slice(&buffer[..len]) {
        Ok(message) => Ok(Some((message, descriptors))),
        Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
    }
}

/// Whether the connection is good for more after this error of [`receive`]: a message that means
/// nothing here, or descriptors that there was no room for.
pub(super) fn can_go_on(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData
        || error.raw_os_error() == Some(Errno::MFILE.raw_os_error())
}
