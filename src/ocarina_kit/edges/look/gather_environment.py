"""Looks at this shell's variables, and at the folders in which the kit and ocarina write. Writes nothing."""

from __future__ import annotations

import os
from pathlib import Path

from ocarina_kit.core.environment_facts import (
    CA_BUNDLE_VARIABLES,
    PROXY_VARIABLES,
    SETUP_VARIABLES,
    EnvironmentFacts,
)
from ocarina_kit.core.facts import ConfigFacts
from ocarina_kit.edges.disk.files import folder_facts
from ocarina_kit.edges.look.gather_config import tokens_path
from ocarina_kit.edges.system import System


def environment_facts(system: System, config: ConfigFacts) -> EnvironmentFacts:
    """One look. Never raises for what it finds."""
    names = [*CA_BUNDLE_VARIABLES, *PROXY_VARIABLES]
    if config.place.from_env:
        names += SETUP_VARIABLES
    elif config.place.source == "environment":
        names.append("OCARINA_CONF_FILE")
    places = {
        "your home": system.home,
        "the tokens file": _folder_of(tokens_path(system, config.settings)),
        "the state folder": _nearest(system.state_dir),
    }
    if not config.place.from_env:
        places["the configuration"] = _folder_of(Path(config.place.config))
    return EnvironmentFacts(
        frozenset(name for name in names if system.environ.get(name)),
        {words: folder_facts(folder) for words, folder in places.items()},
    )


def _folder_of(path: Path) -> Path:
    """Where a file is replaced: beside what a link leads to."""
    try:
        return Path(os.path.realpath(path)).parent
    except (OSError, ValueError):
        return path.parent


def _nearest(folder: Path) -> Path:
    """The folder itself, or the nearest above it that is there: the kit makes what is missing."""
    for each in (folder, *folder.parents):
        try:
            if each.exists():
                return each
        except OSError:
            return each
    return folder
