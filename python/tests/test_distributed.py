"""`ossplit.distributed_checkpoint` without torch: what torch.distributed.checkpoint has for it, and calls of it, in small.

test_torch.py has the real one, where a torch is installed that has it.
"""

import concurrent.futures
import enum
import importlib
import io
import pickle
import sys
import types
from typing import Any, NamedTuple

import numpy
import pytest
from ossplit.checkpoint import Checkpointer


class Tensor:
    """As much of a tensor as is asked for."""

    def __init__(self, array):
        self.array = array

    def detach(self):
        return self

    cpu = detach

    def clone(self):
        return Tensor(self.array.copy())

    def copy_(self, other):
        self.array[...] = other.array


class Kind(enum.Enum):
    TENSOR = 1
    BYTE_IO = 2


class WriteResult(NamedTuple):
    index: str
    size_in_bytes: int
    storage_data: Any


class WriteItem(NamedTuple):
    index: str
    type: Kind


class ReadItem(NamedTuple):
    storage_index: str
    type: Kind
    storage_offsets: tuple = ()
    lengths: tuple = ()


class Metadata:
    storage_data = None


class Future:
    def set_result(self, value):
        self.value = value

    def wait(self):
        return self.value


class Planner:
    """Hands out and takes the items of one rank's state."""

    def __init__(self, state):
        self.state, self.committed = state, []

    def resolve_data(self, item):
        value = self.state[item.index]
        return value if isinstance(value, Tensor) else io.BytesIO(value)

    def load_bytes(self, item, data):
        self.state[item.storage_index] = data.read()

    def resolve_tensor(self, item):
        return self.state[item.storage_index]

    def commit_tensor(self, item, tensor):
        self.committed.append(item.storage_index)


def narrowed(tensor, dim, start, length):
    return Tensor(tensor.array[(slice(None),) * dim + (slice(start, start + length),)])


@pytest.fixture
def ours(monkeypatch):
    def module(name, **names):
        made = types.ModuleType(name)
        vars(made).update(names)
        monkeypatch.setitem(sys.modules, name, made)
        return made

    base = type("Base", (), {})
    name = "torch.distributed.checkpoint"
    dcp = module(name, StorageWriter=base, StorageReader=base)
    module("torch", Tensor=Tensor, narrow=narrowed, save=lambda value, file: pickle.dump(value.array, file),
           load=lambda file, map_location: Tensor(pickle.load(file)))
    module("torch.futures", Future=Future)
    module("torch.distributed", checkpoint=dcp, is_available=lambda: False)
    module(name + ".metadata", Metadata=Metadata)
    module(name + ".planner", LoadItemType=Kind, WriteItemType=Kind)
    module(name + ".storage", WriteResult=WriteResult)
    monkeypatch.delitem(sys.modules, "ossplit.distributed_checkpoint", raising=False)
    yield importlib.import_module("ossplit.distributed_checkpoint")
    sys.modules.pop("ossplit.distributed_checkpoint")


def test_ranks_write_and_one_reads(ours, client, bucket, tmp_path):
    states = [{"w0": Tensor(numpy.arange(12.0).reshape(3, 4)), "step": b"5"}, {"w1": Tensor(numpy.ones(2))}]
    writers = [
        ours.StorageWriter(Checkpointer(f"oss://{bucket}/run", client=client, staging_dir=tmp_path / str(rank), rank=rank,
                                        world_size=2, timeout=60), 7)
        for rank in range(2)]

    def write(rank):
        writer, state = writers[rank], states[rank]
        writer.set_up_storage_writer(rank == 0)
        items = [WriteItem(name, Kind.TENSOR if isinstance(value, Tensor) else Kind.BYTE_IO) for name, value in state.items()]
        plan = writer.prepare_global_plan([writer.prepare_local_plan(types.SimpleNamespace(items=items))])[0]
        return writer.write_data(plan, Planner(state)).wait()

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = list(pool.map(write, range(2)))
    assert [[one.index for one in some] for some in results] == [["w0", "step"], ["w1"]]
    checkpoints = Checkpointer(f"oss://{bucket}/run", client=client, staging_dir=tmp_path / "reader", rank=0, world_size=1)
    assert checkpoints.latest() is None
    writers[0].finish(Metadata(), results)
    assert writers[1].save.result(60).step == checkpoints.latest() == 7
    assert checkpoints.verify(deep=True).faults == []

    reader = ours.StorageReader(checkpoints)
    reader.set_up_storage_reader(reader.read_metadata(), True)
    # One tensor whole, of the other a part.
    state = {"w1": Tensor(numpy.zeros(2)), "w0": Tensor(numpy.zeros((2, 4)))}
    items = [ReadItem("w1", Kind.TENSOR, (0,), (2,)), ReadItem("step", Kind.BYTE_IO), ReadItem("w0", Kind.TENSOR, (1, 0), (2, 4))]
    planner = Planner(state)
    plan = reader.prepare_global_plan([reader.prepare_local_plan(types.SimpleNamespace(items=items))])[0]
    reader.read_data(plan, planner).wait()
    assert (state["step"], planner.committed) == (b"5", ["w1", "w0"])
    assert state["w1"].array.tolist() == [1.0, 1.0]
    assert numpy.array_equal(state["w0"].array, numpy.arange(12.0).reshape(3, 4)[1:])


def test_the_coordinator_is_rank_0(ours, client, bucket, tmp_path):
    checkpoints = Checkpointer(f"oss://{bucket}/run", client=client, staging_dir=tmp_path, rank=1, world_size=2)
    with pytest.raises(ValueError, match="rank 0"):
        ours.StorageWriter(checkpoints, 1).set_up_storage_writer(True)
    assert ours.StorageWriter.validate_checkpoint_id("oss://b/p") and not ours.StorageReader.validate_checkpoint_id("/tmp/x")
