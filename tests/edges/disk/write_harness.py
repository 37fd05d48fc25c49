"""Run as a process by test_writes.py: forks writers and kills them, in a process that has one thread.

write_harness.py kills PATH COUNT atomic|in-place    ->  JSON on standard output
write_harness.py counters PATH PROCESSES ROUNDS      ->  JSON on standard output
write_harness.py denied FOLDER                       ->  JSON on standard output
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import random
import signal
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ocarina_kit.edges.disk.file_errors import FileError
from ocarina_kit.edges.disk.locks import hold
from ocarina_kit.edges.disk.writes import write_private


def content(number: int) -> bytes:
    """A file that says which one it is, of a size of its own, and by its digest whether it is whole."""
    body = f"{number}\n".encode() + bytes([65 + number % 26]) * (5_000 + number * 7919 % 60_000)
    return body + hashlib.sha256(body).hexdigest().encode()


def number_of(data: bytes) -> int | None:
    """Which content this is; None where it is not whole."""
    body, digest = data[:-64], data[-64:]
    return int(body.split(b"\n")[0]) if hashlib.sha256(body).hexdigest().encode() == digest else None


def in_place(path: Path, data: bytes) -> None:
    """As the client writes (FACTS.md): the control, which must be caught."""
    with path.open("wb", buffering=4096) as file:
        file.write(data)


def kills(path: Path, count: int, write: Callable[[Path, bytes], None]) -> dict[str, int]:
    shared = mmap.mmap(-1, 16)  # the last write begun, the last write done
    write_private(path, content(0))
    shared[:] = struct.pack("qq", 0, 0)
    chance = random.Random(20261124)  # noqa: S311  # instants, not secrets
    torn = wrong = midway = writes = 0
    for _ in range(count):
        begun, done = struct.unpack("qq", shared[:])
        first = max(begun, done) + 1
        child = os.fork()
        if child == 0:
            for number in range(first, first + 1_000_000):
                shared[:8] = struct.pack("q", number)
                write(path, content(number))
                shared[8:] = struct.pack("q", number)
        time.sleep(chance.uniform(0.0005, 0.012))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        begun, done = struct.unpack("qq", shared[:])
        found = number_of(path.read_bytes())
        if found is None:
            torn += 1
            write_private(path, content(begun))
            shared[8:] = struct.pack("q", begun)
        elif found not in (done, begun):
            wrong += 1
        else:
            shared[8:] = struct.pack("q", found)
        midway += begun != done
        writes = begun
    return {"torn": torn, "wrong": wrong, "midway": midway, "writes": writes}


def counters(path: Path, processes: int, rounds: int) -> dict[str, int]:
    """Each process adds to its own counter and to the common one, over and over, under the lock."""
    write_private(path, b"{}")
    gate = mmap.mmap(-1, 1)
    children = []
    for me in range(processes):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                while gate[0] == 0:
                    time.sleep(0.001)
                for _ in range(rounds):
                    with hold(path, timeout=60):
                        seen = json.loads(path.read_bytes())
                        seen[f"p{me}"] = seen.get(f"p{me}", 0) + 1
                        seen["all"] = seen.get("all", 0) + 1
                        write_private(path, json.dumps(seen).encode())
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    gate[0] = 1
    failed = sum(os.waitpid(child, 0)[1] != 0 for child in children)
    return {"failed": failed, **json.loads(path.read_bytes())}


def denied(folder: Path) -> dict[str, object]:
    """A write in a folder of ours whose mode forbids it; root, whom no mode stops, becomes another user for it."""
    path = folder / "f"
    path.write_bytes(b"old")
    if os.geteuid() == 0:
        for each in (folder, path):
            os.chown(each, 65534, 65534)
        os.seteuid(65534)
    folder.chmod(0o500)
    try:
        write_private(path, b"new")
    except FileError as problem:
        return {
            "fault": problem.fault.name,
            "id": problem.id,
            "commands": list(problem.remedy.commands),
            "content": path.read_bytes().decode(),
            "names": sorted(entry.name for entry in folder.iterdir()),
        }
    finally:
        folder.chmod(0o700)
    return {}


if __name__ == "__main__":
    mode, where = sys.argv[1], Path(sys.argv[2])
    result: dict[str, int] | dict[str, object]
    if mode == "kills":
        result = kills(where, int(sys.argv[3]), in_place if sys.argv[4] == "in-place" else write_private)
    elif mode == "denied":
        result = denied(where)
    else:
        result = counters(where, int(sys.argv[3]), int(sys.argv[4]))
    print(json.dumps(result))
