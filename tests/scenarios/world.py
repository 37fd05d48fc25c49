"""Builds what a scenario file describes.

A home with a good set-up in it, a Majora behind it, and then the fault.
"""

import contextlib
import json
import os
import pwd
import re
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.conftest import TESTS, Kit

from ocarina_kit.config.location import Setup, SetupLocation
from ocarina_kit.sandbox import (
    Application,
    Sandbox,
    User,
    install_impostor,
    install_standin,
)
from ocarina_kit.schedule.entry import build_entry
from ocarina_kit.schedule.host import describe_entry, kit_command
from ocarina_kit.schedule.times import spread
from ocarina_kit.system.files import make_private_folder
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.process import run
from ocarina_kit.system.secret import Secret
from ocarina_kit.tokens.file import digest
from ocarina_kit.tokens.journal import NewToken, journal_path
from ocarina_kit.tokens.log import append, make_line

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).parent
VIEW = "majora2.view_biosampleartifact"
KEPT = {"note": "keep me", "list": [1, {"a": None}]}
MY_LINES = "# my own = lines\nMAILTO=me\n17 4 * * 1-5 /usr/bin/true --weekly\n"
_HOUR = 3600.0


@dataclass(frozen=True)
class Scenario:
    """One file of this folder.

    ``keys`` is the file as TOML; see README.md for what each means.
    """

    path: Path
    keys: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.path.relative_to(FOLDER).with_suffix(""))

    def get(self, key: str, default: Any = None) -> Any:
        return self.keys.get(key, default)

    @property
    def expected(self) -> dict[str, str]:
        """What is neither ok nor a skip."""
        return {
            id: status
            for status in ("fail", "warn", "unknown")
            for id in self.get(status, [])
        }


def scenarios(folder: str) -> list[Scenario]:
    return [
        Scenario(path, tomllib.loads(path.read_text("utf-8")))
        for path in sorted((FOLDER / folder).rglob("*.toml"))
    ]


_SCRIPTS = {
    "dead-interpreter": "#!/nowhere/bin/python3.7\nprint('ocarina v1.0.0')\n",
    "import-error": f"#!{sys.executable}\nimport ocarina_was_removed\n",
    "not-executable": f"#!{sys.executable}\nprint('ocarina v1.0.0')\n",
    "other": "#!/bin/sh\necho 'Ocarina synthesizer 3.2'\n",
    "hangs": "#!/bin/sh\nexec sleep 300\n",
    "crashes": f"#!{sys.executable}\nraise SystemError('boom')\n",
}


@dataclass
class World:
    """A built scenario, ready to be looked at."""

    scenario: Scenario
    kit: Kit
    majora: Sandbox
    user: User
    app: Application
    words: dict[str, str]
    secrets: set[str] = field(default_factory=set)
    waiting: list[NewToken] = field(default_factory=list)

    @property
    def names(self) -> set[str]:
        """What names this machine, its user and the set-up.

        Beside the secrets, none of it may stand in a report.
        """
        return {
            *(
                self.app.client_id,
                self.user.name,
                str(self.kit.home),
                self.majora.url,
                self.words["host"],
            ),
            *(self.words["node"], self.words["login"]),
        }

    @property
    def machine(self) -> Machine:
        """The machine as the command sees it."""
        return Machine(
            self.kit.env, self.kit.home, self.words["login"], self.words["node"], run
        )

    @property
    def args(self) -> list[str]:
        return [self.fill(word) for word in self.scenario.get("args", [])]

    def fill(self, text: str) -> str:
        """``text`` with ``{url}``, ``{home}`` … filled in; any other brace stays."""
        return re.sub(
            r"\{(\w+)\}", lambda match: self.words.get(match[1], match[0]), text
        )

    def replaced(self, text: str, key: str) -> str:
        for old, new in self.scenario.get(key, []):
            assert self.fill(old) in text, f"{old}, of {key}, is not there"
            text = text.replace(self.fill(old), self.fill(new))
        return text

    def filled(self, value: Mapping[str, Any]) -> Any:
        return json.loads(self.fill(json.dumps(value)))


