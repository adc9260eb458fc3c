//! The controller service.

use super::{
    folder::Bucket,
    records::{Made, Records},
};
use crate::{
    cluster::Cluster,
    locks::Locks,
    node::need,
    volume::{Rrsa, Volume, VolumeAs},
};
use ossplit_csi_proto::csi::{self, controller_server::Controller as ControllerCalls};
use std::{collections::HashMap, path::PathBuf, sync::Arc};
use tonic::{Request, Response, Status};

/// Context keys of Kubernetes' own, which are no attributes.
const KUBERNETES: &str = "csi.storage.k8s.io/";

/// Makes and unmakes volumes.
pub(crate) struct Controller {
    pub(crate) records: Records,
    pub(crate) rrsa: Rrsa,
    pub(crate) locks: Locks,
    /// Where keys are while a call needs them.
    pub(crate) scratch: PathBuf,
    /// To be asked for volumes that another controller made; `None` outside a cluster.
    pub(crate) cluster: Option<Cluster>,
}

/// Answers provisioners.
pub(crate) struct ControllerService(pub(crate) Arc<Controller>);

fn invalid(what: impl std::fmt::Display) -> Status {
    Status::invalid_argument(what.to_string())
}

impl Controller {
    /// Makes a volume, or finds the same one made.
    pub(crate) async fn create(
        &self,
        request: csi::CreateVolumeRequest,
    ) -> Result<csi::Volume, Status> {
        let id = need(&request.name, "name")?;
        if request.volume_capabilities.is_empty() {
            return Err(invalid("volume_capabilities are missing"));
        }
        if request.volume_content_source.is_some() {
            return Err(invalid(
                "a bucket can't be made from a snapshot or another volume",
            ));
        }
        let _busy = self.locks.take(id)?;
        let range = request.capacity_range.unwrap_or_default();
        let capacity = range.required_bytes.max(0);
        if range.limit_bytes > 0 && range.limit_bytes < capacity {
            return Err(Status::out_of_range(
                "limit_bytes is less than required_bytes",
            ));
        }
        let mut context = request.parameters;
        context.retain(|name, _| !name.to_ascii_lowercase().starts_with(KUBERNETES));
        let mut volume = None;
        for capability in &request.volume_capabilities {
            let read = Volume::read(&context, &request.secrets, Some(capability), &self.rrsa);
            volume = Some(read.map_err(invalid)?);
        }
        let is_own = volume
            .as_ref()
            .is_some_and(|volume| volume.volume_as == VolumeAs::SubPath);
        if is_own {
            let base = volume.map(|volume| volume.path).unwrap_or_default();
            context.retain(|name, _| !name.eq_ignore_ascii_case("path"));
            let path = format!(
                "{}/{id}",
                if base.is_empty() {
                    base
                } else {
                    format!("/{base}")
                }
            );
            context.insert("path".to_owned(), path);
        }
        let answer = |made: Made| csi::Volume {
            volume_id: made.id,
            capacity_bytes: made.capacity,
            volume_context: made.context,
            ..csi::Volume::default()
        };
        if let Some(made) = self.records.get(id) {
            let fits = made.capacity >= capacity
                && (range.limit_bytes == 0 || made.capacity <= range.limit_bytes);
            if fits && made.context == context {
                return Ok(answer(made));
            }
            return Err(Status::already_exists(format!(
                "a volume {id} is there, with another capacity or other parameters"
            )));
        }
        if is_own {
            let own =
                Volume::read(&context, &request.secrets, None, &self.rrsa).map_err(invalid)?;
            let bucket =
                Bucket::open(&own, id, &self.scratch).map_err(Status::failed_precondition)?;
            bucket.make().await.map_err(Status::failed_precondition)?;
        }
        let made = Made {
            id: id.to_owned(),
            capacity,
            context,
        };
        let noted = self.records.put(&made);
        noted.map_err(|error| Status::internal(format!("can't note the volume: {error}")))?;
        tracing::info!(volume = id, own_folder = is_own, "a volume is made");
        Ok(answer(made))
    }

    /// Unmakes a volume: empties its folder, if it has one of its own.
    pub(crate) async fn delete(
        &self,
        id: &str,
        secrets: &HashMap<String, String>,
    ) -> Result<(), Status> {
        let _busy = self.locks.take(id)?;
        if let Some(context) = self.context_of(id).await? {
            let volume = Volume::read(&context, secrets, None, &self.rrsa).map_err(invalid)?;
            // Only a folder that bears the volume's own name was made for it.
            if volume.volume_as == VolumeAs::SubPath && volume.path.rsplit('/').next() == Some(id) {
                let bucket = Bucket::open(&volume, id, &self.scratch);
                let bucket = bucket.map_err(Status::failed_precondition)?;
                bucket.delete().await.map_err(Status::failed_precondition)?;
                tracing::info!(volume = id, "the volume's folder is deleted");
            }
        }
        let forgotten = self.records.remove(id);
        forgotten.map_err(|error| Status::internal(format!("can't forget the volume: {error}")))
    }

    /// The attributes of a volume that is there.
    async fn context_of(&self, id: &str) -> Result<Option<HashMap<String, String>>, Status> {
        if let Some(made) = self.records.get(id) {
            return Ok(Some(made.context));
        }
        match &self.cluster {
            None => Ok(None),
            Some(cluster) => cluster.attributes_of(id).await.map_err(|why| {
                Status::unavailable(format!("can't ask the cluster for {id}: {why}"))
            }),
        }
    }

