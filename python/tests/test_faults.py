"""A service that misbehaves (docs/faults.md): what passes is sent again, what does not is told, nothing wrong is taken or stored."""

import json
import os

import ossplit
import ossplit.oss2 as oss2
import pytest
from conftest import KEY_ID, KEY_SECRET, Server
from ossplit import errors

MIB = 1 << 20
BIG = os.urandom(5 * MIB + 99)


@pytest.fixture(scope="module")
def bad():
    server = Server("--bucket", "bad")
    yield server
    server.stop()


@pytest.fixture
def faults(bad):
    def set_them(*rules):
        bad.faults(json.dumps({"rules": rules}))

    yield set_them
    bad.faults('{"rules": []}')


@pytest.fixture
def one(bad):
    return bad.client()


@pytest.fixture
def compatible(bad):
    return oss2.Bucket(oss2.Auth(KEY_ID, KEY_SECRET), bad.endpoint, "bad")


def test_errors_that_pass_are_not_seen(faults, one, compatible):
    faults({"when": {"every": 3}, "status": 503}, {"operation": "PutObject", "when": {"every": 4}, "reset": "after"})
    for i in range(20):
        one.put("bad", "k", str(i))
        assert one.get("bad", "k") == str(i).encode()
        compatible.put_object("c", str(i))
        assert compatible.get_object("c").read() == str(i).encode()


def test_errors_that_stay_are_told(faults, bad, compatible):
    one = bad.client(max_tries=2)
    faults({"operation": "PutObject", "status": 503, "code": "RequestLimitExceeded"})
    with pytest.raises(errors.Throttled) as caught:
        one.put("bad", "k", b"x")
    assert (caught.value.code, caught.value.status, caught.value.tries) == ("RequestLimitExceeded", 503, 2)
    with pytest.raises(oss2.exceptions.ServerError) as caught:
        compatible.put_object("k", b"x")
    assert (caught.value.status, caught.value.code) == (503, "RequestLimitExceeded")


def test_a_body_that_breaks_off_is_taken_up_again(faults, one):
    one.put("bad", "big", BIG)
    faults({"operation": "GetObject", "when": {"first": 2}, "truncate_at": MIB + 7})
    assert one.get("bad", "big") == BIG
    faults({"operation": "GetObject", "when": {"every": 2}, "truncate_at": 1000})
    with one.open("bad", "big", block_size=MIB) as file:
        assert file.read() == BIG


def test_wrong_bytes_are_never_taken(faults, bad, one, compatible, tmp_path):
    one.put("bad", "big", BIG)
    faults({"operation": "GetObject", "corrupt_at": 100})
    with pytest.raises(errors.ChecksumMismatch):
        one.get("bad", "big")
    with pytest.raises(oss2.exceptions.InconsistentError):
        compatible.get_object_to_file("big", str(tmp_path / "f"))
    with pytest.raises(oss2.exceptions.InconsistentError):
        oss2.resumable_download(compatible, "big", str(tmp_path / "g"), multiget_threshold=MIB, part_size=MIB,
                                store=oss2.ResumableDownloadStore(root=str(tmp_path)))
    assert not (tmp_path / "g").exists()
    # What was wrong is not gone on with.
    faults()
    oss2.resumable_download(compatible, "big", str(tmp_path / "g"), multiget_threshold=MIB, part_size=MIB,
                            store=oss2.ResumableDownloadStore(root=str(tmp_path)))
    assert (tmp_path / "g").read_bytes() == BIG


def test_a_wrong_checksum_of_what_was_stored_is_sent_again_then_told(faults, bad, one):
    faults({"operation": "PutObject", "when": {"first": 1}, "wrong_crc": True})
    assert one.put("bad", "k", b"x").crc64 == ossplit.crc64(b"x")
    faults({"operation": "PutObject", "wrong_crc": True})
    with pytest.raises(errors.ChecksumMismatch):
        bad.client(max_tries=2).put("bad", "k", b"y")


def test_writing_in_parts_through_trouble(faults, one, tmp_path):
    faults({"operation": "UploadPart", "when": {"every": 3}, "status": 500},
           {"operation": "CompleteMultipartUpload", "when": {"nth": 1}, "reset": "after"})
    with one.open("bad", "w", "wb", part_size=MIB) as file:
        file.write(BIG)
    assert one.get("bad", "w") == BIG
    faults({"operation": "UploadPart", "status": 403, "code": "AccessDenied"})
    with pytest.raises(errors.AccessDenied):
        with one.open("bad", "never", "wb", part_size=MIB) as file:
            file.write(BIG)
    faults()
    assert not one.exists("bad", "never")
    uploads = one._native.request("GET", "bad", None, [("uploads", "")], []).read()
    assert uploads.count(b"<Upload>") == 0


def test_a_body_that_stalls_is_a_time_out(faults, bad):
    one = bad.client(max_tries=1, read_timeout=0.5)
    one.put("bad", "big", BIG)
    faults({"operation": "GetObject", "stall_at": 1000})
    with pytest.raises(TimeoutError) as caught:
        one.get("bad", "big")
    assert isinstance(caught.value, errors.RequestTimeout)
