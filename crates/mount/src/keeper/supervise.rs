//! A mount's worker: started, watched, started again, replaced.

use super::{
    message::Answer,
    recovery::{LIMIT, Recovery, Verdict},
    worker::{Begin, LOOK_EVERY, Order, PROTOCOL, Word, Worker, exit},
};
use crate::process::{Cause, Failure};
use rustix::process::{Signal, WaitStatus};
use std::{
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    path::PathBuf,
    time::{Duration, Instant},
};

/// How long the first start may take: it asks OSS, and gives up by itself long before.
const FIRST_START: Duration = Duration::from_mins(1);

/// How long a later start may take; it asks nobody.
const START: Duration = Duration::from_secs(15);

/// How long a new program may take to prepare itself.
const PREPARE: Duration = Duration::from_secs(20);

/// How long a worker may take to stop for its successor.
const STOP: Duration = Duration::from_secs(1);

/// Who holds the mount.
pub(super) trait Holder {
    /// A connection for the worker `pid`.
    fn connection(&mut self, pid: u32) -> io::Result<OwnedFd>;

    /// Closes all that is held for the mount.
    fn release(&mut self, mount: &str);

    /// Tells who asked for an upgrade how it went.
    fn answer(&mut self, connection: u64, answer: &Answer);
}

/// What the supervisor has to say.
#[derive(Debug)]
pub(super) enum Event {
    /// A worker serves; the first one, or a successor.
    Serves {
        /// The mount's minor device number.
        minor: u32,
        first: bool,
    },
    /// It is over.
    Over(Result<(), Failure>),
}

/// A new program that prepares to take over.
struct Standby {
    worker: Worker,
    program: OwnedFd,
    /// Who waits for the outcome.
    connection: u64,
    /// When the serving worker was told to stop.
    told: Option<Instant>,
}

/// A new program that was told to serve and has not said yet that it does.
struct Going {
    program: OwnedFd,
    connection: u64,
    told: Instant,
}

/// Supervises the worker of one mount.
pub(super) struct Supervisor {
    mount: String,
    place: PathBuf,
    bound: bool,
    /// What workers are made of; this process's own program without one.
    program: Option<OwnedFd>,
    worker: Option<Worker>,
    /// Those that were killed and can't end yet.
    lingering: Vec<Worker>,
    standby: Option<Standby>,
    going: Option<Going>,
    recovery: Recovery,
    restart: Option<Instant>,
    /// Why there is a new worker.
    because: Option<String>,
    was_usable: bool,
    /// A signal that came while there was nobody to take it.
    signal: Option<Signal>,
}

/// What is waited for in [`Supervisor::sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Process,
    Control,
    StandbyProcess,
    StandbyControl,
}

impl Supervisor {
    /// Of the mount that its holder calls `mount`, on `place`. `bound`: it ends with this process.
    pub(super) fn new(mount: &str, place: PathBuf, bound: bool) -> Self {
        Self {
            mount: mount.to_owned(),
            place,
            bound,
            program: None,
            worker: None,
            lingering: Vec::new(),
            standby: None,
            going: None,
            recovery: Recovery::default(),
            restart: Some(Instant::now()),
            because: None,
            was_usable: false,
            signal: None,
        }
    }

    /// What to wait for.
    pub(super) fn sources(&self) -> impl Iterator<Item = (Source, BorrowedFd<'_>)> {
        let worker = self.worker.iter().flat_map(|worker| {
            [
                (Source::Control, worker.control()),
                (Source::Process, worker.process()),
            ]
        });
        worker.chain(self.standby.iter().flat_map(|standby| {
            [
                (Source::StandbyControl, standby.worker.control()),
                (Source::StandbyProcess, standby.worker.process()),
            ]
        }))
    }

    /// When [`Supervisor::look`] is to be called at the latest.
    pub(super) fn deadline(&self, now: Instant) -> Instant {
        self.restart.unwrap_or(now + LOOK_EVERY)
    }

    /// Passes a signal on to the worker.
    pub(super) fn signal(&mut self, signal: Signal) {
        match &self.worker {
            // Before it is ready a worker of a living mount does not know what to unmount.
            Some(worker) if worker.ready || !self.was_usable => worker.signal(signal),
            _ => self.signal = Some(signal),
        }
    }

    /// Ends the worker, and leaves the mount to its holder.
    pub(super) fn leave(&mut self) {
        self.standby = None;
        self.worker = None;
    }

