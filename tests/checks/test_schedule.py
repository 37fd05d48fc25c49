"""CRN001 to CRN010 over literals: crontabs as text, and what the host, refresh.log and the tokens say."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.checks.configs import GOOD, HOME, config_of, env_of

from ocarina_kit.checks.model import Finding, Status
from ocarina_kit.checks.runner import Choice, judge
from ocarina_kit.checks.schedule import CHECKS
from ocarina_kit.core.client.resolution import Candidate, Resolution, State, Version
from ocarina_kit.core.client.resolution import Place as Where
from ocarina_kit.core.cron.crontab import Doubt
from ocarina_kit.core.cron.crontab_read import CrontabRead, ReadOutcome
from ocarina_kit.core.cron.schedule_facts import Daemon, DaemonFacts, ProgramFacts, ScheduleFacts
from ocarina_kit.core.cron.wanted_line import Ground
from ocarina_kit.core.facts import ClientFacts, ConfigFacts, Facts
from ocarina_kit.core.file_facts import FileFacts, FileKind
from ocarina_kit.core.plan import Plan, SetCrontab
from ocarina_kit.core.tokens.refresh_log import LogEntry, Result
from ocarina_kit.core.tokens.token_facts import TokenFacts
from ocarina_kit.core.tokens.token_file import TokenFile

ZONE = ZoneInfo("Europe/London")
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=ZONE).timestamp()
H = 3600.0
CLIENT, KIT = "/opt/env/bin/ocarina", "/opt/kit/bin/ocarina-kit"
GROUND = Ground(
    user="lab",
    host="node1",
    home=str(HOME),
    config=f"{HOME}/.ocarina",
    domain="https://majora.lab.test/",
    kit=(KIT,),
)
LOOKUP, INFO = "majora2.view_biosampleartifact", "majora2.view_majoraartifact_info"
# CRN rests on one check of another family.
ROWS = tuple(
    replace(check, rests_on=tuple(ids for ids in check.rests_on if ids != ("ENV002",))) for check in CHECKS
)


def client(path: str = CLIENT, state: State = State.MAJORA) -> Candidate:
    return Candidate(path, path, Where.PATH, "PATH", state, Version((1, 0, 0)))


FOUND = ClientFacts(Resolution(client(), "", (client(),), shell=client()))
GOOD_LINE = (
    f"17 */3 * * * e=$({KIT} refresh --quiet 2>&1); r=$?; case $r:$e in 126:*|127:*) exec {CLIENT} -q oauth refresh;; "
    "esac; exit $r # ocarina-kit"
)
KIT_LINE = f"17 */3 * * * {KIT} refresh --quiet # ocarina-kit"
GUIDE = f"0 0,6,12,18 * * * {CLIENT} oauth refresh"
OWN_CLIENT = f"17 */3 * * * {CLIENT} oauth refresh # ocarina-kit"
GONE = GOOD_LINE.replace("/opt/env", "/opt/gone")


def programs(*missing: str, **others: ProgramFacts) -> dict[str, ProgramFacts]:
    there = {path: ProgramFacts(path, True, True, path) for path in (CLIENT, KIT, "/usr/bin/timeout")}
    gone = {path: ProgramFacts(path, exists=False) for path in (*missing, "/opt/gone/bin/ocarina")}
    return {**there, **gone, **{program.path: program for program in others.values()}}


def schedule(text: str | None = GOOD_LINE, *, bare: bool = False, **changes: Any) -> ScheduleFacts:
    """``bare``: no line break at the end."""
    if text is None:
        read = CrontabRead(ReadOutcome.NONE_YET, words="no crontab for lab")
    else:
        read = CrontabRead(ReadOutcome.CRONTAB, (text if bare else text + "\n").encode())
    facts = ScheduleFacts(
        now=NOW,
        zone=ZONE,
        ground=GROUND,
        crontab=read,
        programs=programs(),
        daemon=DaemonFacts(Daemon.RUNS, "cron, process 77"),
    )
    return replace(facts, **changes)


def tokens(**born: float) -> TokenFacts:
    """By scope: epoch seconds of the last refresh."""
    scopes = {"lookup": LOOKUP, "info": INFO}
    members = {
        scopes[name]: {
            "access_token": "a",
            "refresh_token": "r",
            "expires_in": 36000,
            "scope": [scopes[name]],
            "expires_at": time + 36000,
        }
        for name, time in (born or {"lookup": NOW - H}).items()
    }
    data = json.dumps(members).encode()
    file = FileFacts(HOME / ".ocarina-tokens", FileKind.FILE, data, mode=0o600)
    return TokenFacts(NOW, file, TokenFile.parse(data))


def facts(seen: ScheduleFacts | None = None, *, config: ConfigFacts | None = None, **groups: Any) -> Facts:
    groups = {"client": FOUND, "tokens": tokens(), **groups}
    return Facts(config or config_of(GOOD), schedule=seen or schedule(), **groups)


def judged(found: Facts) -> dict[str, Finding]:
    return {f.check.id: f for f in judge(ROWS, found, Choice(), stopwatch=lambda: 0.0)}


def wrong(found: Facts) -> dict[str, str]:
    return {id: f.status.value for id, f in judged(found).items() if f.status not in (Status.OK, Status.SKIP)}


def mended(found: Facts, id: str) -> ScheduleFacts:
    """The schedule once this check's fix is applied."""
    (change,) = judged(found)[id].outcome.fix.changes
    assert isinstance(change, SetCrontab)
    assert found.schedule is not None
    assert change.before == found.schedule.crontab.content
    return replace(found.schedule, crontab=CrontabRead(ReadOutcome.CRONTAB, change.after))


