//! OSS in memory, below the client: a transport that answers, counts and fails as it is told.

use crate::{Context, FsConfig, types::ObjectVersion};
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use ossplit::{
    Client, ClientConfig,
    http::{RequestBody, ResponseBody, Transport, TransportError, TransportErrorKind},
    retry::RetryPolicy,
};
use ossplit_protocol::{crc64, encode, range, xml};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// The bucket.
pub(crate) const BUCKET: &str = "data";
/// Bytes of one piece of a body.
const CHUNK: usize = 48 << 10;

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    Get,
    Head,
    Put,
    Append,
    Begin,
    Part,
    CopyPart,
    Complete,
    Abort,
    ListUploads,
}

/// What goes wrong, once.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// The connection breaks before the request has its effect.
    BrokenBefore,
    /// The connection breaks after it, so that the answer is lost.
    BrokenAfter,
    /// 503.
    Busy,
    /// 403: not tried again.
    Refused,
    /// The answer names a CRC64 that is not that of the bytes.
    WrongCrc,
    /// The body breaks off after so many bytes.
    Truncated(usize),
    /// The body stops after so many bytes and never goes on.
    Stalled(usize),
    /// No answer at all comes.
    Silent,
}

#[derive(Clone)]
struct Object {
    data: Bytes,
    etag: String,
    crc64: u64,
    appendable: bool,
}

struct Upload {
    key: String,
    parts: BTreeMap<u32, Object>,
}

#[derive(Default)]
struct State {
    objects: HashMap<String, Object>,
    uploads: HashMap<String, Upload>,
    faults: Vec<(Op, Fault)>,
    asked: Vec<Op>,
    spans: Vec<Range<u64>>,
    serial: u64,
}

/// The service. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct FakeOss(Arc<Mutex<State>>, Arc<AtomicBool>);

impl FakeOss {
    /// Surroundings on this service, as `change` makes them.
    pub(crate) fn context(&self, change: impl FnOnce(&mut FsConfig)) -> Arc<Context> {
        let retry = RetryPolicy {
            base: Duration::from_micros(10),
            ..RetryPolicy::default()
        };
        let config = ClientConfig::new("http://127.0.0.1:1", "cn-hangzhou")
            .expect("a well-formed endpoint")
            .with_retry(retry);
        let client = Client::with_transport(config, Arc::new(self.clone()));
        let mut config = FsConfig::new(BUCKET, "");
        config.tmpdir = std::env::temp_dir();
        change(&mut config);
        Context::new(client, config)
    }

    /// The service for a successor. Whoever has this one is dead, and hears and does nothing more.
    pub(crate) fn successor(&self) -> Self {
        self.1.store(true, Ordering::Relaxed);
        Self(Arc::clone(&self.0), Arc::default())
    }

    /// Never returns to the dead.
    async fn alive(&self) {
        tokio::task::yield_now().await;
        if self.1.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }

    /// Stores an object and gives the version that it has now.
    pub(crate) fn store(&self, key: &str, data: impl Into<Bytes>) -> ObjectVersion {
        let mut state = self.0.lock();
        let object = state.object(data.into());
        let version = ObjectVersion {
            key: key.into(),
            etag: object.etag.as_str().into(),
            version_id: None,
            size: object.data.len() as u64,
            mtime: 0,
            crc64: None,
            appendable: false,
        };
        state.objects.insert(key.into(), object);
        version
    }

    /// Stores an Appendable object and gives the version that it has now, as a listing would.
    pub(crate) fn store_appendable(&self, key: &str, data: impl Into<Bytes>) -> ObjectVersion {
        let version = self.store(key, data);
        let mut state = self.0.lock();
        state.objects.get_mut(key).expect("stored").appendable = true;
        ObjectVersion {
            appendable: true,
            ..version
        }
    }

    /// Whether an object is an Appendable one.
    pub(crate) fn is_appendable(&self, key: &str) -> bool {
        self.0.lock().objects[key].appendable
    }

    pub(crate) fn delete(&self, key: &str) {
        self.0.lock().objects.remove(key);
    }

    /// Whether the next fault of `op` is that nothing comes; takes it.
    fn falls_silent(&self, op: Op) -> bool {
        let faults = &mut self.0.lock().faults;
        let next = faults.iter().position(|(at, _)| *at == op);
        let silent = next.filter(|i| matches!(faults[*i].1, Fault::Silent));
        silent.map(|i| faults.remove(i)).is_some()
    }

