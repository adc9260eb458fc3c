"""Trains a digit recogniser as the ACK page "Best practice for OSS read/write splitting" does.

Data is read from $TEST_TMPDIR/train/data, a checkpoint is saved every 100 steps, accuracy is printed
every 10. `--checkpoint mount` writes checkpoints below $TEST_TMPDIR (the page's read-write form),
`--checkpoint oss2` uploads them with the OSS SDK (its split form), `--checkpoint ossplit` saves them with `ossplit.checkpoint`,
which uploads while training goes on (URL, BUCKET, OSS_REGION, OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET say where to).
$CHECKPOINT is what `--checkpoint` is when it is not given: the page's two images differ in it.
"""

import argparse
import json
import os
import time

import numpy

import idx
from checkpoints import MountCheckpoints, Oss2Checkpoints, OssplitCheckpoints
from model import MODELS, dump


def parse():
    root = os.getenv("TEST_TMPDIR", "/mnt")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max_steps", type=int, default=1000)
    parser.add_argument("--learning_rate", type=float, default=0.001)
    parser.add_argument("--data_dir", default=os.path.join(root, "train/data"))
    parser.add_argument("--log_dir", default=os.path.join(root, "training_logs"))
    forms = ["mount", "oss2", "ossplit"]
    form = os.getenv("CHECKPOINT", "mount")
    parser.add_argument("--checkpoint", choices=forms, default=form)
    parser.add_argument("--background", action="store_true",
                        help="upload while training goes on (with --checkpoint oss2)")
    parser.add_argument("--framework", choices=sorted(MODELS), default="numpy")
    parser.add_argument("--report", help="write figures as JSON to this file")
    args = parser.parse_args()
    if args.checkpoint not in forms:
        parser.error(f"CHECKPOINT={form}: give one of {', '.join(forms)}")
    return args


def load(folder):
    """The four files as floats, and the seconds that took: reading and decoding."""
    start = time.perf_counter()
    arrays = idx.load(folder)
    data = {name: array.reshape(len(array), -1) / numpy.float32(255) if "images" in name else array
            for name, array in arrays.items()}
    return data, time.perf_counter() - start


def train(args, data, checkpoints):
    """Gives the seconds that each checkpoint made training wait, and those of the last uploads."""
    model = MODELS[args.framework](args.learning_rate)
    rng = numpy.random.default_rng(1)
    images, labels = data["train_images"], data["train_labels"]
    stalls = []
    for i in range(args.max_steps):
        if i % 10 == 0:  # Record test-set accuracy
            acc = model.accuracy(data["test_images"], data["test_labels"])
            print(f"Accuracy at step {i}: {acc}")
            if i % 100 == 0:
                print(f"Save checkpoint at step {i}: {acc}")
                state = dump(model.state())
                start = time.perf_counter()
                checkpoints.save(i, state)
                stalls.append(time.perf_counter() - start)
        batch = rng.integers(0, len(labels), 100)
        model.train(images[batch], labels[batch])
    start = time.perf_counter()
    checkpoints.finish()
    return stalls, time.perf_counter() - start, model.accuracy(
        data["test_images"], data["test_labels"])


def main():
    args = parse()
    if args.checkpoint == "mount":
        checkpoints = MountCheckpoints(args.log_dir)
    elif args.checkpoint == "ossplit":
        checkpoints = OssplitCheckpoints.from_environment()
    else:
        checkpoints = Oss2Checkpoints.from_environment(args.background)
    begin = time.perf_counter()
    data, seconds = load(args.data_dir)
    print("dataload cost time: ", seconds)
    stalls, last, accuracy = train(args, data, checkpoints)
    print(f"Accuracy after {args.max_steps} steps: {accuracy}")
    if args.report:
        with open(args.report, "w", encoding="utf-8") as report:
            json.dump({"load": seconds, "stalls": stalls, "last_upload": last,
                       "accuracy": accuracy, "total": time.perf_counter() - begin}, report)


if __name__ == "__main__":
    main()
