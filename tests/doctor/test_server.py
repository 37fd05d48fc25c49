"""SRV, CRD and API: what one answer says.

The scenarios of srv, crd and api run the same through the real command.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ocarina_kit.client.find import Candidate, Clients, ClientState
from ocarina_kit.config.location import Setup, SetupLocation
from ocarina_kit.config.setup import Config
from ocarina_kit.doctor import server
from ocarina_kit.doctor.check import Judge, Outcome, ok
from ocarina_kit.doctor.world import Tokens, World
from ocarina_kit.majora.answers import Probe, ProbeKind
from ocarina_kit.majora.failures import NoAnswer, NoAnswerKind
from ocarina_kit.system.file_kind import FileKind
from ocarina_kit.system.files import File
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.process import Completed
from ocarina_kit.system.secret import Secret
from ocarina_kit.tokens.file import TokensFile
from ocarina_kit.tokens.log import Line, digest

NOW = 1_700_000_000.0
PLACE = SetupLocation(Path("/home/u/.ocarina"))
VIEW = "majora2.view_biosampleartifact"
TAGS = "majora2.add_majorametarecord majora2.change_majorametarecord"
STEPS = {
    "SRV001": server.name,
    "SRV002": server.connection,
    "SRV003": server.tls,
    "SRV004": server.identity,
}


def a_world(
    home: Path = Path("/home/u"), environ: Mapping[str, str] | None = None, **facts: Any
) -> World:
    """A world with these facts.

    Whatever else is asked for has to be found, and nothing can be run.
    """

    def run(argv: object, **more: object) -> Completed:
        raise AssertionError(f"{argv} was run")

    machine = Machine(environ or {}, home, "u", "login1", run, now=lambda: NOW)
    return World(
        machine,
        PLACE,
        seconds=20,
        **{"config": Config(machine, PLACE, {}), "_table": None, **facts},
    )


def judged(judge: Judge, world: World) -> Outcome:
    return judge(world) or ok("fine")


HTTPS = Setup(PLACE, "https://majora.test/", "u", Path("/t"))
HTTP = HTTPS._replace(domain="http://127.0.0.1:1/")
PROXY = {"HTTPS_PROXY": "http://proxy.test:3128"}
REQUESTS = """
dns-none HTTPS: SRV001 fail ocarina-kit init
dns-silent HTTPS: SRV001 unknown
no-thread HTTPS: SRV001 unknown
dns-silent PROXY: SRV002 unknown
refused HTTPS: SRV002 fail ocarina-kit init
timeout HTTPS: SRV002 unknown
proxy-refused PROXY: SRV002 unknown
proxy-auth PROXY: SRV002 unknown
proxy-unusable PROXY: SRV002 fail
tls-expired HTTPS: SRV003 fail date -u
tls-host HTTPS: SRV003 fail ocarina-kit init
tls-other HTTPS: SRV003 fail ocarina-kit init
reset HTTPS: SRV003 unknown
reset HTTP: SRV004 unknown
reset SENT: SRV004 unknown
timeout SENT: SRV004 unknown
rate-limited HTTPS: SRV004 unknown
server-error SENT: SRV004 unknown
"""
"""Kind of NoAnswer, and how it was asked.

