"""What a checkpoint costs training: how long `save_async` takes, how much steps slow down while it uploads, and the demo's
stalls beside the page's upload loop.

    make bench-checkpoint        or        .tools/python/bin/python benches/checkpoint.py --ossplit target/release/ossplit

The server runs on this machine, where a user's would not: it is bound to the last core, and training to the first.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

# One thread for training, as the other core stands for the network and the service.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy  # noqa: E402

import ossplit  # noqa: E402
from ossplit.checkpoint import Checkpointer  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "examples/mnist"))
import demo  # noqa: E402
import idx  # noqa: E402

MIB = 1 << 20


def checkpointer(server, folder, name, **options):
    client = ossplit.Client(server.url, demo.REGION, tuple(server.key.values()))
    return Checkpointer(f"oss://{demo.BUCKET}/{name}", client=client, keep=1, staging_dir=folder / "staging",
                        resume=False, **options)


def changed(array, seed):
    """Other bytes everywhere, so that nothing is copied inside OSS."""
    array[:] = numpy.random.default_rng(seed).integers(0, 1 << 62, array.size, dtype=numpy.int64)


def time_saves(server, folder, size, rounds=6):
    """Milliseconds until `save_async` returns, the first round apart."""
    array = numpy.empty(size // 8, dtype=numpy.int64)
    path = folder / "model.bin"
    ways = {
        "numpy array, staged in memory (reserve)": dict(staging="memory", memory=2 * size, reserve=size + 16 * MIB),
        "numpy array, staged in memory": dict(staging="memory", memory=2 * size),
        "numpy array, auto (reserve)": dict(memory=2 * size, reserve=size + 16 * MIB),
        "file on tmpfs, staged in memory (reserve)": dict(staging="memory", memory=2 * size, reserve=size + 16 * MIB),
        "file on tmpfs, hard link": dict(staging="hardlink"),
        "file on tmpfs, copied on tmpfs": dict(staging="copy"),
    }
    rows = {}
    for number, (way, options) in enumerate(ways.items()):
        checkpoints = checkpointer(server, folder, f"saves-{number}", **options)
        if "reserve" in options:
            time.sleep(1)  # The memory is made ready in the background, as while a program loads its data.
        took = []
        for i in range(rounds):
            changed(array, i)
            what = {"model": array}
            if way.startswith("file"):
                # Under another name and renamed, as writers do whose files may be hard links.
                array.tofile(folder / "new")
                os.replace(folder / "new", path)
                what = path
            start = time.perf_counter()
            save = checkpoints.save_async(i, what)
            took.append((time.perf_counter() - start) * 1000)
            save.result()
        rows[way] = (took[0], statistics.median(took[1:]), max(took[1:]))
    return rows


def check(goals):
    """Says which bounds of the project were missed; gives the exit status."""
    missed = [f"{what}: {figure:.1f}, and the bound is {bound:g}" for what, figure, bound in goals if figure > bound]
    print("\n".join(["all bounds are kept"] if not missed else ["MISSED", *missed]))
    return 1 if missed else 0


def step(state):
    """Some milliseconds of what training does."""
    state["x"] = numpy.tanh(state["x"] @ state["w"])


def steps_for(state, until):
    """Milliseconds of each step until `until` says so."""
    took = []
    while not until():
        start = time.perf_counter()
        step(state)
        took.append((time.perf_counter() - start) * 1000)
    return took


def time_steps(server, folder, size, rounds=5):
    """(mean step without, mean step during the upload, seconds of the upload); in turns, so that drift hits both."""
    rng = numpy.random.default_rng(0)
    state = {"x": rng.normal(size=(384, 768)), "w": rng.normal(size=(768, 768)) / 28}
    array = numpy.empty(size // 8, dtype=numpy.int64)
    checkpoints = checkpointer(server, folder, "steps", staging="memory", memory=2 * size, reserve=size + 16 * MIB)
    without, during, uploads = [], [], []
    for i in range(rounds):
        changed(array, i)
        end = time.perf_counter() + 1.5
        without += steps_for(state, lambda: time.perf_counter() > end)
        start = time.perf_counter()
        save = checkpoints.save_async(i, {"model": array})
        during += steps_for(state, save.done)
        uploads.append(time.perf_counter() - start)
        save.result()
    return statistics.mean(without), statistics.mean(during), statistics.median(uploads)


def time_demo(server, folder, digits, steps):
    """By form: seconds that training waited for checkpoints in all."""
    shutil.copytree(digits, folder / "train/data")
    stalls = {}
    for form in ("ossplit", "oss2"):
        report = folder / "report.json"
        subprocess.run(
            [sys.executable, str(ROOT / "examples/mnist/main.py"), "--max_steps", str(steps), "--checkpoint", form,
             "--report", str(report)],
            env={**os.environ, **server.key, "URL": server.url, "BUCKET": demo.BUCKET, "OSS_REGION": demo.REGION,
                 "TEST_TMPDIR": str(folder), "TMPDIR": str(folder)},
            check=True, stdout=subprocess.DEVNULL)
        stalls[form] = json.loads(report.read_text())["stalls"]
    return stalls


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ossplit", required=True)
    parser.add_argument("--size", type=int, default=256, help="MiB of a checkpoint")
    parser.add_argument("--steps", type=int, default=1000, help="of the demo")
    parser.add_argument("--only", choices=["saves", "steps", "demo"])
    parser.add_argument("--check", action="store_true",
                        help="fail unless save_async takes less than 30 ms per 256 MiB, steps grow by less than 10 %% and the demo's "
                             "stalls are a twentieth of the page's")
    args = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    digits = ROOT / ".demo/digits"
    if args.only in (None, "demo"):
        subprocess.run([sys.executable, str(ROOT / "examples/mnist/fetch_data.py"), str(digits)], check=True,
                       stdout=subprocess.DEVNULL)
        idx.load(str(digits))
    goals = []
    for latency in (0, 20):
        server = demo.Server(args.ossplit, latency)
        os.sched_setaffinity(server.process.pid, cores[-1:])
        for task in pathlib.Path(f"/proc/{server.process.pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), cores[-1:])
        print(f"== {latency} ms per request")
        try:
            with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
                folder = pathlib.Path(folder)
                if args.only in (None, "saves"):
                    print(f"save_async of {args.size} MiB returns after, ms: first, median, worst of the others")
                    for way, took in time_saves(server, folder, args.size * MIB).items():
                        print(f"  {way:<45}" + "".join(f"{one:>9.1f}" for one in took))
                        if "reserve" in way or "link" in way:
                            goals.append((f"{way}, {latency} ms, ms", took[1], 30 * args.size / 256))
                if args.only in (None, "steps"):
                    without, during, upload = time_steps(server, folder, args.size * MIB)
                    print(f"a step takes {without:.2f} ms, during the upload {during:.2f} ms "
                          f"({100 * (during / without - 1):+.1f} %); the upload {upload:.2f} s")
                    goals.append((f"growth of a step, {latency} ms, %", 100 * (during / without - 1), 10))
                if args.only in (None, "demo"):
                    stalls = time_demo(server, folder, digits, args.steps)
                    ours, theirs = (sum(stalls[form]) for form in ("ossplit", "oss2"))
                    print(f"the demo's {len(stalls['oss2'])} checkpoints stall training for {1000 * ours:.1f} ms in all, "
                          f"with the page's oss2 loop for {1000 * theirs:.1f} ms: {theirs / ours:.1f} times as long")
                    goals.append((f"stalls per 20 of the page's, {latency} ms", 20 * ours / theirs, 1))
        finally:
            server.stop()
    sys.exit(check(goals) if args.check else 0)


if __name__ == "__main__":
    main()
