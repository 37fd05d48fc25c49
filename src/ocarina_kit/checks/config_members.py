"""What the CFG checks share: places in the file, in words and with a caret; fixes as plans; commands for remedies."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Mapping
from pathlib import PurePosixPath

from ocarina_kit.checks.model import Outcome, Status, not_applicable
from ocarina_kit.core.config.document import ConfigDocument, Path
from ocarina_kit.core.config.json_tree import Lines, Position
from ocarina_kit.core.config.layers import (
    Layer,
    MemberFault,
    NearMiss,
    faulty_members,
    near_misses,
    profile_object,
    where_to_set,
)
from ocarina_kit.core.config.lenient_json import KNOWN_WORDS, Broken, excerpt
from ocarina_kit.core.errors import Remedy
from ocarina_kit.core.facts import ConfigFacts, Facts
from ocarina_kit.core.plan import Plan, WriteFile

SECRET_MEMBERS = frozenset({"CLIENT_SECRET", "MAJORA_TOKEN"})


def not_with_env(probe: Callable[[Facts], Outcome]) -> Callable[[Facts], Outcome]:
    """A probe of the file: with ``--env`` there is none to judge."""

    def judged(facts: Facts) -> Outcome:
        if facts.config.place.from_env:
            return not_applicable("The set-up comes from the environment (--env).")
        return probe(facts)

    return judged


def follows(cause: str) -> Outcome:
    """A skip for what cannot be told because another check, on which this one does not always rest, fails."""
    return Outcome(Status.SKIP, f"rests on {cause}", cause=cause)


# --- places -------------------------------------------------------------------------------------------------


def position_of(config: ConfigFacts, path: Path) -> Position | None:
    """Where a member's value stands in the file; of a profile, where the profile does."""
    document = config.readable
    member = document.member(path) if document is not None and path else None
    if document is None or member is None:
        return None
    start = member.start if member.value.kind == "object" else member.value.start
    return Lines(document.text).position(start)


def at(config: ConfigFacts, path: Path = ()) -> str:
    """``file:line:column: `` as compilers say it, or the variable, with what separates it from the sentence."""
    if config.place.from_env:
        return f"variable {path[0]}: " if path else ""
    position = position_of(config, path)
    where = f":{position.line}:{position.column}" if position is not None else ""
    return f"{config.place.config}{where}: "


def shown(config: ConfigFacts, path: Path | None, value: str = "") -> str:
    """The member's line with a caret under its value; all values masked but ``value``, where that is no secret."""
    document = config.readable
    position = position_of(config, path or ())
    if document is None or position is None:
        return ""
    known = KNOWN_WORDS | {value} if value else KNOWN_WORDS
    return excerpt(Lines(document.text).line(position.line), position.column, known)


def broken_shown(config: ConfigFacts) -> str:
    found = config.document
    return found.excerpt if isinstance(found, (Broken, ConfigDocument)) else ""


# --- members ------------------------------------------------------------------------------------------------


def near_misses_of(config: ConfigFacts, wanted: Collection[str]) -> tuple[NearMiss, ...]:
    """Names that are meant as one of ``wanted``, in the objects that the client reads."""
    document, profile = config.readable, config.place.profile
    if document is None or config.place.from_env:
        return ()
    value = document.value
    layers: list[tuple[Path, object]] = [((), value), (("default",), value.get("default"))]
    if profile is not None:
        layers.append((("profile", profile), profile_object(value, profile)))
    found = [
        miss
        for path, mapping in layers
        if isinstance(mapping, dict)
        for miss in near_misses(mapping, path)
        if miss.meant in wanted
    ]
    return tuple(found)


def missing_in_profile(config: ConfigFacts, name: str | None = None) -> tuple[str, ...]:
    """What the profile that was asked for lacks and no layer below it has: CFG011's, not CFG004's.

    A near miss is CFG004's. With ``name``: only that member. Where the profile itself is not there, everything is.
    """
    document, profile = config.readable, config.place.profile
    if config.place.from_env or document is None or profile is None:
        return ()
    if profile_object(document.value, profile) is None:
        return ("the profile",)
    missing = {each.name for each in faulty_members(config.settings) if each.fault is MemberFault.MISSING}
    missing -= {miss.meant for miss in near_misses_of(config, missing)}
    names = (each.name for each in faulty_members(config.settings) if each.name in missing)
    return tuple(found for found in names if name is None or found == name)


def path_for(config: ConfigFacts, name: str) -> Path:
    """Where a member stands that the client reads, or where it must be put for the client to see it."""
    setting = config.settings.get(name)
    if setting is not None and setting.layer is not Layer.BUILT_IN:
        return setting.path
    document = config.readable
    return where_to_set(document.value if document is not None else {}, config.place.profile, name)


def expanded(config: ConfigFacts, path: str) -> str:
    """A path with ``~`` as the client expands it, for telling whether two are one."""
    if config.home is not None and (path == "~" or path.startswith("~/")):
        path = str(config.home / path[2:])
    return str(PurePosixPath(path))


# --- fixes and remedies -------------------------------------------------------------------------------------


def written(config: ConfigFacts, document: ConfigDocument | None, why: str) -> Plan:
    """The plan that puts ``document`` in the file's place; none where that changes nothing."""
    file = config.file
    if document is None or file is None or document.render() == file.content:
        return Plan()
    return Plan((WriteFile(file.path, "config", file.content, document.render(), why),))


def to_fix(config: ConfigFacts) -> Remedy:
    return Remedy("doctor mends it, and keeps everything else in the file.", (fix_command(config),))


def fix_command(config: ConfigFacts) -> str:
    return config.place.command("doctor", "--fix")


def to_init(config: ConfigFacts, text: str) -> Remedy:
    return Remedy(text, (config.place.command("init"),))


def edit_command(config: ConfigFacts, position: Position | None = None) -> str:
    """Opens the file in an editor, at a line where there is one: vi, nano and emacs all take ``+LINE``."""
    line = f"+{position.line} " if position is not None else ""
    return f"${{EDITOR:-vi}} {line}{shlex.quote(str(config.place.config))}"


def set_command(name: str, value: str = "") -> str:
    """Sets a variable in the shell; a secret is typed unseen, and does not end up in the shell's history."""
    if name in SECRET_MEMBERS and not value:
        return f"read -rs {name} && export {name}"
    return f"export {name}={shlex.quote(value) if value else '…'}"


def fill_in(config: ConfigFacts, names: list[str]) -> Remedy:
    if config.place.from_env:
        return Remedy(
            "Set them in the environment, then run the command again.",
            tuple(set_command(name) for name in names),
        )
    return to_init(config, "init asks for what is missing, and keeps the rest.")


def set_members(config: ConfigFacts, values: Mapping[str, str], why: str) -> Plan:
    """The file with these members set where the client reads them."""
    document = config.readable
    if document is None or config.place.from_env:
        return Plan()
    for name, value in values.items():
        document = document.set(path_for(config, name), value)
    return written(config, document, why)
