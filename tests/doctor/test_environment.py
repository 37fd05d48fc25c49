"""ENV: what is made of facts about clients, variables, clock and folders. The scenarios of env do the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.doctor.test_server import CONFIG, PLACE, a_world

from ocarina_kit.client.find import Candidate, Clients
from ocarina_kit.config.place import Place, Setup
from ocarina_kit.cron.program import Listing
from ocarina_kit.doctor import environment as env
from ocarina_kit.doctor.world import World
from ocarina_kit.majora.api import Probe
from ocarina_kit.majora.net import NoAnswer

GOOD = Candidate("/a/bin/ocarina", state="works", version=(1, 0, 0))
OLD = Candidate("/b/bin/ocarina", state="works", version=(0, 36, 1))
OTHER = Candidate("/c/bin/ocarina", state="not the client", problem="another program")
DEAD = Candidate("/d/bin/ocarina", state="does not run", problem="its interpreter is gone")
LOCKED = Candidate("/e/bin/ocarina", state="not executable", problem="it has no permission to run")
SLOW = Candidate("/f/bin/ocarina", state="no answer", problem="it gave no answer in time")
LOOSE = GOOD._replace(writable_by_others="other users can replace /a")
IN_ORDER = {"ENV001": env.installed, "ENV003": env.runs, "ENV002": env.is_majoras, "ENV005": env.only_one}
INSTALL = "ocarina-kit install-client"

CLIENTS = [
    # shell's, chosen, all of them; what is found first, and the command that fixes it
    (None, None, (), "ENV001 fail", None),
    (GOOD, GOOD, (GOOD,), "ENV005 ok", None),
    (None, GOOD, (GOOD, GOOD._replace(path="/z/ocarina")), "ENV005 ok", None),
    (None, None, (DEAD,), "ENV003 fail", INSTALL),
    (DEAD, GOOD, (DEAD, GOOD), "ENV003 fail", "export PATH=/a/bin:$PATH"),
    (LOCKED, None, (LOCKED,), "ENV003 fail", "chmod u+x /e/bin/ocarina"),
    (SLOW, None, (SLOW,), "ENV003 unknown", "time /f/bin/ocarina -v"),
    (OTHER, None, (OTHER,), "ENV002 fail", INSTALL),
    (OTHER, GOOD, (OTHER, GOOD), "ENV002 fail", "export PATH=/a/bin:$PATH"),
    (GOOD, GOOD, (GOOD, OLD), "ENV005 warn", None),
    (LOOSE, LOOSE, (LOOSE,), "ENV005 warn", INSTALL),
    (GOOD, GOOD, (GOOD, LOOSE._replace(path="/z/ocarina")), "ENV005 ok", None),
]


@pytest.mark.parametrize(("shell", "chosen", "found", "expected", "command"), CLIENTS)
def test_clients(
    shell: Candidate | None,
    chosen: Candidate | None,
    found: tuple[Candidate, ...],
    expected: str,
    command: str | None,
) -> None:
    world = a_world(clients=Clients(found, shell, chosen, looked_in=("PATH (/bin)",)))
    outcomes = (
        {id: judge(world) for id, judge in IN_ORDER.items()} if found else {"ENV001": env.installed(world)}
    )
    id, outcome = next(
        (each for each in outcomes.items() if each[1].status != "ok"), list(outcomes.items())[-1]
    )
    assert f"{id} {outcome.status}" == expected
    assert (outcome.remedy.commands[0] if outcome.remedy is not None else None) == command


VERDICTS = [
    (Probe("accepted", "", client_ok=True), "ok", ""),
    (Probe("accepted", "", client_ok=False, wanted_version="2.0.0"), "fail", "2.0.0"),
    (Probe("accepted", "", client_ok=False), "fail", "0.44.0"),
    (Probe("accepted", "it lacks scopes"), "skip", ""),
]


@pytest.mark.parametrize(("probe", "status", "wanted"), VERDICTS)
def test_version(probe: Probe, status: str, wanted: str) -> None:
    access = {"one": Probe("no-answer", ""), "other": probe}
    outcome = env.version_accepted(a_world(clients=Clients((OLD,), OLD), access=access))
    assert (outcome.status, outcome.said.values.get("wanted", "")) == (status, wanted)


PROXY, BUNDLE = {"HTTPS_PROXY": "http://proxy:3128"}, {"REQUESTS_CA_BUNDLE": "/ca.pem"}
MINE, THEIRS = "/k/ocarina-kit refresh --cron", "OCARINA_CONF_FILE=/other /k/ocarina-kit refresh --cron"
VARIABLES = [
    # environment, the command of the one crontab line, what of it is not carried
    ({}, MINE, ""),
    (PROXY, "true", ""),
    (PROXY, MINE, "HTTPS_PROXY"),
    (PROXY, f"export HTTPS_PROXY=http://proxy:3128; {MINE}", ""),
    (PROXY, f"export HTTPS_PROXY=http://older:3128; {MINE}", "HTTPS_PROXY"),
    (PROXY | BUNDLE, MINE, "REQUESTS_CA_BUNDLE, HTTPS_PROXY"),
    ({"XDG_STATE_HOME": "/s", "SSL_CERT_FILE": "/ca.pem"}, MINE, ""),
    ({"HTTPS_PROXY": "http://me:hunter2@proxy:3128"}, MINE, "HTTPS_PROXY"),
    ({"OCARINA_CONF_FILE": "/mine"}, THEIRS, "OCARINA_CONF_FILE"),
    ({"MAJORA_USER": "u"}, MINE, ""),
    ({"MAJORA_USER": "u", "CLIENT_ID": "i"}, f"--env {MINE}", "MAJORA_USER, CLIENT_ID"),
]


@pytest.mark.parametrize(("environ", "command", "missing"), VARIABLES)
def test_variables(
    environ: dict[str, str], command: str, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from_env, command = command.startswith("--env "), command.removeprefix("--env ")
    world = a_world(environ=environ, listing=Listing("read", f"37 2-23/3 * * * {command}\n".encode()))
    world.place = PLACE._replace(from_env=from_env)
    if config := environ.get("OCARINA_CONF_FILE"):
        world.place = Place(Path(config), "environment")
    vars(world).update(setup=Setup(world.place, "https://majora.test/", "u", Path("/t")))
    assert ", ".join(env.not_carried(world)) == missing


def test_another_value_in_the_entry_is_not_called_missing() -> None:
    line = b"37 2-23/3 * * * export REQUESTS_CA_BUNDLE=/older.pem; " + MINE.encode() + b"\n"
    world = a_world(environ=BUNDLE, listing=Listing("read", line))
    vars(world).update(setup=Setup(world.place, "https://majora.test/", "u", Path("/t")))
    outcome = env.carried(world)
    assert outcome.status == "warn"
    assert "does not set what this shell sets" in str(outcome)


CLOCKS = [
    (Probe("majora", "", skew=60.0), "ok"),
    (Probe("majora", "", skew=-61.0), "warn"),
    (Probe("majora", "", skew=300.0), "warn"),
    (Probe("not-majora", "", skew=301.0), "fail"),
    (Probe("majora", ""), "skip"),
    (Probe("no-answer", "", NoAnswer("tls-host", "")), "skip SRV003"),
    (Probe("not-majora", "", NoAnswer("html", "", status=200)), "skip SRV004"),
]


@pytest.mark.parametrize(("probe", "expected"), CLOCKS)
def test_clock(probe: Probe, expected: str) -> None:
    setup = Setup(PLACE, "https://majora.test/", "u", Path("/t"))
    outcome = env.clock(a_world(setup=setup, identity=probe))
    assert f"{outcome.status} {outcome.cause or ''}".strip() == expected


def test_folders(tmp_path: Path) -> None:
    config = CONFIG._replace(tokens_file=tmp_path / "missing" / "tokens")  # CFG010's
    assert env.writable(_in(tmp_path, config=config)).status == "ok"
    (tmp_path / ".local").write_text("a file where the state folder should be")
    outcome = env.writable(_in(tmp_path, config=config))
    assert (outcome.status, outcome.said.values) == ("fail", {"folder": "~/.local"})


def _in(home: Path, **facts: Any) -> World:
    world = a_world(home, **facts)
    world.place = Place(home / ".ocarina")
    return world
