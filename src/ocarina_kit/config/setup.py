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
from ocarina_kit.config.names import SETTINGS
from ocarina_kit.config.place import Place, Setup
from ocarina_kit.config.values import judge, token_kind
from ocarina_kit.system.files import File, read_file
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.secret import Secret


class Setting(NamedTuple):
    """A setting as the client has it. ``origin``: where its value came from, in words; ``path``: the way to it in the
    file, or the variable's name."""

    name: str
    value: object
    origin: str
    path: jsontext.Path = ()

    @property
    def text(self) -> str:
        """The value if it is a string, else ""."""
        return self.value if isinstance(self.value, str) else ""


class Config(NamedTuple):
    """One look at a configuration. ``file`` is None with --env, ``document`` where there is nothing to read.

    ``tokens_file``: the path of the tokens file; ``tokens_folder``: whether its folder exists.
    """

    place: Place
    file: File | None
    document: Document | Spot | None
    settings: Mapping[str, Setting]
    home: Path
    tokens_file: Path
    tokens_folder: bool = True

    @property
    def readable(self) -> Document | None:
        return self.document if isinstance(self.document, Document) else None

    @property
    def broken(self) -> Spot | None:
        """Where and why the file is not JSON, repaired or not."""
        return self.document.slip if isinstance(self.document, Document) else self.document

    @property
    def uses_api_key(self) -> bool:
        """Whether MAJORA_TOKEN is a legacy API key: then id, secret and tokens are not used."""
        return token_kind(self.text("MAJORA_TOKEN")) == "key"

    def text(self, name: str) -> str:
        """A setting's value if it is a string, else ""."""
        return self.settings[name].text if name in self.settings else ""

    def path_of(self, name: str) -> jsontext.Path:
        """Where a setting is that the client reads, or where it must be put for the client to see it."""
        if name in self.settings:
            return self.settings[name].path
        return (name,) if self.place.profile is None else ("profile", self.place.profile, name)

    def with_document(self, document: Document) -> Config:
        return self._replace(document=document, settings=effective(document.value, self.place.profile))

    def with_values(self, values: Mapping[str, str]) -> Config:
        """The configuration with these settings changed where the client reads them, in memory."""
        document = self.readable
        if document is None:
            new = {name: Setting(name, value, "", self.path_of(name)) for name, value in values.items()}
            return self._replace(settings={**self.settings, **new})
        for name, value in values.items():
            document = document.set(self.path_of(name), value)
        return self.with_document(document)


# --- reading ---------------------------------------------------------------------------------------------------


def place_of(
    machine: Machine, *, config: str | None = None, profile: str | None = None, env: bool = False
) -> Place:
    """The set-up that the shared options and the environment name (CONTRACT.md, Files)."""
    named = config or machine.environ.get("OCARINA_CONF_FILE")
    source = "option" if config else "environment" if named else "default"
    # The client ignores --profile with --env; so does the kit, and the command line says so.
    return Place(machine.expand(named or "~/.ocarina"), source, None if env else profile, env)


def read_config(machine: Machine, place: Place) -> Config:
    """Look at the configuration. Never raises for what it finds."""
    file = document = None
    if place.from_env:
        settings = from_environment(machine.environ)
    else:
        file = read_file(place.config)
        document = jsontext.read(file.content) if file.content is not None else None
        settings = effective(document.value, place.profile) if isinstance(document, Document) else {}
    tokens = tokens_path(machine, settings)
    folder = read_file(tokens.parent).kind in ("folder", "unreadable")
    return Config(place, file, document, settings, machine.home, tokens, folder)


def tokens_path(machine: Machine, settings: Mapping[str, Setting]) -> Path:
    """The set-up's tokens file, ``~`` expanded, else ``~/.ocarina-tokens``; absolute."""
    named = settings["MAJORA_TOKENS_FILE"].text if "MAJORA_TOKENS_FILE" in settings else ""
    return machine.expand(named or "~/.ocarina-tokens")


def layers(
    value: Mapping[str, object], profile: str | None
) -> Iterator[tuple[jsontext.Path, Mapping[str, object]]]:
    """The file's layers, the weakest first: the way to each, and its settings."""
    yield (), value
    default = value.get("default")
    if isinstance(default, dict):
        yield ("default",), default
    if profile is not None and profile in (known := profiles(value)):
        yield ("profile", profile), known[profile]


def profiles(value: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """The profiles in a file, in its order."""
    found = value.get("profile")
    table = found if isinstance(found, dict) else {}
    return {name: each for name, each in table.items() if isinstance(each, dict)}


def effective(value: Mapping[str, object], profile: str | None = None) -> dict[str, Setting]:
    """Each setting that the file gives, as the client has it."""
    return {
        name: Setting(name, mapping[name], "the configuration", (*path, name))
        for path, mapping in layers(value, profile)
        for name in SETTINGS
        if name in mapping
    }


def from_environment(environ: Mapping[str, str]) -> dict[str, Setting]:
    """What the client takes from the environment with ``--env``: blank variables count as not set.

    Where CLIENT_ID is unset the older names count, and MAJORA_CLIENT_SECRET goes before CLIENT_SECRET (FACTS.md).
    """
    variables = {name: name for name in SETTINGS if environ.get(name)}
    if "CLIENT_ID" not in variables and "MAJORA_CLIENT_ID" in environ:
        older = {name: f"MAJORA_{name}" for name in ("CLIENT_ID", "CLIENT_SECRET")}
        variables.update({name: variable for name, variable in older.items() if variable in environ})
    return {
        name: Setting(name, environ[variable], f"variable {variable}", (variable,))
        for name, variable in variables.items()
    }


def setup_of(machine: Machine, config: Config) -> Setup:
    """The set-up that a configuration comes to, also if it cannot be used."""
    key = judge("MAJORA_TOKEN", config.text("MAJORA_TOKEN")).text if config.uses_api_key else ""
    return Setup(
        config.place,
        config.text("MAJORA_DOMAIN"),
        judge("MAJORA_USER", config.text("MAJORA_USER")).text,
        tokens_path(machine, config.settings),
        config.text("CLIENT_ID"),
        Secret(config.text("CLIENT_SECRET")),
        Secret(key) if key else None,
    )
