"""What a person is told where the tokens file itself stands in the way: none, damaged, not to be read. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from pathlib import PurePath

from ocarina_kit.core.errors import Exit, KitError, Remedy
from ocarina_kit.core.file_facts import FileFacts, FileKind
from ocarina_kit.core.setup import Place, Setup
from ocarina_kit.core.tokens.token_file import TokenFile
from ocarina_kit.core.tokens.token_salvage import Damage

LEGACY_NOTE = (
    "MAJORA_TOKEN is a legacy API key, so there are no tokens to keep. A key expires after 3 days; "
    "a new one is at keys/list/ on Majora."
)


def usable_tokens(setup: Setup, file: TokenFile) -> TokenFile:
    """``file`` itself. Raises KitError: ``TOK002`` where it is damaged (exit 1), ``TOK001`` where it is empty (4)."""
    if not undamaged(setup, file).entries:
        raise no_tokens(setup.place, setup.tokens_file)
    return file


def undamaged(setup: Setup, file: TokenFile) -> TokenFile:
    """``file`` itself. Raises KitError ``TOK002`` where it is damaged."""
    if file.damage is not None:
        kept = sum(entry.can_refresh for entry in file.entries)
        raise damaged(setup.place, setup.tokens_file, file.damage, kept)
    return file


def no_tokens(place: Place, path: PurePath) -> KitError:
    """TOK001: nobody has logged in yet, or nothing is left of it. Exit 4."""
    return KitError(
        f"There is no token in {path}.",
        id="TOK001",
        why="A login in a browser gives the first one; from then on it can be refreshed without.",
        remedy=Remedy("Log in:", (place.command("login"),)),
        exit=Exit.LOGIN,
    )


def no_such_scope(place: Place, path: PurePath, scope: str, there: Collection[str]) -> KitError:
    """No token for a scope that was asked for by name. Exit 4."""
    listed = "; ".join(there)
    return KitError(
        f"There is no token for the scope {scope}.",
        id="TOK001",
        why=f"{path} holds tokens for: {listed}." if there else f"{path} holds no token.",
        remedy=Remedy("Log in for it:", (place.command("login", "--scope", scope),)),
        exit=Exit.LOGIN,
    )


def damaged(place: Place, path: PurePath, damage: Damage, kept: int) -> KitError:
    """TOK002. ``kept`` is how many tokens can still be read of it."""
    rest = {0: "No token can be read of it any more", 1: "One token can still be read of it"}.get(
        kept, f"{kept} tokens can still be read of it"
    )
    return KitError(
        f"The tokens file {path} is damaged: {damage.cause.value} (line {damage.line}, column {damage.column}).",
        id="TOK002",
        why=f"{rest}. It was left as it is.",
        remedy=Remedy(
            "Set it aside, and keep what can be read:" if kept else "Set it aside, then log in:",
            (place.command("doctor", "--fix"),)
            if kept
            else (place.command("doctor", "--fix"), place.command("login")),
        ),
    )


def unreadable(facts: FileFacts) -> KitError:
    """TOK002, or TOK003 where it is a matter of rights: the file cannot be read at all."""
    path, quoted = facts.path, shlex.quote(str(facts.path))
    if facts.kind is FileKind.UNREADABLE:
        return KitError(
            f"The tokens file {path} cannot be read ({facts.problem}).",
            id="TOK003",
            why="Without it no token can be used or refreshed.",
            remedy=Remedy("See whose it is; where it is yours:", (f"ls -l {quoted}", f"chmod 600 {quoted}")),
        )
    what = {
        FileKind.FOLDER: "a folder stands in its place",
        FileKind.SPECIAL: "a device, a pipe or a socket stands in its place",
        FileKind.TOO_LARGE: f"it is too large ({facts.problem})",
    }.get(facts.kind, facts.problem)
    return KitError(
        f"The tokens file {path} cannot be read: {what}.",
        id="TOK002",
        why="It was left as it is.",
        remedy=Remedy("Move it away, then log in:", (f"mv {quoted} {quoted}.old",)),
    )
