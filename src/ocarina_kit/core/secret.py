"""A string that does not print itself: secrets travel wrapped, so that no log, repr or traceback shows one."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Secret:
    """A client secret, token, code or API key. ``str`` and ``repr`` are masked; :meth:`reveal` is the one way out."""

    _text: str = field(repr=False)

    def reveal(self) -> str:
        return self._text

    def __str__(self) -> str:
        return "****"

    def __repr__(self) -> str:
        return "Secret(****)"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __len__(self) -> int:
        return len(self._text)
