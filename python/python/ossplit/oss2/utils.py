"""Helpers that programs call, too."""

from __future__ import annotations

import base64
import binascii
import calendar
import contextlib
import datetime
import hashlib
import mimetypes
import os
import re
import socket
import threading
import time
import zlib
from email.utils import formatdate
from typing import Any, Callable, Iterable, Iterator, Optional

from .. import _ossplit
from .compat import to_bytes, to_string
from .exceptions import ClientError, InconsistentError, OpenApiFormatError

_CHUNK_SIZE = 8 * 1024
_ISO8601 = "%Y-%m-%dT%H:%M:%S.000Z"
_strptime_lock = threading.Lock()

# What Python's own table lacks or has otherwise, as OSS's consoles set it.
_OFFICE = "application/vnd.openxmlformats-officedocument."
_TYPES = {
    ".js": "application/javascript",
    ".xlsx": _OFFICE + "spreadsheetml.sheet",
    ".xltx": _OFFICE + "spreadsheetml.template",
    ".potx": _OFFICE + "presentationml.template",
    ".ppsx": _OFFICE + "presentationml.slideshow",
    ".pptx": _OFFICE + "presentationml.presentation",
    ".sldx": _OFFICE + "presentationml.slide",
    ".docx": _OFFICE + "wordprocessingml.document",
    ".dotx": _OFFICE + "wordprocessingml.template",
    ".xlam": "application/vnd.ms-excel.addin.macroEnabled.12",
    ".xlsb": "application/vnd.ms-excel.sheet.binary.macroEnabled.12",
    ".apk": "application/vnd.android.package-archive",
}

Progress = Callable[[int, Optional[int]], object]


def b64encode_as_string(data: Any) -> str:
    return base64.b64encode(to_bytes(data)).decode()


def b64decode_from_string(data: Any) -> bytes:
    try:
        return base64.b64decode(to_string(data))
    except (TypeError, binascii.Error) as error:
        raise OpenApiFormatError("Base64 Error: " + to_string(data)) from error


def content_md5(data: Any) -> str:
    """Of the header Content-MD5."""
    return b64encode_as_string(hashlib.md5(to_bytes(data)).digest())


def md5_string(data: Any) -> str:
    return hashlib.md5(to_bytes(data)).hexdigest()


def content_type_by_name(name: str) -> Optional[str]:
    """By the name's suffix."""
    suffix = os.path.splitext(name)[1].lower()
    return _TYPES.get(suffix) or mimetypes.guess_type(name)[0]


def set_content_type(headers: Any, name: str) -> Any:
    """Sets Content-Type by the name's suffix, unless it is set."""
    headers = {} if headers is None else headers
    if "Content-Type" not in headers:
        content_type = content_type_by_name(name)
        if content_type:
            headers["Content-Type"] = content_type
    return headers


def is_ip_or_localhost(netloc: str) -> bool:
    """Whether buckets of this host stand in the path."""
    if netloc.startswith("["):
        host, family = netloc[1:netloc.find("]")], socket.AF_INET6
    else:
        host, family = netloc.split(":")[0], socket.AF_INET
    if host == "localhost":
        return True
    try:
        socket.inet_pton(family, host)
    except OSError:
        return False
    return True


def is_valid_bucket_name(name: str) -> bool:
    return re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", name) is not None


def is_valid_endpoint(endpoint: Optional[str]) -> bool:
    return endpoint is not None and re.match(r"^([a-zA-Z]+://)?[\w.-]+(:\d+)?$", endpoint) is not None


