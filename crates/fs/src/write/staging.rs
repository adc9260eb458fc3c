//! A whole file in `tmpdir`, without a name there: it is gone when we are.

use crate::error::{Error, Result};
use bytes::Bytes;
use std::{fs::File, os::unix::fs::FileExt as _, path::Path, sync::Arc};

/// The file. Its operations block, so they run off the runtime's threads.
#[derive(Clone, Debug)]
pub(super) struct Staging(Arc<File>);

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(Error::BadHandle),
    }
}

impl Staging {
    /// An empty file in `folder`.
    pub(super) async fn create(folder: &Path) -> Result<Self> {
        let folder = folder.to_owned();
        let file = blocking(move || tempfile::tempfile_in(folder)).await?;
        Ok(Self(Arc::new(file)))
    }

    pub(super) async fn write(&self, offset: u64, data: Bytes) -> Result<()> {
        let file = Arc::clone(&self.0);
        blocking(move || file.write_all_at(&data, offset)).await
    }

    /// Bytes `offset..offset + len`, which the file has.
    pub(super) async fn read(&self, offset: u64, len: u64) -> Result<Bytes> {
        let file = Arc::clone(&self.0);
        blocking(move || {
            let mut data = vec![0; len as usize];
            file.read_exact_at(&mut data, offset)?;
            Ok(data.into())
        })
        .await
    }

    /// Cuts the file, or grows it with zeros.
    pub(super) async fn set_len(&self, len: u64) -> Result<()> {
        let file = Arc::clone(&self.0);
        blocking(move || file.set_len(len)).await
    }
}
