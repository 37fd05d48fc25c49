"""CFG: the configuration, from the file's bytes to what its settings mean (CHECKS.md).

``--fix`` makes the changes of these checks, and every command works with what they leave (`doctor.setup`): each has
what is wrong and, if that has one meaning, the configuration without it (``after``).
"""

from __future__ import annotations

from functools import partial
from posixpath import realpath
from shlex import quote
from typing import Any

from ocarina_kit.config.jsontext import Path, Spot
from ocarina_kit.config.names import INTEGERS, PAIR, SETTINGS, meant
from ocarina_kit.config.setup import Config, effective, layers, profiles
from ocarina_kit.config.url import instance_of
from ocarina_kit.config.values import FILLER, Fault, are_swapped, judge, tidied
from ocarina_kit.doctor.check import Outcome, check, follows, problem
from ocarina_kit.doctor.world import World
from ocarina_kit.system.change import Action, Change
from ocarina_kit.system.file_kind import FileKind
from ocarina_kit.system.files import File, loose_folders, read_file
from ocarina_kit.system.problems import no_file
from ocarina_kit.system.words import listed, tilde

FILLERS_SINCE = (0, 48)
"""Clients from here on refuse a configuration with a blank setting (FACTS.md, The client)."""
_INIT = "ocarina-kit init"


def _with_env(world: World) -> str:
    return "not needed with --env" if world.location.from_env else ""


_check = partial(check, run="ocarina-kit doctor --fix")
_check_file = partial(_check, unless=_with_env)


def _wrong(
    config: Config,
    said: str,
    path: Path = (),
    *,
    status: str = "fail",
    spot: Spot | None = None,
    after: Config | None = None,
    by: str = "",
    **more: Any,
) -> Outcome:
    """A `problem` that says where: file, line and column of the setting at ``path``, or ``spot``. ``after``: the
    configuration with this fixed, in place of a remedy; ``by``: what --fix does. ``more``: as `problem` has it."""
    file = config.file
    spot = spot or config.document.find(path) or Spot(0, 0)
    if not config.location.from_env:
        said += " ({file}, line {line}, column {column})" if spot.line else " ({file})"
        more.update(
            file=tilde(file.path, config.machine.home),
            line=spot.line,
            column=spot.column,
        )
    after = None if after == config else after
    if after is not None and after.readable is not None:
        fix = Change(
            Action.WRITE,
            file.path,
            "config",
            file.content,
            after.readable.render(),
            why=by,
        )
        more.update(fix=(fix,), text="", run="")
    return problem(status, said, **more)._replace(after=after, excerpt=spot.excerpt)


def ask(
    config: Config, *names: str, text: str = "init asks, and keeps the rest."
) -> dict[str, Any]:
    """The remedy: a person gives these settings, in init or as variables. A secret is typed unseen; OAUTH is none."""
    if not config.location.from_env:
        return {"text": text, "run": _INIT}
    domain = judge("MAJORA_DOMAIN", config.text("MAJORA_DOMAIN"))
    special = {
        "CLIENT_SECRET": "read -rs CLIENT_SECRET && export CLIENT_SECRET",
        "MAJORA_TOKEN": "export MAJORA_TOKEN=OAUTH",
        "MAJORA_DOMAIN": f"export MAJORA_DOMAIN={domain.text if domain.usable else '…'}",
    }
    commands = tuple(special.get(name, f"export {name}=…") for name in names)
    return {"text": "Set the variables, then run the command again.", "run": commands}


def _edit(config: Config, line: int = 1) -> str:
    """Opens the file in an editor, at a line: vi, nano and emacs all take ``+LINE``."""
    return f"${{EDITOR:-vi}} +{line} {quote(str(config.location.config))}"


# --- the file --------------------------------------------------------------------------------------------------------


