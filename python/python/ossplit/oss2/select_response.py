"""The frames that an answer to a select is made of.

An answer is a row of frames: version and type (4 bytes), length of the payload (4), checksum of the head (4), payload, CRC32
of the payload (4); numbers are big-endian. A payload begins with the offset in the object that was scanned (8).
"""

from __future__ import annotations

import struct
import zlib
from typing import Any, Iterator, Optional

from .exceptions import InconsistentError, SelectOperationClientError, SelectOperationFailed

_DATA, _CONTINUE, _END, _META_END, _JSON_META_END = 8388609, 8388612, 8388613, 8388614, 8388615


class SelectResponseAdapter:
    """The rows in an answer's frames."""

    def __init__(self, response: Any, progress_callback: Any = None, content_length: Optional[int] = None,
                 enable_crc: bool = False) -> None:
        self.response = response
        self.request_id = response.headers.get("x-oss-request-id", "")
        self.output_raw_data = response.headers.get("x-oss-select-output-raw", "") == "true"
        self.callback = progress_callback
        self.content_length = content_length
        self.enable_crc = enable_crc
        self.file_offset = 0
        self.finished = False
        self.rows = 0
        self.splits = 0
        self.columns = 0
        self._pieces = self._frames()

    def read(self) -> bytes:
        """All rows that are left."""
        return b"".join(self)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._pieces)

    next = __next__

    def _take(self, n: int) -> bytes:
        taken: bytes = self.response.read(n)
        if len(taken) < n:
            raise SelectOperationClientError("The answer ended in the middle of a frame", self.request_id)
        return taken

    def _frames(self) -> Iterator[bytes]:
        if self.output_raw_data:
            yield from self.response
            return
        while not self.finished:
            kind, length, _ = struct.unpack(">III", self._take(12))
            # The first byte is the version.
            kind &= 0xFFFFFF
            if kind not in (_DATA, _CONTINUE, _END, _META_END, _JSON_META_END):
                raise SelectOperationClientError(f"Unexpected frame type: {kind}", self.request_id)
            payload = self._take(length)
            checksum = struct.unpack(">I", self._take(4))[0]
            self.file_offset = struct.unpack(">Q", payload[:8])[0]
            if kind == _DATA:
                if self.enable_crc and zlib.crc32(payload) != checksum:
                    raise InconsistentError(f"Incorrect checksum of a frame: {checksum}", self.request_id)
                yield payload[8:]
            elif kind != _CONTINUE:
                self._end(kind, payload)
            if self.callback is not None:
                self.callback(self.file_offset, self.content_length)

    def _end(self, kind: int, payload: bytes) -> None:
        self.finished = True
        status = struct.unpack(">I", payload[16:20])[0]
        message = payload[20:]
        if kind != _END:
            self.splits, self.rows = struct.unpack(">IQ", payload[20:32])
            message = payload[32:]
            if kind == _META_END:
                self.columns = struct.unpack(">I", payload[32:36])[0]
                message = payload[36:]
        if status // 100 != 2:
            code, _, text = message.decode("utf-8", "replace").partition(".")
            raise SelectOperationFailed(status, code, text)
