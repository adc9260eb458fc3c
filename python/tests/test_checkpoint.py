"""`ossplit.checkpoint`: saves that go on beside training, and state that comes back as it was."""

import json
import math
import os
import pathlib
import pickle
import random
import signal
import subprocess
import sys
import time

import numpy
import pytest

from conftest import KEY_ID, KEY_SECRET, REGION
from ossplit import _state, checkpoint
from ossplit.checkpoint import Checkpointer
from ossplit.errors import FileChanged


@pytest.fixture
def make(server, bucket, tmp_path):
    def checkpointer(**more):
        more = {"staging_dir": tmp_path / "staging", "client": server.client(), **more}
        return Checkpointer(f"oss://{bucket}/run", **more)

    yield checkpointer
    server.faults('{"rules": []}')


def state(seed=1):
    rng = numpy.random.default_rng(seed)
    return {
        "weights": rng.normal(size=(300, 700)).astype(numpy.float32),
        "layers": [numpy.arange(10, dtype=numpy.int64), (numpy.float64(1.5), True, None, "text")],
        "empty": numpy.zeros((0, 3), dtype=numpy.uint8),
        "scalar": numpy.array(7, dtype=numpy.int16),
        3: b"\0bytes",
        "strided": numpy.arange(12.0).reshape(3, 4).T,
        "loss": math.inf,
    }


def same(one, other):
    assert type(one) is type(other), (type(one), type(other))
    if isinstance(one, dict):
        assert list(one) == list(other)
        for key in one:
            same(one[key], other[key])
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        for a, b in zip(one, other):
            same(a, b)
    elif isinstance(one, (numpy.ndarray, numpy.generic)):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        assert numpy.array_equal(one, other)
    else:
        assert one == other


def test_state_comes_back_as_it_was(make):
    with make(keep=2) as checkpoints:
        saved = state()
        save = checkpoints.save_async(100, {"model": saved, "raw": bytearray(b"abc")}, {"accuracy": "0.9"})
        saved["weights"] += 1  # Training goes on.
        found = save.result(30)
        assert (save.state, found.step, found.metadata) == ("committed", 100, {"accuracy": "0.9"})
        back = checkpoints.load()
        same(back["model"], state())
        assert back["raw"] == b"abc"
        back["model"]["weights"][0, 0] = 0  # It can be written to.
        for step in (200, 300):
            checkpoints.save(step, {"model": state(step)})
        assert (checkpoints.list(), checkpoints.latest()) == ([200, 300], 300)
        same(checkpoints.load(200)["model"], state(200))
        assert checkpoints.verify(deep=True).faults == []


def test_files_and_folders_are_saved_under_their_names(make, tmp_path):
    logs = tmp_path / "logs"
    (logs / "sub").mkdir(parents=True)
    (logs / "sub" / "model.ckpt").write_bytes(os.urandom(300_000))
    (logs / "checkpoint").write_text("model.ckpt")
    checkpoints = make()
    checkpoints.save(1, logs)
    checkpoints.save(2, {"logs": logs, "one": logs / "checkpoint"})
    assert checkpoints.restore(1, tmp_path / "back") == 1
    assert (tmp_path / "back/sub/model.ckpt").read_bytes() == (logs / "sub/model.ckpt").read_bytes()
    names = [file.name for file in checkpoints.checkpoint(2).files]
    assert sorted(names) == ["logs/checkpoint", "logs/sub/model.ckpt", "one"]


def test_what_can_not_be_saved_is_said_at_once(make):
    checkpoints = make()
    for what, error in [({"a": {"b": [object()]}}, "b.0 is a object"), ({"a": {1.5: 1}}, "has the key 1.5"),
                        ({1: b""}, "is no name")]:
        with pytest.raises(TypeError, match=error):
            checkpoints.save_async(1, what)
    with pytest.raises(ValueError, match="staging="):
        make(staging="tape")
    with pytest.raises(ValueError, match="keep=0"):
        make(keep=0)
    with pytest.raises(checkpoint.NoSuchCheckpoint):
        checkpoints.load()
    with pytest.raises(checkpoint.NoSuchCheckpoint, match="step 5"):
        checkpoints.restore(5, "/nonexistent")


def test_a_save_that_can_not_be_staged_does_not_end_training(make, tmp_path):
    checkpoints = make(staging="memory", memory=1000)
    save = checkpoints.save_async(1, {"large": bytes(2000)})
    assert save.state == "failed"
    failed = save.exception()
    assert isinstance(failed, checkpoint.StagingError) and "memory" in str(failed)
    with pytest.raises(checkpoint.StagingError):
        save.result()
    again = pickle.loads(pickle.dumps(failed))
    assert (type(again), str(again)) == (type(failed), str(failed))
    assert checkpoints.latest() is None


