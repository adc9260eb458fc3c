//! Dynamic provisioning: volumes that a `StorageClass` has made, and unmade.
//!
//! A volume of `volumeAs: subpath` is a folder of its own below the class's path: it is made, and, when the claim is
//! deleted under `reclaimPolicy: Delete`, emptied. Volumes of `direct` and `sharepath` are what others own: nothing of
//! them is ever deleted.

mod folder;
mod records;
mod service;

pub(crate) use records::Records;
pub(crate) use service::{Controller, ControllerService};
