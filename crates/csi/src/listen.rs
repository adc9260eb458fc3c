//! Unix sockets to listen on.

use std::{fs, io, os::unix::fs::FileTypeExt as _, path::Path};
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;

/// Listens at `path`, in place of a socket that a dead process left there.
///
/// # Errors
/// Something that is no socket is there, among others.
pub(crate) fn on(path: &Path) -> io::Result<UnixListenerStream> {
    let name =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => fs::remove_file(path).map_err(name)?,
        Ok(_) => {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                format!("{} is there and no socket; remove it", path.display()),
            ));
        }
        Err(_) => {}
    }
    UnixListener::bind(path)
        .map(UnixListenerStream::new)
        .map_err(name)
}
