//! The key of a volume, as a file that the mount's process reads again when it changes.

use crate::{
    attributes::Attributes,
    secret::StoredKey,
    volume::{Auth, OidcRole},
};
use ossplit::credentials::{Issued, Role, Sts};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

/// Context keys that kubelet adds (`podInfoOnMount`, `tokenRequests`).
const POD: &str = "csi.storage.k8s.io/";
/// Whom the token must be for: STS.
pub(crate) const AUDIENCE: &str = "sts.aliyuncs.com";
/// A key that lasts this long yet is not renewed. STS gives an hour; kubelet asks about once a minute.
const ENOUGH: Duration = Duration::from_mins(20);

/// Gets keys for tokens, and remembers until when they last.
pub(crate) struct Keys {
    sts_address: String,
    /// By a mount's name: until when its key lasts.
    ends: Mutex<HashMap<String, SystemTime>>,
}

/// What kubelet says of the pod.
pub(crate) struct Pod {
    /// `NAMESPACE/ACCOUNT`; empty when it was not said.
    pub(crate) account: String,
    /// For [`AUDIENCE`].
    token: Option<String>,
}

impl Pod {
    pub(crate) fn of(context: &HashMap<String, String>) -> Self {
        let context = Attributes::new(context);
        let get = |name: &str| context.get(&format!("{POD}{name}").to_ascii_lowercase());
        let account = match (get("pod.namespace"), get("serviceAccount.name")) {
            (Some(namespace), Some(name)) => format!("{namespace}/{name}"),
            _ => String::new(),
        };
        let token = get("serviceAccount.tokens").and_then(|json| {
            let tokens: serde_json::Value = serde_json::from_str(json).ok()?;
            tokens[AUDIENCE]["token"].as_str().map(str::to_owned)
        });
        Self { account, token }
    }
}

impl Keys {
    pub(crate) fn new(sts_address: &str) -> Self {
        Self {
            sts_address: sts_address.to_owned(),
            ends: Mutex::default(),
        }
    }

    /// What the key file of mount `name` is to hold; `None`: what it holds, or nothing, is right.
    ///
    /// # Errors
    /// One sentence.
    pub(crate) async fn wanted(
        &self,
        name: &str,
        auth: &Auth,
        pod: &Pod,
    ) -> Result<Option<Vec<u8>>, String> {
        let key = match auth {
            Auth::Options => return Ok(None),
            Auth::Key(key) => key.clone(),
            Auth::Oidc(role) => {
                let end = self.ends.lock().get(name).copied();
                if end.is_some_and(|end| SystemTime::now() + ENOUGH < end) {
                    return Ok(None);
                }
                let issued = self.issue(role, pod).await?;
                if let Some(end) = issued.expiration {
                    self.ends.lock().insert(name.to_owned(), end);
                }
                StoredKey {
                    access_key_id: issued.key.id,
                    access_key_secret: issued.key.secret,
                    security_token: issued.key.token,
                    expiration: None,
                }
            }
        };
        let json = serde_json::to_vec(&key).map_err(|error| error.to_string())?;
        Ok(Some(json))
    }

    /// The mount is gone, and its file with it.
    pub(crate) fn forget(&self, name: &str) {
        self.ends.lock().remove(name);
    }

    async fn issue(&self, role: &OidcRole, pod: &Pod) -> Result<Issued, String> {
        let token = pod.token.as_deref().ok_or_else(|| {
            format!(
                "authType rrsa: kubelet gave no token for {AUDIENCE}; the CSIDriver object must have \
                 tokenRequests with that audience and requiresRepublish: true (deploy/manifests)"
            )
        })?;
        let say = |error: ossplit::Error| error.to_string();
        let sts = Sts::connect(&self.sts_address).map_err(say)?;
        let session = session_name(&pod.account);
        let first = Role {
            arn: &role.role_arn,
            session: &session,
        };
        let issued = sts
            .assume_role_with_oidc(&first, &role.provider_arn, token)
            .await
            .map_err(say)?;
        let Some((arn, external_id)) = &role.then else {
            return Ok(issued);
        };
        let second = Role {
            arn,
            session: &session,
        };
        sts.assume_role(&issued.key, &second, external_id.as_deref())
            .await
            .map_err(say)
    }
}

/// RAM's log shows who it was: 2 to 64 letters, digits and `.@-_`.
fn session_name(account: &str) -> String {
    let good = |letter: char| letter.is_ascii_alphanumeric() || ".@-_".contains(letter);
    let name = account
        .chars()
        .map(|letter| if good(letter) { letter } else { '.' });
    let name: String = "ossplit.".chars().chain(name).take(64).collect();
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubelet_s_words_are_read() {
        let context = [
            ("csi.storage.k8s.io/pod.namespace", "ml"),
            ("csi.storage.k8s.io/serviceAccount.name", "train"),
            (
                "csi.storage.k8s.io/serviceAccount.tokens",
                r#"{"sts.aliyuncs.com":{"token":"t","expirationTimestamp":"x"}}"#,
            ),
        ];
        let context = context.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let pod = Pod::of(&context);
        assert_eq!(
            (&*pod.account, pod.token.as_deref()),
            ("ml/train", Some("t"))
        );
        assert_eq!(session_name(&pod.account), "ossplit.ml.train");
        assert_eq!(session_name(&"x".repeat(200)).len(), 64);
        assert!(Pod::of(&HashMap::new()).token.is_none());
    }

    #[tokio::test]
    async fn a_secret_s_key_is_written_as_it_is_and_no_key_is_none() {
        let keys = Keys::new("http://127.0.0.1:1");
        let pod = Pod::of(&HashMap::new());
        assert_eq!(keys.wanted("m", &Auth::Options, &pod).await, Ok(None));
        let role = OidcRole {
            role_arn: "r".into(),
            provider_arn: "p".into(),
            then: None,
        };
        let refused = keys.wanted("m", &Auth::Oidc(role), &pod).await;
        assert!(refused.unwrap_err().contains("tokenRequests"));
    }
}
