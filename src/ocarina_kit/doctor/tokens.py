"""TOK: the tokens file, and the tokens in it (CHECKS.md)."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from ocarina_kit.client import scopes
from ocarina_kit.client.scopes import Table, purposes_of, what_for
from ocarina_kit.doctor.check import Late, Outcome, check, follows, ok, problem
from ocarina_kit.doctor.world import World
from ocarina_kit.system.change import Change, chmod, refresh, set_aside, write
from ocarina_kit.system.errors import Remedy
from ocarina_kit.system.words import clock, listed, span, tilde
from ocarina_kit.tokens.file import EXPIRED, Token, TokensFile

_check = partial(check, oauth=True, run="ocarina-kit doctor --fix")
_LOGIN, _MOVE = "ocarina-kit login", "Move it away, then log in."

# --- TOK001 to TOK003: the file -----------------------------------------------------------------------------

_NO_FILE = {
    "missing": ("does not exist", "", ""),
    "dangling": ("is a link to nothing", "Restore the file that it leads to, or remove the link.", "rm {path}"),
    "folder": ("is a folder; it should be a file", _MOVE, "mv {path} {path}.old"),
    "special": ("is a device, a pipe or a socket", _MOVE, "mv {path} {path}.old"),
    "too large": ("is far too large for a tokens file", _MOVE, "mv {path} {path}.old"),
    "unreadable": ("cannot be read", "Make it readable for you; if it is not yours, log in with another file as "
                   "MAJORA_TOKENS_FILE.", "chmod 600 {path}"),
}  # fmt: skip


@_check(
    "TOK001",
    "There is a token",
    rests="CFG010 CFG008",
    impact="ocarina asks you to log in; under cron it fails.",
    explain="Tokens are in MAJORA_TOKENS_FILE, else in ~/.ocarina-tokens: one for each scope string that you logged "
    "in for.",
    run=_LOGIN,
)
def there(world: World) -> Outcome:
    found, read, login = world.tokens.found, world.tokens.file, world.place.command("login")
    if found.kind != "file":
        said, text, first = _NO_FILE[found.kind]
        commands = (first.replace("{path}", shlex.quote(str(found.path))), login)
        remedy = Remedy(text, tuple(filter(None, commands)))
        return problem("fail", f"There is no token: {{file}} {said}.", remedy=remedy, file=_file(world))
    if not read.entries and (read.damage is None or not (found.content or b"").strip()):
        return problem("fail", "There is no token in {file}.", remedy=Remedy("", (login,)), file=_file(world))
    return ok("The tokens file exists.")


@_check(
    "TOK002",
    "ocarina can read the tokens file",
    rests="TOK001",
    impact="Every ocarina command with --oauth ends with a traceback, and so does its refresh.",
    explain="The file must be a JSON object of tokens. ocarina writes it in place and without a lock, so a crash or a "
    "second process can leave half a file. --fix makes a backup, and keeps every token that can be read.",
)
def shape(world: World) -> Outcome:
    from ocarina_kit.tokens import problems, salvage

    found, read, file = world.tokens.found, world.tokens.file, _file(world)
    content, odd = found.content or b"", [token for token in read.tokens if token.odd]
    if kind := salvage.foreign(found.path, content, read):
        remedy = problems.foreign(found.path, kind).remedy
        return problem("fail", f"{{file}} is not a tokens file: it is {kind}.", remedy=remedy, file=file)
    if read.damage is not None:
        template = f"The tokens file is damaged: {read.damage.cause}"
        where: dict[str, Any] = {"file": file, "line": read.damage.line, "column": read.damage.column}
    elif odd:
        template = f"An entry of the tokens file is not a token: {odd[0].odd}{_more(odd)}"
        where = _place(world, odd[0].key)
    else:
        return ok("ocarina can read the tokens file (tokens: {count}).", count=len(read.entries))
    kept, command = _fixed(world), world.place.command
    why = "set the damaged tokens file aside, keep what can be read"
    after = kept.render() if kept.entries else None
    fix = (set_aside(found.path, "tokens", content, after, why), *_due(world, kept))
    text, commands = (
        f"doctor sets it aside, and keeps {_named(kept.entries, world.table)}.",
        [command("doctor", "--fix")],
    )
    if not kept.entries:
        text = "No token can be read in it. doctor sets it aside; then log in."
        commands.append(command("login"))
    return problem("fail", template + _WHERE, remedy=Remedy(text, tuple(commands)), fix=fix, **where)


@_check(
    "TOK003",
    "The tokens file is private",
    rests="TOK001",
    impact="Whoever can read it can act as you at Majora.",
    explain="A valid token is as good as a password, so only you should read and write the file: mode 0600. ocarina "
    "leaves a looser mode as it is. Another name of the same file (a hard link) keeps old tokens after a refresh.",
)
def private(world: World) -> Outcome:
    found, file = world.tokens.found, _file(world)
    path = shlex.quote(str(found.path))
    if found.ours is False:
        copy = (f"mv {path} {path}.foreign", f"install -m 600 {path}.foreign {path}")
        remedy = Remedy("Make a copy that is yours.", copy)
        return problem("fail", "{file} belongs to another user.", remedy=remedy, file=file)
    if found.open_to_others:
        fix = (chmod(found.path, found.mode, "make the tokens file readable only by you (0600)"),)
        said, mode = "Others can read or write {file}: its mode is {mode}.", f"{found.mode or 0:04o}"
        return problem("fail", said, fix=fix, file=file, mode=mode)
    if found.links > 1:
        find = f"find {shlex.quote(str(world.machine.home))} -samefile {path}"
        remedy = Remedy("Find the other name and remove it.", (find,))
        impact = "A refresh replaces the file under this name only: the other name keeps old tokens."
        said = "{file} has {count} names (hard links)."
        return problem("warn", said, impact=impact, remedy=remedy, file=file, count=found.links)
    return ok("The tokens file is readable only by you.")


# --- TOK004, TOK005: how long the tokens are valid ----------------------------------------------------------


@_check(
    "TOK004",
    "The access tokens are valid",
    rests="TOK008",
    impact="ocarina asks you to log in again; under cron it fails.",
    explain="An access token is valid for 10 hours. Its refresh token is valid longer, so an expired one is refreshed "
    "without a browser.",
)
def valid(world: World) -> Outcome:
    now, usable = world.tokens.now, world.tokens.usable
    left = {token.key: token.seconds_left(now) for token in usable}
    expired = [token for token in usable if left[token.key] <= 0]
    if expired:
        ago = " {span} ago" if all(token.expiry(now) > EXPIRED for token in expired) else ""
        since, what = span(max(-left[token.key] for token in expired)), _subject(expired, world.table)
        fix = _refresh(world, expired)
        remedy = None if fix else _login(world, expired)
        return problem("fail", f"{{what}} expired{ago}.", remedy=remedy, fix=fix, what=what, span=since)
    run = _next_run(world)
    short = [token for token in usable if token.can_refresh and run and now + left[token.key] < run]
    if short and run is not None:
        said = "{what} will expire in {span}, before the next scheduled refresh ({time})."
        what, soon = _subject(short, world.table), span(min(left[token.key] for token in short))
        return problem("warn", said, fix=_refresh(world, short), what=what, span=soon, time=clock(run, now))
    if not left:
        return ok("No token is expired.")
    each = "The token is" if len(left) == 1 else "Each token is"
    return ok(f"{each} valid for {{span}}.", span=span(min(left.values())))


@_check(
    "TOK005",
    "Each token has a refresh token",
    rests="TOK002",
    impact="When its access token expires, only a login brings a new one.",
    explain="Majora issues one with every access token; a missing one was lost on the way.",
    run="ocarina-kit login --force",
)
def renewable(world: World) -> Outcome:
    lost = [token for token in world.tokens.usable if not token.can_refresh]
    if not lost:
        return ok("Each token has a refresh token.")
    verb, what, remedy = (
        "has" if len(lost) == 1 else "have",
        _subject(lost, world.table),
        _login(world, lost, "--force"),
    )
    return problem("fail", f"{{what}} {verb} no refresh token.", remedy=remedy, what=what)


# --- TOK006 to TOK008: what ocarina makes of an entry -------------------------------------------------------


@_check(
    "TOK006",
    "Each token is stored under its scope string",
    rests="TOK002",
    impact="ocarina does not find it, and asks you to log in.",
    explain="ocarina looks a token up by exactly the scope string of what it is about to do, order included. It never "
    "finds a token under another key.",
)
def under_their_keys(world: World) -> Outcome:
    known = _looked_up(world.table)
    faulty = [token for token in world.tokens.usable if token.misplaced(known)]
    if not faulty:
        return ok("Each token is where ocarina looks for it.")
    said, why = "{what} is not stored under its scope string", "store each token where ocarina looks for it"
    return _of_entries(world, faulty, said, why)


@_check(
    "TOK007",
    "There is a token for each purpose",
    rests="TOK006",
    impact="ocarina asks you to log in when you do that.",
    explain="refresh.log has the purposes that you logged in for. If it has none, a token to look up samples is needed "
    "by default. ocarina-kit login --list shows all purposes; ocarina-kit logout takes one away.",
    run=_LOGIN,
)
def purposes(world: World) -> Outcome:
    from ocarina_kit.tokens.history import chosen_scopes

    # Which depends on CFG006: the log knows what was chosen by server.
    domain = world.config_findings["CFG007"]
    if domain.status == "fail" or domain.cause:
        return follows(domain.cause or "CFG007")
    rotated = (world.machine.state / "refresh.log.1").exists()
    held = [token.key for token in world.tokens.usable]
    chosen = chosen_scopes(world.tokens.log, rotated=rotated)
    missing = _missing(chosen, held, world.table) if chosen else _default(held, world.table)
    if not missing:
        return ok("There is a token for each purpose.")
    status, why = ("fail", "you logged in for it") if chosen else ("warn", "it is needed by default")
    remedy = _login(world, [Token(scope) for scope in missing])
    what = _named(missing, world.table).removeprefix("the ")
    return problem(status, f"There is no {{what}}; {why}.", remedy=remedy, what=what)


def _missing(chosen: Iterable[str], held: Sequence[str], table: Table | None) -> list[str]:
    """Recorded scope strings that neither have a token of their own, nor one that serves their purposes now."""
    served = {purpose for key in held for purpose in purposes_of(key, table)}
    wanted = {scope: set(purposes_of(scope, table)) for scope in chosen if scope not in held}
    return [scope for scope, serves in wanted.items() if not serves or not serves <= served]


def _default(held: Sequence[str], table: Table | None) -> list[str]:
    """The scope string to look samples up with, if there is no token for it and the client can do it at all."""
    served = {purpose.name for key in held for purpose in purposes_of(key, table)}
    # 0.36.1 looks samples up with "published".
    enough = {"lookup", "published"} if table is None else {"lookup"}
    if served & enough or not scopes.supported(scopes.BY_NAME["lookup"], table):
        return []
    return [scopes.requests_for(("lookup",), table)[0].scope]


_TIME_FAULTS = {
    "text": "is a number written as text",
    "milliseconds": "is in milliseconds",
    "too far ahead": "is too far ahead to be true",
    "unusable": "is not a time",
}


@_check(
    "TOK008",
    "Each expiry time can be used",
    rests="TOK002",
    impact="ocarina ends with a traceback, or uses a token that has expired.",
    explain="expires_at is in seconds since 1970. --fix corrects a number written as text, and milliseconds. More than "
    "7 days beyond the token's lifetime, or not a time at all, counts as expired.",
)
def times(world: World) -> Outcome:
    now = world.tokens.now
    faulty = [token for token in world.tokens.usable if token.time_fault(now)]
    if not faulty:
        return ok("Each expiry time can be used.")
    said = f"{{what}} has an expires_at that {_TIME_FAULTS[faulty[0].time_fault(now)]}"
    return _of_entries(world, faulty, said, "correct the expiry times in the tokens file")


# --- what --fix makes of the file ---------------------------------------------------------------------------


def _of_entries(world: World, faulty: Sequence[Token], said: str, why: str) -> Outcome:
    """A fault of entries, the first one in words and with its place; ``why``: the fix in words."""
    after, found = _fixed(world), world.tokens.found
    fix = (write(found.path, "tokens", found.content, after.render(), why), *_due(world, after))
    what = _subject([Token(faulty[0].home(_looked_up(world.table)))], world.table)
    place, template = _place(world, faulty[0].key), said + _more(faulty) + _WHERE
    return problem("fail", template, fix=fix, what=what, **place)


def _fixed(world: World) -> TokensFile:
    """All that has one meaning, at once: so that no two fixes of one file cross."""
    now = world.tokens.now
    readable = world.tokens.file.readable_only()
    return readable.with_fixed_times(now).with_fixed_keys(now, _looked_up(world.table))


def _due(world: World, file: TokensFile) -> tuple[Change, ...]:
    """What is to be refreshed once the file is fixed."""
    now = world.tokens.now
    return _refresh(world, [token for token in file.tokens if token.odd or token.seconds_left(now) <= 0])


def _refresh(world: World, tokens: Sequence[Token]) -> tuple[Change, ...]:
    keys = tuple(token.key for token in world.refreshable(tokens))
    return (refresh(keys, f"refresh {_named(keys, world.table)}"),) if keys else ()


def _looked_up(table: Table | None) -> tuple[str, ...]:
    """The scope strings that ocarina looks up: by its own table, else those that the kit carries."""
    carried = (each.scope for each in scopes.PURPOSES)
    return tuple(dict.fromkeys(filter(None, carried if table is None else table.values())))


# --- facts --------------------------------------------------------------------------------------------------


def _next_run(world: World) -> float | None:
    """When cron next refreshes these tokens, epoch seconds; None without an entry, or if that is unknown."""
    from datetime import datetime

    from ocarina_kit.cron.host import zone
    from ocarina_kit.cron.times import next_runs

    try:
        times = [entry.times for entry in world.entries.active]
    except Late:
        return None
    now = datetime.fromtimestamp(world.tokens.now, zone())
    runs = (run for each in times if each is not None for run in next_runs(each, now, 1))
    return min((run.timestamp() for run in runs), default=None)


# --- words --------------------------------------------------------------------------------------------------

_WHERE = " ({file}, line {line}, column {column})"


def _file(world: World) -> str:
    return tilde(world.tokens.found.path, world.machine.home)


def _place(world: World, key: str) -> dict[str, Any]:
    """File, line and column of an entry, in a file that is JSON."""
    from ocarina_kit.config.jsontext import members, position

    text = (world.tokens.found.content or b"").decode()
    at = next((each.at for each in members(text, text.index("{")) if each.name == key), 0)
    line, column = position(text, at)
    return {"file": _file(world), "line": line, "column": column}


def _named(keys: Iterable[str], table: Table | None) -> str:
    """``the tokens to look up samples and runs, add files, add tags and 3 more``."""
    names = list(dict.fromkeys(what_for(key, table) for key in keys))
    if len(names) > 4:
        names = [*names[:3], f"{len(names) - 3} more"]
    return f"the {'token' if len(names) == 1 else 'tokens'} to {listed(names)}"


def _subject(tokens: Sequence[Token], table: Table | None) -> str:
    return _named([token.key for token in tokens], table).replace("the", "The", 1)


def _more(items: Sequence[object]) -> str:
    return f" (and {len(items) - 1} more like it)" if len(items) > 1 else ""


def _login(world: World, tokens: Sequence[Token], *options: str) -> Remedy:
    wanted = scopes.options_for([token.key for token in tokens], world.table)
    return Remedy("", (world.place.command("login", *options, *wanted),))
