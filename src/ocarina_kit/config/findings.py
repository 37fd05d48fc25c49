"""What CFG001 to CFG014 say of a configuration (CHECKS.md): one function for each, in their order.

``doctor`` shows them, ``--fix`` makes their changes, and every command works with what they leave (`setup.usable`).
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection
from typing import NamedTuple

from ocarina_kit.config.finding import Finding, edit, fix, follows, init, ok, wrong
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

RESTS = {
    **dict.fromkeys(("CFG002", "CFG003"), ("CFG001",)),
    **dict.fromkeys(("CFG004", "CFG008", "CFG010", "CFG011", "CFG012", "CFG013"), ("CFG002",)),
    **dict.fromkeys(("CFG007", "CFG014"), ("CFG006",)),
    "CFG005": ("CFG004",),
    "CFG006": ("CFG005",),
    "CFG009": ("CFG005", "CFG008"),
}
"""What each check depends on (CHECKS.md)."""


def findings(config: Config, client: tuple[int, ...] | None = None) -> list[Finding]:
    """All findings, in the order of the checks. ``client``: the installed client's version, where it is known."""
    found: dict[str, Finding] = {}
    for number, judged in enumerate(_CHECKS, 1):
        check = f"CFG{number:03}"
        rests = (found[each] for each in RESTS.get(check, ()))
        cause = next((each.cause or each.check for each in rests if each.status == "fail" or each.cause), "")
        if cause:
            found[check] = follows(check, cause)
        elif config.place.from_env and check in _OF_THE_FILE:
            found[check] = Finding(check, "skip", words("not needed with --env"))
        else:
            found[check] = judged(config, client)
    return list(found.values())


# --- CFG001 to CFG003: the file --------------------------------------------------------------------------------------

_NO_FILE = {
    "missing": ("does not exist", "init writes it.", ""),
    "folder": ("is a folder; it should be a file", "Move the folder away.", "mv {path} {path}.old"),
    "dangling": ("is a link to nothing", "Restore the file that it leads to, or remove it.", "rm {path}"),
    "special": ("is a device, a pipe or a socket", "Move it away.", "mv {path} {path}.old"),
    "too large": ("is far too large for a configuration", "Move it away.", "mv {path} {path}.old"),
    "unreadable": ("cannot be read", "Let yourself read it.", "chmod 600 {path}"),
}


def _exists(config: Config, client: object) -> Finding:
    file = config.file
    if file is None or file.kind == "file":
        return ok("CFG001", "The configuration can be read.")
    said, text, command = _NO_FILE[file.kind]
    first = command.replace("{path}", shlex.quote(str(file.path)))
    then = config.place.command("init") if file.kind != "unreadable" else ""
    remedy = Remedy(text, tuple(each for each in (first, then) if each))
    return wrong(config, "CFG001", words(f"The configuration {said}"), remedy)


def _is_json(config: Config, client: object) -> Finding:
    document, again = config.document, config.place.command("init")
    if isinstance(document, Broken):
        said = words(f"The configuration is not valid JSON: {document.words}")
        if document.blank:
            remedy = Remedy("init writes it again, and keeps a backup of the old file.", (again,))
            return wrong(config, "CFG002", said, remedy)
        text = "What is meant is unclear: edit the file, or write it again with init, which keeps a backup."
        remedy = Remedy(text, (edit(config, document.line), again))
        place, excerpt = (document.line, document.column), document.excerpt_line
        return wrong(config, "CFG002", said, remedy, place=place, excerpt=excerpt)
    if document is None or not document.repairs:
        return ok("CFG002", "The configuration is a JSON object.")
    first = document.repairs[0]
    said = words(f"The configuration is not valid JSON: {listed([slip.words for slip in document.repairs])}")
    place = (first.line, first.column)
    finding = wrong(config, "CFG002", said, Remedy(), place=place, excerpt=document.excerpt)
    after = config.with_document(document._replace(repairs=()))
    return fix(finding, config, after, "write valid JSON")


