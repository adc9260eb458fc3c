"""Forks, other ways to start processes, threads, signals, memory, asyncio."""

import asyncio
import concurrent.futures
import gc
import multiprocessing
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time

import ossplit
import pytest
from conftest import KEY_ID, KEY_SECRET, REGION, Server


def use(client, bucket, name):
    """What a worker does: puts, gets, and says what it got."""
    client.put(bucket, name, name.encode() * 1000)
    return client.get(bucket, name) == name.encode() * 1000


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_of_every_kind(server, client, bucket, method):
    # The parent has used its client, and uses it all the while.
    stop = threading.Event()

    def busy():
        while not stop.is_set():
            assert use(client, bucket, "parent")

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        context = multiprocessing.get_context(method)
        with concurrent.futures.ProcessPoolExecutor(4, context) as pool:
            done = [pool.submit(use, client, bucket, f"{method}-{i}") for i in range(24)]
            assert all(one.result(timeout=60) for one in done)
    finally:
        stop.set()
        thread.join()
    assert use(client, bucket, "after")


def test_forks_of_forks_while_requests_are_under_way(client, bucket):
    client.put(bucket, "k", b"x" * 100_000)
    for _ in range(5):
        child = os.fork()
        if child == 0:
            good = client.get(bucket, "k") == b"x" * 100_000
            if os.fork() == 0:
                os._exit(0 if client.get(bucket, "k") == b"x" * 100_000 else 3)
            status = os.wait()[1]
            os._exit(0 if good and status == 0 else 2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_what_was_open_before_a_fork_says_so(client, bucket):
    client.put(bucket, "k", b"x" * (1 << 20))
    file = client.open(bucket, "k")
    file.read(10)
    answer = client._native.request("GET", bucket, "k", [], [])
    writing = client.open(bucket, "w", "wb")
    writing.write(b"x")
    child = os.fork()
    if child == 0:
        refused = 0
        for call in (lambda: file.read(10), answer.read, lambda: writing.write(b"y")):
            try:
                call()
            except RuntimeError as error:
                refused += "before the fork" in str(error)
        os._exit(refused)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
    assert file.read(10) == b"x" * 10 and len(answer.read()) == 1 << 20
    writing.close()
    assert client.get(bucket, "w") == b"x"


def test_a_client_travels_to_another_process(client, bucket):
    client.put(bucket, "k", b"x")
    again = pickle.loads(pickle.dumps(client))
    assert again.get(bucket, "k") == b"x"
    assert KEY_SECRET not in repr(client)


def test_threads_share_a_client_and_the_gil_is_free(server, bucket):
    slow = Server("--latency", "50", "--bucket", bucket)
    try:
        client = slow.client()
        client.put(bucket, "k", b"x")
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            assert all(body == b"x" for body in pool.map(lambda _: client.get(bucket, "k"), range(64)))
        # One after another they would take 3.2 s.
        assert time.monotonic() - began < 2.4
    finally:
        slow.stop()


def test_ctrl_c_ends_a_call_that_waits(tmp_path):
    slow = Server("--latency", "30000", "--bucket", "slow")
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(f"""
        import ossplit, time
        client = ossplit.Client({slow.endpoint!r}, {REGION!r}, ({KEY_ID!r}, {KEY_SECRET!r}), read_timeout=60.0)
        print("waiting", flush=True)
        began = time.monotonic()
        try:
            client.get("slow", "k")
        except KeyboardInterrupt:
            print("interrupted after", time.monotonic() - began, flush=True)
    """))
    try:
        process = subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "waiting\n"
        # It waits once its request is on its way: only then may the signal come.
        deadline = time.monotonic() + 20
        while pathlib.Path(f"/proc/{process.pid}/net/tcp").read_text().count(f":{int(slow.endpoint.rpartition(':')[2]):04X} 01") < 1:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=20)[0]
        assert said.startswith("interrupted after"), said
        assert float(said.split()[-1]) < 20
    finally:
        process.kill()
        slow.process.kill()


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_nothing_leaks(client, bucket):
    """10,000 operations leave the resident memory within 16 MiB of what it was."""
    from ossplit import oss2

    compatible = oss2.Bucket(oss2.Auth(KEY_ID, KEY_SECRET), client.endpoint, bucket)
    body = b"x" * 16384
    buffer = bytearray(16384)

    def some(n):
        for i in range(n):
            client.put(bucket, "k", body)
            client.get(bucket, "k")
            client.get_into(bucket, "k", buffer)
            with pytest.raises(ossplit.OssError):
                client.get(bucket, "absent")
            compatible.put_object("c", body)
            compatible.get_object("c").read()
            compatible.head_object("c")
            compatible.get_object("c")  # never read: its connection is closed
            list(client.list(bucket))
            with client.open(bucket, "w", "wb") as file:
                file.write(body)

    some(200)
    gc.collect()
    before = resident()
    some(1000)
    gc.collect()
    assert resident() - before < 16 << 20


def test_asyncio(server, bucket):
    async def main():
        client = ossplit.AsyncClient(server.endpoint, REGION, (KEY_ID, KEY_SECRET))
        threads = threading.active_count()
        await asyncio.gather(*[client.put(bucket, f"a/{i:03}", str(i)) for i in range(200)])
        got = await asyncio.gather(*[client.get(bucket, f"a/{i:03}") for i in range(200)])
        assert got == [str(i).encode() for i in range(200)]
        assert threading.active_count() == threads
        assert [one.key async for one in client.list(bucket, "a/")] == [f"a/{i:03}" for i in range(200)]
        assert (await client.head(bucket, "a/007")).size == 1
        assert await client.exists(bucket, "a/007") and not await client.exists(bucket, "b")
        with pytest.raises(ossplit.errors.NoSuchKey):
            await client.get(bucket, "b")
        buffer = bytearray(1)
        assert await client.get_into(bucket, "a/007", buffer) == 1 and buffer == b"7"
        await client.copy(bucket, "a/007", bucket, "c")
        assert len(await client.delete_many(bucket, [f"a/{i:03}" for i in range(200)])) == 200
        await client.delete(bucket, "c")

    asyncio.run(main())


def test_asyncio_files_and_progress(server, bucket, tmp_path):
    async def main():
        client = ossplit.AsyncClient(server.endpoint, REGION, (KEY_ID, KEY_SECRET))
        (tmp_path / "f").write_bytes(b"x" * (5 << 20))
        seen = []
        stored = await client.upload(tmp_path / "f", bucket, "k", part_size=1 << 20,
                                     progress=lambda done, total: seen.append((done, total)))
        await asyncio.sleep(0)
        assert stored.size == 5 << 20 and seen[-1] == (5 << 20, 5 << 20)
        await client.download(bucket, "k", tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == b"x" * (5 << 20)

    asyncio.run(main())


def test_a_cancelled_awaitable_cancels_its_call():
    slow = Server("--latency", "20000", "--bucket", "slow")
    try:
        async def main():
            client = ossplit.AsyncClient(slow.endpoint, REGION, (KEY_ID, KEY_SECRET))
            began = time.monotonic()
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.get("slow", "k"), 0.2)
            assert time.monotonic() - began < 10

        asyncio.run(main())
    finally:
        slow.process.kill()


def test_a_loop_that_is_closed_meanwhile_harms_nobody(server, bucket):
    async def main():
        client = ossplit.AsyncClient(server.endpoint, REGION, (KEY_ID, KEY_SECRET))
        asyncio.ensure_future(client.put(bucket, "k", b"x" * (4 << 20)))

    asyncio.run(main())
    assert server.client().list_dir(bucket) is not None
