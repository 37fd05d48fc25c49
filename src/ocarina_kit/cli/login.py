"""``ocarina-kit login``: get tokens for what a person wants to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ocarina_kit.cli import options
from ocarina_kit.cli.options import Text, flag, option
from ocarina_kit.cli.ui import Result
from ocarina_kit.system.errors import KitError, Remedy, usage_error
from ocarina_kit.system.words import span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ocarina_kit.cli.login_choice import Client
    from ocarina_kit.cli.login_steps import Login
    from ocarina_kit.cli.ui import Ui
    from ocarina_kit.client.scopes import Request
    from ocarina_kit.majora.grant import Pending
    from ocarina_kit.majora.paste import Code, Misread

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
    json: options.Json = False,
) -> Result:
    """Log in: get tokens for what you want to do.

    A valid token is kept, and an expired one is refreshed. Otherwise a link is shown: open it in a browser on any
    machine, press Authorize, and paste the address of the page that opens.
    """
    from ocarina_kit.cli.context import start

    run = start(context, json=json)
    if show_list:
        return _list(run.ui)
    if print_url and callback is not None:
        raise usage_error(
            "--print-url and --callback do not go together.",
            why="--print-url begins a login, and --callback finishes it.",
            remedy=Remedy("Run one, then the other.", ("ocarina-kit login --print-url",)),
        )
    setup = run.setup()
    if setup.legacy_key is not None:
        raise KitError(
            "This set-up uses a legacy API key (MAJORA_TOKEN), so no login is needed.",
            id="CFG008",
            why="OAuth tokens need no renewal by hand; they need a registered application.",
            remedy=Remedy("To use OAuth instead, set it up.", (run.place.command("init"),)),
        )
    if print_url:
        run.ui.to_stderr()
    from ocarina_kit.cli.login_choice import installed_client, show_end
    from ocarina_kit.cli.login_steps import Login, log_in

    client = installed_client(run)
    data: dict[str, Any] = {}
    if callback is not None:
        login = Login(run, setup, client, verify=verify)
        requests = _finish(login, callback)
        done = login.done(requests)
    else:
        requests = _requests(run.ui, client, purposes or [], scope or [], everything, print_url)
        if print_url:
            login = Login(run, setup, client, verify=verify)
            data["urls"] = _print_links(login, login.settle(requests, force=force))
            done = login.done(requests)
        else:
            done = log_in(run, setup, requests, client, force=force, verify=verify, browser=browser)
    show_end(run.ui, run.place, client, requests, done)
    return Result(data, done.error, shown=True)


def _list(ui: Ui) -> Result:
    from ocarina_kit.cli.login_choice import purposes

    rows = purposes()
    ui.table(rows, indent=0)
    ui.say("For example:")
    ui.command("ocarina-kit login --for lookup --for upload")
    return Result({"purposes": [{"name": name, "what_for": words} for name, words in rows]})


def _requests(
    ui: Ui, client: Client, names: list[str], strings: list[str], everything: bool, print_url: bool
) -> list[Request]:
    """What is asked for, one link each; without any option the person is asked, or ``lookup`` is taken."""
    from ocarina_kit.cli.login_choice import choose_purposes
    from ocarina_kit.client.scopes import PURPOSES, request_for, requests_for, supported

    if everything:
        names = [*names, *(each.name for each in PURPOSES if supported(each, client.table))]
    elif not names and not strings:
        asked = ui.interactive and not print_url
        names = choose_purposes(ui, client.table) if asked else ["lookup"]
    found = {each.scope: each for each in requests_for(names, client.table)}
    for string in strings:
        request = request_for(string, client.table)
        found.setdefault(request.scope, request)
    return list(found.values())


def _print_links(login: Login, needed: list[Request]) -> list[str]:
    """Each link alone on a line of standard output, unless that belongs to the JSON document."""
    for request in needed:
        login.begin(request.scope)
        login.ui.say(f"To {login.words(request.scope)}: open this link in any browser, and press Authorize.")
        if not login.ui.json:
            print(login.links[request.scope], flush=True)
    if needed:
        login.ui.say("Then paste the address of the page that opens, within 60 seconds:")
        login.ui.command(login.setup.place.command("login", "--callback", "-"))
    return [login.links[each.scope] for each in needed]


# --- the second step, in a process of its own


def _finish(login: Login, source: str) -> list[Request]:
    """Use the address that ``--callback`` names; returns what it was for. Raises KitError if no open login has it."""
    from ocarina_kit.cli.login_steps import NEW_LINK_HELPS
    from ocarina_kit.client.scopes import request_for
    from ocarina_kit.majora.grant import waiting
    from ocarina_kit.majora.paste import LONGEST, Misread

    if any(mark in source for mark in ("://", "code=", "state=", "error=")):
        text = source
    elif source == "-" and login.ui.interactive:
        text = login.ui.ask_paste("Paste the address of the page that opened: ")
    else:
        text = login.run.read("--callback", source, LONGEST)
    begun = waiting(login.machine)
    mine = {each.state: each for each in begun if each.belongs_to(login.setup)}
    codes = _codes(text, login.setup.domain, mine)
    if isinstance(codes, Misread):
        return _without_code(login, text, codes, begun)
    requests = []
    for code in codes:
        pending = mine[code.state]
        requests.append(request_for(pending.scope, login.client.table))
        error = login.redeem(pending, code.code)
        if error is not None:
            login.fail(error, pending.scope)
            if error.id in NEW_LINK_HELPS:
                _offer_link(login, pending.scope)
    return requests


def _codes(text: str, domain: str, mine: Mapping[str, Pending]) -> list[Code] | Misread:
    """The codes in the text: one, or one a line."""
    from ocarina_kit.majora.paste import Code, read_paste

    found = read_paste(text, domain, mine)
    if isinstance(found, Code):
        return [found]
    if found.kind == "several":
        lines = [read_paste(line, domain, mine) for line in text.splitlines() if line.strip()]
        codes = {each.state: each for each in lines if isinstance(each, Code)}
        if len(codes) == len(lines):
            return list(codes.values())
    return found


def _without_code(login: Login, text: str, found: Misread, begun: Sequence[Pending]) -> list[Request]:
    """What it is instead. If the code was used before and its token is saved, that is no error."""
    from ocarina_kit.client.scopes import request_for
    from ocarina_kit.majora.grant import used_pending
    from ocarina_kit.majora.messages import paste_error, used_error
    from ocarina_kit.majora.paste import Code, read_paste, states_in

    mine = {each.state: each for each in begun if each.belongs_to(login.setup)}
    if found.kind in ("wrong-state", "other-server"):
        for each in begun:
            if isinstance(read_paste(text, each.domain, (each.state,)), Code):
                whose = f"{each.profile or each.config or '--env'} at {each.domain}"
                raise KitError(
                    f"That address belongs to a login that was begun with another set-up ({whose}).",
                    id="LGN016",
                    why="A code is sent only to the server that gave it, with the client id that asked for it.",
                    remedy=Remedy("Use it there, or get a new link here.", (login.ways().fresh,)),
                )
    used = next(filter(None, (used_pending(login.machine, state) for state in states_in(text))), None)
    if found.kind == "wrong-state" and used is not None:
        request, now = request_for(used.scope, login.client.table), login.machine.now()
        if login.settle([request]):
            login.fail(used_error(now - used.sent, now - used.created, login.ways(used.scope)), used.scope)
            _offer_link(login, used.scope)
        else:
            login.ui.say(f"The code in that address was used before, {span(now - used.sent)} ago.")
        return [request]
    if not mine and found.kind not in ("empty", "authorize-link", "log-in-page", "other-server"):
        raise KitError(
            "No login is open for that address.",
            id="LGN014",
            why="None was begun with this set-up in the last hour, or each is finished.",
            remedy=Remedy("Get a new link.", (login.ways().fresh,)),
        )
    scope = [mine[found.state].scope] if found.state in mine else []
    raise paste_error(found, domain=login.setup.domain, ways=login.ways(*scope))


def _offer_link(login: Login, scope: str) -> None:
    login.begin(scope)
    login.ui.say(f"A new link, to {login.words(scope)}: open it, press Authorize, then paste the address.")
    login.ui.raw(login.links[scope])
    login.ui.command(login.setup.place.command("login", "--callback", "-"))
