//! Talking to a keeper.

use super::{
    message::{Answer, HeldMount, Request},
    socket::{self, Address},
};
use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Descriptors by name, as a keeper holds them.
pub type Files = Vec<(String, OwnedFd)>;

/// A connection to a keeper. Its methods wait for the keeper's answer, for ten seconds at most; they
/// may be called from any thread, one at a time.
///
/// Every error is a sentence: the keeper's own, or what the socket said.
#[derive(Debug)]
pub struct Client {
    socket: Mutex<OwnedFd>,
}

impl Client {
    /// Connects to the keeper that listens on `path` (`ossplit keeper --socket PATH`).
    ///
    /// # Errors
    /// Nobody listens there, or a process of another user does.
    pub fn connect(path: &Path) -> io::Result<Self> {
        Ok(Self::new(Address::Path(path).connect()?))
    }

    /// Over a connection that is there already.
    pub(crate) fn new(socket: OwnedFd) -> Self {
        Self {
            socket: Mutex::new(socket),
        }
    }

    /// Has the keeper hold a mount: descriptors can be given to it from now on. `note` is for whoever
    /// asks later (16 KiB at most); the keeper does not read it.
    ///
    /// # Errors
    /// A mount of this name is held already, among others.
    pub fn register(&self, mount: &str, note: &str) -> io::Result<()> {
        let (mount, note) = (mount.to_owned(), note.to_owned());
        self.done(&Request::Register { mount, note }, &[])
    }

    /// The mounts that are held.
    pub fn list(&self) -> io::Result<Vec<HeldMount>> {
        let socket = self.ask(&Request::List, &[])?;
        let mut mounts = Vec::new();
        loop {
            match answer(&socket)? {
                (Answer::Mount(mount), _) => mounts.push(mount),
                (Answer::Done, _) => return Ok(mounts),
                (other, _) => return Err(unexpected(&other)),
            }
        }
    }

    /// Duplicates of all descriptors that are held for a mount.
    pub fn fetch(&self, mount: &str) -> io::Result<Files> {
        let mount = mount.to_owned();
        let socket = self.ask(&Request::Fetch { mount }, &[])?;
        let mut files = Files::new();
        loop {
            match answer(&socket)? {
                (Answer::Files { names }, descriptors) if names.len() == descriptors.len() => {
                    files.extend(names.into_iter().zip(descriptors));
                }
                (Answer::Done, _) => return Ok(files),
                (other, _) => return Err(unexpected(&other)),
            }
        }
    }

    /// Says that this process serves the mount, until the connection is closed or [`Client::detach`].
    ///
    /// # Errors
    /// Another process serves it.
    pub fn attach(&self, mount: &str) -> io::Result<()> {
        let mount = mount.to_owned();
        self.done(&Request::Attach { mount }, &[])
    }

    /// Says that this process does not serve a mount any more.
    pub fn detach(&self) -> io::Result<()> {
        self.done(&Request::Detach, &[])
    }

    /// Has the keeper hold a duplicate of `file` under `name`, which replaces what had the name before.
    /// When this returns it survives the death of this process.
    pub fn hold(&self, mount: &str, name: &str, file: BorrowedFd<'_>) -> io::Result<()> {
        let (mount, name) = (mount.to_owned(), name.to_owned());
        self.done(&Request::Hold { mount, name }, &[file])
    }

    /// Has the keeper close what it holds under `name`; nothing happens if there is nothing.
    pub fn let_go(&self, mount: &str, name: &str) -> io::Result<()> {
        let (mount, name) = (mount.to_owned(), name.to_owned());
        self.done(&Request::LetGo { mount, name }, &[])
    }

    /// Has the keeper close all that it holds for a mount, and forget it. A mount that nobody serves
    /// ends with that: programs that wait for it get ENOTCONN.
    pub fn release(&self, mount: &str) -> io::Result<()> {
        let mount = mount.to_owned();
        self.done(&Request::Release { mount }, &[])
    }

    /// Has the keeper replace the process that serves by one of the program `program`.
    pub(super) fn upgrade(&self, program: BorrowedFd<'_>) -> io::Result<Duration> {
        let socket = self.ask(&Request::Upgrade, &[program])?;
        rustix::net::sockopt::set_socket_timeout(
            &*socket,
            rustix::net::sockopt::Timeout::Recv,
            Some(super::UPGRADE_LIMIT),
        )?;
        match answer(&socket)? {
            (Answer::Upgraded { pause_micros }, _) => Ok(Duration::from_micros(pause_micros)),
            (other, _) => Err(unexpected(&other)),
        }
    }

    fn done(&self, request: &Request, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let socket = self.ask(request, descriptors)?;
        match answer(&socket)? {
            (Answer::Done, _) => Ok(()),
            (other, _) => Err(unexpected(&other)),
        }
    }

    fn ask(
        &self,
        request: &Request,
        descriptors: &[BorrowedFd<'_>],
    ) -> io::Result<MutexGuard<'_, OwnedFd>> {
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        socket::send(socket.as_fd(), request, descriptors)?;
        Ok(socket)
    }
}

fn answer(socket: &OwnedFd) -> io::Result<(Answer, Vec<OwnedFd>)> {
    match socket::receive(socket.as_fd())? {
        Some((Answer::Failed { why }, _)) => Err(io::Error::other(why)),
        Some(answer) => Ok(answer),
        None => Err(io::Error::new(
            io::ErrorKind::BrokenPipe,
            "the keeper has ended",
        )),
    }
}

fn unexpected(answer: &Answer) -> io::Error {
    io::Error::other(format!("the keeper's answer fits no question: {answer:?}"))
}
