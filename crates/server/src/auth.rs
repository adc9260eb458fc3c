//! Whose request it is: the keys the server knows, and the check of a signature.

use crate::failure::Failure;
use ossplit_protocol::{
    code::Code,
    sign::{
        self, Key,
        post::{self, PostClaim},
    },
};
use std::collections::HashMap;
use subtle::ConstantTimeEq as _;

/// Who makes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    /// Nobody known: no signature.
    Anonymous,
    /// The owner of everything here.
    Owner,
}

/// The keys that the server accepts.
#[derive(Debug, Default)]
pub(crate) struct Keys(HashMap<String, Key>);

impl Keys {
    pub(crate) fn new(keys: impl IntoIterator<Item = Key>) -> Self {
        Self(keys.into_iter().map(|key| (key.id.clone(), key)).collect())
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
        let key = self.key(id, claim.token.as_deref())?;
        sign::verify(&claim, request, &key.secret, region, now)
            .map_err(|error| Failure::of_auth(error, Some(id)))?;
        Ok(Identity::Owner)
    }

    /// Checks the signature of a `PostObject` form. `now` is unix seconds.
    pub(crate) fn identify_form(
        &self,
        claim: &PostClaim,
        region: &str,
        now: i64,
    ) -> Result<Identity, Failure> {
        let id = &claim.access_key_id;
        let key = self.key(id, claim.token.as_deref())?;
        post::verify(claim, &key.secret, region, now)
            .map_err(|error| Failure::of_auth(error, Some(id)))?;
        Ok(Identity::Owner)
    }

    /// The key with this id, if the token that came is its own.
    fn key(&self, id: &str, token: Option<&str>) -> Result<&Key, Failure> {
        let unknown = || Failure::new(Code::InvalidAccessKeyId).with("OSSAccessKeyId", id);
        let key = self.0.get(id).ok_or_else(unknown)?;
        match (&key.token, token) {
            (None, None) => Ok(key),
            // The id of a temporary key is unknown without its token.
            (Some(_), None) => Err(unknown()),
            (Some(own), Some(sent)) if bool::from(own.as_bytes().ct_eq(sent.as_bytes())) => Ok(key),
            (_, Some(_)) => Err(Failure::new(Code::InvalidSecurityToken)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;
    use ossplit_protocol::sign::v1;

    fn identify(keys: &Keys, key: &Key) -> Result<Identity, Code> {
        let mut headers = HeaderMap::new();
        v1::sign_header(
            "GET",
            Some("b"),
            None,
            &[],
            &mut headers,
            key,
            1_700_000_000,
        )
        .unwrap();
        let request = sign::Request {
            method: "GET",
            bucket: Some("b"),
            key: None,
            query: &[],
            headers: &headers,
        };
        let found = keys.identify(&request, "cn-local", 1_700_000_000);
        found.map_err(|failure| failure.code())
    }

    #[test]
    fn a_token_belongs_to_its_key() {
        let key = |id: &str, token: Option<&str>| Key {
            id: id.into(),
            secret: "s".into(),
            token: token.map(str::to_owned),
        };
        let keys = Keys::new([key("plain", None), key("sts", Some("t"))]);
        assert_eq!(identify(&keys, &key("plain", None)), Ok(Identity::Owner));
        assert_eq!(identify(&keys, &key("sts", Some("t"))), Ok(Identity::Owner));
        for (bad, code) in [
            (key("sts", None), Code::InvalidAccessKeyId),
            (key("sts", Some("u")), Code::InvalidSecurityToken),
            (key("plain", Some("t")), Code::InvalidSecurityToken),
            (key("other", None), Code::InvalidAccessKeyId),
        ] {
            assert_eq!(identify(&keys, &bad), Err(code), "{bad:?}");
        }
    }
}
