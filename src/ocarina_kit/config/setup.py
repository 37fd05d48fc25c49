"""From a place to a set-up: the file or the environment, and the client's layers.

The layers are the client's own (FACTS.md, The client): top level, the object "default", the profile; the later ones
win, each setting by itself. A profile that does not exist is silently no layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from ocarina_kit.config import jsontext
from ocarina_kit.config.jsontext import Document, Spot
from ocarina_kit.config.location import Setup, SetupLocation
from ocarina_kit.config.names import PAIR, SETTINGS
from ocarina_kit.config.values import is_api_key, judge, tidied
from ocarina_kit.system.file_kind import FileKind
from ocarina_kit.system.files import File, read_file
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.secret import Secret


class Config(NamedTuple):
    """One look at a configuration. ``settings``: those that are given, as the client has them. ``readable``: what is in
    the file, repaired or not, None if it cannot be; ``broken``: where and why it is not JSON."""

    machine: Machine
    location: SetupLocation
    settings: Mapping[str, object]
    file: File = File(Path(), FileKind.MISSING)
    readable: Document | None = None
    broken: Spot | None = None

    @property
    def document(self) -> Document:
        """What is in the file, as far as it can be read: an empty object otherwise, and with --env."""
        return self.readable or Document("{}\n")

    @property
    def uses_api_key(self) -> bool:
        """Whether MAJORA_TOKEN is a legacy API key: then id, secret and tokens are not used."""
        return is_api_key(self.text("MAJORA_TOKEN"))

    @property
    def tokens_file(self) -> Path:
        """The set-up's tokens file, ``~`` expanded, else ``~/.ocarina-tokens``; absolute."""
        name = judge("MAJORA_TOKENS_FILE", self.text("MAJORA_TOKENS_FILE"))
        return self.machine.expand(name.text if name.usable else "~/.ocarina-tokens")

    def text(self, name: str) -> str:
        """A setting's value if it is a string, else ""."""
        value = self.settings.get(name)
        return value if isinstance(value, str) else ""

    def path_of(self, name: str) -> jsontext.Path:
        """Where a setting is that the client reads, or where it must be put for the client to see it."""
        profile = self.location.profile
        found = [
            path
            for path, layer in layers(self.document.value, profile)
            if name in layer
        ]
        if found:
            return (*found[-1], name)
        return (name,) if profile is None else ("profile", profile, name)

    def with_document(self, document: Document) -> Config:
        return self._replace(
            readable=document, settings=effective(document.value, self.location.profile)
        )

    def with_values(self, values: Mapping[str, str]) -> Config:
        """The configuration with these settings changed where the client reads them, in memory."""
        if self.readable is None:
            return self._replace(settings={**self.settings, **values})
        document = self.readable
        for name, value in values.items():
            document = document.set(self.path_of(name), value)
        return self.with_document(document)


def location_of(
    machine: Machine,
    *,
    config: str | None = None,
    profile: str | None = None,
    env: bool = False,
) -> SetupLocation:
    """The set-up that the shared options and the environment name (CONTRACT.md, Files)."""
    named = config or machine.environ.get("OCARINA_CONF_FILE")
    source = "option" if config else "environment" if named else "default"
    # The client ignores --profile with --env; so does the kit, and the command line says so.
    return SetupLocation(
        machine.expand(named or "~/.ocarina"), source, None if env else profile, env
    )


def read_config(machine: Machine, location: SetupLocation) -> Config:
    """Look at the configuration. Never raises for what it finds."""
    if location.from_env:
        return Config(machine, location, from_environment(machine.environ))
    file = read_file(location.config)
    document, broken = (
        jsontext.read(file.content) if file.content is not None else (None, None)
    )
    settings = (
        effective(document.value, location.profile) if document is not None else {}
    )
    return Config(machine, location, settings, file, document, broken)


def layers(
    value: Mapping[str, object], profile: str | None
) -> Iterator[tuple[jsontext.Path, Mapping[str, object]]]:
    """The file's layers, the weakest first: the way to each, and its settings."""
    yield (), value
    default = value.get("default")
    if isinstance(default, dict):
        yield ("default",), default
    if profile is not None and (own := profiles(value).get(profile)) is not None:
        yield ("profile", profile), own


def profiles(value: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """The profiles in a file, in its order."""
    table = value.get("profile")
    if not isinstance(table, dict):
        return {}
    return {name: each for name, each in table.items() if isinstance(each, dict)}


def effective(
    value: Mapping[str, object], profile: str | None = None
) -> dict[str, object]:
    """Each setting that the file gives, as the client has it."""
    given = {
        name: each
        for _, layer in layers(value, profile)
        for name, each in layer.items()
    }
    return {name: given[name] for name in SETTINGS if name in given}


def from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What the client takes from the environment with ``--env``: blank variables count as not set.

    If CLIENT_ID is unset the older names count, and MAJORA_CLIENT_SECRET goes before CLIENT_SECRET (FACTS.md).
    """
    found = {name: environ[name] for name in SETTINGS if environ.get(name)}
    if "CLIENT_ID" not in found and "MAJORA_CLIENT_ID" in environ:
        older = {name: environ.get(f"MAJORA_{name}") for name in PAIR}
        found.update(
            {name: value for name, value in older.items() if value is not None}
        )
    return found


def setup_of(config: Config) -> Setup:
    """The set-up that a configuration comes to, also if it cannot be used."""
    return Setup(
        config.location,
        config.text("MAJORA_DOMAIN"),
        judge("MAJORA_USER", config.text("MAJORA_USER")).text,
        config.tokens_file,
        config.text("CLIENT_ID"),
        Secret(config.text("CLIENT_SECRET")),
        Secret(tidied(config.text("MAJORA_TOKEN"))) if config.uses_api_key else None,
    )
