"""Starts the built `ossplit serve` for each store; the SDKs are given its endpoint and nothing else."""

import os
import pathlib
import queue
import re
import secrets
import subprocess
import threading
import uuid

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
KEY_ID, KEY_SECRET, REGION = "judge", secrets.token_hex(16), "cn-local"
READY = re.compile(r"ossplit serve: ready on (http://\S+)")


def binary():
    path = pathlib.Path(os.environ.get("OSSPLIT", ROOT / "target" / "debug" / "ossplit"))
    assert path.exists(), f"{path} is not built: run `cargo build --bin ossplit`"
    return str(path)


class Server:
    """One `ossplit serve`; `endpoint` is http://127.0.0.1:PORT."""

    def __init__(self, *options, **environment):
        env = dict(os.environ, OSS_ACCESS_KEY_ID=KEY_ID, OSS_ACCESS_KEY_SECRET=KEY_SECRET,
                   **environment)
        self.process = subprocess.Popen(
            [binary(), "serve", "--listen", "127.0.0.1:0", "--region", REGION, *options],
            stdout=subprocess.PIPE, text=True, env=env)
        lines = queue.Queue()
        self.reader = threading.Thread(
            target=lambda: [lines.put(line) for line in self.process.stdout], daemon=True)
        self.reader.start()
        while True:
            found = READY.search(lines.get(timeout=30))
            if found:
                self.endpoint = found.group(1)
                return

    def stop(self):
        self.process.terminate()
        assert self.process.wait(timeout=30) == 0, "a stopped server exits with 0"


def pytest_configure(config):
    config.addinivalue_line("markers", "last: runs when all others have")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.fixture(scope="session", params=["memory", "dir"])
def server(request, tmp_path_factory):
    """The server, once with each store."""
    store = ["--memory"] if request.param == "memory" else [
        "--data", str(tmp_path_factory.mktemp("store"))]
    server = Server(*store)
    server.store = request.param
    yield server
    server.stop()


@pytest.fixture
def bucket_name():
    return f"judge-{uuid.uuid4().hex[:12]}"
