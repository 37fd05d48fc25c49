"""Whatever stands in the crontab and in the tokens file: a verdict, a plan to show, no exception, no token."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.checks.configs import GOOD, HOME, config_of
from tests.checks.test_schedule import CLIENT, FOUND, GOOD_LINE, KIT, NOW, log, schedule

from ocarina_kit.checks import schedule as schedule_checks
from ocarina_kit.checks import tokens as token_checks
from ocarina_kit.checks.model import Finding, Status
from ocarina_kit.checks.runner import Choice, judge
from ocarina_kit.core.cron.crontab_read import CrontabRead, ReadOutcome
from ocarina_kit.core.facts import Facts
from ocarina_kit.core.file_facts import FileFacts, FileKind
from ocarina_kit.core.plan import SetAside, SetCrontab, WriteFile, show
from ocarina_kit.core.tokens.refresh_log import Result
from ocarina_kit.core.tokens.token_facts import TokenFacts
from ocarina_kit.core.tokens.token_file import TokenFile

ROWS = tuple(
    replace(check, rests_on=()) if check.id in ("TOK001", "CRN004") else check
    for check in (*token_checks.CHECKS, *schedule_checks.CHECKS)
)
SECRET = "s3cr3t-t0k3n"

TIMES = st.sampled_from(
    ["17 */3 * * *", "0 0,6,12,18 * * *", "@daily", "@reboot", "61 * * * *", "0 22-2 * * *", "x", ""]
)
PIECES = st.sampled_from(
    [f" {CLIENT} oauth refresh", f" {KIT} refresh --quiet", " ocarina oauth refresh", " ~/x/ocarina oauth refresh",
     " '~/ocarina' oauth refresh", " conda run -n x ocarina oauth refresh", " OCARINA_CONF_FILE='~/.ocarina'",
     " %", " # ocarina-kit", " --profile test", " && /bin/true", " '", "\\", " $X/ocarina oauth refresh", "#", "\t"]
)  # fmt: skip
LINES = st.one_of(
    st.builds(lambda time, pieces: time + "".join(pieces), TIMES, st.lists(PIECES, max_size=4)),
    st.sampled_from([GOOD_LINE, "#" + GOOD_LINE, "PATH=/x", "SHELL=/bin/tcsh", "HOME=/y", "A = b", ""]),
    st.text(max_size=30),
)
CRONTABS = st.one_of(
    st.binary(max_size=200),
    st.lists(LINES, max_size=6).map(lambda lines: "\n".join(lines).encode("utf-8", "surrogatepass")),
    st.lists(LINES, max_size=6).map(
        lambda lines: "".join(line + "\n" for line in lines).encode("utf-8", "surrogatepass")
    ),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
).filter(lambda value: SECRET not in repr(value))  # Hypothesis likes to try the strings of this file
ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        "access_token": st.just(SECRET) | VALUES,
        "refresh_token": st.just(SECRET) | VALUES,
        "expires_in": st.just(36000) | VALUES,
        "expires_at": st.floats(NOW - 1e5, NOW + 1e5) | VALUES,
        "scope": st.lists(st.text(max_size=5), max_size=2) | VALUES,
    },
)
KEYS = st.sampled_from(["majora2.view_biosampleartifact", "majora2.b majora2.a", "x", ""]) | st.text(
    max_size=9
)
TOKENS = st.one_of(
    st.binary(max_size=200).filter(lambda content: SECRET.encode() not in content),
    st.dictionaries(KEYS, ENTRIES | VALUES, max_size=4).map(lambda value: json.dumps(value).encode()),
    st.tuples(st.dictionaries(KEYS, ENTRIES, min_size=1, max_size=3), st.integers(1, 60)).map(
        lambda pair: json.dumps(pair[0]).encode()[: -pair[1]]
    ),
)


def judged(crontab: bytes, tokens: bytes, hours: float) -> tuple[Finding, ...]:
    file = FileFacts(HOME / ".ocarina-tokens", FileKind.FILE, tokens, mode=0o600, ours=True)
    records = (log(Result.SCHEDULED, hours, by="schedule", scope=""), log(Result.NETWORK, 1))
    facts = Facts(
        config_of(GOOD),
        client=FOUND,
        tokens=TokenFacts(NOW, file, TokenFile.parse(tokens), records),
        schedule=schedule(crontab=CrontabRead(ReadOutcome.CRONTAB, crontab), log=records),
    )
    return judge(ROWS, facts, Choice(), stopwatch=lambda: 0.0)


@given(crontab=CRONTABS, tokens=TOKENS, hours=st.sampled_from([0.1, 50.0]))
def test_there_is_always_a_verdict(crontab: bytes, tokens: bytes, hours: float) -> None:
    findings = judged(crontab, tokens, hours)
    assert len(findings) == len(ROWS)
    for finding in findings:
        assert finding.status is not Status.UNKNOWN
        assert finding.outcome.detail
        assert SECRET not in finding.outcome.detail + finding.remedy.text + " ".join(finding.remedy.commands)
        show(finding.outcome.fix)
        for change in finding.outcome.fix.changes:
            if isinstance(change, (WriteFile, SetAside, SetCrontab)):
                assert change.before == (crontab if isinstance(change, SetCrontab) else tokens)
                assert change.after != change.before


@given(crontab=CRONTABS)
def test_the_mend_of_a_crontab_mends_it_and_is_made_once(crontab: bytes) -> None:
    scope = "majora2.view_biosampleartifact"
    entry = {"access_token": "a", "refresh_token": "r", "expires_in": 36000, "expires_at": NOW + 35000}
    tokens = json.dumps({scope: {**entry, "scope": [scope]}})
    fixes = [
        change
        for finding in judged(crontab, tokens.encode(), 0.1)
        for change in finding.outcome.fix.changes
        if isinstance(change, SetCrontab)
    ]
    if not fixes:
        return
    assert len(set(fixes)) == 1
    after = judged(fixes[0].after, tokens.encode(), 0.1)
    assert not [f for f in after if f.check.family == "CRN" and f.fixable]
