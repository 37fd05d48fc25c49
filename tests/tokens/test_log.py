"""refresh.log, and what it tells of servers and of past refreshes."""

import json
from typing import Any

import pytest
from tests.tokens.conftest import DOMAIN, NOW, OTHER, VIEW, Lab, entry

from ocarina_kit.system.files import READ_CAP
from ocarina_kit.tokens import history, log
from ocarina_kit.tokens.file import Token, read_token
from ocarina_kit.tokens.log import Line
from ocarina_kit.tokens.owner import TokenOwners, note_use

FILE = "~/.ocarina-tokens"


def line(
    result: str, ago: float = 0.0, token: Token | None = None, **more: Any
) -> Line:
    known = Line(log.stamp(NOW - ago), "login1", "refresh", result, DOMAIN, FILE, VIEW)
    if token is not None:
        known = known._replace(
            access=log.digest(token.access_token), refresh=token.digest
        )
    return known._replace(**more)


def token(name: str = "a", ago: float = 0.0) -> Token:
    pair = {"access_token": f"access-{name}", "refresh_token": f"refresh-{name}"}
    return read_token(VIEW, entry(**pair, expires_at=NOW + 36000 - ago))


def test_what_is_written_is_read(lab: Lab) -> None:
    written = log.make_line(
        lab.machine, lab.setup, "refresh", "refreshed", VIEW, token()
    )
    log.append(
        lab.machine,
        [written, log.make_line(lab.machine, lab.setup, "refresh", "lost", "s" * 5000)],
    )
    first, second = log.read_log(lab.machine)
    assert (first, first.time) == (written, NOW)
    assert (second.result, second.scope) == ("lost", "s" * 4000)
    path = lab.machine.state / "refresh.log"
    text = path.read_text().splitlines()[0]
    assert set(json.loads(text)) == {*Line._fields, "time"} - {"stamp"}
    assert "access-a" not in text
    assert path.stat().st_mode & 0o777 == 0o600


def test_damaged_lines_are_left_out(lab: Lab) -> None:
    log.append(
        lab.machine, [log.make_line(lab.machine, lab.setup, "refresh", "refreshed")]
    )
    path = lab.machine.state / "refresh.log"
    path.write_bytes(
        path.read_bytes() + b'{"time": "x", "new": 1}\n[1]\n\xff\n5\n{"cut off'
    )
    log.append(lab.machine, [log.make_line(lab.machine, lab.setup, "refresh", "lost")])
    assert [each.result for each in log.read_log(lab.machine)] == [
        "refreshed",
        "",
        "lost",
    ]


def test_rotated_at_one_mebibyte(lab: Lab) -> None:
    for _ in range(6):
        log.append(
            lab.machine,
            [log.make_line(lab.machine, lab.setup, "refresh", "refreshed", "s" * 3000)]
            * 100,
        )
    for name in ("refresh.log", "refresh.log.1"):
        assert (lab.machine.state / name).stat().st_size <= log.ROTATE_AT
    assert len(log.read_log(lab.machine)) >= 300
    (lab.machine.state / "refresh.log").write_bytes(bytes(READ_CAP + 1))
    # A clock that was set back changes no order.
    for each in (line("used", server=OTHER), line("used", 2000)):
        log.append(lab.machine, [each])
    assert TokenOwners(log.read_log(lab.machine)).last_server[FILE] == DOMAIN


A, B = token("a"), token("b")
SERVERS: list[tuple[list[Line], str]] = [
    # the log, and whose A is
    ([], ""),
    ([line("refreshed", token=B)], DOMAIN),
    ([line("refreshed", token=B, server=OTHER)], OTHER),
    (
        [
            line("refreshed", token=A, server=OTHER, tokens="~/elsewhere"),
            line("refreshed", token=B),
        ],
        OTHER,
    ),
    ([line("refreshed", token=B, server=OTHER, tokens="~/elsewhere")], ""),
    ([line("used", server=OTHER)], OTHER),
    ([line("used", server=OTHER), line("unreached", server=OTHER)], ""),
    (
        [
            line("refreshed", token=B),
            line("used", server=OTHER),
            line("unreached", server=OTHER),
        ],
        DOMAIN,
    ),
    ([line("used", token=A, server=OTHER), line("logged-in", token=B)], OTHER),
    (
        [line("used", token=A, server=OTHER), line("unreached", token=A, server=OTHER)],
        "",
    ),
    (
        [
            line("used", token=A, server=OTHER),
            line("refused-token", token=A, server=OTHER),
        ],
        OTHER,
    ),
    ([line("scheduled", server=OTHER)], ""),
    ([line("refreshed", token=A), line("adopted", token=A, server=OTHER)], DOMAIN),
]


@pytest.mark.parametrize(("lines", "server"), SERVERS)
def test_whose_a_token_is(lines: list[Line], server: str) -> None:
    assert TokenOwners(lines).server(A, FILE) == server


