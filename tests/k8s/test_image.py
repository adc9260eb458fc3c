"""The driver's image without a container engine, its Dockerfile, and the workflow that releases both."""

import hashlib
import io
import json
import pathlib
import re
import subprocess
import tarfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "deploy" / "image" / "build"
DOCKERFILE = ROOT / "deploy" / "image" / "Dockerfile"
NAME = "registry.example/ossplit:test"


def build(folder, name):
    """An image around a program that is none: what is packed does not matter here."""
    program, out = folder / "program", folder / name
    program.write_bytes(b"\x7fELF of no use" * 1000)
    subprocess.run([SCRIPT, NAME, out, "--program", program], check=True, capture_output=True)
    return out.read_bytes()


def blob(archive, descriptor):
    data = archive.extractfile("blobs/sha256/" + descriptor["digest"].removeprefix("sha256:")).read()
    assert len(data) == descriptor["size"] and hashlib.sha256(data).hexdigest() == descriptor["digest"].removeprefix("sha256:")
    return data


def test_the_same_inputs_give_the_same_bytes(tmp_path):
    assert build(tmp_path, "one.tar") == build(tmp_path, "two.tar")


def test_the_archive_is_an_oci_image_of_one_program(tmp_path):
    archive = tarfile.open(fileobj=io.BytesIO(build(tmp_path, "one.tar")))
    assert json.load(archive.extractfile("oci-layout")) == {"imageLayoutVersion": "1.0.0"}
    described, = json.load(archive.extractfile("index.json"))["manifests"]
    assert described["annotations"]["io.containerd.image.name"] == NAME
    manifest = json.loads(blob(archive, described))
    config = json.loads(blob(archive, manifest["config"]))
    layer, = manifest["layers"]
    assert config["rootfs"]["diff_ids"] == [layer["digest"]], "an uncompressed layer's digest is its content's"
    files = {entry.name: entry for entry in tarfile.open(fileobj=io.BytesIO(blob(archive, layer)))}
    assert set(files) == {"etc", "etc/ssl", "etc/ssl/certs", "etc/ssl/certs/ca-certificates.crt", "ossplit", "tmp"}
    assert files["ossplit"].mode == 0o755 and files["tmp"].mode == 0o1777
    assert all(entry.mtime == 0 and entry.uid == 0 for entry in files.values())
    assert config["config"]["Entrypoint"] == ["/ossplit"]


def test_the_dockerfile_makes_the_same_image():
    """No engine is here to run it: its words are held against the script's."""
    text, script = DOCKERFILE.read_text(), SCRIPT.read_text()
    stages = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    wanted = re.search(r'^rust-version = "(\d+\.\d+)', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
    assert stages == [f"rust:{wanted}-bookworm", "scratch"]
    assert 'ENTRYPOINT ["/ossplit"]' in text
    for part in ("-C target-feature=+crt-static", "--remap-path-prefix=", "--locked", "--bin ossplit", "x86_64-unknown-linux-gnu",
                 "etc/ssl/certs/ca-certificates.crt"):
        assert part in text and part.replace("--bin ossplit", '"--bin", "ossplit"') in script, part


def test_the_release_workflow_says_that_nobody_has_run_it():
    file = ROOT / ".github" / "workflows" / "image-release.yml"
    text = file.read_text()
    assert "UNTESTED" in text
    jobs = yaml.safe_load(text)["jobs"]
    targets = {entry["target"] for entry in jobs["image"]["strategy"]["matrix"]["include"]}
    assert {"x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"} <= targets
    for job in jobs.values():
        for step in job["steps"]:
            for path in re.findall(r"(?:deploy|scripts)/[\w./-]+", step.get("run", "")):
                assert (ROOT / path).exists(), path
