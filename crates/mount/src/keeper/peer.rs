//! Who is at the other end of a socket. Safe libraries take the process id for one that is not 0, and the kernel gives 0
//! for a process that this one's pid namespace does not have, as another container's.
#![allow(unsafe_code)]

use std::{
    io,
    mem::size_of,
    os::fd::{AsRawFd as _, BorrowedFd},
};

/// User and process at the other end when it connected; the process is 0 where it can't be seen from here.
pub(super) fn of(socket: BorrowedFd<'_>) -> io::Result<libc::ucred> {
    let mut peer = libc::ucred {
        pid: 0,
        uid: 0,
        gid: 0,
    };
    let whole = size_of::<libc::ucred>();
    let mut length = libc::socklen_t::try_from(whole).map_err(io::Error::other)?;
    // SAFETY: the kernel writes at most `length` bytes to `peer`, which has as many and may hold any bytes.
    let failed = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut peer).cast(),
            &raw mut length,
        )
    };
    if failed != 0 {
        return Err(io::Error::last_os_error());
    }
    if usize::try_from(length).ok() != Some(whole) {
        return Err(io::Error::other("the kernel does not say who connects"));
    }
    Ok(peer)
}
