//! Rules by which objects would be copied to other buckets. They are kept; nothing is copied.

use super::{kept, malformed, of_bucket, one_of, read, set, write};
use crate::{
    failure::Failure,
    http::{Reply, Request},
};
use ossplit_protocol::{
    code::Code,
    xml::settings::{
        ReplicationConfiguration, ReplicationLocation, ReplicationProgress,
        ReplicationProgressRule, ReplicationRule, ReplicationRules,
    },
};

const NAME: &str = "replication";

fn rules(request: &Request) -> Result<ReplicationConfiguration, Failure> {
    kept(request, NAME)?;
    Ok(of_bucket(request, NAME).unwrap_or_default())
}

async fn keep(request: &Request, rules: ReplicationConfiguration) -> Result<(), Failure> {
    let document = Some(&rules)
        .filter(|rules| !rules.rule.is_empty())
        .map(write);
    set(request, NAME, document).await.map(drop)
}

/// A UUID, as the service makes them.
fn uuid() -> String {
    let hex = format!("{:032x}", fastrand::u128(..));
    let [first, second, third, fourth] = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20]];
    format!("{first}-{second}-{third}-{fourth}-{}", &hex[20..])
}

/// `PutBucketReplication`.
pub(in crate::ops) async fn add(request: &mut Request) -> Result<Reply, Failure> {
    let body = request.document().await?;
    let document: ReplicationConfiguration = read(&body, "ReplicationConfiguration")?;
    let [mut rule]: [ReplicationRule; 1] = document.rule.try_into().map_err(|_| malformed())?;
    if rule.destination.bucket.is_empty() {
        return Err(malformed());
    }
    if let Some(rtc) = &rule.rtc {
        one_of("Status", &rtc.status, &["enabled", "disabled", "enabling"])?;
    }
    let mut rules = rules(request)?;
    let same = |other: &ReplicationRule| other.destination.bucket == rule.destination.bucket;
    if rules.rule.iter().any(same) {
        return Err(Failure::new(Code::BucketReplicationAlreadyExist));
    }
    let id = rule
        .id
        .take()
        .filter(|id| !id.is_empty())
        .unwrap_or_else(uuid);
    rule.id = Some(id.clone());
    rule.status = Some("starting".to_owned());
    rule.action.get_or_insert_with(|| "ALL".to_owned());
    rule.historical_object_replication
        .get_or_insert_with(|| "enabled".to_owned());
    rules.rule.push(rule);
    keep(request, rules).await?;
    Ok(Reply::ok().with_text("x-oss-replication-rule-id", &id))
}

/// `DeleteBucketReplication`.
pub(in crate::ops) async fn remove(request: &mut Request) -> Result<Reply, Failure> {
    let body = request.document().await?;
    let document: ReplicationRules = read(&body, "ReplicationRules")?;
    let mut rules = rules(request)?;
    let before = rules.rule.len();
    let goes = |rule: &ReplicationRule| document.id.iter().any(|id| rule.id.as_ref() == Some(id));
    rules.rule.retain(|rule| !goes(rule));
    if rules.rule.len() == before {
        return Err(Failure::new(Code::NoSuchReplicationRule));
    }
    keep(request, rules).await?;
    Ok(Reply::ok())
}

/// `PutBucketRtc`.
pub(in crate::ops) async fn time_control(request: &mut Request) -> Result<Reply, Failure> {
    let body = request.document().await?;
    let change: ReplicationRule = read(&body, "ReplicationRule")?;
    let mut rules = rules(request)?;
    let rule = rules.rule.iter_mut().find(|rule| rule.id == change.id);
    let rule = rule.ok_or_else(|| Failure::new(Code::NoSuchReplicationRule))?;
    let rtc = change.rtc.ok_or_else(malformed)?;
    one_of("Status", &rtc.status, &["enabled", "disabled"])?;
    rule.rtc = Some(rtc);
    keep(request, rules).await?;
    Ok(Reply::ok())
}

/// `GetBucketReplicationLocation`: there is no other region here.
pub(in crate::ops) fn locations(request: &Request) -> Result<Reply, Failure> {
    kept(request, NAME)?;
    Ok(Reply::xml(&ReplicationLocation {
        location: vec![format!("oss-{}", request.state.region)],
    }))
}

/// `GetBucketReplicationProgress`.
pub(in crate::ops) fn progress(request: &Request) -> Result<Reply, Failure> {
    let id = request.parameter("rule-id").unwrap_or_default();
    let rules = rules(request)?;
    let rule = rules
        .rule
        .into_iter()
        .find(|rule| rule.id.as_deref() == Some(id))
        .ok_or_else(|| Failure::new(Code::NoSuchReplicationRule))?;
    Ok(Reply::xml(&ReplicationProgress {
        rule: vec![ReplicationProgressRule {
            id: id.to_owned(),
            prefix_set: rule.prefix_set,
            action: rule.action,
            destination: rule.destination,
            status: rule.status.unwrap_or_default(),
            historical_object_replication: rule.historical_object_replication,
        }],
    }))
}