def log(
    result: Result, hours: float, host: str = "node1", by: str = "refresh", scope: str = LOOKUP
) -> LogEntry:
    """An entry of ``hours`` ago."""
    return LogEntry(NOW - hours * H, host, by, scope, result, "mark")


def scheduled(hours: float, host: str = "node1") -> LogEntry:
    return log(Result.SCHEDULED, hours, host, by="schedule", scope="")


def test_the_rows_are_those_of_the_catalogue() -> None:
    assert {check.id: check.rests_on for check in CHECKS if check.rests_on} == {
        "CRN002": (("CRN001",), ("CRN009",)),
        "CRN003": (("CRN002",),),
        "CRN004": (("CRN002",), ("ENV002",)),
        "CRN005": (("CRN002",),),
        "CRN006": (("CRN002",),),
        "CRN007": (("CRN004",),),
        "CRN008": (("CRN007",),),
        "CRN009": (("CRN001",),),
        "CRN010": (("CRN002",),),
    }
    assert [check.id for check in CHECKS] == [f"CRN{number:03}" for number in range(1, 11)]
    assert all(check.oauth_only and not check.online for check in CHECKS)


@pytest.mark.parametrize(
    "text",
    [
        GOOD_LINE,
        KIT_LINE,
        OWN_CLIENT,
        f"# mine\nMAILTO=a@b\n{GOOD_LINE}\n5 4 * * * /bin/true %",
        f"PATH=/usr/bin:/bin:/opt/env/bin\n{GOOD_LINE}",
        f"{GOOD_LINE}\n#{GUIDE}",
        f"{GOOD_LINE}\n0 0 * * * {CLIENT} --profile test oauth refresh",
        f"SHELL=/bin/bash\n{GOOD_LINE}",
        f"@hourly {KIT} refresh --quiet # ocarina-kit",
        f"0 */8 * * * {KIT} refresh --quiet # ocarina-kit",
        f"17 */3 * * * /usr/bin/timeout 60 {KIT} refresh --quiet",
    ],
)
def test_good_entries_raise_nothing(text: str) -> None:
    assert wrong(facts(schedule(text))) == {}


def test_what_was_not_seen_in_time_is_not_told() -> None:
    found = {f.status for f in judged(replace(facts(), schedule=None)).values()}
    assert found == {Status.UNKNOWN, Status.SKIP}


def test_a_set_up_from_the_environment_has_no_schedule() -> None:
    found = judged(facts(schedule(None), config=env_of({"MAJORA_USER": "x"})))
    assert {(f.status, f.outcome.cause) for f in found.values()} == {(Status.SKIP, None)}


# --- CRN001 -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "words", "status"),
    [
        (ReadOutcome.NO_PROGRAM, "there is no crontab command on this host", "fail"),
        (ReadOutcome.NOT_ALLOWED, "You (lab) are not allowed to use this program", "fail"),
        (ReadOutcome.FAILED, "crontab: timed out", "unknown"),
        (ReadOutcome.FAILED, "crontab -l ended with exit code 1 and no word", "unknown"),
    ],
)
def test_a_crontab_that_cannot_be_read(outcome: ReadOutcome, words: str, status: str) -> None:
    found = facts(schedule(None, crontab=CrontabRead(outcome, words=words)))
    assert wrong(found) == {"CRN001": status}
    assert not judged(found)["CRN001"].fixable
    assert {f.outcome.cause for id, f in judged(found).items() if id != "CRN001"} == {"CRN001"}


