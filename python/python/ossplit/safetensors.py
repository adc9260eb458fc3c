"""safetensors in OSS: saved as they lie in memory, loaded in parallel ranges into one block that the tensors share.

>>> from ossplit.safetensors import load_file, safe_open, save_file
>>> save_file({"weight": array}, "oss://bucket/model.safetensors")
>>> load_file("oss://bucket/model.safetensors")["weight"]
"""

from __future__ import annotations

import concurrent.futures
from typing import Any, Dict, List, Mapping, Optional, Tuple

from . import _state
from ._address import client_or_default, split
from ._client import Client

#: Bytes that one request fetches, and bytes that are fetched first in the hope that the header is in them.
_RANGE, _FIRST = 16 << 20, 256 << 10


def save_file(tensors: Mapping[str, Any], address: str, metadata: Optional[Mapping[str, str]] = None, *,
              client: Optional[Client] = None) -> None:
    """Writes arrays or tensors to ``oss://bucket/key``, in parallel parts. The object is there once this returned."""
    bucket, key = split(address)
    parts = {name: _state.buffer_of(value) for name, value in tensors.items()}
    with client_or_default(client).open(bucket, key, "wb") as out:
        out.write(_state.header(parts, dict(metadata or {})))
        for _, _, data in parts.values():
            out.write(data)


def load_file(address: str, framework: str = "numpy", *, client: Optional[Client] = None) -> Dict[str, Any]:
    """All tensors of ``oss://bucket/key``, as numpy's or torch's (``"torch"``). They share one block of memory."""
    with safe_open(address, framework, client=client) as file:
        return file.get_all()


class safe_open:  # noqa: N801 - the name that safetensors has
    """A safetensors object of which only the tensors asked for are fetched."""

    def __init__(self, address: str, framework: str = "numpy", *, client: Optional[Client] = None) -> None:
        if framework not in ("numpy", "torch"):
            raise ValueError(f"framework={framework!r}: give \"numpy\" or \"torch\"")
        self._bucket, self._key = split(address)
        self._client, self._kind = client_or_default(client), framework
        info = self._client.head(self._bucket, self._key)
        # Whatever is read later is of this version.
        self._size, self._etag = info.size, info.etag
        first = memoryview(self._read(0, min(_FIRST, self._size)))
        length = int.from_bytes(first[:8], "little") if len(first) >= 8 else -1
        if len(first) < 8 + length <= self._size:
            first = memoryview(self._read(0, 8 + length))
        table, self._start = _state.parse_header(first)
        self._metadata: Dict[str, str] = table.pop("__metadata__", {})
        self._table: Dict[str, Any] = table

    def _read(self, start: int, end: int) -> bytearray:
        data = bytearray(end - start)
        if not data:
            return data
        view = memoryview(data)

        def fetch(at: int) -> None:
            to = min(at + _RANGE, end)
            self._client.get_into(
                self._bucket, self._key, view[at - start:to - start], at, to, if_match=self._etag)

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for _ in pool.map(fetch, range(start, end, _RANGE)):
                pass
        return data

    def keys(self) -> List[str]:
        return list(self._table)

    def metadata(self) -> Dict[str, str]:
        return dict(self._metadata)

    def _array(self, name: str, data: memoryview) -> Any:
        entry = self._table[name]
        return _state.array_of(self._kind, entry["dtype"], entry["shape"], data)

    def _offsets(self, name: str) -> Tuple[int, int]:
        start, end = self._table[name]["data_offsets"]
        return self._start + start, self._start + end

    def get_tensor(self, name: str) -> Any:
        """One tensor; KeyError if there is none of this name."""
        return self._array(name, memoryview(self._read(*self._offsets(name))))

    def get_all(self) -> Dict[str, Any]:
        """All of them, fetched at once."""
        data = memoryview(self._read(self._start, self._size))
        found = {}
        for name in self._table:
            start, end = self._offsets(name)
            found[name] = self._array(name, data[start - self._start:end - self._start])
        return found

    def __enter__(self) -> "safe_open":
        return self

    def __exit__(self, *_: object) -> None:
        pass
