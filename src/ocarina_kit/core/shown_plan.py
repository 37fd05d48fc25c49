"""A plan as people see it before they agree: diffs in which only what is known to be no secret is shown.

An allow-list: names that ocarina knows, addresses, user, scopes, numbers. Everything else in a file is ``***``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from ocarina_kit.core.config.document import ConfigDocument
from ocarina_kit.core.config.lenient_json import KNOWN_WORDS, masked
from ocarina_kit.core.plan import Change, Plan, SetCrontab, WriteFile, show, unified
from ocarina_kit.core.redact import mask

_OPEN_MEMBERS = frozenset(
    {"MAJORA_DOMAIN", "MAJORA_USER", "MAJORA_TOKENS_FILE", "OCARINA_QUIET", "OCARINA_NO_BANNER"}
)
_SCOPES = re.compile(r"majora2\.[a-z0-9_]+(?: majora2\.[a-z0-9_]+)*")


def shown(plan: Plan) -> str:
    """The plan as a diff, its secrets masked."""
    return "\n".join(text for change in plan.changes if (text := _shown(change)))


def _shown(change: Change) -> str:
    if isinstance(change, WriteFile):
        pair = (change.before, change.after)
        before, after = (_laid_out(each) for each in pair) if change.kind == "tokens" else pair
        known = KNOWN_WORDS | frozenset(word for each in pair if each for word in _open_words(each))
        return "\n".join(_masked(unified(before, after or b"", str(change.path)).splitlines(), known))
    if isinstance(change, SetCrontab):
        # Other lines of the crontab are not this program's to show.
        lines = unified(change.before, change.after, "crontab").splitlines()
        return mask("\n".join(line for line in lines if not line.startswith(" ")))
    return show(Plan((change,)))


def _laid_out(content: bytes | None) -> bytes | None:
    """A tokens file is one long line; over several the change can be seen."""
    try:
        return json.dumps(json.loads(content or b""), indent=2).encode()
    except (ValueError, RecursionError):
        return content


def _masked(lines: list[str], known: frozenset[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number < 2 or line.startswith("@@"):
            yield line
        else:
            yield line[:1] + masked(line[1:], known)


def _open_words(content: bytes) -> Iterator[str]:
    document = ConfigDocument.parse(content)
    if isinstance(document, ConfigDocument):
        yield from _open_values(document.value)


def _open_values(value: object, name: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if name == "profile" or key.isupper() or _SCOPES.fullmatch(key):
                yield key
            yield from _open_values(inner, key)
    elif isinstance(value, list):
        for item in value:
            yield from _open_values(item, name)
    elif isinstance(value, str):
        if _SCOPES.fullmatch(value) or (name in _OPEN_MEMBERS and not {"@", "?"} & set(value)):
            yield value
    elif value is not None:
        yield json.dumps(value)
