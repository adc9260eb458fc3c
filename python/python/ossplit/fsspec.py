"""A file system for fsspec: ``ossplit://bucket/key``, for pandas, pyarrow, zarr, dask and whatever else speaks fsspec.

>>> import fsspec
>>> fs = fsspec.filesystem("ossplit", endpoint="https://oss-cn-hangzhou.aliyuncs.com", region="cn-hangzhou")
>>> fs.ls("bucket/dir")
>>> pandas.read_parquet("ossplit://bucket/table.parquet", storage_options={...})

``oss://`` belongs to the package ossfs; `register_oss` takes it over for this process.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import os
import xml.etree.ElementTree as ElementTree
from typing import Any, Dict, Iterator, List, Optional, Tuple

import fsspec
from fsspec.asyn import AsyncFileSystem, sync_wrapper
from fsspec.callbacks import DEFAULT_CALLBACK
from fsspec.core import get_compression

from . import _ossplit, errors
from ._client import Client, ObjectInfo
from ._file import ObjectReader, ObjectWriter

__all__ = ["OssplitFileSystem", "register_oss"]


def register_oss() -> None:
    """Makes ``oss://`` this file system, too."""
    fsspec.register_implementation("oss", OssplitFileSystem, clobber=True)


@contextlib.contextmanager
def _as_os(path: str) -> Iterator[None]:
    """OSS's errors as those of files, which callers of fsspec expect."""
    try:
        yield
    except (errors.NoSuchKey, errors.NoSuchBucket) as error:
        raise FileNotFoundError(2, str(error), path) from error
    except (errors.AccessDenied, errors.AuthenticationError) as error:
        raise PermissionError(13, str(error), path) from error
    except errors.AlreadyExists as error:
        raise FileExistsError(17, str(error), path) from error
    except errors.PreconditionFailed as error:
        raise OSError(116, str(error), path) from error


class _Packed:
    """A compressing file that closes the one below with it. Others of fsspec leave that to the garbage collector, which could
    not tell a file that is done from one that was given up."""

    def __init__(self, packer: Any, file: ObjectWriter) -> None:
        self._packer = packer
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._packer, name)

    def close(self) -> None:
        self._packer.close()
        self._file.close()

    def __enter__(self) -> _Packed:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            self.close()
        else:
            self._file.discard()
            # It has nowhere to write to any more; left alone it would complain when it is collected.
            with contextlib.suppress(Exception):
                self._packer.close()


class _File(ObjectWriter):
    """A file of a transaction: it is there when the transaction ends well."""

    def close(self) -> None:
        """Nothing yet."""

    def commit(self) -> None:
        super().close()


