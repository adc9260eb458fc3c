"""Checkpoints that upload while training goes on, and are committed with proof or not there: docs/checkpoint.md.

>>> from ossplit.checkpoint import Checkpointer
>>> checkpoints = Checkpointer("oss://bucket/run-7", keep=3)
>>> save = checkpoints.save_async(100, {"model": model.state_dict(), "epoch": 3})   # training goes on at once
>>> save.result().step
100
>>> checkpoints.load()["epoch"]
3
"""

from __future__ import annotations

import atexit
import concurrent.futures
import json
import os
import sys
import weakref
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple, Union

from . import _ossplit, _state
from ._address import client_or_default, split
from ._client import Client
from .errors import CheckpointCorrupt, CheckpointError, CheckpointSkipped, MissingRanks, NoSuchCheckpoint, StagingError

__all__ = [
    "Checkpoint", "CheckpointCorrupt", "CheckpointError", "CheckpointFile", "CheckpointSave", "CheckpointSkipped",
    "Checkpointer", "MissingRanks", "NoSuchCheckpoint", "StagingError", "Verified",
]

#: What a save takes: a file or a folder, or values by name.
Savable = Union[str, "os.PathLike[str]", Mapping[str, object]]

#: Names of files that hold nested state end so.
STATE = ".state.safetensors"
#: Bytes that one request of `load` fetches.
_RANGE = 16 << 20


class CheckpointFile(NamedTuple):
    """A file of a checkpoint."""

    name: str
    #: Which rank wrote it.
    rank: int
    #: Its object's key.
    key: str
    #: Bytes.
    size: int
    crc64: int


class Checkpoint(NamedTuple):
    """A committed checkpoint."""

    step: int
    #: Unix seconds, by the writer's clock.
    committed: int
    world_size: int
    files: List[CheckpointFile]
    #: What the caller gave along.
    metadata: Dict[str, str]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


class Verified(NamedTuple):
    """What `Checkpointer.verify` looked at."""

    files: int
    #: Bytes.
    size: int
    #: (name, rank, what is wrong); empty if the checkpoint is whole.
    faults: List[Tuple[str, int, str]]


