"""How scripts start, told from their first bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.core.client.launch import Launch, read_launch

# pip's and conda's way round long paths and blanks.
TRAMPOLINE = """#!/bin/sh
'''exec' "/long path/bin/python" "$0" "$@"
' '''
import re
"""


@pytest.mark.parametrize(
    ("text", "interpreter", "flags"),
    [
        ("#!/env/bin/python\nimport sys\n", "/env/bin/python", ()),
        ("#! /env/bin/python3.10 -sE\n", "/env/bin/python3.10", ("-sE",)),
        ("#!/env/bin/python -I -m ocarina\n", "/env/bin/python", ("-I",)),
        ("#!/usr/bin/env python3\n", "python3", ()),
        ("#!/usr/bin/env -S python3 -s\n", "python3", ("-s",)),
        ("#!/usr/bin/env -Spython3 -s\n", "python3", ("-s",)),
        ("#!/usr/bin/env -S PYTHONUTF8=1 python3\n", "python3", ()),
        ("#!/env/bin/python3.13t\n", "/env/bin/python3.13t", ()),
        ("#!/env/bin/pypy3\n", "/env/bin/pypy3", ()),
        (
            "#!/bin/sh\n'''exec' \"/long path/bin/python\" \"$0\" \"$@\"\n' '''\nimport re\n",
            "/long path/bin/python",
            (),
        ),
        ("#!/bin/sh\n'''exec' /ünï/bin/python3.7 \"$0\" \"$@\"\n' '''\n", "/ünï/bin/python3.7", ()),
        ('#!/bin/bash\n# ours\nexport A=1\nexec /env/bin/python -m ocarina "$@"\n', "/env/bin/python", ()),
        ('#!/bin/sh\nA=1 exec /env/bin/python -s -m ocarina "$@"\n', "/env/bin/python", ("-s",)),
    ],
)
def test_the_interpreter(text: str, interpreter: str, flags: tuple[str, ...]) -> None:
    found = read_launch(text.encode())
    assert (found.interpreter, found.flags) == (interpreter, flags)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('#!/bin/sh\nexec /env/bin/ocarina "$@"\n', {"hands_over_to": "/env/bin/ocarina"}),
        ("#!/bin/sh\n/env/bin/ocarina $* # all\n", {"hands_over_to": "/env/bin/ocarina"}),
        ('exec "/a b/bin/ocarina" "$@"\n', {"hands_over_to": "/a b/bin/ocarina"}),
        ('#!/bin/bash\nconda run -n covid ocarina "$@"\n', {"conda_name": "covid"}),
        ('#!/bin/sh\nexec micromamba run --name=covid ocarina "$@"\n', {"conda_name": "covid"}),
        ('#!/bin/sh\nexec /opt/conda/bin/conda run -p /e/x ocarina "$@"\n', {"conda_prefix": "/e/x"}),
        ('#!/bin/sh\necho \'unfinished "$@"\n', {}),
        ('#!/usr/bin/perl\nexec "/env/bin/ocarina", "$@";\n', {}),
        ("#!/bin/sh\necho hello\n", {}),
        ('#!/bin/sh\nexec ./ocarina "$@"\n', {}),
        ("", {}),
        ("#!\n", {}),
    ],
)
def test_wrappers(text: str, expected: dict[str, str]) -> None:
    found = read_launch(text.encode())
    assert found.interpreter is None
    shown = {
        name: getattr(found, name)
        for name in ("hands_over_to", "conda_name", "conda_prefix")
        if getattr(found, name) is not None
    }
    assert shown == expected


def test_a_compiled_program() -> None:
    assert read_launch(b"\x7fELF\x02\x01\x01\0\0\0") == Launch(is_text=False)
    assert read_launch(b"#!/env/bin/python\nPK\x03\x04\0\0").interpreter == "/env/bin/python"


@given(st.binary(max_size=300))
def test_any_bytes(head: bytes) -> None:
    read_launch(head)
    read_launch(b"#!/bin/sh\n" + head + b' "$@"\n')
