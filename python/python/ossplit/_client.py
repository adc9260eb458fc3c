"""The clients."""

from __future__ import annotations

import os
from typing import (
    TYPE_CHECKING,
    Any,
    AsyncIterator,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Literal,
    Mapping,
    NamedTuple,
    Optional,
    Protocol,
    Sequence,
    Tuple,
    Union,
    overload,
)

from . import _ossplit
from .errors import NoSuchKey

if TYPE_CHECKING:
    # Names of types cost an import milliseconds, and only checkers of types look at these.
    from ._file import AsyncObjectReader, AsyncObjectWriter, ObjectReader, ObjectWriter

    #: (AccessKeyId, AccessKeySecret) or (AccessKeyId, AccessKeySecret, STS token).
    Key = Union[Tuple[str, str], Tuple[str, str, Optional[str]]]
    #: A key, None for anonymous requests, or a callable that gives (id, secret, token or None) or the same with the Unix time when
    #: it ends; it is asked again five minutes before, or after a minute if it gave no end.
    Credentials = Union[Key, None, Callable[[], Tuple[object, ...]]]

    class Bar(Protocol):
        """A progress bar as tqdm's: `total` and `update`."""

        total: Any

        def update(self, n: Any = 1) -> Any: ...

    #: What is told how far a transfer is: a function of (bytes done, bytes in all), or a tqdm bar.
    Progress = Union[Callable[[int, int], object], Bar]


class ObjectInfo(NamedTuple):
    """What is known of an object. Listings know less than `head` and `get`."""

    key: str
    #: Bytes of the whole object.
    size: int
    #: Quoted, as OSS gives it.
    etag: str
    #: Unix seconds.
    last_modified: int
    storage_class: str = ""
    #: Normal, Multipart, Appendable or Symlink.
    object_type: str = ""
    crc64: Optional[int] = None
    #: Only in buckets with versioning.
    version_id: Optional[str] = None
    content_type: Optional[str] = None
    #: User metadata, names without ``x-oss-meta-``.
    metadata: Mapping[str, str] = {}
    #: cache_control, content_disposition, content_encoding, content_language, expires, restore: those that are set.
    headers: Mapping[str, str] = {}


class Stored(NamedTuple):
    """What OSS made of the bytes that were sent."""

    #: Quoted.
    etag: str
    #: The object's, equal to that of the bytes; None if the service does not tell.
    crc64: Optional[int]
    version_id: Optional[str]
    #: Bytes, where a file was sent.
    size: Optional[int] = None
    #: Bytes that an earlier try had sent.
    resumed: int = 0


class SyncResult(NamedTuple):
    """What `sync_up` and `sync_down` did: paths below the folder, or keys below the prefix."""

    sent: List[str]
    #: Of the same size and CRC64 already.
    unchanged: List[str]
    deleted: List[str]


class SignedUrl(NamedTuple):
    """A request that anybody who has it may make. A secret: `repr` does not show it."""

    url: str
    #: Headers that the request must have.
    headers: Mapping[str, str]
    #: Until when it is good, in Unix seconds.
    expires_at: int

    def __repr__(self) -> str:
        return f"SignedUrl(expires_at={self.expires_at})"


def _progress(progress: Optional[Progress]) -> Optional[Callable[[int, int], object]]:
    """A function of (done, total), whatever was given."""
    if progress is None or not hasattr(progress, "update"):
        return progress
    bar: Any = progress
    before = 0

    def tell(done: int, total: int) -> None:
        nonlocal before
        if bar.total is None:
            bar.total = total
        bar.update(done - before)
        before = done

    return tell


