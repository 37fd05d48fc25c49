"""ENV: the client, and the machine that it runs on (CHECKS.md)."""

from __future__ import annotations

import shlex

from ocarina_kit.checks.config_members import follows
from ocarina_kit.checks.model import Check, Need, Outcome, fail, not_applicable, ok, unknown, warn
from ocarina_kit.checks.schedule_entry import elsewhere, mend
from ocarina_kit.core.client.resolution import MINIMUM_VERSION, Candidate, Resolution, State
from ocarina_kit.core.cron.schedule_facts import ScheduleFacts
from ocarina_kit.core.environment_facts import SETUP_VARIABLES
from ocarina_kit.core.errors import Remedy
from ocarina_kit.core.facts import Facts
from ocarina_kit.core.file_facts import FolderFacts
from ocarina_kit.core.oauth.network_facts import NetworkFacts
from ocarina_kit.core.tokens.refresh_history import other_hosts

INSTALL = "ocarina-kit install-client"

# --- ENV001, ENV002, ENV003, ENV005 ------------------------------------------------------------------------


def _found(facts: Facts) -> Outcome:
    search = _resolution(facts)
    judged = search.judged
    if judged is not None:
        return ok(f"{judged.path} (in {judged.where}): {judged.described}")
    looked = "; ".join(search.looked)
    remarks = " ".join(search.remarks)
    return fail(f"No ocarina was found. Looked in: {looked}.{' ' if remarks else ''}{remarks}")


def _is_majora(facts: Facts) -> Outcome:
    search, judged = _resolution(facts), _judged(facts)
    if judged.works:
        return ok(f"{judged.path} is {judged.described}.")
    said = f" ({judged.detail})" if judged.detail else ""
    what = (
        "the unrelated package of that name from PyPI (it tests web sites)"
        if judged.state is State.UNRELATED
        else f"another program{said}"
    )
    return fail(f"{judged.path} is not the client of Majora, but {what}.", remedy=_other(search, judged))


def _runs(facts: Facts) -> Outcome:
    search, judged = _resolution(facts), _judged(facts)
    if judged.runs:
        return ok(f"{judged.path} runs.")
    if judged.state is State.TIMED_OUT:
        return unknown(
            f"{judged.path} gave no answer in time.",
            remedy=Remedy("See how long it takes by hand.", (f"time {shlex.quote(judged.path)} -v",)),
        )
    return fail(f"{judged.path} does not run: {judged.described}.", remedy=_other(search, judged))


def _other(search: Resolution, judged: Candidate) -> Remedy:
    """What to do about a client that is no good: use the one that works, or install one."""
    chosen = search.chosen
    if chosen is not None and chosen.path != judged.path:
        folder = shlex.quote(chosen.path.rpartition("/")[0])
        return Remedy(
            f"A client that works is {chosen.path} (in {chosen.where}). Put its folder first on PATH, or activate its "
            "environment; or take the other one away.",
            (f"export PATH={folder}:$PATH",),
        )
    if judged.state is State.NOT_EXECUTABLE:
        return Remedy("Let yourself run it.", (f"chmod u+x {shlex.quote(judged.path)}",))
    return Remedy("Install the client of Majora.", (INSTALL,))


def _several(facts: Facts) -> Outcome:
    search = _resolution(facts)
    different = search.different
    versions = {candidate.version for candidate in different}
    if len(different) < 2 or len(versions) < 2:
        return ok("There is one client, or all are of one version.")
    listed = "; ".join(f"{each.path} ({each.described}, in {each.where})" for each in different)
    shell = f"this shell runs {search.shell.path}" if search.shell else "this shell finds none on its PATH"
    cron = (
        f"a cron job finds {search.cron.path}" if search.cron else "a cron job finds none by its name alone"
    )
    chosen = f"; the crontab entry of ocarina-kit names {search.chosen.path}" if search.chosen else ""
    return warn(
        f"There are {len(different)} clients: {listed}. By the name ocarina, {shell}, {cron}{chosen}."
    )


# --- ENV004 ------------------------------------------------------------------------------------------------


def _version_taken(facts: Facts) -> Outcome:
    verdict = facts.api.client_verdict if facts.api is not None else None
    version = facts.client_version
    if verdict is None:
        return not_applicable("The server did not say what it thinks of the client's version.")
    if verdict.client_ok:
        return ok(f"The server takes ocarina {version}.")
    wanted = verdict.wanted_version or str(MINIMUM_VERSION)
    return fail(
        f"The server refuses ocarina {version}: it wants {wanted} or newer.",
        remedy=Remedy("Install a newer client.", (INSTALL,)),
    )


# --- ENV006 ------------------------------------------------------------------------------------------------


