"""What CFG001 to CFG014 say of a configuration (CHECKS.md): one function for each.

``doctor`` shows them, ``--fix`` makes their changes, and every command works with what they leave (`setup.usable`).
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection
from functools import partial

from ocarina_kit.config.finding import Finding, by_doctor, edit, follows, init, wrong
from ocarina_kit.config.jsontext import Broken, Path
from ocarina_kit.config.names import INTEGERS, SETTINGS, meant
from ocarina_kit.config.setup import Config, effective, layers, profiles
from ocarina_kit.config.url import instance_of, judge_domain
from ocarina_kit.config.values import FILLER, are_swapped, judge, tidied, token_kind
from ocarina_kit.system.errors import Remedy
from ocarina_kit.system.finding import Words, words
from ocarina_kit.system.words import listed

FILLERS_SINCE = (0, 48)
"""Clients from here on refuse a configuration with a blank setting (FACTS.md, The client)."""

Client = tuple[int, ...] | None
"""The installed client's version, where it is known."""

RESTS = {
    **dict.fromkeys(("CFG002", "CFG003"), ("CFG001",)),
    **dict.fromkeys(("CFG004", "CFG008", "CFG010", "CFG011", "CFG012", "CFG013"), ("CFG002",)),
    **dict.fromkeys(("CFG007", "CFG014"), ("CFG006",)),
    "CFG005": ("CFG004",),
    "CFG006": ("CFG005",),
    "CFG009": ("CFG005", "CFG008"),
}
"""What each check depends on (CHECKS.md)."""
_OF_A_PROFILE = ("CFG004", "CFG008", "CFG010")
"""They judge the profile's settings, so they depend on CFG011 as well."""
_OF_THE_FILE = ("CFG001", "CFG002", "CFG003", "CFG010", "CFG011", "CFG012", "CFG013")


def findings(config: Config, client: Client = None) -> list[Finding]:
    """All findings, in the order of the checks."""
    found: dict[str, Finding] = {}
    for check, (judged, fine) in _CHECKS.items():
        rests = RESTS.get(check, ()) + (("CFG011",) if check in _OF_A_PROFILE else ())
        finding = next(
            (each for each in map(found.get, rests) if each and (each.cause or each.status == "fail")), None
        )
        if finding is not None:
            finding = follows(finding.cause or finding.check)
        elif config.place.from_env and check in _OF_THE_FILE:
            finding = Finding("skip", words("not needed with --env"))
        else:
            finding = judged(config, client) or Finding("ok", words(fine))
        found[check] = finding._replace(check=check)
    return [found[check] for check in sorted(found)]


# --- CFG001 to CFG003: the file --------------------------------------------------------------------------------------

_NO_FILE = {
    "missing": ("does not exist", ""),
    "folder": ("is a folder; it should be a file", "mv {path} {path}.old"),
    "dangling": ("is a link to nothing", "rm {path}"),
    "special": ("is a device, a pipe or a socket", "mv {path} {path}.old"),
    "too large": ("is far too large for a configuration", "mv {path} {path}.old"),
    "unreadable": ("cannot be read", "chmod 600 {path}"),
}


def _exists(config: Config, client: Client) -> Finding | None:
    file = config.file
    if file is None or file.kind == "file":
        return None
    said, command = _NO_FILE[file.kind]
    first = command.replace("{path}", shlex.quote(str(file.path)))
    commands = [first, config.place.command("init")][: 1 if file.kind == "unreadable" else 2]
    remedy = Remedy("" if file.kind == "unreadable" else "init writes it.", tuple(filter(None, commands)))
    return wrong(config, words(f"The configuration {said}"), remedy)


def _is_json(config: Config, client: Client) -> Finding | None:
    document, again = config.document, config.place.command("init")
    invalid = "The configuration is not valid JSON: "
    if isinstance(document, Broken):
        said, place = words(invalid + document.words), (document.line, document.column)
        if document.blank:
            remedy = Remedy("init writes it again, and keeps a backup of the old file.", (again,))
            return wrong(config, said, remedy)
        text = "What is meant is unclear: edit the file, or write it again with init, which keeps a backup."
        remedy = Remedy(text, (edit(config, document.line), again))
        return wrong(config, said, remedy, place=place, excerpt=document.excerpt)
    if document is None or not document.repairs:
        return None
    said = words(invalid + listed([slip.words for slip in document.repairs]))
    after, place = config.with_document(document._replace(repairs=())), document.repairs[0][:2]
    why = "write valid JSON"
    return wrong(config, said, Remedy(), place=place, excerpt=document.excerpt, after=after, why=why)


