//! Mounting a bucket: options in every dialect, the bridge between kernel and file system, the mount process.
