"""edges/look/gather_network.py against real sockets and the sandbox: what SRV, CRD and API make of each fault."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ocarina_kit.checks.runner import Choice, judge
from ocarina_kit.checks.server import CHECKS
from ocarina_kit.core.facts import ConfigFacts, Facts
from ocarina_kit.edges.look.gather_config import config_facts, place_of
from ocarina_kit.edges.look.gather_network import api_facts, credential_facts, network_facts
from ocarina_kit.edges.look.gather_tokens import token_facts
from ocarina_kit.edges.process import run
from ocarina_kit.edges.system import System
from ocarina_kit.sandbox import Application, Sandbox, User

LOOKUP, INFO = "majora2.view_biosampleartifact", "majora2.view_majoraartifact_info"
# What a row rests on in other families is not looked at here.
OWN = {check.id for check in CHECKS}
ROWS = tuple(
    replace(check, rests_on=tuple(ids for ids in check.rests_on if set(ids) <= OWN)) for check in CHECKS
)


@dataclass
class Home:
    folder: Path
    environ: dict[str, str]

    @property
    def system(self) -> System:
        return System(environ=self.environ, home=self.folder, user="lab", host="node1", run=run)

    def write(self, **members: Any) -> None:
        (self.folder / ".ocarina").write_text(json.dumps(members))

    def tokens(self, **tokens: Any) -> None:
        (self.folder / ".ocarina-tokens").write_text(json.dumps(tokens))

    @property
    def config(self) -> ConfigFacts:
        return config_facts(self.system, place_of(self.system, config=None, profile=None, env=False))

    def facts(self, *, seconds: float = 5.0, version: str | None = "1.0.0") -> Facts:
        system, config = self.system, self.config
        tokens = token_facts(system, config)
        return Facts(
            config,
            network=network_facts(system, config, seconds=seconds),
            credentials=credential_facts(system, config, seconds=seconds),
            tokens=tokens,
            api=api_facts(system, config, tokens, version, seconds=seconds),
        )

    def verdicts(self, **options: Any) -> dict[str, str]:
        """Of each check that is neither ok nor a skip."""
        found = judge(ROWS, self.facts(**options), Choice(), stopwatch=time.monotonic)
        return {f.check.id: f.status.value for f in found if f.status.value not in ("ok", "skip")}

    def point_at(self, url: str) -> None:
        self.write(
            MAJORA_DOMAIN=url,
            MAJORA_USER="lab",
            MAJORA_TOKEN="OAUTH",
            CLIENT_ID="i" * 40,
            CLIENT_SECRET="s" * 128,
        )


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path, {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"})


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox.start() as majora:
        yield majora


@dataclass
class Lab:
    """A set-up that works, and the server behind it."""

    home: Home
    majora: Sandbox
    user: User
    application: Application

    def use(self, **changes: Any) -> None:
        members = {
            "MAJORA_DOMAIN": self.majora.url,
            "MAJORA_USER": self.user.name,
            "MAJORA_TOKEN": "OAUTH",
            "CLIENT_ID": self.application.client_id,
            "CLIENT_SECRET": self.application.client_secret,
        }
        self.home.write(**{**members, **changes})


_names = iter(range(10_000))


@pytest.fixture
def lab(home: Home, running: Sandbox) -> Iterator[Lab]:
    user = running.add_user(f"lab{next(_names)}")
    made = Lab(home, running, user, running.add_application(user))
    made.use()
    home.tokens(**{LOOKUP: running.grant(user, made.application, LOOKUP)})
    running.clear_requests()
    yield made
    running.clear_faults()
    if running.offset:
        running.shift_clock(-running.offset)


def test_all_is_well_and_nothing_is_spent(lab: Lab) -> None:
    found = lab.home.facts()
    assert lab.home.verdicts() == {}
    assert found.network is not None
    assert set(found.network.milliseconds) == {"SRV001", "SRV002", "SRV004"}
    assert found.network.skew is not None
    assert abs(found.network.skew) < 3
    stats = lab.majora.stats()
    assert (stats["refreshes"], stats["grants"], stats["sent"]) == (0, 0, {})


def test_the_servers_clock_is_seen(lab: Lab) -> None:
    lab.majora.shift_clock(900)
    network = lab.home.facts().network
    assert network is not None
    assert network.skew == pytest.approx(900, abs=3)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "html", "status": 200}, {"SRV004": "fail"}),
        ({"kind": "redirect", "status": 302, "location": "https://portal.invalid/"}, {"SRV004": "fail"}),
        ({"kind": "redirect", "status": 307, "location": "https://portal.invalid/"}, {"SRV004": "fail"}),
        ({"kind": "status", "status": 404, "body": "<html>"}, {"SRV004": "fail"}),
        ({"kind": "not_json"}, {"SRV004": "fail"}),
        ({"kind": "status", "status": 503}, {"SRV004": "unknown"}),
        ({"kind": "status", "status": 500, "body": "<html>"}, {"SRV004": "unknown"}),
        ({"kind": "status", "status": 429, "headers": {"Retry-After": "30"}}, {"SRV004": "unknown"}),
        ({"kind": "reset"}, {"SRV004": "unknown"}),
    ],
)
def test_what_answers_at_the_token_endpoint(
    lab: Lab, fault: dict[str, Any], expected: dict[str, str]
) -> None:
    lab.majora.fault(**fault)
    assert lab.home.verdicts() == expected


def test_a_server_that_is_too_slow_is_unknown_and_keeps_nobody(lab: Lab) -> None:
    lab.majora.fault("slow", seconds=30)
    started = time.monotonic()
    assert lab.home.verdicts(seconds=0.6) == {"SRV004": "unknown"}
    assert time.monotonic() - started < 4


@pytest.mark.parametrize("change", [{"CLIENT_SECRET": "s" * 128}, {"CLIENT_ID": "i" * 40}])
def test_a_client_that_the_server_does_not_know(lab: Lab, change: dict[str, str]) -> None:
    lab.use(**change)
    assert lab.home.verdicts() == {"CRD001": "fail"}


@pytest.mark.parametrize("change", [{"CLIENT_SECRET": "your-client-secret"}, {"CLIENT_ID": "with blank"}])
def test_what_is_no_credential_is_not_sent(lab: Lab, change: dict[str, str]) -> None:
    lab.use(**change)
    facts = credential_facts(lab.home.system, lab.home.config, seconds=5)
    assert facts.probe is None


@pytest.mark.parametrize("domain", ["https://example.org/", "", "https://your.majora/", "ftp://x.test/"])
def test_what_is_no_address_is_not_asked(home: Home, domain: str) -> None:
    home.point_at(domain)
    facts = home.facts(seconds=0.5)
    assert facts.network is not None
    assert (facts.network.reach, facts.network.identity) == (None, None)
    assert facts.credentials is not None
    assert facts.credentials.probe is None


def test_a_revoked_token_is_dead_and_the_others_live(lab: Lab) -> None:
    tokens = {scope: lab.majora.grant(lab.user, lab.application, scope) for scope in (LOOKUP, INFO)}
    lab.home.tokens(**tokens)
    lab.majora.revoke(tokens[INFO])
    api = lab.home.facts().api
    assert api is not None
    assert {key: probe.kind for key, probe in api.tokens.items()} == {LOOKUP: "alive", INFO: "dead"}
    assert lab.home.verdicts() == {"API001": "fail"}


def test_an_inactive_account(lab: Lab) -> None:
    lab.majora.set_active(lab.user, False)
    assert lab.home.verdicts() == {"API001": "fail"}


def test_a_token_without_the_querys_scopes_lives(lab: Lab) -> None:
    lab.home.tokens(**{INFO: lab.majora.grant(lab.user, lab.application, INFO)})
    facts = lab.home.facts()
    assert facts.api is not None
    assert facts.api.tokens[INFO].lacks_scopes is not None
    assert lab.home.verdicts() == {}


def test_an_expired_token_is_not_asked_about(lab: Lab) -> None:
    old = lab.majora.grant(lab.user, lab.application, LOOKUP, age=30 * 3600)
    lab.home.tokens(**{LOOKUP: old, INFO: lab.majora.grant(lab.user, lab.application, INFO)})
    api = lab.home.facts().api
    assert api is not None
    assert set(api.tokens) == {INFO}


def test_the_servers_word_on_the_clients_version(lab: Lab) -> None:
    facts = lab.home.facts(version="0.36.1")
    assert facts.api is not None
    verdict = facts.api.client_verdict
    assert verdict is not None
    assert (verdict.client_ok, verdict.wanted_version) == (False, "0.44.0")
    unknown = lab.home.facts(version=None).api
    assert unknown is not None
    assert unknown.client_verdict is None
    assert unknown.tokens[LOOKUP].kind == "alive"


def test_a_query_that_fails_says_nothing_about_the_token(lab: Lab) -> None:
    lab.majora.fault("status", "api/*", status=503)
    assert lab.home.verdicts() == {"API001": "unknown"}


def test_many_tokens_are_asked_about_side_by_side(lab: Lab) -> None:
    scopes = [f"majora2.made_up_{number}" for number in range(8)]
    alive = lab.majora.grant(lab.user, lab.application, LOOKUP)
    lab.home.tokens(**{scope: {**alive, "scope": [scope]} for scope in scopes})
    lab.majora.fault("slow", "api/*", seconds=0.5, after=True)
    started = time.monotonic()
    api = api_facts(
        lab.home.system, lab.home.config, token_facts(lab.home.system, lab.home.config), "1.0.0", seconds=10
    )
    assert len(api.tokens) == 8
    assert {probe.kind for probe in api.tokens.values()} == {"alive"}
    assert time.monotonic() - started < 2.5


def test_where_time_runs_out_the_rest_is_not_told(lab: Lab) -> None:
    alive = lab.majora.grant(lab.user, lab.application, LOOKUP)
    scopes = [f"majora2.made_up_{number}" for number in range(20)]
    lab.home.tokens(**{scope: {**alive, "scope": [scope]} for scope in scopes})
    lab.majora.fault("slow", "api/*", seconds=20)
    config, system = lab.home.config, lab.home.system
    started = time.monotonic()
    api = api_facts(system, config, token_facts(system, config), "1.0.0", seconds=0.5)
    assert time.monotonic() - started < 2
    assert [probe.kind for probe in api.tokens.values()] == ["unusable"] * 20


def test_another_servers_token_is_sent_nowhere(lab: Lab) -> None:
    from ocarina_kit.core.tokens.refresh_log import LogEntry, Result, mark_for
    from ocarina_kit.edges.disk import refresh_log

    system = lab.home.system
    mark = mark_for(lab.home.folder / ".ocarina-tokens", lab.home.folder, "https://other.majora.test/")
    token = json.loads((lab.home.folder / ".ocarina-tokens").read_text())[LOOKUP]
    born = token["expires_at"] - token["expires_in"]
    assert (
        refresh_log.append(system, [LogEntry(born, "node1", "login", LOOKUP, Result.LOGGED_IN, mark)]) is None
    )
    tokens = token_facts(system, lab.home.config)
    assert tokens.foreign == {LOOKUP}
    lab.majora.clear_requests()
    assert lab.home.verdicts() == {"API001": "fail"}
    assert not [seen for seen in lab.majora.requests if "/api/" in seen.path]


def test_a_legacy_key(lab: Lab) -> None:
    key = lab.majora.add_legacy_key(lab.user)
    lab.use(MAJORA_TOKEN=key)
    (lab.home.folder / ".ocarina-tokens").unlink()
    assert lab.home.verdicts() == {}
    lab.majora.revoke_legacy_key(key)
    assert lab.home.verdicts() == {"API002": "fail"}


# --- the way there ------------------------------------------------------------------------------------------


def test_a_name_that_does_not_exist(home: Home) -> None:
    home.point_at("https://majora.invalid/")
    assert home.verdicts() == {"SRV001": "fail"}


def test_a_port_that_nobody_listens_on(home: Home, shut_port: int) -> None:
    home.point_at(f"https://127.0.0.1:{shut_port}/")
    assert home.verdicts() == {"SRV002": "fail"}


def test_a_port_that_never_answers(home: Home, peers: Any) -> None:
    home.point_at(f"https://127.0.0.1:{peers.silent().port}/")
    started = time.monotonic()
    assert home.verdicts(seconds=0.6) == {"SRV003": "unknown"}
    assert time.monotonic() - started < 4


def test_a_proxy_that_refuses(home: Home, peers: Any) -> None:
    proxy = peers.proxy(status="403 Forbidden")
    home.environ["HTTPS_PROXY"] = f"http://127.0.0.1:{proxy.port}"
    home.point_at("https://majora.lab.test/")
    assert home.verdicts() == {"SRV002": "unknown"}


def test_a_proxy_of_an_unknown_kind(home: Home) -> None:
    home.environ["HTTPS_PROXY"] = "socks5://127.0.0.1:1080"
    home.point_at("https://majora.lab.test/")
    assert home.verdicts() == {"SRV002": "fail"}


@pytest.mark.parametrize(
    ("certificate", "trusted", "expected"),
    [
        ("good", True, {}),
        ("good", False, {"SRV003": "fail"}),
        ("expired", True, {"SRV003": "fail"}),
        ("other-host", True, {"SRV003": "fail"}),
    ],
)
def test_certificates(home: Home, certificate: Any, trusted: bool, expected: dict[str, str]) -> None:
    with Sandbox.start(tls=True, certificate=certificate) as majora:
        user = majora.add_user("lab")
        application = majora.add_application(user)
        if trusted:
            home.environ["REQUESTS_CA_BUNDLE"] = str(majora.ca_file)
        home.write(
            MAJORA_DOMAIN=majora.url,
            MAJORA_USER="lab",
            MAJORA_TOKEN="OAUTH",
            CLIENT_ID=application.client_id,
            CLIENT_SECRET=application.client_secret,
        )
        home.tokens(**{LOOKUP: majora.grant(user, application, LOOKUP)})
        assert home.verdicts() == expected


def test_a_bundle_that_is_gone_is_named(home: Home, peers: Any, authority: Any) -> None:
    peer = peers.start(lambda conn, peer: conn.recv(1), authority.server("localhost"))
    home.environ["REQUESTS_CA_BUNDLE"] = "/gone/bundle.pem"
    home.point_at(peer.tls_url)
    assert home.verdicts() == {"SRV003": "fail"}
    facts = home.facts()
    finding = next(check for check in CHECKS if check.id == "SRV003").probe(facts)
    assert "REQUESTS_CA_BUNDLE" in finding.detail
