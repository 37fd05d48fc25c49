"""CFG: the configuration, from the file's bytes to what its settings mean (CHECKS.md).

``--fix`` makes the changes of these checks, and every command works with what they leave (`doctor.setup`): each has
what is wrong and, where that has one meaning, the configuration without it (``after``).
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from posixpath import normpath

from ocarina_kit.config.jsontext import Path, Spot
from ocarina_kit.config.names import INTEGERS, SETTINGS, meant
from ocarina_kit.config.setup import Config, effective, layers, profiles
from ocarina_kit.config.url import instance_of, judge_domain
from ocarina_kit.config.values import FILLER, Fault, are_swapped, judge, tidied, token_kind
from ocarina_kit.doctor.check import Outcome, check, follows
from ocarina_kit.doctor.world import World
from ocarina_kit.system.change import chmod, write
from ocarina_kit.system.errors import Remedy
from ocarina_kit.system.file_errors import no_file
from ocarina_kit.system.finding import Words
from ocarina_kit.system.words import listed, tilde

FILLERS_SINCE = (0, 48)
"""Clients from here on refuse a configuration with a blank setting (FACTS.md, The client)."""
_INIT, _FIX = "ocarina-kit init", "ocarina-kit doctor --fix"
_PROFILE = f"{_INIT} --profile NAME"


def _with_env(world: World) -> str:
    return "not needed with --env" if world.place.from_env else ""


def _wrong(
    config: Config,
    template: str,
    remedy: Remedy = Remedy(),  # noqa: B008  # a tuple
    path: Path = (),
    *,
    status: str = "fail",
    spot: Spot | None = None,
    after: Config | None = None,
    why: str = "",
    **values: object,
) -> Outcome:
    """An outcome that says where: file, line and column of the setting at ``path``, or ``spot``. ``after``: the
    configuration with this fixed; ``why``: what the fix does."""
    file, document = config.file, config.readable
    if spot is None and document is not None:
        spot = document.find(path)
    if file is not None:
        template += " ({file}, line {line}, column {column})" if spot is not None else " ({file})"
        values.update(file=tilde(file.path, config.home))
    if spot is not None:
        values.update(line=spot.line, column=spot.column)
    excerpt = spot.excerpt if spot is not None else ""
    outcome = Outcome(status, Words(template, values), remedy=remedy, excerpt=excerpt)
    if after is None or after == config:
        return outcome
    if after.readable is None or file is None:
        return outcome._replace(after=after)
    change = write(file.path, "config", file.content, after.readable.render(), why)
    return outcome._replace(after=after, fix=(change,), remedy=Remedy())


def init(config: Config, names: Collection[str], text: str = "init asks, and keeps the rest.") -> Remedy:
    """How a person gives these settings: in init, or as variables. A secret is typed unseen; the word OAUTH is none."""
    if not config.place.from_env:
        return Remedy(text, (config.place.command("init"),))
    domain = judge("MAJORA_DOMAIN", config.text("MAJORA_DOMAIN"))
    special = {
        "CLIENT_SECRET": "read -rs CLIENT_SECRET && export CLIENT_SECRET",
        "MAJORA_TOKEN": "export MAJORA_TOKEN=OAUTH",
        "MAJORA_DOMAIN": f"export MAJORA_DOMAIN={domain.text if domain.usable else '…'}",
    }
    commands = tuple(special.get(name, f"export {name}=…") for name in names)
    return Remedy("Set the variables, then run the command again.", commands)


def _edit(config: Config, line: int = 1) -> str:
    """Opens the file in an editor, at a line: vi, nano and emacs all take ``+LINE``."""
    return f"${{EDITOR:-vi}} +{line} {shlex.quote(str(config.place.config))}"


# --- the file --------------------------------------------------------------------------------------------------------


@check("CFG001", "The configuration can be read", unless=_with_env, run=_INIT)
def exists(world: World) -> Outcome | None:
    """ocarina reads one file: ~/.ocarina, or the one that OCARINA_CONF_FILE names. A folder, a link to nothing or a
    file that you may not read is as good as none.

    Without it neither ocarina nor ocarina-kit knows your Majora.
    """
    file = world.config.file
    if file is None or file.kind == "file":
        return None
    said, commands = no_file(file.kind, file.path)
    commands += () if file.kind == "unreadable" else (world.place.command("init"),)
    return _wrong(world.config, f"The configuration {said}", Remedy("", commands))


@check("CFG002", "The configuration is a JSON object", rests="CFG001", unless=_with_env, run=_FIX)
def is_json(world: World) -> Outcome | None:
    """The file must hold one JSON object in UTF-8. Word processors put curly quotes in, Windows editors a byte-order
    mark, people an extra comma or a comment. If only one meaning is possible, --fix writes that; otherwise a person
    must decide, and doctor shows the place.

    ocarina cannot read it, and ends with an error at every command.
    """
    config, document, broken = world.config, world.config.readable, world.config.broken
    if broken is None:
        return None
    template = f"The configuration is not valid JSON: {broken.words}"
    if document is not None:
        after = config.with_document(document._replace(slip=None))
        return _wrong(config, template, spot=broken, after=after, why="write valid JSON")
    commands = () if broken.blank else (_edit(config, broken.line),)
    text = (
        "init writes it again, and keeps a backup."
        if broken.blank
        else "Edit the file, or let init write it again."
    )
    return _wrong(config, template, Remedy(text, (*commands, config.place.command("init"))), spot=broken)


@check("CFG003", "The configuration is readable only by you", rests="CFG001", unless=_with_env, run=_FIX)
def is_private(world: World) -> Outcome | None:
    """The file holds the client secret, so only you should read and write it: mode 0600. A folder in which others may
    write lets them put another file in its place.

    Others on this machine can read your client secret, or change where ocarina sends it.
    """
    config, file = world.config, world.config.file
    if file is None or file.mode is None:
        return None
    path = shlex.quote(str(file.path))
    if file.ours is False:
        copy = (f"mv {path} {path}.foreign", f"install -m 600 {path}.foreign {path}")
        remedy = Remedy("Make a copy that is yours.", copy)
        return _wrong(config, "The configuration belongs to another user", remedy)
    if file.open_to_others:
        template = "Others can read or write the configuration: mode {mode}"
        fix = (chmod(file.path, file.mode, "make it readable only by you (0600)"),)
        return _wrong(config, template, mode=f"{file.mode:04o}")._replace(fix=fix)
    if file.loose_folders:
        folder = file.loose_folders[0]
        template = "Others can replace the configuration: they can write in {folder}"
        remedy = Remedy("Remove their write permission.", (f"chmod go-w {shlex.quote(str(folder))}",))
        return _wrong(config, template, remedy, status="warn", folder=folder)
    return None


# --- what is missing -------------------------------------------------------------------------------------------------


def _required(config: Config) -> tuple[str, ...]:
    """Id and secret only with OAUTH, or with no token yet."""
    names = ("MAJORA_DOMAIN", "MAJORA_USER", "MAJORA_TOKEN")
    return names if config.uses_api_key else (*names, "CLIENT_ID", "CLIENT_SECRET")


def _missing(config: Config) -> dict[str, list[Path]]:
    """The required settings that no layer has, and the names in the file that can only be slips for each."""
    missing: dict[str, list[Path]] = {name: [] for name in _required(config) if name not in config.settings}
    value = config.readable.value if missing and config.readable is not None else {}
    for path, mapping in layers(value, config.place.profile):
        for name in [each for each in list(mapping)[:1000] if isinstance(mapping[each], str)]:
            if name not in SETTINGS and (setting := meant(name)) in missing:
                missing[setting].append((*path, name))
    return missing


def _of_values(
    config: Config, check: str, why: str, after: Config | None = None, near: Sequence[Path] = ()
) -> Outcome | None:
    """What a check says of the required settings: it fails, with a fix where all that is wrong has one meaning, or it
    warns where nothing is worse. ``near``: names that ocarina does not know; ``after`` has them corrected."""
    values = {name: judge(name, each.value) for name, each in config.settings.items()}
    missing = (Fault("CFG004", "is missing"),)
    found = [(name, values[name].faults if name in values else missing) for name in _required(config)]
    faults = [(name, each) for name, all in found for each in all if each.check == check]
    worse = [(name, fault) for name, fault in faults if not fault.warning]
    if not faults:
        return None
    template = "; ".join(f"{name} {fault.words}" for name, fault in worse or faults)
    template += "; ocarina ignores {near}" if near else ""
    wrong, status = list(dict(worse or faults)), "fail" if worse else "warn"
    if worse and all(fault.fixable for _, fault in worse):
        after = config.with_values({name: values[name].text for name in wrong})
    remedy, path = init(config, wrong), near[0] if near else config.path_of(wrong[0])
    names = listed([each[-1] for each in near])
    return _wrong(config, template, remedy, path, status=status, after=after, why=why, near=names)


@check("CFG004", "Every required setting has a value", rests="CFG002 CFG011", run=_INIT)
def is_complete(world: World) -> Outcome | None:
    """MAJORA_DOMAIN, MAJORA_USER and MAJORA_TOKEN are always needed, CLIENT_ID and CLIENT_SECRET with OAUTH. ocarina
    ignores names that it does not know, such as majora_domain or CLIENTID. --fix corrects such a name if only one
    setting can be meant.

    ocarina takes a built-in value, or refuses to start.
    """
    config, document, missing = world.config, world.config.readable, _missing(world.config)
    for setting, found in missing.items():
        if document is not None and len(found) == 1:
            document = document.rename(found[0], setting)
    after = config.with_document(document) if document is not None else None
    near = [path for found in missing.values() for path in found]
    return _of_values(config, "CFG004", "correct the names of settings", after, near)


@check("CFG011", "The profile, if any, is complete", rests="CFG002", unless=_with_env, run=_PROFILE)
def has_profile(world: World) -> Outcome | None:
    """Profiles are under "profile" in the file. What a profile lacks is taken from "default", then from the top level.

    ocarina silently goes on with the values of the top level.
    """
    config, profile, document = world.config, world.place.profile, world.config.readable
    if profile is None or document is None:
        return None
    known = profiles(document.value)
    if profile not in known:
        template = "The profile {profile} does not exist (profiles: {known})"
        remedy = init(config, (), "init writes it; or name another with --profile.")
        return _wrong(config, template, remedy, profile=profile, known=listed(list(known)) or "none")
    missing = [name for name, found in _missing(config).items() if not found]  # a near miss is CFG004's
    if not missing:
        return None
    template = f"The profile {{profile}} is incomplete: {listed(missing)} missing"
    return _wrong(config, template, init(config, missing), ("profile", profile), profile=profile)


# --- values ----------------------------------------------------------------------------------------------------------


@check("CFG005", "No placeholder is left", rests="CFG004", run=_INIT)
def has_no_placeholder(world: World) -> Outcome | None:
    """The guide's example has values that say what belongs there, such as your-username or your-client-id.
    https://example.org/ is what ocarina uses if it finds no domain.

    The server knows nothing of that name.
    """
    return _of_values(world.config, "CFG005", "")


@check("CFG006", "MAJORA_DOMAIN is a base URL", rests="CFG005", run=_FIX)
def is_base_url(world: World) -> Outcome | None:
    """MAJORA_DOMAIN is https://, a host and a last slash. Plain http is for this machine only, as it would send secrets
    unencrypted. --fix removes white space, quotes and the path of one of Majora's pages.

    ocarina adds the path to it as it is, so every request goes to a wrong address.
    """
    return _of_values(world.config, "CFG006", "write MAJORA_DOMAIN as a base URL")


@check("CFG007", "MAJORA_DOMAIN ends in one /", rests="CFG006", run=_FIX)
def ends_in_slash(world: World) -> Outcome | None:
    """Without the last slash ocarina asks a host such as example.uko; with two of them the server answers 404.

    ocarina adds the path to it as it is, so every request goes to a wrong address.
    """
    return _of_values(world.config, "CFG007", "end MAJORA_DOMAIN in one /")


@check("CFG008", "MAJORA_TOKEN is OAUTH", rests="CFG002 CFG011", run=_FIX)
def is_oauth(world: World) -> Outcome | None:
    """The word must be exactly OAUTH: ocarina takes oauth or a blank after it for a legacy API key. Legacy keys are
    valid for 3 days. Newer clients want some text in CLIENT_ID and CLIENT_SECRET beside a key; --fix writes it.

    ocarina takes everything but OAUTH for a legacy API key, which expires after 3 days.
    """
    config, kind = world.config, token_kind(world.config.text("MAJORA_TOKEN"))
    if kind in ("blank", "placeholder"):
        return follows("CFG004" if kind == "blank" else "CFG005")
    blank = [name for name in ("CLIENT_ID", "CLIENT_SECRET") if not config.text(name)]
    if kind != "key" or not blank or (world.version or (0,)) < FILLERS_SINCE:
        return _of_values(config, "CFG008", "write OAUTH as ocarina does")
    template = f"The installed ocarina refuses a blank {listed(blank)}, also with an API key"
    remedy = Remedy("Any text will do.", tuple(f"export {name}={FILLER}" for name in blank))
    after = config.with_values(dict.fromkeys(blank, FILLER))
    return _wrong(config, template, remedy, after=after, why="write fillers beside the key")


@check(
    "CFG009",
    "CLIENT_ID and CLIENT_SECRET look as Majora makes them",
    rests="CFG005 CFG008",
    oauth=True,
    run=_INIT,
)
def look_right(world: World) -> Outcome | None:
    """Majora makes ids of 40 and secrets of 128 letters and digits. White space comes with copying, and the two are
    easily swapped: --fix corrects both. A value that starts with pbkdf2_ is a hash; the secret itself is only shown
    before the application is saved.

    The server refuses the client (invalid_client).
    """
    config, names = world.config, ("CLIENT_ID", "CLIENT_SECRET")
    client_id, secret = (tidied(config.text(name)) for name in names)
    if not are_swapped(client_id, secret):
        return _of_values(config, "CFG009", "tidy CLIENT_ID and CLIENT_SECRET")
    template, path = "CLIENT_ID and CLIENT_SECRET are swapped", config.path_of("CLIENT_ID")
    after = config.with_values({"CLIENT_ID": secret, "CLIENT_SECRET": client_id})
    why = "swap CLIENT_ID and CLIENT_SECRET"
    return _wrong(config, template, init(config, names), path, after=after, why=why)


# --- the rest --------------------------------------------------------------------------------------------------------


@check("CFG010", "The optional settings can be used", rests="CFG002 CFG011", unless=_with_env, run=_FIX)
def optional(world: World) -> Outcome | None:
    """OCARINA_QUIET and OCARINA_NO_BANNER must be integers: ocarina fails on other values. The folder of
    MAJORA_TOKENS_FILE must exist; ocarina does not make it.

    ocarina fails as it reads it, or cannot save its tokens.
    """
    config, document, faults = world.config, world.config.readable, dict[Path, str]()
    if document is None:
        return None
    after = document
    for path, mapping in layers(document.value, config.place.profile):
        for name in [each for each in ("MAJORA_TOKENS_FILE", *INTEGERS) if each in mapping]:
            value, place = judge(name, mapping[name]), (*path, name)
            if value.faults:
                faults[place] = value.faults[0].words
                after = after.set(place, int(value.text)) if value.usable else after
    if not isinstance(document.value.get("default", {}), dict):
        faults["default",] = "is not an object"
    remedy = Remedy("Remove it, or give it another value.", (_edit(config),))
    if not faults and config.text("MAJORA_TOKENS_FILE") and not config.tokens_folder:
        faults[config.path_of("MAJORA_TOKENS_FILE")] = "is in a folder that does not exist"
        make = f"mkdir -p -m 700 {shlex.quote(str(config.tokens_file.parent))}"
        remedy = Remedy("Make the folder, or name another file.", (make,))
    template = "; ".join(f"{path[-1]} {fault}" for path, fault in faults.items())
    done, why, path = config.with_document(after), "write integers as integers", next(iter(faults), ())
    return _wrong(config, template, remedy, path, after=done, why=why) if faults else None


@check("CFG012", "No setting is given twice", rests="CFG002", unless=_with_env)
def given_once(world: World) -> Outcome | None:
    """Of several settings with one name, JSON readers take the last one and say nothing.

    Only the last one counts: a change to another does nothing.
    """
    config, document = world.config, world.config.readable
    twice = document.twice if document is not None else []
    if not twice:
        return None
    names = listed([".".join(path) for path in twice[:5]])
    remedy = Remedy("Remove the ones that you do not mean.", (_edit(config),))
    return _wrong(config, "{name} is given several times", remedy, twice[0], status="warn", name=names)


@check("CFG013", "Different set-ups have different tokens files", rests="CFG002", unless=_with_env)
def own_tokens(world: World) -> Outcome | None:
    """Two instances or two clients cannot share a tokens file: tokens are kept by scope, and nothing in the file says
    whose they are. ocarina-kit init --profile NAME gives each profile its own.

    ocarina keeps tokens by scope only, so the token of one replaces that of the other.
    """
    config, value = world.config, world.config.readable.value if world.config.readable is not None else {}
    users: dict[str, dict[str, tuple[str, str]]] = {}
    for profile in (None, *profiles(value)):
        each = config._replace(settings=effective(value, profile))
        domain, client_id = judge("MAJORA_DOMAIN", each.text("MAJORA_DOMAIN")), tidied(each.text("CLIENT_ID"))
        kind = token_kind(each.text("MAJORA_TOKEN"))
        if client_id and domain.usable and kind in ("oauth", "other spelling"):
            tokens = each.text("MAJORA_TOKENS_FILE") or "~/.ocarina-tokens"
            path = normpath(f"{config.home}{tokens[1:]}" if tokens.startswith("~/") else tokens)
            users.setdefault(path, {})[profile or "no profile"] = (domain.text, client_id)
    clash = next((list(names) for names in users.values() if len(set(names.values())) > 1), None)
    if clash is None:
        return None
    text = f'Give profile {clash[-1]} a file of its own ("MAJORA_TOKENS_FILE"), then log in there.'
    login = config.place._replace(profile=clash[-1]).command("login")
    template = "Set-ups with another domain or client share one tokens file: {names}"
    return _wrong(config, template, Remedy(text, (_edit(config), login)), names=listed(clash))


@check("CFG014", "User and instance agree", rests="CFG006", run=_INIT)
def agree(world: World) -> Outcome | None:
    """Production and the test instance are separate: accounts, applications and tokens. User names on the test instance
    start with test-.

    Accounts of one instance are unknown to the other, so the server will refuse this user.
    """
    config, path = world.config, world.config.path_of("MAJORA_USER")
    instance = instance_of(judge_domain(config.text("MAJORA_DOMAIN")).text)
    is_test = judge("MAJORA_USER", config.text("MAJORA_USER")).text.lower().startswith("test-")
    if (instance, is_test) not in (("production", True), ("test", False)):
        return None
    template = (
        f"MAJORA_DOMAIN is {instance}, and MAJORA_USER {'starts' if is_test else 'does not start'} with test-"
    )
    return _wrong(config, template, init(config, ("MAJORA_USER", "MAJORA_DOMAIN")), path, status="warn")
