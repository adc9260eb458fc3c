"""JAX's arrays as state, and Orbax through paths: `make test-frameworks`."""

import numpy
import pytest

jax = pytest.importorskip("jax", reason="jax is not installed here: make test-frameworks installs it")

from ossplit.checkpoint import Checkpointer  # noqa: E402


def test_arrays_are_state(client, bucket, tmp_path):
    checkpoints = Checkpointer(f"oss://{bucket}/run", client=client, staging_dir=tmp_path)
    tree = {"w": jax.numpy.arange(6.0).reshape(2, 3), "layers": [jax.numpy.ones(2)], "half": jax.numpy.ones(3, jax.numpy.bfloat16)}
    checkpoints.save(1, {"params": tree})
    back = checkpoints.load()["params"]
    assert numpy.array_equal(back["w"], tree["w"]) and back["layers"][0].tolist() == [1.0, 1.0]
    assert back["half"].dtype == jax.numpy.bfloat16 and numpy.array_equal(back["half"], tree["half"])


def test_what_orbax_wrote_is_saved_and_restored_by_path(client, bucket, tmp_path):
    orbax = pytest.importorskip("orbax.checkpoint", reason="orbax-checkpoint is not installed here")
    tree = {"w": jax.numpy.arange(6.0)}
    orbax.PyTreeCheckpointer().save(tmp_path / "step", tree)
    checkpoints = Checkpointer(f"oss://{bucket}/run", client=client, staging_dir=tmp_path / "staging")
    checkpoints.save(3, tmp_path / "step")
    checkpoints.restore(3, tmp_path / "back")
    back = orbax.PyTreeCheckpointer().restore(tmp_path / "back")
    assert numpy.array_equal(back["w"], tree["w"])