@dataclass(frozen=True)
class Stage:
    """What all scenarios of a test run share.

    Majoras and clients of every kind, made when one wants them.
    """

    stack: contextlib.ExitStack
    servers: dict[str, Sandbox]
    clients: Path

    def server(self, kind: str) -> Sandbox:
        if kind not in self.servers:
            certificate = {"tls": "good"}.get(kind, kind.removeprefix("tls-"))
            self.servers[kind] = self.stack.enter_context(
                Sandbox.start(tls=True, certificate=certificate)
            )
        return self.servers[kind]

    def client(self, kind: str) -> Path:
        """The folder to put on PATH."""
        script = self.clients / kind / "bin" / "ocarina"
        if script.parent.exists():
            return script.parent
        if kind == "impostor":
            install_impostor(self.clients / kind)
        elif kind not in _SCRIPTS:
            install_standin(self.clients / kind, kind)
        else:
            script.parent.mkdir(parents=True)
            script.write_text(_SCRIPTS[kind])
            script.chmod(0o644 if kind == "not-executable" else 0o755)
        return script.parent

    @contextlib.contextmanager
    def world(self, scenario: Scenario, home: Path) -> Iterator[World]:
        majora = self.server(scenario.get("server", "http"))
        name = f"lab-{home.parent.name}-{time.monotonic_ns()}"
        user = majora.add_user(name, permissions="all")
        app = majora.add_application(user)
        home.mkdir(parents=True)
        home.chmod(int(scenario.get("home_mode", "0700"), 8))
        kit = Kit(home)
        world = World(scenario, kit, majora, user, app, _words(majora, user, app, home))
        if "{key}" in str(scenario.keys):
            world.words["key"] = majora.add_legacy_key(
                user, age=scenario.get("key_age", 0) * _HOUR
            )
            world.secrets.add(world.words["key"])
        _shell(world, self)
        _build(world)
        for fault in scenario.get("faults", []):
            majora.fault(**world.filled(fault))
        majora.shift_clock(scenario.get("server_clock", 0.0))
        majora.configure(minimum_client=scenario.get("minimum_client", "0.44.0"))
        kit.secrets |= world.secrets
        try:
            yield world
        finally:
            majora.clear_faults()
            majora.set_active(user, True)
            majora.shift_clock(-scenario.get("server_clock", 0.0))
            majora.configure(minimum_client="0.44.0")
            for path in (kit.config, kit.tokens, home):
                with contextlib.suppress(OSError):
                    path.chmod(0o700)


