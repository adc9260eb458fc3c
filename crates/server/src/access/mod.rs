//! What a request may do: by its key's policies, the bucket's policy, and the ACLs.
//!
//! A Deny in any policy that applies refuses; otherwise an Allow, or an ACL, allows. The owner may
//! do everything that the bucket's policy does not deny it.

mod action;

use crate::{
    auth::{Identity, OWNER_ID, User},
    failure::Failure,
    http::{Request, State, unix_seconds},
    policy::{Circumstances, Policy, Principal, Verdict, Wish},
    route::{Access, Operation},
    store::{Acl, BucketRecord, StoreError},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use ossplit_protocol::{
    code::Code,
    encode, headers as names,
    xml::{self, Delete, settings::PublicAccessBlockConfiguration},
};
use parking_lot::Mutex;
use std::{borrow::Cow, collections::HashMap, sync::Arc};

/// Something that a request does.
struct Deed {
    action: Cow<'static, str>,
    bucket: String,
    /// Empty when it is about the bucket, or the service.
    key: String,
}

impl Deed {
    fn path(&self) -> String {
        if self.key.is_empty() {
            return self.bucket.clone();
        }
        format!("{}/{}", self.bucket, self.key)
    }
}

/// The policies of buckets as they were read last, by bucket, with the text of each.
#[derive(Default)]
pub(crate) struct Policies(Mutex<HashMap<String, (Bytes, Arc<Policy>)>>);

/// Policies that are remembered.
const MAX_POLICIES: usize = 1000;

/// The policy of a bucket, if it has one.
fn policy_of(state: &State, bucket: &str) -> Option<Arc<Policy>> {
    let record = state.store.bucket(bucket)?;
    let text = record.settings.get("policy")?;
    let mut known = state.policies.0.lock();
    match known.get(bucket) {
        Some((of, policy)) if of == text => return Some(Arc::clone(policy)),
        _ => {}
    }
    let policy = match Policy::parse(&String::from_utf8_lossy(text)) {
        Ok(policy) => Arc::new(policy),
        Err(error) => {
            tracing::error!(%error, bucket, "the bucket's policy can't be read: it has no effect");
            return None;
        }
    };
    if known.len() >= MAX_POLICIES {
        known.clear();
    }
    known.insert(bucket.to_owned(), (text.clone(), Arc::clone(&policy)));
    Some(policy)
}

/// Whether public ACLs of a bucket and its objects count for nothing.
fn blocks_public_access(bucket: &BucketRecord) -> bool {
    let setting = bucket.settings.get("publicAccessBlock");
    let block = setting.and_then(|text| xml::read::<PublicAccessBlockConfiguration>(text).ok());
    block.is_some_and(|block| block.block_public_access)
}

/// What conditions of policies can ask for.
pub(crate) fn circumstances(request: &Request) -> Circumstances {
    let parameters = [
        ("oss:prefix", "prefix"),
        ("oss:delimiter", "delimiter"),
        ("oss:max-keys", "max-keys"),
    ];
    let headers = [
        ("acs:useragent", "user-agent"),
        ("oss:x-oss-acl", names::ACL),
        ("oss:x-oss-object-acl", names::OBJECT_ACL),
    ];
    let lists = request.operation.access() == Access::List;
    let of_query = parameters.iter().filter_map(|(key, name)| {
        let value = request.parameter(name);
        // A listing without a prefix is one of everything.
        let value = value.or_else(|| (lists && *name == "prefix").then_some(""));
        Some((*key, value?.to_owned()))
    });
    let of_headers = headers.iter().filter_map(|(key, name)| {
        let value = request.text(*name)?;
        Some((*key, value.to_owned()))
    });
    Circumstances {
        source_ip: request.peer,
        secure: request.state.secure,
        now: unix_seconds(),
        texts: of_query.chain(of_headers).collect(),
    }
}

/// What the policies say of a deed; the refusal if one of them denies it.
fn judge(
    state: &State,
    identity: &Identity,
    deed: &Deed,
    circumstances: &Circumstances,
) -> Result<Verdict, Failure> {
    let path = deed.path();
    let wish = Wish {
        action: &deed.action,
        region: &state.region,
        account: OWNER_ID,
        path: &path,
        circumstances,
    };
    let own = match identity {
        Identity::Owner => Verdict::Allow,
        Identity::Anonymous => Verdict::Silent,
        Identity::User(user) => user.verdict(&wish),
    };
    let who = Principal {
        id: match identity {
            Identity::Owner => Some(OWNER_ID),
            Identity::Anonymous => None,
            Identity::User(user) => Some(&user.principal),
        },
        owner: *identity == Identity::Owner,
    };
    let of_bucket = policy_of(state, &deed.bucket);
    let of_bucket = of_bucket.map_or(Verdict::Silent, |policy| policy.of_bucket(who, &wish));
    match (own, of_bucket) {
        (Verdict::Deny, Verdict::Deny) => Err(denied(identity, deed, "0003-00000203")),
        (Verdict::Deny, _) => Err(denied(identity, deed, "0003-00000201")),
        (_, Verdict::Deny) => Err(denied(identity, deed, "0003-00000101")),
        (Verdict::Allow, _) | (_, Verdict::Allow) => Ok(Verdict::Allow),
        (Verdict::Silent, Verdict::Silent) => Ok(Verdict::Silent),
    }
}

/// A refusal with what a RAM user or role is told about it.
fn detailed(failure: Failure, user: &User, deed: &Deed, kind: &str, explicit: bool) -> Failure {
    let no_permission = if explicit {
        "ExplicitDeny"
    } else {
        "ImplicitDeny"
    };
    let message = STANDARD.encode(format!("{} {}", deed.action, deed.path()));
    failure
        .detail("PolicyType", kind)
        .detail("AuthPrincipalOwnerId", OWNER_ID)
        .detail("AuthPrincipalType", user.kind.name())
        .detail("AuthPrincipalDisplayName", &user.display_name)
        .detail("NoPermissionType", no_permission)
        .detail("AuthAction", &*deed.action)
        .detail("EncodedDiagnosticMessage", message)
}

/// A policy denies a deed.
fn denied(identity: &Identity, deed: &Deed, ec: &'static str) -> Failure {
    let failure = Failure::new(Code::AccessDenied)
        .ec(ec)
        .message("Access denied by bucket policy.");
    let kind = match ec {
        "0003-00000101" => "BucketPolicy",
        _ => "AccountLevelIdentityBasedPolicy",
    };
    match identity {
        Identity::User(user) => detailed(failure, user, deed, kind, true),
        _ => failure,
    }
}

/// Nothing allows a deed.
fn not_allowed(identity: &Identity, deed: &Deed, access: Access) -> Failure {
    let base = Failure::new(Code::AccessDenied);
    match (identity, access) {
        (Identity::User(user), Access::Owner) => {
            let failure = base
                .ec("0003-00000202")
                .message("You do not have the permission to do this operation.");
            detailed(
                failure,
                user,
                deed,
                "AccountLevelIdentityBasedPolicy",
                false,
            )
        }
        (Identity::User(user), _) => {
            detailed(base, user, deed, "AccountLevelIdentityBasedPolicy", false)
        }
        (_, Access::Owner) => base
            .ec("0003-00001201")
            .message("Anonymous access is forbidden for this operation."),
        (_, _) => base,
    }
}

/// Whether the ACLs give everybody this access.
async fn public(state: &State, deed: &Deed, access: Access) -> Result<bool, Failure> {
    if matches!(access, Access::Owner | Access::Itself) {
        return Ok(false);
    }
    let store = &state.store;
    let bucket = store.bucket(&deed.bucket);
    let bucket = bucket.ok_or_else(|| Failure::from(StoreError::NoSuchBucket))?;
    // Public ACLs from before public access was blocked count for nothing.
    if blocks_public_access(&bucket) {
        return Ok(false);
    }
    if access == Access::List {
        return Ok(bucket.acl != Acl::Private);
    }
    let acl = match store.head(&deed.bucket, &deed.key, None).await {
        Ok(object) if object.meta.acl != Acl::Inherit => object.meta.acl,
        Ok(_) | Err(StoreError::NoSuchKey | StoreError::Deleted { .. }) => bucket.acl,
        Err(error) => return Err(error.into()),
    };
    Ok(match access {
        Access::Write => acl == Acl::PublicReadWrite,
        _ => matches!(acl, Acl::PublicRead | Acl::PublicReadWrite),
    })
}

async fn permit(
    state: &State,
    identity: &Identity,
    deed: &Deed,
    access: Access,
    circumstances: &Circumstances,
) -> Result<(), Failure> {
    match judge(state, identity, deed, circumstances)? {
        Verdict::Allow => Ok(()),
        _ if public(state, deed, access).await? => Ok(()),
        _ => Err(not_allowed(identity, deed, access)),
    }
}

/// The source of a copy, as a deed.
fn copies_from(request: &Request) -> Option<Deed> {
    let source = request.text(names::COPY_SOURCE)?;
    let (path, version) = match source.split_once('?') {
        Some((path, query)) => (path, query.starts_with("versionId=")),
        None => (source, false),
    };
    let path = encode::decode_form(path.strip_prefix('/').unwrap_or(path))?;
    let (bucket, key) = path.split_once('/')?;
    Some(Deed {
        action: action::of(Operation::GetObject, version),
        bucket: bucket.to_owned(),
        key: key.to_owned(),
    })
}

/// All that a request does; the first is the operation itself.
async fn deeds(request: &mut Request, operation: Operation) -> Result<Vec<Deed>, Failure> {
    let of = |action, request: &Request, key: &str| Deed {
        action,
        bucket: request.bucket().to_owned(),
        key: key.to_owned(),
    };
    if operation == Operation::DeleteMultipleObjects {
        // What is not a document is refused by the operation.
        let document = xml::read::<Delete>(request.peek_document().await?).unwrap_or_default();
        let one = |object: &xml::ObjectToDelete| {
            let action = action::of(operation, object.version_id.is_some());
            of(action, request, &object.key)
        };
        return Ok(document.object.iter().map(one).collect());
    }
    let version = request.parameter("versionId").is_some();
    let mut out = vec![of(action::of(operation, version), request, request.key())];
    if matches!(operation, Operation::CopyObject | Operation::UploadPartCopy) {
        out.extend(copies_from(request));
    }
    if action::of(operation, false) == "oss:PutObject" {
        for (header, action) in [
            ("x-oss-tagging", "oss:PutObjectTagging"),
            (names::OBJECT_ACL, "oss:PutObjectAcl"),
        ] {
            if request.headers.contains_key(header) {
                out.push(of(action.into(), request, request.key()));
            }
        }
    }
    Ok(out)
}

/// Refuses what neither a policy nor an ACL allows.
pub(crate) async fn check(request: &mut Request, operation: Operation) -> Result<(), Failure> {
    let access = operation.access();
    if access == Access::Itself {
        return Ok(());
    }
    let identity = request.identity.clone();
    let free = identity == Identity::Owner && policy_of(&request.state, request.bucket()).is_none();
    if free && !request.headers.contains_key(names::COPY_SOURCE) {
        return Ok(());
    }
    if identity == Identity::Anonymous && access == Access::Owner {
        let deed = Deed {
            action: action::of(operation, false),
            bucket: request.bucket().to_owned(),
            key: request.key().to_owned(),
        };
        // Refused before a body is read, unless the bucket's policy may allow it.
        if policy_of(&request.state, request.bucket()).is_none() {
            return Err(not_allowed(&identity, &deed, access));
        }
    }
    let circumstances = circumstances(request);
    let state = Arc::clone(&request.state);
    let batch = operation == Operation::DeleteMultipleObjects;
    for (i, deed) in deeds(request, operation).await?.into_iter().enumerate() {
        let access = match (i, &*deed.action) {
            (0, _) => access,
            (_, "oss:GetObject" | "oss:GetObjectVersion") => Access::Read,
            _ => Access::Write,
        };
        let permitted = permit(&state, &identity, &deed, access, &circumstances).await;
        permitted.map_err(|failure| match failure.code() {
            Code::AccessDenied if batch => failure.ec("0003-00000204"),
            _ => failure,
        })?;
    }
    Ok(())
}

/// Refuses a form's object that its key's policies or the bucket's deny or do not allow; whoever
/// has no key needs a bucket that everybody may write.
pub(crate) fn check_form(
    state: &State,
    identity: &Identity,
    bucket: &str,
    key: &str,
    circumstances: &Circumstances,
) -> Result<(), Failure> {
    let deed = Deed {
        action: action::of(Operation::PostObject, false),
        bucket: bucket.to_owned(),
        key: key.to_owned(),
    };
    let record = state.store.bucket(bucket);
    let open = record
        .is_some_and(|bucket| bucket.acl == Acl::PublicReadWrite && !blocks_public_access(&bucket));
    match judge(state, identity, &deed, circumstances)? {
        Verdict::Allow => Ok(()),
        _ if open => Ok(()),
        _ => Err(not_allowed(identity, &deed, Access::Write)),
    }
}
