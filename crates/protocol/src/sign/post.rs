//! Signatures of the `PostObject` form: what is signed is the policy, a base64 text in a field.
//!
//! V1 sends `OSSAccessKeyId`, `policy` and `Signature`; V4 sends `policy`,
//! `x-oss-signature-version`, `x-oss-credential`, `x-oss-date` and `x-oss-signature`.

use super::{
    AuthError, MAX_SKEW_SECONDS, Version,
    claim::{equal, parse_credential},
    v1,
    v4::{self, Scope, SigningKey},
};
use crate::time;

/// What a form claims. Nothing in it is verified yet.
#[derive(Debug, Clone)]
pub struct PostClaim {
    /// The signature's version: V1 or V4.
    pub version: Version,
    /// The key's id.
    pub access_key_id: String,
    /// The STS token that came with it.
    pub token: Option<String>,
    /// The policy as sent: base64 of a JSON text.
    pub policy: String,
    signature: String,
    scope: Option<Scope>,
    /// When it was signed, in unix seconds (V4).
    signed_at: Option<i64>,
}

/// The V1 signature of a policy: base64.
pub fn sign_v1(secret: &str, policy: &str) -> String {
    v1::signature(secret, policy.as_bytes())
}

/// The V4 signature of a policy: hex.
pub fn sign_v4(key: &SigningKey, policy: &str) -> String {
    key.sign(policy.as_bytes())
}

/// Reads what a form claims; `None` when nothing in it is signed. `field` gives a field's text by
/// its lower-case name.
pub fn parse<'a>(
    field: impl Fn(&'static str) -> Option<&'a str>,
) -> Result<Option<PostClaim>, AuthError> {
    let missing = |piece| AuthError::MalformedHeader { piece };
    let need = |name, piece| field(name).ok_or_else(|| missing(piece));
    let token = field("x-oss-security-token").map(str::to_owned);
    if let Some(version) = field("x-oss-signature-version") {
        if version != v4::ALGORITHM {
            return Err(AuthError::UnsupportedType {
                value: version.to_owned(),
            });
        }
        let credential = need("x-oss-credential", "x-oss-credential")?;
        let (access_key_id, scope) =
            parse_credential(credential).ok_or_else(|| missing("x-oss-credential"))?;
        let date = need("x-oss-date", "x-oss-date")?;
        let signed_at = time::parse_iso_basic(date).ok_or(AuthError::NoDate)?;
        return Ok(Some(PostClaim {
            version: Version::V4,
            access_key_id,
            token,
            policy: need("policy", "policy")?.to_owned(),
            signature: need("x-oss-signature", "x-oss-signature")?.to_owned(),
            scope: Some(scope),
            signed_at: Some(signed_at),
        }));
    }
    let Some(id) = field("ossaccesskeyid") else {
        return Ok(None);
    };
    Ok(Some(PostClaim {
        version: Version::V1,
        access_key_id: id.to_owned(),
        token,
        policy: need("policy", "policy")?.to_owned(),
        signature: need("signature", "Signature")?.to_owned(),
        scope: None,
        signed_at: None,
    }))
}

/// Checks the signature of `claim`, whose key has the secret `secret`. `now` is unix seconds;
/// `region` is the server's. The policy's own expiry is the caller's to check.
pub fn verify(claim: &PostClaim, secret: &str, region: &str, now: i64) -> Result<(), AuthError> {
    // A policy may be signed long before it is used, but not in the future.
    if let Some(signed_at) = claim.signed_at
        && signed_at - now > MAX_SKEW_SECONDS
    {
        return Err(AuthError::Skewed {
            request: signed_at,
            server: now,
        });
    }
    let expected = match &claim.scope {
        None => sign_v1(secret, &claim.policy),
        Some(scope) if scope.region != region || !scope.product.starts_with("oss") => {
            return Err(AuthError::WrongRegion {
                region: scope.region.clone(),
            });
        }
        Some(scope) => sign_v4(&SigningKey::derive(secret, scope), &claim.policy),
    };
    if equal(&expected, &claim.signature) {
        return Ok(());
    }
    Err(AuthError::Mismatch {
        provided: claim.signature.clone(),
        string_to_sign: claim.policy.clone().into_bytes(),
        canonical_request: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_702_743_657;

    fn v4_key(secret: &str) -> SigningKey {
        let target = v4::Target {
            region: "cn-hangzhou",
            product: "oss",
        };
        SigningKey::derive(secret, &target.scope(NOW))
    }

    #[test]
    fn a_policy_signed_here_is_accepted_and_a_changed_one_is_not() {
        let policy = "eyJleHBpcmF0aW9uIjoiMjAzMCJ9";
        let v1 = sign_v1("sk", policy);
        let v4 = sign_v4(&v4_key("sk"), policy);
        let forms = [
            vec![
                ("ossaccesskeyid", "ak"),
                ("policy", policy),
                ("signature", v1.as_str()),
            ],
            vec![
                ("x-oss-signature-version", v4::ALGORITHM),
                (
                    "x-oss-credential",
                    "ak/20231216/cn-hangzhou/oss/aliyun_v4_request",
                ),
                ("x-oss-date", "20231216T162057Z"),
                ("policy", policy),
                ("x-oss-signature", v4.as_str()),
            ],
        ];
        for form in forms {
            let field = |name| form.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
            let mut claim = parse(field).unwrap().unwrap();
            assert_eq!(claim.access_key_id, "ak");
            verify(&claim, "sk", "cn-hangzhou", NOW).unwrap();
            assert!(verify(&claim, "other", "cn-hangzhou", NOW).is_err());
            claim.policy.push('A');
            assert!(matches!(
                verify(&claim, "sk", "cn-hangzhou", NOW),
                Err(AuthError::Mismatch { .. })
            ));
            // Each field is needed.
            for (absent, _) in &form[1..] {
                let without = |name| field(name).filter(|_| name != *absent);
                assert!(parse(without).is_err(), "{absent}");
            }
        }
        assert!(parse(|_| None).unwrap().is_none());
    }
}
