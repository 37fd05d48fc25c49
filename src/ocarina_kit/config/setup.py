"""From a place to a set-up: the file or the environment, the client's layers, and what a command can work with.

The layers are the client's own (FACTS.md, The client): built in, top level, the object "default", the profile; the
later ones win, each setting by itself. A profile that does not exist is silently no layer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ocarina_kit.config import jsontext
from ocarina_kit.config.jsontext import Broken, Document
from ocarina_kit.config.names import BUILT_IN, SETTINGS
from ocarina_kit.config.place import Place, Setup
from ocarina_kit.config.values import judge, token_kind
from ocarina_kit.system.errors import KitError
from ocarina_kit.system.files import File, read_file
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.secret import Secret

if TYPE_CHECKING:
    from ocarina_kit.config.finding import Finding
    from ocarina_kit.system.change import Change

BLOCKING = tuple(f"CFG{number:03}" for number in (1, 2, *range(4, 12)))
"""Checks whose failure leaves a command nothing to work with."""


class Setting(NamedTuple):
    """A setting as the client has it. ``origin``: where its value came from, in words; ``path``: the way to it in the
    file, or the variable's name; empty for what is built in."""

    name: str
    value: object
    origin: str
    path: jsontext.Path = ()

    @property
    def text(self) -> str:
        """The value if it is a string, else ""."""
        return self.value if isinstance(self.value, str) else ""

    def __repr__(self) -> str:
        return f"Setting({self.name}, {self.origin})"


class Config(NamedTuple):
    """One look at a configuration. ``file`` is None with --env, ``document`` where there is nothing to read.

    ``tokens_file``: the path of the tokens file; ``tokens_folder``: whether its folder exists.
    """

    place: Place
    file: File | None
    document: Document | Broken | None
    settings: Mapping[str, Setting]
    home: Path
    tokens_file: Path
    tokens_folder: bool = True

    @property
    def readable(self) -> Document | None:
        return self.document if isinstance(self.document, Document) else None

    @property
    def uses_api_key(self) -> bool:
        """Whether MAJORA_TOKEN is a legacy API key: then id, secret and tokens are not used."""
        return token_kind(self.text("MAJORA_TOKEN")) == "key"

    def text(self, name: str) -> str:
        """A setting's value if it is a string, else ""."""
        return self.settings[name].text if name in self.settings else ""

    def path_of(self, name: str) -> jsontext.Path:
        """Where a setting is that the client reads, or where it must be put for the client to see it."""
        setting = self.settings.get(name)
        if setting is not None and setting.path:
            return setting.path
        return (name,) if self.place.profile is None else ("profile", self.place.profile, name)

    def with_document(self, document: Document) -> Config:
        return self._replace(document=document, settings=effective(document.value, self.place.profile))

    def with_values(self, values: Mapping[str, object]) -> Config:
        """The configuration with these settings changed where the client reads them, in memory."""
        document = self.readable
        if document is None:
            settings = {name: self.settings[name]._replace(value=value) for name, value in values.items()}
            return self._replace(settings={**self.settings, **settings})
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
    path = machine.expand(named) if named else machine.home / ".ocarina"
    # The client ignores --profile with --env; so does the kit, and the command line says so.
    return Place(path, source, None if env else profile, env)


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
    return Config(
        place,
        file,
        document,
        settings,
        machine.home,
        tokens,
        read_file(tokens.parent).kind in ("folder", "unreadable"),
    )


def tokens_path(machine: Machine, settings: Mapping[str, Setting]) -> Path:
    """The set-up's tokens file, ``~`` expanded, else ``~/.ocarina-tokens``; absolute."""
    named = settings["MAJORA_TOKENS_FILE"].text if "MAJORA_TOKENS_FILE" in settings else ""
    return machine.expand(named or "~/.ocarina-tokens")


