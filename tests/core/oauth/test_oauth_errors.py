"""Every failure of a grant or refresh has an id, a reason and a next step of its own."""

from __future__ import annotations

from typing import get_args

import pytest

from ocarina_kit.core.errors import Exit, KitError
from ocarina_kit.core.oauth.answers import Granted, Refused, Unusable, UnusableReason
from ocarina_kit.core.oauth.network import NetFailure, NetKind
from ocarina_kit.core.oauth.oauth_errors import (
    Ways,
    duration,
    exchange_error,
    net_error,
    paste_error,
    refresh_error,
    unusable_error,
)
from ocarina_kit.core.oauth.paste import PasteFault, PasteKind
from ocarina_kit.core.secret import Secret
from ocarina_kit.core.tokens.retry import judge_refresh

DOMAIN = "https://majora.test/"
SCOPE = "majora2.view_biosampleartifact"
WAYS = Ways("kit fresh", "kit paste", "kit init", "kit doctor", "kit refresh")


def told(error: KitError | None) -> KitError:
    assert error is not None
    assert error.what.endswith(".")
    assert error.remedy.text
    assert error.remedy.commands
    assert all(command.startswith("kit ") for command in error.remedy.commands)
    assert "None" not in f"{error.what} {error.why} {error.remedy.text}"
    return error


def test_every_paste_has_a_message_of_its_own() -> None:
    kinds: tuple[PasteKind, ...] = get_args(PasteKind)
    errors = [
        told(paste_error(PasteFault(kind, host="x.test", error="e"), domain=DOMAIN, scope=SCOPE, ways=WAYS))
        for kind in kinds
    ]
    assert len({error.what for error in errors}) == len(kinds)
    assert len({error.id for error in errors}) == len(kinds)
    assert {error.exit for error in errors} == {Exit.PROBLEM}


def test_what_a_paste_error_names() -> None:
    other = told(paste_error(PasteFault("other-server", host="evil.test"), domain=DOMAIN, ways=WAYS))
    assert "evil.test" in other.why
    assert DOMAIN in other.why
    scope = told(paste_error(PasteFault("scope"), domain=DOMAIN, scope=SCOPE, ways=WAYS))
    assert SCOPE in scope.remedy.text
    again = told(paste_error(PasteFault("cut-off"), domain=DOMAIN, ways=WAYS))
    assert again.remedy.commands == ("kit paste",)
    fresh = told(paste_error(PasteFault("wrong-state"), domain=DOMAIN, ways=WAYS))
    assert fresh.remedy.commands == ("kit fresh",)


@pytest.mark.parametrize(
    ("answer", "id", "words"),
    [
        (Refused("invalid_grant"), "LGN021", "3 min"),
        (Refused("access_denied", "The requesting user has not enabled 2FA"), "LGN022", "two-factor"),
        (Refused("invalid_client"), "CRD001", "o/applications/"),
        (
            Refused("invalid_request", "Mismatching redirect URI."),
            "LGN023",
            "https://majora.test/o/callback/",
        ),
        (Refused("invalid_request", "Code verifier required."), "LGN024", "fresh link"),
        (Refused("invalid_scope"), "LGN012", SCOPE),
        (Refused("made_up", "odd"), "LGN025", "made_up: odd"),
        (Refused("unauthorized_client"), "LGN027", "authorization code"),
    ],
)
def test_refused_exchanges(answer: Refused, id: str, words: str) -> None:
    error = told(exchange_error(answer, domain=DOMAIN, scope=SCOPE, link_age=190, ways=WAYS))
    assert error.id == id
    assert words in f"{error.what} {error.why} {error.remedy.text}"
    assert error.exit is Exit.PROBLEM


def test_a_code_that_is_young_was_used_before() -> None:
    error = told(exchange_error(Refused("invalid_grant"), domain=DOMAIN, link_age=9, ways=WAYS))
    assert "used before" in error.why
    assert "9 s" in error.why


