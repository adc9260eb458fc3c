//! A whole file in `tmpdir`, without a name there: it is gone when we are, and nobody holds it for a successor.

use crate::{
    Context,
    error::{Error, Result},
    ledger::Ledger,
};
use bytes::Bytes;
use std::{
    fs::File,
    os::{fd::OwnedFd, unix::fs::FileExt as _},
    sync::Arc,
};

/// The names under which they are held begin so.
const NAME: &str = "ossplit-staging-";

/// The file. Its operations block, so they run off the runtime's threads.
#[derive(Clone, Debug)]
pub(super) struct Staging(Arc<Held>);

struct Held {
    file: File,
    /// The name under which it outlives this process.
    name: String,
    ledger: Ledger,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.ledger.let_go(&self.name);
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} as {}", self.file, self.name)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(Error::BadHandle),
    }
}

impl Staging {
    /// An empty file.
    pub(super) async fn create(context: &Context) -> Result<Self> {
        let (folder, ledger) = (context.config.tmpdir.clone(), context.ledger());
        let held = blocking(move || {
            let file = OwnedFd::from(tempfile::tempfile_in(folder)?);
            let number = ledger.next_number().unwrap_or_default();
            let name = format!("{NAME}{number}");
            ledger.hold(&name, &file)?;
            Ok(Held {
                file: file.into(),
                name,
                ledger,
            })
        });
        Ok(Self(Arc::new(held.await?)))
    }

    /// A file that a former process made, under the name by which it is held.
    pub(super) fn resumed(file: OwnedFd, name: &str, context: &Context) -> Self {
        Self(Arc::new(Held {
            file: file.into(),
            name: name.to_owned(),
            ledger: context.ledger(),
        }))
    }

    pub(super) fn name(&self) -> &str {
        &self.0.name
    }

    pub(super) async fn write(&self, offset: u64, data: Bytes) -> Result<()> {
        let held = Arc::clone(&self.0);
        blocking(move || held.file.write_all_at(&data, offset)).await
    }

    /// Bytes `offset..offset + len`, which the file has.
    pub(super) async fn read(&self, offset: u64, len: u64) -> Result<Bytes> {
        let held = Arc::clone(&self.0);
        blocking(move || {
            let mut data = vec![0; len as usize];
            held.file.read_exact_at(&mut data, offset)?;
            Ok(data.into())
        })
        .await
    }

    /// Cuts the file, or grows it with zeros.
    pub(super) async fn set_len(&self, len: u64) -> Result<()> {
        let held = Arc::clone(&self.0);
        blocking(move || held.file.set_len(len)).await
    }

    /// The same, at once: for a file that another process may have left longer or shorter.
    pub(super) fn set_len_now(&self, len: u64) -> Result<()> {
        Ok(self.0.file.set_len(len)?)
    }
}