    async fn validate(
        &self,
        request: csi::ValidateVolumeCapabilitiesRequest,
    ) -> Result<csi::ValidateVolumeCapabilitiesResponse, Status> {
        let id = need(&request.volume_id, "volume_id")?;
        if request.volume_capabilities.is_empty() {
            return Err(invalid("volume_capabilities are missing"));
        }
        let Some(context) = self.context_of(id).await? else {
            return Err(Status::not_found(format!("there is no volume {id}")));
        };
        let wrong = request.volume_capabilities.iter().find_map(|capability| {
            Volume::read(&context, &request.secrets, Some(capability), &self.rrsa).err()
        });
        Ok(csi::ValidateVolumeCapabilitiesResponse {
            confirmed: wrong.is_none().then_some({
                csi::validate_volume_capabilities_response::Confirmed {
                    volume_context: request.volume_context,
                    volume_capabilities: request.volume_capabilities,
                    parameters: request.parameters,
                    mutable_parameters: request.mutable_parameters,
                }
            }),
            message: wrong.unwrap_or_default(),
        })
    }
}

type Answer<T> = Result<Response<T>, Status>;

/// What the capabilities do not claim.
fn not_claimed<T>() -> Answer<T> {
    Err(Status::unimplemented(
        "the controller's capabilities do not claim this call",
    ))
}

#[tonic::async_trait]
impl ControllerCalls for ControllerService {
    async fn create_volume(
        &self,
        request: Request<csi::CreateVolumeRequest>,
    ) -> Answer<csi::CreateVolumeResponse> {
        let volume = Some(self.0.create(request.into_inner()).await?);
        Ok(Response::new(csi::CreateVolumeResponse { volume }))
    }

    async fn delete_volume(
        &self,
        request: Request<csi::DeleteVolumeRequest>,
    ) -> Answer<csi::DeleteVolumeResponse> {
        let request = request.into_inner();
        let id = need(&request.volume_id, "volume_id")?;
        self.0.delete(id, &request.secrets).await?;
        Ok(Response::new(csi::DeleteVolumeResponse {}))
    }

    async fn validate_volume_capabilities(
        &self,
        request: Request<csi::ValidateVolumeCapabilitiesRequest>,
    ) -> Answer<csi::ValidateVolumeCapabilitiesResponse> {
        self.0
            .validate(request.into_inner())
            .await
            .map(Response::new)
    }

    async fn controller_get_capabilities(
        &self,
        _request: Request<csi::ControllerGetCapabilitiesRequest>,
    ) -> Answer<csi::ControllerGetCapabilitiesResponse> {
        use csi::controller_service_capability::{Rpc, Type, rpc::Type as Can};
        let capability = |can: Can| csi::ControllerServiceCapability {
            r#type: Some(Type::Rpc(Rpc { r#type: can.into() })),
        };
        let capabilities = [Can::CreateDeleteVolume, Can::SingleNodeMultiWriter];
        Ok(Response::new(csi::ControllerGetCapabilitiesResponse {
            capabilities: capabilities.map(capability).to_vec(),
        }))
    }

    async fn controller_publish_volume(
        &self,
        _request: Request<csi::ControllerPublishVolumeRequest>,
    ) -> Answer<csi::ControllerPublishVolumeResponse> {
        not_claimed()
    }

    async fn controller_unpublish_volume(
        &self,
        _request: Request<csi::ControllerUnpublishVolumeRequest>,
    ) -> Answer<csi::ControllerUnpublishVolumeResponse> {
        not_claimed()
    }

    async fn list_volumes(
        &self,
        _request: Request<csi::ListVolumesRequest>,
    ) -> Answer<csi::ListVolumesResponse> {
        not_claimed()
    }

    async fn get_capacity(
        &self,
        _request: Request<csi::GetCapacityRequest>,
    ) -> Answer<csi::GetCapacityResponse> {
        not_claimed()
    }

    async fn create_snapshot(
        &self,
        _request: Request<csi::CreateSnapshotRequest>,
    ) -> Answer<csi::CreateSnapshotResponse> {
        not_claimed()
    }

    async fn delete_snapshot(
        &self,
        _request: Request<csi::DeleteSnapshotRequest>,
    ) -> Answer<csi::DeleteSnapshotResponse> {
        not_claimed()
    }

    async fn list_snapshots(
        &self,
        _request: Request<csi::ListSnapshotsRequest>,
    ) -> Answer<csi::ListSnapshotsResponse> {
        not_claimed()
    }

    async fn controller_expand_volume(
        &self,
        _request: Request<csi::ControllerExpandVolumeRequest>,
    ) -> Answer<csi::ControllerExpandVolumeResponse> {
        not_claimed()
    }

    async fn controller_get_volume(
        &self,
        _request: Request<csi::ControllerGetVolumeRequest>,
    ) -> Answer<csi::ControllerGetVolumeResponse> {
        not_claimed()
    }

    async fn controller_modify_volume(
        &self,
        _request: Request<csi::ControllerModifyVolumeRequest>,
    ) -> Answer<csi::ControllerModifyVolumeResponse> {
        not_claimed()
    }
}
