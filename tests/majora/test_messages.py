"""Every failure of a paste, a login or a refresh has an id, a reason and a next step of its own."""

from __future__ import annotations

from typing import Any

import pytest

from ocarina_kit.majora.answers import Refused
from ocarina_kit.majora.http import NoAnswer
from ocarina_kit.majora.messages import (
    _PASTES,
    Ways,
    check_of,
    login_error,
    net_error,
    paste_error,
    refresh_error,
    used_error,
)
from ocarina_kit.majora.paste import Misread
from ocarina_kit.system.errors import Exit, KitError

DOMAIN = "https://majora.test/"
WAYS = Ways("kit fresh", "kit paste", "kit init", "kit doctor", "kit refresh", "Please give me majora2.a")
PASTES = [*_PASTES, "redirect-page", "client-page"]


def told(error: KitError) -> KitError:
    assert error.what.endswith(".")
    assert error.why
    assert error.remedy.text
    assert error.remedy.commands
    assert all(command.startswith("kit ") for command in error.remedy.commands)
    assert "None" not in f"{error.what} {error.why} {error.remedy.text}"
    return error


def test_every_paste_has_a_message_of_its_own() -> None:
    errors = [told(paste_error(Misread(kind, "x.test"), domain=DOMAIN, ways=WAYS)) for kind in PASTES]
    assert len({error.what for error in errors}) == len({error.id for error in errors}) == len(PASTES)
    assert {error.exit for error in errors} == {Exit.PROBLEM}


def test_what_a_paste_error_names() -> None:
    other = paste_error(Misread("other-server", "evil.test"), domain=DOMAIN, ways=WAYS)
    assert "evil.test" in other.why
    assert DOMAIN in other.why
    scope = paste_error(Misread("scope", "invalid_scope"), domain=DOMAIN, ways=WAYS)
    assert "Please give me majora2.a" in scope.remedy.text
    assert paste_error(Misread("cut-off"), domain=DOMAIN, ways=WAYS).remedy.commands == ("kit paste",)
    assert paste_error(Misread("wrong-state"), domain=DOMAIN, ways=WAYS).remedy.commands == ("kit fresh",)
    assert "30 s" in told(used_error(30, 90, WAYS)).what


@pytest.mark.parametrize(
    ("cause", "id", "words"),
    [
        ("grant", "LGN021", "3 min"),
        ("two-factor", "LGN022", "two-factor"),
        ("client", "CRD001", "o/applications/"),
        ("redirect-uri", "LGN023", "https://majora.test/o/callback/"),
        ("verifier", "LGN024", "new link"),
        ("scope", "LGN012", "majora2.a"),
        ("other", "LGN025", "made_up: odd"),
        ("grant-type", "LGN027", "Authorization code"),
    ],
)
def test_refused_logins(cause: str, id: str, words: str) -> None:
    error = told(login_error(Refused("made_up", "odd", cause=cause), domain=DOMAIN, link_age=190, ways=WAYS))
    assert (error.id, error.exit) == (id, Exit.PROBLEM)
    assert words in f"{error.what} {error.why} {error.remedy.text}"


def test_what_is_said_of_a_code() -> None:
    def why(**more: Any) -> str:
        return login_error(Refused("invalid_grant", cause="grant", **more), domain=DOMAIN, link_age=9).why

    assert "used before" in why()
    assert "9 s" in why()
    assert "1 h ahead of the server's" in why(skew=-3600)
    assert "behind the server's" in why(skew=3600)
    assert "clock" not in why(skew=5)


def test_a_login_without_an_answer() -> None:
    lost = told(login_error(NoAnswer("reset", "cut", True), domain=DOMAIN, ways=WAYS))
    assert (lost.id, lost.exit, lost.remedy.commands) == ("LGN026", Exit.UNKNOWN, ("kit fresh",))
    assert told(login_error(NoAnswer("refused", "no"), domain=DOMAIN, ways=WAYS)).id == "SRV002"


@pytest.mark.parametrize(
    ("answer", "spent_before", "id", "code"),
    [
        (Refused("invalid_grant", cause="grant"), False, "RFR001", Exit.LOGIN),
        (Refused("invalid_grant", cause="grant"), True, "RFR002", Exit.LOGIN),
        (Refused("invalid_scope", cause="scope"), False, "RFR001", Exit.LOGIN),
        (Refused("access_denied", cause="two-factor"), False, "RFR001", Exit.LOGIN),
        (Refused("invalid_request"), False, "RFR003", Exit.PROBLEM),
        (Refused("invalid_client", cause="client"), False, "CRD001", Exit.PROBLEM),
        (Refused("unauthorized_client", cause="grant-type"), False, "LGN027", Exit.PROBLEM),
        (NoAnswer("server-error", "it answered 502", True, 502), False, "RFR004", Exit.UNKNOWN),
        (NoAnswer("refused", "no"), True, "RFR004", Exit.UNKNOWN),
        (NoAnswer("refused", "no"), False, "SRV002", Exit.UNKNOWN),
        (NoAnswer("ca-bundle", "no"), False, "SRV003", Exit.PROBLEM),
    ],
)
def test_refreshes(answer: Any, spent_before: bool, id: str, code: int) -> None:
    error = told(refresh_error(answer, domain=DOMAIN, spent_before=spent_before, ways=WAYS))
    assert (error.id, error.exit) == (id, code)


@pytest.mark.parametrize(
    ("kind", "sent", "id", "code"),
    [
        ("dns-none", False, "SRV001", 5),
        ("dns-silent", False, "SRV001", 5),
        ("refused", False, "SRV002", 5),
        ("timeout", False, "SRV002", 5),
        ("proxy-refused", False, "SRV002", 5),
        ("proxy-auth", False, "SRV002", 5),
        ("proxy-unusable", False, "SRV002", 1),
        ("reset", False, "SRV003", 5),
        ("tls-expired", False, "SRV003", 5),
        ("tls-host", False, "SRV003", 5),
        ("tls-unknown-issuer", False, "SRV003", 5),
        ("tls-other", False, "SRV003", 5),
        ("ca-bundle", False, "SRV003", 1),
        ("timeout", True, "SRV004", 5),
        ("reset", True, "SRV004", 5),
        ("truncated", True, "SRV004", 5),
        ("too-large", True, "SRV004", 5),
        ("other", True, "SRV004", 5),
        ("redirect", False, "SRV004", 5),
        ("rate-limited", False, "SRV004", 5),
        ("insecure", False, "CFG006", 1),
        ("no-thread", False, "SYS001", 1),
    ],
)
def test_one_request_tells_which_check_failed(kind: str, sent: bool, id: str, code: int) -> None:
    answer = NoAnswer(kind, "something happened", sent)
    error = told(net_error(answer, domain=DOMAIN, ways=WAYS))
    assert (check_of(answer), error.id, error.exit, error.what) == (id, id, code, "Something happened.")


def test_how_long_to_wait() -> None:
    error = net_error(NoAnswer("rate-limited", "it answered 429", False, 429, 90), domain=DOMAIN)
    assert error.what == f"{DOMAIN} gave no usable answer: it answered 429."
    assert "1 min 30 s" in error.remedy.text