@pytest.mark.parametrize("outcome", [ReadOutcome.NO_PROGRAM, ReadOutcome.NOT_ALLOWED])
def test_no_crontab_is_needed_where_another_host_refreshes(outcome: ReadOutcome) -> None:
    seen = schedule(None, crontab=CrontabRead(outcome, words="no"), log=(log(Result.REFRESHED, 2, "node2"),))
    assert wrong(facts(seen)) == {}
    assert "node2" in judged(facts(seen))["CRN001"].outcome.detail
    assert judged(facts(seen))["CRN004"].status is Status.SKIP


def test_a_crontab_that_cannot_be_written_back_is_judged_and_left() -> None:
    read = CrontabRead(ReadOutcome.DOUBTFUL, f"{GUIDE}\n{GUIDE}\n".encode(), doubt=Doubt.ESCAPES)
    found = facts(schedule(crontab=read))
    assert wrong(found)["CRN003"] == "fail"
    assert judged(found)["CRN003"].outcome.fix == Plan()
    assert "can't be written" in judged(found)["CRN003"].remedy.text


# --- CRN002 and CRN009 --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "# 0 0 * * * the refresh of ocarina comes here",
        "5 4 * * * /bin/true",
        f"0 0 * * * {CLIENT} get biosample",
        f"17 */3 * * * {CLIENT} --profile test oauth refresh",
        f"17 */3 * * * OCARINA_CONF_FILE=/data/other {CLIENT} oauth refresh",
        f"17 */3 * * * {KIT} --config /data/other refresh --quiet",
    ],
)
def test_no_entry_for_this_set_up(text: str | None) -> None:
    found = facts(schedule(text))
    assert wrong(found) == {"CRN002": "fail"}
    after = mended(found, "CRN002")
    assert wrong(facts(after)) == {}
    assert (text or "").encode() in after.crontab.content


def test_the_entry_of_another_profile_is_named() -> None:
    text = f"17 */3 * * * {CLIENT} --profile test oauth refresh"
    assert "line 1 is for another" in judged(facts(schedule(text)))["CRN002"].outcome.detail
    config = config_of({**GOOD, "profile": {"test": {}}}, profile="test")
    seen = schedule(text, ground=replace(GROUND, profile="test"))
    assert wrong(facts(seen, config=config)) == {"CRN010": "warn"}


@pytest.mark.parametrize(
    ("entries", "born"),
    [
        ((log(Result.REFRESHED, 3, "node2"),), NOW - 3 * H),
        ((log(Result.ADOPTED, 9.9, "node2"),), NOW - 9.9 * H),
        # Somebody refreshed it since the kit did, and it was not the kit on this host.
        ((log(Result.LOGGED_IN, 30, by="login"),), NOW - 5 * H),
        ((log(Result.REFRESHED, 20), log(Result.ADOPTED, 4)), NOW - 5 * H),
        # A removed entry did not do what came after.
        ((log(Result.LOGGED_IN, 30, by="login"), scheduled(29), log(Result.UNSCHEDULED, 8, scope="")), NOW - 5 * H),
    ],
)  # fmt: skip
def test_no_entry_is_needed_where_the_refresh_comes_from_elsewhere(
    entries: tuple[LogEntry, ...], born: float
) -> None:
    found = facts(schedule(None, log=entries), tokens=tokens(lookup=born))
    assert wrong(found) == {}
    assert judged(found)["CRN002"].status is Status.OK
    assert {f.status for id, f in judged(found).items() if id not in ("CRN001", "CRN002", "CRN009")} == {
        Status.SKIP
    }