def _is_private(config: Config, client: Client) -> Finding | None:
    file = config.file
    if file is None or file.mode is None:
        return None
    path = shlex.quote(str(file.path))
    if file.ours is False:
        said = words("The configuration belongs to another user")
        copy = (f"mv {path} {path}.foreign", f"install -m 600 {path}.foreign {path}")
        return wrong(config, said, Remedy("Make a copy that is yours.", copy))
    if file.open_to_others:
        from ocarina_kit.system.change import chmod

        said = words("Others can read or write the configuration: mode {mode}", mode=f"{file.mode:04o}")
        change = chmod(file.path, file.mode, "make it readable only by you (0600)")
        return wrong(config, said, by_doctor(config))._replace(change=change)
    if file.loose_folders:
        folder = file.loose_folders[0]
        said = words("Others can replace the configuration: they can write in {folder}", folder=folder)
        remedy = Remedy("Remove their write permission.", (f"chmod go-w {shlex.quote(str(folder))}",))
        return wrong(config, said, remedy, status="warn")
    return None


# --- CFG011 and CFG004: what is missing ------------------------------------------------------------------------------


def _required(config: Config) -> tuple[str, ...]:
    """Id and secret only with OAUTH, or with no token yet."""
    names = ("MAJORA_DOMAIN", "MAJORA_USER", "MAJORA_TOKEN")
    return names if config.uses_api_key else (*names, "CLIENT_ID", "CLIENT_SECRET")


def _faulty(config: Config) -> dict[str, str]:
    """The required settings that are missing, blank, null or not a string, and which of these."""
    found = {}
    for name in _required(config):
        setting = config.settings.get(name)
        if setting is None or not setting.path:
            found[name] = "is missing"
        else:
            faults = [fault for fault in judge(name, setting.value).faults if fault.check == "CFG004"]
            found.update((name, fault.words) for fault in faults)
    return found


def _misses(config: Config, wanted: Collection[str]) -> list[tuple[Path, str]]:
    """Names in the objects that the client reads that are meant as one of ``wanted``, and as which."""
    document = config.readable
    found = [
        ((*path, name), meant(name))
        for _, path, mapping in (layers(document.value, config.place.profile) if document is not None else ())
        for name in list(mapping)[:1000]
        if name not in SETTINGS and not isinstance(mapping[name], (dict, list))
    ]
    return [(path, setting) for path, setting in found if setting in wanted]


def _profile(config: Config, client: Client) -> Finding | None:
    """What the profile lacks and no layer below has is this check's; a near miss is CFG004's."""
    profile, document = config.place.profile, config.readable
    if profile is None or document is None:
        return None
    known = profiles(document.value)
    if profile not in known:
        names = listed(list(known)) or "none"
        said = words("The profile {profile} does not exist (profiles: {names})", profile=profile, names=names)
        return wrong(config, said, init(config, (), "init writes it; or name another with --profile."))
    missing = [name for name, said in _faulty(config).items() if said == "is missing"]
    near = [setting for _, setting in _misses(config, missing)]
    missing = [name for name in missing if name not in near]
    if not missing:
        return None
    said = words(f"The profile {{profile}} is incomplete: {listed(missing)} missing", profile=profile)
    return wrong(config, said, init(config, missing), ("profile", profile))


def _is_complete(config: Config, client: Client) -> Finding | None:
    faulty, document = _faulty(config), config.readable
    if not faulty:
        return None
    misses = _misses(config, faulty)
    said = Words("; ".join(f"{name} {fault}" for name, fault in faulty.items()))
    if misses:
        said = Words(
            said.template + "; ocarina ignores {name}", {"name": listed([path[-1] for path, _ in misses])}
        )
    paths = [path for path, _ in misses]
    paths += [config.settings[name].path for name in faulty if name in config.settings]
    settings = [setting for _, setting in misses]
    for path, setting in misses:
        if document and settings.count(setting) == 1 and document.find((*path[:-1], setting)) is None:
            document = document.rename(path, setting)
    after = config.with_document(document) if document is not None else None
    first, why = next((path for path in paths if path), ()), "correct the names of settings"
    return wrong(config, said, init(config, faulty), first, after=after, why=why)


# --- CFG005 to CFG009: values ---------------------------------------------------------------------------------


