"""``ocarina-kit status``: how long each token lives. Offline; a preflight for pipelines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ocarina_kit.cli.result import Result

if TYPE_CHECKING:
    from ocarina_kit.cli.render import Ui
    from ocarina_kit.core.tokens.status import TokenStatus

EPILOG = (
    "Exit 0: each token lives at least DURATION. 1: one needs a refresh. 4: one cannot be refreshed. "
    "Before a long run: ocarina-kit status --within 6h || ocarina-kit refresh"
)


def command(
    context: typer.Context,
    within: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="How long each must live: 90s, 30m, 2h, 1d (default: now)."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> Result:
    """Say how long each token lives. Offline; reads only.

    Which token is for what, when it was refreshed last and where, and when it expires.
    """
    from ocarina_kit.cli.context import start
    from ocarina_kit.core.durations import parse_duration
    from ocarina_kit.core.errors import KitError
    from ocarina_kit.core.tokens.refresh_log import mark_for
    from ocarina_kit.core.tokens.status import status_error, status_members, statuses
    from ocarina_kit.core.tokens.token_errors import LEGACY_NOTE, usable_tokens
    from ocarina_kit.edges.disk import refresh_log, rescue
    from ocarina_kit.edges.disk.token_store import TokensReader

    seconds = 0.0 if within is None else parse_duration(within)
    run = start(context, json=json)
    setup = run.setup()
    if setup.legacy_key is not None:
        run.ui.note(LEGACY_NOTE)
        return Result(data={"tokens": []})
    try:
        file = usable_tokens(setup, TokensReader(run.system, Path(setup.tokens_file)).look())
    except KitError as error:
        return Result.failed(error, {"tokens": []})
    now = run.system.clock.now()
    mark = mark_for(setup.tokens_file, run.system.home, setup.domain)
    tokens = statuses(
        file,
        refresh_log.read(run.system),
        mark=mark,
        now=now,
        within=seconds,
        aside=rescue.read(run.system, Path(setup.tokens_file)),
    )
    failure = status_error(tokens, setup.place, seconds)
    _show(run.ui, tokens, now)
    data = {"tokens": [status_members(token) for token in tokens]}
    return Result(data=data) if failure is None else Result.failed(failure, data)


def _show(ui: Ui, tokens: Sequence[TokenStatus], now: float) -> None:
    from datetime import datetime

    from ocarina_kit.core.durations import in_words
    from ocarina_kit.core.tokens.status import TokenState, moment

    def local(time: float) -> str:
        return moment(datetime.fromtimestamp(time).astimezone(), datetime.fromtimestamp(now).astimezone())

    marks = {
        TokenState.OK: ui.good,
        TokenState.NEEDS_REFRESH: ui.warn,
        TokenState.NEEDS_LOGIN: ui.bad,
        TokenState.UNREADABLE: ui.bad,
    }
    words = {
        TokenState.OK: "",
        TokenState.NEEDS_REFRESH: ": needs a refresh",
        TokenState.NEEDS_LOGIN: ": needs a login",
        TokenState.UNREADABLE: ": unreadable",
    }
    for number, token in enumerate(tokens):
        if number:
            ui.say()
        names = ", ".join(purpose.name for purpose in token.purposes)
        marks[token.state](f"{token.title}{words[token.state]}" + (f" (--for {names})" if names else ""))
        rows = []
        if token.expires_at is not None and token.seconds_left > 0:
            rows.append(("expires", f"{local(token.expires_at)}, in {in_words(token.seconds_left)}"))
        elif token.expires_at is not None and token.expires_at > 1:
            rows.append(("expired", f"{local(token.expires_at)}, {in_words(now - token.expires_at)} ago"))
        else:
            rows.append(("expires", "not known: counts as expired"))
        if token.last_refresh is not None:
            rows.append(
                ("refreshed", f"{local(token.last_refresh)}, {in_words(now - token.last_refresh)} ago")
            )
        if token.last_host is not None:
            rows.append(("on host", f"{token.last_host} (by {token.last_by})"))
        if token.purposes:
            ui.raw(f"  {token.scope}")
        ui.pairs(rows)
        for note in token.notes:
            ui.note(note)
