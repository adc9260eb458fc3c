"""A real one-node Kubernetes with the driver in it. Everything is skipped, loudly and with a count, where the machine can't have one."""

import json
import os
import pathlib
import secrets
import shutil
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Beside the working copy, or beside the folder of working copies.
K8S = next((path / "shared" / "k8s" for path in ROOT.parents if (path / "shared" / "k8s").exists()), ROOT.parent / "shared" / "k8s")
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "ossplit-k8s"
BIN = pathlib.Path(os.environ.get("K8S_BIN", CACHE / "bin"))
WORK = pathlib.Path(os.environ.get("K8S_DIR", "/tmp/k8s"))
HOST = "10.244.0.1"
PLUGIN = "/var/lib/kubelet/csi-plugins/ossplugin.csi.alibabacloud.com"
TOOLS = ROOT / ".tools" / "bin"
# What could not be tried, for the end of the output.
SKIPPED = []


def missing():
    """Why there can be no cluster here; None if there can."""
    if os.geteuid() != 0:
        return "not root"
    if not (K8S / "up").exists():
        return f"{K8S} is not there"
    if not os.path.exists("/dev/fuse"):
        return "no /dev/fuse"
    for tool in ("etcd", "containerd", "runc", "openssl", "ip", "debootstrap"):
        if not shutil.which(tool):
            return f"{tool} is not installed (scripts/setup-k8s)"
    if not (BIN / "kube").exists():
        return f"{BIN}/kube is not built (scripts/setup-k8s)"
    if not (TOOLS / "crane").exists():
        return ".tools/bin/crane is not built (scripts/setup-k8s)"
    return None


def pytest_collection_modifyitems(items):
    why = missing()
    wanted = [item for item in items if "cluster" in getattr(item, "fixturenames", ())]
    if why and wanted:
        SKIPPED.append(f"{len(wanted)} tests of the real cluster are SKIPPED: {why}")
        for item in wanted:
            item.add_marker(pytest.mark.skip(reason=f"no cluster: {why}"))


def pytest_terminal_summary(terminalreporter):
    for line in SKIPPED:
        terminalreporter.section(line, sep="!", red=True, bold=True)


def until(what, attempt, seconds=60):
    """Waits for a value that is true."""
    end = time.monotonic() + seconds
    while True:
        value = attempt()
        if value:
            return value
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.2)


class Cluster:
    """kubectl, images and the bucket of the cluster under test."""

    def __init__(self, server):
        self.server = server
        self.env = {**os.environ, "KUBECONFIG": str(WORK / "kubeconfig"), "PATH": f"{BIN}:{os.environ['PATH']}",
                    "CONTAINERD_ADDRESS": "/run/k8s-containerd/containerd.sock"}

    def run(self, *command, stdin=None, check=True):
        done = subprocess.run(command, input=stdin, env=self.env, capture_output=True, text=True, timeout=300)
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def kubectl(self, *words, **more):
        return self.run(str(BIN / "kubectl"), *words, **more)

    def get(self, *words):
        return json.loads(self.kubectl("get", *words, "-o", "json"))

    def apply(self, text):
        self.kubectl("apply", "-f", "-", stdin=text)

    def delete(self, *words):
        self.kubectl("delete", *words, "--ignore-not-found", "--wait=true", "--timeout=120s")

    def phase(self, pod):
        return self.get("pod", pod)["status"]["phase"]

    def wait_phase(self, pod, *phases, seconds=180):
        def ready():
            phase = self.phase(pod)
            assert phase not in ("Failed", "Succeeded") or phase in phases, f"{pod}: {phase}\n{self.describe(pod)}"
            return phase in phases
        try:
            until(f"{pod} to be {phases}", ready, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.describe(pod)}") from None

    def describe(self, pod):
        said = self.kubectl("describe", "pod", pod, check=False)[-3000:]
        logs = self.kubectl("logs", pod, "--tail=30", check=False)
        driver = self.kubectl("logs", "-n", "kube-system", "ds/ossplit-node", "--tail=40", check=False)
        return f"{said}\n--- log\n{logs}\n--- driver\n{driver}"

    def events(self, name):
        items = self.get("events", "--field-selector", f"involvedObject.name={name}")["items"]
        return [f"{e['reason']}: {e['message']}" for e in items]

    def execute(self, pod, *command, check=True):
        return self.kubectl("exec", pod, "--", *command, check=check)

    def mounts(self):
        """What is mounted in the driver's state and in pods' volumes of ours."""
        with open("/proc/mounts") as table:
            lines = [line.split(" ") for line in table]
        return [words[1] for words in lines if words[2].startswith("fuse") and words[1].startswith("/var/lib/kubelet/")]

    def driver_pod(self, component="node"):
        items = self.get("pods", "-n", "kube-system", "-l", f"app.kubernetes.io/component={component}")["items"]
        living = [pod for pod in items if "deletionTimestamp" not in pod["metadata"]]
        return living[0] if living else None

    def driver_ready(self, component="node"):
        pod = self.driver_pod(component)
        states = pod["status"].get("containerStatuses", []) if pod else []
        return bool(states) and all(state["ready"] for state in states)


