"""A machine in a temporary home, a set-up, and a Majora that rotates tokens in memory."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from ocarina_kit.config.location import Setup, SetupLocation
from ocarina_kit.majora import api
from ocarina_kit.majora.answers import Granted, RefusalCause, Refused
from ocarina_kit.majora.failures import NoAnswer, NoAnswerKind
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.process import run
from ocarina_kit.system.secret import Secret
from ocarina_kit.tokens.outcome import Report
from ocarina_kit.tokens.refresh import refresh

NOW = 1_795_500_000.0
VIEW = "majora2.view_biosampleartifact"
READ = "majora2.temp_can_read_pags_via_api"
DOMAIN = "https://majora.example/"
OTHER = "https://majora-test.example/"

GONE = Refused("invalid_grant", cause=RefusalCause.GRANT)
DOWN = NoAnswer(NoAnswerKind.REFUSED, "it refuses the connection")
SILENT = NoAnswer(NoAnswerKind.TIMEOUT, "it did not answer", sent=True)
BUSY = NoAnswer(NoAnswerKind.RATE_LIMITED, "it answered 429", False, 429)
LATE = NoAnswer(NoAnswerKind.SERVER_ERROR, "it answered 502", True, 502)


def entry(scope: str = VIEW, /, **changes: Any) -> dict[str, Any]:
    """An entry as the client writes it; a change to None takes the setting out."""
    settings = {
        "access_token": f"access-{scope[-4:]}",
        "expires_in": 36000,
        "token_type": "Bearer",
        "scope": scope.split(" "),
        "refresh_token": f"refresh-{scope[-4:]}",
        "expires_at": NOW + 1000.5,
        **changes,
    }
    return {name: value for name, value in settings.items() if value is not None}


def granted(number: int = 1, scope: str = "", **changes: Any) -> Granted:
    pair = Secret(f"new-access-{number}"), Secret(f"new-refresh-{number}")
    return Granted(*pair, 36000, tuple(scope.split()) or None)._replace(**changes)


class Server:
    """Stands for `Majora`: gives ``answers`` to the refresh token of VIEW or a code, and ``others`` to that of READ, in
    their order (a function is called); else as Majora does: each can be spent once. ``spent``: what was sent."""

    numbers = itertools.count(1000)  # no other test counts with as large ones

    def __init__(self, answers: Any = (), others: Any = ()) -> None:
        mine = list(answers)
        self.script = {
            "refresh-fact": mine,
            "the-code": mine,
            "refresh-_api": list(others),
        }
        self.spent: list[str] = []

    def refresh(self, secret: Secret, seconds: float) -> Any:
        text = secret.reveal()
        self.spent.append(text)
        if answers := self.script.get(text):
            answer = answers.pop(0)
            return answer() if callable(answer) else answer
        return GONE if self.spent.count(text) > 1 else granted(next(self.numbers))

    def exchange(self, code: Secret, verifier: Secret, seconds: float) -> Any:
        return self.refresh(code, seconds)

    def revoke(self, token: Secret, hint: str) -> Any:
        answers = self.script.get(token.reveal())
        return answers.pop(0) if answers else None


class Lab:
    """A machine with a set-up, where time passes by sleeping alone. ``report`` is that of the last run, ``majora`` its
    server."""

    def __init__(self, home: Path) -> None:
        self.time, self.file = NOW, home / ".ocarina-tokens"
        self.machine = Machine(
            {}, home, "hoot", "login1", run, self.now, self.now, self.sleep
        )
        self.setup = Setup(SetupLocation(home / ".ocarina"), DOMAIN, "hoot", self.file)
        self.elsewhere = self.setup._replace(domain=OTHER)
        self.majora, self.report = Server(), Report(())

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    @property
    def stored(self) -> Any:
        return json.loads(self.file.read_bytes())

    @property
    def errors(self) -> list[tuple[str, int]]:
        """Id and exit code of each error of the last run."""
        return [(error.id, error.exit) for error in self.report.problems(self.setup)]

    def have(self, **entries: Any) -> None:
        """Write the tokens file, as the client would."""
        self.file.write_text(json.dumps(entries or {VIEW: entry(), READ: entry(READ)}))

    def run(
        self,
        command: Any,
        *answers: Any,
        setup: Any = None,
        others: Any = (),
        **how: Any,
    ) -> dict[str, str]:
        """The results by scope; ``answers`` and ``others`` are those of the `Server`."""
        self.majora = Server(answers, others)
        self.report = command(self.machine, setup or self.setup, **how)
        return {each.scope: each.result for each in self.report.outcomes}

    def refresh(self, *answers: Any, **how: Any) -> dict[str, str]:
        return self.run(refresh, *answers, **how)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    made = Lab(tmp_path)
    monkeypatch.setattr(api, "Majora", lambda *_: made.majora)
    return made