    /// An object's bytes and `ETag`.
    pub(crate) fn object(&self, key: &str) -> Option<(Bytes, String)> {
        let state = self.0.lock();
        let object = state.objects.get(key)?;
        Some((object.data.clone(), object.etag.clone()))
    }

    /// Uploads that were neither completed nor aborted and have parts. (One whose first answer was lost
    /// is known to nobody, but has none.)
    pub(crate) fn unfinished_with_parts(&self) -> usize {
        let state = self.0.lock();
        let with_parts = |upload: &&Upload| !upload.parts.is_empty();
        state.uploads.values().filter(with_parts).count()
    }

    /// Uploads that were neither completed nor aborted.
    pub(crate) fn unfinished(&self) -> usize {
        self.0.lock().uploads.len()
    }

    /// The next request of this kind that has no fault waiting before it fails so.
    pub(crate) fn fail(&self, op: Op, fault: Fault) {
        self.0.lock().faults.push((op, fault));
    }

    /// Requests of a kind so far.
    pub(crate) fn asked(&self, op: Op) -> usize {
        self.0
            .lock()
            .asked
            .iter()
            .filter(|seen| **seen == op)
            .count()
    }

    /// Requests so far.
    pub(crate) fn asked_at_all(&self) -> usize {
        self.0.lock().asked.len()
    }

    /// The bytes of objects that were asked for, request by request.
    pub(crate) fn spans(&self) -> Vec<Range<u64>> {
        self.0.lock().spans.clone()
    }

    /// How many bytes of objects were asked for.
    pub(crate) fn fetched(&self) -> u64 {
        self.spans().iter().map(|span| span.end - span.start).sum()
    }
}

impl State {
    fn object(&mut self, data: Bytes) -> Object {
        self.serial += 1;
        let etag = format!("\"{:032X}\"", self.serial);
        let crc64 = crc64::checksum(&data);
        Object {
            data,
            etag,
            crc64,
            appendable: false,
        }
    }
}

type Answer = Response<ResponseBody>;

fn refusal(status: u16, code: &str) -> Answer {
    let document = format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>");
    let mut answer = Response::new(ResponseBody::bytes(document));
    *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
    answer
}

fn stored(object: &Object, document: Option<String>, fault: Option<Fault>) -> Answer {
    let mut crc = object.crc64;
    if matches!(fault, Some(Fault::WrongCrc)) {
        crc ^= 1;
    }
    Response::builder()
        .header("etag", &object.etag)
        .header("x-oss-hash-crc64ecma", crc)
        .body(ResponseBody::bytes(document.unwrap_or_default()))
        .expect("well-formed headers")
}

fn broken() -> TransportError {
    TransportError::after(TransportErrorKind::Broken, "the connection broke")
}

fn body(data: &Bytes, fault: Option<Fault>) -> ResponseBody {
    let stalls = matches!(fault, Some(Fault::Stalled(_)));
    let (keep, breaks) = match fault {
        Some(Fault::Truncated(at)) if at < data.len() => (at, true),
        Some(Fault::Stalled(at)) => (at.min(data.len()), false),
        _ => (data.len(), false),
    };
    let data = data.slice(..keep);
    let pieces = (0..keep)
        .step_by(CHUNK)
        .map(move |at| Ok(data.slice(at..(at + CHUNK).min(data.len()))));
    let end = breaks.then(|| Err(std::io::ErrorKind::UnexpectedEof.into()));
    let pieces: Vec<_> = pieces.chain(end).collect();
    let sent = stream::unfold(pieces.into_iter(), |mut pieces| async {
        // Others go on meanwhile, as they would with a network.
        tokio::task::yield_now().await;
        pieces.next().map(|piece| (piece, pieces))
    });
    if stalls {
        ResponseBody::stream(sent.chain(stream::pending()))
    } else {
        ResponseBody::stream(sent)
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().expect("text"))
}

