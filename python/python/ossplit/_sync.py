"""Folders to prefixes and back: only what differs is sent."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Dict, Iterable, List, Optional, Tuple

from . import _ossplit
from ._client import SyncResult

if TYPE_CHECKING:
    from ._client import AsyncClient, Client, ObjectInfo

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


async def _same_async(client: AsyncClient, bucket: str, path: str, size: int, there: Optional[ObjectInfo]) -> bool:
    if there is None or there.size != size:
        return False
    crc = (await client.head(bucket, there.key)).crc64
    return crc is not None and crc == await asyncio.to_thread(_crc64, path)


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


async def _each_async(parallel: int, names: List[str],
                      run: Callable[[str], Awaitable[bool]]) -> Tuple[List[str], List[str]]:
    """The same for asyncio."""
    turns = asyncio.Semaphore(max(parallel, 1))

    async def one(name: str) -> bool:
        async with turns:
            return await run(name)

    running = [asyncio.ensure_future(one(name)) for name in names]
    try:
        done = await asyncio.gather(*running)
    except BaseException:
        for task in running:
            task.cancel()
        # None goes on once the caller knows.
        await asyncio.gather(*running, return_exceptions=True)
        raise
    return ([name for name, sent in zip(names, done) if sent], [name for name, sent in zip(names, done) if not sent])


def _prefix(prefix: str) -> str:
    return prefix if not prefix or prefix.endswith("/") else prefix + "/"


def _here(folder: str) -> Dict[str, int]:
    if not os.path.isdir(folder):
        raise NotADirectoryError(f"{folder} is not a folder")
    return _files(folder)


def _only_there(there: Dict[str, ObjectInfo], here: Dict[str, int]) -> List[str]:
    # Placeholders of folders are no files.
    return sorted(name for name in there if name not in here and not name.endswith("/") and name)


def up(client: Client, folder: str, bucket: str, prefix: str, delete: bool, threads: int,
       progress: Optional[Callable[[int, int], object]], options: Dict[str, Any]) -> SyncResult:
    """See `Client.sync_up`."""
    here = _here(folder)
    prefix = _prefix(prefix)
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
    gone = _only_there(there, here) if delete else []
    if gone:
        client.delete_many(bucket, [prefix + name for name in gone])
    return SyncResult(sent, unchanged, gone)


async def up_async(client: AsyncClient, folder: str, bucket: str, prefix: str, delete: bool, parallel: int,
                   progress: Optional[Callable[[int, int], object]], options: Dict[str, Any]) -> SyncResult:
    """See `AsyncClient.sync_up`."""
    here = await asyncio.to_thread(_here, folder)
    prefix = _prefix(prefix)
    there = {one.key[len(prefix):]: one async for one in client.list(bucket, prefix)}
    told = _Sum(sum(here.values()), progress)

    async def send(name: str) -> bool:
        path = os.path.join(folder, name)
        tell = told.of_one()
        if await _same_async(client, bucket, path, here[name], there.get(name)):
            tell(here[name], here[name])
            return False
        await client.upload(path, bucket, prefix + name, progress=tell, **options)
        return True

    sent, unchanged = await _each_async(parallel, sorted(here), send)
    gone = _only_there(there, here) if delete else []
    if gone:
        await client.delete_many(bucket, [prefix + name for name in gone])
    return SyncResult(sent, unchanged, gone)


def _wanted(objects: Iterable[ObjectInfo], bucket: str, prefix: str, folder: str) -> Dict[str, ObjectInfo]:
    """What is to be below `folder`, by path; an error if it would not be below it."""
    # Placeholders of folders are no files.
    there = {one.key[len(prefix):]: one for one in objects if one.key != prefix and not one.key.endswith("/")}
    root = os.path.realpath(folder)
    for name in there:
        inside = os.path.realpath(os.path.join(root, name))
        if not inside.startswith(root + os.sep):
            raise ValueError(f"oss://{bucket}/{prefix}{name} would be written outside {folder}: rename it, or fetch it alone")
    return there


def _remove(folder: str, names: List[str]) -> List[str]:
    for name in names:
        os.remove(os.path.join(folder, name))
    return names


def down(client: Client, bucket: str, prefix: str, folder: str, delete: bool, threads: int,
         progress: Optional[Callable[[int, int], object]]) -> SyncResult:
    """See `Client.sync_down`."""
    prefix = _prefix(prefix)
    there = _wanted(client.list(bucket, prefix), bucket, prefix, folder)
    here = _files(folder)
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
    return SyncResult(sent, unchanged, _remove(folder, sorted(here.keys() - there.keys()) if delete else []))


async def down_async(client: AsyncClient, bucket: str, prefix: str, folder: str, delete: bool, parallel: int,
                     progress: Optional[Callable[[int, int], object]]) -> SyncResult:
    """See `AsyncClient.sync_down`."""
    prefix = _prefix(prefix)
    listed = [one async for one in client.list(bucket, prefix)]
    there = await asyncio.to_thread(_wanted, listed, bucket, prefix, folder)
    here = await asyncio.to_thread(_files, folder)
    told = _Sum(sum(one.size for one in there.values()), progress)

    async def fetch(name: str) -> bool:
        path = os.path.join(folder, name)
        one = there[name]
        tell = told.of_one()
        if name in here and await _same_async(client, bucket, path, here[name], one):
            tell(one.size, one.size)
            return False
        os.makedirs(os.path.dirname(path), exist_ok=True)
        await client.download(bucket, one.key, path, progress=tell)
        return True

    sent, unchanged = await _each_async(parallel, sorted(there), fetch)
    gone = sorted(here.keys() - there.keys()) if delete else []
    return SyncResult(sent, unchanged, await asyncio.to_thread(_remove, folder, gone))
