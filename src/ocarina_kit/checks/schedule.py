"""CRN: the schedule on this host (CHECKS.md).

The probes stand beside it: of the crontab and who has an entry in it in schedule_entry.py, of the entry's line in
schedule_line.py.
"""

from __future__ import annotations

from ocarina_kit.checks import schedule_entry, schedule_line
from ocarina_kit.checks.model import Check, Need
from ocarina_kit.core.errors import Remedy

_SCHEDULE = frozenset({Need.CONFIG, Need.SCHEDULE})
_TOKENS = frozenset({Need.TOKENS})
_CLIENT = frozenset({Need.CLIENT})
_MENDS = frozenset({Need.CLIENT, Need.NAMED})
_MEND = Remedy("schedule writes one good entry.", ("ocarina-kit schedule",))

CHECKS: tuple[Check, ...] = (
    Check(
        id="CRN001",
        title="The crontab can be read",
        probe=schedule_entry.crontab,
        consequence="Nothing refreshes the tokens here: they run out 10 hours after you last did.",
        remedy=Remedy("Hand the line to whoever can install it.", ("ocarina-kit schedule --print",)),
        explain="crontab -l lists what cron runs for you. Some hosts have no crontab command, or allow it to few. "
        "Where another host or scheduler refreshes the tokens, that is no fault. One that fails for any other reason "
        "tells nothing, and is never taken for an empty crontab.",
        needs=_SCHEDULE,
        uses=_TOKENS,
        oauth_only=True,
    ),
    Check(
        id="CRN002",
        title="An entry refreshes the tokens",
        probe=schedule_entry.entry,
        consequence="The tokens run out 10 hours after you last refreshed them.",
        remedy=_MEND,
        explain="An entry belongs to one configuration and profile. Where refresh.log or the tokens' own times show "
        "a refresh by another host or another scheduler in the last 10 hours, none is needed here, and none is "
        "added: two hosts that refresh the same tokens only get in each other's way.",
        rests_on=(("CRN001",), ("CRN009",)),
        needs=_SCHEDULE,
        uses=_TOKENS | _MENDS,
        oauth_only=True,
    ),
    Check(
        id="CRN003",
        title="There is one entry only",
        probe=schedule_entry.only_one,
        consequence="Two refreshes at once spend the same refresh token, and one of them may lose the new one.",
        remedy=_MEND,
        explain="The server takes a refresh token once. --fix keeps one good line, and leaves lines of other "
        "configurations and profiles as they are.",
        rests_on=(("CRN002",),),
        needs=_SCHEDULE,
        uses=_MENDS,
        oauth_only=True,
    ),
    Check(
        id="CRN004",
        title="The entry's programs are there",
        probe=schedule_line.programs,
        consequence="cron starts the line and nothing is refreshed; the tokens run out within 10 hours.",
        remedy=_MEND,
        explain="cron knows no conda environment and looks only into /usr/bin and /bin, so each program must stand "
        "there with its whole path, be executable, and be the client that is meant. An environment that was removed "
        "or renamed leaves a stale path behind.",
        rests_on=(("CRN002",), ("ENV002",)),
        needs=_SCHEDULE | _CLIENT,
        uses=_MENDS,
        oauth_only=True,
    ),
    Check(
        id="CRN005",
        title="The entry runs often enough",
        probe=schedule_line.often_enough,
        consequence="The token is expired between two runs.",
        remedy=_MEND,
        explain="An access token lives 10 hours, so the longest time between two runs must be shorter, also on days "
        "that the entry leaves out and in the night when summer time ends. The client alone cannot refresh an "
        "expired token, so for it one missed run must do no harm either.",
        rests_on=(("CRN002",),),
        needs=_SCHEDULE,
        uses=_MENDS,
        oauth_only=True,
    ),
    Check(
        id="CRN006",
        title="A cron daemon runs here",
        probe=schedule_entry.daemon,
        consequence="The entry is never run, however right it is.",
        remedy=Remedy(
            "Ask this host's administrators to start cron, or schedule the refresh on a host that has it."
        ),
        explain="A crontab is only a file until a cron daemon reads it. In a container, or where other users' "
        "processes are hidden, it can't be told whether one runs, and nothing is judged.",
        rests_on=(("CRN002",),),
        needs=_SCHEDULE,
        oauth_only=True,
    ),
    Check(
        id="CRN007",
        title="cron runs the entry as it is meant",
        probe=schedule_line.runs_as_written,
        consequence="The line does something else than it says, or nothing; the tokens run out within 10 hours.",
        remedy=_MEND,
        explain="In a crontab a bare % ends the command, a quoted ~ stays a ~, and SHELL, PATH and HOME are what "
        "lines above set them to, with nothing expanded. What works in your shell may so do nothing under cron.",
        rests_on=(("CRN004",),),
        needs=_SCHEDULE,
        uses=_MENDS,
        oauth_only=True,
    ),
    Check(
        id="CRN008",
        title="The last due run did its work",
        probe=schedule_line.last_run,
        consequence="Where the next runs fail as well, the tokens run out.",
        remedy=Remedy("See what the line does in cron's environment.", ("ocarina-kit schedule --test",)),
        explain="refresh.log and the tokens' own times show whether the run that was due last refreshed them; it is "
        "given 10 minutes. Runs from before the entry was put there are not asked for.",
        rests_on=(("CRN007",),),
        needs=_SCHEDULE,
        uses=_TOKENS,
        oauth_only=True,
    ),
    Check(
        id="CRN009",
        title="The entry is switched on",
        probe=schedule_entry.switched_on,
        consequence="Nothing refreshes the tokens here: they run out 10 hours after you last did.",
        remedy=Remedy("schedule switches it on, after asking.", ("ocarina-kit schedule",)),
        explain="Someone put a # before the only entry. That may have had a reason, so --fix leaves it; schedule "
        "asks. A commented-out line beside a good entry is no fault.",
        rests_on=(("CRN001",),),
        needs=_SCHEDULE,
        uses=_TOKENS,
        oauth_only=True,
    ),
    Check(
        id="CRN010",
        title="The entry heals what one failed run leaves",
        probe=schedule_line.heals,
        consequence="The client never refreshes an expired token: one failed run ends it until you log in again.",
        remedy=_MEND,
        explain="ocarina oauth refresh asks for a login where a token is expired, and under cron nobody answers. The "
        "entry that schedule writes runs ocarina-kit first, which heals an expired token, and the client only where "
        "ocarina-kit cannot start. An entry that schedule --runner client wrote is left as it was wanted.",
        rests_on=(("CRN002",),),
        needs=_SCHEDULE,
        uses=_MENDS,
        oauth_only=True,
    ),
)
