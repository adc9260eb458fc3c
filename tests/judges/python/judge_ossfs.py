"""ossfs: fsspec's file system for OSS, as pandas and others use it. Both of its kinds must do each call."""

import fsspec
import oss2
import ossfs

from judge import *  # noqa: F403 (the judges' vocabulary)

# It works only with its memory of listings, so each operation has a folder of its own.
NAMED = {"endpoint": ENDPOINT, "skip_instance_cache": True}
KEYS = {"key": KEY_ID, "secret": KEY_SECRET}
KINDS = [fsspec.filesystem("oss", **KEYS, **NAMED), ossfs.AioOSSFileSystem(**KEYS, **NAMED)]
assert isinstance(KINDS[0], ossfs.OSSFileSystem), KINDS[0]
BODY = bytes(range(256)) * 4
BIG = bytes(i % 251 for i in range(12 * MIB))

# It makes no buckets: oss2 does.
bucket = oss2.Bucket(oss2.Auth(KEY_ID, KEY_SECRET), ENDPOINT, BUCKET)
bucket.create_bucket()


def stored(path):
    """What the server has, by another client."""
    return bucket.get_object(path.removeprefix(BUCKET + "/")).read()


def with_each(name):
    """Runs the function with each kind and a folder of its own, in which is a tree."""
    def decorate(function):
        def run():
            for fs in KINDS:
                kind = type(fs).__name__
                base = f"{BUCKET}/{kind}/{name}"
                for key in ["top", "d/a 中", "d/b", "d/e/deep"]:
                    bucket.put_object(f"{kind}/{name}/{key}", BODY)
                fs.invalidate_cache()
                try:
                    function(fs, base)
                except Exception as error:
                    error.add_note(kind)
                    raise
        run.__name__ = function.__name__
        operation(name)(run)
        return function
    return decorate


@with_each("exists")
def _(fs, base):
    equal([fs.exists(base + end) for end in ["/top", "/d", "/absent", ""]], [True, True, False, True])
    equal((fs.isfile(base + "/top"), fs.isdir(base + "/top"), fs.isdir(base + "/d"), fs.isfile(base + "/d")),
          (True, False, True, False))
    # Of a bucket that is not there, one kind says so with an error.
    equal(fs.exists(BUCKET), True)


@with_each("ls")
def _(fs, base):
    equal(sorted(name.rstrip("/") for name in fs.ls(base, detail=False)), [base + "/d", base + "/top"])
    found = {one["name"].rstrip("/"): (one["type"], one["size"]) for one in fs.ls(base, detail=True)}
    equal(found, {base + "/d": ("directory", 0), base + "/top": ("file", len(BODY))})
    assert BUCKET in [one.strip("/") for one in fs.ls("", detail=False)]


@with_each("find")
def _(fs, base):
    equal(sorted(fs.find(base)), [base + end for end in ["/d/a 中", "/d/b", "/d/e/deep", "/top"]])
    equal(sorted(fs.find(base, prefix="d/")), [base + end for end in ["/d/a 中", "/d/b", "/d/e/deep"]])


@with_each("glob")
def _(fs, base):
    # Files alone: its folders' names end in a slash, which fsspec's patterns do not match.
    equal(sorted(fs.glob(base + "/d/*")), [base + end for end in ["/d/a 中", "/d/b"]])
    equal(fs.glob(base + "/d/a*"), [base + "/d/a 中"])
    equal(fs.glob(base + "/**/deep"), [base + "/d/e/deep"])


@with_each("du")
def _(fs, base):
    equal(fs.du(base), 4 * len(BODY))


@with_each("cat")
def _(fs, base):
    equal(fs.cat(base + "/d/a 中"), BODY)
    equal(fs.cat([base + "/top", base + "/d/b"]), {base + "/top": BODY, base + "/d/b": BODY})
    try:
        fs.cat(base + "/absent")
    except FileNotFoundError:
        return
    raise AssertionError("it was not refused")


@with_each("read of a range")
def _(fs, base):
    with fs.open(base + "/top", "rb") as file:
        file.seek(1000)
        equal((file.read(10), file.read()), (BODY[1000:1010], BODY[1010:]))
        file.seek(-5, 2)
        equal(file.read(100), BODY[-5:])


