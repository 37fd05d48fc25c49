"""``doctor --report``: Markdown that can be pasted where others read it.

Safe by construction: it holds the fixed words of the checks, and a value only where its name is on a short list and
it looks as such a value does (of the client id its end, of the host a hash). Every other value is ``…``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ocarina_kit.doctor.check import Finding, Late, summary

if TYPE_CHECKING:
    from ocarina_kit.doctor.world import World
    from ocarina_kit.system.finding import Words

HIDDEN = "…"

_NAMES = r"(?:MAJORA|CLIENT|OCARINA|REQUESTS|CURL|SSL)_[A-Z_]{2,30}|[a-zA-Z]{2,5}_(?:proxy|PROXY)"
_SHOWN = {
    **dict.fromkeys(("line", "column", "count"), r"\d{1,7}"),
    **dict.fromkeys(("setting", "variable"), rf"(?:{_NAMES})(?:(?:, | and )(?:{_NAMES}))*"),
    **dict.fromkeys(("version", "wanted"), r"v?\d{1,4}(?:\.\d{1,4}){0,3}"),
    "status": r"\d{3}",
    "mode": r"0?[0-7]{3,4}",
    "check": r"[A-Z]{3}\d{3}",
    "span": r"\d{1,6} (?:s|min|h|days?)(?: \d{1,2} (?:s|min|h))?",
    "time": r"(?:[A-Z][a-z]{2} )?\d\d:\d\d",
}
"""Names of values that tell nothing of a person or a machine, and what such a value looks like."""


def report(world: World, findings: Sequence[Finding]) -> str:
    """The report, as Markdown."""
    import platform

    from ocarina_kit import __version__

    config = world.config
    counts = ", ".join(f"{number} {status}" for status, number in summary(findings).items())
    rows = [
        "# ocarina-kit doctor",
        "",
        f"- ocarina-kit {__version__}, Python {platform.python_version()}, {platform.system()}",
        f"- client: {_client(world)}",
        f"- instance: {_instance(config.text('MAJORA_DOMAIN'))}",
        f"- client id ends in: {_tail(config.text('CLIENT_ID'))}",
        f"- host: {host_mark(world.machine.host)}",
        f"- {counts}",
        "",
        "| check | status | what it looks at | what was seen |",
        "| --- | --- | --- | --- |",
    ]
    for each in findings:
        status = f"{each.status}, fixed" if each.fixed else each.status
        rows.append(f"| {each.check.id} | {status} | {each.check.title} | {safe(each.outcome.said)} |")
    return "\n".join(rows) + "\n"


def _client(world: World) -> str:
    from ocarina_kit.client.find import version_text

    try:
        client = world.clients.typed
    except Late:
        return "unknown"
    if client is None:
        return "none found"
    return f"ocarina {version_text(client.version)}" if client.works else "none that works"


def safe(said: Words) -> str:
    """What was seen, with every value that is not on the short list as ``…``."""
    values = {name: _shown(name, str(value)) for name, value in said.values.items()}
    return said._replace(values=values).text.replace("|", "/")


def _shown(name: str, value: str) -> str:
    pattern = _SHOWN.get(name)
    return value if pattern is not None and re.fullmatch(pattern, value) else HIDDEN


def _instance(domain: str) -> str:
    """Which instance; a host that is not one of the consortium's is not named."""
    from urllib.parse import urlsplit

    from ocarina_kit.config.url import INSTANCES, instance_of, is_loopback

    if (known := instance_of(domain)) in INSTANCES:
        return known
    try:
        host = urlsplit(domain).hostname or ""
    except ValueError:
        host = ""
    if not host:
        return "none"
    return "a server on this machine" if is_loopback(host) else "another server"


def _tail(client_id: str) -> str:
    """The last 4 characters, where it looks like a client id and not like a secret in its place."""
    return client_id[-4:] if re.fullmatch(r"[A-Za-z0-9]{40}", client_id) else HIDDEN


def host_mark(host: str) -> str:
    """A short stable hash of the host's name: tells two hosts apart, and names neither."""
    import hashlib

    return hashlib.sha256(f"ocarina-kit host {host}".encode("utf-8", "surrogatepass")).hexdigest()[:8]
