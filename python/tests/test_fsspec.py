"""fsspec's own conformance tests on a bucket, and what pandas, pyarrow, zarr and dask do with it."""

import os
import pickle
import uuid

import fsspec
import pytest
from conftest import KEY_ID, KEY_SECRET, REGION
from fsspec.tests.abstract import (
    AbstractCopyTests,
    AbstractFixtures,
    AbstractGetTests,
    AbstractOpenTests,
    AbstractPipeTests,
    AbstractPutTests,
)
from ossplit.fsspec import OssplitFileSystem, register_oss


@pytest.fixture
def options(server):
    return {"endpoint": server.endpoint, "region": REGION, "key": KEY_ID, "secret": KEY_SECRET}


@pytest.fixture
def fs(options):
    return fsspec.filesystem("ossplit", **options)


class Fixtures(AbstractFixtures):
    @pytest.fixture
    def fs(self, fs):
        return fs

    @pytest.fixture
    def fs_path(self, bucket):
        return bucket + "/base"

    @pytest.fixture
    def fs_join(self):
        return lambda *parts: "/".join(parts)

    @pytest.fixture
    def supports_empty_directories(self):
        return False


class TestCopy(AbstractCopyTests, Fixtures):
    pass


class TestGet(AbstractGetTests, Fixtures):
    pass


class TestPut(AbstractPutTests, Fixtures):
    pass


class TestOpen(AbstractOpenTests, Fixtures):
    pass


class TestPipe(AbstractPipeTests, Fixtures):
    pass


def test_names(fs):
    assert fs._strip_protocol("ossplit://b/k/") == fs._strip_protocol("oss://b/k") == "b/k"
    assert fs._strip_protocol("b/a//k") == "b/a//k"


def test_looking(fs, bucket):
    fs.pipe({f"{bucket}/d/{name}": b"x" for name in ["a", "b", "e/c"]})
    assert fs.ls(f"{bucket}/d", detail=False) == [f"{bucket}/d/{name}" for name in ["a", "b", "e"]]
    assert fs.find(bucket) == [f"{bucket}/d/{name}" for name in ["a", "b", "e/c"]]
    assert fs.glob(f"{bucket}/d/*") == [f"{bucket}/d/{name}" for name in ["a", "b", "e"]]
    assert fs.isdir(f"{bucket}/d") and fs.isfile(f"{bucket}/d/a") and not fs.exists(f"{bucket}/x")
    assert bucket in [name.rstrip("/") for name in fs.ls("", detail=False)]
    assert fs.du(bucket) == 3
    assert fs.info(f"{bucket}/d/a")["size"] == 1
    with pytest.raises(FileNotFoundError):
        fs.info(f"{bucket}/x")
    with pytest.raises(FileNotFoundError):
        fs.ls(f"{bucket}-none")
    assert fs.modified(f"{bucket}/d/a").tzinfo is not None
    assert fs.ukey(f"{bucket}/d/a").startswith('"')


def test_bytes(fs, bucket):
    fs.pipe(f"{bucket}/k", bytes(range(100)))
    assert fs.cat(f"{bucket}/k", start=10, end=20) == bytes(range(10, 20))
    assert fs.cat_file(f"{bucket}/k", start=-5) == bytes(range(95, 100))
    assert fs.cat_file(f"{bucket}/k", start=200) == b""
    assert fs.cat_ranges([f"{bucket}/k"] * 2, [0, 5], [2, 7]) == [b"\0\1", b"\5\6"]
    with fs.open(f"{bucket}/k", "ab") as file:
        file.write(b"more")
    assert fs.cat(f"{bucket}/k") == bytes(range(100)) + b"more"
    with fs.open(f"{bucket}/text", "w", encoding="utf-8") as file:
        file.write("grün\n")
    with fs.open(f"{bucket}/text", "r", encoding="utf-8") as file:
        assert file.readlines() == ["grün\n"]
    with fs.open(f"{bucket}/packed.gz", "wb", compression="gzip") as file:
        file.write(b"y" * 10000)
    with fs.open(f"{bucket}/packed.gz", "rb", compression="infer") as file:
        assert file.read() == b"y" * 10000
    with fs.open(f"{bucket}/lines.bz2", "w", compression="infer") as file:
        file.write("one\ntwo\n")
    with fs.open(f"{bucket}/lines.bz2", "r", compression="infer") as file:
        assert file.read() == "one\ntwo\n"
    with pytest.raises(RuntimeError):
        with fs.open(f"{bucket}/half.gz", "wb", compression="gzip") as file:
            file.write(b"y" * 10000)
            raise RuntimeError
    assert not fs.exists(f"{bucket}/half.gz")


