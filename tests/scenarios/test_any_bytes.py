"""Any bytes as configuration, tokens or crontab: a verdict and valid JSON, no traceback, nothing written."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import TESTS, Kit

from ocarina_kit.checks.model import Status
from ocarina_kit.checks.report import About, report
from ocarina_kit.checks.runner import Choice
from ocarina_kit.checks.view import members, summary
from ocarina_kit.core.setup import Place
from ocarina_kit.core.shown_plan import shown
from ocarina_kit.edges.process import run
from ocarina_kit.edges.system import System
from ocarina_kit.flows.doctor import examine, plan_fixes

GOOD = json.dumps(
    {
        "MAJORA_DOMAIN": "https://majora.lab.test/",
        "MAJORA_USER": "lab",
        "MAJORA_TOKEN": "OAUTH",
        "CLIENT_ID": "a1" * 20,
        "CLIENT_SECRET": "b2" * 64,
        "profile": {"x": {"OCARINA_QUIET": "y", "MAJORA_TOKENS_FILE": "~/t"}},
    },
    indent=1,
).encode()
TOKENS = json.dumps(
    {
        "majora2.view_biosampleartifact": {
            "access_token": "acc",
            "expires_in": 36000,
            "scope": ["majora2.view_biosampleartifact"],
            "refresh_token": "ref",
            "expires_at": 1795537847.1,
        }
    }
).encode()
CRONTAB = b"MAILTO=me\n# x\n0 0,6,12,18 * * * /opt/bin/ocarina oauth refresh\n*/5 * * * * x % y\n"


def mangled(good: bytes) -> st.SearchStrategy[bytes]:
    """Anything at all, or a good file with something put in, left out or changed."""
    at = st.integers(0, len(good))

    def edit(start: int, length: int, new: bytes) -> bytes:
        return good[:start] + new + good[start + length :]

    words = st.sampled_from(
        [b"{", b"}", b'"', b",", b":", b"null", b"[]", b"\x00", b"\xff", b"1e999", b"\\u0000", b"\r"]
    )
    return st.one_of(
        st.binary(max_size=200),
        st.builds(edit, at, st.integers(0, 40), st.one_of(words, st.binary(max_size=8))),
    )


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def look_at(home: Path, *, profile: str | None) -> None:
    environ = {"PATH": f"{TESTS / 'programs'}:/usr/bin:/bin", "KIT_TEST_CRONTAB": str(home / "crontab")}
    system = System(environ=environ, home=home, user="lab", host="node", run=run)
    before = {path.name: path.read_bytes() for path in home.iterdir()}
    choice = Choice(skip=frozenset({"ENV"}), offline=True)
    found = examine(system, Place(home / ".ocarina", profile=profile), choice, seconds=60)
    document = json.loads(
        json.dumps({"summary": summary(found.findings), "checks": list(map(members, found.findings))})
    )
    assert sum(document["summary"].values()) == len(document["checks"])
    assert not any(finding.status is Status.UNKNOWN for finding in found.findings)
    about = About(
        "1", "3", "Linux", "none", found.facts.config.text("MAJORA_DOMAIN"), "x", "node", ("lab", str(home))
    )
    text = report(about, found.findings, str(home / ".ocarina"))
    diff = shown(plan_fixes(found, choice))
    for secret in ("b2b2b2b2b2", '"acc"', '"ref"'):
        assert secret not in text + json.dumps(document)
        assert secret not in diff
    assert {path.name: path.read_bytes() for path in home.iterdir()} == before


ANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@ANY
@given(config=mangled(GOOD), profile=st.sampled_from([None, "x"]))
def test_config(place: Path, config: bytes, profile: str | None) -> None:
    (place / ".ocarina").write_bytes(config)
    look_at(place, profile=profile)


@ANY
@given(tokens=mangled(TOKENS))
def test_tokens(place: Path, tokens: bytes) -> None:
    (place / ".ocarina").write_bytes(GOOD)
    (place / ".ocarina-tokens").write_bytes(tokens)
    look_at(place, profile=None)


@ANY
@given(crontab=mangled(CRONTAB))
def test_crontab(place: Path, crontab: bytes) -> None:
    (place / ".ocarina").write_bytes(GOOD)
    (place / "crontab").write_bytes(crontab)
    look_at(place, profile=None)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 100,
        b"\xff\xfe{",
        b"[" * 100_000,
        b'{"a":' * 5000,
        b"\xf0\x9f\x92\xa9",
        b'{"MAJORA_DOMAIN": 1e400}',
    ],
)
def test_odd_bytes_through_the_real_command(kit: Kit, content: bytes) -> None:
    for path in (kit.config, kit.tokens, kit.crontab_file):
        path.write_bytes(content)
    ran = kit.run("doctor", "--json", "--offline")
    assert ran.code in (0, 1, 5), ran
    assert ran.json["summary"]
    assert [path.read_bytes() for path in (kit.config, kit.tokens, kit.crontab_file)] == [content] * 3
    assert not kit.state.exists()