def test_a_wrong_crc_is_refused_and_never_committed(make, server):
    server.faults(json.dumps({"rules": [
        {"operation": ["PutObject", "UploadPart"], "key": "*/data/*", "wrong_crc": True}]}))
    checkpoints = make()
    with pytest.raises(checkpoint.CheckpointCorrupt):
        checkpoints.save(1, {"a": b"1"})
    server.faults('{"rules": []}')
    assert checkpoints.list() == []


def test_while_a_save_is_under_way_the_next_is_skipped_or_waits(make, server):
    server.faults(json.dumps({"rules": [{"operation": "PutObject", "key": "*commits*", "delay_ms": 300}]}))
    checkpoints = make(when_busy="skip")
    first = checkpoints.save_async(1, {"a": b"1"})
    second = checkpoints.save_async(2, {"a": b"2"})
    assert second.state == "skipped" and isinstance(second.exception(), checkpoint.CheckpointSkipped)
    assert not first.wait(0.01)
    with pytest.raises(TimeoutError, match="step 1 is"):
        first.result(0.01)
    assert first.result().step == 1
    checkpoints = make(when_busy="wait")
    first = checkpoints.save_async(3, {"a": b"3"})
    second = checkpoints.save_async(4, {"a": b"4"})
    assert first.state == "committed" and second.result().step == 4
    checkpoints = make(when_busy="queue", queue=2)
    saves = [checkpoints.save_async(step, {"a": b"%d" % step}) for step in (5, 6, 7)]
    assert [save.done() for save in saves] == [False] * 3
    # One more has to wait until there is room in the queue.
    saves.append(checkpoints.save_async(8, {"a": b"8"}))
    assert saves[0].state == "committed"
    assert [save.result().step for save in saves] == [5, 6, 7, 8]
    assert checkpoints.load(6)["a"] == b"6"


def test_a_save_goes_through_its_states(make, server):
    server.faults(json.dumps({"rules": [{"operation": "PutObject", "key": "*/data/*", "delay_ms": 300},
                                        {"operation": "PutObject", "key": "*/commits/*", "delay_ms": 1000}]}))
    save = make().save_async(1, {"a": b"1"})
    seen = [save.state]
    while not save.done():
        if save.state != seen[-1]:
            seen.append(save.state)
        time.sleep(0.01)
    assert [*seen, save.state] == ["staged", "uploaded", "committed"]


def test_state_is_not_written_to_disk(make, server, tmp_path):
    server.faults(json.dumps({"rules": [{"operation": "PutObject", "delay_ms": 300}]}))
    save = make().save_async(1, {"model": state(), "raw": b"x" * 1_000_000})
    sizes = [one.stat().st_size for one in (tmp_path / "staging").rglob("*") if one.is_file()]
    assert not save.done() and sum(sizes) < 10_000
    save.result()


def test_a_missing_rank_is_named(make):
    checkpoints = make(rank=0, world_size=3, timeout=0.5)
    with pytest.raises(checkpoint.MissingRanks) as raised:
        checkpoints.save(1, {"a": b"1"})
    assert raised.value.missing == [1, 2]
    assert pickle.loads(pickle.dumps(raised.value)).missing == [1, 2]


def test_ranks_commit_together_and_each_loads_its_own(make):
    ranks = [make(rank=rank, world_size=2) for rank in range(2)]
    saves = [one.save_async(1, {"shard": numpy.full(3, rank)}) for rank, one in enumerate(ranks)]
    assert [save.result(30).world_size for save in saves] == [2, 2]
    for rank, one in enumerate(ranks):
        assert one.load()["shard"].tolist() == [rank] * 3


PROGRAM = """
import os, sys
from ossplit.checkpoint import Checkpointer
place, folder, step = sys.argv[1:]
checkpoints = Checkpointer(place, staging="copy", staging_dir=os.path.join(folder, "staging"))
data = bytes([int(step) % 251]) * 3_000_000
save = checkpoints.save_async(int(step), {"data": data})
print("staged", flush=True)
save.result()
print("committed", flush=True)
"""


def test_a_killed_program_is_finished_by_the_next(server, bucket, tmp_path, make):
    env = dict(os.environ, OSS_ENDPOINT=server.endpoint, OSS_REGION=REGION, OSS_ACCESS_KEY_ID=KEY_ID,
               OSS_ACCESS_KEY_SECRET=KEY_SECRET)
    place = f"oss://{bucket}/run"
    server.faults(json.dumps({"rules": [{"operation": "PutObject", "delay_ms": 2000}]}))
    program = subprocess.Popen([sys.executable, "-c", PROGRAM, place, str(tmp_path), "7"], env=env,
                               stdout=subprocess.PIPE, text=True)
    assert program.stdout.readline() == "staged\n"
    program.send_signal(signal.SIGKILL)
    program.wait()
    server.faults('{"rules": []}')
    checkpoints = make(resume=False)
    assert checkpoints.latest() is None
    checkpoints = make()
    assert [save.step for save in checkpoints.resumed] == [7]
    assert checkpoints.resumed[0].result(30).size == 3_000_000
    assert checkpoints.load(7)["data"] == bytes([7]) * 3_000_000


