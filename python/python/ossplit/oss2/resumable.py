"""Uploads and downloads of files in parts, which go on where they were when they broke off. The records have oss2's form."""

from __future__ import annotations

import concurrent.futures
import json
import os
import secrets
import threading
from typing import Any, Callable, Dict, Iterable, List, Optional

from . import defaults, exceptions, http, utils
from .compat import to_string
from .headers import IF_MATCH, IF_UNMODIFIED_SINCE, OSS_OBJECT_ACL, OSS_REQUEST_PAYER, OSS_TRAFFIC_LIMIT
from .iterators import PartIterator
from .models import PartInfo

_MAX_RANGES = 100000
#: Parts on their way at once when the caller does not say: oss2 sends one after another.
_THREADS = 4


def resumable_upload(bucket: Any, key: str, filename: Any, store: Any = None, headers: Any = None,
                     multipart_threshold: Optional[int] = None, part_size: Optional[int] = None,
                     progress_callback: Any = None, num_threads: Optional[int] = None,
                     params: Optional[Dict[str, Any]] = None) -> Any:
    """Sends a file; in parts if it has at least `multipart_threshold` bytes.

    :param store: where the record of an unfinished upload is; `ResumableStore` in the home folder by default.
    :param num_threads: parts on their way at once.
    """
    if os.path.getsize(filename) < defaults.get(multipart_threshold, defaults.multipart_threshold):
        with open(to_string(filename), "rb") as file:
            return bucket.put_object(key, file, headers=headers, progress_callback=progress_callback)
    return _Upload(bucket, to_string(key), filename, store or ResumableStore(), headers, part_size, progress_callback,
                   _threads(num_threads, defaults.multipart_num_threads), params).run()


def resumable_download(bucket: Any, key: str, filename: Any, multiget_threshold: Optional[int] = None,
                       part_size: Optional[int] = None, progress_callback: Any = None,
                       num_threads: Optional[int] = None, store: Any = None, params: Optional[Dict[str, Any]] = None,
                       headers: Any = None) -> None:
    """Fetches an object into a file; in ranges if it has at least `multiget_threshold` bytes. The file has its name once all
    bytes are there."""
    headers = _only(headers, [OSS_REQUEST_PAYER, OSS_TRAFFIC_LIMIT])
    head = bucket.head_object(key, params=params, headers=headers)
    if head.content_length < defaults.get(multiget_threshold, defaults.multiget_threshold):
        bucket.get_object_to_file(key, filename, progress_callback=progress_callback, params=params, headers=headers)
        return
    _Download(bucket, to_string(key), filename, store or ResumableDownloadStore(), head, part_size, progress_callback,
              _threads(num_threads, defaults.multiget_num_threads), params, headers).run()


def _threads(asked: Optional[int], default: int) -> int:
    return max(asked, 1) if asked is not None else max(default, _THREADS)


def determine_part_size(total_size: int, preferred_size: Optional[int] = None) -> int:
    """`preferred_size`, or as much more as 10,000 parts demand."""
    return _part_size(total_size, preferred_size or defaults.part_size, defaults.max_part_count)


def _part_size(total: int, preferred: int, most: int) -> int:
    if total < preferred:
        return total
    while preferred * most < total or preferred < defaults.min_part_size:
        preferred *= 2
    return preferred


def _only(headers: Any, names: List[str]) -> Any:
    """Those of the headers that every request of a transfer may have; None if there are none."""
    given = http.CaseInsensitiveDict(headers)
    return http.CaseInsensitiveDict({name: given[name] for name in names if given.get(name) is not None}) or None


class _Part:
    def __init__(self, number: int, start: int, end: int) -> None:
        self.number = number
        self.start = start
        self.end = end


class _Transfer:
    """One file and one object, and the record of what is done."""

    operation = ""

    def __init__(self, bucket: Any, key: str, filename: Any, store: Any, size: int, progress: Any, threads: int,
                 *version: str) -> None:
        self.bucket = bucket
        self.key = key
        self.filename = to_string(filename)
        self.path = os.path.abspath(self.filename)
        self.size = size
        self.threads = threads
        self.store = store
        self.name = store.make_store_key(bucket.bucket_name, key, self.path, *version)
        self.progress = progress
        self.lock = threading.Lock()
        self.finished = 0

    def tell(self) -> None:
        if self.progress:
            self.progress(self.finished, self.size)

    def done(self, part: _Part) -> None:
        self.finished += part.end - part.start
        self.tell()

    def parts(self, part_size: int) -> Iterable[_Part]:
        for number, start in enumerate(range(0, self.size, part_size), 1):
            yield _Part(number, start, min(start + part_size, self.size))

    def each(self, parts: List[_Part], run: Callable[[_Part], None]) -> None:
        """All parts, some at once; the first error ends it."""
        pool = concurrent.futures.ThreadPoolExecutor(self.threads, "ossplit-resumable")
        try:
            for running in concurrent.futures.as_completed([pool.submit(run, part) for part in parts]):
                running.result()
        finally:
            # What has not begun need not begin.
            pool.shutdown(wait=True, cancel_futures=True)

    def record(self, **kinds: Any) -> Optional[Dict[str, Any]]:
        """The record, if there is one and it is whole."""
        found = self.store.get(self.name)
        if not found:
            return None
        if found.get("op_type") == self.operation and all(isinstance(found.get(n), k) for n, k in kinds.items()):
            return dict(found)
        self.store.delete(self.name)
        return None


