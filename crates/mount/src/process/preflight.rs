//! Everything that can be found wrong with endpoint, key, bucket and prefix, before anything is
//! mounted.

use super::failure::{Cause, Failure};
use crate::{Plan, options::Credentials};
use ossplit::{
    Addressing, Client, ClientConfig, CredentialsProvider, Error, ErrorKind, ListObjectsV2,
    credentials::{CredentialProcess, EcsRole, KeyFile, Refreshing, StaticProvider},
    retry::RetryPolicy,
};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout_at};

/// All of it together may take this long: who mounts is told within 10 seconds.
const LIMIT: Duration = Duration::from_secs(8);

/// How a plan's client is set up.
///
/// # Errors
/// The endpoint is none, or the key can't be had.
pub fn client_config(plan: &Plan) -> Result<ClientConfig, Failure> {
    let mut config = ClientConfig::new(&plan.endpoint, &plan.region)?;
    config.signature = plan.signature;
    if plan.path_style {
        config.addressing = Addressing::Path;
    }
    config.verify_tls = plan.verify_tls;
    config.connect_timeout = plan.connect_timeout;
    config.read_timeout = plan.read_timeout;
    config.retry = RetryPolicy {
        max_tries: plan.max_tries,
        ..RetryPolicy::default()
    };
    config.object_defaults = plan.objects.defaults(&plan.fs.prefix);
    config.traffic_limits = plan.traffic_limits;
    config.requester_pays = plan.requester_pays;
    config.credentials = credentials(plan)?;
    Ok(config)
}

/// The address of the metadata service, and the role that is asked for. ossfs 1 takes the whole URL
/// of a role's keys.
fn metadata_service(written: Option<&str>) -> (&str, Option<&str>) {
    let Some(url) = written.filter(|role| role.starts_with("http://")) else {
        return (EcsRole::ADDRESS, written);
    };
    let end = url["http://".len()..].find('/');
    let (address, path) = end.map_or((url, ""), |end| url.split_at("http://".len() + end));
    let role = path.rsplit('/').next().filter(|role| !role.is_empty());
    (address, role)
}

fn credentials(plan: &Plan) -> Result<Option<Arc<dyn CredentialsProvider>>, Error> {
    Ok(Some(match &plan.credentials {
        Credentials::Anonymous => return Ok(None),
        Credentials::Key(key) => Arc::new(StaticProvider::new(key.clone())),
        Credentials::File(path) => Arc::new(KeyFile::open(path, &plan.fs.bucket)?),
        Credentials::Process(command) => {
            Arc::new(Refreshing::new(CredentialProcess::new(command)?))
        }
        Credentials::RamRole(role) => {
            let (address, role) = metadata_service(role.as_deref());
            let source = EcsRole::connect(address, role.map(str::to_owned))?;
            Arc::new(Refreshing::new(source))
        }
    }))
}

/// Gets a key and asks for one object below the prefix.
pub(super) async fn check(plan: &Plan, config: &ClientConfig) -> Result<(), Failure> {
    let deadline = Instant::now() + LIMIT;
    let seconds = LIMIT.as_secs();
    let mut id = None;
    if let Some(provider) = &config.credentials {
        match timeout_at(deadline, provider.key()).await {
            Ok(Ok(key)) => id = Some(key.id.clone()),
            Ok(Err(error)) => return Err(Failure::new(Cause::Credentials, error.to_string())),
            Err(_) => {
                let whence = match &plan.credentials {
                    Credentials::Process(command) => format!("credential_process {command:?}"),
                    Credentials::RamRole(_) => "the ECS metadata service".to_owned(),
                    Credentials::Anonymous | Credentials::Key(_) | Credentials::File(_) => {
                        "the password file".to_owned()
                    }
                };
                let text = format!(
                    "{whence} gave no key within {seconds} s; run it by hand to see why, or give a \
                     passwd_file="
                );
                return Err(Failure::new(Cause::Credentials, text));
            }
        }
    }
    let quick = ClientConfig {
        connect_timeout: config.connect_timeout.min(Duration::from_secs(3)),
        read_timeout: config.read_timeout.min(Duration::from_secs(5)),
        retry: RetryPolicy {
            max_tries: 2,
            ..RetryPolicy::default()
        },
        ..config.clone()
    };
    let client = Client::new(quick)?;
    let (bucket, prefix) = (&plan.fs.bucket, &plan.fs.prefix);
    let request = ListObjectsV2::new(bucket.clone(), prefix.clone()).max_keys(1);
    let page = match timeout_at(deadline, client.list_objects_v2(request)).await {
        Ok(Ok(page)) => page,
        Ok(Err(error)) => {
            let refused = error.kind() == ErrorKind::Unauthenticated;
            let mut failure = Failure::from(error);
            if let Some(id) = id.filter(|_| refused) {
                failure.text = format!("AccessKey id {id:?}: {}", failure.text);
            }
            return Err(failure);
        }
        Err(_) => {
            let text = format!(
                "{} gave no answer within {seconds} s; check the endpoint, its port and the network",
                plan.endpoint
            );
            return Err(Failure::new(Cause::Endpoint, text));
        }
    };
    if !prefix.is_empty() && page.objects.is_empty() && page.common_prefixes.is_empty() {
        let text = format!(
            "oss://{bucket}/{prefix} has no object; check the prefix, or make it by putting an empty \
             object {prefix:?}"
        );
        return Err(Failure::new(Cause::Prefix, text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_a_name_or_the_url_of_its_keys() {
        let path = "/latest/meta-data/ram/security-credentials/";
        for (written, address, role) in [
            (None, EcsRole::ADDRESS, None),
            (Some("node"), EcsRole::ADDRESS, Some("node")),
            (Some("http://127.0.0.1:9001"), "http://127.0.0.1:9001", None),
            (
                Some(&*format!("http://h:1{path}node")),
                "http://h:1",
                Some("node"),
            ),
            (Some(&*format!("http://h{path}")), "http://h", None),
        ] {
            assert_eq!(metadata_service(written), (address, role), "{written:?}");
        }
    }
}