# The console, which is the Security Token Service too: the driver reaches it in the host's network.
STS = "127.0.0.1:9001"
# Whom pods' service accounts may be.
ROLES = [{"name": "pod", "role": "read-only", "oidc": {
    "issuer": "https://kubernetes.default.svc", "subject": "system:serviceaccount:default:*", "audience": "sts.aliyuncs.com",
    "jwks": "jwks.json"}}]


class Bucket:
    """The embedded server, seen past the cluster."""

    def __init__(self, folder, port=9000):
        self.id, self.secret, self.name, self.port = "k8s-test", secrets.token_hex(16), "training", port
        self.folder, self.log = folder, open(folder / f"server-{port}.log", "w")
        self.url = f"http://{HOST}:{port}"
        self.process = None

    def start(self, keys=None, more=()):
        """With these further keys and roles."""
        env = {**os.environ, "OSS_ACCESS_KEY_ID": self.id, "OSS_ACCESS_KEY_SECRET": self.secret}
        if keys:
            file = self.folder / f"keys-{self.port}.json"
            file.write_text(json.dumps(keys))
            file.chmod(0o600)
            more = [*more, "--keys", file]
        self.process = subprocess.Popen(
            [binary(), "serve", "--memory", "--bucket", self.name, "--listen", f"{HOST}:{self.port}", "--insecure-http", *more],
            env=env, stdout=self.log, stderr=self.log)
        import oss2
        self.bucket = oss2.Bucket(oss2.Auth(self.id, self.secret), self.url, self.name)

        def answers():
            assert self.process.poll() is None, "the server ended"
            try:
                return self.bucket.list_objects() and True
            except oss2.exceptions.RequestError:
                return False
        until("the server", answers)

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()

    def put(self, key, data):
        self.bucket.put_object(key, data)

    def keys(self, prefix=""):
        import oss2
        return [item.key for item in oss2.ObjectIterator(self.bucket, prefix=prefix)]


def binary():
    """The program under test."""
    return str(ROOT / "target" / "x86_64-unknown-linux-gnu" / os.environ.get("K8S_PROFILE", "debug") / "ossplit")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("k8s")
    env = {**os.environ, "K8S_BIN": str(BIN), "K8S_DIR": str(WORK)}
    image = folder / "driver.tar"
    debug = [] if os.environ.get("K8S_PROFILE") == "release" else ["--debug"]
    subprocess.run([ROOT / "deploy/image/build", "ossplit.test/ossplit:1", image, *debug], check=True)
    subprocess.run([K8S / "down", "--wipe"], env=env, check=False, capture_output=True)
    subprocess.run([K8S / "up"], env=env, check=True, timeout=900)
    registry = subprocess.Popen([TOOLS / "crane", "registry", "serve", "--address", "127.0.0.1:5000"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server = Bucket(folder)
    try:
        made = Cluster(server)
        # The keys that the cluster signs pods' tokens with.
        (folder / "jwks.json").write_text(made.kubectl("get", "--raw", "/openid/v1/jwks"))
        server.start({"roles": ROLES}, ["--console", STS])
        made.run("ctr", "-n", "k8s.io", "images", "import", str(image))
        made.run("ctr", "-n", "k8s.io", "images", "tag", "--force", "ossplit.test/ossplit:1", "ossplit.test/ossplit:2")
        made.apply(manifests())
        until("the driver", lambda: made.driver_ready() and made.driver_ready("keeper"), 120)
        until("the driver to be registered", lambda: made.get("csinode", "node1")["spec"]["drivers"], 60)
        yield made
    finally:
        server.stop()
        registry.terminate()
        if not os.environ.get("K8S_KEEP"):
            subprocess.run([K8S / "down", "--wipe"], env=env, check=False, capture_output=True)


def manifests(version="1"):
    """The plain manifests with the image under test."""
    text = (ROOT / "deploy/manifests/ossplit.yaml").read_text()
    text = text.replace("image: ossplit:0.1.0", f"image: ossplit.test/ossplit:{version}")
    assert f"ossplit.test/ossplit:{version}" in text
    text = text.replace("https://sts.aliyuncs.com", f"http://{STS}")
    # The bucket's Secret, as the chart's controller.provisionerSecrets makes it readable.
    return text + """
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: ossplit-secret, namespace: default}
rules: [{apiGroups: [""], resources: [secrets], resourceNames: [oss-secret], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: ossplit-secret, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: ossplit-secret}
subjects: [{kind: ServiceAccount, name: ossplit-controller, namespace: kube-system}]
"""


@pytest.fixture
def clean(cluster):
    """The cluster, with nothing of the test before and nothing left after."""
    yield cluster
    cluster.delete("pods", "--all")
    cluster.delete("pvc", "--all")
    cluster.delete("pv", "--all")
    until("all mounts to be gone", lambda: not cluster.mounts(), 60)
