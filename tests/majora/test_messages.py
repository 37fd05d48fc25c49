"""Every failure of a paste, a login or a refresh has an id, a reason and a next step."""

from __future__ import annotations

from typing import Any

import pytest

from ocarina_kit.majora.api import Refused
from ocarina_kit.majora.http import NoAnswer
from ocarina_kit.majora.messages import (
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
    assert [command.partition(" ")[0] for command in error.remedy.commands] == ["kit"]
    words = f"{error.what} {error.why} {error.remedy.text} {error.remedy.commands[0]}"
    assert ("None" in words, "{" in words) == (False, False)
    return words


PASTES = [
    # kind, id, words, command
    ("empty", "LGN001", "Nothing was pasted", "paste"),
    ("log-in-page", "LGN004", "log-in page", "paste"),
    ("authorize-link", "LGN003", "the link to open", "paste"),
    ("other-server", "LGN005", f"at x.test; the server of this set-up is {DOMAIN}", "paste"),
    ("wrong-state", "LGN006", "earlier link", "fresh"),
    ("no-code", "LGN008", "no code", "paste"),
    ("no-state", "LGN009", "state", "paste"),
    ("several", "LGN010", "one at a time", "paste"),
    ("denied", "LGN011", "cancelled", "fresh"),
    ("scope", "LGN012", "Please give me majora2.a", "fresh"),
    ("error", "LGN013", "It answered x.test", "fresh"),
    ("redirect-uri", "LGN023", "https://majora.test/o/callback/", "fresh"),
    ("client", "CRD001", "The browser shows: x.test.", "init"),
]


@pytest.mark.parametrize(("kind", "id", "words", "command"), PASTES)
def test_pastes(kind: str, id: str, words: str, command: str) -> None:
    error = paste_error(Misread(kind, "x.test"), domain=DOMAIN, ways=WAYS)
    assert (error.id, error.exit) == (id, 1)
    assert words in told(error)
    assert told(error).endswith(f"kit {command}")


LOGINS: list[tuple[Any, str, int, str]] = [
    (
        Refused("invalid_grant", cause="grant", skew=-3600),
        "LGN021",
        1,
        "10 s ago. This machine's clock is 1 h",
    ),
    (Refused("access_denied", cause="two-factor"), "LGN022", 1, "account/two_factor/ in a browser"),
    (Refused("invalid_client", cause="client"), "CRD001", 1, "o/applications/ kit init"),
    (Refused("invalid_request", cause="redirect-uri"), "LGN023", 1, "https://majora.test/o/callback/"),
    (Refused("invalid_scope", cause="scope"), "LGN012", 1, "majora2.a"),
    (Refused("made_up", "odd."), "LGN025", 1, "made_up: odd. See"),
    (Refused("unauthorized_client", cause="grant-type"), "LGN027", 1, "Authorization code. kit fresh"),
    (NoAnswer("reset", "cut", True), "LGN026", 5, "Cut. The code may have been used"),
    (NoAnswer("refused", "no"), "SRV002", 5, "No."),
]


@pytest.mark.parametrize(("answer", "id", "code", "words"), LOGINS)
def test_logins(answer: Any, id: str, code: int, words: str) -> None:
    error = login_error(answer, domain=DOMAIN, link_age=190, ways=WAYS)
    assert (error.id, error.exit) == (id, code)
    assert words in told(error)


def test_what_is_said_of_a_code() -> None:
    def why(age: float, skew: float = 0.0) -> str:
        refused = Refused("invalid_grant", cause="grant", skew=skew)
        return login_error(refused, domain=DOMAIN, link_age=age).why

    assert "another link: the link was shown 1 min ago" in why(60)
    assert "too late" in why(61)
    assert "clock" not in why(60, 59)
    assert "1 min behind the server's" in why(60, 60)
    used = used_error(30, 90, domain=DOMAIN, ways=WAYS)
    assert used.id == "LGN021"
    assert "used 30 s ago. The link was shown 1 min 30 s ago" in told(used)


REFRESHES: list[tuple[Any, bool, str, int, str]] = [
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
]


@pytest.mark.parametrize(("answer", "spent_before", "id", "code", "command"), REFRESHES)
def test_refreshes(answer: Any, spent_before: bool, id: str, code: int, command: str) -> None:
    error = refresh_error(answer, domain=DOMAIN, spent_before=spent_before, ways=WAYS)
    assert (error.id, error.exit) == (id, code)
    assert told(error).endswith(f"kit {command}")
    assert ("Please give me" in told(error)) is (isinstance(answer, Refused) and answer.cause == "scope")


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
        again = kind in ("timeout", "reset", "server-error", "rate-limited")
        assert ("Try again later" in told(error)) is again
    busy = net_error(NoAnswer("rate-limited", "it answered 429", False, 429, 90), domain=DOMAIN)
    assert busy.what == f"{DOMAIN} gave no usable answer: it answered 429."
    assert busy.remedy.text == "Try again in 1 min 30 s."
