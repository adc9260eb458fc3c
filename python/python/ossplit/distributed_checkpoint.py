"""torch.distributed.checkpoint on OSS: each rank brings its shard over, and rank 0 commits when all are there.

>>> from torch.distributed import checkpoint
>>> from ossplit.checkpoint import Checkpointer
>>> from ossplit.distributed_checkpoint import StorageReader, StorageWriter
>>> checkpoints = Checkpointer("oss://bucket/run-7", keep=3)
>>> checkpoint.save_state_dict(state, StorageWriter(checkpoints, step=100))
>>> checkpoint.load_state_dict(state, StorageReader(checkpoints))
"""

from __future__ import annotations

import io
import pickle
from typing import Any, Dict, List, NamedTuple, Optional

import torch
from torch.futures import Future

try:
    from torch.distributed import checkpoint as dcp
    from torch.distributed.checkpoint.metadata import Metadata
    from torch.distributed.checkpoint.planner import LoadItemType, WriteItemType
    from torch.distributed.checkpoint.storage import WriteResult
except ImportError:  # torch 1.13 of Debian 12 has it there.
    from torch.distributed._shard import checkpoint as dcp
    from torch.distributed._shard.checkpoint.metadata import Metadata
    from torch.distributed._shard.checkpoint.planner import LoadItemType, WriteItemType
    from torch.distributed._shard.checkpoint.storage import WriteResult

from .checkpoint import Checkpointer, CheckpointFile, CheckpointSave

_METADATA = ".metadata"


class Place(NamedTuple):
    """Where an item is: these bytes of the shard of a rank."""

    rank: int
    offset: int
    length: int


def _shard(rank: int) -> str:
    return f"__{rank}.distcp"


def _done(value: Any) -> Any:
    future: Any = Future()
    future.set_result(value)
    return future


class StorageWriter(dcp.StorageWriter):
    """Writes one step through a `Checkpointer` that has this process's rank and world size.

    Ranks above 0 send their shards in `write_data`. Rank 0 sends its own with the metadata in `finish`, which returns once the
    checkpoint is committed.
    """

    def __init__(self, checkpointer: Checkpointer, step: int) -> None:
        super().__init__()
        self._checkpointer, self._step = checkpointer, step
        self._own: List[Any] = []
        #: The save of this rank's part.
        self.save: Optional[CheckpointSave] = None

    # torch 2 calls `set_up_storage_writer` and `reset`, torch 1.13 `init`.
    def set_up_storage_writer(self, is_coordinator: bool, *_: Any, **__: Any) -> None:
        if is_coordinator != (self._checkpointer.rank == 0):
            raise ValueError("the coordinator of torch.distributed.checkpoint must be rank 0 of the Checkpointer")

    def init(self, is_coordinator: bool) -> None:
        self.set_up_storage_writer(is_coordinator)

    def reset(self, checkpoint_id: Any = None) -> None:
        self._own, self.save = [], None

    @classmethod
    def validate_checkpoint_id(cls, checkpoint_id: Any) -> bool:
        return str(checkpoint_id).startswith("oss://")

    def prepare_local_plan(self, plan: Any) -> Any:
        return plan

    def prepare_global_plan(self, plans: List[Any]) -> List[Any]:
        return plans

    def write_data(self, plan: Any, planner: Any) -> Any:
        parts: List[Any] = []
        results: List[WriteResult] = []
        offset = 0
        for item in plan.items:
            data = planner.resolve_data(item)
            if item.type == WriteItemType.BYTE_IO:
                part = data.getbuffer() if hasattr(data, "getbuffer") else data
            else:
                # torch's own format: what a tensor of any kind needs is in it.
                out = io.BytesIO()
                torch.save(data.detach().cpu().clone(), out)
                part = out.getbuffer()
            parts.append(part)
            place = Place(self._checkpointer.rank, offset, len(part))
            results.append(WriteResult(index=item.index, size_in_bytes=len(part), storage_data=place))
            offset += len(part)
        if self._checkpointer.rank == 0:
            self._own = parts
        else:
            self.save = self._checkpointer._save_parts(self._step, {_shard(self._checkpointer.rank): parts})
            # From here on rank 0 finds it; the commit is for `save` to tell.
            while self.save.state == "staged" and not self.save.wait(0.02):
                pass
            if self.save.state in ("failed", "skipped"):
                self.save.result()
        return _done(results)

    def finish(self, metadata: Metadata, results: List[List[WriteResult]]) -> None:
        metadata.storage_data = {one.index: one.storage_data for some in results for one in some}
        self.save = self._checkpointer._save_parts(
            self._step, {_shard(0): self._own, _METADATA: [pickle.dumps(metadata)]})
        self._own = []
        self.save.result()


class StorageReader(dcp.StorageReader):
    """Reads a step (None: the latest). The number of ranks may differ from the one that wrote it."""

    def __init__(self, checkpointer: Checkpointer, step: Optional[int] = None) -> None:
        super().__init__()
        self._checkpointer = checkpointer
        found = checkpointer.checkpoint(step)
        self.step = found.step
        self._files: Dict[str, CheckpointFile] = {file.name: file for file in found.files}
        self._places: Dict[Any, Place] = {}

    def reset(self, checkpoint_id: Any = None) -> None:
        self._places = {}

    @classmethod
    def validate_checkpoint_id(cls, checkpoint_id: Any) -> bool:
        return str(checkpoint_id).startswith("oss://")

    def read_metadata(self, *_: Any, **__: Any) -> Metadata:
        # Verified bytes that this class's writer wrote; as with torch's own reader, a bucket that others may write to is not
        # a place to load pickles from.
        metadata: Metadata = pickle.loads(self._checkpointer.read(self._files[_METADATA]))
        return metadata

    def set_up_storage_reader(self, metadata: Metadata, is_coordinator: bool, *_: Any, **__: Any) -> None:
        self._places = metadata.storage_data

    def init(self, metadata: Metadata, is_coordinator: bool) -> None:
        self.set_up_storage_reader(metadata, is_coordinator)

    def prepare_local_plan(self, plan: Any) -> Any:
        return plan

    def prepare_global_plan(self, plans: List[Any]) -> List[Any]:
        return plans

    def read_data(self, plan: Any, planner: Any) -> Any:
        places = [self._places[item.storage_index] for item in plan.items]
        ranges = [(self._files[_shard(place.rank)], place.offset, place.length) for place in places]
        for item, data in zip(plan.items, self._checkpointer._read_ranges(ranges)):
            if item.type == LoadItemType.BYTE_IO:
                planner.load_bytes(item, io.BytesIO(data))
                continue
            tensor = torch.load(io.BytesIO(data), map_location="cpu")
            for dim, (start, length) in enumerate(zip(item.storage_offsets, item.lengths)):
                tensor = torch.narrow(tensor, dim, start, length)
            target = planner.resolve_tensor(item).detach()
            target.copy_(tensor)
            planner.commit_tensor(item, target)
        return _done(None)
