"""File objects, transfers of files, folders."""

import io
import json
import os
import random

import numpy
import ossplit
import pytest
from conftest import uploads
from ossplit import errors

MIB = 1 << 20
BIG = random.Random(1).randbytes(20 * MIB + 12345)


@pytest.fixture
def big(client, bucket):
    client.put(bucket, "big", BIG)
    return bucket


def test_reading_is_like_a_file(client, big):
    model = io.BytesIO(BIG)
    rng = random.Random(2)
    with client.open(big, "big", block_size=MIB) as file:
        assert (file.readable(), file.seekable(), file.writable(), file.tell()) == (True, True, False, 0)
        for _ in range(60):
            if rng.random() < 0.3:
                place, whence = rng.choice([(rng.randrange(len(BIG)), 0), (-rng.randrange(1000), 2)])
                assert file.seek(place, whence) == model.seek(place, whence)
            size = rng.choice([0, 1, 100, 70_000, 3 * MIB])
            assert file.read(size) == model.read(size)
            assert file.tell() == model.tell()
        file.seek(len(BIG) + 10)
        assert file.read() == b""
    with pytest.raises(ValueError, match="closed"):
        file.read()


def test_reading_straight_through_is_ahead_and_asks_for_each_byte_once(server, big):
    client = server.client()
    with client.open(big, "big", block_size=MIB) as file:
        pieces = list(iter(lambda: file.read(300_000), b""))
    assert b"".join(pieces) == BIG
    counts = client.counts()
    assert counts["GetObject"][0] == 21 and counts["GetObject"][4] == len(BIG)


def test_readinto_fills_an_array(client, big):
    array = numpy.zeros(5 * MIB, numpy.uint8)
    with client.open(big, "big") as file:
        assert file.readinto(array) == 5 * MIB
        assert array.tobytes() == BIG[: 5 * MIB]
        assert file.readinto(memoryview(array)[:10]) == 10
    assert array[:10].tobytes() == BIG[5 * MIB : 5 * MIB + 10]


def test_buffered_and_text_wrappers(client, bucket):
    client.put(bucket, "text", "eins\nzwei\ndrei\n")
    with io.TextIOWrapper(io.BufferedReader(client.open(bucket, "text")), "utf-8") as text:
        assert text.read().splitlines() == ["eins", "zwei", "drei"]
    with io.TextIOWrapper(io.BufferedWriter(client.open(bucket, "out", "wb")), "utf-8") as text:
        text.write("grün\n" * 1000)
    assert client.get(bucket, "out") == "grün\n".encode() * 1000


def test_a_replaced_object_is_an_error_and_never_a_mixture(client, big):
    with client.open(big, "big", block_size=MIB, readahead=1) as file:
        assert file.read(10) == BIG[:10]
        client.put(big, "big", b"other" * 5 * MIB)
        file.seek(15 * MIB)
        with pytest.raises(errors.PreconditionFailed):
            file.read(10)


def test_writing_in_parts(client, bucket):
    with client.open(bucket, "w", "wb", part_size=MIB, metadata={"a": "1"}) as file:
        for start in range(0, len(BIG), 333_333):
            assert file.write(memoryview(BIG)[start : start + 333_333]) == len(BIG[start : start + 333_333])
        assert file.tell() == len(BIG)
        assert not client.exists(bucket, "w")
    assert file.stored.crc64 == ossplit.crc64(BIG)
    assert (client.get(bucket, "w"), client.head(bucket, "w").metadata) == (BIG, {"a": "1"})
    assert uploads(client, bucket) == 0


def test_a_small_file_is_one_request(server, bucket):
    client = server.client()
    with client.open(bucket, "small", "wb") as file:
        file.write(b"abc")
    with client.open(bucket, "empty", "wb"):
        pass
    assert client.counts() == {"PutObject": (2, 0, 0, 3, 0)}
    assert (client.get(bucket, "small"), client.get(bucket, "empty")) == (b"abc", b"")


def test_an_exception_leaves_nothing_behind(client, bucket):
    with pytest.raises(RuntimeError, match="mine"):
        with client.open(bucket, "w", "wb", part_size=MIB) as file:
            file.write(BIG)
            raise RuntimeError("mine")
    assert not client.exists(bucket, "w") and uploads(client, bucket) == 0
    file = client.open(bucket, "forgotten", "wb", part_size=MIB)
    file.write(BIG)
    del file
    assert not client.exists(bucket, "forgotten") and uploads(client, bucket) == 0


