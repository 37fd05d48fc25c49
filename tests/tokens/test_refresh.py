"""Refreshing: what is sent, what is saved, what is said of it."""

import json
import resource
import threading
from typing import Any

import pytest
from tests.conftest import until
from tests.tokens.conftest import (
    BUSY,
    DOWN,
    GONE,
    LATE,
    NOW,
    READ,
    SILENT,
    VIEW,
    Lab,
    entry,
    granted,
)

from ocarina_kit.majora.answers import RefusalCause, Refused
from ocarina_kit.majora.failures import NoAnswer, NoAnswerKind
from ocarina_kit.system.problem import KitError
from ocarina_kit.tokens import log
from ocarina_kit.tokens.file import parse
from ocarina_kit.tokens.journal import journal_path
from ocarina_kit.tokens.login import prove_writable, quarantine_damaged
from ocarina_kit.tokens.refresh import next_wait
from ocarina_kit.tokens.store import (
    Store,
    adopt_waiting,
    effective_tokens,
    opened,
    waiting_tokens,
)


def theirs(left: float) -> dict[str, Any]:
    """What another program has put in place of the token for VIEW; it is valid for ``left`` seconds."""
    return entry(access_token="theirs", refresh_token="theirs", expires_at=NOW + left)


def test_every_token_is_refreshed_saved_and_logged(lab: Lab) -> None:
    lab.have()
    assert lab.refresh(within=1000.5) == {VIEW: "fresh", READ: "fresh"}
    assert [path.name for path in lab.machine.home.iterdir()] == [lab.file.name], (
        "no state, no lock"
    )
    assert lab.refresh(within=1000.6) == {VIEW: "refreshed", READ: "refreshed"}
    assert lab.errors == []
    stopped = lab.report._replace(interrupted=True).problems(lab.setup)
    assert stopped[0].why.startswith("2 of 2 tokens were done")
    assert list(lab.stored) == [VIEW, READ]
    assert all(
        value["access_token"].startswith("new-") for value in lab.stored.values()
    )
    assert all(value["expires_at"] == NOW + 36000 for value in lab.stored.values())
    assert lab.file.stat().st_mode & 0o777 == 0o600
    assert list((lab.machine.state / "backups").iterdir())
    assert not journal_path(lab.machine, lab.setup).exists()
    made = [
        line.scope for line in log.read_log(lab.machine) if line.result == "refreshed"
    ]
    assert sorted(made) == [READ, VIEW]
    assert "new-" not in (lab.machine.state / "refresh.log").read_text()


NOTHING = [
    (None, "TOK001", 4),
    (" \n", "TOK001", 4),
    ("{", "TOK002", 1),
    ("export A=1\n", "TOK002", 1),
]


@pytest.mark.parametrize(("content", "id", "code"), NOTHING)
def test_nothing_to_refresh(lab: Lab, content: str | None, id: str, code: int) -> None:
    if content is not None:
        lab.file.write_text(content)
    with pytest.raises(KitError) as raised:
        lab.refresh()
    assert (raised.value.problem.id, raised.value.problem.exit) == (id, code)
    assert not lab.machine.state.exists()


def test_what_cannot_be_refreshed(lab: Lab) -> None:
    lab.have(**{VIEW: entry(refresh_token=None), READ: 5})
    assert lab.refresh() == {VIEW: "no-refresh-token", READ: "unreadable"}
    assert lab.errors == [("TOK005", 4), ("TOK002", 1)]
    assert lab.report.problems(lab.setup)[0].remedy.commands == (
        "ocarina-kit login --for lookup",
    )


# --- answers

ANSWERS: list[tuple[list[Any], str, list[tuple[str, int]], int]] = [
    # answers in their order, result, id and exit of the error, requests
    ([GONE], "refused-token", [("RFR001", 4)], 1),
    (
        [Refused("invalid_scope", cause=RefusalCause.SCOPE)],
        "refused-token",
        [("RFR001", 4)],
        1,
    ),
    (
        [Refused("invalid_client", cause=RefusalCause.CLIENT)],
        "refused-client",
        [("CRD001", 1)],
        1,
    ),
    (
        [Refused("unauthorized_client", cause=RefusalCause.GRANT_TYPE)],
        "refused-client",
        [("LGN027", 1)],
        1,
    ),
    ([Refused("server_error")], "refused", [("RFR003", 1)], 1),
    (
        [Refused("invalid_request", cause=RefusalCause.REDIRECT_URI)],
        "refused",
        [("RFR003", 1)],
        1,
    ),
    ([SILENT], "maybe-lost", [("RFR004", 5)], 1),
    ([DOWN, DOWN, DOWN], "unreached", [("SRV002", 5)], 3),
    ([NoAnswer(NoAnswerKind.CA_BUNDLE, "no CA bundle")], "failed", [("SRV003", 1)], 1),
    ([BUSY, granted()], "refreshed", [], 2),
    ([LATE, granted()], "refreshed", [], 2),
    ([LATE, GONE], "lost", [("RFR002", 4)], 2),
    ([LATE, DOWN, DOWN], "maybe-lost", [("RFR004", 5)], 3),
    ([LATE] * 9, "maybe-lost", [("RFR004", 5)], 7),
    (
        [NoAnswer(NoAnswerKind.OTHER, "it answered 302, a redirect", False, 302)],
        "network",
        [("SRV004", 5)],
        1,
    ),
]