@_check_file("CFG001", "The configuration can be read", run=_INIT)
def exists(world: World) -> Outcome | None:
    """ocarina reads one file: ~/.ocarina, or the one that OCARINA_CONF_FILE names. It must be a file that you may read.

    Without it neither ocarina nor ocarina-kit knows your Majora.
    """
    file = world.config.file
    if file.kind is FileKind.FILE:
        return None
    said, commands = no_file(file.kind, file.path, is_foreign=file.ours is False)
    run = (*commands, "" if file.kind is FileKind.UNREADABLE else _INIT)
    return _wrong(world.config, f"The configuration {said}", run=run)


@_check_file("CFG002", "The configuration is a JSON object", needs="CFG001")
def is_json(world: World) -> Outcome | None:
    """The file must hold one JSON object in UTF-8. Word processors put curly quotes in, Windows editors a byte-order
    mark, people an extra comma or a comment. If only one meaning is possible, --fix writes that.

    ocarina cannot read it, and ends with an error at every command.
    """
    config, document, broken = world.config, world.config.readable, world.config.broken
    if broken is None:
        return None
    said = f"The configuration is not valid JSON: {broken.words}"
    if document is not None:
        after = config.with_document(document)._replace(broken=None)
        return _wrong(config, said, spot=broken, after=after, by="write valid JSON")
    text, run = (
        "Edit the file, or let init write it again.",
        (_edit(config, broken.line), _INIT),
    )
    if broken.blank:
        text, run = "init writes it again, and keeps a backup.", ("", _INIT)
    return _wrong(config, said, spot=broken, text=text, run=run)


@_check_file("CFG003", "The configuration is readable only by you", needs="CFG001")
def is_private(world: World) -> Outcome | None:
    """The file holds the client secret, so only you should read and write it: mode 0600. A folder in which others may
    write lets them put another file in its place.

    Others on this machine can read your client secret, or change where ocarina sends it.
    """
    file = world.config.file
    loose = loose_folders(file.path)
    if (found := open_to_others(world, file)) is not None or not loose:
        return found
    said = "Others can replace the configuration: they can write in {folder}."
    text, run = "Remove their write permission.", f"chmod go-w {quote(str(loose[0]))}"
    return problem("warn", said, text=text, run=run, folder=loose[0])


def open_to_others(world: World, file: File) -> Outcome | None:
    """What CFG003 and TOK003 say: the file is another user's, or others can read or write it."""
    name, path = tilde(file.path, world.machine.home), quote(str(file.path))
    if file.ours is False:
        copy = (f"mv {path} {path}.foreign", f"install -m 600 {path}.foreign {path}")
        said = "{file} belongs to another user."
        return problem(
            "fail", said, text="Make a copy that is yours.", run=copy, file=name
        )
    if not file.open_to_others:
        return None
    fix = Change(
        Action.CHMOD,
        file.path,
        mode=file.mode,
        why=f"make {name} readable only by you (0600)",
    )
    said = "Others can read or write {file}: its mode is {mode}."
    return problem("fail", said, fix=(fix,), file=name, mode=f"{file.mode:04o}")


# --- what is missing -------------------------------------------------------------------------------------------------


def _required(config: Config) -> tuple[str, ...]:
    """Id and secret only with OAUTH, or with no token yet."""
    return (
        "MAJORA_DOMAIN",
        "MAJORA_USER",
        "MAJORA_TOKEN",
        *(() if config.uses_api_key else PAIR),
    )


def _missing(config: Config) -> dict[str, list[Path]]:
    """The required settings that no layer has, or that a later layer misspells: ocarina takes the one before it. Each
    with the names in that layer that can only be slips for it."""
    slips: dict[str, list[Path]] = {name: [] for name in _required(config)}
    for path, layer in layers(config.document.value, config.location.profile):
        names = [
            each
            for each in list(layer)[:1000]
            if isinstance(layer[each], str) and each not in SETTINGS
        ]
        for name in slips:
            near = [
                (*path, each)
                for each in names
                if name not in layer and meant(each) == name
            ]
            if near or name in layer:
                slips[name] = near
    return {
        name: near
        for name, near in slips.items()
        if near or name not in config.settings
    }


