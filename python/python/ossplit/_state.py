"""Nested state as one file: its arrays and tensors in the safetensors format, and the tree they hang in beside them.

Any reader of safetensors can read the tensors; their names are their places in the tree, such as ``optimizer.state.0.exp_avg``.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Dict, List, Optional, Tuple

#: Where the tree is, in the file's ``__metadata__``.
TREE = "ossplit.tree"

_NUMPY_NAMES = {
    "bool": "BOOL", "uint8": "U8", "int8": "I8", "uint16": "U16", "int16": "I16", "uint32": "U32", "int32": "I32",
    "uint64": "U64", "int64": "I64", "float16": "F16", "float32": "F32", "float64": "F64",
}
#: What torch and ml_dtypes (the types of JAX's arrays) have beside these, under the same names.
_NAMES = {
    **_NUMPY_NAMES, "bfloat16": "BF16", "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2",
}
_DTYPES = {name: dtype for dtype, name in _NAMES.items()}


def torch_if_loaded() -> Any:
    """torch, if the program has it: nobody can give a tensor without having imported it."""
    return sys.modules.get("torch")


def is_array(value: object) -> bool:
    """Whether a value is a numpy array or scalar, or a torch tensor."""
    return _kind(value) is not None


def _kind(value: object) -> Optional[str]:
    torch, numpy = torch_if_loaded(), sys.modules.get("numpy")
    if torch is not None and isinstance(value, torch.Tensor):
        return "torch"
    if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)):
        return "numpy"
    # JAX's and TensorFlow's arrays become numpy's.
    if hasattr(value, "__array__") and hasattr(value, "dtype"):
        return "array"
    return None


def buffer_of(value: Any) -> Tuple[str, List[int], Any]:
    """(safetensors dtype, shape, the bytes), not copied where the value is contiguous and in main memory."""
    torch = torch_if_loaded()
    if torch is not None and isinstance(value, torch.Tensor):
        tensor = value.detach()
        if tensor.layout != torch.strided:
            raise TypeError(f"a tensor of layout {tensor.layout} can't be saved: make it dense")
        tensor = tensor.cpu().contiguous()
        name = _NAMES.get(str(tensor.dtype)[len("torch."):])
        if name is None:
            raise TypeError(f"a tensor of {tensor.dtype} can't be saved")
        return name, list(tensor.shape), tensor.reshape(-1).view(torch.uint8).numpy() if tensor.numel() else b""
    import numpy

    array = numpy.asarray(value)
    if not array.flags.c_contiguous:
        array = numpy.ascontiguousarray(array).reshape(array.shape)
    name = _NAMES.get(array.dtype.name)
    if name is None or array.dtype.byteorder == ">":
        raise TypeError(f"an array of {array.dtype} can't be saved")
    return name, list(array.shape), array.reshape(-1).view(numpy.uint8) if array.size else b""


def array_of(kind: str, dtype: str, shape: List[int], data: memoryview) -> Any:
    """An array or tensor on these bytes, which it shares."""
    if kind == "torch":
        import torch

        wanted = getattr(torch, _DTYPES[dtype])
        if not len(data):
            return torch.empty(shape, dtype=wanted)
        return torch.frombuffer(data, dtype=torch.uint8).view(wanted).reshape(shape)
    import numpy

    if dtype not in _DTYPES:
        raise TypeError(f"an array of {dtype} can't be read")
    wanted = _DTYPES[dtype]
    if wanted not in _NUMPY_NAMES:
        try:
            import ml_dtypes
        except ImportError:
            raise TypeError(f"numpy alone has no {dtype}: install ml_dtypes, or read it with torch") from None
        wanted = getattr(ml_dtypes, wanted)
    return numpy.frombuffer(data, dtype=wanted).reshape(shape)


def header(tensors: Dict[str, Tuple[str, List[int], Any]], metadata: Optional[Dict[str, str]] = None) -> bytes:
    """The head of a safetensors file; the buffers follow it in this order."""
    table: Dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    at = 0
    for name, (dtype, shape, data) in tensors.items():
        end = at + memoryview(data).nbytes
        table[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, end]}
        at = end
    text = json.dumps(table, separators=(",", ":")).encode()
    # The format wants the data aligned.
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def parse_header(data: memoryview) -> Tuple[Dict[str, Any], int]:
    """(the table, where the data begin); ValueError if it is none."""
    length = int.from_bytes(data[:8], "little") if len(data) >= 8 else -1
    if not 0 <= length <= min(len(data) - 8, 100_000_000):
        raise ValueError("this is no safetensors file: its header does not fit")
    try:
        table = json.loads(bytes(data[8:8 + length]))
    except ValueError:
        raise ValueError("this is no safetensors file: its header is no JSON") from None
    if not isinstance(table, dict):
        raise ValueError("this is no safetensors file: its header is no table")
    return table, 8 + length


def encode(value: object) -> List[Any]:
    """Nested state as buffers that follow one another."""
    tensors: Dict[str, Tuple[str, List[int], Any]] = {}
    tree = _tree(value, "", tensors)
    return [header(tensors, {TREE: json.dumps(tree)}), *(data for _, _, data in tensors.values())]


def decode(data: memoryview) -> Any:
    """What was encoded; its arrays share `data`."""
    table, start = parse_header(data)
    tree = json.loads(table.get("__metadata__", {})[TREE])
    return _value(tree, table, data[start:])


def _put(where: str, kind: str, value: Any, tensors: Dict[str, Tuple[str, List[int], Any]]) -> List[Any]:
    name = where or "value"
    while name in tensors or name == "__metadata__":
        name += "_"
    tensors[name] = buffer_of(value) if kind != "bytes" else ("U8", [len(value)], value)
    return [kind, name]


def _tree(value: Any, where: str, tensors: Dict[str, Tuple[str, List[int], Any]]) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)) and type(value).__module__ == "builtins":
        return ["value", value]
    kind = _kind(value)
    if kind is not None:
        scalar = kind == "numpy" and not hasattr(value, "__setitem__")
        return _put(where, "scalar" if scalar else kind.replace("array", "numpy"), value, tensors)
    if isinstance(value, (bytes, bytearray)):
        return _put(where, "bytes", bytes(value), tensors)
    if isinstance(value, dict):
        pairs = []
        for key, one in value.items():
            if not isinstance(key, (str, int)) or isinstance(key, bool):
                raise TypeError(f"{where or 'the state'} has the key {key!r}: keys must be str or int")
            pairs.append([key, _tree(one, f"{where}.{key}" if where else str(key), tensors)])
        return ["dict", pairs]
    if isinstance(value, (list, tuple)):
        parts = [_tree(one, f"{where}.{i}" if where else str(i), tensors) for i, one in enumerate(value)]
        return ["tuple" if isinstance(value, tuple) else "list", parts]
    raise TypeError(
        f"{where or 'the state'} is a {type(value).__name__}, which can't be saved: give arrays, tensors, bytes, str, numbers, "
        "None, and dicts, lists and tuples of them")


def _value(tree: Any, table: Dict[str, Any], data: memoryview) -> Any:
    kind, what = tree
    if kind == "value":
        return what
    if kind == "dict":
        return {key: _value(one, table, data) for key, one in what}
    if kind in ("list", "tuple"):
        parts = [_value(one, table, data) for one in what]
        return tuple(parts) if kind == "tuple" else parts
    entry = table[what]
    start, end = entry["data_offsets"]
    if kind == "bytes":
        return bytes(data[start:end])
    array = array_of("torch" if kind == "torch" else "numpy", entry["dtype"], entry["shape"], data[start:end])
    return array[()] if kind == "scalar" else array
