"""The grant: a link that is kept before it is shown, and a code that becomes a token on the disk.

In this order: lock; prove the place of the new file; back up; send the code; put the token on the disk; log; forget
the pending login. CONTRACT.md, Files and login.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from ocarina_kit.core.client.scopes import ClientTable, ScopeRequest, request_for
from ocarina_kit.core.config.domain import callback_url
from ocarina_kit.core.errors import KitError
from ocarina_kit.core.oauth.answers import Granted, Refused, TokenAnswer, Unusable
from ocarina_kit.core.oauth.grant import authorization_url, new_pkce, new_state
from ocarina_kit.core.oauth.login_errors import (
    narrowed,
    nothing_waits,
    of_another_setup,
    page_error,
    saved_elsewhere,
    saved_nowhere,
    used_before,
    ways,
)
from ocarina_kit.core.oauth.login_report import LoginResult, TokenOutcome
from ocarina_kit.core.oauth.oauth_errors import exchange_error, paste_error
from ocarina_kit.core.oauth.paste import PastedCode, PasteFault, read_paste, states_in
from ocarina_kit.core.oauth.pending import PendingLogin
from ocarina_kit.core.setup import Place
from ocarina_kit.core.tokens.refresh_log import LogEntry, Result, mark_for
from ocarina_kit.edges.disk import locks, pending, refresh_log, rescue
from ocarina_kit.edges.disk.token_store import Arrival, TokenStore
from ocarina_kit.edges.person import signals
from ocarina_kit.flows.login import Login

_TRIES = 3
_LONGEST_WAIT_S = 10.0
"""A code lives 60 s (FACTS.md): a server that asks for more patience than that asks for a fresh link."""


class UsedBeforeError(KitError):
    """The callback of a login that is over; ``scope`` is what it was for."""

    def __init__(self, error: KitError, scope: str) -> None:
        super().__init__(error.what, id=error.id, why=error.why, remedy=error.remedy, exit=error.exit)
        self.scope = scope


@dataclass(frozen=True)
class Link:
    """A link to open, and the pending login that its callback belongs to."""

    request: ScopeRequest
    url: str
    pending: PendingLogin


@dataclass(frozen=True)
class Callback:
    """A code, and the pending login that it answers."""

    request: ScopeRequest
    pending: PendingLogin
    pasted: PastedCode


def begin(login: Login, request: ScopeRequest) -> Link:
    """Make a link, and keep its pending login first. Raises FileError; there is no link then."""
    setup, system = login.setup, login.system
    state, pkce = new_state(system.token_urlsafe), new_pkce(system.token_urlsafe)
    begun = PendingLogin(
        state=state,
        verifier=pkce.verifier,
        scope=request.scope,
        redirect_uri=callback_url(setup.domain),
        domain=setup.domain,
        config=_config(setup.place),
        profile=setup.place.profile,
        created=system.clock.now(),
    )
    pending.save(system, begun)
    url = authorization_url(setup.domain, setup.client_id, request.scope, state, pkce.challenge)
    return Link(request, url, begun)


def prove_place(login: Login) -> None:
    """Show that the tokens file can be locked and written, before a person is sent to a browser. Raises KitError."""
    with signals.as_interrupts(), locks.hold(login.path, timeout=login.lock_timeout):
        store = TokenStore(login.reader, calls=login.calls)
        try:
            store.prove(1, 1)
        finally:
            store.close()


def read_for(login: Login, link: Link, text: str) -> Callback | PasteFault | KitError:
    """A paste at the prompt below ``link``: only its own callback counts (RFC 6749, 10.12).

    A KitError is about the server's error page, which leads to no callback.
    """
    found = read_paste(text, (link.pending.state,), login.setup.domain)
    if isinstance(found, PastedCode):
        return Callback(link.request, link.pending, found)
    if found.kind in ("unreadable", "no-code"):
        known = ways(login.setup.place, link.request, terminal=login.terminal)
        return page_error(text, login.setup.domain, known) or found
    return found


def match(login: Login, text: str, table: ClientTable | None) -> tuple[Callback, ...]:
    """The pending logins of this set-up that a callback from another process answers: by their state.

    Several callbacks, one a line, are as good as one. Raises KitError for all that is none.
    """
    place, domain = login.setup.place, login.setup.domain
    waiting = pending.waiting(login.system)
    mine = {
        each.state: each
        for each in waiting
        if each.belongs_to(config=_config(place), profile=place.profile, domain=domain)
    }

    def callback(pasted: PastedCode) -> Callback:
        begun = mine[pasted.state]
        return Callback(request_for(begun.scope, table), begun, pasted)

    found = read_paste(text, mine, domain)
    if isinstance(found, PastedCode):
        return (callback(found),)
    if found.kind == "several":
        lines = [read_paste(line, mine, domain) for line in text.splitlines() if line.strip()]
        codes = [line for line in lines if isinstance(line, PastedCode)]
        if len(codes) == len(lines) and len({code.state for code in codes}) == len(codes):
            return tuple(callback(code) for code in codes)
    begun = mine.get(found.state or "")
    request = None if begun is None else request_for(begun.scope, table)
    known = ways(place, request, terminal=login.terminal)
    if found.kind in ("wrong-state", "other-server"):
        _refuse_anothers(place, waiting, text)
    if found.kind == "wrong-state" and (used := pending.used(login.system, states_in(text))) is not None:
        now = login.system.clock.now()
        again = ways(place, request_for(used.scope, table), terminal=login.terminal)
        raise UsedBeforeError(used_before(now - used.sent, now - used.created, again), used.scope)
    if not mine and found.kind not in ("empty", "authorize-link", "log-in-page", "other-server"):
        raise nothing_waits(place)
    raise page_error(text, domain, known) or paste_error(
        found, domain=domain, scope="" if begun is None else begun.scope, ways=known
    )


def _refuse_anothers(place: Place, waiting: Sequence[PendingLogin], text: str) -> None:
    """Raise where the callback answers a login that was begun with another set-up."""
    for each in waiting:
        if not isinstance(read_paste(text, (each.state,), each.domain), PastedCode):
            continue
        source = place.source if str(place.config) == each.config else "option"
        begun = Place(PurePath(each.config), source, each.profile, from_env=not each.config)
        same = (_config(place), place.profile) == (each.config, each.profile)
        raise of_another_setup(place, each, None if same else begun)


def redeem(login: Login, callback: Callback) -> TokenOutcome:
    """Send the code, and put the token on the disk before anything else is done with it.

    A refusal, or a token that could not go where it belongs, stands in the outcome. Raises KitError where nothing
    could be begun (lock, place, backup): the code is unspent then, and the pending login waits on. Raises
    KeyboardInterrupt before the code is sent; where the person asks to end after that, the token is made safe first,
    and ``login.interrupted`` is set.
    """
    login.mend_damaged()
    with signals.as_interrupts(), locks.hold(login.path, timeout=login.lock_timeout):
        store = TokenStore(login.reader, calls=login.calls)
        store.take_rescued()
        store.prove(1, 1)
        try:
            store.keep_backup()
            store.begin_journal()
            place = store.take_place()
            with signals.held_off(lambda: login.note("Finishing what is under way (20 s at most).")) as stop:
                old = login.reader.look().get(callback.pending.scope)
                answer = _exchange(login, callback, stop.is_set)
                login.learn(answer.skew)
                if not isinstance(answer, Granted):
                    place.discard()
                    return _refused(login, callback, answer)
                arrival = Arrival(callback.pending.scope, answer, login.system.clock.now(), old, place)
                store.save(arrival)
                outcome = _saved(login, callback, answer, arrival)
                if arrival.done and outcome.result.usable:
                    store.mend_overwritten([arrival])
            pending.use(login.system, callback.pending)
        finally:
            store.close()
    login.interrupted = stop.is_set()
    return outcome if login.interrupted else login.verified(outcome)


def _exchange(login: Login, callback: Callback, stopped: Callable[[], bool]) -> TokenAnswer:
    """Tried again where the code cannot have been used: the connection never stood, or the server asked to wait."""
    clock = login.system.clock
    for attempt in range(1, _TRIES + 1):
        answer = login.majora.exchange(
            callback.pasted.code, callback.pending.verifier, redirect_uri=callback.pending.redirect_uri
        )
        if attempt == _TRIES or not isinstance(answer, Unusable) or not _worth_another(answer):
            break
        wait = answer.retry_after if answer.retry_after is not None else float(attempt)
        if wait > _LONGEST_WAIT_S or stopped():
            break
        clock.sleep(wait)
    return answer


def _worth_another(answer: Unusable) -> bool:
    if answer.may_have_spent:
        return False
    if answer.net is not None:
        return answer.net.kind in ("dns-silent", "refused", "timeout", "reset")
    return answer.reason == "rate-limited"


def _refused(login: Login, callback: Callback, answer: Refused | Unusable) -> TokenOutcome:
    known = ways(login.setup.place, callback.request, terminal=login.terminal)
    error = exchange_error(
        answer,
        domain=login.setup.domain,
        scope=callback.pending.scope,
        link_age=callback.pending.age(login.system.clock.now()),
        ways=known,
    )
    if isinstance(answer, Refused) and answer.cause == "grant":
        pending.use(login.system, callback.pending)
    return TokenOutcome(callback.request, LoginResult.FAILED, error=error)


def is_dead_code(error: KitError | None) -> bool:
    """Whether only a fresh link helps, and that at once: the code is too old, was used before, or may be used up."""
    return error is not None and error.id in ("LGN021", "LGN024", "LGN026")


def concerns_all(error: KitError) -> bool:
    """Whether no other link could fare better: it is about the client, the account, this machine or the network."""
    return error.id not in ("LGN011", "LGN012", "LGN013", "LGN021", "LGN024", "LGN025")


def _saved(login: Login, callback: Callback, granted: Granted, arrival: Arrival) -> TokenOutcome:
    place, request = login.setup.place, callback.request
    known = ways(place, request, terminal=login.terminal)
    if arrival.rescued is not None:
        found_again = arrival.rescued == rescue.rescue_path(login.system, login.path)
        error = saved_elsewhere(place, login.path, arrival.rescued, arrival.problem, found_again=found_again)
        return TokenOutcome(request, LoginResult.FAILED, error=error)
    if not arrival.done or arrival.problem is not None:
        return TokenOutcome(
            request, LoginResult.FAILED, error=saved_nowhere(known, login.path, arrival.problem)
        )
    expires_at = arrival.now + float(granted.expires_in)
    outcome = TokenOutcome(request, LoginResult.LOGGED_IN, arrival.key, expires_at)
    if arrival.key != request.scope:
        error = narrowed(request, arrival.key, granted.missing(request.scope), known)
        outcome = replace(outcome, result=LoginResult.NARROWED, error=error)
    mark = mark_for(login.setup.tokens_file, login.system.home, login.setup.domain)
    line = LogEntry(arrival.now, login.system.host, "login", arrival.key, Result.LOGGED_IN, mark)
    problem = refresh_log.append(login.system, [line])
    if problem is not None:
        login.note(f"[{problem.id}] refresh.log was not written: {problem.what}")
    return outcome


def _config(place: Place) -> str:
    return "" if place.from_env else str(place.config)
