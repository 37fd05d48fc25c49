"""The one line: built, read back, and really run by a shell as cron would run it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from crontab import CronTab
from hypothesis import given, settings
from hypothesis import strategies as st

from ocarina_kit.__main__ import CANNOT_START
from ocarina_kit.core.cron.cronline import (
    IMPORT_EXIT,
    MAX_COMMAND_BYTES,
    LineError,
    LineSpec,
    OmissionKind,
    Runner,
    build_line,
    carried_environment,
    cron_quote,
)
from ocarina_kit.core.cron.crontab import Crontab, cron_command, cron_environment, doubts, encode
from ocarina_kit.core.cron.refreshjob import Kind, refresh_jobs

TIMES = "17 1,4,7,10,13,16,19,22 * * *"
SPEC = LineSpec(
    schedule=TIMES,
    runner=Runner.KIT_FIRST,
    client="/opt/envs/ocarina/bin/ocarina",
    config="/home/u/.ocarina",
    home="/home/u",
    kit=("/home/u/.local/bin/ocarina-kit",),
)
CLIENT = replace(SPEC, runner=Runner.CLIENT, kit=())


def test_the_plain_lines() -> None:
    assert build_line(CLIENT) == f"{TIMES} /opt/envs/ocarina/bin/ocarina oauth refresh # ocarina-kit"
    line = build_line(SPEC)
    assert line.startswith(f"{TIMES} e=$(/home/u/.local/bin/ocarina-kit refresh --quiet 2>&1); ")
    assert " exec /opt/envs/ocarina/bin/ocarina -q oauth refresh;; " in line
    assert line.endswith(" # ocarina-kit")


def test_profile_and_environment_are_carried() -> None:
    variables = {"XDG_STATE_HOME": "/data/state", "HTTPS_PROXY": "http://proxy:3128"}
    spec = replace(SPEC, config="/data/c.json", profile="test", variables=variables)
    line = build_line(spec)
    exported = (
        "export OCARINA_CONF_FILE=/data/c.json XDG_STATE_HOME=/data/state HTTPS_PROXY=http://proxy:3128; "
    )
    assert exported in line
    assert "ocarina-kit refresh --quiet --profile test " in line
    assert "ocarina -q --profile test oauth refresh" in line
    assert line.endswith(" # ocarina-kit profile=test")
    assert build_line(replace(spec, runner=Runner.CLIENT, variables={})) == (
        f"{TIMES} OCARINA_CONF_FILE=/data/c.json /opt/envs/ocarina/bin/ocarina --profile test oauth refresh"
        " # ocarina-kit profile=test"
    )


@pytest.mark.parametrize(
    ("above", "expected"),
    [
        ({"HOME": "/srv"}, "HOME=/home/u "),
        ({"HOME": "/home/u"}, ""),
        ({"PATH": "$PATH:/opt"}, "PATH=/usr/bin:/bin "),
        ({"PATH": "/opt/bin:/usr/bin:/bin"}, ""),
        ({"OCARINA_CONF_FILE": "/other"}, "OCARINA_CONF_FILE=/home/u/.ocarina "),
        ({"OCARINA_CONF_FILE": "/home/u/.ocarina"}, ""),
        ({"XDG_STATE_HOME": "/other"}, "XDG_STATE_HOME=/home/u/.local/state "),
        ({"MAILTO": "me", "HTTPS_PROXY": "http://p"}, ""),
    ],
)
def test_variables_of_the_crontab_are_set_right_where_they_would_harm(
    above: Mapping[str, str], expected: str
) -> None:
    line = build_line(CLIENT, above)
    assert line == f"{TIMES} {expected}/opt/envs/ocarina/bin/ocarina oauth refresh # ocarina-kit"


def test_what_the_shell_has_and_the_line_carries() -> None:
    environ = {
        "XDG_STATE_HOME": "/data/state",
        "REQUESTS_CA_BUNDLE": "certs/ca.pem",
        "SSL_CERT_FILE": "/etc/ca.pem",
        "HTTPS_PROXY": "http://proxy:3128",
        "no_proxy": "localhost,.example.org",
        "MAJORA_TOKEN": "never",
        "CLIENT_SECRET": "never",
        "PATH": "/x",
    }
    carried = carried_environment(environ, home="/home/u", config="/home/u/.ocarina", cwd="/home/u/site")
    assert carried.variables == {
        "XDG_STATE_HOME": "/data/state",
        "REQUESTS_CA_BUNDLE": "/home/u/site/certs/ca.pem",
        "SSL_CERT_FILE": "/etc/ca.pem",
        "HTTPS_PROXY": "http://proxy:3128",
        "no_proxy": "localhost,.example.org",
    }
    assert not carried.omissions
    other = carried_environment({"XDG_STATE_HOME": "rel"}, home="/home/u", config="/data/c.json", cwd="/")
    assert other.variables == {"OCARINA_CONF_FILE": "/data/c.json"}


@pytest.mark.parametrize(
    "proxy",
    ["http://user:pass@proxy:3128", "user:pass@proxy:3128", "http://u:p%40ss@proxy", "socks5h://u:pass@[::1]:1", "http://u:pass@[proxy"],
)  # fmt: skip
def test_a_password_never_reaches_the_crontab(proxy: str) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        carried = carried_environment({name: proxy}, home="/home/u", config="/home/u/.ocarina", cwd="/")
        assert not carried.variables
        (omission,) = carried.omissions
        assert (omission.name, omission.kind) == (name, OmissionKind.PROXY_PASSWORD)
        assert "pass@" not in f"{omission} {omission!r}"


def test_a_variable_that_no_line_can_hold_is_left_out() -> None:
    carried = carried_environment({"no_proxy": "a\nb"}, home="/h", config="/h/.ocarina", cwd="/")
    assert not carried.variables
    assert carried.omissions[0].kind is OmissionKind.UNUSABLE


@pytest.mark.parametrize(
    "spec",
    [
        replace(SPEC, client="bin/ocarina"),
        replace(SPEC, client="~/bin/ocarina"),
        replace(SPEC, kit=("ocarina-kit",)),
        replace(SPEC, kit=()),
        replace(SPEC, config="c.json"),
        replace(SPEC, client="/a\nb/ocarina"),
        replace(SPEC, client="/a\0b/ocarina"),
        replace(SPEC, kit=("/a\rb/ocarina-kit",)),
        replace(SPEC, profile="a\nb"),
        replace(SPEC, config="/c\x08"),
        replace(SPEC, schedule="0 0 * * *\n"),
        replace(SPEC, client="/" + "x" * 900 + "/ocarina"),
        replace(SPEC, client="/" + "é" * 450 + "/ocarina"),
    ],
)
def test_refusals(spec: LineSpec) -> None:
    with pytest.raises(LineError) as refused:
        build_line(spec)
    assert refused.value.why


def test_the_limit_of_the_length() -> None:
    room = MAX_COMMAND_BYTES - len(encode(build_line(CLIENT))) + len(TIMES) + 1
    longer = replace(CLIENT, client=CLIENT.client.replace("/opt", "/opt" + "x" * (room - 1)))
    assert len(build_line(longer)) == len(TIMES) + 1 + MAX_COMMAND_BYTES - 1
    with pytest.raises(LineError):
        build_line(replace(longer, client=longer.client.replace("/opt", "/optx")))


_NASTY = st.text(
    st.one_of(
        st.sampled_from("%\\'\" $`;&|()<>*?[]#~!{}=é☃rb\udcff"),
        st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=["Cs", "Cc"]),
    ),
    min_size=1,
    max_size=20,
)


@given(_NASTY)
@settings(max_examples=300)
def test_a_quoted_word_survives_every_cron(text: str) -> None:
    quoted = cron_quote(text)
    assert cron_command(quoted).percent is None
    debian = cron_command(quoted).command
    cronie = quoted.replace("\\%", "%")
    assert debian == cronie
    assert doubts(encode(quoted)) is None
    if "/" not in text:
        import shlex

        assert shlex.split(debian) == [text]


@given(_NASTY, _NASTY, _NASTY, st.one_of(st.none(), _NASTY), st.sampled_from(Runner))
@settings(max_examples=150, deadline=None)
def test_the_recogniser_reads_every_built_line(
    folder: str, other: str, config: str, profile: str | None, runner: Runner
) -> None:
    from posixpath import normpath

    spec = replace(
        SPEC,
        runner=runner,
        client=f"/{folder}/ocarina",
        kit=(f"/{other}/ocarina-kit",),
        config=f"/{config}",
        profile=profile,
    )
    crontab = Crontab.parse(encode(build_line(spec)) + b"\n")
    (job,) = refresh_jobs(crontab, "u", "/home/u")
    assert job.kind is (Kind.KIT_FIRST if runner is Runner.KIT_FIRST else Kind.CLIENT)
    assert job.marked
    assert not job.other_work
    assert job.client is not None
    assert job.client.path == spec.client
    assert (job.kit.path if job.kit else None) == (spec.kit[0] if runner is Runner.KIT_FIRST else None)
    for call in job.calls:
        assert (call.config, call.profile) == (normpath(spec.config), profile)


def test_python_crontab_reads_the_line_as_valid() -> None:
    """A second reader of the same line, and the program that refuses what is no line."""
    for spec in (SPEC, CLIENT, replace(SPEC, profile="p", config="/my folder/100%.json")):
        (job,) = list(CronTab(tab=build_line(spec) + "\n"))
        assert job.is_valid()
        assert str(job.slices) == TIMES
        assert job.comment.startswith("ocarina-kit")


# -- really run ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@dataclass
class Place:
    """A home with a stand-in client and kit, whose folders have hard names."""

    home: Path

    @property
    def client(self) -> Path:
        return self.home / 'en v\'s 100% \\b "é"' / "ocarina"

    @property
    def kit(self) -> Path:
        return self.home / "kit $HOME; `x`" / "ocarina-kit"

    def spec(self, runner: Runner = Runner.KIT_FIRST) -> LineSpec:
        return LineSpec(
            schedule="* * * * *",
            runner=runner,
            client=str(self.client),
            config=str(self.home / "con fig 5%.json"),
            home=str(self.home),
            kit=(str(self.kit),),
            profile="te st",
            variables={"XDG_STATE_HOME": str(self.home / "st\\%ate"), "HTTPS_PROXY": "http://p:1"},
        )

    def write(self, path: Path, text: str, mode: int = 0o755) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def run(self, spec: LineSpec, shell: str = "/bin/sh") -> Ran:
        """The command as cron hands it to the shell, in cron's environment and working folder."""
        written = build_line(spec).removeprefix("* * * * * ")
        command = cron_command(written)
        assert command.percent is None
        done = subprocess.run(
            [shell, "-c", command.command],
            env=cron_environment("u", str(self.home)),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
        return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path / "a home")
    made.home.mkdir()
    made.write(
        made.client,
        '#!/bin/sh\necho "client: $* [$OCARINA_CONF_FILE] [$HTTPS_PROXY]"; echo client-err >&2; exit 75\n',
    )
    return made