class OssplitFileSystem(AsyncFileSystem):  # type: ignore[misc]
    """Buckets as a file system. Folders are common prefixes: they are there as long as something is in them.

    Nothing of listings is kept: what `ls` shows is what is there.
    """

    protocol: Tuple[str, ...] = ("ossplit", "oss")
    root_marker: str = ""
    async_impl: bool = True
    mirror_sync_methods: bool = True

    def __init__(self, endpoint: Optional[str] = None, region: Optional[str] = None, key: Optional[str] = None,
                 secret: Optional[str] = None, token: Optional[str] = None, anon: bool = False,
                 client_options: Optional[Dict[str, Any]] = None, block_size: int = 4 << 20, readahead: int = 8,
                 part_size: int = 8 << 20, asynchronous: bool = False, loop: Any = None, **more: Any) -> None:
        """
        :param endpoint: as of `ossplit.Client`; so is `region`.
        :param key: AccessKey id, with `secret` and perhaps `token`; the environment's by default.
        :param anon: signs nothing.
        :param client_options: further arguments of `ossplit.Client`.
        :param block_size: bytes of a read of `open`; `readahead` such reads are ahead of the reader.
        :param part_size: bytes of a part that is written.
        """
        super().__init__(asynchronous=asynchronous, loop=loop, **more)
        credentials: Any = None if anon else (key, secret, token) if key and secret else "environment"
        self.client: Client = Client(endpoint, region, credentials, **(client_options or {}))
        self._native = self.client._native
        self.block_size = block_size
        self.readahead = readahead
        self.part_size = part_size

    @property
    def loop(self) -> Any:
        # Nothing here is the parent's alone, so a forked child takes fsspec's new loop rather than refuse.
        pid: int = self.__dict__["_pid"]
        if pid != os.getpid():
            self._pid = os.getpid()
            self._loop = fsspec.asyn.get_loop()
        return super().loop

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(one) for one in path]
        path = os.fspath(path) if hasattr(path, "__fspath__") else str(path)
        for name in cls.protocol:
            if path.startswith(name + "://"):
                path = path[len(name) + 3:]
                break
        # Keys may hold "//": only what ends the path goes.
        return path.lstrip("/").rstrip("/") or cls.root_marker

    @staticmethod
    def split_path(path: str) -> Tuple[str, str]:
        """(bucket, key)"""
        bucket, _, key = OssplitFileSystem._strip_protocol(path).partition("/")
        return bucket, key

    def _object(self, path: str) -> Tuple[str, str]:
        bucket, key = self.split_path(path)
        if not key:
            raise IsADirectoryError(21, "is a bucket, no file", path)
        return bucket, key

    # Looking

    @staticmethod
    def _file(bucket: str, info: ObjectInfo) -> Dict[str, Any]:
        return {
            "name": f"{bucket}/{info.key}", "type": "file", "size": info.size, "Key": f"{bucket}/{info.key}",
            "ETag": info.etag, "LastModified": datetime.datetime.fromtimestamp(info.last_modified, datetime.timezone.utc),
            "StorageClass": info.storage_class, "crc64": info.crc64, "content_type": info.content_type,
            "metadata": dict(info.metadata),
        }

    @staticmethod
    def _folder(name: str) -> Dict[str, Any]:
        return {"name": name.rstrip("/"), "type": "directory", "size": 0}

    async def _info(self, path: str, **_: Any) -> Dict[str, Any]:
        bucket, key = self.split_path(path)
        if not bucket:
            return self._folder("")
        with _as_os(path):
            if key:
                try:
                    return self._file(bucket, ObjectInfo(*await self._native.head(bucket, key, None, True)))
                except errors.NoSuchKey:
                    pass
            prefix = key + "/" if key else ""
            objects, groups, _next = await self._native.list_page(bucket, prefix, "/", None, None, 1, True)
        if key and not objects and not groups:
            raise FileNotFoundError(2, "there is no object of this name, nor anything below it", path)
        return self._folder(f"{bucket}/{key}")

    async def _ls(self, path: str, detail: bool = True, **_: Any) -> List[Any]:
        bucket, key = self.split_path(path)
        found: List[Dict[str, Any]] = []
        if not bucket:
            found = [self._folder(name) for name in await asyncio.to_thread(self._buckets)]
        else:
            prefix = key + "/" if key else ""
            token: Optional[str] = None
            marker = False
            with _as_os(path):
                while True:
                    page = await self._native.list_page(bucket, prefix, "/", None, token, 1000, True)
                    objects, groups, token = page
                    found += [self._folder(f"{bucket}/{group}") for group in groups]
                    for one in map(lambda fields: ObjectInfo(*fields), objects):
                        if one.key == prefix:
                            marker = True
                        else:
                            found.append(self._file(bucket, one))
                    if token is None:
                        break
            if not found and key and not marker:
                found = [await self._info(path)]
                if found[0]["type"] == "directory":
                    found = []
        found.sort(key=lambda one: one["name"])
        return found if detail else [one["name"] for one in found]

    def _buckets(self) -> List[str]:
        names: List[str] = []
        marker = ""
        while True:
            answer = self._native.request("GET", None, None, [("marker", marker), ("max-keys", "1000")], [])
            root = ElementTree.fromstring(answer.read())
            names += [node.text or "" for node in root.findall("Buckets/Bucket/Name")]
            marker = root.findtext("NextMarker") or ""
            if root.findtext("IsTruncated") != "true" or not marker:
                return names

    async def _find(self, path: str, maxdepth: Optional[int] = None, withdirs: bool = False, **more: Any) -> Any:
        bucket, key = self.split_path(path)
        # One listing of all that is below, unless folders or depths are asked for.
        if not bucket or maxdepth is not None or withdirs:
            return await super()._find(path, maxdepth=maxdepth, withdirs=withdirs, **more)
        detail = more.pop("detail", False)
        found: Dict[str, Dict[str, Any]] = {}
        token: Optional[str] = None
        with _as_os(path):
            while True:
                page = await self._native.list_page(bucket, key + "/" if key else "", None, None, token, 1000, True)
                objects, _groups, token = page
                for fields in objects:
                    one = ObjectInfo(*fields)
                    if not one.key.endswith("/"):
                        found[f"{bucket}/{one.key}"] = self._file(bucket, one)
                if token is None:
                    break
        if not found and key:
            with contextlib.suppress(FileNotFoundError):
                info = await self._info(path)
                if info["type"] == "file":
                    found[info["name"]] = info
        return found if detail else sorted(found)

    def created(self, path: str) -> datetime.datetime:
        """OSS keeps one time only: see `modified`."""
        return self.modified(path)

    def modified(self, path: str) -> datetime.datetime:
        when: datetime.datetime = self.info(path)["LastModified"]
        return when

    def ukey(self, path: str) -> str:
        """The ETag: it changes with the bytes."""
        etag: str = self.info(path)["ETag"]
        return etag

    def sign(self, path: str, expiration: float = 100, **more: Any) -> str:
        """A URL that is good for `expiration` seconds."""
        bucket, key = self._object(path)
        return self.client.presign(more.get("method", "GET"), bucket, key, expiration).url

    # Whole files

    async def _cat_file(self, path: str, start: Optional[int] = None, end: Optional[int] = None, **_: Any) -> bytes:
        bucket, key = self._object(path)
        with _as_os(path):
            if (start is not None and start < 0) or (end is not None and end < 0):
                size = (await self._info(path))["size"]
                start = max(size + start, 0) if start is not None and start < 0 else start
                end = max(size + end, 0) if end is not None and end < 0 else end
            if end is not None and end <= (start or 0):
                return b""
            try:
                got = await self._native.get(bucket, key, start, end, None, None, None, None, True)
            except errors.InvalidRange:
                return b""
        body: bytes = got[0]
        return body

    async def _pipe_file(self, path: str, value: Any, mode: str = "overwrite", **options: Any) -> None:
        bucket, key = self._object(path)
        options.pop("chunksize", None)
        if mode == "create":
            options["forbid_overwrite"] = True
        with _as_os(path):
            await self._native.put(bucket, key, value, options or None, True)

    async def _put_file(self, lpath: str, rpath: str, callback: Any = DEFAULT_CALLBACK, mode: str = "overwrite",
                        chunksize: Any = None, **options: Any) -> None:
        if os.path.isdir(lpath):
            return
        bucket, key = self._object(rpath)
        if mode == "create":
            options["forbid_overwrite"] = True
        callback.set_size(os.path.getsize(lpath))
        transfers = _ossplit.Transfers(self._native, self.part_size)
        with _as_os(rpath):
            await transfers.upload(lpath, bucket, key, options or None, _told(callback), True)

    async def _get_file(self, rpath: str, lpath: Any, callback: Any = DEFAULT_CALLBACK, **_: Any) -> None:
        if hasattr(lpath, "write"):
            lpath.write(await self._cat_file(rpath))
            return
        if os.path.isdir(lpath):
            return
        info = await self._info(rpath)
        if info["type"] == "directory":
            os.makedirs(lpath, exist_ok=True)
            return
        bucket, key = self._object(rpath)
        os.makedirs(os.path.dirname(os.path.abspath(lpath)), exist_ok=True)
        callback.set_size(info["size"])
        with _as_os(rpath):
            await _ossplit.Transfers(self._native).download(bucket, key, lpath, None, _told(callback), True)

    async def _cp_file(self, path1: str, path2: str, **options: Any) -> None:
        info = await self._info(path1)
        if info["type"] == "directory":
            return
        bucket, key = self._object(path1)
        to_bucket, to_key = self._object(path2)
        for name in ("preserve_etag", "onerror", "on_error"):
            options.pop(name, None)
        with _as_os(path1):
            await _ossplit.Transfers(self._native).copy(bucket, key, to_bucket, to_key, options or None, None, True)

    async def _rm_file(self, path: str, **_: Any) -> None:
        bucket, key = self._object(path)
        with _as_os(path):
            await self._native.delete(bucket, key, None, True)

    async def _rm(self, path: Any, recursive: bool = False, batch_size: Optional[int] = None,
                  maxdepth: Optional[int] = None, **_: Any) -> None:
        paths = await self._expand_path(path, recursive=recursive, maxdepth=maxdepth)
        by_bucket: Dict[str, List[str]] = {}
        for one in paths:
            bucket, key = self.split_path(one)
            if key:
                # What may be a folder's placeholder goes, too.
                by_bucket.setdefault(bucket, []).extend([key, key + "/"] if recursive else [key])
        for bucket, keys in by_bucket.items():
            with _as_os(bucket):
                await self._native.delete_many(bucket, keys, True)

    async def _touch(self, path: str, truncate: bool = True, **options: Any) -> None:
        if not truncate and await self._exists(path):
            raise NotImplementedError("OSS can't set an object's time: touch with truncate=True")
        await self._pipe_file(path, b"", **options)

    touch: Any = sync_wrapper(_touch)

    # Folders and buckets

    async def _mkdir(self, path: str, create_parents: bool = True, **_: Any) -> None:
        """Makes a bucket; a folder is there as soon as something is in it."""
        bucket, key = self.split_path(path)
        if not key:
            await self._make_bucket(bucket, exist_ok=False)

    async def _makedirs(self, path: str, exist_ok: bool = False) -> None:
        bucket, key = self.split_path(path)
        if not key:
            await self._make_bucket(bucket, exist_ok)

    async def _make_bucket(self, bucket: str, exist_ok: bool) -> None:
        if await self._exists(bucket):
            if not exist_ok:
                raise FileExistsError(17, "the bucket is there already", bucket)
            return
        with _as_os(bucket):
            await asyncio.to_thread(self._native.request, "PUT", bucket, None, [], [])

    async def _rmdir(self, path: str) -> None:
        """Deletes an empty bucket; a folder is gone as soon as nothing is in it."""
        bucket, key = self.split_path(path)
        if not key:
            with _as_os(bucket):
                try:
                    await asyncio.to_thread(self._native.request, "DELETE", bucket, None, [], [])
                except errors.BucketNotEmpty as error:
                    raise OSError(39, "the bucket is not empty", path) from error

    rmdir: Any = sync_wrapper(_rmdir)

    # File objects

    def open(self, path: str, mode: str = "rb", block_size: Any = None, cache_options: Any = None,
             compression: Any = None, **options: Any) -> Any:
        """See fsspec."""
        packing = get_compression(path, compression) if compression and "b" in mode and "r" not in mode else None
        if packing is None:
            return super().open(path, mode, block_size=block_size, cache_options=cache_options,
                                compression=compression, **options)
        file = super().open(path, mode, block_size=block_size, cache_options=cache_options, **options)
        return _Packed(fsspec.compression.compr[packing](file, mode=mode[0]), file)

    def _open(self, path: str, mode: str = "rb", block_size: Any = None, autocommit: bool = True,
              cache_options: Any = None, **options: Any) -> Any:
        bucket, key = self._object(path)
        options.pop("size", None)
        options.pop("cache_type", None)
        with _as_os(path):
            if mode == "rb":
                info = self.client.head(bucket, key)
                size = block_size if isinstance(block_size, int) else self.block_size
                return ObjectReader(self.client, info, bucket, block_size=size, readahead=self.readahead)
            if mode not in ("wb", "xb", "ab"):
                raise ValueError(f"mode={mode!r}: give rb, wb, xb or ab")
            if mode == "xb":
                if self.exists(path):
                    raise FileExistsError(17, "is there already", path)
                options["forbid_overwrite"] = True
            before = self.cat_file(path) if mode == "ab" and self.exists(path) else b""
            kind = ObjectWriter if autocommit else _File
            file = kind(self.client, bucket, key, part_size=self.part_size, options=options or None)
            if before:
                file.write(before)
            return file


def _told(callback: Any) -> Any:
    """A callback of fsspec's as a function of (done, total)."""
    if callback is DEFAULT_CALLBACK:
        return None
    return lambda done, _total: callback.absolute_update(done)
