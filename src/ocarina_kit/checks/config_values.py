"""CFG004 to CFG009: what the members of the configuration hold."""

from __future__ import annotations

from ocarina_kit.checks.config_members import (
    SECRET_MEMBERS,
    at,
    fill_in,
    follows,
    missing_in_profile,
    near_misses_of,
    set_command,
    set_members,
    shown,
    to_fix,
    to_init,
    written,
)
from ocarina_kit.checks.model import Outcome, fail, not_applicable, ok, warn
from ocarina_kit.core.client.resolution import Version
from ocarina_kit.core.config.credentials import (
    FILLER,
    Fault,
    Member,
    Swapped,
    TokenKind,
    credential_faults,
    is_placeholder,
    swapped,
    tidy_credential,
    token_kind,
)
from ocarina_kit.core.config.domain import classify_domain
from ocarina_kit.core.config.domain_rules import RULES
from ocarina_kit.core.config.layers import (
    FaultyMember,
    MemberFault,
    faulty_members,
    fillers_wanted,
)
from ocarina_kit.core.errors import Remedy
from ocarina_kit.core.facts import ConfigFacts, Facts
from ocarina_kit.core.plan import Plan

FILLERS_SINCE = Version((0, 48, 0))
"""Clients from here on refuse a configuration in which any member is blank (FACTS.md, The client)."""

_MEMBER_FAULTS = {
    MemberFault.MISSING: "is missing",
    MemberFault.BLANK: "is blank",
    MemberFault.NULL: "is null",
    MemberFault.NOT_TEXT: "is not a string",
}


# --- CFG004 -------------------------------------------------------------------------------------------------


def members(facts: Facts) -> Outcome:
    config = facts.config
    if missing_in_profile(config):
        return follows("CFG011")
    faulty = faulty_members(config.settings)
    if not faulty:
        return ok("Every member that a set-up needs is there.")
    misses = near_misses_of(config, {each.name for each in faulty})
    said = [_faulty_words(config, each) for each in faulty]
    said += [
        f"{at(config, miss.path)}{miss.written} is not read by ocarina; {miss.meant} is meant."
        for miss in misses
    ]
    document = config.readable
    if document is not None and not config.place.from_env:
        for miss in misses:
            if miss.certain:
                document = document.rename(miss.path, miss.meant)
    fix = written(config, document, "give misspelt members their names")
    first = misses[0].path if misses else next((each.path for each in faulty if each.path), None)
    names = [each.name for each in faulty]
    remedy = to_fix(config) if fix else fill_in(config, names)
    return fail(" ".join(said), remedy=remedy, fix=fix, excerpt=shown(config, first))


def _faulty_words(config: ConfigFacts, each: FaultyMember) -> str:
    return f"{at(config, each.path)}{each.name} {_MEMBER_FAULTS[each.fault]}."


# --- CFG005 -------------------------------------------------------------------------------------------------


def placeholders(facts: Facts) -> Outcome:
    config = facts.config
    found = [
        member for member in _judged_members(config) if is_placeholder(config.text(member.value), member)
    ]
    if not found:
        return ok("No placeholder is left.")
    said = " ".join(
        f"{at(config, config.settings[member.value].path)}{member.value} still holds a placeholder"
        f"{_quoted(config, member)}."
        for member in found
    )
    first = config.settings[found[0].value]
    return fail(
        said,
        remedy=fill_in(config, [member.value for member in found]),
        excerpt=shown(config, first.path, "" if found[0].value in SECRET_MEMBERS else first.text),
    )


def _quoted(config: ConfigFacts, member: Member) -> str:
    return "" if member.value in SECRET_MEMBERS else f": {config.text(member.value).strip()[:60]}"


def _judged_members(config: ConfigFacts) -> list[Member]:
    members = [Member.DOMAIN, Member.USER, Member.TOKEN]
    if not config.uses_api_key:  # beside a legacy key, id and secret are fillers
        members += [Member.ID, Member.SECRET]
    return members


# --- CFG006, CFG007 -----------------------------------------------------------------------------------------


