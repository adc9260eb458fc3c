//! The file of `--keys`: keys with roles, and roles that can be assumed. `docs/identity.md` has the
//! format. What is wrong is told by entry and field, never with a value that may be a secret.

use super::{Account, Identity, User, grant::Grant, user::number_of};
use ossplit_protocol::{sign::Key, time};
use serde_json::{Map, Value};
use std::{collections::HashSet, fs, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc};
use thiserror::Error;

/// Why a keys file is refused: all that is wrong with it, a line each.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct InvalidKeys(String);

/// A key of the file.
#[derive(Debug, Clone)]
struct KeySpec {
    key: Key,
    grant: Grant,
    user_id: String,
    expires: Option<i64>,
}

/// Whose OIDC tokens let somebody assume a role.
#[derive(Debug, Clone)]
pub(crate) struct OidcTrust {
    pub(crate) issuer: String,
    /// Patterns of subjects.
    pub(crate) subjects: Vec<String>,
    pub(crate) audiences: Vec<String>,
    /// The issuer's keys, as a JWKS; signatures are not checked without.
    pub(crate) jwks: Option<Arc<Value>>,
}

/// A role that can be assumed.
#[derive(Debug, Clone)]
pub(crate) struct RoleSpec {
    pub(crate) name: String,
    grant: Grant,
    pub(crate) max_session_seconds: i64,
    pub(crate) external_id: Option<String>,
    /// Ids of the keys that may assume it; any fixed key when `None`.
    pub(crate) assumed_by: Option<Vec<String>>,
    pub(crate) oidc: Option<OidcTrust>,
    /// Whether the metadata service gives out its keys.
    pub(crate) ecs: bool,
    /// How long these live.
    ecs_session_seconds: i64,
}

impl RoleSpec {
    /// Its policy; none when it may do everything.
    pub(crate) fn policy(&self) -> Option<crate::policy::Policy> {
        self.grant.policy()
    }

    /// How long keys that the metadata service gives out live, in seconds.
    pub(crate) fn ecs_seconds(&self) -> i64 {
        self.ecs_session_seconds
    }
}

/// Keys with roles, and roles.
#[derive(Debug, Clone, Default)]
pub struct KeyRing {
    keys: Vec<KeySpec>,
    pub(super) roles: Vec<RoleSpec>,
}

/// One entry while it is read.
struct Entry<'a> {
    at: String,
    fields: &'a Map<String, Value>,
    wrong: &'a mut Vec<String>,
}

impl<'a> Entry<'a> {
    fn open(
        at: String,
        value: &'a Value,
        known: &[&str],
        wrong: &'a mut Vec<String>,
    ) -> Option<Self> {
        let Some(fields) = value.as_object() else {
            wrong.push(format!("{at}: it must be an object"));
            return None;
        };
        for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
            let known = known.join(", ");
            wrong.push(format!("{at}: {name} is not known: give {known}"));
        }
        Some(Self { at, fields, wrong })
    }

    fn refuse(&mut self, text: &str) {
        self.wrong.push(format!("{}: {text}", self.at));
    }

    fn text(&mut self, name: &str) -> Option<String> {
        let value = self.fields.get(name)?;
        let text = value.as_str().filter(|text| !text.is_empty());
        if text.is_none() {
            self.refuse(&format!("{name}: give a text that is not empty"));
        }
        text.map(str::to_owned)
    }

    fn need(&mut self, name: &str) -> String {
        if !self.fields.contains_key(name) {
            self.refuse(&format!("{name} is missing: give a text"));
        }
        self.text(name).unwrap_or_default()
    }

    fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        let value = self.fields.get(name)?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let texts = match value {
            Value::Array(values) => values.iter().map(text).collect(),
            value => text(value).map(|text| vec![text]),
        };
        if texts.is_none() {
            self.refuse(&format!("{name}: give a text, or a list of texts"));
        }
        texts
    }

    fn seconds(&mut self, name: &str, least: i64, default: i64) -> i64 {
        match self.fields.get(name).map(Value::as_i64) {
            None => default,
            Some(Some(seconds)) if (least..=43_200).contains(&seconds) => seconds,
            Some(_) => {
                self.refuse(&format!("{name}: give {least} to 43200"));
                default
            }
        }
    }

    fn grant(&mut self) -> Grant {
        let read = self.fields.get("role").map(Grant::read);
        match read {
            Some(Ok(grant)) => grant,
            Some(Err(error)) => {
                self.refuse(&format!("role: {error}"));
                Grant::Owner
            }
            None => {
                self.refuse("role is missing: give owner, read-only, a policy or a prefix");
                Grant::Owner
            }
        }
    }
}

