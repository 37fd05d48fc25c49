"""How a script is started: its shebang, and what a shell wrapper hands over to. Reads text, runs nothing."""

from __future__ import annotations

import posixpath
import re
import shlex
from dataclasses import dataclass

HEAD_BYTES = 4096
"""As much of a file as is needed: wrappers are short, and a shebang is bounded by the kernel (execve(2))."""

_PYTHON = re.compile(r"(?:python|pypy)[0-9.]*t?")
_CONDA = frozenset({"conda", "mamba", "micromamba", "conda.exe", "mamba.exe"})


@dataclass(frozen=True)
class Launch:
    """What a file's first bytes say.

    ``shebang`` are the words of its first line (empty: none). ``interpreter`` is the Python that runs it, as written:
    an absolute path, or a bare name that is looked up in PATH; ``flags`` are its options. ``hands_over_to`` is the
    absolute path of another program that a shell wrapper executes. ``conda_name`` and ``conda_prefix`` name the
    environment of a ``conda run`` wrapper. ``is_text`` tells a script from a compiled program.
    """

    shebang: tuple[str, ...] = ()
    interpreter: str | None = None
    flags: tuple[str, ...] = ()
    hands_over_to: str | None = None
    conda_name: str | None = None
    conda_prefix: str | None = None
    is_text: bool = True


def read_launch(head: bytes) -> Launch:
    """What the first :data:`HEAD_BYTES` bytes of a program say about how it starts. Never raises."""
    if b"\0" in head.partition(b"\n")[0] or (not head.startswith(b"#!") and b"\0" in head):
        return Launch(is_text=False)
    text = head.decode("utf-8", errors="surrogateescape")
    lines = text.splitlines()
    shebang: tuple[str, ...] = ()
    if lines and lines[0].startswith("#!"):
        shebang = tuple(lines[0][2:].split())
        words = list(shebang)
        if words and posixpath.basename(words[0]) == "env":
            words = [word for word in words[1:] if word != "-S" and "=" not in word]
            words = [word.removeprefix("-S") for word in words]
        if words and _is_python(words[0]):
            return Launch(shebang, words[0], _flags(words[1:]))
        if words and not posixpath.basename(words[0]).endswith("sh"):
            return Launch(shebang)
    for line in lines[1:] if shebang else lines:
        if (found := _handed_over(shebang, line)) is not None:
            return found
    return Launch(shebang)


def _handed_over(shebang: tuple[str, ...], line: str) -> Launch | None:
    """A line of a shell wrapper that passes its arguments on."""
    if not re.search(r'"?\$(?:@|\*|\{1\+)', line):
        return None
    # pip and conda start a long or blank-ridden interpreter path as: '''exec' "/path/python" "$0" "$@"
    line = line.replace("'''exec'", "exec", 1)
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return None
    while words and (words[0] in ("exec", "command", "env", "nohup") or re.fullmatch(r"\w+=.*", words[0])):
        words = words[1:]
    if not words:
        return None
    name = posixpath.basename(words[0])
    if _is_python(words[0]):
        return Launch(shebang, words[0], _flags(words[1:]))
    if name in _CONDA and "run" in words:
        return Launch(
            shebang,
            conda_name=_value(words, "-n", "--name"),
            conda_prefix=_value(words, "-p", "--prefix"),
        )
    if words[0].startswith("/") and name.startswith("ocarina"):
        return Launch(shebang, hands_over_to=words[0])
    return None


def _is_python(word: str) -> bool:
    return _PYTHON.fullmatch(posixpath.basename(word)) is not None


def _flags(words: list[str]) -> tuple[str, ...]:
    """The interpreter's own one-letter options, which change what it can import; not ``-m`` and ``-c``."""
    flags = []
    for word in words:
        if not re.fullmatch(r"-[bBdEhiIOPqsSuvx]+", word):
            break
        flags.append(word)
    return tuple(flags)


def _value(words: list[str], *options: str) -> str | None:
    for index, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in options:
            if equals:
                return value
            return words[index + 1] if index + 1 < len(words) else None
    return None