def test_a_use_ties_unknown_tokens_to_the_server_of_their_file(lab: Lab) -> None:
    note_use(lab.machine, lab.setup, "refresh", [A])
    note_use(lab.machine, lab.elsewhere, "login", [A, B])
    known = TokenOwners(log.read_log(lab.machine))
    assert [known.server(each) for each in (A, B)] == [DOMAIN, DOMAIN]
    assert known.last_server[FILE] == OTHER


# --- history


def when_where_by(found: Line | None) -> Any:
    return found and (found.time, found.host, found.by)


def test_last_success() -> None:
    lines, by_cron = (
        [line("refreshed", 50, A, host="login2")],
        (NOW - 50, "login2", "refresh"),
    )
    for tokens, expected in (
        ([token("a", 50)], by_cron),
        ([token("z", 10)], (NOW - 10, "", "")),
        ([], by_cron),
    ):
        assert when_where_by(history.last_success(lines, tokens, NOW)) == expected
    assert history.last_success([], [], NOW) is None


REFRESHED = line("refreshed", 9000, A)
ELSEWHERE: list[tuple[list[Line], list[Token], Any]] = [
    # cron of another host
    (
        [line("refreshed", 100, A, host="login2", by="cron")],
        [],
        (NOW - 100, "login2", "cron"),
    ),
    ([line("refreshed", 40_000, A, host="login2", by="cron")], [], None),
    # a person on another host
    ([line("refreshed", 100, A, host="login2")], [], None),
    ([line("refreshed", 100, A, host="login2", by="login")], [], None),
    ([line("refreshed", 100, A)], [token("a", 100)], None),
    # one refresh by the client: a token that no line knows, of a scope that the log knew
    ([REFRESHED], [token("z", 100)], None),
    # and a second one, by another scheduler that runs the kit or the client
    (
        [REFRESHED, line("refreshed", 5000, A, by="cron")],
        [token("z", 100)],
        (NOW - 100, "", ""),
    ),
    (
        [line("refreshed", age, A, by="cron") for age in (7000, 200)],
        [],
        (NOW - 200, "", ""),
    ),
    # two tokens of one run; a run longer ago than a day; another scope
    ([REFRESHED, line("refreshed", 150, A, by="cron")], [token("z", 100)], None),
    ([REFRESHED, line("refreshed", 90_000, A, by="cron")], [token("z", 100)], None),
    (
        [line("refreshed", 5000, A, scope="x", by="cron")],
        [token("z", 100)],
        None,
    ),
    # what this host's own line did, before it was removed
    (
        [line("scheduled", 9999), line("refreshed", 5000, A, by="cron")],
        [token("z", 100)],
        None,
    ),
    (
        [
            line("scheduled", 9999),
            line("refreshed", 5000, A, by="cron"),
            line("unscheduled", 500),
        ],
        [token("z", 100)],
        None,
    ),
]


@pytest.mark.parametrize(("lines", "tokens", "found"), ELSEWHERE)
def test_refreshed_elsewhere(
    lines: list[Line], tokens: list[Token], found: Any
) -> None:
    assert (
        when_where_by(history.refreshed_elsewhere(lines, tokens, "login1", NOW))
        == found
    )


RUNS: list[tuple[list[Line], list[Token], bool, Any]] = [
    # the log, the tokens, whether the entry refreshes all; whether the run happened, and what it failed for
    ([], [], True, (True, [])),
    ([], [token("a", 160)], True, (True, [])),
    ([], [token("a", 161)], True, (False, [])),
    ([], [token("a", 161)], False, (True, [])),
    ([line("network", 160)], [token("a", 161)], True, (True, [VIEW])),
    ([line("network", 161)], [token("a", 161)], True, (False, [])),
    ([line("adopted")], [token("a", 161)], True, (True, [])),
]


@pytest.mark.parametrize(("lines", "tokens", "all_tokens", "found"), RUNS)
def test_a_run_that_was_due(
    lines: list[Line], tokens: list[Token], all_tokens: bool, found: Any
) -> None:
    assert (
        history.judge_run(
            NOW - 100, lines, tokens, "login1", NOW, all_tokens=all_tokens
        )
        == found
    )


def test_the_lines_about_a_tokens_file(lab: Lab) -> None:
    mark = log.path_mark(lab.machine, lab.setup.tokens_file)
    lines = [
        line("refreshed", tokens=name, server=server)
        for name in (mark, "~/x")
        for server in (DOMAIN, OTHER)
    ]
    assert log.lines_about(lab.machine, lab.setup.tokens_file, lines) == lines[:2]


def test_other_hosts() -> None:
    lines = [line("scheduled", host=host) for host in ("login1", "login2", "login3")]
    lines += [
        line("unscheduled", host="login3"),
        line("refreshed", host="login4", by="cron"),
    ]
    lines.append(line("refreshed", host="login5", by="doctor"))
    assert history.other_hosts(lines, "login1") == ("login2", "login4")


def test_a_refresh_token_that_was_refused_needs_a_login() -> None:
    results = {"a": "refused-token", "b": "lost", "c": "refreshed", "d": "network"}
    lines = [line(result, token=token(name)) for name, result in results.items()]
    assert history.refused(lines) == {token("a").digest, token("b").digest}
