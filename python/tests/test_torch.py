"""PyTorch: datasets with workers of every start method, files, and torch.distributed.checkpoint.

Runs with whatever torch the interpreter has; scripts/test-torch (`make python`) runs it with Debian's python3-torch, `make test-frameworks`
with PyPI's newest.
"""

import importlib

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here: scripts/test-torch runs this with Debian's")

from torch.utils.data import DataLoader  # noqa: E402

import ossplit  # noqa: E402
from conftest import until  # noqa: E402
from ossplit import torch as oss  # noqa: E402
from ossplit.checkpoint import Checkpointer  # noqa: E402


@pytest.fixture
def samples(client, bucket):
    for i in range(50):
        client.put(bucket, f"train/{i:03}", b"sample %d" % i)
    return bucket


def need_distributed():
    if not torch.distributed.is_available():
        pytest.skip("this torch is built without torch.distributed")
    try:
        importlib.import_module("torch.distributed._shard")
    except ValueError as error:
        # Debian 12 has torch 1.13, whose dataclasses Python 3.11 refuses. make test-frameworks has a newer one.
        pytest.skip(f"this torch can't import its own torch.distributed._shard: {error}")


def number(sample):
    return int(sample.data.split()[1])


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_every_start_method_read_every_sample(client, samples, method):
    dataset = oss.OssMapDataset(f"oss://{samples}/train/", number, client=client)
    assert (len(dataset), dataset[7]) == (50, 7)
    loader = DataLoader(dataset, batch_size=8, shuffle=True, num_workers=2, multiprocessing_context=method)
    for _ in range(2):
        assert sorted(torch.cat(list(loader)).tolist()) == list(range(50))
    each_once = oss.OssIterableDataset(f"oss://{samples}/train/", number, shuffle=3, client=client)
    loader = DataLoader(each_once, batch_size=8, num_workers=2, multiprocessing_context=method)
    assert sorted(torch.cat(list(loader)).tolist()) == list(range(50))


def test_ranks_share_the_samples_and_epochs_differ(client, samples):
    def order(rank, epoch):
        dataset = oss.OssIterableDataset(
            f"oss://{samples}/train/", number, shuffle=1, rank=rank, world_size=3, client=client)
        dataset.set_epoch(epoch)
        return list(dataset)

    assert sorted(order(0, 0) + order(1, 0) + order(2, 0)) == list(range(50))
    assert order(0, 0) == order(0, 0) != order(0, 1)


def test_lists_and_indices_are_sources_too(client, samples, tmp_path):
    addresses = [f"oss://{samples}/train/{i:03}" for i in (9, 2)]
    assert list(oss.OssMapDataset(addresses, number, client=client)[i] for i in range(2)) == [9, 2]
    index = tmp_path / "index"
    index.write_text("# chosen\n" + "\n".join(addresses) + "\n\n")
    assert len(oss.OssMapDataset.from_index(index, client=client)) == 2
    with pytest.raises(ValueError, match="no object in"):
        oss.OssMapDataset(f"oss://{samples}/nothing/", client=client)
    with pytest.raises(ossplit.OssError):
        oss.OssMapDataset([f"oss://{samples}/gone"], client=client)[0]


def test_a_sampler_tells_the_mount_what_comes_next(server, client, samples, mounted, tmp_path):
    at = mounted(f"{samples}:/train", tmp_path / "mnt", "ro", "kernel_cache")
    paths = [at / f"{i:03}" for i in range(50)]

    class Files(torch.utils.data.Dataset):
        def __len__(self):
            return len(paths)

        def __getitem__(self, index):
            return int(paths[index].read_bytes().split()[1])

    files = Files()
    sampler = oss.HintedSampler(torch.utils.data.RandomSampler(files), paths)
    assert len(sampler) == 50
    before = server.requests("GetObject")
    order = list(sampler)
    # The mount fetches though nobody opened a file.
    until(lambda: server.requests("GetObject") > before)
    assert torch.cat(list(DataLoader(files, batch_size=5, sampler=order))).tolist() == order
    assert server.requests("GetObject") - before == 50
    assert sorted(torch.cat(list(DataLoader(files, batch_size=5, sampler=sampler))).tolist()) == list(range(50))


