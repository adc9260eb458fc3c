//! A response's body on its own connection.

use super::{Framing, Wire};
use crate::http::{ResponseBody, TransportError, TransportErrorKind, pool::Place};
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Response, request::Parts};
use std::{future::Future, io, time::Duration};

/// A piece that is asked for without a place to put it is at most so long.
const PIECE: u64 = 256 << 10;

/// The body of a response, and its connection, which goes back when all of it was read. Dropping it
/// before closes the connection.
pub(in crate::http) struct WireBody {
    /// `None` once the body has ended.
    connection: Option<(Wire, Place)>,
    framing: Framing,
    keep: bool,
    /// How long no byte may come.
    patience: Duration,
}

impl WireBody {
    /// Sends a request without a body; gives the response as soon as its head is there.
    pub(in crate::http) async fn ask(
        mut wire: Wire,
        place: Place,
        request: Parts,
        patience: Duration,
    ) -> Result<Response<ResponseBody>, TransportError> {
        let head = within(patience, wire.exchange(&request)).await;
        let head = head.map_err(|failure| match failure {
            Failure::Stalled => TransportError::after(
                TransportErrorKind::Timeout,
                format!("{place}: nothing moved for {} s", patience.as_secs_f64()),
            ),
            Failure::Io(error) => {
                TransportError::after(TransportErrorKind::Broken, format!("{place}: {error}"))
            }
        })?;
        let mut body = Self {
            connection: Some((wire, place)),
            framing: head.framing,
            keep: head.keep,
            patience,
        };
        body.give_back_at_end();
        Ok(head.response.map(|()| ResponseBody::wire(body)))
    }

    /// The next piece, `None` at the end.
    pub(in crate::http) async fn chunk(&mut self) -> Option<Result<Bytes, TransportError>> {
        if self.framing.is_done() {
            return None;
        }
        let most = match self.framing.known() {
            0 => PIECE,
            known => known.min(PIECE),
        } as usize;
        let mut piece = Vec::with_capacity(most);
        match self.read_into(&mut piece, most).await {
            Err(error) => return Some(Err(error)),
            Ok(0) => return None,
            Ok(_) => {}
        }
        // What is here already comes along.
        while piece.len() < most && !self.framing.is_done() {
            let room = most - piece.len();
            match self.read_now(&mut piece, room) {
                Some(Ok(got)) if got > 0 => {}
                // The next call meets it again.
                _ => break,
            }
        }
        self.give_back_at_end();
        // Memory that is not filled would live as long as the piece.
        if piece.len() < most / 2 {
            piece.shrink_to_fit();
        }
        Some(Ok(piece.into()))
    }

    fn read_now(&mut self, piece: &mut Vec<u8>, most: usize) -> Option<io::Result<usize>> {
        // A chunked body's next line may be cut short by this; its state would not survive that.
        if !matches!(self.framing, Framing::Length(_)) {
            return None;
        }
        let (wire, _) = self.connection.as_mut()?;
        self.framing.read(wire, piece, most).now_or_never()
    }

    /// Appends at most `most` bytes to `buffer`, at least one; 0 at the end.
    pub(in crate::http) async fn read_into(
        &mut self,
        buffer: &mut Vec<u8>,
        most: usize,
    ) -> Result<usize, TransportError> {
        let Some((wire, _)) = &mut self.connection else {
            return Ok(0);
        };
        let read = self.framing.read(wire, buffer, most);
        let failure = match within(self.patience, read).await {
            Ok(got) => {
                // A body that ends with its connection has ended.
                if got == 0 && most > 0 {
                    self.framing = Framing::Length(0);
                }
                self.give_back_at_end();
                return Ok(got);
            }
            Err(Failure::Io(error)) => TransportError::after(
                TransportErrorKind::Broken,
                format!("the body broke off: {error}"),
            ),
            Err(Failure::Stalled) => TransportError::after(
                TransportErrorKind::Timeout,
                format!("the body stalled for {} s", self.patience.as_secs_f64()),
            ),
        };
        // Closes the connection.
        self.connection = None;
        Err(failure)
    }

    fn give_back_at_end(&mut self) {
        if self.framing.is_done()
            && let Some((wire, place)) = self.connection.take()
            && self.keep
        {
            place.give_back(wire);
        }
    }
}

enum Failure {
    Stalled,
    Io(io::Error),
}

/// Waits at most `limit`. What is here already costs no timer.
async fn within<T>(
    limit: Duration,
    doing: impl Future<Output = io::Result<T>>,
) -> Result<T, Failure> {
    let done = tokio::time::timeout(limit, doing).await;
    done.map_err(|_| Failure::Stalled)?.map_err(Failure::Io)
}
