"""Looks at the tokens file, and at what refresh.log knows of this set-up. Reads only."""

from __future__ import annotations

from ocarina_kit.core.config.base_url import base_url
from ocarina_kit.core.facts import ConfigFacts
from ocarina_kit.core.tokens.refresh_log import LONGEST, LogEntry, mark_for
from ocarina_kit.core.tokens.token_facts import TokenFacts
from ocarina_kit.core.tokens.token_file import TokenFile
from ocarina_kit.core.tokens.token_origin import Origin, history_of, origin, sharers
from ocarina_kit.edges.disk import refresh_log
from ocarina_kit.edges.disk.files import read_settled
from ocarina_kit.edges.look.gather_config import tokens_path
from ocarina_kit.edges.system import System


def setup_mark_of(system: System, config: ConfigFacts) -> str:
    """The mark that refresh.log bears for this set-up."""
    url = base_url(config)
    domain = config.text("MAJORA_DOMAIN") if url is None else url
    return mark_for(tokens_path(system, config.settings), system.home, domain)


def token_facts(system: System, config: ConfigFacts) -> TokenFacts:
    """One look at the tokens. Never raises for what it finds.

    The client writes the file in place: one that is no JSON is looked at again for a moment, before it counts as
    damaged.
    """
    path = tokens_path(system, config.settings)
    file = read_settled(path, lambda content: TokenFile.parse(content).damage is None, clock=system.clock)
    tokens = TokenFile.parse(file.content)
    now = system.clock.now()
    log = refresh_log.read(system)
    mark = setup_mark_of(system, config)
    domain = base_url(config) or config.text("MAJORA_DOMAIN")
    shared = sharers(
        config.readable,
        domain=domain,
        tokens=path,
        locate=lambda settings: tokens_path(system, settings),
    )
    by_scope: dict[str, list[LogEntry]] = {}
    for line in log:
        by_scope.setdefault(line.scope, []).append(line)
    history = history_of(log, mark)
    origins = {
        entry.key: origin(entry, by_scope.get(entry.key[:LONGEST], ()), mark=mark, now=now, history=history)
        for entry in tokens.entries
    }
    log_file = refresh_log.log_path(system)
    return TokenFacts(
        now=now,
        file=file,
        tokens=tokens,
        log=tuple(entry for entry in log if entry.setup == mark),
        log_rotated=log_file.with_name(log_file.name + ".1").exists(),
        foreign=frozenset(key for key, whose in origins.items() if whose is Origin.THEIRS),
        unsure=frozenset(key for key, whose in origins.items() if shared and whose is Origin.UNKNOWN),
    )
