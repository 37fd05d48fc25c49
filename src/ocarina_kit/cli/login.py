"""``ocarina-kit login``: get tokens for what a person wants to do; with which client, and by which links, for ``init``
too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import unquote

import typer

from ocarina_kit.cli import options
from ocarina_kit.cli.context import Context, start
from ocarina_kit.cli.login_steps import FINAL_PASTES, NEW_LINK_HELPS, Login
from ocarina_kit.cli.options import Text, flag, option
from ocarina_kit.cli.ui import Result, Ui
from ocarina_kit.client import scopes
from ocarina_kit.client.find import Clients, find_clients, read_table
from ocarina_kit.majora.grant import Pending, last_logins
from ocarina_kit.majora.paste import LONGEST, PasteProblem, read_paste
from ocarina_kit.system.problem import KitError, usage_error
from ocarina_kit.system.words import count, listed

EPILOG = """Examples:
  ocarina-kit login --for upload
  ocarina-kit login --print-url        without a terminal: prints the link,
  ocarina-kit login --callback -       and takes the address of the page that opens"""


def command(
    ctx: typer.Context,
    *,
    purposes: options.Purposes = None,
    scope: options.Scopes = None,
    everything: Annotated[
        bool, flag("--all", "Everything that the installed client can do.")
    ] = False,
    show_list: Annotated[bool, flag("--list", "Show what --for takes.")] = False,
    print_url: Annotated[
        bool, flag("--print-url", "Print the links, one a line, and end.")
    ] = False,
    callback: Annotated[
        Text,
        option("--callback", "URL|FILE|-", "Finish a login: the address that opened."),
    ] = None,
    browser: Annotated[
        bool | None,
        flag("--browser/--no-browser", "Open the links (default: if it can be seen)."),
    ] = None,
    force: Annotated[
        bool, flag("--force", "Log in again, even if the token is valid.")
    ] = False,
    verify: Annotated[
        bool, flag("--verify/--no-verify", "Test the token at Majora.")
    ] = True,
) -> Result:
    """Log in: get tokens for what you want to do.

    A valid token is kept, and an expired one is refreshed. Otherwise a link is shown: open it in a browser on any
    machine, press Authorize, and paste the address of the page that opens.
    """
    context = start(ctx)
    if show_list:
        context.ui.table(choices(), indent=0)
        context.ui.say("For example:")
        context.ui.command("ocarina-kit login --for lookup --for upload")
        return Result()
    if print_url and callback is not None:
        raise usage_error(
            "--print-url begins a login, and --callback finishes it: give one of them."
        )
    setup = context.oauth_setup()
    if print_url:
        context.ui.to_stderr()
    clients, table = find_client(context)
    login = Login(context, setup, clients, table, verify=verify, force=force)
    names, strings = list(purposes or []), scope or []
    if everything:
        names += [
            each.name for each in scopes.PURPOSES if scopes.supported(each, table)
        ]
    elif callback is None and not names and not strings:
        names = (
            choose_purposes(context.ui, table)
            if context.ui.interactive and not print_url
            else ["lookup"]
        )
    wanted = list(
        dict.fromkeys(
            [*scopes.scopes_for(names, table), *map(scopes.given_scope, strings)]
        )
    )
    if callback is not None:
        _finish(login, callback)
    elif print_url:
        _show_links(login, login.settle(wanted))
    else:
        login.get(wanted, browser)
    login.show_end()
    return Result(problem=login.problem, shown=True)


# --- the client, and what it can do

# Seconds for each client, and for its table: a login does not wait long for a program that hangs.
SEARCH_S = 6.0
_HELP = (
    "Majora gives a token of its own for each kind of work, and each takes one link to open. You can log in for more "
    "at any time: ocarina-kit login"
)


def find_client(context: Context) -> tuple[Clients, scopes.Table | None]:
    """Find the client, and read its table of scope strings. Never raises."""
    with context.ui.waiting("Looking for the ocarina client", 2 * SEARCH_S):
        clients = find_clients(context.machine, timeout=SEARCH_S, first=True)
        client = clients.chosen
        return clients, client and read_table(context.machine, client, timeout=SEARCH_S)


def choices(table: scopes.Table | None = None) -> list[tuple[str, str]]:
    """What ``--for`` takes, and what each is for, as far as the client of this table can do it."""
    rows = [
        (each.name, each.words)
        for each in scopes.PURPOSES
        if scopes.supported(each, table)
    ]
    return [
        *rows[:1],
        ("upload", f"{scopes.UPLOAD_WORDS} ({listed(scopes.UPLOAD)})"),
        *rows[1:],
    ]


def choose_purposes(ui: Ui, table: scopes.Table | None) -> list[str]:
    """Ask what the person wants to do; returns names that ``--for`` takes. Raises KeyboardInterrupt."""
    options = [
        (scopes.BY_NAME["lookup"].words, "1 link to open"),
        (scopes.UPLOAD_WORDS, count(len(scopes.scopes_for(["upload"], table)), "link")),
        ("something else",),
    ]
    choice = ui.ask_choice(
        "What will you use ocarina for?", options, default=0, help=_HELP
    )
    if choice < 2:
        return ["lookup"] if choice == 0 else ["upload"]
    ui.table(choices(table))
    while True:
        names = (
            ui.ask("Names, such as files or files,tags", help=_HELP)
            .replace(",", " ")
            .split()
        )
        try:
            if scopes.scopes_for(names, table):
                return names
        except KitError as unknown:
            ui.say(unknown.problem.text)


# --- two steps, each in a process of its own

_ANSWERS = (
    *FINAL_PASTES,
    "no-state",
)  # what comes from the page that opens, complete or not


def _show_links(login: Login, wanted: Sequence[str]) -> None:
    """New links, each alone on a line of standard output, unless that belongs to the JSON document."""
    for scope in wanted:
        login.begin(scope)
        login.ui.say(
            f"To {login.words(scope)}: open this link in any browser, and press Authorize."
        )
        if login.ui.json:
            login.ui.raw(login.links[scope])
        else:
            print(login.links[scope], flush=True)
    if wanted:
        login.ui.say(
            "Then paste the address of the page that opens, within 60 seconds:"
        )
        login.ui.command(login.paste_command)


def _finish(login: Login, source: str) -> None:
    """Use the address that ``--callback`` names, or several. Raises KitError if it cannot be read, or the tokens file
    cannot."""
    if any(
        mark in unquote(unquote(source))
        for mark in ("://", "code=", "state=", "error=")
    ):
        text = source
    elif source == "-" and login.ui.interactive:
        text = login.ui.ask_paste("Paste the address of the page that opened: ")
    else:
        text = login.context.read("--callback", source, LONGEST)
    login.settle([])  # a damaged tokens file is set aside
    logins = [
        each for each in last_logins(login.machine) if each.belongs_to(login.setup)
    ]
    still_open = [each for each in logins if not each.sent]
    used = _use(login, text, still_open) or _use(
        login, text, [each for each in logins if each.sent]
    )
    found = read_paste(text, login.setup.domain, [each.state for each in still_open])
    if not used and isinstance(found, PasteProblem):
        if found.kind == "authorize-link":
            login.check_client()
        login.fail(login.paste_problem(found))


def _use(login: Login, text: str, logins: Sequence[Pending]) -> bool:
    """Use the addresses of these logins, each alone: others may be beside it, whole or not. False if there is none."""
    any_found = False
    for pending in logins:
        found = read_paste(text, login.setup.domain, (pending.state,))
        if found.state != pending.state or (
            isinstance(found, PasteProblem) and found.kind not in _ANSWERS
        ):
            continue
        any_found = True
        try:
            login.redeem_paste(pending, found)
        except KitError as error:
            login.fail(error.problem, pending.scope)
            if error.problem.id in NEW_LINK_HELPS:
                _show_links(login, [pending.scope])
    return any_found
