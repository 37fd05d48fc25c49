"""Every shape that a person may have written: recognised, or left alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocarina_kit.cron.crontab import Crontab
from ocarina_kit.cron.line import Entry, entries

OCARINA = "/home/u/miniconda3/envs/ocarina/bin/ocarina"
KIT = "/home/u/.local/bin/ocarina-kit"
EVERY_6H = "0 0,6,12,18 * * * "
HOME = "/home/u"


def read(text: str) -> list[Entry]:
    return entries(Crontab.parse(text.encode("utf-8", "surrogateescape") + b"\n"), "u", HOME)


# They run OCARINA.
ABSOLUTE = [
    f"{OCARINA} oauth refresh",
    f"{OCARINA} -q oauth refresh",
    f"{OCARINA}   oauth\trefresh",
    f"{OCARINA} oauth refresh --scopes a b",
    f"{OCARINA} oauth refresh # every six hours",
    f"{OCARINA} oauth refresh >> $HOME/refresh.log 2>&1",
    f"{OCARINA} oauth refresh >/dev/null 2>&1",
    f"{OCARINA} oauth refresh &> /dev/null",
    f"2>/dev/null {OCARINA} oauth refresh",
    rf"{OCARINA} oauth refresh >> $HOME/log-$(date +\%F)",
    f"{OCARINA} oauth refresh >> $HOME/log-$(date +%F)",
    f"cd $HOME && {OCARINA} oauth refresh",
    f"cd $HOME; {OCARINA} oauth refresh",
    f"sleep 30; {OCARINA} oauth refresh",
    f"( {OCARINA} oauth refresh )",
    f"{{ {OCARINA} oauth refresh; }}",
    f"! {OCARINA} oauth refresh",
    f"{OCARINA} oauth refresh &",
    f"exec {OCARINA} oauth refresh",
    f"[ -x {OCARINA} ] && {OCARINA} oauth refresh",
    f"test -x {OCARINA} || exit 0; {OCARINA} oauth refresh",
    f"if [ -x {OCARINA} ]; then {OCARINA} oauth refresh; fi",
    f"for i in 1 2 3; do {OCARINA} oauth refresh && break; sleep 60; done",
    f"until {OCARINA} oauth refresh; do sleep 60; done",
    f"case $(hostname) in node1) {OCARINA} oauth refresh;; esac",
    f"{OCARINA} oauth refresh || echo failed | mail -s 'ocarina' me",
    f"{OCARINA} oauth refresh 2>&1 | logger -t ocarina",
    f"env {OCARINA} oauth refresh",
    f"/usr/bin/env -i HOME=/home/u {OCARINA} oauth refresh",
    f"nice -n 10 {OCARINA} oauth refresh",
    f"nice {OCARINA} oauth refresh",
    f"ionice -c 3 nice -19 {OCARINA} oauth refresh",
    f"timeout 60 {OCARINA} oauth refresh",
    f"timeout --signal=KILL -k 5 60s {OCARINA} oauth refresh",
    f"flock -n /tmp/lock {OCARINA} oauth refresh",
    f"flock -w 5 /tmp/lock -c '{OCARINA} oauth refresh'",
    f"nohup setsid stdbuf -oL {OCARINA} oauth refresh",
    f"chronic {OCARINA} oauth refresh",
    f"/usr/bin/python3 {OCARINA} oauth refresh",
    f"/usr/bin/python3 -u -W ignore {OCARINA} oauth refresh",
    f"bash -lc '{OCARINA} oauth refresh'",
    f'/bin/sh -c "cd /data; {OCARINA} oauth refresh"',
    f"bash -c 'bash -c \"{OCARINA} oauth refresh\"'",
    f"eval '{OCARINA} oauth refresh'",
    f"O={OCARINA}; $O oauth refresh",
]
# command, the client's path as the shell sees it, how cron finds it
CLIENT_SHAPES = [
    *((command, OCARINA, "absolute") for command in ABSOLUTE),
    ('"/home/u/my env/bin/ocarina" oauth refresh', "/home/u/my env/bin/ocarina", "absolute"),
    (r"/home/u/my\ env/bin/ocarina oauth refresh", "/home/u/my env/bin/ocarina", "absolute"),
    ("/home/u/données/bin/ocarina oauth refresh", "/home/u/données/bin/ocarina", "absolute"),
    ("~/bin/ocarina oauth refresh", "/home/u/bin/ocarina", "absolute"),
    ("$HOME/bin/ocarina oauth refresh", "/home/u/bin/ocarina", "absolute"),
    ('"${HOME}/bin/ocarina" oauth refresh', "/home/u/bin/ocarina", "absolute"),
    ("cd /opt/ocarina && bin/ocarina oauth refresh", "/opt/ocarina/bin/ocarina", "folder"),
    ("./ocarina oauth refresh", "./ocarina", "folder"),
    ("'~/bin/ocarina' oauth refresh", "~/bin/ocarina", "folder"),
    ("ocarina oauth refresh", "ocarina", "path"),
    ("$(which ocarina) oauth refresh", "ocarina", "path"),
    ("`command -v ocarina` oauth refresh", "ocarina", "path"),
    ("script -qc 'ocarina oauth refresh' /dev/null", "ocarina", "path"),
    ("$CONDA_PREFIX/bin/ocarina oauth refresh", "$CONDA_PREFIX/bin/ocarina", "folder"),
    ("/opt/$ENV/python '/x/$ocarina/ocarina' oauth refresh", "/x/$ocarina/ocarina", "absolute"),
    ("cd /opt/${ENV} && bin/ocarina oauth refresh", "/opt/$ENV/bin/ocarina", "folder"),
    ("bash -lc 'ocarina oauth refresh'", "ocarina", "other"),
    ("bash -ic 'conda activate ocarina && ocarina oauth refresh'", "ocarina", "other"),
    ("source activate ocarina && ocarina oauth refresh", "ocarina", "other"),
    (". /opt/venv/bin/activate; ocarina oauth refresh", "ocarina", "other"),
    ("module load ocarina && ocarina oauth refresh", "ocarina", "other"),
    ("/opt/conda/bin/conda run -n ocarina ocarina oauth refresh", "ocarina", "other"),
    ("conda run --no-capture-output -n ocarina ocarina oauth refresh", "ocarina", "other"),
    ("conda run --name=ocarina --cwd / ocarina oauth refresh", "ocarina", "other"),
    ("micromamba run -p /opt/envs/ocarina ocarina oauth refresh", "ocarina", "other"),
    ("uv tool run --from ocarina ocarina oauth refresh", "ocarina", "other"),
    ("pipx run ocarina oauth refresh", "ocarina", "other"),
]


@pytest.mark.parametrize(("command", "path", "lookup"), CLIENT_SHAPES)
def test_a_client_refresh_in_every_shape(command: str, path: str, lookup: str) -> None:
    (entry,) = read(EVERY_6H + command)
    call = entry.program("client")
    assert (entry.kind, entry.active, entry.marked, entry.reading.other_work) == ("client", True, False, ())
    assert call is not None
    assert (call.path, call.lookup) == (path, lookup)
    assert "\0" not in str(call.starters)
    assert entry.times is not None
    # The same line commented out, in three hands.
    for mark in ("#", "# ", "  ##\t"):
        (off,) = read(mark + EVERY_6H + command)
        assert not off.active
        assert off.program("client") == call


@pytest.mark.parametrize(
    ("times", "accepted"),
    [
        ("@daily ", True),
        ("@hourly\t", True),
        ("0 */6 * JAN-DEC mon-sat ", True),
        ("*/5\t*\t*  * * ", True),
        ("  0 0 * * * ", True),
        ("@reboot ", False),
        ("61 * * * * ", False),
    ],
)
def test_any_times(times: str, accepted: bool) -> None:
    (entry,) = read(f"{times}{OCARINA} oauth refresh")
    assert (entry.times is not None) is accepted


LEFT_ALONE = [
    'echo "ocarina oauth refresh"',
    "echo ocarina oauth refresh",
    f"echo {OCARINA} oauth refresh >> log",
    "grep -c 'ocarina oauth refresh' /var/log/syslog",
    "pgrep -f ocarina oauth refresh",
    "mail -s 'ocarina oauth refresh' me < /dev/null",
    "ssh node1 ocarina oauth refresh",
    f"{OCARINA} get biosample --central-sample-id X",
    f"{OCARINA} oauth authorise",
    f"{OCARINA} oauth refresh --help",
    f"{OCARINA} --version oauth refresh",
    f"{KIT} status",
    f"{KIT} refresh --dry-run",
    f"{KIT} doctor --only refresh",
    "/data/ocarina/oauth/refresh.sh",
    "/data/ocarina/oauth refresh",
    "cd /data/ocarina && ./oauth refresh",
    "bash /home/u/ocarina oauth refresh",
    "/home/u/ocarina-old oauth refresh",
    "/home/u/ocarina2 oauth refresh",
    "command -v ocarina oauth refresh",
    "which ocarina oauth refresh",
    "find / -name ocarina",
    "pip install ocarina",
    ": ocarina oauth refresh",
    "true # ocarina oauth refresh",
    "# ocarina oauth refresh",
    "python3 -c 'print(1)' ocarina oauth refresh",
    "python3 -m http.server ocarina oauth refresh",
    "OCARINA=/x/ocarina",
    "sh -c 'echo ocarina oauth refresh'",
    "conda install ocarina oauth refresh",
]


@pytest.mark.parametrize("command", LEFT_ALONE)
def test_a_line_that_only_mentions_ocarina(command: str) -> None:
    assert read(EVERY_6H + command) == []
    assert read("# " + EVERY_6H + command) == []


@pytest.mark.parametrize(
    "line",
    [
        "# note: ocarina oauth refresh every 6 hours",
        "# ocarina oauth refresh",
        "# 0 0,6,12,18 * * * means: ocarina oauth refresh",
        "# 0 0,6,12,18 * * * ocarina oauth refresh is what the guide says",
        "# every 6 hours is good ocarina oauth refresh",
        "MAILTO=ocarina oauth refresh",
        "CMD=/x/ocarina oauth refresh",
        "/x/ocarina oauth refresh",
        "ocarina-kit",
        "",
    ],
)
def test_prose_and_variables(line: str) -> None:
    assert read(line) == []


# What earlier versions wrote: 330 characters of shell.
FORMER = (
    "e=$({kit} refresh --quiet{profile} 2>&1); r=$?; case $r:$e in 126:*|127:*"
    "|1:*'recent call last'*|1:*'No module named'*|1:*'Fatal Python'*) exec {client} -q{profile} oauth refresh;; esac; "
    '[ -z "$e" ] || printf \'\\%s\\n\' "$e" >&2; exit $r # ocarina-kit{mark}'
)
KIT_LINES = [
    (f"{KIT} refresh --quiet # ocarina-kit", "kit", KIT, None, True),
    (f"{KIT} --profile p refresh", "kit", KIT, None, False),
    ("/opt/py/bin/python -m ocarina_kit refresh", "kit", "/opt/py/bin/python", None, False),
    (f"{KIT} refresh --cron || {OCARINA} -q oauth refresh # ocarina-kit", "kit-first", KIT, OCARINA, True),
    (FORMER.format(kit=KIT, client=OCARINA, profile="", mark=""), "kit-first", KIT, OCARINA, True),
    ("export A=/c B=/s; " + FORMER.format(kit=KIT, client=OCARINA, profile=" --profile p", mark=" p"), "kit-first",
     KIT, OCARINA, True),
    (f"{KIT} --profile 'a b' refresh # ocarina-kit a b", "kit", KIT, None, True),
    (f"{KIT} --profile 'a b' refresh # ocarina-kit b", "kit", KIT, None, False),
    (f"{KIT} refresh # ocarina-kit is nice", "kit", KIT, None, False),
    (f"{KIT} refresh --cron ; /x/other # ocarina-kit", "kit", KIT, None, True),
]  # fmt: skip


@pytest.mark.parametrize(("command", "kind", "kit", "client", "marked"), KIT_LINES)
def test_the_kits_own_lines(command: str, kind: str, kit: str, client: str | None, marked: bool) -> None:
    (entry,) = read(EVERY_6H + command)
    assert (entry.kind, entry.marked) == (kind, marked)
    found, after = entry.program("kit"), entry.program("client")
    assert found is not None
    assert (found.path, after.path if after else None) == (kit, client)
    assert bool(entry.reading.other_work) is ("/x/other" in command)


@pytest.mark.parametrize("rest", ["", "/ocarina", " -q"])
def test_the_guides_placeholder_is_a_client(rest: str) -> None:
    (entry,) = read(f"{EVERY_6H}{{YOUR_OCARINA_PATH}}{rest} oauth refresh")
    (call,) = entry.calls
    assert (call.tool, call.lookup, call.config) == ("client", "placeholder", "/home/u/.ocarina")


SET_UPS = [
    (f"{OCARINA} oauth refresh", "/home/u/.ocarina", None),
    (f"{OCARINA} --profile test oauth refresh", "/home/u/.ocarina", "test"),
    (f"{OCARINA} --profile=test oauth refresh", "/home/u/.ocarina", "test"),
    (f"OCARINA_CONF_FILE=/data/c.json {OCARINA} oauth refresh", "/data/c.json", None),
    (f"OCARINA_CONF_FILE='/data/my c.json' {OCARINA} oauth refresh", "/data/my c.json", None),
    (f"OCARINA_CONF_FILE=~/c.json {OCARINA} oauth refresh", "/home/u/c.json", None),
    (f"OCARINA_CONF_FILE=c.json {OCARINA} oauth refresh", "/home/u/c.json", None),
    (f"cd /data; OCARINA_CONF_FILE=c.json {OCARINA} oauth refresh", "/data/c.json", None),
    (f"env OCARINA_CONF_FILE=/data/c.json {OCARINA} oauth refresh", "/data/c.json", None),
    (f"export OCARINA_CONF_FILE=/data/c.json; {OCARINA} oauth refresh", "/data/c.json", None),
    (
        f"OCARINA_CONF_FILE=/data/c.json; export OCARINA_CONF_FILE; {OCARINA} oauth refresh",
        "/data/c.json",
        None,
    ),
    (f"OCARINA_CONF_FILE=/data/c.json; {OCARINA} oauth refresh", "/home/u/.ocarina", None),
    (f"env -u OCARINA_CONF_FILE {OCARINA} oauth refresh", "/home/u/.ocarina", None),
    (f"HOME=/srv/x {OCARINA} oauth refresh", "/srv/x/.ocarina", None),
    (f"OCARINA_CONF_FILE=$NOBODY/c.json {OCARINA} oauth refresh", None, None),
    (f"{OCARINA} --env oauth refresh", None, None),
    (f"{KIT} --config /data/c.json refresh", "/data/c.json", None),
    (f"{KIT} refresh --config=/data/../data/c.json --profile p", "/data/c.json", "p"),
    (f"OCARINA_CONF_FILE=/a {KIT} refresh --config /b", "/b", None),
]


@pytest.mark.parametrize(("command", "config", "profile"), SET_UPS)
def test_whose_set_up_a_line_uses(command: str, config: str | None, profile: str | None) -> None:
    (entry,) = read(EVERY_6H + command)
    assert [(call.config, call.profile) for call in entry.calls] == [(config, profile)]


def test_variables_of_the_crontab_count() -> None:
    first, second = read(
        f"OCARINA_CONF_FILE=/data/c.json\nO={OCARINA}\n{EVERY_6H}$O oauth refresh\n"
        f"HOME=/srv\n{EVERY_6H}~/ocarina oauth refresh"
    )
    program, other = first.calls[0], second.calls[0]
    assert (program.path, program.config) == (OCARINA, "/data/c.json")
    assert (other.path, second.number) == ("/srv/ocarina", 5)


OTHER_WORK = [
    (
        f"cd /d && {OCARINA} oauth refresh && /home/u/up.sh | tee log; curl https://x",
        ("/home/u/up.sh", "curl"),
    ),
    (f"{OCARINA} oauth refresh; {OCARINA} get pag", (OCARINA,)),
    (f"{OCARINA} oauth refresh; timeout 60 /x/backup", ("timeout",)),
    (f"env A=b /x/backup; {OCARINA} oauth refresh", ("env",)),
    (f"{OCARINA} oauth refresh; command -v mail >/dev/null", ()),
    (f"{OCARINA} oauth refresh; exec 2>/dev/null", ()),
]


@pytest.mark.parametrize(("command", "work"), OTHER_WORK)
def test_work_of_its_own_is_named(command: str, work: tuple[str, ...]) -> None:
    (entry,) = read(EVERY_6H + command)
    assert entry.reading.other_work == work


def test_the_starters_are_named_outermost_first() -> None:
    (entry,) = read(f"{EVERY_6H}nohup timeout 5m bash -c '/usr/bin/python3 {OCARINA} oauth refresh'")
    assert entry.calls[0].starters == ("nohup", "timeout", "bash", "/usr/bin/python3")


_parts = st.sampled_from(
    ["ocarina", OCARINA, "oauth", "refresh", KIT, "'", '"', "\\", "$(", ")", "`", ";", "&&", "|", "(", "{", "}", "case",
     "in", "esac", "for", "do", "done", "env", "bash", "-c", "A=b", "$HOME", "${", "%", "#", "\n", " ", "\t", "~",
     "conda",
     "run", "python", "-m", "[[", "]]", "<", ">", "<<", "0 0 * * * ", "\xff", "\r", "source", "eval", "--profile", "-u"]
)  # fmt: skip


@given(st.lists(_parts, max_size=25).map("".join))
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_without_a_fault(text: str) -> None:
    for entry in read(EVERY_6H + text):
        assert entry.calls
        assert entry.kind in ("kit", "client", "kit-first")


@pytest.mark.parametrize(
    "part", ["$(", "'", '"$(', "env ", "bash -c ", "case x in ", "a;", "${", "A=b ", "\\", "eval ", "#"]
)
def test_a_line_of_20_000_letters_is_read(part: str) -> None:
    """Linear: a quadratic reader would take minutes, and the test's time limit would end it."""
    long = part * (20_000 // len(part))
    for line in (f"{EVERY_6H}ocarina oauth refresh {long}", f"{long}ocarina"):
        read(line)
