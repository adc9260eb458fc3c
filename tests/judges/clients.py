"""The clients that judge the server: what runs them, in which signature versions, and their versions."""

import dataclasses
import json
import pathlib
import re
import shutil
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILT = ROOT / "target" / "judges"
AIO = ROOT / ".tools" / "judges" / "aio" / "bin" / "python"
PYTHON = ROOT / ".venv" / "bin" / "python"


@dataclasses.dataclass(frozen=True)
class Client:
    """A judge: `command` prints one JSON line an operation."""

    name: str
    language: str
    version: str
    command: tuple
    signatures: tuple
    # Whether it names buckets in the Host, so that its endpoint must be a name.
    virtual_host: bool = False
    # What must be on the machine, and what scripts/setup-judges installs or builds with it.
    tool: str = "python3"
    needs: pathlib.Path = HERE

    def missing(self):
        """Why it can't run here, or None."""
        if shutil.which(self.tool) is None:
            return f"no {self.tool} on this machine"
        if not self.needs.exists():
            return f"{self.needs} is not there: run scripts/setup-judges"
        return None


def pip_version(file, package):
    return re.search(rf"^{package}==(\S+)$", (ROOT / file).read_text(), re.M).group(1)


def go_version(folder, module):
    text = (HERE / folder / "go.mod").read_text()
    return re.search(rf"{re.escape(module)} v(\S+?)(\+incompatible)?$", text, re.M).group(1)


def crate_version(name):
    lock = tomllib.loads((HERE / "rust" / "Cargo.lock").read_text())
    return next(p["version"] for p in lock["package"] if p["name"] == name)


def npm_version(name):
    lock = json.loads((HERE / "node" / "package-lock.json").read_text())
    return lock["packages"][f"node_modules/{name}"]["version"]


def maven_version(artifact):
    text = (HERE / "java" / "pom.xml").read_text()
    return re.search(rf"<artifactId>{artifact}</artifactId>\s*<version>([^<]+)<", text).group(1)


def rust(name):
    """Where cargo puts a Rust judge."""
    return BUILT / "rust" / "debug" / name


def python(script, interpreter=PYTHON):
    return (str(interpreter), str(HERE / "python" / script))


CLIENTS = [
    Client("oss2", "Python", pip_version("scripts/requirements.txt", "oss2"),
           python("judge_oss2.py"), ("v1", "v2", "v4")),
    Client("alibabacloud-oss-v2", "Python", pip_version("scripts/requirements.txt", "alibabacloud-oss-v2"),
           python("judge_oss_v2.py"), ("v1", "v4")),
    Client("ali-oss", "JavaScript", npm_version("ali-oss"), ("node", str(HERE / "node" / "judge.js")),
           ("v1", "v4"), virtual_host=True, tool="node", needs=HERE / "node" / "node_modules" / "ali-oss"),
    Client("aliyun-sdk-oss", "Java", maven_version("aliyun-sdk-oss"), ("java", "-jar", str(BUILT / "java" / "judge.jar")),
           ("v1", "v4"), tool="java", needs=BUILT / "java" / "judge.jar"),
    Client("aiooss2", "Python", pip_version("tests/judges/python/requirements.txt", "aiooss2"),
           python("judge_aiooss2.py", AIO), ("v1",), needs=AIO),
    Client("ossfs (fsspec)", "Python", pip_version("tests/judges/python/requirements.txt", "ossfs"),
           python("judge_ossfs.py", AIO), ("v1",), needs=AIO),
    Client("opendal", "Rust", crate_version("opendal"), (str(rust("opendal")),),
           ("v1",), virtual_host=True, tool="cargo", needs=rust("opendal")),
    Client("ali-oss-rs", "Rust", crate_version("ali-oss-rs"), (str(rust("ali-oss-rs")),),
           ("v4",), virtual_host=True, tool="cargo", needs=rust("ali-oss-rs")),
    Client("aliyun-oss-rs", "Rust", crate_version("aliyun-oss-rs"), (str(rust("aliyun-oss-rs")),),
           ("v4",), virtual_host=True, tool="cargo", needs=rust("aliyun-oss-rs")),
    Client("aliyun-oss-go-sdk", "Go", go_version("go-v1", "github.com/aliyun/aliyun-oss-go-sdk"),
           (str(BUILT / "go-v1"),), ("v1", "v2", "v4"), tool="go", needs=BUILT / "go-v1"),
    Client("alibabacloud-oss-go-sdk-v2", "Go", go_version("go-v2", "github.com/aliyun/alibabacloud-oss-go-sdk-v2"),
           (str(BUILT / "go-v2"),), ("v1", "v4"), tool="go", needs=BUILT / "go-v2"),
]
