//! The node service: requests read, calls ordered, answers given.

use super::{Node, Shared, Wanted, internal, stats};
use crate::{DRIVER, state::Record};
use ossplit_csi_proto::csi::{
    NodeExpandVolumeRequest, NodeExpandVolumeResponse, NodeGetCapabilitiesRequest,
    NodeGetCapabilitiesResponse, NodeGetInfoRequest, NodeGetInfoResponse,
    NodeGetVolumeStatsRequest, NodeGetVolumeStatsResponse, NodePublishVolumeRequest,
    NodePublishVolumeResponse, NodeServiceCapability, NodeStageVolumeRequest,
    NodeStageVolumeResponse, NodeUnpublishVolumeRequest, NodeUnpublishVolumeResponse,
    NodeUnstageVolumeRequest, NodeUnstageVolumeResponse,
    node_server::Node as NodeCalls,
    node_service_capability::{Rpc, Type, rpc},
};
use std::{
    future::Future,
    path::{Path, PathBuf},
};
use tonic::{Request, Response, Status};

/// Answers kubelet.
pub(crate) struct NodeService(pub(crate) Shared);

impl NodeService {
    /// Runs a call to its end, even if who asked does not wait for it: half a mount would be left otherwise.
    async fn to_the_end<Q, A, F>(
        &self,
        call: impl FnOnce(Shared, Q) -> F + Send,
        request: Request<Q>,
    ) -> Result<Response<A>, Status>
    where
        Q: Send,
        A: Send + 'static,
        F: Future<Output = Result<A, Status>> + Send + 'static,
    {
        let done = tokio::spawn(call(self.0.clone(), request.into_inner())).await;
        done.map_err(|error| internal("finish the call", error))?
            .map(Response::new)
    }
}

/// A field that must be there.
pub(crate) fn need<'a>(value: &'a str, name: &str) -> Result<&'a str, Status> {
    if value.is_empty() {
        return Err(Status::invalid_argument(format!("{name} is missing")));
    }
    Ok(value)
}

/// An absolute path with nothing in it that leads elsewhere.
fn path(value: &str, name: &str) -> Result<PathBuf, Status> {
    let path = Path::new(need(value, name)?);
    let plain = path.is_absolute()
        && !path
            .components()
            .any(|part| part == std::path::Component::ParentDir);
    if !plain {
        return Err(Status::invalid_argument(format!(
            "{name} {value:?} is no absolute path"
        )));
    }
    // As the kernel's table has it: without a slash at its end.
    Ok(path.components().collect())
}

impl Node {
    async fn stage(
        self: Shared,
        request: NodeStageVolumeRequest,
    ) -> Result<NodeStageVolumeResponse, Status> {
        let id = need(&request.volume_id, "volume_id")?;
        let staging = path(&request.staging_target_path, "staging_target_path")?;
        let capability = request.volume_capability.as_ref();
        if capability.is_none() {
            return Err(Status::invalid_argument("volume_capability is missing"));
        }
        let _busy = self.locks.take(id)?;
        // The page's volumes have a key for publishing alone, and a pod's token comes with a publish as well: then the
        // mount is made there, and what is wrong is said there.
        if request.secrets.is_empty() {
            return Ok(NodeStageVolumeResponse {});
        }
        let wanted = Wanted::read(
            &self,
            id,
            &request.volume_context,
            &request.secrets,
            capability,
        )?;
        self.ensure(&wanted, |record| record.staged = Some(staging))
            .await?;
        Ok(NodeStageVolumeResponse {})
    }

    async fn unstage(
        self: Shared,
        request: NodeUnstageVolumeRequest,
    ) -> Result<NodeUnstageVolumeResponse, Status> {
        let id = need(&request.volume_id, "volume_id")?;
        path(&request.staging_target_path, "staging_target_path")?;
        let _busy = self.locks.take(id)?;
        for (folder, mut record) in self.mounts_of(id)? {
            record.staged = None;
            self.settle(&folder, &record).await?;
        }
        Ok(NodeUnstageVolumeResponse {})
    }