@pytest.mark.parametrize(
    ("entries", "born"),
    [
        # A login that nobody recorded, by the client: its time looks like a refresh's.
        ((), NOW - H),
        ((log(Result.LOGGED_IN, 1, by="login"),), NOW - H),
        ((log(Result.REFRESHED, 1),), NOW - H),
        ((log(Result.REFRESHED, 30), log(Result.REFRESHED, 1)), NOW - H),
        ((log(Result.LOGGED_IN, 30, by="login"),), NOW - 10.1 * H),
        # An entry of this host was there until somebody took it out: it may have done it.
        ((log(Result.LOGGED_IN, 30, by="login"), scheduled(29)), NOW - H),
        ((log(Result.LOGGED_IN, 30, by="login"), scheduled(29), log(Result.UNSCHEDULED, 1, scope="")), NOW - 2 * H),
        # A person on another host is no schedule.
        ((log(Result.LOGGED_IN, 2, "node2", by="login"),), NOW - 2 * H),
        ((log(Result.REFRESHED, 2, "node2", by="doctor"),), NOW - 2 * H),
        ((log(Result.REFUSED_TOKEN, 2, "node2"),), NOW - 12 * H),
    ],
)  # fmt: skip
def test_a_token_that_is_young_proves_no_schedule(entries: tuple[LogEntry, ...], born: float) -> None:
    found = facts(schedule(None, log=entries), tokens=tokens(lookup=born))
    assert wrong(found) == {"CRN002": "fail"}


@pytest.mark.parametrize("entry", [log(Result.REFRESHED, 12, "node2"), scheduled(300, "node2")])
def test_nothing_is_added_on_a_second_host(entry: LogEntry) -> None:
    found = facts(schedule(None, log=(entry,)), tokens=tokens(lookup=NOW - 12 * H))
    assert wrong(found) == {"CRN002": "fail"}
    finding = judged(found)["CRN002"]
    assert not finding.fixable
    assert "node2" in finding.remedy.text
    assert finding.remedy.commands == ("ocarina-kit schedule",)


def test_an_entry_that_another_host_gave_up_is_none() -> None:
    gone = (scheduled(300, "node2"), log(Result.UNSCHEDULED, 200, "node2", scope=""))
    assert judged(facts(schedule(None, log=gone)))["CRN002"].fixable


@pytest.mark.parametrize("text", [f"#{GUIDE}", f"# {GOOD_LINE}", f"MAILTO=x\n##{KIT_LINE}"])
def test_the_only_entry_is_commented_out(text: str) -> None:
    found = facts(schedule(text))
    assert wrong(found) == {"CRN009": "fail"}
    assert not judged(found)["CRN009"].fixable
    assert judged(found)["CRN002"].outcome.cause == "CRN009"


def test_a_commented_entry_is_not_missed_where_another_host_refreshes() -> None:
    assert wrong(facts(schedule(f"#{GUIDE}", log=(log(Result.REFRESHED, 1, "node2"),)))) == {}


# --- CRN003 -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"{GOOD_LINE}\n{GOOD_LINE}",
        f"{GOOD_LINE}\n{OWN_CLIENT}",
        f"{KIT_LINE}\n# between\n{GOOD_LINE}\nA=b\n{GOOD_LINE}",
    ],
)
def test_more_than_one_entry(text: str) -> None:
    found = facts(schedule(text))
    assert wrong(found) == {"CRN003": "fail"}
    after = mended(found, "CRN003")
    assert wrong(facts(after)) == {}
    assert len(after.entries.active) == 1


def test_a_line_with_other_work_is_a_persons_own() -> None:
    mixed = f"17 */3 * * * {KIT} refresh --quiet; /opt/backup/run"
    found = facts(schedule(f"{mixed}\n{mixed}"))
    assert wrong(found) == {"CRN003": "fail"}
    finding = judged(found)["CRN003"]
    assert not finding.fixable
    assert finding.remedy.commands == ("crontab -e",)


# --- CRN004 -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "there", "says"),
    [
        (GONE, {}, "/opt/gone/bin/ocarina is not there"),
        (GOOD_LINE, programs(KIT), f"{KIT} is not there"),
        (GOOD_LINE, programs(a=ProgramFacts(CLIENT, True, False, CLIENT)), "may not be executed"),
        (
            GOOD_LINE,
            programs(a=ProgramFacts(KIT, True, True, KIT, interpreter_missing="/opt/kit/bin/python")),
            "its interpreter /opt/kit/bin/python is gone",
        ),
        ("17 */3 * * * ocarina oauth refresh # ocarina-kit", {}, "no whole path"),
        ("17 */3 * * * bin/ocarina-kit refresh --quiet # ocarina-kit", {}, "is relative"),
        (
            "PATH=/usr/bin:/bin:/opt/x\n17 */3 * * * ocarina oauth refresh # ocarina-kit",
            programs("ocarina"),
            "ocarina is nowhere on the entry's PATH",
        ),
        (f"17 */3 * * * /opt/c/bin/conda run -n x {CLIENT} oauth refresh # ocarina-kit", programs("/opt/c/bin/conda"),
         "/opt/c/bin/conda is not there"),
    ],
)  # fmt: skip
def test_a_program_that_cron_cannot_start(text: str, there: dict[str, ProgramFacts], says: str) -> None:
    found = facts(schedule(text, programs=there or programs()))
    assert wrong(found) == {"CRN004": "fail"}
    assert says in judged(found)["CRN004"].outcome.detail
    assert judged(found)["CRN007"].outcome.cause == "CRN004"
    after = mended(found, "CRN004")
    assert wrong(facts(replace(after, programs=programs()))) == {}


