"""Settings into the configuration file, at the layer where the client reads them; all else in it stays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ocarina_kit.config.jsontext import Document
from ocarina_kit.config.place import Place
from ocarina_kit.config.setup import profiles, read_config, settled
from ocarina_kit.config.values import FILLER, token_kind
from ocarina_kit.system.errors import KitError, usage_error
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.words import strip_ends

if TYPE_CHECKING:
    from ocarina_kit.system.change import Change

_ORDER = ("MAJORA_DOMAIN", "MAJORA_USER", "MAJORA_TOKEN", "CLIENT_ID", "CLIENT_SECRET", "MAJORA_TOKENS_FILE")
"""The order in which the guide writes a configuration (FACTS.md, step 3)."""


def check_profile_name(name: str) -> None:
    """Raises a usage error where a profile cannot have this name: it becomes part of a file name and a crontab line."""
    allowed = r"(?!\.{1,2}\Z)(?! )[^\x00-\x1f\x7f/\\'\"`$%]{1,64}(?<! )"
    if re.fullmatch(allowed, name) is None or not strip_ends(name):
        why = "64 characters at most, with no slash, quote, backslash, $, % or line break, and no space at its ends."
        raise usage_error("A profile cannot have this name.", why=f"It becomes part of a file name: {why}")


def plan_settings(machine: Machine, place: Place, settings: Mapping[str, str]) -> list[Change]:
    """The write that gives the set-up these settings, and fixes what has one meaning; no change where that is so.

    With a legacy key, blank ids and secrets get fillers; a new profile gets a tokens file of its own (CONTRACT.md,
    init). A file that cannot be repaired is replaced (a backup is kept). Raises KitError where something in the file is
    in the way, and a usage error for a profile's name.
    """
    from ocarina_kit.system.change import write

    config, _ = settled(read_config(machine, place))
    document, profile = config.readable, place.profile
    own = profiles(document.value).get(profile or "", {}) if document is not None else {}
    wanted = {name: settings[name] for name in _ORDER if name in settings}
    if token_kind(wanted.get("MAJORA_TOKEN", "OAUTH")) == "key":
        for name in ("CLIENT_ID", "CLIENT_SECRET"):
            wanted[name] = wanted.get(name) or config.text(name) or FILLER
    if profile is not None:
        check_profile_name(profile)
        if not strip_ends(str(own.get("MAJORA_TOKENS_FILE") or "")):
            wanted.setdefault("MAJORA_TOKENS_FILE", f"~/.ocarina-tokens-{profile}")
    new = wanted if profile is None else {"profile": {profile: wanted}}
    if document is None:
        after = _set(Document("{}\n", {}), {(name,): value for name, value in new.items()})
    elif profile is not None and not own:
        after = _set(document, {("profile", profile): wanted})
    else:
        # A profile goes on without a setting that a layer below it has; its tokens file must be its own.
        missing = {
            config.path_of(name) if profile is None else ("profile", profile, name): value
            for name, value in wanted.items()
            if config.text(name) != value or (name == "MAJORA_TOKENS_FILE" and name not in own and profile)
        }
        after = _set(document, missing)
    before = config.file.content if config.file is not None else None
    if after.render() == before:
        return []
    return [write(place.config, "config", before, after.render(), "write the configuration")]


def _set(document: Document, values: Mapping[tuple[str, ...], object]) -> Document:
    try:
        for path, value in values.items():
            document = document.set(path, value)
    except ValueError as problem:
        raise KitError(
            f"The configuration has something else where an object is needed: {problem}.", id="CFG010"
        ) from None
    return document