def _carried(facts: Facts) -> Outcome:
    environment, schedule = facts.environment, facts.schedule
    if environment is None or schedule is None:
        return not_applicable("The crontab was not looked at.")
    own = [call for job in schedule.entries.active for call in job.calls]
    names: list[str] = []
    if facts.config.place.from_env:
        others = [call for job in schedule.entries.others for call in job.calls]
        names = [name for name in SETUP_VARIABLES if name in environment.variables] if own or others else []
    elif own:
        carried = schedule.ground.carried
        for name in sorted(environment.variables - {"OCARINA_CONF_FILE"}):
            wanted = carried.variables.get(name)
            if any(call.environment.get(name) != wanted or wanted is None for call in own):
                names.append(name)
    elif "OCARINA_CONF_FILE" in environment.variables and schedule.entries.others:
        names.append("OCARINA_CONF_FILE")
    if not names:
        return ok("Nothing in this shell changes what ocarina reads that a cron job would lack.")
    listed = ", ".join(names)
    omitted = [omission for omission in schedule.ground.carried.omissions if omission.name in names]
    if facts.config.place.from_env:
        return warn(
            f"Set in this shell and read with --env, but not in the crontab entry: {listed}.",
            remedy=Remedy(
                "No crontab entry carries these, as some are secrets. Write them to a configuration file.",
                ("ocarina-kit init",),
            ),
        )
    if omitted and len(omitted) == len(names):
        return warn(
            f"Set in this shell, but not in the crontab entry: {listed}. "
            f"{'; '.join(str(omission) for omission in omitted)}.",
            remedy=Remedy("Set it at the top of the crontab yourself, if cron needs it.", ("crontab -e",)),
        )
    remedy, plan = mend(facts, schedule, "schedule puts them in the entry.")
    return warn(
        f"Set in this shell, but not in the crontab entry: {listed}.",
        remedy=remedy,
        # Where there is no entry yet, none is added on a second host.
        fix=plan if own or _first_host(facts, schedule) else None,
    )


def _first_host(facts: Facts, schedule: ScheduleFacts) -> bool:
    return not other_hosts(schedule.log, host=schedule.host) and elsewhere(facts, schedule) is None


# --- ENV007, ENV008 ----------------------------------------------------------------------------------------

CLOCK_WARNS = 60.0
CLOCK_FAILS = 300.0
"""Seconds: CHECKS.md, ENV007."""


def _clock(facts: Facts) -> Outcome:
    network = facts.network
    if network is None or network.skew is None:
        return _no_time(network)
    off = abs(network.skew)
    if off <= CLOCK_WARNS:
        return ok("This machine's clock agrees with the server's.")
    behind = "behind" if network.skew > 0 else "ahead of"
    detail = f"This machine's clock is {_span(off)} {behind} the server's."
    return fail(detail) if off > CLOCK_FAILS else warn(detail)


def _no_time(network: NetworkFacts | None) -> Outcome:
    """The time stands in an answer: where none came, that is another check's finding."""
    reach = network.reach if network is not None else None
    if reach is not None and reach.tls is not None and not reach.tls.ok:
        return follows("SRV003")
    if network is not None and network.identity is not None and network.identity.kind != "majora":
        return follows("SRV004")
    return not_applicable("The server did not say what time it has.")


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172800 else f"{seconds / 86400:.0f} days"


SPACE_NEEDED = 1024 * 1024
INODES_NEEDED = 8
"""Bytes and files: a tokens file of a thousand scopes beside its replacement, and the locks."""


def _writable(facts: Facts) -> Outcome:
    if facts.environment is None:
        return not_applicable("No folder was looked at.")
    for words, folder in facts.environment.folders.items():
        if not folder.exists and words in ("the configuration", "the tokens file"):
            continue  # CFG001, CFG010
        fault = _folder_fault(folder)
        if fault is not None:
            why, remedy = fault
            where = (
                f"{words} ({folder.path})"
                if words == "your home"
                else f"the folder of {words} ({folder.path})"
            )
            return fail(f"{where[0].upper()}{where[1:]} {why}.", remedy=remedy)
    return ok("Files can be written where they belong.")


def _folder_fault(folder: FolderFacts) -> tuple[str, Remedy] | None:
    path = shlex.quote(str(folder.path))
    if not folder.exists:
        return "is no folder", Remedy(
            "Something else stands where the folder should be.", (f"ls -ld {path}",)
        )
    if folder.problem:
        return f"cannot be written: {folder.problem}", Remedy("Ask who runs this machine.", (f"df {path}",))
    if not folder.writable:
        return "may not be written by you", Remedy("See whose it is, and its mode.", (f"ls -ld {path}",))
    if folder.free_bytes is not None and folder.free_bytes < SPACE_NEEDED:
        return "has no space left", Remedy("Delete something there.", (f"df -h {path}",))
    if folder.free_inodes is not None and folder.free_inodes < INODES_NEEDED:
        return "can hold no more files (no inodes left)", Remedy("Delete files there.", (f"df -i {path}",))
    return None


