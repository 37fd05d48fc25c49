"""edges/look/gather_schedule.py and gather_tokens.py: real files, the file-backed crontab program, stand-in clients."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from ocarina_kit.core.cron.crontab_read import ReadOutcome
from ocarina_kit.core.cron.schedule_facts import Daemon, ScheduleFacts
from ocarina_kit.core.file_facts import FileKind
from ocarina_kit.core.tokens.refresh_log import LogEntry, Result, mark_for
from ocarina_kit.edges.client.find_client import find_client
from ocarina_kit.edges.disk import refresh_log
from ocarina_kit.edges.look.gather_config import config_facts, place_of
from ocarina_kit.edges.look.gather_schedule import named_clients, schedule_facts
from ocarina_kit.edges.look.gather_tokens import token_facts
from ocarina_kit.edges.process import run
from ocarina_kit.edges.system import System
from ocarina_kit.sandbox import install_impostor, install_standin

PROGRAMS = Path(__file__).parents[2] / "programs"
URL = "https://majora.lab.test/"
LOOKUP = "majora2.view_biosampleartifact"


class World:
    def __init__(self, home: Path) -> None:
        self.home = home
        self.environ = {
            "HOME": str(home),
            "PATH": f"{PROGRAMS}:/usr/bin:/bin",
            "KIT_TEST_CRONTAB": str(home / "spool"),
        }
        self.write({"MAJORA_DOMAIN": URL, "MAJORA_USER": "lab", "MAJORA_TOKEN": "OAUTH"})

    @property
    def system(self) -> System:
        return System(environ=self.environ, home=self.home, user="lab", host="node1", run=run)

    def write(self, members: dict[str, Any], name: str = ".ocarina") -> None:
        (self.home / name).write_text(json.dumps(members))

    def crontab(self, text: str) -> None:
        (self.home / "spool").write_text(text)

    def config(self, profile: str | None = None) -> Any:
        return config_facts(self.system, place_of(self.system, config=None, profile=profile, env=False))

    def look(self, **options: Any) -> ScheduleFacts:
        return schedule_facts(self.system, self.config(options.pop("profile", None)), **options)

    def program(self, name: str, text: str = "#!/bin/sh\n", mode: int = 0o755) -> Path:
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


# --- the crontab --------------------------------------------------------------------------------------------


def test_no_crontab_yet(world: World) -> None:
    seen = world.look()
    assert seen.crontab.outcome is ReadOutcome.NONE_YET
    assert seen.entries.active == ()
    assert (seen.host, seen.ground.user) == ("node1", "lab")
    assert seen.stood_since is None


@pytest.mark.parametrize(
    ("fails", "outcome"), [("denied", ReadOutcome.NOT_ALLOWED), ("read", ReadOutcome.FAILED)]
)
def test_a_crontab_that_fails_is_not_empty(world: World, fails: str, outcome: ReadOutcome) -> None:
    world.environ["KIT_TEST_CRONTAB_FAILS"] = fails
    assert world.look().crontab.outcome is outcome


def test_no_crontab_program(world: World, tmp_path: Path) -> None:
    world.environ["PATH"] = str(tmp_path / "nothing")
    assert world.look().crontab.outcome is ReadOutcome.NO_PROGRAM


def test_an_entry_is_ours_through_links_too(world: World) -> None:
    real = world.home / "dotfiles" / "ocarina.json"
    real.parent.mkdir()
    (world.home / ".ocarina").rename(real)
    (world.home / ".ocarina").symlink_to(real)
    world.crontab(f"17 */3 * * * OCARINA_CONF_FILE={real} /x/ocarina oauth refresh\n")
    assert [job.number for job in world.look().entries.active] == [1]


def test_a_quoted_tilde_is_seen_to_be_meant_for_this_config(world: World) -> None:
    world.crontab("17 */3 * * * OCARINA_CONF_FILE='~/.ocarina' /x/ocarina oauth refresh\n")
    seen = world.look()
    assert (len(seen.entries.active), len(seen.misled)) == (0, 1)


def test_what_can_be_seen_of_each_program(world: World) -> None:
    good = world.program("env/bin/ocarina", f"#!{sys.executable}\n")
    dead = world.program("dead/ocarina", "#!/gone/python\n")
    off = world.program("off/ocarina", mode=0o644)
    by_path = world.program("by/ocarina", "#!/usr/bin/env python3\n")
    compiled = world.program("bin/timeout", "\x7fELF\0")
    linked = world.home / "link"
    linked.symlink_to(good)
    world.crontab(
        f"1 * * * * {good} oauth refresh\n2 * * * * {dead} oauth refresh\n3 * * * * {off} oauth refresh\n"
        f"4 * * * * {by_path} oauth refresh\n5 * * * * {compiled} 60 {world.home}/gone/ocarina oauth refresh\n"
    )
    seen = world.look().programs
    assert (seen[str(good)].exists, seen[str(good)].executable) == (True, True)
    assert seen[str(good)].interpreter_missing == ""
    assert seen[str(dead)].interpreter_missing == "/gone/python"
    assert not seen[str(off)].executable
    assert seen[str(by_path)].started_by_path
    assert seen[str(compiled)].executable
    assert not seen[f"{world.home}/gone/ocarina"].exists


def test_a_bare_name_is_looked_up_in_the_entrys_own_path(world: World) -> None:
    client = world.program("env/bin/ocarina")
    world.crontab(f"PATH=/usr/bin:/bin:{client.parent}\n17 */3 * * * ocarina oauth refresh\n")
    assert world.look().programs["ocarina"].path == str(client)
    world.crontab("17 */3 * * * ocarina oauth refresh\n")
    assert not world.look().programs["ocarina"].exists


def test_profile_and_environment_are_part_of_the_ground(world: World) -> None:
    world.environ["REQUESTS_CA_BUNDLE"] = "/etc/ssl/lab.pem"
    world.environ["HTTPS_PROXY"] = "http://me:secret-word@proxy.lab.test:3128"
    seen = world.look(profile="test")
    assert seen.ground.profile == "test"
    assert dict(seen.ground.carried.variables) == {"REQUESTS_CA_BUNDLE": "/etc/ssl/lab.pem"}
    assert "secret-word" not in repr(seen)


def test_only_this_set_ups_log_is_read(world: World) -> None:
    ours = mark_for(world.home / ".ocarina-tokens", world.home, URL)
    entries = [
        LogEntry(1000.0, "node2", "refresh", LOOKUP, Result.REFRESHED, mark) for mark in (ours, "another")
    ]
    assert refresh_log.append(world.system, entries) is None
    assert [entry.setup for entry in world.look().log] == [ours]
    assert [entry.setup for entry in token_facts(world.system, world.config()).log] == [ours]


def test_when_the_crontab_was_changed_is_told_by_its_own_file_alone(world: World, tmp_path: Path) -> None:
    spool = tmp_path / "spool-folder"
    spool.mkdir()
    world.crontab("17 */3 * * * /x/ocarina oauth refresh\n")
    assert world.look(spools=(str(spool),)).stood_since is None
    mine = spool / "lab"
    mine.write_text(
        "# DO NOT EDIT THIS FILE\n# (- installed on …)\n# (Cron version …)\n"
        + (world.home / "spool").read_text()
    )
    os.utime(mine, (1_700_000_000, 1_700_000_000))
    assert world.look(spools=(str(spool),)).stood_since == 1_700_000_000
    mine.write_text("# another crontab altogether\n")
    assert world.look(spools=(str(spool),)).stood_since is None


def test_a_client_that_only_the_crontab_names_is_run_once(world: World, tmp_path: Path) -> None:
    found = install_standin(tmp_path / "found", version="1.0.0")
    named = install_standin(tmp_path / "named", version="1.0.0")
    impostor = tmp_path / "impostor" / "bin" / "ocarina"
    install_impostor(tmp_path / "impostor")
    world.environ["PATH"] += f":{found.parent}"
    world.crontab("".join(f"17 */3 * * * {path} oauth refresh\n" for path in (found, named, impostor)))
    clients = named_clients(world.system, world.look(), find_client(world.system))
    assert {path: client.works for path, client in clients.items()} == {
        str(named): True,
        str(impostor): False,
    }


def test_a_long_crontab_takes_a_moment(world: World) -> None:
    import time

    world.crontab("".join(f"{n % 60} 4 * * * /opt/ocarina/job --oauth refresh {n}\n" for n in range(9_990)))
    started = time.monotonic()
    world.look()
    assert time.monotonic() - started < 8


# --- the tokens ---------------------------------------------------------------------------------------------


def token(**more: Any) -> dict[str, Any]:
    return {"access_token": "a", "refresh_token": "r", "scope": [LOOKUP], "expires_in": 36000, **more}


def test_the_tokens_file_is_the_set_ups_own(world: World) -> None:
    world.write({"MAJORA_TOKENS_FILE": "~/deep/tokens.json", "MAJORA_DOMAIN": URL})
    assert token_facts(world.system, world.config()).file.kind is FileKind.MISSING
    (world.home / "deep").mkdir()
    world.write({LOOKUP: token(expires_at=4e9)}, "deep/tokens.json")
    (world.home / "deep" / "tokens.json").chmod(0o640)
    seen = token_facts(world.system, world.config())
    assert [entry.key for entry in seen.tokens.entries] == [LOOKUP]
    assert (seen.file.mode, seen.file.ours) == (0o640, True)
    assert not seen.log_rotated


def test_half_a_file_that_is_being_written_is_waited_for(world: World) -> None:
    import threading
    import time

    path = world.home / ".ocarina-tokens"
    path.write_text('{"majora2')

    def finish() -> None:
        time.sleep(0.08)
        world.write({LOOKUP: token(expires_at=4e9)}, ".ocarina-tokens")

    writer = threading.Thread(target=finish)
    writer.start()
    seen = token_facts(world.system, world.config())
    writer.join()
    assert seen.tokens.damage is None


def test_a_shared_file_leaves_unsure_whose_a_token_is(world: World) -> None:
    world.write(
        {
            "MAJORA_DOMAIN": URL,
            "MAJORA_TOKEN": "OAUTH",
            "CLIENT_ID": "c" * 40,
            "profile": {"test": {"MAJORA_DOMAIN": "https://other.lab.test/"}},
        }
    )
    world.write({LOOKUP: token(expires_at=4e9)}, ".ocarina-tokens")
    assert token_facts(world.system, world.config()).unsure == {LOOKUP}


def test_a_rotated_log_is_noticed(world: World) -> None:
    folder = world.system.state_dir
    folder.mkdir(parents=True)
    (folder / "refresh.log.1").write_text("")
    assert token_facts(world.system, world.config()).log_rotated


@pytest.mark.parametrize("kind", ["folder", "dangling", "fifo"])
def test_what_is_no_file_is_looked_at_and_not_waited_for(world: World, kind: str) -> None:
    path = world.home / ".ocarina-tokens"
    if kind == "folder":
        path.mkdir()
    elif kind == "dangling":
        path.symlink_to(world.home / "gone")
    else:
        os.mkfifo(path)
    assert token_facts(world.system, world.config()).file.content is None


# --- the daemon ---------------------------------------------------------------------------------------------


def test_this_machine_is_not_misjudged(world: World) -> None:
    """Whatever runs the tests: "absent" is said only where everything can be seen."""
    state = world.look().daemon.state
    names = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            names.add((folder / "comm").read_text().strip())
        except OSError:
            continue
    if names & {"cron", "crond"}:
        assert state is Daemon.RUNS
    else:
        assert state is not Daemon.RUNS
