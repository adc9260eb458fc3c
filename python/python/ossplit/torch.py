"""PyTorch on OSS: datasets whose samples are objects, torch.save and torch.load, and torch.distributed.checkpoint.

>>> from ossplit.torch import OssMapDataset
>>> dataset = OssMapDataset("oss://bucket/train/", transform=decode)
>>> loader = torch.utils.data.DataLoader(dataset, batch_size=64, num_workers=4)
"""

from __future__ import annotations

import io
import os
from typing import Any, Callable, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

import torch
import torch.utils.data

from ._address import client_or_default, split
from ._client import Client
from ._hint import hint

#: What a dataset is of: a prefix (``oss://bucket/prefix``), or keys one by one as addresses.
Source = Union[str, Iterable[str]]


class Sample(NamedTuple):
    """An object as a dataset gives it."""

    key: str
    data: bytes


class _Objects:
    """Addresses, listed once and where they are first needed: workers get the list with the dataset."""

    def __init__(self, source: Source, client: Optional[Client]) -> None:
        self.client = client_or_default(client)
        if isinstance(source, str):
            bucket, prefix = split(source)
            self.addresses = [
                (bucket, one.key) for one in self.client.list(bucket, prefix) if not one.key.endswith("/")]
        else:
            self.addresses = [split(one) for one in source]
        if not self.addresses:
            raise ValueError(f"there is no object in {source!r}")

    @classmethod
    def from_index(cls, path: Union[str, "os.PathLike[str]"], client: Optional[Client]) -> "_Objects":
        """Addresses from a file, one a line; empty lines and those that begin with # are left out."""
        with open(path, encoding="utf-8") as lines:
            wanted = [line.strip() for line in lines]
        return cls([line for line in wanted if line and not line.startswith("#")], client)


def _get_many(client: Client, addresses: Sequence[Tuple[str, str]]) -> List[bytes]:
    """Whole objects in the order of their addresses, one bucket's at once."""
    found: List[bytes] = [b""] * len(addresses)
    for bucket in {bucket for bucket, _ in addresses}:
        places = [i for i, (own, _) in enumerate(addresses) if own == bucket]
        for i, data in zip(places, client.get_many(bucket, [addresses[i][1] for i in places])):
            found[i] = data
    return found


class OssMapDataset(torch.utils.data.Dataset):
    """Objects by number. Works in DataLoader workers of every start method; a batch is fetched in parallel.

    :param source: ``oss://bucket/prefix``, listed once, or addresses of objects.
    :param transform: is given a `Sample`; what it gives is the sample. The bytes by default.
    """

    def __init__(self, source: Source, transform: Optional[Callable[[Sample], Any]] = None, *,
                 client: Optional[Client] = None) -> None:
        self._objects = _Objects(source, client)
        self._transform = transform

    @classmethod
    def from_index(cls, path: Union[str, "os.PathLike[str]"], transform: Optional[Callable[[Sample], Any]] = None, *,
                   client: Optional[Client] = None) -> "OssMapDataset":
        """Objects whose addresses are the lines of a file."""
        made = cls.__new__(cls)
        made._objects, made._transform = _Objects.from_index(path, client), transform
        return made

    def __len__(self) -> int:
        return len(self._objects.addresses)

    def __getitem__(self, index: int) -> Any:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> List[Any]:
        """A batch: torch 2's fetcher asks for it at once."""
        wanted = [self._objects.addresses[i] for i in indices]
        return [_transformed(self._transform, key, data)
                for (_, key), data in zip(wanted, _get_many(self._objects.client, wanted))]


def _transformed(transform: Optional[Callable[[Sample], Any]], key: str, data: bytes) -> Any:
    return data if transform is None else transform(Sample(key, data))


class OssIterableDataset(torch.utils.data.IterableDataset):
    """Objects one after another, fetched ahead. Each worker of each rank has its own share: every object comes once.

    :param shuffle: a seed; the order of `epoch` N is that of seed + N, the same on all ranks. None keeps the order.
    :param ahead: objects that are fetched at once.
    :param rank: with `world_size`; by default what torch.distributed says, if it is set up.
    """

    def __init__(self, source: Source, transform: Optional[Callable[[Sample], Any]] = None, *, shuffle: Optional[int] = None,
                 ahead: int = 32, rank: Optional[int] = None, world_size: Optional[int] = None,
                 client: Optional[Client] = None) -> None:
        self._objects = _Objects(source, client)
        self._transform, self._shuffle, self._ahead = transform, shuffle, max(1, ahead)
        if rank is None and world_size is None:
            distributed = torch.distributed
            if distributed.is_available() and distributed.is_initialized():
                rank, world_size = distributed.get_rank(), distributed.get_world_size()
        self._rank, self._world_size = rank or 0, world_size or 1
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Another order, where the dataset is shuffled."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[Any]:
        order = list(range(len(self._objects.addresses)))
        if self._shuffle is not None:
            order = torch.randperm(
                len(order), generator=torch.Generator().manual_seed(self._shuffle + self.epoch)).tolist()
        worker = torch.utils.data.get_worker_info()
        number, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        mine = order[self._rank * workers + number::self._world_size * workers]
        for start in range(0, len(mine), self._ahead):
            some = [self._objects.addresses[i] for i in mine[start:start + self._ahead]]
            for (_, key), data in zip(some, _get_many(self._objects.client, some)):
                yield _transformed(self._transform, key, data)


class HintedSampler(torch.utils.data.Sampler):
    """A sampler that tells the mount with the files which of them come next, at the begin of each epoch.

    :param paths: the file of each index, on a mount of ossplit's.
    """

    def __init__(self, sampler: Iterable[int], paths: Sequence[Union[str, "os.PathLike[str]"]], name: str = "train") -> None:
        self._sampler, self._paths, self._name = sampler, paths, name

    def __len__(self) -> int:
        return len(self._sampler)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[int]:
        order = list(self._sampler)
        hint((self._paths[i] for i in order), self._name)
        return iter(order)


def save(value: object, address: str, *, client: Optional[Client] = None) -> None:
    """`torch.save` to ``oss://bucket/key``, in parts while it is written. The object is there once this returned, or as it was
    before."""
    bucket, key = split(address)
    with client_or_default(client).open(bucket, key, "wb") as file:
        torch.save(value, file)


def load(address: str, *, client: Optional[Client] = None, **options: Any) -> Any:
    """`torch.load` of ``oss://bucket/key``; `options` are torch's (map_location, weights_only and so on)."""
    bucket, key = split(address)
    return torch.load(io.BytesIO(client_or_default(client).get(bucket, key)), **options)
