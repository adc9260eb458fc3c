//! Claims of our `StorageClasses` become volumes, without a sidecar: what the standard provisioner does, for one driver.
//!
//! Everything is looked at anew at each change and each minute, so that nothing depends on what was heard before.

use super::{Cluster, Refused, texts};
use crate::{DRIVER, controller::Controller};
use ossplit_csi_proto::csi::{
    CapacityRange, CreateVolumeRequest, VolumeCapability,
    volume_capability::{AccessMode, AccessType, MountVolume, access_mode::Mode},
};
use serde_json::{Value, json};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

/// Who made a volume.
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
/// Which Secret a volume is deleted with.
const DELETE_SECRET: &str = "ossplit.io/provisioner-secret";
/// Claims are looked at this often, whatever the watch says.
const AGAIN: Duration = Duration::from_mins(1);
/// After a failure of the API.
const LATER: Duration = Duration::from_secs(5);

/// Provisions until the process ends. One controller at a time: its Deployment has one replica and strategy Recreate.
pub(crate) async fn run(cluster: Cluster, controller: Arc<Controller>) {
    let mut told = HashSet::new();
    loop {
        let wait = match round(&cluster, &controller, &mut told).await {
            Ok(version) => changed(&cluster, &version).await,
            Err(refused) => {
                tracing::warn!(%refused, "the cluster's API");
                LATER
            }
        };
        tokio::time::sleep(wait).await;
    }
}

/// Waits until a claim or a volume may have changed; gives how long to wait more.
async fn changed(cluster: &Cluster, version: &str) -> Duration {
    let seconds = AGAIN.as_secs();
    let watch = |kind: &str, version: &str| {
        format!("/api/v1/{kind}?watch=1&resourceVersion={version}&timeoutSeconds={seconds}")
    };
    let claims = watch("persistentvolumeclaims", version);
    let volumes = watch("persistentvolumes", version);
    let one = async |path: &str| -> Result<(), Refused> {
        let mut body = cluster.send(http::Method::GET, path, None).await?;
        // Any word is reason enough to look.
        let _ = body.chunk().await;
        Ok(())
    };
    let heard = tokio::select! {
        heard = one(&claims) => heard,
        heard = one(&volumes) => heard,
        () = tokio::time::sleep(AGAIN) => Ok(()),
    };
    match heard {
        // Several changes come together: they are looked at once.
        Ok(()) => Duration::from_millis(200),
        Err(refused) => {
            tracing::debug!(%refused, "the watch ended");
            LATER
        }
    }
}

/// Looks at all claims and volumes; gives the version of the claims' list.
async fn round(
    cluster: &Cluster,
    controller: &Controller,
    told: &mut HashSet<String>,
) -> Result<String, Refused> {
    let claims = cluster.get("/api/v1/persistentvolumeclaims").await?;
    let classes = cluster
        .get("/apis/storage.k8s.io/v1/storageclasses")
        .await?;
    let items = |list: &Value| list["items"].as_array().cloned().unwrap_or_default();
    let classes: HashMap<String, Value> = items(&classes)
        .into_iter()
        .filter(|class| class["provisioner"] == DRIVER)
        .filter_map(|class| Some((class["metadata"]["name"].as_str()?.to_owned(), class)))
        .collect();
    let mut failing = HashSet::new();
    for mut claim in items(&claims) {
        let spec = &claim["spec"];
        let class = spec["storageClassName"]
            .as_str()
            .and_then(|name| classes.get(name));
        let Some(class) = class.filter(|class| is_wanted(&claim, class)) else {
            continue;
        };
        claim["kind"] = "PersistentVolumeClaim".into();
        if let Err(why) = provision(cluster, controller, &claim, class).await {
            let about = format!("{}: {why}", claim["metadata"]["uid"]);
            // The same failure is told once, not at each look.
            if !told.contains(&about) {
                cluster
                    .event(&claim, "Warning", "ProvisioningFailed", &why)
                    .await;
            }
            failing.insert(about);
        }
    }
    for volume in items(&cluster.get("/api/v1/persistentvolumes").await?) {
        let ours = volume["metadata"]["annotations"][PROVISIONED_BY] == DRIVER
            && volume["spec"]["csi"]["driver"] == DRIVER;
        let over = volume["status"]["phase"] == "Released"
            && volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete"
            && volume["metadata"]["deletionTimestamp"].is_null();
        if ours
            && over
            && let Err(why) = unprovision(cluster, controller, &volume).await
        {
            let name = &volume["metadata"]["name"];
            let about = format!("{name}: {why}");
            if !told.contains(&about) {
                tracing::warn!(%name, why, "the volume can't be deleted");
            }
            failing.insert(about);
        }
    }
    *told = failing;
    let version = claims["metadata"]["resourceVersion"].as_str();
    Ok(version.unwrap_or("").to_owned())
}

