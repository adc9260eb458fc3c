"""What buckets and services share: how a call of oss2's becomes a request of ossplit's."""

from __future__ import annotations

import urllib.parse
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import xml.etree.ElementTree as ElementTree

from .. import errors as _errors
from . import _schema, defaults, exceptions, http, utils
from .compat import to_bytes, to_string
from .exceptions import ClientError

#: Files up to this many bytes are sent from memory, so that a request that failed can be sent again.
_IN_MEMORY = 8 << 20
#: Larger ones are read in pieces of this many bytes.
_PIECE = 1 << 20
# The client sets these itself.
_NOT_SENT = frozenset(["host", "date", "content-length", "transfer-encoding", "user-agent", "authorization",
                       "connection", "expect"])


class Base:
    """How requests are made."""

    def __init__(self, auth: Any, endpoint: str, is_cname: bool, session: Optional[http.Session], connect_timeout: Any,
                 app_name: str = "", enable_crc: bool = True, proxies: Optional[Dict[str, str]] = None,
                 region: Optional[str] = None, cloudbox_id: Optional[str] = None, is_path_style: bool = False,
                 is_verify_object_strict: bool = True) -> None:
        self.endpoint = _normalize_endpoint(endpoint.strip())
        if not utils.is_valid_endpoint(self.endpoint):
            raise ClientError(f"The endpoint you has specified is not valid, endpoint: {endpoint}")
        if proxies:
            raise ClientError("proxies are not supported by ossplit.oss2: leave them out, or use oss2")
        if cloudbox_id is not None:
            raise ClientError("cloudbox_id is not supported by ossplit.oss2: leave it out, or use oss2")
        self.auth = auth
        self.session = session or http.Session()
        self.timeout = defaults.get(connect_timeout, defaults.connect_timeout)
        self.app_name = app_name
        self.enable_crc = enable_crc
        self.proxies = proxies
        self.region = region
        self.product = "oss"
        self.cloudbox_id = cloudbox_id
        self.is_cname = is_cname
        self.is_path_style = is_path_style
        self.is_verify_object_strict = is_verify_object_strict and auth.auth_version() == "v1"

    def __getstate__(self) -> Dict[str, Any]:
        state = self.__dict__.copy()
        state.pop("_made", None)
        return state

    def _client(self) -> Any:
        """The client of these settings, with the key of now."""
        key = self.auth._key()
        # Programs may assign to these later.
        settings = (self.auth, self.timeout, self.region, self.app_name, self.session)
        made = self.__dict__.get("_made")
        if made is None or made[0] != settings:
            made = self._made = settings, self._new_client(key)
        elif key is not None:
            made[1].set_key(*key)
        return made[1]

    def _new_client(self, key: Any) -> Any:
        version = self.auth.auth_version()
        if version == "v4" and not self.region:
            raise ClientError("The region should not be None in signature version 4.")
        connect, read = self.timeout if isinstance(self.timeout, (tuple, list)) else (self.timeout, self.timeout)
        agent = http.USER_AGENT + (f"/{self.app_name}" if self.app_name else "")
        in_path = self.is_path_style or utils.is_ip_or_localhost(urllib.parse.urlsplit(self.endpoint).netloc)
        return self.session._client(
            self.auth, key, endpoint=self.endpoint, region=self.region or "", signature=version or "v1",
            addressing="path" if in_path else "cname" if self.is_cname else "auto", connect_timeout=float(connect),
            read_timeout=float(read), user_agent=agent)

    def _do(self, method: str, bucket_name: Optional[str], key: Optional[str], *, data: Any = None,
            params: Optional[Dict[str, Any]] = None, headers: Any = None, progress: Any = None, crc: bool = False,
            once: bool = False) -> http.Response:
        return self._send(self._client(), method, bucket_name or None, to_string(key) or None, data, params, headers,
                          progress, crc, once)

    def _do_url(self, method: str, sign_url: str, *, data: Any = None, headers: Any = None, progress: Any = None,
                crc: bool = False) -> http.Response:
        """Sends what somebody else signed."""
        url = urllib.parse.urlsplit(sign_url)
        client = self.session._client(
            None, None, endpoint=f"{url.scheme}://{url.netloc}", region="", signature="v1", addressing="cname",
            connect_timeout=float(defaults.connect_timeout), read_timeout=float(defaults.connect_timeout),
            user_agent=http.USER_AGENT)
        params = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        # The path as it stands: with a CNAME no bucket is put before it.
        path = urllib.parse.unquote(url.path[1:])
        return self._send(client, method, "signed-url", path, data, params, headers, progress, crc, False)

    def _send(self, client: Any, method: str, bucket: Optional[str], key: Optional[str], data: Any,
              params: Optional[Dict[str, Any]], headers: Any, progress: Any, crc: bool, once: bool) -> http.Response:
        query = [(to_string(name), _text(value)) for name, value in (params or {}).items() if value is not None]
        lines: List[Tuple[str, str]] = []
        length: Optional[int] = None
        for name, value in (headers or {}).items():
            name = to_string(name)
            if name.lower() == "content-length":
                length = int(value)
            if name.lower() not in _NOT_SENT and value is not None:
                lines.append((name, _text(value)))
        body, pieces, known = _body_of(data, progress)
        if pieces is not None and known is None:
            known = length
        try:
            answer = client.request(method, bucket, key, query, lines, body, pieces, known, crc, once)
        except _errors.OssError as error:
            headers = http.CaseInsensitiveDict(error._headers) if error._headers is not None else None
            raise exceptions.of_native(error, headers) from None
        if isinstance(pieces, _Told):
            pieces.end()
        elif progress is not None and body is not None:
            whole = memoryview(body).nbytes
            progress(whole, whole)
        return http.Response(answer)

    @staticmethod
    def _parse(resp: http.Response, kind: Any) -> Any:
        """What an answer's document says."""
        made = kind(resp)
        document = resp.read()
        if document:
            _schema.read_into(made, ElementTree.fromstring(document))
        return made


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8")
    return value if isinstance(value, str) else str(value)


