"""The main job in five minutes: the same training, once through a read-write mount, once split.

Starts the embedded server with a delay on every request, puts real digits into a bucket, trains in the
page's two forms, compares their checkpoints byte for byte, and writes .demo/report.html.
"""

import argparse
import hashlib
import json
import os
import pathlib
import queue
import re
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import urllib.request

import oss2
import ossplit
from ossplit.checkpoint import Checkpointer

import main as training
import report

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUCKET, REGION = "tf-demo", "cn-local"
DATA, LOGS = "tf-train/train/data/", "tf-train/training_logs/"


class Server:
    """`ossplit serve` in memory, with `latency` milliseconds added to every request."""

    def __init__(self, binary, latency):
        self.key = {"OSS_ACCESS_KEY_ID": "demo", "OSS_ACCESS_KEY_SECRET": secrets.token_hex(16)}
        self.process = subprocess.Popen(
            [binary, "serve", "--memory", "--listen", "127.0.0.1:0", "--console", "127.0.0.1:0",
             "--region", REGION, "--bucket", BUCKET, "--latency", str(latency)],
            env={**os.environ, **self.key}, stdout=subprocess.PIPE, text=True)
        lines = queue.Queue()
        threading.Thread(target=lambda: [lines.put(line) for line in self.process.stdout],
                         daemon=True).start()
        self.folder = tempfile.TemporaryDirectory()
        self.passwords = pathlib.Path(self.folder.name) / "passwd"
        self.passwords.touch(mode=0o600)
        self.passwords.write_text("{OSS_ACCESS_KEY_ID}:{OSS_ACCESS_KEY_SECRET}\n".format(**self.key))
        self.console = self.url = None
        while not self.url:
            line = lines.get(timeout=30)
            if found := re.search(r"console on (http://\S+)", line):
                self.console = found.group(1)
            if found := re.search(r"ready on (http://\S+)", line):
                self.url = found.group(1)

    def bucket(self):
        auth = oss2.Auth(self.key["OSS_ACCESS_KEY_ID"], self.key["OSS_ACCESS_KEY_SECRET"])
        return oss2.Bucket(auth, self.url, BUCKET)

    def reset(self):
        request = urllib.request.Request(self.console + "/counters/reset", method="POST", data=b"")
        urllib.request.urlopen(request, timeout=10).close()

    def requests(self):
        with urllib.request.urlopen(self.console + "/counters", timeout=10) as answer:
            operations = json.load(answer)["operations"]
        return {name: one["requests"] for name, one in operations.items() if one["requests"]}

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)
        self.folder.cleanup()


class Mount:
    """A mount for the length of a `with`."""

    def __init__(self, binary, server, what, at, options):
        self.binary, self.at = binary, at
        at.mkdir(parents=True)
        self.command = [binary, "mount", f"{BUCKET}:{what}", str(at),
                        "-o", f"url={server.url}", "-o", f"passwd_file={server.passwords}"]
        for option in options:
            self.command += ["-o", option]

    def __enter__(self):
        subprocess.run(self.command, check=True)
        return self

    def __exit__(self, *_):
        subprocess.run([self.binary, "umount", str(self.at)], check=True)


FORMS = {
    "read-write": dict(what="/tf-train", at="", options=["max_stat_cache_size=0", "allow_other"],
                       program=["--checkpoint", "mount"]),
    "split": dict(what="/tf-train/train/data", at="train/data",
                  options=["ro", "max_stat_cache_size=10000", "kernel_cache", "umask=022"],
                  program=["--checkpoint", "ossplit"]),
    "split, upload as on the page": dict(
        what="/tf-train/train/data", at="train/data",
        options=["ro", "max_stat_cache_size=10000", "kernel_cache", "umask=022"],
        program=["--checkpoint", "oss2"]),
}


def committed(server):
    """What `ossplit.checkpoint` committed, by the names that the other forms leave; the last step's where names repeat."""
    client = ossplit.Client(server.url, REGION, tuple(server.key.values()))
    checkpoints = Checkpointer(f"oss://{BUCKET}/{LOGS}", client=client, resume=False)
    left = {}
    for step in checkpoints.list():
        assert checkpoints.verify(step).faults == []
        for name, data in checkpoints.load(step).items():
            left[name] = hashlib.sha256(data).hexdigest()
    return left


