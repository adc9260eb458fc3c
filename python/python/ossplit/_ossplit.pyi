"""The native module: the business of the package alone."""

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, final

__version__: str

_Meta = Tuple[
    str, int, str, int, str, str, Optional[int], Optional[str], Optional[str], Dict[str, str], Dict[str, str]
]
_Stored = Tuple[str, Optional[int], Optional[str]]

def crc64_of(data: object, before: int = 0) -> int: ...
def crc64_combine(first: int, second: int, second_length: int) -> int: ...

@final
class Answer:
    status: int
    sent_crc: Optional[int]
    headers: List[Tuple[str, str]]
    crc: int
    def read(self, size: int = ...) -> bytes: ...
    def readinto(self, buffer: object) -> int: ...
    def close(self) -> None: ...

@final
class Client:
    def __new__(
        cls,
        endpoint: str,
        region: str,
        *,
        signature: str = "v4",
        key: Optional[Tuple[str, str, Optional[str]]] = None,
        credentials: Optional[Callable[[], Tuple[object, ...]]] = None,
        addressing: str = "auto",
        connect_timeout: float = 10.0,
        read_timeout: float = 20.0,
        call_timeout: Optional[float] = None,
        max_tries: int = 5,
        max_connections: int = 256,
        user_agent: Optional[str] = None,
        verify_tls: bool = True,
        ca_pem: Optional[bytes] = None,
        requester_pays: bool = False,
    ) -> Client: ...
    def set_key(self, id: str, secret: str, token: Optional[str] = None) -> None: ...
    def request(
        self,
        method_name: str,
        bucket: Optional[str],
        key: Optional[str],
        query: Sequence[Tuple[str, str]],
        headers: Sequence[Tuple[str, str]],
        body: Optional[object] = None,
        iterator: Optional[object] = None,
        length: Optional[int] = None,
        check_crc: bool = False,
        once: bool = False,
    ) -> Answer: ...
    # Each of these gives an awaitable when `asynchronous` is true.
    def put(self, bucket: str, key: str, body: object, options: Optional[Dict[str, Any]] = None,
            asynchronous: bool = False) -> Any: ...
    def put_many(self, bucket: str, objects: Sequence[Tuple[str, object]], parallel: int,
                 options: Optional[Dict[str, Any]] = None, asynchronous: bool = False) -> Any: ...
    def get(self, bucket: str, key: str, start: Optional[int] = None, end: Optional[int] = None,
            version_id: Optional[str] = None, if_match: Optional[str] = None, if_none_match: Optional[str] = None,
            into: Optional[object] = None, asynchronous: bool = False) -> Any: ...
    def get_many(self, bucket: str, keys: Sequence[str], parallel: int, asynchronous: bool = False) -> Any: ...
    def head(self, bucket: str, key: str, version_id: Optional[str] = None, asynchronous: bool = False) -> Any: ...
    def delete(self, bucket: str, key: str, version_id: Optional[str] = None, asynchronous: bool = False) -> Any: ...
    def delete_many(self, bucket: str, keys: Sequence[str], asynchronous: bool = False) -> Any: ...
    def list_page(self, bucket: str, prefix: str, delimiter: Optional[str] = None, start_after: Optional[str] = None,
                  token: Optional[str] = None, max_keys: Optional[int] = None, asynchronous: bool = False) -> Any: ...
    def presign(self, method_name: str, bucket: str, key: str, expires: float, query: Sequence[Tuple[str, str]],
                headers: Sequence[Tuple[str, str]]) -> Tuple[str, int]: ...
    def counts(self) -> Dict[str, Tuple[int, int, int, int, int]]: ...

@final
class Transfers:
    def __new__(
        cls, client: Client, part_size: Optional[int] = None, parallel: Optional[int] = None,
                 checkpoint_dir: Optional[str] = None) -> Transfers: ...
    def upload(self, path: str, bucket: str, key: str, options: Optional[Dict[str, Any]] = None,
               progress: Optional[Callable[[int, int], object]] = None, asynchronous: bool = False) -> Any: ...
    def download(self, bucket: str, key: str, path: str, version_id: Optional[str] = None,
                 progress: Optional[Callable[[int, int], object]] = None, asynchronous: bool = False) -> Any: ...
    def copy(self, source_bucket: str, source_key: str, bucket: str, key: str,
             options: Optional[Dict[str, Any]] = None,
             progress: Optional[Callable[[int, int], object]] = None, asynchronous: bool = False) -> Any: ...

@final
class Reader:
    def __new__(
        cls, client: Client, bucket: str, key: str, etag: str, size: int,
                 version_id: Optional[str] = None, block: int = ..., most: int = 8) -> Reader: ...
    def read_at(self, offset: int, buffer: object) -> int: ...
    def bytes_at(self, offset: int, length: int) -> bytes: ...
    def close(self) -> None: ...

@final
class Writer:
    def __new__(
        cls, client: Client, bucket: str, key: str, options: Optional[Dict[str, Any]] = None,
                 part_size: int = ..., parallel: int = 4) -> Writer: ...
    def write(self, data: object) -> int: ...
    def finish(self) -> _Stored: ...
    def abort(self) -> None: ...

@final
class Checkpoints:
    def __new__(
        cls,
        client: Client,
        place: str,
        *,
        keep: Optional[int] = None,
        staging: str = "auto",
        staging_dir: Optional[str] = None,
        memory: int = ...,
        reserve: int = 0,
        when_busy: str = "wait",
        queue: int = 1,
        part_size: int = ...,
        parallel: int = 8,
        rank: int = 0,
        world_size: int = 1,
        run: str = ...,
        timeout: float = 600.0,
    ) -> Checkpoints: ...
    def warm(self) -> None: ...
    def save(
        self, step: int, files: Sequence[Tuple[str, Optional[str], List[Any]]], metadata: Dict[str, str]
    ) -> Save: ...
    def resume(self) -> List[Save]: ...
    def discard(self) -> List[int]: ...
    def steps(self) -> List[int]: ...
    def latest(self) -> Optional[str]: ...
    def commit(self, step: int) -> str: ...
    def verify(self, step: int, deep: bool) -> Tuple[int, int, List[Tuple[str, int, str]]]: ...
    def restore(self, step: int, to: str, rank: Optional[int]) -> Tuple[int, int]: ...
    def delete(self, step: int) -> None: ...
    def gc(self, seconds: int, dry_run: bool) -> Tuple[int, int, int]: ...

@final
class Save:
    step: int
    state: str
    def wait(self, timeout: Optional[float] = None) -> bool: ...
    def commit(self) -> Optional[str]: ...
    def exception(self) -> Optional[BaseException]: ...
