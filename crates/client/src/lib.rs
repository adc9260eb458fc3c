//! An asynchronous client for Alibaba Cloud OSS.