class CheckpointSave:
    """A save under way."""

    def __init__(self, native: Any, prefix: str) -> None:
        self._native = native
        self._prefix = prefix

    @property
    def step(self) -> int:
        step: int = self._native.step
        return step

    @property
    def state(self) -> str:
        """``staged`` (training may change what was saved), ``uploaded``, ``committed``, ``failed`` or ``skipped``."""
        state: str = self._native.state
        return state

    def done(self) -> bool:
        """Whether it ended, well or not."""
        return self.state in ("committed", "failed", "skipped")

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Waits until it ended, or `timeout` seconds; whether it ended. Never raises what the save failed with."""
        ended: bool = self._native.wait(timeout)
        return ended

    def result(self, timeout: Optional[float] = None) -> Checkpoint:
        """The committed checkpoint; raises what the save failed with, or TimeoutError after `timeout` seconds."""
        failed = self.exception(timeout)
        if failed is not None:
            raise failed
        return _checkpoint(self._native.commit(), self._prefix)

    def exception(self, timeout: Optional[float] = None) -> Optional[BaseException]:
        """Why it failed, or None if it is committed; TimeoutError after `timeout` seconds."""
        if not self.wait(timeout):
            raise TimeoutError(f"step {self.step} is {self.state} after {timeout} s")
        failed: Optional[BaseException] = self._native.exception()
        return failed

    def __repr__(self) -> str:
        return f"CheckpointSave(step={self.step}, state={self.state!r})"


def _checkpoint(text: str, prefix: str) -> Checkpoint:
    commit = json.loads(text)
    files = [CheckpointFile(f["name"], f["rank"], prefix + f["key"], f["size"], int(f["crc64"])) for f in commit["files"]]
    return Checkpoint(commit["step"], commit["committed"], commit["world_size"], files, commit["metadata"])


def _ranks(rank: Optional[int], world_size: Optional[int], run: Optional[str]) -> Tuple[int, int, str]:
    """What torch.distributed says, where the program uses it and gave nothing else."""
    torch = sys.modules.get("torch")
    if rank is None and world_size is None and torch is not None:
        distributed = getattr(torch, "distributed", None)
        if distributed is not None and distributed.is_available() and distributed.is_initialized():
            rank, world_size = distributed.get_rank(), distributed.get_world_size()
    if run is None:
        job, restart = os.environ.get("TORCHELASTIC_RUN_ID"), os.environ.get("TORCHELASTIC_RESTART_COUNT", "")
        run = f"{job}/{restart}" if job else ""
    return rank or 0, world_size or 1, run


class Checkpointer:
    """Writes and reads the checkpoints at one place. May be shared by threads; a forked child may go on with it, and a spawned one
    with what travels to it."""

    def __init__(
        self,
        place: str,
        *,
        keep: Optional[int] = None,
        client: Optional[Client] = None,
        staging: str = "auto",
        staging_dir: Union[str, "os.PathLike[str]", None] = None,
        memory: int = 2 << 30,
        reserve: int = 0,
        when_busy: str = "wait",
        queue: int = 1,
        part_size: int = 8 << 20,
        parallel: int = 8,
        rank: Optional[int] = None,
        world_size: Optional[int] = None,
        run: Optional[str] = None,
        timeout: float = 600.0,
        resume: bool = True,
    ) -> None:
        """
        :param place: ``oss://bucket/prefix``.
        :param keep: how many checkpoints are kept; an older one is deleted once a newer one is committed. None keeps all.
        :param client: by default one from the environment (OSS_ENDPOINT or URL, OSS_REGION, OSS_ACCESS_KEY_ID, ...).
        :param staging: ``"auto"``, ``"reflink"``, ``"hardlink"`` (only for files that are never rewritten in place),
            ``"copy"`` (on disk, survives a kill) or ``"memory"``.
        :param staging_dir: for reflinks and hard links on the file system of what is saved; by default in the temporary
            folder.
        :param memory: bytes that staging may hold in memory; its buffers are kept for the next save.
        :param reserve: bytes of that memory made ready now, so that the first save is as fast as the others.
        :param when_busy: while a save is under way, the next one does ``"wait"``, is left out (``"skip"``), or is staged
            while at most `queue` others wait (``"queue"``).
        :param rank: with `world_size`: by default what torch.distributed says, if it is set up. Rank 0 commits.
        :param run: a name that all ranks of this run share, and no other run has.
        :param timeout: seconds that ranks wait for each other.
        :param resume: take up, in the background, what killed processes left in `staging_dir`.
        """
        bucket, prefix = split(place)
        self._client = client_or_default(client)
        self._bucket = bucket
        self._prefix = prefix if not prefix or prefix.endswith("/") else prefix + "/"
        self.rank, self.world_size, run = _ranks(rank, world_size, run)
        self._native = _ossplit.Checkpoints(
            self._client._native, f"oss://{bucket}/{prefix}", keep=keep, staging=staging,
            staging_dir=None if staging_dir is None else os.fspath(staging_dir), memory=memory, reserve=reserve,
            when_busy=when_busy, queue=queue, part_size=part_size, parallel=parallel, rank=self.rank,
            world_size=self.world_size, run=run, timeout=timeout,
        )
        # How to make it again, in another process: what was left is for this one to take up.
        self._made = (place, dict(
            keep=keep, client=self._client, staging=staging, staging_dir=staging_dir, memory=memory, reserve=reserve,
            when_busy=when_busy, queue=queue, part_size=part_size, parallel=parallel, rank=self.rank,
            world_size=self.world_size, run=run, timeout=timeout, resume=False,
        ))
        self._running: List[CheckpointSave] = []
        _open.add(self)
        if reserve:
            self._native.warm()
        self.resumed = self.resume() if resume else []

    def save_async(self, step: int, what: Savable, metadata: Optional[Mapping[str, str]] = None) -> CheckpointSave:
        """Stages, and returns; the upload goes on meanwhile. What was saved may change once this returned.

        A save that can't be staged (the disk is full, say) is ``failed`` and tells why from `CheckpointSave.exception`: training
        goes on. What can't be saved at all (a wrong name or type) raises.

        :param what: a file or folder; or values by name: bytes-like ones are files as they are, paths are files or folders,
            everything else (arrays, tensors, numbers, text, and dicts, lists and tuples of them) is state that `load` gives
            back.
        """
        return self._begin(step, _files(what), metadata or {})

    def _begin(self, step: int, files: List[Tuple[str, Optional[str], List[Any]]],
               metadata: Mapping[str, str]) -> CheckpointSave:
        save = CheckpointSave(self._native.save(step, files, dict(metadata)), self._prefix)
        self._running = [one for one in self._running if not one.done()] + [save]
        return save

    def save(self, step: int, what: Savable, metadata: Optional[Mapping[str, str]] = None) -> Checkpoint:
        """`save_async`, and waits until it is committed."""
        return self.save_async(step, what, metadata).result()

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Waits until all saves ended, or `timeout` seconds for each; whether they did."""
        return all([save.wait(timeout) for save in self._running])

    def list(self) -> List[int]:
        """The committed steps, ascending."""
        steps: List[int] = self._native.steps()
        return steps

    def latest(self) -> Optional[int]:
        """The highest committed step whose objects are all there, or None."""
        found = self._native.latest()
        return None if found is None else _checkpoint(found, self._prefix).step

    def checkpoint(self, step: Optional[int] = None) -> Checkpoint:
        """What is known of a step; the latest by default. `NoSuchCheckpoint` if it is not committed."""
        if step is not None:
            return _checkpoint(self._native.commit(step), self._prefix)
        found = self._native.latest()
        if found is None:
            raise NoSuchCheckpoint(f"there is no committed checkpoint in oss://{self._bucket}/{self._prefix}")
        return _checkpoint(found, self._prefix)

    def restore(self, step: Optional[int], to: Union[str, "os.PathLike[str]"], rank: Optional[int] = None) -> int:
        """Fetches the files of a step (None: the latest) into a folder, each verified; gives the step.

        Of several ranks' checkpoint those of `rank` alone, or all below ``rank-N/``.
        """
        step = self.checkpoint(step).step if step is None else step
        self._native.restore(step, os.fspath(to), rank)
        return step

    def load(self, step: Optional[int] = None, rank: Optional[int] = None) -> Dict[str, Any]:
        """The values by name of a step (None: the latest), in memory, verified; arrays share it and can be written to.

        Of several ranks' checkpoint those of `rank`, this rank by default.
        """
        found = self.checkpoint(step)
        rank = self.rank if rank is None else rank
        values: Dict[str, Any] = {}
        for file in found.files:
            if file.rank == rank:
                data = self.read(file)
                if file.name.endswith(STATE):
                    values[file.name[:-len(STATE)]] = _state.decode(memoryview(data))
                else:
                    values[file.name] = bytes(data)
        return values

    def _save_parts(self, step: int, files: Mapping[str, List[Any]]) -> CheckpointSave:
        """Saves files that are buffers one after another."""
        return self._begin(step, [(name, None, parts) for name, parts in files.items()], {})

    def _read_ranges(self, ranges: List[Tuple[CheckpointFile, int, int]]) -> List[bytearray]:
        """(file, offset, length) each, in parallel. Ranges are not verified: CRC64 is of whole objects."""
        def fetch(one: Tuple[CheckpointFile, int, int]) -> bytearray:
            file, offset, length = one
            data = bytearray(length)
            if length:
                self._client.get_into(self._bucket, file.key, data, offset, offset + length)
            return data

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return list(pool.map(fetch, ranges))

    def read(self, file: CheckpointFile) -> bytearray:
        """All bytes of a file, verified; large ones in parallel ranges."""
        data = bytearray(file.size)
        view = memoryview(data)
        starts = range(0, file.size, _RANGE)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for _ in pool.map(
                lambda start: self._client.get_into(
                    self._bucket, file.key, view[start:start + _RANGE], start, min(start + _RANGE, file.size)),
                starts,
            ):
                pass
        if _ossplit.crc64_of(data) != file.crc64:
            raise CheckpointCorrupt(f"oss://{self._bucket}/{file.key} is not what was saved: its CRC64 differs")
        return data

    def verify(self, step: Optional[int] = None, deep: bool = False) -> Verified:
        """Compares a step's objects (None: the latest) with what was saved; with `deep`, every byte."""
        step = self.checkpoint(step).step if step is None else step
        return Verified(*self._native.verify(step, deep))

    def resume(self) -> List[CheckpointSave]:
        """Takes up what killed processes left in the staging folder."""
        saves = [CheckpointSave(native, self._prefix) for native in self._native.resume()]
        self._running += saves
        return saves

    def discard(self) -> List[int]:
        """Gives up what killed processes left in the staging folder; gives the steps."""
        steps: List[int] = self._native.discard()
        return steps

    def delete(self, step: int) -> None:
        """Deletes a checkpoint, its commit first."""
        self._native.delete(step)

    def gc(self, older_than: float = 86400.0, dry_run: bool = False) -> Tuple[int, int, int]:
        """Removes what saves left that were never committed, if all of it is older than so many seconds.

        :returns: (objects, bytes, unfinished uploads)
        """
        found: Tuple[int, int, int] = self._native.gc(int(older_than), dry_run)
        return found

    def close(self) -> None:
        """Waits until all saves ended."""
        self.wait()

    def __enter__(self) -> Checkpointer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Checkpointer('oss://{self._bucket}/{self._prefix}')"

    def __reduce__(self) -> Tuple[object, ...]:
        return _again, self._made


