//! `x-oss-traffic-limit`: the speed of one transfer, as its request wants it.

use super::{Limiter, Request};
use crate::{failure::Failure, route::Operation};
use ossplit_protocol::headers as names;
use std::{ops::RangeInclusive, sync::Arc};

/// Bits per second that may be asked for (API page "Single-connection bandwidth throttling").
const RANGE: RangeInclusive<u64> = 819_200..=838_860_800;

/// The limit that a transfer's request asks for, in its headers or its query.
pub(super) fn limit(request: &Request) -> Result<Option<Arc<Limiter>>, Failure> {
    let transfers = matches!(
        request.operation,
        Operation::GetObject
            | Operation::PutObject
            | Operation::PostObject
            | Operation::AppendObject
            | Operation::UploadPart
            | Operation::UploadPartCopy
            | Operation::CopyObject
    );
    let sent = request
        .header(names::TRAFFIC_LIMIT)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .or_else(|| request.parameter(names::TRAFFIC_LIMIT).map(str::to_owned));
    let Some(sent) = sent.filter(|_| transfers) else {
        return Ok(None);
    };
    match sent.trim().parse().ok().filter(|bits| RANGE.contains(bits)) {
        Some(bits) => Ok(Some(Arc::new(Limiter::new(bits as f64 / 8.0)))),
        None => Err(
            Failure::argument(names::TRAFFIC_LIMIT, sent).message(format!(
                "The traffic limit must be an integer between {} and {} bit/s.",
                RANGE.start(),
                RANGE.end()
            )),
        ),
    }
}
