#!/usr/bin/env python3
"""Runs one judge by hand against a memory server: `.venv/bin/python tests/judges/try.py oss2 v4`.

Prints the operations that fail, or that pass though expected.toml says otherwise.
"""

import http.server
import sys
import tempfile
import threading
import uuid

import judging
from clients import CLIENTS
from conftest import Server
from test_clients import TOKEN, Callback, environment


def main(name, *signatures):
    client = next(client for client in CLIENTS if client.name == name)
    server, sts = Server("--memory"), Server("--memory", OSS_SESSION_TOKEN=TOKEN)
    application = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Callback)
    threading.Thread(target=application.serve_forever, daemon=True).start()
    expected = judging.Expected()
    for signature in signatures or client.signatures:
        with tempfile.TemporaryDirectory() as scratch:
            lines, status, errors = judging.run(client, environment(
                client, signature, server, sts, f"judge-{uuid.uuid4().hex[:12]}", scratch,
                f"http://127.0.0.1:{application.server_port}/callback"))
        passed = sum(line["ok"] for line in lines)
        print(f"{name} {signature}: {passed} of {len(lines)} pass, exit status {status}")
        for line in lines:
            reason = expected.reason(name, signature, line["operation"])
            if line["operation"] not in judging.OPERATIONS:
                print(f"  UNKNOWN {line['operation']}")
            if line["ok"] and reason:
                print(f"  PASSES  {line['operation']} (expected: {reason})")
            if not line["ok"] and not reason:
                print(f"  FAILS   {line['operation']}: {line.get('error')[:400]}")
        if status or not lines:
            print(errors)
    server.stop()
    sts.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
