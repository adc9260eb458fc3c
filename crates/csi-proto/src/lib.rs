//! The Container Storage Interface 1.11 and kubelet's plugin registration, generated from `proto/`.

/// `csi.v1`: what a node's kubelet and the cluster's controllers ask of a storage driver.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    rustdoc::all,
    reason = "generated"
)]
#[rustfmt::skip]
#[path = "generated/csi.v1.rs"]
pub mod csi;

/// How a driver makes itself known to kubelet.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    rustdoc::all,
    reason = "generated"
)]
#[rustfmt::skip]
#[path = "generated/pluginregistration.rs"]
pub mod registration;
