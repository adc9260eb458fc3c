//! The names of OSS's own headers, lower-case as the `http` crate wants them.

/// Prefix of user metadata headers.
pub const META_PREFIX: &str = "x-oss-meta-";
/// CRC-64 of the whole object, unsigned decimal.
pub const CRC64: &str = "x-oss-hash-crc64ecma";
/// The request's id, 24 upper-case hex digits.
pub const REQUEST_ID: &str = "x-oss-request-id";
/// The error's EC on error responses.
pub const EC: &str = "x-oss-ec";
/// Base64 of the error document, on HEAD errors.
pub const ERR: &str = "x-oss-err";
/// Milliseconds that the server spent.
pub const SERVER_TIME: &str = "x-oss-server-time";
/// Time of the request: ISO basic in V4, RFC 1123 in V1.
pub const DATE: &str = "x-oss-date";
/// Literal `UNSIGNED-PAYLOAD` in V4.
pub const CONTENT_SHA256: &str = "x-oss-content-sha256";
/// STS token in the header form.
pub const SECURITY_TOKEN: &str = "x-oss-security-token";
/// Normal, Multipart, Appendable or Symlink.
pub const OBJECT_TYPE: &str = "x-oss-object-type";
/// Standard, IA, Archive, `ColdArchive` or `DeepColdArchive`.
pub const STORAGE_CLASS: &str = "x-oss-storage-class";
/// Where the next append must begin, in bytes.
pub const NEXT_APPEND_POSITION: &str = "x-oss-next-append-position";
/// The version that was read or written.
pub const VERSION_ID: &str = "x-oss-version-id";
/// `true` when the version is a delete marker.
pub const DELETE_MARKER: &str = "x-oss-delete-marker";
/// `/bucket/key` of a copy's source, percent-encoded.
pub const COPY_SOURCE: &str = "x-oss-copy-source";
/// `bytes=a-b` of a part copy.
pub const COPY_SOURCE_RANGE: &str = "x-oss-copy-source-range";
/// The version that was copied.
pub const COPY_SOURCE_VERSION_ID: &str = "x-oss-copy-source-version-id";
/// Condition on a copy's source.
pub const COPY_SOURCE_IF_MATCH: &str = "x-oss-copy-source-if-match";
/// Condition on a copy's source.
pub const COPY_SOURCE_IF_NONE_MATCH: &str = "x-oss-copy-source-if-none-match";
/// Condition on a copy's source.
pub const COPY_SOURCE_IF_MODIFIED_SINCE: &str = "x-oss-copy-source-if-modified-since";
/// Condition on a copy's source.
pub const COPY_SOURCE_IF_UNMODIFIED_SINCE: &str = "x-oss-copy-source-if-unmodified-since";
/// COPY or REPLACE.
pub const METADATA_DIRECTIVE: &str = "x-oss-metadata-directive";
/// `true`: refuse to replace an existing object.
pub const FORBID_OVERWRITE: &str = "x-oss-forbid-overwrite";
/// ACL of an object on a write.
pub const OBJECT_ACL: &str = "x-oss-object-acl";
/// Tags of an object on a write: `key=value` joined by `&`, percent-encoded.
pub const TAGGING: &str = "x-oss-tagging";
/// How many tags an object has.
pub const TAGGING_COUNT: &str = "x-oss-tagging-count";
/// Copy or Replace.
pub const TAGGING_DIRECTIVE: &str = "x-oss-tagging-directive";
/// AES256, KMS or SM4.
pub const SSE: &str = "x-oss-server-side-encryption";
/// SM4, with KMS.
pub const SSE_DATA: &str = "x-oss-server-side-data-encryption";
/// The key's id, with KMS.
pub const SSE_KEY_ID: &str = "x-oss-server-side-encryption-key-id";
/// The key that a symlink names, percent-encoded.
pub const SYMLINK_TARGET: &str = "x-oss-symlink-target";
/// `ongoing-request="false", expiry-date="…"` of a restored object.
pub const RESTORE: &str = "x-oss-restore";
/// When appends were forbidden.
pub const SEALED_TIME: &str = "x-oss-sealed-time";
/// Base64 of the JSON that says whom to call after a write.
pub const CALLBACK: &str = "x-oss-callback";
/// Base64 of the JSON with the caller's own variables.
pub const CALLBACK_VAR: &str = "x-oss-callback-var";
/// ACL of a bucket.
pub const ACL: &str = "x-oss-acl";
/// `standard`: answer ranges as RFC 9110 does.
pub const RANGE_BEHAVIOR: &str = "x-oss-range-behavior";
/// `yes`: complete with every uploaded part.
pub const COMPLETE_ALL: &str = "x-oss-complete-all";
/// `requester`: who asks pays.
pub const REQUEST_PAYER: &str = "x-oss-request-payer";
/// Bits per second that a transfer may take.
pub const TRAFFIC_LIMIT: &str = "x-oss-traffic-limit";