def _of_values(
    world: World, check: str, by: str = "", after: Config | None = None
) -> Outcome | None:
    """What a check says of the required settings: it fails, with a fix if all that is wrong has one meaning, or it
    warns if nothing is worse. ``after`` has names corrected that ocarina does not know."""
    config, missing = world.config, _missing(world.config)
    absent = (Fault("CFG004", "is missing"),)
    found = [
        (name, absent if name in missing else world.values[name].faults)
        for name in _required(config)
    ]
    faults = [
        (name, each) for name, all in found for each in all if each.check == check
    ]
    if not faults:
        return None
    worse = [(name, fault) for name, fault in faults if not fault.warning]
    shown = worse or faults
    near = (
        [path for places in missing.values() for path in places]
        if check == "CFG004"
        else []
    )
    said = "; ".join(f"{name} {fault.words}" for name, fault in shown)
    said += "; ocarina ignores {near}" if near else ""
    status = "fail" if worse else "warn"
    wrong = list(dict(shown))
    if worse and all(fault.fixable for _, fault in worse):
        after = config.with_values({name: world.values[name].text for name in wrong})
    path = near[0] if near else config.path_of(wrong[0])
    names = listed([each[-1] for each in near])
    return _wrong(
        config,
        said,
        path,
        status=status,
        after=after,
        by=by,
        near=names,
        **ask(config, *wrong),
    )


@check("CFG004", "Every required setting has a value", needs="CFG002 CFG011", run=_INIT)
def is_complete(world: World) -> Outcome | None:
    """MAJORA_DOMAIN, MAJORA_USER and MAJORA_TOKEN are always needed, CLIENT_ID and CLIENT_SECRET with OAUTH. ocarina
    ignores names that it does not know, such as majora_domain or CLIENTID; --fix corrects what is clearly meant.

    ocarina takes another value, or refuses to start.
    """
    config, document = world.config, world.config.document
    for setting, found in _missing(config).items():
        document = document.rename(found[0], setting) if len(found) == 1 else document
    after = config if document == config.document else config.with_document(document)
    return _of_values(world, "CFG004", "correct the names of settings", after)


@_check_file(
    "CFG011",
    "The profile, if any, is complete",
    needs="CFG002",
    run=f"{_INIT} --profile NAME",
)
def has_profile(world: World) -> Outcome | None:
    """Profiles are under "profile" in the file. What a profile lacks is taken from "default", then from the top level.

    ocarina silently goes on with the values of the top level.
    """
    config, profile = world.config, world.location.profile
    if profile is None:
        return None
    known = profiles(config.document.value)
    if profile not in known:
        said, names = (
            "The profile {profile} does not exist (profiles: {known})",
            listed(list(known)),
        )
        remedy = ask(config, text="init writes it; or name another with --profile.")
        return _wrong(config, said, profile=profile, known=names or "none", **remedy)
    missing = [
        name for name, found in _missing(config).items() if not found
    ]  # a near miss is CFG004's
    if not missing:
        return None
    said = f"The profile {{profile}} is incomplete: {listed(missing)} missing"
    return _wrong(
        config, said, ("profile", profile), profile=profile, **ask(config, *missing)
    )


# --- values ----------------------------------------------------------------------------------------------------------


@check("CFG005", "No placeholder is left", needs="CFG004", run=_INIT)
def has_no_placeholder(world: World) -> Outcome | None:
    """The guide's example has values that say what belongs there, such as your-username or your-client-id.
    https://example.org/ is what ocarina uses if it finds no domain.

    The server knows nothing of that name.
    """
    return _of_values(world, "CFG005")


@_check("CFG006", "MAJORA_DOMAIN is a base URL", needs="CFG005")
def is_base_url(world: World) -> Outcome | None:
    """MAJORA_DOMAIN is https://, a host and a last slash. Plain http is for this machine only, as it would send secrets
    unencrypted. --fix removes white space, quotes and the path of one of Majora's pages.

    ocarina adds the path to it as it is, so every request goes to a wrong address.
    """
    return _of_values(world, "CFG006", "write MAJORA_DOMAIN as a base URL")


