//! Flags of rename.

bitflags::bitflags! {
    /// `renameat2` flags; a plain RENAME has none.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct RenameFlags: u32 {
        /// Fail with EEXIST when the target exists.
        const NOREPLACE = 1 << 0;
        /// Swap the two names.
        const EXCHANGE = 1 << 1;
        /// Leave a whiteout behind (overlayfs).
        const WHITEOUT = 1 << 2;

        /// Bits that are newer than this crate; a file system answers EINVAL to them.
        const _ = !0;
    }
}
