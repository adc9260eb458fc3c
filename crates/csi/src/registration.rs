//! kubelet's plugin registration, so that the node part needs no sidecar: kubelet watches a folder for sockets and asks
//! each who it is.

use crate::{DRIVER, listen};
use ossplit_csi_proto::registration::{
    InfoRequest, PluginInfo, RegistrationStatus, RegistrationStatusResponse,
    registration_server::{Registration as RegistrationCalls, RegistrationServer},
};
use std::{io, path::Path, sync::Arc};
use tokio::sync::Notify;
use tonic::{Request, Response, Status, transport::Server};

struct Registration {
    endpoint: String,
    /// kubelet refused us: the process ends, and its container is started anew.
    refused: Arc<Notify>,
}

#[tonic::async_trait]
impl RegistrationCalls for Registration {
    async fn get_info(
        &self,
        _request: Request<InfoRequest>,
    ) -> Result<Response<PluginInfo>, Status> {
        Ok(Response::new(PluginInfo {
            r#type: "CSIPlugin".into(),
            name: DRIVER.into(),
            endpoint: self.endpoint.clone(),
            supported_versions: vec!["1.0.0".into()],
        }))
    }

    async fn notify_registration_status(
        &self,
        request: Request<RegistrationStatus>,
    ) -> Result<Response<RegistrationStatusResponse>, Status> {
        let status = request.into_inner();
        if status.plugin_registered {
            tracing::info!("kubelet knows the driver now");
        } else {
            tracing::error!(error = status.error, "kubelet refused the driver");
            self.refused.notify_one();
        }
        Ok(Response::new(RegistrationStatusResponse {}))
    }
}

/// kubelet (unlike with the driver's own socket) names the host by the socket's whole path, with `%2F` for each slash, and
/// the `http` crate takes percents in an address in front of an `@` alone, as they can stand in a user's name.
fn socket_name() -> String {
    format!("ossplit@{DRIVER}-reg.sock")
}

/// Answers on a socket in `folder`; `endpoint` is the driver's socket as kubelet sees it. Ends when kubelet refuses.
pub(crate) async fn serve(folder: &Path, endpoint: &str) -> io::Result<()> {
    let refused = Arc::new(Notify::new());
    let registration = Registration {
        endpoint: endpoint.to_owned(),
        refused: Arc::clone(&refused),
    };
    let socket = folder.join(socket_name());
    let incoming = listen::on(&socket)?;
    let served = Server::builder()
        .add_service(RegistrationServer::new(registration))
        .serve_with_incoming(incoming);
    tokio::select! {
        ended = served => ended.map_err(io::Error::other),
        () = refused.notified() => Err(io::Error::other("kubelet refused the driver")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_that_kubelet_makes_of_the_socket_is_one() {
        let path = format!("/var/lib/kubelet/plugins_registry/{}", socket_name());
        let address = path.replace('/', "%2F");
        address.parse::<http::uri::Authority>().unwrap();
    }
}
