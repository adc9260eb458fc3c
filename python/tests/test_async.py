"""`ossplit.AsyncClient` beyond single objects: file objects, folders, cancelling, and that no call has a thread."""

import asyncio
import io
import os
import random

import ossplit
import pytest
from conftest import KEY_ID, KEY_SECRET, REGION, Server, until, uploads
from ossplit import errors

MIB = 1 << 20
BIG = random.Random(3).randbytes(6 * MIB + 321)


@pytest.fixture
def run(server):
    def runs(work):
        async def main():
            return await work(ossplit.AsyncClient(server.endpoint, REGION, (KEY_ID, KEY_SECRET)))

        return asyncio.run(main())

    return runs


def test_files_are_read_as_files_are(run, client, bucket):
    client.put(bucket, "big", BIG)
    model, rng = io.BytesIO(BIG), random.Random(4)

    async def work(many):
        async with await many.open(bucket, "big", block_size=MIB) as file:
            for _ in range(40):
                if rng.random() < 0.3:
                    place, whence = rng.choice([(rng.randrange(len(BIG)), 0), (-rng.randrange(1000), 2)])
                    assert file.seek(place, whence) == model.seek(place, whence)
                size = rng.choice([0, 1, 100, 70_000, 3 * MIB])
                assert await file.read(size) == model.read(size)
                assert file.tell() == model.tell()
            file.seek(0)
            buffer = bytearray(MIB)
            assert await file.readinto(buffer) == MIB and buffer == BIG[:MIB]
            assert await file.read() == BIG[MIB:]
            assert (file.info.size, file.name, file.closed) == (len(BIG), f"oss://{bucket}/big", False)
        with pytest.raises(ValueError, match="closed"):
            await file.read()
        with pytest.raises(errors.NoSuchKey):
            await many.open(bucket, "absent")
        with pytest.raises(ValueError, match="mode="):
            await many.open(bucket, "big", "r+")

    run(work)


def test_files_are_written_in_parts(run, client, bucket):
    async def work(many):
        async with await many.open(bucket, "w", "wb", part_size=MIB, metadata={"a": "1"}) as file:
            for start in range(0, len(BIG), 333_333):
                await file.write(memoryview(BIG)[start:start + 333_333])
            assert file.tell() == len(BIG) and not await many.exists(bucket, "w")
        assert file.stored.crc64 == ossplit.crc64(BIG)
        with pytest.raises(ValueError, match="closed"):
            await file.write(b"x")
        with pytest.raises(RuntimeError, match="mine"):
            async with await many.open(bucket, "never", "wb", part_size=MIB) as file:
                await file.write(BIG)
                raise RuntimeError("mine")
        file = await many.open(bucket + "-no", "w", "wb", part_size=MIB)
        with pytest.raises(errors.NoSuchBucket):
            await file.write(BIG)
        with pytest.raises(ValueError, match="given up"):
            await file.close()

    run(work)
    assert (client.get(bucket, "w"), client.head(bucket, "w").metadata) == (BIG, {"a": "1"})
    assert not client.exists(bucket, "never") and uploads(client, bucket) == 0


def test_a_cancelled_write_leaves_nothing_behind(run, server, client, bucket):
    async def work(many):
        with pytest.raises(asyncio.CancelledError):
            async with await many.open(bucket, "w", "wb", part_size=MIB, parallel=1) as file:
                writing = asyncio.ensure_future(file.write(BIG))
                await asyncio.sleep(0)
                # It goes on without the loop, which this stops.
                until(lambda: uploads(client, bucket) > 0)
                assert not writing.done()
                writing.cancel()
                await writing

    server.faults('{"rules": [{"operation": "UploadPart", "delay_ms": 5000}]}')
    try:
        run(work)
    finally:
        server.faults('{"rules": []}')
    assert not client.exists(bucket, "w") and uploads(client, bucket) == 0


def test_folders_and_prefixes(run, client, bucket, tmp_path):
    here, back = tmp_path / "here", tmp_path / "back"
    tree = {"a": b"1", "d/b": b"2" * 1000, "d/e/c 中": b"3"}
    for name, body in tree.items():
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_bytes(body)
    seen = []

    async def work(many):
        sent = await many.sync_up(here, bucket, "p", progress=lambda done, total: seen.append((done, total)))
        await asyncio.sleep(0)
        assert sent == (sorted(tree), [], []) and seen[-1] == (1002, 1002)
        assert await many.sync_up(here, bucket, "p") == ([], sorted(tree), [])
        objects, prefixes = await many.list_dir(bucket, "p/")
        assert ([one.key for one in objects], prefixes) == (["p/a"], ["p/d/"])
        (here / "a").write_bytes(b"4")
        os.remove(here / "d" / "b")
        assert await many.sync_up(here, bucket, "p", delete=True) == (["a"], ["d/e/c 中"], ["d/b"])
        assert (await many.sync_down(bucket, "p", back, parallel=2)).sent == ["a", "d/e/c 中"]
        (back / "extra").write_bytes(b"")
        assert await many.sync_down(bucket, "p", back, delete=True) == ([], ["a", "d/e/c 中"], ["extra"])
        assert sorted(os.listdir(back)) == ["a", "d"] and (back / "d/e/c 中").read_bytes() == b"3"
        await many.put(bucket, "evil/../../out", b"x")
        with pytest.raises(ValueError, match="outside"):
            await many.sync_down(bucket, "evil", back)
        with pytest.raises(errors.NoSuchBucket):
            await many.sync_up(here, bucket + "-no")
        with pytest.raises(NotADirectoryError):
            await many.sync_up(here / "a", bucket)

    run(work)


def test_the_surface_is_the_clients():
    def public(of):
        return {name for name in dir(of) if not name.startswith("_")}

    assert public(ossplit.AsyncClient) == public(ossplit.Client)


def test_no_call_has_a_thread():
    calls = 200

    def threads():
        return set(os.listdir("/proc/self/task"))

    async def main():
        there, all_there = 0, asyncio.Event()

        async def answer(reader, writer):
            """Answers once all requests are there at once."""
            nonlocal there
            await reader.readuntil(b"\r\n\r\n")
            there += 1
            if there == calls:
                all_there.set()
            await all_there.wait()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\nETag: \"1\"\r\n\r\nx")
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=calls)
        client = ossplit.AsyncClient(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", REGION, (KEY_ID, KEY_SECRET))
        first = asyncio.ensure_future(client.get("data", "k"))
        while there < 1 and not first.done():
            await asyncio.sleep(0.01)
        before = threads()
        flying = asyncio.gather(first, *[client.get("data", "k") for _ in range(calls - 1)])
        await asyncio.wait_for(all_there.wait(), 30)
        assert threads() - before == set()
        assert await flying == [b"x"] * calls
        server.close()

    asyncio.run(main())
