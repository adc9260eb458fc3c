//! Keys for a time: `AssumeRole` and `AssumeRoleWithOIDC` as STS answers them (API version
//! 2015-04-01), and the metadata service of an ECS instance, all on the console's port.

mod fault;
mod jwt;
mod metadata;
mod parameters;
mod signature;

pub(crate) use metadata::Metadata;

use crate::{
    auth::{Account, Identity, OWNER_ID, RoleSpec, User},
    glob,
    http::{State, unix_seconds},
    policy::Policy,
};
use fault::Fault;
use http::request::Parts;
use ossplit_protocol::time;
use parameters::Parameters;
use serde_json::{Value, json};
use std::{fmt::Write as _, sync::Arc};

/// An answer of STS: its status, its type and its text.
pub(crate) struct StsAnswer {
    pub(crate) status: u16,
    pub(crate) kind: &'static str,
    pub(crate) text: String,
}

/// A UUID of random digits.
fn request_id() -> String {
    let (a, b) = (fastrand::u64(..), fastrand::u64(..));
    format!(
        "{:08X}-{:04X}-4{:03X}-{:04X}-{:012X}",
        a >> 32,
        (a >> 16) & 0xFFFF,
        a & 0xFFF,
        0x8000 | ((b >> 48) & 0x3FFF),
        b & 0xFFFF_FFFF_FFFF
    )
}

/// The text of a value whose leaves are texts, as XML elements.
fn elements(out: &mut String, value: &Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let _ = write!(out, "<{name}>");
                elements(out, value);
                let _ = write!(out, "</{name}>");
            }
        }
        Value::String(text) => {
            for c in text.chars() {
                match c {
                    '<' => out.push_str("&lt;"),
                    '>' => out.push_str("&gt;"),
                    '&' => out.push_str("&amp;"),
                    c => out.push(c),
                }
            }
        }
        other => out.push_str(&other.to_string()),
    }
}

/// Answers a call of STS.
pub(crate) fn answer(state: &State, head: &Parts, body: &[u8]) -> StsAnswer {
    let id = request_id();
    let parameters = Parameters::read(head, body);
    let action = parameters.action().unwrap_or_default().to_owned();
    let result = run(state, head, body, &parameters, &action);
    let (status, root, mut value) = match result {
        Ok(value) => (200, format!("{action}Response"), value),
        Err(fault) => {
            let host = head.headers.get("host");
            let host = host.map_or("", |host| host.to_str().unwrap_or_default());
            let value = json!({
                "HostId": host,
                "Code": fault.code,
                "Message": fault.message,
                "Recommend": format!("https://api.alibabacloud.com/troubleshoot?q={}", fault.code),
            });
            (fault.status, "Error".to_owned(), value)
        }
    };
    if let Some(fields) = value.as_object_mut() {
        fields.insert("RequestId".into(), id.into());
    }
    let wants_json = parameters
        .get("Format")
        .map_or(parameters.is_acs3(), |format| {
            format.eq_ignore_ascii_case("json")
        });
    if wants_json {
        return StsAnswer {
            status,
            kind: "application/json;charset=utf-8",
            text: value.to_string(),
        };
    }
    let mut text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root}>");
    elements(&mut text, &value);
    let _ = write!(text, "</{root}>");
    StsAnswer {
        status,
        kind: "text/xml;charset=utf-8",
        text,
    }
}

fn run(
    state: &State,
    head: &Parts,
    body: &[u8],
    parameters: &Parameters,
    action: &str,
) -> Result<Value, Fault> {
    match action {
        "AssumeRole" => {
            let caller = signature::caller(state, head, body, parameters)?;
            assume(state, parameters, &caller)
        }
        "AssumeRoleWithOIDC" => assume_with_oidc(state, parameters),
        _ => Err(Fault::new(
            404,
            "InvalidAction.NotFound",
            "Specified api is not found, please check your url and method.",
        )),
    }
}

/// The role that `RoleArn` names.
fn role<'a>(state: &'a State, parameters: &Parameters) -> Result<&'a RoleSpec, Fault> {
    let arn = parameters.need("RoleArn")?;
    let named = arn.strip_prefix("acs:ram::").and_then(|rest| {
        let (account, name) = rest.split_once(":role/")?;
        let digits = !account.is_empty() && account.bytes().all(|b| b.is_ascii_digit());
        digits.then_some(name)
    });
    let Some(name) = named else {
        return Err(Fault::parameter("RoleArn"));
    };
    // Roles' names know no case.
    let found = |role: &&RoleSpec| role.name.eq_ignore_ascii_case(name);
    state.keys.roles().iter().find(found).ok_or_else(|| {
        Fault::new(
            404,
            "EntityNotExist.Role",
            format!("The role not exists: {name}."),
        )
    })
}

/// `RoleSessionName`, `DurationSeconds` and `Policy`.
struct Session {
    name: String,
    seconds: i64,
    policy: Option<Policy>,
}

