"""With each of ten broken set-ups, the first line of ``doctor`` says what to do, and doing it mends what is broken."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ocarina_kit.sandbox import Application, Sandbox, User, install_standin

if TYPE_CHECKING:
    from tests.conftest import Kit

VIEW = "majora2.view_biosampleartifact"


@dataclass
class World:
    """A healthy set-up, and the person whose it is."""

    kit: Kit
    majora: Sandbox
    user: User
    app: Application

    def change(self, **members: Any) -> None:
        self.kit.write_config({**self.kit.read_config(), **members})

    def do(self, line: str) -> None:
        """What a person does who reads the line."""
        words = shlex.split(line)
        assert words[0] == "ocarina-kit", line
        if words[1] == "login":
            link = self.kit.run("login", "--print-url", *words[2:])
            assert link.code == 0, repr(link)
            done = self.kit.run(
                "login", "--callback", "-", stdin=self.majora.authorize(self.user, link.out.strip())
            )
        elif words[1] == "init":
            secret = self.app.client_secret
            args = ["--domain", self.majora.url, "--user", self.user.name, "--client-id", self.app.client_id]
            done = self.kit.run(*words[1:], *args, "--client-secret-file", "-", "--yes", stdin=secret)
        elif words[1:3] == ["doctor", "--fix"] or words[1] == "schedule":
            done = self.kit.run(*words[1:], "--yes")
        else:
            done = self.kit.run(*words[1:])
            if (
                done.code == 4
            ):  # only the server knew that the refresh token is dead too: its last line says what next
                return self.do(done.err.splitlines()[-1].strip())
        assert done.code == 0, repr(done)
        return None


@pytest.fixture
def world(kit: Kit, tmp_path: Path) -> Iterator[World]:
    with Sandbox.start() as majora:
        user = majora.add_user("ann")
        app = majora.add_application(user)
        client = install_standin(tmp_path / "client")
        kit.extra["PATH"] = f"{client.parent}:{kit.env['PATH']}"
        kit.secrets.add(app.client_secret)
        world = World(kit, majora, user, app)
        world.do("ocarina-kit init")
        world.do("ocarina-kit login")
        world.do("ocarina-kit schedule")
        assert failed(world) == []
        yield world


def failed(world: World) -> list[str]:
    ran = world.kit.run("doctor", "--skip", "CRN006", "--json")
    return [check["id"] for check in ran.json["checks"] if check["status"] == "fail"]


def expire(world: World) -> None:
    tokens = world.kit.read_tokens()
    tokens[VIEW]["expires_at"] = time.time() - 86_400
    world.kit.write_tokens(tokens)


def kill_token(world: World) -> None:
    world.majora.revoke(world.kit.read_tokens()[VIEW])


def stale_line(world: World) -> None:
    world.kit.crontab = (world.kit.crontab or "").replace("/client/bin/ocarina", "/gone/bin/ocarina")


BROKEN: dict[str, Callable[[World], object]] = {
    "CFG001": lambda world: world.kit.config.unlink(),
    "CFG002": lambda world: world.kit.config.write_text(
        world.kit.config.read_text().replace('"\n}', '",\n}')
    ),
    "CFG003": lambda world: world.kit.config.chmod(0o644),
    "CFG005": lambda world: world.change(CLIENT_ID="your-client-id"),
    "CFG007": lambda world: world.change(MAJORA_DOMAIN=world.majora.url.rstrip("/")),
    "CRD001": lambda world: world.change(CLIENT_SECRET="x1" * 64),
    "TOK001": lambda world: world.kit.tokens.unlink(),
    "TOK004": expire,
    "API001": kill_token,
    "CRN002": lambda world: world.kit.crontab_file.unlink(),
    "CRN004": stale_line,
}


@pytest.mark.parametrize("id", BROKEN)
def test_the_first_line_says_what_to_do_and_doing_it_works(world: World, id: str) -> None:
    BROKEN[id](world)
    assert id in failed(world)
    for _ in range(2):  # what one mend uncovers is the next one's
        ran = world.kit.run("doctor", "--skip", "CRN006")
        first = ran.out.splitlines()[0]
        if not first.startswith("First: "):
            break
        world.do(first.removeprefix("First: "))
    assert failed(world) == []