def how_many(m: int, n: int) -> int:
    """How many pieces of n make m."""
    return -(-m // n)


def file_object_remaining_bytes(fileobj: Any) -> int:
    """Bytes from where it stands to its end."""
    here = fileobj.tell()
    end = fileobj.seek(0, os.SEEK_END)
    end = fileobj.tell() if end is None else end
    fileobj.seek(here, os.SEEK_SET)
    return int(end - here)


class SizedFileAdapter:
    """The next `size` bytes of a file."""

    def __init__(self, file_object: Any, size: int) -> None:
        self.file_object = file_object
        self.size = size
        self.offset = 0

    def read(self, amt: Optional[int] = None) -> Any:
        left = self.size - self.offset
        wanted = left if amt is None or amt < 0 else min(amt, left)
        if wanted <= 0:
            return b""
        self.offset += wanted
        return self.file_object.read(wanted)

    @property
    def len(self) -> int:
        return self.size


def _size_of(data: Any) -> Optional[int]:
    if hasattr(data, "__len__"):
        return len(data)
    if hasattr(data, "len"):
        return None if data.len is None else int(data.len)
    if hasattr(data, "seek") and hasattr(data, "tell"):
        return file_object_remaining_bytes(data)
    return None


class _Adapter:
    """Bytes as they are read from a file, an iterable or memory, while `seen` is told of each piece."""

    def __init__(self, data: Any, size: Optional[int], seen: Callable[[bytes], object]) -> None:
        self.data = data
        self.size = size
        self.offset = 0
        self._seen = seen
        self._view = memoryview(data) if isinstance(data, (bytes, bytearray, memoryview)) else None
        self._pieces = None if self._view is not None or hasattr(data, "read") else iter(data)

    @property
    def len(self) -> Optional[int]:
        return self.size

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = self.read(_CHUNK_SIZE) if self._pieces is None else to_bytes(next(self._pieces))
        if self._pieces is not None:
            self._take(piece)
        elif not piece:
            raise StopIteration
        return piece

    next = __next__

    def read(self, amt: Optional[int] = None) -> bytes:
        if self._pieces is not None:
            return b"".join(self) if amt is None or amt < 0 else next((piece for piece in self if piece), b"")
        left = None if self.size is None else self.size - self.offset
        if amt is None or amt < 0:
            amt = left
        elif left is not None:
            amt = min(amt, left)
        if self._view is not None:
            piece = bytes(self._view[self.offset:self.offset + (amt or 0)])
        else:
            piece = to_bytes(self.data.read() if amt is None else self.data.read(amt)) if amt != 0 else b""
        self._take(piece)
        return piece

    def _take(self, piece: bytes) -> None:
        self.offset += len(piece)
        if piece:
            self._seen(piece)

    @property
    def crc(self) -> Optional[int]:
        return getattr(self._seen, "crc", None) or getattr(self.data, "crc", None)


def make_progress_adapter(data: Any, progress_callback: Progress, size: Optional[int] = None) -> _Adapter:
    """Tells `progress_callback` (bytes done, bytes in all or None) of all that is read of `data`."""
    data = to_bytes(data)
    size = _size_of(data) if size is None else size
    _check_readable(data)
    adapter: _Adapter = _Adapter(data, size, lambda _: progress_callback(adapter.offset, size))
    return adapter


def make_crc_adapter(data: Any, init_crc: int = 0, discard: int = 0) -> _Adapter:
    """Sums a CRC64 of all that is read of `data`."""
    if discard:
        raise ClientError("discard is not supported: read the bytes before")
    data = to_bytes(data)
    _check_readable(data)
    return _Adapter(data, _size_of(data), Crc64(init_crc))


def _check_readable(data: Any) -> None:
    if not hasattr(data, "read") and not hasattr(data, "__iter__"):
        raise ClientError(f"{type(data).__name__} is not a file object, nor an iterator")


def calc_obj_crc_from_parts(parts: Iterable[Any], init_crc: int = 0) -> Optional[int]:
    """CRC64 of an object of these parts; None if that of one, or its size, is not known."""
    whole = init_crc
    for part in parts:
        if not part.part_crc or not part.size:
            return None
        whole = _ossplit.crc64_combine(whole, part.part_crc, part.size)
    return whole


def check_crc(operation: str, client_crc: Optional[int], oss_crc: Optional[int], request_id: Optional[str]) -> None:
    """Raises `InconsistentError` if both are known and differ."""
    if client_crc is not None and oss_crc is not None and client_crc != oss_crc:
        raise InconsistentError(
            f"InconsistentError: req_id: {request_id}, operation: {operation}, CRC checksum of client: {client_crc} "
            f"is mismatch with oss: {oss_crc}", request_id or "")


class Crc64:
    """CRC64 of ECMA-182, as OSS has it."""

    def __init__(self, init_crc: int = 0) -> None:
        self.crc = init_crc

    def __call__(self, data: Any) -> None:
        self.update(data)

    def update(self, data: Any) -> None:
        self.crc = _ossplit.crc64_of(data, self.crc)

    def combine(self, crc1: int, crc2: int, len2: int) -> int:
        return _ossplit.crc64_combine(crc1, crc2, len2)


class Crc32:
    """CRC32 as in zip files."""

    def __init__(self, init_crc: int = 0) -> None:
        self.crc = init_crc

    def __call__(self, data: Any) -> None:
        self.update(data)

    def update(self, data: Any) -> None:
        self.crc = zlib.crc32(data, self.crc)


def to_unixtime(time_string: str, format_string: str) -> int:
    # strptime's first call is not safe among threads.
    with _strptime_lock:
        return int(calendar.timegm(time.strptime(time_string, format_string)))


def http_date(timeval: Optional[float] = None) -> str:
    """Of the header Date."""
    return formatdate(timeval, usegmt=True)


_MONTHS = {name: i for i, name in enumerate(
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], 1)}
_HTTP_DATE = re.compile(r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) ([A-Z][a-z][a-z]) (\d+) (\d\d):(\d\d):(\d\d) GMT")


def http_to_unixtime(time_string: str) -> int:
    """Whatever the locale."""
    match = _HTTP_DATE.fullmatch(time_string)
    if not match or match.group(2) not in _MONTHS:
        raise ValueError(time_string + " is not in valid HTTP date format")
    day, month, year, hour, minute, second = match.groups()
    when = datetime.datetime(int(year), _MONTHS[month], int(day), int(hour), int(minute), int(second))
    return calendar.timegm(when.timetuple())


def iso8601_to_unixtime(time_string: str) -> int:
    match = re.fullmatch(r"(\d+)-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.000Z", time_string)
    if not match:
        raise ValueError(time_string + " is not in valid ISO8601 format")
    return calendar.timegm(datetime.datetime(*map(int, match.groups())).timetuple())  # type: ignore[arg-type]


def date_to_iso8601(d: datetime.date) -> str:
    return d.strftime(_ISO8601)


def iso8601_to_date(time_string: str) -> datetime.date:
    return datetime.date.fromtimestamp(iso8601_to_unixtime(time_string))


def makedir_p(dirpath: str) -> None:
    os.makedirs(dirpath, exist_ok=True)


def silently_remove(filename: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.remove(filename)


def force_rename(src: str, dst: str) -> None:
    os.replace(src, dst)


def copyfileobj_and_verify(fsrc: Any, fdst: Any, expected_len: int, chunk_size: int = 16 * 1024,
                           request_id: str = "") -> None:
    """Copies, and raises `InconsistentError` if other than `expected_len` bytes came."""
    copied = 0
    while True:
        piece = fsrc.read(chunk_size)
        if not piece:
            break
        copied += len(piece)
        fdst.write(piece)
    if copied != expected_len:
        raise InconsistentError("IncompleteRead from source", request_id)


def _range_text(start: Optional[int], last: Optional[int]) -> str:
    return f"{'' if start is None else start}-{'' if last is None else last}"
