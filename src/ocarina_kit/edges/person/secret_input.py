"""A secret that comes in a file or on standard input, never in an argument (CONTRACT.md, Files)."""

from __future__ import annotations

import codecs
import re
import sys
from dataclasses import dataclass, field
from typing import BinaryIO

from ocarina_kit.core.config.credentials import SECRET_LENGTH
from ocarina_kit.core.errors import Remedy, UsageError
from ocarina_kit.core.secret import Secret
from ocarina_kit.edges.system import System

CAP = 1 << 20
"""Bytes: a larger file holds something else."""

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True)
class SecretInput:
    """What was read, without the line breaks at its ends; and a warning about the file it came from."""

    text: Secret
    warning: str = field(default="")


def read_secret(system: System, option: str, name: str, stdin: BinaryIO | None = None) -> SecretInput:
    """The text behind ``option`` (``--client-secret-file``): of the file ``name``, or of standard input for ``-``.

    A pipe will do (``<(pass show majora)``). Raises UsageError where there is nothing to read, or more than one line:
    which of them is meant? A single value that was broken over lines is put together by who judges it.
    """
    data, warning = _standard_input(option, stdin) if name == "-" else _file(system, option, name)
    if len(data) > CAP:
        raise _usage(f"{option}: what was read is larger than 1 MiB, and is no secret.")
    text = _decoded(data)
    if text is None:
        raise _usage(f"{option}: what was read is no text.")
    lines = [line.strip() for line in text.splitlines() if line.strip("\ufeff \t\r\n")]
    if len(lines) > 1 and not _one_value(lines):
        raise _usage(
            f"{option}: what was read has {len(lines)} lines, and one is expected: the value, and nothing else."
        )
    return SecretInput(Secret(text.strip("\r\n")), warning)


def _one_value(lines: list[str]) -> bool:
    """Whether lines are one value, wrapped where it was copied (then its length tells), or the same one twice."""
    joined = "".join(lines)
    wrapped = len(joined) == SECRET_LENGTH and joined.isascii() and joined.isalnum()
    return wrapped or len(set(lines)) == 1


def _standard_input(option: str, stdin: BinaryIO | None) -> tuple[bytes, str]:
    source = sys.stdin.buffer if stdin is None else stdin
    try:
        return source.read(CAP + 1), ""
    except (OSError, ValueError) as problem:
        words = getattr(problem, "strerror", None) or "it is closed"
        raise _usage(f"{option}: standard input cannot be read ({words}).") from None


def _file(system: System, option: str, name: str) -> tuple[bytes, str]:
    path = system.expand(name)
    # What is typed here by mistake may be the secret itself; then it is not repeated.
    shown = "the file" if re.fullmatch(r"[A-Za-z0-9$_+=~-]{24,}", name) else str(path)
    try:
        with path.open("rb") as file:
            seen = path.stat()
            data = file.read(CAP + 1)
    except (OSError, ValueError) as problem:
        words = getattr(problem, "strerror", None) or "it has no possible name"
        if shown == "the file" and not isinstance(problem, (PermissionError, IsADirectoryError)):
            raise _usage(
                f"{option} takes the name of a file that holds the value, or -, and there is no file of that name.",
                why="What was given is not repeated here: it may be the secret itself. Then it stands in your shell's "
                "history now, and should be taken out of there.",
            ) from None
        raise _usage(f"{option}: {shown} cannot be read ({words}).") from None
    regular = (seen.st_mode & 0o170000) == 0o100000
    loose = regular and seen.st_mode & 0o044
    return data, f"Others on this machine can read {path}: chmod 600 it, or delete it." if loose else ""


def _decoded(data: bytes) -> str | None:
    mark, encoding = next(((m, e) for m, e in _MARKS if data.startswith(m)), (b"", "utf-8"))
    data = data[len(mark) :]
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _usage(what: str, why: str = "") -> UsageError:
    return UsageError(
        what,
        id="USE001",
        why=why,
        remedy=Remedy(
            "Put the value alone into a file that only you can read, and name that file; or pipe it in, with -."
        ),
    )
