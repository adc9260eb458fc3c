//! `AppendObject`.

use super::{intake, meta, put::written};
use crate::{
    failure::Failure,
    http::{Reply, Request},
};
use ossplit_protocol::{code::Code, headers as names};

pub(super) async fn run(request: &mut Request) -> Result<Reply, Failure> {
    meta::check_headers(request)?;
    let position = request
        .parameter("position")
        .ok_or_else(|| Failure::new(Code::MissingArgument).with("ArgumentName", "position"))?;
    let position: u64 = position
        .parse()
        .map_err(|_| Failure::argument("position", position).ec("0016-00000502"))?;
    let meta = meta::of_request(request)?;
    let staged = intake::object(request).await?;
    let (bucket, key) = (request.bucket(), request.key());
    let append = request
        .state
        .store
        .append(bucket, key, position, meta, staged);
    let record = append.await?;
    Ok(written(request, &record).with(names::NEXT_APPEND_POSITION, record.size))
}