def test_a_clock_that_is_off_is_said() -> None:
    error = told(exchange_error(Refused("invalid_grant", skew=-3600), domain=DOMAIN, ways=WAYS))
    assert "60 min ahead of the server's" in error.why
    error = told(exchange_error(Refused("invalid_grant", skew=3600), domain=DOMAIN, ways=WAYS))
    assert "behind the server's" in error.why
    error = told(exchange_error(Refused("invalid_grant", skew=5), domain=DOMAIN, ways=WAYS))
    assert "clock" not in error.why


def test_an_exchange_whose_answer_is_lost() -> None:
    lost = Unusable("network", "cut", True, net=NetFailure("reset", "cut", sent=True))
    error = told(exchange_error(lost, domain=DOMAIN, ways=WAYS))
    assert (error.id, error.exit) == ("LGN026", Exit.UNKNOWN)
    unsent = Unusable("network", "no", False, net=NetFailure("refused", "no"))
    assert told(exchange_error(unsent, domain=DOMAIN, ways=WAYS)).id == "SRV002"


def test_every_network_failure_has_an_id_and_a_step() -> None:
    kinds: tuple[NetKind, ...] = get_args(NetKind)
    for kind in kinds:
        error = told(net_error(NetFailure(kind, "something happened"), domain=DOMAIN, ways=WAYS))
        local = kind in ("ca-bundle", "proxy-unusable", "insecure")
        assert error.exit is (Exit.PROBLEM if local else Exit.UNKNOWN)
        assert error.what == "Something happened."


def test_every_unusable_answer_is_said() -> None:
    reasons: tuple[UnusableReason, ...] = get_args(UnusableReason)
    for reason in reasons:
        error = told(unusable_error(Unusable(reason, "it said x", True), domain=DOMAIN, ways=WAYS))
        assert (error.id, error.exit) == ("SRV004", Exit.UNKNOWN)
    busy = unusable_error(Unusable("rate-limited", "429", False, retry_after=90), domain=DOMAIN, ways=WAYS)
    assert "90 s" in busy.remedy.text


BROKEN = Unusable("server-error", "it answered 502", may_have_spent=True, status=502)
DOWN = Unusable("network", "down", False, net=NetFailure("refused", "majora.test refuses"))


@pytest.mark.parametrize(
    ("answers", "id", "code"),
    [
        ([Refused("invalid_grant")], "RFR001", Exit.LOGIN),
        ([BROKEN, Refused("invalid_grant")], "RFR002", Exit.LOGIN),
        ([Refused("invalid_request")], "RFR003", Exit.PROBLEM),
        ([BROKEN], "RFR004", Exit.UNKNOWN),
        ([BROKEN, DOWN], "RFR004", Exit.UNKNOWN),
        ([Refused("invalid_client")], "CRD001", Exit.PROBLEM),
        ([Refused("unauthorized_client")], "LGN027", Exit.PROBLEM),
        ([DOWN], "SRV002", Exit.UNKNOWN),
        ([Refused("invalid_scope")], "RFR001", Exit.LOGIN),
    ],
)
def test_refreshes(answers: list[Refused | Unusable], id: str, code: Exit) -> None:
    outcome = judge_refresh(answers)
    error = told(refresh_error(outcome, domain=DOMAIN, scope=SCOPE, ways=WAYS))
    assert (error.id, error.exit) == (id, code)
    assert error.exit is outcome.exit


def test_a_refresh_that_worked_has_no_error() -> None:
    assert refresh_error(judge_refresh([Granted(Secret("a"), None, 5, None)]), domain=DOMAIN) is None


def test_what_may_be_lost_is_said_exactly() -> None:
    lost = told(refresh_error(judge_refresh([BROKEN, Refused("invalid_grant")]), domain=DOMAIN, ways=WAYS))
    assert "was spent" in lost.what
    assert lost.remedy.commands == ("kit fresh",)
    maybe = told(refresh_error(judge_refresh([BROKEN]), domain=DOMAIN, ways=WAYS))
    assert "may have been spent" in maybe.what


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (119, "119 s"), (300, "5 min"), (36000, "10 h")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
