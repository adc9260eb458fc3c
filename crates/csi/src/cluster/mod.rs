//! The cluster's API, as far as a storage controller needs it: a handful of calls in JSON.

mod provisioner;

pub(crate) use provisioner::run as provision;

use crate::DRIVER;
use ossplit::{
    ClientConfig,
    http::{Network, RequestBody, Transport as _},
};
use serde_json::{Value, json};
use std::{collections::HashMap, fs, path::Path, sync::Arc, time::Duration};
use time::format_description::well_known::Rfc3339;

/// Where every pod finds its account's token and the authority of the API server.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// An answer of more bytes than this is refused.
const LONGEST: usize = 64 << 20;

/// The API server.
#[derive(Clone)]
pub(crate) struct Cluster {
    network: Arc<Network>,
    host: String,
}

/// A refusal of the API server.
#[derive(Debug)]
pub(crate) struct Refused {
    /// HTTP status; 0 when there was no answer.
    pub(crate) status: u16,
    pub(crate) message: String,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl Cluster {
    /// The cluster whose pod this process is in, with `address` (`HOST:PORT`) of its API server.
    ///
    /// # Errors
    /// One sentence: this is no pod with an account.
    pub(crate) fn of_this_pod(address: &str) -> Result<Self, String> {
        let ca = Path::new(ACCOUNT).join("ca.crt");
        let pem = fs::read(&ca).map_err(|error| format!("{}: {error}", ca.display()))?;
        let mut config = ClientConfig::new(&format!("https://{address}"), "")
            .map_err(|error| error.to_string())?;
        config.ca_pem = Some(pem);
        config.connect_timeout = Duration::from_secs(5);
        // A watch says nothing while nothing happens.
        config.read_timeout = Duration::from_secs(90);
        let network = Network::new(&config).map_err(|error| error.to_string())?;
        Ok(Self {
            network: Arc::new(network),
            host: address.to_owned(),
        })
    }

    async fn send(
        &self,
        method: http::Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<ossplit::http::ResponseBody, Refused> {
        let none = |message: String| Refused { status: 0, message };
        // It is renewed on disk; a call is rare enough to read it each time.
        let token = fs::read_to_string(Path::new(ACCOUNT).join("token"));
        let token = token.map_err(|error| none(format!("the account's token: {error}")))?;
        let bytes = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header(http::header::HOST, &self.host)
            .header(
                http::header::AUTHORIZATION,
                format!("Bearer {}", token.trim()),
            )
            .header(http::header::ACCEPT, "application/json")
            .header(http::header::CONTENT_TYPE, "application/json")
            .header(http::header::CONTENT_LENGTH, bytes.len())
            .body(RequestBody::segments(vec![bytes.into()]))
            .map_err(|error| none(error.to_string()))?;
        let answer = self.network.send(request).await;
        let (head, body) = answer
            .map_err(|error| none(error.to_string()))?
            .into_parts();
        if head.status.is_success() {
            return Ok(body);
        }
        let said = whole(body).await.unwrap_or_default();
        Err(Refused {
            status: head.status.as_u16(),
            message: said["message"]
                .as_str()
                .unwrap_or(head.status.as_str())
                .to_owned(),
        })
    }

    async fn get(&self, path: &str) -> Result<Value, Refused> {
        let body = self.send(http::Method::GET, path, None).await?;
        whole(body).await
    }

    /// Makes an object; it may be there.
    async fn create(&self, path: &str, object: &Value) -> Result<(), Refused> {
        match self.send(http::Method::POST, path, Some(object)).await {
            Err(refused) if refused.status != 409 => Err(refused),
            _ => Ok(()),
        }
    }

    /// Deletes an object; it may be gone.
    async fn delete(&self, path: &str) -> Result<(), Refused> {
        match self.send(http::Method::DELETE, path, None).await {
            Err(refused) if refused.status != 404 => Err(refused),
            _ => Ok(()),
        }
    }

    /// The attributes of the volume with this id; `None` when there is no such volume of ours.
    pub(crate) async fn attributes_of(
        &self,
        id: &str,
    ) -> Result<Option<HashMap<String, String>>, Refused> {
        // Provisioners name the object as the volume.
        match self.get(&format!("/api/v1/persistentvolumes/{id}")).await {
            Ok(volume) => {
                let csi = &volume["spec"]["csi"];
                let ours = csi["driver"] == DRIVER && csi["volumeHandle"] == id;
                Ok(ours.then(|| texts(&csi["volumeAttributes"])))
            }
            Err(refused) if refused.status == 404 => Ok(None),
            Err(refused) => Err(refused),
        }
    }

    /// What a Secret holds.
    async fn secret(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<HashMap<String, String>, Refused> {
        let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}");
        let secret = self.get(&path).await?;
        let data = texts(&secret["data"]);
        Ok(data
            .into_iter()
            .filter_map(|(name, value)| Some((name, decode(&value)?)))
            .collect())
    }

    /// Tells people what happened to an object.
    async fn event(&self, about: &Value, kind: &str, reason: &str, message: &str) {
        let metadata = &about["metadata"];
        let namespace = metadata["namespace"].as_str().unwrap_or("default");
        let now = time::OffsetDateTime::now_utc().replace_nanosecond(0);
        let now = now.ok().and_then(|now| now.format(&Rfc3339).ok());
        let event = json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"generateName": "ossplit.", "namespace": namespace},
            "involvedObject": {
                "apiVersion": "v1", "kind": about["kind"], "name": metadata["name"],
                "namespace": metadata["namespace"], "uid": metadata["uid"],
            },
            "type": kind, "reason": reason, "message": message, "count": 1,
            "firstTimestamp": now, "lastTimestamp": now,
            "source": {"component": DRIVER},
        });
        let path = format!("/api/v1/namespaces/{namespace}/events");
        if let Err(refused) = self.create(&path, &event).await {
            tracing::warn!(%refused, reason, message, "the event can't be sent");
        }
    }
}

async fn whole(mut body: ossplit::http::ResponseBody) -> Result<Value, Refused> {
    let none = |message: String| Refused { status: 0, message };
    let mut bytes = Vec::new();
    while let Some(chunk) = body.chunk().await {
        bytes.extend_from_slice(&chunk.map_err(|error| none(error.to_string()))?);
        if bytes.len() > LONGEST {
            return Err(none("the answer is too long".into()));
        }
    }
    serde_json::from_slice(&bytes).map_err(|error| none(error.to_string()))
}

/// An object whose values are texts.
fn texts(value: &Value) -> HashMap<String, String> {
    let fields = value.as_object().into_iter().flatten();
    fields
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// Base64, as the API has Secrets.
fn decode(text: &str) -> Option<String> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    String::from_utf8(STANDARD.decode(text).ok()?).ok()
}