class _Upload(_Transfer):
    operation = "ResumableUpload"

    def __init__(self, bucket: Any, key: str, filename: Any, store: Any, headers: Any, part_size: Optional[int],
                 progress: Any, threads: int, params: Optional[Dict[str, Any]]) -> None:
        status = os.stat(filename)
        super().__init__(bucket, key, filename, store, status.st_size, progress, threads)
        self.mtime = status.st_mtime
        self.headers = headers
        self.params = {name: value for name, value in (params or {}).items() if name == "sequential"}
        self.wanted = determine_part_size(self.size, defaults.get(part_size, defaults.part_size))
        self.file = -1

    def run(self) -> Any:
        record, there = self.resume() or self.begin()
        sent = {part.part_number: part for part in there}
        self.finished = sum(part.size for part in there)
        self.tell()
        missing = [part for part in self.parts(record["part_size"]) if part.number not in sent]
        headers = _only(self.headers, [OSS_REQUEST_PAYER, OSS_TRAFFIC_LIMIT])
        self.file = os.open(self.filename, os.O_RDONLY)

        def send(part: _Part) -> None:
            body = os.pread(self.file, part.end - part.start, part.start)
            if len(body) != part.end - part.start:
                raise exceptions.InconsistentError(f"{self.filename} became shorter while it was sent")
            result = self.bucket.upload_part(self.key, record["upload_id"], part.number, body, headers=headers)
            with self.lock:
                sent[part.number] = PartInfo(part.number, result.etag, size=len(body), part_crc=result.crc)
                self.done(part)

        try:
            self.each(missing, send)
            now = os.fstat(self.file)
        finally:
            os.close(self.file)
        if (now.st_mtime, now.st_size) != (self.mtime, self.size):
            raise exceptions.InconsistentError(f"{self.filename} changed while it was sent: send it again")
        result = self.bucket.complete_multipart_upload(
            self.key, record["upload_id"], list(sent.values()),
            headers=_only(self.headers, [OSS_REQUEST_PAYER, OSS_OBJECT_ACL]))
        self.store.delete(self.name)
        return result

    def resume(self) -> Any:
        record = self.record(upload_id=str, file_path=str, bucket=str, key=str, size=int, part_size=int,
                             mtime=(int, float))
        if record is None:
            return None
        if (record["mtime"], record["size"]) == (self.mtime, self.size):
            headers = _only(self.headers, [OSS_REQUEST_PAYER])
            try:
                return record, list(PartIterator(self.bucket, self.key, record["upload_id"], headers=headers))
            except exceptions.NoSuchUpload:
                pass
        self.store.delete(self.name)
        return None

    def begin(self) -> Any:
        upload = self.bucket.init_multipart_upload(self.key, self.headers, self.params or None)
        record = {
            "op_type": self.operation, "upload_id": upload.upload_id, "file_path": self.path, "size": self.size,
            "mtime": self.mtime, "bucket": self.bucket.bucket_name, "key": self.key, "part_size": self.wanted,
        }
        self.store.put(self.name, record)
        return record, []


