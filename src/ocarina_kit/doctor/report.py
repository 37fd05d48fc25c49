"""``doctor --report``: Markdown that can be pasted where others read it.

Safe by construction: it holds the fixed words of the checks, and a value only if its name is on a short list and
it looks as such a value does (of the client id its end, of the host a hash). Every other value is ``…``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ocarina_kit import __version__
from ocarina_kit.client.find import version_text
from ocarina_kit.config.url import INSTANCES, instance_of
from ocarina_kit.doctor.check import Outcome, summary
from ocarina_kit.doctor.world import World

HIDDEN = "…"

_NAME = r"(?:(?:MAJORA|CLIENT|OCARINA|REQUESTS|CURL)_[A-Z_]{2,30}|[a-zA-Z]{2,5}_(?:proxy|PROXY))"
_SHOWN = {
    **dict.fromkeys(("line", "column", "count"), r"\d{1,7}"),
    "variable": rf"{_NAME}(?:(?:, | and ){_NAME})*",
    **dict.fromkeys(("version", "wanted"), r"v?\d{1,4}(?:\.\d{1,4}){0,3}"),
    "mode": r"0?[0-7]{3,4}",
    "check": r"[A-Z]{3}\d{3}",
    "span": r"\d{1,6} (?:s|min|h|days?)(?: \d{1,2} (?:s|min|h))?",
    "time": r"(?:[A-Z][a-z]{2} )?\d\d:\d\d",
}
"""Names of values that tell nothing of a person or a machine, and what such a value looks like."""


def report(world: World, findings: Sequence[Outcome]) -> str:
    """The report, as Markdown. An instance that is not one of the consortium's is not named."""
    import platform

    instance = instance_of(world.config.text("MAJORA_DOMAIN"))
    client_id = world.config.text("CLIENT_ID")
    # The end of a client id, not of a secret in its place.
    tail = client_id[-4:] if re.fullmatch(r"[A-Za-z0-9]{40}", client_id) else HIDDEN
    rows = [
        "# ocarina-kit doctor",
        "",
        f"- ocarina-kit {__version__}, Python {platform.python_version()}, {platform.system()}",
        f"- client: {f'ocarina {version_text(world.version)}' if world.version else 'none that works'}",
        f"- instance: {instance if instance in INSTANCES else 'none, or another server'}",
        f"- client id ends in: {tail}",
        f"- host: {host_mark(world.machine.host)}",
        f"- {', '.join(f'{number} {status}' for status, number in summary(findings).items())}",
        "",
        "| check | status | what it looks at | what was seen |",
        "| --- | --- | --- | --- |",
    ]
    for each in findings:
        status = f"{each.status}, fixed" if each.fixed else each.status
        rows.append(f"| {each.id} | {status} | {each.title} | {safe(each)} |")
    return "\n".join(rows) + "\n"


def safe(finding: Outcome) -> str:
    """What was seen, with every value that is not on the short list as ``…``."""
    values = {
        name: value
        if name in _SHOWN and re.fullmatch(_SHOWN[name], str(value))
        else HIDDEN
        for name, value in finding.values.items()
    }
    return finding._replace(values=values).said.replace("|", "/")


def host_mark(host: str) -> str:
    """A short stable hash of the host's name: tells two hosts apart, and names neither."""
    import hashlib

    return hashlib.sha256(
        f"ocarina-kit host {host}".encode("utf-8", "surrogatepass")
    ).hexdigest()[:8]