@_check("CFG007", "MAJORA_DOMAIN ends in one /", needs="CFG006")
def ends_in_slash(world: World) -> Outcome | None:
    """Without the last slash ocarina asks a host such as example.uko; with two of them the server answers 404.

    ocarina adds the path to it as it is, so every request goes to a wrong address.
    """
    return _of_values(world, "CFG007", "end MAJORA_DOMAIN in one /")


@_check("CFG008", "MAJORA_TOKEN is OAUTH", needs="CFG002 CFG011")
def is_oauth(world: World) -> Outcome | None:
    """The word must be exactly OAUTH. Newer clients want some text in CLIENT_ID and CLIENT_SECRET beside a legacy API
    key; --fix writes it.

    ocarina takes everything but OAUTH for a legacy API key, which expires after 3 days.
    """
    config, fault = (
        world.config,
        judge("MAJORA_TOKEN", world.config.text("MAJORA_TOKEN")).fault,
    )
    if fault is not None:  # blank, or a placeholder
        return follows(fault.check)
    blank = [name for name in PAIR if not config.text(name)]
    if not (config.uses_api_key and blank) or (world.version or (0,)) < FILLERS_SINCE:
        return _of_values(world, "CFG008", "write OAUTH as ocarina does")
    said = (
        f"The installed ocarina refuses a blank {listed(blank)}, also with an API key"
    )
    run = tuple(f"export {name}={FILLER}" for name in blank)
    after, by = (
        config.with_values(dict.fromkeys(blank, FILLER)),
        "write fillers beside the key",
    )
    return _wrong(config, said, after=after, by=by, text="Any text will do.", run=run)


@check(
    "CFG009",
    "CLIENT_ID and CLIENT_SECRET look right",
    needs="CFG005 CFG008",
    oauth=True,
    run=_INIT,
)
def look_right(world: World) -> Outcome | None:
    """Majora makes ids of 40 and secrets of 128 letters and digits. White space comes with copying, and the two are
    easily swapped: --fix corrects both. A value that starts with pbkdf2_ is a hash; the secret itself is only shown
    before the application is saved.

    The server refuses the client (invalid_client).
    """
    config = world.config
    client_id, secret = (tidied(config.text(name)) for name in PAIR)
    if not are_swapped(client_id, secret):
        return _of_values(world, "CFG009", "tidy CLIENT_ID and CLIENT_SECRET")
    said, path = "CLIENT_ID and CLIENT_SECRET are swapped", config.path_of("CLIENT_ID")
    after = config.with_values({"CLIENT_ID": secret, "CLIENT_SECRET": client_id})
    return _wrong(
        config,
        said,
        path,
        after=after,
        by="swap CLIENT_ID and CLIENT_SECRET",
        **ask(config, *PAIR),
    )


# --- the rest --------------------------------------------------------------------------------------------------------


@_check_file("CFG010", "The optional settings can be used", needs="CFG002 CFG011")
def optional(world: World) -> Outcome | None:
    """OCARINA_QUIET and OCARINA_NO_BANNER must be integers, and the folder of MAJORA_TOKENS_FILE must exist.

    ocarina fails as it reads the file, or cannot save its tokens.
    """
    config, document, faults = world.config, world.config.document, dict[Path, str]()
    after = document
    for path, mapping in layers(document.value, config.location.profile):
        for name in [
            each for each in ("MAJORA_TOKENS_FILE", *INTEGERS) if each in mapping
        ]:
            value, location = judge(name, mapping[name]), (*path, name)
            if value.faults:
                faults[location] = value.faults[0].words
                after = after.set(location, int(value.text)) if value.usable else after
    if not isinstance(document.value.get("default", {}), dict):
        faults["default",] = "is not an object"
    text, run = "Remove it, or give it another value.", _edit(config)
    if not faults and config.text("MAJORA_TOKENS_FILE"):
        setting, file = config.path_of("MAJORA_TOKENS_FILE"), config.tokens_file
        if read_file(file).kind in (FileKind.FOLDER, FileKind.SPECIAL):
            faults[setting] = "does not name a file"
        elif read_file(file.parent).kind not in (FileKind.FOLDER, FileKind.UNREADABLE):
            faults[setting] = "is in a folder that does not exist"
            text, run = (
                "Make the folder, or name another file.",
                f"mkdir -p -m 700 {quote(str(file.parent))}",
            )
    if not faults:
        return None
    said = "; ".join(f"{path[-1]} {fault}" for path, fault in faults.items())
    fixed, by = config.with_document(after), "write integers as integers"
    return _wrong(
        config, said, next(iter(faults)), after=fixed, by=by, text=text, run=run
    )


