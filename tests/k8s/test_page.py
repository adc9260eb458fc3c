"""The example's files against the page's own YAML, which is kept in page/ as the page has it."""

import pathlib
import re
import textwrap

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
KEPT = pathlib.Path(__file__).parent / "page"
# Beside the working copy, or beside the folder of working copies; a clone alone has none.
PAGE = next((path for parent in ROOT.parents if (path := parent / "shared" / "reference" / "page.txt").exists()), None)
FORMS = ["read-write", "split"]
# What is to be filled in.
PLACEHOLDERS = {'bucket: "<bucket-name>"', 'url: "<url>"', 'value: "https://<url>"', 'value: "<bucket-name>"',
                "image: ossplit-mnist:rw", "image: ossplit-mnist:split"}


@pytest.mark.parametrize("form", FORMS)
def test_only_bucket_url_and_image_are_not_the_page_s(form):
    page = (KEPT / f"{form}.yaml").read_text().splitlines()
    ours = (ROOT / "examples/kubernetes" / f"{form}.yaml").read_text().splitlines()
    assert len(page) == len(ours)
    for theirs, line in zip(page, ours):
        if theirs != line:
            assert line.strip() in PLACEHOLDERS and theirs.split(":")[0] == line.split(":")[0], f"{theirs!r} became {line!r}"


@pytest.mark.skipif(PAGE is None, reason="there is no ../shared/reference/page.txt: what is kept of the page is not compared with it")
def test_what_is_kept_is_the_page_s():
    found = re.findall(r"^ *cat << EOF \| kubectl apply -f -\n(.*?)^ *EOF$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert [textwrap.dedent(text) for text in found] == [(KEPT / f"{form}.yaml").read_text() for form in FORMS]
