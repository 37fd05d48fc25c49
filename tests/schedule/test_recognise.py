"""Every shape that a person may have written: recognised, or left alone."""

import pytest
from tests.schedule.test_entry import KIT, OCARINA

from ocarina_kit.schedule.entry import Entry, read_entries

EVERY_6H = "0 0,6,12,18 * * * "


def read(text: str) -> list[Entry]:
    return read_entries(text.encode("utf-8", "surrogateescape") + b"\n", "u", "/home/u")


# They run OCARINA.
ABSOLUTE = [
    f"{OCARINA} oauth refresh",
    f"{OCARINA} oauth refresh --scopes a b",
    f"{OCARINA} oauth refresh &> /dev/null",
    f"2>/dev/null {OCARINA} oauth refresh",
    rf"{OCARINA} oauth refresh >> $HOME/log-$(date +\%F)",
    f"{OCARINA} oauth refresh || echo failed | mail -s 'ocarina' me",
    f"/usr/bin/env -i HOME=/home/u {OCARINA} oauth refresh",
    f"root {OCARINA} oauth refresh",
    f"[[ $(hostname -s) == node1 ]] && {OCARINA} oauth refresh",
    f"sleep $(shuf -i 0-600 -n 1); {OCARINA} oauth refresh",
    f"X=$(echo 'a b') {OCARINA} oauth refresh",
    f"timeout --signal=KILL -k 5 60s {OCARINA} oauth refresh",
    f"flock -n /tmp/lock {OCARINA} oauth refresh",
    f"/usr/bin/python3 -u -W ignore {OCARINA} oauth refresh",
    f'/bin/sh -c "cd /data; {OCARINA} oauth refresh"',
    f"O={OCARINA}; $O oauth refresh",
]
# command, the client's path as cron's shell sees it, and whether something else says where a bare name is
CLIENT_SHAPES = [
    *((command, OCARINA, False) for command in ABSOLUTE),
    ('"/home/u/my env/bin/ocarina" oauth refresh', "/home/u/my env/bin/ocarina", False),
    (r"/home/u/my\ env/bin/ocarina oauth refresh", "/home/u/my env/bin/ocarina", False),
    ("~/bin/ocarina oauth refresh", "/home/u/bin/ocarina", False),
    ('"${HOME}/bin/ocarina" oauth refresh', "/home/u/bin/ocarina", False),
    ("cd /opt/ocarina && bin/ocarina oauth refresh", "/opt/ocarina/bin/ocarina", False),
    (
        "/opt/env/python '/x/$ocarina/ocarina' oauth refresh",
        "/x/$ocarina/ocarina",
        False,
    ),
    (
        "source ~/conda.sh && conda activate o && ocarina oauth refresh",
        "ocarina",
        True,
    ),
    (f"sleep 60; [ -x {OCARINA} ] && {OCARINA} oauth refresh", OCARINA, False),
    ("./ocarina oauth refresh", "./ocarina", False),
    ("'~/bin/ocarina' oauth refresh", "~/bin/ocarina", False),
    ("ocarina oauth refresh", "ocarina", False),
    ("bash -lc 'ocarina oauth refresh'", "ocarina", True),
    ("bash -ic 'conda activate ocarina && ocarina oauth refresh'", "ocarina", True),
    (". /opt/venv/bin/activate; ocarina oauth refresh", "ocarina", True),
    ("nice timeout 60 bash -lc 'ocarina oauth refresh'", "ocarina", True),
    ("BASH_ENV=/x bash -c 'ocarina oauth refresh'", "ocarina", True),
    ("module load ocarina && ocarina oauth refresh", "ocarina", False),
    (
        "conda run --no-capture-output -n ocarina ocarina oauth refresh",
        "ocarina",
        False,
    ),
]


@pytest.mark.parametrize(("command", "path", "set_up"), CLIENT_SHAPES)
def test_a_client_refresh_in_every_shape(command: str, path: str, set_up: bool) -> None:
    (entry,) = read(EVERY_6H + command)
    (call,) = entry.calls
    assert (
        entry.runner,
        entry.is_active,
        entry.is_marked,
        entry.reading.other_work,
    ) == (
        "client",
        True,
        False,
        [],
    )
    assert (call.path, bool(call.path_setter) and "/" not in path) == (path, set_up)
    # The same line commented out, in three hands.
    for mark in ("#", "# ", "  ##\t"):
        (off,) = read(mark + EVERY_6H + command)
        assert not off.is_active
        assert off.calls == entry.calls


