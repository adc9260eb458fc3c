"""Models that are made of a table: attribute, default, XML path, kind. One table serves the constructor, the reader and the
writer, so that they can't differ.

A line is ``attribute[=default] [Path/To/Element[:kind]]``. A path that ends in ``*`` is a list. Kinds are str, int, bool,
float, date, time (Unix seconds), etag, key (percent-encoded when the document says so), flag (written as oss2 does: True),
or the name of another model.
"""

from __future__ import annotations

import datetime
import sys
import xml.etree.ElementTree as ElementTree
from typing import Any, Callable, Dict, List, Optional, Tuple
from urllib.parse import unquote

from .compat import to_string
from .utils import date_to_iso8601, iso8601_to_date, iso8601_to_unixtime

_MODELS: Dict[str, type] = {}

_READ: Dict[str, Callable[[str], Any]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": lambda text: text.lower() == "true",
    "flag": lambda text: text.lower() == "true",
    "date": iso8601_to_date,
    "time": iso8601_to_unixtime,
    "etag": lambda text: text.strip('"'),
}


class Field:
    """One line of a table."""

    def __init__(self, line: str) -> None:
        name, _, place = line.strip().partition(" ")
        self.name, has_default, default = name.partition("=")
        self.required = not has_default
        self.default: Any = {"None": None, "[]": [], "True": True, "False": False, "''": "", "0": 0}.get(
            default, default) if has_default else None
        if isinstance(self.default, str) and self.default.lstrip("-").isdigit():
            self.default = int(self.default)
        path, _, kind = place.strip().partition(":")
        self.many = path.endswith("*")
        self.path = path.rstrip("*")
        self.kind = kind or "str"

    def value(self) -> Any:
        """The default, a new one if it is a list."""
        return list(self.default) if isinstance(self.default, list) else self.default

    def read_one(self, node: ElementTree.Element, encoded: bool) -> Any:
        if self.kind in _MODELS:
            return read(_MODELS[self.kind], node, encoded)
        text = to_string(node.text) or ""
        if self.kind == "key":
            return unquote(text) if encoded else text
        return _READ[self.kind](text)

    def write_one(self, parent: ElementTree.Element, tag: str, value: Any) -> None:
        node = ElementTree.SubElement(parent, tag)
        if self.kind in _MODELS:
            write_into(node, value, _MODELS[self.kind])
        elif isinstance(value, bool):
            node.text = str(value) if self.kind == "flag" else str(value).lower()
        elif isinstance(value, datetime.date):
            node.text = date_to_iso8601(value)
        else:
            node.text = to_string(value) if isinstance(value, (str, bytes)) else str(value)


def fields_of(kind: type) -> List[Field]:
    """Its own fields and those of what it extends."""
    found: List[Field] = []
    for one in reversed(kind.__mro__):
        found += one.__dict__.get("_fields", [])
    return found


def model(name: str, table: str, *, bases: Tuple[type, ...] = (), root: str = "", check: Any = None,
          doc: str = "", members: Optional[Dict[str, Any]] = None) -> Any:
    """Makes a model whose constructor takes its fields, in their order."""
    fields = [Field(line) for line in table.strip().splitlines() if line.strip()]
    signature = ["self"] + [f.name if f.required else f"{f.name}={_written(f)}" for f in fields]
    body = [f"self.{f.name} = {f.name}" if not isinstance(f.default, list) or f.required else
            f"self.{f.name} = {f.name} or []" for f in fields]
    lines = ["_check(locals())"] if check else []
    scope: Dict[str, Any] = {"_check": check}
    exec(f"def __init__({', '.join(signature)}):\n  " + "\n  ".join(lines + body or ["pass"]), scope)  # noqa: S102
    space = {"__init__": scope["__init__"], "_fields": fields, "_root": root, "__doc__": doc or _doc(name),
             "__module__": _caller(), **(members or {})}
    made = type(name, bases or (object,), space)
    _MODELS[name] = made
    return made


def result(name: str, base: type, *models: type, table: str = "", doc: str = "") -> Any:
    """Makes what a call answers: a `base` that takes an answer, with the fields of models and its own."""
    own = [Field(line) for line in table.strip().splitlines() if line.strip()]
    more = [field for kind in models for field in fields_of(kind)]

    def __init__(self: Any, resp: Any) -> None:
        base.__init__(self, resp)  # type: ignore[misc]
        for field in more + own:
            setattr(self, field.name, field.value())

    made = type(name, (base, *models), {"__init__": __init__, "_fields": own, "__doc__": doc or _doc(name),
                                        "__module__": _caller()})
    return made


def _caller() -> str:
    return str(sys._getframe(2).f_globals["__name__"])


def _doc(name: str) -> str:
    return f"``{name}`` of oss2."


def _written(field: Field) -> str:
    return "None" if isinstance(field.default, list) else repr(field.default)


def read(kind: type, node: ElementTree.Element, encoded: bool = False) -> Any:
    """A model from an element."""
    made: Any = object.__new__(kind)
    for field in fields_of(kind):
        setattr(made, field.name, field.value())
    read_into(made, node, encoded)
    return made


def read_into(made: Any, node: ElementTree.Element, encoded: bool = False) -> Any:
    """Sets what an element tells."""
    encoded = encoded or node.findtext("EncodingType") == "url"
    for field in fields_of(type(made)):
        if not field.path:
            continue
        if field.many:
            setattr(made, field.name, [field.read_one(one, encoded) for one in node.findall(field.path)])
        else:
            one = node if field.path == "." else node.find(field.path)
            if one is not None:
                setattr(made, field.name, field.read_one(one, encoded))
    if hasattr(made, "_after_read"):
        made._after_read(node)
    return made


def write_into(node: ElementTree.Element, value: Any, kind: Optional[type] = None) -> None:
    """Adds what a model says. `kind` is given where the value need only look like one."""
    made = kind or type(value)
    if hasattr(made, "_write"):
        made._write(value, node)
        return
    for field in fields_of(made):
        own = getattr(value, field.name, None)
        if own is None or not field.path:
            continue
        parent, tag = node, field.path
        while "/" in tag:
            container, _, tag = tag.partition("/")
            found = parent.find(container)
            parent = ElementTree.SubElement(parent, container) if found is None else found
        for one in own if field.many else [own]:
            field.write_one(parent, tag, one)


def document(value: Any, kind: Optional[type] = None) -> bytes:
    """The document of a model."""
    made: Any = kind or type(value)
    root = ElementTree.Element(made._root)
    write_into(root, value, made)
    return to_document(root)


def simple(root: str, **elements: Any) -> bytes:
    """A document of a few elements; those that are None are left out."""
    node = ElementTree.Element(root)
    for tag, text in elements.items():
        if text is not None:
            ElementTree.SubElement(node, tag).text = str(text).lower() if isinstance(text, bool) else str(text)
    return to_document(node)


def to_document(root: ElementTree.Element) -> bytes:
    """An element in UTF-8. Control characters, which keys may hold, are written as references."""
    document: bytes = ElementTree.tostring(root, encoding="utf-8")
    if any(c < 32 and c not in b"\t\n\r" for c in document):
        document = b"".join(b"&#%d;" % c if c < 32 and c not in b"\t\n\r" else bytes([c]) for c in document)
    return document