def _body_of(data: Any, progress: Any) -> Tuple[Any, Optional[Iterator[Any]], Optional[int]]:
    """(bytes in memory, or None; pieces, or None; their length, if it is known)."""
    data = to_bytes(data)
    if data is None:
        return None, None, None
    if isinstance(data, (bytes, bytearray, memoryview)) or _has_buffer(data):
        view = memoryview(data).cast("B")
        if progress is None or len(view) <= _PIECE:
            return data, None, None
        return None, _Told(_slices(view), progress, len(view)), len(view)
    size = utils._size_of(data)
    if hasattr(data, "read"):
        if size is not None and size <= _IN_MEMORY:
            return _body_of(_exactly(data, size), progress)
        pieces = _pieces(data, size)
    elif hasattr(data, "__iter__"):
        pieces, size = (to_bytes(piece) for piece in data), None
    else:
        raise ClientError(f"{type(data).__name__} is not a file object, nor an iterator")
    return None, pieces if progress is None else _Told(pieces, progress, size), size


def _has_buffer(data: Any) -> bool:
    if hasattr(data, "read"):
        return False
    try:
        memoryview(data)
    except TypeError:
        return False
    return True


def _slices(view: memoryview) -> Iterator[Any]:
    return (view[start:start + _PIECE] for start in range(0, len(view), _PIECE))


def _exactly(data: Any, size: int) -> bytes:
    """`size` bytes; less if the file ends before."""
    pieces: List[bytes] = []
    while size > 0:
        piece = to_bytes(data.read(size))
        if not piece:
            break
        pieces.append(piece)
        size -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _pieces(data: Any, size: Optional[int]) -> Iterator[bytes]:
    left = size
    while left is None or left > 0:
        piece = to_bytes(data.read(_PIECE if left is None else min(_PIECE, left)))
        if not piece:
            return
        left = None if left is None else left - len(piece)
        yield piece


class _Told:
    """Pieces, while `progress` hears of each before the next is asked for. The last is heard of once all were sent: a body of
    known length is not asked for its end."""

    def __init__(self, pieces: Iterator[Any], progress: Callable[..., Any], size: Optional[int]) -> None:
        self.pieces = pieces
        self.progress = progress
        self.size = size
        self.done = 0

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        self.progress(self.done, self.size)
        piece = next(self.pieces)
        self.done += len(piece)
        return piece

    def end(self) -> None:
        self.progress(self.done, self.size)


def _normalize_endpoint(endpoint: str) -> str:
    """Scheme, host and port; without a scheme it is http, as with oss2."""
    url = urllib.parse.urlsplit(endpoint if endpoint.startswith(("http://", "https://")) else "http://" + endpoint)
    host = url.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return f"{url.scheme}://{host}" + (f":{url.port}" if url.port is not None else "")


def _range(byte_range: Any) -> str:
    """Of the header Range; empty for all."""
    if byte_range is None or (byte_range[0] is None and byte_range[1] is None):
        return ""
    return "bytes=" + utils._range_text(byte_range[0], byte_range[1])
