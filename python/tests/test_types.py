"""The package's types, as mypy and pyright see them, and its declared surface beside what is there."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]

PROGRAM = '''
import asyncio
from typing import List

import ossplit
from ossplit import errors


def use(client: ossplit.Client) -> bytes:
    stored = client.put("b", "k", b"x", content_type="text/plain")
    etag: str = stored.etag
    sizes: List[int] = [one.size for one in client.list("b", "p/")]
    with client.open("b", "k") as reader:
        body: bytes = reader.read(10)
    with client.open("b", "k", "wb") as writer:
        count: int = writer.write(body)
    try:
        return client.get("b", etag, sizes[0], count)
    except errors.NoSuchKey as error:
        request: str = error.request_id
        return request.encode()


async def use_async(client: ossplit.AsyncClient) -> int:
    info: ossplit.ObjectInfo = await client.head("b", "k")
    total = 0
    async for one in client.list("b"):
        total += one.size
    async with await client.open("b", "k") as reader:
        body: bytes = await reader.read(10)
    async with await client.open("b", "k", "wb") as writer:
        total += await writer.write(body)
    sent: List[str] = (await client.sync_up("folder", "b")).sent
    return total + info.size + len(sent)


asyncio.run(use_async(ossplit.AsyncClient()))
'''

WRONG = PROGRAM + '''
number: int = ossplit.Client().get("b", "k")
ossplit.Client().put("b")
'''


def run(*command):
    done = subprocess.run([sys.executable, "-m", *map(str, command)], capture_output=True, text=True, cwd=ROOT)
    return done.returncode, done.stdout + done.stderr


def test_mypy_strict_on_the_package():
    status, said = run("mypy", "--config-file", ROOT / "pyproject.toml", "-p", "ossplit")
    assert status == 0, said


@pytest.mark.parametrize("checker", [["mypy", "--strict"], ["pyright", "--pythonpath", sys.executable, "-p"]], ids=["mypy", "pyright"])
def test_a_program_that_is_right_and_one_that_is_wrong(tmp_path, checker):
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    for text, good in [(PROGRAM, True), (WRONG, False)]:
        (tmp_path / "program.py").write_text(text)
        target = tmp_path / "program.py" if checker[0] == "mypy" else tmp_path
        status, said = run(*checker, target)
        assert (status == 0) == good, said
    assert "number" in said or "int" in said


def test_pyright_knows_every_type_of_the_public_surface():
    status, said = run("pyright", "--pythonpath", sys.executable, "--ignoreexternal", "--verifytypes", "ossplit")
    # oss2's models are made of tables at run time, and fsspec has no types: neither counts here.
    faults = [line for line in said.splitlines()
              if line.startswith("ossplit.") and not line.startswith(("ossplit.oss2", "ossplit.fsspec"))]
    assert "Type completeness score" in said and faults == [], faults


def test_the_native_module_is_as_declared():
    """`_ossplit.pyi` by mypy's stubtest."""
    status, said = run("mypy.stubtest", "ossplit._ossplit", "--ignore-missing-stub", "--ignore-disjoint-bases")
    assert status == 0, said
