"""What became of each token in a logout. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ocarina_kit.core.errors import Exit, KitError, Remedy, worst
from ocarina_kit.core.oauth.oauth_errors import Ways, client_refused_error, unusable_error
from ocarina_kit.core.oauth.server_words import Revocation
from ocarina_kit.core.setup import Place
from ocarina_kit.core.tokens.refresh_report import count


class LogoutResult(str, Enum):
    """The value is the word of ``logout --json``."""

    REVOKED = "revoked"
    """At the server, and forgotten here."""
    FORGOTTEN = "forgotten"
    """Here alone (``--local``, or there was nothing in it to revoke)."""
    KEPT = "kept"
    """The server did not confirm, so it stays."""
    WOULD_REVOKE = "would-revoke"
    WOULD_FORGET = "would-forget"
    NO_TOKEN = "no-token"  # noqa: S105  # a name, not a secret


@dataclass(frozen=True)
class LogoutToken:
    scope: str
    result: LogoutResult
    error: KitError | None = None


@dataclass(frozen=True)
class LogoutReport:
    tokens: tuple[LogoutToken, ...]
    notes: tuple[str, ...] = ()

    @property
    def exit(self) -> Exit:
        return worst(token.error.exit for token in self.tokens if token.error is not None)

    @property
    def errors(self) -> tuple[KitError, ...]:
        """Each thing that went wrong once, the worst first."""
        found: dict[tuple[str, str], KitError] = {}
        for token in self.tokens:
            if token.error is not None:
                found.setdefault((token.error.id, token.error.what), token.error)
        return tuple(sorted(found.values(), key=lambda error: error.exit is not self.exit))

    @property
    def error(self) -> KitError | None:
        """The worst one, and how many tokens are kept."""
        errors = self.errors
        if not errors:
            return None
        kept = sum(token.result is LogoutResult.KEPT for token in self.tokens)
        first = errors[0]
        return KitError(
            f"{first.what} {count(kept, 'token')} kept.",
            id=first.id,
            why=first.why,
            remedy=first.remedy,
            exit=first.exit,
        )


def not_revoked(answer: Revocation, *, domain: str, place: Place) -> KitError:
    """Why the server did not confirm, and what to do. Exit 5, but for a client that it does not know (1)."""
    ways = Ways(init=place.command("init"), doctor=place.command("doctor"))
    if answer.refused is not None and answer.refused.cause == "client":
        return client_refused_error(answer.refused, domain=domain, ways=ways)
    if answer.unusable is not None:
        error = unusable_error(answer.unusable, domain=domain, ways=ways)
        id, what, exit = error.id, error.what, error.exit
    else:
        id, what, exit = "LGO001", f"The server did not revoke the token: {answer.detail}.", Exit.UNKNOWN
    return KitError(
        what,
        id=id,
        why="What the server did not confirm is kept here: it may still be good, and is then still yours to revoke.",
        remedy=Remedy(
            "Try again later; or forget it here all the same, which leaves it good at the server:",
            (place.command("logout"), place.command("logout", "--local")),
        ),
        exit=exit,
    )
