"""What a command hands back: an exit code, the JSON members of its own, and the error where it failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ocarina_kit.core.errors import Exit, KitError


@dataclass(frozen=True)
class Result:
    """A finished command.

    ``data`` holds the members that stand beside ``schema``, ``command``, ``ok``, ``exit`` and ``error`` in the
    command's JSON document. A failed command that has already told people of its failure in its own view
    (doctor, refresh, status) sets ``error_shown``: the error then stands in the JSON alone.
    """

    exit: Exit = Exit.OK
    data: Mapping[str, Any] = field(default_factory=dict)
    error: KitError | None = None
    error_shown: bool = False
    printed: bool = False
    """The command has printed its own document already (``sandbox``, which is ready long before it ends)."""

    def __post_init__(self) -> None:
        if self.exit is not Exit.OK and self.error is None:
            raise ValueError("a result that is not 0 carries its error (CONTRACT.md, Every command)")

    @classmethod
    def failed(cls, error: KitError, data: Mapping[str, Any] | None = None, *, shown: bool = False) -> Result:
        return cls(error.exit, data or {}, error, shown)
