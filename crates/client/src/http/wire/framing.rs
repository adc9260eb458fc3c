//! Where a response's body ends (RFC 9112, 6.3).

use super::{Wire, malformed};
use http::{HeaderMap, Method, StatusCode, header};
use std::io;

/// How the rest of a body is told from what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes are still to come.
    Length(u64),
    /// Chunks.
    Chunked {
        /// Bytes still to come of the current one.
        left: u64,
        /// It is not the first: the line end of the one before comes first.
        began: bool,
    },
    /// Ends with the connection.
    UntilClose,
}

impl Framing {
    pub(super) fn of(method: &Method, status: StatusCode, headers: &HeaderMap) -> io::Result<Self> {
        let bodyless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if method == Method::HEAD || bodyless || status.is_informational() {
            return Ok(Self::Length(0));
        }
        let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
        if let Some(coding) = codings.next() {
            let chunked = coding.as_bytes().eq_ignore_ascii_case(b"chunked");
            if !chunked || codings.next().is_some() {
                return Err(malformed(
                    "the answer has a transfer coding that is not known",
                ));
            }
            return Ok(Self::Chunked {
                left: 0,
                began: false,
            });
        }
        let mut known = None;
        for value in headers.get_all(header::CONTENT_LENGTH) {
            let length = value.to_str().ok().and_then(|text| text.parse().ok());
            let length: u64 = length.ok_or_else(|| malformed("Content-Length is no number"))?;
            if known.is_some_and(|other| other != length) {
                return Err(malformed("the answer has two lengths"));
            }
            known = Some(length);
        }
        Ok(known.map_or(Self::UntilClose, Self::Length))
    }

    /// The connection can go on after the body.
    pub(super) fn has_an_end(self) -> bool {
        self != Self::UntilClose
    }

    /// Nothing more will come, for sure.
    pub(super) fn is_done(self) -> bool {
        self == Self::Length(0)
    }

    /// Bytes that are known to come.
    pub(super) fn known(self) -> u64 {
        match self {
            Self::Length(left) | Self::Chunked { left, .. } => left,
            Self::UntilClose => 0,
        }
    }

    /// Appends at most `most` bytes of the body to `buffer`, at least one; 0 at its end.
    pub(super) async fn read(
        &mut self,
        wire: &mut Wire,
        buffer: &mut Vec<u8>,
        most: usize,
    ) -> io::Result<usize> {
        if let Self::Chunked { left: 0, began } = *self {
            let size = next_chunk(wire, began).await?;
            *self = if size == 0 {
                Self::Length(0)
            } else {
                Self::Chunked {
                    left: size,
                    began: true,
                }
            };
        }
        let (Self::Length(left) | Self::Chunked { left, .. }) = self else {
            return wire.read(buffer, most).await;
        };
        if *left == 0 || most == 0 {
            return Ok(0);
        }
        let most = usize::try_from(*left).map_or(most, |left| left.min(most));
        let got = wire.read(buffer, most).await?;
        if got == 0 {
            let cause = format!("{left} bytes before its end");
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, cause));
        }
        *left -= got as u64;
        Ok(got)
    }
}

/// Bytes of the chunk that begins now; 0 when the body has ended and its trailers were read.
async fn next_chunk(wire: &mut Wire, began: bool) -> io::Result<u64> {
    if began && !wire.line().await?.is_empty() {
        return Err(malformed("a chunk is longer than it says"));
    }
    let line = wire.line().await?;
    let size = line[..].split(|byte| *byte == b';').next().unwrap_or(&[]);
    let size = std::str::from_utf8(size).ok().map(str::trim);
    // `from_str_radix` would take a sign.
    let size = size.filter(|text| text.starts_with(|c: char| c.is_ascii_hexdigit()));
    let size = size.and_then(|text| u64::from_str_radix(text, 16).ok());
    let size = size.ok_or_else(|| malformed("a chunk's size is no number"))?;
    if size == 0 {
        while !wire.line().await?.is_empty() {}
    }
    Ok(size)
}