def layers(
    value: Mapping[str, object], profile: str | None
) -> Iterator[tuple[str, jsontext.Path, Mapping[str, object]]]:
    """The file's layers, the weakest first: where it is in words, the way to it, and its settings."""
    yield "top level", (), value
    default = value.get("default")
    if isinstance(default, dict):
        yield 'object "default"', ("default",), default
    if profile is not None and profile in (known := profiles(value)):
        yield f"profile {profile}", ("profile", profile), known[profile]


def profiles(value: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """The profiles in a file, in its order."""
    found = value.get("profile")
    table = found if isinstance(found, dict) else {}
    return {name: each for name, each in table.items() if isinstance(each, dict)}


def effective(value: Mapping[str, object], profile: str | None = None) -> dict[str, Setting]:
    """Each setting that has a value, as the client has it."""
    settings = {name: Setting(name, each, "built into the client") for name, each in BUILT_IN.items()}
    for origin, path, mapping in layers(value, profile):
        for name in SETTINGS:
            if name in mapping:
                settings[name] = Setting(name, mapping[name], origin, (*path, name))
    return {name: settings[name] for name in SETTINGS if name in settings}


def from_environment(environ: Mapping[str, str]) -> dict[str, Setting]:
    """What the client takes from the environment with ``--env``: blank variables count as not set.

    Where CLIENT_ID is unset the older names count, and MAJORA_CLIENT_SECRET goes before CLIENT_SECRET (FACTS.md).
    """
    variables = {name: name for name in SETTINGS if environ.get(name)}
    if "CLIENT_ID" not in variables and "MAJORA_CLIENT_ID" in environ:
        older = {name: f"MAJORA_{name}" for name in ("CLIENT_ID", "CLIENT_SECRET")}
        variables.update({name: variable for name, variable in older.items() if variable in environ})
    settings = {name: Setting(name, each, "built into the client") for name, each in BUILT_IN.items()}
    for name, variable in variables.items():
        settings[name] = Setting(name, environ[variable], f"variable {variable}", (variable,))
    return settings


# --- what can be worked with -----------------------------------------------------------------------------------


def settled(
    config: Config, checks: Collection[str] | None = None, client: tuple[int, ...] | None = None
) -> tuple[Config, list[Finding]]:
    """The configuration in memory once all that has one meaning is fixed, and the findings that were.

    One after another, each judged on what the ones before left. ``checks``: only these; ``client``: the installed
    client's version, where it counts.
    """
    from ocarina_kit.config.findings import findings

    done: list[Finding] = []
    while len(done) < 20:
        wanted = (each for each in findings(config, client) if checks is None or each.check in checks)
        step = next((each for each in wanted if each.fixed is not None), None)
        if step is None or step.fixed is None:
            break
        done.append(step)
        config = step.fixed
    return config, done


def fixed(
    config: Config, checks: Collection[str] | None = None, client: tuple[int, ...] | None = None
) -> Change | None:
    """The one write of the file that fixes all that these checks (None: all) can fix; None where there is nothing."""
    from ocarina_kit.system.change import write

    after, done = settled(config, checks, client)
    if not done or config.file is None or after.readable is None:
        return None
    why = "; ".join(each.change.why for each in done if each.change is not None)
    return write(config.file.path, "config", config.file.content, after.readable.render(), why)


def usable(machine: Machine, config: Config) -> Setup:
    """The set-up that a command works with, repaired in memory where it has one meaning; ``notes`` say what was.

    Raises KitError with the id of the first check whose failure leaves nothing to work with.
    """
    from ocarina_kit.config.finding import IMPACTS
    from ocarina_kit.config.findings import findings

    config, done = settled(config, BLOCKING)
    for finding in findings(config):
        if finding.status == "fail" and finding.check in BLOCKING:
            why = IMPACTS[finding.check]
            raise KitError(
                f"{finding.words.text.rstrip('.')}.", id=finding.check, why=why, remedy=finding.remedy
            )
    return setup_of(machine, config)._replace(notes=tuple(_note(each) for each in done))


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


def _note(finding: Finding) -> str:
    command = f" To fix it: {finding.remedy.commands[0]}" if finding.remedy.commands else ""
    return f"[{finding.check}] {finding.words.text}. Corrected for this run only.{command}"
