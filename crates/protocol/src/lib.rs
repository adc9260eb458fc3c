//! The OSS wire protocol: signatures, XML documents, error codes, names, ranges, CRC64. No I/O.
