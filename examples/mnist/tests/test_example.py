import io
import pathlib
import subprocess
import sys

import numpy
import pytest

HERE = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HERE))

import checkpoints  # noqa: E402
import fetch_data  # noqa: E402
import idx  # noqa: E402
import report  # noqa: E402
from model import NumpyModel, dump  # noqa: E402


def small_set():
    """Not digits: just something with ten labels that can be told apart."""
    rng = numpy.random.default_rng(3)
    labels = numpy.tile(numpy.arange(10, dtype=numpy.uint8), 50)
    images = rng.integers(0, 40, (500, 28, 28), dtype=numpy.uint8)
    for i, label in enumerate(labels):
        images[i, label, :] = 255
    return fetch_data.split(images, labels)


def test_idx_round_trips_and_is_the_same_bytes_each_time():
    array = numpy.arange(2 * 28 * 28).reshape(2, 28, 28).astype(numpy.uint8)
    data = idx.encode(array)
    assert numpy.array_equal(idx.decode(data), array)
    assert idx.encode(array) == data


@pytest.mark.parametrize("bad", [b"", b"\0\0\x09\x01\0\0\0\0", b"\0\0\x08\x01\0\0\0\x09abc"])
def test_idx_refuses_what_is_none(bad):
    import gzip
    with pytest.raises(ValueError):
        idx.decode(gzip.compress(bad))


def test_the_data_set_is_whole(tmp_path):
    idx.save(tmp_path, small_set())
    assert fetch_data.check(tmp_path) == (400, 100)


def test_training_learns_and_repeats_itself():
    data = small_set()
    images = data["train_images"].reshape(400, -1) / numpy.float32(255)
    states = []
    for _ in range(2):
        model = NumpyModel(0.001)
        before = model.accuracy(images, data["train_labels"])
        for _ in range(60):
            model.train(images, data["train_labels"])
        assert model.accuracy(images, data["train_labels"]) > max(0.9, before)
        states.append(dump(model.state()))
    assert states[0] == states[1]
    assert len(states[0]) > 2_000_000
    with numpy.load(io.BytesIO(states[0])) as loaded:
        assert loaded["weights/w1"].shape == (784, 128)


class FakeBucket:
    def __init__(self):
        self.objects = {}

    def put_object_from_file(self, key, path):
        self.objects[key] = pathlib.Path(path).read_bytes()


@pytest.mark.parametrize("background", [False, True])
def test_checkpoints_are_uploaded_under_the_page_s_keys(background):
    bucket = FakeBucket()
    saver = checkpoints.Oss2Checkpoints(bucket, background)
    for step in (0, 100):
        saver.save(step, b"state %d" % step)
    saver.finish()
    assert bucket.objects["tf-train/training_logs/model.ckpt-100.npz"] == b"state 100"
    assert b"model.ckpt-100.npz" in bucket.objects["tf-train/training_logs/checkpoint"]


class FakeCheckpointer:
    def __init__(self):
        self.saved, self.waited = {}, 0

    def save_async(self, step, files):
        self.saved[step] = files
        return self

    def result(self):
        self.waited += 1


def test_checkpoints_have_the_same_names_with_ossplit():
    checkpointer = FakeCheckpointer()
    saver = checkpoints.OssplitCheckpoints(checkpointer)
    saver.save(100, b"state 100")
    saver.finish()
    assert checkpointer.waited == 1
    assert checkpointer.saved[100]["model.ckpt-100.npz"] == b"state 100"
    assert b"model.ckpt-100.npz" in checkpointer.saved[100]["checkpoint"]


def test_the_report_shows_the_page_s_upload_beside_ours():
    forms = {"read-write": 0.1, "split": 0.001, "split, upload as on the page": 0.0612}
    results = {name: {"load": 0.2, "stalls": [stall] * 10, "total": 2.0, "accuracy": 0.9, "requests": {"PutObject": 20}}
               for name, stall in forms.items()}
    for name, load in [("read-write", 0.2), ("split", 0.05)]:
        results[name].update(load_median=load, load_requests={"GetObject": 4})
    shown = report.figures(results, 0.01, 20, 1000)
    assert [row["stall"] for row in shown["rows"]] == pytest.approx(list(forms.values()))
    for text in (report.table(shown), report.page(shown)):
        assert all(name in text for name in forms)
        assert "61.2 ms" in text and "1.0 ms" in text


def test_the_program_runs_in_the_page_s_read_write_form(tmp_path):
    idx.save(tmp_path / "train" / "data", small_set())
    done = subprocess.run(
        [sys.executable, str(HERE / "main.py"), "--max_steps", "101"],
        env={"TEST_TMPDIR": str(tmp_path), "PATH": ""}, check=True, capture_output=True, text=True)
    assert "dataload cost time:  " in done.stdout
    assert "Accuracy at step 100: " in done.stdout and "Save checkpoint at step 0: " in done.stdout
    names = sorted(path.name for path in (tmp_path / "training_logs").iterdir())
    assert names == ["checkpoint", "model.ckpt-0.npz", "model.ckpt-100.npz"]