@pytest.mark.parametrize(
    "times", ["@hourly\t", "0 */6 * JAN-DEC mon-sat ", "  */5\t*\t*  * * "]
)
def test_any_times(times: str) -> None:
    (entry,) = read(f"{times}{OCARINA}   oauth\trefresh")
    assert entry.times is not None


def test_an_interval_that_cron_does_not_have() -> None:
    (entry,) = read(f"@every 3h {OCARINA} oauth refresh")
    assert (entry.time, entry.times, entry.reading.other_work) == (
        "@every 3h",
        None,
        [],
    )


LEFT_ALONE = [
    "# note: ocarina oauth refresh every 6 hours",
    "# 0 0,6,12,18 * * * means: ocarina oauth refresh",
    "# 0 0,6,12,18 * * * ocarina oauth refresh is what the guide says",
    f"# 61 * * * * {OCARINA} oauth refresh",
    'echo "ocarina oauth refresh"',
    f"{OCARINA} get biosample --central-sample-id X",
    f"{OCARINA} oauth refresh --help",
    f"{OCARINA} --version oauth refresh",
    f"{KIT} refresh --dry-run",
    f"{KIT} doctor --only refresh",
    "sh -c 'echo ocarina oauth refresh'",
]


@pytest.mark.parametrize("command", LEFT_ALONE)
def test_a_line_that_only_mentions_ocarina(command: str) -> None:
    assert read(command) == read(EVERY_6H + command) == []
    assert read("# " + EVERY_6H + command) == []


UNCLEAR = [
    f"( {OCARINA} oauth refresh )",
    f"u {OCARINA} oauth refresh",
    f"exec {OCARINA} oauth refresh",
    f"if [ -x {OCARINA} ]; then {OCARINA} oauth refresh; fi",
    f"for i in 1 2 3; do {OCARINA} oauth refresh && break; sleep 60; done",
    f"case $(hostname) in node1) {OCARINA} oauth refresh;; esac",
    f"/usr/bin/time -v {OCARINA} oauth refresh",
    f"$NOBODY {OCARINA} oauth refresh",
    f"flock -w 5 /tmp/lock -c '{OCARINA} oauth refresh'",
    f"bash -c 'bash -c \"{OCARINA} oauth refresh\"'",
    "ssh node1 ocarina oauth refresh",
    f"{OCARINA} oauth refresh is what the guide says",
    "MAILTO=ocarina oauth refresh",
    "/data/ocarina/oauth refresh",
    "bash /home/u/ocarina oauth refresh",
    "/home/u/ocarina-old oauth refresh",
    "command -v ocarina oauth refresh",
    "$(which ocarina) oauth refresh",
    "`command -v ocarina` oauth refresh",
    "script -qc 'ocarina oauth refresh' /dev/null",
    "$CONDA_PREFIX/bin/ocarina oauth refresh",
    "/opt/$ENV/python /x/ocarina oauth refresh",
    "eval $(conda shell.bash hook); conda activate o; ocarina oauth refresh",
    "uv tool run --from ocarina ocarina oauth refresh",
    f"xvfb-run -a {OCARINA} oauth refresh",
    f"OCARINA_CONF_FILE=$NOBODY/c.json {OCARINA} oauth refresh",
    f"X=$({KIT} refresh)",
    f"(cd /; {KIT} refresh)",
    f"{{ {KIT} refresh --cron; }}",
]


@pytest.mark.parametrize("command", UNCLEAR)
def test_a_refresh_in_a_rare_form_is_unclear(command: str) -> None:
    (entry,) = read(EVERY_6H + command)
    assert entry.is_active
    assert not entry.reading.is_clear
    # Commented out, it is prose.
    assert read("# " + EVERY_6H + command) == []


KIT_LINES = [
    (f"{KIT} --profile p refresh", KIT, None, False),
    ("/opt/py/bin/python -m ocarina_kit refresh", "/opt/py/bin/python", None, False),
    (f"{KIT} refresh --cron || {OCARINA} -q oauth refresh # ocarina-kit", KIT, OCARINA, True),
    (f"{KIT} --profile 'a b' refresh # ocarina-kit a b", KIT, None, True),
    (f"{KIT} --profile 'a b' refresh # ocarina-kit b", KIT, None, False),
    (f"{KIT} refresh # ocarina-kit is nice", KIT, None, False),
    (f"{KIT} refresh --cron ; /x/other # ocarina-kit", KIT, None, True),
]  # fmt: skip


