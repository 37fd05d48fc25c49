"""ENV: what is made of facts about clients, variables, clock and folders.

The scenarios of env do the rest.
"""

from typing import Any

import pytest
from tests.doctor.test_server import HTTPS, a_world, judged

from ocarina_kit.client.find import Candidate, Clients, ClientState
from ocarina_kit.config.setup import location_of
from ocarina_kit.doctor import environment as env
from ocarina_kit.majora.answers import Probe, ProbeKind
from ocarina_kit.schedule.scheduler import Listing, ListingState

GOOD = Candidate("/a/bin/ocarina", state=ClientState.WORKS, version=(1, 0, 0))
OLD = Candidate("/b/bin/ocarina", state=ClientState.WORKS, version=(0, 36, 1))
OTHER = Candidate(
    "/c/bin/ocarina", state=ClientState.NOT_THE_CLIENT, problem="another program"
)
DEAD = Candidate(
    "/d/bin/ocarina", state=ClientState.DOES_NOT_RUN, problem="its interpreter is gone"
)
LOCKED = Candidate(
    "/e/bin/ocarina",
    state=ClientState.NOT_EXECUTABLE,
    problem="it has no permission to run",
)
SLOW = Candidate(
    "/f/bin/ocarina", state=ClientState.NO_ANSWER, problem="it gave no answer in time"
)
LOOSE = GOOD._replace(writable_by_others="other users can replace /a")
INSTALL, USE_GOOD = "ocarina-kit install-client", "export PATH=/a/bin:$PATH"

CLIENTS: list[Any] = [
    # shell's, chosen, all of them; what is found first, and the command that fixes it
    (None, None, (DEAD,), f"ENV003 fail {INSTALL}"),
    (DEAD, GOOD, (DEAD, GOOD), f"ENV003 fail {USE_GOOD}"),
    (LOCKED, None, (LOCKED,), "ENV003 fail chmod u+x /e/bin/ocarina"),
    (SLOW, None, (SLOW,), "ENV003 unknown time /f/bin/ocarina -v"),
    (OTHER, None, (OTHER,), f"ENV002 fail {INSTALL}"),
    (OTHER, GOOD, (OTHER, GOOD), f"ENV002 fail {USE_GOOD}"),
    (GOOD, GOOD, (GOOD, OLD), "ENV005 warn"),
    (LOOSE, LOOSE, (LOOSE,), f"ENV005 warn {INSTALL}"),
    (GOOD, GOOD, (GOOD, LOOSE._replace(path="/z/ocarina")), "ok"),
]


@pytest.mark.parametrize(("shell", "chosen", "found", "expected"), CLIENTS)
def test_clients(
    shell: Any, chosen: Any, found: tuple[Candidate, ...], expected: str
) -> None:
    world = a_world(clients=Clients(found, shell, chosen))
    in_order = {
        "ENV001": env.installed,
        "ENV003": env.runs,
        "ENV002": env.is_majoras,
        "ENV005": env.only_one,
    }
    outcomes = ((id, judged(judge, world)) for id, judge in in_order.items())
    seen = (
        " ".join([id, outcome.status, *outcome.remedy.commands])
        for id, outcome in outcomes
        if outcome.status != "ok"
    )
    assert next(seen, "ok") == expected


PROXY, BUNDLE = {"HTTPS_PROXY": "http://proxy:3128"}, {"REQUESTS_CA_BUNDLE": "/ca.pem"}
MINE, THEIRS = (
    "/k/ocarina-kit refresh --cron",
    "OCARINA_CONF_FILE=/other /k/ocarina-kit refresh --cron",
)
VARIABLES = [
    # environment, the command of the one crontab line, what of it is not carried and
    # the command that fixes it
    (PROXY, "true", ""),
    (PROXY, MINE, "HTTPS_PROXY:"),
    (PROXY, f"export HTTPS_PROXY=http://proxy:3128; {MINE}", ""),
    (PROXY, f"export HTTPS_PROXY=http://older:3128; {MINE}", "HTTPS_PROXY:"),
    (PROXY | BUNDLE, MINE, "REQUESTS_CA_BUNDLE, HTTPS_PROXY:"),
    ({"XDG_STATE_HOME": "/s", "SSL_CERT_FILE": "/ca.pem"}, MINE, ""),
    ({"HTTPS_PROXY": "http://me:hunter2@proxy:3128"}, MINE, "HTTPS_PROXY: crontab -e"),
    ({"OCARINA_CONF_FILE": "/mine"}, THEIRS, "OCARINA_CONF_FILE:"),
    ({"MAJORA_USER": "u"}, MINE, ""),
    (
        {"MAJORA_USER": "u", "CLIENT_ID": "i"},
        f"--env {MINE}",
        "MAJORA_USER, CLIENT_ID: ocarina-kit init",
    ),
]


@pytest.mark.parametrize(("environ", "command", "missing"), VARIABLES)
def test_variables(environ: dict[str, str], command: str, missing: str) -> None:
    line = f"37 2-23/3 * * * {command.removeprefix('--env ')}\n".encode()
    world = a_world(
        environ=environ, listing=Listing(ListingState.READ, line), setup=HTTPS
    )
    world.location = location_of(world.machine, env=command.startswith("--env "))
    outcome = judged(env.carried, world)
    assert outcome.status == ("warn" if missing else "ok")
    seen = f"{outcome.values.get('variable', '')}: {' '.join(outcome.remedy.commands)}"
    assert seen.strip() == (missing or ":")


@pytest.mark.parametrize(("wanted", "said"), [("2.0.0", "2.0.0"), (None, "0.44.0")])
def test_a_client_that_the_server_refuses(wanted: str | None, said: str) -> None:
    refused = Probe(ProbeKind.ACCEPTED, "", client_ok=False, wanted_version=wanted)
    access = {"one": Probe(ProbeKind.NO_ANSWER, ""), "other": refused}
    outcome = judged(
        env.version_accepted, a_world(clients=Clients((OLD,), OLD), access=access)
    )
    assert (outcome.status, outcome.values["wanted"]) == ("fail", said)


@pytest.mark.parametrize(
    ("skew", "status"),
    [(60.0, "ok"), (-61.0, "warn"), (300.0, "warn"), (301.0, "fail"), (None, "skip")],
)
def test_clock(skew: float | None, status: str) -> None:
    assert (
        judged(
            env.clock,
            a_world(setup=HTTPS, identity=Probe(ProbeKind.MAJORA, "", skew=skew)),
        ).status
        == status
    )
