"""What became of each token at a login, and of all of them together. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from ocarina_kit.core.client.scopes import ScopeRequest
from ocarina_kit.core.errors import Exit, KitError, worst
from ocarina_kit.core.oauth.server_words import TokenProbe


class LoginResult(str, Enum):
    """What became of one token; the value is the word of ``login --json``."""

    VALID = "valid"
    """It lives; nothing was done."""
    REFRESHED = "refreshed"
    """It had expired, and was refreshed with no browser."""
    LOGGED_IN = "logged-in"
    NARROWED = "narrowed"
    """Granted, but with other scopes than asked for, so that ocarina does not find it for these purposes."""
    LINK = "link"
    """A link was printed; its callback is waited for (``--print-url``)."""
    NEEDED = "needed"
    """A person must log in in a browser, and nobody could be asked."""
    FAILED = "failed"
    NOT_BEGUN = "not-begun"
    """The run ended before this one's turn."""

    @property
    def usable(self) -> bool:
        """Whether there is a token now that ocarina finds for these purposes."""
        return self in (LoginResult.VALID, LoginResult.REFRESHED, LoginResult.LOGGED_IN)


@dataclass(frozen=True)
class TokenOutcome:
    """One scope string. ``key`` is where the token stands in the file; ``expires_at`` is in epoch seconds by this
    machine's clock; ``url`` is the link that was printed. ``verdict`` is what the server said to the token, None where
    it was not asked."""

    request: ScopeRequest
    result: LoginResult
    key: str = ""
    expires_at: float | None = None
    error: KitError | None = None
    url: str = ""
    note: str = ""
    verdict: TokenProbe | None = None

    @property
    def exit(self) -> Exit:
        return Exit.OK if self.error is None else self.error.exit


@dataclass(frozen=True)
class LoginReport:
    """A login. ``outcomes`` stand in the order in which they were asked for."""

    outcomes: tuple[TokenOutcome, ...] = ()
    skew: float | None = None
    """Seconds by which the server's clock is ahead of this one, where an answer told."""

    @property
    def exit(self) -> Exit:
        return worst(outcome.exit for outcome in self.outcomes)

    @property
    def error(self) -> KitError | None:
        """The error of the worst failure, the first of these."""
        exit = self.exit
        if exit is Exit.OK:
            return None
        return next(outcome.error for outcome in self.outcomes if outcome.exit is exit)

    @property
    def usable(self) -> tuple[TokenOutcome, ...]:
        return tuple(outcome for outcome in self.outcomes if outcome.result.usable)

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(outcome.url for outcome in self.outcomes if outcome.url)


def titles(request: ScopeRequest) -> str:
    """What a grant is for, for people: ``look up samples``, else its scope string."""
    names = [purpose.title for purpose in request.purposes]
    if not names:
        return request.scope
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def count_links(requests: Sequence[ScopeRequest]) -> str:
    """``One link follows.``, ``3 links follow, one after another.``"""
    number = len(requests)
    return "One link follows." if number == 1 else f"{number} links follow, one after another."