def test_a_name_that_the_path_line_leads_to_is_found() -> None:
    text = "PATH=/usr/bin:/bin:/opt/env/bin\n17 */3 * * * ocarina oauth refresh # ocarina-kit"
    there = {**programs(), "ocarina": ProgramFacts(CLIENT, True, True, CLIENT)}
    assert wrong(facts(schedule(text, programs=there))) == {}


OTHER = "/data/bin/ocarina"
WITH_OTHER = programs(a=ProgramFacts(OTHER, True, True, OTHER))


@pytest.mark.parametrize("state", [State.UNRELATED, State.OTHER, State.IMPORT_ERROR])
@pytest.mark.parametrize("line", [GOOD_LINE, OWN_CLIENT])
def test_a_client_that_is_none(state: State, line: str) -> None:
    seen = schedule(line.replace(CLIENT, OTHER), programs=WITH_OTHER)
    found = facts(seen, named={OTHER: client(OTHER, state)})
    assert wrong(found) == {"CRN004": "fail"}
    assert "is not the Majora client" in judged(found)["CRN004"].outcome.detail
    assert CLIENT.encode() in mended(found, "CRN004").crontab.content


def test_another_client_than_the_one_that_was_found() -> None:
    guide = schedule(f"17 */3 * * * {OTHER} oauth refresh", programs=WITH_OTHER)
    found = facts(guide, named={OTHER: client(OTHER)})
    assert wrong(found)["CRN004"] == "fail"
    assert CLIENT in judged(found)["CRN004"].outcome.detail


def test_a_client_that_schedule_was_told_to_name_is_kept() -> None:
    seen = schedule(GOOD_LINE.replace(CLIENT, OTHER), programs=WITH_OTHER)
    named = {OTHER: client(OTHER)}
    assert wrong(facts(seen, named=named)) == {}
    doubled = schedule(f"{seen.crontab.content.decode()}{GUIDE}", programs=WITH_OTHER)
    after = mended(facts(doubled, named=named), "CRN003")
    assert OTHER.encode() in after.crontab.content


def test_one_of_several_clients_that_were_found_will_do() -> None:
    both = Resolution(client(), "", (client(), client(OTHER)), shell=client())
    seen = schedule(GOOD_LINE.replace(CLIENT, OTHER), programs=WITH_OTHER)
    assert wrong(facts(seen, client=ClientFacts(both))) == {}


# --- CRN005 and CRN010 --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "times",
    [
        "0 0,12 * * *",
        "17 3 * * *",
        "@daily",
        "@weekly",
        "@reboot",
        "0 */9 * * 1-5",
        "0 */3 1 * *",
        "0 */3 30 2 *",
        "0 22-2 * * *",
        "0 9-18 * * *",
        "61 * * * *",
        "0 */10 * * *",
        "0 0,9,18 * * *",  # 9 h, and 10 h in the night when summer time ends
        "5;30 */3 * * *",
    ],
)
def test_times_that_let_a_token_expire(times: str) -> None:
    found = facts(schedule(f"{times} {KIT} refresh --quiet # ocarina-kit"))
    assert wrong(found) == {"CRN005": "fail"}
    assert wrong(facts(mended(found, "CRN005"))) == {}


def test_the_gap_is_said() -> None:
    found = judged(facts(schedule(f"17 3,18 * * * {KIT} refresh")))["CRN005"].outcome.detail
    assert "16 h between 03:17 and 18:17" in found


