"""Settings into the configuration file, at the layer where the client reads them; all else in it stays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from shlex import quote

from ocarina_kit.config.names import PAIR, TEXTS
from ocarina_kit.config.setup import Config, profiles
from ocarina_kit.config.values import FILLER, is_api_key
from ocarina_kit.system.problem import KitError, Problem, Remedy, usage_error
from ocarina_kit.system.words import strip_ends


def check_profile_name(name: str) -> None:
    """Raises a usage error if a profile cannot have this name: it becomes part of a file name and a crontab line."""
    allowed = r"(?!\.{1,2}\Z)(?! )[^\x00-\x1f\x7f/\\'\"`$%]{1,64}(?<! )"
    if re.fullmatch(allowed, name) is None or not strip_ends(name):
        rule = "64 characters at most, with no slash, quote, backslash, $, % or line break, and no space at its ends."
        why = "It becomes part of a file name."
        raise usage_error(
            "A profile cannot have this name.",
            why=why,
            remedy=Remedy(f"Use another: {rule}"),
        )


def with_settings(config: Config, settings: Mapping[str, str]) -> Config:
    """The configuration ``config`` (all fixed that has one meaning: `doctor.setup.settled`) with these settings, each
    where the client reads it; as it was if it says so already.

    With a legacy key, blank ids and secrets get fillers; a profile gets a tokens file of its own (CONTRACT.md, init). A
    file that cannot be repaired is replaced (a backup is kept). Raises KitError if something in the file is in the way.
    """
    profile = config.location.profile
    own = profiles(config.document.value).get(profile or "", {})
    # A profile goes on with what a layer below it has, but not a new one, and not with its tokens file.
    now = (
        {name: config.text(name) for name in config.settings}
        if profile is None or own
        else {}
    )
    if profile is not None:
        now["MAJORA_TOKENS_FILE"] = strip_ends(str(own.get("MAJORA_TOKENS_FILE") or ""))
    wanted = {name: settings[name] for name in TEXTS if name in settings}
    if is_api_key(wanted.get("MAJORA_TOKEN", "")):
        wanted.update({name: now.get(name) or FILLER for name in PAIR})
    if wanted and profile is not None:
        wanted["MAJORA_TOKENS_FILE"] = (
            now["MAJORA_TOKENS_FILE"] or f"~/.ocarina-tokens-{profile}"
        )
    document = config.document
    for name, value in wanted.items():
        if value == now.get(name):
            continue
        path = config.path_of(name) if profile is None else ("profile", profile, name)
        try:
            document = document.set(path, value)
        except ValueError as problem:
            what = f"The configuration has something else where an object is needed: {problem}."
            edit = f"${{EDITOR:-vi}} {quote(str(config.location.config))}"
            remedy = Remedy("Remove it, or make it an object.", (edit,))
            raise KitError(
                Problem(
                    message=what, id="CFG010", why="Nothing was written.", remedy=remedy
                )
            ) from None
    return config.with_document(document)
