"""SQL over CSV and JSON objects (API pages "SelectObject" and "CreateSelectObjectMeta").

An answer is a row of frames: version and type (4 bytes), length of the payload (4), checksum of the head (4), payload, CRC32
of the payload (4); numbers are big-endian. A payload begins with the offset in the object that was scanned (8).
"""

from __future__ import annotations

import base64
import struct
import xml.etree.ElementTree as ElementTree
import zlib
from typing import Any, Dict, Iterator, Optional

from . import http, models, utils
from ._base import _range
from .exceptions import ClientError, InconsistentError, SelectOperationClientError, SelectOperationFailed
from .select_params import SelectJsonTypes, SelectParameters

_DATA, _CONTINUE, _END, _META_END, _JSON_META_END = 8388609, 8388612, 8388613, 8388614, 8388615

# Where each parameter goes, and how: as text, in base64, or as a range.
_P = SelectParameters
_CSV = {
    _P.CsvHeaderInfo: ("in/CSV/FileHeaderInfo", "text"),
    _P.CommentCharacter: ("in/CSV/CommentCharacter", "base64"),
    _P.RecordDelimiter: ("in/CSV/RecordDelimiter", "base64"),
    _P.FieldDelimiter: ("in/CSV/FieldDelimiter", "base64"),
    _P.QuoteCharacter: ("in/CSV/QuoteCharacter", "base64"),
    _P.AllowQuotedRecordDelimiter: ("in/CSV/AllowQuotedRecordDelimiter", "text"),
    _P.OutputRecordDelimiter: ("out/CSV/RecordDelimiter", "base64"),
    _P.OutputFieldDelimiter: ("out/CSV/FieldDelimiter", "base64"),
    _P.KeepAllColumns: ("out/KeepAllColumns", "text"),
    _P.OutputHeader: ("out/OutputHeader", "text"),
}
_BOTH = {
    _P.CompressionType: ("in/CompressionType", "text"),
    _P.OutputRawData: ("out/OutputRawData", "text"),
    _P.EnablePayloadCrc: ("out/EnablePayloadCrc", "text"),
    _P.SkipPartialDataRecord: ("options/SkipPartialDataRecord", "text"),
    _P.MaxSkippedRecordsAllowed: ("options/MaxSkippedRecordsAllowed", "text"),
}
_JSON = {
    _P.Json_Type: ("in/JSON/Type", "text"),
    _P.ParseJsonNumberAsString: ("in/JSON/ParseJsonNumberAsString", "text"),
    _P.OutputRecordDelimiter: ("out/JSON/RecordDelimiter", "base64"),
}
_SECTIONS = {"in": "InputSerialization", "out": "OutputSerialization", "options": "Options"}
_META = {**_CSV, _P.CompressionType: ("in/CompressionType", "base64"),
         _P.OverwriteIfExists: ("OverwriteIfExists", "text")}
_META_CSV = {name: _META[name] for name in (_P.RecordDelimiter, _P.FieldDelimiter, _P.QuoteCharacter,
                                           _P.CompressionType, _P.OverwriteIfExists)}
_META_JSON = {_P.Json_Type: _JSON[_P.Json_Type], _P.CompressionType: _META[_P.CompressionType],
              _P.OverwriteIfExists: _META[_P.OverwriteIfExists]}


def _add(root: ElementTree.Element, path: str, text: str) -> None:
    node = root
    *parents, tag = path.split("/")
    for parent in parents:
        name = _SECTIONS.get(parent, parent)
        found = node.find(name)
        node = ElementTree.SubElement(node, name) if found is None else found
    ElementTree.SubElement(node, tag).text = text


def _encoded(value: Any, how: str) -> str:
    return utils.b64encode_as_string(str(value)) if how == "base64" else str(value)


def _request(sql: str, params: Optional[Dict[str, Any]]) -> bytes:
    given = params or {}
    is_json = _P.Json_Type in given
    form = "JSON" if is_json else "CSV"
    places = {**(_JSON if is_json else _CSV), **_BOTH}
    ranges = {_P.SplitRange: "split-range", _P.LineRange: "line-range"}
    root = ElementTree.Element("SelectRequest")
    ElementTree.SubElement(root, "Expression").text = base64.b64encode(sql.encode()).decode()
    for section in ("in", "out"):
        ElementTree.SubElement(ElementTree.SubElement(root, _SECTIONS[section]), form)
    ElementTree.SubElement(root, "Options")
    for name, value in given.items():
        if name in ranges and not (is_json and given[_P.Json_Type] == SelectJsonTypes.DOCUMENT):
            _add(root, f"in/{form}/Range", f"{ranges[name]}={utils._range_text(value[0], value[1])}")
        elif name in places:
            _add(root, places[name][0], _encoded(value, places[name][1]))
        else:
            raise SelectOperationClientError(f"The select_params contains unsupported key {name}", "")
    return ElementTree.tostring(root, encoding="utf-8")


