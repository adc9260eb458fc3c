"""`ossplit.safetensors`, and the official package as the judge of the format."""

import numpy
import pytest

from ossplit.errors import PreconditionFailed
from ossplit.safetensors import load_file, safe_open, save_file


def tensors():
    rng = numpy.random.default_rng(5)
    return {
        "large": rng.normal(size=(500, 1000)).astype(numpy.float32),
        "empty": numpy.zeros((2, 0), dtype=numpy.int8),
        "strided": numpy.arange(12, dtype=numpy.int64).reshape(3, 4).T,
        "scalar": numpy.array(2.5),
        "half": numpy.ones(3, dtype=numpy.float16),
    }


def test_tensors_come_back(client, bucket):
    address = f"oss://{bucket}/m.safetensors"
    save_file(tensors(), address, {"format": "np"}, client=client)
    back = load_file(address, client=client)
    assert list(back) == list(tensors())
    for name, value in tensors().items():
        assert back[name].dtype == value.dtype and numpy.array_equal(back[name], value), name
    # One block of memory, in which they lie one after another as in the object; and it can be written to.
    ends = [array.ctypes.data + array.nbytes for array in back.values() if array.size]
    assert [array.ctypes.data for array in back.values() if array.size][1:] == ends[:-1]
    assert back["large"].flags.writeable
    with safe_open(address, client=client) as file:
        assert file.metadata() == {"format": "np"} and "half" in file.keys()
        assert numpy.array_equal(file.get_tensor("strided"), tensors()["strided"])
        with pytest.raises(KeyError):
            file.get_tensor("none")


def test_the_official_package_reads_ours_and_we_read_its(client, bucket, tmp_path):
    official = pytest.importorskip("safetensors.numpy")
    save_file(tensors(), f"oss://{bucket}/ours", client=client)
    theirs = official.load(client.get(bucket, "ours"))
    for name, value in tensors().items():
        assert numpy.array_equal(theirs[name], value), name
    contiguous = {name: numpy.ascontiguousarray(value) for name, value in tensors().items() if name != "scalar"}
    client.put(bucket, "theirs", official.save(contiguous, {"a": "b"}))
    back = load_file(f"oss://{bucket}/theirs", client=client)
    for name, value in contiguous.items():
        assert numpy.array_equal(back[name], value), name


def test_an_object_that_is_replaced_is_not_mixed(client, bucket):
    address = f"oss://{bucket}/m"
    save_file(tensors(), address, client=client)
    with safe_open(address, client=client) as file:
        client.put(bucket, "m", b"another")
        with pytest.raises(PreconditionFailed):
            file.get_all()


@pytest.mark.parametrize("bad", [b"", b"1234567", b"\xff" * 100, b"\x04\0\0\0\0\0\0\0nope"])
def test_what_is_no_safetensors_is_refused(client, bucket, bad):
    client.put(bucket, "bad", bad)
    with pytest.raises(ValueError, match="no safetensors file"):
        load_file(f"oss://{bucket}/bad", client=client)
    with pytest.raises(ValueError, match="framework="):
        safe_open(f"oss://{bucket}/bad", "caffe", client=client)
