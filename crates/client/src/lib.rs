//! An asynchronous client for Alibaba Cloud OSS.
//!
//! ```no_run
//! # async fn example() -> Result<(), ossplit::Error> {
//! use ossplit::{Client, ClientConfig, GetObject, Key, PutObject};
//!
//! let config = ClientConfig::new("https://oss-cn-hangzhou.aliyuncs.com", "cn-hangzhou")?
//!     .with_key(Key { id: "id".into(), secret: "secret".into(), token: None });
//! let client = Client::new(config)?;
//! client.put_object(PutObject::new("bucket", "dir/key", "hello")).await?;
//! let mut answer = client.get_object(GetObject::new("bucket", "dir/key").range(0..3)).await?;
//! assert_eq!(answer.body.collect().await?, "hel");
//! # Ok(()) }
//! ```
//!
//! * Requests are plain structs in [`ops`], one file a family; [`Client`] has a method for each.
//! * Every failure is an [`Error`], whose [`kind`](Error::kind) says what a caller can do about it.
//! * [`retry`] says what is sent again, and when.
//! * [`http::Transport`] is all that the client needs of a network.

mod client;
mod config;
pub mod credentials;
mod endpoint;
mod error;
pub mod http;
mod meter;
mod observe;
pub mod ops;
pub mod retry;
mod sign;
#[cfg(test)]
mod testing;

pub use client::Client;
pub use config::{ByKey, ClientConfig, ObjectDefaults, SignatureVersion, TrafficLimits};
pub use credentials::{CredentialsProvider, Key};
pub use endpoint::{Addressing, Endpoint, InvalidEndpoint};
pub use error::{Error, ErrorKind, ServiceAnswer};
pub use meter::{Counts, Operation};
pub use observe::{CallEnded, Observer};
pub use ops::*;
pub use ossplit_protocol::crc64;
pub use ossplit_protocol::time::xml_time;
pub use ossplit_protocol::xml::{BucketStat, Tag, settings};