fn session(parameters: &Parameters, role: &RoleSpec) -> Result<Session, Fault> {
    let name = parameters.need("RoleSessionName")?;
    let letters = |b: u8| b.is_ascii_alphanumeric() || b".@-_".contains(&b);
    if !(2..=64).contains(&name.len()) || !name.bytes().all(letters) {
        return Err(Fault::parameter("RoleSessionName"));
    }
    let most = role.max_session_seconds;
    let seconds = match parameters.get("DurationSeconds") {
        None => most.min(3600),
        Some(text) => match text.parse() {
            Ok(seconds) if (900..=most).contains(&seconds) => seconds,
            _ => return Err(Fault::parameter("DurationSeconds")),
        },
    };
    let policy = match parameters.get("Policy").filter(|text| !text.is_empty()) {
        None => None,
        Some(text) if text.len() > 2048 => {
            return Err(Fault::new(
                400,
                "InvalidParameter.PolicySize",
                "The size of Policy must be smaller than 2048 bytes.",
            ));
        }
        Some(text) => {
            let bad = |error| {
                let message =
                    format!("The parameter Policy has not passed grammar check: {error}.");
                Fault::new(400, "InvalidParameter.PolicyGrammar", message)
            };
            Some(Policy::parse(text).map_err(bad)?)
        }
    };
    Ok(Session {
        name: name.to_owned(),
        seconds,
        policy,
    })
}

/// Makes a key of a session of a role; its `Credentials` and `AssumedRoleUser`.
fn issue(state: &State, role: &RoleSpec, session: Session) -> Result<Value, Fault> {
    let now = unix_seconds();
    let policies = vec![role.policy(), session.policy];
    let user = User::session(&role.name, &session.name, policies);
    let assumed_id = user.display_name.clone();
    let identity = Identity::User(Arc::new(user));
    let end = now + session.seconds;
    let account = state.keys.issue(identity, end, now).map_err(|error| {
        tracing::error!(%error, "no key could be made");
        Fault::new(
            500,
            "InternalError",
            "The request processing has failed due to some unknown error.",
        )
    })?;
    Ok(json!({
        "AssumedRoleUser": {
            "Arn": format!("acs:ram::{OWNER_ID}:role/{}/{}", role.name, session.name),
            "AssumedRoleId": assumed_id,
        },
        "Credentials": credentials(&account, end),
    }))
}

/// A key as STS and the metadata service show it.
fn credentials(account: &Account, end: i64) -> Value {
    json!({
        "AccessKeyId": account.key.id,
        "AccessKeySecret": account.key.secret,
        "SecurityToken": account.key.token,
        "Expiration": time::xml_time(end).replace(".000Z", "Z"),
    })
}

fn assume(state: &State, parameters: &Parameters, caller: &Account) -> Result<Value, Fault> {
    let role = role(state, parameters)?;
    let no = |message| Err(Fault::new(403, "NoPermission", message));
    match &role.assumed_by {
        Some(ids) if ids.contains(&caller.key.id) => {}
        Some(_) => {
            return no(
                "You are not authorized to do this action. You should be authorized by RAM.",
            );
        }
        None if caller.identity == Identity::Owner => {
            return no("Roles may not be assumed by root accounts.");
        }
        None => {}
    }
    if role.external_id.is_some() && role.external_id.as_deref() != parameters.get("ExternalId") {
        return no("You are not authorized to do this action. You should be authorized by RAM.");
    }
    let session = session(parameters, role)?;
    issue(state, role, session)
}

fn assume_with_oidc(state: &State, parameters: &Parameters) -> Result<Value, Fault> {
    let role = role(state, parameters)?;
    parameters.need("OIDCProviderArn")?;
    let token = parameters.need("OIDCToken")?;
    let Some(trust) = &role.oidc else {
        let message = "The role does not trust any OIDC provider.";
        return Err(Fault::new(403, "NoPermission", message));
    };
    let claims = jwt::read(token, trust.jwks.as_deref(), unix_seconds())?;
    let no = |what: &str| {
        let message = format!("The {what} of the OIDC token does not fit the trust of the role.");
        Err(Fault::new(403, "NoPermission", message))
    };
    if claims.issuer != trust.issuer {
        return no("issuer");
    }
    let subject = &claims.subject;
    if !(trust.subjects.iter()).any(|pattern| glob::matches(pattern, subject)) {
        return no("subject");
    }
    let audience = claims
        .audiences
        .iter()
        .find(|a| trust.audiences.contains(a));
    let Some(audience) = audience else {
        return no("audience");
    };
    let session = session(parameters, role)?;
    let mut answer = issue(state, role, session)?;
    let time = |seconds| time::xml_time(seconds).replace(".000Z", "Z");
    if let Some(fields) = answer.as_object_mut() {
        let info = json!({
            "Issuer": claims.issuer,
            "Subject": claims.subject,
            "ClientIds": audience,
            "ExpirationTime": time(claims.expires),
            "VerificationInfo": if trust.jwks.is_some() { "Success" } else { "Skipped" },
        });
        fields.insert("OIDCTokenInfo".into(), info);
        fields.insert("SourceIdentity".into(), "".into());
    }
    Ok(answer)
}