/// Whether a claim of a class waits for us.
fn is_wanted(claim: &Value, class: &Value) -> bool {
    let annotations = &claim["metadata"]["annotations"];
    let late = class["volumeBindingMode"] == "WaitForFirstConsumer";
    claim["spec"]["volumeName"]
        .as_str()
        .is_none_or(str::is_empty)
        && claim["metadata"]["deletionTimestamp"].is_null()
        && claim["status"]["phase"] != "Bound"
        && annotations["volume.kubernetes.io/storage-provisioner"] == DRIVER
        && (!late || !annotations["volume.kubernetes.io/selected-node"].is_null())
}

/// A Secret that a class names for a purpose, with the places of the claim filled in.
fn secret_of(
    class: &Value,
    purpose: &str,
    claim: &Value,
    volume: &str,
) -> Option<(String, String)> {
    let parameters = &class["parameters"];
    let get = |field: &str| {
        let key = format!("csi.storage.k8s.io/{purpose}-secret-{field}");
        let text = parameters[key].as_str()?;
        let of = |field: &str| claim["metadata"][field].as_str().unwrap_or("");
        Some(
            text.replace("${pvc.namespace}", of("namespace"))
                .replace("${pvc.name}", of("name"))
                .replace("${pv.name}", volume),
        )
    };
    Some((get("namespace")?, get("name")?))
}

async fn provision(
    cluster: &Cluster,
    controller: &Controller,
    claim: &Value,
    class: &Value,
) -> Result<(), String> {
    let uid = claim["metadata"]["uid"].as_str().unwrap_or_default();
    let name = format!("pvc-{uid}");
    let modes: Vec<&str> = claim["spec"]["accessModes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let flags: Vec<String> = class["mountOptions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|flag| flag.as_str().map(str::to_owned))
        .collect();
    if claim["spec"]["volumeMode"] == "Block" {
        return Err("a bucket is no block device; write volumeMode: Filesystem".into());
    }
    let capability = |mode: &str| VolumeCapability {
        access_mode: Some(AccessMode {
            mode: mode_of(mode).into(),
        }),
        access_type: Some(AccessType::Mount(MountVolume {
            mount_flags: flags.clone(),
            ..MountVolume::default()
        })),
    };
    let secret = secret_of(class, "provisioner", claim, &name);
    let secrets = match &secret {
        None => HashMap::new(),
        Some((namespace, secret)) => cluster
            .secret(namespace, secret)
            .await
            .map_err(|refused| format!("Secret {namespace}/{secret}: {refused}"))?,
    };
    let wanted = claim["spec"]["resources"]["requests"]["storage"].as_str();
    let made = controller
        .create(CreateVolumeRequest {
            name: name.clone(),
            capacity_range: Some(CapacityRange::default()),
            volume_capabilities: modes.iter().map(|mode| capability(mode)).collect(),
            parameters: texts(&class["parameters"]),
            secrets,
            ..CreateVolumeRequest::default()
        })
        .await
        .map_err(|status| status.message().to_owned())?;
    let reference = |purpose: &str| match secret_of(class, purpose, claim, &name) {
        Some((namespace, name)) => json!({"namespace": namespace, "name": name}),
        None => Value::Null,
    };
    let mut annotations = json!({PROVISIONED_BY: DRIVER});
    if let Some((namespace, secret)) = secret {
        annotations[DELETE_SECRET] = format!("{namespace}/{secret}").into();
    }
    let volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {
            "capacity": {"storage": wanted.unwrap_or("1Gi")},
            "accessModes": modes,
            "mountOptions": flags,
            "persistentVolumeReclaimPolicy": class["reclaimPolicy"],
            "storageClassName": class["metadata"]["name"],
            "claimRef": {
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": claim["metadata"]["name"],
                "namespace": claim["metadata"]["namespace"], "uid": uid,
            },
            "csi": {
                "driver": DRIVER, "volumeHandle": made.volume_id, "volumeAttributes": made.volume_context,
                "nodePublishSecretRef": reference("node-publish"),
                "nodeStageSecretRef": reference("node-stage"),
            },
        },
    });
    let created = cluster.create("/api/v1/persistentvolumes", &volume).await;
    created.map_err(|refused| refused.to_string())?;
    tracing::info!(volume = name, claim = %claim["metadata"]["name"], "provisioned");
    Ok(())
}

