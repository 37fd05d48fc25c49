"""Every problem has an id, a reason and a next step.

Those of refresh and login are in the tests of these.
"""

import inspect
from pathlib import Path
from typing import Any

import pytest
from tests.tokens.conftest import DOMAIN, GONE, VIEW, Lab

from ocarina_kit.client.scopes import PURPOSES
from ocarina_kit.majora.answers import Refused
from ocarina_kit.majora.failures import NoAnswer, NoAnswerKind
from ocarina_kit.majora.paste import PasteProblem
from ocarina_kit.majora.problems import check_of, no_answer
from ocarina_kit.system.files import read_file
from ocarina_kit.system.problem import Problem
from ocarina_kit.tokens import problems

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
def test_pastes(lab: Lab, kind: Any, id: str, words: str, command: str) -> None:
    paste = PasteProblem(kind, "x.test")
    problem = problems.unusable_paste(paste, lab.setup, (VIEW,))
    assert (problem.id, problem.exit) == (id, 1)
    assert words in f"{problem.text} {problem.why} {problem.remedy.text}"
    assert problem.remedy.commands == (f"ocarina-kit {command}",)


FUNCTIONS = [
    function
    for name, function in inspect.getmembers(problems, inspect.isfunction)
    if function.__module__ == problems.__name__ and not name.startswith("_")
]


def describing(lab: Lab) -> list[Problem]:
    """Every problem of the page, with sample values."""
    samples = {
        "setup": lab.setup,
        "scope": VIEW,
        "scopes": (VIEW,),
        "login": "",
        "why": "Majora said no.",
        "granted": "x.y",
        "answer": Refused("invalid_grant", "no"),
        "paste": PasteProblem("error", "Majora said no."),
        "link_age": 30.0,
        "seconds": 90.0,
        "longest": 60.0,
        "journal": Path("/journal"),
        "owner": "https://other.test/",
        "damage": (1, 2),
        "readable": 3,
        "file": read_file(Path("/")),
        "path": Path("/x"),
        "kind": "a configuration",
    }
    made = []
    for function in FUNCTIONS:
        if inspect.signature(function).return_annotation == "Problem":
            names = inspect.signature(function).parameters
            made.append(function(*(samples[name] for name in names)))
    return made


def test_each_problem_is_complete(lab: Lab) -> None:
    made = describing(lab)
    assert len(made) > 25
    for problem in made:
        sentences = f"{problem.text} {problem.why} {problem.remedy.text}"
        assert problem.id
        assert problem.remedy.text or problem.remedy.commands, problem
        assert problem.text[0].isupper() or problem.text[0] == "/"
        assert problem.text.endswith("."), problem
        assert "None" not in sentences
        assert "{" not in sentences


def test_what_is_said_of_a_code(lab: Lab) -> None:
    def why(age: float, skew: float = 0.0) -> str:
        answer = GONE._replace(skew=skew)
        return problems.login_failed(answer, lab.setup, VIEW, age).why

    assert "another link: the link was shown 1 min ago" in why(60)
    assert "too old" in why(61)
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
        problem = no_answer(answer, lab.setup)
        assert (check_of(answer), problem.id, problem.exit) == (id, id, code)
        assert problem.text == "Something happened."
        assert problem.remedy.commands == (
            f"ocarina-kit {'init' if id == 'CFG006' else 'doctor'}",
        )
    busy = no_answer(
        NoAnswer(NoAnswerKind.RATE_LIMITED, "it answered 429", False, 429, 90),
        lab.setup,
    )
    assert busy.text == "There was no usable answer: it answered 429."
    assert busy.remedy.text == "Try again in 1 min 30 s."


def test_of_many_tokens_three_are_named() -> None:
    scopes = [purpose.scope for purpose in PURPOSES[:5]]
    assert problems.describe_tokens(scopes[:1]) == "token to look up samples and runs"
    assert "more" not in problems.describe_tokens(scopes[:4])
    assert problems.describe_tokens(scopes).endswith(" and 2 more")
