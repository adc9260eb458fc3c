//! What may happen to a body on its way out: paced, cut, stalled or spoilt.

use super::{End, Limiter, Link};
use crate::faults::{Decision, Reset, Stall};
use bytes::{Bytes, BytesMut};
use std::{
    future::Future as _,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// The shape of a body.
pub(crate) struct Shape {
    link: Arc<Link>,
    paces: Vec<Arc<Limiter>>,
    cut: Option<(u64, End)>,
    stall: Option<Stall>,
    corrupt: Option<u64>,
    /// Bytes that went out.
    sent: u64,
    /// Bytes that were read and did not go out yet.
    held: Bytes,
    /// Bytes of `held` that are paid for.
    paid: usize,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Shape {
    /// The shape of a body with `length` bytes; `None` when it goes out as it is.
    pub(super) fn of(
        decision: Option<&Decision>,
        paces: Vec<Arc<Limiter>>,
        length: u64,
        link: &Arc<Link>,
    ) -> Option<Box<Self>> {
        let (mut cut, mut stall, mut corrupt) = (None, None, None);
        if let Some(decision) = decision {
            let truncated = decision.truncate.map(|at| (at, End::Close));
            let reset = decision.reset == Some(Reset::Body);
            let within = |at: &u64| *at < length;
            cut = truncated
                .or(reset.then_some((length / 2, End::Reset)))
                .filter(|(at, _)| within(at));
            stall = decision.stall.filter(|stall| within(&stall.at));
            corrupt = decision.corrupt.filter(within);
        }
        let plain = cut.is_none() && stall.is_none() && corrupt.is_none() && paces.is_empty();
        (!plain).then(|| {
            Box::new(Self {
                link: Arc::clone(link),
                paces,
                cut,
                stall,
                corrupt,
                sent: 0,
                held: Bytes::new(),
                paid: 0,
                sleep: None,
            })
        })
    }

    /// Bytes that were read and did not go out yet.
    pub(super) fn held(&self) -> u64 {
        self.held.len() as u64
    }

    /// The next bytes; `next` reads on.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut next: impl FnMut(&mut Context<'_>) -> Poll<Option<io::Result<Bytes>>>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                ready!(sleep.as_mut().poll(cx));
                self.sleep = None;
            }
            if let Some((at, end)) = self.cut
                && self.sent >= at
            {
                // What went out is flushed next, which ends the connection: nobody wakes this.
                self.link.end(end);
                return Poll::Pending;
            }
            if let Some(stall) = self.stall
                && self.sent >= stall.at
            {
                // For good: until the client goes away.
                let Some(lasts) = stall.lasts else {
                    return Poll::Pending;
                };
                self.stall = None;
                self.sleep = Some(Box::pin(sleep(lasts)));
                continue;
            }
            if self.held.is_empty() {
                self.held = match ready!(next(cx)) {
                    Some(Ok(chunk)) => chunk,
                    end => return Poll::Ready(end),
                };
            }
            let mut length = self.held.len();
            for limiter in &self.paces {
                length = length.min(limiter.piece());
            }
            let stops = [self.cut.map(|(at, _)| at), self.stall.map(|stall| stall.at)];
            for at in stops.into_iter().flatten() {
                length = length.min((at - self.sent) as usize);
            }
            if self.paid == 0 && !self.paces.is_empty() {
                self.paid = length;
                let free = self.paces.iter().map(|limiter| limiter.reserve(length));
                if let Some(free) = free.max().filter(|free| *free > Instant::now()) {
                    self.sleep = Some(Box::pin(sleep_until(free)));
                    continue;
                }
            }
            let mut piece = self.held.split_to(length);
            self.paid = 0;
            if let Some(at) = self.corrupt
                && (self.sent..self.sent + length as u64).contains(&at)
            {
                let mut spoilt = BytesMut::from(&piece[..]);
                spoilt[(at - self.sent) as usize] ^= 1;
                piece = spoilt.freeze();
            }
            self.sent += length as u64;
            return Poll::Ready(Some(Ok(piece)));
        }
    }
}
