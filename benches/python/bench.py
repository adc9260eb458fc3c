#!/usr/bin/env python3
"""Times the Python package beside oss2 and alibabacloud-oss-v2, on one `ossplit serve --memory`, in one run.

    .tools/python/bin/python benches/python/bench.py [--latency MS] [--only WORD]

Each row is a process of its own, which prints what the calls took, without its start: seconds, and CPU seconds of the process.
`oss2` rows make a bucket object and use it from all threads, as its documentation has it.
"""

import argparse
import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
KEY_ID, KEY_SECRET, REGION, BUCKET = "bench", "bench-secret-0123456789", "cn-local", "bench"
SMALL = 16 << 10
TRANSFER = ROOT / "target" / "release" / "examples" / "transfer"
CLIENTS = ["oss2", "oss-v2", "ossplit.oss2", "ossplit"]


class Compatible:
    """oss2, and what has its API."""

    def __init__(self, module, endpoint):
        self.oss2 = module
        self.bucket = module.Bucket(module.AuthV4(KEY_ID, KEY_SECRET), endpoint, BUCKET, region=REGION,
                                    session=module.Session(pool_size=32))

    def put(self, key, body):
        self.bucket.put_object(key, body)

    def get(self, key):
        return self.bucket.get_object(key).read()

    def upload(self, path, key, folder, threads):
        self.oss2.resumable_upload(self.bucket, key, path, store=self.oss2.ResumableStore(root=folder),
                                   **({"num_threads": threads} if threads else {}))

    def download(self, key, path, folder, threads):
        self.oss2.resumable_download(self.bucket, key, path, store=self.oss2.ResumableDownloadStore(root=folder),
                                     **({"num_threads": threads} if threads else {}))


class V2:
    """alibabacloud-oss-v2."""

    def __init__(self, endpoint):
        import alibabacloud_oss_v2 as oss

        config = oss.config.load_default()
        config.credentials_provider = oss.credentials.StaticCredentialsProvider(KEY_ID, KEY_SECRET)
        config.region, config.endpoint, config.use_path_style = REGION, endpoint, True
        self.oss, self.client = oss, oss.Client(config)

    def put(self, key, body):
        self.client.put_object(self.oss.PutObjectRequest(bucket=BUCKET, key=key, body=body))

    def get(self, key):
        return self.client.get_object(self.oss.GetObjectRequest(bucket=BUCKET, key=key)).body.read()

    def upload(self, path, key, folder, threads):
        more = {"parallel_num": threads} if threads else {}
        self.client.uploader(**more).upload_file(self.oss.PutObjectRequest(bucket=BUCKET, key=key), path)

    def download(self, key, path, folder, threads):
        more = {"parallel_num": threads} if threads else {}
        self.client.downloader(**more).download_file(self.oss.GetObjectRequest(bucket=BUCKET, key=key), path)


class Native:
    """ossplit.Client."""

    def __init__(self, endpoint):
        import ossplit

        self.client = ossplit.Client(endpoint, REGION, (KEY_ID, KEY_SECRET))

    def put(self, key, body):
        self.client.put(BUCKET, key, body)

    def get(self, key):
        return self.client.get(BUCKET, key)

    def upload(self, path, key, folder, threads):
        self.client.upload(path, BUCKET, key, parallel=threads or None)

    def download(self, key, path, folder, threads):
        self.client.download(BUCKET, key, path, parallel=threads or None)


def client_of(name, endpoint):
    if name == "oss2":
        import oss2

        return Compatible(oss2, endpoint)
    if name == "ossplit.oss2":
        from ossplit import oss2

        return Compatible(oss2, endpoint)
    return V2(endpoint) if name == "oss-v2" else Native(endpoint)


