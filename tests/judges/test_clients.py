"""Each client's program, once per store and signature version: one subtest an operation."""

import http.server
import json
import threading
import uuid

import pytest

import judging
from clients import CLIENTS
from conftest import KEY_ID, KEY_SECRET, REGION, Server

TOKEN = "judge-session-token"


@pytest.fixture(scope="session")
def results():
    return judging.Results()


@pytest.fixture(scope="session")
def sts_server():
    """A server that wants a session token."""
    server = Server("--memory", OSS_SESSION_TOKEN=TOKEN)
    yield server
    server.stop()


class Callback(http.server.BaseHTTPRequestHandler):
    """Answers callbacks as an application would."""

    def do_POST(self):  # noqa: N802 (the name that http.server calls)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        answer = json.dumps({"Status": "OK", "got": body}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def callback_url():
    application = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Callback)
    thread = threading.Thread(target=application.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{application.server_port}/callback"
    application.shutdown()
    thread.join()


def environment(client, signature, server, sts_server, bucket, scratch, callback):
    """What a judge is told, and all that it is told."""
    reach = "localhost" if client.virtual_host else "127.0.0.1"
    return {
        "OSS_ENDPOINT": server.endpoint.replace("127.0.0.1", reach),
        "OSS_ACCESS_KEY_ID": KEY_ID,
        "OSS_ACCESS_KEY_SECRET": KEY_SECRET,
        "OSS_REGION": REGION,
        "JUDGE_SIGNATURE": signature,
        "JUDGE_BUCKET": bucket,
        "JUDGE_SCRATCH": str(scratch),
        "JUDGE_STS_ENDPOINT": sts_server.endpoint.replace("127.0.0.1", reach),
        "JUDGE_STS_TOKEN": TOKEN,
        "JUDGE_CALLBACK_URL": callback,
    }


RUNS = [pytest.param(client, signature, id=f"{client.name}-{signature}")
        for client in CLIENTS for signature in client.signatures]


@pytest.mark.parametrize("client, signature", RUNS)
def test_client(server, sts_server, callback_url, results, subtests, tmp_path, client, signature):
    missing = client.missing()
    if missing:
        pytest.skip(f"{client.name} DID NOT JUDGE: {missing}")
    lines, status, errors = judging.run(client, environment(
        client, signature, server, sts_server, f"judge-{uuid.uuid4().hex[:12]}", tmp_path,
        callback_url))
    results.runs.add((client.name, server.store, signature))
    seen = set()
    for line in lines:
        operation = line["operation"]
        error = None if line["ok"] else line.get("error") or "no error given"
        expected = results.expected.reason(client.name, signature, operation)
        with subtests.test(operation):
            assert operation in judging.OPERATIONS, "operations.txt has no such row"
            assert operation not in seen, "printed twice"
            seen.add(operation)
            results.add(client.name, server.store, signature, operation, error)
            if expected is None:
                assert error is None, error
            else:
                assert error is not None, f"passes, though expected.toml says: {expected}"
    assert status == 0, f"{client.name} ended with {status}: {errors}"
    assert seen, f"{client.name} printed nothing: {errors}"


@pytest.mark.last
def test_table(results):
    wanted = {(client.name, store, signature) for client in CLIENTS
              for store in ["memory", "dir"] for signature in client.signatures}
    if results.runs != wanted:
        pytest.skip(f"THE TABLE WAS NOT CHECKED: no run of {sorted(wanted - results.runs)}")
    before = judging.TABLE.read_text() if judging.TABLE.exists() else ""
    table = results.table()
    judging.TABLE.write_text(table)
    assert not results.expected.stale(), f"expected.toml says too much: {results.expected.stale()}"
    assert "unexplained" not in table, "a red cell has no reason"
    assert before == table, f"{judging.TABLE} has changed: look at its diff and commit it"