def base_url(facts: Facts) -> Outcome:
    config = facts.config
    text = config.text("MAJORA_DOMAIN")
    verdict = classify_domain(text)
    where = at(config, config.settings["MAJORA_DOMAIN"].path)
    if verdict.base_url_faults:
        words = "; ".join(RULES[fault].words for fault in verdict.base_url_faults)
        return fail(
            f"{where}MAJORA_DOMAIN is no usable base URL: {words}.",
            remedy=_domain_remedy(config, verdict.mended, verdict.suggestion),
            fix=_set_domain(config, verdict.mended, "make MAJORA_DOMAIN a base URL"),
            excerpt=_domain_shown(config, text),
        )
    if verdict.base_url_warnings:
        words = "; ".join(RULES[fault].words for fault in verdict.base_url_warnings)
        return warn(
            f"{where}MAJORA_DOMAIN is unusual: {words}.",
            consequence="Where Majora does not really live under that path, every request fails.",
            remedy=to_init(config, "Leave the path out, unless your Majora really lives under it."),
            excerpt=_domain_shown(config, text),
        )
    return ok("MAJORA_DOMAIN is a base URL.")


def last_slash(facts: Facts) -> Outcome:
    config = facts.config
    text = config.text("MAJORA_DOMAIN")
    verdict = classify_domain(text)
    if not verdict.last_slash_faults:
        return ok("MAJORA_DOMAIN ends in one /.")
    words = RULES[verdict.last_slash_faults[0]].words.removeprefix("it ")
    return fail(
        f"{at(config, config.settings['MAJORA_DOMAIN'].path)}MAJORA_DOMAIN {words}.",
        remedy=_domain_remedy(config, verdict.mended, ""),
        fix=_set_domain(config, verdict.mended, "end MAJORA_DOMAIN in one /"),
        excerpt=_domain_shown(config, text),
    )


def _domain_shown(config: ConfigFacts, text: str) -> str:
    # What stands before an @ or behind a ? can be a password or a code: the line is then shown with it masked.
    return shown(config, config.settings["MAJORA_DOMAIN"].path, "" if {"@", "?", "#"} & set(text) else text)


def _set_domain(config: ConfigFacts, url: str, why: str) -> Plan:
    return set_members(config, {"MAJORA_DOMAIN": url} if url else {}, why)


def _domain_remedy(config: ConfigFacts, url: str, suggestion: str) -> Remedy:
    if config.place.from_env:
        meant = url or suggestion
        return Remedy(
            "Set it in the environment, then run the command again.",
            (set_command("MAJORA_DOMAIN", meant),),
        )
    if url:
        return to_fix(config)
    guess = f" Perhaps {suggestion} is meant." if suggestion else ""
    return to_init(config, f"init asks for it, and says what it should look like.{guess}")


# --- CFG008 -------------------------------------------------------------------------------------------------

_THREE_DAYS = "A legacy key stops working 3 days after it was made, and a new one must be fetched by hand."


def token(facts: Facts) -> Outcome:
    config = facts.config
    if missing_in_profile(config, "MAJORA_TOKEN"):
        return follows("CFG011")
    if any(each.name == "MAJORA_TOKEN" for each in faulty_members(config.settings)):
        return follows("CFG004")
    setting = config.settings["MAJORA_TOKEN"]
    kind = token_kind(setting.text)
    where = at(config, setting.path)
    if kind is TokenKind.PLACEHOLDER:
        return follows("CFG005")
    if kind is TokenKind.OTHER_SPELLING:
        return fail(
            f"{where}MAJORA_TOKEN is meant as OAUTH, but is spelt in another way.",
            consequence="ocarina takes it for a legacy API key, and the server refuses every request.",
            remedy=_token_remedy(config),
            fix=set_members(config, {"MAJORA_TOKEN": "OAUTH"}, "spell OAUTH as ocarina does"),
            excerpt=shown(config, setting.path),
        )
    if not config.uses_api_key:
        return ok("MAJORA_TOKEN is OAUTH.")
    refused = _refused_legacy(facts)
    if refused is not None:
        return refused
    odd = "" if kind is TokenKind.LEGACY_KEY else " It does not look like a key that Majora gives out."
    return warn(
        f"{where}MAJORA_TOKEN is a legacy API key.{odd}",
        consequence=_THREE_DAYS,
        remedy=to_init(config, "init changes to OAuth, which stays fresh by itself.")
        if not config.place.from_env
        else Remedy("Use OAuth, which stays fresh by itself.", (set_command("MAJORA_TOKEN", "OAUTH"),)),
    )


