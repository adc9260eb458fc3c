//! `ossplit keeper --socket PATH`.

use super::{message::Answer, socket::Address, store::Store, supervise::Holder as _, wait};
use crate::process::{
    Cause, Failure,
    signals::{Came, SignalFd},
};
use std::{
    fs, io,
    os::{
        fd::{AsFd as _, BorrowedFd},
        unix::fs::PermissionsExt as _,
    },
    path::Path,
};

/// Holds mounts for other processes until SIGTERM or SIGINT; calls `ready` once it listens.
///
/// What is held when it ends is closed: mounts that nobody else has open end with it.
///
/// # Errors
/// The socket can't be made; another keeper listens there.
pub fn keep(path: &Path, ready: impl FnOnce()) -> Result<(), Failure> {
    let signals = SignalFd::new().map_err(|e| Failure::system("listen to signals", e))?;
    super::raise_descriptor_limit();
    let mut store = Store::default();
    listen(&mut store, path)?;
    ready();
    let ended = serve(&mut store, &signals);
    let _ = fs::remove_file(path);
    ended.map_err(|e| Failure::system("wait for messages", e))
}

fn listen(store: &mut Store, path: &Path) -> Result<(), Failure> {
    let shown = path.display();
    let failed = |error: io::Error| {
        let text = format!(
            "can't listen on {shown}: {error}; give a path of at most 107 bytes in a folder that exists"
        );
        Failure::new(Cause::System, text)
    };
    match store.listen(&Address::Path(path)) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            if Address::Path(path).connect().is_ok() {
                let text = format!("a keeper listens on {shown} already; end it, or use it");
                return Err(Failure::new(Cause::System, text));
            }
            // What a dead keeper left.
            fs::remove_file(path).map_err(failed)?;
            store.listen(&Address::Path(path)).map_err(failed)?;
        }
        other => other.map_err(failed)?,
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed)
}

/// Serves until a signal asks for the end.
fn serve(store: &mut Store, signals: &SignalFd) -> io::Result<()> {
    loop {
        serve_until(store, signals.as_fd())?;
        if signals.next().is_some_and(Came::ends) {
            return Ok(());
        }
    }
}

/// Serves until there is something to read from `other`, or it is closed.
pub(super) fn serve_until(store: &mut Store, other: BorrowedFd<'_>) -> io::Result<()> {
    loop {
        let sources = store.sources().map(|(source, fd)| (Some(source), fd));
        let ready = wait::ready(sources.chain([(None, other)]), None)?;
        for source in ready {
            let Some(source) = source else {
                return Ok(());
            };
            if let Some(upgrade) = store.serve(source) {
                let why = "this keeper holds mounts for other processes; upgrade those".to_owned();
                store.answer(upgrade.connection, &Answer::Failed { why });
            }
        }
    }
}
