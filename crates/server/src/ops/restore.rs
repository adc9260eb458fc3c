//! Objects of archive classes: they can be read only while a restored copy is there.

use super::{meta, version, with_version};
use crate::{
    failure::Failure,
    http::{Reply, Request},
    store::{ObjectRecord, Restore, StorageClass, now_ms},
};
use http::{HeaderValue, StatusCode};
use ossplit_protocol::{
    code::Code,
    time,
    xml::{self, RestoreRequest},
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What there is of a restored copy.
enum State {
    None,
    Running,
    Ready { expires_ms: i64 },
}

fn state(record: &ObjectRecord, now: i64) -> State {
    match record.restore {
        Some(restore) if now < restore.ready_ms => State::Running,
        Some(restore) if now < restore.expires_ms => State::Ready {
            expires_ms: restore.expires_ms,
        },
        _ => State::None,
    }
}

fn is_frozen(class: StorageClass) -> bool {
    matches!(
        class,
        StorageClass::Archive | StorageClass::ColdArchive | StorageClass::DeepColdArchive
    )
}

/// Refuses to read what must be restored first.
pub(super) fn check_readable(record: &ObjectRecord) -> Result<(), Failure> {
    let frozen = is_frozen(record.meta.class);
    match state(record, now_ms()) {
        State::None | State::Running if frozen => Err(Failure::new(Code::InvalidObjectState)
            .message("The operation is not valid for the object's state")),
        _ => Ok(()),
    }
}

/// `x-oss-restore` and `RestoreInfo`, if there is something to say.
pub(super) fn info(record: &ObjectRecord) -> Option<String> {
    match state(record, now_ms()) {
        State::None => None,
        State::Running => Some("ongoing-request=\"true\"".to_owned()),
        State::Ready { expires_ms } => {
            let date = time::http_date(expires_ms.div_euclid(1000));
            Some(format!("ongoing-request=\"false\", expiry-date=\"{date}\""))
        }
    }
}

/// Days and tier of a request, as far as the object's class allows them.
fn wanted(
    class: StorageClass,
    document: &RestoreRequest,
) -> Result<(i64, Option<&'static str>), Failure> {
    let days = document.days.unwrap_or(1);
    let tier = document
        .job_parameters
        .as_ref()
        .map(|job| job.tier.as_str());
    let (most, ec) = match class {
        StorageClass::Archive => (7, "0016-00000708"),
        _ => (365, "0016-00000704"),
    };
    if !(1..=most).contains(&days) {
        return Err(Failure::argument("Days", days.to_string()).ec(ec));
    }
    let tier = match (class, tier) {
        (StorageClass::Archive, None) => None,
        (StorageClass::Archive, Some(_)) => {
            return Err(Failure::new(Code::MalformedXML).ec("0016-00000608"));
        }
        (_, None | Some("Standard")) => Some("Standard"),
        (_, Some("Expedited")) => Some("Expedited"),
        (StorageClass::ColdArchive, Some("Bulk")) => Some("Bulk"),
        (_, Some(other)) => {
            return Err(Failure::argument("Tier", other).ec("0016-00000703"));
        }
    };
    Ok((days, tier))
}

pub(super) async fn restore(request: &mut Request) -> Result<Reply, Failure> {
    meta::default_class(request)?;
    let version = version(request)?;
    let body = request.document().await?;
    let document: RestoreRequest = if body.trim_ascii().is_empty() {
        RestoreRequest::default()
    } else {
        xml::read(&body).map_err(|_| Failure::new(Code::MalformedXML).ec("0016-00000607"))?
    };
    let (store, delay) = (&request.state.store, request.state.restore_time);
    let (bucket, key) = (request.bucket(), request.key());
    let found = store.head(bucket, key, version).await?;
    if !is_frozen(found.meta.class) {
        return Err(Failure::new(Code::OperationNotSupported).with(
            "Detail",
            "RestoreObject operation does not support this storage class",
        ));
    }
    let (days, tier) = wanted(found.meta.class, &document)?;
    let changed = store.change(bucket, key, version, move |record| {
        let now = now_ms();
        let ready_ms = match state(record, now) {
            State::Running => return Err(Failure::new(Code::RestoreAlreadyInProgress)),
            State::Ready { .. } => now,
            State::None => now + delay.as_millis() as i64,
        };
        record.restore = Some(Restore {
            ready_ms,
            expires_ms: ready_ms + days * DAY_MS,
        });
        Ok(())
    });
    let was_ready = matches!(state(&found, now_ms()), State::Ready { .. });
    let record = changed.await??;
    let mut reply = Reply::status(if was_ready {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    });
    if let Some(tier) = tier {
        reply = reply.with(
            "x-oss-object-restore-priority",
            HeaderValue::from_static(tier),
        );
    }
    Ok(with_version(reply, request, record.version))
}

pub(super) async fn clean(request: &mut Request) -> Result<Reply, Failure> {
    let version = version(request)?;
    let store = &request.state.store;
    let changed = store.change(
        request.bucket(),
        request.key(),
        version,
        |record| match state(record, now_ms()) {
            State::None => Err(Failure::new(Code::ArchiveRestoreFileStale)),
            State::Running => Err(Failure::new(Code::ArchiveRestoreNotFinished)),
            State::Ready { .. } => {
                record.restore = None;
                Ok(())
            }
        },
    );
    let record = changed.await??;
    Ok(with_version(Reply::ok(), request, record.version))
}
