"""A set-up: which configuration a run is about, and what it comes to once it is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal

from ocarina_kit.core.secret import Secret

PathSource = Literal["option", "environment", "default"]


@dataclass(frozen=True)
class Place:
    """Where a set-up comes from: a configuration file and a profile in it, if asked for; or the environment.

    ``source`` says who named the file: ``--config``, ``OCARINA_CONF_FILE`` or nobody (``~/.ocarina``).
    """

    config: PurePath
    source: PathSource = "default"
    profile: str | None = None
    from_env: bool = False

    def options(self) -> tuple[str, ...]:
        """The shared options that name this place in a command for people; empty for the usual one."""
        options: list[str] = []
        if self.source == "option":
            options += ["--config", str(self.config)]
        if self.from_env:
            options.append("--env")
        elif self.profile is not None:
            options += ["--profile", self.profile]
        return tuple(options)

    def command(self, *words: str) -> str:
        """``ocarina-kit …`` for this place, quoted for a shell: what remedies name."""
        import shlex

        return shlex.join(("ocarina-kit", *words, *self.options()))


@dataclass(frozen=True)
class Setup:
    """A usable set-up: every member that a command needs, mended in memory where one meaning is beyond doubt.

    ``domain`` is a base URL that ends in one ``/``. With a legacy API key, ``legacy_key`` holds it and the client
    id and secret may be fillers.
    """

    place: Place
    domain: str
    user: str
    tokens_file: PurePath
    client_id: str = ""
    client_secret: Secret = field(default_factory=lambda: Secret(""))
    legacy_key: Secret | None = None
    notes: tuple[str, ...] = ()
    """What was mended in memory alone: ocarina itself still stumbles over it."""

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What must never be shown."""
        return tuple(secret for secret in (self.client_secret, self.legacy_key) if secret)
