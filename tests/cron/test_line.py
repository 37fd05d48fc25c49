"""The one line: built, read back, and really run by a shell as cron would run it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from posixpath import normpath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocarina_kit.__main__ import CANNOT_START
from ocarina_kit.cron.crontab import Crontab, cron_command, cron_environment, doubt, encode
from ocarina_kit.cron.line import MOST_BYTES, Spec, build_line, carried, cron_quote, entries, second_reading
from ocarina_kit.system.errors import KitError

TIMES = "37 2-23/3 * * *"
KIT, OCARINA = "/home/u/.local/bin/ocarina-kit", "/home/u/miniconda3/envs/ocarina/bin/ocarina"
SPEC = Spec(TIMES, (KIT,), OCARINA, "/home/u/.ocarina", "/home/u")
CLIENT = SPEC._replace(kit=())


def test_the_lines_of_the_contract() -> None:
    assert build_line(SPEC) == f"{TIMES} {KIT} refresh --cron || {OCARINA} -q oauth refresh # ocarina-kit"
    assert build_line(CLIENT) == f"{TIMES} {OCARINA} oauth refresh # ocarina-kit"
    assert build_line(SPEC._replace(client=None)) == f"{TIMES} {KIT} refresh --cron # ocarina-kit"


def test_profile_and_environment_are_carried() -> None:
    variables = {"XDG_STATE_HOME": "/data/state", "HTTPS_PROXY": "http://proxy:3128"}
    spec = SPEC._replace(config="/data/my c.json", profile="test", variables=variables)
    exports = (
        "export OCARINA_CONF_FILE='/data/my c.json'; export XDG_STATE_HOME=/data/state; "
        "export HTTPS_PROXY=http://proxy:3128; "
    )
    kit, client = f"{KIT} refresh --cron --profile test", f"{OCARINA} -q --profile test oauth refresh"
    assert build_line(spec) == f"{TIMES} {exports}{kit} || {client} # ocarina-kit test"
    alone = spec._replace(kit=(), variables={}, profile="5%")
    export = "export OCARINA_CONF_FILE='/data/my c.json'; "
    assert build_line(alone) == f"{TIMES} {export}{OCARINA} --profile 5\\% oauth refresh # ocarina-kit 5\\%"


@pytest.mark.parametrize(
    ("above", "expected"),
    [
        ({"HOME": "/srv"}, "export HOME=/home/u; "),
        ({"HOME": "/home/u"}, ""),
        ({"PATH": "$PATH:/opt"}, "export PATH=/usr/bin:/bin; "),
        ({"PATH": "/opt/bin:/usr/bin:/bin"}, ""),
        ({"OCARINA_CONF_FILE": "/other"}, "export OCARINA_CONF_FILE=/home/u/.ocarina; "),
        ({"OCARINA_CONF_FILE": "/home/u/.ocarina"}, ""),
        ({"XDG_STATE_HOME": "/other"}, "export XDG_STATE_HOME=/home/u/.local/state; "),
        ({"MAILTO": "me", "HTTPS_PROXY": "http://p"}, ""),
    ],
)
def test_variables_of_the_crontab_that_would_break_it(above: Mapping[str, str], expected: str) -> None:
    assert build_line(CLIENT, above) == f"{TIMES} {expected}{OCARINA} oauth refresh # ocarina-kit"


def test_a_variable_that_the_crontab_sets_already_is_not_set_again() -> None:
    spec = CLIENT._replace(variables={"HTTPS_PROXY": "http://p:1", "XDG_STATE_HOME": "/s"})
    assert "export" not in build_line(spec, {"HTTPS_PROXY": "http://p:1", "XDG_STATE_HOME": "/s"})


def test_what_the_shell_has_and_the_line_carries() -> None:
    found = carried(
        {
            "XDG_STATE_HOME": "/data/state",
            "REQUESTS_CA_BUNDLE": "certs/ca.pem",
            "SSL_CERT_FILE": "/etc/ca.pem",
            "HTTPS_PROXY": "http://proxy:3128",
            "no_proxy": "localhost,.example.org",
            "MAJORA_TOKEN": "never",
            "CLIENT_SECRET": "never",
            "PATH": "/x",
        },
        "/home/u/site",
    )
    assert found.variables == {
        "XDG_STATE_HOME": "/data/state",
        "REQUESTS_CA_BUNDLE": "/home/u/site/certs/ca.pem",
        "SSL_CERT_FILE": "/etc/ca.pem",
        "HTTPS_PROXY": "http://proxy:3128",
        "no_proxy": "localhost,.example.org",
    }
    assert not found.left_out
    assert not carried({"XDG_STATE_HOME": "relative", "http_proxy": ""}, "/").variables


@pytest.mark.parametrize(
    "proxy",
    [
        "http://user:hunter2@proxy:3128",
        "hoot:hunter2@proxy:3128",
        "http://u:hun@ter2@proxy",
        "http://u:hun/ter2@proxy:3128",
        "http://u:hun%40ter2@proxy",
        "socks5h://u:hunter2@[::1]:1",
        "http://u:hunter2@[proxy",
        "http://hunter2@proxy:1",
        "http://proxy:1/?PROXY_PASSWORD=hunter2",
        "http://u:hunter2%40proxy:1",
    ],
)
def test_a_password_never_reaches_the_crontab(proxy: str) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        found = carried({name: proxy}, "/")
        assert not found.variables
        assert [left for left, _ in found.left_out] == [name]
        assert "hun" not in repr(found)


def test_a_variable_that_no_line_can_hold_is_left_out() -> None:
    assert carried({"no_proxy": "a\nb"}, "/").left_out[0][0] == "no_proxy"


@pytest.mark.parametrize(
    "spec",
    [
        SPEC._replace(client="bin/ocarina"),
        SPEC._replace(client="~/bin/ocarina"),
        SPEC._replace(kit=("ocarina-kit",)),
        SPEC._replace(kit=(), client=None),
        SPEC._replace(config="c.json"),
        SPEC._replace(client="/a\nb/ocarina"),
        SPEC._replace(client="/a\0b/ocarina"),
        SPEC._replace(kit=("/a\rb/ocarina-kit",)),
        SPEC._replace(profile="a\nb"),
        SPEC._replace(config="/c\x08"),
        SPEC._replace(schedule="0 0 * * *\n"),
        SPEC._replace(client="/" + "x" * 990 + "/ocarina"),
        SPEC._replace(client="/" + "é" * 495 + "/ocarina"),
    ],
)
def test_refusals(spec: Spec) -> None:
    with pytest.raises(KitError) as refused:
        build_line(spec)
    assert refused.value.id == "CRN007"
    assert refused.value.remedy.text


def test_the_limit_of_the_length() -> None:
    free = MOST_BYTES - len(encode(build_line(CLIENT))) + len(TIMES) + 1
    longest = CLIENT._replace(client="/" + "x" * free + OCARINA[1:])
    assert len(build_line(longest)) == len(TIMES) + 1 + MOST_BYTES
    with pytest.raises(KitError):
        build_line(longest._replace(client="/x" + "x" * free + OCARINA[1:]))


_NASTY = st.text(
    st.one_of(
        st.sampled_from("%\\'\" $`;&|()<>*?[]#~!{}=é☃rb\udcff"),
        st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=["Cs", "Cc"]),
    ),
    min_size=1,
    max_size=20,
)


@given(_NASTY)
@settings(max_examples=200, deadline=None)
def test_a_quoted_word_survives_every_cron(text: str) -> None:
    quoted = cron_quote(text)
    assert cron_command(quoted).percent is None
    assert cron_command(quoted).text == quoted.replace("\\%", "%")  # Debian's reading, and cronie's
    assert not doubt(encode(quoted))


@given(_NASTY, _NASTY, _NASTY, st.one_of(st.none(), _NASTY), st.booleans())
@settings(max_examples=150, deadline=None)
def test_every_built_line_is_recognised(
    folder: str, other: str, config: str, profile: str | None, alone: bool
) -> None:
    spec = SPEC._replace(client=f"/{folder}/ocarina", config=f"/{config}", profile=profile)
    spec = spec._replace(kit=() if alone else (f"/{other}/ocarina-kit",))
    (entry,) = entries(Crontab.parse(encode(build_line(spec)) + b"\n"), "u", "/home/u")
    assert entry.kind == ("client" if alone else "kit-first")
    assert (entry.marked, entry.reading.other_work) == (True, ())
    client, kit = entry.program("client"), entry.program("kit")
    assert client is not None
    assert client.path == spec.client
    assert (kit.path if kit else None) == (None if alone else spec.kit[0])
    for call in entry.calls:
        assert (call.config, call.profile) == (normpath(spec.config), profile)


# --- the second reader -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "times", [TIMES, "5 */2 * * *", "7,37 * * * *", "1 1-23/3 * * 1-5", "@hourly", "0 0 * * 7"]
)
def test_two_readers_agree(times: str) -> None:
    second_reading(build_line(SPEC._replace(schedule=times, profile="a%b", config="/my folder/100%.json")))


@pytest.mark.parametrize("line", ["*/60 */2 * * * x", "0 22-2 * * * x", "nonsense", ""])
def test_two_readers_disagree(line: str) -> None:
    with pytest.raises(KitError) as refused:
        second_reading(line)
    assert refused.value.id == "SCH010"


# --- really run --------------------------------------------------------------------------------------------

SHELLS = [
    argv
    for argv in (["dash"], ["bash", "--posix"], ["busybox", "ash"], ["sh"], ["zsh"], ["ksh"])
    if shutil.which(argv[0])
]
_BROKEN = f"#!{sys.executable}\nimport a_module_that_is_not_there\n"
# What the kit's program is, whether it may be executed, whether the client must run. None: it does not exist.
KITS = {
    "ends 0": ("#!/bin/sh\nexit 0\n", 0o755, False),
    "ends 0 with words": ("#!/bin/sh\necho 'ocarina-kit [TOK005] log in' >&2\nexit 0\n", 0o755, False),
    "a bug": ("#!/bin/sh\nexit 3\n", 0o755, True),
    "missing": (None, 0, True),
    "not executable": ("#!/bin/sh\nexit 0\n", 0o644, True),
    "dead interpreter": ("#!/opt/deleted/env/bin/python3.7\n", 0o755, True),
    "import error": (f"#!/bin/sh\nexit {CANNOT_START}\n", 0o755, True),
    "no module": (_BROKEN, 0o755, True),
    "killed": ("#!/bin/sh\nkill -9 $$\n", 0o755, True),
    "dead python": ("#!/bin/sh\necho 'Fatal Python error: init_fs_encoding' >&2; exit 1\n", 0o755, True),
}


def write(path: Path, text: str, mode: int = 0o755) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@pytest.mark.parametrize("kit", KITS)
def test_the_client_runs_exactly_where_the_kit_could_not(tmp_path: Path, shell: list[str], kit: str) -> None:
    """Folders with hard names, in cron's bare environment and working folder."""
    home = tmp_path / "a home"
    said = 'echo "client: $* [$OCARINA_CONF_FILE] [$HTTPS_PROXY]"; exit 75\n'
    client = write(home / 'en v\'s 100% \\b "é"' / "ocarina", f"#!/bin/sh\n{said}")
    program = home / "kit $HOME; `x`" / "ocarina-kit"
    text, mode, hands_over = KITS[kit]
    if text is not None:
        write(program, text.replace("#!/bin/sh\n", '#!/bin/sh\necho "$*|$XDG_STATE_HOME" > ran\n', 1), mode)
    config = home / "con fig 5%.json"
    variables = {"XDG_STATE_HOME": f"{home}/st\\%ate", "HTTPS_PROXY": "http://p:1"}
    spec = Spec("* * * * *", (str(program),), str(client), str(config), str(home), "te st", variables)
    command = cron_command(build_line(spec).removeprefix("* * * * * "))
    assert command.percent is None
    done = subprocess.run(
        [*shell, "-c", command.text],
        env=cron_environment("u", str(home)),
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    wanted = f"client: -q --profile te st oauth refresh [{config}] [http://p:1]\n"
    assert done.stdout == (wanted if hands_over else "")
    assert done.returncode == (75 if hands_over else 0)
    if text is not None and text.startswith("#!/bin/sh") and mode == 0o755:
        assert (home / "ran").read_text() == f"refresh --cron --profile te st|{home}/st\\%ate\n"
