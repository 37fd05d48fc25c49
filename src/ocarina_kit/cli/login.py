"""``ocarina-kit login``: get tokens for what a person wants to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ocarina_kit.cli import options
from ocarina_kit.cli.options import Text, flag, option
from ocarina_kit.cli.ui import Result
from ocarina_kit.system.errors import KitError, Remedy, usage_error
from ocarina_kit.system.words import span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ocarina_kit.cli.login_steps import Login
    from ocarina_kit.client.scopes import Request
    from ocarina_kit.majora.grant import Pending
    from ocarina_kit.majora.paste import Misread

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
    from ocarina_kit.cli.login_choice import choose_purposes, installed_client
    from ocarina_kit.cli.login_choice import purposes as all_purposes
    from ocarina_kit.cli.login_steps import Login, log_in
    from ocarina_kit.client.scopes import PURPOSES, request_for, requests_for, supported

    run = start(context, json=json)
    if show_list:
        rows = all_purposes()
        run.ui.table(rows, indent=0)
        run.ui.say("For example:")
        run.ui.command("ocarina-kit login --for lookup --for upload")
        return Result({"purposes": [{"name": name, "what_for": words} for name, words in rows]})
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
    client = installed_client(run)
    if callback is not None:
        login = Login(run, setup, client, verify=verify)
        requests = _finish(login, callback)
        login.show_end(requests)
        return Result(error=login.error, shown=True)
    # One link for each scope string; without any option the person is asked, or lookup is taken.
    names, strings = list(purposes or []), scope or []
    if everything:
        names += [each.name for each in PURPOSES if supported(each, client.table)]
    elif not names and not strings:
        asked = run.ui.interactive and not print_url
        names = choose_purposes(run.ui, client.table) if asked else ["lookup"]
    wanted = [*requests_for(names, client.table), *(request_for(each, client.table) for each in strings)]
    requests = list({each.scope: each for each in reversed(wanted)}.values())[::-1]
    data = {}
    if print_url:
        login = Login(run, setup, client, verify=verify)
        needed = login.settle(requests, force=force)
        data["urls"] = _show_links(login, [each.scope for each in needed])
    else:
        login = log_in(run, setup, requests, client, force=force, verify=verify, browser=browser)
    login.show_end(requests)
    return Result(data, login.error, shown=True)


def _show_links(login: Login, scopes: Sequence[str]) -> list[str]:
    """New links, each alone on a line of standard output, unless that belongs to the JSON document."""
    for scope in scopes:
        login.begin(scope)
        login.ui.say(f"To {login.words(scope)}: open this link in any browser, and press Authorize.")
        if login.ui.json:
            login.ui.raw(login.links[scope])
        else:
            print(login.links[scope], flush=True)
    if scopes:
        login.ui.say("Then paste the address of the page that opens, within 60 seconds:")
        login.ui.command(login.ways().paste)
    return [login.links[scope] for scope in scopes]


# --- the second step, in a process of its own


def _finish(login: Login, source: str) -> list[Request]:
    """Use the address that ``--callback`` names; returns what it was for. Raises KitError if no open login has it."""
    from ocarina_kit.client.scopes import request_for
    from ocarina_kit.majora.grant import waiting
    from ocarina_kit.majora.paste import LONGEST, Code, read_paste

    if any(mark in source for mark in ("://", "code=", "state=", "error=")):
        text = source
    elif source == "-" and login.ui.interactive:
        text = login.ui.ask_paste("Paste the address of the page that opened: ")
    else:
        text = login.run.read("--callback", source, LONGEST)
    domain, begun = login.setup.domain, {each.state: each for each in waiting(login.machine)}
    mine = {state: each for state, each in begun.items() if each.belongs_to(login.setup)}
    found = read_paste(text, domain, mine)
    parts = [found]
    if not isinstance(found, Code) and found.kind == "several":  # one a line
        parts = [read_paste(line, domain, mine) for line in text.splitlines() if line.strip()]
    codes = [each for each in parts if isinstance(each, Code)]
    if len(codes) < len(parts):
        assert not isinstance(found, Code)  # noqa: S101  # for mypy: it was the one part
        return [_without_code(login, text, found, begun, mine)]
    for state, code in {each.state: each.code for each in codes}.items():
        error = login.redeem(mine[state], code)
        if error is not None:
            _failed(login, error, mine[state].scope)
    return [request_for(mine[each.state].scope, login.client.table) for each in codes]


def _without_code(
    login: Login, text: str, found: Misread, begun: Mapping[str, Pending], mine: Mapping[str, Pending]
) -> Request:
    """What it is instead. If the code was used before and its token is saved, that is no error."""
    from ocarina_kit.client.scopes import request_for
    from ocarina_kit.majora.grant import used_pending
    from ocarina_kit.majora.messages import paste_error, used_error
    from ocarina_kit.majora.paste import states_in

    states, now = states_in(text), login.machine.now()
    used = next(filter(None, (used_pending(login.machine, state) for state in states)), None)
    if found.kind == "wrong-state" and used is not None:
        request = request_for(used.scope, login.client.table)
        if login.settle([request]):
            ways = login.ways(used.scope)
            _failed(login, used_error(now - used.sent, now - used.created, ways), used.scope)
        else:
            login.ui.say(f"The code in that address was used before, {span(now - used.sent)} ago.")
        return request
    other = next((begun[state] for state in states if state in begun and state not in mine), None)
    if other is not None:
        why = (
            f"It was begun with another set-up: {other.profile or other.config or '--env'} at {other.domain}"
        )
    else:
        why = "None was begun with this set-up in the last hour, or each is finished."
    plain = ("empty", "authorize-link", "log-in-page", "other-server")
    if other is not None or not (mine or found.kind in plain):
        remedy = Remedy("Get a new link.", (login.ways().fresh,))
        raise KitError("No login is open here for that address.", id="LGN014", why=why, remedy=remedy)
    scope = [mine[found.state].scope] if found.state in mine else []
    raise paste_error(found, domain=login.setup.domain, ways=login.ways(*scope))


def _failed(login: Login, error: KitError, scope: str) -> None:
    """Show why a code brought no token, and a new link at once where that helps."""
    from ocarina_kit.cli.login_steps import NEW_LINK_HELPS

    login.fail(error, scope)
    if error.id in NEW_LINK_HELPS:
        _show_links(login, [scope])
