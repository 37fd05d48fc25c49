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
        run.ui.table(all_purposes(), indent=0)
        run.ui.say("For example:")
        run.ui.command("ocarina-kit login --for lookup --for upload")
        return Result()
    if print_url and callback is not None:
        raise usage_error("--print-url begins a login, and --callback finishes it: give one of them.")
    setup = run.oauth_setup()
    if print_url:
        run.ui.to_stderr()
    client = installed_client(run)
    if callback is not None:
        login = Login(run, setup, client, verify=verify)
        requests = _finish(login, callback)
        login.show_end(requests)
        return Result(error=login.error, shown=True)
    names, strings = list(purposes or []), scope or []
    if everything:
        names += [each.name for each in PURPOSES if supported(each, client.table)]
    elif not names and not strings:
        asked = run.ui.interactive and not print_url
        names = choose_purposes(run.ui, client.table) if asked else ["lookup"]
    wanted = [*requests_for(names, client.table), *(request_for(each, client.table) for each in strings)]
    requests = list({each.scope: each for each in wanted}.values())  # one link for each scope string
    if not print_url:
        login = log_in(run, setup, requests, client, force=force, verify=verify, browser=browser)
        login.show_end(requests)
        return Result(error=login.error, shown=True)
    login = Login(run, setup, client, verify=verify)
    needed = [each.scope for each in login.settle(requests, force=force)]
    _show_links(login, needed)
    login.show_end(requests)
    return Result(error=login.error, shown=True)


def _show_links(login: Login, scopes: Sequence[str]) -> None:
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
        login.ui.command(login.paste_command)


# --- the second step, in a process of its own


def _finish(login: Login, source: str) -> list[Request]:
    """Use the address that ``--callback`` names, or several, one a line; returns what they were for. Raises KitError
    if no open login has it."""
    from ocarina_kit.majora.grant import waiting
    from ocarina_kit.majora.paste import LONGEST, Misread, read_paste

    if any(mark in source for mark in ("://", "code=", "state=", "error=")):
        text = source
    elif source == "-" and login.ui.interactive:
        text = login.ui.ask_paste("Paste the address of the page that opened: ")
    else:
        text = login.run.read("--callback", source, LONGEST)
    open_logins = {each.state: each for each in waiting(login.machine) if each.belongs_to(login.setup)}
    found = read_paste(text, login.setup.domain, open_logins)
    several = isinstance(found, Misread) and found.kind == "several"
    return [_use(login, each, open_logins) for each in (text.split() if several else [text])]


def _use(login: Login, text: str, open_logins: Mapping[str, Pending]) -> Request:
    """Use one address. If its code was used before and its token is saved, that is no error."""
    from ocarina_kit.cli.login_steps import NEW_LINK_HELPS
    from ocarina_kit.client.scopes import request_for
    from ocarina_kit.majora.grant import used_pending
    from ocarina_kit.majora.paste import Code, read_paste
    from ocarina_kit.tokens import told

    domain, now = login.setup.domain, login.machine.now()
    found = read_paste(text, domain, open_logins)
    used = used_pending(login.machine, found.state)
    if isinstance(found, Code):
        scope = open_logins[found.state].scope
    elif used is not None and found.kind == "wrong-state":
        scope = used.scope
    elif open_logins or found.kind in ("empty", "authorize-link", "log-in-page", "other-server"):
        scopes = [open_logins[found.state].scope] if found.state in open_logins else []
        raise login.misread(found, *scopes)
    else:
        why = "None was begun with this set-up in the last hour, or each is finished."
        remedy = Remedy("Get a new link.", (login.login_command(),))
        raise KitError("No login is open for that address.", id="LGN014", why=why, remedy=remedy)
    request = request_for(scope, login.client.table)
    try:
        if isinstance(found, Code):
            login.redeem(open_logins[found.state], found.code)
        elif used is not None:
            if login.settle([request]):
                ago, shown = span(now - used.sent), span(now - used.created)
                said = f"This one was used {ago} ago. The link was shown {shown} ago."
                new = login.login_command(scope)
                raise told.error("grant", login.setup, (scope,), said=said, login=new)
            login.ui.say(f"The code in that address was used before, {span(now - used.sent)} ago.")
    except KitError as problem:
        login.fail(problem, scope)
        if problem.id in NEW_LINK_HELPS:
            _show_links(login, [scope])
    return request
