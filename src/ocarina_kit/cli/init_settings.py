"""What init knows of the settings, asks Majora about them, and writes.

A value comes from an option, otherwise a variable, otherwise the file that exists (CONTRACT.md, init).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ocarina_kit.cli.context import Context
from ocarina_kit.cli.ui import Ui
from ocarina_kit.config.location import Setup
from ocarina_kit.config.names import PAIR
from ocarina_kit.config.setup import Config, from_environment, profiles, setup_of
from ocarina_kit.config.url import endpoint, server_of
from ocarina_kit.config.values import (
    SECRET_LENGTH,
    Fault,
    Value,
    are_swapped,
    is_api_key,
    judge,
)
from ocarina_kit.config.write import with_settings
from ocarina_kit.doctor.check import Outcome
from ocarina_kit.doctor.setup import findings, settled
from ocarina_kit.doctor.world import World
from ocarina_kit.majora.answers import Probe, ProbeKind
from ocarina_kit.majora.api import Majora
from ocarina_kit.majora.failures import NoAnswer, NoAnswerKind
from ocarina_kit.majora.problems import no_answer
from ocarina_kit.system.change import Action, Change, apply_to_file
from ocarina_kit.system.file_kind import FileKind
from ocarina_kit.system.files import final_target, prove_space
from ocarina_kit.system.problem import KitError, Problem, Remedy, usage_error
from ocarina_kit.system.problems import no_such_folder, not_written
from ocarina_kit.system.secret import Secret
from ocarina_kit.tokens import problems
from ocarina_kit.tokens.owner import note_use
from ocarina_kit.tokens.store import plan_other_server, read_tokens

REFUSED_BY_MAJORA = ("CRD001", "API002")
"""Majora's own "no"; whatever else it says is a warning."""


class Ask(NamedTuple):
    """How a person gives a setting: by these options, or at this question. ``help`` is what ``?`` says there: where the
    answer comes from, whom to write to, and what to write."""

    options: str
    question: str
    help: str


ASK = {
    "MAJORA_DOMAIN": Ask(
        "--instance prod|test or --domain URL",
        "Its address",
        "Production has the real data, test is for trying things out. Accounts and tokens of one are unknown to the "
        "other. The address is the one that you open in a browser to log in to Majora. If you do not know, ask the "
        'lead of your site: "Which Majora do I use, and at which address?"',
    ),
    "MAJORA_USER": Ask(
        "--user NAME",
        "Your Majora user name",
        "The name with which you log in to Majora in a browser; on the test Majora it starts with test-. If you have "
        "none, register there, turn on two-factor authentication in your profile, and write to the lead of your site: "
        '"I have registered for Majora as NAME. Could you please approve my account?"',
    ),
    "CLIENT_ID": Ask(
        "--client-id ID",
        "Client id",
        "It is in the form of the page above, 40 letters and digits; of an application that you have already, on its "
        "page at o/applications/ of your Majora. If you may not open that page, write to the lead of your site: "
        '"Could you please allow my Majora account NAME to register an application?"',
    ),
    "CLIENT_SECRET": Ask(
        "--client-secret-file FILE",
        "Client secret",
        "It is below the client id in the form, 128 letters and digits. Some servers show it only before Save, and "
        "then a hash that starts with pbkdf2_: register the application again in that case. What you paste is not "
        "shown.",
    ),
    "MAJORA_TOKEN": Ask(
        "--api-key-file FILE",
        "API key",
        "It is at keys/list/ of your Majora, and is valid for 3 days. If you may not open that page, write to the lead "
        'of your site: "Could you please allow my Majora account NAME to use the API?" What you paste is not shown.',
    ),
}


class Wish(NamedTuple):
    """How this run goes. ``from_env`` (--env): the environment is the set-up, and the file's values are no defaults."""

    offline: bool
    force: bool
    config_only: bool
    yes: bool
    dry_run: bool
    from_env: bool


class Known(NamedTuple):
    """What is known before anybody is asked. ``values``: those that can be used, as they would be written.

    ``missing``: the other settings that are needed: the id of a check or "", and what to say. ``given``: settings whose
    value comes from an option or a variable. ``said``: what was repaired in those.
    """

    values: dict[str, str]
    missing: dict[str, tuple[str, str]]
    given: set[str]
    said: list[str]


