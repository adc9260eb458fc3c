"""SQL over CSV and JSON objects (API pages "SelectObject" and "CreateSelectObjectMeta")."""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ElementTree
from typing import Any, Dict, Optional

from . import http, utils
from ._base import _range
from ._schema import to_document
from .exceptions import ClientError, SelectOperationClientError
from .models import GetSelectObjectMetaResult, SelectObjectResult
from .select_params import SelectJsonTypes, SelectParameters

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
    return to_document(root)


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
    return to_document(root)


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
