"""``ocarina-kit logout``: revoke tokens at the server, and forget them here."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ocarina_kit.cli.result import Result

if TYPE_CHECKING:
    from ocarina_kit.cli.render import Ui
    from ocarina_kit.core.tokens.logout_report import LogoutReport
    from ocarina_kit.core.tokens.token_file import TokenFile


def command(
    context: typer.Context,
    *,
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", metavar="STRING", help="Only the token of this scope; can be given again."),
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Forget them here without asking the server to revoke them.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be revoked; send and write nothing.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> Result:
    """Revoke tokens at the server, then forget them here.

    What the server does not confirm is kept. The configuration stays: ocarina-kit login brings new tokens.
    """
    from ocarina_kit.cli.context import start
    from ocarina_kit.core.client.scopes import request_for
    from ocarina_kit.core.errors import Remedy, UsageError
    from ocarina_kit.core.tokens.token_errors import LEGACY_NOTE, undamaged
    from ocarina_kit.edges.disk.token_store import TokensReader
    from ocarina_kit.flows.logout import chosen, log_out, would_be

    scopes = None if not scope else [request_for(each).scope for each in scope]
    run = start(context, json=json)
    ui, setup = run.ui, run.setup()
    if setup.legacy_key is not None:
        ui.note(LEGACY_NOTE)
        return Result(data={"tokens": []})
    file = undamaged(setup, TokensReader(run.system, Path(setup.tokens_file)).look())
    entries = chosen(file, scopes)
    if dry_run:
        report = would_be(file, scopes, local=local)
        _show(ui, report)
        change = _diff(setup.tokens_file, file, [entry.key for entry in entries])
        ui.diff(change)
        return Result(data={**_data(report), "diff": change})
    if entries and not yes:
        if not ui.interactive:
            raise UsageError(
                "logout asks before it revokes: --yes is missing.",
                why="There is no terminal on standard input to ask on. Nothing was changed.",
                remedy=Remedy("Agree beforehand:", (run.place.command("logout", "--yes"),)),
            )
        _ask_about(ui, [entry.key for entry in entries], setup.domain, local)
        if not ui.confirm("Log out?"):
            ui.say("Nothing was changed.")
            return Result(data={"tokens": []})
    report = log_out(
        run.system,
        setup,
        scopes=scopes,
        local=local,
        told=lambda: ui.say("Finishing what is under way."),
    )
    _show(ui, report)
    failure = report.error
    if failure is None:
        return Result(data=_data(report))
    for error in report.errors:
        ui.error(error)
    return Result.failed(failure, _data(report), shown=True)


def _diff(path: PurePath, file: TokenFile, gone: list[str]) -> str:
    """What forgetting ``gone`` does to the tokens file, its secrets masked; nothing where nothing changes."""
    from ocarina_kit.core.plan import Plan, WriteFile
    from ocarina_kit.core.shown_plan import shown

    after = file
    for key in gone:
        after = after.without(key)
    return (
        shown(Plan((WriteFile(Path(path), "tokens", file.render(), after.render(), "log out"),)))
        if gone
        else ""
    )


def _ask_about(ui: Ui, scopes: list[str], domain: str, local: bool) -> None:
    from ocarina_kit.cli.refresh_view import title

    where = "forgotten here, and stay good at" if local else "revoked at"
    ui.say(f"These tokens are {where} {domain}")
    for scope in scopes:
        ui.say(f"  - {title(scope)}")


def _show(ui: Ui, report: LogoutReport) -> None:
    from ocarina_kit.cli.refresh_view import title
    from ocarina_kit.core.tokens.logout_report import LogoutResult

    words = {
        LogoutResult.REVOKED: "revoked at the server, and forgotten here",
        LogoutResult.FORGOTTEN: "forgotten here",
        LogoutResult.WOULD_REVOKE: "would be revoked at the server, and forgotten here",
        LogoutResult.WOULD_FORGET: "would be forgotten here",
        LogoutResult.NO_TOKEN: "there is no such token",
    }
    if not report.tokens:
        ui.say("There is no token: nothing to log out from.")
    for token in report.tokens:
        name = title(token.scope)
        if token.result is LogoutResult.KEPT:
            ui.bad(f"{name}: kept, as the server did not confirm.")
        elif token.result in (LogoutResult.REVOKED, LogoutResult.FORGOTTEN):
            ui.good(f"{name}: {words[token.result]}.")
        else:
            ui.say(f"{name}: {words[token.result]}.")
    for note in report.notes:
        ui.note(note)


def _data(report: LogoutReport) -> dict[str, Any]:
    from ocarina_kit.cli.render import error_members
    from ocarina_kit.core.client.scopes import purposes_for

    tokens = []
    for token in report.tokens:
        members: dict[str, Any] = {
            "scope": token.scope,
            "purposes": [purpose.name for purpose in purposes_for(token.scope)],
            "result": token.result.value,
        }
        if token.error is not None:
            members["error"] = error_members(token.error)
        tokens.append(members)
    return {"tokens": tokens, "notes": list(report.notes)}