def ask(
    ui: Ui, name: str, now: str = "", *, unseen: bool = False, optional: bool = False
) -> str:
    """A setting, asked for until it is good by itself; says what was repaired in it. Enter alone gives ``now``, or ""
    if it is optional. ``unseen``: nothing that is typed is shown, as ever for the secret and the key."""
    _, question, help = ASK[name]
    unseen = unseen or name in ("CLIENT_SECRET", "MAJORA_TOKEN")
    if unseen and now:
        question += ", Enter keeps the current one"
    while True:
        typed = (
            ui.ask_secret(question, help=help)
            if unseen
            else ui.ask(question, now, help=help)
        )
        text = typed.strip() or now
        if optional and not text:
            return ""
        value = judge(name, text)
        if value.fault is None:
            for words in notes(name, value):
                ui.say(words)
            for fault in value.faults if name in PAIR else ():
                if fault.warning:
                    ui.warn(f"This {fault.words}.")
            return value.text
        ui.warn(f"This {value.fault.words}.")


# --- what is known ------------------------------------------------------------------------------------------------


def gather(
    context: Context, config: Config, given: Mapping[str, str], wish: Wish
) -> Known:
    """The settings, each from an option (``given``), else a variable, else the file; judged.

    Whichever of these has an id, a secret or MAJORA_TOKEN first says whether it is OAuth or a legacy key. Of the file
    no id, secret or key is taken if another Majora is named: they are not sent to another server.
    """
    variables = from_environment(context.machine.environ)
    for name in PAIR:
        variables[name] = variables.get(name) or context.machine.environ.get(
            f"MAJORA_{name}", ""
        )
    # A blank one counts as not set.
    variables = {name: text for name, text in variables.items() if text}
    file = {} if wish.from_env else _in_file(config)
    here = {**variables, **given}
    if moves(config, judge("MAJORA_DOMAIN", here.get("MAJORA_DOMAIN", "")).text):
        file = {
            name: each
            for name, each in file.items()
            if name in ("MAJORA_DOMAIN", "MAJORA_USER")
        }
    ways = (
        each
        for each in (given, variables, file)
        if each.keys() & {"MAJORA_TOKEN", *PAIR}
    )
    is_key = "MAJORA_TOKEN" in given or is_api_key(
        next(ways, {}).get("MAJORA_TOKEN", "")
    )
    found = {**file, **here}
    known = Known({"MAJORA_TOKEN": "OAUTH"}, {}, set(), [])
    for name in (
        "MAJORA_DOMAIN",
        "MAJORA_USER",
        *(("MAJORA_TOKEN",) if is_key else PAIR),
    ):
        value = judge(name, found.get(name, ""))
        fault = value.fault
        if is_key and value.text == "OAUTH":
            fault = Fault("CFG008", "is the word OAUTH, not an API key")
        if name not in found:
            known.missing[name] = ("", f"{name} is missing: {ASK[name].options}")
        elif fault is not None:
            origin = "environment" if name in variables else "configuration"
            origin = ASK[name].options.split()[-2] if name in given else f"the {origin}"
            words = f"{name} {fault.words} ({origin}): {ASK[name].options}"
            known.missing[name] = (fault.check, words)
        else:
            known.values[name] = value.text
            known.said.extend(notes(name, value) if name in here else ())
    known.given.update(known.values.keys() & here.keys())
    return known


def settings_of(setup: Setup) -> dict[str, str]:
    """The settings that say who asks Majora, of a complete set-up."""
    key = setup.legacy_key
    return {
        "MAJORA_DOMAIN": setup.domain,
        "MAJORA_USER": setup.user,
        "MAJORA_TOKEN": "OAUTH" if key is None else key.reveal(),
        "CLIENT_ID": setup.client_id,
        "CLIENT_SECRET": setup.client_secret.reveal(),
    }


def without_secret(known: Known) -> Known:
    """What is known once Majora refused it: who and where stay, the secrets are asked for."""
    values = {**known.values}
    for name in ("CLIENT_SECRET", "MAJORA_TOKEN"):
        values.pop(name, None)
    values["MAJORA_TOKEN"] = "OAUTH"  # noqa: S105  # the client's word for it
    given = {*known.given, "MAJORA_DOMAIN", "MAJORA_USER"} - set(PAIR)
    return known._replace(values=values, given=given)


