//! `AppendObject`.

use super::{intake, meta, put::written, with_version};
use crate::{
    failure::Failure,
    http::{Reply, Request},
    store::{ObjectKind, StoreError, now_ms},
};
use ossplit_protocol::{code::Code, headers as names, time};

/// Where the append begins, or where the object ends, in bytes.
fn position(request: &Request) -> Result<u64, Failure> {
    let sent = request
        .parameter("position")
        .ok_or_else(|| Failure::new(Code::MissingArgument).with("ArgumentName", "position"))?;
    sent.parse()
        .map_err(|_| Failure::argument("position", sent).ec("0016-00000502"))
}

pub(super) async fn run(request: &mut Request) -> Result<Reply, Failure> {
    meta::check_headers(request)?;
    let position = position(request)?;
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

/// `SealAppendObject`: nothing can be appended any more.
pub(super) async fn seal(request: &mut Request) -> Result<Reply, Failure> {
    let position = position(request)?;
    let store = &request.state.store;
    let sealed = store.change(request.bucket(), request.key(), None, move |record| {
        if record.kind != ObjectKind::Appendable {
            return Err(StoreError::NotAppendable);
        }
        if position != record.size {
            return Err(StoreError::WrongPosition {
                length: record.size,
                crc64: record.crc64,
            });
        }
        record.sealed_ms.get_or_insert_with(now_ms);
        Ok(())
    });
    let record = sealed.await??;
    let date = time::http_date(record.sealed_ms.unwrap_or_default().div_euclid(1000));
    let reply = Reply::ok().with_text(names::SEALED_TIME, &date);
    Ok(with_version(reply, request, record.version))
}
