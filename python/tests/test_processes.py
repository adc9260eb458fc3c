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
import ossplit.oss2 as oss2
import pytest
from conftest import KEY_ID, KEY_SECRET, REGION, Server, until
from ossplit.checkpoint import Checkpointer
from ossplit.fsspec import OssplitFileSystem


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


def work(kind, tool, bucket, name):
    """What a process does with what it was given; by its exit status it says whether that was right."""
    body = name.encode() * 1000
    if kind == "oss2":
        tool.put_object(name, body)
        good = tool.get_object(name).read() == body
    elif kind == "fsspec":
        tool.pipe_file(f"{bucket}/{name}", body)
        good = tool.cat_file(f"{bucket}/{name}") == body and tool.exists(f"{bucket}/{name}")
    elif kind == "files":
        with tool.open(bucket, name, "wb", part_size=100 << 10) as file:
            file.write(body * 100)
        with tool.open(bucket, name) as file:
            good = file.read() == body * 100
    else:
        tool.save(int(name), {"state": {"name": name}})
        good = tool.load(int(name))["state"] == {"name": name}
    sys.exit(0 if good else 3)


@pytest.mark.parametrize("kind", ["oss2", "fsspec", "files", "checkpoints"])
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_everything_goes_on_in_processes_of_every_kind(server, client, bucket, tmp_path, method, kind):
    tools = {
        "oss2": lambda: oss2.Bucket(oss2.Auth(KEY_ID, KEY_SECRET), server.endpoint, bucket),
        "fsspec": lambda: OssplitFileSystem(endpoint=server.endpoint, region=REGION, key=KEY_ID, secret=KEY_SECRET),
        "files": lambda: client,
        "checkpoints": lambda: Checkpointer(f"oss://{bucket}/run", client=client, staging_dir=tmp_path),
    }
    tool = tools[kind]()
    context = multiprocessing.get_context(method)
    # The parent has used it before, and uses it afterwards.
    with pytest.raises(SystemExit, match="0"):
        work(kind, tool, bucket, "1")
    processes = [context.Process(target=work, args=(kind, tool, bucket, str(number))) for number in (2, 3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    with pytest.raises(SystemExit, match="0"):
        work(kind, tool, bucket, "4")


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


def written(client, path):
    with client.open("slow", "w", "wb") as file:
        file.write(b"x" * 1000)


CALLS = {
    "put_many": lambda client, path: client.put_many("slow", [(str(i), b"x") for i in range(4)], parallel=2),
    "get_many": lambda client, path: client.get_many("slow", ["k"] * 4, parallel=2),
    "upload": lambda client, path: client.upload(path / "file", "slow", "up"),
    "download": lambda client, path: client.download("slow", "k", path / "back"),
    "read": lambda client, path: client.open("slow", "k").read(),
    "write": written,
    "save": lambda client, path: Checkpointer("oss://slow/run", client=client, staging_dir=path).save(1, {"a": b"1"}),
}


@pytest.fixture(scope="module")
def slow():
    server = Server("--latency", "400", "--bucket", "slow")
    server.client().put("slow", "k", b"x" * 1000)
    yield server
    server.stop()


@pytest.mark.parametrize("call", CALLS)
def test_the_gil_is_free_during(slow, tmp_path, call):
    (tmp_path / "file").write_bytes(b"x" * 1000)
    client = slow.client()
    over = threading.Event()
    ticks = []

    def tick():
        while not over.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    began = time.monotonic()
    try:
        CALLS[call](client, tmp_path)
    finally:
        over.set()
        thread.join()
    took = time.monotonic() - began
    # With the GIL held the other thread would have stood still all the time; the machine may have other work, too.
    longest = max(after - before for before, after in zip(ticks, ticks[1:]))
    assert took >= 0.4 and longest < 0.3, (took, longest)


WAITING = {
    "get": "client.get('slow', 'k')",
    "upload": "client.upload(__file__, 'slow', 'k')",
    "result": "Checkpointer('oss://slow/run', client=client, staging_dir=folder, resume=False).save_async(1, {'a': b'1'}).result()",
}


@pytest.mark.parametrize("call", WAITING)
def test_ctrl_c_ends_a_call_that_waits(tmp_path, call):
    slow = Server("--latency", "30000", "--bucket", "slow")
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(f"""
        import os, ossplit, signal, time
        from ossplit.checkpoint import Checkpointer
        # Who starts the tests in the background has the signal ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        folder = {str(tmp_path / "staging")!r}
        client = ossplit.Client({slow.endpoint!r}, {REGION!r}, ({KEY_ID!r}, {KEY_SECRET!r}), read_timeout=60.0)
        print("waiting", flush=True)
        began = time.monotonic()
        try:
            {WAITING[call]}
        except KeyboardInterrupt:
            print("interrupted after", time.monotonic() - began, flush=True)
        # At its end it would wait for its saves.
        os._exit(0)
    """))
    try:
        process = subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "waiting\n"
        # It waits once its request is on its way: only then may the signal come.
        connected = f":{int(slow.endpoint.rpartition(':')[2]):04X} 01"
        until(lambda: connected in pathlib.Path(f"/proc/{process.pid}/net/tcp").read_text())
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


def test_transfers_checkpoints_and_asyncio_leak_nothing(client, bucket, tmp_path):
    """10,000 operations of the other kinds do not either."""
    (tmp_path / "file").write_bytes(b"x" * 16384)
    buffer = bytearray(16384)

    async def many(n):
        asynchronous = ossplit.AsyncClient(client.endpoint, REGION, (KEY_ID, KEY_SECRET))
        for _ in range(n):
            await asynchronous.put(bucket, "k", buffer)
            await asyncio.gather(*[asynchronous.get(bucket, "k") for _ in range(2)])
            await asynchronous.get_into(bucket, "k", buffer)
            with pytest.raises(ossplit.OssError):
                await asynchronous.head(bucket, "absent")
            async with await asynchronous.open(bucket, "k") as file:
                await file.read()

    def some(n):
        asyncio.run(many(n))
        for _ in range(n):
            client.upload(tmp_path / "file", bucket, "k")
            client.download(bucket, "k", tmp_path / "back")
        for step in range(n // 5):
            # A checkpointer of its own every time, too.
            checkpoints = Checkpointer(f"oss://{bucket}/run", client=client, keep=1, staging_dir=tmp_path / "staging")
            for more in range(4):
                checkpoints.save(step * 4 + more, {"a": buffer})
            checkpoints.load()

    some(100)
    gc.collect()
    before = resident()
    some(1000)
    gc.collect()
    assert resident() - before < 16 << 20


def test_asyncio(server, bucket):
    async def main():
        client = ossplit.AsyncClient(server.endpoint, REGION, (KEY_ID, KEY_SECRET))
        await asyncio.gather(*[client.put(bucket, f"a/{i:03}", str(i)) for i in range(200)])
        got = await asyncio.gather(*[client.get(bucket, f"a/{i:03}") for i in range(200)])
        assert got == [str(i).encode() for i in range(200)]
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


def test_a_program_that_ends_waits_for_who_calls_it_back(server, client, bucket, tmp_path):
    # A thread of ossplit's that wants the GIL of an interpreter that ends would be the process's end: SIGABRT.
    client.put(bucket, "k", b"x")
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(f"""
        import asyncio, ossplit, sys, threading, time, types
        many = ossplit.AsyncClient({server.endpoint!r}, {REGION!r}, ({KEY_ID!r}, {KEY_SECRET!r}))
        loop = asyncio.new_event_loop()
        soon, own = loop.call_soon_threadsafe, threading.get_ident()

        def lingering(*args, **more):
            soon(*args, **more)
            if threading.get_ident() != own:
                time.sleep(0.5)

        loop.call_soon_threadsafe = lingering
        threading.Thread(target=loop.run_forever, daemon=True).start()

        async def get():
            return await many.get({bucket!r}, "k")

        class Last:
            # The interpreter is still ending when the thread comes back.
            def __del__(self, sleep=time.sleep):
                sleep(1)

        module = sys.modules["module"] = types.ModuleType("module")
        module.last = Last()
        del module
        print(asyncio.run_coroutine_threadsafe(get(), loop).result())
    """))
    ended = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "b'x'\n", "")
