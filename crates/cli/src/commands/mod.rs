//! A file for each command.

pub(crate) mod checkpoint;
pub(crate) mod mount;
pub(crate) mod serve;
pub(crate) mod umount;