@pytest.mark.parametrize(("answers", "result", "errors", "requests"), ANSWERS)
def test_what_an_answer_comes_to(
    lab: Lab, answers: Any, result: str, errors: Any, requests: int
) -> None:
    lab.have(**{VIEW: entry()})
    assert lab.refresh(*answers) == {VIEW: result}
    assert lab.errors == errors
    assert len(lab.majora.spent) == requests
    assert (lab.stored == {VIEW: entry()}) == (result != "refreshed")


def test_a_token_for_other_scopes_takes_the_place_of_the_spent_one(lab: Lab) -> None:
    lab.have()
    lab.refresh(granted(1, "other", skew=90.0), scopes=[VIEW])
    assert list(lab.stored) == [READ, "other"]
    assert lab.report.skew == 90


def test_an_answer_that_was_lost_in_an_earlier_run_is_called_lost(lab: Lab) -> None:
    lab.have(**{VIEW: entry()})
    assert [lab.refresh(each)[VIEW] for each in (SILENT, GONE)] == [
        "maybe-lost",
        "lost",
    ]


GATEWAY = NoAnswer(NoAnswerKind.SERVER_ERROR, "it answered 502", True, 502)


@pytest.mark.parametrize(
    ("second", "result", "exit"),
    [(SILENT, "unanswered", 4), (GATEWAY, "maybe-lost", 5), (DOWN, "maybe-lost", 5)],
)
def test_a_second_run_without_a_usable_answer_leads_to_a_login(
    lab: Lab, second: NoAnswer, result: str, exit: int
) -> None:
    """A gateway whose server is down, or no connection, would fail a login too."""
    lab.have(**{VIEW: entry()})
    assert lab.refresh(SILENT)[VIEW] == "maybe-lost"
    assert lab.refresh(*[second] * 9)[VIEW] == result
    assert lab.errors == [("RFR004", exit)]


WAITS = [
    (1, BUSY, 0.0, 1.0),
    (2, BUSY, 1.0, 2.0),
    (9, LATE, 30.0, 16.0),
    (1, LATE, 54.0, 1.0),
    (1, LATE, 54.1, None),
    (1, BUSY._replace(retry_after=20.0), 0.0, 20.0),
    (1, BUSY._replace(retry_after=90.0), 0.0, None),
    (1, NoAnswer(NoAnswerKind.TIMEOUT, "it did not answer"), 10.0, 1.0),
    (1, SILENT, 10.0, None),
    (2, DOWN, 0.0, 2.0),
    (3, DOWN, 0.0, None),
    (
        1,
        NoAnswer(NoAnswerKind.OTHER, "it answered with a web page", True, 200),
        0.0,
        None,
    ),
    (1, NoAnswer(NoAnswerKind.TLS_EXPIRED, "the certificate has expired"), 0.0, None),
]


@pytest.mark.parametrize(("attempt", "answer", "elapsed", "wait"), WAITS)
def test_when_it_is_tried_again(
    attempt: int, answer: NoAnswer, elapsed: float, wait: float | None
) -> None:
    assert next_wait(attempt, answer, elapsed) == wait


# --- others

MEANWHILE: list[tuple[Any, Any, str, Any]] = [
    # what the file holds once the answer is under way, the answer, the result, the refresh token that is stored
    ({VIEW: theirs(40000)}, granted(1), "adopted", "theirs"),
    ({VIEW: theirs(500)}, granted(1), "refreshed", "new-refresh-1"),
    ({VIEW: theirs(500)}, GONE, "refused-token", "theirs"),
    ({VIEW: entry(note="x")}, granted(1), "refreshed", "new-refresh-1"),
    ({}, granted(1), "refreshed", "new-refresh-1"),
]


