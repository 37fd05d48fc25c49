"""The one line: built, read back, and really run by a shell as cron would run it."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from posixpath import normpath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.client.stub import program

from ocarina_kit.__main__ import CANNOT_START
from ocarina_kit.client.places import cron_environment
from ocarina_kit.schedule.crontab import cron_command, encode
from ocarina_kit.schedule.entry import (
    MOST_BYTES,
    EntrySpec,
    build_entry,
    carried_variables,
    check_with_python_crontab,
    read_entries,
)
from ocarina_kit.system.problem import KitError

TIMES = "37 2-23/3 * * *"
KIT, OCARINA = (
    "/home/u/.local/bin/ocarina-kit",
    "/home/u/miniconda3/envs/ocarina/bin/ocarina",
)
SPEC = EntrySpec(
    "u",
    "node1",
    "/home/u",
    "/home/u/.ocarina",
    "https://m.org/",
    (KIT,),
    client=OCARINA,
)


def line(
    above: Mapping[str, str] | None = None,
    *,
    runner: str = "kit-first",
    times: str = TIMES,
    **more: Any,
) -> str:
    return build_entry(SPEC._replace(**more), times, above, runner=runner)


def test_the_lines_of_the_contract() -> None:
    assert (
        line()
        == f"{TIMES} {KIT} refresh --cron || {OCARINA} -q oauth refresh # ocarina-kit"
    )
    assert line(runner="client") == f"{TIMES} {OCARINA} oauth refresh # ocarina-kit"
    assert line(client=None) == f"{TIMES} {KIT} refresh --cron # ocarina-kit"


@pytest.mark.parametrize(
    ("above", "expected"),
    [
        ({"HOME": "/srv"}, "export HOME=/home/u; "),
        ({"HOME": "/home/u"}, ""),
        ({"PATH": "$PATH:/opt"}, "export PATH=/usr/bin:/bin; "),
        ({"PATH": "/opt/bin:/usr/bin:/bin"}, ""),
        (
            {"OCARINA_CONF_FILE": "/other"},
            "export OCARINA_CONF_FILE=/home/u/.ocarina; ",
        ),
        ({"OCARINA_CONF_FILE": "/home/u/.ocarina"}, ""),
        ({"MAILTO": "me", "HTTPS_PROXY": "http://p"}, ""),
    ],
)
def test_variables_of_the_crontab_that_would_break_it(
    above: Mapping[str, str], expected: str
) -> None:
    assert (
        line(above, runner="client")
        == f"{TIMES} {expected}{OCARINA} oauth refresh # ocarina-kit"
    )


CARRIED: list[tuple[dict[str, str], dict[str, str]]] = [
    # what the shell has, and what of it the entry carries: no password
    ({"XDG_STATE_HOME": "/data/state"}, {"XDG_STATE_HOME": "/data/state"}),
    ({"XDG_STATE_HOME": "relative", "http_proxy": "", "PATH": "/x", "MAJORA_TOKEN": "x", "CLIENT_SECRET": "x"}, {}),
    ({"REQUESTS_CA_BUNDLE": "ca.pem", "SSL_CERT_FILE": "/etc/ca.pem"}, {"REQUESTS_CA_BUNDLE": "/site/ca.pem"}),
    ({"HTTPS_PROXY": "http://proxy:3128", "no_proxy": "x"}, {"HTTPS_PROXY": "http://proxy:3128", "no_proxy": "x"}),
    ({"HTTPS_PROXY": "http://user:hunter2@proxy:3128"}, {}),
    ({"ALL_PROXY": "http://hunter2%40proxy:1"}, {}),
    ({"HTTPS_PROXY": "http://proxy:1/?PROXY_PASSWORD=hunter2"}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("environ", "found"), CARRIED)
def test_what_the_entry_carries_of_the_shell(
    environ: dict[str, str], found: dict[str, str]
) -> None:
    left_out = [name for name, value in environ.items() if "hunter2" in value]
    assert carried_variables(environ, "/site") == (found, left_out)


REFUSED: list[dict[str, Any]] = [
    *({"client": f"/a{char}b/ocarina"} for char in "\n\0\x1f\x7f"),
    *(
        {"kit": ("/a\rb/ocarina-kit",)},
        {"profile": "a\nb"},
        {"config": "/c\x08"},
        {"times": "0 0 * * *\n"},
    ),
    {"client": "/" + "é" * 495 + "/ocarina"},
]


@pytest.mark.parametrize("more", REFUSED)
def test_refusals(more: dict[str, Any]) -> None:
    with pytest.raises(KitError) as refused:
        line(**more)
    assert refused.value.problem.id == "CRN007"
    free = MOST_BYTES - len(line(runner="client")) + len(TIMES) + 1
    assert line(runner="client", client="/" + "x" * (free - 1) + OCARINA)
    with pytest.raises(KitError):
        line(runner="client", client="/" + "x" * free + OCARINA)


_NASTY = st.text(
    st.one_of(
        st.sampled_from("%\\'\" $`;&|()<>*?[]#~!{}=é☃rb\udcff"),
        st.characters(
            min_codepoint=32, exclude_characters="\x7f", exclude_categories=["Cs", "Cc"]
        ),
    ),
    min_size=1,
    max_size=20,
)


@given(_NASTY, _NASTY, _NASTY, st.one_of(st.none(), _NASTY), st.booleans())
@settings(max_examples=100)
def test_every_built_line_is_recognised_and_survives_every_cron(
    folder: str, other: str, config: str, profile: str | None, alone: bool
) -> None:
    wanted, kit = f"/{folder}/ocarina", f"/{other}/ocarina-kit"
    runner = "client" if alone else "kit-first"
    made = line(
        runner=runner, client=wanted, kit=(kit,), config=f"/{config}", profile=profile
    )
    (entry,) = read_entries(encode(made) + b"\n", "u", "/home/u")
    text, _, percent = cron_command(entry.command)
    assert (text, percent) == (
        entry.command.replace("\\%", "%"),
        None,
    )  # Debian's reading, and cronie's
    assert not any(shown in made for shown in ("\\r", "\\b"))
    assert (entry.runner, entry.is_marked, entry.reading.other_work) == (
        runner,
        True,
        [],
    )
    assert [call.path for call in entry.calls] == ([wanted] if alone else [kit, wanted])
    for call in entry.calls:
        assert (call.config, call.profile) == (normpath(f"/{config}"), profile)


@pytest.mark.parametrize(
    "text", ["*/60 */2 * * * x", "0 22-2 * * * x", "0 5 1-31 * 1 x", "nonsense", ""]
)
def test_two_readers_disagree(text: str) -> None:
    check_with_python_crontab(
        line(times="7,37 1-23/3 * * 0,7", profile="a%b", config="/my folder/100%.json")
    )
    with pytest.raises(KitError) as refused:
        check_with_python_crontab(text)
    assert refused.value.problem.id == "SCH010"


SHELLS = [
    shell
    for shell in ("sh", "bash --posix", "busybox ash", "zsh")
    if shutil.which(shell.split()[0])
]
KITS = [
    # the interpreter of the kit's program, its mode, how it ends; whether the client must run
    ("/bin/sh", 0o755, "exit 0", False),
    ("/bin/sh", 0o755, f"exit {CANNOT_START}", True),
    ("/bin/sh", 0o755, "kill -9 $$", True),
    ("/bin/sh", 0o644, "", True),
    ("/opt/deleted/env/bin/python3.7", 0o755, "", True),
]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("interpreter", "mode", "end", "fails"), KITS)
def test_the_client_runs_exactly_where_the_kit_could_not(
    tmp_path: Path, shell: str, interpreter: str, mode: int, end: str, fails: bool
) -> None:
    """Folders with hard names, in cron's bare environment and working folder."""
    home, say = tmp_path / "a home", 'echo "$* [$OCARINA_CONF_FILE] [$XDG_STATE_HOME]"'
    client = program(
        home / 'en v\'s 100% \\b "é"' / "ocarina", f"#!/bin/sh\n{say}; exit 75\n"
    )
    kit = program(
        home / "kit $HOME; `x`" / "ocarina-kit",
        f"#!{interpreter}\n{say}; {end}\n",
        mode,
    )
    paths = {
        "kit": (str(kit),),
        "client": str(client),
        "config": f"{home}/con fig 5%",
        "home": str(home),
    }
    made = line(
        **paths, profile="te st", variables={"XDG_STATE_HOME": f"{home}/st\\%ate"}
    )
    command = cron_command(made.removeprefix(f"{TIMES} "))
    assert command.percent is None
    done = subprocess.run(
        [*shell.split(), "-c", command.text],
        env=cron_environment("u", str(home)),
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    wanted = ["refresh --cron --profile te st"] if end else []
    wanted += ["-q --profile te st oauth refresh"] if fails else []
    assert done.stdout == "".join(
        f"{words} [{home}/con fig 5%] [{home}/st\\%ate]\n" for words in wanted
    )
    assert done.returncode == (75 if fails else 0)
