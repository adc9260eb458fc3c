//! What a node's kubelet asks: volumes are staged, shown to pods, measured, and taken away again.
//!
//! A volume has one FUSE mount on the node (for RRSA one for each service account, whose rights it has), in the state's
//! folder; each pod's target is a bind mount of it. Every call first writes what it is about to do into the mount's
//! record, does it, and can be repeated from any point at which it was cut off.

mod service;
mod stats;
mod sweep;

pub(crate) use service::{NodeService, need};

use crate::{
    budget,
    host::Host,
    keys::{Keys, Pod},
    locks::Locks,
    place::{self, Health},
    state::{Folder, Record, State},
    volume::{Auth, Rrsa, Volume},
};
use ossplit_mount::options::{self, Surroundings};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};
use tonic::Status;

/// How a node is set up.
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) state: State,
    pub(crate) keys: Keys,
    pub(crate) host: Host,
    pub(crate) rrsa: Rrsa,
    /// Bytes of memory for all volumes together.
    pub(crate) memory: u64,
    pub(crate) locks: Locks,
    /// Memory is given to one volume at a time.
    pub(crate) giving: Mutex<()>,
}

/// A volume that a pod is to see.
struct Wanted {
    volume_id: String,
    volume: Volume,
    pod: Pod,
}

impl Wanted {
    fn read(
        node: &Node,
        volume_id: &str,
        context: &HashMap<String, String>,
        secrets: &HashMap<String, String>,
        capability: Option<&ossplit_csi_proto::csi::VolumeCapability>,
    ) -> Result<Self, Status> {
        let volume = Volume::read(context, secrets, capability, &node.rrsa)
            .map_err(|why| Status::invalid_argument(format!("volume {volume_id}: {why}")))?;
        Ok(Self {
            volume_id: volume_id.to_owned(),
            volume,
            pod: Pod::of(context),
        })
    }

    /// Whose rights the mount has, where that is not the volume's own key.
    fn account(&self) -> &str {
        match &self.volume.auth {
            Auth::Oidc(_) => &self.pod.account,
            Auth::Key(_) | Auth::Options => "",
        }
    }
}

fn internal(what: &str, error: impl std::fmt::Display) -> Status {
    Status::internal(format!("can't {what}: {error}"))
}

impl Node {
    /// Has a volume mounted, with the key that it should have now; notes first that `add` wants it.
    async fn ensure(
        &self,
        wanted: &Wanted,
        add: impl FnOnce(&mut Record),
    ) -> Result<Folder, Status> {
        let folder = self.state.folder(&wanted.volume_id, wanted.account());
        let before = folder.record();
        let mut record = before.clone().unwrap_or_else(|| Record {
            volume_id: wanted.volume_id.clone(),
            account: wanted.account().to_owned(),
            ..Record::default()
        });
        add(&mut record);
        if record.memory == 0 {
            record.memory = self
                .give_memory()
                .map_err(|e| internal("read the state", e))?;
        }
        if before.as_ref() != Some(&record) {
            let written = folder.write(&record);
            written.map_err(|e| internal("write the volume's record", e))?;
        }
        let done = self.mount(wanted, &folder, record.memory).await;
        if done.is_err() && before.as_ref().is_none_or(Record::is_unused) {
            // Nobody has it: nothing of the try stays.
            if let Err(error) = self.forget(&folder).await {
                tracing::warn!(volume = wanted.volume_id, %error, "something of a failed mount stays");
            }
        } else if done.is_err()
            && let Some(before) = before
            && let Err(error) = folder.write(&before)
        {
            tracing::warn!(volume = wanted.volume_id, %error, "the record can't be put back");
        }
        done.map(|()| folder)
    }

    fn give_memory(&self) -> io::Result<u64> {
        let _one = self.giving.lock();
        let given = self.state.recorded()?;
        let given = given.iter().map(|(_, record)| record.memory).sum();
        Ok(budget::next(self.memory, given))
    }

