"""TensorFlow 2 with its savers of both kinds: `make test-frameworks`."""

import os

import numpy
import pytest

tensorflow = pytest.importorskip("tensorflow", reason="tensorflow is not installed here: make test-frameworks installs it")

from ossplit import tensorflow as oss  # noqa: E402


@pytest.fixture
def checkpoints(client, bucket, tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    return oss.checkpointer(f"oss://{bucket}/run", logs, client=client)


def network():
    layers = tensorflow.keras.layers
    model = tensorflow.keras.Sequential([layers.Input((4,)), layers.Dense(3)])
    model.compile("adam", "mse")
    return model


def test_the_callback_saves_while_keras_trains(checkpoints):
    model = network()
    callback = oss.CheckpointCallback(checkpoints, every=2)
    model.fit(numpy.ones((40, 4)), numpy.ones((40, 3)), batch_size=10, epochs=1, verbose=0, callbacks=[callback])
    assert checkpoints.list() == [2, 4]
    other = network()
    other.set_weights(checkpoints.load(4)["weights"])
    for one, two in zip(model.get_weights(), other.get_weights()):
        assert numpy.array_equal(one, two)


def test_train_checkpoints_are_saved_and_restored(checkpoints, tmp_path):
    value = tensorflow.Variable([1.0, 2.0])
    checkpoint = tensorflow.train.Checkpoint(value=value)
    oss.save(checkpoint, checkpoints, 10, tmp_path / "logs").result(60)
    assert os.listdir(tmp_path / "logs") == []
    value.assign([0.0, 0.0])
    assert oss.restore(checkpoint, checkpoints) == 10
    assert value.numpy().tolist() == [1.0, 2.0]


def test_the_page_s_saver_needs_no_upload_loop(checkpoints, tmp_path):
    v1 = tensorflow.compat.v1
    with tensorflow.Graph().as_default():
        value = v1.get_variable("value", initializer=numpy.float32(5))
        saver = oss.Saver(v1.train.Saver(max_to_keep=1), checkpoints)
        with v1.Session() as sess:
            sess.run(v1.global_variables_initializer())
            for i in (0, 100):
                sess.run(value.assign(i + 1))
                saver.save(sess, str(tmp_path / "logs") + "/model.ckpt", global_step=i)
            checkpoints.wait()
            assert checkpoints.list() == [0, 100]
            sess.run(value.assign(0))
            assert saver.restore(sess) == 100
            assert sess.run(value) == 101
    names = {file.name for file in checkpoints.checkpoint(100).files}
    assert {"checkpoint", "model.ckpt-100.index", "model.ckpt-100.meta"} <= names
