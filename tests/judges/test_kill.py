"""kill -9 of the server at random moments: an acknowledged object is whole after the restart."""

import hashlib
import os
import random
import subprocess
import threading

import oss2

from conftest import KEY_ID, KEY_SECRET, Server

ROUNDS = 50


def writer(endpoint, name, acknowledged, seed):
    """Puts objects of many sizes, whole and in parts, until the server is gone."""
    bucket = oss2.Bucket(oss2.Auth(KEY_ID, KEY_SECRET), endpoint, "kept", connect_timeout=2)
    rng = random.Random(seed)
    for i in range(100000):
        # Overwriting, too: a key may be written again and again.
        key = f"{name}/{rng.randrange(40)}"
        body = os.urandom(rng.choice([0, 1, 100, 5000, 70_000, 300_000]))
        digests = acknowledged.setdefault(key, [])
        digests.append((False, hashlib.md5(body).hexdigest()))
        try:
            if i % 7 == 3:
                upload = bucket.init_multipart_upload(key).upload_id
                cut = max(102400, len(body))
                parts = [bucket.upload_part(key, upload, 1, body[:cut])]
                bucket.complete_multipart_upload(
                    key, upload, [oss2.models.PartInfo(1, parts[0].etag)])
            else:
                bucket.put_object(key, body)
        except oss2.exceptions.RequestError:
            return
        digests[-1] = (True, digests[-1][1])


def allowed(history):
    """What a key may hold: the last acknowledged body, or one sent after it."""
    last = max((i for i, (done, _) in enumerate(history) if done), default=None)
    start = 0 if last is None else last
    values = {digest for _, digest in history[start:]}
    return values if last is not None else values | {None}


def check(endpoint, acknowledged):
    bucket = oss2.Bucket(oss2.Auth(KEY_ID, KEY_SECRET), endpoint, "kept")
    for key, history in acknowledged.items():
        try:
            got = bucket.get_object(key)
            digest = hashlib.md5(got.read()).hexdigest()
            assert got.client_crc == got.server_crc, key
        except oss2.exceptions.NoSuchKey:
            digest = None
        assert digest in allowed(history), f"{key}: {digest} is none of {allowed(history)}"
        # What was read is what is there now: later rounds start from it.
        acknowledged[key] = [(True, digest)] if digest else []


def test_no_acknowledged_object_is_lost(tmp_path):
    rng = random.Random(20261123)
    acknowledged = {}
    writes = 0
    for round_number in range(ROUNDS):
        server = Server("--data", str(tmp_path / "store"), "--bucket", "kept")
        if acknowledged:
            check(server.endpoint, acknowledged)
        threads = [threading.Thread(target=writer, args=(
            server.endpoint, f"w{n}", acknowledged, round_number * 10 + n)) for n in range(4)]
        for thread in threads:
            thread.start()
        try:
            server.process.wait(timeout=rng.uniform(0.02, 0.4))
            raise AssertionError("the server ended by itself")
        except subprocess.TimeoutExpired:
            server.process.kill()
        for thread in threads:
            thread.join(timeout=30)
            assert not thread.is_alive()
        server.process.wait(timeout=30)
        writes += sum(done for history in acknowledged.values() for done, _ in history)
    server = Server("--data", str(tmp_path / "store"))
    check(server.endpoint, acknowledged)
    server.stop()
    assert writes > 10 * ROUNDS, "the trial wrote too little to mean anything"