def kit_script(code: int, words: str = "") -> str:
    said = f"printf '%s\\n' '{words}' >&2\n" if words else ""
    return (
        f'#!/bin/sh\necho "$*" > ran\necho "$OCARINA_CONF_FILE|$XDG_STATE_HOME" >> ran\n{said}exit {code}\n'
    )


SHELLS = [
    shell for shell in ("/bin/sh", "/bin/bash", "/bin/dash", "/bin/zsh", "/bin/ksh") if shutil.which(shell)
]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, ""),
        (1, "[CRD001] the server does not know the client; 100% sure \\n"),
        (2, "usage"),
        (3, "a bug"),
        (4, "[TOK005] log in: ocarina-kit login"),
        (5, ""),
        (130, ""),
    ],
)
def test_a_kit_that_starts_has_the_last_word(place: Place, shell: str, code: int, words: str) -> None:
    place.write(place.kit, kit_script(code, words))
    ran = place.run(place.spec(), shell)
    assert ran == Ran(code, "", words + "\n" if words else "")
    arguments, seen = (place.home / "ran").read_text().splitlines()
    assert arguments == "refresh --quiet --profile te st"
    assert seen == f"{place.home / 'con fig 5%.json'}|{place.home}/st\\%ate"


_CANNOT_IMPORT = f"#!{sys.executable}\nimport a_module_that_is_not_there\n"
_BROKEN_PART = f"#!{sys.executable}\nfrom json import a_name_that_is_not_there\n"


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("text", "mode"),
    [
        (None, 0),
        (kit_script(0), 0o644),
        ("#!/opt/deleted/env/bin/python3.7\n", 0o755),
        (_CANNOT_IMPORT, 0o755),
        (_BROKEN_PART, 0o755),
        (kit_script(126, "ocarina-kit cannot start: No module named typer"), 0o755),
        (kit_script(127), 0o755),
        ("#!/bin/sh\necho 'Fatal Python error: init_fs_encoding' >&2; exit 1\n", 0o755),
        (f"#!/bin/sh\nexec {sys.executable} -m ocarina_kit_that_is_not_there\n", 0o755),
    ],
    ids=[
        "missing",
        "not-executable",
        "dead-interpreter",
        "no-module",
        "no-name",
        "126",
        "127",
        "fatal",
        "dash-m",
    ],
)
def test_a_kit_that_cannot_start_leaves_the_refresh_to_the_client(
    place: Place, shell: str, text: str | None, mode: int
) -> None:
    if text is not None:
        place.write(place.kit, text, mode)
    ran = place.run(place.spec(), shell)
    client = f"client: -q --profile te st oauth refresh [{place.home / 'con fig 5%.json'}] [http://p:1]\n"
    assert ran == Ran(75, client, "client-err\n")


