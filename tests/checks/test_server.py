"""SRV, CRD and API over literals: each F, unknown and skip, and the words that name what to do."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.checks.configs import GOOD, KEY, PATH, config_of

from ocarina_kit.checks.model import Finding, Need, Outcome, Status
from ocarina_kit.checks.runner import Choice, judge
from ocarina_kit.checks.server import CHECKS
from ocarina_kit.core.facts import Facts
from ocarina_kit.core.file_facts import FileFacts, FileKind
from ocarina_kit.core.oauth.network import NetFailure, NetKind, Reach, Step
from ocarina_kit.core.oauth.network_facts import ApiFacts, CredentialFacts, NetworkFacts
from ocarina_kit.core.oauth.server_words import ClientProbe, Identity, TokenProbe
from ocarina_kit.core.plan import RefreshTokens
from ocarina_kit.core.tokens.token_facts import TokenFacts
from ocarina_kit.core.tokens.token_file import TokenFile

URL = "https://majora.lab.test/"
NOW = 1_800_000_000.0
LOOKUP, INFO = "majora2.view_biosampleartifact", "majora2.view_majoraartifact_info"
WENT = Step(None, 3)
REACHED = Reach(dns=WENT, tcp=WENT, tls=WENT)
MAJORA = Identity("majora", "an OAuth server (invalid_client)")
BY_ID = {check.id: check for check in CHECKS}


def broken(kind: NetKind, detail: str = "it failed") -> Step:
    return Step(NetFailure(kind, detail), 5)


def token(scope: str, **more: Any) -> dict[str, Any]:
    return {
        "access_token": "a" * 30,
        "expires_in": 36000,
        "token_type": "Bearer",
        "scope": scope.split(),
        "refresh_token": "r" * 30,
        "expires_at": NOW + 30_000,
        **more,
    }


def tokens_of(*scopes: str, **more: Any) -> TokenFacts:
    data = json.dumps({scope: token(scope) for scope in scopes}).encode()
    path = PATH.with_name(".ocarina-tokens")
    file = FileFacts(path, FileKind.FILE, data, mode=0o600, ours=True)
    return TokenFacts(NOW, file, TokenFile.parse(data), **more)


def facts(**groups: Any) -> Facts:
    base = Facts(
        config_of(GOOD),
        network=NetworkFacts(URL, REACHED, MAJORA),
        credentials=CredentialFacts(ClientProbe("known", "")),
        api=ApiFacts({LOOKUP: TokenProbe("alive", "", client_ok=True)}, version="1.0.0"),
        tokens=tokens_of(LOOKUP),
    )
    return replace(base, **groups)


def probe(id: str, **groups: Any) -> Outcome:
    return BY_ID[id].probe(facts(**groups))


def network(reach: Reach = REACHED, identity: Identity | None = MAJORA, url: str = URL) -> NetworkFacts:
    return NetworkFacts(url, reach, identity)


def chain(reach: Reach) -> dict[str, Finding]:
    """SRV001 to SRV003, one resting on the other."""
    checks = tuple(
        replace(BY_ID[f"SRV00{n}"], rests_on=(() if n == 1 else ((f"SRV00{n - 1}",),))) for n in (1, 2, 3)
    )
    found = judge(checks, facts(network=network(reach)), Choice(), stopwatch=lambda: 0.0)
    return {finding.check.id: finding for finding in found}


def test_the_rows_are_those_of_the_catalogue() -> None:
    assert {check.id: check.rests_on for check in CHECKS} == {
        "SRV001": (("CFG006",),),
        "SRV002": (("SRV001",),),
        "SRV003": (("SRV002",),),
        "SRV004": (("SRV003",), ("CFG007",)),
        "CRD001": (("SRV004",), ("CFG009",)),
        "API001": (("SRV004",), ("TOK004",)),
        "API002": (("SRV004",), ("CFG008",)),
    }
    assert all(check.online for check in CHECKS)
    assert {check.id for check in CHECKS if check.oauth_only} == {"CRD001", "API001"}
    assert not any(Need.SCHEDULE in check.needs | check.uses for check in CHECKS)


def test_all_is_well() -> None:
    outcomes = {check.id: check.probe(facts()) for check in CHECKS}
    assert {id: outcome.status.value for id, outcome in outcomes.items()} == {
        **dict.fromkeys(("SRV001", "SRV002", "SRV003", "SRV004", "CRD001", "API001"), "ok"),
        "API002": "skip",
    }
    assert all(outcome.cause is None for outcome in outcomes.values())


@pytest.mark.parametrize("id", [check.id for check in CHECKS])
def test_where_nothing_was_seen_in_time_nothing_is_told(id: str) -> None:
    nothing = facts(network=None, credentials=None, api=None)
    if id == "API002":
        nothing = replace(nothing, config=config_of({**GOOD, "MAJORA_TOKEN": KEY}))
    assert BY_ID[id].probe(nothing).status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("reach", "verdicts"),
    [
        (Reach(dns=broken("dns-none")), "fail skip skip"),
        (Reach(dns=broken("dns-silent")), "unknown skip skip"),
        (Reach(dns=WENT, tcp=broken("refused")), "ok fail skip"),
        (Reach(dns=WENT, tcp=broken("timeout")), "ok unknown skip"),
        (Reach(dns=WENT, tcp=broken("reset")), "ok unknown skip"),
        (Reach(dns=WENT, tcp=broken("other")), "ok unknown skip"),
        (Reach(dns=WENT, tcp=broken("insecure")), "ok fail skip"),
        (
            Reach(tcp=broken("proxy-refused"), proxy="proxy:3128", proxy_variable="HTTPS_PROXY"),
            "skip unknown skip",
        ),
        (
            Reach(tcp=broken("proxy-auth"), proxy="proxy:3128", proxy_variable="HTTPS_PROXY"),
            "skip unknown skip",
        ),
        (Reach(tcp=broken("proxy-unusable")), "skip fail skip"),
        (Reach(tcp=broken("timeout"), proxy="proxy:3128"), "skip unknown skip"),
        (Reach(tcp=WENT, tls=WENT, proxy="proxy:3128"), "skip ok ok"),
        (Reach(dns=WENT, tcp=WENT, tls=broken("tls-expired")), "ok ok fail"),
        (Reach(dns=WENT, tcp=WENT, tls=broken("tls-host")), "ok ok fail"),
        (Reach(dns=WENT, tcp=WENT, tls=broken("tls-unknown-issuer")), "ok ok fail"),
        (Reach(dns=WENT, tcp=WENT, tls=broken("tls-other")), "ok ok fail"),
        (Reach(dns=WENT, tcp=WENT, tls=broken("ca-bundle")), "ok ok fail"),
        (Reach(dns=WENT, tcp=WENT, tls=broken("timeout")), "ok ok unknown"),
        (Reach(dns=WENT, tcp=WENT, tls=broken("reset")), "ok ok unknown"),
        (Reach(dns=WENT, tcp=WENT), "ok ok unknown"),
    ],
)
def test_the_way_there(reach: Reach, verdicts: str) -> None:
    findings = chain(reach)
    assert " ".join(finding.status.value for finding in findings.values()) == verdicts
    for finding in findings.values():
        if finding.status is Status.FAIL:
            assert finding.outcome.detail
            assert finding.remedy.text
            assert not finding.fixable


def test_behind_a_proxy_the_name_is_not_judged_and_holds_nothing_up() -> None:
    findings = chain(Reach(tcp=WENT, tls=WENT, proxy="proxy.lab.test:3128", proxy_variable="https_proxy"))
    assert findings["SRV001"].outcome.cause is None
    assert "proxy.lab.test:3128 (https_proxy)" in findings["SRV001"].outcome.detail
    assert "through the proxy proxy.lab.test:3128" in findings["SRV002"].outcome.detail


def test_a_proxy_that_refuses_is_named_with_its_variable() -> None:
    found = probe(
        "SRV002", network=network(Reach(tcp=broken("proxy-refused"), proxy="p:1", proxy_variable="ALL_PROXY"))
    )
    assert found.remedy is not None
    assert "ALL_PROXY" in found.remedy.text


def test_loopback_http_has_no_certificate() -> None:
    found = probe("SRV003", network=network(Reach(dns=WENT, tcp=WENT), url="http://127.0.0.1:8000/"))
    assert (found.status, found.cause) == (Status.SKIP, None)


@pytest.mark.parametrize(
    ("variable", "helps", "says", "commands"),
    [
        ("REQUESTS_CA_BUNDLE", "/x/certifi/cacert.pem", "what hurts", ("unset REQUESTS_CA_BUNDLE",)),
        ("CURL_CA_BUNDLE", "/ca.pem", "CURL_CA_BUNDLE names another", ("export REQUESTS_CA_BUNDLE=/ca.pem",)),
        (None, "/etc/ssl/my bundle.pem", "With the CA bundle", ("export REQUESTS_CA_BUNDLE='/etc/ssl/my bundle.pem'",)),
        (None, None, "set REQUESTS_CA_BUNDLE to your institution's", ()),
        ("REQUESTS_CA_BUNDLE", None, "REQUESTS_CA_BUNDLE names a CA bundle without this issuer", ()),
    ],
)  # fmt: skip
def test_an_unknown_issuer_names_the_setting_that_helps_or_hurts(
    variable: str | None, helps: str | None, says: str, commands: tuple[str, ...]
) -> None:
    reach = Reach(dns=WENT, tcp=WENT, tls=broken("tls-unknown-issuer"), ca_variable=variable, ca_helps=helps)
    found = probe("SRV003", network=network(reach))
    assert found.remedy is not None
    assert says in found.remedy.text
    assert found.remedy.commands == commands


def test_a_bundle_that_is_not_there_names_its_variable() -> None:
    failure = broken("ca-bundle", "REQUESTS_CA_BUNDLE names a CA bundle that does not exist: /gone")
    found = probe(
        "SRV003", network=network(Reach(dns=WENT, tcp=WENT, tls=failure, ca_variable="REQUESTS_CA_BUNDLE"))
    )
    assert found.status is Status.FAIL
    assert found.remedy is not None
    assert found.remedy.commands == ("unset REQUESTS_CA_BUNDLE",)


@pytest.mark.parametrize(
    ("kind", "status"),
    [("majora", Status.OK), ("not-majora", Status.FAIL), ("unusable", Status.UNKNOWN)],
)
def test_who_answers(kind: Any, status: Status) -> None:
    found = probe("SRV004", network=network(identity=Identity(kind, "it answered 302, a redirect")))
    assert found.status is status
    if status is not Status.OK:
        assert "it answered 302, a redirect" in found.detail


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("known", Status.OK),
        ("unknown", Status.FAIL),
        ("other-grant", Status.FAIL),
        ("not-majora", Status.UNKNOWN),
        ("unusable", Status.UNKNOWN),
    ],
)
def test_the_client(kind: Any, status: Status) -> None:
    found = probe("CRD001", credentials=CredentialFacts(ClientProbe(kind, "the server says so")))
    assert found.status is status
    if status is Status.FAIL:
        assert found.remedy is not None
        assert f"{URL}o/applications/" in found.remedy.text


def test_a_dead_token_is_named_and_refreshed() -> None:
    api = ApiFacts({LOOKUP: TokenProbe("alive", ""), INFO: TokenProbe("dead", "400")})
    found = probe("API001", api=api, tokens=tokens_of(LOOKUP, INFO))
    assert found.status is Status.FAIL
    assert "the token for info" in found.detail
    (change,) = found.fix.changes
    assert isinstance(change, RefreshTokens)
    assert change.scopes == (INFO,)
    assert found.remedy is not None
    assert found.remedy.commands == ("ocarina-kit refresh", "ocarina-kit login --force --for info")


def test_a_dead_token_without_a_refresh_token_cannot_be_mended() -> None:
    tokens = tokens_of(LOOKUP)
    bare = json.dumps({LOOKUP: {**token(LOOKUP), "refresh_token": None}}).encode()
    found = probe(
        "API001",
        api=ApiFacts({LOOKUP: TokenProbe("dead", "400")}),
        tokens=replace(tokens, tokens=TokenFile.parse(bare)),
    )
    assert found.status is Status.FAIL
    assert not found.fix


def test_a_token_that_lacks_scopes_lives() -> None:
    alive = TokenProbe("alive", "", lacks_scopes="majora2.x")
    assert probe("API001", api=ApiFacts({LOOKUP: alive})).status is Status.OK


@pytest.mark.parametrize("kind", ["unusable", "blank-user"])
def test_no_word_on_a_token_is_no_verdict(kind: Any) -> None:
    api = ApiFacts({LOOKUP: TokenProbe("alive", ""), INFO: TokenProbe(kind, "it answered 503")})
    assert probe("API001", api=api, tokens=tokens_of(LOOKUP, INFO)).status is Status.UNKNOWN


def test_one_dead_token_counts_although_another_got_no_word() -> None:
    api = ApiFacts({LOOKUP: TokenProbe("dead", ""), INFO: TokenProbe("unusable", "it answered 503")})
    assert probe("API001", api=api, tokens=tokens_of(LOOKUP, INFO)).status is Status.FAIL


def test_another_servers_token_is_a_fault_that_only_a_login_mends() -> None:
    found = probe("API001", api=ApiFacts({}), tokens=tokens_of(LOOKUP, foreign=frozenset({LOOKUP})))
    assert found.status is Status.FAIL
    assert not found.fix
    assert "Another server" in found.detail


def test_tokens_that_may_be_another_servers_are_the_shared_files_fault() -> None:
    found = probe("API001", api=ApiFacts({}), tokens=tokens_of(LOOKUP, unsure=frozenset({LOOKUP})))
    assert (found.status, found.cause) == (Status.SKIP, "CFG013")


@pytest.mark.parametrize(
    ("kind", "status"),
    [("alive", Status.OK), ("dead", Status.FAIL), ("unusable", Status.UNKNOWN)],
)
def test_a_legacy_key(kind: Any, status: Status) -> None:
    legacy = facts(
        config=config_of({**GOOD, "MAJORA_TOKEN": KEY}), api=ApiFacts(legacy=TokenProbe(kind, "400"))
    )
    found = BY_ID["API002"].probe(legacy)
    assert found.status is status
    assert KEY not in found.detail
    if status is Status.FAIL:
        assert found.remedy is not None
        assert f"{URL}keys/list/" in found.remedy.text


def test_the_versions_verdict_is_the_first_that_was_given() -> None:
    api = ApiFacts({
        LOOKUP: TokenProbe("alive", "", lacks_scopes="x"),
        INFO: TokenProbe("alive", "", client_ok=False, wanted_version="0.44.0"),
    })  # fmt: skip
    assert api.client_verdict is not None
    assert api.client_verdict.wanted_version == "0.44.0"
    assert ApiFacts().client_verdict is None


def test_each_steps_time_is_its_own() -> None:
    seen = NetworkFacts(URL, Reach(dns=Step(None, 1), tcp=Step(None, 2)), MAJORA, identity_ms=4)
    assert dict(seen.milliseconds) == {"SRV001": 1, "SRV002": 2, "SRV004": 4}
