"""Logging out: revoke at the server, then forget here what it confirmed (CONTRACT.md, logout)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ocarina_kit.core.errors import KitError, Remedy
from ocarina_kit.core.setup import Setup
from ocarina_kit.core.tokens.logout_report import LogoutReport, LogoutResult, LogoutToken, not_revoked
from ocarina_kit.core.tokens.refresh_log import LogEntry, Result, mark_for
from ocarina_kit.core.tokens.token_errors import undamaged
from ocarina_kit.core.tokens.token_file import TokenEntry, TokenFile
from ocarina_kit.edges.disk import locks, refresh_log, rescue
from ocarina_kit.edges.disk.files import Syscalls, prove_writable
from ocarina_kit.edges.disk.token_store import TokensReader, TokenStore
from ocarina_kit.edges.disk.writes import REAL
from ocarina_kit.edges.person import signals
from ocarina_kit.edges.system import System
from ocarina_kit.flows.guard import Guard

_AT_ONCE = 16
_ATTEMPTS = 2
"""A revocation may be asked for again: it changes nothing the second time (RFC 7009, 2.2)."""

COPIES_NOTE = (
    "The tokens are still good at the server, and copies of them stay in the backups: whoever has those can use them. "
    "Revoke them on Majora's page of authorized tokens (o/authorized_tokens/), or delete"
)


def chosen(file: TokenFile, scopes: Collection[str] | None) -> tuple[TokenEntry, ...]:
    """The entries that a logout is about: all, or those of ``scopes``."""
    return tuple(entry for entry in file.entries if scopes is None or entry.key in scopes)


def would_be(file: TokenFile, scopes: Collection[str] | None, *, local: bool) -> LogoutReport:
    """What a logout would do, with nothing sent or written."""
    result = LogoutResult.WOULD_FORGET if local else LogoutResult.WOULD_REVOKE
    tokens = tuple(LogoutToken(entry.key, result) for entry in chosen(file, scopes))
    return LogoutReport(tokens + _missing(file, scopes))


def log_out(
    system: System,
    setup: Setup,
    *,
    scopes: Collection[str] | None = None,
    local: bool = False,
    told: Callable[[], None] = lambda: None,
    calls: Syscalls = REAL,
    lock_timeout: float = 90.0,
) -> LogoutReport:
    """Revoke the set-up's tokens (those of ``scopes``, or all) and forget what the server confirmed.

    ``local``: forget without asking the server. After the last token an empty object stays. Raises KitError where
    nothing could be begun: ``TOK002``, ``TOK003``, ``LCK001``, ``LCK002``,
    :class:`~ocarina_kit.edges.disk.file_errors.FileError`.
    """
    reader = TokensReader(system, Path(setup.tokens_file))
    seen = undamaged(setup, reader.look())
    if not seen.entries and rescue.read(system, reader.path) is None:
        return LogoutReport(_missing(seen, scopes))
    with signals.as_interrupts(), locks.hold(reader.path, timeout=lock_timeout):
        store = TokenStore(reader, calls=calls)
        store.take_rescued()
        data, file = reader.look_whole()
        undamaged(setup, file)
        # Shown before anything is revoked: a token that is revoked and cannot be forgotten only confuses.
        prove_writable(reader.path, len(data or b""), calls=calls).discard()
        store.keep_backup()
        entries = chosen(file, scopes)
        with signals.held_off(told) as stop:
            if local:
                tokens = tuple(LogoutToken(entry.key, LogoutResult.FORGOTTEN) for entry in entries)
            else:
                tokens = _revoke_all(system, setup, entries, stop.is_set)
            gone = [token.scope for token in tokens if token.result is not LogoutResult.KEPT]
            if gone:
                # The client does not lock: what it wrote meanwhile stays.
                file = reader.look()
                for key in gone:
                    file = file.without(key)
                store.replace(file)
    mark = mark_for(setup.tokens_file, system.home, setup.domain)
    now = system.clock.now()
    problem = refresh_log.append(
        system, [LogEntry(now, system.host, "logout", key, Result.LOGGED_OUT, mark) for key in gone]
    )
    notes = () if problem is None else (f"[{problem.id}] refresh.log was not written: {problem.what}",)
    if local and gone:
        notes = (*notes, f"{COPIES_NOTE} {system.state_dir / 'backups'}/tokens-*")
    return LogoutReport(tokens + _missing(file, scopes, gone), notes)


def _missing(
    file: TokenFile, scopes: Collection[str] | None, gone: Collection[str] = ()
) -> tuple[LogoutToken, ...]:
    return tuple(
        LogoutToken(scope, LogoutResult.NO_TOKEN)
        for scope in dict.fromkeys(scopes or ())
        if scope not in gone and file.get(scope) is None
    )


def _revoke_all(
    system: System, setup: Setup, entries: Collection[TokenEntry], stopped: Callable[[], bool]
) -> tuple[LogoutToken, ...]:
    from ocarina_kit.edges.net.http import Http  # not for --local: TLS alone is half of its start-up
    from ocarina_kit.edges.net.majora import Majora

    http = Http(system.environ, now=system.clock.now)
    majora = Majora(http, setup.domain, setup.client_id, setup.client_secret)
    guard = Guard(system, setup)

    def revoke(entry: TokenEntry) -> LogoutToken:
        wrong = guard.why_not(entry)
        if wrong is not None:
            return LogoutToken(entry.key, LogoutResult.KEPT, wrong)
        token, hint = entry.refresh_token, "refresh_token"
        if token is None:
            token, hint = entry.access_token, "access_token"
        if token is None:
            return LogoutToken(entry.key, LogoutResult.FORGOTTEN)
        for attempt in range(_ATTEMPTS):
            if stopped():
                break
            answer = majora.revoke(token, hint)
            if answer.confirmed:
                return LogoutToken(entry.key, LogoutResult.REVOKED)
            error = not_revoked(answer, domain=setup.domain, place=setup.place)
            if answer.refused is not None or attempt + 1 == _ATTEMPTS:
                return LogoutToken(entry.key, LogoutResult.KEPT, error)
            system.clock.sleep(1.0)
        return LogoutToken(entry.key, LogoutResult.KEPT, _interrupted())

    if not entries:
        return ()
    with ThreadPoolExecutor(max_workers=min(len(entries), _AT_ONCE)) as pool:
        return tuple(pool.map(revoke, entries))


def _interrupted() -> KitError:
    from ocarina_kit.core.errors import Exit

    return KitError(
        "Interrupted; what the server had confirmed is forgotten, the rest is kept.",
        id="INT001",
        why="It was stopped by Ctrl-C or a signal.",
        remedy=Remedy("Run it again for the rest."),
        exit=Exit.INTERRUPTED,
    )
