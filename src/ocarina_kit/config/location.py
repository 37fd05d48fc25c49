"""Which set-up a run is about, and what it comes to once it is read."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ocarina_kit.system.secret import Secret

NO_TOKENS = (
    "MAJORA_TOKEN is a legacy API key: there are no tokens, and nothing refreshes it. It is valid for 3 days; "
    "a new one is at keys/list/ on Majora."
)
"""What commands about tokens say of a set-up with a legacy key."""


class SetupLocation(NamedTuple):
    """A configuration file and a profile in it, if asked for; or the environment (``--env``).

    ``source`` says who named the file: ``option`` (--config), ``environment`` (OCARINA_CONF_FILE) or ``default``.
    """

    config: Path
    source: str = "default"
    profile: str | None = None
    from_env: bool = False

    def command(self, *words: str) -> str:
        """``ocarina-kit WORDS`` for this set-up, quoted for a shell: what remedies name."""
        import shlex

        named = ["--config", str(self.config)] if self.source == "option" else []
        profile = ["--profile", self.profile] if self.profile is not None else []
        return shlex.join(
            ["ocarina-kit", *words, *named, *(["--env"] if self.from_env else profile)]
        )


class Setup(NamedTuple):
    """What a configuration comes to; usable if `doctor.setup.usable` made it, repaired in memory then.

    ``domain`` is a base URL that ends in one ``/``. ``tokens_file`` is absolute. With a legacy API key ``legacy_key``
    holds it, and the client id and secret may be fillers. ``notes``: what was repaired in memory alone, so that ocarina
    itself still stumbles over it.
    """

    location: SetupLocation
    domain: str
    user: str
    tokens_file: Path
    client_id: str = ""
    client_secret: Secret = Secret("")
    legacy_key: Secret | None = None
    notes: tuple[str, ...] = ()

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What must never be shown."""
        return tuple(each for each in (self.client_secret, self.legacy_key) if each)
