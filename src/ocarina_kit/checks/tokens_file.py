"""TOK001 to TOK003, and what ``--fix`` makes of a tokens file as a whole."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from functools import wraps

from ocarina_kit.checks.model import Outcome, fail, ok, unknown
from ocarina_kit.checks.token_words import name_of, named
from ocarina_kit.core.client.scopes import PURPOSES, ClientTable
from ocarina_kit.core.errors import Remedy
from ocarina_kit.core.facts import Facts
from ocarina_kit.core.file_facts import FileKind
from ocarina_kit.core.plan import Chmod, Plan, RefreshTokens, SetAside, WriteFile
from ocarina_kit.core.tokens.foreign import REMEDY, foreign
from ocarina_kit.core.tokens.token_facts import TokenFacts
from ocarina_kit.core.tokens.token_file import Cause, TokenFile

LATE = "There was no time left to look at the tokens file."
KIND = "tokens"
"""What the backups of a tokens file are named after."""


def looked(probe: Callable[[Facts, TokenFacts], Outcome]) -> Callable[[Facts], Outcome]:
    """A probe of the tokens file."""

    @wraps(probe)
    def judged(facts: Facts) -> Outcome:
        return unknown(LATE) if facts.tokens is None else probe(facts, facts.tokens)

    return judged


# --- TOK001 to TOK003: the file -----------------------------------------------------------------------------


@looked
def there(facts: Facts, tokens: TokenFacts) -> Outcome:
    file, place = tokens.file, facts.config.place
    login = Remedy("Log in: it opens a page of Majora's in your browser.", (place.command("login"),))
    path = shlex.quote(str(file.path))
    if file.kind is FileKind.MISSING:
        return fail(f"There is no token: {file.path} is not there.", remedy=login)
    if file.kind is FileKind.DANGLING:
        return fail(
            f"There is no token: {file.path} is a link that leads nowhere ({file.target}).",
            remedy=Remedy(
                "Put the file back where the link leads; or remove the link and log in.",
                (f"rm {path}", place.command("login")),
            ),
        )
    if file.kind is FileKind.FOLDER:
        return fail(
            f"There is no token: {file.path} is a folder, and should be a file.",
            remedy=Remedy(
                "Move the folder out of the way, then log in.",
                (f"mv {path} {path}.folder", place.command("login")),
            ),
        )
    if file.kind is FileKind.UNREADABLE:
        return fail(
            f"{file.path} cannot be read: {file.problem or 'no reason was given'}.",
            remedy=Remedy("Let yourself read it.", (f"chmod 600 {path}",))
            if file.ours
            else Remedy(
                "Ask whoever owns it, or name another file as MAJORA_TOKENS_FILE in the configuration."
            ),
        )
    if file.content is None:
        return fail(
            f"{file.path} is no tokens file: {file.problem or 'a device, a pipe or a socket'}.",
            remedy=Remedy(
                "Move it out of the way, then log in.", (f"mv {path} {path}.old", place.command("login"))
            ),
        )
    damage = tokens.tokens.damage
    if damage is not None and damage.cause is Cause.EMPTY:
        return fail(f"There is no token: {file.path} is empty.", remedy=login)
    if damage is None and not tokens.tokens.entries:
        return fail(f"There is no token: {file.path} holds none.", remedy=login)
    return ok(f"{file.path} is there.")


@looked
def shape(facts: Facts, tokens: TokenFacts) -> Outcome:
    file, read = tokens.file, tokens.tokens
    place = facts.config.place
    odd = tuple(entry for entry in read.entries if entry.odd)
    if what := foreign(file.path, file.content, read):
        return fail(f"{file.path} is no tokens file: it is {what}.", remedy=REMEDY)
    if read.damage is None and not odd:
        count = len(read.entries)
        return ok(f"{file.path} holds {count} token{'' if count == 1 else 's'}.")
    if read.damage is not None:
        damage = read.damage
        where = f"{file.path}:{damage.line}:{damage.column}"
        words = f" ({damage.words})" if damage.words else ""
        detail = f"{where}: ocarina cannot read the tokens file: {damage.cause.value}{words}."
    else:
        where = place_of(tokens, odd[0].key)
        more = f", and {len(odd) - 1} more like it" if len(odd) > 1 else ""
        detail = f"{where}: the entry of {name_of(odd[0].key)} is no token entry: {odd[0].odd}{more}."
    kept = _mended(facts, tokens)
    if kept.entries:
        saved = named([entry.key for entry in kept.entries], facts.table)
        remedy = Remedy(f"--fix sets the file aside and keeps {saved}.", (place.command("doctor", "--fix"),))
    else:
        remedy = Remedy(
            "No token can be read in it. --fix sets it aside; then log in.",
            (place.command("doctor", "--fix"), place.command("login")),
        )
    aside = SetAside(
        file.path,
        KIND,
        before=file.content or b"",
        after=kept.render() if kept.entries else None,
        why="set the damaged tokens file aside, and keep what can be read of it",
    )
    return fail(detail, remedy=remedy, fix=Plan((aside, *_to_refresh(tokens, kept))))


def place_of(tokens: TokenFacts, key: str) -> str:
    """``file:line:column`` of an entry's key."""
    text = (tokens.file.content or b"").decode("utf-8", "replace")
    found = [text.find(json.dumps(key, ensure_ascii=ascii_only)) for ascii_only in (True, False)]
    at = max(found)
    if at < 0:
        return str(tokens.file.path)
    line_start = text.rfind("\n", 0, at) + 1
    return f"{tokens.file.path}:{text.count(chr(10), 0, at) + 1}:{at - line_start + 1}"


