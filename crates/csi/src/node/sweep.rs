//! At start: whatever a driver that died, or a pod that was deleted by force, left behind.

use super::{Node, place};
use crate::{
    place::Health,
    state::{Folder, Record},
};
use std::{io, path::Path};
use tonic::Status;

/// What a sweep did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Swept {
    /// Mounts that go on, or may yet.
    pub(crate) alive: usize,
    /// Dead mounts that were taken away; the next publish makes them anew.
    pub(crate) dead: usize,
    /// Volumes that nobody wants any more.
    pub(crate) unused: usize,
    /// Targets whose pods are gone.
    pub(crate) targets: usize,
}

impl Node {
    /// Takes dead mounts away, and what belongs to pods that are gone.
    pub(crate) async fn sweep(&self) -> io::Result<Swept> {
        let mut swept = Swept::default();
        let wanted = |name: &str| {
            let folders = self.state.folders().ok()?;
            let folder = folders.into_iter().find(|folder| folder.name() == name)?;
            folder.record().map(|_| folder.mountpoint())
        };
        self.host.resume(wanted).await?;
        for folder in self.state.folders()? {
            let Some(record) = folder.record() else {
                // A call was cut off before the record, or in the midst of removing all.
                match self.forget(&folder).await {
                    Ok(()) => swept.unused += 1,
                    Err(error) => tracing::warn!(%error, folder = folder.name(), "it stays"),
                }
                continue;
            };
            let Ok(_busy) = self.locks.take(&record.volume_id) else {
                continue;
            };
            if let Err(error) = self.sweep_one(&folder, record, &mut swept).await {
                tracing::warn!(%error, folder = folder.name(), "not everything could be swept");
            }
        }
        Ok(swept)
    }

    async fn sweep_one(
        &self,
        folder: &Folder,
        mut record: Record,
        swept: &mut Swept,
    ) -> Result<(), Status> {
        let mountpoint = folder.mountpoint();
        let there = place::on(&mountpoint).map_err(|e| super::internal("read mounts", e))?;
        let health = match there {
            Some(_) => Some(place::health(&mountpoint).await),
            None => None,
        };
        match health {
            // One that gives no answer stays: it may only be slow (many volumes are served again at once), its pods wait and
            // see no error, and its condition is told to whoever asks. Taking it away would break them for sure.
            Some(Health::Alive | Health::Silent) => swept.alive += 1,
            Some(Health::Dead) => {
                let given_up = self.host.give_up(&folder.name(), &mountpoint).await;
                given_up.map_err(|e| super::internal("unmount", e))?;
                swept.dead += 1;
            }
            None => {}
        }
        let mut gone = Vec::new();
        for target in &record.targets {
            if !pod_is_there(target) {
                gone.push(target.clone());
                self.hide(target).await?;
            } else if !matches!(health, Some(Health::Alive | Health::Silent)) {
                // The pod is told by its next access; kubelet's next publish shows it a live mount.
                place::clear(target).map_err(|e| super::internal("unmount", e))?;
            }
        }
        for target in &gone {
            record.targets.remove(target);
            swept.targets += 1;
        }
        if record.staged.as_ref().is_some_and(|path| !path.exists()) {
            record.staged = None;
        }
        if record.is_unused() {
            swept.unused += 1;
        }
        self.settle(folder, &record).await
    }
}

/// Whether the pod that a target belongs to is there yet: kubelet removes its folder with it.
fn pod_is_there(target: &Path) -> bool {
    // PODS/UID/volumes/kubernetes.io~csi/NAME/mount; other callers' targets have a parent at least.
    let pod = target
        .ancestors()
        .find(|path| path.file_name().is_some_and(|name| name == "volumes"))
        .and_then(Path::parent)
        .or(target.parent());
    pod.is_some_and(Path::exists)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_there_while_its_folder_is() {
        let pods = tempfile::tempdir().unwrap();
        let target = pods.path().join("uid/volumes/kubernetes.io~csi/pv/mount");
        assert!(!pod_is_there(&target));
        std::fs::create_dir(pods.path().join("uid")).unwrap();
        assert!(pod_is_there(&target), "kubelet makes the rest");
        assert!(pod_is_there(&pods.path().join("target")));
        assert!(!pod_is_there(&pods.path().join("x/target")));
    }
}
