"""Telling a mount which files are read next: docs/prefetch.md has the protocol."""

from __future__ import annotations

import concurrent.futures
import os
import re
import socket
import threading
from typing import Iterable, Iterator, Tuple, Union

_NAME = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def hint(paths: Iterable[Union[str, "os.PathLike[str]"]], name: str = "train") -> "concurrent.futures.Future[int]":
    """Tells the mount that `paths` are on in which order they will be read: it fetches them ahead, exactly.

    Returns at once: a thread hands the paths over, as fast as the mount has room for them. Nobody needs to look at the result:
    where there is no mount of ossplit's, as on a local disk, training goes on without.

    :param paths: files below one mount, in the order of reading; taken in as they come.
    :param name: a new list replaces the unfinished one of its name, so that each DataLoader has a name of its own.
    :returns: how many paths the mount took; FileNotFoundError if no mount of ossplit's is there, OSError with what it says.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"name={name!r}: give 1 to 64 of A-Z a-z 0-9 . _ : -")
    future: "concurrent.futures.Future[int]" = concurrent.futures.Future()

    def work() -> None:
        try:
            future.set_result(_send(iter(paths), name))
        except BaseException as error:  # noqa: BLE001 - it is the future's
            future.set_exception(error)

    # Not a pool's: a program that ends must not wait for a mount that has no room.
    threading.Thread(target=work, name="ossplit-hint", daemon=True).start()
    return future


def _send(paths: Iterator[Union[str, "os.PathLike[str]"]], name: str) -> int:
    first = next(paths, None)
    if first is None:
        return 0
    root, address = _mount_of(os.path.abspath(os.fspath(first)))
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(address)
        except (FileNotFoundError, ConnectionRefusedError):
            raise FileNotFoundError(f"{os.fspath(first)} is on no mount of ossplit's: {address} does not answer") from None
        connection.sendall(f"prefetch 1 {name}\n".encode())
        pending = _relative(first, root)
        for path in paths:
            pending += _relative(path, root)
            if len(pending) >= 1 << 16:
                connection.sendall(pending)
                pending = b""
        connection.sendall(pending + b"\0")
        with connection.makefile() as answers:
            answer = answers.readline().strip()
    if not answer.startswith("ok "):
        raise OSError(f"the mount on {root} did not take the list: {answer or 'it closed the connection'}")
    return int(answer[3:])


def _relative(path: Union[str, "os.PathLike[str]"], root: str) -> bytes:
    below = os.path.relpath(os.path.abspath(os.fspath(path)), root)
    if below == ".." or below.startswith("../"):
        raise ValueError(f"{os.fspath(path)} is not below {root}, as the first path is")
    return os.fsencode(below) + b"\0"


def _mount_of(path: str) -> Tuple[str, str]:
    """(where the mount of a path begins, its socket)"""
    device = os.stat(path).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    best, user = "", "0"
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            fields = line.split()
            point = re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), fields[4])
            inside = path == point or path.startswith(point.rstrip("/") + "/")
            if fields[2] == wanted and inside and len(point) >= len(best):
                found = re.search(r"(?:^|,)user_id=(\d+)", fields[-1])
                best, user = point, found.group(1) if found else "0"
    if user == "0":
        folder = "/run/ossplit"
    elif os.path.isdir(f"/run/user/{user}"):
        folder = f"/run/user/{user}/ossplit"
    else:
        folder = f"/tmp/ossplit-{user}"
    return best or "/", f"{folder}/prefetch-{wanted}"