def test_a_file_that_failed_does_not_close_as_if_it_had_not(server, bucket):
    client = server.client(max_tries=1)
    file = client.open(bucket + "-no", "w", "wb", part_size=MIB)
    with pytest.raises(errors.NoSuchBucket):
        file.write(BIG)
    file.close()
    assert file.stored is None


def test_forbid_overwrite(client, bucket):
    client.put(bucket, "k", b"mine")
    file = client.open(bucket, "k", "wb", part_size=MIB, forbid_overwrite=True)
    with pytest.raises(errors.AlreadyExists):
        file.write(BIG)
        file.close()
    assert client.get(bucket, "k") == b"mine" and uploads(client, bucket) == 0


def test_upload_and_download(client, bucket, tmp_path):
    here, back = tmp_path / "here", tmp_path / "back"
    here.write_bytes(BIG)
    seen = []
    stored = client.upload(here, bucket, "up", part_size=MIB, parallel=3, content_type="x/y",
                           progress=lambda done, total: seen.append((done, total)))
    assert stored.crc64 == ossplit.crc64(BIG) and stored.size == len(BIG)
    assert seen[-1] == (len(BIG), len(BIG)) and seen == sorted(seen)
    info = client.download(bucket, "up", back, part_size=MIB)
    assert info.content_type == "x/y" and back.read_bytes() == BIG
    with pytest.raises(FileNotFoundError) as caught:
        client.upload(tmp_path / "absent", bucket, "k")
    assert caught.value.filename == str(tmp_path / "absent")
    with pytest.raises(errors.NoSuchKey):
        client.download(bucket, "absent", tmp_path / "never")
    assert sorted(os.listdir(tmp_path)) == ["back", "here"]


def test_an_upload_that_broke_off_goes_on(server, bucket, tmp_path):
    path, notes = tmp_path / "f", tmp_path / "notes"
    path.write_bytes(BIG)
    client = server.client()
    part = {"operation": "UploadPart", "key": "up", "status": 403, "code": "AccessDenied"}
    server.faults(json.dumps({"rules": [{**part, "when": {"nth": 9}}]}))
    try:
        with pytest.raises(errors.AccessDenied):
            client.upload(path, bucket, "up", part_size=MIB, parallel=1, checkpoint_dir=str(notes))
    finally:
        server.faults('{"rules": []}')
    assert uploads(client, bucket) == 1 and len(os.listdir(notes)) == 1
    again = server.client()
    stored = again.upload(path, bucket, "up", part_size=MIB, parallel=1, checkpoint_dir=str(notes))
    assert (stored.size, stored.resumed, stored.crc64) == (len(BIG), 8 * MIB, ossplit.crc64(BIG))
    assert again.counts()["UploadPart"][0] == 21 - 8
    assert client.get(bucket, "up") == BIG
    assert uploads(client, bucket) == 0 and os.listdir(notes) == []


def test_a_progress_bar_as_of_tqdm(client, bucket, tmp_path):
    class Bar:
        total = None
        n = 0

        def update(self, n=1):
            self.n += n

    (tmp_path / "f").write_bytes(BIG)
    bar = Bar()
    client.upload(tmp_path / "f", bucket, "k", progress=bar)
    assert (bar.n, bar.total) == (len(BIG), len(BIG))


def test_what_a_progress_callback_raises_ends_the_transfer(client, bucket, tmp_path):
    (tmp_path / "f").write_bytes(BIG)

    def stop(done, total):
        raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        client.upload(tmp_path / "f", bucket, "k", part_size=MIB, progress=stop)


def test_sync(client, bucket, tmp_path):
    here, back = tmp_path / "here", tmp_path / "back"
    tree = {"a": b"1", "d/b": b"2" * 1000, "d/e/c 中": b"3"}
    for name, body in tree.items():
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_bytes(body)
    assert client.sync_up(here, bucket, "p") == (sorted(tree), [], [])
    assert client.sync_up(here, bucket, "p") == ([], sorted(tree), [])
    (here / "a").write_bytes(b"4")
    os.remove(here / "d" / "b")
    assert client.sync_up(here, bucket, "p", delete=True) == (["a"], ["d/e/c 中"], ["d/b"])
    assert client.sync_down(bucket, "p", back).sent == ["a", "d/e/c 中"]
    (back / "extra").write_bytes(b"")
    assert client.sync_down(bucket, "p", back, delete=True) == ([], ["a", "d/e/c 中"], ["extra"])
    assert (back / "d/e/c 中").read_bytes() == b"3"
    client.put(bucket, "evil/../../out", b"x")
    with pytest.raises(ValueError, match="outside"):
        client.sync_down(bucket, "evil", back)
    assert not (tmp_path / "out").exists()