_ONE = "Remove the ones that you do not mean."


@_check_file("CFG012", "No setting is given twice", needs="CFG002", text=_ONE, run="")
def given_once(world: World) -> Outcome | None:
    """Of several settings with one name, JSON readers take the last one and say nothing.

    Only the last one counts: a change to another does nothing.
    """
    config, twice = world.config, world.config.document.twice
    if not twice:
        return None
    names = listed([".".join(path) for path in twice[:5]])
    said = "{name} is given several times"
    return _wrong(
        config, said, twice[0], status="warn", text=_ONE, run=_edit(config), name=names
    )


_OWN = "Give a profile a MAJORA_TOKENS_FILE of its own."


@_check_file(
    "CFG013",
    "Different set-ups have different tokens files",
    needs="CFG002",
    text=_OWN,
    run="",
)
def own_tokens(world: World) -> Outcome | None:
    """Two instances or two clients cannot share a tokens file: nothing in it says whose a token is.
    ocarina-kit init --profile NAME gives each profile its own.

    ocarina keeps tokens by scope only, so the token of one replaces that of the other.
    """
    config, value = world.config, world.config.document.value
    users: dict[str, dict[str, tuple[str, str]]] = {}
    for profile in (None, *profiles(value)):
        each = config._replace(settings=effective(value, profile))
        domain, client_id = (
            judge("MAJORA_DOMAIN", each.text("MAJORA_DOMAIN")),
            tidied(each.text("CLIENT_ID")),
        )
        token = judge("MAJORA_TOKEN", each.text("MAJORA_TOKEN"))
        if client_id and domain.usable and token.text == "OAUTH":
            sharing = users.setdefault(realpath(each.tokens_file), {})
            sharing[profile or "no profile"] = (domain.text, client_id)
    clash = next(
        (list(names) for names in users.values() if len(set(names.values())) > 1), None
    )
    if clash is None:
        return None
    text = f'Give profile {clash[-1]} a file of its own ("MAJORA_TOKENS_FILE"), then log in there.'
    run = (_edit(config), f"ocarina-kit login --profile {quote(clash[-1])}")
    said = "Set-ups with another domain or client share one tokens file: {names}"
    return _wrong(config, said, text=text, run=run, names=listed(clash))


@check("CFG014", "User and instance agree", needs="CFG006", run=_INIT)
def agree(world: World) -> Outcome | None:
    """Production and the test instance are separate. User names on the test instance start with test-.

    Accounts of one instance are unknown to the other, so the server will refuse this user.
    """
    config, path = world.config, world.config.path_of("MAJORA_USER")
    instance = instance_of(world.values["MAJORA_DOMAIN"].text)
    is_test = world.values["MAJORA_USER"].text.lower().startswith("test-")
    if (instance, is_test) not in (("production", True), ("test", False)):
        return None
    starts = "starts" if is_test else "does not start"
    said = f"MAJORA_DOMAIN is {instance}, and MAJORA_USER {starts} with test-"
    return _wrong(
        config, said, path, status="warn", **ask(config, "MAJORA_USER", "MAJORA_DOMAIN")
    )
