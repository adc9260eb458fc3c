"""Folders to prefixes and back: only what differs is sent."""

from __future__ import annotations

import concurrent.futures
import os
import threading
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Tuple

from . import _ossplit
from ._client import SyncResult

if TYPE_CHECKING:
    from ._client import Client, ObjectInfo

_READ = 1 << 20


class _Sum:
    """The progress of many transfers as one."""

    def __init__(self, total: int, progress: Optional[Callable[[int, int], object]]) -> None:
        self.done = 0
        self.total = total
        self.progress = progress
        self.lock = threading.Lock()

    def of_one(self) -> Callable[[int, int], None]:
        before = 0

        def tell(done: int, _: int) -> None:
            nonlocal before
            with self.lock:
                self.done += done - before
                before = done
                if self.progress is not None:
                    self.progress(self.done, self.total)

        return tell


def _files(folder: str) -> Dict[str, int]:
    """Path below the folder, with "/" -> bytes, of every regular file."""
    found: Dict[str, int] = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            if os.path.isfile(path):
                found[os.path.relpath(path, folder).replace(os.sep, "/")] = os.path.getsize(path)
    return found


def _crc64(path: str) -> int:
    crc = 0
    with open(path, "rb") as file:
        while True:
            piece = file.read(_READ)
            if not piece:
                return crc
            crc = _ossplit.crc64_of(piece, crc)


def _same(client: Client, bucket: str, path: str, size: int, there: Optional[ObjectInfo]) -> bool:
    if there is None or there.size != size:
        return False
    crc = client.head(bucket, there.key).crc64
    return crc is not None and crc == _crc64(path)


def _each(threads: int, names: List[str], run: Callable[[str], bool]) -> Tuple[List[str], List[str]]:
    """(names for which `run` did something, those for which it need not); the first error ends it."""
    with concurrent.futures.ThreadPoolExecutor(max(threads, 1), "ossplit-sync") as pool:
        running = {pool.submit(run, name): name for name in names}
        try:
            done = {running[one]: one.result() for one in concurrent.futures.as_completed(running)}
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [name for name in names if done[name]], [name for name in names if not done[name]]


def _prefix(prefix: str) -> str:
    return prefix if not prefix or prefix.endswith("/") else prefix + "/"


def up(client: Client, folder: str, bucket: str, prefix: str, delete: bool, threads: int,
       progress: Optional[Callable[[int, int], object]], options: Dict[str, Any]) -> SyncResult:
    """See `Client.sync_up`."""
    if not os.path.isdir(folder):
        raise NotADirectoryError(f"{folder} is not a folder")
    prefix = _prefix(prefix)
    here = _files(folder)
    there = {one.key[len(prefix):]: one for one in client.list(bucket, prefix)}
    told = _Sum(sum(here.values()), progress)

    def send(name: str) -> bool:
        path = os.path.join(folder, name)
        tell = told.of_one()
        if _same(client, bucket, path, here[name], there.get(name)):
            tell(here[name], here[name])
            return False
        client.upload(path, bucket, prefix + name, progress=tell, **options)
        return True

    sent, unchanged = _each(threads, sorted(here), send)
    gone = sorted(name for name in there if name not in here and not name.endswith("/") and name) if delete else []
    if gone:
        client.delete_many(bucket, [prefix + name for name in gone])
    return SyncResult(sent, unchanged, gone)


def down(client: Client, bucket: str, prefix: str, folder: str, delete: bool, threads: int,
         progress: Optional[Callable[[int, int], object]]) -> SyncResult:
    """See `Client.sync_down`."""
    prefix = _prefix(prefix)
    there = {one.key[len(prefix):]: one for one in client.list(bucket, prefix)}
    # Placeholders of folders are no files.
    there = {name: one for name, one in there.items() if name and not name.endswith("/")}
    root = os.path.realpath(folder)
    for name in there:
        inside = os.path.realpath(os.path.join(root, name))
        if not inside.startswith(root + os.sep):
            raise ValueError(f"oss://{bucket}/{prefix}{name} would be written outside {folder}: rename it, or fetch it alone")
    here = _files(folder) if os.path.isdir(folder) else {}
    told = _Sum(sum(one.size for one in there.values()), progress)

    def fetch(name: str) -> bool:
        path = os.path.join(folder, name)
        one = there[name]
        tell = told.of_one()
        if name in here and _same(client, bucket, path, here[name], one):
            tell(one.size, one.size)
            return False
        os.makedirs(os.path.dirname(path), exist_ok=True)
        client.download(bucket, one.key, path, progress=tell)
        return True

    sent, unchanged = _each(threads, sorted(there), fetch)
    gone = sorted(name for name in here if name not in there) if delete else []
    for name in gone:
        os.remove(os.path.join(folder, name))
    return SyncResult(sent, unchanged, gone)