    async fn publish(
        self: Shared,
        request: NodePublishVolumeRequest,
    ) -> Result<NodePublishVolumeResponse, Status> {
        let id = need(&request.volume_id, "volume_id")?;
        let target = path(&request.target_path, "target_path")?;
        let capability = request.volume_capability.as_ref();
        if capability.is_none() {
            return Err(Status::invalid_argument("volume_capability is missing"));
        }
        let _busy = self.locks.take(id)?;
        let wanted = Wanted::read(
            &self,
            id,
            &request.volume_context,
            &request.secrets,
            capability,
        )?;
        let read_only = request.readonly || wanted.volume.read_only;
        if wanted.volume.of_one_pod {
            let mounts = self.mounts_of(id)?;
            let mut targets = mounts.iter().flat_map(|(_, record)| &record.targets);
            if let Some(other) = targets.find(|other| **other != target) {
                return Err(Status::failed_precondition(format!(
                    "volume {id} is for one pod alone (ReadWriteOncePod), and one has it on {}",
                    other.display()
                )));
            }
        }
        let noted = target.clone();
        let folder = self
            .ensure(&wanted, |record| {
                record.targets.insert(noted);
            })
            .await?;
        self.show(&folder, &target, read_only).await?;
        Ok(NodePublishVolumeResponse {})
    }

    async fn unpublish(
        self: Shared,
        request: NodeUnpublishVolumeRequest,
    ) -> Result<NodeUnpublishVolumeResponse, Status> {
        let id = need(&request.volume_id, "volume_id")?;
        let target = path(&request.target_path, "target_path")?;
        let _busy = self.locks.take(id)?;
        self.hide(&target).await?;
        for (folder, mut record) in self.mounts_of(id)? {
            if record.targets.remove(&target) {
                self.settle(&folder, &record).await?;
            }
        }
        Ok(NodeUnpublishVolumeResponse {})
    }

    fn mounts_of(&self, id: &str) -> Result<Vec<(crate::state::Folder, Record)>, Status> {
        let found = self.state.of_volume(id);
        found.map_err(|e| internal("read the state", e))
    }
}

#[tonic::async_trait]
impl NodeCalls for NodeService {
    async fn node_stage_volume(
        &self,
        request: Request<NodeStageVolumeRequest>,
    ) -> Result<Response<NodeStageVolumeResponse>, Status> {
        self.to_the_end(Node::stage, request).await
    }

    async fn node_unstage_volume(
        &self,
        request: Request<NodeUnstageVolumeRequest>,
    ) -> Result<Response<NodeUnstageVolumeResponse>, Status> {
        self.to_the_end(Node::unstage, request).await
    }

    async fn node_publish_volume(
        &self,
        request: Request<NodePublishVolumeRequest>,
    ) -> Result<Response<NodePublishVolumeResponse>, Status> {
        self.to_the_end(Node::publish, request).await
    }

    async fn node_unpublish_volume(
        &self,
        request: Request<NodeUnpublishVolumeRequest>,
    ) -> Result<Response<NodeUnpublishVolumeResponse>, Status> {
        self.to_the_end(Node::unpublish, request).await
    }

    async fn node_get_volume_stats(
        &self,
        request: Request<NodeGetVolumeStatsRequest>,
    ) -> Result<Response<NodeGetVolumeStatsResponse>, Status> {
        let request = request.into_inner();
        need(&request.volume_id, "volume_id")?;
        let path = need(&request.volume_path, "volume_path")?;
        stats::of(Path::new(path)).await.map(Response::new)
    }

    async fn node_expand_volume(
        &self,
        _request: Request<NodeExpandVolumeRequest>,
    ) -> Result<Response<NodeExpandVolumeResponse>, Status> {
        Err(Status::unimplemented(
            "a bucket has no size that could grow",
        ))
    }

    async fn node_get_capabilities(
        &self,
        _request: Request<NodeGetCapabilitiesRequest>,
    ) -> Result<Response<NodeGetCapabilitiesResponse>, Status> {
        use rpc::Type as Can;
        let capability = |can: Can| NodeServiceCapability {
            r#type: Some(Type::Rpc(Rpc { r#type: can.into() })),
        };
        let capabilities = [
            Can::StageUnstageVolume,
            Can::GetVolumeStats,
            Can::VolumeCondition,
            Can::SingleNodeMultiWriter,
        ];
        Ok(Response::new(NodeGetCapabilitiesResponse {
            capabilities: capabilities.map(capability).to_vec(),
        }))
    }

    async fn node_get_info(
        &self,
        _request: Request<NodeGetInfoRequest>,
    ) -> Result<Response<NodeGetInfoResponse>, Status> {
        tracing::debug!(driver = DRIVER, "kubelet asks who this is");
        Ok(Response::new(NodeGetInfoResponse {
            node_id: self.0.id.clone(),
            // As many as memory allows; there is no limit of the driver's own.
            max_volumes_per_node: 0,
            accessible_topology: None,
        }))
    }
}
