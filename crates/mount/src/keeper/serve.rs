//! Serving mounts that a keeper holds: for the driver of a cluster.

use super::{
    Client, WORDS,
    message::Answer,
    socket::Address,
    supervise::{self, Event, Holder, Supervisor},
    wait,
};
use crate::{
    options::Carried,
    process::{self, Failure},
};
use std::{
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    path::Path,
    time::Instant,
};

/// How [`serve`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The mount has ended in good order; the keeper holds nothing for it any more.
    Unmounted,
    /// The keeper holds it, and nobody serves it: programs wait until somebody calls [`serve`] again.
    Left,
}

/// Has a keeper hold a mount that does not exist yet, with its command line; [`serve`] makes it.
///
/// # Errors
/// As [`Client::register`].
pub fn register(keeper: &Client, mount: &str, note: &str, words: &Carried) -> io::Result<()> {
    let file = process::words_file(words)?;
    keeper.register(mount, note)?;
    keeper.hold(mount, WORDS, file.as_fd())
}

struct Remote<'a> {
    keeper: &'a Path,
}

impl Holder for Remote<'_> {
    fn connection(&mut self, _: u32) -> io::Result<OwnedFd> {
        Address::Path(self.keeper).connect()
    }

    fn release(&mut self, mount: &str) {
        // A keeper that is gone holds nothing.
        let _ = Client::connect(self.keeper).and_then(|keeper| keeper.release(mount));
    }

    fn answer(&mut self, _: u64, _: &Answer) {}
}

enum Source {
    Leave,
    Worker(supervise::Source),
}

/// Serves `mount`, which the keeper on the socket `keeper` holds, on the folder `place`, in a process of
/// its own, which is started again whenever it dies. Makes the mount first if it was only registered;
/// goes on with it otherwise. Blocks: it wants a thread of its own, which must live as long.
///
/// `usable` is called once, when programs can use the mount. When `leave` becomes readable, or its other
/// end is closed, the serving process is ended and the mount stays with the keeper. A mount is ended by
/// unmounting it (`ossplit umount`, [`crate::process::unmount`]).
///
/// # Errors
/// One sentence: why the mount could not begin (it is not registered any more then), or that not
/// everything that was written came to OSS, or that nobody could serve it for a minute.
pub fn serve(
    keeper: &Path,
    mount: &str,
    place: &Path,
    leave: BorrowedFd<'_>,
    usable: impl FnOnce(),
) -> Result<Ended, Failure> {
    let mut holder = Remote { keeper };
    let mut supervisor = Supervisor::new(mount, place.to_owned(), false);
    let mut usable = Some(usable);
    loop {
        let deadline = supervisor.deadline(Instant::now());
        let worker = supervisor
            .sources()
            .map(|(source, fd)| (Source::Worker(source), fd));
        let ready = wait::ready(worker.chain([(Source::Leave, leave)]), Some(deadline))
            .map_err(|e| Failure::system("wait for the serving process", e))?;
        let mut event = None;
        for source in ready {
            match source {
                Source::Leave => {
                    supervisor.leave();
                    return Ok(Ended::Left);
                }
                Source::Worker(source) => {
                    event = supervisor.serve(source, &mut holder, Instant::now());
                }
            }
            if event.is_some() {
                break;
            }
        }
        match event.or_else(|| supervisor.look(&mut holder, Instant::now())) {
            None => {}
            Some(Event::Serves { .. }) => {
                if let Some(usable) = usable.take() {
                    usable();
                }
            }
            Some(Event::Over(how)) => return how.map(|()| Ended::Unmounted),
        }
    }
}