@looked
def private(facts: Facts, tokens: TokenFacts) -> Outcome:
    file = tokens.file
    path = shlex.quote(str(file.path))
    if file.mode is None:
        return ok("There is no mode to judge.")
    if file.ours is False:
        return fail(
            f"{file.path} belongs to another user (uid {file.owner}).",
            consequence="Whoever owns it can read your tokens, and put others in their place.",
            remedy=Remedy(
                "Make a copy that is yours.",
                (f"cp {path} {path}.mine", f"chmod 600 {path}.mine", f"mv -f {path}.mine {path}"),
            ),
        )
    if file.open_to_others:
        return fail(
            f"Others can read or write {file.path}: its mode is {file.mode:04o}.",
            remedy=Remedy("Let nobody but you read and write it.", (f"chmod 600 {path}",)),
            fix=Plan((Chmod(file.path, file.mode, 0o600, "let nobody but you read the tokens file"),)),
        )
    return ok(f"{file.path} is yours alone.")


# --- what --fix makes of the file ---------------------------------------------------------------------------


def known(table: ClientTable | None) -> tuple[str, ...]:
    """The scope strings that ocarina looks up: by its own table, else those that the kit carries."""
    if table is not None:
        return tuple(dict.fromkeys(scope for scope in table.values() if scope))
    return tuple(dict.fromkeys(scope for purpose in PURPOSES for scope in (purpose.scope, *purpose.older)))


def _mended(facts: Facts, tokens: TokenFacts) -> TokenFile:
    """All that has one meaning, at once: so that no two fixes of one file cross."""
    return (
        tokens.tokens.only_readable()
        .with_mended_times(tokens.now)
        .with_mended_keys(tokens.now, known(facts.table))
    )


def written(facts: Facts, tokens: TokenFacts) -> Plan:
    kept = _mended(facts, tokens)
    why = "put each token where ocarina looks for it, with a time that it can use"
    write = WriteFile(tokens.file.path, KIND, tokens.file.content, kept.render(), why)
    return Plan((write, *_to_refresh(tokens, kept)))


def _to_refresh(tokens: TokenFacts, file: TokenFile) -> tuple[RefreshTokens, ...]:
    """What must be refreshed once the file is mended: what has no access token, or no longer a living one."""
    scopes = tuple(
        entry.key
        for entry in file.entries
        if entry.can_refresh and (entry.odd or entry.life_left(tokens.now) <= 0)
    )
    return (RefreshTokens(scopes, "refresh what is expired"),) if scopes else ()
