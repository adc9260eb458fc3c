//! The OSS wire protocol, without I/O: what a request must say, and what an answer means.
//!
//! * [`sign`] signs and verifies requests (V1, V2, V4; header and URL form).
//! * [`xml`] reads and writes the documents, one file a family.
//! * [`code`] lists the service's error codes with their HTTP status.
//! * [`names`], [`range`], [`etag`], [`time`], [`encode`], [`headers`] hold the small rules.
//! * [`crc64`] is the checksum that OSS keeps of every object.
//!
//! Sources are named beside each rule: the API pages, and the official SDKs' own sources and tests.

pub mod code;
pub mod crc64;
pub mod encode;
pub mod etag;
pub mod headers;
pub mod names;
pub mod range;
pub mod sign;
pub mod time;
pub mod xml;
