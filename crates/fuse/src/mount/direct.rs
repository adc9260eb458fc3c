//! `mount(2)`, for root.

use std::ffi::CString;
use std::fmt::Write as _;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use rustix::io::Errno;
use rustix::mount::MountFlags;

use super::{MountError, MountOptions};
use crate::session::Device;

pub(super) fn mount(path: &Path, options: &MountOptions) -> Result<OwnedFd, MountError> {
    let device = Device::open().map_err(|errno| MountError::of_device(errno.into()))?;
    let kind = format!("fuse.{}", options.subtype);
    let data = data(&device, options);
    rustix::mount::mount(
        options.fsname.as_str(),
        path,
        kind.as_str(),
        flags(options),
        Some(data.as_c_str()),
    )
    .map_err(|errno| match errno {
        Errno::NODEV => MountError::NoDevice {
            source: errno.into(),
        },
        Errno::PERM | Errno::ACCESS => MountError::Permission {
            path: path.to_path_buf(),
            detail: format!("mount(2): {errno}; root needs CAP_SYS_ADMIN for it"),
        },
        other => MountError::of_path(path, other.into()),
    })?;
    Ok(device)
}

fn flags(options: &MountOptions) -> MountFlags {
    let mut flags = MountFlags::empty();
    flags.set(MountFlags::RDONLY, options.read_only);
    flags.set(MountFlags::NOSUID, options.nosuid);
    flags.set(MountFlags::NODEV, options.nodev);
    flags.set(MountFlags::NOEXEC, options.noexec);
    flags.set(MountFlags::NOATIME, options.noatime);
    flags
}

/// The options that the FUSE file system itself reads.
fn data(device: &OwnedFd, options: &MountOptions) -> CString {
    let mut data = format!(
        "fd={},rootmode={:o},user_id={},group_id={}",
        device.as_raw_fd(),
        libc::S_IFDIR,
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw(),
    );
    if options.allow_other {
        data.push_str(",allow_other");
    }
    if options.default_permissions {
        data.push_str(",default_permissions");
    }
    if let Some(max_read) = options.max_read {
        let _ = write!(data, ",max_read={max_read}");
    }
    CString::new(data).expect("numbers and fixed words hold no zero byte")
}
