//! How the C library's allocator treats what a worker lets go of.
#![allow(unsafe_code)]

/// Allocations of so many bytes are mappings of their own. This is glibc's first value; by itself it raises
/// it to what was freed last, and from then on the bodies of objects lie between small things that stay and
/// can't be given back. With `memory=128M` a worker and its keeper took 206 MiB at most, and take 168 with this
/// (`a_thousand_open_files_and_64_readers_stay_within_the_budget`).
const OWN_MAPPING: libc::c_int = 128 << 10;

/// Gives large allocations back to the kernel when they are freed (mallopt(3), `M_MMAP_THRESHOLD`).
pub(super) fn give_back_what_is_large() {
    // SAFETY: it sets a number in the allocator, under the allocator's lock.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, OWN_MAPPING);
    }
}
