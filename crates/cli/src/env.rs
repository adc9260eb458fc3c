//! The environment, read once and only here.

use std::collections::HashMap;

/// Variables that ossplit reads; nothing else of the environment is kept.
const NAMES: [&str; 15] = [
    "OSS_ACCESS_KEY_ID",
    "OSS_ACCESS_KEY_SECRET",
    "OSS_SESSION_TOKEN",
    "OSS_ENDPOINT",
    "OSS_REGION",
    "OSSACCESSKEYID",
    "OSSSECRETACCESSKEY",
    "OSSSESSIONTOKEN",
    "URL",
    "HOME",
    "KUBE_NODE_NAME",
    "KUBERNETES_SERVICE_HOST",
    "KUBERNETES_SERVICE_PORT",
    "RUST_LOG",
    // Ours: see `commands/worker`.
    "OSSPLIT_TEST_HOOKS",
];

/// What the environment said at start. Never printed: it holds secrets.
pub(crate) struct Env(HashMap<&'static str, String>);

impl Env {
    /// Reads the process's environment.
    #[allow(clippy::disallowed_methods, reason = "this is the one place")]
    pub(crate) fn of_process() -> Self {
        let read = |name| Some((name, std::env::var(name).ok()?));
        Self(NAMES.into_iter().filter_map(read).collect())
    }

    /// A variable that is set and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}
