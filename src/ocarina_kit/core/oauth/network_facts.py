"""What the server and the way to it showed: facts for SRV, CRD and API, gathered by edges/look/gather_network.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ocarina_kit.core.oauth.network import Reach
from ocarina_kit.core.oauth.server_words import ClientProbe, Identity, TokenProbe


@dataclass(frozen=True)
class NetworkFacts:
    """The way to MAJORA_DOMAIN, and who answers there. None: not asked, since there is no address to ask at."""

    domain: str
    """The base URL that was asked, mended in memory."""
    reach: Reach | None = None
    identity: Identity | None = None
    identity_ms: int = 0

    @property
    def skew(self) -> float | None:
        """Seconds by which the server's clock is ahead of this machine's; a ``Date`` has a resolution of 1 s."""
        return self.identity.skew if self.identity is not None else None

    @property
    def milliseconds(self) -> Mapping[str, int]:
        """What each step took, by the id of the check that judges it."""
        steps = {} if self.reach is None else dict(zip(_STEPS, _ms(self.reach), strict=True))
        return {id: ms for id, ms in steps.items() if ms is not None} | {"SRV004": self.identity_ms}


_STEPS = ("SRV001", "SRV002", "SRV003")


def _ms(reach: Reach) -> tuple[int | None, ...]:
    return tuple(None if step is None else step.ms for step in (reach.dns, reach.tcp, reach.tls))


@dataclass(frozen=True)
class CredentialFacts:
    """The server's word on the client id and secret; None where there is nothing that could be asked about."""

    probe: ClientProbe | None = None
    ms: int = 0


@dataclass(frozen=True)
class ApiFacts:
    """The server's word on access tokens, by the key under which each stands; or on a legacy key.

    Asked about are the tokens that are not expired. A refresh token is never sent. ``version`` is the client's that
    the query carried, None where none was known.
    """

    tokens: Mapping[str, TokenProbe] = field(default_factory=dict)
    legacy: TokenProbe | None = None
    version: str | None = None
    ms: int = 0

    @property
    def client_verdict(self) -> TokenProbe | None:
        """The answer in which the server judged the client's version (ENV004); None where it came to that nowhere."""
        answers = [*self.tokens.values(), *([self.legacy] if self.legacy is not None else [])]
        return next((answer for answer in answers if answer.client_ok is not None), None)
