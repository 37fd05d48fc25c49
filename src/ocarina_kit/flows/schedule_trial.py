"""Runs a set-up's crontab line once, as cron would, and judges it by the tokens. ``schedule --test``."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ocarina_kit.core.cron.refreshjob import RefreshJob
from ocarina_kit.core.cron.schedule_trial import Ran, Verdict, judge, without_tracebacks
from ocarina_kit.core.cron.schedule_wish import Wish
from ocarina_kit.core.errors import KitError, Remedy
from ocarina_kit.core.redact import mask
from ocarina_kit.core.secret import Secret
from ocarina_kit.core.tokens.refresh_log import LogEntry
from ocarina_kit.core.tokens.token_file import TokenFile
from ocarina_kit.edges.cron.cron_run import SECONDS, run_as_cron
from ocarina_kit.edges.disk import refresh_log
from ocarina_kit.flows.schedule_desk import Desk, installed_job

LIMIT = f"{SECONDS:.0f} s at most"
_LONGEST_OUTPUT = 20_000


@dataclass(frozen=True)
class Trial:
    ran: Ran
    verdict: Verdict


def job_to_try(desk: Desk, wish: Wish | None) -> tuple[RefreshJob, bool]:
    """The entry to try, and whether it is installed: the installed one where there is one and ``wish`` is None, else
    the one that would be installed.

    Raises KitError: ``SCH001`` the only entry does other work as well, and what ``schedule`` itself raises.
    """
    if wish is None:
        installed = installed_job(desk)
        if installed is not None:
            return installed, True
        if desk.facts.entries.mixed:
            job = desk.facts.entries.mixed[0]
            raise KitError(
                f"Line {job.number} of the crontab refreshes these tokens and does other work as well: it was not run.",
                id="SCH001",
                why=f"The other work: {', '.join(job.other_work) or 'a refresh of another set-up'}.",
                remedy=Remedy(
                    "Run it yourself, or take the refresh out of it.",
                    ("crontab -l", desk.place.command("refresh")),
                ),
            )
        wish = Wish()
    from ocarina_kit.flows.schedule import find_client_for, propose_entry

    found = find_client_for(desk.system, wish)
    assert found.chosen is not None  # noqa: S101  # find_client_for raises where there is none
    return propose_entry(desk, wish, found.chosen).job, False


def shown(desk: Desk, job: RefreshJob) -> str:
    """The line, its secrets masked."""
    return mask(job.line.text, _secrets(desk, desk.tokens()))


def run_now(desk: Desk, job: RefreshJob) -> Trial:
    """Run it. It is a refresh like any other: it spends refresh tokens."""
    assert desk.setup is not None  # noqa: S101  # only a usable set-up has an entry to try
    system = desk.system
    before, known = desk.tokens(), Counter(_log(desk))
    started = system.clock.now()
    done = run_as_cron(system, job.text.command, job.variables)
    ended = system.clock.now()
    after = desk.tokens()
    written = (done.stdout + done.stderr).decode("utf-8", "backslashreplace").strip()
    output = mask(without_tracebacks(written), (*_secrets(desk, before), *_secrets(desk, after)))
    if len(output) > _LONGEST_OUTPUT:
        output = f"{output[:_LONGEST_OUTPUT]}\n… (cut)"
    ran = Ran(done.code, done.error, output, started, ended)
    verdict = judge(
        job,
        ran,
        before=before.entries,
        after=after.entries,
        log=(Counter(_log(desk)) - known).elements(),
        host=system.host,
        place=desk.place,
    )
    return Trial(ran, verdict)


def _log(desk: Desk) -> list[LogEntry]:
    return [entry for entry in refresh_log.read(desk.system) if entry.setup == desk.mark]


def _secrets(desk: Desk, tokens: TokenFile) -> tuple[Secret, ...]:
    own = desk.setup.secrets if desk.setup is not None else ()
    pairs = [(entry.access_token, entry.refresh_token) for entry in tokens.entries]
    return (*own, *(secret for pair in pairs for secret in pair if secret is not None))