def _in_file(config: Config) -> dict[str, str]:
    """What the file says. A profile that is not there yet is a set-up of its own: of the layers below it only the
    object "default" counts, as the top level is mostly another Majora's."""
    new = config.location.profile not in (None, *profiles(config.document.value))
    found = {name: config.text(name) for name in config.settings if config.text(name)}
    return {
        name: each
        for name, each in found.items()
        if not new or config.path_of(name)[0] == "default"
    }


def moves(config: Config, domain: str) -> bool:
    """Whether ``domain`` is at another server than the file's, whose id, secret, key and tokens are not sent there."""
    before = judge("MAJORA_DOMAIN", config.text("MAJORA_DOMAIN"))
    return before.usable and server_of(domain) not in ("", server_of(before.text))


def notes(name: str, value: Value) -> list[str]:
    """What was repaired in a setting's value, in sentences."""
    result = (
        f" to {value.text}" if name == "MAJORA_DOMAIN" else ""
    )  # the others are secrets, or plain
    return [
        f"{name} {fault.words}; corrected{result}."
        for fault in value.faults
        if fault.fixable
    ]


# --- the server's word --------------------------------------------------------------------------------------------


def refusal(context: Context, values: dict[str, str], wish: Wish) -> Problem | None:
    """Why id and secret, or the key, are not taken; None if they are, with --force, and without a usable answer.

    Swaps id and secret back if they were swapped, told by their lengths or by asking the server. Says what it said.
    """
    id, secret = (values.get(name, "") for name in PAIR)
    is_key = is_api_key(values["MAJORA_TOKEN"])
    if id == secret and not is_key:
        what = "The client secret is the same as the client id: one of them was pasted twice."
        remedy = Remedy("Copy each by itself: an id has 40 characters, a secret 128.")
        return usage_error(what, id="CFG009", remedy=remedy).problem
    swapped = {**values, "CLIENT_ID": secret, "CLIENT_SECRET": id}
    swap = not is_key and are_swapped(id, secret)
    unsure = not (is_key or swap) and len(secret) != SECRET_LENGTH
    problem = None if wish.offline else ask_server(context, swapped if swap else values)
    if (
        problem is not None
        and problem.id in REFUSED_BY_MAJORA
        and unsure
        and ask_server(context, swapped) is None
    ):
        problem, swap = None, True
    if swap:
        values.update(swapped)
        context.ui.say("CLIENT_ID and CLIENT_SECRET were swapped; corrected.")
    if problem is None:
        if not wish.offline:
            context.ui.say("Majora accepts them.")
        return None
    if problem.id in REFUSED_BY_MAJORA and not wish.force:
        return problem
    context.ui.caution(
        problem,
        problem.remedy.text
        + (" Written anyway." if problem.id in REFUSED_BY_MAJORA else ""),
    )
    return None


def ask_server(context: Context, values: Mapping[str, str]) -> Problem | None:
    """Ask Majora about id and secret, or the key: why it does not accept them."""
    return problem_of(context, values, probe_server(context, values))


def probe_server(context: Context, values: Mapping[str, str]) -> Probe:
    """Ask Majora about id and secret, or the key."""
    domain, token = values["MAJORA_DOMAIN"], values["MAJORA_TOKEN"]
    client_id, secret = (values.get(name, "") for name in PAIR)
    majora = Majora(context.machine, domain, client_id, Secret(secret))
    with context.ui.waiting(f"Asking {domain}", 20.0):
        if is_api_key(token):
            user = values["MAJORA_USER"]
            return majora.probe_token(Secret(token), user, None, is_key=True)
        return majora.probe_client()


def problem_of(
    context: Context, values: Mapping[str, str], probe: Probe
) -> Problem | None:
    """Say why Majora does not accept the settings; None if it does."""
    domain = values["MAJORA_DOMAIN"]
    if probe.kind in (ProbeKind.KNOWN, ProbeKind.ACCEPTED):
        return None
    if probe.kind in (ProbeKind.UNKNOWN, ProbeKind.OTHER_GRANT):
        setup = Setup(context.location, domain, "", context.location.config)
        why = f"I{probe.message[1:]}."  # "it answered …"
        if probe.kind is ProbeKind.UNKNOWN:
            return problems.unknown_client(why, setup)
        return problems.wrong_grant_type(why, setup)
    if probe.kind is not ProbeKind.REFUSED:
        return no_majora(context, domain, probe)
    what = f"Majora does not accept this API key for {values['MAJORA_USER']}."
    remedy = Remedy(f"Get a new one at {endpoint(domain, 'keys')}, or use OAuth.")
    return Problem(
        message=what,
        id="API002",
        why="It is one user's, and expires after 3 days.",
        remedy=remedy,
    )


