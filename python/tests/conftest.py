"""Starts the built `ossplit serve`; each test has a bucket of its own."""

import contextlib
import json
import os
import pathlib
import queue
import re
import subprocess
import threading
import time
import urllib.request
import uuid

import ossplit
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
KEY_ID, KEY_SECRET, REGION = "python-test", "python-secret-0123456789", "cn-local"


def built():
    """The program to test with."""
    binary = os.environ.get("OSSPLIT", ROOT / "target" / "debug" / "ossplit")
    assert pathlib.Path(binary).exists(), f"{binary} is not built: run `cargo build --bin ossplit`"
    return binary


def until(holds, seconds=20):
    """Waits for something that another process does."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.01)


def uploads(client, bucket):
    """How many uploads are unfinished."""
    return client._native.request("GET", bucket, None, [("uploads", "")], []).read().count(b"<Upload>")


class Server:
    """One `ossplit serve` in memory; `endpoint` is http://127.0.0.1:PORT."""

    def __init__(self, *options):
        binary = built()
        env = dict(os.environ, OSS_ACCESS_KEY_ID=KEY_ID, OSS_ACCESS_KEY_SECRET=KEY_SECRET)
        self.process = subprocess.Popen(
            [binary, "serve", "--listen", "127.0.0.1:0", "--console", "127.0.0.1:0", "--memory", "--region", REGION,
             *options], stdout=subprocess.PIPE, text=True, env=env)
        lines = queue.Queue()
        threading.Thread(target=lambda: [lines.put(line) for line in self.process.stdout], daemon=True).start()
        self.console = None
        while True:
            line = lines.get(timeout=30)
            found = re.search(r"console on (http://\S+)", line)
            self.console = found.group(1) if found else self.console
            found = re.search(r"ready on (http://\S+)", line)
            if found:
                self.endpoint = found.group(1)
                return

    def client(self, **more):
        return ossplit.Client(self.endpoint, REGION, (KEY_ID, KEY_SECRET), **more)

    def faults(self, plan):
        """Misbehaves from now on as docs/faults.md says."""
        request = urllib.request.Request(self.console + "/faults", data=plan.encode(), method="PUT")
        urllib.request.urlopen(request, timeout=30).close()

    def requests(self, operation):
        """How many of them came so far."""
        with urllib.request.urlopen(self.console + "/counters", timeout=30) as answer:
            return json.load(answer)["operations"].get(operation, {}).get("requests", 0)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)


@pytest.fixture(scope="session")
def server():
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def client(server):
    return server.client()


@pytest.fixture
def bucket(client):
    name = f"py-{uuid.uuid4().hex[:12]}"
    client._native.request("PUT", name, None, [], [])
    return name


@pytest.fixture
def mounted(server, tmp_path):
    """`mounted("bucket:/prefix", at, *options)`: a mount by the built program until the test is over."""
    passwords = tmp_path / "passwd"
    passwords.touch(mode=0o600)
    passwords.write_text(f"{KEY_ID}:{KEY_SECRET}\n")
    with contextlib.ExitStack() as stack:

        def mount(what, at, *options):
            at.mkdir(parents=True, exist_ok=True)
            words = [f"url={server.endpoint}", f"passwd_file={passwords}", *options]
            subprocess.run([built(), "mount", what, at, *[word for option in words for word in ("-o", option)]],
                           check=True, timeout=60)
            stack.callback(subprocess.run, [built(), "umount", at], check=True, timeout=60)
            return at

        yield mount
