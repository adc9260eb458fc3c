//! A file for each command.

pub(crate) mod checkpoint;
pub(crate) mod csi;
pub(crate) mod keeper;
pub(crate) mod mount;
pub(crate) mod prefetch;
pub(crate) mod serve;
pub(crate) mod umount;
pub(crate) mod undelete;
pub(crate) mod upgrade;
pub(crate) mod worker;