@pytest.mark.parametrize(("now", "answer", "result", "token"), MEANWHILE)
def test_what_the_client_writes_meanwhile(
    lab: Lab, now: Any, answer: Any, result: str, token: str
) -> None:
    lab.have()

    def meanwhile() -> Any:
        lab.file.write_text(
            json.dumps({**now, READ: entry(READ), "more": entry("more")})
        )
        return answer

    assert lab.refresh(meanwhile, scopes=[VIEW]) == {VIEW: result}
    assert lab.stored[VIEW]["refresh_token"] == token
    assert (lab.stored[READ], lab.stored["more"]) == (entry(READ), entry("more"))


def test_what_another_program_writes_soon_after_a_no_is_adopted(lab: Lab) -> None:
    lab.have()
    lab.machine = lab.machine._replace(
        sleep=lambda _: lab.have(**{VIEW: theirs(36000)})
    )
    assert lab.refresh(GONE, scopes=[VIEW]) == {VIEW: "adopted"}


@pytest.mark.parametrize("left", ['{"broken', ""])
def test_a_file_damaged_meanwhile_is_not_overwritten(lab: Lab, left: str) -> None:
    lab.have()
    damage = lambda: [lab.file.write_text(left)] and granted(7)  # noqa: E731
    assert lab.refresh(damage, scopes=[VIEW]) == {VIEW: "in-journal"}
    assert lab.file.read_text() == left
    assert bool(quarantine_damaged(lab.machine, lab.setup)) is bool(left)
    prove_writable(lab.machine, lab.setup)
    assert lab.stored[VIEW]["refresh_token"] == "new-refresh-7"


def test_what_the_client_overwrites_with_what_it_had_read_is_written_again(
    lab: Lab,
) -> None:
    lab.have()
    before = lab.file.read_text()

    def second() -> Any:
        until(lambda: lab.stored[VIEW] != entry(), "the first answer is saved")
        lab.file.write_text(before)
        return Refused("server_error")

    lab.refresh(granted(1), others=[second])
    assert lab.stored[VIEW]["refresh_token"] == "new-refresh-1"


# --- a token goes only to its own server


def test_an_unknown_token_goes_only_to_the_server_that_its_file_was_last_used_with(
    lab: Lab,
) -> None:
    lab.have(**{VIEW: entry()})
    lab.refresh()
    lab.have(**{VIEW: entry(refresh_token="of-the-client")})
    link = lab.machine.home / "link"
    link.symlink_to(lab.file)
    assert lab.refresh(setup=lab.elsewhere._replace(tokens_file=link)) == {
        VIEW: "other-server"
    }
    assert (lab.errors, lab.majora.spent) == ([("RFR006", 1)], [])
    assert lab.refresh() == {VIEW: "refreshed"}


def test_only_a_token_of_this_server_is_adopted(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.have(**{VIEW: entry()})
    lab.refresh(setup=lab.elsewhere)
    theirs = lab.stored
    lab.have(**{VIEW: entry()})
    late = lambda *about: lab.have(**theirs) or opened(*about)  # noqa: E731
    monkeypatch.setattr("ocarina_kit.tokens.refresh.opened", late)
    assert lab.refresh() == {VIEW: "other-server"}


def test_a_domain_with_a_slip_in_it_takes_no_token(lab: Lab) -> None:
    """Nothing was sent there, so the token is not that server's."""
    lab.have(**{VIEW: entry()})
    mistyped = lab.setup._replace(domain="https://mjora.example/")
    assert lab.refresh(
        NoAnswer(NoAnswerKind.DNS_NONE, "there is no such host"), setup=mistyped
    ) == {VIEW: "unreached"}
    assert lab.refresh() == {VIEW: "refreshed"}


# --- the disk, and signals


@pytest.mark.parametrize(
    "blocked", [".ocarina-tokens.lock", "refresh.log", "backups", "journal"]
)
def test_where_something_cannot_be_written_nothing_is_sent(
    lab: Lab, blocked: str
) -> None:
    lab.have()
    location = (
        lab.machine.home if blocked.endswith("lock") else lab.machine.state
    ) / blocked
    location.parent.mkdir(parents=True, exist_ok=True)
    location.touch() if blocked in ("backups", "journal") else location.mkdir()
    with pytest.raises(KitError):
        lab.refresh()
    assert lab.majora.spent == []
    assert set(lab.stored) == {VIEW, READ}


UNWRITTEN = [(True, "in-journal", "RFR005"), (False, "lost", "RFR007")]


@pytest.mark.parametrize(("journal", "result", "error"), UNWRITTEN)
def test_a_token_that_cannot_be_written(
    lab: Lab, journal: bool, result: str, error: str
) -> None:
    """It is put back by the next run, or said to be lost."""
    lab.have()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def meanwhile() -> Any:
        lab.file.unlink()
        lab.file.mkdir()
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft if journal else 0, hard))
        return granted(7)

    try:
        assert lab.refresh(meanwhile, scopes=[VIEW]) == {VIEW: result}
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert lab.errors == [(error, 1 if journal else 4)]
    lab.file.rmdir()
    lab.have()
    assert lab.refresh(scopes=[VIEW]) == {VIEW: "adopted" if journal else "refreshed"}
    assert (
        (lab.stored[VIEW]["refresh_token"] == "new-refresh-7")
        == journal
        == (lab.majora.spent == [])
    )
    assert not journal_path(lab.machine, lab.setup).exists()


