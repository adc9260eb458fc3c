//! `ossplit._ossplit.Client`: settings, from which each process makes its own client, and the calls on single objects.

use crate::{
    answer::Answer,
    buffer::{NewBytes, Target, bytes_of},
    convert,
    credentials::{Callable, KeyTuple, Replaceable, key as key_of},
    errors::Failure,
    run::run,
    runtime::{ENDING, PerProcess, call_python, wait},
    source,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::Method;
use ossplit::{
    Addressing, Body, BodyStream, ClientConfig, DeleteMultipleObjects, DeleteObject, GetObject,
    HeadObject, ListObjectsV2, ObjectMeta, Operation, Presign, PutObject, PutObjectOutput,
    RawRequest, SignatureVersion, credentials::Refreshing,
};
use pyo3::{
    exceptions::{PyRuntimeError, PyTypeError, PyValueError},
    prelude::*,
    types::{PyBytes, PyDict},
};
use std::{ops::Range, sync::Arc, time::Duration};

/// Who signs.
enum Signer {
    Nobody,
    Key(Arc<Replaceable>),
    Callable(Py<PyAny>),
}

#[pyclass(frozen, module = "ossplit._ossplit")]
pub(crate) struct Client {
    config: ClientConfig,
    signer: Signer,
    here: PerProcess<ossplit::Client>,
}

impl Client {
    /// This process's client.
    pub(crate) fn here(&self, py: Python<'_>) -> PyResult<ossplit::Client> {
        let made = self.here.get(|| {
            let mut config = self.config.clone();
            match &self.signer {
                Signer::Nobody => {}
                Signer::Key(key) => config.credentials = Some(Arc::clone(key) as _),
                Signer::Callable(call) => {
                    let source = Refreshing::new(Callable(call.clone_ref(py)));
                    config = config.with_credentials(Arc::new(source));
                }
            }
            ossplit::Client::new(config).map_err(|error| Failure::from(error).into_py(py))
        });
        made.cloned()
    }
}

fn seconds(name: &str, value: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(value)
        .map_err(|_| PyValueError::new_err(format!("{name}={value}: give seconds, more than 0")))
}

fn method(name: &str) -> PyResult<Method> {
    Method::from_bytes(name.as_bytes())
        .map_err(|_| PyValueError::new_err(format!("method={name:?} is no HTTP method")))
}

/// Bytes `start` to before `end`.
fn range(start: Option<u64>, end: Option<u64>) -> Option<Range<u64>> {
    (start.is_some() || end.is_some()).then(|| start.unwrap_or(0)..end.unwrap_or(u64::MAX))
}

/// Where an object's bytes go.
enum Sink {
    Bytes(NewBytes),
    Target(Target),
}

async fn fill(mut body: BodyStream, into: Option<Target>) -> Result<Sink, Failure> {
    let length = body.remaining() as usize;
    let mut sink = match into {
        Some(target) if target.room() < length => {
            let room = target.room();
            return Err(PyValueError::new_err(format!(
                "the buffer has room for {room} bytes, and {length} come: give a larger one, or a range"
            ))
            .into());
        }
        Some(target) => Sink::Target(target),
        None => {
            let bytes = call_python(|py| NewBytes::new(py, length));
            Sink::Bytes(bytes.ok_or_else(|| PyRuntimeError::new_err(ENDING))??)
        }
    };
    while let Some(chunk) = body.next_chunk().await? {
        match &mut sink {
            Sink::Bytes(bytes) => bytes.push(&chunk),
            Sink::Target(target) => target.push(&chunk),
        };
    }
    Ok(sink)
}

fn put_output(py: Python<'_>, done: &PutObjectOutput) -> PyResult<Py<PyAny>> {
    let tuple = (&done.etag, done.crc64, &done.version_id);
    Ok(tuple.into_pyobject(py)?.into_any().unbind())
}

#[pymethods]
impl Client {
    #[new]
    #[pyo3(signature = (endpoint, region, *, signature="v4", key=None, credentials=None, addressing="auto",
        connect_timeout=10.0, read_timeout=20.0, call_timeout=None, max_tries=5, max_connections=256,
        user_agent=None, verify_tls=true, ca_pem=None, requester_pays=false))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments, each once")]
    fn new(
        py: Python<'_>,
        endpoint: &str,
        region: &str,
        signature: &str,
        key: Option<KeyTuple>,
        credentials: Option<Py<PyAny>>,
        addressing: &str,
        connect_timeout: f64,
        read_timeout: f64,
        call_timeout: Option<f64>,
        max_tries: u32,
        max_connections: usize,
        user_agent: Option<String>,
        verify_tls: bool,
        ca_pem: Option<Vec<u8>>,
        requester_pays: bool,
    ) -> PyResult<Self> {
        let mut config = ClientConfig::new(endpoint, region)
            .map_err(|error| Failure::from(error).into_py(py))?;
        config.signature = match signature {
            "v1" => SignatureVersion::V1,
            "v2" => SignatureVersion::V2,
            "v4" => SignatureVersion::V4,
            other => {
                return Err(PyValueError::new_err(format!(
                    "signature={other:?}: give \"v1\", \"v2\" or \"v4\""
                )));
            }
        };
        config.addressing = match addressing {
            "auto" => Addressing::Auto,
            "path" => Addressing::Path,
            "virtual" => Addressing::VirtualHost,
            "cname" => Addressing::Cname,
            other => {
                return Err(PyValueError::new_err(format!(
                    "addressing={other:?}: give \"auto\", \"path\", \"virtual\" or \"cname\""
                )));
            }
        };
        config.connect_timeout = seconds("connect_timeout", connect_timeout)?;
        config.read_timeout = seconds("read_timeout", read_timeout)?;
        config.call_timeout = call_timeout
            .map(|s| seconds("call_timeout", s))
            .transpose()?;
        config.retry.max_tries = max_tries.max(1);
        config.max_connections = max_connections;
        config.verify_tls = verify_tls;
        config.ca_pem = ca_pem;
        config.requester_pays = requester_pays;
        if let Some(agent) = user_agent {
            config.user_agent = agent;
        }
        let signer = match (key, credentials) {
            (Some(key), _) => Signer::Key(Arc::new(Replaceable::new(key_of(key)))),
            (None, Some(call)) => Signer::Callable(call),
            (None, None) => Signer::Nobody,
        };
        if config.signature == SignatureVersion::V4
            && region.is_empty()
            && !matches!(signer, Signer::Nobody)
        {
            return Err(PyValueError::new_err(
                "region=\"\": V4 signatures need a region, such as cn-hangzhou",
            ));
        }
        Ok(Self {
            config,
            signer,
            here: PerProcess::new(),
        })
    }

    /// Signs with this key from now on.
    #[pyo3(signature = (id, secret, token=None))]
    fn set_key(&self, id: String, secret: String, token: Option<String>) -> PyResult<()> {
        let Signer::Key(key) = &self.signer else {
            return Err(PyTypeError::new_err("this client was made without a key"));
        };
        key.set(key_of((id, secret, token)));
        Ok(())
    }

    /// Sends any request. `iterator` gives the body piece by piece, `length` bytes in all if that is known. With
    /// `once` it is not sent again if it may have taken effect.
    #[pyo3(signature = (method_name, bucket, key, query, headers, body=None, iterator=None, length=None, check_crc=false, once=false))]
    #[expect(clippy::too_many_arguments, reason = "a request's parts, each once")]
    fn request(
        &self,
        py: Python<'_>,
        method_name: &str,
        bucket: Option<String>,
        key: Option<String>,
        query: Vec<(String, String)>,
        headers: Vec<(String, String)>,
        body: Option<&Bound<'_, PyAny>>,
        iterator: Option<Py<PyAny>>,
        length: Option<u64>,
        check_crc: bool,
        once: bool,
    ) -> PyResult<Answer> {
        let mut request = RawRequest::new(method(method_name)?);
        let raised = source::Raised::default();
        request.body = match (body, iterator) {
            (Some(body), _) => Body::from(bytes_of(body)?),
            (None, Some(iterator)) => source::body(iterator, length, Arc::clone(&raised)),
            (None, None) => Body::empty(),
        };
        request.operation = Operation::Raw;
        request.bucket = bucket;
        request.key = key;
        request.query = query;
        request.headers = headers;
        request.check_crc = check_crc;
        request.once = once;
        let client = self.here(py)?;
        let done = wait(py, async move {
            Answer::new(client.send_raw(request).await?).await
        })?;
        done.map_err(|failure| {
            let raised = raised.lock().take();
            raised.unwrap_or_else(|| failure.into_py(py))
        })
    }

    #[pyo3(signature = (bucket, key, body, options=None, asynchronous=false))]
    fn put(
        &self,
        py: Python<'_>,
        bucket: String,
        key: String,
        body: &Bound<'_, PyAny>,
        options: Option<&Bound<'_, PyDict>>,
        asynchronous: bool,
    ) -> PyResult<Py<PyAny>> {
        let request =
            PutObject::new(bucket, key, bytes_of(body)?).with(convert::new_object(options)?);
        let client = self.here(py)?;
        let done = async move { Ok(client.put_object(request).await?) };
        run(py, asynchronous, None, done, |py, done| {
            put_output(py, &done)
        })
    }

    /// Many objects at once, `parallel` at a time; stops at the first that fails.
    #[pyo3(signature = (bucket, objects, parallel, options=None, asynchronous=false))]
    fn put_many(
        &self,
        py: Python<'_>,
        bucket: &str,
        objects: Vec<(String, Bound<'_, PyAny>)>,
        parallel: usize,
        options: Option<&Bound<'_, PyDict>>,
        asynchronous: bool,
    ) -> PyResult<Py<PyAny>> {
        let with = convert::new_object(options)?;
        let mut requests = Vec::with_capacity(objects.len());
        for (key, body) in objects {
            requests.push(PutObject::new(bucket, key, bytes_of(&body)?).with(with.clone()));
        }
        let client = self.here(py)?;
        let sent = stream::iter(requests)
            .map(move |request| {
                let client = client.clone();
                async move { client.put_object(request).await }
            })
            .buffered(parallel.max(1));
        let all = async move { Ok(sent.try_collect::<Vec<_>>().await?) };
        run(py, asynchronous, None, all, |py, all| {
            let all: PyResult<Vec<_>> = all.iter().map(|done| put_output(py, done)).collect();
            Ok(all?.into_pyobject(py)?.unbind())
        })
    }

    #[pyo3(signature = (bucket, key, start=None, end=None, version_id=None, if_match=None, if_none_match=None,
        into=None, asynchronous=false))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments, each once")]
    fn get(
        &self,
        py: Python<'_>,
        bucket: String,
        key: String,
        start: Option<u64>,
        end: Option<u64>,
        version_id: Option<String>,
        if_match: Option<String>,
        if_none_match: Option<String>,
        into: Option<&Bound<'_, PyAny>>,
        asynchronous: bool,
    ) -> PyResult<Py<PyAny>> {
        let into = into.map(Target::of).transpose()?;
        let name = key.clone();
        let request = GetObject {
            range: range(start, end),
            version_id,
            if_match,
            if_none_match,
            ..GetObject::new(bucket, key)
        };
        let client = self.here(py)?;
        let done = async move {
            let output = client.get_object(request).await?;
            Ok((fill(output.body, into).await?, output.meta))
        };
        run(py, asynchronous, None, done, move |py, (sink, meta)| {
            let body = match sink {
                Sink::Bytes(bytes) => bytes.finish(py).into_any(),
                Sink::Target(target) => target.filled().into_pyobject(py)?.into_any(),
            };
            let meta = convert::meta(py, &name, &meta)?;
            Ok((body, meta).into_pyobject(py)?.into_any().unbind())
        })
    }

    /// Many whole objects at once, in the order of their keys as given.
    #[pyo3(signature = (bucket, keys, parallel, asynchronous=false))]
    fn get_many(
        &self,
        py: Python<'_>,
        bucket: String,
        keys: Vec<String>,
        parallel: usize,
        asynchronous: bool,
    ) -> PyResult<Py<PyAny>> {
        let client = self.here(py)?;
        let got = stream::iter(keys)
            .map(move |key| {
                let (client, bucket) = (client.clone(), bucket.clone());
                async move {
                    let mut output = client.get_object(GetObject::new(bucket, key)).await?;
                    output.body.collect().await
                }
            })
            .buffered(parallel.max(1));
        let all = async move { Ok(got.try_collect::<Vec<_>>().await?) };
        run(py, asynchronous, None, all, |py, all| {
            let all: Vec<_> = all.iter().map(|one| PyBytes::new(py, one)).collect();
            Ok(all.into_pyobject(py)?.unbind())
        })
    }

    #[pyo3(signature = (bucket, key, version_id=None, asynchronous=false))]
    fn head(
        &self,
        py: Python<'_>,
        bucket: String,
        key: String,
        version_id: Option<String>,
        asynchronous: bool,
    ) -> PyResult<Py<PyAny>> {
        let name = key.clone();
        let request = HeadObject {
            version_id,
            ..HeadObject::new(bucket, key)
        };
        let client = self.here(py)?;
        let done = async move { Ok(client.head_object(request).await?) };
        run(py, asynchronous, None, done, move |py, meta: ObjectMeta| {
            Ok(convert::meta(py, &name, &meta)?.into_any().unbind())
        })
    }

    #[pyo3(signature = (bucket, key, version_id=None, asynchronous=false))]
    fn delete(
        &self,
        py: Python<'_>,
        bucket: String,
        key: String,
        version_id: Option<String>,
        asynchronous: bool,
    ) -> PyResult<Py<PyAny>> {
        let request = DeleteObject {
            version_id,
            ..DeleteObject::new(bucket, key)
        };
        let client = self.here(py)?;
        let done = async move { Ok(client.delete_object(request).await?) };
        run(py, asynchronous, None, done, |py, _| Ok(py.None()))
    }

    /// Gives the keys that are gone.
    #[pyo3(signature = (bucket, keys, asynchronous=false))]
    fn delete_many(
        &self,
        py: Python<'_>,
        bucket: String,
        keys: Vec<String>,
        asynchronous: bool,
    ) -> PyResult<Py<PyAny>> {
        let client = self.here(py)?;
        let done = async move {
            let mut gone = Vec::new();
            for some in keys.chunks(1000) {
                let request = DeleteMultipleObjects::new(&*bucket, some.iter().cloned());
                let deleted = client.delete_multiple_objects(request).await?;
                gone.extend(deleted.into_iter().map(|one| one.key));
            }
            Ok(gone)
        };
        run(py, asynchronous, None, done, |py, gone| {
            Ok(gone.into_pyobject(py)?.into_any().unbind())
        })
    }

    /// (objects, common prefixes, token of the next page)
    #[pyo3(signature = (bucket, prefix, delimiter=None, start_after=None, token=None, max_keys=None, asynchronous=false))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments, each once")]
    fn list_page(
        &self,
        py: Python<'_>,
        bucket: String,
        prefix: String,
        delimiter: Option<String>,
        start_after: Option<String>,
        token: Option<String>,
        max_keys: Option<u32>,
        asynchronous: bool,
    ) -> PyResult<Py<PyAny>> {
        let mut request = ListObjectsV2::new(bucket, prefix);
        request.delimiter = delimiter;
        request.start_after = start_after;
        request.continuation_token = token;
        request.max_keys = max_keys;
        let client = self.here(py)?;
        let done = async move { Ok(client.list_objects_v2(request).await?) };
        run(py, asynchronous, None, done, |py, page| {
            let objects: PyResult<Vec<_>> = page
                .objects
                .iter()
                .map(|o| convert::listed(py, o))
                .collect();
            let page = (objects?, page.common_prefixes, page.next);
            Ok(page.into_pyobject(py)?.into_any().unbind())
        })
    }

    /// (URL, until when it is good in Unix seconds)
    #[pyo3(signature = (method_name, bucket, key, expires, query, headers))]
    #[expect(clippy::too_many_arguments, reason = "a request's parts, each once")]
    fn presign(
        &self,
        py: Python<'_>,
        method_name: &str,
        bucket: String,
        key: String,
        expires: f64,
        query: Vec<(String, String)>,
        headers: Vec<(String, String)>,
    ) -> PyResult<(String, i64)> {
        let mut request = Presign::new(method(method_name)?, bucket, key);
        request.expires = seconds("expires", expires)?;
        request.query = query;
        request.headers = headers;
        let client = self.here(py)?;
        let signed = wait(py, async move { client.presign(request).await })?;
        let signed = signed.map_err(|error| Failure::from(error).into_py(py))?;
        Ok((signed.url().to_owned(), signed.expires_at))
    }

    /// What each operation cost in this process: name -> (requests, errors, retries, bytes sent, bytes received).
    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let all = PyDict::new(py);
        for (operation, n) in self.here(py)?.counts() {
            if n.requests > 0 {
                let costs = (
                    n.requests,
                    n.errors,
                    n.retries,
                    n.bytes_sent,
                    n.bytes_received,
                );
                all.set_item(operation.name(), costs)?;
            }
        }
        Ok(all)
    }
}