What is found, and the commands that fix it.
"""


@pytest.mark.parametrize("row", REQUESTS.strip().splitlines())
def test_where_a_request_ended(row: str) -> None:
    asked, _, expected = row.partition(": ")
    kind, how = asked.split()
    net = NoAnswer(NoAnswerKind(kind), "its own words", how == "SENT")
    environ, setup = PROXY if how == "PROXY" else {}, HTTP if how == "HTTP" else HTTPS
    world = a_world(
        environ=environ,
        setup=setup,
        identity=Probe(ProbeKind.NO_ANSWER, net.message, net),
    )
    # The first step that is neither ok nor skipped: the ones behind it depend on it.
    outcomes = {id: judged(judge, world) for id, judge in STEPS.items()}
    id, outcome = next(
        item for item in outcomes.items() if item[1].status not in ("ok", "skip")
    )
    assert " ".join([id, outcome.status, *outcome.remedy.commands]) == expected
    assert outcome.remedy.text
    assert outcome.values == {"said": "its own words"}


def test_steps_that_do_not_apply() -> None:
    for setup, environ, statuses in (
        (HTTPS, {}, "ok ok ok ok"),
        (HTTP, {}, "ok ok skip ok"),
        (HTTPS, PROXY, "skip ok ok ok"),
    ):
        world = a_world(
            environ=environ,
            setup=setup,
            identity=Probe(ProbeKind.MAJORA, "invalid_client"),
        )
        assert [
            judged(judge, world).status for judge in STEPS.values()
        ] == statuses.split()
    nowhere = a_world(setup=HTTPS, identity=None)
    assert [judged(judge, nowhere).cause for judge in STEPS.values()] == ["CFG006"] * 4


def test_an_address_that_worked_before_is_not_asked_for_again() -> None:
    probe = Probe(ProbeKind.NO_ANSWER, "", NoAnswer(NoAnswerKind.REFUSED, "it refuses"))
    before = tokens()._replace(log=(Line("2026-11-28T12:00:00Z", result="refreshed"),))
    world = a_world(setup=HTTPS, identity=probe, tokens=before)
    assert judged(STEPS["SRV002"], world).remedy.commands == ()


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("known", "ok"),
        ("unknown", "fail"),
        ("other-grant", "fail"),
        ("no-answer", "unknown"),
    ],
)
def test_credentials(kind: str, status: str) -> None:
    outcome = judged(
        server.credentials,
        a_world(setup=HTTPS, credentials=Probe(ProbeKind(kind), "it answered so")),
    )
    assert outcome.status == status
    assert (outcome.remedy.commands == ("ocarina-kit init",)) is (kind == "unknown")


def a_token(access: str, **more: object) -> dict[str, object]:
    return {
        "access_token": access,
        "refresh_token": f"{access}-r",
        "expires_at": NOW + 60,
        **more,
    }


def tokens(**entries: object) -> Tokens:
    file = TokensFile({VIEW: a_token("v"), **entries})
    usable = tuple(token for token in file.tokens if token.is_usable)
    return Tokens(File(Path("/t"), FileKind.FILE), file, (), NOW, usable, ())


@pytest.mark.parametrize(
    ("view", "tags", "status", "refreshed"),
    [
        ("accepted", "accepted", "ok", ()),
        ("accepted", "refused", "fail", (TAGS,)),
        ("refused", "other-server", "fail", (VIEW,)),
        ("accepted", "other-server", "fail", ()),
        ("accepted", "no-answer", "unknown", ()),
        ("", "", "unknown", ()),
    ],
)
def test_access_tokens(
    view: str, tags: str, status: str, refreshed: tuple[str, ...]
) -> None:
    kinds = {VIEW: view, TAGS: tags} if view else {}
    asked = {
        key: Probe(ProbeKind(kind), "it answered so") for key, kind in kinds.items()
    }
    outcome = judged(
        server.access_tokens,
        a_world(access=asked, tokens=tokens(**{TAGS: a_token("t")})),
    )
    assert outcome.status == status
    assert [change.scopes for change in outcome.fix] == (
        [refreshed] if refreshed else []
    )


def test_a_refused_token_without_a_refresh_token_cannot_be_fixed() -> None:
    held = tokens(**{VIEW: a_token("v", refresh_token=None)})
    outcome = judged(
        server.access_tokens,
        a_world(access={VIEW: Probe(ProbeKind.REFUSED, "")}, tokens=held),
    )
    assert (outcome.status, outcome.fix) == ("fail", ())
    assert outcome.remedy.commands == ("ocarina-kit login --force --for lookup",)


def test_what_is_asked_about(tmp_path: Path) -> None:
    """Valid tokens of this server, with the client's version.

    No other server's, and no refresh token.
    """
    log = tmp_path / ".local/state/ocarina-kit/refresh.log"
    log.parent.mkdir(parents=True)
    known = {
        "time": "2023-11-14T00:00:00Z",
        "result": "logged-in",
        "server": "https://other.test/",
    }
    log.write_text(json.dumps({**known, "access": digest(Secret("t"))}) + "\n")
    sent: list[str] = []

    def probe_token(
        token: Secret, user: str, version: str | None, *_: float, **__: bool
    ) -> Probe:
        sent.append(f"{token.reveal()} {user} {version}")
        return Probe(ProbeKind.ACCEPTED, "")

    client = Candidate("/bin/ocarina", state=ClientState.WORKS, version=(1, 0, 0))
    held = tokens(
        **{TAGS: a_token("t"), "old": a_token("old", expires_at=NOW - 1), "odd": 3}
    )
    majora = SimpleNamespace(probe_token=probe_token)
    facts: dict[str, Any] = {
        "majora": majora,
        "setup": HTTPS,
        "clients": Clients((client,), client),
    }
    asked = a_world(tmp_path, tokens=held, **facts).access
    assert {key: probe.kind for key, probe in asked.items()} == {
        VIEW: "accepted",
        TAGS: "other-server",
    }
    assert sent == ["v u 1.0.0"]
    key = HTTPS._replace(legacy_key=Secret("key"))
    assert list(
        a_world(tmp_path, **{**facts, "setup": key, "clients": Clients()}).access
    ) == [""]
    assert sent[1:] == ["key u None"]