def work(name, endpoint, what, threads, count, path):
    """Runs one row's calls, and prints what they took."""
    client = client_of(name, endpoint)
    body = os.urandom(SMALL)
    keys = [f"{what}/{i:05}" for i in range(count)]
    if what.startswith("get"):
        Native(endpoint).client.put_many(BUCKET, [(key, body) for key in keys])
    client.put("warm", b"x")
    folder = tempfile.mkdtemp(dir="/dev/shm")
    calls = {
        "put": lambda key: client.put(key, body),
        "get": lambda key: len(client.get(key)) == SMALL or sys.exit("wrong body"),
    }
    cpu, began = time.process_time(), time.perf_counter()
    if what == "upload":
        client.upload(path, "large", folder, threads)
    elif what == "download":
        client.download("large", path + ".back", folder, threads)
    elif what == "put_many":
        client.client.put_many(BUCKET, [(key, body) for key in keys])
    elif what == "get_many":
        client.client.get_many(BUCKET, keys)
    elif threads == 1:
        for key in keys:
            calls[what](key)
    else:
        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            list(pool.map(calls[what], keys))
    print(json.dumps({"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}))


@contextlib.contextmanager
def server(latency):
    binary = os.environ.get("OSSPLIT", ROOT / "target" / "release" / "ossplit")
    process = subprocess.Popen(
        [binary, "serve", "--memory", "--listen", "127.0.0.1:0", "--bucket", BUCKET, "--region", REGION,
         "--latency", str(latency)], stdout=subprocess.PIPE, text=True,
        env=dict(os.environ, OSS_ACCESS_KEY_ID=KEY_ID, OSS_ACCESS_KEY_SECRET=KEY_SECRET))
    try:
        for line in process.stdout:
            found = re.search(r"ready on (http://\S+)", line)
            if found:
                yield found.group(1)
                break
    finally:
        process.kill()
        process.wait()


def row(name, endpoint, what, threads, count, path):
    if name == "Rust":
        return rust(endpoint, what, count, path)
    if what == "import":
        return imported(name)
    done = subprocess.run([sys.executable, __file__, "--work", name, endpoint, what, str(threads), str(count), path],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{name} {what}: {done.stderr[-1500:]}")
    return json.loads(done.stdout.splitlines()[-1])


def imported(name):
    """The median of five fresh interpreters; their bytecode is there from the first on."""
    module = {"oss-v2": "alibabacloud_oss_v2"}.get(name, name)
    now = "time.perf_counter(), time.process_time()"
    program = f"import time; a, b = {now}; import {module}; c, d = {now}; print(c - a, d - b)"
    took = []
    for _ in range(6):
        done = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True)
        took.append(tuple(float(word) for word in done.stdout.split()))
    seconds, cpu = sorted(took[1:])[2]
    return {"seconds": seconds, "cpu": cpu}


def rust(endpoint, what, count, path):
    """The Rust client on the same objects: crates/transfer/examples/transfer.rs."""
    key, target = {"upload": ("large", path), "download": ("large", path + ".back"), "get": ("get", str(count))}[what]
    before = os.times()
    done = subprocess.run([TRANSFER, what, endpoint, REGION, BUCKET, key, target], check=True, text=True,
                          input=f"{KEY_ID}\n{KEY_SECRET}\n", stdout=subprocess.PIPE)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return {"seconds": float(done.stdout), "cpu": used}


def rows(large):
    """(workload, label, threads, clients)"""
    yield "import", "import", 0, CLIENTS
    for what in ("put", "get"):
        for threads in (1, 16):
            yield what, f"{what}-{threads}", threads, [*CLIENTS, *(["Rust"] if (what, threads) == ("get", 1) else [])]
        yield what + "_many", f"{what}-many", 32, ["ossplit"]
    if large:
        for what in ("upload", "download"):
            yield what, what, 0, [*CLIENTS, "Rust"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--latency", type=int, default=0, help="milliseconds that the server adds to each request")
    parser.add_argument("--objects", type=int, default=1000)
    parser.add_argument("--large", type=int, default=1024, help="MiB of the large file; 0 leaves it out")
    parser.add_argument("--only", default="", help="rows whose name holds this word")
    parser.add_argument("--runs", type=int, default=1, help="of each row, of which the fastest counts")
    parser.add_argument("--work", nargs=6, metavar="X", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        name, endpoint, what, threads, count, path = given.work
        work(name, endpoint, what, int(threads), int(count), path)
        return
    if not TRANSFER.exists():
        sys.exit(f"{TRANSFER} is not built: cargo build --release -p ossplit-transfer --example transfer (make bench-python does)")
    print(f"latency {given.latency} ms, {given.objects} objects of {SMALL >> 10} KiB, {given.large} MiB file\n")
    print("| workload | client | s | x oss2 | CPU s |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder, server(given.latency) as endpoint:
        path = os.path.join(folder, "large")
        with open(path, "wb") as file:
            for _ in range(given.large):
                file.write(os.urandom(1 << 20))
        for what, label, threads, clients in rows(given.large):
            if given.only not in label:
                continue
            base = None
            for name in clients:
                done = min((row(name, endpoint, what, threads, given.objects, path) for _ in range(given.runs)),
                           key=lambda one: one["seconds"])
                base = base or (done["seconds"] if name == "oss2" else None)
                times = f"{base / done['seconds']:.2f}" if base else ""
                print(f"| {label} | {name} | {done['seconds']:.3f} | {times} | {done['cpu']:.3f} |", flush=True)


if __name__ == "__main__":
    main()
