//! Who the driver is, and whether it works.

use crate::{DRIVER, state::State};
use ossplit_csi_proto::csi::{
    GetPluginCapabilitiesRequest, GetPluginCapabilitiesResponse, GetPluginInfoRequest,
    GetPluginInfoResponse, PluginCapability, ProbeRequest, ProbeResponse,
    identity_server::Identity as IdentityCalls,
    plugin_capability::{Service, Type, service},
};
use tonic::{Request, Response, Status};

/// Answers whoever asks.
pub(crate) struct Identity {
    /// Whether the controller's service is there as well.
    pub(crate) controller: bool,
    /// Whether volumes are mounted here.
    pub(crate) node: bool,
    pub(crate) state: State,
}

#[tonic::async_trait]
impl IdentityCalls for Identity {
    async fn get_plugin_info(
        &self,
        _request: Request<GetPluginInfoRequest>,
    ) -> Result<Response<GetPluginInfoResponse>, Status> {
        Ok(Response::new(GetPluginInfoResponse {
            name: DRIVER.into(),
            vendor_version: env!("CARGO_PKG_VERSION").into(),
            manifest: [("program".to_owned(), "ossplit".to_owned())].into(),
        }))
    }

    async fn get_plugin_capabilities(
        &self,
        _request: Request<GetPluginCapabilitiesRequest>,
    ) -> Result<Response<GetPluginCapabilitiesResponse>, Status> {
        let controller = PluginCapability {
            r#type: Some(Type::Service(Service {
                r#type: service::Type::ControllerService.into(),
            })),
        };
        let capabilities = self.controller.then_some(controller).into_iter().collect();
        Ok(Response::new(GetPluginCapabilitiesResponse {
            capabilities,
        }))
    }

    async fn probe(
        &self,
        _request: Request<ProbeRequest>,
    ) -> Result<Response<ProbeResponse>, Status> {
        let state = self.state.folders();
        state.map_err(|error| {
            Status::failed_precondition(format!("the state folder can't be read: {error}"))
        })?;
        if self.node {
            std::fs::metadata("/dev/fuse").map_err(|error| {
                Status::failed_precondition(format!(
                    "/dev/fuse: {error}; load the kernel module fuse, and give it to the container"
                ))
            })?;
        }
        Ok(Response::new(ProbeResponse { ready: Some(true) }))
    }
}
