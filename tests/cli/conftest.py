"""A set-up at a sandbox Majora, for the commands that talk to a server."""

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.conftest import Kit
from tests.terminal import Screen

from ocarina_kit.client.scopes import scopes_for
from ocarina_kit.sandbox import Sandbox, install_standin

LINK = r"https?://\S+/o/authorize/\S+"
LOOKUP = "majora2.view_biosampleartifact"
UPLOAD = scopes_for(["upload"])
_numbers = itertools.count(1)


class Lab:
    """A person with an account, an application, a configuration and the kit."""

    def __init__(self, kit: Kit, majora: Sandbox, client: Path) -> None:
        self.kit, self.majora, self.client = kit, majora, client
        self.user, self.app = kit.set_up(majora, f"person{next(_numbers)}")
        self.config = kit.read_config()
        kit.extra["PATH"] = f"{client.parent}:{kit.env['PATH']}"

    def screen(self, *args: str, **how: Any) -> Screen:
        """A command at a terminal."""
        return Screen.of(self.kit, *args, **how)

    def talk(
        self, command: str, *turns: str | tuple[str, str], ends: int = 0, **how: Any
    ) -> str:
        """A command at a terminal, talked with to its end; what it showed."""
        with self.screen(*command.split(), **how) as screen:
            talk(screen, *turns, ends=ends)
            return screen.text

    def authorize(self, link: str) -> str:
        """The address of the page that opens; its code must never be shown."""
        address = self.majora.authorize(self.user, link)
        self.kit.secrets |= set(parse_qs(urlsplit(address).query).get("code", []))
        return address

    def give(self, *scopes: str, age: float = 0.0, **changes: Any) -> dict[str, Any]:
        """Tokens in the file, issued ``age`` seconds ago; they must never be shown."""
        tokens = {
            scope: self.majora.grant(self.user, self.app, scope, age)
            for scope in scopes
        }
        for token in tokens.values():
            token.update(changes)
            self.kit.secrets |= {token["access_token"], token["refresh_token"]} - {None}
        self.kit.write_tokens(tokens)
        return tokens

    def state(self, scope: str = LOOKUP) -> str:
        """What the server says of the access token in the file."""
        return str(
            self.majora.token_state(self.kit.read_tokens()[scope]["access_token"])
        )

    def has_expired(self) -> None:
        """Let every token expire, here and at the server."""
        tokens = self.kit.read_tokens()
        for token in tokens.values():
            token["expires_at"] = time.time() - 3600
        self.kit.write_tokens(tokens)
        self.majora.expire_tokens()


def talk(
    screen: Screen, *turns: str | tuple[str, str], ends: int | None = None
) -> None:
    """Wait for each question, and answer it.

    What is asked unseen, by a paste once nothing is echoed any more. Words without an
    answer are only waited for. ``ends``: with which exit code.
    """
    for turn in turns:
        question, answer = turn if isinstance(turn, tuple) else (turn, None)
        screen.expect(question)
        if answer is None:
            continue
        if "(hidden)" in question:
            screen.wait_until("not echoes")
            screen.paste(answer)
        screen.line("" if "(hidden)" in question else answer)
    if ends is not None:
        assert screen.wait() == ends


def link_in(screen: Screen) -> str:
    """The link that is shown, once the address is asked for."""
    link = screen.expect(LINK, regex=True)
    screen.expect("> ")
    return link


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stand-in for ocarina 1.0.0."""
    return install_standin(tmp_path_factory.mktemp("client"))


@pytest.fixture
def lab(kit: Kit, running: Sandbox, client: Path) -> Iterator[Lab]:
    yield Lab(kit, running, client)
    running.clear_faults()
    if running.offset:
        running.shift_clock(-running.offset)
