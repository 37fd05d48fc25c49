"""Grants with a person at a terminal: a link, a paste, and as many more of each as it takes, within reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ocarina_kit.core.client.scopes import ScopeRequest
from ocarina_kit.core.errors import KitError
from ocarina_kit.core.oauth.answers import Refused
from ocarina_kit.core.oauth.login_errors import FRESH_LINKS, hint, ways
from ocarina_kit.core.oauth.login_report import TokenOutcome
from ocarina_kit.core.oauth.oauth_errors import client_refused_error, paste_error
from ocarina_kit.core.oauth.paste import LONGEST, PasteFault
from ocarina_kit.flows.login import Login, failed, not_begun
from ocarina_kit.flows.login_grant import (
    Callback,
    Link,
    begin,
    concerns_all,
    is_dead_code,
    prove_place,
    read_for,
    redeem,
)

PASTES = 6
"""Pastes that bring no code, after which a prompt gives up."""

_UNFINISHED = ("cut-off", "no-code", "no-state")
"""More of the same callback may follow: the rest of a slow paste, or the state behind the code."""


class Person(Protocol):
    """Whoever sits at the terminal. Each method raises KeyboardInterrupt on Ctrl-C."""

    def paste(self, link: Link, *, number: int, count: int, fresh: bool) -> str:
        """Show the link, the ``number``-th of ``count``, and return what is pasted. ``fresh``: in place of another."""

    def paste_again(self, error: KitError, hint: str) -> str:
        """Say why what was pasted is none, and what to do; return what is pasted then. The link stands above."""

    def granted(self, outcome: TokenOutcome) -> None:
        """Say that a token is there, before the next link."""

    def wants_fresh_link(self, error: KitError) -> bool:
        """Say what went wrong, and ask whether to go on with a fresh link."""

    def fresh_link_follows(self, error: KitError) -> None:
        """Say what went wrong, and that a fresh link follows."""


@dataclass
class Granted:
    """What came of the grants, in order. ``waiting`` is how many links were shown and still wait."""

    outcomes: list[TokenOutcome] = field(default_factory=list)
    interrupted: bool = False
    waiting: int = 0


def grant_all(login: Login, requests: Sequence[ScopeRequest], person: Person) -> Granted:
    """One grant after another. One that is refused for its own reasons stops no other. Raises KitError where the
    tokens file cannot be locked or written, before anybody is sent to a browser."""
    done = Granted()
    if not requests:
        return done
    prove_place(login)
    for number, request in enumerate(requests, start=1):
        shown: list[Link] = []
        try:
            outcome = _grant(login, request, person, number=number, count=len(requests), shown=shown)
        except KeyboardInterrupt:
            done.interrupted, done.waiting = True, len(shown[-1:])
            break
        except KitError as error:
            outcome = failed(request, error)
        done.outcomes.append(outcome)
        person.granted(outcome)
        if login.interrupted:
            done.interrupted = True
            break
        if outcome.error is not None and concerns_all(outcome.error) and not outcome.key:
            break
    done.outcomes += [not_begun(request) for request in requests[len(done.outcomes) :]]
    return done


def _grant(
    login: Login, request: ScopeRequest, person: Person, *, number: int, count: int, shown: list[Link]
) -> TokenOutcome:
    fresh_links = 0
    while True:
        link = begin(login, request)
        shown.append(link)
        callback = _ask(login, link, person, number=number, count=count, fresh=fresh_links > 0)
        outcome = redeem(login, callback) if isinstance(callback, Callback) else failed(request, callback)
        error = outcome.error
        if error is None or login.interrupted or fresh_links >= FRESH_LINKS:
            return outcome
        if error.id in ("LGN011", "LGN026"):
            if not person.wants_fresh_link(error):
                return outcome
        elif is_dead_code(error):
            person.fresh_link_follows(error)
        else:
            return outcome
        fresh_links += 1


def _ask(
    login: Login, link: Link, person: Person, *, number: int, count: int, fresh: bool
) -> Callback | KitError:
    """Until a paste holds this link's code, or an error of the server's."""
    text = person.paste(link, number=number, count=count, fresh=fresh)
    earlier = ""
    for attempt in range(1, PASTES + 1):
        found = read_for(login, link, text)
        if not isinstance(found, Callback) and earlier:
            joined = read_for(login, link, f"{earlier}\n{text}")
            found = joined if isinstance(joined, Callback) else found
        if isinstance(found, Callback | KitError):
            return found
        error = _fault_error(login, link, found)
        if found.kind in ("denied", "scope", "error") or attempt == PASTES:
            return error
        if found.kind == "authorize-link" and (refused := _client_refused(login, link)) is not None:
            return refused
        earlier = f"{earlier}\n{text}"[-LONGEST:] if found.kind in _UNFINISHED else ""
        text = person.paste_again(error, hint(found))
    raise AssertionError("the last attempt returns")


def _fault_error(login: Login, link: Link, fault: PasteFault) -> KitError:
    known = ways(login.setup.place, link.request, terminal=True)
    return paste_error(fault, domain=login.setup.domain, scope=link.request.scope, ways=known)


def _client_refused(login: Login, link: Link) -> KitError | None:
    """Whoever pastes the link back may have met the server's error page: does it know this client at all?"""
    probe = login.majora.probe_client(seconds=10.0)
    login.learn(probe.skew)
    if probe.kind != "unknown":
        return None
    known = ways(login.setup.place, link.request, terminal=True)
    return client_refused_error(Refused("invalid_client"), domain=login.setup.domain, ways=known)