def test_the_clients_own_line(place: Place) -> None:
    ran = place.run(place.spec(Runner.CLIENT))
    client = f"client: --profile te st oauth refresh [{place.home / 'con fig 5%.json'}] [http://p:1]\n"
    assert ran == Ran(75, client, "client-err\n")


def test_the_real_kit_is_a_kit_that_starts(place: Place) -> None:
    """Exit 4, "log in", of the real program in an empty home: the client must not be asked."""
    spec = replace(place.spec(), kit=(sys.executable, "-m", "ocarina_kit"), variables={}, profile=None)
    ran = place.run(spec)
    assert "client" not in ran.out + ran.err
    assert ran.code not in {0, 126, 127}
    assert ran.err.count("\n") >= 1


@given(_NASTY.filter(lambda text: "/" not in text and text not in {".", ".."}))
@settings(max_examples=40, deadline=None)
def test_any_folder_name_runs(folder: str) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        made = Place(Path(temporary))
        program = Path(temporary, folder, "ocarina")
        try:
            made.write(program, "#!/bin/sh\necho yes\n")
        except OSError:
            return  # the file system does not take the name
        ran = made.run(replace(made.spec(Runner.CLIENT), client=str(program)))
        assert ran.out == "yes\n", build_line(replace(made.spec(Runner.CLIENT), client=str(program)))


def test_the_line_never_says_traceback() -> None:
    """Shown in a terminal or a log, the word would be taken for a crash of the kit's own."""
    assert "Traceback" not in build_line(SPEC)


def test_the_kit_and_its_line_mean_the_same_by_the_exit_code_of_a_broken_installation() -> None:
    assert CANNOT_START == IMPORT_EXIT
    assert f"{IMPORT_EXIT}:*" in build_line(SPEC)
