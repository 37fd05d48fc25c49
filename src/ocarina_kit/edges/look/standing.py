"""How far a set-up has come, told cheaply: no server is asked, and nothing is changed."""

from __future__ import annotations

import os
from pathlib import Path

from ocarina_kit.core.config.guide import Standing
from ocarina_kit.core.errors import KitError
from ocarina_kit.core.setup import Place
from ocarina_kit.edges.system import System

_CLIENT_SECONDS = 5.0


def look_around(system: System, place: Place) -> Standing:
    """Where the person is. Never raises for what it finds."""
    from ocarina_kit.checks.usable import usable_setup
    from ocarina_kit.edges.look.gather_config import config_facts, tokens_path

    facts = config_facts(system, place)
    user = application = ""
    tokens = lost = 0
    try:
        setup = usable_setup(facts, lambda settings: tokens_path(system, settings))
    except KitError as problem:
        there = facts.file is not None and facts.file.exists
        config = f"needs mending [{problem.id}]" if there else "not yet"
    else:
        config = str(place.config) + (f", profile {place.profile}" if place.profile is not None else "")
        user = setup.user
        application = "" if setup.legacy_key else setup.client_id[-4:]
        tokens, lost = _tokens(system, Path(setup.tokens_file))
    client, trouble = _client(system)
    return Standing(
        user=user,
        client=client,
        client_trouble=trouble,
        application=application,
        config=config,
        tokens=tokens,
        tokens_lost=lost,
        scheduled=_scheduled(system, place),
    )


def _tokens(system: System, path: Path) -> tuple[int, int]:
    from ocarina_kit.core.tokens.token_file import TokenFile
    from ocarina_kit.edges.disk.files import read_file

    entries = [entry for entry in TokenFile.parse(read_file(path).content).entries if not entry.odd]
    now = system.clock.now()
    return len(entries), sum(not entry.can_refresh and entry.life_left(now) <= 0 for entry in entries)


def _client(system: System) -> tuple[str, str]:
    from ocarina_kit.edges.client.find_client import find_client

    found = find_client(system, stop_at_first=True, timeout=_CLIENT_SECONDS)
    if found.chosen is not None:
        return f"{found.chosen.described} at {found.chosen.path}", ""
    if found.judged is not None:
        return "", f"does not work: {found.judged.path}"
    return "", ""


def _scheduled(system: System, place: Place) -> bool | None:
    from ocarina_kit.core.cron.cronplan import Owner, sort_entries
    from ocarina_kit.core.cron.crontab import Crontab
    from ocarina_kit.edges.cron.crontab_program import read_crontab

    read = read_crontab(system)
    if not read.writable:
        return None
    owner = Owner(system.user, str(system.home), str(place.config), place.profile)
    entries = sort_entries(Crontab.parse(read.content), owner, canonical=os.path.realpath)
    return bool(entries.active)
