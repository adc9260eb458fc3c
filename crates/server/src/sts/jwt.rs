//! JSON Web Tokens of OIDC providers (RFC 7519), signed with RS256, RS512 or ES256.

use super::fault::Fault;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde_json::Value;

/// What a token claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) audiences: Vec<String>,
    /// Unix seconds.
    pub(super) expires: i64,
}

/// Tokens may be used this early, in seconds, as clocks differ.
const LEEWAY: i64 = 60;

fn invalid(what: &str) -> Fault {
    Fault::new(
        400,
        "AuthenticationFail.OIDCToken.Invalid",
        format!("This OIDC token is invalid: {what}."),
    )
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

fn json(text: &str) -> Option<Value> {
    serde_json::from_slice(&decode(text)?).ok()
}

/// Whether one of `keys` made the signature.
fn is_signed(keys: &Value, head: &Value, signed: &[u8], signature: &[u8]) -> bool {
    let text = |value: &Value, name: &str| value.get(name)?.as_str().map(str::to_owned);
    let algorithm = text(head, "alg").unwrap_or_default();
    let wanted = text(head, "kid");
    let keys = keys.get("keys").and_then(Value::as_array);
    keys.into_iter().flatten().any(|key| {
        if wanted.is_some() && text(key, "kid").is_some() && text(key, "kid") != wanted {
            return false;
        }
        let number = |name: &str| decode(&text(key, name)?);
        match (text(key, "kty").as_deref(), algorithm.as_str()) {
            (Some("RSA"), "RS256" | "RS512") => {
                let (Some(n), Some(e)) = (number("n"), number("e")) else {
                    return false;
                };
                let parameters = match algorithm.as_str() {
                    "RS256" => &signature::RSA_PKCS1_2048_8192_SHA256,
                    _ => &signature::RSA_PKCS1_2048_8192_SHA512,
                };
                let key = RsaPublicKeyComponents { n, e };
                key.verify(parameters, signed, signature).is_ok()
            }
            (Some("EC"), "ES256") => {
                let (Some(x), Some(y)) = (number("x"), number("y")) else {
                    return false;
                };
                let point = [&[4][..], &x, &y].concat();
                let key = UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point);
                key.verify(signed, signature).is_ok()
            }
            _ => false,
        }
    })
}

/// Reads a token and checks its times, and its signature if there are `keys` (a JWKS). `now` is
/// unix seconds.
pub(super) fn read(token: &str, keys: Option<&Value>, now: i64) -> Result<Claims, Fault> {
    let mut pieces = token.split('.');
    let (Some(head), Some(claims), Some(sum), None) =
        (pieces.next(), pieces.next(), pieces.next(), pieces.next())
    else {
        return Err(invalid("it must have three parts"));
    };
    let (Some(head_json), Some(json), Some(sum)) = (json(head), json(claims), decode(sum)) else {
        return Err(invalid("its parts can't be read"));
    };
    if let Some(keys) = keys {
        let signed = format!("{head}.{claims}");
        if !is_signed(keys, &head_json, signed.as_bytes(), &sum) {
            return Err(invalid("its signature is not one of the provider's"));
        }
    } else {
        tracing::warn!(
            "an OIDC token's signature is not checked: name the provider's JWKS in the keys file"
        );
    }
    let text = |name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
    let number = |name: &str| json.get(name).and_then(Value::as_f64).map(|n| n as i64);
    let audiences = match json.get("aud") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => several
            .iter()
            .filter_map(|one| one.as_str().map(str::to_owned))
            .collect(),
        _ => return Err(invalid("aud is missing")),
    };
    let expires = number("exp").ok_or_else(|| invalid("exp is missing"))?;
    if expires <= now {
        return Err(Fault::new(
            400,
            "AuthenticationFail.OIDCToken.Expired",
            "This OIDC token has expired.",
        ));
    }
    if number("nbf").is_some_and(|from| from > now + LEEWAY) {
        return Err(invalid("it is not valid yet"));
    }
    Ok(Claims {
        issuer: text("iss").ok_or_else(|| invalid("iss is missing"))?,
        subject: text("sub").ok_or_else(|| invalid("sub is missing"))?,
        audiences,
        expires,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::{rand::SystemRandom, signature::KeyPair as _};
    use serde_json::json;

    fn encode(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    fn claims(exp: i64) -> Value {
        json!({"iss": "https://issuer", "sub": "system:serviceaccount:a:b", "aud": ["x", "y"], "exp": exp})
    }

    #[test]
    fn a_signature_is_one_of_the_providers_keys() {
        let random = SystemRandom::new();
        let algorithm = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = signature::EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = signature::EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap();
        let point = pair.public_key().as_ref();
        let jwk = |kid: &str| {
            json!({"kty": "EC", "crv": "P-256", "kid": kid,
                "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..])})
        };
        let signed = format!(
            "{}.{}",
            encode(&json!({"alg": "ES256", "kid": "k1"})),
            encode(&claims(2000))
        );
        let sum = pair.sign(&random, signed.as_bytes()).unwrap();
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(sum.as_ref()));
        let good = json!({"keys": [jwk("k0"), jwk("k1")]});
        let read_claims = read(&token, Some(&good), 1000).unwrap();
        assert_eq!(read_claims.audiences, ["x", "y"]);
        assert_eq!(read_claims.subject, "system:serviceaccount:a:b");
        let other = json!({"keys": [jwk("k0")]});
        let refused = read(&token, Some(&other), 1000).unwrap_err();
        assert!(refused.message.contains("signature"), "{refused:?}");
        let forged = token.replacen(&encode(&claims(2000)), &encode(&claims(3000)), 1);
        assert!(read(&forged, Some(&good), 1000).is_err());
        let none = format!(
            "{}.{}.",
            encode(&json!({"alg": "none"})),
            encode(&claims(2000))
        );
        assert!(read(&none, Some(&good), 1000).is_err());
        assert!(read(&none, None, 1000).is_ok(), "nobody said who may sign");
        assert_eq!(
            read(&token, Some(&good), 2000).unwrap_err().code,
            "AuthenticationFail.OIDCToken.Expired"
        );
        for junk in ["", "a.b", "a.b.c", "....", &"é".repeat(10)] {
            assert!(read(junk, None, 0).is_err());
        }
    }
}
