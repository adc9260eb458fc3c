//! The file system over a bucket: namespace, reads, writes, memory budget. No kernel interface.