class _Download(_Transfer):
    operation = "ResumableDownload"

    def __init__(self, bucket: Any, key: str, filename: Any, store: Any, head: Any, part_size: Optional[int],
                 progress: Any, threads: int, params: Optional[Dict[str, Any]], headers: Any) -> None:
        version = (params or {}).get("versionId")
        super().__init__(bucket, key, filename, store, head.content_length, progress, threads,
                         *([version] if version else []))
        self.head = head
        self.params = params
        self.headers = headers
        self.wanted = _part_size(self.size, defaults.get(part_size, defaults.multiget_part_size), _MAX_RANGES)

    def run(self) -> None:
        record = self.resume() or self.begin()
        there = {part["part_number"]: part for part in record["parts"]}
        self.finished = sum(part["end"] - part["start"] for part in record["parts"])
        self.tell()
        unfinished = self.filename + record["tmp_suffix"]
        missing = [part for part in self.parts(record["part_size"]) if part.number not in there]
        headers = http.CaseInsensitiveDict(self.headers)
        headers[IF_MATCH] = self.head.etag
        headers[IF_UNMODIFIED_SINCE] = utils.http_date(self.head.last_modified)
        file = os.open(unfinished, os.O_RDWR | os.O_CREAT, 0o666)

        def fetch(part: _Part) -> None:
            got = self.bucket.get_object(self.key, (part.start, part.end - 1), headers=headers, params=self.params)
            body = got.read()
            if len(body) != part.end - part.start:
                raise exceptions.InconsistentError("IncompleteRead from source", got.request_id)
            os.pwrite(file, body, part.start)
            with self.lock:
                record["parts"].append({"part_number": part.number, "start": part.start, "end": part.end,
                                        "part_crc": got.client_crc})
                self.store.put(self.name, record)
                self.done(part)

        try:
            self.each(missing, fetch)
        finally:
            os.close(file)
        if self.bucket.enable_crc:
            parts = [PartInfo(p["part_number"], "", size=p["end"] - p["start"], part_crc=p["part_crc"])
                     for p in sorted(record["parts"], key=lambda p: p["part_number"])]
            try:
                utils.check_crc("resume download", utils.calc_obj_crc_from_parts(parts), self.head.server_crc, None)
            except exceptions.InconsistentError:
                # Going on with these parts would fail for ever.
                self.store.delete(self.name)
                utils.silently_remove(unfinished)
                raise
        utils.force_rename(unfinished, self.filename)
        self.store.delete(self.name)

    def resume(self) -> Optional[Dict[str, Any]]:
        record = self.record(etag=str, tmp_suffix=str, file_path=str, bucket=str, key=str, part_size=int, size=int,
                             mtime=int, parts=list)
        if record is None:
            return None
        unfinished = self.filename + record["tmp_suffix"]
        of = (self.head.etag, self.head.last_modified, self.size)
        if (record["etag"], record["mtime"], record["size"]) == of and os.path.exists(unfinished):
            return record
        utils.silently_remove(unfinished)
        self.store.delete(self.name)
        return None

    def begin(self) -> Dict[str, Any]:
        record = {
            "op_type": self.operation, "bucket": self.bucket.bucket_name, "key": self.key, "size": self.size,
            "mtime": self.head.last_modified, "etag": self.head.etag, "part_size": self.wanted, "file_path": self.path,
            "tmp_suffix": ".tmp-" + secrets.token_hex(6), "parts": [],
        }
        self.store.put(self.name, record)
        return record


class _Store:
    """Records as files in a folder. Override `get`, `put` and `delete` for another place."""

    def __init__(self, root: str, dir: str) -> None:
        self.dir = os.path.join(root, dir)
        os.makedirs(self.dir, exist_ok=True)

    def get(self, key: str) -> Any:
        path = os.path.join(self.dir, key)
        try:
            with open(path) as file:
                return json.load(file)
        except FileNotFoundError:
            return None
        except ValueError:
            # Cut short: begin anew.
            os.remove(path)
            return None

    def put(self, key: str, value: Any) -> None:
        path = os.path.join(self.dir, key)
        with open(path + ".new", "w") as file:
            json.dump(value, file)
        os.replace(path + ".new", path)

    def delete(self, key: str) -> None:
        utils.silently_remove(os.path.join(self.dir, key))

    @staticmethod
    def _key(name: str, filename: str) -> str:
        return utils.md5_string(name) + "--" + utils.md5_string(os.path.normpath(os.path.normcase(filename)))


class ResumableStore(_Store):
    """Records of uploads, in ``~/.py-oss-upload`` by default."""

    def __init__(self, root: Optional[str] = None, dir: Optional[str] = None) -> None:
        super().__init__(root or os.path.expanduser("~"), dir or ".py-oss-upload")

    @staticmethod
    def make_store_key(bucket_name: str, key: str, filename: str) -> str:
        return _Store._key(f"oss://{bucket_name}/{key}", filename)


class ResumableDownloadStore(_Store):
    """Records of downloads, in ``~/.py-oss-download`` by default."""

    def __init__(self, root: Optional[str] = None, dir: Optional[str] = None) -> None:
        super().__init__(root or os.path.expanduser("~"), dir or ".py-oss-download")

    @staticmethod
    def make_store_key(bucket_name: str, key: str, filename: str, version_id: Optional[str] = None) -> str:
        version = f"?versionid={version_id}" if version_id is not None else ""
        return _Store._key(f"oss://{bucket_name}/{key}{version}", filename)


def make_upload_store(root: Optional[str] = None, dir: Optional[str] = None) -> ResumableStore:
    return ResumableStore(root=root, dir=dir)


def make_download_store(root: Optional[str] = None, dir: Optional[str] = None) -> ResumableDownloadStore:
    return ResumableDownloadStore(root=root, dir=dir)
