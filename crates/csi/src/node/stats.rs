//! How full a volume is and whether it works: the mount's own figures, never a listing of the bucket.

use crate::place::{self, Health};
use ossplit_csi_proto::csi::{
    NodeGetVolumeStatsResponse, VolumeCondition, VolumeUsage, volume_usage::Unit,
};
use std::path::{Path, PathBuf};
use tonic::Status;

/// Asks the mount on `path`.
pub(super) async fn of(path: &Path) -> Result<NodeGetVolumeStatsResponse, Status> {
    let mounted = place::on(path).map_err(|e| super::internal("read the table of mounts", e))?;
    if mounted.is_none() {
        return Err(Status::not_found(format!(
            "no volume is mounted on {}",
            path.display()
        )));
    }
    let trouble = match place::health(path).await {
        Health::Alive => None,
        Health::Dead => Some(
            "the mount is dead (Transport endpoint is not connected); it is made anew at the next publish",
        ),
        Health::Silent => {
            Some("the process that serves the volume gives no answer; its requests wait for it")
        }
    };
    if let Some(trouble) = trouble {
        return Ok(NodeGetVolumeStatsResponse {
            usage: Vec::new(),
            volume_condition: Some(VolumeCondition {
                abnormal: true,
                message: trouble.into(),
            }),
        });
    }
    let asked: PathBuf = path.to_owned();
    let figures = tokio::task::spawn_blocking(move || rustix::fs::statvfs(&asked)).await;
    let figures = figures
        .map_err(|e| super::internal("ask the mount", e))?
        .map_err(|e| super::internal("ask the mount", e))?;
    let usage = |unit: Unit, total: u64, free: u64, scale: u64| {
        let bytes = |count: u64| i64::try_from(count.saturating_mul(scale)).unwrap_or(i64::MAX);
        VolumeUsage {
            unit: unit.into(),
            total: bytes(total),
            available: bytes(free),
            used: bytes(total.saturating_sub(free)),
        }
    };
    Ok(NodeGetVolumeStatsResponse {
        usage: vec![
            usage(
                Unit::Bytes,
                figures.f_blocks,
                figures.f_bavail,
                figures.f_frsize,
            ),
            usage(Unit::Inodes, figures.f_files, figures.f_favail, 1),
        ],
        volume_condition: Some(VolumeCondition {
            abnormal: false,
            message: "it answers".into(),
        }),
    })
}