class _Base:
    """What the two clients share: how they are made."""

    def __init__(
        self,
        endpoint: Optional[str] = None,
        region: Optional[str] = None,
        credentials: Union[Credentials, str] = "environment",
        *,
        signature: str = "v4",
        addressing: str = "auto",
        connect_timeout: float = 10.0,
        read_timeout: float = 20.0,
        call_timeout: Optional[float] = None,
        max_tries: int = 5,
        max_connections: int = 256,
        verify_tls: bool = True,
        ca_pem: Optional[bytes] = None,
        requester_pays: bool = False,
    ) -> None:
        """
        :param endpoint: ``[https://]host[:port]``; by default the variable ``OSS_ENDPOINT``.
        :param region: such as ``cn-hangzhou``; by default the variable ``OSS_REGION``.
        :param credentials: ``"environment"`` reads ``OSS_ACCESS_KEY_ID``, ``OSS_ACCESS_KEY_SECRET`` and
            ``OSS_SESSION_TOKEN``; see `Credentials` for the others.
        :param signature: ``"v4"``, ``"v1"`` or ``"v2"``.
        :param addressing: ``"auto"``, ``"path"``, ``"virtual"`` or ``"cname"``.
        :param connect_timeout: seconds.
        :param read_timeout: seconds that a request may stand still.
        :param call_timeout: seconds for a call in all, its retries included; None for no limit.
        :param max_tries: how often a request is sent at most.
        """
        endpoint = endpoint or os.environ.get("OSS_ENDPOINT")
        if not endpoint:
            raise ValueError("endpoint is missing: give it, or set OSS_ENDPOINT")
        region = region if region is not None else os.environ.get("OSS_REGION", "")
        key: Optional[Tuple[str, str, Optional[str]]] = None
        call: Optional[Callable[[], Tuple[object, ...]]] = None
        if isinstance(credentials, str):
            key = _from_environment(credentials)
        elif callable(credentials):
            call = credentials
        elif credentials is not None:
            key = (credentials[0], credentials[1], credentials[2] if len(credentials) > 2 else None)
        self.endpoint = endpoint
        self.region = region
        self._native = _ossplit.Client(
            endpoint, region, signature=signature, key=key, credentials=call, addressing=addressing,
            connect_timeout=connect_timeout, read_timeout=read_timeout, call_timeout=call_timeout,
            max_tries=max_tries, max_connections=max_connections, verify_tls=verify_tls, ca_pem=ca_pem,
            requester_pays=requester_pays,
            user_agent=f"ossplit-python/{_ossplit.__version__}",
        )
        # How to make it again, in another process.
        self._made = (endpoint, region, credentials), dict(
            signature=signature, addressing=addressing, connect_timeout=connect_timeout, read_timeout=read_timeout,
            call_timeout=call_timeout, max_tries=max_tries, max_connections=max_connections, verify_tls=verify_tls,
            ca_pem=ca_pem, requester_pays=requester_pays,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.endpoint!r}, region={self.region!r})"

    def __reduce__(self) -> Tuple[object, ...]:
        # With spawn and forkserver a client travels as how it was made. A key goes with it, as it must.
        return _again, (type(self), *self._made)

    def counts(self) -> Dict[str, Tuple[int, int, int, int, int]]:
        """By operation: requests, errors, retries, bytes sent, bytes received; of this process."""
        return self._native.counts()

    def presign(self, method: str, bucket: str, key: str, expires: float = 900, *,
                params: Optional[Mapping[str, str]] = None, headers: Optional[Mapping[str, str]] = None) -> SignedUrl:
        """A URL that is good for `expires` seconds: with V4 7 days at most, and never longer than an STS token."""
        must = dict(headers or {})
        url, until = self._native.presign(method, bucket, key, expires, list((params or {}).items()), list(must.items()))
        return SignedUrl(url, must, until)


def _again(kind: Callable[..., _Base], args: Tuple[Any, ...], more: Dict[str, Any]) -> _Base:
    return kind(*args, **more)


