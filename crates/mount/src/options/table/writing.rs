//! Writing.

use super::ANY_NUMBER;
use crate::options::spec::{Kind, Spec};

const CLASSES: &[&str] = &[
    "Standard",
    "IA",
    "Archive",
    "ColdArchive",
    "DeepColdArchive",
    "standard",
    "ia",
    "archive",
    "coldarchive",
    "deepcoldarchive",
];

pub(super) const OPTIONS: &[Spec] = &[
    Spec::new(
        "multipart_size",
        Kind::Number { min: 1, max: 5120 },
        "MB of a part; parts grow by themselves in files of many parts.",
    )
    .default("10"),
    Spec::new(
        "default_acl",
        Kind::Choice(&["default", "private", "public-read", "public-read-write"]),
        "ACL of new objects.",
    ),
    Spec::new(
        "storage_class",
        Kind::Choice(CLASSES),
        "Storage class of new objects.",
    ),
    Spec::new(
        "multipart_copy_size",
        Kind::Number { min: 1, max: 5120 },
        "MB of a part that is copied inside OSS; larger where there would be too many.",
    )
    .default("512"),
    Spec::accepted(
        "multipart_threshold",
        ANY_NUMBER,
        "MB from which parts are used.",
        "files larger than one part use parts",
    ),
    Spec::new(
        "singlepart_copy_limit",
        Kind::Number { min: 1, max: 5120 },
        "MB that one request copies inside OSS; larger objects are copied in parts.",
    )
    .default("1024"),
    Spec::accepted(
        "max_dirty_data",
        ANY_NUMBER,
        "MB written before a flush.",
        "data is sent while it is written",
    ),
    Spec::accepted(
        "nomultipart",
        Kind::Flag,
        "No multipart uploads.",
        "large files need them",
    ),
    Spec::accepted(
        "nomixupload",
        Kind::Flag,
        "No part copies.",
        "unchanged bytes never travel",
    ),
    Spec::accepted(
        "nocopyapi",
        Kind::Flag,
        "No copies inside OSS.",
        "OSS always has them",
    ),
    Spec::accepted(
        "norenameapi",
        Kind::Flag,
        "No copies inside OSS for rename.",
        "OSS always has them",
    ),
    Spec::accepted(
        "noshallowcopyapi",
        Kind::Flag,
        "No shallow copies.",
        "OSS decides",
    ),
    Spec::accepted(
        "enable_content_md5",
        Kind::Flag,
        "Send Content-MD5.",
        "CRC64 is compared on every upload",
    ),
    Spec::new(
        "ahbe_conf",
        Kind::Text,
        "File of extra headers of new objects: lines of a suffix (none: every file) or `reg:` and an expression for the \
         path, a header, its value.",
    ),
    Spec::new(
        "mime",
        Kind::Text,
        "File of content types by suffix; /etc/mime.types without it.",
    ),
    Spec::new(
        "use_sse",
        Kind::FlagOrText,
        "Encryption of new objects on the server: AES256, or `kms` or `kmsid:ID` with a key of KMS.",
    ),
];
