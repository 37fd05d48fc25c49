"""``ocarina-kit login``: get tokens for what a person wants to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ocarina_kit.cli.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocarina_kit.cli.context import Run
    from ocarina_kit.cli.login_view import LoginView
    from ocarina_kit.core.client.scopes import ScopeRequest
    from ocarina_kit.core.oauth.login_report import TokenOutcome

EPILOG = (
    "In two steps, with no terminal: ocarina-kit login --print-url, open each link (one a line) in any browser, then "
    "hand the address that it leads to over to: ocarina-kit login --callback - "
    "With no terminal and none of the two, a login that needs a browser is exit 2."
)


def command(
    context: typer.Context,
    *,
    purposes: Annotated[
        list[str] | None,
        typer.Option(
            "--for", metavar="NAME", help="What you want to do (see --list); may be given several times."
        ),
    ] = None,
    scopes: Annotated[
        list[str] | None,
        typer.Option("--scope", metavar="STRING", help="A scope string; may be given several times."),
    ] = None,
    all_purposes: Annotated[
        bool, typer.Option("--all", help="Everything that the installed client can do.")
    ] = False,
    list_purposes: Annotated[
        bool, typer.Option("--list", help="Say what there is to choose from, in plain words.")
    ] = False,
    print_url: Annotated[
        bool,
        typer.Option(
            "--print-url", help="Print the link alone, one a line where there are several; then end."
        ),
    ] = False,
    callback: Annotated[
        str | None,
        typer.Option(
            "--callback",
            metavar="FILE|-",
            help="Finish a login: the address that a link led to, from a file or standard input.",
        ),
    ] = None,
    browser: Annotated[
        bool | None,
        typer.Option(
            "--browser/--no-browser", help="Open the link in a browser (default: where one can be seen)."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Log in anew, whatever is there already.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Ask the server whether it takes the token.")
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> Result:
    """Log in: get tokens for what you want to do.

    A token that lives is left alone, and one that has expired is refreshed with no browser. Only else a link is shown:
    open it in any browser, on any machine, press Authorize, and paste the address that you come to.
    """
    from ocarina_kit.cli.context import start
    from ocarina_kit.core.errors import Remedy, UsageError
    from ocarina_kit.edges.client.installed_client import installed_client

    run = start(context, json=json)
    if list_purposes:
        from ocarina_kit.cli.login_view import list_of_purposes

        return list_of_purposes(run.ui, installed_client(run.system))
    if print_url and callback is not None:
        raise UsageError(
            "--print-url and --callback do not go together.",
            why="--print-url begins a login, and --callback ends one.",
            remedy=Remedy(
                "Run one after the other:",
                ("ocarina-kit login --print-url", "ocarina-kit login --callback -"),
            ),
        )
    setup = run.setup()
    if setup.legacy_key is not None:
        return _with_api_key(run, needs_oauth=force or print_url or callback is not None)

    from ocarina_kit.cli.login_view import LoginView
    from ocarina_kit.flows.login import Login

    ui = run.ui.to_stderr() if print_url else run.ui
    client = installed_client(run.system)
    login = Login(
        run.system,
        setup,
        note=ui.note,
        warn=ui.warn,
        client_version=client.version,
        verify=verify,
        terminal=ui.interactive and not print_url and callback is None,
    )
    view = LoginView(ui, run.ui, login, client)
    if callback is not None:
        return _finish(view, callback)
    chosen = _wanted(view, purposes or [], scopes or [], everything=all_purposes, print_url=print_url)
    return _begin(view, chosen, force=force, print_url=print_url, browser=browser)


def _with_api_key(run: Run, *, needs_oauth: bool) -> Result:
    from ocarina_kit.core.oauth.login_errors import api_key

    if needs_oauth:
        raise api_key(run.place)
    run.ui.good("This set-up uses a legacy API key (MAJORA_TOKEN): no login is needed.")
    run.ui.say("To use OAuth instead, which need not be renewed by hand every 3 days:")
    run.ui.command(run.place.command("init"))
    return Result(data={"tokens": []})


def _wanted(
    view: LoginView, names: list[str], scopes: list[str], *, everything: bool, print_url: bool
) -> tuple[ScopeRequest, ...]:
    """The scope strings that are asked for, with as many grants, where grants are needed."""
    from ocarina_kit.cli.login_prompts import choose_purposes
    from ocarina_kit.core.client.scopes import DEFAULT_NAMES, PURPOSES, has_endpoint, request_for, resolve

    table = view.client.table
    if everything:
        names = [*names, *(purpose.name for purpose in PURPOSES if has_endpoint(purpose, table))]
    elif not names and not scopes:
        asked = view.ui.interactive and not print_url
        names = list(choose_purposes(view.ui, view.login, view.client) if asked else DEFAULT_NAMES)
    found = {request.scope: request for request in resolve(names, table)}
    for scope in scopes:
        request = request_for(scope, table)
        found.setdefault(request.scope, request)
    return tuple(found.values())


def _begin(
    view: LoginView, requests: Sequence[ScopeRequest], *, force: bool, print_url: bool, browser: bool | None
) -> Result:
    from ocarina_kit.cli.login_prompts import AtTerminal
    from ocarina_kit.core.oauth.login_errors import interrupted, nobody_to_ask
    from ocarina_kit.core.oauth.login_report import LoginResult, TokenOutcome
    from ocarina_kit.flows.login_person import grant_all

    login, place = view.login, view.login.setup.place
    outcomes = login.settle(requests, force=force)
    for request in requests:
        if request.scope in outcomes:
            view.show(outcomes[request.scope])
    needed = [request for request in requests if request.scope not in outcomes]
    if print_url:
        outcomes |= {outcome.request.scope: outcome for outcome in view.print_links(needed)}
    elif needed and not login.terminal:
        nobody = nobody_to_ask(place, needed)
        outcomes |= {r.scope: TokenOutcome(r, LoginResult.NEEDED, error=nobody) for r in needed}
        return view.result(_in_order(requests, outcomes), error=nobody)
    else:
        view.announce(needed, settled=len(outcomes))
        granted = grant_all(login, needed, AtTerminal(view, browser))
        for outcome in granted.outcomes:
            outcomes[outcome.request.scope] = outcome
        if granted.interrupted:
            return view.result(_in_order(requests, outcomes), error=interrupted(place, granted.waiting))
    return view.result(_in_order(requests, outcomes))


def _in_order(
    requests: Sequence[ScopeRequest], outcomes: dict[str, TokenOutcome]
) -> tuple[TokenOutcome, ...]:
    return tuple(outcomes[request.scope] for request in requests)


def _finish(view: LoginView, source: str) -> Result:
    """The second half of a login, in a process of its own."""
    from ocarina_kit.core.client.scopes import request_for
    from ocarina_kit.core.errors import KitError
    from ocarina_kit.core.oauth.login_errors import interrupted
    from ocarina_kit.edges.person.callback_input import read_callback
    from ocarina_kit.flows.login import failed, not_begun
    from ocarina_kit.flows.login_grant import UsedBeforeError, concerns_all, is_dead_code, match, redeem

    login = view.login
    if source == "-" and view.ui.interactive:
        text = view.ui.ask_paste("Paste the address here")
    else:
        text = read_callback(login.system, source)
    try:
        callbacks = match(login, text, view.client.table)
    except UsedBeforeError as used:
        request = request_for(used.scope, view.client.table)
        return view.result([view.with_fresh_link(failed(request, used))])
    outcomes: list[TokenOutcome] = []
    for callback in callbacks:
        try:
            outcome = redeem(login, callback)
        except KitError as problem:
            outcome = failed(callback.request, problem)
        if is_dead_code(outcome.error):
            outcome = view.with_fresh_link(outcome)
        outcomes.append(outcome)
        if login.interrupted or (outcome.error and concerns_all(outcome.error) and not outcome.key):
            break
    outcomes += [not_begun(callback.request) for callback in callbacks[len(outcomes) :]]
    for outcome in outcomes:
        view.show(outcome)
    return view.result(outcomes, error=interrupted(login.setup.place, 0) if login.interrupted else None)