fn key(at: String, value: &Value, wrong: &mut Vec<String>) -> Option<KeySpec> {
    let known = ["id", "secret", "role", "user_id", "token", "expires"];
    let mut entry = Entry::open(at, value, &known, wrong)?;
    let id = entry.need("id");
    let secret = entry.need("secret");
    let token = entry.text("token");
    let expires = entry.text("expires").map(|text| {
        time::parse_xml_time(&text).unwrap_or_else(|| {
            entry.refuse("expires: give a time such as 2026-11-23T10:00:00Z");
            0
        })
    });
    if expires.is_some() && token.is_none() {
        entry.refuse("expires: give a token as well: only temporary keys end");
    }
    let user_id = entry.text("user_id").unwrap_or_else(|| number_of(&id));
    let grant = entry.grant();
    Some(KeySpec {
        key: Key { id, secret, token },
        grant,
        user_id,
        expires,
    })
}

fn oidc(at: String, folder: &Path, value: &Value, wrong: &mut Vec<String>) -> Option<OidcTrust> {
    let known = ["issuer", "subject", "audience", "jwks"];
    let mut entry = Entry::open(at, value, &known, wrong)?;
    let issuer = entry.need("issuer");
    let subjects = entry.texts("subject");
    let audiences = entry.texts("audience");
    let (Some(subjects), Some(audiences)) = (subjects, audiences) else {
        entry.refuse("give subject and audience: a text or a list each");
        return None;
    };
    let jwks = entry.text("jwks").and_then(|file| {
        let path = folder.join(&file);
        let read = fs::read(&path).map_err(|error| error.to_string());
        let parsed = read.and_then(|text| {
            serde_json::from_slice::<Value>(&text).map_err(|error| error.to_string())
        });
        match parsed {
            Ok(value) if value.get("keys").is_some_and(Value::is_array) => Some(Arc::new(value)),
            Ok(_) => {
                entry.refuse(&format!("jwks: {} has no keys", path.display()));
                None
            }
            Err(error) => {
                entry.refuse(&format!("jwks: {}: {error}", path.display()));
                None
            }
        }
    });
    Some(OidcTrust {
        issuer,
        subjects,
        audiences,
        jwks,
    })
}

fn role(at: &str, folder: &Path, value: &Value, wrong: &mut Vec<String>) -> Option<RoleSpec> {
    let known = [
        "name",
        "role",
        "max_session_seconds",
        "external_id",
        "assumed_by",
        "oidc",
        "ecs",
        "ecs_session_seconds",
    ];
    let mut entry = Entry::open(at.to_owned(), value, &known, wrong)?;
    let name = entry.need("name");
    let letters = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    if !name.bytes().all(letters) || name.len() > 64 {
        entry.refuse("name: give up to 64 letters, digits, dots, dashes and underscores");
    }
    let max_session_seconds = entry.seconds("max_session_seconds", 900, 3600);
    let ecs_session_seconds = entry.seconds("ecs_session_seconds", 1, 21_600);
    let ecs = match entry.fields.get("ecs") {
        None => false,
        Some(Value::Bool(ecs)) => *ecs,
        Some(_) => {
            entry.refuse("ecs: give true or false");
            false
        }
    };
    let external_id = entry.text("external_id");
    let assumed_by = entry.texts("assumed_by");
    let grant = entry.grant();
    let oidc = value
        .get("oidc")
        .and_then(|value| self::oidc(format!("{at}: oidc"), folder, value, wrong));
    Some(RoleSpec {
        name,
        grant,
        max_session_seconds,
        external_id,
        assumed_by,
        oidc,
        ecs,
        ecs_session_seconds,
    })
}