def _words(majora: Sandbox, user: User, app: Application, home: Path) -> dict[str, str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        closed = probe.getsockname()[1]
    return {
        "url": majora.url,
        "base": majora.url.rstrip("/"),
        "host": majora.url.split("//")[1].rstrip("/"),
        "port": majora.url.rstrip("/").rpartition(":")[2],
        "user": user.name,
        "id": app.client_id,
        "secret": app.client_secret,
        "home": str(home),
        "node": socket.gethostname(),
        "login": pwd.getpwuid(os.geteuid()).pw_name,
        "closed": str(closed),
        "ca": str(majora.ca_file or ""),
    }


def _shell(world: World, stage: Stage) -> None:
    """The environment: a client on PATH, or what the scenario has in its place."""
    path = [str(TESTS / "programs"), "/usr/bin", "/bin"]
    kinds = world.scenario.get("client", "1.0.0")
    for kind in reversed([kinds] if isinstance(kinds, str) else kinds):
        if kind != "none":
            path.insert(0, str(stage.client(kind)))
    world.words["ocarina"] = f"{path[0]}/ocarina"
    for kind in world.scenario.get("other_clients", []):
        world.words[f"ocarina_{kind}"] = f"{stage.client(kind)}/ocarina"
    world.kit.extra = {"PATH": ":".join(path)}
    if world.majora.ca_file is not None:
        world.kit.extra["REQUESTS_CA_BUNDLE"] = str(world.majora.ca_file)
    for name, value in world.scenario.get("environment", {}).items():
        if value == "<unset>":
            world.kit.extra.pop(name, None)
        else:
            world.kit.extra[name] = world.fill(value)
    world.words["line"] = _line(world)
    world.words["kit"] = kit_command()[0]


def _line(world: World) -> str:
    """The entry that schedule would write here."""
    names = world.scenario.get("line_without", [])
    config = world.fill(world.scenario.get("config_at", str(world.kit.config)))
    environ = {
        name: value for name, value in world.kit.env.items() if name not in names
    }
    client = (
        world.words["ocarina"]
        if "/programs/" not in world.words["ocarina"]
        else "/opt/none/ocarina"
    )
    machine = world.machine
    location = SetupLocation(Path(config), profile=world.scenario.get("profile"))
    spec = describe_entry(
        machine._replace(environ=environ), location, world.majora.url
    )._replace(client=client)
    return build_entry(spec, spread(machine.user, machine.host, world.majora.url))


# --- the home


def _build(world: World) -> None:
    scenario, kit = world.scenario, world.kit
    for path, text in scenario.get("files", {}).items():
        _place(Path(world.fill(path)), world.fill(text).encode(), "file", "0644")
    config = Path(world.fill(scenario.get("config_at", str(kit.config))))
    tokens = Path(world.fill(scenario.get("tokens_at", str(kit.tokens))))
    _place(
        config,
        _config(world),
        scenario.get("config_is", "file"),
        scenario.get("config_mode", "0600"),
    )
    _place(
        tokens,
        _tokens(world),
        scenario.get("tokens_is", "file"),
        scenario.get("tokens_mode", "0600"),
    )
    crontab = scenario.get("crontab", "{mine}{line}\n")
    if crontab != "<none>":
        text = world.fill(crontab.replace("{mine}", MY_LINES))
        kit.crontab_file.write_bytes(text.encode("utf-8", "surrogateescape"))
    _log(world, tokens)
    world.secrets.add(world.app.client_secret)


def _place(path: Path, content: bytes, kind: str, mode: str) -> None:
    if kind == "none":
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "folder":
        path.mkdir()
    elif kind == "dangling":
        path.symlink_to(path.with_name("gone"))
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind != "missing":
        if kind == "link":
            target = path.parent / "dotfiles" / path.name.lstrip(".")
            target.parent.mkdir(exist_ok=True)
            path.symlink_to(target)
        path.write_bytes(content)
        path.chmod(int(mode, 8))
        if kind == "foreign":
            os.chown(path, 12345, 12345)


def _config(world: World) -> bytes:
    scenario = world.scenario
    if "config_text" in scenario.keys:
        text = world.fill(scenario.get("config_text"))
    else:
        members: dict[str, Any] = {
            "MAJORA_DOMAIN": world.majora.url,
            "MAJORA_USER": world.user.name,
            "MAJORA_TOKEN": "OAUTH",
            "CLIENT_ID": world.app.client_id,
            "CLIENT_SECRET": world.app.client_secret,
            "MINE": KEPT,
        }
        for name in scenario.get("config_without", []):
            members.pop(name)
        members |= world.filled(scenario.get("config", {}))
        text = json.dumps(members, indent=4, ensure_ascii=False) + "\n"
    text = world.replaced(text, "config_replace")
    return text.encode(scenario.get("config_encoding", "utf-8"))


def _tokens(world: World) -> bytes:
    """The tokens file's bytes.

    One token of an hour ago, unless the scenario says otherwise.
    """
    scenario = world.scenario
    if "tokens_text" in scenario.keys:
        return world.fill(scenario.get("tokens_text")).encode()
    found: dict[str, Any] = {}
    for wanted in scenario.get("tokens", [{}]):
        scope = wanted.get("scope", VIEW)
        entry = world.majora.grant(
            world.user, world.app, scope, age=wanted.get("age", 1.0) * _HOUR
        )
        if wanted.get("waiting"):  # a run was killed once it had received the new token
            new = world.majora.grant(world.user, world.app, scope)
            world.secrets |= {new["access_token"], new["refresh_token"]}
            spent = digest(Secret(entry["refresh_token"]))
            world.waiting.append(NewToken(scope, scope, spent, new))
        if wanted.get("dead") or wanted.get("waiting"):
            world.majora.revoke(entry)
        world.secrets |= {entry["access_token"], entry["refresh_token"]}
        entry |= wanted.get("set", {})
        if wanted.get("times") == "milliseconds":
            entry["expires_at"] = int(entry["expires_at"] * 1000)
        if wanted.get("times") == "text":
            entry["expires_at"] = str(entry["expires_at"])
        for name in wanted.get("without", []):
            entry.pop(name)
        found[wanted.get("key", scope)] = entry
    if scenario.get("inactive"):
        world.majora.set_active(world.user, False)
    return world.replaced(json.dumps(found), "tokens_replace").encode()


def _log(world: World, tokens: Path) -> None:
    location = SetupLocation(world.kit.config, profile=world.scenario.get("profile"))
    setup = Setup(location, world.majora.url, "", tokens)
    if world.waiting:
        journal = journal_path(world.machine, setup)
        make_private_folder(journal.parent)
        lines = [json.dumps(token._asdict()) for token in world.waiting]
        journal.write_text("\n".join(lines))
        journal.chmod(0o600)
    for line in world.scenario.get("log", []):
        at, host = (
            time.time() - line["hours_ago"] * _HOUR,
            line.get("host", world.words["node"]),
        )
        machine = world.machine._replace(host=host, now=partial(float, at))
        what = (
            line.get("by", "cron"),
            line.get("result", "refreshed"),
            line.get("scope", VIEW),
        )
        append(machine, [make_line(machine, setup, *what)])
