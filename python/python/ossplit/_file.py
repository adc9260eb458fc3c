"""File objects on objects."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Any, Dict, Optional, Type

from . import _ossplit

if TYPE_CHECKING:
    from types import TracebackType

    from ._client import AsyncClient, Client, ObjectInfo, Stored


def _sought(offset: int, whence: int, position: int, size: int) -> int:
    """Where a seek leads."""
    base = {io.SEEK_SET: 0, io.SEEK_CUR: position, io.SEEK_END: size}.get(whence)
    if base is None:
        raise ValueError(f"whence={whence!r}: give 0, 1 or 2")
    if base + offset < 0:
        raise ValueError(f"seek to {base + offset}: give a place at or after the begin")
    return base + offset


def _wanted(size: Optional[int], position: int, end: int) -> int:
    """How many bytes a `read(size)` gives."""
    left = max(end - position, 0)
    return left if size is None or size < 0 else min(size, left)


class ObjectReader(io.RawIOBase):
    """One version of an object, read anywhere; what comes next is fetched ahead in parallel.

    A replaced object raises `PreconditionFailed`: bytes of two versions are never mixed. Threads may share one; each read
    follows the last.
    """

    def __init__(self, client: Client, info: ObjectInfo, bucket: str, *, version_id: Optional[str] = None,
                 block_size: int = 4 << 20, readahead: int = 8) -> None:
        super().__init__()
        self.info = info
        self.name: str = f"oss://{bucket}/{info.key}"
        self.mode: str = "rb"
        self._native = _ossplit.Reader(client._native, bucket, info.key, info.etag, info.size, version_id, block_size,
                                       readahead)
        self._position = 0
        self._lock = threading.Lock()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        self._check()
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._check()
        self._position = _sought(offset, whence, self._position, self.info.size)
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        """Fills the buffer without a copy in Python; less only at the end."""
        self._check()
        with self._lock:
            n: int = self._native.read_at(self._position, buffer)
            self._position += n
        return n

    def read(self, size: Optional[int] = -1, /) -> bytes:
        """Up to `size` bytes, the rest when it is None or negative."""
        self._check()
        with self._lock:
            data: bytes = self._native.bytes_at(self._position, _wanted(size, self._position, self.info.size))
            self._position += len(data)
        return data

    def readall(self) -> bytes:
        return self.read()

    def close(self) -> None:
        if not self.closed:
            self._native.close()
        super().close()

    def _check(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")


class ObjectWriter(io.RawIOBase):
    """An object that is written from its begin to its end.

    Parts go out while the next is filled. The object is there once `close` has returned, whole and with its CRC64 compared; an
    error, or an exception in its `with` block, leaves nothing behind.
    """

    def __init__(self, client: Client, bucket: str, key: str, *, part_size: int = 8 << 20, parallel: int = 4,
                 options: Optional[Dict[str, Any]] = None) -> None:
        super().__init__()
        self.name: str = f"oss://{bucket}/{key}"
        self.mode: str = "wb"
        self._native = _ossplit.Writer(client._native, bucket, key, options, part_size, parallel)
        self._position = 0
        self._lock = threading.Lock()
        self._failed = False
        #: What was stored; None until the file is closed.
        self.stored: Optional[Stored] = None

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, data: Any, /) -> int:
        """Takes all of `data`."""
        if self.closed:
            raise ValueError("I/O operation on closed file")
        with self._lock:
            try:
                n: int = self._native.write(data)
            except TypeError:
                raise
            except BaseException:
                # Its upload is given up already: closing must not report success.
                self._failed = True
                raise
            self._position += n
        return n

    def discard(self) -> None:
        """Closes the file without making an object."""
        if not self.closed:
            if not self._failed:
                self._failed = True
                self._native.abort()
            super().close()

    def close(self) -> None:
        """Makes the object."""
        if self.closed:
            return
        try:
            if not self._failed:
                from ._client import Stored

                self._failed = True
                self.stored = Stored(*self._native.finish())
        finally:
            super().close()

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def __del__(self) -> None:
        # RawIOBase would close, and so publish a half-written object.
        try:
            self.discard()
        except Exception:  # noqa: BLE001 (nobody is there to hear of it; the upload's record stays with OSS)
            pass


class AsyncObjectReader:
    """`ObjectReader` for asyncio: what waits is an awaitable. For one task at a time."""

    def __init__(self, client: AsyncClient, info: ObjectInfo, bucket: str, *, version_id: Optional[str] = None,
                 block_size: int = 4 << 20, readahead: int = 8) -> None:
        self.info = info
        self.name: str = f"oss://{bucket}/{info.key}"
        self.mode: str = "rb"
        self.closed: bool = False
        self._native = _ossplit.Reader(client._native, bucket, info.key, info.etag, info.size, version_id, block_size,
                                       readahead)
        self._position = 0

    def tell(self) -> int:
        self._check()
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._check()
        self._position = _sought(offset, whence, self._position, self.info.size)
        return self._position

    async def readinto(self, buffer: Any, /) -> int:
        """Fills the buffer; less only at the end."""
        self._check()
        n: int = await self._native.read_at(self._position, buffer, True)
        self._position += n
        return n

    async def read(self, size: Optional[int] = -1, /) -> bytes:
        """Up to `size` bytes, the rest when it is None or negative."""
        self._check()
        data: bytes = await self._native.bytes_at(
            self._position, _wanted(size, self._position, self.info.size), True)
        self._position += len(data)
        return data

    async def close(self) -> None:
        self._native.close()
        self.closed = True

    async def __aenter__(self) -> AsyncObjectReader:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _check(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")


class AsyncObjectWriter:
    """`ObjectWriter` for asyncio: what waits is an awaitable. For one task at a time.

    The object is there once `close` was awaited. An error or a cancelled `write` leaves nothing behind.
    """

    def __init__(self, client: AsyncClient, bucket: str, key: str, *, part_size: int = 8 << 20, parallel: int = 4,
                 options: Optional[Dict[str, Any]] = None) -> None:
        self.name: str = f"oss://{bucket}/{key}"
        self.mode: str = "wb"
        self.closed: bool = False
        self._native = _ossplit.Writer(client._native, bucket, key, options, part_size, parallel)
        self._position = 0
        #: What was stored; None until the file is closed.
        self.stored: Optional[Stored] = None

    def tell(self) -> int:
        return self._position

    async def write(self, data: Any, /) -> int:
        """Takes all of `data`, which must not change until this was awaited."""
        if self.closed:
            raise ValueError("I/O operation on closed file")
        n: int = await self._native.write(data, True)
        self._position += n
        return n

    async def discard(self) -> None:
        """Closes the file without making an object."""
        if not self.closed:
            self.closed = True
            await self._native.abort(True)

    async def close(self) -> None:
        """Makes the object."""
        if not self.closed:
            from ._client import Stored

            self.closed = True
            self.stored = Stored(*await self._native.finish(True))

    async def __aenter__(self) -> AsyncObjectWriter:
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                        trace: Optional[TracebackType]) -> None:
        if kind is None:
            await self.close()
        else:
            await self.discard()