impl KeyRing {
    /// Reads a file; warns when others may read it as well. Blocks.
    pub fn of_file(path: &Path) -> Result<Self, InvalidKeys> {
        let unreadable = |error: std::io::Error| {
            InvalidKeys(format!(
                "{}: can't be read: {error}: give the path of a JSON file with keys",
                path.display()
            ))
        };
        let text = fs::read(path).map_err(unreadable)?;
        let mode = fs::metadata(path).map_err(unreadable)?.permissions().mode();
        if mode & 0o077 != 0 {
            tracing::warn!(
                "{} can be read by others (mode {:o}): chmod 600 it",
                path.display(),
                mode & 0o777
            );
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        Self::parse(&text, &path.display().to_string(), folder)
    }

    /// Reads a text; `source` is named in errors, files it names are looked for in `folder`.
    pub fn parse(text: &[u8], source: &str, folder: &Path) -> Result<Self, InvalidKeys> {
        let fault = |line: String| InvalidKeys(format!("{source}: {line}"));
        // The parser's error tells a place and never the text there.
        let whole: Value = serde_json::from_slice(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            fault(format!(
                "not JSON at line {line}, column {column}: see docs/identity.md"
            ))
        })?;
        let mut wrong = Vec::new();
        let known = ["keys", "roles"];
        Entry::open(source.to_owned(), &whole, &known, &mut wrong);
        let mut list = |name: &str| match whole.get(name) {
            None => Vec::new(),
            Some(Value::Array(values)) => values.iter().collect(),
            Some(_) => {
                wrong.push(format!("{source}: {name}: give a list"));
                Vec::new()
            }
        };
        let (keys, roles) = (list("keys"), list("roles"));
        let at = |what: &str, i: usize| format!("{source}: {what} {}", i + 1);
        let keys: Vec<KeySpec> = (keys.into_iter().enumerate())
            .filter_map(|(i, value)| key(at("key", i), value, &mut wrong))
            .collect();
        let roles: Vec<RoleSpec> = (roles.into_iter().enumerate())
            .filter_map(|(i, value)| role(&at("role", i), folder, value, &mut wrong))
            .collect();
        let mut seen = HashSet::new();
        for (i, spec) in keys.iter().enumerate() {
            if !seen.insert(spec.key.id.clone()) {
                wrong.push(format!("{}: its id is there twice", at("key", i)));
            }
        }
        let mut seen = HashSet::new();
        for (i, spec) in roles.iter().enumerate() {
            if !seen.insert(spec.name.clone()) {
                wrong.push(format!("{}: its name is there twice", at("role", i)));
            }
        }
        if wrong.is_empty() {
            Ok(Self { keys, roles })
        } else {
            Err(InvalidKeys(wrong.join("\n")))
        }
    }

    /// Whether some key may do everything.
    pub fn has_owner(&self) -> bool {
        self.keys.iter().any(|spec| spec.grant == Grant::Owner)
    }

    pub(super) fn accounts(&self) -> Vec<Account> {
        let account = |spec: &KeySpec| {
            let identity = match spec.grant.policy() {
                None => Identity::Owner,
                policy => Identity::User(Arc::new(User::sub_user(spec.user_id.clone(), policy))),
            };
            Account::new(spec.key.clone(), identity, spec.expires)
        };
        self.keys.iter().map(account).collect()
    }
}
