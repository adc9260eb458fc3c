"""Alibaba Cloud OSS for Python.

>>> import ossplit
>>> client = ossplit.Client("https://oss-cn-hangzhou.aliyuncs.com", region="cn-hangzhou")
>>> client.put("bucket", "greeting.txt", b"hello")
>>> client.get("bucket", "greeting.txt")
b'hello'

`ossplit.oss2` is the API of oss2 on the same client; `ossplit.fsspec` is a file system for fsspec.
"""

from __future__ import annotations

from ._client import AsyncClient, Client, ObjectInfo, Stored, SyncResult
from ._hint import hint
from ._file import AsyncObjectReader, AsyncObjectWriter, ObjectReader, ObjectWriter
from ._ossplit import __version__
from ._ossplit import crc64_combine, crc64_of as crc64
from .errors import OssError

__all__ = [
    "AsyncClient",
    "AsyncObjectReader",
    "AsyncObjectWriter",
    "Client",
    "ObjectInfo",
    "ObjectReader",
    "ObjectWriter",
    "OssError",
    "Stored",
    "SyncResult",
    "__version__",
    "crc64",
    "crc64_combine",
    "hint",
]