def _from_environment(name: str) -> Tuple[str, str, Optional[str]]:
    if name != "environment":
        raise ValueError("credentials: give (id, secret[, token]), a callable, None, or \"environment\"")
    key, secret = os.environ.get("OSS_ACCESS_KEY_ID"), os.environ.get("OSS_ACCESS_KEY_SECRET")
    if not key or not secret:
        raise ValueError(
            "credentials are missing: set OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET, or give credentials=(id, secret)")
    return key, secret, os.environ.get("OSS_SESSION_TOKEN")


class Client(_Base):
    """A client whose calls wait, without the GIL. Threads may share one; a forked child may go on with it.

    Calls raise `OssError`, or `OSError` for local files. Ctrl-C ends a call that is waiting.
    """

    def put(self, bucket: str, key: str, data: object, **options: Any) -> Stored:
        """Writes an object of at most 5 GiB. When this returns, OSS has it and its CRC64 is that of `data`.

        :param data: anything with the buffer protocol (bytes, bytearray, memoryview, numpy arrays), sent without a copy; or
            a string, sent in UTF-8.
        :param options: content_type, cache_control, content_disposition, content_encoding, content_language, expires,
            metadata, storage_class, acl, tags, encryption ("AES256", "SM4", "KMS"), kms_key_id, forbid_overwrite.
        """
        return Stored(*self._native.put(bucket, key, data, options or None))

    def put_many(self, bucket: str, objects: Iterable[Tuple[str, object]], *, parallel: int = 32,
                 **options: Any) -> List[Stored]:
        """Writes many small objects, `parallel` at once. Raises the first error; some may be written then."""
        return [Stored(*one) for one in self._native.put_many(bucket, list(objects), parallel, options or None)]

    def get(self, bucket: str, key: str, start: Optional[int] = None, end: Optional[int] = None, *,
            version_id: Optional[str] = None, if_match: Optional[str] = None,
            if_none_match: Optional[str] = None) -> bytes:
        """Bytes `start` to before `end` of an object, all by default. A whole object's CRC64 is compared."""
        body: bytes = self._native.get(bucket, key, start, end, version_id, if_match, if_none_match)[0]
        return body

    def get_into(self, bucket: str, key: str, buffer: object, start: Optional[int] = None, end: Optional[int] = None,
                 *, version_id: Optional[str] = None, if_match: Optional[str] = None) -> int:
        """Reads straight into writable memory (bytearray, memoryview, numpy arrays); gives how many bytes that were."""
        n: int = self._native.get(bucket, key, start, end, version_id, if_match, None, buffer)[0]
        return n

    def get_many(self, bucket: str, keys: Iterable[str], *, parallel: int = 32) -> List[bytes]:
        """Reads many whole objects, `parallel` at once, in the order of `keys`. Raises the first error."""
        all_of_them: List[bytes] = self._native.get_many(bucket, list(keys), parallel)
        return all_of_them

    def head(self, bucket: str, key: str, *, version_id: Optional[str] = None) -> ObjectInfo:
        """What is known of an object."""
        return ObjectInfo(*self._native.head(bucket, key, version_id))

    def exists(self, bucket: str, key: str) -> bool:
        """Whether the object is there. A bucket that is not there is an error."""
        try:
            self.head(bucket, key)
        except NoSuchKey:
            return False
        return True

    def delete(self, bucket: str, key: str, *, version_id: Optional[str] = None) -> None:
        """Deletes an object, or one version of it; no error if it is not there."""
        self._native.delete(bucket, key, version_id)

    def delete_many(self, bucket: str, keys: Iterable[str]) -> List[str]:
        """Deletes objects, 1,000 with a request; gives the keys that are gone."""
        gone: List[str] = self._native.delete_many(bucket, list(keys))
        return gone

    def list(self, bucket: str, prefix: str = "", *, start_after: Optional[str] = None) -> Iterator[ObjectInfo]:
        """All objects whose keys begin with `prefix`, in byte order."""
        token: Optional[str] = None
        while True:
            objects, _, token = self._native.list_page(bucket, prefix, None, start_after, token, 1000)
            for one in objects:
                yield ObjectInfo(*one)
            if token is None:
                return

    def list_dir(self, bucket: str, prefix: str = "", *, delimiter: str = "/") -> Tuple[List[ObjectInfo], List[str]]:
        """(objects, common prefixes) directly below `prefix`."""
        found: List[ObjectInfo] = []
        groups: List[str] = []
        token: Optional[str] = None
        while True:
            objects, prefixes, token = self._native.list_page(bucket, prefix, delimiter, None, token, 1000)
            found += [ObjectInfo(*one) for one in objects]
            groups += prefixes
            if token is None:
                return found, groups

    def copy(self, source_bucket: str, source_key: str, bucket: str, key: str, *,
             progress: Optional[Progress] = None, **options: Any) -> Stored:
        """Copies inside OSS, in parts if the object is large. Options replace the source's metadata; without any, they
        and the tags come along."""
        copier = _ossplit.Transfers(self._native)
        return Stored(*copier.copy(source_bucket, source_key, bucket, key, options or None, _progress(progress)))

    @overload
    def open(self, bucket: str, key: str, mode: Literal["rb"] = "rb", *, version_id: Optional[str] = None,
             block_size: int = 4 << 20, readahead: int = 8) -> ObjectReader: ...

    @overload
    def open(self, bucket: str, key: str, mode: Literal["wb"], *, part_size: int = 8 << 20, parallel: int = 4,
             **options: Any) -> ObjectWriter: ...

    def open(self, bucket: str, key: str, mode: str = "rb", *, version_id: Optional[str] = None,
             block_size: int = 4 << 20, readahead: int = 8, part_size: int = 8 << 20, parallel: int = 4,
             **options: Any) -> Union[ObjectReader, ObjectWriter]:
        """A file object: mode ``"rb"`` reads with readahead of `readahead` blocks of `block_size` bytes; ``"wb"`` writes in
        parts of `part_size` bytes, `parallel` of them on their way at once."""
        from ._file import AsyncObjectReader, AsyncObjectWriter, ObjectReader, ObjectWriter

        if mode == "rb":
            info = self.head(bucket, key, version_id=version_id)
            return ObjectReader(self, info, bucket, version_id=version_id, block_size=block_size, readahead=readahead)
        if mode == "wb":
            return ObjectWriter(self, bucket, key, part_size=part_size, parallel=parallel, options=options or None)
        raise ValueError(f"mode={mode!r}: give \"rb\" or \"wb\"; for text put io.TextIOWrapper around it")

    def upload(self, path: Union[str, os.PathLike[str]], bucket: str, key: str, *, part_size: Optional[int] = None,
               parallel: Optional[int] = None, checkpoint_dir: Optional[str] = None,
               progress: Optional[Progress] = None, **options: Any) -> Stored:
        """Sends a file, in parts if it is large. With `checkpoint_dir` an upload that broke off goes on where it was."""
        transfers = _ossplit.Transfers(self._native, part_size, parallel, checkpoint_dir)
        return Stored(*transfers.upload(os.fspath(path), bucket, key, options or None, _progress(progress)))

    def download(self, bucket: str, key: str, path: Union[str, os.PathLike[str]], *,
                 version_id: Optional[str] = None, part_size: Optional[int] = None, parallel: Optional[int] = None,
                 checkpoint_dir: Optional[str] = None, progress: Optional[Progress] = None) -> ObjectInfo:
        """Fetches an object into a file, in parallel ranges; the file has its name once all bytes are there."""
        transfers = _ossplit.Transfers(self._native, part_size, parallel, checkpoint_dir)
        return ObjectInfo(*transfers.download(bucket, key, os.fspath(path), version_id, _progress(progress)))

    def sync_up(self, folder: Union[str, os.PathLike[str]], bucket: str, prefix: str = "", *, delete: bool = False,
                threads: int = 8, progress: Optional[Progress] = None, **options: Any) -> SyncResult:
        """Makes what is below `prefix` the files below `folder`; sends only what differs in size or CRC64."""
        from ._sync import up

        return up(self, os.fspath(folder), bucket, prefix, delete, threads, _progress(progress), options)

    def sync_down(self, bucket: str, prefix: str, folder: Union[str, os.PathLike[str]], *, delete: bool = False,
                  threads: int = 8, progress: Optional[Progress] = None) -> SyncResult:
        """Makes the files below `folder` what is below `prefix`; fetches only what differs in size or CRC64."""
        from ._sync import down

        return down(self, bucket, prefix, os.fspath(folder), delete, threads, _progress(progress))


