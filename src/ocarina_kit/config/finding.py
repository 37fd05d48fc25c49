"""What a check says of a configuration: the type, what each failure leads to, and where, how to fix it, in words."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

from ocarina_kit.config.jsontext import Path
from ocarina_kit.config.setup import Config
from ocarina_kit.config.values import judge
from ocarina_kit.system.errors import Remedy
from ocarina_kit.system.finding import Words, words
from ocarina_kit.system.words import tilde

if TYPE_CHECKING:
    from ocarina_kit.system.change import Change

IMPACTS = {
    "CFG001": "Without it neither ocarina nor ocarina-kit knows your Majora.",
    "CFG002": "ocarina cannot read it, and ends with an error at every command.",
    "CFG003": "Others on this machine can read your client secret, or change where ocarina sends it.",
    "CFG004": "ocarina takes a built-in value, or refuses to start.",
    "CFG005": "The server knows nothing of that name.",
    "CFG006": "ocarina adds the path to it as it is, so every request goes to a wrong address.",
    "CFG007": "ocarina adds the path to it as it is, so every request goes to a wrong address.",
    "CFG008": "ocarina takes everything but OAUTH for a legacy API key, which expires after 3 days.",
    "CFG009": "The server refuses the client (invalid_client).",
    "CFG010": "ocarina fails as it reads it, or cannot save its tokens.",
    "CFG011": "ocarina silently goes on with the values of the top level.",
    "CFG012": "Only the last one counts: a change to another does nothing.",
    "CFG013": "ocarina keeps tokens by scope only, so the token of one replaces that of the other.",
    "CFG014": "Accounts of one instance are unknown to the other, so the server will refuse this user.",
}
"""What a failure of each check leads to."""


class Finding(NamedTuple):
    """What one check says. ``status``: ok, warn, fail or skip; a skip with a ``cause`` depends on that check.

    ``fixed``: the configuration with this fixed, in memory; ``change`` makes the same change to the file.
    """

    status: str
    words: Words
    remedy: Remedy = Remedy()
    excerpt: str = ""
    fixed: Config | None = None
    change: Change | None = None
    cause: str = ""
    check: str = ""


def follows(cause: str) -> Finding:
    return Finding("skip", words("depends on {check}", check=cause), cause=cause)


def wrong(
    config: Config,
    said: Words,
    remedy: Remedy,
    path: Path = (),
    *,
    status: str = "fail",
    place: tuple[int, int] | None = None,
    excerpt: str = "",
    shift: int = 0,
    after: Config | None = None,
    why: str = "",
) -> Finding:
    """A finding that says where: file, line and column of the setting at ``path``, or its variable. ``place``: another
    line and column; ``shift``: how far behind it the caret points. ``after``: the configuration with this fixed, where
    it has one meaning; ``why``: what the fix does."""
    document, where, values = config.readable, "", dict(said.values)
    place = place or (document.find(path) if document is not None else None)
    if config.place.from_env:
        where = " (variable {variable})" if path else ""
        values.update(variable=path[0] if path else "")
    elif place is None:
        where = " ({file})"
    else:
        where = " ({file}, line {line}, column {column})"
        values.update(line=place[0], column=place[1])
        if document is not None and not excerpt:
            excerpt = document.excerpt_at(place[0], place[1] + shift)
    values.update(file=tilde(config.place.config, config.home))
    finding = Finding(status, Words(said.template + where, values), remedy, excerpt)
    if after is None or after == config:
        return finding
    if config.file is None or after.readable is None:
        return finding._replace(fixed=after)
    from ocarina_kit.system.change import write

    change = write(config.file.path, "config", config.file.content, after.readable.render(), why)
    return finding._replace(fixed=after, change=change, remedy=by_doctor(config))


def by_doctor(config: Config) -> Remedy:
    return Remedy("", (config.place.command("doctor", "--fix"),))


def init(config: Config, names: Collection[str], text: str = "init asks, and keeps the rest.") -> Remedy:
    """How a person gives these settings: in init, or as variables. A secret is typed unseen; the word OAUTH is none."""
    if not config.place.from_env:
        return Remedy(text, (config.place.command("init"),))
    special = {
        "CLIENT_SECRET": "read -rs CLIENT_SECRET && export CLIENT_SECRET",
        "MAJORA_TOKEN": "export MAJORA_TOKEN=OAUTH",
    }
    domain = judge("MAJORA_DOMAIN", config.text("MAJORA_DOMAIN"))
    if domain.usable:
        special["MAJORA_DOMAIN"] = f"export MAJORA_DOMAIN={domain.text}"
    commands = tuple(special.get(name, f"export {name}=…") for name in names)
    return Remedy("Set the variables, then run the command again.", commands)


def edit(config: Config, line: int = 1) -> str:
    """Opens the file in an editor, at a line: vi, nano and emacs all take ``+LINE``."""
    return f"${{EDITOR:-vi}} +{line} {shlex.quote(str(config.place.config))}"