fn query(uri: &Uri) -> HashMap<String, String> {
    let pairs = uri.query().unwrap_or("").split('&');
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn op(method: &Method, query: &HashMap<String, String>, headers: &HeaderMap) -> Op {
    let upload = query.contains_key("uploadId");
    match method.as_str() {
        "GET" if query.contains_key("uploads") => Op::ListUploads,
        "GET" => Op::Get,
        "HEAD" => Op::Head,
        "PUT" if upload && headers.contains_key("x-oss-copy-source") => Op::CopyPart,
        "PUT" if upload => Op::Part,
        "PUT" => Op::Put,
        "POST" if upload => Op::Complete,
        "POST" if query.contains_key("append") => Op::Append,
        "POST" => Op::Begin,
        "DELETE" if upload => Op::Abort,
        other => panic!("{other} is not expected"),
    }
}

impl State {
    fn get(&mut self, key: &str, headers: &HeaderMap, fault: Option<Fault>) -> Answer {
        let Some(object) = self.objects.get(key).cloned() else {
            return refusal(404, "NoSuchKey");
        };
        if text(headers, "if-match").is_some_and(|etag| etag != object.etag) {
            return refusal(412, "PreconditionFailed");
        }
        let size = object.data.len() as u64;
        let Some(value) = text(headers, "range") else {
            self.spans.push(0..size);
            let mut answer = stored(&object, None, fault);
            answer.headers_mut().insert("content-length", size.into());
            *answer.body_mut() = body(&object.data, fault);
            return answer;
        };
        let (start, end) = value
            .strip_prefix("bytes=")
            .and_then(|span| span.split_once('-'))
            .expect("a range");
        let start: u64 = start.parse().expect("a number");
        let end = end.parse().map_or(size, |last: u64| (last + 1).min(size));
        if start >= end {
            return refusal(416, "InvalidRange");
        }
        self.spans.push(start..end);
        let mut answer = stored(&object, None, fault);
        *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
        let span = range::content_range(&(start..end), size);
        let headers = answer.headers_mut();
        headers.insert("content-range", span.parse().expect("a header"));
        headers.insert("content-length", (end - start).into());
        *answer.body_mut() = body(&object.data.slice(start as usize..end as usize), fault);
        answer
    }

    fn append(&mut self, key: &str, position: u64, data: &Bytes, fault: Option<Fault>) -> Answer {
        let old = self.objects.get(key).cloned();
        if old.as_ref().is_some_and(|old| !old.appendable) {
            return refusal(409, "ObjectNotAppendable");
        }
        let old = old.map_or(Bytes::new(), |old| old.data);
        if old.len() as u64 != position {
            let mut answer = refusal(409, "PositionNotEqualToLength");
            let headers = answer.headers_mut();
            headers.insert("x-oss-next-append-position", old.len().into());
            return answer;
        }
        let object = Object {
            appendable: true,
            ..self.object([&old[..], data].concat().into())
        };
        let mut answer = stored(&object, None, fault);
        let next = object.data.len();
        let headers = answer.headers_mut();
        headers.insert("x-oss-next-append-position", next.into());
        self.objects.insert(key.into(), object);
        answer
    }

    #[allow(
        clippy::result_large_err,
        reason = "a refusal is an answer, and this is a test"
    )]
    fn copy_part(&mut self, headers: &HeaderMap) -> Result<Bytes, Answer> {
        let source = text(headers, "x-oss-copy-source").expect("a source");
        let key = source
            .strip_prefix(&format!("/{BUCKET}/"))
            .expect("of the bucket");
        let Some(object) = self.objects.get(key) else {
            return Err(refusal(404, "NoSuchKey"));
        };
        if text(headers, "x-oss-copy-source-if-match").is_some_and(|etag| etag != object.etag) {
            return Err(refusal(412, "PreconditionFailed"));
        }
        Ok(match text(headers, "x-oss-copy-source-range") {
            Some(value) => {
                let span = range::parse_copy_range(value).expect("a range");
                object.data.slice(span.start as usize..span.end as usize)
            }
            None => object.data.clone(),
        })
    }

    fn complete(&mut self, key: &str, id: &str, document: &[u8], fault: Option<Fault>) -> Answer {
        let Some(upload) = self.uploads.get(id) else {
            return refusal(404, "NoSuchUpload");
        };
        assert_eq!(upload.key, key);
        let wanted: xml::CompleteMultipartUpload = xml::read(document).expect("a list of parts");
        let mut whole = Vec::new();
        for (i, part) in wanted.part.iter().enumerate() {
            let Some(there) = upload.parts.get(&part.part_number) else {
                return refusal(400, "InvalidPart");
            };
            let last = i + 1 == wanted.part.len();
            if there.etag != part.etag {
                return refusal(400, "InvalidPart");
            }
            if !last && there.data.len() < 100 << 10 {
                return refusal(400, "EntityTooSmall");
            }
            whole.extend_from_slice(&there.data);
        }
        self.uploads.remove(id);
        let object = self.object(whole.into());
        let document = xml::write(&xml::CompleteMultipartUploadResult {
            etag: object.etag.clone(),
            ..Default::default()
        });
        let answer = stored(&object, Some(document), fault);
        self.objects.insert(key.into(), object);
        answer
    }

    fn answer(
        &mut self,
        op: Op,
        request: &Request<Bytes>,
        key: &str,
        query: &HashMap<String, String>,
        fault: Option<Fault>,
    ) -> Answer {
        let id = query.get("uploadId").map_or("", String::as_str);
        match op {
            Op::Get => self.get(key, request.headers(), fault),
            Op::Head => match self.objects.get(key) {
                None => refusal(404, "NoSuchKey"),
                Some(object) => {
                    let mut answer = stored(object, None, fault);
                    let size = object.data.len() as u64;
                    answer.headers_mut().insert("content-length", size.into());
                    answer
                }
            },
            Op::Put => {
                let object = self.object(request.body().clone());
                let answer = stored(&object, None, fault);
                self.objects.insert(key.into(), object);
                answer
            }
            Op::Append => {
                let position = query["position"].parse().expect("a number");
                self.append(key, position, request.body(), fault)
            }
            Op::Begin => {
                self.serial += 1;
                let upload_id = format!("upload-{}", self.serial);
                let upload = Upload {
                    key: key.into(),
                    parts: BTreeMap::new(),
                };
                self.uploads.insert(upload_id.clone(), upload);
                let document = xml::write(&xml::InitiateMultipartUploadResult {
                    upload_id,
                    ..Default::default()
                });
                Response::new(ResponseBody::bytes(document))
            }
            Op::Part | Op::CopyPart => {
                let data = match op {
                    Op::Part => request.body().clone(),
                    _ => match self.copy_part(request.headers()) {
                        Ok(data) => data,
                        Err(answer) => return answer,
                    },
                };
                let object = self.object(data);
                let number = query["partNumber"].parse().expect("a number");
                let Some(upload) = self.uploads.get_mut(id) else {
                    return refusal(404, "NoSuchUpload");
                };
                upload.parts.insert(number, object.clone());
                let document = xml::write(&xml::CopyPartResult {
                    etag: object.etag.clone(),
                    ..Default::default()
                });
                stored(&object, (op == Op::CopyPart).then_some(document), fault)
            }
            Op::ListUploads => {
                let now = std::time::SystemTime::now();
                let now = now
                    .duration_since(std::time::UNIX_EPOCH)
                    .map_or(0, |now| now.as_secs());
                let initiated = ossplit_protocol::time::xml_time(now.cast_signed());
                let uploads = self.uploads.iter();
                let uploads =
                    uploads.filter(|(_, upload)| upload.key.starts_with(&query["prefix"]));
                let listed = uploads.map(|(id, upload)| xml::Upload {
                    key: upload.key.clone(),
                    upload_id: id.clone(),
                    initiated: initiated.clone(),
                    ..Default::default()
                });
                let document = xml::write(&xml::ListMultipartUploadsResult {
                    upload: listed.collect(),
                    ..Default::default()
                });
                Response::new(ResponseBody::bytes(document))
            }
            Op::Complete => self.complete(key, id, request.body(), fault),
            Op::Abort => match self.uploads.remove(id) {
                Some(_) => Response::builder()
                    .status(204)
                    .body(ResponseBody::bytes(Bytes::new()))
                    .expect("an answer"),
                None => refusal(404, "NoSuchUpload"),
            },
        }
    }
}

