"""Every shape a person may have written: recognised, or left alone."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocarina_kit.core.cron.crontab import Crontab
from ocarina_kit.core.cron.refreshcall import Lookup
from ocarina_kit.core.cron.refreshjob import Kind, RefreshJob, refresh_jobs

OCARINA = "/home/u/miniconda3/envs/ocarina/bin/ocarina"
KIT = "/home/u/.local/bin/ocarina-kit"
EVERY_6H = "0 0,6,12,18 * * * "
HOME = "/home/u"


def jobs(text: str) -> tuple[RefreshJob, ...]:
    return refresh_jobs(Crontab.parse(text.encode("utf-8", "surrogateescape") + b"\n"), "u", HOME)


# command, the client's path as the shell sees it, how cron finds it
CLIENT_SHAPES = [
    (f"{OCARINA} oauth refresh", OCARINA, Lookup.ABSOLUTE),
    (f"{OCARINA} -q oauth refresh", OCARINA, Lookup.ABSOLUTE),
    (f"{OCARINA}   oauth\trefresh", OCARINA, Lookup.ABSOLUTE),
    (f"{OCARINA} oauth refresh --scopes a b", OCARINA, Lookup.ABSOLUTE),
    (f"{OCARINA} oauth refresh # every six hours", OCARINA, Lookup.ABSOLUTE),
    (f"{OCARINA} oauth refresh >> $HOME/refresh.log 2>&1", OCARINA, Lookup.ABSOLUTE),
    (f"{OCARINA} oauth refresh >/dev/null 2>&1", OCARINA, Lookup.ABSOLUTE),
    (f"{OCARINA} oauth refresh &> /dev/null", OCARINA, Lookup.ABSOLUTE),
    (f"2>/dev/null {OCARINA} oauth refresh", OCARINA, Lookup.ABSOLUTE),
    (rf"{OCARINA} oauth refresh >> $HOME/log-$(date +\%F)", OCARINA, Lookup.ABSOLUTE),
    (f"{OCARINA} oauth refresh >> $HOME/log-$(date +%F)", OCARINA, Lookup.ABSOLUTE),
    (f"cd $HOME && {OCARINA} oauth refresh", OCARINA, Lookup.ABSOLUTE),
    (f"cd $HOME; {OCARINA} oauth refresh", OCARINA, Lookup.ABSOLUTE),
    (f"sleep 30; {OCARINA} oauth refresh", OCARINA, Lookup.ABSOLUTE),
    (f"( {OCARINA} oauth refresh )", OCARINA, Lookup.ABSOLUTE),
    (f"{{ {OCARINA} oauth refresh; }}", OCARINA, Lookup.ABSOLUTE),
    (f"! {OCARINA} oauth refresh", OCARINA, Lookup.ABSOLUTE),
    (f"{OCARINA} oauth refresh &", OCARINA, Lookup.ABSOLUTE),
    (f"exec {OCARINA} oauth refresh", OCARINA, Lookup.ABSOLUTE),
    (f"[ -x {OCARINA} ] && {OCARINA} oauth refresh", OCARINA, Lookup.ABSOLUTE),
    (f"test -x {OCARINA} || exit 0; {OCARINA} oauth refresh", OCARINA, Lookup.ABSOLUTE),
    (f"if [ -x {OCARINA} ]; then {OCARINA} oauth refresh; fi", OCARINA, Lookup.ABSOLUTE),
    (f"for i in 1 2 3; do {OCARINA} oauth refresh && break; sleep 60; done", OCARINA, Lookup.ABSOLUTE),
    (f"until {OCARINA} oauth refresh; do sleep 60; done", OCARINA, Lookup.ABSOLUTE),
    (f"case $(hostname) in node1) {OCARINA} oauth refresh;; esac", OCARINA, Lookup.ABSOLUTE),
    (f"{OCARINA} oauth refresh || echo failed | mail -s 'ocarina' me", OCARINA, Lookup.ABSOLUTE),
    (f"{OCARINA} oauth refresh 2>&1 | logger -t ocarina", OCARINA, Lookup.ABSOLUTE),
    (f"env {OCARINA} oauth refresh", OCARINA, Lookup.ABSOLUTE),
    (f"/usr/bin/env -i HOME=/home/u {OCARINA} oauth refresh", OCARINA, Lookup.ABSOLUTE),
    (f"nice -n 10 {OCARINA} oauth refresh", OCARINA, Lookup.ABSOLUTE),
    (f"nice {OCARINA} oauth refresh", OCARINA, Lookup.ABSOLUTE),
    (f"ionice -c 3 nice -19 {OCARINA} oauth refresh", OCARINA, Lookup.ABSOLUTE),
    (f"timeout 60 {OCARINA} oauth refresh", OCARINA, Lookup.ABSOLUTE),
    (f"timeout --signal=KILL -k 5 60s {OCARINA} oauth refresh", OCARINA, Lookup.ABSOLUTE),
    (f"flock -n /tmp/lock {OCARINA} oauth refresh", OCARINA, Lookup.ABSOLUTE),
    (f"flock -w 5 /tmp/lock -c '{OCARINA} oauth refresh'", OCARINA, Lookup.ABSOLUTE),
    (f"nohup setsid stdbuf -oL {OCARINA} oauth refresh", OCARINA, Lookup.ABSOLUTE),
    (f"chronic {OCARINA} oauth refresh", OCARINA, Lookup.ABSOLUTE),
    (f"/usr/bin/python3 {OCARINA} oauth refresh", OCARINA, Lookup.ABSOLUTE),
    (f"/usr/bin/python3 -u -W ignore {OCARINA} oauth refresh", OCARINA, Lookup.ABSOLUTE),
    (f"bash -lc '{OCARINA} oauth refresh'", OCARINA, Lookup.ABSOLUTE),
    (f'/bin/sh -c "cd /data; {OCARINA} oauth refresh"', OCARINA, Lookup.ABSOLUTE),
    (f"bash -c 'bash -c \"{OCARINA} oauth refresh\"'", OCARINA, Lookup.ABSOLUTE),
    (f"eval '{OCARINA} oauth refresh'", OCARINA, Lookup.ABSOLUTE),
    (f"O={OCARINA}; $O oauth refresh", OCARINA, Lookup.ABSOLUTE),
    ('"/home/u/my env/bin/ocarina" oauth refresh', "/home/u/my env/bin/ocarina", Lookup.ABSOLUTE),
    (r"/home/u/my\ env/bin/ocarina oauth refresh", "/home/u/my env/bin/ocarina", Lookup.ABSOLUTE),
    ("/home/u/données/bin/ocarina oauth refresh", "/home/u/données/bin/ocarina", Lookup.ABSOLUTE),
    ("~/bin/ocarina oauth refresh", "/home/u/bin/ocarina", Lookup.ABSOLUTE),
    ("$HOME/bin/ocarina oauth refresh", "/home/u/bin/ocarina", Lookup.ABSOLUTE),
    ('"${HOME}/bin/ocarina" oauth refresh', "/home/u/bin/ocarina", Lookup.ABSOLUTE),
    ("cd /opt/ocarina && bin/ocarina oauth refresh", "/opt/ocarina/bin/ocarina", Lookup.DIRECTORY),
    ("./ocarina oauth refresh", "./ocarina", Lookup.DIRECTORY),
    ("'~/bin/ocarina' oauth refresh", "~/bin/ocarina", Lookup.DIRECTORY),
    ("ocarina oauth refresh", "ocarina", Lookup.PATH),
    ("$(which ocarina) oauth refresh", "ocarina", Lookup.PATH),
    ("`command -v ocarina` oauth refresh", "ocarina", Lookup.PATH),
    ("script -qc 'ocarina oauth refresh' /dev/null", "ocarina", Lookup.PATH),
    ("$CONDA_PREFIX/bin/ocarina oauth refresh", "$CONDA_PREFIX/bin/ocarina", Lookup.UNKNOWN),
    ("bash -lc 'ocarina oauth refresh'", "ocarina", Lookup.LOGIN_SHELL),
    ("bash -ic 'conda activate ocarina && ocarina oauth refresh'", "ocarina", Lookup.ACTIVATED),
    ("source activate ocarina && ocarina oauth refresh", "ocarina", Lookup.ACTIVATED),
    (". /opt/venv/bin/activate; ocarina oauth refresh", "ocarina", Lookup.ACTIVATED),
    ("module load ocarina && ocarina oauth refresh", "ocarina", Lookup.ACTIVATED),
    ("/opt/conda/bin/conda run -n ocarina ocarina oauth refresh", "ocarina", Lookup.CONDA),
    ("conda run --no-capture-output -n ocarina ocarina oauth refresh", "ocarina", Lookup.CONDA),
    ("conda run --name=ocarina --cwd / ocarina oauth refresh", "ocarina", Lookup.CONDA),
    ("micromamba run -p /opt/envs/ocarina ocarina oauth refresh", "ocarina", Lookup.CONDA),
    ("uv tool run --from ocarina ocarina oauth refresh", "ocarina", Lookup.CONDA),
    ("pipx run ocarina oauth refresh", "ocarina", Lookup.CONDA),
]


@pytest.mark.parametrize(
    ("command", "path", "lookup"), CLIENT_SHAPES, ids=[shape[0] for shape in CLIENT_SHAPES]
)
def test_a_client_refresh_in_every_shape(command: str, path: str, lookup: Lookup) -> None:
    (job,) = jobs(EVERY_6H + command)
    assert job.kind is Kind.CLIENT
    assert job.active
    assert not job.marked
    assert not job.other_work
    assert job.client is not None
    assert (job.client.path, job.client.lookup) == (path, lookup)
    assert job.schedule is not None
    # The same line commented out, in three hands.
    for mark in ("#", "# ", "  ##\t"):
        (off,) = jobs(mark + EVERY_6H + command)
        assert not off.active
        assert off.client == job.client


@pytest.mark.parametrize(
    "times",
    ["@daily ", "@hourly\t", "0 */6 * JAN-DEC mon-sun ", "*/5\t*\t*  * * ", "  0 0 * * * ", "@reboot "],
)
def test_any_times_of_crons(times: str) -> None:
    (job,) = jobs(f"{times}{OCARINA} oauth refresh")
    assert job.schedule is not None


def test_times_that_cron_refuses_are_kept_for_the_doctor() -> None:
    (job,) = jobs(f"61 * * * * {OCARINA} oauth refresh")
    assert job.schedule is None
    assert job.schedule_error is not None
    assert job.schedule_error.field == "minute"


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
    assert jobs(EVERY_6H + command) == ()
    assert jobs("# " + EVERY_6H + command) == ()


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
    assert jobs(line) == ()


KIT_SHAPES = [
    (f"{KIT} refresh --quiet # ocarina-kit", Kind.KIT, KIT, None, True),
    (f"{KIT} --profile p refresh", Kind.KIT, KIT, None, False),
    ("/opt/py/bin/python -m ocarina_kit refresh --quiet", Kind.KIT, "/opt/py/bin/python", None, False),
    (f"{KIT} refresh || {OCARINA} -q oauth refresh", Kind.KIT_FIRST, KIT, OCARINA, False),
    (f"e=$({KIT} refresh 2>&1); r=$?; case $r in 127) exec {OCARINA} oauth refresh;; esac #ocarina-kit",
     Kind.KIT_FIRST, KIT, OCARINA, True),
]  # fmt: skip


@pytest.mark.parametrize(("command", "kind", "kit", "client", "marked"), KIT_SHAPES)
def test_the_kits_own_lines(command: str, kind: Kind, kit: str, client: str | None, marked: bool) -> None:
    (job,) = jobs(EVERY_6H + command)
    assert (job.kind, job.marked) == (kind, marked)
    assert job.kit is not None
    assert job.kit.path == kit
    assert (job.client.path if job.client else None) == client


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
    (job,) = jobs(EVERY_6H + command)
    assert [(call.config, call.profile) for call in job.calls] == [(config, profile)]


def test_variables_of_the_crontab_count() -> None:
    text = (
        f"OCARINA_CONF_FILE=/data/c.json\nO={OCARINA}\n{EVERY_6H}$O oauth refresh\n"
        f"HOME=/srv\n{EVERY_6H}~/ocarina oauth refresh"
    )
    first, second = jobs(text)
    assert first.client is not None
    assert (first.client.path, first.calls[0].config) == (OCARINA, "/data/c.json")
    assert second.client is not None
    assert second.client.path == "/srv/ocarina"
    assert second.number == 5


def test_work_of_its_own_is_named() -> None:
    (job,) = jobs(
        f"{EVERY_6H}cd /data && {OCARINA} oauth refresh && /home/u/bin/upload.sh | tee log; curl https://x"
    )
    assert job.other_work == ("/home/u/bin/upload.sh", "curl")
    (job,) = jobs(f"{EVERY_6H}{OCARINA} oauth refresh; {OCARINA} get pag")
    assert job.other_work == (OCARINA,)


def test_the_starters_are_named_outermost_first() -> None:
    (job,) = jobs(f"{EVERY_6H}nohup timeout 5m bash -c '/usr/bin/python3 {OCARINA} oauth refresh'")
    assert job.client is not None
    assert job.client.starters == ("nohup", "timeout", "bash", "/usr/bin/python3")


def test_the_mark_holds_the_profile() -> None:
    (job,) = jobs(f"{EVERY_6H}{KIT} --profile 'a b' refresh # ocarina-kit profile=a b")
    assert (job.marked, job.marked_profile) == (True, "a b")
    (job,) = jobs(f"{EVERY_6H}{KIT} refresh # ocarina-kit is nice")
    assert not job.marked


_parts = st.sampled_from([
    "ocarina", OCARINA, "oauth", "refresh", KIT, "'", '"', "\\", "$(", ")", "`", ";", "&&", "|", "(", "{", "}",
    "case", "in", "esac", "for", "do", "done", "env", "bash", "-c", "A=b", "$HOME", "${", "%", "#", "\n", " ",
    "\t", "~", "conda", "run", "python", "-m", "[[", "]]", "<", ">", "<<", "0 0 * * * ", "\xff", "\r", "source",
])  # fmt: skip


@given(st.lists(_parts, max_size=25).map("".join))
@settings(max_examples=400, deadline=None)
def test_any_text_is_read_without_a_fault(text: str) -> None:
    for job in jobs(EVERY_6H + text):
        assert job.calls
        assert job.kind in Kind


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_read_without_a_fault(raw: bytes) -> None:
    refresh_jobs(Crontab.parse(b"0 0 * * * ocarina " + raw), "u", HOME)


def test_ten_thousand_lines_and_hostile_ones() -> None:
    line = f"A=b\n{EVERY_6H}cd /x && {OCARINA} oauth refresh >> log 2>&1 # x\n# note: ocarina\n*/5 * * * * true\n"
    started = time.process_time()
    assert len(jobs(line * 2_500)) == 2_500
    assert time.process_time() - started < 2
    started = time.process_time()
    for part in (
        "$(",
        "(",
        "'",
        '"$(',
        "`",
        "env ",
        "bash -c ",
        "case x in ",
        "a;",
        "${",
        "for ",
        "A=b ",
        "[[ ",
        "a;;",
        "<<",
    ):
        jobs(f"{EVERY_6H}ocarina oauth refresh {part * 2_000}")
    assert time.process_time() - started < 2
