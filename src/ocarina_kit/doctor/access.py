"""What the server is asked about tokens and keys: side by side, and no other server's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ocarina_kit.doctor.check import Late

if TYPE_CHECKING:
    from ocarina_kit.client.find import Version
    from ocarina_kit.doctor.world import World
    from ocarina_kit.majora.api import Probe
    from ocarina_kit.tokens.file import Token


def ask(world: World) -> Mapping[str, Probe]:
    """The server's answer about each valid access token, by its key; about a legacy key under "".

    A token that `tokens.store.guard` holds back is not sent: its probe is of the kind ``other-server``. A refresh token
    is never sent. Each query carries the version of the installed client, if that is known in time (ENV004).
    """
    from ocarina_kit.client.find import version_text
    from ocarina_kit.majora.api import Probe
    from ocarina_kit.tokens.parallel import MOST, side_by_side
    from ocarina_kit.tokens.store import guard

    majora, setup = world.majora, world.setup
    if majora is None:
        return {}
    version = version_text(version_of(world)) or None
    if setup.legacy_key is not None:
        return {"": majora.probe_key(setup.legacy_key, setup.user, version, world.left())}
    refusal = guard(world.machine, setup)

    def probe(token: Token) -> Probe:
        if token.access_token is None or refusal(token) is not None:
            return Probe("other-server", "")
        return majora.probe_token(token.access_token, setup.user, version, world.left())

    now = world.tokens.now
    valid = [token for token in world.tokens.file.tokens if token.access_token and token.expiry(now) > now]
    asked = valid[:MOST]
    answers = {token.key: answer for batch in side_by_side(asked, probe) for token, answer in batch}
    return {token.key: answers[token.key] for token in asked}


def version_of(world: World) -> Version | None:
    """The version of the client that a person runs here; None if none works, or it is not known in time."""
    try:
        typed = world.clients.typed
    except Late:
        return None
    return typed.version if typed is not None and typed.works else None