impl Transport for FakeOss {
    fn send(&self, request: Request<RequestBody>) -> BoxFuture<'_, Result<Answer, TransportError>> {
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.map_err(|_| broken())?;
            let request = Request::from_parts(head, body);
            // Others go on meanwhile, as they would with a network.
            self.alive().await;
            let query = query(request.uri());
            let op = op(request.method(), &query, request.headers());
            let key = request.uri().path();
            let key = key
                .strip_prefix(&format!("/{BUCKET}/"))
                .expect("of the bucket");
            let key = encode::decode(key).expect("UTF-8").into_owned();
            if self.falls_silent(op) {
                return futures_util::future::pending().await;
            }
            let (answer, fault) = {
                let mut state = self.0.lock();
                state.asked.push(op);
                let fault = state.faults.iter().position(|(at, _)| *at == op);
                let fault = fault.map(|i| state.faults.remove(i).1);
                match fault {
                    Some(Fault::BrokenBefore) => return Err(broken()),
                    Some(Fault::Busy) => return Ok(refusal(503, "ServiceUnavailable")),
                    Some(Fault::Refused) => return Ok(refusal(403, "AccessDenied")),
                    _ => {}
                }
                (state.answer(op, &request, &key, &query, fault), fault)
            };
            self.alive().await;
            match fault {
                Some(Fault::BrokenAfter) => Err(broken()),
                _ => Ok(answer),
            }
        }
        .boxed()
    }
}
