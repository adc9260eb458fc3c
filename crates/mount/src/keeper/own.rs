//! The keeper of one mount, which `ossplit mount` starts.

use super::{
    WORDS, shed,
    socket::Address,
    store::{self, Store},
    supervise::{self, Event, Supervisor},
    wait,
};
use crate::options::Carried;
use crate::process::{
    Cause, Failure, Report, SetUpLog, holders, mountpoint, read_words, signals::SignalFd,
};
use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
    path::Path,
    time::Instant,
};

/// The mount's name at its own keeper.
const MOUNT: &str = "mount";

/// Where the keeper of the mount with this device number listens.
pub(super) fn address(minor: u32) -> String {
    format!("ossplit/mount/{minor}")
}

enum Source {
    Signal,
    Store(store::Source),
    Worker(supervise::Source),
}

/// Keeps a mount on `place` until it has ended. `words` is its command line in a memory file
/// ([`crate::options::Carried`]); `report` hears when the mount is usable, or why it won't be. With one,
/// how the mount ended goes to its log too: nobody looks at our standard error.
///
/// # Errors
/// One sentence: why the mount could not begin, or how it ended.
pub fn keep_own(
    place: &Path,
    words: OwnedFd,
    mut report: Option<Report>,
    log: SetUpLog,
) -> Result<(), Failure> {
    let (alone, for_log) = (report.is_some(), words.try_clone());
    let ended = run(place, words, &mut report);
    match (&ended, report) {
        (Err(why), Some(report)) => report.failed(why),
        (Err(why), None) if alone => {
            let plan = for_log.and_then(read_words).map(Carried::plan_without_key);
            if let Ok(Ok(plan)) = plan
                && let Ok(_log) = log(&plan)
            {
                tracing::error!("{why}");
            }
        }
        (Ok(()), _) | (Err(_), None) => {}
    }
    ended
}

fn run(place: &Path, words: OwnedFd, report: &mut Option<Report>) -> Result<(), Failure> {
    let signals = SignalFd::new().map_err(|e| Failure::system("listen to signals", e))?;
    super::raise_descriptor_limit();
    let mut store = Store::default();
    store.register(MOUNT, vec![(WORDS.to_owned(), words)]);
    let mut supervisor = Supervisor::new(MOUNT, place.to_owned(), true);
    // Something was done since memory was given back.
    let mut grown = true;
    // Where to listen, until we do.
    let mut name = None;
    let over = loop {
        // The keeper of a former mount with the same number may still have the name.
        name = name.filter(|name: &String| store.listen(&Address::Abstract(name)).is_err());
        let ready = match wait(&store, &supervisor, &signals) {
            Ok(ready) => ready,
            Err(error) => break Err(Failure::system("wait for the serving process", error)),
        };
        if ready.is_empty() && std::mem::take(&mut grown) {
            shed::pages();
        }
        grown |= !ready.is_empty();
        match turn(ready, &mut store, &mut supervisor, &signals) {
            None => {}
            Some(Event::Over(how)) => break how,
            Some(Event::Serves { minor, first }) => {
                if first {
                    holders::name_keeper(minor);
                    let own = address(minor);
                    name = store
                        .listen(&Address::Abstract(&own))
                        .is_err()
                        .then_some(own);
                }
                if let Some(report) = report.take() {
                    report.ready();
                }
            }
        }
    };
    supervisor.leave();
    drop(store);
    match over {
        Err(why) if why.cause == Cause::Died => Err(clean_up(place, why)),
        over => over,
    }
}

/// Takes away a mount that nobody serves any more.
fn clean_up(place: &Path, why: Failure) -> Failure {
    match mountpoint::detach_if_dead(place) {
        Ok(_) => why,
        Err(error) => Failure::new(
            why.cause,
            format!(
                "{why}; the mount can't be removed ({error}): fusermount3 -uz {}",
                place.display()
            ),
        ),
    }
}

/// Waits for something to happen, for a moment at most.
fn wait(store: &Store, supervisor: &Supervisor, signals: &SignalFd) -> io::Result<Vec<Source>> {
    let deadline = supervisor.deadline(Instant::now());
    let connections = store
        .sources()
        .map(|(source, fd)| (Source::Store(source), fd));
    let worker = supervisor
        .sources()
        .map(|(source, fd)| (Source::Worker(source), fd));
    let sources = [(Source::Signal, signals.as_fd())].into_iter();
    wait::ready(sources.chain(connections).chain(worker), Some(deadline))
}

/// Does what these ask for, and what is due.
fn turn(
    ready: Vec<Source>,
    store: &mut Store,
    supervisor: &mut Supervisor,
    signals: &SignalFd,
) -> Option<Event> {
    for source in ready {
        match source {
            Source::Signal => {
                while let Some(came) = signals.next() {
                    supervisor.signal(came.0);
                }
            }
            Source::Store(source) => {
                if let Some(upgrade) = store.serve(source) {
                    supervisor.upgrade(store, upgrade.connection, upgrade.program);
                }
            }
            Source::Worker(source) => {
                if let Some(event) = supervisor.serve(source, store, Instant::now()) {
                    return Some(event);
                }
            }
        }
    }
    supervisor.look(store, Instant::now())
}
