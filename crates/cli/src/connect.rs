//! Where requests go and who signs them, for commands that take ossutil's options.

use crate::env::Env;
use ossplit::{Client, ClientConfig, Key};

/// ossutil's options for the connection; what is not given comes from the environment.
#[derive(Debug, clap::Args)]
pub(crate) struct Connection {
    /// Endpoint, such as oss-cn-hangzhou.aliyuncs.com; otherwise `OSS_ENDPOINT` or `URL`
    #[arg(short = 'e', long, value_name = "HOST", global = true)]
    endpoint: Option<String>,
    /// AccessKey id; otherwise `OSS_ACCESS_KEY_ID`
    #[arg(short = 'i', long, value_name = "ID", global = true)]
    access_key_id: Option<String>,
    /// AccessKey secret; otherwise `OSS_ACCESS_KEY_SECRET`, which others can't see in the process list
    #[arg(short = 'k', long, value_name = "SECRET", global = true)]
    access_key_secret: Option<String>,
    /// Security token of a temporary key; otherwise `OSS_SESSION_TOKEN`
    #[arg(short = 't', long, value_name = "TOKEN", global = true)]
    sts_token: Option<String>,
    /// Region, such as cn-hangzhou; otherwise `OSS_REGION`, or as the endpoint says
    #[arg(long, value_name = "REGION", global = true)]
    region: Option<String>,
}

impl Connection {
    /// A client; what is missing or wrong, with its mend, otherwise.
    pub(crate) fn client(&self, env: &Env) -> Result<Client, String> {
        let or = |given: &Option<String>, names: &[&str]| {
            let found = || names.iter().find_map(|name| env.get(name));
            given.as_deref().or_else(found).map(str::to_owned)
        };
        let endpoint = or(&self.endpoint, &["OSS_ENDPOINT", "URL"]);
        let endpoint = endpoint.ok_or("no endpoint: give -e HOST, or set OSS_ENDPOINT")?;
        let region = or(&self.region, &["OSS_REGION"]).or_else(|| region_of(&endpoint));
        let region = region.ok_or_else(|| {
            format!("no region, and {endpoint} does not tell it: give --region, or set OSS_REGION")
        })?;
        // An id given goes with a secret given: never half of one key and half of another.
        let key = match (&self.access_key_id, &self.access_key_secret) {
            (Some(id), Some(secret)) => (
                Some(id.clone()),
                Some(secret.clone()),
                self.sts_token.clone(),
            ),
            (None, None) => (
                or(&None, &["OSS_ACCESS_KEY_ID"]),
                or(&None, &["OSS_ACCESS_KEY_SECRET"]),
                or(&self.sts_token, &["OSS_SESSION_TOKEN"]),
            ),
            (Some(_), None) => return Err("-i without -k: give both, or neither".into()),
            (None, Some(_)) => return Err("-k without -i: give both, or neither".into()),
        };
        let (Some(id), Some(secret), token) = key else {
            return Err(
                "no AccessKey: set OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET, or give -i and -k"
                    .into(),
            );
        };
        ClientConfig::new(&endpoint, &region)
            .map(|config| config.with_key(Key { id, secret, token }))
            .and_then(Client::new)
            .map_err(|error| error.to_string())
    }
}

/// The region in the name of one of OSS's own hosts.
fn region_of(endpoint: &str) -> Option<String> {
    let host = endpoint
        .rsplit_once("//")
        .map_or(endpoint, |(_, host)| host);
    let first = host.split('.').next()?.strip_prefix("oss-")?;
    let region = first.strip_suffix("-internal").unwrap_or(first);
    host.contains(".aliyuncs.com").then(|| region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::region_of;

    #[test]
    fn the_region_is_in_the_name_of_the_host() {
        let of = |host| region_of(host).unwrap_or_default();
        assert_eq!(of("https://oss-cn-beijing.aliyuncs.com"), "cn-beijing");
        assert_eq!(of("oss-cn-beijing-internal.aliyuncs.com"), "cn-beijing");
        assert_eq!(of("http://127.0.0.1:9000"), "");
        assert_eq!(of("oss-cn-beijing.example.com"), "");
    }
}
