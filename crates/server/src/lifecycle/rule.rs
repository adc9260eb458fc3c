//! What a rule says of one version.

use crate::store::{ObjectKind, ObjectRecord, StorageClass};
use ossplit_protocol::{
    time,
    xml::settings::{LifecycleFilter, LifecycleRule},
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A version that rules are asked about.
pub(super) struct Candidate<'a> {
    pub(super) key: &'a str,
    pub(super) record: &'a ObjectRecord,
    /// When a newer version took its place; `None`: it is the newest.
    pub(super) noncurrent_since_ms: Option<i64>,
    /// Whether it is the only version of its key.
    pub(super) alone: bool,
}

/// What is to become of a version; the greater wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It changes its class.
    Transition(StorageClass),
    /// It goes.
    Delete,
}

impl Fate {
    fn rank(self) -> u8 {
        match self {
            Self::Transition(class) => class.number(),
            Self::Delete => u8::MAX,
        }
    }
}

impl PartialOrd for Fate {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Fate {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

/// When something is to happen.
#[derive(Debug, Clone, Copy)]
enum When {
    /// So long after the change that counts.
    After(i64),
    /// To what was last changed before.
    Before(i64),
    /// From then on.
    From(i64),
}

impl When {
    fn is_now(self, changed_ms: i64, now_ms: i64) -> bool {
        match self {
            Self::After(span) => now_ms >= changed_ms + span,
            Self::Before(date) => changed_ms < date,
            Self::From(date) => now_ms >= date,
        }
    }
}

fn days(days: Option<u32>) -> Option<When> {
    days.map(|days| When::After(i64::from(days) * DAY_MS))
}

fn date(text: Option<&String>) -> Option<i64> {
    text.and_then(|text| time::parse_xml_time(text))
        .map(|seconds| seconds * 1000)
}

/// An enabled rule.
pub(super) struct Rule {
    prefix: String,
    tags: Vec<(String, String)>,
    filter: LifecycleFilter,
    expires: Option<When>,
    lone_markers: bool,
    transitions: Vec<(When, StorageClass)>,
    aborts: Option<When>,
    noncurrent_expires: Option<When>,
    noncurrent_transitions: Vec<(When, StorageClass)>,
}

impl Rule {
    /// The rule of a document, if it is enabled.
    pub(super) fn new(rule: &LifecycleRule) -> Option<Self> {
        if rule.status != "Enabled" {
            return None;
        }
        let expiration = rule.expiration.clone().unwrap_or_default();
        let before = date(expiration.created_before_date.as_ref()).map(When::Before);
        let from = date(expiration.date.as_ref()).map(When::From);
        let class = |word: &str| StorageClass::from_name(word);
        let transitions = rule
            .transition
            .iter()
            .filter(|t| t.is_access_time != Some(true));
        let noncurrent = rule
            .noncurrent_version_transition
            .iter()
            .filter(|t| t.is_access_time != Some(true));
        Some(Self {
            prefix: rule.prefix.clone().unwrap_or_default(),
            tags: rule
                .tag
                .iter()
                .map(|tag| (tag.key.clone(), tag.value.clone()))
                .collect(),
            filter: rule.filter.clone().unwrap_or_default(),
            expires: days(expiration.days).or(before).or(from),
            lone_markers: expiration.expired_object_delete_marker == Some(true),
            transitions: transitions
                .filter_map(|t| {
                    let before = date(t.created_before_date.as_ref()).map(When::Before);
                    Some((days(t.days).or(before)?, class(&t.storage_class)?))
                })
                .collect(),
            aborts: rule.abort_multipart_upload.as_ref().and_then(|abort| {
                let before = date(abort.created_before_date.as_ref()).map(When::Before);
                days(abort.days).or(before)
            }),
            noncurrent_expires: rule
                .noncurrent_version_expiration
                .as_ref()
                .and_then(|expiration| days(expiration.noncurrent_days)),
            noncurrent_transitions: noncurrent
                .filter_map(|t| Some((days(t.noncurrent_days)?, class(&t.storage_class)?)))
                .collect(),
        })
    }

    fn is_for(&self, candidate: &Candidate<'_>) -> bool {
        let meta = &candidate.record.meta;
        let has = |key: &str, value: &str| meta.tags.iter().any(|(k, v)| k == key && v == value);
        let larger = self.filter.object_size_greater_than;
        let smaller = self.filter.object_size_less_than;
        let left_out = |not: &ossplit_protocol::xml::settings::LifecycleNot| {
            let prefix = not.prefix.as_deref().unwrap_or_default();
            let tag = not.tag.as_ref();
            candidate.key.starts_with(prefix) && tag.is_none_or(|tag| has(&tag.key, &tag.value))
        };
        candidate.key.starts_with(&self.prefix)
            && self.tags.iter().all(|(key, value)| has(key, value))
            && larger.is_none_or(|bound| candidate.record.size > bound)
            && smaller.is_none_or(|bound| candidate.record.size < bound)
            && !self.filter.not.iter().any(left_out)
    }

    /// What is to become of a version now.
    pub(super) fn fate(&self, candidate: &Candidate<'_>, now_ms: i64) -> Option<Fate> {
        let record = candidate.record;
        if record.kind == ObjectKind::DeleteMarker {
            // What hides nothing any more.
            let lone = candidate.alone && self.lone_markers;
            let old = candidate.noncurrent_since_ms.zip(self.noncurrent_expires);
            let gone = old.is_some_and(|(since, when)| when.is_now(since, now_ms));
            let here = candidate.key.starts_with(&self.prefix);
            return (here && (lone || gone)).then_some(Fate::Delete);
        }
        if !self.is_for(candidate) {
            return None;
        }
        let (changed_ms, expires, transitions) = match candidate.noncurrent_since_ms {
            None => (record.modified_ms, self.expires, &self.transitions),
            Some(since) => (since, self.noncurrent_expires, &self.noncurrent_transitions),
        };
        if expires.is_some_and(|when| when.is_now(changed_ms, now_ms)) {
            return Some(Fate::Delete);
        }
        transitions
            .iter()
            .filter(|(when, class)| {
                when.is_now(changed_ms, now_ms) && class.number() > record.meta.class.number()
            })
            .map(|(_, class)| Fate::Transition(*class))
            .max()
            .filter(|_| record.kind != ObjectKind::Symlink)
    }

    /// Whether an upload begun then is to be aborted now.
    pub(super) fn aborts(&self, key: &str, begun_ms: i64, now_ms: i64) -> bool {
        key.starts_with(&self.prefix)
            && self
                .aborts
                .is_some_and(|when| when.is_now(begun_ms, now_ms))
    }
}
