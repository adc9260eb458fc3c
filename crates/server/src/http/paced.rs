//! A connection with a cap on its bytes per second, each way.

use std::{
    future::Future as _,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// One way of a connection: what goes through is paid for in time, after the fact.
#[derive(Debug)]
struct Way {
    /// Bytes per second; 0 for no cap.
    rate: u64,
    /// Bytes at a time: what passes in a fiftieth of a second.
    piece: usize,
    /// When the next byte may pass.
    free: Instant,
    sleep: Pin<Box<Sleep>>,
}

impl Way {
    fn new(rate: u64) -> Self {
        let now = Instant::now();
        Self {
            rate,
            piece: (rate / 50).clamp(1, 1 << 20) as usize,
            free: now,
            sleep: Box::pin(sleep_until(now)),
        }
    }

    /// Waits until bytes may pass.
    fn poll_free(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.rate == 0 || self.free <= Instant::now() {
            return Poll::Ready(());
        }
        self.sleep.as_mut().reset(self.free);
        self.sleep.as_mut().poll(cx)
    }

    fn passed(&mut self, bytes: usize) {
        if self.rate > 0 {
            let cost = Duration::from_secs_f64(bytes as f64 / self.rate as f64);
            self.free = self.free.max(Instant::now()) + cost;
        }
    }
}

/// Reads and writes at most so many bytes per second each way.
#[derive(Debug)]
pub(crate) struct Paced<T> {
    inner: T,
    inward: Way,
    outward: Way,
}

impl<T> Paced<T> {
    /// `rate` is bytes per second; 0 for no cap.
    pub(crate) fn new(inner: T, rate: u64) -> Self {
        Self {
            inner,
            inward: Way::new(rate),
            outward: Way::new(rate),
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Paced<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.inward.rate == 0 {
            return Pin::new(&mut this.inner).poll_read(cx, buffer);
        }
        ready!(this.inward.poll_free(cx));
        // The piece is read at its place; the caller's buffer is told how far it is filled.
        let mut piece = buffer.take(this.inward.piece);
        let before = piece.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, &mut piece))?;
        let fresh = piece.filled()[before..].to_vec();
        this.inward.passed(fresh.len());
        buffer.put_slice(&fresh);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Paced<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.outward.rate == 0 {
            return Pin::new(&mut this.inner).poll_write(cx, data);
        }
        ready!(this.outward.poll_free(cx));
        let piece = &data[..data.len().min(this.outward.piece)];
        let written = ready!(Pin::new(&mut this.inner).poll_write(cx, piece))?;
        this.outward.passed(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.outward.rate == 0 {
            return Pin::new(&mut self.inner).poll_write_vectored(cx, pieces);
        }
        let first = pieces.iter().find(|piece| !piece.is_empty());
        self.poll_write(cx, first.map_or(&[], |piece| piece))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test(start_paused = true)]
    async fn a_megabyte_at_a_megabyte_a_second_takes_a_second_each_way() {
        for cap_writer in [true, false] {
            let (near, far) = tokio::io::duplex(64 << 10);
            let (near_rate, far_rate) = if cap_writer {
                (1 << 20, 0)
            } else {
                (0, 1 << 20)
            };
            let (mut near, mut far) = (Paced::new(near, near_rate), Paced::new(far, far_rate));
            let start = Instant::now();
            let send = async {
                near.write_all(&vec![7; 1 << 20]).await.unwrap();
                near.shutdown().await.unwrap();
            };
            let mut got = Vec::new();
            let ((), read) = tokio::join!(send, far.read_to_end(&mut got));
            read.unwrap();
            assert_eq!(got, vec![7; 1 << 20]);
            let took = start.elapsed().as_secs_f64();
            assert!((0.9..1.2).contains(&took), "{took}");
        }
    }
}
