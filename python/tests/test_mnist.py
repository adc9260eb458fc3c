"""The example in examples/mnist: every framework in the page's forms, and what its two images hold."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy
import pytest
from conftest import KEY_ID, KEY_SECRET, REGION, ROOT
from ossplit.checkpoint import Checkpointer

EXAMPLE = ROOT / "examples" / "mnist"
sys.path[:0] = [str(EXAMPLE), str(EXAMPLE / "tests")]

import idx  # noqa: E402
from test_example import small_set  # noqa: E402

NAMES = ["checkpoint", "model.ckpt-0.npz", "model.ckpt-100.npz"]


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    idx.save(folder, small_set())
    return folder


@pytest.fixture
def environment(server, bucket):
    # One thread of BLAS is faster than several that wait for few cores.
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "URL": server.endpoint, "BUCKET": bucket,
            "OSS_REGION": REGION, "OSS_ACCESS_KEY_ID": KEY_ID, "OSS_ACCESS_KEY_SECRET": KEY_SECRET}


def train(program, top, environment, *words):
    trained([sys.executable, *program, "--max_steps", "101", *words], {**environment, "TEST_TMPDIR": str(top)}, 101)


def trained(command, environment, steps):
    done = subprocess.run(command, text=True, capture_output=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr
    assert "dataload cost time: " in done.stdout and "Save checkpoint at step 100: " in done.stdout
    assert float(re.search(rf"Accuracy after {steps} steps: (.*)", done.stdout).group(1)) > 0.8


@pytest.mark.parametrize("framework,module", [
    ("numpy", "numpy"), ("sklearn", "sklearn"), ("torch", "torch"), ("tensorflow", "tensorflow"), ("jax", "jax")])
def test_a_framework_in_every_form(client, bucket, digits, environment, mounted, tmp_path, framework, module):
    pytest.importorskip(module, reason=f"{module} is not installed here: make python has torch apart, make test-frameworks the others")
    client.put_many(bucket, [(f"tf-train/train/data/{one.name}", one.read_bytes()) for one in digits.iterdir()])
    main = [str(EXAMPLE / "main.py")]
    # The read-write form: data and checkpoints through one mount.
    top = mounted(f"{bucket}:/tf-train", tmp_path / "rw", "max_stat_cache_size=0", "allow_other")
    train(main, top, environment, "--framework", framework, "--checkpoint", "mount")
    prefix = "tf-train/training_logs/"
    assert [one.key for one in client.list(bucket, prefix) if not one.key.endswith("/")] == [prefix + name for name in NAMES]
    # The split form: data through a read-only mount, checkpoints through the SDK; oss2's words with another import.
    data = mounted(f"{bucket}:/tf-train/train/data", tmp_path / "ro" / "train" / "data", "ro", "kernel_cache")
    top = data.parents[1]
    written = {name: client.get(bucket, prefix + name) for name in NAMES}
    client.delete_many(bucket, [prefix + name for name in NAMES])
    train([str(pathlib.Path(__file__).with_name("as_oss2.py")), *main], top, environment, "--framework", framework, "--checkpoint", "oss2")
    by_oss2 = {name: client.get(bucket, prefix + name) for name in NAMES}
    train(main, top, environment, "--framework", framework, "--checkpoint", "ossplit")
    checkpoints = Checkpointer(f"oss://{bucket}/tf-train/training_logs", client=client, staging_dir=tmp_path / "staging")
    assert checkpoints.list() == [0, 100]
    committed = {**checkpoints.load(0), **checkpoints.load(100)}
    assert sorted(committed) == NAMES
    for name in NAMES:
        if name.endswith(".npz"):
            for other in (by_oss2, committed):
                same(written[name], other[name], tmp_path)
        else:
            assert written[name] == by_oss2[name] == committed[name]


def same(one, other, folder):
    """The same arrays: a framework's sums may differ in the last bits from run to run."""
    for name, data in (("one.npz", one), ("other.npz", other)):
        (folder / name).write_bytes(data)
    with numpy.load(folder / "one.npz") as one, numpy.load(folder / "other.npz") as other:
        assert sorted(one) == sorted(other)
        for name in one:
            assert numpy.allclose(one[name], other[name], rtol=1e-3, atol=1e-5), name


@pytest.mark.parametrize("image", ["rw", "ro"])
def test_an_image_has_what_its_program_needs(client, bucket, digits, environment, tmp_path, image):
    """No container engine is to be had here: the image's files, its variables and the page's command alone."""
    text = (EXAMPLE / "image" / f"Dockerfile.{image}").read_text()
    app, top = tmp_path / "app", tmp_path / "mnt"
    app.mkdir()
    sources = [word for line in re.findall(r"^COPY (.*) /app/$", text, re.M) for word in line.split()]
    assert sources
    for source in sources:
        shutil.copy(ROOT / source, app)
    shutil.copytree(digits, top / "train" / "data")
    variables = dict(word.split("=") for line in re.findall(r"^ENV (.*)$", text, re.M) for word in line.split())
    # As the page's pod starts it, /app being here, and `python` in the image's path.
    command = json.loads(re.search(r"^CMD (.*)$", text, re.M).group(1))
    assert command == ["sh", "-c", "python /app/main.py"]
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    trained([word.replace("/app", str(app)) for word in command],
            {**environment, **variables, "PATH": path, "TEST_TMPDIR": str(top)}, 1000)
    if image == "rw":
        names = [f"model.ckpt-{step}.npz" for step in range(0, 1000, 100)]
        assert sorted(one.name for one in (top / "training_logs").iterdir()) == ["checkpoint", *names]
    else:
        checkpoints = Checkpointer(f"oss://{bucket}/tf-train/training_logs", client=client, staging_dir=tmp_path / "staging")
        assert checkpoints.list() == list(range(0, 1000, 100)) and not (top / "training_logs").exists()