def test_moving_and_deleting(fs, bucket):
    fs.pipe({f"{bucket}/d/{i}": b"x" for i in range(3)})
    fs.mv(f"{bucket}/d", f"{bucket}/e", recursive=True)
    assert fs.find(bucket) == [f"{bucket}/e/{i}" for i in range(3)]
    fs.rm(f"{bucket}/e", recursive=True)
    assert fs.find(bucket) == []


def test_buckets(fs):
    name = f"py-{uuid.uuid4().hex[:12]}"
    fs.mkdir(name)
    with pytest.raises(FileExistsError):
        fs.mkdir(name)
    fs.makedirs(name, exist_ok=True)
    fs.pipe(name + "/k", b"")
    with pytest.raises(OSError, match="not empty"):
        fs.rmdir(name)
    fs.rm(name + "/k")
    fs.rmdir(name)
    assert not fs.exists(name)


def test_a_transaction_is_all_or_nothing(fs, bucket):
    with pytest.raises(RuntimeError):
        with fs.transaction:
            with fs.open(f"{bucket}/k", "wb") as file:
                file.write(b"x")
            raise RuntimeError
    assert not fs.exists(f"{bucket}/k")
    with fs.transaction:
        with fs.open(f"{bucket}/k", "wb") as file:
            file.write(b"x")
        assert not fs.exists(f"{bucket}/k")
    assert fs.cat(f"{bucket}/k") == b"x"


def test_errors_are_those_of_files(fs, options, bucket):
    with pytest.raises(FileNotFoundError):
        fs.cat(f"{bucket}/absent")
    with pytest.raises(FileNotFoundError):
        fs.open(f"{bucket}/absent")
    anonymous = fsspec.filesystem("ossplit", endpoint=options["endpoint"], region=REGION, anon=True)
    with pytest.raises(PermissionError):
        anonymous.cat(f"{bucket}/k")
    with pytest.raises(IsADirectoryError):
        fs.cat_file(bucket)


def test_signing(fs, bucket):
    import urllib.request

    fs.pipe(f"{bucket}/k", b"signed")
    with urllib.request.urlopen(fs.sign(f"{bucket}/k"), timeout=30) as answer:
        assert answer.read() == b"signed"


def test_pickling(fs, bucket):
    fs.pipe(f"{bucket}/k", b"x")
    assert pickle.loads(pickle.dumps(fs)).cat(f"{bucket}/k") == b"x"


def test_oss_on_request(options, bucket, fs):
    fs.pipe(f"{bucket}/k", b"x")
    register_oss()
    assert isinstance(fsspec.filesystem("oss", **options), OssplitFileSystem)
    with fsspec.open(f"oss://{bucket}/k", **options) as file:
        assert file.read() == b"x"


def test_after_a_fork(fs, bucket):
    fs.pipe(f"{bucket}/k", b"x")
    child = os.fork()
    if child == 0:
        try:
            good = fs.cat(f"{bucket}/k") == b"x"
        except BaseException:  # noqa: BLE001 (the child must not go on with the tests)
            good = False
        os._exit(0 if good else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_pandas(options, bucket):
    import pandas

    table = pandas.DataFrame({"a": range(1000), "b": [str(i) for i in range(1000)]})
    table.to_csv(f"ossplit://{bucket}/t.csv", index=False, storage_options=options)
    assert pandas.read_csv(f"ossplit://{bucket}/t.csv", storage_options=options, dtype={"b": str}).equals(table)


def test_pyarrow(fs, bucket):
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table({"a": list(range(10000)), "p": [i % 3 for i in range(10000)]})
    parquet.write_to_dataset(table, f"{bucket}/set", partition_cols=["p"], filesystem=fs)
    back = parquet.read_table(f"{bucket}/set", filesystem=fs)
    assert sorted(back["a"].to_pylist()) == list(range(10000))


def test_zarr(options, bucket):
    import numpy
    import zarr

    store = zarr.storage.FsspecStore.from_url(f"ossplit://{bucket}/z.zarr", storage_options=options)
    array = zarr.create_array(store, shape=(100, 100), chunks=(30, 30), dtype="f8")
    array[:] = numpy.arange(10000.0).reshape(100, 100)
    assert (zarr.open_array(store, mode="r")[:] == numpy.arange(10000.0).reshape(100, 100)).all()


def test_dask(options, bucket, fs):
    from dask import bag

    fs.pipe({f"{bucket}/lines/{i}.txt": f"{i}\n".encode() * 10 for i in range(5)})
    lines = bag.read_text(f"ossplit://{bucket}/lines/*.txt", storage_options=options)
    assert lines.map(int).sum().compute(scheduler="threads") == 100