# --- the rows ----------------------------------------------------------------------------------------------


def _resolution(facts: Facts) -> Resolution:
    return facts.client.resolution if facts.client is not None else Resolution(None, "")


def _judged(facts: Facts) -> Candidate:
    judged = _resolution(facts).judged
    assert judged is not None  # noqa: S101  # ENV001, on which this rests, has found one
    return judged


_CLIENT = frozenset({Need.CLIENT})

CHECKS: tuple[Check, ...] = (
    Check(
        id="ENV001",
        title="There is an ocarina",
        probe=_found,
        consequence="Without the client nothing can be looked up or sent; ocarina-kit still keeps tokens "
        "fresh.",
        remedy=Remedy("Install the client.", (INSTALL,)),
        explain="The client is looked for in the active environment, on PATH, in all conda environments, "
        "pipx's and uv's tools, ~/.local/bin, the environments that install-client makes, beside "
        "ocarina-kit, and on cron's PATH.",
        needs=_CLIENT,
    ),
    Check(
        id="ENV002",
        title="It is the client of Majora",
        probe=_is_majora,
        consequence="Its commands do something else, or fail as unknown.",
        remedy=Remedy("Install the client of Majora.", (INSTALL,)),
        explain="An unrelated package named ocarina is on PyPI, so pip install ocarina gets the wrong "
        "program. The client is told by what ocarina -v prints, and by its package's module "
        "ocarina.client.",
        rests_on=(("ENV003",),),
        needs=_CLIENT,
    ),
    Check(
        id="ENV003",
        title="It runs",
        probe=_runs,
        consequence="Neither you nor a cron job can use it.",
        remedy=Remedy("Install it anew.", (INSTALL,)),
        explain="A Python that was upgraded or removed, or an environment that was moved, leaves a script "
        "whose interpreter is gone. The client is started with -v to see whether it runs, with no "
        "credentials.",
        rests_on=(("ENV001",),),
        needs=_CLIENT,
    ),
    Check(
        id="ENV004",
        title="The server takes its version",
        probe=_version_taken,
        consequence="Every request of this client is refused, whatever its token.",
        remedy=Remedy("Install a newer client.", (INSTALL,)),
        explain="The server refuses clients that are too old (under 0.44.0 when this was written), and "
        "says which version it wants. The client that the guide's first version installs, 0.36.1, is among "
        "them.",
        rests_on=(("ENV002",), ("API001", "API002")),
        needs=frozenset({Need.CLIENT, Need.API}),
        online=True,
    ),
    Check(
        id="ENV005",
        title="There is one client",
        probe=_several,
        consequence="What works in your shell may not work in a cron job, and the other way round.",
        remedy=Remedy("Keep the one that you use, and remove the others."),
        explain="Several environments may each hold a client, of different versions. A cron job has a "
        "short PATH of its own, which is why the crontab entry names its programs by their whole paths.",
        rests_on=(("ENV001",),),
        needs=_CLIENT,
    ),
    Check(
        id="ENV006",
        title="A cron job sees what this shell sees",
        probe=_carried,
        consequence="The scheduled refresh reads another set-up, or does not get through to the server.",
        remedy=Remedy("schedule puts the variables in the entry.", ("ocarina-kit schedule",)),
        explain="Cron jobs get none of your shell's variables. OCARINA_CONF_FILE, a CA bundle or a proxy "
        "that are set here must stand in the crontab entry too. A proxy's password is never written there.",
        needs=frozenset({Need.ENVIRONMENT, Need.CONFIG, Need.SCHEDULE}),
        uses=_CLIENT | {Need.TOKENS},
    ),
    Check(
        id="ENV007",
        title="The clock is right",
        probe=_clock,
        consequence="Tokens seem to live longer or shorter than they do, and two-factor codes are refused.",
        remedy=Remedy("Ask who runs this machine to keep its clock by NTP. See what it shows:", ("date -u",)),
        explain="The time in the server's answer is compared with this machine's: over 60 s is a warning, "
        "over 300 s a failure.",
        rests_on=(("SRV002",),),
        needs=frozenset({Need.NETWORK}),
        online=True,
    ),
    Check(
        id="ENV008",
        title="Files can be written",
        probe=_writable,
        consequence="New tokens could not be saved, so no refresh token is spent.",
        remedy=Remedy("Make room there, or ask who runs this machine.", ("df -h ~",)),
        explain="Looked at are your home and the folders of the configuration, the tokens file and the "
        "state, each for the right to write, for space and for inodes. Nothing is written to find out; a "
        "quota is not seen.",
        needs=frozenset({Need.ENVIRONMENT, Need.CONFIG}),
    ),
)