def _again(place: str, options: Dict[str, Any]) -> Checkpointer:
    return Checkpointer(place, **options)


#: Those whose saves a program that ends waits for.
_open: "weakref.WeakSet[Checkpointer]" = weakref.WeakSet()
_pid = os.getpid()


@atexit.register
def _finish() -> None:
    # A forked child has none of its parent's saves.
    if os.getpid() == _pid:
        for one in list(_open):
            one.close()


def _files(what: Savable) -> List[Tuple[str, Optional[str], List[Any]]]:
    """(name, path, buffers) of each file."""
    if not isinstance(what, Mapping):
        return _below(os.fspath(what), "")
    files: List[Tuple[str, Optional[str], List[Any]]] = []
    for name, value in what.items():
        if not isinstance(name, str):
            raise TypeError(f"{name!r} is no name: names of what is saved are str")
        if isinstance(value, (bytes, bytearray, memoryview)):
            files.append((name, None, [value]))
        elif isinstance(value, os.PathLike):
            files += _below(os.fspath(value), name)
        else:
            files.append((name + STATE, None, _state.encode(value)))
    return files


def _below(path: str, name: str) -> List[Tuple[str, Optional[str], List[Any]]]:
    """The file, or the files below the folder, under this name; under their own names if it is empty."""
    if not os.path.isdir(path):
        return [(name or os.path.basename(path), path, [])]
    found: List[Tuple[str, Optional[str], List[Any]]] = []
    for folder, folders, names in os.walk(path, onerror=_raise, followlinks=True):
        folders.sort()
        below = os.path.relpath(folder, path)
        for one in sorted(names):
            parts = [part for part in (name, "" if below == "." else below, one) if part]
            found.append(("/".join(parts), os.path.join(folder, one), []))
    return found


def _raise(error: OSError) -> None:
    raise error
