//! An embedded OSS-compatible server for trying, developing and testing.

pub mod store;
