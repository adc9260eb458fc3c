"""The chart: linted, rendered, and the plain manifests are what it renders."""

import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "chart"
EXAMPLES = ROOT / "examples" / "kubernetes"
MANIFESTS = ROOT / "deploy" / "manifests" / "ossplit.yaml"
HEAD = "# What deploy/chart renders with its defaults, as ossplit in kube-system: a test compares them.\n"


# Every value set, so that every object is there.
EVERYTHING = ("metrics.serviceMonitor.enabled=true", "controller.provisionerSecrets[0].namespace=default",
              "controller.provisionerSecrets[0].name=oss-secret", "storageClasses[0].name=oss",
              "storageClasses[0].parameters.bucket=b", "rrsa.account=1", "node.memory=1073741824")


def helm_program():
    return shutil.which("helm", path=f"{ROOT}/.tools/bin:{os.environ['PATH']}")


def helm(*words):
    tool = helm_program()
    if not tool:
        pytest.skip("helm is not built (scripts/setup-k8s)")
    return subprocess.run([tool, *words], capture_output=True, text=True)


def template(*sets):
    words = [word for pair in sets for word in ("--set-string" if pair.startswith("rrsa.") else "--set", pair)]
    # A helm that was not built by its own makefile takes the cluster for one of long ago.
    done = helm("template", "ossplit", str(CHART), "--namespace", "kube-system", "--kube-version", "1.34.0", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_lint():
    done = helm("lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("value,part", [("image.repository=", "repository"), ("metrics.port=0", "port"),
                                        ("rrsa.stsEndpoint=sts", "stsEndpoint"), ("nonsense=1", "nonsense")])
def test_the_schema_refuses(value, part):
    done = helm("template", "ossplit", str(CHART), "--set", value)
    assert done.returncode != 0 and part in done.stderr, done.stderr


def objects(text):
    """By kind and name: the order of a file does not matter."""
    return {(thing["kind"], thing["metadata"]["name"]): thing for thing in yaml.safe_load_all(text) if thing}


def test_the_manifests_are_the_chart_s():
    rendered = template()
    if os.environ.get("UPDATE"):
        MANIFESTS.write_text(HEAD + rendered)
    assert objects(MANIFESTS.read_text()) == objects(rendered)


def test_every_value_is_used_and_every_object_is_well_formed():
    text = template(*EVERYTHING)
    found = list(objects(text).values())
    kinds = {thing["kind"] for thing in found}
    assert {"CSIDriver", "DaemonSet", "Deployment", "Role", "StorageClass", "ServiceMonitor", "Service"} <= kinds
    driver = next(thing for thing in found if thing["kind"] == "CSIDriver")["spec"]
    assert driver["attachRequired"] is False and driver["requiresRepublish"] and driver["podInfoOnMount"]
    keeper = next(thing for thing in found if thing["metadata"]["name"] == "ossplit-keeper")
    assert keeper["spec"]["updateStrategy"] == {"type": "OnDelete"}
    for thing in found:
        if thing["kind"] in ("ClusterRole", "Role"):
            assert "*" not in json.dumps(thing["rules"]), "least privilege"


def against_the_schema(text):
    """Each object against the Go types of its API, no field unknown or of another kind (tests/k8s/schema)."""
    tool = shutil.which("schema", path=f"{ROOT}/.tools/bin")
    if not tool:
        pytest.skip("tests/k8s/schema is not built: scripts/go-tool tests/k8s/schema")
    return subprocess.run([tool], input=text, capture_output=True, text=True)


def test_every_object_fits_the_api_s_schema():
    texts = [MANIFESTS.read_text(), template(*EVERYTHING), *(path.read_text() for path in EXAMPLES.glob("*.yaml"))]
    for text in texts:
        done = against_the_schema(text)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == len(objects(text))


@pytest.mark.parametrize("right,wrong", [("readOnlyRootFilesystem", "readOnlyRotFilesystem"), ("runAsUser: 0", "runAsUser: root"),
                                         ("selector:", "selektor:"), ("interval:", "intervall:"), ("attachRequired:", "attachRequird:")])
def test_what_the_schema_does_not_know_is_refused(right, wrong):
    text = template(*EVERYTHING)
    assert right in text
    done = against_the_schema(text.replace(right, wrong))
    assert done.returncode != 0 and wrong.split(":")[0] in done.stderr, done.stderr


def test_every_part_with_figures_is_scraped():
    found = objects(template("metrics.serviceMonitor.enabled=true"))
    selector = found["ServiceMonitor", "ossplit"]["spec"]["selector"]
    scraped = [thing for (kind, _), thing in found.items() if kind == "Service"
               and selector["matchLabels"].items() <= thing["metadata"]["labels"].items()
               and thing["metadata"]["labels"]["app.kubernetes.io/component"] in selector["matchExpressions"][0]["values"]]
    serving = [thing["spec"]["template"]["metadata"]["labels"] for thing in found.values() if thing["kind"] in ("DaemonSet", "Deployment")
               and any(port["name"] == "metrics" for port in thing["spec"]["template"]["spec"]["containers"][0].get("ports", []))]
    assert len(serving) == len(scraped) == 2
    for labels in serving:
        assert any(service["spec"]["selector"].items() <= labels.items() for service in scraped), labels


def test_the_dashboard_asks_for_figures_that_there_are():
    dashboard = json.loads((ROOT / "deploy/dashboards/ossplit-csi.json").read_text())
    source = (ROOT / "crates/csi/src/metrics.rs").read_text()
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            for name in re.findall(r"ossplit_csi_[a-z_]+", target["expr"]):
                base = re.sub(r"_(bucket|count|sum)$", "", name)
                assert base in source, name


@pytest.mark.parametrize("written", ["1073741824", '"1073741824"'])
def test_a_large_number_in_a_values_file_stays_one(tmp_path, written):
    """Helm reads a file's numbers as floats."""
    values = tmp_path / "values.yaml"
    values.write_text(f"node: {{memory: {written}}}\n")
    done = helm("template", "ossplit", str(CHART), "--kube-version", "1.34.0", "-f", str(values))
    assert "--memory=1073741824\n" in done.stdout, done.stderr
