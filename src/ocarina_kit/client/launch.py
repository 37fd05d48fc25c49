"""How a script starts: its shebang, and the Python that a shell wrapper executes. Reads text, runs nothing."""

from __future__ import annotations

import re
from posixpath import basename
from typing import NamedTuple

HEAD_BYTES = 4096
"""As much of a file as is needed: wrappers are short, and the kernel bounds a shebang (execve(2))."""

_PYTHON = r"(?:python|pypy)[0-9.]*t?"
# exec /path/python …; and pip's and conda's way around a long path or blanks: '''exec' "/path/python" "$0" "$@"
_EXEC = re.compile(rf"""\bexec'?\s+(["']?)(/[^"'\n]*?/{_PYTHON})\1\s""")


class Launch(NamedTuple):
    """What the first bytes of a file say.

    ``shebang``: the words of its first line. ``interpreter``: the Python that runs it, as written: a path, or a name
    to look up in PATH. ``text``: it is a script.
    """

    shebang: tuple[str, ...] = ()
    interpreter: str = ""
    text: bool = True


def read_launch(head: bytes) -> Launch:
    """What the first `HEAD_BYTES` bytes of a program say about how it starts. Never raises."""
    if b"\0" in (head.partition(b"\n")[0] if head.startswith(b"#!") else head):
        return Launch(text=False)
    text = head.decode("utf-8", errors="surrogateescape")
    first, _, rest = text.partition("\n")
    shebang = tuple(first[2:].split()) if first.startswith("#!") else ()
    words = list(shebang)
    if words and basename(words[0]) == "env":
        words = [word.removeprefix("-S") for word in words[1:] if word != "-S" and "=" not in word]
    if words and re.fullmatch(_PYTHON, basename(words[0])):
        return Launch(shebang, words[0])
    wrapper = _EXEC.search(rest if shebang else text)
    if wrapper and (not words or basename(words[0]).endswith("sh")):
        return Launch(shebang, wrapper[2])
    return Launch(shebang)