def _refused_legacy(facts: Facts) -> Outcome | None:
    """A legacy set-up that the installed client refuses, where there is a client that can be asked."""
    config = facts.config
    version = facts.client_version
    wanted = fillers_wanted(config.settings)
    if not wanted or version is None or version < FILLERS_SINCE:
        return None
    names = " and ".join(wanted)
    if config.place.from_env:
        remedy = Remedy(
            "With an API key they are not used, but they may not be blank.",
            tuple(set_command(name, FILLER) for name in wanted),
        )
    else:
        remedy = to_fix(config)
    return fail(
        f"{at(config)}{names} {'is' if len(wanted) == 1 else 'are'} blank, and ocarina {version} refuses a "
        "configuration with a blank member, also with an API key.",
        consequence='Every command of ocarina ends with "Configuration not valid".',
        remedy=remedy,
        fix=set_members(config, dict.fromkeys(wanted, FILLER), "put fillers that newer clients demand"),
    )


def _token_remedy(config: ConfigFacts) -> Remedy:
    if config.place.from_env:
        return Remedy("Set it in the environment.", (set_command("MAJORA_TOKEN", "OAUTH"),))
    return to_fix(config)


# --- CFG009 -------------------------------------------------------------------------------------------------

_CREDENTIAL_FAULTS = {
    Fault.HASH: "is a hash of a secret, not the secret",
    Fault.WHITE_SPACE: "has white space or invisible characters in it",
    Fault.QUOTES: "has quotes around it",
    Fault.NOT_ASCII: "has characters that no generated value has",
}


def credentials(facts: Facts) -> Outcome:
    config = facts.config
    if config.uses_api_key:
        return not_applicable("CLIENT_ID and CLIENT_SECRET are not used with an API key.")
    texts = {name: config.text(name) for name in ("CLIENT_ID", "CLIENT_SECRET")}
    faults = {name: credential_faults(text, Member(name)) for name, text in texts.items()}
    wrong = [(name, fault) for name, found in faults.items() for fault in found if not fault.warning_only]
    swap = swapped(*texts.values())
    said = [
        f"{at(config, config.settings[name].path)}{name} {_CREDENTIAL_FAULTS[fault]}."
        for name, fault in wrong
    ]
    if swap is Swapped.DEFINITELY:
        where = at(config, config.settings["CLIENT_ID"].path)
        said.append(
            f"{where}CLIENT_ID and CLIENT_SECRET stand in each other's place (told by their lengths)."
        )
    first = wrong[0][0] if wrong else "CLIENT_ID"
    if said:
        mendable = all(fault.mendable for _, fault in wrong)
        tidied = {name: tidy_credential(text).text for name, text in texts.items()}
        if swap is Swapped.DEFINITELY:
            tidied = {"CLIENT_ID": tidied["CLIENT_SECRET"], "CLIENT_SECRET": tidied["CLIENT_ID"]}
        fix = set_members(config, tidied if mendable else {}, "put CLIENT_ID and CLIENT_SECRET right")
        return fail(
            " ".join(said),
            remedy=to_fix(config) if fix else _again(config, [name for name, _ in wrong] or list(texts)),
            fix=fix,
            excerpt=shown(config, config.settings[first].path),
        )
    unusual = [name for name, found in faults.items() if found]
    if not unusual:
        return ok("CLIENT_ID and CLIENT_SECRET look as Majora makes them.")
    lengths = ", ".join(
        f"{name} has {len(tidy_credential(texts[name]).text)} characters ({40 if name == 'CLIENT_ID' else 128} are "
        "usual)"
        for name in unusual
    )
    maybe = " They may stand in each other's place." if swap is Swapped.POSSIBLY else ""
    return warn(
        f"{at(config, config.settings[unusual[0]].path)}{lengths}.{maybe}",
        consequence="Where one was cut off as it was copied, the server refuses the client.",
        remedy=_again(config, unusual),
    )


def _again(config: ConfigFacts, names: list[str]) -> Remedy:
    text = "Copy them again from the application's page at Majora. The secret is only seen before it is saved there."
    if config.place.from_env:
        return Remedy(text, tuple(set_command(name) for name in dict.fromkeys(names)))
    return to_init(config, text)