@pytest.mark.parametrize(("command", "kit", "client", "marked"), KIT_LINES)
def test_the_kits_own_lines(
    command: str, kit: str, client: str | None, marked: bool
) -> None:
    (entry,) = read(EVERY_6H + command)
    assert (entry.runner, entry.is_marked) == ("kit-first", marked)
    found, after = entry.program("kit"), entry.program("client")
    assert found is not None
    assert (found.path, after.path if after else None) == (kit, client)
    assert bool(entry.reading.other_work) is ("/x/other" in command)


SET_UPS = [
    (f"{OCARINA} oauth refresh", "/home/u/.ocarina", None),
    (f"{OCARINA} --profile test oauth refresh", "/home/u/.ocarina", "test"),
    (f"OCARINA_CONF_FILE=/data/c.json {OCARINA} oauth refresh", "/data/c.json", None),
    (f"OCARINA_CONF_FILE=~/c.json {OCARINA} oauth refresh", "/home/u/c.json", None),
    (
        f"cd /data; OCARINA_CONF_FILE=c.json {OCARINA} oauth refresh",
        "/data/c.json",
        None,
    ),
    (
        f"env OCARINA_CONF_FILE=/data/c.json {OCARINA} oauth refresh",
        "/data/c.json",
        None,
    ),
    (
        f"export OCARINA_CONF_FILE=/data/c.json; {OCARINA} oauth refresh",
        "/data/c.json",
        None,
    ),
    (
        f"OCARINA_CONF_FILE=/c.json; export OCARINA_CONF_FILE; {OCARINA} oauth refresh",
        "/c.json",
        None,
    ),
    (
        f"OCARINA_CONF_FILE=/data/c.json; {OCARINA} oauth refresh",
        "/home/u/.ocarina",
        None,
    ),
    (f"HOME=/srv/x {OCARINA} oauth refresh", "/srv/x/.ocarina", None),
    (f"{OCARINA} --env oauth refresh", None, None),
    (f"{KIT} --config /data/c.json refresh", "/data/c.json", None),
    (f"{KIT} refresh --config=/data/../data/c.json --profile p", "/data/c.json", "p"),
    (f"OCARINA_CONF_FILE=/a {KIT} refresh --config /b", "/b", None),
]


@pytest.mark.parametrize(("command", "config", "profile"), SET_UPS)
def test_whose_set_up_a_line_uses(
    command: str, config: str | None, profile: str | None
) -> None:
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
    for shell, set_up in (
        ("SHELL=/bin/bash\n", "/home/u/.bashrc"),
        ("", ""),
    ):  # sh does not read it
        (entry,) = read(
            f"{shell}K=ocarina-kit\nBASH_ENV=/home/u/.bashrc\n{EVERY_6H}$K refresh --cron"
        )
        assert entry.calls[0].path_setter == set_up
    (third,) = read(f"{EVERY_6H}A=b; export C=d; {KIT} refresh")
    assert third.calls[0].environ.keys() & {"A", "C"} == {"C"}


OTHER_WORK = [
    (
        f"cd /d && {OCARINA} oauth refresh && /u/up.sh | tee log; curl https://x",
        ("/u/up.sh", "curl"),
    ),
    (f"{OCARINA} oauth refresh; {OCARINA} get pag", (OCARINA,)),
    (f"env /x/backup; {OCARINA} oauth refresh", ("env",)),
    (f"{OCARINA} oauth refresh; command -v mail >/dev/null", ("command",)),
    (f"{OCARINA} oauth refresh; sh -c /u/up.sh", ("/u/up.sh",)),
]


@pytest.mark.parametrize(("command", "work"), OTHER_WORK)
def test_work_of_its_own_is_named(command: str, work: tuple[str, ...]) -> None:
    (entry,) = read(EVERY_6H + command)
    assert tuple(entry.reading.other_work) == work


def test_a_line_of_20_000_letters_is_read() -> None:
    """Linear: a quadratic reader would take minutes, and the test's time limit would end it."""
    for part in (
        "$(",
        "'",
        '"$(',
        "env ",
        "bash -c ",
        "a;",
        "${",
        "A=b ",
        "\\",
        "eval ",
        "#",
    ):
        long = part * (20_000 // len(part))
        read(f"{EVERY_6H}ocarina oauth refresh {long}\n{long}ocarina")
