//! What a keeper holds, and the connections over which it is told.

use super::{
    message::{Answer, FILES_AT_ONCE, HeldMount, Request},
    socket::{self, Address},
    supervise::Holder,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::{
    collections::BTreeMap,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

/// Longest note, in bytes.
const LONGEST_NOTE: usize = 16 << 10;

/// Longest name of a mount or a descriptor, in bytes.
const LONGEST_NAME: usize = 512;

/// Connections at a time. There is one a mount, and a few that ask.
const CONNECTIONS: usize = 1024;

/// Mounts, descriptors and connections.
#[derive(Default)]
pub(super) struct Store {
    mounts: BTreeMap<String, Held>,
    listener: Option<OwnedFd>,
    connections: BTreeMap<u64, Connection>,
    /// The number of the next connection.
    next: u64,
}

#[derive(Default)]
struct Held {
    note: String,
    files: BTreeMap<String, OwnedFd>,
    /// The connection whose holder serves.
    served: Option<u64>,
}

struct Connection {
    socket: OwnedFd,
    /// The process at the other end.
    pid: u32,
}

/// What the store itself can't do.
pub(super) struct Upgrade {
    /// Who is to be told.
    pub(super) connection: u64,
    /// The new program.
    pub(super) program: OwnedFd,
}

/// What is waited for in [`Store::sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Listener,
    Connection(u64),
}

impl Store {
    /// Takes connections of this user's processes there.
    pub(super) fn listen(&mut self, address: &Address<'_>) -> io::Result<()> {
        self.listener = Some(address.listen()?);
        Ok(())
    }

    fn add(&mut self, socket: OwnedFd, pid: u32) {
        self.connections
            .insert(self.next, Connection { socket, pid });
        self.next += 1;
    }

    /// What to wait for.
    pub(super) fn sources(&self) -> impl Iterator<Item = (Source, BorrowedFd<'_>)> {
        let listener = self.listener.iter();
        let connections = self.connections.iter();
        listener
            .map(|listener| (Source::Listener, listener.as_fd()))
            .chain(connections.map(|(number, connection)| {
                (Source::Connection(*number), connection.socket.as_fd())
            }))
    }

    /// Serves what one of them has.
    pub(super) fn serve(&mut self, source: Source) -> Option<Upgrade> {
        match source {
            Source::Listener => {
                let accepted = self.listener.as_ref().map(|l| socket::accept(l.as_fd()));
                // One of another user is closed again; whoever it is sees the end at once.
                if let Some(Ok((socket, pid))) = accepted
                    && self.connections.len() < CONNECTIONS
                {
                    self.add(socket, pid);
                }
                None
            }
            Source::Connection(number) => self.serve_connection(number),
        }
    }

    fn serve_connection(&mut self, number: u64) -> Option<Upgrade> {
        let socket = self.connections.get(&number)?.socket.as_fd();
        let done = match socket::receive::<Request>(socket) {
            Ok(Some((Request::List, _))) => return self.list(number),
            Ok(Some((Request::Fetch { mount }, _))) => return self.fetch(number, &mount),
            Ok(Some((Request::Upgrade, mut descriptors))) if descriptors.len() == 1 => {
                return Some(Upgrade {
                    connection: number,
                    program: descriptors.remove(0),
                });
            }
            Ok(Some((request, descriptors))) => self.change(number, request, descriptors),
            Err(error) if socket::can_go_on(&error) => Err(error.to_string()),
            Ok(None) | Err(_) => {
                self.close(number);
                return None;
            }
        };
        let answer = done.map_or_else(|why| Answer::Failed { why }, |()| Answer::Done);
        self.answer(number, &answer);
        None
    }

    /// A request that is answered with yes or no.
    fn change(
        &mut self,
        number: u64,
        request: Request,
        mut descriptors: Vec<OwnedFd>,
    ) -> Result<(), String> {
        match request {
            Request::Register { mount, note } => {
                fits("the name of a mount", &mount, LONGEST_NAME)?;
                fits("a note", &note, LONGEST_NOTE)?;
                if self.mounts.contains_key(&mount) {
                    return Err(format!(
                        "mount {mount:?} is held already; release it first, or fetch it"
                    ));
                }
                let held = Held {
                    note,
                    ..Held::default()
                };
                self.mounts.insert(mount, held);
                Ok(())
            }
            Request::Release { mount } => {
                self.held(&mount)?;
                self.mounts.remove(&mount);
                Ok(())
            }
            Request::Attach { mount } => self.attach(number, &mount),
            Request::Detach => {
                self.detach(number);
                Ok(())
            }
            Request::Hold { mount, name } => {
                fits("the name of a descriptor", &name, LONGEST_NAME)?;
                let (Some(file), true) = (descriptors.pop(), descriptors.is_empty()) else {
                    return Err("hold wants one descriptor".to_owned());
                };
                self.held(&mount)?.files.insert(name, file);
                Ok(())
            }
            Request::LetGo { mount, name } => {
                self.held(&mount)?.files.remove(&name);
                Ok(())
            }
            Request::Upgrade => Err("upgrade wants the new program's descriptor".to_owned()),
            Request::List | Request::Fetch { .. } => Ok(()),
        }
    }

    fn held(&mut self, mount: &str) -> Result<&mut Held, String> {
        self.mounts.get_mut(mount).ok_or_else(|| not_held(mount))
    }

    fn attach(&mut self, number: u64, mount: &str) -> Result<(), String> {
        let served = self.held(mount)?.served;
        if let Some(other) = served
            && other != number
            && let Some(connection) = self.connections.get(&other)
        {
            if !has_ended(&connection.socket) {
                let who = match connection.pid {
                    0 => "a process of another container".to_owned(),
                    pid => format!("process {pid}"),
                };
                return Err(format!("{who} serves {mount:?}; end it first"));
            }
            // What it said at the last is still to be heard, down to its end.
            while self.connections.contains_key(&other) {
                self.serve_connection(other);
            }
        }
        self.held(mount)?.served = Some(number);
        Ok(())
    }

    fn detach(&mut self, number: u64) {
        for held in self.mounts.values_mut() {
            if held.served == Some(number) {
                held.served = None;
            }
        }
    }

    fn close(&mut self, number: u64) {
        self.connections.remove(&number);
        self.detach(number);
    }

    fn list(&mut self, number: u64) -> Option<Upgrade> {
        let pid = |served: Option<u64>| Some(self.connections.get(&served?)?.pid);
        let answers: Vec<_> = self
            .mounts
            .iter()
            .map(|(mount, held)| {
                Answer::Mount(HeldMount {
                    mount: mount.clone(),
                    note: held.note.clone(),
                    served_by: pid(held.served),
                    files: held.files.len(),
                })
            })
            .chain([Answer::Done])
            .collect();
        for answer in &answers {
            self.answer(number, answer);
        }
        None
    }

    fn fetch(&mut self, number: u64, mount: &str) -> Option<Upgrade> {
        let Some(held) = self.mounts.get(mount) else {
            let why = not_held(mount);
            self.answer(number, &Answer::Failed { why });
            return None;
        };
        let files: Vec<_> = held.files.iter().collect();
        let socket = self.connections.get(&number)?.socket.as_fd();
        let sent = files
            .chunks(FILES_AT_ONCE)
            .try_for_each(|files| {
                let names = files.iter().map(|(name, _)| (*name).clone()).collect();
                let descriptors: Vec<_> = files.iter().map(|(_, file)| file.as_fd()).collect();
                socket::send(socket, &Answer::Files { names }, &descriptors)
            })
            .and_then(|()| socket::send(socket, &Answer::Done, &[]));
        if sent.is_err() {
            self.close(number);
        }
        None
    }

    /// Holds a mount of the keeper's own.
    pub(super) fn register(&mut self, mount: &str, files: super::Files) {
        let held = Held {
            files: files.into_iter().collect(),
            ..Held::default()
        };
        self.mounts.insert(mount.to_owned(), held);
    }
}

impl Holder for Store {
    /// A connection for a process of our own.
    fn connection(&mut self, pid: u32) -> io::Result<OwnedFd> {
        let (ours, theirs) = socket::pair()?;
        socket::limit(ours.as_fd())?;
        socket::limit(theirs.as_fd())?;
        self.add(ours, pid);
        Ok(theirs)
    }

    fn release(&mut self, mount: &str) {
        self.mounts.remove(mount);
    }

    /// Answers; whoever does not take its answers is disconnected.
    fn answer(&mut self, number: u64, answer: &Answer) {
        let Some(connection) = self.connections.get(&number) else {
            return;
        };
        if socket::send(connection.socket.as_fd(), answer, &[]).is_err() {
            self.close(number);
        }
    }
}

fn not_held(mount: &str) -> String {
    format!("no mount {mount:?} is held; register it first")
}

fn fits(what: &str, text: &str, longest: usize) -> Result<(), String> {
    if text.len() <= longest {
        return Ok(());
    }
    let len = text.len();
    Err(format!("{what} has {len} bytes; {longest} at most"))
}

/// Whether the other end of a connection is closed.
fn has_ended(socket: &OwnedFd) -> bool {
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let mut waiting = [PollFd::new(socket, PollFlags::RDHUP)];
    poll(&mut waiting, Some(&now)).is_ok_and(|ready| ready > 0)
}
