"""TOK: the tokens file, and the tokens in it (CHECKS.md)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from shlex import quote
from typing import Any

from ocarina_kit.client import scopes
from ocarina_kit.config.jsontext import members, position
from ocarina_kit.doctor.check import Late, Outcome, check, follows, ok, problem
from ocarina_kit.doctor.config import open_to_others
from ocarina_kit.doctor.world import World
from ocarina_kit.schedule.host import read_zone
from ocarina_kit.schedule.times import runs
from ocarina_kit.system.change import Action, Change
from ocarina_kit.system.file_kind import FileKind
from ocarina_kit.system.files import read_file
from ocarina_kit.system.problems import no_file
from ocarina_kit.system.words import clock, span, tilde
from ocarina_kit.tokens.file import EXPIRED, Token, TokensFile, foreign_kind
from ocarina_kit.tokens.history import chosen_scopes
from ocarina_kit.tokens.problems import describe_tokens, not_a_tokens_file

_FIX, _LOGIN = "ocarina-kit doctor --fix", "ocarina-kit login"
_check = partial(check, oauth=True, run=_FIX)

# --- TOK001 to TOK003: the file -----------------------------------------------------------------------------


@_check("TOK001", "A token was found", needs="CFG010 CFG008", run=_LOGIN)
def there(world: World) -> Outcome | None:
    """Tokens are in MAJORA_TOKENS_FILE, else in ~/.ocarina-tokens: one for each scope string that you logged in for.

    ocarina asks you to log in; under cron it fails.
    """
    found = world.tokens.found
    read = world.tokens.file
    if world.tokens.waiting:
        return None  # TOK009 puts it in
    if found.kind is not FileKind.FILE:
        why, commands = no_file(found.kind, found.path, is_foreign=found.ours is False)
    elif read.entries or read.damage is not None:
        return None
    else:
        why, commands = "has none", ()
    said = f"There is no token: {{file}} {why}."
    return problem("fail", said, run=(*commands, _LOGIN), file=_file(world))


@_check("TOK002", "ocarina can read the tokens file", needs="TOK001")
def shape(world: World) -> Outcome:
    """The file must be a JSON object of tokens. ocarina writes it in place and without a lock, so a crash or a second
    process can leave half a file. --fix makes a backup, and keeps every token that can be read.

    Every ocarina command with --oauth ends with a traceback, and so does its refresh.
    """
    found = world.tokens.found
    read = world.tokens.file
    odd = [token for token in read.tokens if token.malformed]
    if kind := foreign_kind(found.path, found.content or b"", read):
        text = not_a_tokens_file(found.path, kind).remedy.text
        return problem(
            "fail",
            f"{{file}} is not a tokens file: it is {kind}.",
            text=text,
            file=_file(world),
        )
    if read.damage is None and not odd:
        return ok(
            "ocarina can read the tokens file (tokens: {count}).",
            count=len(read.entries),
        )
    kept = _fixed(world)
    said = "An entry of the tokens file is not a token"
    if read.damage is not None:
        said = "The tokens file is damaged: it is not a JSON object"
    location = read.damage or _place(world, odd[0])
    if (
        read.damage is None and kept.entries == read.entries
    ):  # a refresh makes them tokens
        return _fault(world, said, location)
    if kept.entries:
        why = "set the damaged tokens file aside, keep what can be read"
        aside = _change(world, Action.SET_ASIDE, why, kept.render())
        text = f"doctor sets it aside, and keeps the {describe_tokens(kept.entries, world.table)}."
        return _fault(world, said, location, aside, text=text, run=_FIX)
    aside = _change(world, Action.SET_ASIDE, "set the damaged tokens file aside", None)
    text = "No token can be read in it. doctor sets it aside; then log in."
    return _fault(world, said, location, aside, text=text, run=(_FIX, _LOGIN))


@_check("TOK003", "The tokens file is readable only by you", needs="TOK001")
def private(world: World) -> Outcome | None:
    """A valid token is as good as a password, so only you should read and write the file: mode 0600. ocarina leaves a
    looser mode as it is. Another name of the same file (a hard link) keeps old tokens after a refresh.

    Whoever can read it can act as you at Majora.
    """
    found = world.tokens.found
    if (fault := open_to_others(world, found)) is not None or found.links <= 1:
        return fault
    home, path = (quote(str(each)) for each in (world.machine.home, found.path))
    text, run = "Find the other name and remove it.", f"find {home} -samefile {path}"
    impact = "A refresh replaces the file under this name only: the other name keeps old tokens."
    said = "{file} has {count} names (hard links)."
    return problem(
        "warn",
        said,
        impact=impact,
        text=text,
        run=run,
        file=_file(world),
        count=found.links,
    )


@_check("TOK009", "No new token waits in the journal", needs="TOK002")
def adopted(world: World) -> Outcome | None:
    """A new token is written to a journal before it is put into the tokens file. If the run is interrupted in
    between, the token waits there. --fix, refresh and login put it into the file.

    The token in the file is spent: ocarina cannot use or refresh it.
    """
    waiting = world.tokens.waiting
    if not waiting:
        return None
    what = describe_tokens([token.key for token in waiting], world.table)
    said = "A new {what} is not in the tokens file: an interrupted run left it in the journal."
    change = Change(Action.ADOPT, why=f"put the new {what} into the tokens file")
    return problem("fail", said, fix=[change], what=what)


# --- TOK004, TOK005: how long the tokens are valid ----------------------------------------------------------


@_check("TOK004", "The access tokens are valid", needs="TOK008")
def valid(world: World) -> Outcome:
    """An access token is valid for 10 hours. With its refresh token an expired one is refreshed without a browser.

    ocarina asks you to log in again; under cron it fails.
    """
    now = world.tokens.now
    usable = [
        token for token in world.tokens.usable if not world.tokens.is_replaced(token)
    ]
    if world.tokens.waiting and not usable:
        return follows("TOK009")
    if expired := [token for token in usable if token.seconds_left(now) <= 0]:
        fix = _refresh(world, expired)
        what = describe_tokens(_keys(expired), world.table)
        run = "" if fix else world.login(_keys(expired))
        said = "The {what} expired."
        if all(token.expiry(now) > EXPIRED for token in expired):
            said = "The {what} expired {span} ago."
        since = span(max(-token.seconds_left(now) for token in expired))
        return problem("fail", said, run=run, fix=fix, what=what, span=since)
    due = _next_run(world) or 0.0
    short = [each for each in usable if each.can_refresh and each.expiry(now) < due]
    left = span(min(token.seconds_left(now) for token in short or usable))
    if not short:
        return ok("Each token is valid for {span}.", span=left)
    said = (
        "The {what} will expire in {span}, before the next scheduled refresh ({time})."
    )
    what = describe_tokens(_keys(short), world.table)
    return problem(
        "warn",
        said,
        fix=_refresh(world, short),
        what=what,
        span=left,
        time=clock(due, now),
    )


@_check(
    "TOK005",
    "Each token has a refresh token",
    needs="TOK002",
    run="ocarina-kit login --force",
)
def renewable(world: World) -> Outcome | None:
    """Majora issues one with every access token; a missing one was lost on the way.

    When its access token expires, only a login brings a new one.
    """
    lost = _keys(token for token in world.tokens.usable if not token.can_refresh)
    if not lost:
        return None
    said = "There is no refresh token for the {what}."
    return problem(
        "fail",
        said,
        run=world.login(lost, "--force"),
        what=describe_tokens(lost, world.table),
    )


# --- TOK006 to TOK008: what ocarina makes of an entry -------------------------------------------------------


@_check("TOK006", "Each token is stored under its scope string", needs="TOK002")
def under_their_keys(world: World) -> Outcome | None:
    """ocarina looks a token up by exactly the scope string of what it is about to do, order included.

    ocarina does not find it, and asks you to log in.
    """
    known = _looked_up(world)
    faulty = [
        token for token in world.tokens.usable if token.right_key(known) != token.key
    ]
    why = "store each token where ocarina looks for it"
    return _of_entries(
        world, faulty, "The {what} is not stored under its scope string", why
    )


@_check("TOK007", "Each purpose has a token", needs="TOK006", run=_LOGIN)
def purposes(world: World) -> Outcome | None:
    """refresh.log has the purposes that you logged in for. If it has none, a token to look up samples is needed by
    default. ocarina-kit login --list shows all purposes; ocarina-kit logout takes one away.

    ocarina asks you to log in when you do that.
    """
    # Which depends on CFG006: the log knows what was chosen by server.
    domain = world.config_findings["CFG007"]
    if domain.status == "fail" or domain.cause:
        return follows(domain.cause or "CFG007")
    older = read_file(world.machine.state / "refresh.log.1", cap=0)
    rotated = older.kind is not FileKind.MISSING
    held = [*_keys(world.tokens.usable), *(new.key for new in world.tokens.waiting)]
    table = world.table
    served = {name for key in held for name in scopes.names_of(key, table)}

    def has(scope: str) -> bool:
        names = set(scopes.names_of(scope, table))
        return scope in held or (bool(names) and names <= served)

    chosen = chosen_scopes(world.tokens.log, rotated=rotated)
    missing = [each for each in chosen if not has(each)]
    status, why = "fail", "you logged in for it"
    # 0.36.1 looks samples up with "published".
    enough = {"lookup", "published"} if table is None else {"lookup"}
    if (
        not chosen
        and not served & enough
        and scopes.supported(scopes.BY_NAME["lookup"], table)
    ):
        status, why = "warn", "it is needed by default"
        missing = scopes.scopes_for(("lookup",), table)[:1]
    if not missing:
        return None
    said = f"You have no {{what}}; {why}."
    return problem(
        status, said, run=world.login(missing), what=describe_tokens(missing, table)
    )


@_check("TOK008", "Each expiry time can be used", needs="TOK002")
def times(world: World) -> Outcome | None:
    """expires_at is in seconds since 1970. --fix corrects a number written as text, and milliseconds. More than 7
    days beyond the token's lifetime, or not a time at all, counts as expired.

    ocarina ends with a traceback, or uses a token that has expired.
    """
    faulty = [
        token
        for token in world.tokens.usable
        if token.known_expiry(world.tokens.now) is None
    ]
    said = "The {what} has an expires_at that ocarina cannot use"
    return _of_entries(
        world, faulty, said, "correct the expiry times in the tokens file"
    )


# --- what --fix makes of the file ---------------------------------------------------------------------------


def _of_entries(
    world: World, faulty: Sequence[Token], said: str, why: str
) -> Outcome | None:
    """A fault of entries, the first one in words and with its place; ``why``: the fix in words."""
    if not faulty:
        return None
    said += f" (and {len(faulty) - 1} more like it)" if len(faulty) > 1 else ""
    fix = _change(world, Action.WRITE, why, _fixed(world).render())
    what = describe_tokens([faulty[0].right_key(_looked_up(world))], world.table)
    return _fault(world, said, _place(world, faulty[0]), fix, what=what)


def _change(world: World, action: Action, why: str, after: bytes | None) -> Change:
    found = world.tokens.found
    return Change(action, found.path, "tokens", found.content, after, why=why)


def _fault(
    world: World, said: str, location: tuple[int, int], *fix: Change, **more: Any
) -> Outcome:
    """``place``: line and column. What has expired in the file after its fix is refreshed."""
    line, column = location
    now = world.tokens.now
    due = [
        token
        for token in _fixed(world).tokens
        if token.malformed or token.seconds_left(now) <= 0
    ]
    fixes = (*fix, *_refresh(world, due))
    said += " ({file}, line {line}, column {column})"
    return problem(
        "fail", said, fix=fixes, file=_file(world), line=line, column=column, **more
    )


def _fixed(world: World) -> TokensFile:
    """All that has one meaning, at once: so that no two fixes of one file cross."""
    return world.tokens.file.corrected(world.tokens.now, _looked_up(world))


def _refresh(world: World, tokens: Sequence[Token]) -> tuple[Change, ...]:
    keys = tuple(_keys(world.refreshable(tokens)))
    why = f"refresh the {describe_tokens(keys, world.table)}"
    return (Change(Action.REFRESH, scopes=keys, why=why),) if keys else ()


def _looked_up(world: World) -> tuple[str, ...]:
    """The scope strings that ocarina looks up: by its own table, else those that the kit carries."""
    carried = (each.scope for each in scopes.PURPOSES)
    return tuple(
        dict.fromkeys(
            filter(None, carried if world.table is None else world.table.values())
        )
    )


# --- facts and words ----------------------------------------------------------------------------------------


def _next_run(world: World) -> float | None:
    """When cron next refreshes these tokens, epoch seconds; None without an entry, or if that is unknown."""
    try:
        times = [entry.times for entry in world.entries.active]
    except Late:
        return None
    now = datetime.fromtimestamp(world.tokens.now, read_zone())
    return min(
        (next(runs(each, now)).timestamp() for each in times if each is not None),
        default=None,
    )


def _file(world: World) -> str:
    return tilde(world.tokens.found.path, world.machine.home)


def _place(world: World, token: Token) -> tuple[int, int]:
    """Line and column of an entry, in a file that is JSON."""
    text = (world.tokens.found.content or b"").decode()
    at = next(
        (each.at for each in members(text, text.index("{")) if each.name == token.key),
        0,
    )
    return position(text, at)


def _keys(tokens: Iterable[Token]) -> list[str]:
    return [token.key for token in tokens]
