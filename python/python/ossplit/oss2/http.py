"""Requests and answers, as far as programs see them."""

from __future__ import annotations

import platform
import threading
import zlib
from collections.abc import MutableMapping
from typing import Any, Dict, Iterator, List, Optional, Tuple

from .. import _ossplit
from . import defaults

_CHUNK = 64 * 1024

USER_AGENT = (f"ossplit-oss2/{_ossplit.__version__}({platform.system()}/{platform.release()}/{platform.machine()};"
              f"{platform.python_version()})")


class CaseInsensitiveDict(MutableMapping):  # type: ignore[type-arg]
    """Headers: the case of a name does not count, and is kept."""

    def __init__(self, data: Any = None, **more: Any) -> None:
        self._store: Dict[str, Tuple[str, Any]] = {}
        self.update(data or {}, **more)

    def __setitem__(self, key: str, value: Any) -> None:
        self._store[key.lower()] = (key, value)

    def __getitem__(self, key: str) -> Any:
        return self._store[key.lower()][1]

    def __delitem__(self, key: str) -> None:
        del self._store[key.lower()]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._store.values())

    def __len__(self) -> int:
        return len(self._store)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MutableMapping) and not isinstance(other, dict):
            return NotImplemented
        return dict(self.lower_items()) == dict(CaseInsensitiveDict(other).lower_items())

    __hash__ = None  # type: ignore[assignment]

    def lower_items(self) -> Iterator[Tuple[str, Any]]:
        """(name in lower case, value) of each."""
        return ((name, pair[1]) for name, pair in self._store.items())

    def copy(self) -> CaseInsensitiveDict:
        return CaseInsensitiveDict(self._store.values())

    def __repr__(self) -> str:
        return repr(dict(self.items()))


class Session:
    """Buckets and services that are given the same session share connections.

    :param pool_size: kept for programs that read it: connections are made as they are needed.
    :param adapter: not used: requests go through ossplit's own client.
    """

    def __init__(self, pool_size: Optional[int] = None, adapter: Any = None) -> None:
        self.pool_size = pool_size or defaults.connection_pool_size
        self._clients: Dict[Any, Tuple[_ossplit.Client, Any]] = {}
        self._lock = threading.Lock()

    def _client(self, signer: Any, key: Any, **settings: Any) -> _ossplit.Client:
        """The client of a signer and settings, with this key."""
        name = (id(signer), tuple(sorted(settings.items())))
        with self._lock:
            if name not in self._clients:
                endpoint, region = settings.pop("endpoint"), settings.pop("region")
                client = _ossplit.Client(endpoint, region, key=key, **settings)
                # The signer is kept with its client, so that no other can get its id.
                self._clients[name] = client, signer
                return client
            client = self._clients[name][0]
        if key is not None:
            client.set_key(*key)
        return client

    def __reduce__(self) -> Any:
        return Session, (self.pool_size,)


class Request:
    """What is to be signed into a URL."""

    def __init__(self, method: str, url: str, data: Any = None, params: Optional[Dict[str, str]] = None,
                 headers: Any = None, app_name: str = "", proxies: Any = None, region: Optional[str] = None,
                 product: Optional[str] = None, cloudbox_id: Optional[str] = None) -> None:
        self.method = method
        self.url = url
        self.data = data
        self.params = params or {}
        self.headers = headers if isinstance(headers, CaseInsensitiveDict) else CaseInsensitiveDict(headers)
        self.proxies = proxies
        self.region = region
        self.product = product
        self.cloudbox_id = cloudbox_id


class Response:
    """An answer. Its body comes as it is read; a body with Content-Encoding gzip or deflate is unpacked, as requests does."""

    def __init__(self, answer: _ossplit.Answer) -> None:
        #: Itself: programs call ``resp.response.close()``.
        self.response = self
        self._answer = answer
        self.status = answer.status
        self.status_code = answer.status
        self.headers = CaseInsensitiveDict(answer.headers)
        self.request_id: str = self.headers.get("x-oss-request-id", "")
        packed = self.headers.get("content-encoding", "").lower()
        self._unpack = zlib.decompressobj(zlib.MAX_WBITS | 32) if packed in ("gzip", "deflate", "x-gzip") else None
        self._packed = self._unpack is not None
        self._unpacked = b""

    def read(self, amt: Optional[int] = None) -> bytes:
        """Up to `amt` bytes, all when it is None; empty at the end."""
        amt = -1 if amt is None else amt
        return self._read_unpacked(amt) if self._packed else self._answer.read(amt)

    def _read_unpacked(self, amt: int) -> bytes:
        parts: List[bytes] = [self._unpacked]
        have = len(self._unpacked)
        while self._unpack is not None and (amt < 0 or have < amt):
            piece = self._answer.read(_CHUNK)
            more = self._unpack.decompress(piece) if piece else self._unpack.flush()
            if not piece:
                self._unpack = None
            parts.append(more)
            have += len(more)
        whole = b"".join(parts)
        if amt < 0:
            self._unpacked = b""
            return whole
        self._unpacked = whole[amt:]
        return whole[:amt]

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.read(_CHUNK), b"")

    def close(self) -> None:
        """Ends it; what was not read is lost."""
        self._answer.close()
