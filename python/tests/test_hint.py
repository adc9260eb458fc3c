"""`ossplit.hint`, with a mount, and against a listener that keeps to docs/prefetch.md."""

import os
import pathlib
import socket
import threading
import types

import ossplit
import pytest
from conftest import until


@pytest.fixture
def listener(tmp_path):
    """Listens where the mount of `tmp_path` would; gives what it was sent, and answers what `answer` says."""
    if os.geteuid() != 0:
        pytest.fail("run as root: the socket of a mount by root is in /run/ossplit")
    device = os.stat(tmp_path).st_dev
    path = pathlib.Path("/run/ossplit") / f"prefetch-{os.major(device)}:{os.minor(device)}"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    if path.exists():
        path.unlink()
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()
    said = types.SimpleNamespace(answer=b"ok 3\n", got=[])

    def serve():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            data = b""
            while not data.endswith(b"\0\0"):
                data += connection.recv(1 << 16)
            said.got.append(data)
            connection.sendall(said.answer)
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    yield said
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    path.unlink()


def test_paths_are_sent_in_their_order(listener, tmp_path):
    files = [tmp_path / name for name in ("b", "a", "ü x")]
    for file in files:
        file.write_bytes(b"")
    assert ossplit.hint(iter(files), "epoch-1").result(10) == 3
    (line, _, rest) = listener.got[0].partition(b"\n")
    assert line == b"prefetch 1 epoch-1"
    sent = rest.split(b"\0")
    assert sent[3:] == [b"", b""]
    assert [os.path.basename(one) for one in sent[:3]] == [b"b", b"a", "ü x".encode()]


def test_what_the_mount_says_is_raised(listener, tmp_path):
    (tmp_path / "a").write_bytes(b"")
    listener.answer = b"error there is no room\n"
    with pytest.raises(OSError, match="no room"):
        ossplit.hint([tmp_path / "a"]).result(10)


def test_without_a_mount_training_goes_on(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match="on no mount of ossplit's"):
        ossplit.hint([tmp_path / "a"]).result(10)
    assert ossplit.hint([]).result(10) == 0
    with pytest.raises(ValueError, match="name="):
        ossplit.hint([], "a b")


def test_a_mount_fetches_what_it_was_told_of(server, client, bucket, mounted, tmp_path):
    bodies = {f"{i * 37 % 60:03}": b"%d" % i * 100 for i in range(60)}
    client.put_many(bucket, [(f"data/{name}", body) for name, body in bodies.items()])
    at = mounted(f"{bucket}:/data", tmp_path / "mnt", "ro", "kernel_cache")
    before = server.requests("GetObject")
    assert ossplit.hint(at / name for name in bodies).result(20) == 60
    # Some come before anybody opened a file, each once in all.
    until(lambda: server.requests("GetObject") > before)
    assert {name: (at / name).read_bytes() for name in bodies} == bodies
    assert server.requests("GetObject") - before == 60