async fn unprovision(
    cluster: &Cluster,
    controller: &Controller,
    volume: &Value,
) -> Result<(), String> {
    let name = volume["metadata"]["name"].as_str().unwrap_or_default();
    let id = volume["spec"]["csi"]["volumeHandle"]
        .as_str()
        .unwrap_or_default();
    let secret = volume["metadata"]["annotations"][DELETE_SECRET].as_str();
    let secrets = match secret.and_then(|secret| secret.split_once('/')) {
        None => HashMap::new(),
        Some((namespace, secret)) => cluster
            .secret(namespace, secret)
            .await
            .map_err(|refused| format!("Secret {namespace}/{secret}: {refused}"))?,
    };
    let deleted = controller.delete(id, &secrets).await;
    deleted.map_err(|status| status.message().to_owned())?;
    let gone = cluster
        .delete(&format!("/api/v1/persistentvolumes/{name}"))
        .await;
    gone.map_err(|refused| refused.to_string())
}

/// Kubernetes' word for how a volume is used.
fn mode_of(mode: &str) -> Mode {
    match mode {
        "ReadOnlyMany" => Mode::MultiNodeReaderOnly,
        "ReadWriteOnce" | "ReadWriteOncePod" => Mode::SingleNodeMultiWriter,
        _ => Mode::MultiNodeMultiWriter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim() -> Value {
        json!({
            "metadata": {
                "name": "c", "namespace": "ns", "uid": "u",
                "annotations": {"volume.kubernetes.io/storage-provisioner": DRIVER},
            },
            "spec": {"storageClassName": "oss"},
            "status": {"phase": "Pending"},
        })
    }

    #[test]
    fn only_claims_that_wait_for_us_are_taken() {
        let class = json!({"volumeBindingMode": "Immediate"});
        let late = json!({"volumeBindingMode": "WaitForFirstConsumer"});
        assert!(is_wanted(&claim(), &class));
        assert!(!is_wanted(&claim(), &late), "no pod has asked for it");
        let mut chosen = claim();
        chosen["metadata"]["annotations"]["volume.kubernetes.io/selected-node"] = "n".into();
        assert!(is_wanted(&chosen, &late));
        let mut bound = claim();
        bound["spec"]["volumeName"] = "pv".into();
        assert!(!is_wanted(&bound, &class));
        let mut other = claim();
        other["metadata"]["annotations"]["volume.kubernetes.io/storage-provisioner"] = "x".into();
        assert!(!is_wanted(&other, &class));
    }

    #[test]
    fn secrets_are_named_by_the_class_for_the_claim() {
        let class = json!({"parameters": {
            "csi.storage.k8s.io/node-publish-secret-name": "${pvc.name}-key",
            "csi.storage.k8s.io/node-publish-secret-namespace": "${pvc.namespace}",
        }});
        assert_eq!(
            secret_of(&class, "node-publish", &claim(), "pv"),
            Some(("ns".to_owned(), "c-key".to_owned()))
        );
        assert_eq!(secret_of(&class, "provisioner", &claim(), "pv"), None);
    }
}
