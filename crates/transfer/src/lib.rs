//! Files to objects, objects to files, objects to objects.
//!
//! ```no_run
//! # async fn example(client: ossplit::Client) -> Result<(), ossplit_transfer::Error> {
//! use ossplit_transfer::{DownloadFile, Downloader, Settings, UploadFile, Uploader};
//!
//! let settings = Settings::default().with_checkpoint_dir("/var/tmp/transfers");
//! let uploader = Uploader::new(client.clone(), settings.clone());
//! uploader.upload(UploadFile::new("/data/model.bin", "bucket", "model.bin")).await?;
//! let downloader = Downloader::new(client, settings);
//! downloader.download(DownloadFile::new("bucket", "model.bin", "/data/copy.bin")).await?;
//! # Ok(()) }
//! ```
//!
//! * Small files are one request; larger ones travel in parts, [`Settings::parallel`] at once.
//! * With a folder for checkpoint files, a transfer that broke off goes on where it was, unless its source changed meanwhile.
//! * Success means that the CRC64 of all bytes is the same on both sides.
//! * Dropping a transfer's future ends it: without a checkpoint folder, its upload is aborted and its unfinished file removed.

mod copy;
mod download;
mod error;
mod journal;
mod local;
mod plan;
mod progress;
mod settings;
#[cfg(test)]
mod tests;
mod unfinished;
mod upload;

pub use copy::{Copied, Copier, CopyRequest};
pub use download::{DownloadFile, Downloaded, Downloader};
pub use error::Error;
pub use progress::{Progress, ProgressFn};
pub use settings::Settings;
pub use upload::{Reuse, UploadFile, UploadSource, Uploaded, Uploader};

/// What transfers return.
pub type Result<T> = std::result::Result<T, Error>;
