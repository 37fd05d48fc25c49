"""The authorization code grant: the link, and the pending login (RFC 6749, 4.1; RFC 7636).

A pending login is on the disk before its link is shown: one private file for each in
``pending/`` of the state folder. It is named by a hash of its state, because a state
comes back in a pasted URL and so must never be a file name itself.
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

LIFETIME_S = 3600.0
"""Seconds until a pending login is forgotten."""
# Seconds by which the clock may have been set back since, or by which the clocks of two
# hosts that share a home may differ.
_CLOCK_SLIP_S = 300.0
_LONGEST_FILE = 1 << 16


class Pending(NamedTuple):
    """A login whose link was shown.

    The client id and secret are not kept: they are read from the set-up again.
    """

    state: str
    verifier: Secret  # blank once the code was sent
    scope: str
    owner: list[str | None]
    """The set-up's domain, its resolved configuration ("" for ``--env``), its profile."""
    created: float  # epoch seconds
    sent: float = 0.0
    """When its code went to the server, in epoch seconds; 0 if it has not."""

    def belongs_to(self, setup: Setup) -> bool:
        """Whether it began with this set-up.

        A code is sent only to the server that its link led to.
        """
        return self.owner == _owner(setup)


def _owner(setup: Setup) -> list[str | None]:
    config = "" if setup.location.from_env else os.path.realpath(setup.location.config)
    return [setup.domain, config, setup.location.profile]


def new_pending(machine: Machine, setup: Setup, scope: str) -> tuple[Pending, str]:
    """Make a new login and its link. Save the login before the link is shown.

    With ``approval_prompt=auto`` the browser asks nothing if a valid token of this
    client covers the scopes already.

    Args:
        machine: Its clock dates the login.
        setup: Whose login it is.
        scope: Names with blanks between them.
    """
    import secrets

    from oauthlib.oauth2 import WebApplicationClient
    from requests_oauthlib import OAuth2Session

    verifier = secrets.token_urlsafe(64)
    state = secrets.token_urlsafe(32)
    page = endpoint(setup.domain, "authorize")
    client = WebApplicationClient(setup.client_id)
    challenge = client.create_code_challenge(verifier, "S256")
    callback = endpoint(setup.domain, "callback")
    with OAuth2Session(client=client, redirect_uri=callback, scope=scope) as session:
        # It takes no http://, which loopback hosts have; only the query is used.
        url, _ = session.authorization_url(
            page.replace("http:", "https:", 1),
            state=state,
            code_challenge=challenge,
            code_challenge_method="S256",
            approval_prompt="auto",
        )
    pending = Pending(state, Secret(verifier), scope, _owner(setup), machine.now())
    _, _, query = url.partition("?")
    return pending, f"{page}?{query}"


def save_pending(machine: Machine, pending: Pending) -> None:
    """Keep a login, and forget expired ones.

    Raises:
        KitError: It cannot be written; its link must not be shown then.
    """
    make_private_folder(machine.state)
    make_private_folder(_folder(machine))
    for path in _folder(machine).glob("*.json"):
        if _read(machine, path) is None:
            with contextlib.suppress(OSError):
                path.unlink()
    _write(_path(machine, pending.state), pending)


def last_logins(machine: Machine) -> list[Pending]:
    """List the logins of the last hour, oldest first. Never raises.

    They are those that wait, and those whose code was sent.
    """
    logins = []
    for path in matching(_folder(machine), "*.json"):
        pending = _read(machine, Path(path))
        if pending is not None:
            logins.append(pending)
    return sorted(logins, key=lambda pending: pending.created)


def use_pending(machine: Machine, pending: Pending) -> None:
    """Note that the code of a login was sent. Never raises.

    From then on it only tells a second paste of the same callback.
    """
    used = pending._replace(verifier=Secret(""), sent=machine.now())
    with contextlib.suppress(KitError):
        _write(_path(machine, pending.state), used)


def _folder(machine: Machine) -> Path:
    return machine.state / "pending"


def _path(machine: Machine, state: str) -> Path:
    name = hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return _folder(machine) / f"{name}.json"


def _write(path: Path, pending: Pending) -> None:
    value = {**pending._asdict(), "verifier": pending.verifier.reveal()}
    write_private(path, json.dumps(value).encode())


def _read(machine: Machine, path: Path) -> Pending | None:
    """Read the login in a file.

    None if it is too old, from the future (the clock was set back), or not one of the
    kit's.
    """
    content = read_file(path, cap=_LONGEST_FILE).content
    try:
        value = json.loads(content or b"")
        value["verifier"] = Secret(value["verifier"])
        pending = Pending(**value)
        age = machine.now() - (pending.sent or pending.created)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return pending if -_CLOCK_SLIP_S <= age < LIFETIME_S else None
