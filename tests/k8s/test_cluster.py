"""The page's YAML and what users do with it, in a real cluster."""

import json
import re
import secrets
import subprocess
import sys
import time

import pytest
import yaml
from conftest import PLUGIN, ROOT, TOOLS, Bucket, manifests, until
from test_chart import EVERYTHING, helm_program as helm, template as rendered

BUSYBOX = "ossplit.test/busybox:1"
# Of the first token: kubelet publishes again within 90 seconds or so.
LIFE = 150


def secret(cluster, name="oss-secret", key=None):
    cluster.apply(f"""
apiVersion: v1
kind: Secret
metadata: {{name: {name}, namespace: default}}
stringData: {{akId: "{cluster.server.id}", akSecret: "{key or cluster.server.secret}"}}
""")


def volume(cluster, name, mode="ReadWriteMany", options="-o umask=022", path="/", bucket=None, key="oss-secret",
           url=None, more=()):
    """A static volume and its claim, as the page has them."""
    publish = f"{{name: {key}, namespace: default}}" if key else "null"
    attributes = {"bucket": bucket or cluster.server.name, "url": url or cluster.server.url, "otherOpts": options, "path": path}
    cluster.apply(f"""
apiVersion: v1
kind: PersistentVolume
metadata: {{name: {name}, labels: {{alicloud-pvname: {name}}}}}
spec:
  capacity: {{storage: 10Gi}}
  accessModes: [{mode}]
  persistentVolumeReclaimPolicy: Retain
  csi:
    driver: ossplugin.csi.alibabacloud.com
    volumeHandle: {name}
    nodePublishSecretRef: {publish}
    volumeAttributes: {json.dumps({**attributes, **dict(more)})}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: {name}}}
spec:
  accessModes: [{mode}]
  storageClassName: ""
  resources: {{requests: {{storage: 10Gi}}}}
  selector: {{matchLabels: {{alicloud-pvname: {name}}}}}
""")


def pod(cluster, name, claim, command="sleep 100000", user=None):
    context = f"{{runAsUser: {user}, runAsGroup: {user}}}" if user else "{}"
    cluster.apply(f"""
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  securityContext: {context}
  containers:
    - name: c
      image: {BUSYBOX}
      imagePullPolicy: IfNotPresent
      command: [sh, -c, '{command}']
      volumeMounts: [{{name: v, mountPath: /mnt}}]
  volumes: [{{name: v, persistentVolumeClaim: {{claimName: {claim}}}}}]
""")


@pytest.fixture(scope="session")
def page(cluster, tmp_path_factory):
    """The example's images in the registry that the page's pull policy asks, and the digits in the bucket."""
    folder = tmp_path_factory.mktemp("page")
    for form in ("rw", "split"):
        name, tar = f"127.0.0.1:5000/ossplit-mnist:{form}", folder / f"{form}.tar"
        subprocess.run([sys.executable, ROOT / "examples/kubernetes/image/build", form, tar, "--name", name], check=True)
        # crane pushes an OCI layout as a folder.
        layout = folder / form
        layout.mkdir()
        subprocess.run(["tar", "-xf", tar, "-C", layout], check=True)
        subprocess.run([TOOLS / "crane", "push", "--insecure", layout, name], check=True)
        tar.unlink()
    digits = folder / "digits"
    subprocess.run([sys.executable, ROOT / "examples/mnist/fetch_data.py", digits], check=True)
    for file in digits.iterdir():
        cluster.server.put(f"tf-train/train/data/{file.name}", file.read_bytes())
    return cluster


def form(cluster, name):
    """The example's file with its placeholders and the registry filled in."""
    text = (ROOT / "examples/kubernetes" / f"{name}.yaml").read_text()
    for placeholder, value in (("<your-accesskey-id>", cluster.server.id), ("<your-accesskey-secret>", cluster.server.secret),
                               ("<bucket-name>", cluster.server.name), ("https://<url>", cluster.server.url), ("<url>", cluster.server.url),
                               ("image: ossplit-mnist", "image: 127.0.0.1:5000/ossplit-mnist")):
        text = text.replace(placeholder, value)
    assert "<" not in text
    return text


@pytest.mark.parametrize("name", ["read-write", "split"])
def test_the_page_s_yaml_reaches_completed(page, clean, name):
    for key in clean.server.keys("tf-train/training_logs/"):
        clean.server.bucket.delete_object(key)
    clean.apply(form(clean, name))
    clean.wait_phase("tf-mnist", "Succeeded", seconds=300)
    status = clean.get("pod", "tf-mnist")["status"]["containerStatuses"][0]["state"]["terminated"]
    assert status["reason"] == "Completed"
    lines = [line for line in clean.kubectl("logs", "tf-mnist").splitlines() if line.startswith("dataload cost time: ")]
    assert len(lines) == 1 and float(lines[0].split(":")[1]) > 0
    # Every hundredth of 1,000 steps, in both forms: what the split form deletes is its own copy.
    saved = clean.server.keys("tf-train/training_logs/")
    steps = {int(re.search(r"model\.ckpt-(\d+)", key)[1]) for key in saved if "model.ckpt" in key}
    assert steps == set(range(0, 1000, 100)), saved


