"""What the Python judges share: `@operation(name)` runs the function at once and prints one line."""

import base64
import binascii
import hashlib
import json
import os
import time
import traceback

ENDPOINT = os.environ["OSS_ENDPOINT"]
KEY_ID = os.environ["OSS_ACCESS_KEY_ID"]
KEY_SECRET = os.environ["OSS_ACCESS_KEY_SECRET"]
REGION = os.environ["OSS_REGION"]
SIGNATURE = os.environ["JUDGE_SIGNATURE"]
BUCKET = os.environ["JUDGE_BUCKET"]
SCRATCH = os.environ["JUDGE_SCRATCH"]
STS_ENDPOINT = os.environ["JUDGE_STS_ENDPOINT"]
STS_TOKEN = os.environ["JUDGE_STS_TOKEN"]
CALLBACK_URL = os.environ["JUDGE_CALLBACK_URL"]

KIB, MIB = 1024, 1024 * 1024
SIGNS = ["a b", "a+b", "a%b", "a%20b", "a&b<c>\"'", "a?b#c", "a=b;c", "a:b@c!$(d)*,~[e]"]
UTF8 = ["中文/文件.txt", "💾", "é", "日本語 テスト"]
DOTS = ["a//b", "../up", "./here", "x/../y", "x/./y", "trailing/", "a///"]


def report(name, error=None):
    line = {"operation": name, "ok": error is None}
    if error is not None:
        line["error"] = error[:500]
    print(json.dumps(line, ensure_ascii=False), flush=True)


def describe(error):
    where = traceback.extract_tb(error.__traceback__)
    line = next((f.lineno for f in reversed(where) if "judge_" in f.filename), 0)
    return " ".join(f"line {line}: {type(error).__name__}: {error}".split())


def operation(name):
    """Runs the function now: what it raises is printed, and the program goes on."""
    def decorate(function):
        try:
            function()
        except Exception as error:
            report(name, describe(error))
        else:
            report(name)
        return function
    return decorate


def equal(left, right):
    assert left == right, f"{short(left)} is not {short(right)}"


def short(value):
    text = repr(value)
    return text if len(text) < 200 else text[:200] + "…"


def fails(call, status=None, code=None):
    """The call must be refused, with this status and code."""
    try:
        call()
    except Exception as error:
        if status is not None:
            equal(getattr(error, "status", getattr(error, "status_code", None)), status)
        if code is not None:
            equal(error.code, code)
        return error
    raise AssertionError("it was not refused")


def md5(body):
    return base64.b64encode(hashlib.md5(body).digest()).decode()


def base64_json(value):
    return base64.b64encode(json.dumps(value).encode()).decode()


def path(name, body=None):
    """A file in the scratch folder, with this content if given."""
    place = os.path.join(SCRATCH, name)
    if body is not None:
        with open(place, "wb") as file:
            file.write(body)
    return place


def content(place):
    with open(place, "rb") as file:
        return file.read()