def _judged(
    config: Config, client: Client, *, check: str, names: Collection[str] = (), why: str = ""
) -> Finding | None:
    """What a check says of the values of settings (none: all that are required): it fails, with a fix where all that is
    wrong has one meaning, or it warns where nothing is worse."""
    values = {name: judge(name, config.text(name)) for name in names or _required(config)}
    faults = [(name, each) for name, value in values.items() for each in value.faults if each.check == check]
    worse = [(name, fault) for name, fault in faults if not fault.warning]
    if not faults:
        return None
    first = faults[0][0]
    said = words("; ".join(f"{name} {fault.words}" for name, fault in worse or faults))
    remedy = init(config, list(dict(worse or faults)))
    path, status = config.settings[first].path, "fail" if worse else "warn"
    shift = len(config.text(first)) if check == "CFG007" else 0
    after = None
    if worse and all(fault.fixable for _, fault in worse):
        after = config.with_values({name: values[name].text for name, _ in worse})
    return wrong(config, said, remedy, path, status=status, shift=shift, after=after, why=why)


def _token(config: Config, client: Client) -> Finding | None:
    kind = token_kind(config.text("MAJORA_TOKEN"))
    if kind in ("blank", "placeholder"):
        return follows("CFG004" if kind == "blank" else "CFG005")
    blank = [name for name in ("CLIENT_ID", "CLIENT_SECRET") if not config.text(name)]
    if kind != "key" or not blank or client is None or client < FILLERS_SINCE:
        why = "write OAUTH as ocarina does"
        return _judged(config, client, check="CFG008", names=("MAJORA_TOKEN",), why=why)
    said = words(f"The installed ocarina refuses a blank {listed(blank)}, also with an API key")
    remedy = Remedy("Any text will do.", tuple(f"export {name}={FILLER}" for name in blank))
    after = config.with_values(dict.fromkeys(blank, FILLER)) if config.readable is not None else None
    return wrong(config, said, remedy, after=after, why="write fillers beside the key")


def _credentials(config: Config, client: Client) -> Finding | None:
    names = ("CLIENT_ID", "CLIENT_SECRET")
    if config.uses_api_key:
        return Finding("skip", words("not needed with an API key"))
    client_id, secret = (tidied(config.text(name))[0] for name in names)
    if are_swapped(client_id, secret):
        said, path = words("CLIENT_ID and CLIENT_SECRET are swapped"), config.settings["CLIENT_ID"].path
        after = config.with_values({"CLIENT_ID": secret, "CLIENT_SECRET": client_id})
        why = "swap CLIENT_ID and CLIENT_SECRET"
        return wrong(config, said, init(config, names), path, after=after, why=why)
    finding = _judged(config, client, check="CFG009", names=names, why="tidy CLIENT_ID and CLIENT_SECRET")
    if finding is None or finding.fixed is not None:
        return finding
    text = "Copy it again from the application's page, before it is saved: after that a hash is shown."
    return finding._replace(remedy=finding.remedy._replace(text=text))


# --- CFG010, CFG012 to CFG014 --------------------------------------------------------------------------------


def _optional(config: Config, client: Client) -> Finding | None:
    """What makes the client fail as it reads the file, in any layer that it reads."""
    document = config.readable
    if document is None:
        return None
    elsewhere = [config.path_of(name) for name in _faulty(config)]  # CFG004's, or CFG008's beside a key
    elsewhere += [config.path_of(name) for name in ("CLIENT_ID", "CLIENT_SECRET") if config.uses_api_key]
    faults: dict[Path, str] = {}
    after = document
    for _, path, mapping in layers(document.value, config.place.profile):
        for name in [each for each in SETTINGS if each in mapping and (*path, each) not in elsewhere]:
            value, place = judge(name, mapping[name]), (*path, name)
            if value.faults and (value.faults[0].check == "CFG010" or mapping[name] is None):
                faults[place] = value.faults[0].words
                if name in INTEGERS and value.usable:
                    after = after.set(place, int(value.text))
    if not isinstance(document.value.get("default", {}), dict):
        faults["default",] = "is not an object"
    remedy = Remedy("Remove it, or give it another value.", (edit(config),))
    tokens = config.settings["MAJORA_TOKENS_FILE"]
    if not faults and tokens.path and not config.tokens_folder and not config.uses_api_key:
        faults[tokens.path] = "is in a folder that does not exist"
        make = f"mkdir -p -m 700 {shlex.quote(str(config.tokens_file.parent))}"
        remedy = Remedy("Make the folder, or name another file.", (make,))
    if not faults:
        return None
    said = words("; ".join(f"{path[-1]} {fault}" for path, fault in faults.items()))
    first, done = next(iter(faults)), config.with_document(after)
    return wrong(config, said, remedy, first, after=done, why="write integers as integers")