@with_each("info")
def _(fs, base):
    got = fs.info(base + "/top")
    equal((got["type"], got["size"], fs.info(base + "/d")["type"]), ("file", len(BODY), "directory"))
    assert fs.modified(base + "/top")
    try:
        fs.info(base + "/absent")
    except FileNotFoundError:
        return
    raise AssertionError("it was not refused")


@with_each("touch")
def _(fs, base):
    fs.touch(base + "/new")
    equal(stored(base + "/new"), b"")
    fs.touch(base + "/top", truncate=True)
    equal(fs.size(base + "/top"), 0)


@with_each("cp")
def _(fs, base):
    fs.cp(base + "/d/a 中", base + "/copy +")
    equal(stored(base + "/copy +"), BODY)
    fs.cp(base + "/d", base + "/tree", recursive=True)
    equal(sorted(fs.find(base + "/tree")), [base + end for end in ["/tree/a 中", "/tree/b", "/tree/e/deep"]])


@with_each("mv")
def _(fs, base):
    fs.mv(base + "/top", base + "/moved")
    equal((fs.exists(base + "/top"), stored(base + "/moved")), (False, BODY))


@with_each("rm of a tree")
def _(fs, base):
    fs.rm(base + "/d", recursive=True)
    equal((fs.exists(base + "/d"), sorted(fs.find(base))), (False, [base + "/top"]))


@with_each("upload and download")
def _(fs, base):
    fs.put(path("small", BODY), base + "/small")
    fs.put(path("large", BIG), base + "/large")
    equal((stored(base + "/small"), stored(base + "/large")), (BODY, BIG))
    fs.pipe(base + "/piped", BIG)
    equal((stored(base + "/piped"), bucket.head_object(f"{type(fs).__name__}/upload and download/piped").object_type),
          (BIG, "Multipart"))
    fs.get(base + "/small", path("small.got"))
    fs.get(base + "/large", path("large.got"))
    equal((content(path("small.got")), content(path("large.got"))), (BODY, BIG))


@with_each("write in parts")
def _(fs, base):
    with fs.open(base + "/written", "wb", block_size=5 * MIB) as file:
        for start in range(0, len(BIG), MIB):
            file.write(BIG[start:start + MIB])
    equal(stored(base + "/written"), BIG)


@with_each("append")
def _(fs, base):
    with fs.open(base + "/log", "wb") as file:
        file.write(b"one")
    with fs.open(base + "/log", "ab") as file:
        file.write(b" two")
    equal(stored(base + "/log"), b"one two")


@operation("NoSuchBucket")
def _():
    for fs in KINDS:
        try:
            fs.cat(BUCKET + "-no/k")
        except FileNotFoundError:
            continue
        raise AssertionError("it was not refused")


@operation("SignatureDoesNotMatch")
def _():
    for kind in [ossfs.OSSFileSystem, ossfs.AioOSSFileSystem]:
        wrong = kind(key=KEY_ID, secret="wrong", **NAMED)
        try:
            wrong.cat(BUCKET + "/OSSFileSystem/cat/top")
        except OSError as error:
            assert "SignatureDoesNotMatch" in str(error), error
        else:
            raise AssertionError("it was not refused")


@operation("AccessDenied when anonymous")
def _():
    for kind in [ossfs.OSSFileSystem, ossfs.AioOSSFileSystem]:
        try:
            kind(**NAMED).cat(BUCKET + "/OSSFileSystem/cat/top")
        except PermissionError:
            continue
        raise AssertionError("it was not refused")


@operation("STS token")
def _():
    token = oss2.StsAuth(KEY_ID, KEY_SECRET, STS_TOKEN)
    oss2.Bucket(token, STS_ENDPOINT, BUCKET).create_bucket()
    for kind in [ossfs.OSSFileSystem, ossfs.AioOSSFileSystem]:
        fs = kind(**KEYS, token=STS_TOKEN, **{**NAMED, "endpoint": STS_ENDPOINT})
        fs.pipe(BUCKET + "/k", b"x")
        equal(fs.cat(BUCKET + "/k"), b"x")