    /// Has the program `program` take over.
    pub(super) fn upgrade(&mut self, holder: &mut dyn Holder, connection: u64, program: OwnedFd) {
        let started = if self.standby.is_some() || self.going.is_some() {
            Err("another upgrade is under way; try again when it is done".to_owned())
        } else if !self.worker.as_ref().is_some_and(|worker| worker.ready) {
            Err("the mount is being recovered; try again in a moment".to_owned())
        } else {
            self.start(holder, Some(program.as_fd()), true)
                .map_err(|e| format!("can't start the new program: {e}"))
        };
        match started {
            Ok(worker) => {
                self.standby = Some(Standby {
                    worker,
                    program,
                    connection,
                    told: None,
                });
            }
            Err(why) => holder.answer(connection, &Answer::Failed { why }),
        }
    }

    fn start(
        &self,
        holder: &mut dyn Holder,
        program: Option<BorrowedFd<'_>>,
        standby: bool,
    ) -> io::Result<Worker> {
        let worker = Worker::spawn(program, &self.place)?;
        let connection = holder.connection(worker.pid.as_raw_nonzero().get().cast_unsigned())?;
        let begin = Begin {
            protocol: PROTOCOL,
            mount: self.mount.clone(),
            parent: std::process::id(),
            bound: self.bound,
            standby,
            careful: self.recovery.careful(),
            because: self.because.clone(),
        };
        match worker.tell(&Order::Begin(begin), &[connection.as_fd()]) {
            // It has ended already: its status will say more.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            told => told?,
        }
        Ok(worker)
    }

    /// Serves what one of the sources has.
    pub(super) fn serve(
        &mut self,
        source: Source,
        holder: &mut dyn Holder,
        now: Instant,
    ) -> Option<Event> {
        match source {
            Source::Control => {
                let word = self.worker.as_mut()?.hear()?;
                self.heard(&word, holder, now)
            }
            Source::StandbyControl => {
                let standby = self.standby.as_mut()?;
                match standby.worker.hear()? {
                    Word::Prepared => {
                        standby.told = Some(now);
                        let worker = self.worker.as_ref()?;
                        // One that is dead was found dead, or will be in a moment.
                        let _ = worker.tell(&Order::Stop, &[]);
                    }
                    Word::Failed { .. } => self.not_upgraded(holder, None),
                    Word::Ready { .. } | Word::Alive => {}
                }
                None
            }
            Source::StandbyProcess => {
                let status = self.standby.as_mut()?.worker.ended()?;
                let what = format!("the new program {}", describe(status));
                self.not_upgraded(holder, Some(what));
                None
            }
            Source::Process => {
                let status = self.worker.as_mut()?.ended()?;
                let mut worker = self.worker.take()?;
                self.ended(&mut worker, Some(status), holder, now)
            }
        }
    }

    fn heard(&mut self, word: &Word, holder: &mut dyn Holder, now: Instant) -> Option<Event> {
        let Word::Ready { minor } = word else {
            return None;
        };
        let worker = self.worker.as_mut()?;
        worker.ready = true;
        self.recovery.serves(now);
        if let Some(going) = self.going.take() {
            let pause = now.saturating_duration_since(going.told);
            self.program = Some(going.program);
            let pause_micros = u64::try_from(pause.as_micros()).unwrap_or(u64::MAX);
            holder.answer(going.connection, &Answer::Upgraded { pause_micros });
        }
        if let Some(signal) = self.signal.take() {
            worker.signal(signal);
        }
        let first = !std::mem::replace(&mut self.was_usable, true);
        Some(Event::Serves {
            minor: *minor,
            first,
        })
    }

    /// An upgrade came to nothing; the worker that serves goes on.
    fn not_upgraded(&mut self, holder: &mut dyn Holder, what: Option<String>) {
        let Some(standby) = self.standby.take() else {
            return;
        };
        let said = standby.worker.failed.as_ref().map(|(_, text)| text.clone());
        let why = said.or(what).unwrap_or_default();
        let why = format!("{why}; the mount is served as before");
        holder.answer(standby.connection, &Answer::Failed { why });
        if standby.told.is_some() {
            // It may have stopped already, or is about to: then it is simply started again.
            self.because = Some("an upgrade came to nothing".to_owned());
        }
    }