def _is_private(config: Config, client: object) -> Finding:
    file = config.file
    if file is None or file.mode is None:
        return ok("CFG003", "The configuration has no mode.")
    path = shlex.quote(str(file.path))
    if file.ours is False:
        said = words("The configuration belongs to another user")
        copy = (f"mv {path} {path}.foreign", f"install -m 600 {path}.foreign {path}")
        return wrong(config, "CFG003", said, Remedy("Make a copy that is yours.", copy))
    if file.open_to_others:
        said = words("Others can read or write the configuration: mode {mode}", mode=f"{file.mode:04o}")
        remedy = Remedy("", (config.place.command("doctor", "--fix"),))
        from ocarina_kit.system.change import chmod

        change = chmod(file.path, file.mode, "make it readable only by you (0600)")
        return wrong(config, "CFG003", said, remedy)._replace(change=change)
    if file.loose_folders:
        folder = file.loose_folders[0]
        said = words("Others can replace the configuration: they can write in {folder}", folder=folder)
        remedy = Remedy("Take their right to write there.", (f"chmod go-w {shlex.quote(str(folder))}",))
        return wrong(config, "CFG003", said, remedy, status="warn")
    return ok("CFG003", "The configuration is readable only by you.")


# --- CFG004 and CFG011: what is missing ------------------------------------------------------------------------------


class _Miss(NamedTuple):
    """A name that the client ignores, the setting that is meant, and whether it can be no other."""

    path: Path
    setting: str
    certain: bool


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


def _misses(config: Config, wanted: Collection[str]) -> list[_Miss]:
    """Names in the objects that the client reads that are meant as one of ``wanted``."""
    found: list[_Miss] = []
    document = config.readable
    for _, path, mapping in layers(document.value, config.place.profile) if document is not None else ():
        for name in list(mapping)[:1000]:
            setting, certain = meant(name) if name not in SETTINGS else ("", False)
            if setting in wanted and not isinstance(mapping[name], (dict, list)):
                found.append(_Miss((*path, name), setting, certain and setting not in mapping))
    settings = [each.setting for each in found]
    return [each._replace(certain=each.certain and settings.count(each.setting) == 1) for each in found]


def _missing_in_profile(config: Config) -> list[str]:
    """What the profile lacks and no layer below has: CFG011's, not CFG004's. A near miss is CFG004's."""
    if config.place.profile is None:
        return []
    missing = [name for name, said in _faulty(config).items() if said == "is missing"]
    near = [miss.setting for miss in _misses(config, missing)]
    return [name for name in missing if name not in near]


def _no_profile(config: Config) -> bool:
    profile, document = config.place.profile, config.readable
    return document is not None and profile is not None and profile not in profiles(document.value)


def _is_complete(config: Config, client: object) -> Finding:
    if _no_profile(config) or _missing_in_profile(config):
        return follows("CFG004", "CFG011")
    faulty, document = _faulty(config), config.readable
    if not faulty:
        return ok("CFG004", "Every required setting has a value.")
    misses = _misses(config, faulty)
    said = Words("; ".join(f"{name} {fault}" for name, fault in faulty.items()))
    if misses:
        written = listed([miss.path[-1] for miss in misses])
        said = Words(said.template + "; ocarina ignores {name}", {"name": written})
    paths = [miss.path for miss in misses]
    paths += [config.settings[name].path for name in faulty if name in config.settings]
    first = next((path for path in paths if path), ())
    finding = wrong(config, "CFG004", said, init(config, faulty), first)
    for miss in misses:
        if miss.certain and document is not None:
            document = document.rename(miss.path, miss.setting)
    after = config.with_document(document) if document is not None else config
    return fix(finding, config, after, "correct the names of settings")


def _profile(config: Config, client: object) -> Finding:
    document, profile = config.readable, config.place.profile
    missing = _missing_in_profile(config)
    if document is not None and _no_profile(config):
        names = listed(list(profiles(document.value))) or "none"
        said = words("The profile {profile} does not exist (profiles: {names})", profile=profile, names=names)
        remedy = init(config, (), "init writes it; or name another with --profile.")
        return wrong(config, "CFG011", said, remedy)
    if profile is not None and missing:
        said = words(f"The profile {{profile}} is incomplete: {listed(missing)} missing", profile=profile)
        return wrong(config, "CFG011", said, init(config, missing), ("profile", profile))
    return ok("CFG011", "The profile is complete." if profile else "No profile is asked for.")


