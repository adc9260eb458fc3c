//! Retention policies: begun, locked, prolonged. Locked objects can't be deleted or replaced before
//! their time.

use super::{kept, of_bucket, read, set, write};
use crate::{
    failure::Failure,
    http::{Reply, Request},
    store::{ObjectRecord, StoreError, now_ms},
};
use ossplit_protocol::{
    code::Code,
    time,
    xml::settings::{ExtendWormConfiguration, InitiateWormConfiguration, WormConfiguration},
};

/// The longest retention, in days.
const MAX_DAYS: i64 = 25_550;

/// A policy that is not locked within this many seconds lapses.
const LAPSES: i64 = 24 * 60 * 60;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn missing() -> Failure {
    Failure::new(Code::NoSuchWORMConfiguration)
}

/// The policy that is in force or can still be locked.
fn current(request: &Request) -> Result<WormConfiguration, Failure> {
    kept(request, "worm")?;
    let policy: WormConfiguration = of_bucket(request, "worm").ok_or_else(missing)?;
    let until = policy
        .expiration_date
        .as_deref()
        .and_then(time::parse_xml_time);
    let now = now_ms() / 1000;
    if policy.state == "InProgress" && until.is_some_and(|until| until <= now) {
        return Err(missing());
    }
    Ok(policy)
}

/// The policy with the id that a request names.
fn named(request: &Request) -> Result<WormConfiguration, Failure> {
    let policy = current(request)?;
    match request.parameter("wormId") {
        Some(id) if id == policy.worm_id => Ok(policy),
        _ => Err(missing()),
    }
}

fn check_days(days: i64) -> Result<(), Failure> {
    if (1..=MAX_DAYS).contains(&days) {
        return Ok(());
    }
    Err(Failure::argument("RetentionPeriodInDays", days.to_string()))
}

pub(in crate::ops) async fn initiate(request: &mut Request) -> Result<Reply, Failure> {
    let body = request.document().await?;
    let document: InitiateWormConfiguration = read(&body, "InitiateWormConfiguration")?;
    check_days(document.retention_period_in_days)?;
    if super::super::versioning(request) != crate::store::Versioning::Off {
        return Err(Failure::argument("worm", "")
            .message("A bucket that keeps versions can't have a retention policy."));
    }
    if let Ok(policy) = current(request) {
        let code = match policy.state.as_str() {
            "Locked" => Code::WORMConfigurationLocked,
            _ => Code::InvalidWORMConfiguration,
        };
        return Err(Failure::new(code));
    }
    let now = now_ms() / 1000;
    let policy = WormConfiguration {
        worm_id: format!("{:032X}", fastrand::u128(..)),
        state: "InProgress".to_owned(),
        retention_period_in_days: document.retention_period_in_days,
        creation_date: time::xml_time(now),
        expiration_date: Some(time::xml_time(now + LAPSES)),
    };
    set(request, "worm", Some(write(&policy))).await?;
    Ok(Reply::ok().with_text("x-oss-worm-id", &policy.worm_id))
}

pub(in crate::ops) async fn abort(request: &Request) -> Result<Reply, Failure> {
    if request.state.store.bucket(request.bucket()).is_none() {
        return Err(StoreError::NoSuchBucket.into());
    }
    match current(request) {
        Ok(policy) if policy.state == "Locked" => Err(Failure::new(Code::WORMConfigurationLocked)),
        _ => {
            set(request, "worm", None).await?;
            Ok(Reply::no_content())
        }
    }
}

pub(in crate::ops) async fn complete(request: &Request) -> Result<Reply, Failure> {
    let policy = named(request)?;
    if policy.state == "Locked" {
        return Err(Failure::new(Code::WORMConfigurationLocked));
    }
    let locked = WormConfiguration {
        state: "Locked".to_owned(),
        expiration_date: None,
        ..policy
    };
    set(request, "worm", Some(write(&locked))).await?;
    Ok(Reply::ok())
}

pub(in crate::ops) async fn extend(request: &mut Request) -> Result<Reply, Failure> {
    let policy = named(request)?;
    let body = request.document().await?;
    let document: ExtendWormConfiguration = read(&body, "ExtendWormConfiguration")?;
    check_days(document.retention_period_in_days)?;
    let longer = document.retention_period_in_days > policy.retention_period_in_days;
    if policy.state != "Locked" || !longer {
        return Err(Failure::new(Code::InvalidWORMConfiguration));
    }
    let longer = WormConfiguration {
        retention_period_in_days: document.retention_period_in_days,
        ..policy
    };
    set(request, "worm", Some(write(&longer))).await?;
    Ok(Reply::ok())
}

pub(in crate::ops) fn get(request: &Request) -> Result<Reply, Failure> {
    Ok(Reply::xml(&current(request)?))
}

/// Refuses to change or delete an object that a locked policy still protects.
pub(in crate::ops) fn check(request: &Request, record: &ObjectRecord) -> Result<(), Failure> {
    let Ok(policy) = current(request) else {
        return Ok(());
    };
    let until = record.modified_ms + policy.retention_period_in_days * DAY_MS;
    if policy.state == "Locked" && now_ms() < until {
        return Err(Failure::new(Code::FileImmutable));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_between_one_and_seventy_years() {
        for (days, good) in [
            (0, false),
            (1, true),
            (25_550, true),
            (25_551, false),
            (-1, false),
        ] {
            assert_eq!(check_days(days).is_ok(), good, "{days}");
        }
    }
}
