"""The authorization code grant: the link with state and PKCE, and the pending login that is on disk before it is shown.

RFC 6749 (4.1), RFC 7636, FACTS.md. One private file a login in ``pending/`` of the state folder, named by a hash of its
state: a state comes back in a pasted URL, so it never is a file name itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import NamedTuple

from ocarina_kit.config.location import Setup
from ocarina_kit.config.url import endpoint
from ocarina_kit.system.files import (
    make_private_folder,
    matching,
    read_file,
    write_private,
)
from ocarina_kit.system.machine import Machine
from ocarina_kit.system.problem import KitError
from ocarina_kit.system.secret import Secret

# Seconds until a pending login is forgotten.
LIFETIME_S = 3600.0
# Seconds by which the clock may have been set back since, or may differ between hosts that share a home.
_CLOCK_SLIP_S = 300.0


class Pending(NamedTuple):
    """A login whose link was shown. ``owner``: the set-up's domain, resolved configuration ("" for ``--env``) and
    profile. ``created`` is in epoch seconds; so is ``sent``, when its code went to the server, 0 if it has not; after
    that ``verifier`` is blank.

    The client id and secret are not kept: they are read from the set-up again.
    """

    state: str
    verifier: Secret
    scope: str
    owner: list[str | None]
    created: float
    sent: float = 0.0

    def belongs_to(self, setup: Setup) -> bool:
        """Whether it began with this set-up: a code is sent only to the server that its link led to."""
        return self.owner == _owner(setup)


def _owner(setup: Setup) -> list[str | None]:
    config = "" if setup.location.from_env else os.path.realpath(setup.location.config)
    return [setup.domain, config, setup.location.profile]


def new_pending(machine: Machine, setup: Setup, scope: str) -> tuple[Pending, str]:
    """A new login for ``scope`` (names with blanks between), and its link. Save it before the link is shown.

    ``approval_prompt=auto``: if a valid token of this client covers the scopes already, the browser asks nothing.
    """
    import secrets

    from oauthlib.oauth2 import WebApplicationClient
    from requests_oauthlib import OAuth2Session

    verifier = secrets.token_urlsafe(64)
    state = secrets.token_urlsafe(32)
    page = endpoint(setup.domain, "authorize")
    client = WebApplicationClient(setup.client_id)
    challenge = client.create_code_challenge(verifier, "S256")
    with OAuth2Session(
        client=client, redirect_uri=endpoint(setup.domain, "callback"), scope=scope
    ) as session:
        more = {
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "approval_prompt": "auto",
        }
        # It takes no http://, which loopback hosts have; only the query is used.
        url, _ = session.authorization_url(
            page.replace("http:", "https:", 1), state=state, **more
        )
    pending = Pending(state, Secret(verifier), scope, _owner(setup), machine.now())
    return pending, f"{page}?{url.partition('?')[2]}"


def save_pending(machine: Machine, pending: Pending) -> None:
    """Keep a login, and forget expired ones. Raises KitError; its link must not be shown then."""
    make_private_folder(machine.state)
    make_private_folder(_folder(machine))
    for path in _folder(machine).glob("*.json"):
        if _read(machine, path) is None:
            with contextlib.suppress(OSError):
                path.unlink()
    _write(_path(machine, pending.state), pending)


def last_logins(machine: Machine) -> list[Pending]:
    """The logins of the last hour, oldest first: those that wait, and those whose code was sent. Never raises."""
    found = [
        _read(machine, Path(path)) for path in matching(_folder(machine), "*.json")
    ]
    return sorted(
        (each for each in found if each is not None), key=lambda each: each.created
    )


def use_pending(machine: Machine, pending: Pending) -> None:
    """Note that a login's code was sent: it only tells a second paste of the same callback now. Never raises."""
    with contextlib.suppress(KitError):
        _write(
            _path(machine, pending.state),
            pending._replace(verifier=Secret(""), sent=machine.now()),
        )


def _folder(machine: Machine) -> Path:
    return machine.state / "pending"


def _path(machine: Machine, state: str) -> Path:
    name = hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return _folder(machine) / f"{name}.json"


def _write(path: Path, pending: Pending) -> None:
    write_private(
        path,
        json.dumps(
            {**pending._asdict(), "verifier": pending.verifier.reveal()}
        ).encode(),
    )


def _read(machine: Machine, path: Path) -> Pending | None:
    """The login in a file; None if it is too old, from the future (the clock was set back), or not one of the kit's."""
    try:
        value = json.loads(read_file(path, cap=1 << 16).content or b"")
        pending = Pending(**{**value, "verifier": Secret(value["verifier"])})
        age = machine.now() - (pending.sent or pending.created)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return pending if -_CLOCK_SLIP_S <= age < LIFETIME_S else None
