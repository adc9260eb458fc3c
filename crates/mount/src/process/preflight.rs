//! Everything that can be found wrong with endpoint, key, bucket and prefix, before anything is
//! mounted.

use crate::{Plan, options::Credentials};
use ossplit::{
    Addressing, Client, ClientConfig, CredentialsProvider, Endpoint, Error, ErrorKind,
    ListObjectsV2,
    credentials::{CredentialProcess, EcsRole, KeyFile, Refreshing, StaticProvider},
    http::Network,
    retry::RetryPolicy,
};
use std::{sync::Arc, time::Duration};

/// All of it together may take this long.
const LIMIT: Duration = Duration::from_secs(8);

/// How the mount's client is set up.
pub(super) fn client_config(plan: &Plan) -> Result<ClientConfig, Error> {
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
    config.credentials = credentials(plan)?;
    Ok(config)
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
            let config = ClientConfig::new(EcsRole::ADDRESS, "")?;
            let endpoint: Endpoint = config.endpoint.clone();
            let network = Network::new(&config)
                .map_err(|e| Error::new(ErrorKind::Unauthenticated, e.to_string()))?;
            Arc::new(Refreshing::new(EcsRole::new(
                Arc::new(network),
                endpoint,
                role.clone(),
            )))
        }
    }))
}

/// Asks for one key below the prefix.
pub(super) async fn check(plan: &Plan, config: &ClientConfig) -> Result<(), String> {
    let quick = ClientConfig {
        connect_timeout: config.connect_timeout.min(Duration::from_secs(3)),
        read_timeout: config.read_timeout.min(Duration::from_secs(5)),
        retry: RetryPolicy {
            max_tries: 2,
            ..RetryPolicy::default()
        },
        ..config.clone()
    };
    let client = Client::new(quick).map_err(|e| e.to_string())?;
    let (bucket, prefix) = (&plan.fs.bucket, &plan.fs.prefix);
    let request = ListObjectsV2::new(bucket.clone(), prefix.clone()).max_keys(1);
    let asked = tokio::time::timeout(LIMIT, client.list_objects_v2(request)).await;
    let page = match asked {
        Ok(Ok(page)) => page,
        Ok(Err(error)) if error.kind() == ErrorKind::Unauthenticated => {
            return Err(match &config.credentials {
                Some(provider) => match provider.key().await {
                    Ok(key) => format!("AccessKey id {:?}: {error}", key.id),
                    Err(_) => error.to_string(),
                },
                None => error.to_string(),
            });
        }
        Ok(Err(error)) => return Err(error.to_string()),
        Err(_) => {
            let seconds = LIMIT.as_secs();
            return Err(format!(
                "{} gave no answer within {seconds} s; check the endpoint, its port and the network",
                plan.endpoint
            ));
        }
    };
    if !prefix.is_empty() && page.objects.is_empty() && page.common_prefixes.is_empty() {
        return Err(format!(
            "oss://{bucket}/{prefix} has no object; check the prefix, or make it by putting an empty object {prefix:?}"
        ));
    }
    Ok(())
}
