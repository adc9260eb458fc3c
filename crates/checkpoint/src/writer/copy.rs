//! Copies of what is not read again soon.
#![allow(
    unsafe_code,
    reason = "stores past the processor's caches are intrinsics: safe Rust has none"
)]

/// Copies `from` into `to`, which is as long, past the processor's caches where it can.
///
/// What is staged is sent later, long after it left the caches. A plain copy fetches each line of `to` before it overwrites
/// it, and throws out of the caches what training had there: it takes up to twice as long.
pub(super) fn copy(from: &[u8], to: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if from.len() >= WORTH && std::arch::is_x86_feature_detected!("avx") {
        // SAFETY: the processor has AVX.
        return unsafe { past_caches(from, to) };
    }
    to.copy_from_slice(from);
}

/// Shorter ones fit into the caches, from where they are sent.
#[cfg(target_arch = "x86_64")]
const WORTH: usize = 256 << 10;

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx")]
#[expect(
    clippy::cast_ptr_alignment,
    reason = "the load is one that wants no alignment"
)]
fn past_caches(from: &[u8], to: &mut [u8]) {
    use std::arch::x86_64::{__m256i, _mm_sfence, _mm256_loadu_si256, _mm256_stream_si256};
    /// A line of the cache.
    #[repr(align(64))]
    struct Line(#[expect(dead_code, reason = "written through its address")] [__m256i; 2]);

    assert_eq!(from.len(), to.len());
    // SAFETY: any bytes are a `Line`.
    let (head, lines, tail) = unsafe { to.align_to_mut::<Line>() };
    let (first, rest) = from.split_at(head.len());
    let (middle, last) = rest.split_at(size_of_val(lines));
    head.copy_from_slice(first);
    for (line, bytes) in lines.iter_mut().zip(middle.chunks_exact(size_of::<Line>())) {
        let (at, bytes) = (
            std::ptr::from_mut(line).cast::<__m256i>(),
            bytes.as_ptr().cast::<__m256i>(),
        );
        // SAFETY: `bytes` has the length of a line, and `at` is one; `at` is aligned as the store wants.
        unsafe {
            _mm256_stream_si256(at, _mm256_loadu_si256(bytes));
            _mm256_stream_si256(at.add(1), _mm256_loadu_si256(bytes.add(1)));
        }
    }
    tail.copy_from_slice(last);
    // Other threads see these stores only after the fence.
    _mm_sfence();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_copied_wherever_both_begin() {
        let bytes: Vec<u8> = (0..WORTH + 300).map(|i| (i * 7 + i / 251) as u8).collect();
        for (from, to, more) in [
            (0, 0, 0),
            (1, 0, 63),
            (0, 1, 64),
            (5, 31, 65),
            (64, 33, 199),
        ] {
            let from = &bytes[from..from + WORTH + more];
            let mut room = vec![0xAA; from.len() + 64];
            copy(from, &mut room[to..to + from.len()]);
            assert!(room[to..to + from.len()] == *from, "{to} {more}");
            let around = room[..to].iter().chain(&room[to + from.len()..]);
            assert!(around.into_iter().all(|byte| *byte == 0xAA), "{to} {more}");
        }
    }
}
