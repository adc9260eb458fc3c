//! Files to objects and back, and objects to objects: `ossplit-transfer` behind one class.

use crate::{
    client::Client,
    convert,
    run::{Telling, run},
};
use ossplit_transfer::{
    Copier, CopyRequest, DownloadFile, Downloader, Settings, UploadFile, Uploader,
};
use pyo3::{prelude::*, types::PyDict};
use std::path::PathBuf;

/// How transfers are made.
#[pyclass(frozen, module = "ossplit._ossplit")]
pub(crate) struct Transfers {
    client: Py<Client>,
    settings: Settings,
}

#[pymethods]
impl Transfers {
    #[new]
    #[pyo3(signature = (client, part_size=None, parallel=None, checkpoint_dir=None))]
    fn new(
        client: Py<Client>,
        part_size: Option<u64>,
        parallel: Option<usize>,
        checkpoint_dir: Option<PathBuf>,
    ) -> Self {
        let mut settings = Settings::default();
        settings.part_size = part_size.unwrap_or(settings.part_size);
        settings.parallel = parallel.unwrap_or(settings.parallel);
        settings.checkpoint_dir = checkpoint_dir;
        Self { client, settings }
    }

    /// (ETag, CRC64, version id, bytes, bytes of an earlier try)
    #[pyo3(signature = (path, bucket, key, options=None, progress=None, asynchronous=false))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments, each once")]
    fn upload(
        &self,
        py: Python<'_>,
        path: PathBuf,
        bucket: String,
        key: String,
        options: Option<&Bound<'_, PyDict>>,
        progress: Option<Py<PyAny>>,
        asynchronous: bool,
    ) -> PyResult<Py<PyAny>> {
        let telling = Telling::new(progress);
        let mut request = UploadFile::new(path, bucket, key);
        request.with = convert::new_object(options)?;
        request.progress = telling.progress();
        let uploader = Uploader::new(self.client.get().here(py)?, self.settings.clone());
        let done = async move { Ok(uploader.upload(request).await?) };
        run(py, asynchronous, Some(telling), done, |py, done| {
            let done = (
                done.etag,
                done.crc64,
                done.version_id,
                done.size,
                done.resumed,
            );
            Ok(done.into_pyobject(py)?.into_any().unbind())
        })
    }

    /// What the object is.
    #[pyo3(signature = (bucket, key, path, version_id=None, progress=None, asynchronous=false))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments, each once")]
    fn download(
        &self,
        py: Python<'_>,
        bucket: String,
        key: String,
        path: PathBuf,
        version_id: Option<String>,
        progress: Option<Py<PyAny>>,
        asynchronous: bool,
    ) -> PyResult<Py<PyAny>> {
        let telling = Telling::new(progress);
        let name = key.clone();
        let mut request = DownloadFile::new(bucket, key, path);
        request.version_id = version_id;
        request.progress = telling.progress();
        let downloader = Downloader::new(self.client.get().here(py)?, self.settings.clone());
        let done = async move { Ok(downloader.download(request).await?) };
        run(py, asynchronous, Some(telling), done, move |py, done| {
            Ok(convert::meta(py, &name, &done.meta)?.into_any().unbind())
        })
    }

    /// (ETag, CRC64, version id, bytes)
    #[pyo3(signature = (source_bucket, source_key, bucket, key, options=None, progress=None, asynchronous=false))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments, each once")]
    fn copy(
        &self,
        py: Python<'_>,
        source_bucket: String,
        source_key: String,
        bucket: String,
        key: String,
        options: Option<&Bound<'_, PyDict>>,
        progress: Option<Py<PyAny>>,
        asynchronous: bool,
    ) -> PyResult<Py<PyAny>> {
        let telling = Telling::new(progress);
        let with = convert::new_object(options)?;
        let mut request = CopyRequest::new(bucket, source_key, key);
        request.source_bucket = source_bucket;
        request.forbid_overwrite = with.forbid_overwrite;
        request.replace = options.is_some_and(|o| !o.is_empty()).then_some(with);
        request.progress = telling.progress();
        let copier = Copier::new(self.client.get().here(py)?, self.settings.clone());
        let done = async move { Ok(copier.copy(request).await?) };
        run(py, asynchronous, Some(telling), done, |py, done| {
            let done = (done.etag, done.crc64, done.version_id, done.size);
            Ok(done.into_pyobject(py)?.into_any().unbind())
        })
    }
}