def test_two_pods_share_a_read_only_volume(clean):
    clean.server.put("shared/f", b"content")
    secret(clean)
    volume(clean, "shared", mode="ReadOnlyMany", path="/shared")
    for name in ("a", "b"):
        pod(clean, name, "shared")
    for name in ("a", "b"):
        clean.wait_phase(name, "Running")
        assert clean.execute(name, "cat", "/mnt/f") == "content"
        assert "Read-only" in clean.kubectl("exec", name, "--", "sh", "-c", "touch /mnt/x 2>&1; true")
    state = [path for path in clean.mounts() if path.startswith(PLUGIN)]
    assert len(state) == 1 and len(clean.mounts()) == 3, clean.mounts()
    clean.delete("pod", "a")
    assert clean.execute("b", "cat", "/mnt/f") == "content"


def test_a_pod_of_another_user_reads_with_umask_022_alone(clean):
    clean.server.put("users/f", b"content")
    secret(clean)
    for name, options in (("open", "-o umask=022"), ("closed", "")):
        volume(clean, name, mode="ReadOnlyMany", options=options, path="/users")
        pod(clean, name, name, user=1000)
    clean.wait_phase("open", "Running")
    clean.wait_phase("closed", "Running")
    assert clean.execute("open", "cat", "/mnt/f") == "content"
    assert "Permission denied" in clean.execute("closed", "sh", "-c", "cat /mnt/f 2>&1; true")


@pytest.mark.parametrize("what,how,parts", [
    ("option", {"options": "-o max_stat_cache_sise=5"}, ["max_stat_cache_sise", "did you mean"]),
    ("key", {"key": "wrong-secret"}, ["SignatureDoesNotMatch", "secret does not fit"]),
    ("bucket", {"bucket": "nothing-there"}, ["NoSuchBucket", "check the bucket"]),
])
def test_what_is_wrong_is_in_the_pod_s_event_within_15_seconds(clean, what, how, parts):
    secret(clean)
    secret(clean, "wrong-secret", key="wrong")
    volume(clean, f"bad-{what}", **how)
    pod(clean, f"bad-{what}", f"bad-{what}")
    until("the pod to be on a node", lambda: clean.get("pod", f"bad-{what}")["spec"].get("nodeName"))
    started = time.monotonic()

    def told():
        events = [event for event in clean.events(f"bad-{what}") if event.startswith("FailedMount")]
        return next((event for event in events if all(part in event for part in parts)), None)
    event = until("the event", told, 15)
    print(f"{what}: {time.monotonic() - started:.1f} s: {event}")
    assert clean.server.secret not in event


def test_a_claim_of_a_class_gets_a_folder_of_its_own(clean):
    secret(clean)
    clean.server.put("claims/", b"")
    clean.apply(f"""
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {{name: oss}}
provisioner: ossplugin.csi.alibabacloud.com
reclaimPolicy: Delete
mountOptions: [umask=022]
parameters:
  bucket: {clean.server.name}
  url: {clean.server.url}
  path: /claims
  volumeAs: subpath
  csi.storage.k8s.io/provisioner-secret-name: oss-secret
  csi.storage.k8s.io/provisioner-secret-namespace: default
  csi.storage.k8s.io/node-publish-secret-name: oss-secret
  csi.storage.k8s.io/node-publish-secret-namespace: default
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: dynamic}}
spec:
  accessModes: [ReadWriteMany]
  storageClassName: oss
  resources: {{requests: {{storage: 1Gi}}}}
""")
    until("the claim to be bound", lambda: clean.get("pvc", "dynamic")["status"]["phase"] == "Bound", 60)
    name = clean.get("pvc", "dynamic")["spec"]["volumeName"]
    pod(clean, "dynamic", "dynamic", "echo weights >/mnt/model && cat /mnt/model")
    clean.wait_phase("dynamic", "Succeeded")
    assert f"claims/{name}/model" in clean.server.keys("claims/")
    clean.delete("pod", "dynamic")
    clean.delete("pvc", "dynamic")
    until("the folder to be deleted", lambda: clean.server.keys("claims/") == ["claims/"], 90)
    until("the volume to be gone", lambda: not clean.get("pv")["items"], 60)
    clean.delete("storageclass", "oss")


