//! Reading.

use super::ANY_NUMBER;
use crate::options::spec::{Kind, Spec};

const WINDOW: &str = "windows follow the speed of the link and the budget (memory=)";

pub(super) const OPTIONS: &[Spec] = &[
    Spec::new(
        "kernel_cache",
        Kind::Flag,
        "Keep the page cache of a file over opens until its object changes.",
    ),
    Spec::accepted(
        "auto_cache",
        Kind::Flag,
        "Keep it while size and time are the same.",
        "write kernel_cache: it goes by the ETag",
    ),
    Spec::accepted(
        "noauto_cache",
        Kind::Flag,
        "The opposite of auto_cache.",
        "it is off unless kernel_cache is given",
    ),
    Spec::accepted(
        "direct_read",
        Kind::Flag,
        "Read without a local file.",
        "it always does",
    ),
    Spec::accepted(
        "direct_read_prefetch_thread",
        ANY_NUMBER,
        "Threads.",
        WINDOW,
    ),
    Spec::accepted("direct_read_chunk_size", ANY_NUMBER, "MB a chunk.", WINDOW),
    Spec::accepted(
        "direct_read_prefetch_chunks",
        ANY_NUMBER,
        "Chunks ahead.",
        WINDOW,
    ),
    Spec::accepted(
        "direct_read_prefetch_limit",
        ANY_NUMBER,
        "MB ahead.",
        WINDOW,
    ),
    Spec::accepted(
        "direct_read_backward_chunks",
        ANY_NUMBER,
        "Chunks behind.",
        WINDOW,
    ),
    Spec::accepted(
        "direct_read_local_file_cache_size_mb",
        ANY_NUMBER,
        "MB on disk.",
        WINDOW,
    ),
];
