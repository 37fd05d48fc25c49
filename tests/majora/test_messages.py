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
from ocarina_kit.system.errors import KitError

DOMAIN = "https://majora.test/"
WAYS = Ways("kit fresh", "kit paste", "kit init", "kit doctor", "kit refresh", "Please give me majora2.a")


def told(error: KitError) -> str:
    """The words of an error, which is complete."""
    assert error.what.endswith(".")
    assert error.why
    assert error.remedy.text
    assert [command.partition(" ")[0] for command in error.remedy.commands] == ["kit"]
    words = f"{error.what} {error.why} {error.remedy.text} {error.remedy.commands[0]}"
    assert "None" not in words
    return words


def test_every_paste_has_a_message_of_its_own() -> None:
    kinds = [*_PASTES, "redirect-page", "client-page"]
    errors = {kind: paste_error(Misread(kind, "x.test"), domain=DOMAIN, ways=WAYS) for kind in kinds}
    said = {kind: told(error) for kind, error in errors.items()}
    assert (
        len({error.what for error in errors.values()})
        == len({error.id for error in errors.values()})
        == len(kinds)
    )
    assert {error.exit for error in errors.values()} == {1}
    assert "x.test" in said["other-server"]
    assert DOMAIN in said["other-server"]
    assert "Please give me majora2.a" in said["scope"]
    fresh = [kind for kind, words in said.items() if words.endswith("kit fresh")]
    assert fresh == ["wrong-state", "denied", "scope", "error", "redirect-page"]
    assert "30 s ago. A code" in told(used_error(30, 90, WAYS))


@pytest.mark.parametrize(
    ("cause", "id", "words"),
    [
        ("grant", "LGN021", "3 min"),
        ("two-factor", "LGN022", "two-factor"),
        ("client", "CRD001", "o/applications/ kit init"),
        ("redirect-uri", "LGN023", "https://majora.test/o/callback/"),
        ("scope", "LGN012", "majora2.a"),
        ("other", "LGN025", "made_up: odd."),
        ("grant-type", "LGN027", "Authorization code. kit fresh"),
    ],
)
def test_refused_logins(cause: str, id: str, words: str) -> None:
    error = login_error(Refused("made_up", "odd.", cause=cause), domain=DOMAIN, link_age=190, ways=WAYS)
    assert (error.id, error.exit) == (id, 1)
    assert words in told(error)


def test_what_is_said_of_a_code() -> None:
    def why(age: float = 9, **more: Any) -> str:
        refused = Refused("invalid_grant", cause="grant", **more)
        return login_error(refused, domain=DOMAIN, link_age=age).why

    assert why() == why(60, skew=-59).replace("1 min", "9 s")
    assert "used before" in why()
    assert "9 s" in why()
    assert "valid for 60 s" in why(61)
    assert "1 h ahead of the server's" in why(skew=-3600)
    assert "1 min behind the server's" in why(skew=60)


def test_a_login_without_an_answer() -> None:
    lost = login_error(NoAnswer("reset", "cut", True), domain=DOMAIN, ways=WAYS)
    assert (lost.id, lost.exit, lost.remedy.commands) == ("LGN026", 5, ("kit fresh",))
    assert "Cut. The code may have been used" in told(lost)
    assert login_error(NoAnswer("refused", "no"), domain=DOMAIN, ways=WAYS).id == "SRV002"


@pytest.mark.parametrize(
    ("answer", "spent_before", "id", "code", "command"),
    [
        (Refused("invalid_grant", cause="grant"), False, "RFR001", 4, "fresh"),
        (Refused("invalid_grant", cause="grant"), True, "RFR002", 4, "fresh"),
        (Refused("invalid_scope", cause="scope"), False, "RFR001", 4, "fresh"),
        (Refused("access_denied", cause="two-factor"), False, "RFR001", 4, "fresh"),
        (Refused("invalid_request"), False, "RFR003", 1, "doctor"),
        (Refused("invalid_request", cause="redirect-uri"), False, "RFR003", 1, "doctor"),
        (Refused("invalid_client", cause="client"), False, "CRD001", 1, "init"),
        (Refused("unauthorized_client", cause="grant-type"), False, "LGN027", 1, "fresh"),
        (NoAnswer("server-error", "it answered 502", True, 502), False, "RFR004", 5, "refresh"),
        (NoAnswer("refused", "no"), True, "RFR004", 5, "refresh"),
        (NoAnswer("refused", "no"), False, "SRV002", 5, "doctor"),
        (NoAnswer("ca-bundle", "no"), False, "SRV003", 1, "doctor"),
    ],
)
def test_refreshes(answer: Any, spent_before: bool, id: str, code: int, command: str) -> None:
    error = refresh_error(answer, domain=DOMAIN, spent_before=spent_before, ways=WAYS)
    assert (error.id, error.exit) == (id, code)
    assert told(error).endswith(f"kit {command}")


@pytest.mark.parametrize(
    ("kinds", "sent", "id", "code"),
    [
        ("dns-none dns-silent", False, "SRV001", 5),
        ("refused timeout proxy-refused proxy-auth", False, "SRV002", 5),
        ("proxy-unusable", False, "SRV002", 1),
        ("reset tls-expired tls-host tls-unknown-issuer tls-other", False, "SRV003", 5),
        ("ca-bundle", False, "SRV003", 1),
        ("timeout reset other server-error", True, "SRV004", 5),
        ("other rate-limited", False, "SRV004", 5),
        ("insecure", False, "CFG006", 1),
        ("no-thread", False, "SYS001", 1),
    ],
)
def test_one_request_tells_which_check_failed(kinds: str, sent: bool, id: str, code: int) -> None:
    for kind in kinds.split():
        answer = NoAnswer(kind, "something happened", sent)
        error = net_error(answer, domain=DOMAIN, ways=WAYS)
        assert (check_of(answer), error.id, error.exit, error.what) == (id, id, code, "Something happened.")
        assert ("Try again later" in told(error)) is (
            kind in ("timeout", "reset", "server-error", "rate-limited")
        )


def test_how_long_to_wait() -> None:
    error = net_error(NoAnswer("rate-limited", "it answered 429", False, 429, 90), domain=DOMAIN)
    assert error.what == f"{DOMAIN} gave no usable answer: it answered 429."
    assert "1 min 30 s" in error.remedy.text
