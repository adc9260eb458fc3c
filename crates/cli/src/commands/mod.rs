//! A file for each command.

pub(crate) mod mount;
pub(crate) mod serve;
pub(crate) mod umount;
pub(crate) mod undelete;
