"""A machine in a temporary home, a set-up, and a Majora that rotates tokens in memory."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ocarina_kit.config.place import Place, Setup
from ocarina_kit.majora import api
from ocarina_kit.majora.api import Granted, Majora, Refused
from ocarina_kit.majora.grant import Pending
from ocarina_kit.majora.http import NoAnswer
from ocarina_kit.system.errors import worst
from ocarina_kit.system.machine import Completed, Machine
from ocarina_kit.system.secret import Secret
from ocarina_kit.tokens.login import redeem
from ocarina_kit.tokens.logout import logout
from ocarina_kit.tokens.outcome import Report
from ocarina_kit.tokens.refresh import refresh

NOW = 1_795_500_000.0
VIEW = "majora2.view_biosampleartifact"
READ = "majora2.temp_can_read_pags_via_api"
DOMAIN = "https://majora.example/"
OTHER = "https://majora-test.example/"

GONE = Refused("invalid_grant", "", 400, "grant")
DOWN = NoAnswer("refused", "it refuses the connection")
SILENT = NoAnswer("timeout", "it did not answer", sent=True)


def entry(scope: str = VIEW, **changes: Any) -> dict[str, Any]:
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


def granted(number: int = 1, scope: str | None = None, **changes: Any) -> Granted:
    words = tuple(scope.split()) if scope else None
    return Granted(Secret(f"new-access-{number}"), Secret(f"new-refresh-{number}"), 36000, words)._replace(
        **changes
    )


class Server(Majora):
    """Answers from ``script`` (by refresh token: answers in their order, or functions), else as Majora does: each
    refresh token can be spent once. ``spent`` and ``revoked``: what was sent."""

    script: dict[str, list[Any]]
    spent: list[str]
    revoked: list[str]

    def refresh(self, refresh_token: Secret, seconds: float = 60.0) -> Any:
        text = refresh_token.reveal()
        with _LOCK:
            self.spent.append(text)
            if answers := self.script.get(text):
                answer = answers.pop(0)
                return answer() if callable(answer) else answer
            return GONE if text in self.spent[:-1] else granted(next(_NUMBERS))

    def exchange(self, code: Secret, verifier: Secret, redirect_uri: str, seconds: float = 60.0) -> Any:
        return self.refresh(code)

    def revoke(self, token: Secret, hint: str = "refresh_token") -> Any:
        self.revoked.append(token.reveal())
        answers = self.script.get(token.reveal())
        return answers.pop(0) if answers else None


_LOCK = threading.RLock()
_NUMBERS = itertools.count(1)


class Clock:
    """Time passes by sleeping alone."""

    def __init__(self) -> None:
        self.now = NOW

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Lab:
    """A machine with a set-up. ``report`` is that of the last run, ``majora`` its server."""

    def __init__(self, home: Path) -> None:
        self.clock = Clock()
        read: Callable[[], float] = lambda: self.clock.now  # noqa: E731
        self.machine = Machine({}, home, "hoot", "login1", _no_process, read, read, self.clock.sleep)
        self.setup = Setup(Place(home / ".ocarina"), DOMAIN, "hoot", home / ".ocarina-tokens")
        self.elsewhere = self.setup._replace(domain=OTHER)
        self.report = Report(())
        self.answer({})

    def answer(self, script: dict[str, list[Any]]) -> None:
        """Put a new server in place, with these answers."""
        self.majora = Server(self.machine, DOMAIN)
        self.majora.script, self.majora.spent, self.majora.revoked = script, [], []

    @property
    def file(self) -> Path:
        return self.setup.tokens_file

    @property
    def stored(self) -> Any:
        return json.loads(self.file.read_bytes())

    @property
    def log(self) -> list[dict[str, str]]:
        path = self.machine.state / "refresh.log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def have(self, **entries: Any) -> None:
        """Write the tokens file, as the client would."""
        self.file.write_text(json.dumps(entries or {VIEW: entry(), READ: entry(READ)}))

    def refresh(
        self, *answers: Any, setup: Setup | None = None, script: Any = None, **how: Any
    ) -> dict[str, str]:
        """The results by scope; ``answers`` are those to the refresh token of ``VIEW``."""
        return self._run(refresh, "refresh-fact", answers, setup, script, **how)

    def logout(self, *answers: Any, setup: Setup | None = None, **how: Any) -> dict[str, str]:
        return self._run(logout, "refresh-fact", answers, setup, None, **how)

    def redeem(self, pending: Pending, *answers: Any, setup: Setup | None = None) -> dict[str, str]:
        how: dict[str, Any] = {"pending": pending, "code": Secret("the-code")}
        return self._run(redeem, "the-code", answers, setup, None, **how)

    def _run(
        self, run: Callable[..., Report], secret: str, answers: Any, setup: Any, script: Any, **how: Any
    ) -> dict[str, str]:
        self.answer(script or {secret: list(answers)})
        self.report = run(self.machine, setup or self.setup, **how)
        return {each.scope: each.result for each in self.report.outcomes}

    @property
    def exit(self) -> int:
        return worst(error.exit for error in self.report.errors(self.setup))


def _no_process(argv: Any, **_: Any) -> Completed:
    return Completed(None, error="not found")


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    made = Lab(tmp_path)
    monkeypatch.setattr(api, "Majora", lambda *_: made.majora)
    return made
