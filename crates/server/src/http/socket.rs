//! A connection that can be ended from above: closed, or reset, once what was written has gone.

use std::{
    future::Future as _,
    io,
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

/// How a connection is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum End {
    /// In order, though the answer may not be complete.
    Close = 1,
    /// By a reset, which the peer sees as such.
    Reset = 2,
}

/// What a request can do to its connection.
#[derive(Debug, Default)]
pub(crate) struct Link {
    end: AtomicU8,
    /// Who is at the other side.
    pub(super) peer: Option<IpAddr>,
}

impl Link {
    /// Ends the connection as soon as what was written before has gone.
    pub(crate) fn end(&self, end: End) {
        self.end.store(end as u8, Relaxed);
    }

    fn is_over(&self) -> bool {
        self.end.load(Relaxed) != 0
    }

    fn is_reset(&self) -> bool {
        self.end.load(Relaxed) == End::Reset as u8
    }
}

/// A connection with a [`Link`].
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    link: Arc<Link>,
    /// How long the peer may take nothing of what is written.
    patience: Duration,
    /// Runs while the peer takes nothing.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Socket {
    /// `patience` is how long the peer may take nothing of what is written.
    pub(crate) fn new(stream: TcpStream, patience: Duration) -> (Self, Arc<Link>) {
        let link = Arc::new(Link {
            end: AtomicU8::new(0),
            peer: stream.peer_addr().ok().map(|address| address.ip()),
        });
        let socket = Self {
            stream,
            link: Arc::clone(&link),
            patience,
            waiting: None,
        };
        (socket, link)
    }
}

impl Socket {
    /// Passes on what a write gave, or an error when the peer has taken nothing for too long.
    fn patient(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let patience = self.patience;
        let waiting = self
            .waiting
            .get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(waiting.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.link.is_reset() {
            // Can only fail on a socket that is gone.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, data);
        self.patient(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.patient(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Fails once the connection is to end: whoever writes flushes after all it had is written.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        if self.link.is_over() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.link.is_reset() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
