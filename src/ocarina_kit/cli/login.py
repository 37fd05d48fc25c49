"""``ocarina-kit login``: get tokens for what a person wants to do; with which client, and by which links, for ``init``
too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from ocarina_kit.cli import options
from ocarina_kit.cli.context import Run, start
from ocarina_kit.cli.login_steps import NEW_LINK_HELPS, Login, used_client
from ocarina_kit.cli.options import Text, flag, option
from ocarina_kit.cli.ui import Result, Ui
from ocarina_kit.client import scopes
from ocarina_kit.client.find import Clients, find_clients, read_table
from ocarina_kit.client.scopes import PURPOSES, Table, given_scope, scopes_for, supported
from ocarina_kit.majora.grant import Pending, used_pending, waiting
from ocarina_kit.majora.paste import LONGEST, Code, Misread, read_paste
from ocarina_kit.system.errors import KitError, Remedy, usage_error
from ocarina_kit.system.words import count, listed, span
from ocarina_kit.tokens import told

EPILOG = """Examples:
  ocarina-kit login --for upload
  ocarina-kit login --print-url        without a terminal: prints the link,
  ocarina-kit login --callback -       and takes the address of the page that opens"""


def command(
    context: typer.Context,
    *,
    purposes: options.Purposes = None,
    scope: options.Scopes = None,
    everything: Annotated[bool, flag("--all", "Everything that the installed client can do.")] = False,
    show_list: Annotated[bool, flag("--list", "Show what --for takes.")] = False,
    print_url: Annotated[bool, flag("--print-url", "Print the links, one a line, and end.")] = False,
    callback: Annotated[
        Text, option("--callback", "URL|FILE|-", "Finish a login: the address that opened.")
    ] = None,
    browser: Annotated[
        bool | None, flag("--browser/--no-browser", "Open the links (default: if it can be seen).")
    ] = None,
    force: Annotated[bool, flag("--force", "Log in again, even if the token is valid.")] = False,
    verify: Annotated[bool, flag("--verify/--no-verify", "Test the token at Majora.")] = True,
) -> Result:
    """Log in: get tokens for what you want to do.

    A valid token is kept, and an expired one is refreshed. Otherwise a link is shown: open it in a browser on any
    machine, press Authorize, and paste the address of the page that opens.
    """
    run = start(context)
    if show_list:
        run.ui.table(choices(), indent=0)
        run.ui.say("For example:")
        run.ui.command("ocarina-kit login --for lookup --for upload")
        return Result()
    if print_url and callback is not None:
        raise usage_error("--print-url begins a login, and --callback finishes it: give one of them.")
    setup = run.oauth_setup()
    if print_url:
        run.ui.to_stderr()
    clients, table = find_client(run)
    login = Login(run, setup, clients, table, verify=verify)
    names, strings = list(purposes or []), scope or []
    if everything:
        names += [each.name for each in PURPOSES if supported(each, table)]
    elif callback is None and not names and not strings:
        names = choose_purposes(run.ui, table) if run.ui.interactive and not print_url else ["lookup"]
    wanted = list(dict.fromkeys([*scopes_for(names, table), *map(given_scope, strings)]))
    if callback is not None:
        _finish(login, callback)
    elif print_url:
        _show_links(login, login.settle(wanted, force=force))
    else:
        login.get(wanted, force=force, browser=browser)
    login.show_end()
    return Result(error=login.error, shown=True)


# --- the client, and what it can do

SEARCH_S = 6.0
"""Seconds for each client, and for its table: a login does not wait long for a program that hangs."""
_HELP = (
    "Majora gives a token of its own for each kind of work, and each takes one link to open. You can log in for more "
    "at any time: ocarina-kit login"
)


def find_client(run: Run) -> tuple[Clients, Table | None]:
    """Find the client, and read its table of scope strings. Never raises."""
    with run.ui.waiting("Looking for the ocarina client", 2 * SEARCH_S):
        found = find_clients(run.machine, timeout=SEARCH_S, first=True)
        client = used_client(found)
        return found, client and read_table(run.machine, client, timeout=SEARCH_S)


def choices(table: Table | None = None) -> list[tuple[str, str]]:
    """What ``--for`` takes, and what each is for, as far as the client of this table can do it."""
    rows = [(each.name, each.words) for each in scopes.PURPOSES if scopes.supported(each, table)]
    return [*rows[:1], ("upload", f"{scopes.UPLOAD_WORDS} ({listed(scopes.UPLOAD)})"), *rows[1:]]


def choose_purposes(ui: Ui, table: Table | None) -> list[str]:
    """Ask what the person wants to do; returns names that ``--for`` takes. Raises KeyboardInterrupt."""
    options = [
        (scopes.BY_NAME["lookup"].words, "1 link to open"),
        (scopes.UPLOAD_WORDS, count(len(scopes_for(["upload"], table)), "link")),
        ("something else",),
    ]
    choice = ui.ask_choice("What will you use ocarina for?", options, default=0, help=_HELP)
    if choice < 2:
        return ["lookup"] if choice == 0 else ["upload"]
    ui.table(choices(table))
    while True:
        names = ui.ask("Names, such as files or files,tags", help=_HELP).replace(",", " ").split()
        try:
            if scopes_for(names, table):
                return names
        except KitError as unknown:
            ui.say(unknown.what)


# --- two steps, each in a process of its own


def _show_links(login: Login, wanted: Sequence[str]) -> None:
    """New links, each alone on a line of standard output, unless that belongs to the JSON document."""
    for scope in wanted:
        login.begin(scope)
        login.ui.say(f"To {login.words(scope)}: open this link in any browser, and press Authorize.")
        if login.ui.json:
            login.ui.raw(login.links[scope])
        else:
            print(login.links[scope], flush=True)
    if wanted:
        login.ui.say("Then paste the address of the page that opens, within 60 seconds:")
        login.ui.command(login.paste_command)


def _finish(login: Login, source: str) -> None:
    """Use the address that ``--callback`` names, or several, one a line. Raises KitError if no open login has it."""
    if any(mark in source for mark in ("://", "code=", "state=", "error=")):
        text = source
    elif source == "-" and login.ui.interactive:
        text = login.ui.ask_paste("Paste the address of the page that opened: ")
    else:
        text = login.run.read("--callback", source, LONGEST)
    open_logins = {each.state: each for each in waiting(login.machine) if each.belongs_to(login.setup)}
    found = read_paste(text, login.setup.domain, open_logins)
    several = isinstance(found, Misread) and found.kind == "several"
    for address in text.split() if several else [text]:
        _use(login, address, open_logins)


def _use(login: Login, text: str, open_logins: Mapping[str, Pending]) -> None:
    """Use one address. If its code was used before and its token is saved, that is no error."""
    domain, now = login.setup.domain, login.machine.now()
    found = read_paste(text, domain, open_logins)
    pending, used = open_logins.get(found.state), used_pending(login.machine, found.state)
    wanted = [each.scope for each in (pending or used,) if each is not None]
    try:
        if isinstance(found, Code):
            pending = open_logins[found.state]
            login.redeem(pending, found.code)
        elif used is not None and found.kind == "wrong-state":
            pending = used
            if login.settle([used.scope]):
                ago, shown = span(now - used.sent), span(now - used.created)
                said = f"This one was used {ago} ago. The link was shown {shown} ago."
                new = login.login_command(used.scope)
                raise told.error("grant", login.setup, (used.scope,), said=said, login=new)
            login.ui.say(f"The code in that address was used before, {span(now - used.sent)} ago.")
        elif open_logins or found.kind in ("empty", "authorize-link", "log-in-page", "other-server"):
            raise login.misread(found, *wanted)
        else:
            raise _not_open(login.login_command())
    except KitError as problem:
        login.fail(problem, pending.scope if pending is not None else None)
        if pending is not None and problem.id in NEW_LINK_HELPS:
            _show_links(login, [pending.scope])


def _not_open(login: str) -> KitError:
    why = "None was begun with this set-up in the last hour, or each is finished."
    remedy = Remedy("Get a new link.", (login,))
    return KitError("No login is open for that address.", id="LGN014", why=why, remedy=remedy)
