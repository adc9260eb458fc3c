//! The attributes that there are: those that are read, and those of other drivers that do nothing here.

use std::collections::HashMap;

/// What `Volume::read` and `crate::secret` read, in lower case.
const READ: [&str; 24] = [
    "accesskeyid",
    "accesskeysecret",
    "akid",
    "aksecret",
    "assumerolearn",
    "authtype",
    "bucket",
    "encrypted",
    "expiration",
    "externalid",
    "fusetype",
    "kmskeyid",
    "oidcproviderarn",
    "otheropts",
    "path",
    "ramrole",
    "readonly",
    "region",
    "rolearn",
    "rolename",
    "securitytoken",
    "sigversion",
    "url",
    "volumeas",
];

/// What other drivers' volumes have and that does nothing here, and why.
const WITHOUT_EFFECT: [(&str, &str); 12] = [
    (
        "dnspolicy",
        "there is no pod for each mount: the driver's own pod has a policy",
    ),
    (
        "usesharedpath",
        "a volume has one mount on each node, always",
    ),
    (
        "metricstop",
        "all volumes are measured (docs/kubernetes.md)",
    ),
    (
        "directassigned",
        "the node's kernel mounts, not a sandbox's",
    ),
    ("runtimeclass", "the node's kernel mounts, not a sandbox's"),
    (
        "containernetworkfilesystem",
        "write bucket, url and path instead",
    ),
    ("agenticbucket", "write bucket, url and path instead"),
    ("bucketspace", "write bucket, url and path instead"),
    ("overlay", "a pod can lay one over the mount itself"),
    (
        "serviceaccountname",
        "the pod's own service account is used",
    ),
    (
        "secretref",
        "the Secret of nodePublishSecretRef has the key",
    ),
    (
        "secretproviderclass",
        "the Secret of nodePublishSecretRef has the key; the class's secretObjects can make it",
    ),
];

/// Prefixes of what Kubernetes adds itself.
const KUBERNETES: [&str; 2] = ["csi.storage.k8s.io/", "storage.kubernetes.io/"];

/// A line for each attribute that does nothing.
pub(super) fn notes(raw: &HashMap<String, String>) -> Vec<String> {
    let written = raw.iter().filter(|(_, value)| !value.trim().is_empty());
    let note = |name: &str| {
        let known = name.trim().to_ascii_lowercase();
        if let Some((_, why)) = WITHOUT_EFFECT.iter().find(|(name, _)| *name == known) {
            return Some(format!("attribute {name} has no effect: {why}"));
        }
        let read = READ.contains(&&*known) || KUBERNETES.iter().any(|it| known.starts_with(it));
        (!read).then(|| {
            format!("attribute {name:?} is unknown and has no effect; docs/kubernetes.md lists all")
        })
    };
    let mut notes: Vec<String> = written.filter_map(|(name, _)| note(name)).collect();
    // A map has no order.
    notes.sort();
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, value: &str) -> Vec<String> {
        notes(&[(name.to_owned(), value.to_owned())].into())
    }

    #[test]
    fn unknown_names_are_told_and_known_ones_are_not() {
        assert!(of("otherOpt", "-o ro")[0].contains("\"otherOpt\" is unknown"));
        assert!(of("secretProviderClass", "c")[0].contains("secretObjects"));
        for name in [
            "otherOpts",
            " BUCKET ",
            "csi.storage.k8s.io/serviceAccount.tokens",
            "storage.kubernetes.io/csiProvisionerIdentity",
        ] {
            assert_eq!(of(name, "x"), Vec::<String>::new(), "{name}");
        }
        assert_eq!(of("otherOpt", " "), Vec::<String>::new(), "as if absent");
    }

    #[test]
    fn every_name_is_in_the_documentation() {
        let text = include_str!("../../../../docs/kubernetes.md").to_ascii_lowercase();
        let names = WITHOUT_EFFECT.iter().map(|(name, _)| *name).chain(READ);
        for name in names {
            assert!(text.contains(&format!("`{name}`")), "{name}");
        }
    }
}
