//! The part of an ECS instance's metadata service that gives out keys of its RAM role, in the
//! hardened mode: a token first, by PUT (page "Instance metadata").

use super::{Session, StsAnswer, issue};
use crate::{
    auth::{RoleSpec, letters},
    http::{State, unix_seconds},
};
use http::{HeaderMap, Method};
use ossplit_protocol::time;
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::HashMap;

const ROLES: &str = "/latest/meta-data/ram/security-credentials";
const TTL: &str = "x-aliyun-ecs-metadata-token-ttl-seconds";
const TOKEN: &str = "x-aliyun-ecs-metadata-token";

/// Tokens that may live at once.
const MAX_TOKENS: usize = 10_000;

/// What the service remembers.
#[derive(Default)]
pub(crate) struct Metadata {
    /// Ends of tokens, in unix seconds.
    tokens: Mutex<HashMap<String, i64>>,
    /// Keys given out, by role, with the time from which on there is another.
    keys: Mutex<HashMap<String, (i64, Value)>>,
}

fn answer(status: u16, text: impl Into<String>) -> StsAnswer {
    StsAnswer {
        status,
        kind: "text/plain",
        text: text.into(),
    }
}

impl Metadata {
    fn new_token(&self, headers: &HeaderMap, now: i64) -> StsAnswer {
        let seconds = headers.get(TTL).and_then(|value| value.to_str().ok());
        let seconds = seconds.and_then(|text| text.parse::<i64>().ok());
        let Some(seconds) = seconds.filter(|seconds| (1..=21_600).contains(seconds)) else {
            return answer(400, format!("{TTL} must be between 1 and 21600\n"));
        };
        let Ok(token) = letters(40) else {
            return answer(500, "no random bytes\n");
        };
        let mut tokens = self.tokens.lock();
        if tokens.len() >= MAX_TOKENS {
            tokens.retain(|_, end| *end > now);
        }
        if tokens.len() >= MAX_TOKENS {
            return answer(503, "too many tokens\n");
        }
        tokens.insert(token.clone(), now + seconds);
        answer(200, token)
    }

    /// The key of a role: the same until half of its life is over.
    fn key(&self, state: &State, role: &RoleSpec, now: i64) -> StsAnswer {
        let mut keys = self.keys.lock();
        if let Some((until, value)) = keys.get(&role.name)
            && now < *until
        {
            return answer(200, value.to_string());
        }
        let seconds = role.ecs_seconds();
        let session = Session {
            name: "i-ossplit".to_owned(),
            seconds,
            policy: None,
        };
        match issue(state, role, session) {
            Ok(mut issued) => {
                let mut value = issued["Credentials"].take();
                if let Some(fields) = value.as_object_mut() {
                    let updated = time::xml_time(now).replace(".000Z", "Z");
                    fields.insert("LastUpdated".into(), updated.into());
                    fields.insert("Code".into(), "Success".into());
                }
                let text = value.to_string();
                keys.insert(role.name.clone(), (now + (seconds + 1) / 2, value));
                answer(200, text)
            }
            Err(fault) => answer(fault.status, fault.message),
        }
    }

    /// Answers a request below `/latest`.
    pub(crate) fn answer(
        &self,
        state: &State,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> StsAnswer {
        let now = unix_seconds();
        if path == "/latest/api/token" {
            return match *method {
                Method::PUT => self.new_token(headers, now),
                _ => answer(405, "PUT only\n"),
            };
        }
        if *method != Method::GET {
            return answer(405, "GET only\n");
        }
        let token = headers.get(TOKEN).and_then(|value| value.to_str().ok());
        let known = token.and_then(|token| self.tokens.lock().get(token).copied());
        if known.is_none_or(|end| end <= now) {
            return answer(403, format!("{TOKEN} is missing, unknown or ended\n"));
        }
        if path == "/latest/meta-data/region-id" {
            return answer(200, state.region.clone());
        }
        let Some(name) = path.strip_prefix(ROLES) else {
            return answer(404, "not found\n");
        };
        let mut roles = state.keys.roles().iter().filter(|role| role.ecs);
        match name.trim_start_matches('/') {
            "" => {
                let names: Vec<&str> = roles.map(|role| role.name.as_str()).collect();
                if names.is_empty() {
                    return answer(404, "the instance has no RAM role\n");
                }
                answer(200, names.join("\n"))
            }
            name => match roles.find(|role| role.name == name) {
                Some(role) => self.key(state, role, now),
                None => answer(404, "not found\n"),
            },
        }
    }
}