def _meta_request(params: Optional[Dict[str, Any]]) -> bytes:
    given = params or {}
    is_json = _P.Json_Type in given
    if is_json and given[_P.Json_Type] != SelectJsonTypes.LINES:
        raise SelectOperationClientError("Json_Type can only be 'LINES' for creating meta", "")
    root = ElementTree.Element("JsonMetaRequest" if is_json else "CsvMetaRequest")
    ElementTree.SubElement(ElementTree.SubElement(root, "InputSerialization"), "JSON" if is_json else "CSV")
    places = _META_JSON if is_json else _META_CSV
    for name, value in given.items():
        if name not in places:
            raise SelectOperationClientError(f"The select_meta_params contains unsupported key {name}", "")
        _add(root, places[name][0], _encoded(value, places[name][1]))
    return ElementTree.tostring(root, encoding="utf-8")


class SelectResponseAdapter:
    """The rows in an answer's frames."""

    def __init__(self, response: Any, progress_callback: Any = None, content_length: Optional[int] = None,
                 enable_crc: bool = False) -> None:
        self.response = response
        self.request_id = response.headers.get("x-oss-request-id", "")
        self.output_raw_data = response.headers.get("x-oss-select-output-raw", "") == "true"
        self.callback = progress_callback
        self.content_length = content_length
        self.enable_crc = enable_crc
        self.file_offset = 0
        self.finished = False
        self.rows = 0
        self.splits = 0
        self.columns = 0
        self._pieces = self._frames()

    def read(self) -> bytes:
        """All rows that are left."""
        return b"".join(self)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._pieces)

    next = __next__

    def _take(self, n: int) -> bytes:
        taken: bytes = self.response.read(n)
        if len(taken) < n:
            raise SelectOperationClientError("The answer ended in the middle of a frame", self.request_id)
        return taken

    def _frames(self) -> Iterator[bytes]:
        if self.output_raw_data:
            yield from self.response
            return
        while not self.finished:
            kind, length, _ = struct.unpack(">III", self._take(12))
            # The first byte is the version.
            kind &= 0xFFFFFF
            if kind not in (_DATA, _CONTINUE, _END, _META_END, _JSON_META_END):
                raise SelectOperationClientError(f"Unexpected frame type: {kind}", self.request_id)
            payload = self._take(length)
            checksum = struct.unpack(">I", self._take(4))[0]
            self.file_offset = struct.unpack(">Q", payload[:8])[0]
            if kind == _DATA:
                if self.enable_crc and zlib.crc32(payload) != checksum:
                    raise InconsistentError(f"Incorrect checksum of a frame: {checksum}", self.request_id)
                yield payload[8:]
            elif kind != _CONTINUE:
                self._end(kind, payload)
            if self.callback is not None:
                self.callback(self.file_offset, self.content_length)

    def _end(self, kind: int, payload: bytes) -> None:
        self.finished = True
        status = struct.unpack(">I", payload[16:20])[0]
        message = payload[20:]
        if kind != _END:
            self.splits, self.rows = struct.unpack(">IQ", payload[20:32])
            message = payload[32:]
            if kind == _META_END:
                self.columns = struct.unpack(">I", payload[32:36])[0]
                message = payload[36:]
        if status // 100 != 2:
            code, _, text = message.decode("utf-8", "replace").partition(".")
            raise SelectOperationFailed(status, code, text)


class SelectObjectResult(models.HeadObjectResult):
    """Rows, as they come."""

    def __init__(self, resp: Any, progress_callback: Any = None, crc_enabled: bool = False) -> None:
        super().__init__(resp)
        self.select_resp = SelectResponseAdapter(resp, progress_callback, None, crc_enabled)

    def read(self) -> bytes:
        return self.select_resp.read()

    def close(self) -> None:
        self.resp.close()

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.select_resp)

    def __next__(self) -> bytes:
        return next(self.select_resp)

    def __enter__(self) -> SelectObjectResult:
        return self

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        self.close()


class GetSelectObjectMetaResult(models.HeadObjectResult):
    """How many rows and splits an object has."""

    def __init__(self, resp: Any) -> None:
        super().__init__(resp)
        self.select_resp = SelectResponseAdapter(resp)
        for _ in self.select_resp:
            pass
        self.csv_rows = self.rows = self.select_resp.rows
        self.csv_splits = self.splits = self.select_resp.splits


def select_object(bucket: Any, key: str, sql: str, progress: Any, params: Optional[Dict[str, Any]], byte_range: Any,
                  headers: Any) -> SelectObjectResult:
    """See `Bucket.select_object`."""
    given = params or {}
    headers = http.CaseInsensitiveDict(headers)
    if _range(byte_range):
        headers["range"] = _range(byte_range)
        if str(given.get(_P.AllowQuotedRecordDelimiter, "")).lower() != "false":
            raise ClientError('"AllowQuotedRecordDelimiter" must be specified in select_params as False when "Range" is '
                              "specified in header.")
    process = "json/select" if _P.Json_Type in given else "csv/select"
    resp = bucket._object("POST", key, data=_request(sql, params), headers=headers, params={"x-oss-process": process})
    check = str(given.get(_P.EnablePayloadCrc, "")).lower() == "true"
    return SelectObjectResult(resp, progress, check)


def create_select_object_meta(bucket: Any, key: str, params: Optional[Dict[str, Any]],
                              headers: Any) -> GetSelectObjectMetaResult:
    """See `Bucket.create_select_object_meta`."""
    process = "json/meta" if _P.Json_Type in (params or {}) else "csv/meta"
    resp = bucket._object("POST", key, data=_meta_request(params), headers=headers, params={"x-oss-process": process})
    return GetSelectObjectMetaResult(resp)
