"""The README's example, in a process of its own, against the server."""

import os
import re
import subprocess
import sys

from conftest import KEY_ID, KEY_SECRET, REGION, ROOT


def test_the_example_of_the_readme(server, bucket):
    text = (ROOT / "README.md").read_text()
    example = re.search(r"## From Python.*?```python\n(.*?)```", text, re.S).group(1)
    assert len([line for line in example.splitlines() if line.strip()]) == 10
    env = dict(os.environ, OSS_ENDPOINT=server.endpoint, OSS_REGION=REGION, OSS_ACCESS_KEY_ID=KEY_ID,
               OSS_ACCESS_KEY_SECRET=KEY_SECRET, OSS_BUCKET=bucket)
    said = subprocess.run([sys.executable, "-c", example], env=env, capture_output=True, text=True, timeout=60)
    assert (said.returncode, said.stdout) == (0, "hello\n1048576\n['greeting.txt', 'numbers.bin']\n"), said.stderr
