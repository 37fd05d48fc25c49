"""What people are told where tokens or their file are in the way. What servers say is in majora/messages.py."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ocarina_kit.config.place import Setup
from ocarina_kit.system.errors import Exit, KitError, Remedy

if TYPE_CHECKING:
    from ocarina_kit.client.scopes import Table
    from ocarina_kit.majora.messages import Ways
    from ocarina_kit.system.files import File
    from ocarina_kit.tokens.file import TokensFile

EMPTY = ("TOK001", "There is no token yet.", "A login brings the first one; then a refresh is enough.")
NO_TOKEN = ("TOK001", "There is no token for this.", "Nobody has logged in for it with this set-up.")
NO_REFRESH = (
    "TOK005",
    "There is no refresh token, so only a login helps.",
    "It was lost: Majora issues one each time.",
)


def login_command(setup: Setup, scopes: Collection[str] = (), table: Table | None = None) -> str:
    """The login that brings tokens for ``scopes``, by their purposes."""
    from ocarina_kit.client.scopes import options_for

    return setup.place.command("login", *options_for(scopes, table))


def ways(setup: Setup, scope: str, table: Table | None = None) -> Ways:
    """The commands that go on from here, for majora/messages.py."""
    from ocarina_kit.client.scopes import permissions
    from ocarina_kit.majora.messages import Ways

    command = setup.place.command
    return Ways(
        login_command(setup, (scope,), table),
        command("login", "--callback", "-"),
        command("init"),
        command("doctor"),
        command("refresh"),
        permissions(scope),
    )


def undamaged(setup: Setup, file: TokensFile) -> TokensFile:
    """``file`` itself. Raises KitError TOK002 where it is damaged."""
    if file.damage is None:
        return file
    kept = sum(token.can_refresh for token in file.tokens)
    cause, line, column = file.damage
    commands = [setup.place.command("doctor", "--fix"), login_command(setup)]
    raise KitError(
        f"The tokens file {setup.tokens_file} is damaged: {cause} (line {line}, column {column}).",
        id="TOK002",
        why=f"Tokens that can still be read: {kept}. The file was not changed.",
        remedy=Remedy("Set it aside, and keep what can be read.", tuple(commands[:1] if kept else commands)),
    )


def few_enough(setup: Setup, tokens: Collection[object]) -> None:
    """Raises KitError RFR008 where more tokens are to be sent than go together."""
    from ocarina_kit.tokens.parallel import MOST

    if len(tokens) > MOST:
        raise KitError(
            f"There are {len(tokens)} tokens to send, more than {MOST}. Nothing was sent.",
            id="RFR008",
            why=f"ocarina needs one for each purpose, 15 in all. {setup.tokens_file} may not be its own.",
            remedy=Remedy("Name those that you need.", (setup.place.command("refresh", "--for", "lookup"),)),
        )


def unreadable(file: File) -> KitError:
    """TOK003 where it is a matter of rights, else TOK002: the tokens file cannot be read at all."""
    import shlex

    path = shlex.quote(str(file.path))
    remedy = Remedy("Move it away, then log in.", (f"mv {path} {path}.old",))
    if file.kind == "unreadable":
        remedy = Remedy("See whose it is; if it is yours:", (f"ls -l {path}", f"chmod 600 {path}"))
    what = {"folder": "it is a folder", "special": "it is a device, a pipe or a socket"}.get(
        file.kind, file.problem
    )
    return KitError(
        f"The tokens file {file.path} cannot be read: {what}.",
        id="TOK003" if file.kind == "unreadable" else "TOK002",
        why="Without it no token can be used or refreshed. It was not changed.",
        remedy=remedy,
    )


def foreign(path: Path, what: str) -> KitError:
    """TOK002: MAJORA_TOKENS_FILE names a file of another kind, which is not touched."""
    text = "Name another file as MAJORA_TOKENS_FILE in the configuration, or take that line out of it."
    return KitError(
        f"{path} is not a tokens file: it is {what}.",
        id="TOK002",
        why="MAJORA_TOKENS_FILE in the configuration names it. It was not changed.",
        remedy=Remedy(text),
    )


def needs_login(setup: Setup, scopes: Collection[str], table: Table | None, *words: str) -> KitError:
    """Exit 4, with the login that brings tokens for ``scopes``. ``words``: id, what and why."""
    id, what, why = words
    remedy = Remedy("Log in.", (login_command(setup, scopes, table),))
    return KitError(what, id=id, why=why, remedy=remedy, exit=Exit.LOGIN)


def odd(setup: Setup, why: str) -> KitError:
    return KitError(
        f"ocarina cannot use the entry: {why}.",
        id="TOK002",
        why="ocarina stops at it with a traceback.",
        remedy=Remedy("Set it aside, and keep the rest.", (setup.place.command("doctor", "--fix"),)),
    )


def other_server(setup: Setup, scope: str, owner: str, table: Table | None) -> KitError:
    """RFR006: a token is sent to no other server than its own."""
    return KitError(
        f"The token belongs to {owner} and was not sent to {setup.domain}.",
        id="RFR006",
        why="refresh.log says so. Each Majora has accounts, applications and tokens of its own.",
        remedy=Remedy(
            "Set MAJORA_DOMAIN back, or log in at this one, which replaces the token.",
            (setup.place.command("init"), login_command(setup, (scope,), table)),
        ),
    )


def not_saved(
    setup: Setup, scopes: Collection[str], where: Path | None, cause: KitError, table: Table | None
) -> KitError:
    """RFR005: new tokens are only in the journal, ``where``; RFR007: they could be written nowhere."""
    why = f"{cause.what} {cause.why}".strip()
    if where is None:
        what = f"The new token could be written neither to {setup.tokens_file} nor anywhere else: it is lost."
        return needs_login(setup, scopes, table, "RFR007", what, why)
    what = f"The new token could not be written to {setup.tokens_file}: it is kept in {where}."
    remedy = Remedy("Fix that, then refresh: it is put into its file.", (setup.place.command("refresh"),))
    return KitError(what, id="RFR005", why=why, remedy=remedy)


def about(error: KitError, scopes: Sequence[str], setup: Setup, table: Table | None = None) -> KitError:
    """``error``, which each of these tokens has, as one about all of them: named, with a remedy for all."""
    from ocarina_kit.client.scopes import what_for
    from ocarina_kit.system.words import listed

    names = listed([what_for(scope, table) for scope in scopes])
    what = f"{error.what.rstrip('.')} ({'token' if len(scopes) == 1 else 'tokens'} to {names})."
    login = login_command(setup, scopes, table)
    commands = [login if "ocarina-kit login --" in command else command for command in error.remedy.commands]
    remedy = Remedy(error.remedy.text, tuple(commands))
    return KitError(what, id=error.id, why=error.why, remedy=remedy, exit=error.exit)
