"""The judge of real oss2 (tests/judges/python/judge_oss2.py), unchanged, with ossplit.oss2 in oss2's place."""

import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading
import uuid

import pytest
from conftest import KEY_ID, KEY_SECRET, REGION, ROOT, Server

TOKEN = "python-session-token"
HERE = pathlib.Path(__file__).parent


class Callback(http.server.BaseHTTPRequestHandler):
    """Answers callbacks as an application would."""

    def do_POST(self):  # noqa: N802 (the name that http.server calls)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        answer = json.dumps({"Status": "OK", "got": body}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def callback():
    application = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Callback)
    threading.Thread(target=application.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{application.server_port}/callback"
    application.shutdown()


@pytest.fixture(scope="module")
def sts():
    """A server that wants a session token."""
    os.environ["OSS_SESSION_TOKEN"] = TOKEN
    try:
        server = Server()
    finally:
        del os.environ["OSS_SESSION_TOKEN"]
    yield server
    server.stop()


@pytest.mark.parametrize("signature", ["v1", "v2", "v4"])
def test_every_operation(server, sts, callback, tmp_path, signature):
    environment = {
        "OSS_ENDPOINT": server.endpoint, "OSS_ACCESS_KEY_ID": KEY_ID, "OSS_ACCESS_KEY_SECRET": KEY_SECRET,
        "OSS_REGION": REGION, "JUDGE_SIGNATURE": signature, "JUDGE_BUCKET": f"judge-{uuid.uuid4().hex[:12]}",
        "JUDGE_SCRATCH": str(tmp_path), "JUDGE_STS_ENDPOINT": sts.endpoint, "JUDGE_STS_TOKEN": TOKEN,
        "JUDGE_CALLBACK_URL": callback,
    }
    judge = ROOT / "tests" / "judges" / "python" / "judge_oss2.py"
    done = subprocess.run([sys.executable, HERE / "as_oss2.py", judge], env={**os.environ, **environment},
                          capture_output=True, text=True, timeout=240)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"operation"')]
    assert done.returncode == 0, done.stderr[-2000:]
    assert {line["operation"]: line["error"] for line in lines if not line["ok"]} == {}
    # The judge says nothing of an operation that it never came to.
    assert len(lines) == judge.read_text().count("\n@operation(")