def test_a_pod_deleted_by_force_leaves_nothing(clean):
    clean.server.put("force/f", b"content")
    secret(clean)
    volume(clean, "force", path="/force")
    pod(clean, "force", "force", "cd /mnt; exec sleep 100000")
    clean.wait_phase("force", "Running")
    clean.kubectl("delete", "pod", "force", "--grace-period=0", "--force")
    until("its mounts to be gone", lambda: not clean.mounts(), 60)


# Reads, lists and writes without pause, and notes every error.
READS = ("i=0; while true; do i=$((i+1)); "
         "[ \"$(cat /mnt/f$((i%20)) 2>>/tmp/errors)\" = content ] || echo read >>/tmp/errors; echo $i 0 >/tmp/rounds; sleep 0.1; done")
LOAD = ("i=0; last=$(date +%s); longest=0; while true; do i=$((i+1)); "
        "cat /mnt/f$((i%20)) >/tmp/out 2>>/tmp/errors && [ \"$(cat /tmp/out)\" = content ] || echo read >>/tmp/errors; "
        "ls /mnt >/dev/null 2>>/tmp/errors || echo ls >>/tmp/errors; "
        "echo $i >/mnt/w-$HOSTNAME 2>>/tmp/errors || echo write >>/tmp/errors; "
        "now=$(date +%s); [ $((now-last)) -le $longest ] || longest=$((now-last)); last=$now; echo $i $longest >/tmp/rounds; done")


def rounds(cluster, name):
    """How many rounds of its load a pod has done, and its longest one in seconds; 0 before the first."""
    said = cluster.execute(name, "cat", "/tmp/rounds", check=False).split()
    return (int(said[0]), int(said[1])) if len(said) == 2 else (0, 0)


def driver_container(cluster):
    """The driver's container, once it serves."""
    found = cluster.driver_pod()
    state = (found["status"].get("containerStatuses") or [None])[0] if found else None
    return state["containerID"] if state and state["ready"] else None


def kill_driver():
    """kill -9 of the driver's first process, and so of its container."""
    found = subprocess.run(["pgrep", "-f", "^/ossplit csi --mode=node"], capture_output=True, text=True).stdout.split()
    subprocess.run(["kill", "-9", *found], check=True)


@pytest.mark.parametrize("how", ["killed", "deleted", "upgraded"])
def test_pods_see_nothing_of_a_driver_that_goes_and_comes(clean, how):
    """Twenty times; and kubelet waits longer before each restart of a container, so after two kills its pod is deleted as well."""
    turns = ["killed", "killed", "deleted"] * 10 if how == "killed" else [how] * 20
    for i in range(20):
        clean.server.put(f"load/f{i}", b"content")
    secret(clean)
    volume(clean, "load", path="/load", options="-o umask=022 -o max_stat_cache_size=0")
    pods = ["load-a", "load-b"]
    for name in pods:
        pod(clean, name, "load", LOAD)
    for name in pods:
        clean.wait_phase(name, "Running")
        until("a first round", lambda name=name: rounds(clean, name)[0])
    for turn, way in enumerate(turns):
        old = until("the driver", lambda: driver_container(clean))
        if way == "killed":
            kill_driver()
        elif way == "deleted":
            clean.kubectl("delete", "pod", "-n", "kube-system", clean.driver_pod()["metadata"]["name"], "--wait=false")
        else:
            clean.kubectl("set", "image", "-n", "kube-system", "ds/ossplit-node", f"driver=ossplit.test/ossplit:{2 - turn % 2}")
        until("another driver", lambda old=old: driver_container(clean) not in (None, old), 120)
        for name in pods:
            before = rounds(clean, name)[0]
            until(f"{name} to go on", lambda name=name, before=before: rounds(clean, name)[0] > before + 2, 120)
    done = [rounds(clean, name) for name in pods]
    for name in pods:
        errors = clean.execute(name, "sh", "-c", "cat /tmp/errors 2>/dev/null; true")
        assert errors == "", f"{name}: {errors[:1000]}"
    print(f"{how}: {len(turns)} times a new driver ({turns.count('killed')} kills), {sum(count for count, _ in done)} rounds of reading, "
          f"listing and writing in {len(pods)} pods: 0 errors; longest round {max(longest for _, longest in done)} s")
    if how == "upgraded":
        clean.apply(manifests())
        until("the driver", clean.driver_ready, 120)


