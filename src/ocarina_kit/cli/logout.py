"""``ocarina-kit logout``: revoke tokens at the server, then forget them here."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from ocarina_kit.cli import options
from ocarina_kit.cli.context import Context, start
from ocarina_kit.cli.refresh import end, stored_scopes
from ocarina_kit.cli.schedule_line import install_entry
from ocarina_kit.cli.ui import Result
from ocarina_kit.client.scopes import what_for
from ocarina_kit.config.location import NO_TOKENS, Setup
from ocarina_kit.schedule.plan import plan_removal
from ocarina_kit.system.change import Action, Change, difference
from ocarina_kit.tokens.log import Event
from ocarina_kit.tokens.logout import COPIES_NOTE, logout
from ocarina_kit.tokens.outcome import TokenResult
from ocarina_kit.tokens.store import check_undamaged, read_tokens, stored_keys

EPILOG = """Examples:
  ocarina-kit logout --for upload
  ocarina-kit logout --local           forget the tokens here; they stay valid at the server"""

_REVOKE = "Revoke these tokens at {}, and delete them here?"
_LOCAL = "Delete these tokens here, and leave them valid at {}?"
_LIMIT_S = 70.0
_WORDS = {
    TokenResult.REVOKED: ("revoked", "deleted here"),
    TokenResult.FORGOTTEN: ("removed", "deleted here, not revoked"),
    TokenResult.NO_TOKEN: ("skipped", "there is no token"),
}
"""What is said of each result without a problem."""


def command(
    ctx: typer.Context,
    *,
    purposes: options.Purposes = None,
    scope: options.Scopes = None,
    local: Annotated[
        bool, typer.Option("--local", help="Delete them here without revoking them.")
    ] = False,
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
) -> Result:
    """Revoke tokens at the server, then delete them here.

    What the server does not confirm is kept. The configuration stays: ocarina-kit login gets new tokens.
    """
    context = start(ctx)
    ui, setup = context.ui, context.setup()
    if setup.legacy_key is not None:
        ui.say(NO_TOKENS)
        return Result()
    scopes = stored_scopes(context, setup, purposes or [], scope or [])
    before, file = read_tokens(context.machine, setup.tokens_file)
    check_undamaged(setup, file)
    stored = stored_keys(context.machine, setup, file)
    asked = stored if scopes is None else scopes
    chosen = [key for key in asked if key in stored]
    if dry_run and chosen:
        after = file.without(*chosen).render()
        change = Change(Action.WRITE, setup.tokens_file, "tokens", before, after)
        ui.diff(difference([change], context.machine, setup.secrets))
    if dry_run:
        ui.say("Nothing was changed.")
        return Result()
    for key in chosen if not yes else ():
        ui.say(what_for(key), indent=2)
    question = _LOCAL if local else _REVOKE
    if chosen and not context.agreed(question.format(setup.domain), yes=yes):
        ui.say("Nothing was changed.")
        return Result()
    with ui.waiting("Waiting for Majora to revoke the tokens", _LIMIT_S) as say:
        report = logout(context.machine, setup, asked, local=local, waiting=say)
    if not asked:
        ui.say("There is no token, so there is nothing to log out from.")
    for each in report.outcomes:
        if each.result in _WORDS:
            word, words = _WORDS[each.result]
            ui.status(word, f"{what_for(each.scope)}: {words}")
    if local and chosen:
        ui.warn(COPIES_NOTE)
    if (
        not report.interrupted
        and not read_tokens(context.machine, setup.tokens_file)[1].entries
    ):
        _crontab_entry(context, setup)
    return end(context, {}, report.problems(setup))


def _crontab_entry(context: Context, setup: Setup) -> None:
    """Without tokens the crontab entry of this set-up only sends mail: offer to remove it, or name the command."""
    location, world = setup.location, context.world()

    removed = partial(plan_removal, spec=world.entry_spec)
    with context.ui.waiting("Reading the crontab", 20.0):
        content = world.listing.content
    if location.from_env or not world.listing.is_readable:
        return
    if removed(content) == content:
        return
    command = location.command("schedule", "--remove")
    if not context.ui.interactive:
        context.ui.say(
            "The crontab entry still runs, with nothing to refresh. To remove it:"
        )
        context.ui.command(command)
    elif context.ui.confirm("No token is left. Remove the crontab entry too?"):
        install_entry(context, setup, removed, Event.UNSCHEDULED)
        context.ui.status("removed", "the crontab entry of this set-up")
    else:
        context.ui.next_step(command)