@pytest.mark.parametrize(
    ("times", "status"),
    [("0 0,6,12,18 * * *", "warn"), ("0 */5 * * *", "warn"), ("0 */4 * * *", None), ("0 1,5,9,13,17,21 * * *", None)],
)  # fmt: skip
def test_a_client_line_that_one_missed_run_ends(times: str, status: str | None) -> None:
    line = f"{times} {CLIENT} oauth refresh # ocarina-kit"
    found = facts(schedule(line))
    assert wrong(found) == ({"CRN005": status} if status else {})
    if status:
        after = mended(found, "CRN005")
        assert wrong(facts(after)) == {}
        assert b"refresh --quiet" not in after.crontab.content  # the client alone was wanted
    assert wrong(facts(schedule(f"{times} {KIT} refresh"))) == {}


def test_the_guides_line_is_warned_of_and_mended_at_once() -> None:
    found = facts(schedule(f"MAILTO=me\n{GUIDE}\n0 1 * * * /bin/true"))
    assert wrong(found) == {"CRN005": "warn", "CRN010": "warn"}
    plans = [judged(found)[id].outcome.fix for id in ("CRN005", "CRN010")]
    assert plans[0] == plans[1]
    after = mended(found, "CRN010")
    assert wrong(facts(after)) == {}
    lines = after.crontab.content.decode().splitlines()
    assert [lines[0], lines[2]] == ["MAILTO=me", "0 1 * * * /bin/true"]


def test_a_plain_client_line_that_schedule_did_not_write() -> None:
    assert wrong(facts(schedule(OWN_CLIENT.partition(" #")[0]))) == {"CRN010": "warn"}


# --- CRN006 -------------------------------------------------------------------------------------------------


def test_the_daemon() -> None:
    absent = facts(schedule(daemon=DaemonFacts(Daemon.ABSENT, "no process of that kind is there")))
    assert wrong(absent) == {"CRN006": "fail"}
    untold = judged(facts(schedule(daemon=DaemonFacts(Daemon.UNTOLD, "this is a container"))))["CRN006"]
    assert (untold.status, untold.outcome.cause) == (Status.SKIP, None)
    assert "this is a container" in untold.outcome.detail


# --- CRN007 -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"17 */3 * * * {KIT} refresh --quiet >> /tmp/l-$(date +%d) # ocarina-kit", "the % in"),
        (f"17 */3 * * * {KIT} refresh --quiet 'oops # ocarina-kit", "never closed"),
        ('17 */3 * * * "~/bin/ocarina" oauth refresh # ocarina-kit', "not expanded"),
        (f"17 */3 * * * OCARINA_CONF_FILE='~/.ocarina' {CLIENT} oauth refresh # ocarina-kit", "~ is quoted"),
        ("17 */3 * * * $CONDA_PREFIX/bin/ocarina oauth refresh # ocarina-kit", "does not set CONDA_PREFIX"),
        (f"SHELL=/bin/tcsh\n{GOOD_LINE}", "SHELL=/bin/tcsh"),
        (f"SHELL=zsh\n{GOOD_LINE}", "SHELL=zsh"),
        (f"HOME=/data\n{GOOD_LINE}", "HOME=/data"),
    ],
)
def test_what_cron_will_not_run_as_it_stands(text: str, says: str) -> None:
    found = facts(schedule(text))
    assert wrong(found) == {"CRN007": "fail"}
    assert says in judged(found)["CRN007"].outcome.detail
    assert judged(found)["CRN008"].outcome.cause == "CRN007"
    after = mended(found, "CRN007")
    assert wrong(facts(after)) == {}
    assert len(after.entries.active) == 1


def test_a_last_line_without_a_line_break() -> None:
    found = facts(schedule(f"MAILTO=me\n{GOOD_LINE}", bare=True))
    assert wrong(found) == {"CRN007": "fail"}
    assert mended(found, "CRN007").crontab.content.endswith(b"\n")


def test_a_path_line_matters_to_what_is_started_by_path() -> None:
    text = f"PATH=/opt/x\n{GOOD_LINE}"
    assert wrong(facts(schedule(text))) == {}
    by_env = programs(a=ProgramFacts(KIT, True, True, KIT, started_by_path=True))
    found = facts(schedule(text, programs=by_env))
    assert wrong(found) == {"CRN007": "fail"}
    assert wrong(facts(mended(found, "CRN007"))) == {}


# --- CRN008 -------------------------------------------------------------------------------------------------
# NOW is 12:00; the line runs at 0:17, 3:17, 6:17, 9:17: the last due run is 2.72 h ago.


