"""TensorFlow's checkpoints through a `Checkpointer`: a Keras callback, `tf.train.Checkpoint`, and the `Saver` of TensorFlow 1.

Both of TensorFlow's savers write under new names for each step and rename what they wrote, so the files are staged by hard link
(on the disk they are written to), which takes no time.

>>> checkpoints = checkpointer("oss://bucket/run-7", "/data/logs", keep=3)
>>> model.fit(..., callbacks=[CheckpointCallback(checkpoints, every=100)])
"""

from __future__ import annotations

import os
import pathlib
import shutil
import tempfile
from typing import Any, Dict, List, Optional, Union

from .checkpoint import Checkpointer, CheckpointSave

_Path = Union[str, "os.PathLike[str]"]


def checkpointer(place: str, log_dir: _Path, **options: Any) -> Checkpointer:
    """A `Checkpointer` for what TensorFlow writes into `log_dir`: staged by hard link beside it."""
    beside = os.path.join(os.path.dirname(os.path.abspath(os.fspath(log_dir))), ".ossplit-staging")
    return Checkpointer(place, **{"staging": "hardlink", "staging_dir": beside, **options})


def save_prefix(checkpoints: Checkpointer, step: int, prefix: str) -> CheckpointSave:
    """Saves the files of one of TensorFlow's checkpoints (``PREFIX.index``, ``PREFIX.data-...``, ``PREFIX.meta``), and a
    ``checkpoint`` file that names it."""
    folder, name = os.path.split(prefix)
    files: Dict[str, object] = {}
    for one in sorted(os.listdir(folder or ".")):
        if one.startswith(name + "."):
            files[one] = pathlib.Path(folder, one)
    if not files:
        raise FileNotFoundError(f"TensorFlow left no files {prefix}.*")
    files["checkpoint"] = f'model_checkpoint_path: "{name}"\nall_model_checkpoint_paths: "{name}"\n'.encode()
    return checkpoints.save_async(step, files)


class Saver:
    """`tf.train.Saver` (TensorFlow 1, or `tf.compat.v1`) whose `save` also saves to OSS, while training goes on.

    The page's loop keeps its text: ``saver = Saver(tf.train.Saver(max_to_keep=1), checkpoints)``, then
    ``saver.save(sess, FLAGS.log_dir + '/model.ckpt', global_step=i)``, and no upload.
    """

    def __init__(self, saver: Any, checkpoints: Checkpointer) -> None:
        self._saver, self._checkpoints = saver, checkpoints
        self.last: Optional[CheckpointSave] = None

    def save(self, sess: Any, save_path: str, global_step: Any = None, **options: Any) -> str:
        """As the saver's own; `global_step` must be a number, or a tensor that is one in `sess`."""
        prefix: str = self._saver.save(sess, save_path, global_step=global_step, **options)
        step = sess.run(global_step) if hasattr(global_step, "graph") else global_step
        if step is None:
            raise ValueError("global_step is missing: it is the step of the checkpoint")
        self.last = save_prefix(self._checkpoints, int(step), prefix)
        return prefix

    def restore(self, sess: Any, step: Optional[int] = None) -> int:
        """Restores a step from OSS (None: the latest); gives the step."""
        with tempfile.TemporaryDirectory() as folder:
            step = self._checkpoints.restore(step, folder)
            self._saver.restore(sess, _prefix_in(folder))
        return step

    def __getattr__(self, name: str) -> Any:
        return getattr(self._saver, name)


def _prefix_in(folder: str) -> str:
    index = [one for one in os.listdir(folder) if one.endswith(".index")]
    if len(index) != 1:
        raise ValueError(f"this is no checkpoint of TensorFlow: it has {len(index)} .index files")
    return os.path.join(folder, index[0][:-len(".index")])


def save(checkpoint: Any, checkpoints: Checkpointer, step: int, log_dir: _Path) -> CheckpointSave:
    """Writes a `tf.train.Checkpoint` into `log_dir` and saves it; what it wrote there is removed once it is staged."""
    folder = tempfile.mkdtemp(dir=os.fspath(log_dir))
    try:
        prefix = checkpoint.write(os.path.join(folder, f"ckpt-{step}"))
        return save_prefix(checkpoints, step, os.fspath(prefix))
    finally:
        shutil.rmtree(folder)


def restore(checkpoint: Any, checkpoints: Checkpointer, step: Optional[int] = None) -> int:
    """Restores a `tf.train.Checkpoint` (None: the latest); gives the step."""
    with tempfile.TemporaryDirectory() as folder:
        step = checkpoints.restore(step, folder)
        checkpoint.read(_prefix_in(folder)).expect_partial()
    return step


def __getattr__(name: str) -> Any:
    if name != "CheckpointCallback":
        raise AttributeError(name)
    import tensorflow

    class CheckpointCallback(tensorflow.keras.callbacks.Callback):
        """Saves the model's weights every `every` batches, or after each epoch without it, and waits for the last save at the
        end. A save that fails is told as a warning: training goes on."""

        def __init__(self, checkpoints: Checkpointer, every: Optional[int] = None) -> None:
            super().__init__()
            self._checkpoints, self._every = checkpoints, every
            self._step = 0
            self.saves: List[CheckpointSave] = []

        def _save(self) -> None:
            weights = [value for value in self.model.get_weights()]
            self.saves.append(self._checkpoints.save_async(self._step, {"weights": weights}))

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self._step += 1
            if self._every and self._step % self._every == 0:
                self._save()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if not self._every:
                self._save()

        def on_train_end(self, logs: Any = None) -> None:
            import warnings

            for save in self.saves:
                failed = save.exception()
                if failed is not None:
                    warnings.warn(f"the checkpoint of step {save.step} was not committed: {failed}", stacklevel=2)

    globals()[name] = CheckpointCallback
    return CheckpointCallback
