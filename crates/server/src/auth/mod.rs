//! Whose request it is: the keys the server knows, and the check of a signature.

mod file;
mod grant;
mod issued;
mod user;

pub(crate) use file::RoleSpec;
pub use file::{InvalidKeys, KeyRing};
pub(crate) use issued::{Full, letters};
pub(crate) use user::User;

use crate::failure::Failure;
use issued::Issued;
use ossplit_protocol::{
    code::Code,
    sign::{
        self, Key,
        post::{self, PostClaim},
        v4::{Scope, SigningKey},
    },
};
use parking_lot::{Mutex, RwLock};
use std::{collections::HashMap, sync::Arc};
use subtle::ConstantTimeEq as _;

/// The id of the one account that owns everything here.
pub(crate) const OWNER_ID: &str = "1000000000000000";

/// Who makes a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Identity {
    /// Nobody known: no signature.
    Anonymous,
    /// The owner of everything here.
    Owner,
    /// Somebody with policies.
    User(Arc<User>),
}

/// A key and whose it is.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) key: Key,
    pub(crate) identity: Identity,
    /// Unix seconds; for ever when `None`.
    expires: Option<i64>,
    /// The key that was derived for the scope seen last: that of one day, as a rule.
    signing: Mutex<Option<(Scope, SigningKey)>>,
}

impl Account {
    pub(crate) fn new(key: Key, identity: Identity, expires: Option<i64>) -> Self {
        Self {
            key,
            identity,
            expires,
            signing: Mutex::new(None),
        }
    }

    /// The signing key of a scope.
    fn signing_key(&self, scope: &Scope) -> SigningKey {
        let mut known = self.signing.lock();
        match &*known {
            Some((of, key)) if of == scope => key.clone(),
            _ => {
                let key = SigningKey::derive(&self.key.secret, scope);
                *known = Some((scope.clone(), key.clone()));
                key
            }
        }
    }
}

/// The keys that the server accepts.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    fixed: HashMap<String, Arc<Account>>,
    issued: RwLock<Issued>,
    roles: Vec<RoleSpec>,
}

impl Keys {
    /// Keys of the owner, and those of a file.
    pub(crate) fn new(owners: impl IntoIterator<Item = Key>, ring: KeyRing) -> Self {
        let owned = owners
            .into_iter()
            .map(|key| Account::new(key, Identity::Owner, None));
        let all = owned.chain(ring.accounts()).map(Arc::new);
        Self {
            fixed: all
                .map(|account| (account.key.id.clone(), account))
                .collect(),
            issued: RwLock::default(),
            roles: ring.roles,
        }
    }

    /// The roles that can be assumed.
    pub(crate) fn roles(&self) -> &[RoleSpec] {
        &self.roles
    }

    /// Makes a key of somebody that lasts until `expires`, in unix seconds like `now`.
    pub(crate) fn issue(
        &self,
        identity: Identity,
        expires: i64,
        now: i64,
    ) -> Result<Arc<Account>, Full> {
        self.issued.write().issue(identity, expires, now)
    }

    /// Checks a request's signature, if it has one. `now` is unix seconds.
    pub(crate) fn identify(
        &self,
        request: &sign::Request<'_>,
        region: &str,
        now: i64,
    ) -> Result<Identity, Failure> {
        let claim = match sign::parse(request) {
            Ok(Some(claim)) => claim,
            Ok(None) => return Ok(Identity::Anonymous),
            Err(error) => return Err(Failure::of_auth(error, None)),
        };
        let id = &claim.access_key_id;
        let account = self.account(id, claim.token.as_deref(), now)?;
        let derive = |scope: &Scope| account.signing_key(scope);
        sign::verify_with(&claim, request, &account.key.secret, derive, region, now)
            .map_err(|error| Failure::of_auth(error, Some(id)))?;
        Ok(account.identity.clone())
    }

    /// Checks the signature of a `PostObject` form. `now` is unix seconds.
    pub(crate) fn identify_form(
        &self,
        claim: &PostClaim,
        region: &str,
        now: i64,
    ) -> Result<Identity, Failure> {
        let id = &claim.access_key_id;
        let account = self.account(id, claim.token.as_deref(), now)?;
        post::verify(claim, &account.key.secret, region, now)
            .map_err(|error| Failure::of_auth(error, Some(id)))?;
        Ok(account.identity.clone())
    }

    /// The key with this id, if the token that came is its own and has not ended.
    pub(crate) fn account(
        &self,
        id: &str,
        token: Option<&str>,
        now: i64,
    ) -> Result<Arc<Account>, Failure> {
        let unknown = || Failure::new(Code::InvalidAccessKeyId).with("OSSAccessKeyId", id);
        let fixed = self.fixed.get(id).cloned();
        let account = fixed.or_else(|| self.issued.read().get(id));
        let account = account.ok_or_else(unknown)?;
        match (&account.key.token, token) {
            (None, None) => {}
            // The id of a temporary key is unknown without its token.
            (Some(_), None) => return Err(unknown()),
            (Some(own), Some(sent)) if bool::from(own.as_bytes().ct_eq(sent.as_bytes())) => {}
            (Some(_), Some(sent)) if self.is_token(sent) => {
                return Err(Failure::new(Code::AccessKeyIdAndSecurityTokenNotMatch));
            }
            (_, Some(_)) => return Err(Failure::new(Code::InvalidSecurityToken)),
        }
        match account.expires {
            Some(end) if end <= now => Err(Failure::new(Code::SecurityTokenExpired)),
            _ => Ok(account),
        }
    }

    /// Whether some key has this token.
    fn is_token(&self, token: &str) -> bool {
        let of_fixed = |account: &Arc<Account>| account.key.token.as_deref() == Some(token);
        self.fixed.values().any(of_fixed) || self.issued.read().is_token(token)
    }
}

#[cfg(test)]
mod tests;