# --- CFG005 to CFG009: values ---------------------------------------------------------------------------------


def _judged(config: Config, check: str, names: Collection[str], fine: str, why: str = "") -> Finding:
    """What a check says of the values of settings: it fails, with a fix where all that is wrong has one meaning, or it
    warns where nothing is worse."""
    values = {name: judge(name, config.text(name)) for name in names}
    faults = [(name, each) for name, value in values.items() for each in value.faults if each.check == check]
    worse = [(name, fault) for name, fault in faults if not fault.warning]
    if not faults:
        return ok(check, fine)
    first = faults[0][0]
    said = words("; ".join(f"{name} {fault.words}" for name, fault in worse or faults))
    remedy = init(config, list(dict(worse or faults)))
    path, status = config.settings[first].path, "fail" if worse else "warn"
    finding = wrong(config, check, said, remedy, path, status=status)
    if not worse or not all(fault.fixable for _, fault in worse):
        return finding
    after = config.with_values({name: values[name].text for name, _ in worse})
    return fix(finding, config, after, why)


def _no_placeholder(config: Config, client: object) -> Finding:
    return _judged(config, "CFG005", _required(config), "No placeholder is left.")


def _is_base_url(config: Config, client: object) -> Finding:
    why = "write MAJORA_DOMAIN as a base URL"
    return _judged(config, "CFG006", ("MAJORA_DOMAIN",), "MAJORA_DOMAIN is a base URL.", why)


def _ends_in_slash(config: Config, client: object) -> Finding:
    why = "end MAJORA_DOMAIN in one /"
    return _judged(config, "CFG007", ("MAJORA_DOMAIN",), "MAJORA_DOMAIN ends in one /.", why)


def _token(config: Config, client: tuple[int, ...] | None) -> Finding:
    kind = token_kind(config.text("MAJORA_TOKEN"))
    if _no_profile(config) or "MAJORA_TOKEN" in _missing_in_profile(config):
        return follows("CFG008", "CFG011")
    if kind in ("blank", "placeholder"):
        return follows("CFG008", "CFG004" if kind == "blank" else "CFG005")
    blank = [name for name in ("CLIENT_ID", "CLIENT_SECRET") if not config.text(name)]
    if kind == "key" and blank and client is not None and client >= FILLERS_SINCE:
        said = words(f"The installed ocarina refuses a blank {listed(blank)}, also with an API key")
        commands = tuple(f"export {name}={FILLER}" for name in blank)
        finding = wrong(config, "CFG008", said, Remedy("Any text will do.", commands))
        if config.place.from_env:
            return finding
        after = config.with_values(dict.fromkeys(blank, FILLER))
        return fix(finding, config, after, "write fillers beside the key")
    why = "write OAUTH as ocarina does"
    return _judged(config, "CFG008", ("MAJORA_TOKEN",), "MAJORA_TOKEN is OAUTH.", why)


def _credentials(config: Config, client: object) -> Finding:
    names = ("CLIENT_ID", "CLIENT_SECRET")
    client_id, secret = (tidied(config.text(name))[0] for name in names)
    if config.uses_api_key:
        return Finding("CFG009", "skip", words("not needed with an API key"))
    if are_swapped(client_id, secret):
        said, path = words("CLIENT_ID and CLIENT_SECRET are swapped"), config.settings["CLIENT_ID"].path
        finding = wrong(config, "CFG009", said, init(config, names), path)
        after = config.with_values({"CLIENT_ID": secret, "CLIENT_SECRET": client_id})
        return fix(finding, config, after, "swap CLIENT_ID and CLIENT_SECRET")
    fine, why = "CLIENT_ID and CLIENT_SECRET look as Majora makes them.", "tidy CLIENT_ID and CLIENT_SECRET"
    finding = _judged(config, "CFG009", names, fine, why)
    if finding.status == "ok" or finding.fixed is not None:
        return finding
    text = "Copy it again from the application's page, before it is saved: after that a hash is shown."
    return finding._replace(remedy=finding.remedy._replace(text=text))


# --- CFG010, CFG012 to CFG014 --------------------------------------------------------------------------------


