"""Any bytes as configuration, tokens or crontab.

A verdict and valid JSON, no traceback, nothing written.
"""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import TESTS
from tests.scenarios.world import VIEW

from ocarina_kit.config.location import SetupLocation
from ocarina_kit.doctor.check import Choice, examine, summary
from ocarina_kit.doctor.fix import plan
from ocarina_kit.doctor.report import report
from ocarina_kit.doctor.world import World
from ocarina_kit.system.change import difference
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.process import run

WHO = {
    "MAJORA_DOMAIN": "https://majora.lab.test/",
    "MAJORA_USER": "lab",
    "MAJORA_TOKEN": "OAUTH",
}
PROFILES = {"x": {"OCARINA_QUIET": "y", "MAJORA_TOKENS_FILE": "~/t"}}
GOOD = json.dumps(
    {**WHO, "CLIENT_ID": "a1" * 20, "CLIENT_SECRET": "b2" * 64, "profile": PROFILES},
    indent=1,
)
PAIR = {"access_token": "access-c3c3c3c3c3", "refresh_token": "refresh-d4d4d4d4d4"}
TOKENS = json.dumps(
    {VIEW: {**PAIR, "expires_in": 36000, "scope": [VIEW], "expires_at": 1795537847.1}}
)
CRONTAB = (
    b"MAILTO=me\n# x\n0 0,6,12,18 * * * /opt/bin/ocarina oauth refresh\n"
    b"*/5 * * * * x % y\n"
)
FILES = {
    ".ocarina": GOOD.encode(),
    ".ocarina-tokens": TOKENS.encode(),
    "crontab": CRONTAB,
}
_WORDS = (*b'{}",:\r\x00\xff'.split(b"|"), b"null", b"[]", b"1e999", b"\\u0000")


def mangled(good: bytes) -> st.SearchStrategy[bytes]:
    """Anything at all, or a good file with something put in, left out or changed."""

    def edit(start: int, length: int, new: bytes) -> bytes:
        return good[:start] + new + good[start + length :]

    new = st.one_of(st.sampled_from(_WORDS), st.binary(max_size=8))
    return st.one_of(
        st.binary(max_size=200),
        st.builds(edit, st.integers(0, len(good)), st.integers(0, 40), new),
    )


def look_at(home: Path, name: str, content: bytes, profile: str | None) -> None:
    for kind, good in FILES.items():
        (home / kind).write_bytes(content if kind == name else good)
    environ = {
        "PATH": f"{TESTS / 'programs'}:/usr/bin:/bin",
        "KIT_TEST_CRONTAB": str(home / "crontab"),
    }
    machine = Machine(environ, home, "lab", "node", run)
    before = {path.name: path.read_bytes() for path in home.iterdir()}
    choice = Choice(skip=frozenset({"ENV"}), offline=True)
    world = World(
        machine, SetupLocation(home / ".ocarina", profile=profile), seconds=300
    )
    findings = examine(world, choice)
    assert sum(summary(findings).values()) == len(findings)
    assert not [finding.id for finding in findings if finding.status == "unknown"]
    shown = report(world, findings)
    shown += difference(plan(world, choice, findings).changes, machine)
    shown += "".join(
        f"{finding.said} {finding.excerpt} {finding.remedy}" for finding in findings
    )
    for secret in ("b2b2b2b2b2", "access-c3c3", "refresh-d4d4"):
        assert secret not in shown
    assert {path.name: path.read_bytes() for path in home.iterdir()} == before


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("examples", [20, pytest.param(1000, marks=pytest.mark.soak)])
def test_any_content(examples: int, name: str, tmp_path: Path) -> None:
    @settings(max_examples=examples, database=None)
    @given(content=mangled(FILES[name]), profile=st.sampled_from([None, "x"]))
    def look(content: bytes, profile: str | None) -> None:
        look_at(tmp_path, name, content, profile)

    look()
