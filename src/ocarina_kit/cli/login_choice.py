"""What a login begins with: the installed client, and what the person wants to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ocarina_kit.client import scopes
from ocarina_kit.system.errors import KitError
from ocarina_kit.system.words import count, listed

if TYPE_CHECKING:
    from ocarina_kit.cli.context import Run
    from ocarina_kit.cli.ui import Ui
    from ocarina_kit.client.find import Candidate
    from ocarina_kit.client.scopes import Table

_SEARCH_S = 6.0
"""Seconds for each client, and for its table: a login does not wait long for a program that hangs."""
_HELP = (
    "Majora gives a token of its own for each kind of work, and each takes one link to open. You can log in for more "
    "at any time: ocarina-kit login"
)


class Client(NamedTuple):
    """The client that a person gets who types ``program``; ``version`` is "" where none was found that runs.

    ``candidate``: the one for a crontab line.
    """

    version: str = ""
    program: str = "ocarina"
    table: Table | None = None
    candidate: Candidate | None = None

    @property
    def accepted(self) -> bool:
        """Whether Majora accepts its version, as far as is known here."""
        from ocarina_kit.client.find import MINIMUM_VERSION, parse_version

        return (parse_version(self.version) or ()) >= MINIMUM_VERSION


def installed_client(run: Run) -> Client:
    """Find the client, and read its table of scope strings. Never raises."""
    from ocarina_kit.client.find import find_clients

    with run.ui.waiting("Looking for the ocarina client", 2 * _SEARCH_S):
        found = find_clients(run.machine, timeout=_SEARCH_S, first=True)
        if found.shell is not None and found.shell.works:
            return client_of(run, found.shell, "ocarina")._replace(candidate=found.chosen)
        return client_of(run, found.chosen, found.chosen.path) if found.chosen is not None else Client()


def client_of(run: Run, candidate: Candidate, program: str) -> Client:
    """What is to be known of a client that a person starts as ``program``."""
    from ocarina_kit.client.find import read_table, version_text

    table = read_table(run.machine, candidate, timeout=_SEARCH_S)
    return Client(version_text(candidate.version), program, table, candidate)


def purposes(table: Table | None = None) -> list[tuple[str, str]]:
    """What ``--for`` takes, and what each is for, as far as the client of this table can do it."""
    rows = [(each.name, each.words) for each in scopes.PURPOSES if scopes.supported(each, table)]
    return [*rows[:1], ("upload", f"{scopes.UPLOAD_WORDS} ({listed(scopes.UPLOAD)})"), *rows[1:]]


def choose_purposes(ui: Ui, table: Table | None) -> list[str]:
    """Ask what the person wants to do; returns names that ``--for`` takes. Raises KeyboardInterrupt."""
    options = [
        (scopes.BY_NAME["lookup"].words, "1 link to open"),
        (scopes.UPLOAD_WORDS, count(len(scopes.requests_for(["upload"], table)), "link")),
        ("something else",),
    ]
    choice = ui.ask_choice("What will you use ocarina for?", options, default=0, help=_HELP)
    if choice < 2:
        return ["lookup"] if choice == 0 else ["upload"]
    ui.table(purposes(table))
    while True:
        names = ui.ask("Names, such as files or files,tags", help=_HELP).replace(",", " ").split()
        try:
            if scopes.requests_for(names, table):
                return names
        except KitError as unknown:
            ui.say(unknown.what)
