//! The two places a store can be: one enum, so that the rules above it are compiled once.

use super::{
    StoreError, VersionId,
    content::{ContentId, Extent, Place, inline},
    dir::{Dir, Need},
    keys,
    memory::Memory,
    reader::{Content, ContentReader, Held},
    records::Record,
    tx::{ReadTx, Table, WriteTx},
    types::{Content as Where, Manifest, ObjectRecord},
    versions,
    writer::Staged,
};
use std::sync::Arc;

#[derive(Clone)]
pub(crate) enum Backend {
    Memory(Arc<Memory>),
    Dir(Arc<Dir>),
}

/// An object's record and, from the same view, where its bytes are.
pub(crate) fn load(
    tx: &dyn ReadTx,
    bucket: &str,
    key: &str,
    version: Option<VersionId>,
) -> Result<(ObjectRecord, Vec<Extent>), StoreError> {
    let record = versions::need(tx, bucket, key, version)?;
    let extents = extents(tx, &record)?;
    Ok((record, extents))
}

/// The record of the newest version of a key, which may be a delete marker.
pub(crate) fn record(
    tx: &dyn ReadTx,
    bucket: &str,
    key: &str,
) -> Result<Option<ObjectRecord>, StoreError> {
    tx.get(Table::Objects, &keys::object(bucket, key))?
        .map(|row| ObjectRecord::decode(&row))
        .transpose()
}

/// Where an object's bytes are.
pub(crate) fn extents(tx: &dyn ReadTx, record: &ObjectRecord) -> Result<Vec<Extent>, StoreError> {
    match &record.content {
        Where::Extents(extents) => Ok(extents.clone()),
        Where::Manifest(id) => {
            let row = tx.get(Table::Manifests, &id.to_bytes())?;
            let row = row.ok_or_else(|| StoreError::Corrupt("no manifest".to_owned()))?;
            Ok(Manifest::decode(&row)?.extents)
        }
    }
}

impl Backend {
    /// Runs `f` on a consistent view.
    pub(crate) async fn read<R, F>(&self, f: F) -> Result<R, StoreError>
    where
        R: Send + 'static,
        F: FnOnce(&dyn ReadTx) -> Result<R, StoreError> + Send + 'static,
    {
        match self {
            Self::Memory(memory) => f(&memory.read()),
            Self::Dir(dir) => {
                let dir = Arc::clone(dir);
                blocking(move || dir.read(f)).await
            }
        }
    }

    /// Runs `f` alone, and returns when what it wrote is durable.
    pub(crate) async fn write<R, F>(&self, need: Need, f: F) -> Result<R, StoreError>
    where
        R: Send + 'static,
        F: FnOnce(&mut dyn WriteTx) -> Result<R, StoreError> + Send + 'static,
    {
        match self {
            Self::Memory(memory) => memory.write(f),
            Self::Dir(dir) => dir.write(need, f).await,
        }
    }

    /// An object and its bytes, which stay readable whatever happens to the object.
    pub(crate) async fn open(
        &self,
        bucket: &str,
        key: &str,
        version: Option<VersionId>,
    ) -> Result<(ObjectRecord, Content), StoreError> {
        match self {
            Self::Memory(memory) => {
                let tx = memory.read();
                let (record, extents) = load(&tx, bucket, key, version)?;
                let content = match extents.as_slice() {
                    [] => Held::Bytes(bytes::Bytes::new()),
                    [one] if one.place == Place::Inline => {
                        Held::Bytes(inline(tx.get(Table::Inline, &one.id.to_bytes())?, one)?)
                    }
                    many => Held::Segments(
                        many.iter()
                            .map(|extent| {
                                let segments = memory.content(extent.id).ok_or_else(|| {
                                    StoreError::Corrupt("a content is missing".to_owned())
                                })?;
                                Ok((segments, extent.offset..extent.offset + extent.length))
                            })
                            .collect::<Result<_, StoreError>>()?,
                    ),
                };
                Ok((record, Content(content)))
            }
            Self::Dir(dir) => {
                let dir = Arc::clone(dir);
                let (bucket, key) = (bucket.to_owned(), key.to_owned());
                blocking(move || dir.open_object(&bucket, &key, version)).await
            }
        }
    }

    /// Reads a staged content again.
    pub(crate) async fn staged(&self, staged: &Staged) -> Result<ContentReader, StoreError> {
        let id = match staged.peek() {
            Ok(bytes) => return Ok(ContentReader::of_bytes(bytes)),
            Err(id) => id,
        };
        let all = 0..staged.size;
        let held = match self {
            Self::Memory(memory) => {
                let segments = memory.content(id).ok_or(StoreError::Changed)?;
                Held::Segments(vec![(segments, all.clone())])
            }
            Self::Dir(dir) => {
                let extent = Extent {
                    place: Place::Outside,
                    id,
                    offset: 0,
                    length: staged.size,
                };
                let files = Arc::clone(dir.files());
                let file = blocking(move || Ok(files.open_file(id)?)).await?;
                Held::File(file, extent, Arc::clone(dir.files()))
            }
        };
        Ok(Content(held).read(all))
    }

    /// Removes a content that no row names.
    pub(crate) fn abandon(&self, id: ContentId) {
        match self {
            Self::Memory(memory) => memory.drop_content(id),
            Self::Dir(dir) => dir.files().abandon(id),
        }
    }
}

/// Runs `f` where it may block.
pub(crate) async fn blocking<R, F>(f: F) -> Result<R, StoreError>
where
    R: Send + 'static,
    F: FnOnce() -> Result<R, StoreError> + Send + 'static,
{
    // The task fails only if it panics or the runtime is going away.
    tokio::task::spawn_blocking(f)
        .await
        .unwrap_or(Err(StoreError::Closed))
}
