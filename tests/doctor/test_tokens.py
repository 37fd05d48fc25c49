"""TOK001 to TOK008 on throwaway files.

Which one fails, that no other does, and what its fix leaves.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.config.test_checks import DOMAIN
from tests.config.test_checks import GOOD as CONFIG

from ocarina_kit.client.scopes import BY_NAME, Table
from ocarina_kit.config.location import SetupLocation
from ocarina_kit.doctor.check import Choice, Outcome, examine
from ocarina_kit.doctor.world import World
from ocarina_kit.system.change import Action, Change
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.process import Completed

NOW = 1_800_000_000.0
LOOKUP, INFO, TAGS = (BY_NAME[name].scope for name in ("lookup", "info", "tags"))
OLD_LOOKUP = "majora2.temp_can_read_pags_via_api"
LATER = "majora2.of_a_later_client"


def token(key: str = LOOKUP, **more: Any) -> dict[str, Any]:
    made = {
        "access_token": "access-" + key[-6:],
        "expires_in": 36000,
        "scope": key.split(),
        "refresh_token": "refresh-" + key[-6:],
        "expires_at": NOW + 30_000.5,
        **more,
    }
    return {name: value for name, value in made.items() if value is not ...}


class Home:
    """A home whose set-up is good but for its tokens file."""

    def __init__(self, path: Path) -> None:
        self.path, self.tokens = path, path / ".ocarina-tokens"
        self.state = path / ".local" / "state" / "ocarina-kit"
        self.state.mkdir(parents=True)
        (path / ".ocarina").write_text(json.dumps(CONFIG))
        (path / ".ocarina").chmod(0o600)

    def write(self, held: Any) -> Home:
        self.tokens.write_bytes(
            held if isinstance(held, bytes) else json.dumps(held).encode()
        )
        self.tokens.chmod(0o600)
        return self

    def log(self, *lines: tuple[str, str]) -> None:
        """Lines (scope, result) of this set-up, a day ago."""
        same = {
            "time": "2027-01-14T08:00:00Z",
            "host": "login1",
            "tokens": "~/.ocarina-tokens",
        }
        rows = [
            {**same, "server": DOMAIN, "scope": scope, "result": result}
            for scope, result in lines
        ]
        (self.state / "refresh.log").write_text(
            "".join(json.dumps(row) + "\n" for row in rows)
        )

    def judged(self, table: Table | None = None) -> dict[str, Outcome]:
        """What is found where the client has this table."""
        machine = Machine(
            {},
            self.path,
            "hoot",
            "login1",
            lambda argv, **_: Completed(None),
            lambda: NOW,
        )
        world = World(
            machine, SetupLocation(self.path / ".ocarina"), seconds=30, _table=table
        )
        findings = examine(world, Choice(only=frozenset({"TOK"}), offline=True))
        return {finding.id: finding for finding in findings if finding.family == "TOK"}

    def wrong(self, table: Table | None = None) -> dict[str, str]:
        found = self.judged(table).items()
        return {
            id: finding.status
            for id, finding in found
            if finding.status not in ("ok", "skip")
        }


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def written(fix: tuple[Change, ...]) -> dict[str, Any]:
    after: dict[str, Any] = json.loads(fix[0].after or b"{}")
    return after


def refreshed(fix: tuple[Change, ...]) -> tuple[str, ...]:
    return tuple(
        scope
        for change in fix
        if change.action is Action.REFRESH
        for scope in change.scopes
    )


def test_good_tokens(home: Home) -> None:
    for content in (
        {
            LOOKUP: token(scope=LOOKUP, expires_at=int(NOW) + 10),
            LATER: token(LATER),
        },  # a text in place of a list
        {LOOKUP: token(scope=..., expires_in="36000", extra={"kept": 1})},
        {
            TAGS: token(TAGS, scope=list(reversed(TAGS.split()))),
            LOOKUP: token(),
        },  # its own key finds it
        {OLD_LOOKUP: token(OLD_LOOKUP)},  # what ocarina 0.36.1 looks samples up with
    ):
        assert home.write(content).wrong() == {}


GOOD = json.dumps({LOOKUP: token(), INFO: token(INFO)})


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (GOOD[: GOOD.rindex("refresh_token")].encode(), [LOOKUP]),  # cut off
        (b"\x00\xff garbage", []),
        ({LOOKUP: token(), "note": "mine"}, [LOOKUP]),
        (
            {LOOKUP: token(), INFO: token(INFO, access_token=7, refresh_token=...)},
            [LOOKUP],
        ),
    ],
)
def test_a_damaged_file_is_set_aside_and_the_rest_is_kept(
    home: Home, content: Any, kept: list[str]
) -> None:
    found = home.write(content).judged()["TOK002"]
    assert home.wrong() == {"TOK002": "fail"}
    (aside, *_) = found.fix
    assert (aside.action, aside.before) == (Action.SET_ASIDE, home.tokens.read_bytes())
    if not kept:
        assert (aside.after, found.remedy.commands[-1]) == (None, "ocarina-kit login")
    else:
        assert list(written(found.fix)) == kept
        assert home.write(aside.after).wrong() == {}


def test_the_place_of_the_damage_is_named(home: Home) -> None:
    damaged = (
        home.write(b'{\n  "a": {\n    "access_token": oops}}').judged()["TOK002"].said
    )
    assert damaged.endswith("(~/.ocarina-tokens, line 3, column 21)")
    pretty = json.dumps({LOOKUP: token(), "note": 7}, indent=1)
    line = 1 + pretty[: pretty.index('"note"')].count("\n")
    assert (
        f"line {line}, column 2)" in home.write(pretty.encode()).judged()["TOK002"].said
    )


def test_what_has_a_refresh_token_alone_is_kept_and_refreshed(home: Home) -> None:
    (fix,) = home.write({LOOKUP: token(access_token=...)}).judged()["TOK002"].fix
    assert (fix.action, fix.scopes) == (Action.REFRESH, (LOOKUP,))
    both = home.write(GOOD[:-30].encode()).judged()["TOK002"].fix
    assert (list(written(both)), refreshed(both)) == ([LOOKUP, INFO], (INFO,))


def test_a_file_of_another_kind_is_left_alone(home: Home) -> None:
    found = home.write(CONFIG).judged()["TOK002"]
    assert (found.status, found.fix) == ("fail", ())


@pytest.mark.parametrize("lost", ["", "  ", 7])
def test_a_missing_refresh_token(home: Home, lost: Any) -> None:
    found = home.write({LOOKUP: token(refresh_token=lost), INFO: token(INFO)}).judged()[
        "TOK005"
    ]
    assert home.wrong() == {"TOK005": "fail"}
    assert found.remedy.commands == ("ocarina-kit login --force --for lookup",)
    home.write({LOOKUP: token(refresh_token=lost, expires_at=NOW - 5)})
    assert home.wrong() == {"TOK004": "fail", "TOK005": "fail"}
    assert home.judged()["TOK004"].remedy.commands == (
        "ocarina-kit login --for lookup",
    )


@pytest.mark.parametrize(
    ("held", "log", "expected"),
    [
        ([INFO], (), "warn login --for lookup"),
        (
            [LOOKUP],
            ((INFO, "logged-in"), (TAGS, "logged-in")),
            "fail login --for info --for tags",
        ),
        ([INFO], ((INFO, "logged-in"),), ""),
        (
            [INFO],
            ((INFO, "logged-in"), (LOOKUP, "logged-in"), (LOOKUP, "logged-out")),
            "",
        ),
        (
            [INFO],
            ((LOOKUP, "logged-out"), (LOOKUP, "logged-in")),
            "fail login --for lookup",
        ),
        ([LOOKUP], ((LATER, "logged-in"),), f"fail login --scope {LATER}"),
    ],
)
def test_a_purpose_without_a_token(
    home: Home, held: list[str], log: Any, expected: str
) -> None:
    home.log(*log)
    found = home.write({scope: token(scope) for scope in held}).judged()["TOK007"]
    status, _, command = expected.partition(" ")
    assert found.status == (status or "ok")
    assert not expected or found.remedy.commands == (f"ocarina-kit {command}",)


def test_an_old_login_that_was_rotated_away_shows_in_what_was_refreshed_since(
    home: Home,
) -> None:
    home.write({INFO: token(INFO)}).log((INFO, "refreshed"))
    assert home.wrong() == {"TOK007": "warn"}
    (home.state / "refresh.log.1").touch()
    assert home.wrong() == {}


def test_the_clients_own_table_says_what_looking_up_needs(home: Home) -> None:
    home.write({OLD_LOOKUP: token(OLD_LOOKUP)})
    old = {"api.artifact.biosample.get": None, "api.pag.qc.get": OLD_LOOKUP}
    assert home.wrong(old) == {}
    assert home.wrong({**old, "api.artifact.biosample.get": LOOKUP}) == {
        "TOK007": "warn"
    }


@pytest.mark.parametrize(
    ("value", "meant"),
    [(str(NOW + 100), NOW + 100), ((NOW + 100) * 1000, NOW + 100), ("soon", 1)],
)
def test_a_time_that_ocarina_cannot_use(home: Home, value: Any, meant: float) -> None:
    assert home.write({LOOKUP: token(expires_at=value), INFO: token(INFO)}).wrong() == {
        "TOK008": "fail"
    }
    fix = home.judged()["TOK008"].fix
    assert (written(fix)[LOOKUP]["expires_at"], written(fix)[INFO]) == (
        meant,
        token(INFO),
    )
    assert refreshed(fix) == ((LOOKUP,) if meant == 1 else ())


def test_two_faults_of_one_file_have_the_same_write(home: Home) -> None:
    home.write({"lookup": token(), INFO: token(INFO, expires_at=str(NOW + 500))})
    assert home.wrong() == {"TOK006": "fail", "TOK008": "fail"}
    (moved, *_), (timed, *_) = (home.judged()[id].fix for id in ("TOK006", "TOK008"))
    assert moved.after == timed.after
    assert home.write(moved.after).wrong() == {}