def test_a_bug_while_the_file_is_written_loses_nothing(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a kill at that moment does: the answer is in the journal."""
    lab.have(**{VIEW: entry()})
    with monkeypatch.context() as patched:
        patched.setattr(Store, "_write", lambda self, new: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            lab.refresh(granted(5))
    assert lab.refresh(dry_run=True) == {VIEW: "due"}
    assert lab.stored == {VIEW: entry()}
    (token,) = effective_tokens(lab.machine, lab.setup, parse(lab.file.read_bytes()))
    assert token.seconds_left(NOW) < 0, "status and doctor know that it was spent"
    assert lab.refresh(setup=lab.elsewhere) == {VIEW: "other-server"}
    journal = journal_path(lab.machine, lab.setup)
    journal.write_bytes(
        b'[]\n{"scope": 1, "key": 2, "spent": 3, "value": 4}\n' + journal.read_bytes()
    )
    assert lab.refresh() == {VIEW: "adopted"}
    assert (list(lab.stored), lab.stored[VIEW]["refresh_token"]) == (
        [VIEW],
        "new-refresh-5",
    )
    # The log learns of it, so that the token stays its server's.
    assert lab.refresh(setup=lab.elsewhere) == {VIEW: "other-server"}


def test_more_tokens_than_are_asked_about_together(lab: Lab) -> None:
    lab.have(**{f"s{n}": entry(f"s{n}", expires_at=NOW - 5) for n in range(101)})
    assert set(lab.refresh().values()) == {"refreshed"}
    assert len(lab.majora.spent) == 101


def test_without_threads_one_after_another_is_asked_about(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    lab.have()
    monkeypatch.setattr(threading.Thread, "start", refused)
    assert lab.refresh() == {VIEW: "refreshed", READ: "refreshed"}


def test_a_time_that_no_new_token_reaches_is_wrong_usage(lab: Lab) -> None:
    lab.have()
    with pytest.raises(KitError) as caught:
        lab.refresh(within=36001)
    assert (caught.value.problem.id, caught.value.problem.exit) == ("USE001", 2)
    assert "10 h" in caught.value.problem.text
    assert lab.majora.spent == []
    assert lab.refresh(within=36000) == {VIEW: "refreshed", READ: "refreshed"}


def test_a_token_for_other_scopes_is_kept_under_these(lab: Lab) -> None:
    """The refresh token is spent: what was granted is stored, and the asked one is not refreshed."""
    lab.have(**{VIEW: entry()})
    assert lab.refresh(granted(3, "other.scope")) == {
        "other.scope": "refreshed",
        VIEW: "narrowed",
    }
    assert list(lab.stored) == ["other.scope"]
    assert lab.stored["other.scope"]["refresh_token"] == "new-refresh-3"
    (problem,) = lab.report.problems(lab.setup)
    assert (problem.id, problem.exit) == ("LGN028", 1)
    assert "stored under other.scope" in problem.why


def test_a_token_in_the_journal_is_adopted_without_a_request(lab: Lab) -> None:
    lab.have(**{VIEW: entry()})
    spent = parse(lab.file.read_bytes()).tokens[0].digest
    value = {**entry(), "refresh_token": "new-refresh-7"}
    journal = journal_path(lab.machine, lab.setup)
    journal.parent.mkdir(parents=True, mode=0o700)
    line = {"scope": VIEW, "key": VIEW, "spent": spent, "value": value}
    journal.write_text(json.dumps(line))
    journal.chmod(0o600)
    file = parse(lab.file.read_bytes())
    assert [token.key for token in waiting_tokens(lab.machine, lab.setup, file)] == [
        VIEW
    ]
    adopt_waiting(lab.machine, lab.setup, "doctor")
    assert lab.stored[VIEW]["refresh_token"] == "new-refresh-7"
    assert not journal.exists()
    file = parse(lab.file.read_bytes())
    assert waiting_tokens(lab.machine, lab.setup, file) == ()