@pytest.mark.parametrize(
    ("entries", "born", "status"),
    [
        ((), {"lookup": NOW - 8 * H}, "skip"),  # never seen before
        ((scheduled(2),), {"lookup": NOW - 8 * H}, "ok"),  # nothing due since
        ((scheduled(50),), {"lookup": NOW - 2.7 * H}, "ok"),
        ((scheduled(50), log(Result.REFRESHED, 2.7)), {"lookup": NOW - 2.7 * H}, "ok"),
        ((scheduled(50),), {"lookup": NOW - 8 * H}, "fail"),
        ((scheduled(50), log(Result.REFRESHED, 5.7)), {"lookup": NOW - 5.7 * H}, "fail"),
        ((scheduled(50), log(Result.NETWORK, 2.7)), {"lookup": NOW - 5.7 * H}, "fail"),
        ((scheduled(50), log(Result.REFUSED_TOKEN, 2.7)), {"lookup": NOW - 5.7 * H}, "fail"),
        ((scheduled(50), log(Result.FAILED, 2.7), log(Result.REFRESHED, 1)), {"lookup": NOW - H}, "ok"),
        ((scheduled(50),), {"lookup": NOW - 2.7 * H, "info": NOW - 5.7 * H}, "fail"),
        ((scheduled(50), log(Result.LOST, 2.7, scope=INFO)), {"lookup": NOW - 2.7 * H, "info": NOW - 5.7 * H}, "fail"),
        ((scheduled(50, "node2"),), {"lookup": NOW - 8 * H}, "skip"),
        ((scheduled(50), log(Result.UNSCHEDULED, 40, scope="")), {"lookup": NOW - 8 * H}, "skip"),
        ((scheduled(50), log(Result.REFRESHED, 1, "node2")), {"lookup": NOW - H}, "ok"),
    ],
)  # fmt: skip
def test_the_last_due_run(entries: tuple[LogEntry, ...], born: dict[str, float], status: str) -> None:
    found = facts(schedule(log=entries), tokens=tokens(**born))
    assert judged(found)["CRN008"].status.value == status
    assert wrong(found) == ({"CRN008": "fail"} if status == "fail" else {})
    assert not judged(found)["CRN008"].fixable


@pytest.mark.parametrize(("minutes", "status"), [(5, Status.OK), (9.9, Status.OK), (10.1, Status.FAIL)])
def test_a_run_has_ten_minutes_of_grace(minutes: float, status: Status) -> None:
    due = datetime(2026, 11, 24, 9, 17, tzinfo=ZONE).timestamp()
    born = tokens(lookup=due - 3 * H)
    seen = schedule(now=due + 60 * minutes, log=(scheduled(50),))
    assert judged(facts(seen, tokens=born))["CRN008"].status is status


def test_a_crontab_that_stood_since_before_counts_as_seen() -> None:
    old = facts(schedule(stood_since=NOW - 50 * H), tokens=tokens(lookup=NOW - 8 * H))
    assert wrong(old) == {"CRN008": "fail"}
    # It was edited since schedule wrote it: what was due before may have been another line's.
    edited = facts(schedule(stood_since=NOW - H, log=(scheduled(50),)), tokens=tokens(lookup=NOW - 8 * H))
    assert wrong(edited) == {}


def test_a_line_that_refreshes_in_part_is_asked_for_no_more() -> None:
    line = f"17 */3 * * * {KIT} refresh --quiet --within 4h"
    found = facts(schedule(line, log=(scheduled(50),)), tokens=tokens(lookup=NOW - 4 * H))
    assert wrong(found) == {}


def test_the_day_and_time_of_the_run_are_cron_s() -> None:
    detail = judged(facts(schedule(log=(scheduled(50),)), tokens=tokens(lookup=NOW - 8 * H)))["CRN008"]
    assert "Tue 09:17" in detail.outcome.detail


# --- all of it ----------------------------------------------------------------------------------------------


def test_several_faults_of_one_entry_have_one_mend() -> None:
    text = f"SHELL=/bin/tcsh\n0 0 * * * /opt/gone/bin/ocarina oauth refresh\n{GUIDE}"
    found = facts(schedule(text))
    plans = [f.outcome.fix for f in judged(found).values() if f.fixable]
    assert len(plans) > 1
    assert len({plan.changes for plan in plans}) == 1
    assert wrong(facts(mended(found, "CRN003"))) == {}
