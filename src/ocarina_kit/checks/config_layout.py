"""CFG010, CFG011, CFG013 and CFG014: optional members, profiles, and how set-ups go together."""

from __future__ import annotations

import shlex
from dataclasses import replace

from ocarina_kit.checks.config_members import (
    at,
    edit_command,
    expanded,
    fill_in,
    follows,
    missing_in_profile,
    not_with_env,
    shown,
    to_fix,
    to_init,
    written,
)
from ocarina_kit.checks.model import Outcome, fail, ok, warn
from ocarina_kit.core.config.credentials import (
    Member,
    is_placeholder,
    tidy_credential,
    token_kind,
    user_instance_mismatch,
)
from ocarina_kit.core.config.domain import DomainOk, mend_domain
from ocarina_kit.core.config.layers import (
    INTEGERS,
    ReadingFault,
    effective,
    faulty_members,
    fillers_wanted,
    meant_integer,
    profile_object,
    profiles,
    reading_faults,
)
from ocarina_kit.core.errors import Remedy
from ocarina_kit.core.facts import ConfigFacts, Facts

# --- CFG010 -------------------------------------------------------------------------------------------------


@not_with_env
def optional(facts: Facts) -> Outcome:
    config = facts.config
    document = config.readable
    if document is None or _no_profile(config):
        return follows("CFG011" if document is not None else "CFG002")
    said: list[str] = []
    first = None
    required = {each.name for each in faulty_members(config.settings) if each.path}
    fillers = fillers_wanted(config.settings) if config.uses_api_key else ()
    mended, sound = document, True
    for fault, path in reading_faults(document.value, config.place.profile):
        name = path[-1]
        setting = config.settings.get(name)
        if fault in (ReadingFault.NO_PROFILE, ReadingFault.NOT_OBJECT) and path[0] == "profile":
            continue  # CFG011
        said_elsewhere = name in required or name in fillers  # by CFG004 or CFG008
        if fault is ReadingFault.NULL and said_elsewhere and setting is not None and setting.path == path:
            continue
        first = first or path
        value = document.get(path)
        if fault is ReadingFault.NOT_OBJECT:
            said.append(f"{at(config, path)}{name} is not an object.")
            sound = False
        elif name in INTEGERS:
            said.append(f"{at(config, path)}{name} is not an integer.")
            meant = meant_integer(value)
            sound = sound and meant is not None
            mended = mended if meant is None else mended.set(path, meant)
        else:
            said.append(f"{at(config, path)}{name} is null.")
            sound = False
    tokens_fault = _tokens_file_fault(config)
    if tokens_fault:
        path = config.settings["MAJORA_TOKENS_FILE"].path
        first = first or path
        said.append(f"{at(config, path)}{tokens_fault}")
    if not said:
        return ok("The optional members are such that ocarina can use them.")
    fix = written(config, mended, "write the integers as integers")
    remedy = to_fix(config) if fix and sound and not tokens_fault else _optional_remedy(config, tokens_fault)
    return fail(" ".join(said), remedy=remedy, fix=fix, excerpt=shown(config, first))


def _tokens_file_fault(config: ConfigFacts) -> str:
    setting = config.settings.get("MAJORA_TOKENS_FILE")
    if setting is None or not setting.path or setting.value is None:
        return ""
    if not isinstance(setting.value, str):
        return "MAJORA_TOKENS_FILE is not a string."
    if not setting.value.strip():
        return "MAJORA_TOKENS_FILE is blank: leave it out, or name a file."
    folder = config.tokens_folder
    if folder is not None and not folder.exists and not config.uses_api_key:
        return f"MAJORA_TOKENS_FILE is in a folder that does not exist: {folder.path}"
    return ""


def _optional_remedy(config: ConfigFacts, tokens_fault: str) -> Remedy:
    folder = config.tokens_folder
    if tokens_fault and folder is not None and not folder.exists:
        return Remedy(
            "Make the folder, for you alone; or name another file in the configuration.",
            (f"mkdir -p -m 700 {shlex.quote(str(folder.path))}",),
        )
    return Remedy("Take the member out, or give it a value that ocarina can use.", (edit_command(config),))


# --- CFG011, CFG013, CFG014 ---------------------------------------------------------------------------------


def _no_profile(config: ConfigFacts) -> bool:
    """The profile asked for is not there (or no object)."""
    document, profile = config.readable, config.place.profile
    return document is not None and profile is not None and profile_object(document.value, profile) is None


@not_with_env
def profile(facts: Facts) -> Outcome:
    config = facts.config
    document, profile = config.readable, config.place.profile
    if profile is None or document is None:
        return ok("No profile was asked for.") if profile is None else follows("CFG002")
    if _no_profile(config):
        names = profiles(document.value)
        there = f"Those that exist: {', '.join(names)}." if names else "There is none in this file."
        return fail(
            f"{at(config)}There is no profile {profile!r}. {there}",
            remedy=Remedy(
                "Name one that exists with --profile, or make this one.", (config.place.command("init"),)
            ),
        )
    missing = missing_in_profile(config)
    if not missing:
        return ok(f"The profile {profile} is there.")
    return fail(
        f"{at(config, ('profile', profile))}The profile {profile} is incomplete: {', '.join(missing)} missing.",
        remedy=to_init(config, "init asks for what is missing, and keeps the rest."),
        excerpt=shown(config, ("profile", profile)),
    )


@not_with_env
def shared_tokens(facts: Facts) -> Outcome:
    config = facts.config
    document = config.readable
    if document is None:
        return follows("CFG002")
    users: dict[str, dict[str, tuple[str, str]]] = {}
    for profile in (None, *profiles(document.value)):
        settings = effective(document.value, profile)
        texts = {name: setting.text for name, setting in settings.items() if setting.path}
        domain, client = texts.get("MAJORA_DOMAIN", ""), tidy_credential(texts.get("CLIENT_ID", "")).text
        if not domain or not client or not token_kind(texts.get("MAJORA_TOKEN", "")).is_oauth:
            continue
        if is_placeholder(domain, Member.DOMAIN):
            continue
        mended = mend_domain(domain)
        url = mended.url if isinstance(mended, DomainOk) else domain
        tokens = expanded(config, texts.get("MAJORA_TOKENS_FILE", "") or "~/.ocarina-tokens")
        users.setdefault(tokens, {})["no profile" if profile is None else profile] = (url, client)
    clashes = [names for names in users.values() if len(set(names.values())) > 1]
    if not clashes:
        return ok("No two set-ups in this file share a tokens file that they may not share.")
    names = list(clashes[0])
    last = names[-1]
    return fail(
        f"{at(config)}These share one tokens file, but not one domain and client: {', '.join(names)}.",
        remedy=Remedy(
            f'Give each a file of its own: in the object of profile {last}, "MAJORA_TOKENS_FILE": '
            f'"~/.ocarina-tokens-{last}". Then log in there.',
            (edit_command(config), replace(config.place, profile=last).command("login")),
        ),
    )


def instance(facts: Facts) -> Outcome:
    config = facts.config
    mismatch = user_instance_mismatch(config.text("MAJORA_USER"), config.text("MAJORA_DOMAIN"))
    if mismatch is None:
        return ok("User and instance agree.")
    return warn(
        f"{at(config, config.settings['MAJORA_USER'].path)}User and instance disagree: {mismatch}.",
        remedy=fill_in(config, ["MAJORA_USER", "MAJORA_DOMAIN"])
        if config.place.from_env
        else to_init(config, "init asks for both again."),
    )
