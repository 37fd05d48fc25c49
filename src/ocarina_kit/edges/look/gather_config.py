"""Looks at the configuration: which file, what stands in it, and what the client makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ocarina_kit.core.config.document import ConfigDocument
from ocarina_kit.core.config.layers import Setting, effective, effective_environment
from ocarina_kit.core.facts import ConfigFacts
from ocarina_kit.core.file_facts import FolderFacts
from ocarina_kit.core.setup import PathSource, Place
from ocarina_kit.edges.disk.files import folder_facts, read_file
from ocarina_kit.edges.system import System


def place_of(system: System, *, config: str | None, profile: str | None, env: bool) -> Place:
    """The set-up that the shared options and the environment name (CONTRACT.md, Files)."""
    source: PathSource
    if config:
        path, source = system.expand(config), "option"
    elif system.environ.get("OCARINA_CONF_FILE"):
        path, source = system.expand(system.environ["OCARINA_CONF_FILE"]), "environment"
    else:
        path, source = system.home / ".ocarina", "default"
    # The client ignores --profile with --env; so does the kit, and the command line says so.
    return Place(Path.cwd() / path, source, None if env else profile, env)


def config_facts(system: System, place: Place) -> ConfigFacts:
    """One look at the configuration. Never raises for what it finds."""
    if place.from_env:
        settings = effective_environment(system.environ)
        folder = _tokens_folder(system, settings)
        return ConfigFacts(place, settings=settings, tokens_folder=folder, home=system.home)
    file = read_file(Path(place.config))
    if file.content is None:
        return ConfigFacts(place, file, home=system.home)
    document = ConfigDocument.parse(file.content)
    if not isinstance(document, ConfigDocument):
        return ConfigFacts(place, file, document, home=system.home)
    settings = effective(document.value, place.profile)
    return ConfigFacts(place, file, document, settings, _tokens_folder(system, settings), system.home)


def tokens_path(system: System, settings: Mapping[str, Setting]) -> Path:
    """The set-up's tokens file, ``~`` expanded, else ``~/.ocarina-tokens``. A relative path starts where one is."""
    setting = settings.get("MAJORA_TOKENS_FILE")
    named = setting.text if setting is not None else ""
    return Path.cwd() / system.expand(named or "~/.ocarina-tokens")


def _tokens_folder(system: System, settings: Mapping[str, Setting]) -> FolderFacts:
    return folder_facts(tokens_path(system, settings).parent)
