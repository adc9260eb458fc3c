"""Where checkpoints go: through the mount, or past it with the SDK.

Each `save` returns when training may go on; `finish` when everything is in OSS.
"""

import concurrent.futures
import os
import pathlib
import tempfile


def write(folder, step, data):
    """What `tf.train.Saver` leaves: the checkpoint, and a file that names the latest."""
    name = f"model.ckpt-{step}.npz"
    (pathlib.Path(folder) / name).write_bytes(data)
    (pathlib.Path(folder) / "checkpoint").write_text(f'model_checkpoint_path: "{name}"\n')


class MountCheckpoints:
    """The page's read-write form: files below the mount, all of them kept."""

    def __init__(self, log_dir):
        self.log_dir = log_dir
        os.makedirs(log_dir, exist_ok=True)

    def save(self, step, data):
        write(self.log_dir, step, data)

    def finish(self):
        pass


class Oss2Checkpoints:
    """The page's split form: local files, of which the latest is kept, uploaded by `oss2`.

    The page uploads while training waits. With `background` one thread does it meanwhile, and the
    next `save` waits only if the last one is still under way.
    """

    def __init__(self, bucket, background):
        self.bucket = bucket
        self.folder = tempfile.TemporaryDirectory()
        self.pool = concurrent.futures.ThreadPoolExecutor(1) if background else None
        self.last = None

    @classmethod
    def from_environment(cls, background):
        import oss2
        from oss2.credentials import EnvironmentVariableCredentialsProvider

        auth = oss2.ProviderAuth(EnvironmentVariableCredentialsProvider())
        return cls(oss2.Bucket(auth, os.environ["URL"], os.environ["BUCKET"]), background)

    def save(self, step, data):
        if self.last:
            self.last.result()
        for old in pathlib.Path(self.folder.name).iterdir():
            old.unlink()
        write(self.folder.name, step, data)
        if self.pool:
            self.last = self.pool.submit(self.upload)
        else:
            self.upload()

    def upload(self):
        for path, _, file_list in os.walk(self.folder.name):
            for file_name in sorted(file_list):
                self.bucket.put_object_from_file(
                    os.path.join("tf-train/training_logs", file_name),
                    os.path.join(path, file_name))

    def finish(self):
        if self.last:
            self.last.result()
        self.folder.cleanup()


class OssplitCheckpoints:
    """The split form with `ossplit.checkpoint`: staged in memory, uploaded while training goes on, committed or not there."""

    def __init__(self, checkpointer):
        self.checkpointer = checkpointer
        self.saves = []

    @classmethod
    def from_environment(cls):
        from ossplit.checkpoint import Checkpointer

        # URL and the key come from the environment; a checkpoint of this model is less than 4 MiB.
        place = f"oss://{os.environ['BUCKET']}/tf-train/training_logs"
        return cls(Checkpointer(place, staging="memory", memory=64 << 20, reserve=16 << 20))

    def save(self, step, data):
        name = f"model.ckpt-{step}.npz"
        self.saves.append(self.checkpointer.save_async(
            step, {name: data, "checkpoint": f'model_checkpoint_path: "{name}"\n'.encode()}))

    def finish(self):
        for save in self.saves:
            save.result()
