"""Every failure has an id, a reason and a next step. Those of refresh and login are in the tests of these."""

import pytest
from tests.tokens.conftest import DOMAIN, GONE, VIEW, Lab

from ocarina_kit.client.scopes import PURPOSES
from ocarina_kit.majora.failures import NoAnswer, NoAnswerKind
from ocarina_kit.tokens import told
from ocarina_kit.tokens.told import _FAULTS

LOGIN, PASTE = "login --for lookup", "login --callback -"
PASTES = [
    # kind, id, words, command
    ("empty", "LGN001", "Nothing was pasted", PASTE),
    ("log-in-page", "LGN004", "log-in page", PASTE),
    (
        "other-server",
        "LGN005",
        f"at x.test; the server of this set-up is {DOMAIN}",
        PASTE,
    ),
    ("no-state", "LGN009", "state", PASTE),
    ("denied", "LGN011", "cancelled", LOGIN),
    ("scope", "LGN012", f"all of these permissions:\n  {VIEW}", LOGIN),
    ("error", "LGN013", "x.test", LOGIN),
    ("redirect-uri", "LGN023", f"{DOMAIN}o/callback/", LOGIN),
    (
        "client",
        "CRD001",
        f"At {DOMAIN}o/applications/ copy id and secret again. Register the",
        "init",
    ),
]


@pytest.mark.parametrize(("kind", "id", "words", "command"), PASTES)
def test_pastes(lab: Lab, kind: str, id: str, words: str, command: str) -> None:
    error = told.error(kind, lab.setup, (VIEW,), said="x.test")
    assert (error.id, error.exit) == (id, 1)
    assert words in f"{error.what} {error.why} {error.remedy.text}"
    assert error.remedy.commands == (f"ocarina-kit {command}",)


@pytest.mark.parametrize("fault", _FAULTS)
def test_each_error_is_complete(lab: Lab, fault: str) -> None:
    values = dict.fromkeys(("key", "journal", "owner", "line", "column", "kept"), "x")
    error = told.error(fault, lab.setup, said="Said.", **values)
    words = f"{error.what} {error.why} {error.remedy.text}"
    assert error.why
    assert error.remedy.text
    # Only the lead of the site can help with an account.
    assert bool(error.remedy.commands) == (fault != "account-inactive")
    assert ("None" in words, "{" in words, "What to write" in words) == (
        False,
        False,
        False,
    )


def test_what_is_said_of_a_code(lab: Lab) -> None:
    def why(age: float, skew: float = 0.0) -> str:
        return told.no_login(GONE._replace(skew=skew), lab.setup, VIEW, age).why

    assert "another link: the link was shown 1 min ago" in why(60)
    assert "too late" in why(61)
    assert "clock" not in why(60, 60)
    assert "1 min 1 s behind the server's" in why(60, 61)
    assert "1 h ahead of the server's" in why(60, -3600)


NETWORK = [
    ("dns-none dns-silent", False, "SRV001", 5),
    ("refused timeout proxy-refused proxy-auth", False, "SRV002", 5),
    ("proxy-unusable", False, "SRV002", 1),
    ("reset tls-expired tls-host tls-unknown-issuer tls-other", False, "SRV003", 5),
    ("ca-bundle", False, "SRV003", 1),
    ("timeout reset other server-error", True, "SRV004", 5),
    ("other rate-limited", False, "SRV004", 5),
    ("insecure", False, "CFG006", 1),
    ("no-thread", False, "SYS001", 1),
]


@pytest.mark.parametrize(("kinds", "sent", "id", "code"), NETWORK)
def test_one_request_tells_which_check_failed(
    lab: Lab, kinds: str, sent: bool, id: str, code: int
) -> None:
    for kind in kinds.split():
        answer = NoAnswer(NoAnswerKind(kind), "something happened", sent)
        error = told.no_answer(answer, lab.setup)
        assert (told.check_of(answer), error.id, error.exit) == (id, id, code)
        assert error.what == "Something happened."
        assert error.remedy.commands == (
            f"ocarina-kit {'init' if id == 'CFG006' else 'doctor'}",
        )
    busy = told.no_answer(
        NoAnswer(NoAnswerKind.RATE_LIMITED, "it answered 429", False, 429, 90),
        lab.setup,
    )
    assert busy.what == "There was no usable answer: it answered 429."
    assert busy.remedy.text == "Try again in 1 min 30 s."


def test_of_many_tokens_three_are_named() -> None:
    scopes = [each.scope for each in PURPOSES[:5]]
    assert told.named(scopes[:1]) == "token to look up samples and runs"
    assert "more" not in told.named(scopes[:4])
    assert told.named(scopes).endswith(" and 2 more")
