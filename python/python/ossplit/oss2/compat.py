"""Text and bytes, as oss2 names the helpers; Python 3 only."""

from __future__ import annotations

import builtins
import json
from typing import Any
from urllib.parse import parse_qs, quote as urlquote, unquote as urlunquote, urlparse, urlsplit

__all__ = ["builtin_str", "bytes", "is_py2", "is_py3", "is_py33", "json", "parse_qs", "str", "stringify", "to_bytes",
           "to_string", "to_unicode", "urlparse", "urlquote", "urlsplit", "urlunquote"]

is_py2 = False
is_py3 = True
is_py33 = False
builtin_str = builtins.str
str = builtins.str
bytes = builtins.bytes


def to_bytes(data: Any) -> Any:
    """Text in UTF-8; anything else as it is."""
    return data.encode() if isinstance(data, builtins.str) else data


def to_string(data: Any) -> Any:
    """Bytes as text in UTF-8; anything else as it is."""
    return data.decode() if isinstance(data, builtins.bytes) else data


to_unicode = to_string


def stringify(input: Any) -> Any:
    """As it is: on Python 3 there is nothing to do."""
    return input