def test_a_killed_keeper_ends_the_mounts_and_the_next_publish_repairs(clean):
    clean.server.put("keeper/f", b"content")
    secret(clean)
    volume(clean, "keeper", path="/keeper")
    pod(clean, "keeper", "keeper")
    clean.wait_phase("keeper", "Running")
    clean.kubectl("delete", "pod", "-n", "kube-system", clean.driver_pod("keeper")["metadata"]["name"], "--grace-period=0", "--force")
    until("a new keeper", lambda: clean.driver_ready("keeper"), 120)
    until("the driver", clean.driver_ready, 120)
    # The pod goes on or sees errors, but never hangs; a new pod reads.
    until("the pod's answer", lambda: clean.execute("keeper", "timeout", "20", "sh", "-c", "cat /mnt/f; echo answered", check=False), 60)
    pod(clean, "after", "keeper")
    clean.wait_phase("after", "Running", seconds=180)
    assert clean.execute("after", "cat", "/mnt/f") == "content"


def test_the_api_takes_every_manifest(cluster, tmp_path):
    """Each object against the API server's own schema, no field unknown."""
    strict = ("--dry-run=server", "--validate=strict", "-f", "-")
    texts = {"manifests": manifests(), **{name: form(cluster, name) for name in ("read-write", "split")}}
    if helm():
        texts["chart"] = rendered(*EVERYTHING)
    for name, text in texts.items():
        # A ServiceMonitor is the Prometheus operator's, whose schema is not here.
        kept = [thing for thing in yaml.safe_load_all(text) if thing and thing["kind"] != "ServiceMonitor"]
        said = cluster.kubectl("apply", *strict, stdin=yaml.safe_dump_all(kept))
        assert len(said.splitlines()) == len(kept), f"{name}: {said}"
    broken = manifests().replace("readOnlyRootFilesystem", "readOnlyRotFilesystem", 1)
    with pytest.raises(AssertionError, match="readOnlyRotFilesystem"):
        cluster.kubectl("apply", *strict, stdin=broken)


def test_a_pod_s_service_account_is_its_key(clean):
    """authType rrsa: kubelet's token of the pod becomes a key by AssumeRoleWithOIDC."""
    clean.server.put("rrsa/f", b"content")
    volume(clean, "rrsa", mode="ReadOnlyMany", path="/rrsa", key=None, more={
        "authType": "rrsa", "roleArn": "acs:ram::1000000000000000:role/pod",
        "oidcProviderArn": "acs:ram::1000000000000000:oidc-provider/c"})
    pod(clean, "rrsa", "rrsa")
    clean.wait_phase("rrsa", "Running")
    assert clean.execute("rrsa", "cat", "/mnt/f") == "content"


def test_a_new_token_in_the_secret_replaces_the_old_one_under_a_pod_that_reads(clean, tmp_path):
    """The old one ends two minutes after the pod's start: kubelet publishes the new one before that, and nothing is remounted."""
    def key(n, seconds):
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
        return {"id": f"t{n}", "secret": secrets.token_hex(16), "token": secrets.token_hex(16), "expires": end, "role": "read-only"}

    def store(key):
        clean.apply(f"""
apiVersion: v1
kind: Secret
metadata: {{name: sts, namespace: default}}
stringData: {{AccessKeyId: "{key['id']}", AccessKeySecret: "{key['secret']}", SecurityToken: "{key['token']}", Expiration: "{key['expires']}"}}
""")
    old, new = key(1, LIFE), key(2, 3600)
    ends = time.monotonic() + LIFE
    server = Bucket(tmp_path, port=9002)
    try:
        server.start({"keys": [old, new]})
        for i in range(20):
            server.put(f"f{i}", b"content")
        store(old)
        volume(clean, "sts", mode="ReadOnlyMany", key="sts", url=server.url, options="-o umask=022 -o max_stat_cache_size=0",
               more={"authType": "sts"})
        pod(clean, "sts", "sts", READS)
        clean.wait_phase("sts", "Running")
        device = clean.execute("sts", "stat", "-c", "%d", "/mnt")
        store(new)

        until("the old token's end", lambda: time.monotonic() > ends + 5 and rounds(clean, "sts")[0], LIFE + 30)
        before = rounds(clean, "sts")[0]
        until("reading with the new one", lambda: rounds(clean, "sts")[0] > before + 40)
        assert clean.execute("sts", "sh", "-c", "cat /tmp/errors 2>/dev/null; true") == ""
        assert clean.execute("sts", "stat", "-c", "%d", "/mnt") == device, "it is the same mount"
        # By now the old one is worth nothing: the reads above were the new one's.
        import oss2
        with pytest.raises(oss2.exceptions.ServerError, match="'status': 403"):
            oss2.Bucket(oss2.StsAuth(old["id"], old["secret"], old["token"]), server.url, server.name).get_object("f1")
        clean.delete("pod", "sts")
    finally:
        server.stop()
