//! Memory files: the one place of this crate where memory is touched by address.
#![allow(
    unsafe_code,
    reason = "mapped memory is reached through a pointer; each block says why that is sound"
)]

mod arena;
mod mapped;

pub(crate) use arena::{Arena, Span};
pub(crate) use mapped::{Pages, Words};
