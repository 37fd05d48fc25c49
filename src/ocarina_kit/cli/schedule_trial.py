"""A crontab line that is run once, now, as cron would: what came of it, told by the tokens' own times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from ocarina_kit.client.scopes import what_for
from ocarina_kit.cron.crontab import Crontab, encode
from ocarina_kit.cron.line import Entry, entries
from ocarina_kit.cron.trial import SECONDS, run_line
from ocarina_kit.system.errors import Exit, KitError, Remedy, worst
from ocarina_kit.system.words import count, listed, span
from ocarina_kit.tokens.log import FRESH

if TYPE_CHECKING:
    from ocarina_kit.cli.context import Run
    from ocarina_kit.config.place import Setup

_EXITS = {"refused-token": Exit.LOGIN, "lost": Exit.LOGIN, "network": Exit.UNKNOWN, "unreached": Exit.UNKNOWN}
"""What the words of refresh.log mean; others are a problem."""
_NEXT = {
    Exit.LOGIN: ("Log in again.", "login"),
    Exit.UNKNOWN: ("See whether the server can be reached.", "doctor"),
    Exit.PROBLEM: ("See what is broken.", "doctor"),
}


class Trial(NamedTuple):
    """``fresh`` and ``stale`` are the scopes that the line refreshed and did not; ``by``: the program that did it.

    ``left``: seconds for which each token is valid now. ``until``: when the first of the fresh ones expires.
    ``ended``: how and after how long the line ended. ``output`` is masked.
    """

    fresh: tuple[str, ...]
    stale: tuple[str, ...]
    by: str
    left: Mapping[str, float]
    until: float | None
    ended: str
    output: str
    error: KitError | None = None

    @property
    def refreshed(self) -> str:
        return f"refreshed {count(len(self.fresh), 'token')}"


def entry_of(run: Run, line: str) -> Entry:
    """What the crontab line ``line`` does."""
    return entries(Crontab.parse(encode(line) + b"\n"), run.machine.user, str(run.machine.home))[0]


def try_line(run: Run, setup: Setup, line: str, variables: Mapping[str, str] | None = None) -> Trial:
    """Run the line in cron's bare environment; ``variables`` are the crontab's own above it. It refreshes tokens."""
    from ocarina_kit.doctor.world import World

    machine, entry = run.machine, entry_of(run, line)
    before = World(machine, run.place, seconds=60.0).tokens
    pairs = [(token.access_token, token.refresh_token) for token in before.file.tokens]
    secrets = [*setup.secrets, *(secret for pair in pairs for secret in pair if secret is not None)]
    with run.ui.waiting("Running the line as cron does", SECONDS):
        ran = run_line(machine, entry.job.command, variables or {}, secrets=secrets)
    after = World(machine, run.place, seconds=60.0).tokens
    known, old = ({token.key: token for token in each.usable} for each in (after, before))
    fresh = [
        key for key, each in known.items() if key not in old or each.access_token != old[key].access_token
    ]
    stale = [key for key in {**known, **old} if key not in fresh]
    new = [each for each in after.log[len(before.log) :] if each.host == machine.host]
    how = f"it was ended: {ran.error}" if ran.code is None else f"exit code {ran.code}"
    by = "ocarina" if entry.program("client") is not None else ""
    if any(each.result in FRESH and each.by == "refresh" for each in new):
        by = "ocarina-kit"  # it writes its refreshes to refresh.log, the client does not
    trial = Trial(
        tuple(fresh),
        tuple(stale),
        by if fresh else "",
        {key: max(0.0, token.seconds_left(ran.ended)) for key, token in known.items()},
        min((known[key].expiry(ran.ended) for key in fresh), default=None),
        f"{how}, after {span(ran.ended - ran.started)}",
        ran.output,
    )
    exits = [_EXITS.get(each.result, Exit.PROBLEM) for each in new if each.result not in (*FRESH, "used")]
    if any(key not in known or not known[key].can_refresh for key in stale):
        exits.append(Exit.LOGIN)
    expired = any(token.seconds_left(ran.started) <= 0 for token in old.values())
    return trial._replace(error=_error(run, entry, trial, exits, ok=ran.code == 0, expired=expired))


def _error(
    run: Run, entry: Entry, trial: Trial, exits: list[int], *, ok: bool, expired: bool
) -> KitError | None:
    """Why the line did not do its work; None if it did, or left tokens alone as its options say."""
    from ocarina_kit.doctor.entry import refreshes_all

    command = run.place.command
    if not trial.fresh and not trial.stale:
        remedy = Remedy("Log in.", (command("login"),))
        return KitError("There is no token to refresh.", id="TOK001", remedy=remedy, exit=Exit.LOGIN)
    if not trial.stale or (ok and not exits and not refreshes_all(entry)):
        return None
    exit = worst(exits or [Exit.PROBLEM])
    text, *commands = _NEXT[exit]
    why = f"The line ended with {trial.ended}."
    if entry.kind == "client" and expired:
        why += " ocarina cannot refresh an expired token; ocarina-kit can."
        text, commands = "Refresh now, and let ocarina-kit do it from now on.", ["refresh", "schedule"]
    names = listed(list(dict.fromkeys(what_for(scope) for scope in trial.stale)))
    remedy = Remedy(text, tuple(map(command, commands)))
    what = f"The line did not refresh the token to {names}."
    return KitError(what, id="CRN008", why=why, remedy=remedy, exit=exit)