ROUNDS = """
import os, sys
from ossplit.checkpoint import Checkpointer
place, folder = sys.argv[1:]
checkpoints = Checkpointer(place, keep=3, staging=os.environ["STAGING"], staging_dir=os.path.join(folder, "staging"), when_busy="queue",
                           part_size=100 << 10)
step = (checkpoints.latest() or 0) + 1
print("ready", flush=True)
while True:
    checkpoints.save_async(step, {"large": bytes([step % 251]) * 450_000, "state": {"step": step}})
    step += 1
"""


def test_a_program_killed_at_any_moment_leaves_whole_checkpoints(server, bucket, tmp_path, make):
    rng = random.Random(8)
    place = f"oss://{bucket}/run"
    server.faults(json.dumps({"rules": [{"delay_ms": 3}]}))
    newest = 0
    for number in range(10):
        env = dict(os.environ, OSS_ENDPOINT=server.endpoint, OSS_REGION=REGION, OSS_ACCESS_KEY_ID=KEY_ID,
                   OSS_ACCESS_KEY_SECRET=KEY_SECRET, STAGING=["copy", "auto"][number % 2])
        program = subprocess.Popen([sys.executable, "-c", ROUNDS, place, str(tmp_path)], env=env, stdout=subprocess.PIPE, text=True)
        assert program.stdout.readline() == "ready\n"
        time.sleep(rng.uniform(0.05, 0.6))
        program.kill()
        program.wait()

        def whole(checkpoints):
            step = checkpoints.latest()
            if step is not None:
                assert checkpoints.verify(step, deep=True).faults == []
                assert checkpoints.load(step) == {"large": bytes([step % 251]) * 450_000, "state": {"step": step}}
            return step or 0

        left = whole(make(resume=False))
        assert left >= newest
        checkpoints = make(keep=3)
        for save in checkpoints.resumed:
            failed = save.exception(60)
            # Bytes that were in memory alone went with their process.
            assert failed is None or isinstance(failed, checkpoint.CheckpointError), failed
        newest = whole(checkpoints)
        assert newest >= left
    assert newest > 3 and make(resume=False).resume() == []


def test_a_program_that_ends_waits_for_its_saves(server, bucket, tmp_path, make):
    env = dict(os.environ, OSS_ENDPOINT=server.endpoint, OSS_REGION=REGION, OSS_ACCESS_KEY_ID=KEY_ID,
               OSS_ACCESS_KEY_SECRET=KEY_SECRET)
    program = PROGRAM.replace("save.result()", "sys.exit()")
    subprocess.run([sys.executable, "-c", program, f"oss://{bucket}/run", str(tmp_path), "8"], env=env, check=True)
    assert make(resume=False).latest() == 8


def test_a_forked_child_saves_too(make):
    checkpoints = make()
    checkpoints.save(1, {"a": b"1"})
    child = os.fork()
    if child == 0:
        status = 1
        try:
            checkpoints.save(2, {"a": b"2"})
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert checkpoints.list() == [1, 2]


def test_a_hard_link_that_is_rewritten_is_refused(make, server, tmp_path):
    path = tmp_path / "model.pt"
    path.write_bytes(b"1" * 100_000)
    server.faults(json.dumps({"rules": [{"operation": "PutObject", "delay_ms": 300}]}))
    checkpoints = make(staging="hardlink")
    save = checkpoints.save_async(1, path)
    with path.open("r+b") as file:
        file.write(b"2")
    assert isinstance(save.exception(30), FileChanged)
    assert checkpoints.latest() is None


def test_state_files_are_safetensors(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    data = b"".join(bytes(memoryview(part).cast("B") if memoryview(part).nbytes else b"") for part in _state.encode(state()))
    tensors = safetensors.load(data)
    assert numpy.array_equal(tensors["weights"], state()["weights"])
    assert tensors["layers.0"].tolist() == list(range(10))


def test_types_of_jax_come_back(make):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    saved = {name: numpy.arange(6).astype(getattr(ml_dtypes, name)).reshape(2, 3)
             for name in ("bfloat16", "float8_e4m3fn", "float8_e5m2")}
    saved["scalar"] = ml_dtypes.bfloat16(2.5)
    checkpoints = make()
    checkpoints.save(1, {"params": saved})
    same(checkpoints.load()["params"], saved)


def test_a_type_that_nothing_here_has_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(TypeError, match="BF16: install ml_dtypes"):
        _state.array_of("numpy", "BF16", [1], memoryview(b"\0\0"))
    with pytest.raises(TypeError, match="F4"):
        _state.array_of("numpy", "F4", [1], memoryview(b"\0\0"))


@pytest.mark.parametrize("bad", [b"", b"\xff" * 8, b"\x02\0\0\0\0\0\0\0[]", b"\x02\0\0\0\0\0\0\0{,"])
def test_what_is_no_state_is_refused(bad):
    with pytest.raises(ValueError, match="no safetensors file"):
        _state.decode(memoryview(bad))
