"""The IDX files of the MNIST data sets (http://yann.lecun.com/exdb/mnist/): reading and writing."""

import gzip
import os
import struct

import numpy

FILES = {
    "train_images": "train-images-idx3-ubyte.gz",
    "train_labels": "train-labels-idx1-ubyte.gz",
    "test_images": "t10k-images-idx3-ubyte.gz",
    "test_labels": "t10k-labels-idx1-ubyte.gz",
}


def decode(data):
    """Bytes of an IDX file of unsigned bytes, gzipped -> array of uint8 with the file's shape."""
    data = gzip.decompress(data)
    if len(data) < 4 or data[:3] != b"\0\0\x08":
        raise ValueError("not an IDX file of unsigned bytes")
    dimensions = data[3]
    shape = struct.unpack_from(f">{dimensions}I", data, 4)
    array = numpy.frombuffer(data, dtype=numpy.uint8, offset=4 + 4 * dimensions)
    if array.size != int(numpy.prod(shape)):
        raise ValueError(f"an IDX file of shape {shape} holds {array.size} bytes")
    return array.reshape(shape)


def encode(array):
    """The reverse; the same array gives the same bytes, whenever it is written."""
    array = numpy.ascontiguousarray(array, dtype=numpy.uint8)
    head = b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(head + array.tobytes(), mtime=0)


def load(folder):
    """Reads the four files of a folder: a dictionary of arrays."""
    loaded = {}
    for name, file in FILES.items():
        with open(os.path.join(folder, file), "rb") as source:
            loaded[name] = decode(source.read())
    return loaded


def save(folder, arrays):
    """Writes the four files of a folder."""
    os.makedirs(folder, exist_ok=True)
    for name, file in FILES.items():
        with open(os.path.join(folder, file), "wb") as target:
            target.write(encode(arrays[name]))