def is_wrong_address(probe: Probe) -> bool:
    """Whether no Majora is at the address, and none will be later."""
    if probe.kind is ProbeKind.NOT_MAJORA:
        return True
    return probe.failure is not None and probe.failure.kind is NoAnswerKind.DNS_NONE


def no_majora(context: Context, domain: str, probe: Probe) -> Problem:
    """No usable answer: what was met in place of a Majora."""
    setup = Setup(
        context.location, domain, "", context.location.config
    )  # all that is known before it is written
    return no_answer(
        probe.failure or NoAnswer(NoAnswerKind.OTHER, probe.message), setup
    )


# --- the change -----------------------------------------------------------------------------------------------------


def look(context: Context, wish: Wish) -> tuple[Config, list[Outcome]]:
    """The file, all fixed in memory that has one meaning, and what that was. Raises KitError if none can be written
    there, before anybody is asked for anything."""
    world, corrected = settled(context.world(seconds=0.0))
    config = world.config
    if not config.file.replaceable:
        found = world.config_findings["CFG001"]
        raise KitError(
            Problem(
                message=f"{found.said}.",
                id=found.id,
                why="It was left as it is.",
                remedy=found.remedy,
            )
        )
    target = final_target(context.location.config)
    if not wish.dry_run:
        prove_space(target, 1).discard()
    elif not target.parent.exists():
        raise KitError(not_written(target, no_such_folder(target.parent)))
    with_settings(
        config, {"MAJORA_TOKEN": "OAUTH"}
    )  # says if something in the file is in the way
    return config, corrected


def plan(
    context: Context,
    config: Config,
    corrected: Sequence[Outcome],
    values: Mapping[str, str],
) -> tuple[list[Change], Setup]:
    """The changes that put ``values`` into the file ``config`` (as `look` gives it), and the set-up after them.

    If they name another Majora, the tokens of the one before are set aside (CONTRACT.md, Files). Says what is
    corrected in the file, and what stays odd.
    """
    file, changes = config.file, list[Change]()
    written = config._replace(
        file=file._replace(kind=FileKind.FILE, mode=0o600, ours=True), broken=None
    )
    # Now the profile is complete, all else can be judged.
    world, more = settled(World.of(with_settings(written, values)))
    after = with_settings(world.config, values)
    for finding in (*corrected, *more):
        context.ui.say(f"Corrected: {finding.said}. [{finding.id}]")
    for finding in findings(World.of(after)):
        if finding.status in ("warn", "fail"):
            context.ui.warn(f"{finding.said}. [{finding.id}]")
    if (content := after.document.render()) != file.content:
        changes.append(Change(Action.WRITE, file.path, "config", file.content, content))
    elif file.open_to_others:
        changes.append(Change(Action.CHMOD, file.path, mode=file.mode))
    setup = setup_of(after)
    if (
        moves(config, setup.domain)
        and (aside := plan_other_server(context.machine, setup)) is not None
    ):
        changes.append(aside)
    return changes, setup


def described(change: Change) -> str:
    """The file that a change is about."""
    return f"{change.path}{', the tokens of the other Majora' if change.action is Action.SET_ASIDE else ''}"


def write(context: Context, config: Config, changes: Sequence[Change]) -> None:
    """Make the changes, one after another, and say so. ``config``: the one before. Raises KitError; the file that
    failed is as it was then."""
    if any(change.action is Action.SET_ASIDE for change in changes):
        # First of all refresh.log learns whose the tokens are: nothing sends them to the new server, whatever fails.
        before = setup_of(config)
        note_use(
            context.machine,
            before,
            "init",
            read_tokens(context.machine, before.tokens_file)[1].tokens,
        )
    for change in changes:
        said = described(change)
        with context.ui.waiting(f"Writing {said}", 90.0) as say:
            backup = apply_to_file(context.machine, change, say)
        note = f"; backup: {backup}" if backup is not None else ""
        if change.action is Action.SET_ASIDE:
            note_use(context.machine, context.setup(), "init")
            context.ui.status("set aside", f"{said}{note}")
        else:
            context.ui.status("wrote", f"{said}, readable only by you{note}")