def run_form(name, binary, server, scratch, steps):
    """Runs the training program in one form; gives its figures and what it left in the bucket."""
    form = FORMS[name]
    root = scratch / name.replace(" ", "-").replace(",", "")
    root.mkdir()
    figures = scratch / "figures.json"
    print(f"\n== {name}: oss://{BUCKET}{form['what']} with "
          + " ".join(f"-o {option}" for option in form["options"]))
    top = root / "mnt"
    with Mount(binary, server, form["what"], top / form["at"], form["options"]):
        server.reset()
        done = subprocess.run(
            [sys.executable, str(HERE / "main.py"), "--max_steps", str(steps),
             "--report", str(figures), *form["program"]],
            env={**os.environ, **server.key, "URL": server.url, "BUCKET": BUCKET,
                 "OSS_REGION": REGION, "TEST_TMPDIR": str(top)},
            check=True, stdout=subprocess.PIPE, text=True)
        requests = server.requests()
    lines = done.stdout.splitlines()
    print("\n".join(line for line in lines if "dataload" in line or "after" in line))
    bucket = server.bucket()
    left = committed(server) if "ossplit" in form["program"] else {}
    for one in oss2.ObjectIteratorV2(bucket, prefix=LOGS):
        # A folder's own object is no checkpoint.
        if not one.key.endswith("/") and "ossplit" not in form["program"]:
            left[one.key.removeprefix(LOGS)] = hashlib.sha256(
                bucket.get_object(one.key).read()).hexdigest()
        bucket.delete_object(one.key)
    result = json.loads(figures.read_text())
    return {**result, "requests": requests, "checkpoints": left}


def load_times(name, binary, server, scratch, repeat):
    """Loading alone, each time from a fresh mount: seconds and requests."""
    form, times, requests = FORMS[name], [], {}
    for i in range(repeat):
        top = scratch / f"load-{name.split(',')[0]}-{i}" / "mnt"
        with Mount(binary, server, form["what"], top / form["at"], form["options"]):
            server.reset()
            times.append(training.load(str(top / "train/data"))[1])
            requests = server.requests()
    return statistics.median(times), requests


def compare(results, steps):
    """All forms must have written the same checkpoints, and the split form must not have waited for its uploads."""
    expected = {f"model.ckpt-{i}.npz" for i in range(0, steps, 100)} | {"checkpoint"}
    first = results["read-write"]["checkpoints"]
    for name, result in results.items():
        assert set(result["checkpoints"]) == expected, (name, sorted(result["checkpoints"]))
        assert result["checkpoints"] == first, f"{name}: checkpoints differ"
    ours, pages = (sum(results[name]["stalls"]) for name in ("split", "split, upload as on the page"))
    assert ours < pages / 5, f"training waited {ours:.3f} s for checkpoints, with the page's upload {pages:.3f} s"
    print(f"\n{len(expected) - 1} checkpoints read back from the bucket: equal in every form, byte for byte")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ossplit", default=str(ROOT / "target/release/ossplit"))
    parser.add_argument("--steps", type=int, default=int(os.getenv("DEMO_STEPS", "1000")))
    parser.add_argument("--latency", type=int, default=int(os.getenv("DEMO_LATENCY", "20")))
    parser.add_argument("--dataset", choices=["digits", "fashion"], default="digits")
    parser.add_argument("--repeat", type=int, default=5, help="loads timed for each form")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / ".demo")
    args = parser.parse_args()
    binary = str(pathlib.Path(args.ossplit).resolve())
    digits = args.out / args.dataset
    subprocess.run([sys.executable, str(HERE / "fetch_data.py"), "--dataset", args.dataset,
                    str(digits)], check=True)
    local = statistics.median(training.load(str(digits))[1] for _ in range(args.repeat))
    server = Server(binary, args.latency)
    print(f"embedded server on {server.url}, with {args.latency} ms added to each request: "
          "this stands for a region's distance")
    try:
        bucket = server.bucket()
        for file in training.idx.FILES.values():
            bucket.put_object_from_file(DATA + file, str(digits / file))
        with tempfile.TemporaryDirectory(prefix="ossplit-demo-") as scratch:
            scratch = pathlib.Path(scratch)
            results = {name: run_form(name, binary, server, scratch, args.steps) for name in FORMS}
            for name in ("read-write", "split"):
                seconds, requests = load_times(name, binary, server, scratch, args.repeat)
                results[name].update(load_median=seconds, load_requests=requests)
    finally:
        server.stop()
    compare(results, args.steps)
    figures = report.figures(results, local, args.latency, args.steps)
    print(report.table(figures))
    page = args.out / "report.html"
    page.write_text(report.page(figures), encoding="utf-8")
    print(f"\nThe comparison as a page: {page}")


if __name__ == "__main__":
    main()