    async fn mount(&self, wanted: &Wanted, folder: &Folder, memory: u64) -> Result<(), Status> {
        let Wanted {
            volume_id,
            volume,
            pod,
        } = wanted;
        let name = folder.name();
        let refused = |why: String| Status::unauthenticated(format!("volume {volume_id}: {why}"));
        let key = self.keys.wanted(&name, &volume.auth, pod).await;
        if let Some(key) = key.map_err(refused)? {
            let changed = folder.write_key(&key);
            if changed.map_err(|e| internal("write the volume's key", e))? {
                tracing::info!(volume = volume_id, "the key is a new one");
            }
        }
        volume
            .check_signer()
            .map_err(|why| Status::invalid_argument(format!("volume {volume_id}: {why}")))?;
        let mountpoint = folder.mountpoint();
        let there = place::on(&mountpoint).map_err(|e| internal("read the table of mounts", e))?;
        if there.is_some() {
            match place::health(&mountpoint).await {
                Health::Alive => return Ok(()),
                Health::Silent => {
                    return Err(Status::unavailable(format!(
                        "volume {volume_id}: the process that serves it gives no answer; it is asked again"
                    )));
                }
                Health::Dead => {
                    tracing::warn!(volume = volume_id, "the mount is dead: it is made anew");
                    let given_up = self.host.give_up(&name, &mountpoint).await;
                    given_up.map_err(|e| internal("remove a dead mount", e))?;
                }
            }
        }
        for note in &volume.notes {
            tracing::warn!(volume = volume_id, "{note}");
        }
        let faults = |faults: Vec<options::Fault>| {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            Status::invalid_argument(format!("volume {volume_id}: {}", faults.join(". ")))
        };
        let line = volume
            .command_line(&mountpoint, &folder.key_file(), &folder.staging(), memory)
            .map_err(faults)?;
        let around = surroundings(self.memory);
        let plan = options::validate(&line, &around).map_err(faults)?;
        for note in &plan.notes {
            tracing::info!(volume = volume_id, "{note}");
        }
        self.host
            .start(&name, &line, &around)
            .await
            .map_err(|why| {
                tracing::warn!(volume = volume_id, why, "the volume can't be mounted");
                Status::failed_precondition(format!("volume {volume_id}: {why}"))
            })?;
        tracing::info!(
            volume = volume_id,
            bucket = volume.bucket,
            memory,
            "mounted"
        );
        Ok(())
    }

    /// Shows a mounted volume on `target`.
    #[allow(clippy::unused_async, reason = "it mounts: a call that waits")]
    async fn show(&self, folder: &Folder, target: &Path, read_only: bool) -> Result<(), Status> {
        let cannot =
            |e: io::Error| internal(&format!("show the volume on {}", target.display()), e);
        let source = place::on(&folder.mountpoint()).map_err(cannot)?;
        let there = place::on(target).map_err(cannot)?;
        if let (Some(source), Some(there)) = (&source, &there)
            && source.id == there.id
            && there.read_only == read_only
        {
            return Ok(());
        }
        // Dead, stale, or of another kind than is wanted now.
        if there.is_some() {
            tracing::warn!(target = %target.display(), "a stale mount was there: it is replaced");
        }
        place::clear(target).map_err(cannot)?;
        place::make_folder(target).map_err(cannot)?;
        place::bind(&folder.mountpoint(), target, read_only, &folder.view()).map_err(cannot)
    }

    /// Takes a target away. It is not there: nothing happens.
    #[allow(clippy::unused_async, reason = "it unmounts: a call that waits")]
    async fn hide(&self, target: &Path) -> Result<(), Status> {
        let cannot = |e: io::Error| internal(&format!("unmount {}", target.display()), e);
        place::clear(target).map_err(cannot)?;
        place::remove_folder(target).map_err(cannot)
    }

    /// Writes a changed record, or ends the mount if nobody wants it any more.
    async fn settle(&self, folder: &Folder, record: &Record) -> Result<(), Status> {
        if record.is_unused() {
            let name = record.volume_id.as_str();
            self.forget(folder).await?;
            tracing::info!(volume = name, "unmounted");
            return Ok(());
        }
        folder
            .write(record)
            .map_err(|e| internal("write the volume's record", e))
    }

    /// Ends a mount and removes its folder.
    async fn forget(&self, folder: &Folder) -> Result<(), Status> {
        let mountpoint = folder.mountpoint();
        let there = place::on(&mountpoint).map_err(|e| internal("read the table of mounts", e))?;
        if there.is_some() {
            let ended = match place::health(&mountpoint).await {
                Health::Alive => self.host.end(&folder.name(), &mountpoint).await,
                Health::Dead | Health::Silent => {
                    self.host.give_up(&folder.name(), &mountpoint).await
                }
            };
            ended.map_err(|e| internal("unmount the volume", e))?;
        }
        self.keys.forget(&folder.name());
        folder
            .remove()
            .map_err(|e| internal("remove the volume's folder", e))
    }
}

/// Nothing of the driver's own environment is for volumes.
fn surroundings(memory: u64) -> Surroundings {
    Surroundings {
        folder: PathBuf::from("/"),
        memory,
        ..Surroundings::default()
    }
}

/// A node that calls share.
pub(crate) type Shared = Arc<Node>;