def test_torch_saves_to_and_loads_from_objects(client, bucket):
    value = {"w": torch.arange(10.0), "step": 3}
    oss.save(value, f"oss://{bucket}/m.pt", client=client)
    back = oss.load(f"oss://{bucket}/m.pt", client=client)
    assert back["step"] == 3 and torch.equal(back["w"], value["w"])
    with client.open(bucket, "n.pt", "wb") as file:
        torch.save(value, file)
    with client.open(bucket, "n.pt", "rb") as file:
        assert torch.equal(torch.load(file)["w"], value["w"])


def test_state_of_tensors_comes_back(client, bucket, tmp_path):
    model = torch.nn.Linear(7, 3)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(2, 7)).sum().backward()
    optimizer.step()
    half = torch.ones(3, dtype=torch.bfloat16)
    with Checkpointer(f"oss://{bucket}/run", client=client, staging_dir=tmp_path) as checkpoints:
        state = {"model": dict(model.state_dict()), "optimizer": optimizer.state_dict(), "half": half}
        checkpoints.save(1, {"state": state})
        back = checkpoints.load()["state"]
    other = torch.nn.Linear(7, 3)
    other.load_state_dict(back["model"])
    assert torch.equal(other.weight, model.weight)
    torch.optim.Adam(other.parameters()).load_state_dict(back["optimizer"])
    assert back["half"].dtype == torch.bfloat16 and torch.equal(back["half"], half)


def test_distributed_checkpoints_are_written_and_read(client, bucket, tmp_path):
    need_distributed()
    from ossplit.distributed_checkpoint import StorageReader, StorageWriter, dcp

    checkpoints = Checkpointer(f"oss://{bucket}/run", client=client, staging_dir=tmp_path)
    state = {"w": torch.arange(12.0).reshape(3, 4), "step": 5, "b": torch.ones(2, dtype=torch.int64)}
    dcp.save_state_dict(dict(state), StorageWriter(checkpoints, 100), no_dist=True)
    assert checkpoints.latest() == 100
    back = {"w": torch.zeros(3, 4), "step": 0, "b": torch.zeros(2, dtype=torch.int64)}
    dcp.load_state_dict(back, StorageReader(checkpoints), no_dist=True)
    assert torch.equal(back["w"], state["w"]) and torch.equal(back["b"], state["b"]) and back["step"] == 5


def _rank(rank, endpoint, region, key, place, folder, port):
    import torch.distributed as dist
    from ossplit.distributed_checkpoint import StorageReader, StorageWriter, dcp

    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    client = ossplit.Client(endpoint, region, key)
    checkpoints = Checkpointer(place, client=client, staging_dir=f"{folder}/{rank}", timeout=60)
    assert (checkpoints.rank, checkpoints.world_size) == (rank, 2)
    state = {f"w{rank}": torch.full((3,), float(rank)), "shared": torch.ones(2)}
    writer = StorageWriter(checkpoints, 7)
    dcp.save_state_dict(dict(state), writer)
    assert writer.save.result(60).step == 7
    back = {f"w{rank}": torch.zeros(3), "shared": torch.zeros(2)}
    dcp.load_state_dict(back, StorageReader(checkpoints))
    assert torch.equal(back[f"w{rank}"], state[f"w{rank}"]) and torch.equal(back["shared"], torch.ones(2))
    dist.destroy_process_group()


def test_ranks_write_and_read_distributed_checkpoints_together(server, client, bucket, tmp_path):
    need_distributed()
    import socket

    from conftest import KEY_ID, KEY_SECRET, REGION

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    torch.multiprocessing.spawn(
        _rank, (server.endpoint, REGION, (KEY_ID, KEY_SECRET), f"oss://{bucket}/run", str(tmp_path), port), 2)
    checkpoints = Checkpointer(f"oss://{bucket}/run", client=client, staging_dir=tmp_path, rank=0, world_size=1)
    assert checkpoints.checkpoint().world_size == 2
