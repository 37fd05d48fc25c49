"""Which purposes a person chose from a numbered list. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ocarina_kit.core.client.scopes import Purpose, expand
from ocarina_kit.core.errors import UsageError

_RANGE = re.compile(r"(\d{1,3})\s*-\s*(\d{1,3})", re.ASCII)


def chosen(answer: str, listed: Sequence[Purpose], bundles: Sequence[str] = ()) -> tuple[str, ...]:
    """The names chosen by ``1``, ``1 3``, ``2,4-6``, names such as ``lookup`` or ``upload``, ``all``, or any mix.

    ``listed`` are the purposes in the list's order, numbered from 1; ``bundles`` are numbered on behind them. Raises
    :class:`~ocarina_kit.core.errors.UsageError`, in words for the person who answered, for anything else.
    """
    names = [*(purpose.name for purpose in listed), *bundles]
    picked: dict[str, None] = {}
    words = _RANGE.sub(r"\1-\2", answer).replace(",", " ").replace(";", " ").split()
    for word in words:
        found = _RANGE.fullmatch(word)
        if found is not None:
            first, last = sorted((int(found[1]), int(found[2])))
        elif word.rstrip(".").isascii() and word.rstrip(".").isdigit() and len(word) < 5:
            first = last = int(word.rstrip("."))
        elif word.lower() == "all":
            first, last = 1, len(listed)
        else:
            picked.update(dict.fromkeys(purpose.name for purpose in expand([word])))
            continue
        if first < 1 or last > len(names):
            raise UsageError(f"The numbers go from 1 to {len(names)}; {word} is none of them.")
        picked.update(dict.fromkeys(names[first - 1 : last]))
    if not picked:
        raise UsageError("Please choose at least one.")
    return tuple(picked)
