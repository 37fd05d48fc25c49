"""A code that becomes a token, and tokens that are given back."""

from typing import Any

import pytest
from tests.tokens.conftest import DOWN, GONE, READ, SILENT, VIEW, Lab, entry, granted

from ocarina_kit.majora.answers import RefusalCause, Refused
from ocarina_kit.majora.failures import NoAnswer, NoAnswerKind
from ocarina_kit.majora.grant import last_logins, new_pending, save_pending
from ocarina_kit.system.problem import KitError
from ocarina_kit.system.secret import Secret
from ocarina_kit.tokens import log
from ocarina_kit.tokens.file import parse, read_token
from ocarina_kit.tokens.login import prove_writable, redeem
from ocarina_kit.tokens.logout import logout
from ocarina_kit.tokens.owner import note_use
from ocarina_kit.tokens.store import plan_other_server


def log_in(lab: Lab, *answers: Any, **how: Any) -> dict[str, str]:
    pending, _ = new_pending(lab.machine, lab.setup, VIEW)
    save_pending(lab.machine, pending)
    return lab.run(redeem, *answers, pending=pending, code=Secret("the-code"), **how)


EXCHANGES: list[tuple[list[Any], str, str, int, bool]] = [
    # answers in their order, result, error, requests, whether the link can be used again
    ([granted(1, VIEW)], "logged-in", "", 1, False),
    ([DOWN, granted(1)], "logged-in", "", 2, False),
    ([granted(1, "other")], "narrowed", "LGN028", 1, False),
    ([GONE], "failed", "LGN021", 1, False),
    (
        [Refused("invalid_client", cause=RefusalCause.CLIENT)],
        "failed",
        "CRD001",
        1,
        True,
    ),
    (
        [Refused("access_denied", cause=RefusalCause.TWO_FACTOR)],
        "failed",
        "LGN022",
        1,
        True,
    ),
    ([Refused("made_up")], "failed", "LGN025", 1, True),
    (
        [Refused("unauthorized_client", cause=RefusalCause.GRANT_TYPE)],
        "failed",
        "LGN027",
        1,
        True,
    ),
    ([SILENT], "failed", "LGN026", 1, True),
    ([DOWN, DOWN, DOWN], "failed", "SRV002", 3, True),
]


@pytest.mark.parametrize(("answers", "result", "id", "requests", "left"), EXCHANGES)
def test_what_a_code_becomes(
    lab: Lab, answers: Any, result: str, id: str, requests: int, left: bool
) -> None:
    lab.have(**{READ: entry(READ)})
    key = "other" if result == "narrowed" else VIEW
    assert log_in(lab, *answers) == {key: result}
    assert [error for error, _ in lab.errors] == ([id] if id else [])
    assert len(lab.majora.spent) == requests
    assert [not each.sent for each in last_logins(lab.machine)] == [left]
    assert set(lab.stored) == ({READ} if result == "failed" else {READ, key})
    if result != "failed":
        assert lab.stored[key]["refresh_token"] == "new-refresh-1"
        line = log.read_log(lab.machine)[-1]
        assert (line.result, line.scope) == ("logged-in", key)


def test_a_login_at_another_server_leaves_the_old_tokens_their_own(lab: Lab) -> None:
    lab.have(**{READ: entry(READ)})
    log_in(lab)
    lab.have(
        **{READ: entry(READ, refresh_token="of-the-client"), VIEW: lab.stored[VIEW]}
    )
    log_in(lab, setup=lab.elsewhere)
    assert lab.refresh(setup=lab.elsewhere) == {READ: "other-server", VIEW: "refreshed"}


def test_a_new_token_that_could_not_be_saved_is_logged_as_that(lab: Lab) -> None:
    assert log_in(lab, lambda: lab.file.mkdir() or granted(1, VIEW)) == {
        VIEW: "in-journal"
    }
    assert log.read_log(lab.machine)[-1].result == "in-journal"
    lab.file.rmdir()
    assert lab.run(logout, scopes=[VIEW]) == {VIEW: "revoked"}


def test_a_login_that_cannot_be_saved_is_not_begun(lab: Lab) -> None:
    prove_writable(lab.machine, lab.setup)
    assert not lab.file.exists()
    lab.file.mkdir()
    with pytest.raises(KitError):
        prove_writable(lab.machine, lab.setup)


def test_init_sets_the_tokens_of_the_old_server_aside(lab: Lab) -> None:
    machine, there = lab.machine, lab.elsewhere
    assert plan_other_server(machine, there) is None
    lab.have(**{VIEW: entry(), READ: entry(READ)})
    log.append(
        machine,
        [
            log.make_line(
                machine,
                there,
                "login",
                "logged-in",
                READ,
                read_token(READ, entry(READ)),
            )
        ],
    )
    change = plan_other_server(machine, there)
    assert change is not None
    assert change.before == lab.file.read_bytes()
    assert list(parse(change.after).entries) == [READ]
    note_use(machine, there, "init")
    lab.have(**{VIEW: entry(refresh_token="of-the-client")})
    assert lab.refresh() == {VIEW: "other-server"}
    assert lab.refresh(setup=there) == {VIEW: "refreshed"}


NOT_REVOKED = [
    (SILENT, "SRV004", 5),
    (Refused("invalid_client", cause=RefusalCause.CLIENT), "CRD001", 1),
    (Refused("server_error"), "LGO001", 5),
    (NoAnswer(NoAnswerKind.CA_BUNDLE, "no CA bundle"), "SRV003", 1),
]


@pytest.mark.parametrize(("answer", "id", "code"), NOT_REVOKED)
def test_what_the_server_did_not_confirm_is_kept(
    lab: Lab, answer: Any, id: str, code: int
) -> None:
    lab.have()
    assert lab.run(logout, answer, scopes=[VIEW, READ]) == {
        VIEW: "kept",
        READ: "revoked",
    }
    assert lab.errors == [(id, code)]
    assert lab.stored == {VIEW: entry()}
    assert lab.run(logout, scopes=[VIEW], local=True) == {VIEW: "forgotten"}
    assert lab.stored == {}
