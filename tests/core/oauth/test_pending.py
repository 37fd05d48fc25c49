"""core/oauth/pending.py: a pending login's file."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocarina_kit.core.oauth.pending import PendingLogin, read, write
from ocarina_kit.core.secret import Secret

TEXT = st.text(max_size=20)
LOGINS = st.builds(
    PendingLogin,
    state=st.text(min_size=1, max_size=20),
    verifier=st.text(min_size=1, max_size=20).map(Secret),
    scope=TEXT,
    redirect_uri=TEXT,
    domain=TEXT,
    config=TEXT,
    profile=st.none() | TEXT,
    created=st.floats(0, 1e10),
)
ONE = PendingLogin("s", Secret("hidden-verifier"), "a b", "r", "d", "c", None, 1000.0)


@given(login=LOGINS)
def test_what_is_written_is_read_again(login: PendingLogin) -> None:
    assert read(write(login)) == login


@given(data=st.binary(max_size=60))
def test_any_bytes_are_read_without_raising(data: bytes) -> None:
    assert read(data) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"state": ""},
        {"state": None},
        {"verifier": ""},
        {"verifier": 5},
        {"scope": []},
        {"profile": 1},
        {"created": "1"},
        {"created": True},
        {"created": None},
        {"created": 1e300},
    ],
)
def test_what_it_did_not_write_is_none(changes: dict[str, object]) -> None:
    assert read(json.dumps({**json.loads(write(ONE)), **changes}).encode()) is None


def test_too_deep_is_none() -> None:
    assert read(b"[" * 100_000) is None


def test_it_holds_no_more_than_it_must() -> None:
    members = json.loads(write(ONE))
    assert sorted(members) == sorted(
        ["state", "verifier", "scope", "redirect_uri", "domain", "config", "profile", "created"]
    )
    assert "hidden-verifier" not in repr(ONE)


@pytest.mark.parametrize(
    ("now", "expired"), [(1000, False), (4599, False), (4600, True), (800, False), (600, True)]
)
def test_for_an_hour(now: float, expired: bool) -> None:
    assert ONE.expired(now) is expired
    assert ONE.age(now) == max(0, now - 1000)


def test_it_belongs_to_its_set_up() -> None:
    assert ONE.belongs_to(config="c", profile=None, domain="d")
    assert not ONE.belongs_to(config="c", profile="p", domain="d")
    assert not ONE.belongs_to(config="c", profile=None, domain="elsewhere")
    assert not replace(ONE, config="x").belongs_to(config="c", profile=None, domain="d")