class AsyncClient(_Base):
    """The same for asyncio: each call is an awaitable, none takes a thread of its own. Cancelling the awaitable cancels the call."""

    async def put(self, bucket: str, key: str, data: object, **options: Any) -> Stored:
        """See `Client.put`."""
        return Stored(*await self._native.put(bucket, key, data, options or None, True))

    async def put_many(self, bucket: str, objects: Iterable[Tuple[str, object]], *, parallel: int = 32,
                       **options: Any) -> List[Stored]:
        """See `Client.put_many`."""
        done: Sequence[Any] = await self._native.put_many(bucket, list(objects), parallel, options or None, True)
        return [Stored(*one) for one in done]

    async def get(self, bucket: str, key: str, start: Optional[int] = None, end: Optional[int] = None, *,
                  version_id: Optional[str] = None, if_match: Optional[str] = None,
                  if_none_match: Optional[str] = None) -> bytes:
        """See `Client.get`."""
        got = await self._native.get(bucket, key, start, end, version_id, if_match, if_none_match, None, True)
        body: bytes = got[0]
        return body

    async def get_into(self, bucket: str, key: str, buffer: object, start: Optional[int] = None,
                       end: Optional[int] = None, *, version_id: Optional[str] = None,
                       if_match: Optional[str] = None) -> int:
        """See `Client.get_into`."""
        got = await self._native.get(bucket, key, start, end, version_id, if_match, None, buffer, True)
        n: int = got[0]
        return n

    async def get_many(self, bucket: str, keys: Iterable[str], *, parallel: int = 32) -> List[bytes]:
        """See `Client.get_many`."""
        all_of_them: List[bytes] = await self._native.get_many(bucket, list(keys), parallel, True)
        return all_of_them

    async def head(self, bucket: str, key: str, *, version_id: Optional[str] = None) -> ObjectInfo:
        """See `Client.head`."""
        return ObjectInfo(*await self._native.head(bucket, key, version_id, True))

    async def exists(self, bucket: str, key: str) -> bool:
        """See `Client.exists`."""
        try:
            await self.head(bucket, key)
        except NoSuchKey:
            return False
        return True

    async def delete(self, bucket: str, key: str, *, version_id: Optional[str] = None) -> None:
        """See `Client.delete`."""
        await self._native.delete(bucket, key, version_id, True)

    async def delete_many(self, bucket: str, keys: Iterable[str]) -> List[str]:
        """See `Client.delete_many`."""
        gone: List[str] = await self._native.delete_many(bucket, list(keys), True)
        return gone

    async def list(self, bucket: str, prefix: str = "", *,
                   start_after: Optional[str] = None) -> AsyncIterator[ObjectInfo]:
        """See `Client.list`."""
        token: Optional[str] = None
        while True:
            page = await self._native.list_page(bucket, prefix, None, start_after, token, 1000, True)
            objects, _, token = page
            for one in objects:
                yield ObjectInfo(*one)
            if token is None:
                return

    async def list_dir(self, bucket: str, prefix: str = "", *,
                       delimiter: str = "/") -> Tuple[List[ObjectInfo], List[str]]:
        """See `Client.list_dir`."""
        found: List[ObjectInfo] = []
        groups: List[str] = []
        token: Optional[str] = None
        while True:
            page = await self._native.list_page(bucket, prefix, delimiter, None, token, 1000, True)
            objects, prefixes, token = page
            found += [ObjectInfo(*one) for one in objects]
            groups += prefixes
            if token is None:
                return found, groups

    async def copy(self, source_bucket: str, source_key: str, bucket: str, key: str, *,
                   progress: Optional[Progress] = None, **options: Any) -> Stored:
        """See `Client.copy`."""
        copier = _ossplit.Transfers(self._native)
        return Stored(*await copier.copy(source_bucket, source_key, bucket, key, options or None,
                                         _progress(progress), True))

    async def upload(self, path: Union[str, os.PathLike[str]], bucket: str, key: str, *,
                     part_size: Optional[int] = None, parallel: Optional[int] = None,
                     checkpoint_dir: Optional[str] = None, progress: Optional[Progress] = None,
                     **options: Any) -> Stored:
        """See `Client.upload`."""
        transfers = _ossplit.Transfers(self._native, part_size, parallel, checkpoint_dir)
        return Stored(*await transfers.upload(os.fspath(path), bucket, key, options or None, _progress(progress), True))

    async def download(self, bucket: str, key: str, path: Union[str, os.PathLike[str]], *,
                       version_id: Optional[str] = None, part_size: Optional[int] = None,
                       parallel: Optional[int] = None, checkpoint_dir: Optional[str] = None,
                       progress: Optional[Progress] = None) -> ObjectInfo:
        """See `Client.download`."""
        transfers = _ossplit.Transfers(self._native, part_size, parallel, checkpoint_dir)
        done = await transfers.download(bucket, key, os.fspath(path), version_id, _progress(progress), True)
        return ObjectInfo(*done)

    @overload
    async def open(self, bucket: str, key: str, mode: Literal["rb"] = "rb", *, version_id: Optional[str] = None,
                   block_size: int = 4 << 20, readahead: int = 8) -> AsyncObjectReader: ...

    @overload
    async def open(self, bucket: str, key: str, mode: Literal["wb"], *, part_size: int = 8 << 20, parallel: int = 4,
                   **options: Any) -> AsyncObjectWriter: ...

    async def open(self, bucket: str, key: str, mode: str = "rb", *, version_id: Optional[str] = None,
                   block_size: int = 4 << 20, readahead: int = 8, part_size: int = 8 << 20, parallel: int = 4,
                   **options: Any) -> Union[AsyncObjectReader, AsyncObjectWriter]:
        """See `Client.open`; ``async with await client.open(...) as file``, and ``await file.read()``."""
        from ._file import AsyncObjectReader, AsyncObjectWriter

        if mode == "rb":
            info = await self.head(bucket, key, version_id=version_id)
            return AsyncObjectReader(self, info, bucket, version_id=version_id, block_size=block_size, readahead=readahead)
        if mode == "wb":
            return AsyncObjectWriter(self, bucket, key, part_size=part_size, parallel=parallel, options=options or None)
        raise ValueError(f"mode={mode!r}: give \"rb\" or \"wb\"")

    async def sync_up(self, folder: Union[str, os.PathLike[str]], bucket: str, prefix: str = "", *,
                      delete: bool = False, parallel: int = 8, progress: Optional[Progress] = None,
                      **options: Any) -> SyncResult:
        """See `Client.sync_up`; local files are looked at in asyncio's threads for such work."""
        from ._sync import up_async

        return await up_async(self, os.fspath(folder), bucket, prefix, delete, parallel, _progress(progress), options)

    async def sync_down(self, bucket: str, prefix: str, folder: Union[str, os.PathLike[str]], *, delete: bool = False,
                        parallel: int = 8, progress: Optional[Progress] = None) -> SyncResult:
        """See `Client.sync_down`; local files are looked at in asyncio's threads for such work."""
        from ._sync import down_async

        return await down_async(self, bucket, prefix, os.fspath(folder), delete, parallel, _progress(progress))
