"""TOK001 to TOK008 over literals: which one fails, that no other does, and what its fix leaves."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import pytest
from tests.checks.configs import GOOD, HOME, config_of

from ocarina_kit.checks.model import Finding, Status
from ocarina_kit.checks.runner import Choice, judge
from ocarina_kit.checks.tokens import CHECKS
from ocarina_kit.core.client.scopes import BY_NAME
from ocarina_kit.core.facts import ConfigFacts, Facts
from ocarina_kit.core.file_facts import FileFacts, FileKind
from ocarina_kit.core.oauth.network import Reach
from ocarina_kit.core.oauth.network_facts import NetworkFacts
from ocarina_kit.core.oauth.server_words import Identity
from ocarina_kit.core.plan import Chmod, Plan, RefreshTokens, SetAside, WriteFile
from ocarina_kit.core.tokens.refresh_log import LogEntry, Result
from ocarina_kit.core.tokens.token_facts import TokenFacts
from ocarina_kit.core.tokens.token_file import TokenFile

NOW = 1_800_000_000.0
PATH = HOME / ".ocarina-tokens"
LOOKUP, INFO = BY_NAME["lookup"].scope, BY_NAME["info"].scope
TAGS = BY_NAME["tags"].scope
OLD_LOOKUP = "majora2.temp_can_read_pags_via_api"
# The checks that TOK rests on stand in another family.
ROWS = tuple(replace(check, rests_on=()) if check.id == "TOK001" else check for check in CHECKS)


def token(key: str = LOOKUP, **more: Any) -> dict[str, Any]:
    made = {
        "access_token": "access-" + key[-6:],
        "expires_in": 36000,
        "token_type": "Bearer",
        "scope": key.split(),
        "refresh_token": "refresh-" + key[-6:],
        "expires_at": NOW + 30_000.5,
        **more,
    }
    return {name: value for name, value in made.items() if value is not ...}


def seen(held: Any, log: tuple[LogEntry, ...] = (), **changes: Any) -> TokenFacts:
    data = held if isinstance(held, bytes) else json.dumps(held).encode()
    file = FileFacts(PATH, FileKind.FILE, data, mode=0o600, owner=1000, ours=True, size=len(data))
    file = replace(file, **{name: value for name, value in changes.items() if name != "log_rotated"})
    rotated = changes.get("log_rotated", False)
    return TokenFacts(NOW, file, TokenFile.parse(file.content), log, log_rotated=rotated)


def facts(tokens: TokenFacts | None, config: ConfigFacts | None = None, **groups: Any) -> Facts:
    return Facts(config or config_of(GOOD), tokens=tokens, **groups)


def judged(found: Facts) -> dict[str, Finding]:
    return {finding.check.id: finding for finding in judge(ROWS, found, Choice(), stopwatch=lambda: 0.0)}


def wrong(found: Facts) -> dict[str, str]:
    return {
        id: finding.status.value
        for id, finding in judged(found).items()
        if finding.status not in (Status.OK, Status.SKIP)
    }


def fix_of(found: Facts, id: str) -> Plan:
    return judged(found)[id].outcome.fix


def written(plan: Plan) -> dict[str, Any]:
    (change,) = (change for change in plan.changes if isinstance(change, (WriteFile, SetAside)))
    assert change.after is not None
    read: dict[str, Any] = json.loads(change.after)
    return read


def refreshed(plan: Plan) -> tuple[str, ...]:
    return tuple(s for change in plan.changes if isinstance(change, RefreshTokens) for s in change.scopes)


def test_the_rows_are_those_of_the_catalogue() -> None:
    assert {check.id: check.rests_on for check in CHECKS} == {
        "TOK001": (("CFG010",), ("CFG008",)),
        "TOK002": (("TOK001",),),
        "TOK003": (("TOK001",),),
        "TOK004": (("TOK008",),),
        "TOK005": (("TOK002",),),
        "TOK006": (("TOK002",),),
        "TOK007": (("TOK006",),),
        "TOK008": (("TOK002",),),
    }
    assert all(check.oauth_only and not check.online for check in CHECKS)


@pytest.mark.parametrize(
    "content",
    [
        {LOOKUP: token()},
        {LOOKUP: token(), INFO: token(INFO), "majora2.of_a_later_client": token("majora2.of_a_later_client")},
        {LOOKUP: token(scope=LOOKUP)},  # a text in place of a list
        {LOOKUP: token(scope=...)},
        {LOOKUP: token(expires_at=int(NOW) + 10)},
        {LOOKUP: token(expires_in="36000", extra={"kept": 1})},
        {LOOKUP: token(expires_at=NOW + 36_000 + 6 * 86_400)},
        {TAGS: token(TAGS, scope=list(reversed(TAGS.split()))), LOOKUP: token()},  # its own key finds it
        {OLD_LOOKUP: token(OLD_LOOKUP)},  # what ocarina 0.36.1 looks samples up with
    ],
)  # fmt: skip
def test_good_tokens_raise_nothing(content: Any) -> None:
    assert wrong(facts(seen(content))) == {}


def test_what_was_not_seen_in_time_is_not_told() -> None:
    assert {f.status for f in judged(facts(None)).values()} <= {Status.UNKNOWN, Status.SKIP}
    assert judged(facts(None))["TOK001"].status is Status.UNKNOWN


@pytest.mark.parametrize(
    "tokens",
    [
        seen(b"", kind=FileKind.MISSING, content=None, mode=None),
        seen(b"", kind=FileKind.FOLDER, content=None),
        seen(b"", kind=FileKind.DANGLING, content=None, mode=None, target=PurePosixPath("/gone")),
        seen(b"", kind=FileKind.UNREADABLE, content=None, problem="Permission denied"),
        seen(b"", kind=FileKind.UNREADABLE, content=None, ours=False, problem="Permission denied"),
        seen(b"", kind=FileKind.SPECIAL, content=None),
        seen(b"", kind=FileKind.TOO_LARGE, content=None, problem="more than 16777216 bytes"),
        seen(b""),
        seen(b" \n\t\n"),
        seen({}),
    ],
)
def test_no_token_at_all(tokens: TokenFacts) -> None:
    found = judged(facts(tokens))
    assert wrong(facts(tokens)) == {"TOK001": "fail"}
    assert not found["TOK001"].fixable
    assert found["TOK001"].remedy.text
    assert {f.outcome.cause for id, f in found.items() if id != "TOK001"} == {"TOK001"}


def test_the_remedy_is_for_this_set_up() -> None:
    config = config_of({**GOOD, "profile": {"test": {}}}, profile="test")
    found = judged(facts(seen(b"", kind=FileKind.MISSING, content=None), config))
    assert found["TOK001"].remedy.commands == ("ocarina-kit login --profile test",)


GOOD_TEXT = json.dumps({LOOKUP: token(), INFO: token(INFO)})


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (GOOD_TEXT[: GOOD_TEXT.rindex("refresh_token")].encode(), [LOOKUP]),  # cut off
        ((GOOD_TEXT + GOOD_TEXT[-40:]).encode(), [LOOKUP, INFO]),  # two writers
        (b"\xef\xbb\xbf" + GOOD_TEXT.encode(), [LOOKUP, INFO]),
        (GOOD_TEXT.encode("utf-16"), [LOOKUP, INFO]),
        (GOOD_TEXT.replace("}}", "},}").encode(), [LOOKUP, INFO]),
        (b"\x00\xff garbage", []),
        (b"[]", []),
        (b'"text"', []),
        ({LOOKUP: token(), "note": "mine"}, [LOOKUP]),
        ({LOOKUP: token(), INFO: None}, [LOOKUP]),
        ({LOOKUP: token(), INFO: {}}, [LOOKUP]),
        ({LOOKUP: token(), INFO: token(INFO, access_token=7, refresh_token=...)}, [LOOKUP]),
        ({LOOKUP: token(), INFO: token(INFO, scope=7, refresh_token=...)}, [LOOKUP]),
    ],
)
def test_a_damaged_file_is_set_aside_and_what_can_be_read_is_kept(content: Any, kept: list[str]) -> None:
    found = judged(facts(seen(content)))
    assert wrong(facts(seen(content))) == {"TOK002": "fail"}
    outcome = found["TOK002"].outcome
    assert str(PATH) in outcome.detail
    (aside, *_) = outcome.fix.changes
    assert isinstance(aside, SetAside)
    assert aside.before == (content if isinstance(content, bytes) else json.dumps(content).encode())
    if not kept:
        assert aside.after is None
        assert any("login" in command for command in found["TOK002"].remedy.commands)
    else:
        assert list(written(outcome.fix)) == kept
        assert wrong(facts(seen(aside.after))) == {}


def test_the_place_of_the_damage_is_named() -> None:
    outcome = judged(facts(seen(b'{\n  "a": {\n    "access_token": oops}}')))["TOK002"].outcome
    assert f"{PATH}:3:21: " in outcome.detail
    pretty = json.dumps({LOOKUP: token(), "note": 7}, indent=1).encode()
    line = 1 + pretty[: pretty.index(b'"note"')].count(b"\n")
    assert f"{PATH}:{line}:2: " in judged(facts(seen(pretty)))["TOK002"].outcome.detail


def test_an_entry_with_a_refresh_token_alone_is_kept_and_refreshed() -> None:
    plan = fix_of(facts(seen({LOOKUP: token(access_token=...)})), "TOK002")
    assert list(written(plan)) == [LOOKUP]
    assert refreshed(plan) == (LOOKUP,)


def test_what_was_cut_off_behind_its_refresh_token_is_kept_and_refreshed() -> None:
    plan = fix_of(facts(seen(GOOD_TEXT[:-30].encode())), "TOK002")
    assert list(written(plan)) == [LOOKUP, INFO]
    assert refreshed(plan) == (INFO,)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o602, 0o666])
def test_a_loose_mode_is_tightened(mode: int) -> None:
    found = facts(seen({LOOKUP: token()}, mode=mode))
    assert wrong(found) == {"TOK003": "fail"}
    assert fix_of(found, "TOK003").changes == (
        Chmod(PATH, mode, 0o600, "let nobody but you read the tokens file"),
    )


def test_another_users_file_needs_a_person() -> None:
    found = facts(seen({LOOKUP: token()}, ours=False, owner=4711))
    assert wrong(found) == {"TOK003": "fail"}
    assert not fix_of(found, "TOK003")
    assert "4711" in judged(found)["TOK003"].outcome.detail


@pytest.mark.parametrize("age", [0, 1, 3600, 30 * 86_400])
def test_an_expired_token_is_refreshed(age: float) -> None:
    found = facts(seen({LOOKUP: token(expires_at=NOW - age), INFO: token(INFO)}))
    assert wrong(found) == {"TOK004": "fail"}
    assert refreshed(fix_of(found, "TOK004")) == (LOOKUP,)
    assert judged(found)["TOK004"].remedy.commands == ("ocarina-kit refresh",)


def test_an_expired_token_without_a_refresh_token_needs_a_login() -> None:
    found = facts(seen({LOOKUP: token(expires_at=NOW - 5, refresh_token=...)}))
    assert wrong(found) == {"TOK004": "fail", "TOK005": "fail"}
    assert not fix_of(found, "TOK004")
    assert judged(found)["TOK004"].remedy.commands == ("ocarina-kit login --for lookup",)


@pytest.mark.parametrize(("skew", "expected"), [(0.0, {}), (120.0, {"TOK004": "fail"}), (-120.0, {})])
def test_expiry_is_judged_by_the_servers_clock_too(skew: float, expected: dict[str, str]) -> None:
    network = NetworkFacts("https://majora.lab.test/", Reach(), Identity("majora", "", skew=skew))
    found = facts(seen({LOOKUP: token(expires_at=NOW + 60)}), network=network)
    assert wrong(found) == expected
    if expected:
        assert "by the server's clock" in judged(found)["TOK004"].outcome.detail


@pytest.mark.parametrize("lost", [..., None, "", "  ", 7, ["r"]])
def test_a_missing_refresh_token(lost: Any) -> None:
    found = facts(seen({LOOKUP: token(refresh_token=lost), INFO: token(INFO)}))
    assert wrong(found) == {"TOK005": "fail"}
    assert not fix_of(found, "TOK005")
    assert judged(found)["TOK005"].remedy.commands == ("ocarina-kit login --force --for lookup",)


@pytest.mark.parametrize(
    "content",
    [
        {"default": token(), INFO: token(INFO)},
        {"lookup": token()},
        {f"{LOOKUP} ": token()},
        {INFO: token(), LOOKUP: token(INFO)},  # each in the other's place
        {" ".join(reversed(TAGS.split())): token(TAGS), LOOKUP: token()},
        {LOOKUP: token(), "again": token(expires_at=NOW + 31_000)},
    ],
)
def test_a_token_under_a_wrong_key_is_moved(content: Any) -> None:
    found = facts(seen(content))
    assert wrong(found) == {"TOK006": "fail"}
    plan = fix_of(found, "TOK006")
    after = written(plan)
    assert all(key == " ".join(value["scope"]) for key, value in after.items())
    assert LOOKUP in after
    assert wrong(facts(seen(after))) == {}


def test_the_clients_own_table_says_where_a_token_is_looked_for() -> None:
    turned = " ".join(reversed(TAGS.split()))
    found = facts(seen({turned: token(TAGS, scope=turned.split()), LOOKUP: token()}))
    assert wrong(found) == {}  # another order, but key and scope agree: ocarina of that order finds it
    table = {"api.artifact.biosample.get": LOOKUP, "api.meta.tag.add": turned}
    misplaced = facts(seen({TAGS: token(TAGS), LOOKUP: token()}), table=table)
    assert wrong(misplaced) == {}  # ocarina is not known to look there, but nothing says that it is misplaced


def entry(scope: str, result: Result = Result.LOGGED_IN, time: float = NOW - 9e6) -> LogEntry:
    return LogEntry(time, "node1", "login", scope, result, "mark")


@pytest.mark.parametrize(
    ("held", "log", "missing"),
    [
        ([INFO], (), "lookup"),
        ([LOOKUP], (), ""),
        ([LOOKUP], (entry(INFO),), "info"),
        ([INFO], (entry(INFO),), ""),
        ([INFO], (entry(INFO), entry(LOOKUP), entry(LOOKUP, Result.LOGGED_OUT)), ""),
        ([INFO], (entry(LOOKUP, Result.LOGGED_OUT), entry(LOOKUP)), "lookup"),
        ([INFO], (entry(INFO, Result.REFRESHED),), "lookup"),
        ([LOOKUP], (entry("majora2.of_a_later_client"),), "majora2.of_a_later_client"),
    ],
)
def test_a_purpose_without_a_token_is_a_warning(
    held: list[str], log: tuple[LogEntry, ...], missing: str
) -> None:
    found = facts(seen({scope: token(scope) for scope in held}, log))
    assert wrong(found) == ({"TOK007": "warn"} if missing else {})
    if missing:
        assert missing in judged(found)["TOK007"].outcome.detail
        assert not fix_of(found, "TOK007")


def test_two_purposes_without_tokens_are_both_named() -> None:
    finding = judged(facts(seen({LOOKUP: token()}, (entry(INFO), entry(TAGS)))))["TOK007"]
    assert finding.remedy.commands == ("ocarina-kit login --for info --for tags",)


def test_an_old_login_that_the_log_has_dropped_shows_in_what_was_refreshed_since() -> None:
    log = (entry(INFO, Result.REFRESHED),)
    assert wrong(facts(seen({INFO: token(INFO)}, log, log_rotated=True))) == {}
    assert wrong(facts(seen({INFO: token(INFO)}, log))) == {"TOK007": "warn"}


def test_the_installed_clients_table_says_what_looking_up_needs() -> None:
    table = {"api.artifact.biosample.get": None, "api.pag.qc.get": OLD_LOOKUP}
    assert wrong(facts(seen({OLD_LOOKUP: token(OLD_LOOKUP)}), table=table)) == {}
    newer = {"api.artifact.biosample.get": LOOKUP, "api.pag.qc.get": OLD_LOOKUP}
    assert wrong(facts(seen({OLD_LOOKUP: token(OLD_LOOKUP)}), table=newer)) == {"TOK007": "warn"}


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        (str(NOW + 100), NOW + 100),
        (str(int(NOW) + 100), NOW + 100),
        ((NOW + 100) * 1000, NOW + 100),
        (int(NOW + 100) * 1000, NOW + 100),
        ("soon", 1),
        (None, 1),
        (..., 1),
        ([], 1),
        (True, 1),
        (NOW + 36_000 + 7 * 86_400 + 60, 1),
        (-1e15, 1),
    ],
)
def test_a_time_that_ocarina_cannot_use(value: Any, meant: float) -> None:
    found = facts(seen({LOOKUP: token(expires_at=value), INFO: token(INFO)}))
    assert wrong(found) == {"TOK008": "fail"}
    plan = fix_of(found, "TOK008")
    after = written(plan)
    assert after[LOOKUP]["expires_at"] == meant
    assert after[INFO] == token(INFO)
    assert refreshed(plan) == ((LOOKUP,) if meant == 1 else ())


def test_two_faults_of_one_file_are_mended_by_one_change() -> None:
    found = facts(seen({"lookup": token(), INFO: token(INFO, expires_at=str(NOW + 500))}))
    assert wrong(found) == {"TOK006": "fail", "TOK008": "fail"}
    plan = fix_of(found, "TOK006") + fix_of(found, "TOK008")
    assert len(plan.changes) == 1
    assert wrong(facts(seen(written(plan)))) == {}


def test_no_finding_shows_a_token() -> None:
    secrets = ("access-", "refresh-")
    for content in ({"x": token()}, {LOOKUP: token(expires_at="x")}, b'{"a": {"access_token": "access-1"'):
        for finding in judged(facts(seen(content))).values():
            shown = finding.outcome.detail + finding.remedy.text + " ".join(finding.remedy.commands)
            assert not any(secret in shown for secret in secrets)