    /// A worker has ended, or (without a status) does nothing any more.
    fn ended(
        &mut self,
        worker: &mut Worker,
        status: Option<WaitStatus>,
        holder: &mut dyn Holder,
        now: Instant,
    ) -> Option<Event> {
        // Its last words.
        while worker.hear().is_some() {}
        let exit_status = status.and_then(WaitStatus::exit_status);
        match exit_status {
            Some(0) => return Some(self.over(holder, Ok(()))),
            Some(exit::UNSENT) => {
                let text = "the mount did not end in good order; its log says why";
                return Some(self.over(holder, Err(Failure::new(Cause::Unsent, text))));
            }
            _ => {}
        }
        let how = match (&worker.failed, status) {
            (Some((_, text)), _) => text.clone(),
            (None, Some(status)) => format!("the serving process {}", describe(status)),
            (None, None) => "the serving process was killed".to_owned(),
        };
        if !self.was_usable {
            let failure = match worker.failed.take() {
                Some((cause, text)) => Failure::new(Cause::of_number(cause), text),
                None => Failure::new(
                    Cause::Died,
                    format!("{how} before the mount was usable; mount with -f to see why"),
                ),
            };
            return Some(self.over(holder, Err(failure)));
        }
        if let Some(going) = self.going.take() {
            let why = format!("{how}; the former program serves again");
            holder.answer(going.connection, &Answer::Failed { why });
        }
        if let Some(told) = self.standby.as_ref().and_then(|standby| standby.told) {
            let standby = self.standby.take()?;
            self.take_over(standby, told, holder, now);
            return None;
        }
        if self.standby.is_some() {
            self.not_upgraded(holder, Some(how.clone()));
        }
        if exit_status == Some(exit::STOPPED) {
            self.restart = Some(now);
            return None;
        }
        self.because = Some(how.clone());
        match self.recovery.died(now) {
            Verdict::Restart { after } => {
                self.restart = Some(now + after);
                None
            }
            Verdict::GiveUp => {
                let text = format!(
                    "nobody could serve the mount for {} s; in the end: {how}. It was removed",
                    LIMIT.as_secs()
                );
                Some(self.over(holder, Err(Failure::new(Cause::Died, text))))
            }
        }
    }

    /// The prepared worker serves from now on.
    fn take_over(
        &mut self,
        standby: Standby,
        told: Instant,
        holder: &mut dyn Holder,
        now: Instant,
    ) {
        let mut worker = standby.worker;
        worker.since = now;
        if let Err(error) = worker.tell(&Order::Go, &[]) {
            let why = format!("the new program ended: {error}; the former one serves again");
            holder.answer(standby.connection, &Answer::Failed { why });
            self.restart = Some(now);
            return;
        }
        self.going = Some(Going {
            program: standby.program,
            connection: standby.connection,
            told,
        });
        self.worker = Some(worker);
    }

    fn over(&mut self, holder: &mut dyn Holder, how: Result<(), Failure>) -> Event {
        self.not_upgraded(holder, Some("the mount has ended".to_owned()));
        self.restart = None;
        holder.release(&self.mount);
        Event::Over(how)
    }

    /// Does what is due.
    pub(super) fn look(&mut self, holder: &mut dyn Holder, now: Instant) -> Option<Event> {
        if self.restart.is_some_and(|at| at <= now) {
            self.restart = None;
            match self.start(holder, self.program.as_ref().map(|p| p.as_fd()), false) {
                Ok(worker) => self.worker = Some(worker),
                Err(error) => {
                    let text = format!("can't start the serving process: {error}");
                    if !self.was_usable {
                        let failure = Failure::new(Cause::System, text);
                        return Some(self.over(holder, Err(failure)));
                    }
                    self.because = Some(text.clone());
                    match self.recovery.died(now) {
                        Verdict::Restart { after } => {
                            self.restart = Some(now + after.max(LOOK_EVERY));
                        }
                        Verdict::GiveUp => {
                            let failure = Failure::new(Cause::Died, text);
                            return Some(self.over(holder, Err(failure)));
                        }
                    }
                }
            }
        }
        if let Some(standby) = &self.standby {
            let prepares = now.saturating_duration_since(standby.worker.since);
            if let (Some(told), Some(worker)) = (standby.told, &self.worker) {
                if now.saturating_duration_since(told) > STOP {
                    // What it has in hand comes again to the new one.
                    worker.signal(Signal::KILL);
                }
            } else if prepares > PREPARE {
                let what = "the new program did not get ready".to_owned();
                self.not_upgraded(holder, Some(what));
            }
        }
        if let Some(worker) = &mut self.worker {
            let limit = if self.was_usable { START } else { FIRST_START };
            let starts = now.saturating_duration_since(worker.since);
            let wrong = worker.look(now);
            let late = (!worker.ready && starts > limit).then_some("it did not get ready");
            if let Some(wrong) = wrong.or(late) {
                if worker.failed.is_none() {
                    let text = format!("the serving process hung ({wrong}) and was ended");
                    worker.failed = Some((Cause::Died.number(), text));
                }
                worker.signal(Signal::KILL);
            }
        }
        self.lingering.retain_mut(|worker| worker.ended().is_none());
        if self.worker.as_ref().is_some_and(|worker| worker.lingers) {
            let mut worker = self.worker.take()?;
            let status = worker.ended();
            let event = self.ended(&mut worker, status, holder, now);
            if status.is_none() {
                self.lingering.push(worker);
            }
            return event;
        }
        None
    }
}

fn describe(status: WaitStatus) -> String {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(exit::PANICKED), _) => "panicked".to_owned(),
        (Some(status), _) => format!("ended with status {status}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}