def _optional(config: Config, client: object) -> Finding:
    """What makes the client fail as it reads the file, in any layer that it reads."""
    document = config.readable
    if document is None or _no_profile(config):
        return follows("CFG010", "CFG011")
    elsewhere = [config.path_of(name) for name in _faulty(config)]  # CFG004's, or CFG008's beside a key
    elsewhere += [config.path_of(name) for name in ("CLIENT_ID", "CLIENT_SECRET") if config.uses_api_key]
    faults: dict[Path, str] = {}
    after = document
    for _, path, mapping in layers(document.value, config.place.profile):
        for name in [each for each in SETTINGS if each in mapping and (*path, each) not in elsewhere]:
            value, place = mapping[name], (*path, name)
            judged = judge(name, value)
            if judged.faults and (value is None or name in (*INTEGERS, "MAJORA_TOKENS_FILE")):
                faults[place] = judged.faults[0].words
            if judged.faults and judged.faults[0].fixable and name in INTEGERS:
                after = after.set(place, int(judged.text))
    if not isinstance(document.value.get("default", {}), dict):
        faults["default",] = "is not an object"
    remedy = Remedy("Remove it, or give it another value.", (edit(config),))
    tokens = config.settings["MAJORA_TOKENS_FILE"]
    if not faults and tokens.path and not config.tokens_folder and not config.uses_api_key:
        faults[tokens.path] = "is in a folder that does not exist"
        make = f"mkdir -p -m 700 {shlex.quote(str(config.tokens_file.parent))}"
        remedy = Remedy("Make the folder, or name another file.", (make,))
    if not faults:
        return ok("CFG010", "The optional settings can be used.")
    said = words("; ".join(f"{path[-1]} {fault}" for path, fault in faults.items()))
    finding = wrong(config, "CFG010", said, remedy, next(iter(faults)))
    return fix(finding, config, config.with_document(after), "write integers as integers")


def _once(config: Config, client: object) -> Finding:
    twice = config.readable.twice if config.readable is not None else []
    if not twice:
        return ok("CFG012", "No setting is given twice.")
    said = words("{name} is given several times", name=listed([".".join(path) for path, _ in twice[:5]]))
    remedy = Remedy("Remove the ones that you do not mean.", (edit(config, twice[0][1][0]),))
    return wrong(config, "CFG012", said, remedy, twice[0][0], status="warn")


def _own_tokens(config: Config, client: object) -> Finding:
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
        return ok("CFG013", "Different set-ups have different tokens files.")
    said = "Set-ups with another domain or client share one tokens file: {names}"
    text = f'Give profile {clash[-1]} a file of its own ("MAJORA_TOKENS_FILE"), then log in there.'
    login = config.place._replace(profile=clash[-1]).command("login")
    return wrong(config, "CFG013", words(said, names=listed(clash)), Remedy(text, (edit(config), login)))


def _instance(config: Config, client: object) -> Finding:
    instance = instance_of(judge_domain(config.text("MAJORA_DOMAIN")).text)
    is_test = judge("MAJORA_USER", config.text("MAJORA_USER")).text.lower().startswith("test-")
    if instance == "production" and is_test:
        said = "MAJORA_USER is a test- user, and MAJORA_DOMAIN is production"
    elif instance == "test" and not is_test:
        said = "MAJORA_DOMAIN is the test instance, and MAJORA_USER does not start with test-"
    else:
        return ok("CFG014", "User and instance agree.")
    remedy = init(config, ("MAJORA_USER", "MAJORA_DOMAIN"), "init asks for both again.")
    return wrong(config, "CFG014", words(said), remedy, config.settings["MAJORA_USER"].path, status="warn")


_CHECKS: tuple[Callable[[Config, tuple[int, ...] | None], Finding], ...] = (
    *(_exists, _is_json, _is_private, _is_complete, _no_placeholder, _is_base_url, _ends_in_slash),
    *(_token, _credentials, _optional, _profile, _once, _own_tokens, _instance),
)
"""CFG001 to CFG014, in this order."""
_OF_THE_FILE = ("CFG001", "CFG002", "CFG003", "CFG010", "CFG011", "CFG012", "CFG013")