def _once(config: Config, client: Client) -> Finding | None:
    twice = config.readable.twice if config.readable is not None else []
    if not twice:
        return None
    said = words("{name} is given several times", name=listed([".".join(path) for path, _ in twice[:5]]))
    remedy = Remedy("Remove the ones that you do not mean.", (edit(config, twice[0][1][0]),))
    return wrong(config, said, remedy, twice[0][0], status="warn")


def _own_tokens(config: Config, client: Client) -> Finding | None:
    value = config.readable.value if config.readable is not None else {}
    users: dict[str, dict[str, tuple[str, str]]] = {}
    for profile in (None, *profiles(value)):
        own = {name: each.text for name, each in effective(value, profile).items() if each.path}
        domain = judge("MAJORA_DOMAIN", own.get("MAJORA_DOMAIN"))
        client_id = tidied(own.get("CLIENT_ID", ""))[0]
        kind = token_kind(own.get("MAJORA_TOKEN", ""))
        if client_id and kind in ("oauth", "other spelling") and domain.usable:
            tokens = own.get("MAJORA_TOKENS_FILE") or "~/.ocarina-tokens"
            tokens = f"{config.home}{tokens[1:]}" if tokens.startswith("~/") else tokens
            users.setdefault(tokens, {})[profile or "no profile"] = (domain.text, client_id)
    clash = next((list(names) for names in users.values() if len(set(names.values())) > 1), None)
    if clash is None:
        return None
    said = "Set-ups with another domain or client share one tokens file: {names}"
    text = f'Give profile {clash[-1]} a file of its own ("MAJORA_TOKENS_FILE"), then log in there.'
    login = config.place._replace(profile=clash[-1]).command("login")
    return wrong(config, words(said, names=listed(clash)), Remedy(text, (edit(config), login)))


def _instance(config: Config, client: Client) -> Finding | None:
    instance = instance_of(judge_domain(config.text("MAJORA_DOMAIN")).text)
    is_test = judge("MAJORA_USER", config.text("MAJORA_USER")).text.lower().startswith("test-")
    if instance == "production" and is_test:
        said = "MAJORA_USER is a test- user, and MAJORA_DOMAIN is production"
    elif instance == "test" and not is_test:
        said = "MAJORA_DOMAIN is the test instance, and MAJORA_USER does not start with test-"
    else:
        return None
    remedy = init(config, ("MAJORA_USER", "MAJORA_DOMAIN"), "init asks for both again.")
    return wrong(config, words(said), remedy, config.settings["MAJORA_USER"].path, status="warn")


_DOMAIN = ("MAJORA_DOMAIN",)
_BASE = partial(_judged, check="CFG006", names=_DOMAIN, why="write MAJORA_DOMAIN as a base URL")
_SLASH = partial(_judged, check="CFG007", names=_DOMAIN, why="end MAJORA_DOMAIN in one /")
_CHECKS: dict[str, tuple[Callable[[Config, Client], Finding | None], str]] = {
    "CFG001": (_exists, "The configuration can be read."),
    "CFG002": (_is_json, "The configuration is a JSON object."),
    "CFG003": (_is_private, "The configuration is readable only by you."),
    "CFG011": (_profile, "The profile is complete, or none is asked for."),
    "CFG004": (_is_complete, "Every required setting has a value."),
    "CFG005": (partial(_judged, check="CFG005"), "No placeholder is left."),
    "CFG006": (_BASE, "MAJORA_DOMAIN is a base URL."),
    "CFG007": (_SLASH, "MAJORA_DOMAIN ends in one /."),
    "CFG008": (_token, "MAJORA_TOKEN is OAUTH."),
    "CFG009": (_credentials, "CLIENT_ID and CLIENT_SECRET look as Majora makes them."),
    "CFG010": (_optional, "The optional settings can be used."),
    "CFG012": (_once, "No setting is given twice."),
    "CFG013": (_own_tokens, "Different set-ups have different tokens files."),
    "CFG014": (_instance, "User and instance agree."),
}
"""Each check, and what it says where nothing is wrong; CFG011 goes before those that depend on it."""
